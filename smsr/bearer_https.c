/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Jobs of the HTTPS bearer: which ones it takes, their cut into scripts, and how they end in vain.
 *
 * The time that runs in a job's row is that of the card: from the moment service centres have taken the trigger, or the
 * connection was lost, until it should have been heard.  The operation's own deadline stands beside it (engine.c). */
#include "smsr/https.h"

#include <errno.h>
#include <inttypes.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/clock.h"
#include "common/app/log.h"
#include "common/codec/ber.h"
#include "scp81/psk_id.h"
#include "smsr/cmd_db.h"
#include "smsr/eis_db.h"
#include "smsr/op_proc.h"

#define DUE_BATCH 100

const struct https_fleet *https_fleet_for(const struct smsr *s, const struct euicc *e)
{
	return https_fleet_of(&s->cfg->bearer, e->eum_oid);
}

const struct https_fleet *https_times_for(const struct smsr *s, const struct euicc *e)
{
	const struct https_fleet *f = https_fleet_for(s, e);

	return f ? f : s->cfg->bearer.fallback;
}

int64_t https_wait_ms(const struct https_fleet *f, const struct https_job *job)
{
	int i = job->triggers > 0 ? job->triggers - 1 : 0;

	return (int64_t)f->wait_s[i < HTTPS_WAITS ? i : HTTPS_WAITS - 1] * 1000;
}

/* ---- choice ---- */

static int has_psk(struct smsr *s, const struct euicc *e, bool *yes)
{
	struct keyset ks;
	int rc = eis_db_keyset(s->db, e->id, KEYSET_SCP81, 0, &ks);

	*yes = rc == 0 && ks.version >= PSK_KVN_MIN && ks.version <= PSK_KVN_MAX;
	return rc == -ENOENT ? 0 : rc;
}

/* A confirmation goes the way its notification came. */
static bool goes_back_by_sms(const struct op_run *r, const struct bearer_job *job)
{
	return job->kind == CMD_CONFIRM && !op_arg_by_https(&r->op);
}

int https_wanted(struct smsr *s, const struct op_run *r, const struct bearer_job *job, bool sms_fits, bool *yes)
{
	const struct https_fleet *f = https_fleet_for(s, &r->euicc);
	struct https_session ss;
	bool psk;
	int rc;

	*yes = false;
	if (!f || f->wish == BEARER_SMS || !r->euicc.http || goes_back_by_sms(r, job))
		return 0;
	rc = has_psk(s, &r->euicc, &psk);
	if (rc == 0)
		rc = https_db_session(s->db, r->euicc.id, &ss);
	if (rc < 0 || !psk)
		return rc;
	if (ss.conn || !sms_fits)
		*yes = true;
	else if (job->kind == CMD_CONFIRM)
		*yes = false; /* its session has gone, and the card does not wait long */
	else
		*yes = f->wish == BEARER_HTTPS && (!f->failures_max || ss.failures < (int)f->failures_max);
	return 0;
}

/* ---- storing ---- */

/* Whole TLVs, as many as fit; one that is longer goes alone. */
static struct bytes cut(struct rd *rd, size_t max)
{
	const uint8_t *start = rd->cur;
	size_t len = 0;
	struct rd look = *rd;
	struct ber tlv;

	while (ber_next(&look, &tlv)) {
		size_t end = (size_t)(look.cur - start);

		if (len && end > max)
			break;
		len = end;
	}
	if (look.failed)
		rd_fail(rd);
	return rd_bytes(rd, len);
}

static int insert_scripts(struct smsr *s, const struct https_job *job, struct bytes cmds, size_t max, int *n)
{
	struct rd rd;
	int rc = 0;

	*n = 0;
	rd_init(&rd, cmds);
	while (rc == 0 && rd_left(&rd)) {
		struct bytes body = cut(&rd, max);

		if (rd.failed || body.len == 0)
			return -EINVAL;
		rc = https_db_script_insert(s->db, job->id, ++*n, body);
	}
	return rc == 0 && *n == 0 ? -EINVAL : rc;
}

static int store(struct smsr *s, struct op_run *r, const struct bearer_job *in, struct https_job *job)
{
	const struct https_fleet *f = https_fleet_for(s, &r->euicc);
	int n;
	int rc = https_db_job_insert(s->db, job);

	if (rc == 0)
		rc = insert_scripts(s, job, in->cmds, f->script_max, &n);
	if (rc == 0)
		rc = op_note(s, r->op.id, STEP_SEALED, "for HTTPS: %zu octets in %d script%s", in->cmds.len, n,
			     n == 1 ? "" : "s");
	return rc;
}

