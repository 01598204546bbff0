/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The functions of ES2: each becomes an order.  A download is checked for what can be known here and now; a relay gets
 * its ES3 twin, written at once, with the rest of the operator's time. */
#include <errno.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/clock.h"
#include "smdp/es3.h"
#include "smdp/dp_in.h"
#include "smdp/dp_out.h"
#include "smdp/identity.h"
#include "smdp/keys_db.h"
#include "smdp/order_db.h"

/* Where the members are that every relayed function has. */
struct twin {
	enum es_fn es2;
	enum es_fn es3; /* ES_FN_NONE: a procedure of our own */
	unsigned int right;
	size_t size; /* of the request struct */
	size_t eid;
	size_t smsr;
	size_t iccid; /* 0: it is about no single profile */
};

#define TWIN(es2_, es3_, right_, S, iccid_)                                                                        \
	{                                                                                                          \
		es2_, es3_, right_, sizeof(struct S), offsetof(struct S, eid), offsetof(struct S, smsr_id), iccid_ \
	}

static const struct twin twins[] = {
	TWIN(ES2_GET_EIS, ES3_GET_EIS, RIGHT_READ, es_get_eis_req, 0),
	TWIN(ES2_AUDIT_EIS, ES3_AUDIT_EIS, RIGHT_READ, es_audit_eis_req, 0),
	TWIN(ES2_DOWNLOAD_PROFILE, ES_FN_NONE, RIGHT_DOWNLOAD, es_download_profile_req, 0),
	TWIN(ES2_UPDATE_POLICY_RULES, ES3_UPDATE_POLICY_RULES, RIGHT_MANAGE, es_pol2_req,
	     offsetof(struct es_pol2_req, iccid)),
	TWIN(ES2_UPDATE_SUBSCRIPTION_ADDRESS, ES3_UPDATE_SUBSCRIPTION_ADDRESS, RIGHT_MANAGE, es_address_req,
	     offsetof(struct es_address_req, iccid)),
	TWIN(ES2_ENABLE_PROFILE, ES3_ENABLE_PROFILE, RIGHT_MANAGE, es_profile_req,
	     offsetof(struct es_profile_req, iccid)),
	TWIN(ES2_DISABLE_PROFILE, ES3_DISABLE_PROFILE, RIGHT_MANAGE, es_profile_req,
	     offsetof(struct es_profile_req, iccid)),
	TWIN(ES2_DELETE_PROFILE, ES3_DELETE_ISDP, RIGHT_MANAGE, es_profile_req, offsetof(struct es_profile_req, iccid)),
};

static const struct twin *twin_of(enum es_fn fn)
{
	for (size_t i = 0; i < ARRAY_SIZE(twins); i++) {
		if (twins[i].es2 == fn)
			return &twins[i];
	}
	return NULL;
}

unsigned int es2_right(enum es_fn fn)
{
	const struct twin *t = twin_of(fn);

	return t ? t->right : 0;
}

static const char *text_at(const void *body, size_t offset)
{
	return *(const char *const *)((const uint8_t *)body + offset);
}

/* ---- what all have in common ---- */

static void from_request(const struct es_call *c, const struct twin *t, struct order_run *r)
{
	const struct soap_headers *h = &c->req->msg->hdr;

	r->o = (struct order){
		.kind = t->es3 == ES_FN_NONE ? ORDER_DOWNLOAD : ORDER_RELAY,
		.fn = t->es2,
		.requester = c->peer->oid,
		.call_id = (char *)c->req->msg->call_id,
		.message_id = (char *)h->id.raw,
		.transaction_id = (char *)h->id.transaction_id,
		.context_id = (char *)h->id.context_id,
		.reply_to = (char *)h->reply_to.uri,
		.smsr_oid = (char *)text_at(c->req->msg->body, t->smsr),
		.iccid = t->iccid ? (char *)text_at(c->req->msg->body, t->iccid) : NULL,
		.expires_ms = clock_now_ms() + (int64_t)c->validity_s * 1000,
	};
	r->eid = (char *)text_at(c->req->msg->body, t->eid);
}

/* \returns 1 to go on, 0 refused and answered, negative errno */
static int check_card(struct smdp *s, const struct es_call *c, struct order_run *r)
{
	if (!smdp_cfg_smsr(s->cfg, r->o.smsr_oid))
		return dp_refuse_with(s, c, ES_SC_SMSR_UNKNOWN, r->o.smsr_oid, "we have no link to this SM-SR");
	if (eid_dec(r->eid, r->o.eid) < 0)
		return dp_refuse_with(s, c, ES_SC_DATA_INVALID, r->eid, "Eid has wrong check digits");
	return 1;
}

