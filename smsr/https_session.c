/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The administration session of an eUICC: its POSTs, their answers, lost connections.  SGP.02 ES5 over HTTPS,
 * GlobalPlatform Amendment B; what a POST means is for scp81/dialog.h.
 *
 * A POST is judged first, with all that it means for operations, and makes the card's connection wait (session.waits)
 * then; https_serve() ends that with a script, with 204, or leaves it parked for the operation that was announced.  A
 * new job finds a waiting POST and is served at once. What its answers mean for the job is in https_result.c. */
#include <errno.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/clock.h"
#include "common/app/log.h"
#include "common/crypto/rnd.h"
#include "smsr/cmd_db.h"
#include "smsr/eis_db.h"
#include "smsr/https.h"
#include "smsr/mo.h"
#include "smsr/op_proc.h"

#define TOKEN_OCTETS (DIALOG_TOKEN_MAX / 2)
#define TAG_SCRIPT_CMD 0xae /* indefinite form: length 80, end 00 00 */

/* ---- outputs ---- */

struct answer {
	struct smsr *s;
	uint64_t conn;
	struct bytes octets;
	bool close;
};

static void emit_answer(void *priv, void *data)
{
	struct smsr *s = priv;
	const struct answer *a = data;

	if (s->ports->https_answer)
		s->ports->https_answer(s->ports_priv, a->conn, a->octets, a->close);
}

/* \param[in] w  what was written for it; NULL: nothing, only the end */
static int answer(struct smsr *s, uint64_t conn, const struct wr *w, bool close)
{
	struct answer *a = talloc_zero(turn_ctx(s->turn), struct answer);
	struct bytes octets = bytes_of(NULL, 0);
	int rc = w ? wr_end(w, &octets) : 0;

	OSMO_ASSERT(a);
	if (rc < 0)
		return rc;
	a->conn = conn;
	a->octets = bytes_dup(a, octets);
	a->close = close;
	turn_output(s->turn, emit_answer, s, a);
	return 0;
}

static int refuse(struct smsr *s, const struct https_request *q, unsigned int http_status, const char *why)
{
	struct wr w;
	int rc;

	smsr_count(s, CTR_HTTPS_REFUSED);
	LOGP(DHTTP, LOGL_NOTICE, "eid %s: POST refused: %s\n", hex_enc(turn_ctx(s->turn), bytes_of(q->eid, EID_LEN)),
	     why);
	wr_init(&w, turn_ctx(s->turn));
	rc = dialog_refuse_enc(http_status, &w);
	return rc < 0 ? rc : answer(s, q->conn, &w, true);
}

/* ---- serving ---- */

/* The session ends with this answer; the connection is not ours any more. */
static int end(struct smsr *s, struct https_session *ss)
{
	uint64_t conn = ss->conn;
	struct wr w;
	int rc;

	wr_init(&w, turn_ctx(s->turn));
	rc = dialog_end_enc(&ss->dialog, &w);
	if (rc < 0)
		return rc;
	ss->state = HTTPS_CLOSED;
	ss->conn = 0;
	ss->waits = ss->hold = false;
	ss->due_ms = 0;
	rc = https_db_session_put(s->db, ss);
	return rc < 0 ? rc : answer(s, conn, &w, true);
}

/* Addressed to the ISD-R itself a script names no application. */
static struct bytes target_of(const struct euicc *e, const struct https_job *job)
{
	return bytes_eq(job->target, e->isdr_aid) ? bytes_of(NULL, 0) : job->target;
}

static int give(struct smsr *s, const struct euicc *e, struct https_session *ss, const struct https_job *job,
		struct https_script *script, bool again)
{
	const struct https_fleet *f = https_fleet_for(s, e);
	struct dialog_conf conf = https_fleet_dialog(f);
	struct bytes octets;
	struct wr w;
	int rc = https_template(s, TAG_SCRIPT_CMD, script->body, &octets);

