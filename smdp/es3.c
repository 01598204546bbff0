/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Calls to SM-SRs: their rows, attempts, answers in the HTTP response and by callback.  SGP.02 Annex B.
 *
 * A synchronous function is answered in the HTTP response.  An asynchronous one gets 202, and its answer comes to
 * ES3SmDpService; when that takes long the call is repeated, and the SM-SR answers again, stays silent while it works,
 * or never had it. */
#include "smdp/es3.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/backoff.h"
#include "common/app/clock.h"
#include "common/app/log.h"
#include "common/crypto/rnd.h"
#include "smdp/dp_record_db.h"
#include "smdp/es3_db.h"

#define PUMP_BATCH 100
#define POISON_MS (60 * 1000)
#define OVER_EVERY_MS 1000
#define NOWHERE "urn:none" /* no client can reach it */

/* ---- making ---- */

static char *own_url(struct smdp *s)
{
	return talloc_asprintf(turn_ctx(s->turn), "%s/ES3/%s", s->cfg->uri, es_fn_info(ES3_SEND_DATA)->callback);
}

static int write_envelope(struct smdp *s, const struct order *o, struct es_req *req, struct es3_call *c)
{
	void *ctx = turn_ctx(s->turn);
	const struct soap_self self = {.uri = own_url(s), .oid = s->cfg->oid, .name = s->cfg->name};
	struct soap_out out = {
		.from = soap_from(ctx, &self),
		.to = soap_endpoint(ctx, c->url, c->smsr_oid),
		.action = es_fn_action(ctx, c->fn, ES_DIR_REQUEST, NULL),
		.message_id = soap_message_id(ctx, s->cfg->oid, o->transaction_id, o->context_id, clock_stamp_ms()),
	};
	struct soap_msg_id id;
	int rc = soap_msg_id_dec(ctx, out.message_id, &id);

	if (rc < 0)
		return rc;
	if (es_fn_info(c->fn)->mep == ES_ASYNC)
		out.reply_to = soap_endpoint(ctx, self.uri, self.oid);
	c->message_base = talloc_strdup(ctx, id.base);
	c->action = talloc_strdup(ctx, out.action);
	return soap_tx(ctx, &out, c->fn, ES_DIR_REQUEST, req, &c->envelope);
}

static uint32_t rest_s(const struct smsr_peer *p, int64_t expires_ms)
{
	int64_t rest = (expires_ms - clock_now_ms()) / 1000;

	if (rest < 1)
		rest = 1;
	if (p && p->validity_s && rest > p->validity_s)
		rest = p->validity_s;
	return rest > UINT32_MAX ? UINT32_MAX : (uint32_t)rest;
}

int es3_call(struct smdp *s, struct order_run *r, enum es_fn fn, struct es_req *req, int64_t expires_ms, bool held)
{
	const struct smsr_peer *p = smdp_cfg_smsr(s->cfg, r->o.smsr_oid);
	struct es3_call c = {
		.op_id = r->o.id,
		.smsr_oid = r->o.smsr_oid,
		.fn = fn,
		.call_id = rnd_uuid(turn_ctx(s->turn)),
		.transaction_id = r->o.transaction_id,
		.state = held ? ES3_ST_HELD : ES3_ST_SENDING,
		.due_ms = held ? 0 : clock_now_ms(),
		.expires_ms = expires_ms,
		.created_ms = clock_now_ms(),
	};
	int rc;

	/* Gone from the configuration: the call is a row all the same, and expires like one that cannot be delivered.
	 */
	c.url = p ? p->url : NOWHERE;
	req->call_id = c.call_id;
	req->validity_s = rest_s(p, expires_ms);
	rc = write_envelope(s, &r->o, req, &c);
	if (rc == 0)
		rc = es3_db_insert(s->db, &c);
	smdp_count(s, CTR_ES3_CALLS);
	if (rc < 0 || held)
		return rc;
	return order_note(s, r->o.id, STEP_CALL, "%s, %zu octets", es_fn_name(fn), c.envelope.len);
}

