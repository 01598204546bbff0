/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Answers by callback and notifications: written into the outbox as finished envelopes, sent in order until taken.
 * A message keeps its MessageID through all attempts, so that a peer can tell a repetition. */
#include "smsr/report.h"

#include <errno.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/clock.h"
#include "common/app/log.h"
#include "common/es/soap.h"
#include "smsr/cmd.h"
#include "smsr/eis.h"
#include "smsr/es_out.h"
#include "smsr/outbox_db.h"
#include "smsr/record_db.h"

#define PUMP_BATCH 100

/* ---- callbacks ---- */

int report_queue(struct smsr *s, struct outbox *o)
{
	bool reachable = o->url != NULL;
	int64_t head;
	/* Refusals belong to no eUICC and to no line: an address that does not answer must not hold back the others. */
	int rc = o->euicc_id ? outbox_db_head(s->db, o->peer, o->euicc_id, &head) : -ENOENT;

	if (rc < 0 && rc != -ENOENT)
		return rc;
	o->created_ms = clock_now_ms();
	o->state = reachable ? OUTBOX_WAITING : OUTBOX_NO_ADDRESS;
	o->due_ms = reachable && rc == -ENOENT ? o->created_ms : 0;
	o->ended_ms = reachable ? 0 : o->created_ms;
	o->expires_ms = o->created_ms + (int64_t)s->cfg->limits.callback_give_up_s * 1000;
	return outbox_db_insert(s->db, o);
}

int report_outcome(struct smsr *s, struct op_run *r)
{
	const struct operation *op = &r->op;
	struct outbox o = {.op_id = op->id, .peer = op->requester, .euicc_id = op->euicc_id};
	void *body;
	int rc;

	if (op->fn == ES_FN_NONE)
		return 0;
	o.name = talloc_strdup(turn_ctx(s->turn), es_fn_name(op->fn));
	o.url = op->reply_to;
	rc = es_out_response(s, r, &body);
	if (rc == 0)
		rc = es_out_callback(s, op, body, &o.action, &o.envelope);
	/* The operation has ended all the same, and what waits behind it goes on. */
	if (rc < 0 && !db_broken(s->db))
		return op_note(s, op->id, STEP_REPORTED, "given up: the message cannot be written (error %d)", -rc);
	if (rc == 0)
		rc = report_queue(s, &o);
	if (rc == 0 && !o.url)
		rc = op_note(s, op->id, STEP_REPORTED, "no ReplyTo: the outcome waits to be asked for");
	return rc;
}

/* ---- notifications ---- */

static const struct {
	enum profile_event ev;
	enum es_fn es4;
	enum es_fn es3;
} event_fns[] = {
	{PROFILE_EV_ENABLED, ES4_HANDLE_PROFILE_ENABLED, ES3_HANDLE_PROFILE_ENABLED},
	{PROFILE_EV_DISABLED, ES4_HANDLE_PROFILE_DISABLED, ES3_HANDLE_PROFILE_DISABLED},
	{PROFILE_EV_DELETED, ES4_HANDLE_PROFILE_DELETED, ES3_HANDLE_PROFILE_DELETED},
};

/* Its owner directly, or through the SM-DP that installed the profile. */
static const struct peer *recipient(struct smsr *s, const struct profile *p, bool *by_smdp)
{
	const struct peer *owner = smsr_cfg_peer(s->cfg, p->mno_oid);
	const struct peer *smdp = smsr_cfg_peer(s->cfg, p->smdp_oid);

	*by_smdp = !(owner && owner->notification_url);
	if (!*by_smdp)
		return owner;
	return smdp && smdp->notification_url ? smdp : NULL;
}

/* Who asked for it learns it from the answer. */
static bool asked_for_it(struct smsr *s, const struct operation *op, const struct profile *p)
{
	const struct peer *requester = smsr_cfg_peer(s->cfg, op->requester);
	bool is_target = op->iccid && strcmp(op->iccid, p->iccid) == 0;

	if (op->fn == ES_FN_NONE || !op->requester)
		return false;
	if (strcmp(op->requester, p->mno_oid) == 0)
		return true;
	return is_target && requester && (requester->roles & PEER_SMDP);
}

int report_profile_event(struct smsr *s, struct op_run *r, const struct profile *p, enum profile_event ev,
			 int64_t stamp_ms)
{
	bool by_smdp;
	const struct peer *to = recipient(s, p, &by_smdp);
	struct es_profile_note note = {
		.eid = hex_enc(turn_ctx(s->turn), BYTES_ARR(r->euicc.eid)),
		.iccid = p->iccid,
		.mno_id = by_smdp && to && to->notify_mno_id ? p->mno_oid : NULL,
		.completed_ms = stamp_ms,
	};
	struct outbox o = {.op_id = r->op.id, .euicc_id = r->euicc.id};
	enum es_fn fn = by_smdp ? event_fns[ev].es3 : event_fns[ev].es4;
	int rc;

	if (asked_for_it(s, &r->op, p))
		return 0;
	o.name = talloc_strdup(turn_ctx(s->turn), es_fn_name(fn));
	o.peer = talloc_strdup(turn_ctx(s->turn), to ? to->oid : p->mno_oid);
	o.url = to ? to->notification_url : NULL;
	rc = es_out_notification(s, &r->op, to, fn, &note, &o.action, &o.envelope);
	if (rc == 0)
		rc = report_queue(s, &o);
	if (rc == 0)
		rc = op_note(s, r->op.id, STEP_REPORTED, "%s for ICCID %s %s %s", o.name, p->iccid,
			     o.url ? "goes to" : "has no address:", o.peer);
	return rc;
}

