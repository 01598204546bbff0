/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The procedures on the card as one table of transitions: enable, disable, delete, audit, confirm, and what an SM-DP
 * asks for during a download.  SGP.02 procedures 3.1 to 3.7, 3.13, 3.16 and the audit.
 *
 *   QUEUED --START--> CHANGE --ANSWER--> NOTIF --NOTIF--> CONFIRM --ANSWER--> [DELETE --ANSWER-->] DONE
 *      |                 \________NOTIF (the response packet was lost)____^
 *      +--> DELETE, AUDIT, CONFIRM, CREATE, DATA (kinds that begin there)
 *
 * Where it departs from the text, or the text leaves it open:
 *  - The EIS changes on the authenticated answer to the confirmation (or to an audit), never on the notification.
 *  - An answer "counter too low" to a copy means that an earlier copy was executed and its answer lost.  A change then
 *    waits for its notification, and looks when none comes; confirmation and delete look at the card at once, by an
 *    audit inside the operation.
 *  - The same answer to what left only once may mean that the card's counter is ahead, or that the network doubled the
 *    message and the answer to the first one is late.  A change is not sent again before an audit has shown that it did
 *    not happen; confirmation, delete and audit may be executed twice without harm and are sent again at once. */
#include "smsr/op_proc.h"

#include <errno.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/clock.h"
#include "common/app/log.h"
#include "common/codec/ber.h"
#include "scp80/apdu_text.h"
#include "scp80/sp.h"
#include "smsr/bearer.h"
#include "smsr/cmd.h"
#include "smsr/cmd_db.h"
#include "smsr/eis_db.h"
#include "smsr/op_db.h"
#include "smsr/report.h"

typedef int (*op_action)(struct smsr *s, struct op_run *r, const struct op_input *in);

static int64_t answer_wait_ms(const struct smsr *s)
{
	return (int64_t)s->cfg->limits.por_wait_s * (s->cfg->limits.por_copies + 1) * 1000;
}

int64_t op_deadline(const struct smsr *s, const struct operation *op)
{
	const struct limits_cfg *l = &s->cfg->limits;
	int64_t grace_ms = (int64_t)l->grace_s * 1000;
	int64_t answer_ms = answer_wait_ms(s);

	switch (op->state) {
	case OP_ST_NOTIF:
		return op->expires_ms + grace_ms;
	case OP_ST_CONFIRM:
		return op->expires_ms + grace_ms + answer_ms;
	case OP_ST_DELETE: /* behind a change it ends what has begun; alone it is the request itself */
		return op->completed_ms ? op->expires_ms + grace_ms + answer_ms : op->expires_ms;
	case OP_ST_AUDIT:
		return op->completed_ms || op->kind != OP_AUDIT ? op->expires_ms + grace_ms + answer_ms
								: op->expires_ms;
	case OP_ST_QUEUED:
	case OP_ST_CHANGE:
	case OP_ST_CREATE:
	case OP_ST_DATA:
	case OP_ST_DONE:
		break;
	}
	return op->expires_ms;
}

int op_fail(struct smsr *s, struct op_run *r, enum es_exec exec, enum es_sc sc, const char *subject_id,
	    const char *text)
{
	return op_finish(s, r, es_status_bad(turn_ctx(s->turn), exec, sc, subject_id, "%s", text));
}

int op_send(struct smsr *s, struct op_run *r, enum op_state state, enum cmd_kind kind, struct bytes capdu,
	    const char *dest)
{
	struct bearer_job job = {.kind = kind, .target = r->euicc.isdr_aid, .dest = dest};
	struct wr w;
	int rc;

	wr_init(&w, turn_ctx(s->turn));
	ber_put(&w, SCRIPT_CAPDU, capdu);
	rc = wr_end(&w, &job.cmds);
	return rc < 0 ? rc : bearer_send(s, r, state, &job);
}

int op_await(struct smsr *s, struct op_run *r, enum op_state state)
{
	struct operation next = r->op;

	next.state = state;
	return op_enter(s, r, state, op_deadline(s, &next));
}

static int unexpected(struct smsr *s, struct op_run *r, const struct op_input *in)
{
	LOGP(DPROC, LOGL_DEBUG, "%s: %s in %s has no effect\n", op_label(turn_ctx(s->turn), r),
	     op_event_name(in->event), op_state_name(r->op.state));
	return 0;
}

/* ---- common ends ---- */

static int unknown_outcome(struct smsr *s, struct op_run *r, const char *text)
{
	int rc = op_mark_audit(s, r, text);

	return rc < 0 ? rc : op_fail(s, r, ES_FAILED, ES_SC_NO_RESPONSE, r->op.iccid, text);
}

