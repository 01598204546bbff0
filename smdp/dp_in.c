/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Admission of what operators and SM-SRs send.  SGP.02 "common to every request"; functions are in es2_fns.c.
 *
 * The order: TLS identity, From, To, right to call, function served, body, ValidityPeriod, repetition; then the
 * function looks at SM-SR, EID, ICCID and ownership.  TLS itself, size, XML and envelope were judged by the I/O thread.
 *
 * An asynchronous request that is refused here still gets 202 and its outcome by callback, because that is where its
 * sender waits; only who cannot be called back (no ReplyTo, not identified) is told at once. */
#include "smdp/dp_in.h"

#include <errno.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/clock.h"
#include "common/app/log.h"
#include "smdp/es3.h"
#include "smdp/dp_out.h"

/* ---- answers ---- */

static struct es_answer *answer_alloc(struct smdp *s, const struct es_request *req, unsigned int http_status)
{
	return es_request_answer(req, s->turn, s->ports->answer, s->ports_priv, http_status);
}

void dp_fault(struct smdp *s, const struct es_request *req, unsigned int http_status, enum soap_fault_subcode subcode,
	      const char *reason)
{
	es_answer_fault(answer_alloc(s, req, http_status), req->msg, http_status, subcode, reason);
}

int dp_accepted(struct smdp *s, const struct es_request *req)
{
	answer_alloc(s, req, 202);
	return 0;
}

static void answer_outcome(struct smdp *s, const struct es_request *req, const union es_any_rsp *rsp)
{
	struct es_answer *a = answer_alloc(s, req, 200);
	const struct soap_self self = dp_out_self(s, a, req->msg->fn);
	union es_any_rsp *body = talloc_zero(a, union es_any_rsp);

	OSMO_ASSERT(body);
	es_answer_headers(a, &self, req->msg);
	body->base = rsp->base;
	body->base.status = es_status_dup(body, &rsp->base.status);
	a->body = body;
}

static bool can_be_called_back(const struct es_call *c)
{
	return es_fn_info(c->req->msg->fn)->mep == ES_ASYNC && c->peer && c->req->msg->hdr.reply_to.uri;
}

/* Or a repetition would be judged anew, and one call could have two outcomes. */
static int remember_refusal(struct smdp *s, const struct es_call *c, const struct es_status *status)
{
	struct bytes outcome;
	int rc = call_outcome_enc(turn_ctx(s->turn), status, &outcome);

	return rc < 0 ? rc : es_request_remember(s->db, c->req, c->peer->oid, 0, outcome);
}

int dp_refuse(struct smdp *s, const struct es_call *c, struct es_status status)
{
	union es_any_rsp rsp = {.base = {.start_ms = clock_stamp_ms(), .end_ms = clock_stamp_ms(), .status = status}};
	int rc;

	smdp_count(s, CTR_REQUESTS_REFUSED);
	LOGP(DES, LOGL_INFO, "%s from %s refused: %s/%s %s\n", es_fn_name(c->req->msg->fn),
	     c->peer ? c->peer->oid : "?", status.subject, status.reason, status.message ? status.message : "");
	if (es_status_is(&status, ES_SC_VALIDITY_REFUSED))
		rsp.base.acceptable_validity_s = c->max_validity_s;
	if (!can_be_called_back(c)) {
		answer_outcome(s, c->req, &rsp);
		return 0;
	}
	rc = c->is_new ? remember_refusal(s, c, &status) : 0;
	if (rc == 0)
		rc = dp_out_callback(s, c->peer->oid, c->req->msg, &rsp);
	return rc < 0 ? rc : dp_accepted(s, c->req);
}

int dp_refuse_with(struct smdp *s, const struct es_call *c, enum es_sc sc, const char *subject_id, const char *text)
{
	return dp_refuse(s, c, es_status_bad(turn_ctx(s->turn), ES_FAILED, sc, subject_id, "%s", text));
}

/* ---- repetitions ---- */

/* Nobody to call: the outcome is in the answer. */
static int answer_stored(struct smdp *s, const struct es_call *c, const struct order_run *r)
{
	struct soap_msg *msg;
	struct es_answer *a;
	struct soap_self self;
	int rc = dp_out_stored(s, r, &msg);

	if (rc < 0)
		return db_broken(s->db) ? rc : dp_accepted(s, c->req);
	a = answer_alloc(s, c->req, 200);
	self = dp_out_self(s, a, c->req->msg->fn);
	es_answer_headers(a, &self, c->req->msg);
	a->body = msg->body;
	talloc_steal(a, msg);
	return 0;
}

