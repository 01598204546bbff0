/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The short messages of commands: handing them to service centres, and what these answer. */
#include <errno.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/backoff.h"
#include "common/app/clock.h"
#include "common/app/log.h"
#include "scp80/concat.h"
#include "smsr/cmd.h"
#include "smsr/cmd_db.h"
#include "smsr/eis_db.h"
#include "smsr/https.h"
#include "smsr/lane.h"
#include "smsr/mo.h"
#include "smsr/op_db.h"
#include "smsr/op_proc.h"
#include "smsr/record_db.h"

/* The link holds all back that are due: this only keeps a message that is throttled each time from throttling the link.
 */
#define PAUSED_MIN_S 1

static void emit_submit(void *priv, void *data)
{
	struct smsr *s = priv;

	s->ports->sms_submit(s->ports_priv, data);
}

static int submit(struct smsr *s, struct part *part, const struct command *cmd, const struct operation *op,
		  const char *smsc)
{
	const struct ud_msg msg = {.kind = UD_COMMAND, .pkt = cmd->packet, .ref = cmd->ref};
	unsigned int n = ud_segments(cmd->packet.len, false);
	struct sms_out *sms = talloc_zero(turn_ctx(s->turn), struct sms_out);
	struct wr w;
	int rc;

	OSMO_ASSERT(sms);
	wr_init(&w, sms);
	rc = ud_enc(&msg, (unsigned int)part->idx, &w);
	if (rc == 0)
		rc = wr_end(&w, &sms->ud);
	if (rc < 0)
		return rc;
	sms->ref = (uint64_t)part->id;
	sms->smsc = talloc_strdup(sms, smsc);
	sms->dest = talloc_strdup(sms, cmd->dest);
	sms->more = (unsigned int)part->idx < n;
	sms->validity_ms = op_deadline(s, op) - clock_now_ms();
	part->state = PART_SUBMITTED;
	part->due_ms = 0;
	part->smsc = sms->smsc;
	rc = cmd_db_part_update(s->db, part);
	if (rc == 0)
		rc = op_note(s, op->id, STEP_SUBMITTED, "%d/%u to %s", part->idx, n, smsc);
	if (rc == 0)
		turn_output(s->turn, emit_submit, s, sms);
	return rc;
}

static int pump_one(struct smsr *s, int64_t part_id, const char *smsc)
{
	void *ctx = turn_ctx(s->turn);
	struct operation op;
	struct command cmd;
	struct part part;
	int rc = cmd_db_part_get(ctx, s->db, part_id, &part);

	if (rc == 0)
		rc = cmd_db_get(ctx, s->db, part.command_id, &cmd);
	if (rc == 0)
		rc = op_db_times(s->db, cmd.op_id, &op);
	return rc < 0 ? rc : submit(s, &part, &cmd, &op, smsc);
}

/* A part that cannot be handed over must not stop those behind it: its command then waits for the deadline. */
static int pump_isolated(struct smsr *s, int64_t part_id, const char *smsc)
{
	struct part part;
	int rc = pump_one(s, part_id, smsc);

	if (rc >= 0 || db_broken(s->db))
		return rc;
	LOGP(DSMS, LOGL_ERROR, "part %lld cannot be submitted: error %d\n", (long long)part_id, -rc);
	rc = cmd_db_part_get(turn_ctx(s->turn), s->db, part_id, &part);
	part.due_ms = 0;
	return rc < 0 ? rc : cmd_db_part_update(s->db, &part);
}

int cmd_pump(struct smsr *s, bool *more)
{
	struct lane_part parts[LANE_PICK_MAX];
	bool paused;
	size_t n = 0;
	int rc;

	*more = false;
	rc = record_db_is_paused(s->db, PAUSE_ALL, "", &paused);

	if (rc == 0 && !paused)
		rc = lane_pick(s->db, clock_now_ms(), s->last_lane, parts, ARRAY_SIZE(parts), &n, more);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		const char *smsc = s->ports->sms_reserve(s->ports_priv);

		s->sms_blocked = !smsc;
		if (!smsc) {
			*more = false;
			break;
		}
		if (parts[i].lane != LANE_CARD)
			s->last_lane = parts[i].lane;
		rc = pump_isolated(s, parts[i].part_id, smsc);
	}
	return rc;
}