	wr_init(&w, turn_ctx(s->turn));
	if (rc == 0 && again)
		rc = dialog_script_again_enc(&conf, &ss->dialog, f->host, target_of(e, job), octets, &w);
	else if (rc == 0)
		rc = dialog_script_enc(&conf, &ss->dialog, f->host, target_of(e, job), octets, &w);
	if (rc < 0)
		return rc;
	script->state = SCRIPT_SENT;
	script->seq = ss->dialog.seq;
	ss->waits = false;
	ss->due_ms = 0;
	ss->opened = 0;
	rc = https_db_script_update(s->db, script);
	if (rc == 0)
		rc = https_db_session_put(s->db, ss);
	if (rc == 0)
		rc = op_note(s, job->op_id, STEP_HTTPS, "script %d to the card, %zu octets%s", script->idx,
			     script->body.len, again ? ", again" : "");
	if (rc == 0)
		smsr_count(s, CTR_HTTPS_SCRIPTS);
	return rc < 0 ? rc : answer(s, ss->conn, &w, false);
}

static int park(struct smsr *s, const struct https_fleet *f, struct https_session *ss)
{
	ss->due_ms = clock_now_ms() + (int64_t)f->hold_s * 1000;
	return https_db_session_put(s->db, ss);
}

static int call_again(struct smsr *s, const struct https_fleet *f, struct https_job *job)
{
	job->due_ms = clock_now_ms() + https_wait_ms(f, job);
	return https_db_job_update(s->db, job);
}

/* What is next for the card.  \returns 0; -ENOENT nothing, or nothing that may leave now */
static int next_script(struct smsr *s, const struct https_fleet *f, const struct euicc *e, struct https_job *job,
		       struct https_script *script)
{
	void *ctx = turn_ctx(s->turn);
	bool paused;
	int rc = f ? https_db_job_of_euicc(ctx, s->db, e->id, job) : -ENOENT;

	if (rc == 0)
		rc = record_db_is_paused(s->db, PAUSE_ALL, "", &paused);
	if (rc < 0)
		return rc;
	if (!paused)
		return https_db_script_next(ctx, s->db, job->id, script);
	/* The card is sent away: the trigger waits for the end of the pause. */
	rc = call_again(s, f, job);
	return rc < 0 ? rc : -ENOENT;
}

int https_serve(struct smsr *s, const struct euicc *e)
{
	const struct https_fleet *f = https_fleet_for(s, e);
	struct https_session ss;
	struct https_script script;
	struct https_job job;
	int rc = https_db_session(s->db, e->id, &ss);

	if (rc < 0 || !ss.waits)
		return rc;
	rc = next_script(s, f, e, &job, &script);
	if (rc == 0)
		return give(s, e, &ss, &job, &script, false);
	if (rc != -ENOENT)
		return rc;
	if (ss.due_ms) /* parked already */
		return 0;
	return f && ss.hold && f->hold_s ? park(s, f, &ss) : end(s, &ss);
}

/* ---- requests ---- */

/* What a POST turned out to be. */
struct post {
	struct dialog_out out;
	bool answered; /* already */
	bool away;     /* what was lost is a change, which may wait for the end of the session with its REFRESH */
};

static bool wants_refresh(const struct https_job *job)
{
	return job->kind == CMD_ENABLE || job->kind == CMD_DISABLE;
}

/* The card has not got the script that is out, or so it says. */
static int again(struct smsr *s, const struct euicc *e, struct https_session *ss, struct post *post)
{
	void *ctx = turn_ctx(s->turn);
	bool had, gone, paused = false;
	struct https_script script;
	struct https_job job;
	int rc = https_db_job_of_euicc(ctx, s->db, e->id, &job);

	if (rc == 0)
		rc = https_db_script_out(ctx, s->db, job.id, ss->dialog.seq, &script);
	had = rc == 0 && post->out.from_start && https_in_doubt(ss, &job);
	gone = rc == -ENOENT;
	if (rc == 0)
		rc = record_db_is_paused(s->db, PAUSE_ALL, "", &paused);
	if (rc < 0 && !gone)
		return rc;
	post->answered = !gone && !had && !paused;
	if (post->answered)
		return give(s, e, ss, &job, &script, true);
	/* Nobody wants it any more, the card may have had it, or it waits for the end of a pause: what comes next, or
	 * the end. */
	ss->dialog.state = DIALOG_WAITING;
	rc = https_db_session_put(s->db, ss);
	if (rc < 0 || gone)
		return rc;
	post->away = had && wants_refresh(&job);
	if (had)
		return https_lost(s, ss, ss->dialog.seq, false);
	script.state = SCRIPT_READY;
	return https_db_script_update(s->db, &script);
}

