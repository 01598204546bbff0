/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Confirming a notification, and what becomes true by that (P5).  SGP.02 ES5.HandleNotificationConfirmation. */
#include <errno.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/clock.h"
#include "common/app/log.h"
#include "smsr/cmd.h"
#include "smsr/cmd_db.h"
#include "smsr/eis_db.h"
#include "smsr/https.h"
#include "smsr/op_proc.h"
#include "smsr/report.h"

/* Cards repeat an unconfirmed notification after a minute or more; what comes sooner is a double. */
#define AGAIN_MIN_MS 10000

static uint8_t op_arg_type(const struct operation *op)
{
	return (uint8_t)(op->arg >> 16);
}

static bool op_arg_good(const struct operation *op)
{
	return op->arg >> 24 & 1;
}

int64_t op_arg_enc(const struct es5_notif *notif, bool good)
{
	return notif->seq | (int64_t)notif->type << 16 | (int64_t)good << 24 | (int64_t)notif->by_https << 25;
}

bool op_arg_notified(const struct operation *op)
{
	return op_arg_type(op) != 0;
}

uint16_t op_arg_seq(const struct operation *op)
{
	return (uint16_t)op->arg;
}

bool op_arg_by_https(const struct operation *op)
{
	return op->arg >> 25 & 1;
}

/* Row of the profile that the notification of a failed change named: that is where the card is, also when the EIS was
 * wrong from the beginning. */
#define NAMED_SHIFT 33
#define NAMED_UNKNOWN INT32_MAX /* none of the EIS */

static int64_t op_arg_named(const struct operation *op)
{
	return op->arg >> NAMED_SHIFT;
}

static int64_t named_enc(struct op_run *r, struct bytes aid)
{
	const struct profile *p = op_profile_by_aid(r, aid);
	int64_t row = p ? p->id : NAMED_UNKNOWN;

	return aid.len == 0 || row > NAMED_UNKNOWN ? 0 : row << NAMED_SHIFT;
}

/* ISD-P that is enabled now, as far as this notification tells. */
static struct profile *enabled_by(struct op_run *r, uint8_t type, struct bytes aid)
{
	struct profile *p = op_profile_by_aid(r, aid);

	if (p)
		return p;
	return type == ES5_NOTIF_FALLBACK ? op_profile_fallback(r) : op_profile_enabled(r);
}

static int send_confirmation(struct smsr *s, struct op_run *r, uint16_t seq, const char *dest)
{
	uint8_t buf[16];
	struct bytes capdu;
	struct wr w;
	int rc;

	wr_init_buf(&w, buf, sizeof(buf));
	rc = es5_confirm_notification(seq, &w);
	if (rc == 0)
		rc = wr_end(&w, &capdu);
	return rc < 0 ? rc : op_send(s, r, OP_ST_CONFIRM, CMD_CONFIRM, capdu, dest);
}

/* Number of the profile that is enabled on the card now. */
struct profile *op_confirm_addressee(struct op_run *r)
{
	if (r->op.kind == OP_CONFIRM)
		return enabled_by(r, op_arg_type(&r->op), r->op.aid);
	if (op_arg_good(&r->op))
		return op_profile_by_aid(r, r->op.kind == OP_ENABLE ? r->op.aid : r->op.other_aid);
	for (size_t i = 0; i < r->profiles.n; i++) {
		if (r->profiles.list[i].id == op_arg_named(&r->op))
			return &r->profiles.list[i];
	}
	return enabled_by(r, op_arg_type(&r->op), bytes_of(NULL, 0));
}

/* Notification number of the operation against the last one that the card had confirmed. */
static int16_t newer_by(const struct op_run *r)
{
	return r->euicc.notif_seq < 0 ? 1 : (int16_t)(op_arg_seq(&r->op) - (uint16_t)r->euicc.notif_seq);
}

static int overtaken(struct smsr *s, struct op_run *r)
{
	int rc = op_note(s, r->op.id, STEP_CONFIRMED, "a later notification was confirmed while this one waited");

	return rc < 0 ? rc : op_finish(s, r, es_status_ok());
}

