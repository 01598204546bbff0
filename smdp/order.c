/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The frame of all orders: rows, queue of an eUICC, events, end.
 *
 * One download at a time runs for an eUICC; the others wait.  Relays do not wait: the SM-SR has a queue of its own. */
#include "smdp/order.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/clock.h"
#include "common/app/log.h"
#include "smdp/es3.h"
#include "smdp/dp_out.h"
#include "smdp/order_db.h"
#include "smdp/order_mem.h"
#include "smdp/dp_record_db.h"
#include "smdp/dp_restore.h"

static const struct value_string states[] = {
	{ORDER_ST_QUEUED, "queued"},
	{ORDER_ST_GET_EIS, "get-eis"},
	{ORDER_ST_CLEAN_OLD, "clean-old"},
	{ORDER_ST_CREATE, "create-isdp"},
	{ORDER_ST_KE1, "keys-1"},
	{ORDER_ST_KE2, "keys-2"},
	{ORDER_ST_DATA, "data"},
	{ORDER_ST_COMPLETED, "completed"},
	{ORDER_ST_ENABLE, "enable"},
	{ORDER_ST_CLEAN_UP, "clean-up"},
	{ORDER_ST_LOOK, "look"},
	{ORDER_ST_TOKEN, "token"},
	{ORDER_ST_HOLD, "on-hold"},
	{ORDER_ST_RELAY_LOOK, "relay-look"},
	{ORDER_ST_RELAY, "relay"},
	{ORDER_ST_DONE, "done"},
	{0, NULL},
};

static const struct value_string steps[] = {
	{STEP_ORDERED, "ordered"},   {STEP_STARTED, "started"},	  {STEP_CALL, "call"},
	{STEP_ANSWER, "answer"},     {STEP_RETRY, "retry"},	  {STEP_ELIGIBLE, "eligible"},
	{STEP_RESERVED, "reserved"}, {STEP_KEYS, "keys"},	  {STEP_DATA, "data"},
	{STEP_CLEAN, "clean-up"},    {STEP_OUTCOME, "outcome"},	  {STEP_REPORTED, "reported"},
	{STEP_OPERATOR, "operator"}, {STEP_RESTORED, "restored"}, {0, NULL},
};

static const struct value_string events[] = {
	{ORDER_EV_START, "start"},	{ORDER_EV_ANSWER, "answer"},	{ORDER_EV_REFUSED, "refused"},
	{ORDER_EV_EXPIRED, "expired"},	{ORDER_EV_SILENT, "silent"},	{ORDER_EV_DEADLINE, "deadline"},
	{ORDER_EV_CANCEL, "cancelled"}, {ORDER_EV_RELEASE, "released"}, {0, NULL},
};

const char *order_state_name(enum order_state state)
{
	return get_value_string(states, state);
}

const char *order_step_name(enum order_step step)
{
	return get_value_string(steps, step);
}

static const char *event_name(enum order_event event)
{
	return get_value_string(events, event);
}

/* ---- rows ---- */

int order_load(struct smdp *s, int64_t id, struct order_run *r)
{
	void *ctx = turn_ctx(s->turn);
	struct order_run run = {0};
	int rc = order_db_get(ctx, s->db, id, &run.o);

	if (rc == 0 && run.o.kind == ORDER_DOWNLOAD)
		rc = order_db_download_get(ctx, s->db, id, &run.d);
	if (rc < 0)
		return rc;
	run.eid = hex_enc(ctx, BYTES_ARR(run.o.eid));
	*r = run;
	return 0;
}

static int write_rows(struct smdp *s, const struct order_run *r)
{
	int rc = order_db_update(s->db, &r->o);

	return rc == 0 && r->o.kind == ORDER_DOWNLOAD ? order_db_download_update(s->db, &r->d) : rc;
}

struct progress {
	int64_t id;
};

static void emit_progress(void *priv, void *data)
{
	const struct progress *p = data;
	struct smdp *s = priv;

	s->ports->progress(s->ports_priv, p->id);
}

int order_note(struct smdp *s, int64_t id, enum order_step step, const char *fmt, ...)
{
	struct progress *p;
	va_list ap;
	char *text;

	va_start(ap, fmt);
	text = talloc_vasprintf(turn_ctx(s->turn), fmt, ap);
	va_end(ap);
	LOGP(DPROC, LOGL_INFO, "order %" PRId64 ": %s: %s\n", id, order_step_name(step), text);
	if (s->ports->progress) {
		p = talloc(turn_ctx(s->turn), struct progress);
		OSMO_ASSERT(p);
		p->id = id;
		turn_output(s->turn, emit_progress, s, p);
	}
	return dp_record_db_timeline(s->db, id, clock_stamp_ms(), step, text);
}

bool order_is_over(const struct order_run *r)
{
	return clock_now_ms() >= r->o.expires_ms;
}

int order_enter(struct smdp *s, struct order_run *r, enum order_state state)
{
	r->o.state = state;
	/* The calls of a download watch its time; only who waits in a queue, or in a connection, has a deadline. */
	r->o.due_ms = state == ORDER_ST_QUEUED || state == ORDER_ST_HOLD ||
				      (r->o.kind == ORDER_RELAY && es_fn_info(r->o.fn)->mep == ES_SYNC)
			      ? r->o.expires_ms
			      : 0;
	return write_rows(s, r);
}