/* ---- answers of service centres ---- */

static int taken(struct smsr *s, struct part *part, struct command *cmd, const struct submit_done *d)
{
	unsigned int n = ud_segments(cmd->packet.len, false);
	struct operation op;
	struct part next;
	int rc;

	part->state = PART_ACCEPTED;
	part->maybe = true;
	part->message_id = talloc_strdup(turn_ctx(s->turn), d->message_id);
	rc = cmd_db_part_update(s->db, part);
	if (rc == 0)
		rc = op_note(s, cmd->op_id, STEP_SMSC, "%d/%u taken by %s%s%s", part->idx, n, part->smsc,
			     d->message_id && *d->message_id ? ", message id " : "",
			     d->message_id ? d->message_id : "");
	if (rc < 0 || cmd->state != CMD_ST_OPEN)
		return rc;
	rc = n == 1 ? -ENOENT : cmd_db_part_pending(turn_ctx(s->turn), s->db, cmd->id, &next);
	if (rc == 0) {
		next.due_ms = clock_now_ms();
		return cmd_db_part_update(s->db, &next);
	}
	if (rc != -ENOENT)
		return rc;
	cmd->sent_ms = clock_now_ms();
	rc = cmd_db_update(s->db, cmd);
	if (rc == 0 && cmd->kind == CMD_TRIGGER)
		rc = https_trigger_taken(s, cmd);
	if (rc == 0)
		rc = op_db_times(s->db, cmd->op_id, &op);
	return rc < 0 ? rc : op_db_set_due(s->db, op.id, cmd_next_due(s, cmd, op_deadline(s, &op)));
}

static int again(struct smsr *s, struct part *part, struct command *cmd, int64_t after_ms, const char *why)
{
	int rc;

	part->state = PART_READY;
	part->due_ms = cmd->state == CMD_ST_OPEN ? clock_now_ms() + after_ms : 0;
	rc = cmd_db_part_update(s->db, part);
	return rc < 0 ? rc
		      : op_note(s, cmd->op_id, STEP_RETRY, "part %d at %s: %s, again in %lld s", part->idx, part->smsc,
				why, (long long)after_ms / 1000);
}

/* An earlier copy may be on the card all the same, and its number was good once. */
static int copy_refused(struct smsr *s, struct part *part, struct command *cmd, const char *why)
{
	const struct limits_cfg *l = &s->cfg->limits;
	int rc = cmd_redirect(s, cmd);

	return rc < 0 ? rc
		      : again(s, part, cmd, backoff_ms(l->sms_retry_min_s, l->sms_retry_max_s, ++part->attempt),
			      talloc_asprintf(turn_ctx(s->turn), "copy %s", why));
}

static int refused(struct smsr *s, struct part *part, struct command *cmd, const char *status)
{
	struct op_input in = {.event = OP_EV_UNREACHED, .cmd = cmd};
	int rc;

	part->state = PART_READY;
	part->due_ms = 0;
	rc = cmd_db_part_update(s->db, part);
	if (rc < 0 || cmd->state != CMD_ST_OPEN)
		return rc;
	in.text = talloc_asprintf(turn_ctx(s->turn), "refused by %s: %s", part->smsc, status);
	LOGP(DSMS, LOGL_NOTICE, "#%lld: %s: check number and settings of the link\n", (long long)cmd->op_id, in.text);
	if (cmd->attempt > 0 || part->maybe)
		return copy_refused(s, part, cmd, in.text);
	rc = cmd_close(s, cmd, CMD_ST_CLOSED);
	if (rc == 0 && cmd->kind == CMD_TRIGGER)
		return https_trigger_refused(s, cmd, in.text);
	return rc < 0 ? rc : op_event(s, cmd->op_id, &in);
}

/* The card may get these octets twice: from now on "counter too low" can mean that it has executed them.  Nobody has
 * waited for its answer, so the copies that this is for are still left. */
static int maybe_taken(struct smsr *s, struct part *part, struct command *cmd)
{
	int rc;

	part->maybe = true;
	cmd->attempt = OSMO_MAX(cmd->attempt, 1);
	rc = cmd_db_update(s->db, cmd);
	return rc < 0 ? rc : again(s, part, cmd, 0, "no answer, it may have been taken");
}

