/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The functions of ES1 and ES4, and those that ES3 shares with ES4: each a few lines over the registry and the
 * operations. */
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

int es_find_euicc(struct smsr *s, const struct es_call *c, const char *digits, struct euicc *e)
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

static bool is_es3(const struct es_call *c)
{
	return es_fn_info(c->req->msg->fn)->itf == ES_ITF_ES3;
}

static bool acts_for(const struct es_call *c, const char *mno_oid)
{
	return is_es3(c) ? peer_acts_for(c->peer, mno_oid) : strcmp(mno_oid, c->peer->oid) == 0;
}

static bool installs(const struct es_call *c, const struct profile *p)
{
	return is_es3(c) && p->smdp_oid && strcmp(p->smdp_oid, c->peer->oid) == 0;
}

/* \returns why the sender may not use it; NULL when it may */
static const char *forbidden(const struct es_call *c, const struct profile *p)
{
	if (!acts_for(c, p->mno_oid))
		return is_es3(c) ? "this SM-DP may not act for the operator of the profile"
				 : "the profile belongs to another operator";
	/* Until it is complete it concerns nobody else. */
	if (p->state == PROFILE_CREATED && !installs(c, p))
		return "the profile is being installed by an SM-DP";
	return NULL;
}

static int find_profile(struct smsr *s, const struct es_call *c, const struct euicc *e, const char *iccid,
			struct profile *out)
{
	const char *why;
	struct profiles p;
	int rc = eis_db_profiles(turn_ctx(s->turn), s->db, e->id, &p);

	if (rc < 0)
		return rc;
	for (size_t i = 0; i < p.n; i++) {
		if (strcmp(p.list[i].iccid, iccid) != 0 || p.list[i].state == PROFILE_IN_CREATION)
			continue;
		why = forbidden(c, &p.list[i]);
		if (why)
			return es_refuse_with(s, c, ES_SC_ICCID_NOT_ALLOWED, iccid, why);
		*out = p.list[i];
		return 1;
	}
	return es_refuse_with(s, c, ES_SC_ICCID_UNKNOWN, iccid, "no such profile on this eUICC");
}

int es_find_both(struct smsr *s, const struct es_call *c, const char *eid, const char *iccid, struct euicc *e,
		 struct profile *p)
{
	int rc = es_find_euicc(s, c, eid, e);

	return rc == 1 ? find_profile(s, c, e, iccid, p) : rc;
}

/* ---- asynchronous: one operation each ---- */

int es_queue(struct smsr *s, const struct es_call *c, const struct euicc *e, const struct operation *what,
	     const struct op_data *data)
{
	const struct soap_headers *h = &c->req->msg->hdr;
	struct operation op = {
		.euicc_id = e->id,
		.kind = what->kind,
		.fn = c->req->msg->fn,
		.requester = c->peer->oid,
		.call_id = (char *)c->req->msg->call_id,
		.message_id = (char *)h->id.raw,
		.transaction_id = (char *)h->id.transaction_id,
		.context_id = (char *)h->id.context_id,
		.reply_to = (char *)h->reply_to.uri,
		.iccid = what->iccid,
		.aid = what->aid,
		.expires_ms = clock_now_ms() + (int64_t)c->validity_s * 1000,
	};
	int64_t waiting;
	int rc = op_db_queue_len(s->db, e->id, &waiting);

	if (rc == 0 && waiting >= s->cfg->limits.queue_max)
		return es_refuse_with(s, c, ES_SC_BUSY, NULL, "too many operations wait for this eUICC");
	if (rc == 0)
		rc = op_queue_with(s, &op, data);
	if (rc == 0)
		rc = es_store_call(s, c, op.id, NULL);
	return rc < 0 ? rc : es_accepted(s, c);
}

