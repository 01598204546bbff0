/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Header blocks of an envelope: known ones into struct soap_headers, unknown ones skipped unless they must be
 * understood. wsa:FaultTo and wsmc:MessagePending are understood and ignored.  A ReplyTo that is the anonymous or the
 * "none" address counts as absent.  wsse:Security is not understood: who a sender is, its TLS certificate says. */
#include <errno.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/es/soap_int.h"
#include "common/es/xml_int.h"

enum header {
	HDR_FROM,
	HDR_TO,
	HDR_REPLY_TO,
	HDR_FAULT_TO,
	HDR_ACTION,
	HDR_MESSAGE_ID,
	HDR_RELATES_TO,
	HDR_COUNT
};

static const struct {
	const char *name;
	bool endpoint; /* the text is in wsa:Address */
} headers[] = {
	[HDR_FROM] = {"From", true},
	[HDR_TO] = {"To", false},
	[HDR_REPLY_TO] = {"ReplyTo", true},
	[HDR_FAULT_TO] = {"FaultTo", true},
	[HDR_ACTION] = {"Action", false},
	[HDR_MESSAGE_ID] = {"MessageID", false},
	[HDR_RELATES_TO] = {"RelatesTo", false},
};
_Static_assert(ARRAY_SIZE(headers) == HDR_COUNT, "one row for each header");

struct found {
	const xmlNode *block[HDR_COUNT];
};

/* Is the block for us, and does its sender insist? */
static bool must_understand(const void *ctx, const xmlNode *block)
{
	static const char next[] = XML_NS_SOAP "/role/next", last[] = XML_NS_SOAP "/role/ultimateReceiver";
	bool must = false, ours = true;

	for (const xmlAttr *a = block->properties; a; a = a->next) {
		const char *text;

		if (!a->ns || strcmp((const char *)a->ns->href, XML_NS_SOAP))
			continue;
		text = xml_token(ctx, (const xmlNode *)a);
		if (!strcmp((const char *)a->name, "mustUnderstand"))
			must = !strcmp(text, "1") || !strcmp(text, "true");
		if (!strcmp((const char *)a->name, "role"))
			ours = !*text || !strcmp(text, next) || !strcmp(text, last);
	}
	return must && ours;
}

static int header_index(const xmlNode *block)
{
	for (unsigned i = 0; i < HDR_COUNT; i++)
		if (xml_is(block, XML_NS_WSA, headers[i].name))
			return (int)i;
	return -ENOENT;
}

static struct soap_fault *invalid_header(const void *ctx, enum header h, const char *why)
{
	char *qname = talloc_asprintf(ctx, "wsa:%s", headers[h].name);
	struct soap_fault *f =
		soap_fault_alloc(ctx, SOAP_FAULT_SENDER, SOAP_SUB_INVALID_HEADER, qname, "%s %s", qname, why);

	talloc_free(qname);
	return f;
}

static struct soap_fault *take_block(const void *ctx, const xmlNode *block, struct found *found)
{
	int i = header_index(block);

	if (i >= 0) {
		if (found->block[i])
			return invalid_header(ctx, (enum header)i, "stands twice");
		found->block[i] = block;
	} else if (!xml_is(block, XML_NS_WSMC, "MessagePending") && must_understand(ctx, block)) {
		return soap_fault_alloc(ctx, SOAP_FAULT_MUST_UNDERSTAND, SOAP_SUB_NONE, NULL,
					"a header block that must be understood is not");
	}
	return NULL;
}

/* All blocks, also behind a bad one: MessageID may come last.  \returns the first fault */
static struct soap_fault *collect(const void *ctx, const xmlNode *header, struct found *found)
{
	struct soap_fault *first = NULL;

	for (const xmlNode *b = header ? xml_first(header) : NULL; b; b = xml_next(b)) {
		struct soap_fault *f = take_block(ctx, b, found);

		if (first)
			talloc_free(f);
		else
			first = f;
	}
	return first;
}

/* Text of a header; NULL when it is absent. */
static const char *header_text(const void *ctx, const struct found *found, enum header h)
{
	const xmlNode *n = found->block[h];

	if (n && headers[h].endpoint)
		n = xml_child(n, XML_NS_WSA, "Address");
	if (!n)
		return found->block[h] ? "" : NULL;
	return xml_token(ctx, n);
}

static struct soap_fault *read_addr(const void *ctx, const struct found *found, enum header h, struct soap_addr *addr)
{
	const char *text = header_text(ctx, found, h);

	return text && soap_addr_dec(ctx, text, addr) < 0 ? invalid_header(ctx, h, "is not a usable address") : NULL;
}

static struct soap_fault *read_id(const void *ctx, const struct found *found, enum header h, struct soap_msg_id *id)
{
	const char *text = header_text(ctx, found, h);

	return text && soap_msg_id_dec(ctx, text, id) < 0 ? invalid_header(ctx, h, "is not usable") : NULL;
}

static void forget_anonymous(struct soap_addr *addr)
{
	if (addr->base && (!strcmp(addr->base, XML_NS_WSA "/anonymous") || !strcmp(addr->base, XML_NS_WSA "/none")))
		*addr = (struct soap_addr){};
}

struct soap_fault *soap_headers_read(const void *ctx, const xmlNode *header, struct soap_headers *hdr)
{
	struct found found = {};
	struct soap_fault *f = collect(ctx, header, &found);
	struct soap_fault *g;

	/* MessageID first, also after a fault: the answer should say what it answers. */
	g = read_id(ctx, &found, HDR_MESSAGE_ID, &hdr->id);
	f = f ? f : g;
	f = f ? f : read_id(ctx, &found, HDR_RELATES_TO, &hdr->relates_to);
	f = f ? f : read_addr(ctx, &found, HDR_FROM, &hdr->from);
	f = f ? f : read_addr(ctx, &found, HDR_TO, &hdr->to);
	f = f ? f : read_addr(ctx, &found, HDR_REPLY_TO, &hdr->reply_to);
	if (f)
		return f;
	forget_anonymous(&hdr->reply_to);
	hdr->action = header_text(ctx, &found, HDR_ACTION);
	return NULL;
}

struct soap_fault *soap_headers_required(const void *ctx, const struct soap_headers *hdr, enum es_dir dir)
{
	const struct {
		const char *value, *qname;
		bool in_answer;
	} required[] = {
		{hdr->from.uri, "wsa:From", false},
		{hdr->to.uri, "wsa:To", true},
		{hdr->action, "wsa:Action", true},
		{hdr->id.raw, "wsa:MessageID", true},
	};

	for (size_t i = 0; i < ARRAY_SIZE(required) && dir != ES_DIR_FAULT; i++)
		if (!required[i].value && (dir != ES_DIR_RESPONSE || required[i].in_answer))
			return soap_fault_alloc(ctx, SOAP_FAULT_SENDER, SOAP_SUB_HEADER_REQUIRED, required[i].qname,
						"%s is missing", required[i].qname);
	return NULL;
}
