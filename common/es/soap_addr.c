/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Addresses and message ids of WS-Addressing.  Live systems put '?' where '&' belongs and write "TransactionId" for
 * "TransactionID"; "//OID/urn:uuid:..." is no URI that a strict library would take, so these are opaque texts with a
 * query part.  Nothing with a control character gets through, raw or escaped: the values go to logs. */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/crypto/rnd.h"
#include "common/es/soap.h"

#define ADDRESS_MAX 2048
#define OID_MAX 128

bool soap_oid_ok(const char *text)
{
	size_t digits = 0;

	if (strlen(text) > OID_MAX)
		return false;
	for (const char *p = text; *p; p++) {
		if (*p >= '0' && *p <= '9')
			digits++;
		else if (*p == '.' && digits)
			digits = 0;
		else
			return false;
	}
	return digits > 0;
}

static bool printable(const char *text)
{
	for (const unsigned char *p = (const unsigned char *)text; *p; p++)
		if (*p < 0x20 || *p == 0x7f)
			return false;
	return true;
}

static int percent_dec(const void *ctx, struct bytes in, const char **out)
{
	char *text = talloc_size(ctx, in.len + 1), *w = text;
	struct rd r;

	rd_init(&r, in);
	while (rd_left(&r)) {
		uint8_t c = rd_u8(&r);

		if (c == '%') {
			struct bytes hex = rd_bytes(&r, 2);
			char *digits = talloc_strndup(ctx, (const char *)hex.data, hex.len);
			int rc = hex_dec_buf(&c, 1, digits ? digits : "");

			talloc_free(digits);
			if (rc < 0)
				return -EINVAL;
		}
		*w++ = (char)c;
	}
	*w = 0;
	if (strlen(text) != (size_t)(w - text) || !printable(text))
		return -EINVAL;
	*out = text;
	return 0;
}

struct param {
	const char *name;
	const char **out;
};

/* "name=value" into the slot of that name; unknown names are skipped, the first of two equal names counts. */
static int take_param(const void *ctx, struct bytes part, const struct param *params, size_t n_params)
{
	const uint8_t *eq = memchr(part.data, '=', part.len);
	size_t len = eq ? (size_t)(eq - part.data) : part.len;

	for (size_t i = 0; eq && i < n_params; i++) {
		if (strlen(params[i].name) != len || strncasecmp(params[i].name, (const char *)part.data, len))
			continue;
		if (*params[i].out)
			return 0;
		return percent_dec(ctx, bytes_sub(part, len + 1, part.len - len - 1), params[i].out);
	}
	return 0;
}

/* Cut at the first '?'; hand the rest, part for part, to take_param(). */
static int split(const void *ctx, const char *text, const char **raw, const char **base, const struct param *params,
		 size_t n_params)
{
	size_t at = strcspn(text, "?");
	const char *p = text + at;

	if (!*text || strlen(text) > ADDRESS_MAX || !printable(text))
		return -EINVAL;
	while (*p) {
		size_t len = strcspn(++p, "?&");

		if (take_param(ctx, bytes_of(p, len), params, n_params) < 0)
			return -EINVAL;
		p += len;
	}
	*raw = talloc_strdup(ctx, text);
	*base = talloc_strndup(ctx, text, at);
	return 0;
}

int soap_addr_dec(const void *ctx, const char *uri, struct soap_addr *addr)
{
	struct soap_addr a = {};
	const struct param params[] = {
		{"EntityId", &a.entity_id}, {"EntityName", &a.entity_name}, {"UserName", &a.user_name}};

	if (split(ctx, uri, &a.uri, &a.base, params, ARRAY_SIZE(params)) < 0)
		return -EINVAL;
	if (a.entity_id && !soap_oid_ok(a.entity_id))
		return -EINVAL;
	*addr = a;
	return 0;
}

int soap_msg_id_dec(const void *ctx, const char *raw, struct soap_msg_id *id)
{
	struct soap_msg_id m = {};
	const struct param params[] = {
		{"TransactionID", &m.transaction_id}, {"ContextID", &m.context_id}, {"MessageDate", &m.date}};

	if (split(ctx, raw, &m.raw, &m.base, params, ARRAY_SIZE(params)) < 0)
		return -EINVAL;
	*id = m;
	return 0;
}

/* Escape all but the unreserved characters (RFC 3986 §2.3) and ':', which is legal in a query and usual here. */
static char *percent_enc_append(char *text, const char *value)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~:";

	while (*value) {
		size_t n = strspn(value, plain);
		char hex[3];

		text = talloc_strndup_append_buffer(text, value, n);
		value += n;
		if (!*value)
			break;
		OSMO_ASSERT(hex_enc_buf(hex, sizeof(hex), bytes_of(value, 1)) == 0);
		text = talloc_asprintf_append_buffer(text, "%%%s", hex);
		value++;
	}
	return text;
}

static char *param_append(char *text, const char *name, const char *value)
{
	if (!value)
		return text;
	text = talloc_asprintf_append_buffer(text, "%c%s=", strchr(text, '?') ? '&' : '?', name);
	return percent_enc_append(text, value);
}

char *soap_endpoint(const void *ctx, const char *uri, const char *oid)
{
	return param_append(talloc_strdup(ctx, uri), "EntityId", oid);
}

char *soap_from(const void *ctx, const struct soap_self *self)
{
	return param_append(soap_endpoint(ctx, self->uri, self->oid), "EntityName", self->name);
}

char *soap_message_id(const void *ctx, const char *oid, const char *transaction_id, const char *context_id,
		      int64_t stamp_ms)
{
	char *uuid = rnd_uuid(ctx);
	char *date = es_time_enc(ctx, stamp_ms);
	char *id = talloc_asprintf(ctx, "//%s/urn:uuid:%s", oid, uuid);

	id = param_append(id, "TransactionID", transaction_id);
	id = param_append(id, "ContextID", context_id);
	id = param_append(id, "MessageDate", date);
	talloc_free(uuid);
	talloc_free(date);
	return id;
}

char *soap_content_type(const void *ctx, const char *action)
{
	return talloc_asprintf(ctx, SOAP_CONTENT_TYPE "; action=\"%s\"", action);
}
