/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "smdp/dp_record_db.h"

#include <errno.h>

#include <osmocom/core/utils.h>

enum record_stmt {
	Q_NOTE,
	Q_NOTE_KNOWN,
	Q_NOTE_RETIRE,
	Q_PAUSE,
	Q_RESUME,
	Q_PAUSED_SINCE,
};

static const char *const sql[] = {
	[Q_NOTE] = "INSERT INTO note (sender, message_base, created_ms) VALUES (?1, ?2, ?3)",
	[Q_NOTE_KNOWN] = "SELECT 1 FROM note WHERE sender = ?1 AND message_base = ?2",
	[Q_NOTE_RETIRE] = "DELETE FROM note WHERE (sender, message_base) IN "
			  "(SELECT sender, message_base FROM note WHERE created_ms < ?1 LIMIT ?2)",
	[Q_PAUSE] = "INSERT INTO pause (id, since_ms) VALUES (1, ?1) ON CONFLICT DO NOTHING",
	[Q_RESUME] = "DELETE FROM pause",
	[Q_PAUSED_SINCE] = "SELECT since_ms FROM pause",
};

static struct db_stmt *stmt(struct db *db, enum record_stmt id)
{
	static const struct db_stmts set = {.slot = SLOT_RECORD, .sql = sql, .n = ARRAY_SIZE(sql)};

	return db_stmt(db, &set, id);
}

static bool is_transport(enum order_step step)
{
	return step == STEP_CALL || step == STEP_ANSWER || step == STEP_RETRY || step == STEP_DATA;
}

int dp_record_db_timeline(struct db *db, int64_t op_id, int64_t stamp_ms, enum order_step step, const char *text)
{
	return timeline_db_add(db, op_id, stamp_ms, (int)step, is_transport(step), text);
}

int dp_record_db_note(struct db *db, const char *sender, const char *message_base, int64_t now_ms)
{
	struct db_stmt *s = stmt(db, Q_NOTE_KNOWN);
	int64_t known;
	int rc;

	db_bind_text(s, 1, sender);
	db_bind_text(s, 2, message_base);
	rc = db_need_int(s, &known);
	if (rc != -ENOENT)
		return rc < 0 ? rc : -EEXIST;
	s = stmt(db, Q_NOTE);
	db_bind_text(s, 1, sender);
	db_bind_text(s, 2, message_base);
	db_bind_int(s, 3, now_ms);
	return db_run(s);
}

int dp_record_db_note_retire(struct db *db, int64_t before_ms, size_t max)
{
	return db_run_batch(stmt(db, Q_NOTE_RETIRE), before_ms, max);
}

/* ---- pause ---- */

int dp_record_db_pause(struct db *db, int64_t now_ms)
{
	struct db_stmt *s = stmt(db, Q_PAUSE);

	db_bind_int(s, 1, now_ms);
	return db_run(s);
}

int dp_record_db_resume(struct db *db)
{
	int rc = db_run(stmt(db, Q_RESUME));

	if (rc < 0)
		return rc;
	return db_changes(db) ? 0 : -ENOENT;
}

int dp_record_db_paused_since(struct db *db, int64_t *since_ms)
{
	return db_need_int(stmt(db, Q_PAUSED_SINCE), since_ms);
}

int dp_record_db_is_paused(struct db *db, bool *paused)
{
	int64_t since_ms;
	int rc = dp_record_db_paused_since(db, &since_ms);

	if (rc < 0 && rc != -ENOENT)
		return rc;
	*paused = rc == 0;
	return 0;
}
