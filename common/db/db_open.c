/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Opening: lock file, pragmas, application id, schema version, migrations.
 *
 * A misspelt or refused pragma is no error to SQLite, so each one is read back and compared. */
#include "common/db/db_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/log.h"

#define DB_CHECKPOINT_PAGES 4000
/* SQLite's own 2 MiB hold 250 pages: a turn of a hundred pushes would push its own dirty pages out before the commit.
 */
#define DB_CACHE_KIB "-65536"

static int db_destructor(struct db *db)
{
	sqlite3_stmt *s;

	while (db->handle && (s = sqlite3_next_stmt(db->handle, NULL)))
		sqlite3_finalize(s);
	sqlite3_close(db->handle);
	if (db->lock_fd >= 0)
		close(db->lock_fd);
	return 0;
}

static int fail(const void *ctx, const char **why, int rc, const char *text)
{
	if (why)
		*why = talloc_strdup(ctx, text);
	return rc;
}

/* The lock file stays: removing it would open a window for two daemons. */
static int take_lock(struct db *db)
{
	char *path = talloc_asprintf(db, "%s.lock", db->path);
	int rc = 0;

	db->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (db->lock_fd < 0)
		rc = errno == EACCES || errno == EROFS ? -EROFS : -ENOENT;
	else if (flock(db->lock_fd, LOCK_EX | LOCK_NB) < 0)
		rc = -EBUSY;
	talloc_free(path);
	return rc;
}

static char *pragma_get(struct db *db, const char *name)
{
	char *sql = talloc_asprintf(db, "PRAGMA %s", name);
	char *value = NULL;
	sqlite3_stmt *s;

	if (sqlite3_prepare_v2(db->handle, sql, -1, &s, NULL) == SQLITE_OK) {
		if (sqlite3_step(s) == SQLITE_ROW)
			value = talloc_strdup(db, (const char *)sqlite3_column_text(s, 0));
		sqlite3_finalize(s);
	}
	talloc_free(sql);
	return value;
}

static int64_t pragma_int(struct db *db, const char *name)
{
	char *value = pragma_get(db, name);
	int64_t v = value ? atoll(value) : -1;

	talloc_free(value);
	return v;
}

static int pragma_set(struct db *db, const char *name, const char *value, const char *expect)
{
	char *sql = talloc_asprintf(db, "PRAGMA %s=%s", name, value);
	int rc = db_exec(db, sql);
	char *got = pragma_get(db, name);

	if (rc == 0 && (!got || strcasecmp(got, expect) != 0)) {
		LOGP(DDB, LOGL_ERROR, "%s: %s is %s and not %s\n", db->path, name, got ? got : "unset", expect);
		rc = -EIO;
	}
	talloc_free(got);
	talloc_free(sql);
	return rc;
}

/* Before the first database is opened; later calls have no effect.  Statistics of the allocator cost a lock for each
 * allocation, and nobody reads them. */