int https_send(struct smsr *s, struct op_run *r, const struct bearer_job *in)
{
	struct https_job job = {
		.op_id = r->op.id,
		.euicc_id = r->euicc.id,
		.kind = in->kind,
		.state = CMD_ST_OPEN,
		.target = in->target,
		.more = in->more_to_do,
		.dest = talloc_strdup(turn_ctx(s->turn), in->dest),
	};
	struct https_session ss;
	int rc;

	if (!https_fleet_for(s, &r->euicc))
		return -EOPNOTSUPP;
	rc = https_db_session(s->db, r->euicc.id, &ss);
	if (rc == 0)
		rc = store(s, r, in, &job);
	if (rc < 0)
		return rc;
	if (ss.waits)
		return https_serve(s, &r->euicc);
	/* Connected, but busy with something that nobody waits for any more: it will ask. */
	return ss.conn ? 0 : https_trigger(s, r, &job);
}

/* ---- ends ---- */

int https_job_end(struct smsr *s, struct https_job *job, enum cmd_state state)
{
	int rc;

	job->state = state;
	job->due_ms = 0;
	rc = https_db_job_update(s->db, job);
	return rc < 0 ? rc : https_db_scripts_drop(s->db, job->id);
}

/* A card that is not there is not awaited any more. */
static int await_nobody(struct smsr *s, int64_t euicc_id)
{
	struct https_session ss;
	int rc = https_db_session(s->db, euicc_id, &ss);

	if (rc < 0 || ss.state != HTTPS_TRIGGERED)
		return rc;
	ss.state = HTTPS_CLOSED;
	return https_db_session_put(s->db, &ss);
}

int https_close(struct smsr *s, int64_t op_id)
{
	struct https_job job;
	int rc = https_db_job_of_op(turn_ctx(s->turn), s->db, op_id, &job);

	if (rc < 0)
		return rc == -ENOENT ? 0 : rc;
	rc = https_job_end(s, &job, CMD_ST_CLOSED);
	return rc < 0 ? rc : await_nobody(s, job.euicc_id);
}

static int count_failure(struct smsr *s, int64_t euicc_id)
{
	struct https_session ss;
	int rc = https_db_session(s->db, euicc_id, &ss);

	if (rc < 0)
		return rc;
	smsr_count(s, CTR_HTTPS_FAILURES);
	ss.failures++;
	if (ss.state == HTTPS_TRIGGERED)
		ss.state = HTTPS_CLOSED;
	return https_db_session_put(s->db, &ss);
}

static int close_trigger(struct smsr *s, int64_t op_id)
{
	struct command cmd;
	int rc = cmd_db_open_of_op(turn_ctx(s->turn), s->db, op_id, &cmd);

	if (rc < 0)
		return rc == -ENOENT ? 0 : rc;
	return cmd_close(s, &cmd, CMD_ST_CLOSED);
}

int https_give_up(struct smsr *s, struct https_job *job, const char *why)
{
	struct op_input in = {.text = why};
	int n, left;
	int rc = https_db_script_count(s->db, job->id, &n, &left);

	if (rc == 0)
		rc = close_trigger(s, job->op_id);
	if (rc == 0)
		rc = https_job_end(s, job, CMD_ST_CLOSED);
	if (rc == 0)
		rc = count_failure(s, job->euicc_id);
	if (rc < 0)
		return rc;
	in.event = left ? OP_EV_SILENT : OP_EV_UNREACHED;
	return op_event(s, job->op_id, &in);
}

int https_deadline(struct smsr *s, struct op_run *r)
{
	struct https_job job;
	int rc = https_db_job_of_op(turn_ctx(s->turn), s->db, r->op.id, &job);

	if (rc == 0)
		rc = https_give_up(s, &job, "the card did not come for it over HTTPS in time");
	else if (rc == -ENOENT)
		return 0;
	return rc < 0 ? rc : 1;
}

/* ---- waiting for the card ---- */

static int join(struct smsr *s, const struct https_job *job, struct bytes *cmds)
{
	void *ctx = turn_ctx(s->turn);
	struct https_script script;
	struct wr w;
	int rc;

	wr_init(&w, ctx);
	for (int i = 1; (rc = https_db_script_get(ctx, s->db, job->id, i, &script)) == 0; i++)
		wr_bytes(&w, script.body);
	return rc == -ENOENT ? wr_end(&w, cmds) : rc;
}

/* What fits goes by SMS, if the card has seen nothing of it. */
int https_fall_back(struct smsr *s, struct op_run *r, struct https_job *job, const char *why)
{
	struct bearer_job again = {
		.kind = job->kind, .target = job->target, .more_to_do = job->more, .dest = job->dest};
	int n, left;
	int rc = https_db_script_count(s->db, job->id, &n, &left);

	if (rc == 0)
		rc = join(s, job, &again.cmds);
	if (rc < 0)
		return rc;
	if (left || !bearer_fits_sms(s, &again))
		return https_give_up(s, job, why);
	rc = close_trigger(s, job->op_id);
	if (rc == 0)
		rc = https_job_end(s, job, CMD_ST_CLOSED);
	if (rc == 0)
		rc = count_failure(s, job->euicc_id);
	if (rc == 0)
		rc = op_note(s, r->op.id, STEP_RETRY, "%s: by SMS", why);
	return rc < 0 ? rc : bearer_send_sms(s, r, r->op.state, &again);
}

