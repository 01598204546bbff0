/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The database file: opening, locking, schema, errors, backup.  Values are read back with SQLite itself. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <osmocom/core/utils.h>
#include <sqlite3.h>
#include <talloc.h>

#include "common/app/clock.h"
#include "common/db/db.h"
#include "common/db/retire.h"

#define APP 0x54455354

struct fix {
	char *dir;
	char *path;
};

static const char first[] = "CREATE TABLE parent (id INTEGER PRIMARY KEY, name TEXT UNIQUE, raw BLOB);"
			    "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER NOT NULL REFERENCES parent)";
static const char second[] = "ALTER TABLE parent ADD COLUMN colour TEXT; INSERT INTO parent (name) VALUES ('from two')";
static const char faulty[] = "INSERT INTO parent (name) VALUES ('half'); CREATE NONSENSE";

static struct db_migration step(const char *sql)
{
	return (struct db_migration){(const uint8_t *)sql, (const uint8_t *)sql + strlen(sql)};
}

enum {
	Q_ADD,
	Q_COUNT,
	Q_GET,
	Q_CHILD,
	Q_FILL,
	Q_FROM,
	Q_LAST,
	Q_DROP,
};

static const char *const sql[] = {
	[Q_ADD] = "INSERT INTO parent (name, raw) VALUES (?1, ?2)",
	[Q_COUNT] = "SELECT count(*) FROM parent",
	[Q_GET] = "SELECT id, name, raw FROM parent ORDER BY id",
	[Q_CHILD] = "INSERT INTO child (parent_id) VALUES (?1)",
	[Q_FILL] = "INSERT INTO parent (raw) VALUES (zeroblob(1000000))",
	[Q_FROM] = "SELECT id FROM parent WHERE id > ?1 ORDER BY id LIMIT ?2",
	[Q_LAST] = "SELECT id FROM parent ORDER BY id DESC LIMIT 1",
	[Q_DROP] = "DELETE FROM parent WHERE id IN (SELECT id FROM parent WHERE id < ?1 ORDER BY id LIMIT ?2)",
};
static const struct db_stmts set = {.slot = 0, .sql = sql, .n = ARRAY_SIZE(sql)};

static int setup(void **state)
{
	struct fix *f = talloc_zero(NULL, struct fix);
	char dir[] = "/tmp/db-test-XXXXXX";

	f->dir = talloc_strdup(f, mkdtemp(dir));
	f->path = talloc_asprintf(f, "%s/x.db", f->dir);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fix *f = *state;
	char *cmd = talloc_asprintf(f, "rm -rf %s", f->dir);
	int rc = system(cmd);

	talloc_free(f);
	return rc;
}

static int open_with(struct fix *f, const struct db_migration *m, unsigned int n, struct db_opts opts, struct db **db,
		     const char **why)
{
	const struct db_desc desc = {APP, m, n};

	return db_open(f, f->path, &desc, &opts, db, why);
}

static struct db *open_new(struct fix *f)
{
	const struct db_migration m[] = {step(first)};
	const char *why = "";
	struct db *db;

	if (open_with(f, m, 1, (struct db_opts){.create = true}, &db, &why) < 0)
		fail_msg("%s", why);
	return db;
}

static int add(struct db *db, const char *name)
{
	struct db_stmt *s = db_stmt(db, &set, Q_ADD);

	db_bind_text(s, 1, name);
	return db_run(s);
}

static int64_t count(struct db *db)
{
	struct db_stmt *s = db_stmt(db, &set, Q_COUNT);
	int64_t n;

	assert_int_equal(db_row(s), 1);
	n = db_int(s, 0);
	db_reset(s);
	return n;
}

/* One value, by a connection of our own. */
static char *ask(struct fix *f, const char *path, const char *query)
{
	char *value = NULL;
	sqlite3_stmt *s;
	sqlite3 *h;

	assert_int_equal(sqlite3_open_v2(path, &h, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(h, query, -1, &s, NULL), SQLITE_OK);
	if (sqlite3_step(s) == SQLITE_ROW)
		value = talloc_strdup(f, (const char *)sqlite3_column_text(s, 0));
	sqlite3_finalize(s);
	sqlite3_close(h);
	return value;
}

static void file_is_set_up_as_decided(void **state)
{
	struct fix *f = *state;
	struct db *db = open_new(f);
	struct stat st;

	assert_int_equal(db_version(db), 1);
	assert_string_equal(ask(f, f->path, "PRAGMA journal_mode"), "wal");
	assert_string_equal(ask(f, f->path, "PRAGMA page_size"), "8192");
	assert_string_equal(ask(f, f->path, "PRAGMA application_id"), "1413829460"); /* 0x54455354 */
	assert_string_equal(ask(f, f->path, "PRAGMA user_version"), "1");
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600); /* it holds wrapped keys */
	assert_true(db_free_space(db) > 0);
}