int op_confirm_begin(struct smsr *s, struct op_run *r)
{
	struct profile *p = op_confirm_addressee(r);

	if (newer_by(r) < 0)
		return overtaken(s, r);
	return send_confirmation(s, r, op_arg_seq(&r->op), p ? p->msisdn : NULL);
}

int op_confirm_send(struct smsr *s, struct op_run *r, const struct es5_notif *notif, bool good)
{
	struct command cmd;
	int rc = cmd_db_open_of_op(turn_ctx(s->turn), s->db, r->op.id, &cmd);

	/* The notification stands in for a response packet that was lost. */
	if (rc == 0)
		rc = cmd_close(s, &cmd, CMD_ST_CLOSED);
	else if (rc == -ENOENT)
		rc = 0;
	if (rc == 0)
		rc = https_close(s, r->op.id);
	r->op.arg = (r->op.arg & OP_ARG_AUTO_DELETE) | op_arg_enc(notif, good);
	if (!good && r->op.kind != OP_CONFIRM)
		r->op.arg |= named_enc(r, notif->aid);
	return rc < 0 ? rc : op_confirm_begin(s, r);
}

int op_confirm_newer(struct smsr *s, struct op_run *r, const struct op_input *in)
{
	if (r->op.kind != OP_CONFIRM)
		return op_change_notified(s, r, in);
	r->op.aid = in->notif->aid;
	return op_confirm_send(s, r, in->notif, false);
}

/* The card repeats a notification that we are confirming: it has not got our command yet.  A message that came twice,
 * or that somebody replays, must not make us send as often. */
int op_confirm_again(struct smsr *s, struct op_run *r, const struct op_input *in)
{
	struct command cmd;
	bool rests;
	int rc;

	if (in->notif->seq != op_arg_seq(&r->op))
		return op_confirm_newer(s, r, in);
	rc = cmd_db_open_of_op(turn_ctx(s->turn), s->db, r->op.id, &cmd);
	if (rc == 0)
		rc = cmd_rests(s, &cmd, &rests);
	if (rc < 0)
		return rc == -ENOENT ? 0 : rc;
	if (!cmd.sent_ms && !rests) /* still on its way to the service centre */
		return cmd_db_parts_hurry(s->db, cmd.id, clock_now_ms());
	return clock_now_ms() - cmd.sent_ms < AGAIN_MIN_MS ? 0 : cmd_copy(s, &cmd, clock_now_ms());
}

/* ---- the answer ---- */

static int set_state(struct smsr *s, struct op_run *r, struct profile *p, enum profile_state state)
{
	bool enabled = state == PROFILE_ENABLED;
	int rc;

	p->state = state;
	rc = eis_db_profile_update(s->db, p);
	if (rc == 0)
		rc = op_note(s, r->op.id, STEP_EIS, "ICCID %s is %s", p->iccid, enabled ? "Enabled" : "Disabled");
	if (rc == 0)
		rc = report_profile_event(s, r, p, enabled ? PROFILE_EV_ENABLED : PROFILE_EV_DISABLED,
					  clock_stamp_ms());
	return rc;
}

int op_apply_enabled(struct smsr *s, struct op_run *r, struct bytes aid)
{
	struct profile *now = op_profile_by_aid(r, aid);
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < r->profiles.n; i++) {
		struct profile *p = &r->profiles.list[i];

		if (p != now && p->state == PROFILE_ENABLED)
			rc = set_state(s, r, p, PROFILE_DISABLED);
	}
	if (rc == 0 && now && now->state != PROFILE_ENABLED)
		rc = set_state(s, r, now, PROFILE_ENABLED);
	if (rc == 0 && !now)
		rc = op_note(s, r->op.id, STEP_EIS, "the card has enabled an ISD-P that the EIS does not know");
	return rc;
}

