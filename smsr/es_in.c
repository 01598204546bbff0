/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Admission of a request and its answer.  SGP.02 "common to every request"; the functions are in es_fns.c.
 *
 * The order: TLS identity, From, To, right to call this interface, function served, body, ValidityPeriod, repetition;
 * then the function looks at EID, ICCID and ownership.  TLS itself, size, XML and envelope were judged by the I/O
 * thread.
 *
 * An asynchronous request that is refused here still gets 202 and its outcome by callback, because that is where its
 * sender waits; only who cannot be called back (no ReplyTo, not identified) is told at once. */
#include "smsr/es_in.h"

#include <errno.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/clock.h"
#include "common/app/log.h"
#include "common/peer/outbox_db.h"
#include "smsr/es_fns.h"
#include "smsr/es_out.h"
#include "smsr/op_db.h"
#include "smsr/record_db.h"
#include "smsr/report.h"

/* ---- answers ---- */

static struct es_answer *answer_alloc(struct smsr *s, const struct es_request *req, unsigned int http_status)
{
	return es_request_answer(req, s->turn, s->ports->answer, s->ports_priv, http_status);
}

struct es_rsp *es_answer_body(struct smsr *s, const struct es_request *req, size_t size)
{
	struct es_answer *a = answer_alloc(s, req, 200);
	const struct soap_self self = es_out_self(s, req->msg->fn);
	struct es_rsp *rsp = talloc_zero_size(a, size);

	OSMO_ASSERT(rsp);
	es_answer_headers(a, &self, req->msg);
	rsp->start_ms = clock_stamp_ms();
	rsp->end_ms = clock_stamp_ms();
	a->body = rsp;
	return rsp;
}

static void answer_fault(struct smsr *s, const struct es_request *req, unsigned int http_status,
			 enum soap_fault_subcode subcode, const char *reason)
{
	es_answer_fault(answer_alloc(s, req, http_status), req->msg, http_status, subcode, reason);
}

static bool can_be_called_back(const struct es_call *c)
{
	return es_fn_info(c->req->msg->fn)->mep == ES_ASYNC && c->peer && c->req->msg->hdr.reply_to.uri;
}

/* Or a repetition would be judged anew, and one call could have two outcomes. */
static int remember_refusal(struct smsr *s, const struct es_call *c, const struct es_status *status)
{
	struct bytes outcome;
	int rc = call_outcome_enc(turn_ctx(s->turn), status, &outcome);

	return rc < 0 ? rc : es_request_remember(s->db, c->req, c->peer->oid, 0, outcome);
}

/* The outcome without an operation, by callback. */
static int refuse_by_callback(struct smsr *s, const struct es_call *c, const union es_any_rsp *rsp)
{
	const struct soap_msg *m = c->req->msg;
	const struct operation op = {
		.fn = m->fn,
		.requester = c->peer->oid,
		.message_id = (char *)m->hdr.id.raw,
		.reply_to = (char *)m->hdr.reply_to.uri,
	};
	struct outbox o = {.peer = c->peer->oid, .url = op.reply_to, .name = (char *)es_fn_name(m->fn)};
	int rc = c->is_new ? remember_refusal(s, c, &rsp->base.status) : 0;

	if (rc == 0)
		rc = es_out_callback(s, &op, rsp, &o.action, &o.envelope);
	if (rc == 0)
		rc = report_queue(s, &o);
	if (rc == 0)
		answer_alloc(s, c->req, 202);
	return rc;
}

int es_refuse(struct smsr *s, const struct es_call *c, struct es_status status)
{
	union es_any_rsp rsp = {.base = {.start_ms = clock_stamp_ms(), .end_ms = clock_stamp_ms(), .status = status}};
	union es_any_rsp *body;

	smsr_count(s, CTR_REQUESTS_REFUSED);
	LOGP(DES, LOGL_INFO, "%s from %s refused: %s/%s %s\n", es_fn_name(c->req->msg->fn),
	     c->peer ? c->peer->oid : "?", status.subject, status.reason, status.message ? status.message : "");
	if (es_status_is(&status, ES_SC_VALIDITY_REFUSED))
		rsp.base.acceptable_validity_s = c->max_validity_s;
	if (can_be_called_back(c))
		return refuse_by_callback(s, c, &rsp);
	body = (union es_any_rsp *)es_answer_body(s, c->req, sizeof(*body));
	body->base.acceptable_validity_s = rsp.base.acceptable_validity_s;
	body->base.status = es_status_dup(body, &status);
	return 0;
}