static int repeat(struct smdp *s, const struct es_call *c, const struct call *seen)
{
	const struct soap_msg *m = c->req->msg;
	bool is_sync = es_fn_info(m->fn)->mep == ES_SYNC;
	struct order_run r;
	int rc = order_load(s, seen->op_id, &r);

	if (rc == -ENOENT || (rc == 0 && strcmp(r.o.requester, c->peer->oid) != 0))
		return dp_refuse_with(s, c, ES_SC_CALL_ID_REUSED, NULL,
				      "the outcome of this call is not kept any more");
	if (rc < 0)
		return rc;
	if (is_sync)
		dp_out_park(s, c->req->xid, r.o.id, m);
	else if (r.o.state == ORDER_ST_DONE && !m->hdr.reply_to.uri)
		return answer_stored(s, c, &r);
	/* Still running: silence.  Done: say it again, where it can be said. */
	if (r.o.state == ORDER_ST_DONE && (is_sync || m->hdr.reply_to.uri))
		rc = dp_out_again(s, &r, m->hdr.reply_to.uri);
	return rc < 0 || is_sync ? rc : dp_accepted(s, c->req);
}

/* \returns 1 to go on, 0 when it was answered, negative errno */
static int check_repeat(struct smdp *s, const struct es_call *c)
{
	struct call seen;
	int rc = es_request_seen(turn_ctx(s->turn), s->db, c->req, c->peer->oid, &seen);

	if (rc == -EEXIST)
		return dp_refuse_with(s, c, ES_SC_CALL_ID_REUSED, c->req->msg->call_id,
				      "the FunctionCallIdentifier was used before");
	if (rc == 0 && !seen.op_id)
		return dp_refuse(s, c, call_outcome_dec(turn_ctx(s->turn), seen.response));
	return rc == 0 ? repeat(s, c, &seen) : rc;
}

/* ---- admission of operators ---- */

static int check_sender(struct smdp *s, struct es_call *c)
{
	const struct soap_headers *h = &c->req->msg->hdr;
	const struct smdp_peer *p = smdp_cfg_peer_of(s->cfg, c->req->tls);

	if (!p && smdp_cfg_smsr_of(s->cfg, c->req->tls))
		return dp_refuse_with(s, c, ES_SC_SENDER_NOT_ALLOWED, h->from.entity_id,
				      "an SM-SR may not call this interface");
	if (!p) {
		LOGP(DES, LOGL_NOTICE, "request from %s: no peer has this certificate (%s)\n", c->req->remote,
		     c->req->tls->subject);
		dp_fault(s, c->req, 403, SOAP_SUB_FAILED_AUTHENTICATION, "this certificate belongs to no peer");
		return 0;
	}
	if (!h->from.entity_id || strcmp(h->from.entity_id, p->oid) != 0) {
		bool known = smdp_cfg_peer(s->cfg, h->from.entity_id);

		return dp_refuse_with(s, c, known ? ES_SC_SENDER_NOT_ALLOWED : ES_SC_SENDER_UNKNOWN, h->from.entity_id,
				      "From does not name the peer that the certificate belongs to");
	}
	c->peer = p;
	return 1;
}

static int check_addresses(struct smdp *s, const struct es_call *c)
{
	enum soap_fault_subcode subcode;
	const char *bad = es_request_misaddressed(c->req, s->cfg->oid, c->peer->callback_prefix, &subcode);

	if (!bad)
		return 1;
	dp_fault(s, c->req, 400, subcode, bad);
	return 0;
}

static int check_right(struct smdp *s, const struct es_call *c)
{
	unsigned int right = es2_right(c->req->msg->fn);

	if (!right)
		return dp_refuse_with(s, c, ES_SC_UNSUPPORTED, NULL, "this function is not served here");
	if (!(c->peer->rights & right))
		return dp_refuse_with(s, c, ES_SC_SENDER_NOT_ALLOWED, c->peer->oid, "this operator has no right to it");
	return 1;
}

static int check_body(struct smdp *s, const struct es_call *c)
{
	return c->req->msg->body ? 1 : dp_refuse(s, c, c->req->msg->bad);
}

