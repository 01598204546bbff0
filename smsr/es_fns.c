/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The functions of ES1 and ES4, each a few lines over the registry and the operations. */
#include "smsr/es_fns.h"

#include <errno.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/clock.h"
#include "smsr/eis.h"
#include "smsr/eis_db.h"
#include "smsr/op.h"
#include "smsr/op_db.h"
#include "smsr/record_db.h"

/* ---- looking up ---- */

/* \returns 1 found, 0 refused and answered, negative errno */
static int find_euicc(struct smsr *s, const struct es_call *c, const char *digits, struct euicc *e)
{
	uint8_t eid[EID_LEN];
	int rc;

	if (eid_dec(digits, eid) < 0)
		return es_refuse_with(s, c, ES_SC_DATA_INVALID, digits, "Eid has wrong check digits");
	rc = eis_db_by_eid(turn_ctx(s->turn), s->db, eid, e);
	if (rc == -ENOENT)
		return es_refuse_with(s, c, ES_SC_EID_UNKNOWN, digits, "no such eUICC here");
	return rc < 0 ? rc : 1;
}

static int find_profile(struct smsr *s, const struct es_call *c, const struct euicc *e, const char *iccid,
			struct profile *out)
{
	struct profiles p;
	int rc = eis_db_profiles(turn_ctx(s->turn), s->db, e->id, &p);

	if (rc < 0)
		return rc;
	for (size_t i = 0; i < p.n; i++) {
		if (strcmp(p.list[i].iccid, iccid) != 0 || p.list[i].state == PROFILE_IN_CREATION)
			continue;
		if (strcmp(p.list[i].mno_oid, c->peer->oid) != 0)
			return es_refuse_with(s, c, ES_SC_ICCID_NOT_ALLOWED, iccid,
					      "the profile belongs to another operator");
		*out = p.list[i];
		return 1;
	}
	return es_refuse_with(s, c, ES_SC_ICCID_UNKNOWN, iccid, "no such profile on this eUICC");
}

static int find_both(struct smsr *s, const struct es_call *c, const char *eid, const char *iccid, struct euicc *e,
		     struct profile *p)
{
	int rc = find_euicc(s, c, eid, e);

	return rc == 1 ? find_profile(s, c, e, iccid, p) : rc;
}

/* ---- asynchronous: one operation each ---- */

static int queue(struct smsr *s, const struct es_call *c, const struct euicc *e, enum op_kind kind, const char *iccid)
{
	const struct soap_headers *h = &c->req->msg->hdr;
	struct operation op = {
		.euicc_id = e->id,
		.kind = kind,
		.fn = c->req->msg->fn,
		.requester = c->peer->oid,
		.call_id = (char *)c->req->msg->call_id,
		.message_id = (char *)h->id.raw,
		.transaction_id = (char *)h->id.transaction_id,
		.context_id = (char *)h->id.context_id,
		.reply_to = (char *)h->reply_to.uri,
		.iccid = (char *)iccid,
		.expires_ms = clock_now_ms() + (int64_t)c->validity_s * 1000,
	};
	int64_t waiting;
	int rc = op_db_queue_len(s->db, e->id, &waiting);

	if (rc == 0 && waiting >= s->cfg->limits.queue_max)
		return es_refuse_with(s, c, ES_SC_BUSY, NULL, "too many operations wait for this eUICC");
	if (rc == 0)
		rc = op_queue(s, &op);
	if (rc == 0)
		rc = es_store_call(s, c, op.id, NULL);
	return rc < 0 ? rc : es_accepted(s, c);
}

static int profile_operation(struct smsr *s, const struct es_call *c, enum op_kind kind)
{
	const struct es_profile_req *q = c->req->msg->body;
	struct profile p;
	struct euicc e;
	int rc = find_both(s, c, q->eid, q->iccid, &e, &p);

	return rc == 1 ? queue(s, c, &e, kind, p.iccid) : rc;
}

static int enable_profile(struct smsr *s, const struct es_call *c)
{
	return profile_operation(s, c, OP_ENABLE);
}

static int disable_profile(struct smsr *s, const struct es_call *c)
{
	return profile_operation(s, c, OP_DISABLE);
}

static int delete_profile(struct smsr *s, const struct es_call *c)
{
	return profile_operation(s, c, OP_DELETE);
}

/* Asking a card costs messages: only those who have a profile on it may.  \returns as find_profile() */
static int owns_something(struct smsr *s, const struct es_call *c, const struct euicc *e)
{
	struct profiles p;
	int rc = eis_db_profiles(turn_ctx(s->turn), s->db, e->id, &p);

	if (rc < 0)
		return rc;
	for (size_t i = 0; i < p.n; i++) {
		if (strcmp(p.list[i].mno_oid, c->peer->oid) == 0)
			return 1;
	}
	return es_refuse_with(s, c, ES_SC_EID_NOT_ALLOWED, NULL, "this operator has no profile on the eUICC");
}