/* Answer other than 9000: what the requester is told. */
int op_card_error(struct smsr *s, struct op_run *r, const struct op_input *in, const char *what)
{
	void *ctx = turn_ctx(s->turn);
	uint16_t sw = in->script ? in->script->last.sw : 0;
	char *text;

	if (in->event == OP_EV_REFUSED)
		text = talloc_asprintf(ctx, "%s: the card did not execute it: %s", what,
				       in->text ? in->text : sp_status_name(in->por_status));
	else if (!in->script)
		text = talloc_asprintf(ctx, "%s: the answer of the card cannot be read", what);
	else
		text = talloc_asprintf(ctx, "%s: %s", what,
				       sw ? sw_words(ctx, sw) : "the card could not read the script");
	if (in->script)
		r->op.erd = bytes_dup(ctx, in->script->body);
	else if (in->event == OP_EV_ANSWER && r->op.kind != OP_AUDIT) /* it may have done it */
		return unknown_outcome(s, r, text);
	if (sw == ES5_SW_POL1)
		return op_fail(s, r, ES_FAILED, ES_SC_POL1_REFUSED, r->op.iccid, text);
	return op_fail(s, r, ES_FAILED, ES_SC_ISDR_ERROR, r->op.iccid, text);
}

/* The card may have the command, no answer came. */
static int on_silent(struct smsr *s, struct op_run *r, const struct op_input *in)
{
	return unknown_outcome(s, r, "delivered, but the card gave no answer");
}

static int on_unreached(struct smsr *s, struct op_run *r, const struct op_input *in)
{
	/* It is sent again behind a look: the card may have accepted the one before. */
	if (r->op.state == OP_ST_CHANGE && r->op.attempt > 0)
		return op_fail(s, r, ES_FAILED, ES_SC_ISDR_ERROR, r->op.iccid,
			       "an audit shows that the card did not do it, and it could not be sent again");
	return op_fail(s, r, ES_EXPIRED, ES_SC_EXPIRED, r->op.iccid,
		       in->text ? in->text : "no service centre took the message in time");
}

static int on_queue_deadline(struct smsr *s, struct op_run *r, const struct op_input *in)
{
	return op_fail(s, r, ES_EXPIRED, ES_SC_EXPIRED, r->op.iccid, "the validity period ended while it was waiting");
}

static int on_cancel(struct smsr *s, struct op_run *r, const struct op_input *in)
{
	int rc = 0;

	if (r->op.state != OP_ST_QUEUED)
		rc = op_mark_audit(s, r, "cancelled by the operator while a command was out");
	return rc < 0 ? rc : op_fail(s, r, ES_FAILED, ES_SC_INTERNAL, r->op.iccid, in->text);
}

char *sw_words(const void *ctx, uint16_t sw)
{
	return talloc_asprintf(ctx, "%04X %s", sw, sw_text(sw));
}

/* ---- counter ---- */

int op_resend(struct smsr *s, struct op_run *r)
{
	switch (r->op.state) {
	case OP_ST_CHANGE:
		return r->op.kind == OP_ENABLE	  ? op_enable_begin(s, r)
		       : r->op.kind == OP_DISABLE ? op_disable_begin(s, r)
						  : op_delete_begin(s, r);
	case OP_ST_CONFIRM:
		return op_confirm_begin(s, r);
	case OP_ST_DELETE:
		return op_delete_send(s, r, op_victim(r));
	case OP_ST_AUDIT:
		return op_audit_begin(s, r);
	case OP_ST_CREATE:
		return op_create_send(s, r);
	case OP_ST_DATA: /* what it does when it is done twice, only the SM-DP knows */
	case OP_ST_QUEUED:
	case OP_ST_NOTIF:
	case OP_ST_DONE:
		break;
	}
	return -EINVAL;
}

static int counter_hopeless(struct smsr *s, struct op_run *r, const struct op_input *in)
{
	const char *text = "the card refuses the counter even after a jump";
	int rc = r->op.kind == OP_AUDIT ? 0 : op_mark_audit(s, r, text);
	/* Of a copy: what came before may have been done. */
	enum es_sc sc = in->cmd->attempt > 0 ? ES_SC_NO_RESPONSE : ES_SC_ISDR_ERROR;

	if (rc < 0)
		return rc;
	if (r->op.kind == OP_AUDIT && r->op.completed_ms)
		return op_fail(s, r, ES_EXECUTED_WITHWARNING, sc, NULL, text);
	return op_fail(s, r, ES_FAILED, sc, NULL, text);
}

