/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Octets to message: content type, parser with its limits, envelope, headers, function by the name of the body, schema,
 * struct.  SGP.02 Annex B, SOAP 1.2 Part 1, WS-Addressing 1.0.
 *
 * A request whose function is known but whose body is not valid is a message without body and with the outcome to
 * answer (the specification leaves open whether that is a fault); a bad response or notification is a fault. */
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/crypto/crypto.h"
#include "common/es/es_tables.h"
#include "common/es/soap_int.h"
#include "common/es/xml_int.h"

#define CALL_ID_MAX 255 /* as in the schema */

struct rx {
	struct es_ctx *es;
	struct soap_msg *msg;	  /* root of the tree */
	struct soap_fault *fault; /* child of msg until it is handed out */
	xmlNode *body;		  /* the element in soap:Body */
	const struct es_type *type;
};

static const char *skip_blanks(const char *p)
{
	return p + strspn(p, " \t");
}

/* application/soap+xml, with no charset or UTF-8.  Other parameters (action) say nothing new. */
static bool content_type_ok(const char *ct)
{
	static const char type[] = "application/soap+xml", charset[] = "charset=";
	const char *p;

	if (!ct)
		return false;
	p = skip_blanks(ct);
	if (strncasecmp(p, type, strlen(type)))
		return false;
	p = skip_blanks(p + strlen(type));
	while (*p == ';') {
		p = skip_blanks(p + 1);
		if (!strncasecmp(p, charset, strlen(charset))) {
			p += strlen(charset);
			if (strncasecmp(p, "utf-8", 5) && strncasecmp(p, "\"utf-8\"", 7))
				return false;
		}
		while (*p && *p != ';') {
			const char *quote = *p == '"' ? strchr(p + 1, '"') : NULL;

			p = quote ? quote + 1 : p + 1;
		}
	}
	return *p == 0;
}

static int refuse(struct rx *rx, struct soap_fault *fault)
{
	rx->fault = fault;
	return -EINVAL;
}

static int sender_fault(struct rx *rx, const char *why)
{
	return refuse(rx, soap_fault_alloc(rx->msg, SOAP_FAULT_SENDER, SOAP_SUB_NONE, NULL, "%s", why));
}

/* Find Header and the one element in Body. */
static int open_envelope(struct rx *rx, xmlNode *root, xmlNode **header)
{
	xmlNode *n = xml_first(root);

	if (strcmp((const char *)root->name, "Envelope"))
		return sender_fault(rx, "not a SOAP envelope");
	if (!xml_is(root, XML_NS_SOAP, "Envelope"))
		return refuse(rx, soap_fault_alloc(rx->msg, SOAP_FAULT_VERSION_MISMATCH, SOAP_SUB_NONE, NULL,
						   "only SOAP 1.2 is spoken here"));
	*header = NULL;
	if (n && xml_is(n, XML_NS_SOAP, "Header")) {
		*header = n;
		n = xml_next(n);
	}
	if (!n || !xml_is(n, XML_NS_SOAP, "Body") || xml_next(n))
		return sender_fault(rx, "an envelope has an optional header and one body");
	rx->body = xml_first(n);
	if (!rx->body || xml_next(rx->body))
		return sender_fault(rx, "the body must hold exactly one element");
	return 0;
}

static int find_function(struct rx *rx)
{
	struct soap_msg *msg = rx->msg;
	const struct es_fn_info *f;

	if (xml_is(rx->body, XML_NS_SOAP, "Fault")) {
		msg->dir = ES_DIR_FAULT;
		return 0;
	}
	if (xml_is(rx->body, XML_NS_WSMC, "MakeConnection")) {
		msg->fn = WSMC_MAKE_CONNECTION;
		msg->dir = ES_DIR_REQUEST;
	} else if (!xml_is(rx->body, XML_NS_RPS, (const char *)rx->body->name) ||
		   es_fn_by_element((const char *)rx->body->name, &msg->fn, &msg->dir) < 0) {
		return refuse(rx, soap_fault_alloc(msg, SOAP_FAULT_SENDER, SOAP_SUB_ACTION_NOT_SUPPORTED, NULL,
						   "no function with a body of this name is known here"));
	}
	f = es_fn_info(msg->fn);
	rx->type = msg->dir == ES_DIR_RESPONSE ? f->rsp : f->req;
	return 0;
}

static int check_headers(struct rx *rx)
{
	struct soap_msg *msg = rx->msg;
	struct soap_fault *fault = soap_headers_required(msg, &msg->hdr, msg->dir);

	if (fault)
		return refuse(rx, fault);
	if (msg->dir != ES_DIR_FAULT && !es_fn_action_ok(msg->fn, msg->hdr.action))
		return refuse(rx, soap_fault_alloc(msg, SOAP_FAULT_SENDER, SOAP_SUB_ACTION_NOT_SUPPORTED, NULL,
						   "wsa:Action does not belong to the body"));
	return 0;
}