/* ---- sending ---- */

static void emit_post(void *priv, void *data)
{
	struct smsr *s = priv;

	s->ports->http_post(s->ports_priv, data);
}

static int post(struct smsr *s, int64_t id)
{
	struct http_out *h = talloc_zero(turn_ctx(s->turn), struct http_out);
	struct outbox o;
	int rc = outbox_db_get(h, s->db, id, &o);

	OSMO_ASSERT(h);
	if (rc < 0)
		return rc;
	*h = (struct http_out){
		.ref = o.id,
		.url = o.url,
		.action = o.action,
		.body = o.envelope,
		.timeout_s = s->cfg->limits.callback_timeout_s,
	};
	/* If nothing comes back, not even an error, it is tried again after this. */
	o.due_ms = clock_now_ms() + (int64_t)s->cfg->limits.callback_timeout_s * 2000;
	o.attempt++;
	o.last_error = NULL; /* under way: smsr_ev_start() knows it by that */
	rc = outbox_db_update(s->db, &o);
	if (rc == 0)
		turn_output(s->turn, emit_post, s, h);
	return rc;
}

int report_pump(struct smsr *s, bool *more)
{
	int64_t ids[PUMP_BATCH];
	bool paused;
	size_t n = 0;
	int rc = record_db_is_paused(s->db, PAUSE_ALL, "", &paused);

	if (rc == 0 && !paused)
		rc = outbox_db_due(s->db, clock_now_ms(), ids, ARRAY_SIZE(ids), &n);
	*more = n == ARRAY_SIZE(ids);
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = post(s, ids[i]);
	return rc;
}

static bool is_taken(const struct post_done *d)
{
	return d->answered && d->status >= 200 && d->status < 300;
}

/* SGP.02 Annex B: no repetition after 4xx, but a peer that asks for patience means it. */
static bool is_final(const struct post_done *d)
{
	return d->answered && d->status >= 400 && d->status < 500 && d->status != 408 && d->status != 429;
}

static int note_post(struct smsr *s, const struct outbox *o, const char *text)
{
	return o->op_id ? op_note(s, o->op_id, STEP_REPORTED, "%s to %s: %s", o->name, o->peer, text) : 0;
}

static int post_failed(struct smsr *s, struct outbox *o, const struct post_done *d)
{
	const struct limits_cfg *l = &s->cfg->limits;
	int64_t wait_ms = backoff_ms(l->callback_retry_min_s, l->callback_retry_max_s, o->attempt);
	void *ctx = turn_ctx(s->turn);

	o->last_error = d->answered ? talloc_asprintf(ctx, "HTTP %u", d->status) : talloc_strdup(ctx, d->detail);
	if (d->retry_after_s && (int64_t)d->retry_after_s * 1000 > wait_ms)
		wait_ms = (int64_t)d->retry_after_s * 1000;
	smsr_count(s, CTR_CALLBACK_ERRORS);
	if (!is_final(d) && clock_now_ms() + wait_ms < o->expires_ms) {
		o->due_ms = clock_now_ms() + wait_ms;
		return note_post(s, o,
				 talloc_asprintf(ctx, "%s, again in %lld s", o->last_error, (long long)wait_ms / 1000));
	}
	o->state = OUTBOX_GIVEN_UP;
	smsr_count(s, CTR_CALLBACKS_GIVEN_UP);
	LOGP(DES, LOGL_NOTICE, "%s to %s given up: %s\n", o->name, o->peer, o->last_error);
	return note_post(s, o, talloc_asprintf(ctx, "given up: %s", o->last_error));
}

static int next_in_line(struct smsr *s, const struct outbox *ended)
{
	struct outbox next;
	int64_t id;
	int rc = ended->euicc_id ? outbox_db_head(s->db, ended->peer, ended->euicc_id, &id) : -ENOENT;

	if (rc == 0)
		rc = outbox_db_get(turn_ctx(s->turn), s->db, id, &next);
	if (rc < 0)
		return rc == -ENOENT ? 0 : rc;
	next.due_ms = clock_now_ms();
	return outbox_db_update(s->db, &next);
}

int smsr_ev_post_done(void *smsr, void *post_done)
{
	const struct post_done *d = post_done;
	struct smsr *s = smsr;
	struct outbox o;
	int rc = outbox_db_get(turn_ctx(s->turn), s->db, d->ref, &o);

	if (rc < 0)
		return rc == -ENOENT ? 0 : rc;
	if (o.state != OUTBOX_WAITING)
		return 0;
	if (is_taken(d)) {
		o.state = OUTBOX_DELIVERED;
		smsr_count(s, CTR_CALLBACKS);
		rc = note_post(s, &o, "taken");
	} else {
		rc = post_failed(s, &o, d);
	}
	if (o.state == OUTBOX_WAITING)
		return rc < 0 ? rc : outbox_db_update(s->db, &o);
	o.due_ms = 0;
	o.ended_ms = clock_now_ms();
	if (rc == 0)
		rc = outbox_db_update(s->db, &o);
	return rc < 0 ? rc : next_in_line(s, &o);
}

/* ---- those who follow an operation ---- */

struct progress {
	int64_t op_id;
};

static void emit_progress(void *priv, void *data)
{
	const struct progress *p = data;
	struct smsr *s = priv;

	s->ports->progress(s->ports_priv, p->op_id);
}

void report_progress(struct smsr *s, int64_t op_id)
{
	struct progress *p;

	if (!s->ports->progress)
		return;
	p = talloc(turn_ctx(s->turn), struct progress);
	OSMO_ASSERT(p);
	p->op_id = op_id;
	turn_output(s->turn, emit_progress, s, p);
}