/* ---- queue ---- */

static int start(struct smdp *s, int64_t id)
{
	const struct order_input in = {.event = ORDER_EV_START};

	return order_event(s, id, &in);
}

static int start_next(struct smdp *s, int64_t euicc_id)
{
	struct order_run r;
	int64_t id;
	int rc = order_db_head(s->db, euicc_id, &id);

	if (rc == 0)
		rc = order_load(s, id, &r);
	if (rc < 0)
		return rc == -ENOENT ? 0 : rc;
	return r.o.state == ORDER_ST_QUEUED ? start(s, id) : 0;
}

int order_queue(struct smdp *s, struct order_run *r)
{
	int rc = order_db_euicc(s->db, r->o.eid, r->o.smsr_oid, false, &r->o.euicc_id);

	r->o.state = ORDER_ST_QUEUED;
	r->o.created_ms = clock_now_ms();
	r->o.due_ms = r->o.expires_ms;
	if (rc == 0)
		rc = order_db_insert(s->db, &r->o);
	r->d.op_id = r->o.id;
	if (rc == 0 && r->o.kind == ORDER_DOWNLOAD)
		rc = order_db_download_insert(s->db, &r->d);
	if (rc == 0)
		rc = order_note(s, r->o.id, STEP_ORDERED, "%s from %s for %s", es_fn_name(r->o.fn), r->o.requester,
				r->eid);
	if (rc < 0)
		return rc;
	return r->o.kind == ORDER_DOWNLOAD ? start_next(s, r->o.euicc_id) : 0;
}

int order_requeue(struct smdp *s, struct order_run *r)
{
	int rc;

	r->d.created = false;
	r->d.purpose = PURPOSE_NONE;
	r->d.tries = r->d.sessions = 0;
	r->d.sent = r->d.done = 0;
	r->d.aid = (struct bytes){0};
	rc = order_enter(s, r, ORDER_ST_QUEUED);
	return rc < 0 ? rc : start_next(s, r->o.euicc_id);
}

/* ---- events ---- */

static int dispatch(struct smdp *s, struct order_run *r, const struct order_input *in)
{
	switch (r->o.kind) {
	case ORDER_DOWNLOAD:
		return r->o.state == ORDER_ST_HOLD ? hold_event(s, r, in) : download_event(s, r, in);
	case ORDER_RELAY:
		return relay_event(s, r, in);
	case ORDER_LOOK:
		return look_event(s, r, in);
	}
	return -EINVAL;
}

int order_event(struct smdp *s, int64_t id, const struct order_input *in)
{
	struct order_run r;
	int rc = order_load(s, id, &r);

	if (rc < 0)
		return rc;
	if (r.o.state == ORDER_ST_DONE) {
		LOGP(DPROC, LOGL_INFO, "order %" PRId64 ": %s comes after its end\n", id, event_name(in->event));
		return 0;
	}
	rc = dispatch(s, &r, in);
	/* The rows of this event are dropped: what it did in memory must not live on. */
	if (rc < 0)
		order_mem_drop(s, id);
	return rc;
}

static enum smdp_ctr outcome_ctr(enum es_exec status)
{
	static const enum smdp_ctr ctrs[] = {
		[ES_EXECUTED_SUCCESS] = CTR_ORDERS_SUCCESS,
		[ES_EXECUTED_WITHWARNING] = CTR_ORDERS_WARNING,
		[ES_FAILED] = CTR_ORDERS_FAILED,
		[ES_EXPIRED] = CTR_ORDERS_EXPIRED,
	};

	return ctrs[status];
}

int order_finish(struct smdp *s, struct order_run *r, struct es_status outcome, const union es_any_rsp *from)
{
	int rc;

	order_mem_drop(s, r->o.id);
	r->o.outcome = outcome;
	r->o.ended_ms = clock_now_ms();
	rc = order_enter(s, r, ORDER_ST_DONE);
	if (rc == 0)
		rc = order_db_set_due(s->db, r->o.id, 0);
	if (rc == 0)
		rc = es3_drop(s, r->o.id);
	if (rc == 0)
		rc = order_note(s, r->o.id, STEP_OUTCOME, "%s%s%s%s%s%s%s", es_exec_name(outcome.status),
				outcome.subject ? " " : "", outcome.subject ? outcome.subject : "",
				outcome.subject ? "/" : "", outcome.reason ? outcome.reason : "",
				outcome.message ? ": " : "", outcome.message ? outcome.message : "");
	if (rc == 0 && r->o.kind == ORDER_LOOK)
		return dp_restore_look_ended(s, r);
	smdp_count(s, outcome_ctr(outcome.status));
	if (rc == 0)
		rc = dp_out_outcome(s, r, from);
	return rc == 0 && r->o.kind == ORDER_DOWNLOAD ? start_next(s, r->o.euicc_id) : rc;
}

int order_abandon(struct smdp *s, int64_t id)
{
	struct order_run r;
	int rc = order_load(s, id, &r);

	if (rc < 0 || r.o.state == ORDER_ST_DONE)
		return rc;
	return order_finish(s, &r,
			    es_status_bad(turn_ctx(s->turn), ES_FAILED, ES_SC_INTERNAL, r.o.iccid,
					  "the order cannot go on; an ISD-P may be left on the eUICC"),
			    NULL);
}