static int notified(struct smsr *s, struct euicc *e, const struct dialog_out *out)
{
	struct es5_notif n;

	if (es5_notif_dec(out->body, &n) < 0) {
		smsr_count(s, CTR_NOTIFICATIONS_REJECTED);
		LOGP(DHTTP, LOGL_NOTICE, "eid %s: a notification by HTTPS cannot be read\n",
		     hex_enc(turn_ctx(s->turn), BYTES_ARR(e->eid)));
		return 0;
	}
	n.by_https = true;
	return notif_take(s, "HTTPS", e, &n);
}

static int lost(struct smsr *s, const struct euicc *e, struct https_session *ss, struct post *post)
{
	const struct dialog_out *out = &post->out;
	struct https_script script;
	struct https_job job;
	int rc = https_db_job_of_euicc(turn_ctx(s->turn), s->db, e->id, &job);

	if (rc == 0)
		rc = https_db_script_out(turn_ctx(s->turn), s->db, job.id, out->lost_seq, &script);
	if (rc < 0) /* its operation has ended meanwhile */
		return rc == -ENOENT ? 0 : rc;
	post->away = out->fresh && out->act == DIALOG_ACT_NEXT && wants_refresh(&job);
	return https_lost(s, ss, out->lost_seq, !out->fresh);
}

static int act(struct smsr *s, struct euicc *e, struct https_session *ss, struct post *post)
{
	const struct dialog_out *out = &post->out;
	int rc = out->lost_seq ? lost(s, e, ss, post) : 0;

	if (rc < 0)
		return rc;
	switch (out->act) {
	case DIALOG_ACT_RESULT:
		return https_result(s, ss, out);
	case DIALOG_ACT_NOTIFY:
		rc = eis_db_get(turn_ctx(s->turn), s->db, e->id, e); /* what was lost may have moved an operation */
		return rc < 0 ? rc : notified(s, e, out);
	case DIALOG_ACT_AGAIN:
		return again(s, e, ss, post);
	case DIALOG_ACT_END: /* 204 again, or what has come up since */
		ss->dialog.state = DIALOG_WAITING;
		return https_db_session_put(s->db, ss);
	case DIALOG_ACT_NEXT:
	case DIALOG_ACT_REFUSE:
		break;
	}
	return 0;
}

static void new_token(char *token, size_t size)
{
	uint8_t chance[TOKEN_OCTETS];

	rnd_bytes(chance, sizeof(chance));
	OSMO_ASSERT(hex_enc_buf(token, size, BYTES_ARR(chance)) == 0);
}

/* No trigger is needed any more, and no time runs. */
static int stop_waiting(struct smsr *s, struct https_job *job)
{
	struct command cmd;
	int rc;

	job->due_ms = 0;
	rc = https_db_job_update(s->db, job);
	if (rc == 0)
		rc = cmd_db_open_of_op(turn_ctx(s->turn), s->db, job->op_id, &cmd);
	if (rc < 0)
		return rc == -ENOENT ? 0 : rc;
	return cmd_close(s, &cmd, CMD_ST_ANSWERED);
}

/* The card is here, on this connection. */
static int heard(struct smsr *s, struct https_session *ss, uint64_t conn, struct post *post)
{
	bool anew = ss->conn != conn;
	struct https_job job;
	int rc = 0;

	if (ss->conn && anew)
		rc = answer(s, ss->conn, NULL, true); /* the card has given it up */
	if (anew)
		smsr_count(s, CTR_HTTPS_SESSIONS);
	ss->conn = conn;
	ss->state = HTTPS_OPEN;
	ss->waits = false;
	ss->due_ms = 0;
	ss->heard_ms = clock_stamp_ms();
	if (rc == 0)
		rc = https_db_session_put(s->db, ss);
	if (rc == 0)
		rc = https_db_job_of_euicc(turn_ctx(s->turn), s->db, ss->euicc_id, &job);
	if (rc < 0)
		return rc == -ENOENT ? 0 : rc;
	rc = anew ? op_note(s, job.op_id, STEP_HTTPS, "the card has connected") : 0;
	if (rc < 0 || (!anew && !job.triggers && !job.due_ms))
		return rc;
	return stop_waiting(s, &job);
}