int es_refuse_with(struct smsr *s, const struct es_call *c, enum es_sc sc, const char *subject_id, const char *text)
{
	return es_refuse(s, c, es_status_bad(turn_ctx(s->turn), ES_FAILED, sc, subject_id, "%s", text));
}

int es_accepted(struct smsr *s, const struct es_call *c)
{
	answer_alloc(s, c->req, 202);
	return 0;
}

/* ---- identity ---- */

static const struct peer *peer_of(struct smsr *s, const struct tls_peer *tls)
{
	for (size_t i = 0; i < s->cfg->n_peers; i++) {
		const struct peer *p = &s->cfg->peers[i];

		if (p->oid && tls_peer_is(tls, &p->tls))
			return p;
	}
	return NULL;
}

static const struct {
	enum es_itf itf;
	unsigned int role;
} itf_roles[] = {
	{ES_ITF_ES1, PEER_EUM},
	{ES_ITF_ES3, PEER_SMDP},
	{ES_ITF_ES4, PEER_MNO},
};

static bool may_call(const struct peer *p, enum es_fn fn)
{
	for (size_t i = 0; i < ARRAY_SIZE(itf_roles); i++) {
		if (itf_roles[i].itf == es_fn_info(fn)->itf)
			return p->roles & itf_roles[i].role;
	}
	return false;
}

/* ---- repetitions ---- */

static int repeat_sync(struct smsr *s, const struct es_call *c, const struct call *seen)
{
	struct es_rsp *rsp = es_answer_body(s, c->req, sizeof(*rsp));

	rsp->status = call_outcome_dec(rsp, seen->response);
	return 0;
}

static bool is_same_call(const struct es_call *c, const struct operation *op)
{
	return op->requester && strcmp(op->requester, c->peer->oid) == 0 && op->call_id &&
	       strcmp(op->call_id, c->req->msg->call_id) == 0;
}

static void answer_again(struct smsr *s, const struct es_call *c, const struct es_rsp *body, size_t size)
{
	struct es_rsp *rsp = es_answer_body(s, c->req, size);

	/* The body was made for this event: what hangs below it moves to the answer. */
	memcpy(rsp, body, size);
	rsp->status = es_status_dup(rsp, &body->status);
	talloc_steal(rsp, body);
}

static size_t response_size(enum op_kind kind)
{
	const union es_any_rsp *body = NULL;

	if (kind == OP_AUDIT)
		return sizeof(body->eis);
	return kind == OP_CREATE ? sizeof(body->create) : sizeof(body->euicc);
}

/* Still running: silence.  Done: say it again, where it can be said. */
static int repeat_async(struct smsr *s, const struct es_call *c, const struct call *seen)
{
	const union es_any_rsp *body;
	struct op_run r;
	void *made;
	int rc = op_load(s, seen->op_id, &r);

	/* Numbers of operations come again when the newest were forgotten: never tell one peer another one's outcome.
	 */
	if (rc == -ENOENT || (rc == 0 && !is_same_call(c, &r.op)))
		return es_refuse_with(s, c, ES_SC_CALL_ID_REUSED, NULL,
				      "the outcome of this call is not kept any more");
	if (rc < 0 || r.op.state != OP_ST_DONE)
		return rc < 0 ? rc : es_accepted(s, c);
	r.op.message_id = (char *)c->req->msg->hdr.id.raw;
	r.op.reply_to = (char *)c->req->msg->hdr.reply_to.uri;
	if (r.op.reply_to) {
		rc = report_outcome(s, &r);
		return rc < 0 ? rc : es_accepted(s, c);
	}
	rc = es_out_response(s, &r, &made);
	if (rc < 0)
		return rc;
	body = made;
	answer_again(s, c, &body->base, response_size(r.op.kind));
	return 0;
}

/* \returns 1 to go on, 0 when it was answered, negative errno */
static int check_repeat(struct smsr *s, const struct es_call *c)
{
	struct call seen;
	int rc = es_request_seen(turn_ctx(s->turn), s->db, c->req, c->peer->oid, &seen);

	if (rc == -EEXIST)
		return es_refuse_with(s, c, ES_SC_CALL_ID_REUSED, c->req->msg->call_id,
				      "the FunctionCallIdentifier was used before");
	if (rc != 0)
		return rc;
	if (!seen.op_id && es_fn_info(c->req->msg->fn)->mep == ES_ASYNC)
		return es_refuse(s, c, call_outcome_dec(turn_ctx(s->turn), seen.response));
	return seen.op_id ? repeat_async(s, c, &seen) : repeat_sync(s, c, &seen);
}

