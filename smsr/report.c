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
#include "common/peer/outbox_db.h"
#include "smsr/eis.h"
#include "smsr/es_out.h"
#include "smsr/record_db.h"

/* ---- the outbox ---- */

static void emit_post(void *priv, void *data)
{
	struct smsr *s = priv;

	s->ports->http_post(s->ports_priv, data);
}

static int note_post(void *priv, const struct outbox *o, const char *text)
{
	return o->op_id ? op_note(priv, o->op_id, STEP_REPORTED, "%s to %s: %s", o->name, o->peer, text) : 0;
}

static void count_post(void *priv, enum outbox_event ev)
{
	static const enum smsr_ctr ctrs[] = {
		[OUTBOX_EV_TAKEN] = CTR_CALLBACKS,
		[OUTBOX_EV_ERROR] = CTR_CALLBACK_ERRORS,
		[OUTBOX_EV_GIVEN_UP] = CTR_CALLBACKS_GIVEN_UP,
	};

	smsr_count(priv, ctrs[ev]);
}

static struct outbox_host host(struct smsr *s)
{
	const struct limits_cfg *l = &s->cfg->limits;

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

/* ---- callbacks ---- */

int report_queue(struct smsr *s, struct outbox *o)
{
	const struct outbox_host h = host(s);

	return outbox_queue(&h, o);
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

int report_pump(struct smsr *s, bool *more)
{
	const struct outbox_host h = host(s);
	bool paused;
	int rc = record_db_is_paused(s->db, PAUSE_ALL, "", &paused);

	*more = false;
	return rc < 0 || paused ? rc : outbox_pump(&h, more);
}

int smsr_ev_post_done(void *smsr, void *post_done)
{
	const struct outbox_host h = host(smsr);

	return outbox_post_done(&h, post_done);
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
