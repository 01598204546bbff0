/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "smsr/https_db.h"

#include <errno.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#define SESSION_COLS "euicc_id, state, dialog, token, seq, conn, waits, hold, due_ms, heard_ms, failures, opened"
#define JOB_COLS "id, op_id, euicc_id, kind, state, target, more, dest, triggers, due_ms"
#define SCRIPT_COLS "id, job_id, idx, state, seq, body, rsp"

enum https_stmt {
	Q_SESSION,
	Q_SESSION_BY_CONN,
	Q_SESSION_PUT,
	Q_SESSIONS_DUE,
	Q_SESSIONS_LIST,
	Q_JOB_INSERT,
	Q_JOB,
	Q_JOB_OF_OP,
	Q_JOB_OF_EUICC,
	Q_JOB_UPDATE,
	Q_JOBS_DUE,
	Q_NEAREST,
	Q_SCRIPT_INSERT,
	Q_SCRIPT_NEXT,
	Q_SCRIPT_OUT,
	Q_SCRIPT,
	Q_SCRIPT_UPDATE,
	Q_SCRIPT_COUNT,
	Q_SCRIPTS_DROP,
	Q_RECOVER_SESSIONS,
	Q_FORGET_SESSIONS,
	Q_JOBS_LOST,
	Q_PSK,
};

/* State 0 of a job is CMD_ST_OPEN; states of a session and a script are those of https_db.h.  A job whose trigger still
 * waits for a service centre has no time running: the trigger's short message is a row of its own.  "state < 2" has to
 * be in a query for the index of the scripts that have no answer. */
static const char *const sql[] = {
	[Q_SESSION] = "SELECT " SESSION_COLS " FROM https_session WHERE euicc_id = ?1",
	[Q_SESSION_BY_CONN] = "SELECT " SESSION_COLS " FROM https_session WHERE conn = ?1",
	[Q_SESSION_PUT] = "INSERT OR REPLACE INTO https_session (" SESSION_COLS ") "
			  "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
	[Q_SESSIONS_DUE] = "SELECT euicc_id FROM https_session WHERE due_ms <= ?1 ORDER BY due_ms LIMIT ?2",
	[Q_SESSIONS_LIST] =
		"SELECT " SESSION_COLS " FROM https_session WHERE state > 0 ORDER BY heard_ms DESC, euicc_id LIMIT ?1",
	[Q_JOB_INSERT] = "INSERT INTO https_job (op_id, euicc_id, kind, state, target, more, dest, due_ms) "
			 "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
	[Q_JOB] = "SELECT " JOB_COLS " FROM https_job WHERE id = ?1",
	[Q_JOB_OF_OP] = "SELECT " JOB_COLS " FROM https_job WHERE op_id = ?1 AND state = 0",
	[Q_JOB_OF_EUICC] = "SELECT " JOB_COLS " FROM https_job WHERE euicc_id = ?1 AND state = 0",
	[Q_JOB_UPDATE] = "UPDATE https_job SET state = ?2, triggers = ?3, due_ms = ?4, dest = ?5 WHERE id = ?1",
	[Q_JOBS_DUE] = "SELECT id FROM https_job WHERE due_ms <= ?1 ORDER BY due_ms LIMIT ?2",
	[Q_NEAREST] = "SELECT min(due_ms) FROM (SELECT due_ms FROM (SELECT due_ms FROM https_session WHERE due_ms IS "
		      "NOT NULL ORDER BY due_ms LIMIT 1) UNION ALL SELECT due_ms FROM (SELECT due_ms FROM https_job "
		      "WHERE due_ms IS NOT NULL ORDER BY due_ms LIMIT 1))",
	[Q_SCRIPT_INSERT] = "INSERT INTO https_script (job_id, idx, state, body) VALUES (?1, ?2, 0, ?3)",
	[Q_SCRIPT_NEXT] =
		"SELECT " SCRIPT_COLS " FROM https_script WHERE job_id = ?1 AND state < 2 ORDER BY idx LIMIT 1",
	[Q_SCRIPT_OUT] = "SELECT " SCRIPT_COLS
			 " FROM https_script WHERE job_id = ?1 AND state < 2 AND seq = ?2 AND state = 1 ORDER BY idx",
	[Q_SCRIPT] = "SELECT " SCRIPT_COLS " FROM https_script WHERE job_id = ?1 AND idx = ?2",
	[Q_SCRIPT_UPDATE] = "UPDATE https_script SET state = ?2, seq = ?3, rsp = ?4 WHERE id = ?1",
	[Q_SCRIPT_COUNT] = "SELECT count(*), total(seq IS NOT NULL) FROM https_script WHERE job_id = ?1",
	[Q_SCRIPTS_DROP] = "DELETE FROM https_script WHERE job_id = ?1",
	[Q_FORGET_SESSIONS] = "DELETE FROM https_session",
	[Q_RECOVER_SESSIONS] = "UPDATE https_session SET conn = NULL, waits = 0, due_ms = NULL, opened = opened + 1, "
			       "state = CASE WHEN "
			       "EXISTS (SELECT 1 FROM https_job j WHERE j.euicc_id = https_session.euicc_id AND "
			       "j.state = 0) THEN 1 ELSE 0 END "
			       "WHERE conn IS NOT NULL OR state > 0",
	[Q_JOBS_LOST] =
		"SELECT id FROM https_job WHERE state = 0 AND due_ms IS NULL AND euicc_id > 0 AND NOT EXISTS (SELECT 1 "
		"FROM command c WHERE c.op_id = https_job.op_id AND c.state = 0 AND c.sent_ms IS NULL) AND id > ?1 "
		"ORDER BY id LIMIT ?2",
	[Q_PSK] = "SELECT k.wrapped FROM euicc e JOIN keyset s ON s.euicc_id = e.id JOIN key k ON k.keyset_id = s.id "
		  "WHERE e.eid = ?1 AND s.version = ?2 AND s.type = ?3 AND k.idx = ?4",
};