static int end(struct smdp *s, struct es3_call *c, enum es3_state state)
{
	c->state = state;
	c->due_ms = 0;
	c->ended_ms = clock_now_ms();
	return es3_db_update(s->db, c);
}

static int get_held(struct smdp *s, int64_t op_id, struct es3_call *c, struct soap_msg **msg)
{
	struct soap_fault *bad;
	int64_t id;
	int rc = es3_db_held_of(s->db, op_id, &id);

	if (rc == 0)
		rc = es3_db_get(turn_ctx(s->turn), s->db, id, c);
	if (rc < 0)
		return rc;
	rc = soap_rx(s->es, turn_ctx(s->turn), c->envelope, SOAP_CONTENT_TYPE, msg, &bad);
	return rc < 0 || !(*msg)->body ? -EINVAL : 0;
}

int es3_held(struct smdp *s, int64_t op_id, const void **body)
{
	struct soap_msg *msg;
	struct es3_call c;
	int rc = get_held(s, op_id, &c, &msg);

	if (rc == 0)
		*body = msg->body;
	return rc;
}

/* Written anew: meanwhile time went by, and the SM-SR gets the rest of it. */
int es3_release(struct smdp *s, struct order_run *r)
{
	struct soap_msg *msg;
	struct es3_call c;
	int rc = get_held(s, r->o.id, &c, &msg);

	if (rc == 0)
		rc = end(s, &c, ES3_ST_LOST);
	return rc < 0 ? rc : es3_call(s, r, c.fn, msg->body, r->o.expires_ms, false);
}

int es3_drop(struct smdp *s, int64_t op_id)
{
	int (*const finders[])(struct db * db, int64_t op_id, int64_t * id) = {es3_db_open_of, es3_db_held_of};
	struct es3_call c;
	int64_t id;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < ARRAY_SIZE(finders); i++) {
		rc = finders[i](s->db, op_id, &id);
		if (rc == 0)
			rc = es3_db_get(turn_ctx(s->turn), s->db, id, &c);
		if (rc == 0)
			rc = end(s, &c, ES3_ST_LOST);
		if (rc == -ENOENT)
			rc = 0;
	}
	return rc;
}

/* ---- sending ---- */

static void emit_post(void *priv, void *data)
{
	struct smdp *s = priv;

	s->ports->http_post(s->ports_priv, data);
}

static int give_up(struct smdp *s, struct es3_call *c)
{
	const struct order_input in = {
		.event = c->maybe ? ORDER_EV_SILENT : ORDER_EV_EXPIRED, .fn = c->fn, .maybe = c->maybe};
	int rc = end(s, c, ES3_ST_LOST);

	if (rc == 0)
		rc = order_note(s, c->op_id, STEP_RETRY, "%s: %s", es_fn_name(c->fn),
				c->maybe ? "no answer in time" : "the SM-SR was not reached in time");
	return rc < 0 ? rc : order_event(s, c->op_id, &in);
}

/* A call that may have been taken has some more time for its answer. */
static bool is_over(struct smdp *s, const struct es3_call *c)
{
	int64_t grace_ms = c->maybe ? (int64_t)s->cfg->limits.grace_s * 1000 : 0;

	return clock_now_ms() >= c->expires_ms + grace_ms;
}

static int64_t not_after(struct smdp *s, const struct es3_call *c, int64_t due_ms)
{
	int64_t last = c->expires_ms + (c->maybe ? (int64_t)s->cfg->limits.grace_s * 1000 : 0);

	return due_ms < last ? due_ms : last;
}