int op_counter_jump(struct smsr *s, struct op_run *r, const struct command *cmd)
{
	uint64_t value = cmd_counter_ahead(s, cmd->cntr);
	const struct audit_row row = {
		.eid = BYTES_ARR(r->euicc.eid),
		.stamp_ms = clock_stamp_ms(),
		.type = AUDIT_COUNTER,
		.requester = r->op.requester,
		.text = talloc_strdup(turn_ctx(s->turn), "counter raised after the card refused it"),
	};
	int rc = eis_db_counter_raise(s->db, cmd->keyset_id, value);

	if (rc == -EINVAL) /* raised further meanwhile, by an operator or by a restore: that will do */
		rc = 0;
	if (rc == 0)
		rc = op_note(s, r->op.id, STEP_RETRY, "the card's counter is ahead: ours jumps to %llu",
			     (unsigned long long)value);
	return rc < 0 ? rc : record_db_audit(s->db, &row);
}

/* First copy refused: the card's counter is ahead of ours (a key set that was used elsewhere).  Jump once. */
static int resynchronise(struct smsr *s, struct op_run *r, const struct op_input *in)
{
	int rc;

	if (r->op.attempt++ > 0)
		return counter_hopeless(s, r, in);
	rc = op_counter_jump(s, r, in->cmd);
	return rc < 0 ? rc : op_resend(s, r);
}

/* The card may also have refused it, or its counter is ahead: then no notification will come. */
static int await_or_look(struct smsr *s, struct op_run *r)
{
	int64_t look_ms = clock_now_ms() + answer_wait_ms(s);
	int rc = op_await(s, r, OP_ST_NOTIF);

	if (rc < 0 || look_ms >= r->op.due_ms)
		return rc;
	r->op.due_ms = look_ms;
	return op_db_set_due(s->db, r->op.id, look_ms);
}

static int on_stale_change(struct smsr *s, struct op_run *r, const struct op_input *in)
{
	int rc;

	if (in->cmd->attempt == 0 || r->op.kind == OP_CREATE) {
		rc = op_note(s, r->op.id, STEP_POR, "looking at the card before anything is sent again");
		return rc < 0 ? rc : op_audit_begin(s, r);
	}
	rc = op_note(s, r->op.id, STEP_POR,
		     "a copy was executed before and its answer lost: waiting for the notification");
	return rc < 0 ? rc : await_or_look(s, r);
}

static int on_no_notif(struct smsr *s, struct op_run *r, const struct op_input *in)
{
	int rc = op_note(s, r->op.id, STEP_NOTIFICATION, "no notification so far: looking at the card");

	return rc < 0 ? rc : op_audit_begin(s, r);
}

static int on_stale_look(struct smsr *s, struct op_run *r, const struct op_input *in)
{
	int rc;

	if (in->cmd->attempt == 0)
		return resynchronise(s, r, in);
	rc = op_note(s, r->op.id, STEP_POR, "a copy was executed before and its answer lost: looking at the card");
	return rc < 0 ? rc : op_audit_begin(s, r);
}

static int on_stale_audit(struct smsr *s, struct op_run *r, const struct op_input *in)
{
	bool ahead;
	int rc;

	if (in->cmd->attempt == 0)
		return resynchronise(s, r, in);
	/* Reading may simply be done again.  A card whose counter is ahead says the same each time.  So does one whose
	 * answers to a look never find their way, and no jump helps that: it is not tried for ever. */
	rc = cmd_seems_ahead(s, &r->op, CMD_AUDIT, &ahead);
	if (rc < 0)
		return rc;
	return ahead ? resynchronise(s, r, in) : op_audit_begin(s, r);
}

/* ---- the table ---- */

static int on_start(struct smsr *s, struct op_run *r, const struct op_input *in)
{
	int rc = op_note(s, r->op.id, STEP_STARTED, "in flight");

	if (rc < 0)
		return rc;
	switch (r->op.kind) {
	case OP_ENABLE:
		return op_enable_begin(s, r);
	case OP_DISABLE:
		return op_disable_begin(s, r);
	case OP_DELETE:
		return op_delete_begin(s, r);
	case OP_AUDIT:
		return op_audit_begin(s, r);
	case OP_CONFIRM:
		return op_confirm_begin(s, r);
	case OP_CREATE:
		return op_create_begin(s, r);
	case OP_SEND_DATA:
		return op_data_begin(s, r);
	case OP_CONNECTIVITY:
		return op_connectivity_begin(s, r);
	}
	return -EINVAL;
}

