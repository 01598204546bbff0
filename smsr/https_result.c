/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Results of scripts: each is kept, the last ends the job and moves its operation.
 *
 * A card that begins anew while a script of it is out may have executed that script: see lost_ways.  One that resumes
 * without the result had the script; its session has not ended, so that a change still waits for the REFRESH, and a
 * look would find the old state: its notification will tell. */
#include <errno.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "scp80/apdu_text.h"
#include "scp80/script.h"
#include "smsr/https.h"
#include "smsr/op_proc.h"

#define TAG_SCRIPT_RSP 0xaf

int https_template(struct smsr *s, uint8_t tag, struct bytes tlvs, struct bytes *out)
{
	struct wr w;

	wr_init(&w, turn_ctx(s->turn));
	wr_u8(&w, tag);
	wr_u8(&w, 0x80);
	wr_bytes(&w, tlvs);
	wr_u16(&w, 0);
	return wr_end(&w, out);
}
/* ---- results ---- */

/* All answers as one script, as a card would have given them to one command script. */
static int joined(struct smsr *s, const struct https_job *job, struct bytes *octets)
{
	void *ctx = turn_ctx(s->turn);
	struct https_script script;
	struct bytes tlvs;
	struct wr w;
	int rc;

	wr_init(&w, ctx);
	for (int i = 1; (rc = https_db_script_get(ctx, s->db, job->id, i, &script)) == 0; i++)
		wr_bytes(&w, script.rsp);
	if (rc == -ENOENT)
		rc = wr_end(&w, &tlvs);
	return rc < 0 ? rc : https_template(s, TAG_SCRIPT_RSP, tlvs, octets);
}

static int end_job(struct smsr *s, struct https_session *ss, struct https_job *job)
{
	int rc = https_job_end(s, job, CMD_ST_ANSWERED);

	/* Behind a profile change the card has to REFRESH: it cannot with a session open. */
	ss->hold = job->more && job->kind != CMD_ENABLE && job->kind != CMD_DISABLE;
	ss->failures = 0;
	return rc < 0 ? rc : https_db_session_put(s->db, ss);
}

static int job_answered(struct smsr *s, struct https_session *ss, struct https_job *job)
{
	struct op_input in = {.event = OP_EV_ANSWER};
	struct script_rsp script;
	struct bytes all;
	int rc = joined(s, job, &all);

	if (rc == 0)
		rc = end_job(s, ss, job);
	if (rc < 0)
		return rc;
	if (script_rsp_dec(all, &script) == 0 && script.body.len) {
		in.script = &script;
		in.rsp = script.body;
	}
	return op_event(s, job->op_id, &in);
}

static int job_refused(struct smsr *s, struct https_session *ss, struct https_job *job, enum admin_status status)
{
	const char *word = admin_status_text(status);
	struct op_input in = {.event = OP_EV_REFUSED};
	struct script_rsp before;
	struct bytes all;
	int rc;

	in.text = talloc_asprintf(turn_ctx(s->turn), "X-Admin-Script-Status: %s", word ? word : "unknown");
	rc = op_note(s, job->op_id, STEP_HTTPS, "%s", in.text);
	if (rc == 0)
		rc = joined(s, job, &all);
	if (rc == 0 && script_rsp_dec(all, &before) == 0)
		in.rsp = before.body; /* what the scripts before this one gave */
	if (rc == 0)
		rc = end_job(s, ss, job);
	return rc < 0 ? rc : op_event(s, job->op_id, &in);
}

/* The TLVs of one answer.  One that cannot be read is empty, and its job ends. */
static bool take_answer(struct smsr *s, struct bytes body, struct bytes *tlvs, bool *goes_on)
{
	struct script_rsp rsp;

	if (script_rsp_dec(body, &rsp) < 0)
		return false;
	*tlvs = bytes_dup(turn_ctx(s->turn), rsp.body);
	*goes_on = !rsp.bad_sw && !rsp.bad_scp03t && !rsp.bad_format && !rsp.action && !rsp.chaining;
	return true;
}

