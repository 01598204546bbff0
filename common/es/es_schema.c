/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The schemas and WSDLs that are linked in, by file name: for our own validation and for ?wsdl and ?xsd. */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include <osmocom/core/utils.h>

#include "common/app/embed.h"
#include "common/es/es_codec.h"
#include "common/es/xml_write.h"

/* What stands in the addresses of our WSDLs. */
#define PLACEHOLDER "https://host.example.net/esim-messaging/3"

EMBED_DECLARE(schemas_esim_messaging_3_xsd);
EMBED_DECLARE(schemas_xmldsig_min_xsd);
EMBED_DECLARE(schemas_wsmc_min_xsd);
EMBED_DECLARE(schemas_es1_wsdl);
EMBED_DECLARE(schemas_es2_wsdl);
EMBED_DECLARE(schemas_es3_wsdl);
EMBED_DECLARE(schemas_es4_wsdl);

static struct bytes embedded(const uint8_t *start, const uint8_t *end)
{
	return bytes_of(start, (size_t)(end - start));
}

#define FILE_ROW(name_, symbol_)                                                          \
	{                                                                                 \
		name_, _binary_schemas_##symbol_##_start, _binary_schemas_##symbol_##_end \
	}

int es_schema_file(const char *name, struct bytes *file, const char **content_type)
{
	static const struct {
		const char *name;
		const uint8_t *start, *end;
	} files[] = {
		FILE_ROW("esim-messaging-3.xsd", esim_messaging_3_xsd),
		FILE_ROW("xmldsig-min.xsd", xmldsig_min_xsd),
		FILE_ROW("wsmc-min.xsd", wsmc_min_xsd),
		FILE_ROW("es1.wsdl", es1_wsdl),
		FILE_ROW("es2.wsdl", es2_wsdl),
		FILE_ROW("es3.wsdl", es3_wsdl),
		FILE_ROW("es4.wsdl", es4_wsdl),
	};

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		if (strcmp(files[i].name, name))
			continue;
		*file = embedded(files[i].start, files[i].end);
		if (content_type)
			*content_type = "text/xml; charset=utf-8";
		return 0;
	}
	return -ENOENT;
}

int es_schema_render(const void *ctx, const char *name, const char *base, struct bytes *file)
{
	struct bytes left;
	const uint8_t *at;
	struct wr w;

	if (es_schema_file(name, &left, NULL) < 0)
		return -ENOENT;
	wr_init(&w, ctx);
	while ((at = memmem(left.data, left.len, PLACEHOLDER, strlen(PLACEHOLDER)))) {
		size_t before = (size_t)(at - left.data), skip = before + strlen(PLACEHOLDER);

		wr_bytes(&w, bytes_sub(left, 0, before));
		xw_text(&w, base);
		left = bytes_sub(left, skip, left.len - skip);
	}
	wr_bytes(&w, left);
	return wr_end(&w, file) < 0 ? -EINVAL : 0;
}

const char *es_schema_of_service(const char *service, const char *query)
{
	static const struct {
		const char *service, *wsdl;
	} services[] = {
		{"ES1SmSrService", "es1.wsdl"}, {"ES2SmDpService", "es2.wsdl"}, {"ES2MnoService", "es2.wsdl"},
		{"ES3SmSrService", "es3.wsdl"}, {"ES3SmDpService", "es3.wsdl"}, {"ES4SmSrService", "es4.wsdl"},
		{"ES4MnoService", "es4.wsdl"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(services); i++) {
		if (strcmp(services[i].service, service))
			continue;
		if (!strcasecmp(query, "wsdl"))
			return services[i].wsdl;
		return strcasecmp(query, "xsd") ? NULL : "esim-messaging-3.xsd";
	}
	return NULL;
}