static int on_notif_deadline(struct smsr *s, struct op_run *r, const struct op_input *in)
{
	return unknown_outcome(s, r, "the card accepted the change, but its notification did not come");
}

/* No command is out although the state says so: not expected, but nothing may wait for ever (P4). */
static int on_nothing_out(struct smsr *s, struct op_run *r, const struct op_input *in)
{
	return unknown_outcome(s, r, "time is over, and no command is out");
}

static const op_action actions[OP_ST_DONE][OP_N_EVENTS] = {
	[OP_ST_QUEUED] =
		{
			[OP_EV_START] = on_start,
			[OP_EV_DEADLINE] = on_queue_deadline,
			[OP_EV_CANCEL] = on_cancel,
		},
	[OP_ST_CHANGE] =
		{
			[OP_EV_ANSWER] = op_change_answer,
			[OP_EV_REFUSED] = op_change_answer,
			[OP_EV_STALE] = on_stale_change,
			[OP_EV_SILENT] = on_silent,
			[OP_EV_UNREACHED] = on_unreached,
			[OP_EV_NOTIF] = op_change_notified,
			[OP_EV_DEADLINE] = on_nothing_out,
			[OP_EV_CANCEL] = on_cancel,
		},
	[OP_ST_NOTIF] =
		{
			[OP_EV_SILENT] = on_no_notif,
			[OP_EV_NOTIF] = op_change_notified,
			[OP_EV_DEADLINE] = on_notif_deadline,
			[OP_EV_CANCEL] = on_cancel,
		},
	[OP_ST_CONFIRM] =
		{
			[OP_EV_ANSWER] = op_confirm_answer,
			[OP_EV_REFUSED] = op_confirm_answer,
			[OP_EV_STALE] = on_stale_look,
			[OP_EV_SILENT] = op_confirm_lost,
			[OP_EV_UNREACHED] = op_confirm_lost,
			[OP_EV_NOTIF] = op_confirm_again,
			[OP_EV_DEADLINE] = on_nothing_out,
			[OP_EV_CANCEL] = on_cancel,
		},
	[OP_ST_DELETE] =
		{
			[OP_EV_ANSWER] = op_delete_answer,
			[OP_EV_REFUSED] = op_delete_answer,
			[OP_EV_STALE] = on_stale_look,
			[OP_EV_SILENT] = op_delete_lost,
			[OP_EV_UNREACHED] = op_delete_lost,
			[OP_EV_DEADLINE] = on_nothing_out,
			[OP_EV_CANCEL] = on_cancel,
		},
	[OP_ST_AUDIT] =
		{
			[OP_EV_ANSWER] = op_audit_answer,
			[OP_EV_REFUSED] = op_audit_answer,
			[OP_EV_STALE] = on_stale_audit,
			[OP_EV_SILENT] = op_audit_lost,
			[OP_EV_UNREACHED] = op_audit_lost,
			[OP_EV_NOTIF] = op_confirm_newer,
			[OP_EV_DEADLINE] = on_nothing_out,
			[OP_EV_CANCEL] = on_cancel,
		},
	[OP_ST_CREATE] =
		{
			[OP_EV_ANSWER] = op_create_answer,
			[OP_EV_REFUSED] = op_create_answer,
			[OP_EV_STALE] = on_stale_change,
			[OP_EV_SILENT] = on_silent,
			[OP_EV_UNREACHED] = op_create_unreached,
			[OP_EV_DEADLINE] = on_nothing_out,
			[OP_EV_CANCEL] = on_cancel,
		},
	[OP_ST_DATA] =
		{
			[OP_EV_ANSWER] = op_data_answer,
			[OP_EV_REFUSED] = op_data_answer,
			[OP_EV_STALE] = op_data_lost,
			[OP_EV_SILENT] = op_data_lost,
			[OP_EV_UNREACHED] = op_data_lost,
			[OP_EV_DEADLINE] = op_data_lost,
			[OP_EV_CANCEL] = on_cancel,
		},
};

int op_event_loaded(struct smsr *s, struct op_run *r, const struct op_input *in)
{
	op_action action;

	if (r->op.state == OP_ST_DONE)
		return unexpected(s, r, in);
	action = actions[r->op.state][in->event];
	return action ? action(s, r, in) : unexpected(s, r, in);
}

int op_event(struct smsr *s, int64_t op_id, const struct op_input *in)
{
	struct op_run r;
	int rc = op_load(s, op_id, &r);

	return rc < 0 ? rc : op_event_loaded(s, &r, in);
}