/* Before its REFRESH a look would find the old state.  It comes again for that, or its notification tells. */
static int send_away(struct smsr *s, const struct euicc *e, struct https_session *ss)
{
	struct https_job job;
	int rc = https_db_job_of_euicc(turn_ctx(s->turn), s->db, e->id, &job);

	if (rc == 0)
		rc = call_again(s, https_times_for(s, e), &job);
	return rc < 0 && rc != -ENOENT ? rc : end(s, ss);
}

/* All that the POST meant is done: what is next for the card? */
static int answer_post(struct smsr *s, const struct euicc *e, bool away)
{
	struct https_session ss;
	int rc = https_db_session(s->db, e->id, &ss);

	if (rc == 0 && away)
		return send_away(s, e, &ss);
	ss.waits = true;
	if (rc == 0)
		rc = https_db_session_put(s->db, &ss);
	return rc < 0 ? rc : https_serve(s, e);
}

int smsr_ev_https_request(void *smsr, void *request)
{
	const struct https_request *q = request;
	struct smsr *s = smsr;
	void *ctx = turn_ctx(s->turn);
	char token[DIALOG_TOKEN_MAX + 1];
	struct dialog_req req = {.msg = q->msg, .eid = q->eid, .nth = q->nth, .new_token = token};
	struct dialog_conf conf;
	struct https_session ss;
	struct post post = {.answered = false};
	struct euicc e;
	int rc = eis_db_by_eid(ctx, s->db, q->eid, &e);

	smsr_count(s, CTR_HTTPS_REQUESTS);
	if (rc == -ENOENT || (rc == 0 && !https_fleet_for(s, &e)))
		return refuse(s, q, 403, "no such eUICC, or not by HTTPS");
	if (rc == 0)
		rc = https_db_session(s->db, e.id, &ss);
	if (rc < 0)
		return rc;
	conf = https_fleet_dialog(https_fleet_for(s, &e));
	new_token(token, sizeof(token));
	req.same_conn = ss.conn == q->conn;
	dialog_rx(ctx, &conf, &ss.dialog, &req, &post.out);
	if (post.out.act == DIALOG_ACT_REFUSE)
		return refuse(s, q, post.out.http_status, post.out.why);
	if (post.out.fresh)
		ss.hold = false;
	rc = heard(s, &ss, q->conn, &post);
	if (rc == 0)
		rc = act(s, &e, &ss, &post);
	return rc < 0 || post.answered ? rc : answer_post(s, &e, post.away);
}

/* Counted where it may be asked for: see https_in_doubt(). */
int smsr_ev_https_opened(void *smsr, void *opened)
{
	const struct https_opened *o = opened;
	struct smsr *s = smsr;
	struct https_session ss;
	struct euicc e;
	int rc = eis_db_by_eid(turn_ctx(s->turn), s->db, o->eid, &e);

	if (rc == 0)
		rc = https_db_session(s->db, e.id, &ss);
	if (rc < 0) /* a card that is not there any more is refused with its POST */
		return rc == -ENOENT ? 0 : rc;
	if (ss.dialog.state != DIALOG_SCRIPT)
		return 0;
	ss.opened++;
	return https_db_session_put(s->db, &ss);
}

int smsr_ev_https_closed(void *smsr, void *gone)
{
	const struct https_gone *g = gone;
	struct smsr *s = smsr;
	struct https_session ss;
	struct https_job job;
	struct euicc e;
	int rc = https_db_session_by_conn(s->db, g->conn, &ss);

	if (rc < 0) /* it was over, or another one has taken its place */
		return rc == -ENOENT ? 0 : rc;
	ss.conn = 0;
	ss.waits = false;
	ss.due_ms = 0;
	ss.state = HTTPS_CLOSED;
	rc = https_db_job_of_euicc(turn_ctx(s->turn), s->db, ss.euicc_id, &job);
	if (rc < 0)
		return rc == -ENOENT ? https_db_session_put(s->db, &ss) : rc;
	ss.state = HTTPS_TRIGGERED;
	rc = https_db_session_put(s->db, &ss);
	if (rc == 0)
		rc = eis_db_get(turn_ctx(s->turn), s->db, ss.euicc_id, &e);
	if (rc == 0)
		rc = op_note(s, job.op_id, STEP_RETRY, "the connection is lost (%s): waiting for the card", g->why);
	if (rc < 0)
		return rc;
	return call_again(s, https_times_for(s, &e), &job);
}
