/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "smsr/record_db.h"

#include <errno.h>

#include <osmocom/core/utils.h>

enum record_stmt {
	Q_AUDIT,
	Q_AUDIT_GET,
	Q_AUDIT_GET_EID,
	Q_AUDIT_RETIRE,
	Q_PAUSE,
	Q_RESUME,
	Q_IS_PAUSED,
	Q_ANY_PAUSE,
	Q_PAUSES,
};

#define AUDIT_COLS "id, eid, stamp_ms, type, requester, status, subject, reason, aid, iccid, imei, text"

static const char *const sql[] = {
	[Q_AUDIT] =
		"INSERT INTO audit (eid, stamp_ms, type, requester, status, subject, reason, aid, iccid, imei, text) "
		"VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
	[Q_AUDIT_GET] = "SELECT " AUDIT_COLS " FROM audit WHERE id < ?1 ORDER BY id DESC LIMIT ?2",
	[Q_AUDIT_GET_EID] = "SELECT " AUDIT_COLS " FROM audit WHERE id < ?1 AND eid = ?3 ORDER BY id DESC LIMIT ?2",
	[Q_AUDIT_RETIRE] =
		"DELETE FROM audit WHERE stamp_ms < ?1 AND id IN (SELECT id FROM audit ORDER BY id LIMIT ?2)",
	[Q_PAUSE] = "INSERT INTO pause (scope, name, since_ms) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
	[Q_RESUME] = "DELETE FROM pause WHERE scope = ?1 AND name = ?2",
	[Q_IS_PAUSED] = "SELECT 1 FROM pause WHERE scope = ?1 AND name = ?2",
	[Q_ANY_PAUSE] = "SELECT 1 FROM pause LIMIT 1",
	[Q_PAUSES] = "SELECT scope, name, since_ms FROM pause ORDER BY scope, name LIMIT ?1",
};

static struct db_stmt *stmt(struct db *db, enum record_stmt id)
{
	static const struct db_stmts set = {.slot = SLOT_RECORD, .sql = sql, .n = ARRAY_SIZE(sql)};

	return db_stmt(db, &set, id);
}

static int exists(struct db_stmt *s, bool *yes)
{
	int rc = db_row(s);

	if (rc < 0)
		return rc;
	*yes = rc == 1;
	db_reset(s);
	return 0;
}

/* ---- timeline ---- */

/* Steps of single messages, which a device out of reach repeats for weeks. */
static bool is_of_message(enum step step)
{
	return step == STEP_SUBMITTED || step == STEP_SMSC || step == STEP_DELIVERED || step == STEP_POR ||
	       step == STEP_RETRY || step == STEP_HTTPS;
}

int record_db_timeline(struct db *db, int64_t op_id, int64_t stamp_ms, enum step step, const char *text)
{
	return timeline_db_add(db, op_id, stamp_ms, (int)step, is_of_message(step), text);
}

/* ---- audit trail ---- */

int record_db_audit(struct db *db, const struct audit_row *row)
{
	struct db_stmt *s = stmt(db, Q_AUDIT);

	if (row->eid.len)
		db_bind_bytes(s, 1, row->eid);
	db_bind_int(s, 2, row->stamp_ms);
	db_bind_int(s, 3, row->type);
	db_bind_text(s, 4, row->requester);
	if (row->has_status)
		db_bind_int(s, 5, row->status.status);
	db_bind_text(s, 6, row->status.subject);
	db_bind_text(s, 7, row->status.reason);
	if (row->aid.len)
		db_bind_bytes(s, 8, row->aid);
	db_bind_text(s, 9, row->iccid);
	if (row->imei.len)
		db_bind_bytes(s, 10, row->imei);
	db_bind_text(s, 11, row->text);
	return db_run(s);
}

int record_db_audit_get(const void *ctx, struct db *db, struct bytes eid, int64_t before_id, struct audit_row *rows,
			size_t max, size_t *n)
{
	struct db_stmt *s = stmt(db, eid.len ? Q_AUDIT_GET_EID : Q_AUDIT_GET);
	size_t found = 0;
	int rc;

	db_bind_int(s, 1, before_id ? before_id : INT64_MAX);
	db_bind_int(s, 2, (int64_t)max);
	if (eid.len)
		db_bind_bytes(s, 3, eid);
	while ((rc = db_row(s)) == 1)
		rows[found++] = (struct audit_row){
			.id = db_int(s, 0),
			.eid = bytes_dup(ctx, db_bytes(s, 1)),
			.stamp_ms = db_int(s, 2),
			.type = (enum audit_type)db_int(s, 3),
			.requester = db_text(ctx, s, 4),
			.has_status = !db_is_null(s, 5),
			.status = {.status = (enum es_exec)db_int(s, 5),
				   .subject = db_text(ctx, s, 6),
				   .reason = db_text(ctx, s, 7)},
			.aid = bytes_dup(ctx, db_bytes(s, 8)),
			.iccid = db_text(ctx, s, 9),
			.imei = bytes_dup(ctx, db_bytes(s, 10)),
			.text = db_text(ctx, s, 11),
		};
	if (rc == 0)
		*n = found;
	return rc;
}

int record_db_audit_retire(struct db *db, int64_t before_ms, size_t max)
{
	return db_run_batch(stmt(db, Q_AUDIT_RETIRE), before_ms, max);
}

/* ---- the daemon's own ---- */

static struct db_stmt *stmt_pause(struct db *db, enum record_stmt id, enum pause_scope scope, const char *name)
{
	struct db_stmt *s = stmt(db, id);

	db_bind_int(s, 1, scope);
	db_bind_text(s, 2, name);
	return s;
}

int record_db_pause(struct db *db, enum pause_scope scope, const char *name, int64_t now_ms)
{
	struct db_stmt *s = stmt_pause(db, Q_PAUSE, scope, name);

	db_bind_int(s, 3, now_ms);
	return db_run(s);
}

int record_db_resume(struct db *db, enum pause_scope scope, const char *name)
{
	int rc = db_run(stmt_pause(db, Q_RESUME, scope, name));

	if (rc < 0)
		return rc;
	return db_changes(db) ? 0 : -ENOENT;
}

int record_db_any_pause(struct db *db, bool *any)
{
	return exists(stmt(db, Q_ANY_PAUSE), any);
}

int record_db_is_paused(struct db *db, enum pause_scope scope, const char *name, bool *paused)
{
	return exists(stmt_pause(db, Q_IS_PAUSED, scope, name), paused);
}

int record_db_pauses(const void *ctx, struct db *db, struct pause_row *rows, size_t max, size_t *n)
{
	struct db_stmt *s = stmt(db, Q_PAUSES);
	size_t found = 0;
	int rc;

	db_bind_int(s, 1, (int64_t)max);
	while ((rc = db_row(s)) == 1)
		rows[found++] = (struct pause_row){(enum pause_scope)db_int(s, 0), db_text(ctx, s, 1), db_int(s, 2)};
	if (rc == 0)
		*n = found;
	return rc;
}
