/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Triggers: short messages that bring the card to us.  Commands like others, so counter, copies and response packets
 * are the same; what differs is that their answer proves no more than that the card has them, and that a card which
 * connects makes it unnecessary.  GlobalPlatform Amendment B; SGP.02 leaves the coding of the security object open. */
#include <errno.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/clock.h"
#include "common/app/log.h"
#include "scp80/sp.h"
#include "scp81/admin.h"
#include "scp81/psk_id.h"
#include "smsr/cmd_db.h"
#include "smsr/eis_db.h"
#include "smsr/cmd.h"
#include "smsr/https.h"
#include "smsr/op_db.h"
#include "smsr/op_proc.h"

/* The card's own part: which key, and how it names itself. */
static int add_security(struct smsr *s, const struct euicc *e, const struct https_fleet *f, struct trigger *t)
{
	void *ctx = turn_ctx(s->turn);
	struct psk_id id = {.kid = PSK_KID_PSK, .aid_len = (uint8_t)e->isdr_aid.len};
	struct keyset ks;
	struct wr eid, aid;
	int rc = eis_db_keyset(s->db, e->id, KEYSET_SCP81, 0, &ks);

	if (rc < 0)
		return rc == -ENOENT ? -ENOKEY : rc;
	wr_init_buf(&eid, id.eid, sizeof(id.eid));
	wr_bytes(&eid, BYTES_ARR(e->eid));
	wr_init_buf(&aid, id.aid, sizeof(id.aid));
	wr_bytes(&aid, e->isdr_aid);
	id.kvn = ks.version;
	if (f->agent_id)
		t->post.agent = admin_from_enc(ctx, e->eid, e->isdr_aid);
	t->has_security = f->psk_identity;
	t->security = (struct trigger_security){
		.psk_id = bytes_str(psk_id_enc(ctx, &id)), .kvn = ks.version, .kid = PSK_KID_PSK, .hash = -1};
	return eid.failed || aid.failed ? -EINVAL : 0;
}

static int payload(struct smsr *s, const struct euicc *e, struct bytes *out)
{
	void *ctx = turn_ctx(s->turn);
	const struct https_fleet *f = https_fleet_for(s, e);
	struct trigger t;
	struct wr w;
	int rc = https_fleet_trigger(ctx, f, &t);

	if (rc == 0)
		rc = add_security(s, e, f, &t);
	wr_init(&w, ctx);
	if (rc == 0)
		rc = trigger_enc(&t, &w);
	return rc < 0 ? rc : wr_end(&w, out);
}

static int note_session(struct smsr *s, int64_t euicc_id)
{
	struct https_session ss;
	int rc = https_db_session(s->db, euicc_id, &ss);

	if (rc < 0 || ss.conn)
		return rc;
	ss.state = HTTPS_TRIGGERED;
	return https_db_session_put(s->db, &ss);
}

int https_trigger(struct smsr *s, struct op_run *r, struct https_job *job)
{
	struct bytes data;
	int rc = payload(s, &r->euicc, &data);

	if (rc == 0)
		rc = cmd_send_packet(s, r, CMD_TRIGGER, BYTES_ARR(r->euicc.isdr_tar), data,
				     "trigger of an HTTPS session", job->dest);
	if (rc < 0)
		return rc;
	smsr_count(s, CTR_HTTPS_TRIGGERS);
	job->triggers++;
	job->due_ms = 0;
	rc = https_db_job_update(s->db, job);
	return rc < 0 ? rc : note_session(s, job->euicc_id);
}

/* ---- what becomes of one ---- */

int https_follow(struct smsr *s, int64_t op_id, const char *dest)
{
	struct https_session ss;
	struct command cmd;
	struct https_job job;
	int rc = https_db_job_of_op(turn_ctx(s->turn), s->db, op_id, &job);

	if (rc == 0)
		rc = https_db_session(s->db, job.euicc_id, &ss);
	if (rc < 0)
		return rc == -ENOENT ? 0 : rc;
	if (ss.conn || !cmd_is_msisdn(dest) || strcmp(dest, job.dest) == 0)
		return 0;
	rc = cmd_db_open_of_op(turn_ctx(s->turn), s->db, op_id, &cmd);
	if (rc < 0 && rc != -ENOENT)
		return rc;
	if (rc == -ENOENT)
		job.due_ms = clock_now_ms();
	job.dest = talloc_strdup(turn_ctx(s->turn), dest);
	return https_db_job_update(s->db, &job);
}