int es_store_call(struct smsr *s, const struct es_call *c, int64_t op_id, const struct es_status *status)
{
	struct bytes outcome = {0};
	int rc = status ? call_outcome_enc(turn_ctx(s->turn), status, &outcome) : 0;

	return rc < 0 ? rc : es_request_remember(s->db, c->req, c->peer->oid, op_id, outcome);
}

/* ---- admission ---- */

static uint32_t max_validity(struct smsr *s, const struct peer *p)
{
	uint32_t max = s->cfg->limits.max_validity_s;

	return p->max_validity_s && p->max_validity_s < max ? p->max_validity_s : max;
}

/* \returns 1 to go on, 0 when it was answered, negative errno */
static int check_sender(struct smsr *s, struct es_call *c)
{
	const struct soap_headers *h = &c->req->msg->hdr;
	const struct peer *p = peer_of(s, c->req->tls);

	if (!p) {
		LOGP(DES, LOGL_NOTICE, "request from %s: no peer has this certificate (%s)\n", c->req->remote,
		     c->req->tls->subject);
		answer_fault(s, c->req, 403, SOAP_SUB_FAILED_AUTHENTICATION, "this certificate belongs to no peer");
		return 0;
	}
	if (!h->from.entity_id || strcmp(h->from.entity_id, p->oid) != 0) {
		bool known = smsr_cfg_peer(s->cfg, h->from.entity_id);
		int rc =
			es_refuse_with(s, c, known ? ES_SC_SENDER_NOT_ALLOWED : ES_SC_SENDER_UNKNOWN, h->from.entity_id,
				       "From does not name the peer that the certificate belongs to");
		return rc;
	}
	c->peer = p;
	return 1;
}

static int check_addresses(struct smsr *s, struct es_call *c)
{
	enum soap_fault_subcode subcode;
	const char *bad = es_request_misaddressed(c->req, s->cfg->oid, c->peer->callback_prefix, &subcode);

	if (!bad)
		return 1;
	answer_fault(s, c->req, 400, subcode, bad);
	return 0;
}

/* Behind the look for a repetition: what was accepted under other limits stays accepted. */
static int check_validity(struct smsr *s, struct es_call *c)
{
	c->max_validity_s = max_validity(s, c->peer);
	if (!es_request_validity(c->req, s->cfg->limits.default_validity_s, c->max_validity_s, &c->validity_s))
		return es_refuse_with(s, c, ES_SC_VALIDITY_REFUSED, NULL, "ValidityPeriod is longer than we accept");
	return 1;
}

static int admit(struct smsr *s, struct es_call *c, const struct es_function **fn)
{
	int rc = check_sender(s, c);

	if (rc == 1)
		rc = check_addresses(s, c);
	if (rc != 1)
		return rc;
	if (!may_call(c->peer, c->req->msg->fn))
		return es_refuse_with(s, c, ES_SC_SENDER_NOT_ALLOWED, c->peer->oid,
				      "this peer may not call this interface");
	*fn = es_function(c->req->msg->fn);
	if (!*fn)
		return es_refuse_with(s, c, ES_SC_UNSUPPORTED, NULL, "this function is not served here");
	return c->req->msg->body ? 1 : es_refuse(s, c, c->req->msg->bad);
}

int smsr_ev_request(void *smsr, void *es_request)
{
	const struct es_function *fn = NULL;
	struct smsr *s = smsr;
	struct es_call c = {.req = es_request};
	int rc;

	smsr_count(s, CTR_REQUESTS);
	if (c.req->msg->dir != ES_DIR_REQUEST) {
		answer_fault(s, c.req, 400, SOAP_SUB_ACTION_NOT_SUPPORTED, "only requests are expected here");
		return 0;
	}
	rc = admit(s, &c, &fn);
	if (rc != 1)
		return rc;
	if (es_request_has_no_room(c.req, s->db, s->cfg->limits.free_space_min)) {
		answer_alloc(s, c.req, 503)->retry_after_s = 60;
		return 0;
	}
	rc = check_repeat(s, &c);
	if (rc == 1)
		rc = check_validity(s, &c);
	c.is_new = rc == 1;
	return rc == 1 ? fn->run(s, &c) : rc;
}
