/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Messages to operators.  A parked connection is no row: when the process ends it breaks, and the operator asks again
 * under the same FunctionCallIdentifier. */
#include "smdp/dp_out.h"

#include <errno.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/clock.h"
#include "common/app/log.h"
#include "smdp/order_db.h"

/* ---- the outbox ---- */

static void emit_post(void *priv, void *data)
{
	struct smdp *s = priv;

	s->ports->http_post(s->ports_priv, data);
}

static int note_post(void *priv, const struct outbox *o, const char *text)
{
	return o->op_id ? order_note(priv, o->op_id, STEP_REPORTED, "%s to %s: %s", o->name, o->peer, text) : 0;
}

static void count_post(void *priv, enum outbox_event ev)
{
	static const enum smdp_ctr ctrs[] = {
		[OUTBOX_EV_TAKEN] = CTR_CALLBACKS,
		[OUTBOX_EV_ERROR] = CTR_CALLBACK_ERRORS,
		[OUTBOX_EV_GIVEN_UP] = CTR_CALLBACKS_GIVEN_UP,
	};

	smdp_count(priv, ctrs[ev]);
}

struct outbox_host dp_out_host(struct smdp *s)
{
	const struct smdp_limits *l = &s->cfg->limits;

	return (struct outbox_host){
		.turn = s->turn,
		.db = s->db,
		.retry_min_s = l->callback_retry_min_s,
		.retry_max_s = l->callback_retry_max_s,
		.timeout_s = l->callback_timeout_s,
		.give_up_s = l->callback_give_up_s,
		.post = emit_post,
		.note = note_post,
		.count = count_post,
		.priv = s,
	};
}

static int queue(struct smdp *s, struct outbox *o)
{
	const struct outbox_host h = dp_out_host(s);

	return outbox_queue(&h, o);
}

struct soap_self dp_out_self(struct smdp *s, const void *ctx, enum es_fn fn)
{
	bool is_es3 = es_fn_info(fn)->itf == ES_ITF_ES3;

	return (struct soap_self){
		.uri = talloc_asprintf(ctx, "%s/%s", s->cfg->uri, is_es3 ? "ES3/ES3SmDpService" : "ES2/ES2SmDpService"),
		.oid = s->cfg->oid,
		.name = s->cfg->name,
	};
}

/* ---- parked connections ---- */

struct parked {
	struct llist_head entry;
	uint64_t xid;
	int64_t op_id;
	struct es_answer *answer; /* with its headers; below no parent once it leaves */
	struct smdp *s;
};

static void emit_park(void *priv, void *data)
{
	struct parked *p = data;
	struct smdp *s = priv;

	talloc_steal(s, p);
	llist_add_tail(&p->entry, &s->parked);
}

void dp_out_park(struct smdp *s, uint64_t xid, int64_t op_id, const struct soap_msg *msg)
{
	struct parked *p = talloc_zero(turn_ctx(s->turn), struct parked);
	struct soap_self self;

	OSMO_ASSERT(p);
	p->xid = xid;
	p->op_id = op_id;
	p->answer = talloc_zero(p, struct es_answer);
	OSMO_ASSERT(p->answer);
	self = dp_out_self(s, p->answer, msg->fn);
	p->answer->http_status = 200;
	es_answer_headers(p->answer, &self, msg);
	/* Only when the rows are there: a connection of an event that failed waits for nothing. */
	turn_output(s->turn, emit_park, s, p);
}

struct unparked {
	int64_t op_id;
	union es_any_rsp rsp;
	void *own; /* what rsp points to */
};

/* The tree goes to another thread: nothing in it is borrowed.  An EIS goes to the first that waits, and there is only
 * one: GetEIS is no function that repeats are known of. */