static void configure(void)
{
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

static int set_pragmas(struct db *db, const struct db_opts *opts, bool fresh)
{
	char *pages = talloc_asprintf(db, "%u", opts->checkpoint_pages ? opts->checkpoint_pages : DB_CHECKPOINT_PAGES);
	const struct {
		const char *name, *value, *expect;
		bool fresh_only;
	} pragmas[] = {
		{"page_size", "8192", "8192", true}, /* before WAL, or it has no effect */
		{"journal_mode", "WAL", "wal", false},
		{"synchronous", "FULL", "2", false},
		{"foreign_keys", "ON", "1", false},
		{"wal_autocheckpoint", pages, pages, false},
		/* Also keeps the pages that an event may take back in memory: no temporary file is ever needed. */
		{"temp_store", "MEMORY", "2", false},
		{"cache_size", DB_CACHE_KIB, DB_CACHE_KIB, false},
	};
	int rc = 0;

	for (size_t i = 0; i < ARRAY_SIZE(pragmas) && rc == 0; i++) {
		if (fresh || !pragmas[i].fresh_only)
			rc = pragma_set(db, pragmas[i].name, pragmas[i].value, pragmas[i].expect);
	}
	talloc_free(pages);
	return rc;
}

static int migrate_one(struct db *db, const struct db_desc *desc, unsigned int version)
{
	const struct db_migration *m = &desc->migrations[version - 1];
	char *sql =
		talloc_asprintf(db, "BEGIN IMMEDIATE; %.*s; PRAGMA user_version=%u; PRAGMA application_id=%d; COMMIT",
				(int)(m->sql_end - m->sql), (const char *)m->sql, version, desc->application_id);
	int rc = db_exec(db, sql);

	if (rc < 0)
		db_rollback(db);
	talloc_free(sql);
	return rc;
}

static int check_version(const void *ctx, int64_t version, const struct db_desc *desc, const struct db_opts *opts,
			 const char **why)
{
	if (version > desc->n_migrations)
		return fail(ctx, why, -EPROTO, "the schema is newer than this program: use the newer program");
	if (version < desc->n_migrations && !opts->upgrade)
		return fail(ctx, why, -EPROTO,
			    "the schema is older than this program: make a backup and start once with -U");
	return 0;
}

static int check_schema(const void *ctx, struct db *db, const struct db_desc *desc, const struct db_opts *opts,
			bool fresh, const char **why)
{
	int64_t version = pragma_int(db, "user_version");
	int rc;

	if (!fresh && pragma_int(db, "application_id") != desc->application_id)
		return fail(ctx, why, -EINVAL, "the file is no database of this program");
	rc = fresh ? 0 : check_version(ctx, version, desc, opts, why);
	if (rc < 0)
		return rc;
	for (unsigned int v = (unsigned int)version + 1; v <= desc->n_migrations; v++) {
		if (migrate_one(db, desc, v) < 0)
			return fail(ctx, why, -EIO, "the schema could not be brought up to date; nothing was changed");
		LOGP(DDB, LOGL_NOTICE, "%s: schema is now version %u\n", db->path, v);
	}
	return 0;
}

static int open_file(struct db *db, const struct db_opts *opts)
{
	int flags = SQLITE_OPEN_NOMUTEX | (opts->read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE) |
		    (opts->create && !opts->read_only ? SQLITE_OPEN_CREATE : 0);

	if (sqlite3_open_v2(db->path, &db->handle, flags, NULL) != SQLITE_OK)
		return db_errno(sqlite3_errcode(db->handle));
	sqlite3_extended_result_codes(db->handle, 1);
	sqlite3_busy_timeout(db->handle, 2000);
	if (!opts->read_only && sqlite3_db_readonly(db->handle, "main") == 1)
		return -EROFS;
	return 0;
}

static const struct {
	int rc;
	const char *text;
} open_errors[] = {
	{-EBUSY, "another process has the database open"},
	{-EROFS, "no write access to the database or its folder"},
	{-EINVAL, "the file is no SQLite database"},
	{-ENOENT, "the database or its folder does not exist"},
	{-ENOSPC, "the disk is full"},
	{-ENODATA, "nothing is in the database yet"},
};

static const char *open_error(int rc)
{
	for (size_t i = 0; i < ARRAY_SIZE(open_errors); i++) {
		if (open_errors[i].rc == rc)
			return open_errors[i].text;
	}
	return "the database cannot be read";
}

static bool is_empty(struct db *db)
{
	return pragma_int(db, "user_version") == 0 && pragma_int(db, "application_id") == 0 &&
	       pragma_int(db, "schema_version") == 0;
}

static int open_writer(const void *ctx, struct db *db, const struct db_desc *desc, const struct db_opts *opts,
		       const char **why)
{
	bool fresh = false;
	int rc = 0;

	if (access(db->path, F_OK) < 0 && !opts->create)
		rc = -ENOENT;
	if (rc == 0)
		rc = take_lock(db);
	if (rc == 0)
		rc = open_file(db, opts);
	if (rc == 0) {
		fresh = is_empty(db);
		rc = set_pragmas(db, opts, fresh);
	}
	if (rc < 0)
		return fail(ctx, why, rc, open_error(rc));
	return check_schema(ctx, db, desc, opts, fresh, why);
}

/* A first start that was killed leaves an empty file, or one whose journal is still to be rolled back, which takes a
 * writer: from then on the journal is a WAL, and a reader reads beside it. */
static int identify(struct db *db, const struct db_desc *desc)
{
	int64_t id = pragma_int(db, "application_id");

	if (id == desc->application_id)
		return 0;
	if (id < 0)
		return (sqlite3_errcode(db->handle) & 0xff) == SQLITE_READONLY ? -ENODATA : -EINVAL;
	return is_empty(db) ? -ENODATA : -EINVAL;
}

static int open_reader(const void *ctx, struct db *db, const struct db_desc *desc, const struct db_opts *opts,
		       const char **why)
{
	int rc = open_file(db, opts);

	if (rc == 0)
		rc = identify(db, desc);
	if (rc < 0)
		return fail(ctx, why, rc, open_error(rc));
	return check_version(ctx, pragma_int(db, "user_version"), desc, opts, why);
}

int db_open(const void *ctx, const char *path, const struct db_desc *desc, const struct db_opts *opts, struct db **out,
	    const char **why)
{
	struct db *db = talloc_zero(ctx, struct db);
	mode_t mask = umask(0077);
	int rc;

	OSMO_ASSERT(db);
	db->path = talloc_strdup(db, path);
	db->lock_fd = -1;
	talloc_set_destructor(db, db_destructor);
	configure();
	rc = opts->read_only ? open_reader(ctx, db, desc, opts, why) : open_writer(ctx, db, desc, opts, why);
	umask(mask);
	if (rc < 0) {
		talloc_free(db);
		return rc;
	}
	*out = db;
	return 0;
}

int db_version(struct db *db)
{
	return (int)pragma_int(db, "user_version");
}
