/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "common/peer/timeline_db.h"

#include <errno.h>

#include <osmocom/core/utils.h>

#define TIMELINE_SLOT (DB_MAX_SETS - 4) /* daemons count theirs from 0 */

enum timeline_stmt {
	Q_ADD,
	Q_FULL,
	Q_GET,
};

static const char *const sql[] = {
	[Q_ADD] = "INSERT INTO timeline (op_id, stamp_ms, step, text) VALUES (?1, ?2, ?3, ?4)",
	[Q_FULL] = "SELECT 1 FROM timeline WHERE op_id = ?1 LIMIT 1 OFFSET 499",
	[Q_GET] = "SELECT id, stamp_ms, step, text FROM timeline WHERE op_id = ?1 AND id > ?2 ORDER BY id LIMIT ?3",
};

static struct db_stmt *stmt(struct db *db, enum timeline_stmt id)
{
	static const struct db_stmts set = {.slot = TIMELINE_SLOT, .sql = sql, .n = ARRAY_SIZE(sql)};

	return db_stmt(db, &set, id);
}

/* Asked apart from the insert: in one statement SQLite would build a temporary table for it. */
static int is_full(struct db *db, int64_t op_id, bool *full)
{
	struct db_stmt *s = stmt(db, Q_FULL);
	int64_t one;
	int rc;

	db_bind_int(s, 1, op_id);
	rc = db_need_int(s, &one);
	if (rc < 0 && rc != -ENOENT)
		return rc;
	*full = rc == 0;
	return 0;
}

int timeline_db_add(struct db *db, int64_t op_id, int64_t stamp_ms, int step, bool repeats, const char *text)
{
	bool full = false;
	int rc = repeats ? is_full(db, op_id, &full) : 0;
	struct db_stmt *s;

	if (rc < 0 || full)
		return rc;
	s = stmt(db, Q_ADD);
	db_bind_int(s, 1, op_id);
	db_bind_int(s, 2, stamp_ms);
	db_bind_int(s, 3, step);
	db_bind_text(s, 4, text);
	return db_run(s);
}

int timeline_db_get(const void *ctx, struct db *db, int64_t op_id, int64_t after_id, struct timeline_row *rows,
		    size_t max, size_t *n)
{
	struct db_stmt *s = stmt(db, Q_GET);
	size_t found = 0;
	int rc;

	db_bind_int(s, 1, op_id);
	db_bind_int(s, 2, after_id);
	db_bind_int(s, 3, (int64_t)max);
	while ((rc = db_row(s)) == 1)
		rows[found++] =
			(struct timeline_row){db_int(s, 0), db_int(s, 1), (int)db_int(s, 2), db_text(ctx, s, 3)};
	if (rc == 0)
		*n = found;
	return rc;
}