static void emit_unpark(void *priv, void *data)
{
	struct unparked *u = data;
	struct smdp *s = priv;
	struct parked *p, *next;

	llist_for_each_entry_safe (p, next, &s->parked, entry) {
		struct es_answer *a = p->answer;
		union es_any_rsp *rsp;

		if (p->op_id != u->op_id)
			continue;
		rsp = talloc_zero(a, union es_any_rsp);
		OSMO_ASSERT(rsp);
		*rsp = u->rsp;
		rsp->base.status = es_status_dup(rsp, &u->rsp.base.status);
		a->body = rsp;
		if (u->own)
			talloc_steal(a, u->own);
		u->own = NULL;
		llist_del(&p->entry);
		s->ports->answer(s->ports_priv, p->xid, talloc_steal(NULL, a));
		talloc_free(p);
	}
}

/* ---- outcomes ---- */

static void fill(const struct order *o, union es_any_rsp *rsp)
{
	rsp->base = (struct es_rsp){.start_ms = o->created_ms, .end_ms = clock_now_ms(), .status = o->outcome};
	switch ((int)o->fn) {
	case ES2_DOWNLOAD_PROFILE:
		rsp->download.iccid = o->iccid;
		break;
	case ES2_ENABLE_PROFILE:
	case ES2_DISABLE_PROFILE:
	case ES2_DELETE_PROFILE:
		if (o->erd.len)
			rsp->euicc.euicc_data = o->erd;
		break;
	}
}

static int answer_parked(struct smdp *s, const struct order_run *r, const union es_any_rsp *rsp,
			 const union es_any_rsp *from)
{
	struct unparked *u = talloc_zero(turn_ctx(s->turn), struct unparked);

	OSMO_ASSERT(u);
	u->op_id = r->o.id;
	u->rsp = *rsp;
	u->rsp.base.status = es_status_dup(u, &rsp->base.status);
	if (r->o.fn == ES2_GET_EIS && from && from->eis.eis) {
		u->own = talloc_new(u);
		u->rsp.eis.eis = eis_for_operator(u->own, from->eis.eis, r->o.requester);
		talloc_steal(u->own, (void *)from);
	}
	turn_output(s->turn, emit_unpark, s, u);
	return 0;
}

static int envelope(struct smdp *s, enum es_fn fn, const struct soap_headers *req, const char *peer,
		    const union es_any_rsp *rsp, struct outbox *o)
{
	void *ctx = turn_ctx(s->turn);
	const struct soap_self self = dp_out_self(s, ctx, fn);
	struct soap_out out = soap_answer(ctx, &self, req, clock_stamp_ms());

	if (!out.to) /* nobody to call: for the record, and for who asks again */
		out.to = soap_endpoint(ctx, "urn:none", peer);
	out.action = es_fn_action(ctx, fn, ES_DIR_RESPONSE, NULL);
	o->action = talloc_strdup(ctx, out.action);
	o->name = talloc_strdup(ctx, es_fn_name(fn));
	o->peer = talloc_strdup(ctx, peer);
	return soap_tx(ctx, &out, fn, ES_DIR_RESPONSE, rsp, &o->envelope);
}

static int callback(struct smdp *s, struct order_run *r, const union es_any_rsp *rsp)
{
	void *ctx = turn_ctx(s->turn);
	struct outbox o = {.op_id = r->o.id, .euicc_id = r->o.euicc_id, .url = r->o.reply_to};
	struct soap_headers req = {0};
	int rc = soap_msg_id_dec(ctx, r->o.message_id ? r->o.message_id : "", &req.id);

	if (rc == 0 && r->o.reply_to)
		rc = soap_addr_dec(ctx, r->o.reply_to, &req.reply_to);
	if (rc == 0)
		rc = envelope(s, r->o.fn, &req, r->o.requester, rsp, &o);
	/* The order has ended all the same. */
	if (rc < 0 && !db_broken(s->db))
		return order_note(s, r->o.id, STEP_REPORTED, "given up: the message cannot be written (error %d)", -rc);
	if (rc == 0)
		rc = queue(s, &o);
	if (rc == 0 && !o.url)
		rc = order_note(s, r->o.id, STEP_REPORTED, "no ReplyTo: the outcome waits to be asked for");
	return rc;
}