static int job_due(struct smsr *s, int64_t id)
{
	void *ctx = turn_ctx(s->turn);
	struct https_job job;
	struct op_run r;
	int rc = https_db_job_get(ctx, s->db, id, &job);

	if (rc == 0)
		rc = op_load(s, job.op_id, &r);
	if (rc < 0)
		return rc;
	if (job.triggers >= HTTPS_WAITS || !https_fleet_for(s, &r.euicc))
		return https_fall_back(s, &r, &job, "the card did not connect");
	rc = close_trigger(s, job.op_id);
	if (rc == 0)
		rc = op_note(s, job.op_id, STEP_RETRY, "the card did not connect: another trigger");
	return rc < 0 ? rc : https_trigger(s, &r, &job);
}

/* ---- due ---- */

static int session_due(struct smsr *s, int64_t euicc_id)
{
	struct https_session ss;
	struct euicc e;
	int rc = eis_db_get(turn_ctx(s->turn), s->db, euicc_id, &e);

	if (rc == 0)
		rc = https_db_session(s->db, euicc_id, &ss);
	ss.due_ms = 0;
	ss.hold = false;
	if (rc == 0)
		rc = https_db_session_put(s->db, &ss);
	return rc < 0 ? rc : https_serve(s, &e);
}

struct due {
	struct smsr *s;
	int (*handle)(struct smsr *s, int64_t id);
	int64_t id;
};

static int try_due(void *arg)
{
	const struct due *d = arg;

	return d->handle(d->s, d->id);
}

/* A row that nobody can handle must not be due for ever: its operation ends with its deadline. */
static int put_aside(struct smsr *s, int (*handle)(struct smsr *s, int64_t id), int64_t id)
{
	struct https_session ss;
	struct https_job job;
	int rc;

	if (handle == session_due) {
		rc = https_db_session(s->db, id, &ss);
		ss.due_ms = 0;
		return rc < 0 ? rc : https_db_session_put(s->db, &ss);
	}
	rc = https_db_job_get(turn_ctx(s->turn), s->db, id, &job);
	job.due_ms = 0;
	return rc < 0 ? rc : https_db_job_update(s->db, &job);
}

static int each(struct smsr *s, const int64_t *ids, size_t n, int (*handle)(struct smsr *s, int64_t id))
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < n; i++) {
		struct due d = {s, handle, ids[i]};

		rc = turn_try(s->turn, try_due, &d);
		if (rc < 0 && !db_broken(s->db)) {
			LOGP(DPROC, LOGL_ERROR, "HTTPS row %" PRId64 ": error %d, put aside\n", ids[i], -rc);
			rc = put_aside(s, handle, ids[i]);
		}
	}
	return rc;
}

int https_tick(struct smsr *s, bool *more)
{
	int64_t ids[DUE_BATCH];
	size_t n = 0, jobs = 0;
	int rc = https_db_sessions_due(s->db, clock_now_ms(), ids, ARRAY_SIZE(ids), &n);

	if (rc == 0)
		rc = each(s, ids, n, session_due);
	if (rc == 0)
		rc = https_db_jobs_due(s->db, clock_now_ms(), ids, ARRAY_SIZE(ids), &jobs);
	if (rc == 0)
		rc = each(s, ids, jobs, job_due);
	*more = rc == 0 && (n == ARRAY_SIZE(ids) || jobs == ARRAY_SIZE(ids));
	return rc;
}

/* A card that was connected when the last run ended comes back by itself, or has to be called: as after any connection
 * that is lost, when its fleet says so. */
static int await(struct smsr *s, const void *ctx, int64_t job_id)
{
	struct https_job job;
	struct euicc e;
	int rc = https_db_job_get(ctx, s->db, job_id, &job);

	if (rc == 0)
		rc = eis_db_get(ctx, s->db, job.euicc_id, &e);
	if (rc < 0)
		return rc;
	job.due_ms = clock_now_ms() + https_wait_ms(https_times_for(s, &e), &job);
	return https_db_job_update(s->db, &job);
}

int https_recover(struct smsr *s)
{
	int64_t ids[DUE_BATCH], last = 0;
	size_t n = ARRAY_SIZE(ids);
	int rc = https_db_recover(s->db);

	while (rc == 0 && n == ARRAY_SIZE(ids)) {
		rc = https_db_jobs_lost(s->db, last, ids, ARRAY_SIZE(ids), &n);
		for (size_t i = 0; rc == 0 && i < n; i++) {
			void *ctx = talloc_new(s);

			rc = await(s, ctx, ids[i]);
			last = ids[i];
			talloc_free(ctx);
		}
	}
	return rc;
}