static struct db_stmt *stmt(struct db *db, enum https_stmt id)
{
	static const struct db_stmts set = {.slot = SLOT_HTTPS, .sql = sql, .n = ARRAY_SIZE(sql)};

	return db_stmt(db, &set, id);
}

static struct db_stmt *stmt_id(struct db *db, enum https_stmt id, int64_t key)
{
	struct db_stmt *s = stmt(db, id);

	db_bind_int(s, 1, key);
	return s;
}

/* ---- sessions ---- */

/* \returns 0; -EINVAL for a damaged row */
static int read_session(struct db_stmt *s, struct https_session *ss)
{
	struct bytes token = db_bytes(s, 3);
	struct https_session v = {
		.euicc_id = db_int(s, 0),
		.state = (enum https_state)db_int(s, 1),
		.dialog = {.state = (enum dialog_state)db_int(s, 2), .seq = (uint32_t)db_int(s, 4)},
		.conn = (uint64_t)db_int(s, 5),
		.waits = db_int(s, 6),
		.hold = db_int(s, 7),
		.due_ms = db_int(s, 8),
		.heard_ms = db_int(s, 9),
		.failures = (int)db_int(s, 10),
		.opened = (int)db_int(s, 11),
	};

	if (token.len > DIALOG_TOKEN_MAX || (unsigned int)v.state > HTTPS_OPEN ||
	    (unsigned int)v.dialog.state > DIALOG_ENDED)
		return -EINVAL;
	memcpy(v.dialog.token, token.data ? token.data : (const uint8_t *)"", token.len);
	*ss = v;
	return 0;
}

static int one_session(struct db_stmt *s, struct https_session *ss)
{
	int rc = db_need(s);

	if (rc < 0)
		return rc;
	rc = read_session(s, ss);
	db_reset(s);
	return rc;
}

int https_db_session(struct db *db, int64_t euicc_id, struct https_session *ss)
{
	int rc = one_session(stmt_id(db, Q_SESSION, euicc_id), ss);

	if (rc == -ENOENT)
		*ss = (struct https_session){.euicc_id = euicc_id};
	return rc == -ENOENT ? 0 : rc;
}

int https_db_session_by_conn(struct db *db, uint64_t conn, struct https_session *ss)
{
	return one_session(stmt_id(db, Q_SESSION_BY_CONN, (int64_t)conn), ss);
}