static void pragmas_of_the_connection(void **state)
{
	struct fix *f = *state;
	struct db *db = open_new(f);
	struct db_stmt *s = db_stmt(db, &set, Q_CHILD);

	db_bind_int(s, 1, 4711);
	assert_int_equal(db_run(s), -EEXIST); /* foreign keys are on */
	assert_false(db_broken(db));
}

static void a_second_daemon_is_refused(void **state)
{
	const struct db_migration m[] = {step(first)};
	struct fix *f = *state;
	struct db *db = open_new(f), *other;
	const char *why = NULL;

	assert_int_equal(open_with(f, m, 1, (struct db_opts){0}, &other, &why), -EBUSY);
	assert_non_null(strstr(why, "another process"));
	talloc_free(db);
	assert_int_equal(open_with(f, m, 1, (struct db_opts){0}, &other, &why), 0);
}

static void a_reader_beside_sees_what_is_committed(void **state)
{
	const struct db_migration m[] = {step(first)};
	struct fix *f = *state;
	struct db *db = open_new(f), *reader;

	assert_int_equal(open_with(f, m, 1, (struct db_opts){.read_only = true}, &reader, NULL), 0);
	assert_int_equal(db_begin(db), 0);
	assert_int_equal(add(db, "a"), 0);
	assert_int_equal(count(reader), 0);
	assert_int_equal(db_commit(db), 0);
	assert_int_equal(count(reader), 1);
	assert_int_equal(add(reader, "b"), -EROFS);
}

static void no_file(void **state)
{
	const struct db_migration m[] = {step(first)};
	struct fix *f = *state;
	const char *why = NULL;
	struct db *db;

	assert_int_equal(open_with(f, m, 1, (struct db_opts){0}, &db, &why), -ENOENT);
	assert_int_equal(access(f->path, F_OK), -1);
	f->path = talloc_asprintf(f, "%s/no/folder/x.db", f->dir);
	assert_int_equal(open_with(f, m, 1, (struct db_opts){.create = true}, &db, &why), -ENOENT);
}

static void file_of_another_program(void **state)
{
	const struct db_migration m[] = {step(first)};
	struct fix *f = *state;
	const char *why = NULL;
	struct db *db;
	FILE *out;

	talloc_free(open_new(f));
	ask(f, f->path, "PRAGMA application_id = 7");
	assert_int_equal(open_with(f, m, 1, (struct db_opts){.create = true, .upgrade = true}, &db, &why), -EINVAL);
	assert_int_equal(open_with(f, m, 1, (struct db_opts){.read_only = true}, &db, &why), -EINVAL);
	out = fopen(f->path, "w");
	fputs("This is no database, and it is longer than the header of one would have to be to be taken for one.",
	      out);
	fclose(out);
	assert_int_equal(open_with(f, m, 1, (struct db_opts){.create = true}, &db, &why), -EINVAL);
	assert_non_null(strstr(why, "no SQLite database"));
}

static void newer_and_older_schemas(void **state)
{
	const struct db_migration m[] = {step(first), step(second)};
	struct fix *f = *state;
	const char *why = NULL;
	struct db *db;

	talloc_free(open_new(f));
	assert_int_equal(open_with(f, m, 2, (struct db_opts){.create = true}, &db, &why), -EPROTO);
	assert_non_null(strstr(why, "older"));
	assert_string_equal(ask(f, f->path, "PRAGMA user_version"), "1");
	assert_int_equal(open_with(f, m, 2, (struct db_opts){.read_only = true}, &db, &why), -EPROTO);
	assert_non_null(strstr(why, "older"));
	assert_int_equal(open_with(f, m, 2, (struct db_opts){.read_only = true, .upgrade = true}, &db, NULL), 0);
	assert_int_equal(db_version(db), 1);
	talloc_free(db);
	assert_int_equal(open_with(f, m, 2, (struct db_opts){.upgrade = true}, &db, &why), 0);
	assert_int_equal(db_version(db), 2);
	assert_int_equal(count(db), 1);
	talloc_free(db);
	assert_int_equal(open_with(f, m, 1, (struct db_opts){.upgrade = true}, &db, &why), -EPROTO);
	assert_non_null(strstr(why, "newer"));
	assert_int_equal(open_with(f, m, 1, (struct db_opts){.read_only = true, .upgrade = true}, &db, &why), -EPROTO);
	assert_non_null(strstr(why, "newer"));
}

