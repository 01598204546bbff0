/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* SQLite behind a small face: prepared statements by enum, errors as errno, views instead of copies.
 *
 * Inside a savepoint SQLITE_FULL and SQLITE_IOERR roll the whole transaction back, so such an error marks the store as
 * broken: the turn drops its outputs and the daemon ends, to be restarted into the last committed state.
 * Opening is in db_open.c. */
#include "common/db/db_int.h"

#include <errno.h>
#include <sys/statvfs.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/log.h"

static const struct {
	int sqlite;
	int err;
} errno_of[] = {
	{SQLITE_CONSTRAINT, -EEXIST}, {SQLITE_FULL, -ENOSPC},	  {SQLITE_READONLY, -EROFS}, {SQLITE_BUSY, -EBUSY},
	{SQLITE_LOCKED, -EBUSY},      {SQLITE_CANTOPEN, -ENOENT}, {SQLITE_NOTADB, -EINVAL},
};

int db_errno(int sqlite_rc)
{
	for (size_t i = 0; i < ARRAY_SIZE(errno_of); i++) {
		if (errno_of[i].sqlite == (sqlite_rc & 0xff))
			return errno_of[i].err;
	}
	return -EIO;
}

static int db_fail(struct db *db, int sqlite_rc, const char *sql)
{
	int rc = db_errno(sqlite_rc);

	if (rc == -EEXIST)
		return rc;
	LOGP(DDB, LOGL_ERROR, "%s: %s (%s)\n", db->path, sqlite3_errmsg(db->handle), sql);
	db->broken = true;
	return rc;
}

bool db_broken(const struct db *db)
{
	return db->broken;
}

uint64_t db_free_space(const struct db *db)
{
	struct statvfs fs;

	return statvfs(db->path, &fs) == 0 ? (uint64_t)fs.f_bavail * fs.f_frsize : 0;
}

bool db_is_low(const struct db *db, uint64_t free_min)
{
	uint64_t left = db_free_space(db);

	return left && left < free_min;
}

static int64_t status_of(const struct db *db, int what)
{
	int now = 0, highest;

	return sqlite3_db_status(db->handle, what, &now, &highest, 0) == SQLITE_OK ? now : 0;
}

void db_memory(const struct db *db, struct db_memory *m)
{
	*m = (struct db_memory){
		.cache = status_of(db, SQLITE_DBSTATUS_CACHE_USED),
		.statements = status_of(db, SQLITE_DBSTATUS_STMT_USED),
		.schema = status_of(db, SQLITE_DBSTATUS_SCHEMA_USED),
	};
}

int db_exec(struct db *db, const char *sql)
{
	int rc = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);

	return rc == SQLITE_OK ? 0 : db_fail(db, rc, sql);
}

int db_backup(struct db *db, const char *path)
{
	char *sql = sqlite3_mprintf("VACUUM INTO %Q", path);
	int rc = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);

	if (rc != SQLITE_OK)
		LOGP(DDB, LOGL_ERROR, "backup to %s: %s\n", path, sqlite3_errmsg(db->handle));
	sqlite3_free(sql);
	return rc == SQLITE_OK ? 0 : rc == SQLITE_ERROR ? -EEXIST : -EIO;
}

/* ---- transactions ---- */

static struct db_stmt *txn_stmt(struct db *db, enum db_txn id)
{
	static const char *const sql[] = {
		[DB_TXN_BEGIN] = "BEGIN",
		[DB_TXN_COMMIT] = "COMMIT",
		[DB_TXN_SAVEPOINT] = "SAVEPOINT event",
		[DB_TXN_RELEASE] = "RELEASE event",
		[DB_TXN_ROLLBACK_TO] = "ROLLBACK TO event",
		[DB_TXN_MARK] = "SAVEPOINT mark",
		[DB_TXN_KEEP] = "RELEASE mark",
		[DB_TXN_UNDO] = "ROLLBACK TO mark",
	};
	static const struct db_stmts set = {.slot = DB_MAX_SETS, .sql = sql, .n = ARRAY_SIZE(sql)};

	return db_stmt(db, &set, id);
}

int db_begin(struct db *db)
{
	return db_run(txn_stmt(db, DB_TXN_BEGIN));
}

int db_commit(struct db *db)
{
	sqlite3_stmt *s = NULL;

	/* A SELECT left in the middle would keep the read transaction, and with it the checkpoint, open. */
	while ((s = sqlite3_next_stmt(db->handle, s))) {
		if (sqlite3_stmt_busy(s))
			sqlite3_reset(s);
	}
	return db_run(txn_stmt(db, DB_TXN_COMMIT));
}

void db_rollback(struct db *db)
{
	if (!sqlite3_get_autocommit(db->handle))
		sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
}

int db_savepoint(struct db *db)
{
	return db_run(txn_stmt(db, DB_TXN_SAVEPOINT));
}

int db_release(struct db *db)
{
	return db_run(txn_stmt(db, DB_TXN_RELEASE));
}

int db_rollback_to(struct db *db)
{
	int rc = db_run(txn_stmt(db, DB_TXN_ROLLBACK_TO));

	return rc < 0 ? rc : db_release(db);
}

int db_mark(struct db *db)
{
	return db_run(txn_stmt(db, DB_TXN_MARK));
}

int db_keep(struct db *db)
{
	return db_run(txn_stmt(db, DB_TXN_KEEP));
}