int https_db_session_put(struct db *db, const struct https_session *ss)
{
	struct db_stmt *s = stmt_id(db, Q_SESSION_PUT, ss->euicc_id);

	db_bind_int(s, 2, ss->state);
	db_bind_int(s, 3, ss->dialog.state);
	db_bind_text(s, 4, ss->dialog.token);
	db_bind_int(s, 5, ss->dialog.seq);
	db_bind_nonzero(s, 6, (int64_t)ss->conn);
	db_bind_int(s, 7, ss->waits);
	db_bind_int(s, 8, ss->hold);
	db_bind_nonzero(s, 9, ss->due_ms);
	db_bind_nonzero(s, 10, ss->heard_ms);
	db_bind_int(s, 11, ss->failures);
	db_bind_int(s, 12, ss->opened);
	return db_run(s);
}

int https_db_sessions_due(struct db *db, int64_t now_ms, int64_t *euicc_ids, size_t max, size_t *n)
{
	return db_batch(stmt(db, Q_SESSIONS_DUE), now_ms, euicc_ids, max, n);
}

int https_db_sessions_list(struct db *db, struct https_session *ss, size_t max, size_t *n)
{
	struct db_stmt *s = stmt_id(db, Q_SESSIONS_LIST, (int64_t)max);
	size_t found = 0;
	int rc;

	while ((rc = db_row(s)) == 1) {
		rc = read_session(s, &ss[found++]);
		if (rc < 0)
			break;
	}
	db_reset(s);
	if (rc == 0)
		*n = found;
	return rc;
}

/* ---- jobs ---- */

int https_db_job_insert(struct db *db, struct https_job *job)
{
	struct db_stmt *s = stmt_id(db, Q_JOB_INSERT, job->op_id);

	db_bind_int(s, 2, job->euicc_id);
	db_bind_int(s, 3, job->kind);
	db_bind_int(s, 4, job->state);
	db_bind_bytes(s, 5, job->target);
	db_bind_int(s, 6, job->more);
	db_bind_text(s, 7, job->dest);
	db_bind_nonzero(s, 8, job->due_ms);
	return db_add(s, &job->id);
}

static int one_job(const void *ctx, struct db_stmt *s, struct https_job *job)
{
	int rc = db_need(s);

	if (rc < 0)
		return rc;
	*job = (struct https_job){
		.id = db_int(s, 0),
		.op_id = db_int(s, 1),
		.euicc_id = db_int(s, 2),
		.kind = (enum cmd_kind)db_int(s, 3),
		.state = (enum cmd_state)db_int(s, 4),
		.target = bytes_dup(ctx, db_bytes(s, 5)),
		.more = db_int(s, 6),
		.dest = db_text(ctx, s, 7),
		.triggers = (int)db_int(s, 8),
		.due_ms = db_int(s, 9),
	};
	db_reset(s);
	return 0;
}

int https_db_job_get(const void *ctx, struct db *db, int64_t id, struct https_job *job)
{
	return one_job(ctx, stmt_id(db, Q_JOB, id), job);
}

int https_db_job_of_op(const void *ctx, struct db *db, int64_t op_id, struct https_job *job)
{
	return one_job(ctx, stmt_id(db, Q_JOB_OF_OP, op_id), job);
}

int https_db_job_of_euicc(const void *ctx, struct db *db, int64_t euicc_id, struct https_job *job)
{
	return one_job(ctx, stmt_id(db, Q_JOB_OF_EUICC, euicc_id), job);
}

int https_db_job_update(struct db *db, const struct https_job *job)
{
	struct db_stmt *s = stmt_id(db, Q_JOB_UPDATE, job->id);

	db_bind_int(s, 2, job->state);
	db_bind_int(s, 3, job->triggers);
	db_bind_nonzero(s, 4, job->due_ms);
	db_bind_text(s, 5, job->dest);
	return db_run(s);
}

int https_db_jobs_due(struct db *db, int64_t now_ms, int64_t *job_ids, size_t max, size_t *n)
{
	return db_batch(stmt(db, Q_JOBS_DUE), now_ms, job_ids, max, n);
}