static void a_migration_that_fails_changes_nothing(void **state)
{
	const struct db_migration m[] = {step(first), step(faulty)};
	struct fix *f = *state;
	const char *why = NULL;
	struct db *db;

	talloc_free(open_new(f));
	assert_true(open_with(f, m, 2, (struct db_opts){.upgrade = true}, &db, &why) < 0);
	assert_string_equal(ask(f, f->path, "PRAGMA user_version"), "1");
	assert_string_equal(ask(f, f->path, "SELECT count(*) FROM parent"), "0");
}

static void a_constraint_is_no_breakage(void **state)
{
	struct fix *f = *state;
	struct db *db = open_new(f);

	assert_int_equal(db_begin(db), 0);
	assert_int_equal(add(db, "a"), 0);
	assert_int_equal(db_savepoint(db), 0);
	assert_int_equal(add(db, "b"), 0);
	assert_int_equal(add(db, "a"), -EEXIST);
	assert_false(db_broken(db));
	assert_int_equal(count(db), 2);
	assert_int_equal(db_mark(db), 0);
	assert_int_equal(add(db, "c"), 0);
	assert_int_equal(db_undo(db), 0);
	assert_int_equal(count(db), 2);
	assert_int_equal(db_mark(db), 0);
	assert_int_equal(add(db, "d"), 0);
	assert_int_equal(db_keep(db), 0);
	assert_int_equal(count(db), 3);
	assert_int_equal(db_rollback_to(db), 0);
	assert_int_equal(count(db), 1);
	assert_int_equal(db_commit(db), 0);
	assert_int_equal(count(db), 1);
}

static void a_full_store_is_broken(void **state)
{
	struct fix *f = *state;
	struct db *db = open_new(f);
	static const char *const limit[] = {"PRAGMA max_page_count = 40"};
	const struct db_stmts own = {.slot = 1, .sql = limit, .n = 1};

	assert_int_equal(db_run(db_stmt(db, &own, 0)), 0);
	assert_int_equal(db_begin(db), 0);
	assert_int_equal(db_savepoint(db), 0);
	assert_int_equal(db_run(db_stmt(db, &set, Q_FILL)), -ENOSPC);
	assert_true(db_broken(db));
	db_rollback(db);
	assert_string_equal(ask(f, f->path, "SELECT count(*) FROM parent"), "0");
}

static void values_keep_their_kind(void **state)
{
	struct fix *f = *state;
	struct db *db = open_new(f);
	struct db_stmt *s = db_stmt(db, &set, Q_ADD);

	db_bind_text(s, 1, "x");
	db_bind_bytes(s, 2, bytes_of("", 0)); /* empty is not absent */
	assert_int_equal(db_run(s), 0);
	assert_int_equal(db_last_id(db), 1);
	assert_int_equal(db_changes(db), 1);
	s = db_stmt(db, &set, Q_ADD);
	db_bind_text(s, 1, NULL);
	db_bind_bytes(s, 2, bytes_of(NULL, 0));
	assert_int_equal(db_run(s), 0);
	s = db_stmt(db, &set, Q_GET);
	assert_int_equal(db_row(s), 1);
	assert_string_equal(db_text(f, s, 1), "x");
	assert_false(db_is_null(s, 2));
	assert_int_equal(db_bytes(s, 2).len, 0);
	assert_int_equal(db_row(s), 1);
	assert_null(db_text(f, s, 1));
	assert_true(db_is_null(s, 2));
	assert_int_equal(db_row(s), 0);
}