/* The card has it, or may have: it should be heard soon. */
static int await_card(struct smsr *s, int64_t op_id)
{
	void *ctx = turn_ctx(s->turn);
	struct https_job job;
	struct euicc e;
	int rc = https_db_job_of_op(ctx, s->db, op_id, &job);

	if (rc == 0)
		rc = eis_db_get(ctx, s->db, job.euicc_id, &e);
	if (rc < 0)
		return rc == -ENOENT ? 0 : rc;
	if (!job.due_ms) {
		job.due_ms = clock_now_ms() + https_wait_ms(https_times_for(s, &e), &job);
		rc = https_db_job_update(s->db, &job);
	}
	return rc;
}

int https_trigger_taken(struct smsr *s, const struct command *cmd)
{
	return await_card(s, cmd->op_id);
}

static int in_vain(struct smsr *s, struct command *cmd, const char *why)
{
	struct https_job job;
	int rc = https_db_job_of_op(turn_ctx(s->turn), s->db, cmd->op_id, &job);

	if (rc < 0)
		return rc == -ENOENT ? 0 : rc;
	return https_give_up(s, &job, why);
}

int https_trigger_refused(struct smsr *s, struct command *cmd, const char *why)
{
	return in_vain(s, cmd, why);
}

/* The card's counter is ahead of ours: jump, once for each operation. */
static int raise_counter(struct smsr *s, struct command *cmd)
{
	struct https_job job;
	struct op_run r;
	int rc = op_load(s, cmd->op_id, &r);

	if (rc == 0 && r.op.attempt++ > 0)
		return in_vain(s, cmd, "the card refuses the counter of triggers even after a jump");
	if (rc == 0)
		rc = op_db_update(s->db, &r.op);
	if (rc == 0)
		rc = https_db_job_of_op(turn_ctx(s->turn), s->db, cmd->op_id, &job);
	if (rc < 0)
		return rc == -ENOENT ? 0 : rc;
	rc = op_counter_jump(s, &r, cmd);
	if (rc < 0)
		return rc;
	return https_fleet_for(s, &r.euicc) ? https_trigger(s, &r, &job)
					    : https_fall_back(s, &r, &job, "HTTPS is not for this card any more");
}

/* The card is there, but not for HTTPS. */
static int refused(struct smsr *s, struct command *cmd, const char *why)
{
	struct https_job job;
	struct op_run r;
	int rc = https_db_job_of_op(turn_ctx(s->turn), s->db, cmd->op_id, &job);

	if (rc < 0)
		return rc == -ENOENT ? 0 : rc;
	rc = op_load(s, cmd->op_id, &r);
	return rc < 0 ? rc : https_fall_back(s, &r, &job, why);
}

/* "Too low" to a copy: the first one had arrived.  Or it went to a number that does not reach the card any more, and
 * the counter is ahead: then the card says the same each time. */
static int stale_copy(struct smsr *s, struct command *cmd)
{
	struct operation op;
	bool ahead;
	int rc = op_db_get(turn_ctx(s->turn), s->db, cmd->op_id, &op);

	if (rc == 0)
		rc = cmd_seems_ahead(s, &op, CMD_TRIGGER, &ahead);
	if (rc < 0)
		return rc;
	return ahead && op.attempt == 0 ? raise_counter(s, cmd) : await_card(s, cmd->op_id);
}

int https_trigger_answered(struct smsr *s, struct command *cmd, uint8_t status)
{
	int rc = cmd_close(s, cmd, CMD_ST_ANSWERED);

	if (rc < 0)
		return rc;
	if (status == SP_ST_OK)
		return await_card(s, cmd->op_id);
	if (status == SP_ST_CNTR_LOW)
		return cmd->attempt > 0 ? stale_copy(s, cmd) : raise_counter(s, cmd);
	return refused(s, cmd,
		       talloc_asprintf(turn_ctx(s->turn), "the card refused the trigger: %s", sp_status_name(status)));
}