static int post(struct smdp *s, int64_t id)
{
	struct http_out *h = talloc_zero(turn_ctx(s->turn), struct http_out);
	struct es3_call c;
	int rc = es3_db_get(h, s->db, id, &c);

	OSMO_ASSERT(h);
	if (rc < 0)
		return rc;
	if (is_over(s, &c))
		return give_up(s, &c);
	*h = (struct http_out){
		.ref = -c.id,
		.url = c.url,
		.action = c.action,
		.body = c.envelope,
		.timeout_s = s->cfg->limits.es3_timeout_s,
	};
	if (c.attempt++)
		smdp_count(s, CTR_ES3_COPIES);
	/* If nothing comes back, not even an error, it is tried again after this. */
	c.due_ms = clock_now_ms() + (int64_t)s->cfg->limits.es3_timeout_s * 2000;
	rc = es3_db_update(s->db, &c);
	if (rc == 0)
		turn_output(s->turn, emit_post, s, h);
	return rc;
}

struct isolated {
	struct smdp *s;
	int64_t id;
};

static int post_one(void *arg)
{
	const struct isolated *i = arg;

	return post(i->s, i->id);
}

static int abandon_one(void *arg)
{
	const struct isolated *i = arg;
	struct es3_call c;
	int rc = es3_db_get(turn_ctx(i->s->turn), i->s->db, i->id, &c);

	if (rc == 0)
		rc = end(i->s, &c, ES3_ST_LOST);
	return rc < 0 ? rc : order_abandon(i->s, c.op_id);
}

/* One row that nobody can handle must not stop the others, nor be due for ever; at the end of its time its order ends
 * with it. */
static int post_isolated(struct smdp *s, int64_t id)
{
	struct isolated i = {s, id};
	struct es3_call c;
	int rc = turn_try(s->turn, post_one, &i);

	if (rc >= 0 || db_broken(s->db))
		return rc < 0 ? rc : 0;
	LOGP(DPROC, LOGL_ERROR, "call %" PRId64 ": error %d, put aside for %d s\n", id, -rc, POISON_MS / 1000);
	rc = es3_db_get(turn_ctx(s->turn), s->db, id, &c);
	if (rc < 0)
		return db_broken(s->db) ? rc : 0;
	if (is_over(s, &c) && turn_try(s->turn, abandon_one, &i) == 0)
		return 0;
	if (db_broken(s->db))
		return -EIO;
	c.due_ms = clock_now_ms() + POISON_MS;
	return es3_db_update(s->db, &c);
}

/* While nothing leaves, time still runs out: a look in each second. */
static int over(struct smdp *s, int64_t *ids, size_t max, size_t *n)
{
	*n = 0;
	if (clock_now_ms() < s->over_ms)
		return 0;
	s->over_ms = clock_now_ms() + OVER_EVERY_MS;
	return es3_db_over(s->db, clock_now_ms(), (int64_t)s->cfg->limits.grace_s * 1000, ids, max, n);
}

int es3_next_ms(struct smdp *s, int64_t *due_ms)
{
	bool paused = false;
	int rc = dp_record_db_is_paused(s->db, &paused);

	if (rc < 0 || !paused)
		return rc < 0 ? rc : es3_db_nearest(s->db, due_ms);
	rc = es3_db_waiting(s->db, due_ms);
	if (rc == 0 && *due_ms)
		*due_ms = s->over_ms > clock_now_ms() ? s->over_ms : clock_now_ms();
	return rc;
}

int es3_pump(struct smdp *s, bool *more)
{
	int64_t ids[PUMP_BATCH];
	bool paused = false;
	size_t n = 0;
	int rc = dp_record_db_is_paused(s->db, &paused);

	if (rc == 0)
		rc = paused ? over(s, ids, ARRAY_SIZE(ids), &n)
			    : es3_db_due(s->db, clock_now_ms(), ids, ARRAY_SIZE(ids), &n);
	*more = rc == 0 && n == ARRAY_SIZE(ids);
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = post_isolated(s, ids[i]);
	return rc;
}

/* ---- answers ---- */