int https_result(struct smsr *s, struct https_session *ss, const struct dialog_out *out)
{
	void *ctx = turn_ctx(s->turn);
	struct https_script script, next;
	struct https_job job;
	bool goes_on = false, readable;
	int rc = https_db_job_of_euicc(ctx, s->db, ss->euicc_id, &job);

	if (rc == 0)
		rc = https_db_script_out(ctx, s->db, job.id, out->seq, &script);
	if (rc < 0) /* its operation has ended meanwhile */
		return rc == -ENOENT ? 0 : rc;
	if (out->status != ADMIN_STATUS_OK)
		return job_refused(s, ss, &job, out->status);
	readable = take_answer(s, out->body, &script.rsp, &goes_on);
	script.state = SCRIPT_ANSWERED;
	job.triggers = 0; /* calling it leads on */
	rc = https_db_script_update(s->db, &script);
	if (rc == 0)
		rc = https_db_job_update(s->db, &job);
	if (rc == 0)
		rc = op_note(s, job.op_id, STEP_HTTPS, "script %d answered: %s", script.idx,
			     readable ? script_rsp_text(ctx, out->body) : "the answer cannot be read");
	if (rc < 0)
		return rc;
	rc = goes_on ? https_db_script_next(ctx, s->db, job.id, &next) : -ENOENT;
	return rc == -ENOENT ? job_answered(s, ss, &job) : rc;
}

/* ---- scripts that may have been executed ---- */

enum lost_way {
	LOST_AGAIN, /* twice does no harm: reading, confirming, deleting what is gone */
	LOST_LOOK,  /* an audit tells */
	LOST_GONE,  /* nobody can tell */
};

static enum lost_way lost_way(enum cmd_kind kind)
{
	static const struct {
		enum cmd_kind kind;
		enum lost_way way;
	} lost_ways[] = {
		{CMD_ENABLE, LOST_LOOK},  {CMD_DISABLE, LOST_LOOK}, {CMD_CREATE, LOST_LOOK},
		{CMD_DELETE, LOST_AGAIN}, {CMD_AUDIT, LOST_AGAIN},  {CMD_CONFIRM, LOST_AGAIN},
	};

	for (size_t i = 0; i < ARRAY_SIZE(lost_ways); i++) {
		if (lost_ways[i].kind == kind)
			return lost_ways[i].way;
	}
	return LOST_GONE;
}

/* The first POST of a later session, if there was one, was lost on a connection of its own, between that of the script
 * and this one.  Why the card began it does not matter: a trigger that was late, a refusal, its own idea. */
bool https_in_doubt(const struct https_session *ss, const struct https_job *job)
{
	switch (lost_way(job->kind)) {
	case LOST_AGAIN:
		return job->kind == CMD_DELETE; /* see way_of() */
	case LOST_LOOK:
		return true;
	case LOST_GONE:
		break;
	}
	return ss->opened > 1; /* a look is cheap, a failure is not */
}

/* A delete that goes again may be refused for a reason that was not there the first time, and would be told as failed.
 * Behind a change that POL2 has it follow, a refusal is no failure. */
static int way_of(struct smsr *s, const struct https_job *job, enum lost_way *way)
{
	struct op_run r;
	int rc = job->kind == CMD_DELETE ? op_load(s, job->op_id, &r) : 0;

	*way = rc == 0 && job->kind == CMD_DELETE && r.op.kind == OP_DELETE ? LOST_LOOK : lost_way(job->kind);
	return rc;
}

int https_lost(struct smsr *s, struct https_session *ss, uint32_t seq, bool resumed)
{
	void *ctx = turn_ctx(s->turn);
	struct command as_sms = {.attempt = resumed};
	struct op_input in = {.event = OP_EV_STALE, .cmd = &as_sms};
	struct https_script script;
	struct https_job job;
	enum lost_way way = LOST_GONE;
	int rc = https_db_job_of_euicc(ctx, s->db, ss->euicc_id, &job);

	if (rc == 0)
		rc = https_db_script_out(ctx, s->db, job.id, seq, &script);
	if (rc == 0)
		rc = way_of(s, &job, &way);
	if (rc == 0)
		rc = op_note(s, job.op_id, STEP_RETRY, "the card %s: what it did with script %d is not known",
			     resumed ? "resumes without the result" : "begins anew", script.idx);
	if (rc < 0)
		return rc == -ENOENT ? 0 : rc;
	if (job.kind == CMD_DELETE)
		as_sms.attempt = 1;
	switch (way) {
	case LOST_AGAIN:
		script.state = SCRIPT_READY;
		return https_db_script_update(s->db, &script);
	case LOST_LOOK:
		rc = https_close(s, job.op_id);
		return rc < 0 ? rc : op_event(s, job.op_id, &in);
	case LOST_GONE:
		break;
	}
	rc = https_close(s, job.op_id);
	in = (struct op_input){.event = OP_EV_SILENT, .text = "the card began a new session and gave no answer"};
	return rc < 0 ? rc : op_event(s, job.op_id, &in);
}