/* Asynchronous: 202.  Synchronous: the connection waits for the order. */
static int taken(struct smdp *s, const struct es_call *c, const struct order_run *r)
{
	int rc = es_request_remember(s->db, c->req, c->peer->oid, r->o.id, (struct bytes){0});

	if (rc < 0)
		return rc;
	if (es_fn_info(r->o.fn)->mep == ES_ASYNC)
		return dp_accepted(s, c->req);
	dp_out_park(s, c->req->xid, r->o.id, c->req->msg);
	return 0;
}

/* ---- downloads ---- */

static int download(struct smdp *s, const struct es_call *c, struct order_run *r)
{
	const struct es_download_profile_req *q = c->req->msg->body;
	int64_t euicc_id, waiting;
	int rc;

	r->o.iccid = (char *)q->iccid;
	r->o.profile_type = (char *)q->profile_type;
	r->d.enable = q->enable;
	if (!s->dp)
		return dp_refuse_with(s, c, ES_SC_UNSUPPORTED, NULL, "no CERT.DP.ECDSA is configured here");
	if (!dp_identity_is_valid(s->dp, clock_stamp_ms()))
		return dp_refuse_with(s, c, ES_SC_UNSUPPORTED, NULL, "our CERT.DP.ECDSA is not valid any more");
	rc = order_db_euicc(s->db, r->o.eid, r->o.smsr_oid, false, &euicc_id);
	if (rc == 0)
		rc = order_db_open(s->db, euicc_id, &waiting);
	if (rc == 0 && waiting > s->cfg->limits.queue_max)
		return dp_refuse_with(s, c, ES_SC_BUSY, NULL, "too many downloads wait for this eUICC");
	if (rc == 0)
		rc = order_queue(s, r);
	return rc < 0 ? rc : taken(s, c, r);
}

/* ---- relays ---- */

/* Who may act on a profile: of those that we installed we know it; others are looked up in the EIS.
 * \param[in,out] known  becomes false when the EIS has to tell
 * \returns 1 to go on, 0 refused and answered, negative errno */
static int check_owner(struct smdp *s, const struct es_call *c, const struct order_run *r, const char *iccid,
		       bool *known)
{
	char *oid = NULL;
	int rc = keys_db_owner(turn_ctx(s->turn), s->db, r->o.eid, iccid, &oid);

	if (rc == -ENOENT)
		*known = false;
	if (rc < 0)
		return rc == -ENOENT ? 1 : rc;
	if (strcmp(oid, c->peer->oid) != 0)
		return dp_refuse_with(s, c, ES_SC_ICCID_NOT_ALLOWED, iccid, "the profile belongs to another operator");
	return 1;
}

static int check_owners(struct smdp *s, const struct es_call *c, const struct order_run *r, bool *known)
{
	const struct es_audit_eis_req *q = r->o.fn == ES2_AUDIT_EIS ? c->req->msg->body : NULL;
	int rc = 1;

	*known = true;
	if (r->o.iccid)
		return check_owner(s, c, r, r->o.iccid, known);
	for (size_t i = 0; rc == 1 && q && i < q->n_iccids; i++)
		rc = check_owner(s, c, r, q->iccids[i], known);
	return rc;
}

static int pass_on(struct smdp *s, const struct es_call *c, const struct twin *t, struct order_run *r, bool held)
{
	struct es_req *req = talloc_memdup(turn_ctx(s->turn), c->req->msg->body, t->size);

	OSMO_ASSERT(req);
	*(const char **)((uint8_t *)req + t->smsr) = NULL;
	return es3_call(s, r, t->es3, req, r->o.expires_ms, held);
}

static int look_first(struct smdp *s, struct order_run *r)
{
	struct es_get_eis_req q = {.eid = r->eid};
	int rc = order_enter(s, r, ORDER_ST_RELAY_LOOK);

	return rc < 0 ? rc : es3_call(s, r, ES3_GET_EIS, &q.base, r->o.expires_ms, false);
}

static int relay(struct smdp *s, const struct es_call *c, const struct twin *t, struct order_run *r)
{
	int64_t wait_ms = (int64_t)s->cfg->limits.sync_wait_s * 1000;
	bool known;
	int rc = check_owners(s, c, r, &known);

	if (rc != 1)
		return rc;
	if (es_fn_info(t->es2)->mep == ES_SYNC && r->o.expires_ms > clock_now_ms() + wait_ms)
		r->o.expires_ms = clock_now_ms() + wait_ms;
	rc = order_queue(s, r);
	if (rc == 0)
		rc = pass_on(s, c, t, r, !known);
	if (rc == 0)
		rc = known ? order_enter(s, r, ORDER_ST_RELAY) : look_first(s, r);
	return rc < 0 ? rc : taken(s, c, r);
}

int es2_run(struct smdp *s, const struct es_call *c)
{
	const struct twin *t = twin_of(c->req->msg->fn);
	struct order_run r = {0};
	int rc;

	from_request(c, t, &r);
	rc = check_card(s, c, &r);
	if (rc != 1)
		return rc;
	return t->es3 == ES_FN_NONE ? download(s, c, &r) : relay(s, c, t, &r);
}