int db_undo(struct db *db)
{
	int rc = db_run(txn_stmt(db, DB_TXN_UNDO));

	return rc < 0 ? rc : db_keep(db);
}

/* ---- statements ---- */

static void prepare(struct db *db, struct db_stmt *s, const char *sql)
{
	s->db = db;
	if (sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &s->handle, NULL) != SQLITE_OK) {
		LOGP(DDB, LOGL_FATAL, "%s: %s\n", sql, sqlite3_errmsg(db->handle));
		OSMO_ASSERT(false);
	}
}

struct db_stmt *db_stmt(struct db *db, const struct db_stmts *set, unsigned int id)
{
	struct db_stmt *s;

	OSMO_ASSERT(set->slot <= DB_MAX_SETS && id < set->n && set->sql[id]);
	if (!db->cache[set->slot])
		db->cache[set->slot] = talloc_zero_array(db, struct db_stmt, set->n);
	OSMO_ASSERT(db->cache[set->slot]);
	s = &db->cache[set->slot][id];
	if (!s->handle) {
		prepare(db, s, set->sql[id]);
		return s;
	}
	sqlite3_reset(s->handle);
	sqlite3_clear_bindings(s->handle);
	return s;
}

void db_bind_int(struct db_stmt *s, int i, int64_t v)
{
	OSMO_ASSERT(sqlite3_bind_int64(s->handle, i, v) == SQLITE_OK);
}

void db_bind_text(struct db_stmt *s, int i, const char *text)
{
	OSMO_ASSERT(sqlite3_bind_text(s->handle, i, text, -1, SQLITE_TRANSIENT) == SQLITE_OK);
}

void db_bind_bytes(struct db_stmt *s, int i, struct bytes b)
{
	int rc;

	if (b.data && b.len == 0) /* bind_blob() would make this NULL */
		rc = sqlite3_bind_zeroblob(s->handle, i, 0);
	else
		rc = sqlite3_bind_blob64(s->handle, i, b.data, b.len, SQLITE_TRANSIENT);
	OSMO_ASSERT(rc == SQLITE_OK);
}

void db_bind_nonzero(struct db_stmt *s, int i, int64_t v)
{
	if (v)
		db_bind_int(s, i, v);
}

void db_bind_some(struct db_stmt *s, int i, struct bytes b)
{
	if (b.len)
		db_bind_bytes(s, i, b);
}

int db_row(struct db_stmt *s)
{
	int rc = sqlite3_step(s->handle);

	if (rc == SQLITE_ROW)
		return 1;
	rc = rc == SQLITE_DONE ? 0 : db_fail(s->db, rc, sqlite3_sql(s->handle));
	sqlite3_reset(s->handle);
	return rc;
}

int db_run(struct db_stmt *s)
{
	int rc = db_row(s);

	if (rc > 0) {
		db_reset(s);
		rc = 0;
	}
	return rc;
}

int db_need(struct db_stmt *s)
{
	int rc = db_row(s);

	return rc == 1 ? 0 : rc == 0 ? -ENOENT : rc;
}

int db_need_int(struct db_stmt *s, int64_t *v)
{
	int rc = db_need(s);

	if (rc < 0)
		return rc;
	*v = db_int(s, 0);
	db_reset(s);
	return 0;
}

int db_ints(struct db_stmt *s, int64_t *v, size_t *n)
{
	size_t found = 0;
	int rc;

	while ((rc = db_row(s)) == 1)
		v[found++] = db_int(s, 0);
	if (rc == 0)
		*n = found;
	return rc;
}

int db_maybe_int(struct db_stmt *s, int64_t *v)
{
	int rc = db_need_int(s, v);

	if (rc != -ENOENT)
		return rc;
	*v = 0;
	return 0;
}

int db_add(struct db_stmt *s, int64_t *id)
{
	int rc = db_run(s);

	if (rc == 0)
		*id = db_last_id(s->db);
	return rc;
}

static void bind_batch(struct db_stmt *s, int64_t key, size_t max)
{
	db_bind_int(s, 1, key);
	db_bind_int(s, 2, (int64_t)max);
}

int db_batch(struct db_stmt *s, int64_t key, int64_t *v, size_t max, size_t *n)
{
	bind_batch(s, key, max);
	return db_ints(s, v, n);
}

int db_run_batch(struct db_stmt *s, int64_t key, size_t max)
{
	bind_batch(s, key, max);
	return db_run(s);
}

void db_reset(struct db_stmt *s)
{
	sqlite3_reset(s->handle);
}

int64_t db_int(struct db_stmt *s, int col)
{
	return sqlite3_column_int64(s->handle, col);
}

bool db_is_null(struct db_stmt *s, int col)
{
	return sqlite3_column_type(s->handle, col) == SQLITE_NULL;
}

struct bytes db_bytes(struct db_stmt *s, int col)
{
	const void *data = sqlite3_column_blob(s->handle, col);

	return bytes_of(data, (size_t)sqlite3_column_bytes(s->handle, col));
}

char *db_text(const void *ctx, struct db_stmt *s, int col)
{
	const char *text = (const char *)sqlite3_column_text(s->handle, col);

	return text ? talloc_strdup(ctx, text) : NULL;
}

int64_t db_last_id(struct db *db)
{
	return sqlite3_last_insert_rowid(db->handle);
}

int db_changes(struct db *db)
{
	return sqlite3_changes(db->handle);
}