int https_db_nearest(struct db *db, int64_t *due_ms)
{
	return db_need_int(stmt(db, Q_NEAREST), due_ms); /* NULL reads as 0 */
}

/* ---- scripts ---- */

int https_db_script_insert(struct db *db, int64_t job_id, int idx, struct bytes body)
{
	struct db_stmt *s = stmt_id(db, Q_SCRIPT_INSERT, job_id);

	db_bind_int(s, 2, idx);
	db_bind_bytes(s, 3, body);
	return db_run(s);
}

static int one_script(const void *ctx, struct db_stmt *s, struct https_script *script)
{
	int rc = db_need(s);

	if (rc < 0)
		return rc;
	*script = (struct https_script){
		.id = db_int(s, 0),
		.job_id = db_int(s, 1),
		.idx = (int)db_int(s, 2),
		.state = (enum script_state)db_int(s, 3),
		.seq = (uint32_t)db_int(s, 4),
		.body = bytes_dup(ctx, db_bytes(s, 5)),
		.rsp = bytes_dup(ctx, db_bytes(s, 6)),
	};
	db_reset(s);
	return 0;
}

int https_db_script_next(const void *ctx, struct db *db, int64_t job_id, struct https_script *script)
{
	return one_script(ctx, stmt_id(db, Q_SCRIPT_NEXT, job_id), script);
}

int https_db_script_out(const void *ctx, struct db *db, int64_t job_id, uint32_t seq, struct https_script *script)
{
	struct db_stmt *s = stmt_id(db, Q_SCRIPT_OUT, job_id);

	db_bind_int(s, 2, seq);
	return one_script(ctx, s, script);
}

int https_db_script_get(const void *ctx, struct db *db, int64_t job_id, int idx, struct https_script *script)
{
	struct db_stmt *s = stmt_id(db, Q_SCRIPT, job_id);

	db_bind_int(s, 2, idx);
	return one_script(ctx, s, script);
}

int https_db_script_update(struct db *db, const struct https_script *script)
{
	struct db_stmt *s = stmt_id(db, Q_SCRIPT_UPDATE, script->id);

	db_bind_int(s, 2, script->state);
	db_bind_nonzero(s, 3, script->seq);
	if (script->state == SCRIPT_ANSWERED)
		db_bind_bytes(s, 4, script->rsp);
	return db_run(s);
}

int https_db_script_count(struct db *db, int64_t job_id, int *n, int *left)
{
	struct db_stmt *s = stmt_id(db, Q_SCRIPT_COUNT, job_id);
	int rc = db_need(s);

	if (rc < 0)
		return rc;
	*n = (int)db_int(s, 0);
	*left = (int)db_int(s, 1);
	db_reset(s);
	return 0;
}

int https_db_scripts_drop(struct db *db, int64_t job_id)
{
	return db_run(stmt_id(db, Q_SCRIPTS_DROP, job_id));
}

/* ---- start, keys ---- */

int https_db_recover(struct db *db)
{
	return db_run(stmt(db, Q_RECOVER_SESSIONS));
}

int https_db_sessions_forget(struct db *db)
{
	return db_run(stmt(db, Q_FORGET_SESSIONS));
}

int https_db_jobs_lost(struct db *db, int64_t after_id, int64_t *job_ids, size_t max, size_t *n)
{
	return db_batch(stmt(db, Q_JOBS_LOST), after_id, job_ids, max, n);
}

int https_db_psk(const void *ctx, struct db *db, const uint8_t eid[EID_LEN], int kvn, int kid, struct bytes *wrapped)
{
	struct db_stmt *s = stmt(db, Q_PSK);
	int rc;

	db_bind_bytes(s, 1, bytes_of(eid, EID_LEN));
	db_bind_int(s, 2, kvn);
	db_bind_int(s, 3, KEYSET_SCP81);
	db_bind_int(s, 4, kid);
	rc = db_need(s);
	if (rc < 0)
		return rc;
	*wrapped = bytes_dup(ctx, db_bytes(s, 0));
	db_reset(s);
	return 0;
}