/* ISD-Ps that the card deleted because of POL1. */
static int apply_deleted(struct smsr *s, struct op_run *r, struct bytes aids)
{
	struct bytes aid;
	struct rd rd;
	int rc = 0;

	rd_init(&rd, aids);
	while (rc == 0 && es5_deleted_next(&rd, &aid)) {
		struct profile *p = op_profile_by_aid(r, aid);

		if (p)
			rc = op_profile_gone(s, r, p);
	}
	return rc;
}

static int after_confirmation(struct smsr *s, struct op_run *r)
{
	uint8_t type = op_arg_type(&r->op);
	int rc = 0;

	if (r->op.kind == OP_CONFIRM)
		return op_finish(s, r, es_status_ok());
	if (op_arg_good(&r->op))
		return op_change_done(s, r);
	if (type == ES5_NOTIF_CHANGED)
		rc = op_mark_audit(s, r, "the notification named another profile than the one wanted");
	return rc < 0 ? rc : op_fail(s, r, ES_FAILED, ES_SC_ISDR_ERROR, r->op.iccid, es5_notif_name(type));
}

/* The card knows no such notification.  Either it was confirmed before, by a copy whose answer got lost, or the card
 * has rolled back: only a look at it tells. */
static int nothing_pending(struct smsr *s, struct op_run *r, const struct op_input *in)
{
	int rc;

	if (newer_by(r) <= 0)
		return op_card_error(s, r, in, "HandleNotificationConfirmation"); /* confirmed long ago, or replayed */
	rc = op_note(s, r->op.id, STEP_POR, "the card does not wait for this confirmation: looking at the card");
	return rc < 0 ? rc : op_audit_begin(s, r);
}

static int apply_notification(struct smsr *s, struct op_run *r, struct profile *enabled)
{
	bool unknown = r->op.kind == OP_CONFIRM ? r->op.aid.len && !op_profile_by_aid(r, r->op.aid)
						: op_arg_named(&r->op) == NAMED_UNKNOWN;

	if (unknown || !enabled)
		return op_mark_audit(s, r, "the card named an ISD-P that the EIS does not know");
	return op_apply_enabled(s, r, enabled->isdp_aid);
}

int op_confirm_answer(struct smsr *s, struct op_run *r, const struct op_input *in)
{
	struct profile *enabled = op_confirm_addressee(r);
	struct bytes deleted = bytes_of(NULL, 0);
	int rc;

	if (in->event == OP_EV_REFUSED || !in->script || script_rsp_judge(in->script, 1) != SCRIPT_DONE ||
	    es5_confirmed_dec(in->script->last.data, &deleted) < 0) {
		if (in->script && in->script->last.sw == ES5_SW_NO_DATA)
			return nothing_pending(s, r, in);
		rc = op_mark_audit(s, r, "the card did not take the confirmation of its notification");
		return rc < 0 ? rc : op_card_error(s, r, in, "HandleNotificationConfirmation");
	}
	r->op.completed_ms = clock_stamp_ms();
	r->euicc.notif_seq = op_arg_seq(&r->op);
	rc = eis_db_update(s->db, &r->euicc);
	if (rc == 0)
		rc = op_note(s, r->op.id, STEP_CONFIRMED, "the card took the confirmation of notification %u",
			     op_arg_seq(&r->op));
	if (rc == 0 && op_arg_type(&r->op) != ES5_NOTIF_FIRST)
		rc = apply_notification(s, r, enabled);
	if (rc == 0)
		rc = apply_deleted(s, r, deleted);
	return rc < 0 ? rc : after_confirmation(s, r);
}

int op_confirm_lost(struct smsr *s, struct op_run *r, const struct op_input *in)
{
	const char *text = in->event == OP_EV_SILENT
				   ? "the confirmation was delivered, but the card gave no answer"
				   : "the confirmation could not be delivered: the card may roll back";
	/* A card that only declares itself has changed nothing, and what was confirmed before is known. */
	bool known = op_arg_type(&r->op) == ES5_NOTIF_FIRST || newer_by(r) <= 0;
	int rc = known ? 0 : op_mark_audit(s, r, text);

	return rc < 0 ? rc : op_fail(s, r, ES_FAILED, ES_SC_NO_RESPONSE, r->op.iccid, text);
}
