/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Envelopes to send.  The addressing headers come in the order that deployed systems use; To and Action are marked as
 * to be understood. */
#include <errno.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/es/es_tables.h"
#include "common/es/soap.h"
#include "common/es/soap_int.h"
#include "common/es/xml_write.h"

static void open_envelope(struct wr *w)
{
	wr_str(w, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		  "<soap:Envelope xmlns:soap=\"" XML_NS_SOAP "\" xmlns:wsa=\"" XML_NS_WSA "\"><soap:Header>");
}

static void close_envelope(struct wr *w)
{
	wr_str(w, "</soap:Body></soap:Envelope>\n");
}

static void header(struct wr *w, const char *name, const char *value, bool must_understand)
{
	if (!value)
		return;
	xw_open(w, "wsa:", name);
	if (must_understand)
		xw_attr(w, "soap:mustUnderstand", "true");
	xw_body(w);
	xw_text(w, value);
	xw_close(w, "wsa:", name);
}

static void endpoint(struct wr *w, const char *name, const char *uri)
{
	if (!uri)
		return;
	xw_open(w, "wsa:", name);
	xw_body(w);
	xw_elem(w, "wsa:", "Address", uri);
	xw_close(w, "wsa:", name);
}

static int finish(struct wr *w, int rc, struct bytes *xml)
{
	if (rc < 0 || wr_end(w, xml) < 0) {
		talloc_free(w->buf);
		return -EINVAL;
	}
	return 0;
}

int soap_tx(const void *ctx, const struct soap_out *out, enum es_fn fn, enum es_dir dir, const void *body,
	    struct bytes *xml)
{
	const struct es_fn_info *f = es_fn_info(fn);
	const struct es_type *t = dir == ES_DIR_RESPONSE ? f->rsp : f->req;
	char *action, *element;
	struct wr w;
	int rc;

	if (!t || f->itf == ES_ITF_WSMC || !out->from || !out->to || !out->message_id)
		return -EINVAL;
	action = out->action ? talloc_strdup(ctx, out->action) : es_fn_action(ctx, fn, dir, NULL);
	element = es_fn_element(ctx, fn, dir);
	wr_init(&w, ctx);
	open_envelope(&w);
	endpoint(&w, "From", out->from);
	header(&w, "To", out->to, true);
	endpoint(&w, "ReplyTo", out->reply_to);
	header(&w, "Action", action, true);
	header(&w, "MessageID", out->message_id, false);
	header(&w, "RelatesTo", out->relates_to, false);
	wr_str(&w, "</soap:Header><soap:Body>");
	rc = es_elem_write(&w, t, element, body, true);
	close_envelope(&w);
	talloc_free(action);
	talloc_free(element);
	return finish(&w, rc, xml);
}

struct soap_out soap_answer(const void *ctx, const struct soap_self *self, const struct soap_headers *req,
			    int64_t stamp_ms)
{
	const struct soap_addr *to = req->reply_to.uri ? &req->reply_to : &req->from;

	return (struct soap_out){
		.from = soap_from(ctx, self),
		.to = talloc_strdup(ctx, to->uri),
		.message_id = soap_message_id(ctx, self->oid, req->id.transaction_id, req->id.context_id, stamp_ms),
		.relates_to = talloc_strdup(ctx, req->id.raw),
	};
}

static void fault_body(struct wr *w, const struct soap_fault *fault)
{
	const struct soap_subcode_name *sub = soap_subcode_name(fault->subcode);

	wr_str(w, "<soap:Fault><soap:Code>");
	wr_str(w, "<soap:Value>soap:");
	wr_str(w, soap_fault_code_name(fault->code));
	wr_str(w, "</soap:Value>");
	if (sub) {
		wr_str(w, "<soap:Subcode><soap:Value xmlns:s=\"");
		wr_str(w, sub->ns);
		wr_str(w, "\">s:");
		wr_str(w, sub->local);
		wr_str(w, "</soap:Value></soap:Subcode>");
	}
	wr_str(w, "</soap:Code><soap:Reason><soap:Text xml:lang=\"en\">");
	xw_text(w, fault->reason ? fault->reason : "error");
	wr_str(w, "</soap:Text></soap:Reason>");
	if (fault->problem_header) {
		wr_str(w, "<soap:Detail>");
		xw_elem(w, "wsa:", "ProblemHeaderQName", fault->problem_header);
		wr_str(w, "</soap:Detail>");
	}
	wr_str(w, "</soap:Fault>");
}

int soap_tx_fault(const void *ctx, const struct soap_fault *fault, struct bytes *xml)
{
	struct wr w;

	wr_init(&w, ctx);
	open_envelope(&w);
	header(&w, "Action", XML_NS_WSA "/fault", false);
	header(&w, "RelatesTo", fault->relates_to, false);
	wr_str(&w, "</soap:Header><soap:Body>");
	fault_body(&w, fault);
	close_envelope(&w);
	return finish(&w, 0, xml);
}