int dp_out_outcome(struct smdp *s, struct order_run *r, const union es_any_rsp *from)
{
	union es_any_rsp rsp = {0};

	fill(&r->o, &rsp);
	if (es_fn_info(r->o.fn)->mep == ES_SYNC)
		return answer_parked(s, r, &rsp, from);
	if (r->o.fn == ES2_AUDIT_EIS && from && from->eis.eis)
		rsp.eis.eis = eis_for_operator(turn_ctx(s->turn), from->eis.eis, r->o.requester);
	return callback(s, r, &rsp);
}

static int stored(struct smdp *s, const struct order_run *r, struct outbox *o)
{
	int64_t id;
	size_t n;
	int rc = outbox_db_of_op(s->db, r->o.id, &id, 1, &n);

	if (rc == 0 && n == 0)
		rc = -ENOENT;
	return rc < 0 ? rc : outbox_db_get(turn_ctx(s->turn), s->db, id, o);
}

int dp_out_again(struct smdp *s, struct order_run *r, const char *reply_to)
{
	union es_any_rsp rsp = {0};
	struct outbox o;
	int rc;

	if (es_fn_info(r->o.fn)->mep == ES_SYNC) {
		fill(&r->o, &rsp);
		return answer_parked(s, r, &rsp, NULL);
	}
	rc = stored(s, r, &o);
	if (rc < 0 || o.state == OUTBOX_WAITING)
		return rc == -ENOENT ? 0 : rc;
	o.url = (char *)reply_to;
	o.attempt = 0;
	o.last_error = NULL;
	return queue(s, &o);
}

int dp_out_stored(struct smdp *s, const struct order_run *r, struct soap_msg **msg)
{
	struct soap_fault *bad;
	struct outbox o;
	int rc = stored(s, r, &o);

	if (rc < 0)
		return rc;
	rc = soap_rx(s->es, turn_ctx(s->turn), o.envelope, SOAP_CONTENT_TYPE, msg, &bad);
	return rc == 0 && !(*msg)->body ? -EINVAL : rc;
}

int dp_out_callback(struct smdp *s, const char *peer, const struct soap_msg *msg, const union es_any_rsp *rsp)
{
	struct outbox o = {.url = (char *)msg->hdr.reply_to.uri};
	int rc = envelope(s, msg->fn, &msg->hdr, peer, rsp, &o);

	return rc < 0 ? rc : queue(s, &o);
}

/* ---- notifications ---- */

int dp_out_notify(struct smdp *s, const struct smdp_peer *to, int64_t euicc_id, const struct soap_msg_id *from,
		  enum es_fn fn, const void *body)
{
	void *ctx = turn_ctx(s->turn);
	const struct soap_self self = dp_out_self(s, ctx, fn);
	struct outbox o = {.euicc_id = euicc_id, .peer = to->oid, .url = to->notification_url};
	const struct soap_out out = {
		.from = soap_from(ctx, &self),
		.to = soap_endpoint(ctx, to->notification_url ? to->notification_url : "urn:none", to->oid),
		.action = es_fn_action(ctx, fn, ES_DIR_NOTIFICATION, NULL),
		.message_id =
			soap_message_id(ctx, s->cfg->oid, from->transaction_id, from->context_id, clock_stamp_ms()),
	};
	int rc = soap_tx(ctx, &out, fn, ES_DIR_NOTIFICATION, body, &o.envelope);

	o.action = talloc_strdup(ctx, out.action);
	o.name = talloc_strdup(ctx, es_fn_name(fn));
	if (!o.url)
		LOGP(DES, LOGL_NOTICE, "%s for %s has no address\n", o.name, to->oid);
	return rc < 0 ? rc : queue(s, &o);
}