static int digest_body(struct rx *rx)
{
	struct bytes text;
	int rc = xml_c14n(rx->msg, rx->body, &text);

	if (rc == 0) {
		rc = crypto_sha256(text, rx->msg->digest);
		bytes_wipe((void *)(uintptr_t)text.data, text.len); /* RegisterEIS carries keys */
		talloc_free((void *)(uintptr_t)text.data);
		rx->msg->has_digest = rc == 0;
	}
	return rc;
}

/* Valid or not, the answer needs FunctionCallIdentifier. */
static void note_call_id(struct rx *rx)
{
	const xmlNode *n = xml_child(rx->body, XML_NS_RPS, "FunctionCallIdentifier");

	const char *text = n ? xml_text(rx->msg, n) : "";

	if (*text && strlen(text) <= CALL_ID_MAX)
		rx->msg->call_id = talloc_strdup(rx->msg, text);
}

static int read_body(struct rx *rx)
{
	struct soap_msg *msg = rx->msg;

	if (msg->dir == ES_DIR_FAULT) {
		msg->body = soap_fault_read(msg, rx->body);
		return msg->body ? 0 : sender_fault(rx, "a fault without code");
	}
	if (msg->dir == ES_DIR_REQUEST) {
		note_call_id(rx);
		if (es_fn_info(msg->fn)->changes && digest_body(rx) < 0)
			return sender_fault(rx, "the body has no canonical form (namespace names must be absolute)");
	}
	if (es_elem_read(rx->es, msg, rx->type, rx->body, &msg->body, &msg->bad) == 0)
		return 0;
	if (msg->dir == ES_DIR_REQUEST && msg->fn != WSMC_MAKE_CONNECTION)
		return 0;
	return sender_fault(rx, msg->bad.message);
}

static int read_message(struct rx *rx, struct bytes in, const char *content_type, xmlDoc **doc)
{
	enum xml_refusal refusal;
	xmlNode *header;
	struct soap_fault *fault;

	if (!content_type_ok(content_type)) {
		sender_fault(rx, "the content type must be " SOAP_CONTENT_TYPE);
		rx->fault->http_status = 415;
		return -EINVAL;
	}
	refusal = xml_parse(rx->es, in, doc);
	if (refusal != XML_OK)
		return sender_fault(rx, xml_refusal_text(refusal));
	if (open_envelope(rx, xmlDocGetRootElement(*doc), &header) < 0)
		return -EINVAL;
	fault = soap_headers_read(rx->msg, header, &rx->msg->hdr);
	if (fault)
		return refuse(rx, fault);
	if (find_function(rx) < 0 || check_headers(rx) < 0)
		return -EINVAL;
	return read_body(rx);
}

int soap_rx(struct es_ctx *es, const void *parent, struct bytes in, const char *content_type, struct soap_msg **msg,
	    struct soap_fault **fault)
{
	struct rx rx = {.es = es, .msg = talloc_zero(parent, struct soap_msg)};
	xmlDoc *doc = NULL;
	int rc;

	OSMO_ASSERT(rx.msg);
	rc = read_message(&rx, in, content_type, &doc);
	if (doc)
		xml_doc_free(doc);
	if (rc == 0) {
		*msg = rx.msg;
		return 0;
	}
	rx.fault->relates_to = talloc_strdup(rx.fault, rx.msg->hdr.id.raw);
	*fault = talloc_steal(parent, rx.fault);
	talloc_free(rx.msg);
	return rc;
}

int es_eis_dec(struct es_ctx *es, const void *parent, struct bytes xml, struct es_eis **eis, struct es_status *bad)
{
	enum xml_refusal refusal;
	struct es_status st = {};
	xmlDoc *doc;
	xmlNode *root, *node;
	void *out;
	int rc = -EINVAL;

	refusal = xml_parse(es, xml, &doc);
	if (refusal != XML_OK) {
		if (bad)
			*bad = es_status_bad(parent, ES_FAILED, ES_SC_DATA_INVALID, NULL, "%s",
					     xml_refusal_text(refusal));
		return -EINVAL;
	}
	root = xmlDocGetRootElement(doc);
	node = xml_is(root, XML_NS_RPS, "Eis") ? root : xml_child(root, XML_NS_RPS, "Eis");
	if (!node)
		st = es_status_bad(parent, ES_FAILED, ES_SC_MANDATORY_MISSING, NULL, "Eis is missing");
	else
		rc = es_elem_read(es, parent, &es_type_eis_view, node, &out, &st);
	xml_doc_free(doc);
	if (rc == 0)
		*eis = out;
	else if (bad)
		*bad = st;
	return rc;
}