static void a_statement_left_open_does_not_hinder_the_commit(void **state)
{
	struct fix *f = *state;
	struct db *db = open_new(f);
	struct db_stmt *s;

	assert_int_equal(add(db, "a"), 0);
	assert_int_equal(add(db, "b"), 0);
	assert_int_equal(db_begin(db), 0);
	s = db_stmt(db, &set, Q_GET);
	assert_int_equal(db_row(s), 1);
	assert_int_equal(add(db, "c"), 0);
	assert_int_equal(db_commit(db), 0);
	assert_string_equal(ask(f, f->path, "SELECT count(*) FROM parent"), "3");
	assert_string_equal(ask(f, f->path, "PRAGMA wal_checkpoint(TRUNCATE)"), "0"); /* not busy */
}

static void rows_by_the_batch(void **state)
{
	struct fix *f = *state;
	struct db *db = open_new(f);
	int64_t id = 77, ids[4] = {0};
	size_t n = 77;

	assert_int_equal(db_maybe_int(db_stmt(db, &set, Q_LAST), &id), 0);
	assert_int_equal(id, 0); /* none */
	for (int i = 1; i <= 5; i++) {
		struct db_stmt *s = db_stmt(db, &set, Q_ADD);

		db_bind_text(s, 1, talloc_asprintf(f, "row %d", i));
		assert_int_equal(db_add(s, &id), 0);
		assert_int_equal(id, i);
	}
	assert_int_equal(db_batch(db_stmt(db, &set, Q_FROM), 1, ids, 3, &n), 0);
	assert_int_equal(n, 3);
	assert_int_equal(ids[0], 2);
	assert_int_equal(ids[2], 4);
	assert_int_equal(ids[3], 0);
	assert_int_equal(db_run_batch(db_stmt(db, &set, Q_DROP), 5, 3), 0);
	assert_int_equal(db_changes(db), 3);
	assert_int_equal(db_maybe_int(db_stmt(db, &set, Q_LAST), &id), 0);
	assert_int_equal(id, 5);
}

static void a_failed_insert_has_no_number(void **state)
{
	struct fix *f = *state;
	struct db *db = open_new(f);
	int64_t id = 77;
	struct db_stmt *s;

	assert_int_equal(add(db, "a"), 0);
	s = db_stmt(db, &set, Q_ADD);
	db_bind_text(s, 1, "a");
	assert_true(db_add(s, &id) < 0);
	assert_int_equal(id, 77);
}

static int drop_parents(struct db *db, int64_t before_ms, size_t max)
{
	return db_run_batch(db_stmt(db, &set, Q_DROP), before_ms, max);
}

static void old_rows_go_little_by_little(void **state)
{
	const struct db_retire kinds[] = {{drop_parents, 251}};
	struct fix *f = *state;
	struct db *db = open_new(f);
	int64_t next_ms = 5000;

	for (int i = 1; i <= 300; i++)
		assert_int_equal(add(db, talloc_asprintf(f, "row %d", i)), 0);
	clock_feed_at(4999, 4999);
	assert_int_equal(db_retire(db, kinds, 1, &next_ms), 0);
	assert_int_equal(count(db), 300);
	clock_feed_at(5000, 5000);
	assert_int_equal(db_retire(db, kinds, 1, &next_ms), 0);
	assert_int_equal(count(db), 100); /* a batch */
	assert_int_equal(next_ms, 6000);
	clock_feed_at(6000, 6000);
	assert_int_equal(db_retire(db, kinds, 1, &next_ms), 0);
	assert_int_equal(count(db), 50); /* what is left is too young */
	assert_int_equal(next_ms, 606000);
}

static void backup(void **state)
{
	struct fix *f = *state;
	struct db *db = open_new(f);
	char *copy = talloc_asprintf(f, "%s/copy.db", f->dir);

	assert_int_equal(add(db, "a"), 0);
	assert_int_equal(db_backup(db, copy), 0);
	assert_int_equal(add(db, "b"), 0);
	assert_string_equal(ask(f, copy, "SELECT count(*) FROM parent"), "1");
	assert_string_equal(ask(f, copy, "PRAGMA application_id"), "1413829460");
	assert_string_equal(ask(f, copy, "PRAGMA user_version"), "1");
	assert_true(db_backup(db, copy) < 0); /* never over a file that is there */
	assert_false(db_broken(db));
	assert_string_equal(ask(f, copy, "SELECT count(*) FROM parent"), "1");
}