/* Behind the look for a repetition: what was accepted under other limits stays accepted. */
static int check_validity(struct smdp *s, struct es_call *c)
{
	const struct smdp_limits *l = &s->cfg->limits;

	c->max_validity_s = l->max_validity_s;
	if (c->peer->max_validity_s && c->peer->max_validity_s < c->max_validity_s)
		c->max_validity_s = c->peer->max_validity_s;
	if (!es_request_validity(c->req, l->default_validity_s, c->max_validity_s, &c->validity_s))
		return dp_refuse_with(s, c, ES_SC_VALIDITY_REFUSED, NULL, "ValidityPeriod is longer than we accept");
	return 1;
}

static int request(struct smdp *s, const struct es_request *req)
{
	int (*const checks[])(struct smdp * s, const struct es_call *c) = {check_addresses, check_right, check_body};
	struct es_call c = {.req = req};
	int rc = check_sender(s, &c);

	for (size_t i = 0; rc == 1 && i < ARRAY_SIZE(checks); i++)
		rc = checks[i](s, &c);
	if (rc == 1 && es_request_has_no_room(req, s->db, s->cfg->limits.free_space_min)) {
		answer_alloc(s, req, 503)->retry_after_s = 60;
		return 0;
	}
	if (rc == 1)
		rc = check_repeat(s, &c);
	if (rc == 1)
		rc = check_validity(s, &c);
	c.is_new = rc == 1;
	return rc == 1 ? es2_run(s, &c) : rc;
}

/* ---- SM-SRs ---- */

/* \returns NULL when it was answered */
static const struct smsr_peer *smsr_of(struct smdp *s, const struct es_request *req)
{
	const struct smsr_peer *p = smdp_cfg_smsr_of(s->cfg, req->tls);
	const char *from = req->msg->hdr.from.entity_id;

	/* Deployed ones leave From out of an answer: the certificate says who it is. */
	if (p && (!from || strcmp(from, p->oid) == 0))
		return p;
	LOGP(DES, LOGL_NOTICE, "%s from %s: the certificate (%s) does not belong to SM-SR %s\n",
	     es_fn_name(req->msg->fn), req->remote, req->tls->subject, from ? from : "?");
	dp_fault(s, req, 403, SOAP_SUB_FAILED_AUTHENTICATION, "this certificate does not belong to that SM-SR");
	return NULL;
}

static int response(struct smdp *s, const struct es_request *req)
{
	const struct smsr_peer *p = smsr_of(s, req);
	enum es3_match match;
	int rc;

	if (!p)
		return 0;
	if (!req->msg->body) {
		dp_fault(s, req, 400, SOAP_SUB_NONE, "the response breaks the schema");
		return 0;
	}
	rc = es3_rx_response(s, p->oid, req->msg, &match);
	if (rc < 0)
		return rc;
	if (match == ES3_TAKEN)
		return dp_accepted(s, req);
	dp_fault(s, req, 400, SOAP_SUB_INVALID_HEADER, "RelatesTo names no call that waits for this answer");
	return 0;
}

static int notification(struct smdp *s, const struct es_request *req)
{
	const struct smsr_peer *p = smsr_of(s, req);
	int rc;

	if (!p)
		return 0;
	if (!req->msg->body) {
		dp_fault(s, req, 400, SOAP_SUB_NONE, "the notification breaks the schema");
		return 0;
	}
	smdp_count(s, CTR_NOTIFICATIONS);
	rc = es3_rx_note(s, p, req->msg);
	return rc < 0 ? rc : dp_accepted(s, req);
}

int smdp_ev_request(void *smdp, void *es_request)
{
	const struct es_request *req = es_request;
	const struct soap_msg *m = req->msg;
	struct smdp *s = smdp;
	bool is_es3 = m->fn != ES_FN_NONE && es_fn_info(m->fn)->itf == ES_ITF_ES3;

	smdp_count(s, CTR_REQUESTS);
	switch (m->dir) {
	case ES_DIR_REQUEST:
		return request(s, req);
	case ES_DIR_RESPONSE:
		if (is_es3)
			return response(s, req);
		break;
	case ES_DIR_NOTIFICATION:
		if (is_es3)
			return notification(s, req);
		break;
	case ES_DIR_FAULT:
		break;
	}
	dp_fault(s, req, 400, SOAP_SUB_ACTION_NOT_SUPPORTED, "this is not expected here");
	return 0;
}
