/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/codec/bytes.h"

/* One SQLite file in WAL mode, written by one process and one thread.  All SQL of the project sits in *_db.c files,
 * each with an enum and a table of statements; no other file includes sqlite3.h.
 *
 * Errors of every function: -EEXIST a constraint refused the row (the statement had no effect); everything else leaves
 * the store unusable and db_broken() true: -ENOSPC disk full, -EROFS read-only, -EBUSY locked by somebody else, -EIO.
 */

struct db;
struct db_stmt;

/*! One numbered step of the schema: an SQL script (common/app/embed.h).  The n-th leads to user_version n. */
struct db_migration {
	const uint8_t *sql;
	const uint8_t *sql_end;
};

/*! The statements of one *_db.c; slot is its place in the daemon's list of sets. */
struct db_stmts {
	unsigned int slot;
	const char *const *sql;
	unsigned int n;
};

#define DB_MAX_SETS 16

struct db_desc {
	int32_t application_id; /* refuses a file that belongs to another program */
	const struct db_migration *migrations;
	unsigned int n_migrations;
};

struct db_opts {
	bool create;	/* make the file when there is none */
	bool upgrade;	/* run missing migrations (a reader: take it as it is); else an older schema is refused */
	bool read_only; /* no lock file, no pragma that writes */
	unsigned int checkpoint_pages; /* wal_autocheckpoint; 0 = 4000 */
};

/*! Open, lock against a second daemon (PATH.lock), set the pragmas and read them back, check application and schema.
 * \param[out] db   talloc child of ctx; closed by talloc_free
 * \param[out] why  on failure a sentence for the operator, talloc child of ctx; may be NULL
 * \returns 0; -ENOENT no file and not create; -EBUSY another daemon has it; -EROFS no write access; -EPROTO schema
 * newer than ours, or older and not upgrade; -EINVAL another program's file; -ENODATA a reader: the first start did not
 * get far enough; -EIO */
int db_open(const void *ctx, const char *path, const struct db_desc *desc, const struct db_opts *opts, struct db **db,
	    const char **why) MUST_CHECK;

/*! Look at the file of a daemon without changing it: its folder can be written, and the file, if there is one, is ours
 * and not too new.  Less than free_min octets left on the disk is worth a line of the log and no error.
 * \param[out] why  on failure a sentence that names the file, talloc child of ctx
 * \returns 0; errors of db_open(), or of access() to the folder */
int db_check_file(const void *ctx, const char *path, const struct db_desc *desc, uint64_t free_min,
		  const char **why) MUST_CHECK;

/*! Version of the schema in the file. */
int db_version(struct db *db);
/*! True once an error came that is no constraint: the turn must not commit. */
bool db_broken(const struct db *db);
/*! Octets free on the file system of the database; 0 when that cannot be told. */
uint64_t db_free_space(const struct db *db);
/*! Fewer octets than that are free; false when it cannot be told. */
bool db_is_low(const struct db *db, uint64_t free_min);

/*! What SQLite holds for this connection, in octets: pages, prepared statements, the schema. */
struct db_memory {
	int64_t cache, statements, schema;
};
void db_memory(const struct db *db, struct db_memory *m);

/*! Copy into a new file while the daemon runs (VACUUM INTO).  Not inside a transaction.  \returns 0; -EEXIST; -EIO */
int db_backup(struct db *db, const char *path) MUST_CHECK;

/* Transactions.  BEGIN is deferred: one that only read costs no flush. */
int db_begin(struct db *db) MUST_CHECK;
/*! Resets every statement in use, then commits. */
int db_commit(struct db *db) MUST_CHECK;
void db_rollback(struct db *db);
int db_savepoint(struct db *db) MUST_CHECK;
int db_release(struct db *db) MUST_CHECK;
int db_rollback_to(struct db *db) MUST_CHECK;

/* A second savepoint, inside that of the event: for a handler that may have to take back what it wrote. */
int db_mark(struct db *db) MUST_CHECK;
int db_keep(struct db *db) MUST_CHECK;
int db_undo(struct db *db) MUST_CHECK;

/*! A prepared statement, reset and with all parameters NULL.  Valid until the same one is asked for again. */
struct db_stmt *db_stmt(struct db *db, const struct db_stmts *set, unsigned int id);

/* Parameters count from 1.  Data is copied. */
void db_bind_int(struct db_stmt *s, int i, int64_t v);
void db_bind_text(struct db_stmt *s, int i, const char *text); /* NULL gives NULL */
void db_bind_bytes(struct db_stmt *s, int i, struct bytes b);  /* data == NULL gives NULL */

/*! The same, where 0 or an empty view means NULL. */
void db_bind_nonzero(struct db_stmt *s, int i, int64_t v);
void db_bind_some(struct db_stmt *s, int i, struct bytes b);

/*! Next row.  \returns 1 with a row; 0 at the end (the statement is reset); negative errno */
int db_row(struct db_stmt *s) MUST_CHECK;
/*! Run a statement that gives no row.  \returns 0; negative errno */
int db_run(struct db_stmt *s) MUST_CHECK;
/*! One row is wanted.  \returns 0 with the row, which db_reset() ends; -ENOENT without; negative errno */
int db_need(struct db_stmt *s) MUST_CHECK;
/*! The same, and its first column.  \param[out] v  untouched on error */
int db_need_int(struct db_stmt *s, int64_t *v) MUST_CHECK;
/*! First column of all rows: the statement has a LIMIT that v has room for.  \param[out] n  number of rows */
int db_ints(struct db_stmt *s, int64_t *v, size_t *n) MUST_CHECK;
/*! The same; 0 without a row. */
int db_maybe_int(struct db_stmt *s, int64_t *v) MUST_CHECK;
/*! Run an INSERT.  \param[out] id  of the new row; untouched on error */
int db_add(struct db_stmt *s, int64_t *id) MUST_CHECK;

/* Statements that handle many rows a batch at a time: parameter 1 is where to begin (a time, a row), 2 how many. */
/*! First columns, as db_ints(). */
int db_batch(struct db_stmt *s, int64_t key, int64_t *v, size_t max, size_t *n) MUST_CHECK;
/*! Without rows: delete or update so many. */
int db_run_batch(struct db_stmt *s, int64_t key, size_t max) MUST_CHECK;
/*! Done with a statement before its last row. */
void db_reset(struct db_stmt *s);

/* Columns count from 0.  Views live until the next db_row(), db_reset() or db_commit(). */
int64_t db_int(struct db_stmt *s, int col);
bool db_is_null(struct db_stmt *s, int col);
struct bytes db_bytes(struct db_stmt *s, int col);
/*! \returns talloc child of ctx; NULL for NULL */
char *db_text(const void *ctx, struct db_stmt *s, int col);

/*! Row id of the last INSERT. */
int64_t db_last_id(struct db *db);
/*! Rows changed by the last statement that ran. */
int db_changes(struct db *db);
