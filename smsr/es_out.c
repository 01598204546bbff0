/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "smsr/es_out.h"

#include <errno.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/clock.h"
#include "smsr/eis.h"

static const char *const itf_names[] = {
	[ES_ITF_ES1] = "ES1", [ES_ITF_ES2] = "ES2", [ES_ITF_ES3] = "ES3",
	[ES_ITF_ES4] = "ES4", [ES_ITF_ES7] = "ES7", [ES_ITF_WSMC] = "WSMC",
};

static const char *const own_services[] = {
	[ES_ITF_ES1] = "ES1SmSrService", [ES_ITF_ES2] = "ES2SmSrService", [ES_ITF_ES3] = "ES3SmSrService",
	[ES_ITF_ES4] = "ES4SmSrService", [ES_ITF_ES7] = "ES7SmSrService", [ES_ITF_WSMC] = "ES4SmSrService",
};

struct soap_self es_out_self(struct smsr *s, enum es_fn fn)
{
	enum es_itf itf = es_fn_info(fn)->itf;

	return (struct soap_self){
		.uri = talloc_asprintf(turn_ctx(s->turn), "%s/%s/%s", s->cfg->uri, itf_names[itf], own_services[itf]),
		.oid = s->cfg->oid,
		.name = s->cfg->name,
	};
}

static struct es_rsp base_of(const struct operation *op)
{
	return (struct es_rsp){
		.start_ms = op->created_ms,
		.end_ms = op->ended_ms,
		.status = op->outcome,
	};
}

static void split_iccids(const void *ctx, const char *list, const char ***iccids, size_t *n)
{
	char *rest = list ? talloc_strdup(ctx, list) : NULL;
	char *one;

	while ((one = strsep(&rest, ","))) {
		*iccids = talloc_realloc(ctx, *iccids, const char *, (unsigned int)*n + 1);
		OSMO_ASSERT(*iccids);
		(*iccids)[(*n)++] = one;
	}
}

static int audit_response(struct smsr *s, struct op_run *r, void **body)
{
	struct es_eis_rsp *rsp = talloc_zero(turn_ctx(s->turn), struct es_eis_rsp);
	bool is_es3 = r->op.fn != ES_FN_NONE && es_fn_info(r->op.fn)->itf == ES_ITF_ES3;
	const char **iccids = NULL;
	size_t n = 0;
	int rc = 0;

	OSMO_ASSERT(rsp);
	split_iccids(rsp, r->op.iccid, &iccids, &n);
	rsp->base = base_of(&r->op);
	if (r->op.outcome.status == ES_EXECUTED_SUCCESS || r->op.outcome.status == ES_EXECUTED_WITHWARNING)
		rc = eis_build(s, rsp, r->euicc.id, is_es3 ? EIS_VIEW_SMDP : EIS_VIEW_OWNER, r->op.requester, iccids, n,
			       &rsp->eis);
	*body = rsp;
	return rc;
}

static int create_response(struct smsr *s, struct op_run *r, void **body)
{
	struct es_create_isdp_rsp *rsp = talloc_zero(turn_ctx(s->turn), struct es_create_isdp_rsp);

	OSMO_ASSERT(rsp);
	rsp->base = base_of(&r->op);
	if (r->op.outcome.status == ES_EXECUTED_SUCCESS)
		rsp->isdp_aid = r->op.aid;
	if (r->op.erd.len)
		rsp->euicc_data = r->op.erd;
	*body = rsp;
	return 0;
}

int es_out_response(struct smsr *s, struct op_run *r, void **body)
{
	struct es_euicc_rsp *rsp;

	if (r->op.kind == OP_AUDIT)
		return audit_response(s, r, body);
	if (r->op.kind == OP_CREATE)
		return create_response(s, r, body);
	rsp = talloc_zero(turn_ctx(s->turn), struct es_euicc_rsp);
	OSMO_ASSERT(rsp);
	rsp->base = base_of(&r->op);
	if (r->op.erd.len)
		rsp->euicc_data = r->op.erd;
	*body = rsp;
	return 0;
}

int es_out_callback(struct smsr *s, const struct operation *op, const void *body, char **action, struct bytes *envelope)
{
	void *ctx = turn_ctx(s->turn);
	struct soap_self self = es_out_self(s, op->fn);
	struct soap_headers req = {0};
	struct soap_out out;
	int rc;

	rc = soap_msg_id_dec(ctx, op->message_id ? op->message_id : "", &req.id);
	if (rc == 0 && op->reply_to)
		rc = soap_addr_dec(ctx, op->reply_to, &req.reply_to);
	if (rc < 0)
		return rc;
	out = soap_answer(ctx, &self, &req, clock_stamp_ms());
	if (!out.to) /* nobody to call: for the record, and for who asks again */
		out.to = soap_endpoint(ctx, "urn:none", op->requester);
	out.action = es_fn_action(ctx, op->fn, ES_DIR_RESPONSE, NULL);
	*action = talloc_strdup(ctx, out.action);
	return soap_tx(ctx, &out, op->fn, ES_DIR_RESPONSE, body, envelope);
}

int es_out_notification(struct smsr *s, const struct operation *op, const struct peer *to, enum es_fn fn,
			const struct es_profile_note *note, char **action, struct bytes *envelope)
{
	void *ctx = turn_ctx(s->turn);
	struct soap_self self = es_out_self(s, fn);
	struct soap_out out = {
		.from = soap_from(ctx, &self),
		.to = to ? soap_endpoint(ctx, to->notification_url ? to->notification_url : "urn:none", to->oid)
			 : "urn:none",
		.action = es_fn_action(ctx, fn, ES_DIR_NOTIFICATION, NULL),
		.message_id = soap_message_id(ctx, s->cfg->oid, op->transaction_id, op->context_id, clock_stamp_ms()),
	};

	*action = talloc_strdup(ctx, out.action);
	return soap_tx(ctx, &out, fn, ES_DIR_NOTIFICATION, note, envelope);
}