/* One column holds the list that narrows the answer. */
static char *join_iccids(const void *ctx, const struct es_audit_eis_req *q)
{
	char *list = NULL;

	for (size_t i = 0; i < q->n_iccids; i++)
		list = list ? talloc_asprintf(ctx, "%s,%s", list, q->iccids[i]) : talloc_strdup(ctx, q->iccids[i]);
	return list;
}

static int audit_eis(struct smsr *s, const struct es_call *c)
{
	const struct es_audit_eis_req *q = c->req->msg->body;
	struct profile p;
	struct euicc e;
	int rc = find_euicc(s, c, q->eid, &e);

	if (rc == 1)
		rc = owns_something(s, c, &e);
	for (size_t i = 0; rc == 1 && i < q->n_iccids; i++)
		rc = find_profile(s, c, &e, q->iccids[i], &p);
	/* The card is asked about everything in any case; a list only narrows the answer. */
	return rc == 1 ? queue(s, c, &e, OP_AUDIT, join_iccids(turn_ctx(s->turn), q)) : rc;
}

/* ---- synchronous ---- */

static int done(struct smsr *s, const struct es_call *c)
{
	const struct es_status ok = es_status_ok();
	struct es_rsp *rsp = es_answer_body(s, c->req, sizeof(*rsp));

	rsp->status = ok;
	return es_store_call(s, c, 0, &ok);
}

static int record(struct smsr *s, const struct es_call *c, const struct euicc *e, const char *iccid,
		  enum audit_type type)
{
	const struct audit_row row = {
		.eid = BYTES_ARR(e->eid),
		.stamp_ms = clock_stamp_ms(),
		.type = type,
		.requester = c->peer->oid,
		.has_status = true,
		.status = es_status_ok(),
		.iccid = (char *)iccid,
	};

	return record_db_audit(s->db, &row);
}

static int get_eis(struct smsr *s, const struct es_call *c)
{
	const struct es_get_eis_req *q = c->req->msg->body;
	struct es_eis_rsp *rsp;
	struct es_eis *eis;
	struct euicc e;
	int rc = find_euicc(s, c, q->eid, &e);

	if (rc != 1)
		return rc;
	rc = eis_build(s, turn_ctx(s->turn), e.id, EIS_VIEW_OWNER, c->peer->oid, NULL, 0, &eis);
	if (rc < 0)
		return rc;
	rsp = (struct es_eis_rsp *)es_answer_body(s, c->req, sizeof(*rsp));
	rsp->eis = talloc_steal(rsp, eis);
	return 0;
}

static int update_policy_rules(struct smsr *s, const struct es_call *c)
{
	const struct es_pol2_req *q = c->req->msg->body;
	unsigned int rules;
	struct profile p;
	struct euicc e;
	int rc = find_both(s, c, q->eid, q->iccid, &e, &p);

	if (rc != 1)
		return rc;
	if (pol2_dec(q->pol2, &rules) < 0)
		return es_refuse_with(s, c, ES_SC_DATA_INVALID, q->iccid, "pol2: the rules contradict each other");
	p.pol2 = rules;
	rc = eis_db_profile_update(s->db, &p);
	if (rc == 0)
		rc = record(s, c, &e, p.iccid, AUDIT_POL2);
	return rc < 0 ? rc : done(s, c);
}

static int update_subscription_address(struct smsr *s, const struct es_call *c)
{
	const struct es_address_req *q = c->req->msg->body;
	struct profile p;
	struct euicc e;
	int rc = find_both(s, c, q->eid, q->iccid, &e, &p);

	if (rc != 1)
		return rc;
	p.imsi = (char *)q->address.imsi;
	p.msisdn = (char *)msisdn_digits(q->address.msisdn);
	rc = eis_db_profile_update(s->db, &p);
	if (rc == 0)
		rc = record(s, c, &e, p.iccid, AUDIT_ADDRESS);
	return rc < 0 ? rc : done(s, c);
}

static int register_eis(struct smsr *s, const struct es_call *c)
{
	const struct es_eis_req *q = c->req->msg->body;
	const struct eis_source src = {.signer = c->peer, .document = c->req->document};
	struct es_status status;
	int rc = eis_register(s, &q->eis, &src, &status);

	if (rc < 0)
		return rc;
	return status.status == ES_EXECUTED_SUCCESS ? done(s, c) : es_refuse(s, c, status);
}

static const struct es_function functions[] = {
	{ES1_REGISTER_EIS, register_eis},
	{ES4_GET_EIS, get_eis},
	{ES4_AUDIT_EIS, audit_eis},
	{ES4_ENABLE_PROFILE, enable_profile},
	{ES4_DISABLE_PROFILE, disable_profile},
	{ES4_DELETE_PROFILE, delete_profile},
	{ES4_UPDATE_POLICY_RULES, update_policy_rules},
	{ES4_UPDATE_SUBSCRIPTION_ADDRESS, update_subscription_address},
};

const struct es_function *es_function(enum es_fn fn)
{
	for (size_t i = 0; i < ARRAY_SIZE(functions); i++) {
		if (functions[i].fn == fn)
			return &functions[i];
	}
	return NULL;
}