static void no_write_access(void **state)
{
	const struct db_migration m[] = {step(first)};
	struct fix *f = *state;
	const char *why = NULL;
	struct db *db;

	talloc_free(open_new(f));
	assert_int_equal(chmod(f->path, 0444), 0);
	assert_int_equal(chmod(f->dir, 0755), 0);
	if (geteuid() == 0)
		assert_int_equal(seteuid(65534), 0); /* root may write everywhere */
	assert_int_equal(open_with(f, m, 1, (struct db_opts){0}, &db, &why), -EROFS);
	assert_non_null(strstr(why, "write access"));
	if (getuid() == 0)
		assert_int_equal(seteuid(0), 0);
}

static void a_look_changes_nothing(void **state)
{
	const struct db_migration m[] = {step(first)};
	const struct db_desc desc = {APP, m, 1}, other = {APP + 1, m, 1};
	struct fix *f = *state;
	const char *why = NULL, *nowhere = talloc_asprintf(f, "%s/none/x.db", f->dir);
	struct db *db;

	assert_int_equal(db_check_file(f, f->path, &desc, 0, &why), 0);
	assert_int_equal(access(f->path, F_OK), -1); /* still none */
	db = open_new(f);
	assert_int_equal(db_check_file(f, f->path, &desc, UINT64_MAX, &why),
			 0); /* beside its daemon, disk low or not */
	assert_null(why);
	assert_true(db_is_low(db, UINT64_MAX));
	assert_false(db_is_low(db, 1));
	assert_int_equal(db_check_file(f, f->path, &other, 0, &why), -EINVAL);
	assert_string_equal(why, talloc_asprintf(f, "database %s: the file is no SQLite database", f->path));
	assert_int_equal(db_check_file(f, nowhere, &desc, 0, &why), -ENOENT);
	assert_string_equal(why,
			    talloc_asprintf(f, "database %s: %s/none: No such file or directory", nowhere, f->dir));
}

/* What a process leaves that is killed after this SQL. */
static void killed_after(const struct fix *f, const char *script)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		sqlite3 *h;

		if (sqlite3_open(f->path, &h) == SQLITE_OK && sqlite3_exec(h, script, NULL, NULL, NULL) == SQLITE_OK)
			_exit(0);
		_exit(1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void a_first_start_that_was_killed(void **state)
{
	static const char *const scripts[] = {
		"PRAGMA page_size=8192; BEGIN IMMEDIATE", /* no octet is written yet */
		"PRAGMA page_size=8192; PRAGMA journal_mode=WAL",
		"PRAGMA page_size=8192; PRAGMA journal_mode=WAL; BEGIN IMMEDIATE; CREATE TABLE parent (id INTEGER)",
		/* Pages went to the file before the commit: they are to be rolled back. */
		"PRAGMA cache_size=2; BEGIN; CREATE TABLE t (x); INSERT INTO t VALUES (zeroblob(100000))",
	};
	const struct db_migration m[] = {step(first)};
	const struct db_desc desc = {APP, m, 1};
	struct fix *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(scripts); i++) {
		const char *why = NULL;
		struct db *db;

		killed_after(f, scripts[i]);
		if (db_check_file(f, f->path, &desc, 0, &why) < 0)
			fail_msg("%s: %s", scripts[i], why);
		assert_int_equal(open_with(f, m, 1, (struct db_opts){.read_only = true}, &db, &why), -ENODATA);
		db = open_new(f);
		assert_int_equal(add(db, "a"), 0);
		talloc_free(db);
		teardown(state);
		setup(state);
		f = *state;
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(file_is_set_up_as_decided),
		T(pragmas_of_the_connection),
		T(a_second_daemon_is_refused),
		T(a_reader_beside_sees_what_is_committed),
		T(no_file),
		T(file_of_another_program),
		T(newer_and_older_schemas),
		T(a_migration_that_fails_changes_nothing),
		T(a_constraint_is_no_breakage),
		T(a_full_store_is_broken),
		T(values_keep_their_kind),
		T(a_statement_left_open_does_not_hinder_the_commit),
		T(rows_by_the_batch),
		T(a_failed_insert_has_no_number),
		T(old_rows_go_little_by_little),
		T(backup),
		T(no_write_access),
		T(a_look_changes_nothing),
		T(a_first_start_that_was_killed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