static int answered(struct smdp *s, struct es3_call *c, const struct soap_msg *msg)
{
	const union es_any_rsp *rsp = msg->body;
	const struct order_input in = {.event = ORDER_EV_ANSWER, .fn = c->fn, .rsp = rsp, .maybe = c->attempt > 1};
	const struct es_status *st = &rsp->base.status;
	int rc = end(s, c, ES3_ST_ANSWERED);

	smdp_count(s, CTR_ES3_ANSWERS);
	if (rc == 0)
		rc = order_note(s, c->op_id, STEP_ANSWER, "%s: %s%s%s%s%s%s%s", es_fn_name(c->fn),
				es_exec_name(st->status), st->subject ? " " : "", st->subject ? st->subject : "",
				st->subject ? "/" : "", st->reason ? st->reason : "", st->message ? ": " : "",
				st->message ? st->message : "");
	return rc < 0 ? rc : order_event(s, c->op_id, &in);
}

static int refused(struct smdp *s, struct es3_call *c, const char *text)
{
	const struct order_input in = {.event = ORDER_EV_REFUSED, .fn = c->fn, .text = text, .maybe = c->maybe};
	int rc = end(s, c, ES3_ST_LOST);

	smdp_count(s, CTR_ES3_ERRORS);
	if (rc == 0)
		rc = order_note(s, c->op_id, STEP_ANSWER, "%s refused: %s", es_fn_name(c->fn), text);
	return rc < 0 ? rc : order_event(s, c->op_id, &in);
}

/* An SM-SR may put us off, but not for so long that the call is over without another try. */
static int64_t put_off_ms(const struct es3_call *c, const struct smdp_post_done *d)
{
	return OSMO_MIN((int64_t)d->post.retry_after_s * 1000, (c->expires_ms - clock_now_ms()) / 2);
}

static int try_again(struct smdp *s, struct es3_call *c, const struct smdp_post_done *d, const char *text)
{
	const struct smdp_limits *l = &s->cfg->limits;
	int64_t wait_ms = backoff_ms(l->es3_retry_min_s, l->es3_retry_max_s, c->attempt);
	int rc;

	wait_ms = OSMO_MAX(wait_ms, put_off_ms(c, d));
	smdp_count(s, CTR_ES3_ERRORS);
	c->maybe |= !d->unreached;
	c->last_error = talloc_strdup(turn_ctx(s->turn), text);
	c->due_ms = not_after(s, c, clock_now_ms() + wait_ms);
	rc = es3_db_update(s->db, c);
	return rc < 0 ? rc : order_note(s, c->op_id, STEP_RETRY, "%s: %s", es_fn_name(c->fn), text);
}

static int taken(struct smdp *s, struct es3_call *c)
{
	c->state = ES3_ST_ACCEPTED;
	c->maybe = true;
	c->last_error = NULL;
	c->due_ms = not_after(s, c, clock_now_ms() + (int64_t)s->cfg->limits.ask_again_s * 1000);
	return es3_db_update(s->db, c);
}

/* \returns the response to this call, or NULL; what says why it is none */
static const struct soap_msg *read_body(struct smdp *s, const struct es3_call *c, const struct smdp_post_done *d,
					const char **fault)
{
	struct soap_fault *bad;
	struct soap_msg *msg;

	*fault = NULL;
	if (d->body.len == 0 || soap_rx(s->es, turn_ctx(s->turn), d->body, d->content_type, &msg, &bad) < 0)
		return NULL;
	if (msg->dir == ES_DIR_FAULT) {
		const struct soap_fault *f = msg->body;

		*fault = f->reason ? f->reason : "a fault without a reason";
	}
	return msg->dir == ES_DIR_RESPONSE && msg->fn == c->fn && msg->body ? msg : NULL;
}

int es3_post_done(struct smdp *s, const struct smdp_post_done *d)
{
	void *ctx = turn_ctx(s->turn);
	const struct soap_msg *msg;
	const char *fault;
	struct es3_call c;
	int rc = es3_db_get(ctx, s->db, d->post.ref, &c);

	if (rc < 0)
		return rc == -ENOENT ? 0 : rc;
	if (c.state != ES3_ST_SENDING && c.state != ES3_ST_ACCEPTED)
		return 0;
	if (!d->post.answered)
		return try_again(s, &c, d, d->post.detail);
	msg = read_body(s, &c, d, &fault);
	if (post_is_taken(&d->post)) {
		if (msg)
			return answered(s, &c, msg);
		if (es_fn_info(c.fn)->mep == ES_ASYNC)
			return taken(s, &c);
		return try_again(s, &c, d, "an answer that cannot be read");
	}
	if (post_is_final(&d->post))
		return refused(s, &c, fault ? fault : talloc_asprintf(ctx, "HTTP %u", d->post.status));
	return try_again(s, &c, d, fault ? fault : talloc_asprintf(ctx, "HTTP %u", d->post.status));
}