static int profile_operation(struct smsr *s, const struct es_call *c, enum op_kind kind)
{
	const struct es_profile_req *q = c->req->msg->body;
	struct operation what = {.kind = kind, .iccid = (char *)q->iccid};
	struct profile p;
	struct euicc e;
	int rc = es_find_both(s, c, q->eid, q->iccid, &e, &p);

	return rc == 1 ? es_queue(s, c, &e, &what, NULL) : rc;
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

/* Asking a card costs messages: only those who have a profile on it may.  An SM-DP may also look after an ISD-P whose
 * creation is in doubt.  \returns as find_profile() */
static int owns_something(struct smsr *s, const struct es_call *c, const struct euicc *e)
{
	struct profiles p;
	int rc = eis_db_profiles(turn_ctx(s->turn), s->db, e->id, &p);

	if (rc < 0)
		return rc;
	for (size_t i = 0; i < p.n; i++) {
		if (acts_for(c, p.list[i].mno_oid) || installs(c, &p.list[i]))
			return 1;
	}
	return es_refuse_with(s, c, ES_SC_EID_NOT_ALLOWED, NULL, "no profile on the eUICC is the sender's");
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
	int rc = es_find_euicc(s, c, q->eid, &e);
	struct operation what = {.kind = OP_AUDIT};

	if (rc == 1)
		rc = owns_something(s, c, &e);
	for (size_t i = 0; rc == 1 && i < q->n_iccids; i++)
		rc = find_profile(s, c, &e, q->iccids[i], &p);
	/* The card is asked about everything in any case; a list only narrows the answer. */
	what.iccid = join_iccids(turn_ctx(s->turn), q);
	return rc == 1 ? es_queue(s, c, &e, &what, NULL) : rc;
}

/* ---- synchronous ---- */

int es_done(struct smsr *s, const struct es_call *c)
{
	const struct es_status ok = es_status_ok();
	struct es_rsp *rsp = es_answer_body(s, c->req, sizeof(*rsp));

	rsp->status = ok;
	return es_store_call(s, c, 0, &ok);
}

int es_record(struct smsr *s, const struct es_call *c, const struct euicc *e, const char *iccid, enum audit_type type)
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
	int rc = es_find_euicc(s, c, q->eid, &e);

	if (rc != 1)
		return rc;
	rc = eis_build(s, turn_ctx(s->turn), e.id, is_es3(c) ? EIS_VIEW_SMDP : EIS_VIEW_OWNER, c->peer->oid, NULL, 0,
		       &eis);
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
	int rc = es_find_both(s, c, q->eid, q->iccid, &e, &p);

	if (rc != 1)
		return rc;
	if (pol2_dec(q->pol2, &rules) < 0)
		return es_refuse_with(s, c, ES_SC_DATA_INVALID, q->iccid, "pol2: the rules contradict each other");
	p.pol2 = rules;
	rc = eis_db_profile_update(s->db, &p);
	if (rc == 0)
		rc = es_record(s, c, &e, p.iccid, AUDIT_POL2);
	return rc < 0 ? rc : es_done(s, c);
}

static int update_subscription_address(struct smsr *s, const struct es_call *c)
{
	const struct es_address_req *q = c->req->msg->body;
	struct profile p;
	struct euicc e;
	int rc = es_find_both(s, c, q->eid, q->iccid, &e, &p);

	if (rc != 1)
		return rc;
	p.imsi = (char *)q->address.imsi;
	p.msisdn = (char *)msisdn_digits(q->address.msisdn);
	rc = eis_db_profile_update(s->db, &p);
	if (rc == 0)
		rc = es_record(s, c, &e, p.iccid, AUDIT_ADDRESS);
	return rc < 0 ? rc : es_done(s, c);
}

static int register_eis(struct smsr *s, const struct es_call *c)
{
	const struct es_eis_req *q = c->req->msg->body;
	const struct eis_source src = {.signer = c->peer, .document = c->req->document};
	struct es_status status;
	int rc = eis_register(s, &q->eis, &src, &status);

	if (rc < 0)
		return rc;
	return status.status == ES_EXECUTED_SUCCESS ? es_done(s, c) : es_refuse(s, c, status);
}

static const struct es_function functions[] = {
	{ES1_REGISTER_EIS, register_eis},
	{ES3_GET_EIS, get_eis},
	{ES3_AUDIT_EIS, audit_eis},
	{ES3_CREATE_ISDP, es3_create_isdp},
	{ES3_SEND_DATA, es3_send_data},
	{ES3_PROFILE_DOWNLOAD_COMPLETED, es3_profile_download_completed},
	{ES3_UPDATE_POLICY_RULES, update_policy_rules},
	{ES3_UPDATE_SUBSCRIPTION_ADDRESS, update_subscription_address},
	{ES3_ENABLE_PROFILE, enable_profile},
	{ES3_DISABLE_PROFILE, disable_profile},
	{ES3_DELETE_ISDP, delete_profile},
	{ES3_UPDATE_CONNECTIVITY_PARAMETERS, es3_update_connectivity_parameters},
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