int smsr_ev_submit_done(void *smsr, void *submit_done)
{
	const struct submit_done *d = submit_done;
	struct smsr *s = smsr;
	const struct limits_cfg *l = &s->cfg->limits;
	void *ctx = turn_ctx(s->turn);
	struct command cmd;
	struct part part;
	int rc = cmd_db_part_get(ctx, s->db, (int64_t)d->ref, &part);

	if (rc == 0)
		rc = cmd_db_get(ctx, s->db, part.command_id, &cmd);
	if (rc < 0)
		return rc == -ENOENT ? 0 : rc; /* retired meanwhile */
	if (part.state != PART_SUBMITTED)
		return 0;
	switch (d->result) {
	case SUBMIT_TAKEN:
		return taken(s, &part, &cmd, d);
	case SUBMIT_RETRY:
		rc = cmd_redirect(s, &cmd);
		return rc < 0 ? rc
			      : again(s, &part, &cmd,
				      backoff_ms(l->sms_retry_min_s, l->sms_retry_max_s, ++part.attempt), d->status);
	case SUBMIT_PAUSED:
		return again(s, &part, &cmd, backoff_ms(PAUSED_MIN_S, l->sms_retry_max_s, ++part.attempt), d->status);
	case SUBMIT_REFUSED:
		return refused(s, &part, &cmd, d->status);
	case SUBMIT_UNKNOWN:
		return maybe_taken(s, &part, &cmd);
	case SUBMIT_NOT_SENT:
		return again(s, &part, &cmd, 0, "not sent, the link was lost");
	}
	return -EINVAL;
}

/* ---- receipts and reachability ---- */

int smsr_ev_receipt(void *smsr, void *receipt)
{
	const struct sms_receipt *rcpt = receipt;
	struct smsr *s = smsr;
	void *ctx = turn_ctx(s->turn);
	struct command cmd;
	struct part part;
	int rc = -ENOENT;

	mo_ack(s, rcpt->smsc, rcpt->token);
	for (size_t i = 0; rc == -ENOENT && i < ARRAY_SIZE(rcpt->message_id); i++) {
		if (rcpt->message_id[i] && *rcpt->message_id[i])
			rc = cmd_db_part_by_message(ctx, s->db, rcpt->smsc, rcpt->message_id[i], &part);
	}
	if (rc == 0)
		rc = cmd_db_get(ctx, s->db, part.command_id, &cmd);
	if (rc < 0)
		return rc == -ENOENT ? 0 : rc;
	rc = op_note(s, cmd.op_id, STEP_DELIVERED, "part %d: %s%s%s", part.idx, rcpt->state,
		     *rcpt->error ? ", error " : "", rcpt->error);
	if (rc < 0 || part.state != PART_ACCEPTED)
		return rc;
	if (rcpt->delivered) {
		part.state = PART_DELIVERED;
		return cmd_db_part_update(s->db, &part);
	}
	/* Final and not delivered.  The answer of the card may still come and wins. */
	if (!rcpt->final || cmd.state != CMD_ST_OPEN || !cmd.sent_ms)
		return 0;
	return cmd_copy(
		s, &cmd,
		clock_now_ms() + (int64_t)s->cfg->limits.undelivered_s * 1000 +
			backoff_ms(s->cfg->limits.sms_retry_min_s, s->cfg->limits.sms_retry_max_s, cmd.attempt));
}

int smsr_ev_alert(void *smsr, void *address)
{
	struct smsr *s = smsr;
	struct command cmd;
	int64_t euicc_id;
	int rc = eis_db_by_address(s->db, address, &euicc_id);

	if (rc == 0)
		rc = cmd_db_open_of_euicc(turn_ctx(s->turn), s->db, euicc_id, &cmd);
	if (rc < 0)
		return rc == -ENOENT || rc == -EEXIST ? 0 : rc;
	rc = cmd_db_parts_hurry(s->db, cmd.id, clock_now_ms());
	/* Taken long ago, and not answered: service centres drop what they could not deliver for long. */
	return rc < 0 ? rc : cmd_follow(s, &cmd, cmd.dest);
}