/* The operator was told that time is over; what the card did all the same comes as a notification.  Once. */
static int late(struct smdp *s, struct es3_call *c, const struct soap_msg *msg)
{
	const struct es_rsp *rsp = msg->body;
	struct order_run r;
	int rc;

	LOGP(DES, LOGL_NOTICE, "%s of order %" PRId64 " is answered too late: %s\n", es_fn_name(c->fn), c->op_id,
	     es_exec_name(rsp->status.status));
	if (rsp->status.status != ES_EXECUTED_SUCCESS && rsp->status.status != ES_EXECUTED_WITHWARNING)
		return 0;
	rc = order_load(s, c->op_id, &r);
	if (rc == 0)
		rc = end(s, c, ES3_ST_ANSWERED);
	return rc < 0 ? rc : es3_late_success(s, &r, c->fn, rsp->end_ms);
}

/* RelatesTo, and without it the only open call of this function in the transaction.  SGP.02 Annex B. */
static int find_call(struct smdp *s, const char *smsr_oid, const struct soap_msg *msg, int64_t *id)
{
	const struct soap_headers *h = &msg->hdr;
	int64_t ids[2];
	size_t n;
	int rc;

	if (h->relates_to.base)
		return es3_db_by_message(s->db, h->relates_to.base, id);
	if (!h->id.transaction_id)
		return -ENOENT;
	rc = es3_db_by_transaction(s->db, smsr_oid, h->id.transaction_id, msg->fn, ids, ARRAY_SIZE(ids), &n);
	if (rc == 0 && n == 1)
		*id = ids[0];
	return rc == 0 && n != 1 ? -ENOENT : rc;
}

/* An answer that says what it answers can come twice; any other would be taken for the answer to the next call. */
static int known_before(struct smdp *s, const char *smsr_oid, const struct soap_msg *msg)
{
	if (msg->hdr.relates_to.base || !msg->hdr.id.base)
		return 0;
	return dp_record_db_note(s->db, smsr_oid, msg->hdr.id.base, clock_now_ms());
}

int es3_rx_response(struct smdp *s, const char *smsr_oid, const struct soap_msg *msg, enum es3_match *match)
{
	struct es3_call c;
	int64_t id;
	int rc = known_before(s, smsr_oid, msg);

	*match = ES3_TAKEN;
	if (rc < 0)
		return rc == -EEXIST ? 0 : rc;
	rc = find_call(s, smsr_oid, msg, &id);
	if (rc == 0)
		rc = es3_db_get(turn_ctx(s->turn), s->db, id, &c);
	if (rc < 0 && rc != -ENOENT)
		return rc;
	*match = rc == 0 && strcmp(c.smsr_oid, smsr_oid) == 0 && c.fn == msg->fn ? ES3_TAKEN : ES3_UNKNOWN;
	if (*match == ES3_UNKNOWN) {
		smdp_count(s, CTR_ES3_UNKNOWN);
		LOGP(DES, LOGL_NOTICE, "%s from %s answers no call of ours\n", es_fn_name(msg->fn), smsr_oid);
		return 0;
	}
	if (c.state == ES3_ST_SENDING || c.state == ES3_ST_ACCEPTED)
		return answered(s, &c, msg);
	if (c.state == ES3_ST_LOST)
		return late(s, &c, msg);
	LOGP(DES, LOGL_INFO, "%s of order %" PRId64 " is answered again\n", es_fn_name(c.fn), c.op_id);
	return 0;
}
