/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The turn: outputs only behind the commit, none of an event that failed, none at all when the commit fails. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/turn.h"
#include "common/db/db.h"

static const char schema[] = "CREATE TABLE t (name TEXT UNIQUE); CREATE TABLE p (id INTEGER PRIMARY KEY);"
			     "CREATE TABLE c (p INTEGER REFERENCES p DEFERRABLE INITIALLY DEFERRED)";

enum {
	Q_ADD,
	Q_COUNT,
	Q_ORPHAN,
	Q_LIMIT,
	Q_FILL
};

static const char *const sql[] = {
	[Q_ADD] = "INSERT INTO t VALUES (?1)",
	[Q_COUNT] = "SELECT count(*) FROM t",
	[Q_ORPHAN] = "INSERT INTO c VALUES (1)",
	[Q_LIMIT] = "PRAGMA max_page_count = 30",
	[Q_FILL] = "INSERT INTO t VALUES (zeroblob(1000000))",
};
static const struct db_stmts set = {.slot = 0, .sql = sql, .n = ARRAY_SIZE(sql)};

struct fix {
	char *dir;
	struct db *db;
	struct db *reader;
	struct turn *turn;
	char *told; /* outputs in order, with the rows that were committed then: "a1 b1 " */
	bool nest;  /* the next output causes an event */
	unsigned int broken;
};

static void on_broken(void *priv)
{
	struct fix *f = priv;

	f->broken++;
}

static int setup(void **state)
{
	const struct db_migration m = {(const uint8_t *)schema, (const uint8_t *)schema + strlen(schema)};
	const struct db_desc desc = {1, &m, 1};
	struct fix *f = talloc_zero(NULL, struct fix);
	char dir[] = "/tmp/turn-test-XXXXXX";
	char *path;

	f->dir = talloc_strdup(f, mkdtemp(dir));
	path = talloc_asprintf(f, "%s/x.db", f->dir);
	f->told = talloc_strdup(f, "");
	assert_int_equal(db_open(f, path, &desc, &(struct db_opts){.create = true}, &f->db, NULL), 0);
	assert_int_equal(db_open(f, path, &desc, &(struct db_opts){.read_only = true}, &f->reader, NULL), 0);
	f->turn = turn_alloc(f, f->db, on_broken, f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fix *f = *state;
	char *cmd = talloc_asprintf(NULL, "rm -rf %s", f->dir);
	int rc = system(cmd);

	talloc_free(f->turn);
	talloc_free(f);
	talloc_free(cmd);
	return rc;
}

static int64_t committed(struct fix *f)
{
	struct db_stmt *s = db_stmt(f->reader, &set, Q_COUNT);
	int64_t n;

	assert_int_equal(db_row(s), 1);
	n = db_int(s, 0);
	db_reset(s);
	return n;
}

struct event {
	struct fix *f;
	const char *name;
	int rc;
	enum {
		PLAIN,
		ORPHAN,
		FULL
	} kind;
};

static int handler(void *priv, void *event);

static void emit(void *priv, void *data)
{
	struct fix *f = priv;

	f->told = talloc_asprintf_append(f->told, "%s%d ", (char *)data, (int)committed(f));
	if (f->nest) {
		struct event ev = {f, "nested", 0, PLAIN};

		f->nest = false;
		assert_int_equal(turn_event(f->turn, handler, f, &ev), 0);
	}
}

static int add(struct fix *f, const char *name)
{
	struct db_stmt *s = db_stmt(f->db, &set, Q_ADD);

	db_bind_text(s, 1, name);
	return db_run(s);
}

/* A row and two outputs for each event. */
static int handler(void *priv, void *event)
{
	const struct event *ev = event;
	struct fix *f = priv;
	char *data = talloc_strdup(turn_ctx(f->turn), ev->name);

	turn_output(f->turn, emit, f, data);
	assert_int_equal(add(f, ev->name), 0);
	turn_output(f->turn, emit, f, talloc_strdup(NULL, "+"));
	if (ev->kind == ORPHAN)
		assert_int_equal(db_run(db_stmt(f->db, &set, Q_ORPHAN)), 0);
	if (ev->kind == FULL)
		return db_run(db_stmt(f->db, &set, Q_FILL));
	return ev->rc;
}

static int run(struct fix *f, const char *name, int rc)
{
	struct event ev = {f, name, rc, PLAIN};

	return turn_event(f->turn, handler, f, &ev);
}

static void outputs_leave_behind_the_commit_in_order(void **state)
{
	struct fix *f = *state;

	assert_int_equal(run(f, "a", 0), 0);
	assert_int_equal(run(f, "b", 0), 0);
	assert_true(turn_is_open(f->turn));
	assert_string_equal(f->told, "");
	assert_int_equal(committed(f), 0);
	turn_close(f->turn);
	assert_string_equal(f->told, "a2 +2 b2 +2 ");
	assert_false(turn_is_open(f->turn));
	turn_close(f->turn);
	assert_string_equal(f->told, "a2 +2 b2 +2 ");
}

static void a_failing_event_leaves_no_trace(void **state)
{
	struct fix *f = *state;

	assert_int_equal(run(f, "a", 0), 0);
	assert_int_equal(run(f, "bad", -EINVAL), -EINVAL);
	assert_int_equal(run(f, "b", 0), 0);
	turn_close(f->turn);
	assert_string_equal(f->told, "a2 +2 b2 +2 ");
	assert_int_equal(f->broken, 0);
	assert_int_equal(run(f, "bad", 0), 0); /* the name was never taken */
	turn_close(f->turn);
	assert_int_equal(committed(f), 3);
}

/* It has the transaction to itself: what is taken back is the transaction, and the next event opens another one. */
static void a_failing_first_event_leaves_no_trace(void **state)
{
	struct fix *f = *state;

	assert_int_equal(run(f, "bad", -EINVAL), -EINVAL);
	assert_int_equal(run(f, "worse", -EINVAL), -EINVAL);
	assert_int_equal(run(f, "a", 0), 0);
	assert_int_equal(run(f, "bad", 0), 0);
	turn_close(f->turn);
	assert_string_equal(f->told, "a2 +2 bad2 +2 ");
	assert_int_equal(committed(f), 2);
	assert_int_equal(run(f, "late", -EINVAL), -EINVAL);
	turn_close(f->turn);
	assert_int_equal(committed(f), 2);
	assert_int_equal(f->broken, 0);
}

static void an_event_caused_by_an_output_belongs_to_the_next_turn(void **state)
{
	struct fix *f = *state;

	f->nest = true;
	assert_int_equal(run(f, "a", 0), 0);
	turn_close(f->turn);
	assert_string_equal(f->told, "a1 +1 ");
	assert_true(turn_is_open(f->turn));
	assert_int_equal(committed(f), 1);
	turn_close(f->turn);
	assert_string_equal(f->told, "a1 +1 nested2 +2 ");
}

static void a_commit_that_fails_emits_nothing(void **state)
{
	struct fix *f = *state;
	struct event ev = {f, "a", 0, ORPHAN};

	assert_int_equal(turn_event(f->turn, handler, f, &ev), 0);
	turn_close(f->turn); /* the deferred constraint is looked at now */
	assert_string_equal(f->told, "");
	assert_int_equal(f->broken, 1);
	assert_int_equal(committed(f), 0);
	assert_false(turn_is_open(f->turn));
}

static void a_full_store_takes_the_whole_turn_down(void **state)
{
	struct fix *f = *state;
	struct event ev = {f, "full", 0, FULL};

	assert_int_equal(db_run(db_stmt(f->db, &set, Q_LIMIT)), 0);
	assert_int_equal(run(f, "a", 0), 0);
	assert_int_equal(turn_event(f->turn, handler, f, &ev), -EIO);
	assert_int_equal(f->broken, 1);
	turn_close(f->turn);
	assert_string_equal(f->told, "");
	assert_int_equal(committed(f), 0);
	/* And nothing goes on as if it had not happened. */
	assert_int_equal(run(f, "later", 0), -EIO);
	assert_string_equal(f->told, "");
}

static void an_event_without_effect_costs_nothing(void **state)
{
	struct fix *f = *state;

	turn_close(f->turn);
	assert_int_equal(run(f, "bad", -ENOENT), -ENOENT);
	turn_close(f->turn);
	assert_string_equal(f->told, "");
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(outputs_leave_behind_the_commit_in_order), T(a_failing_event_leaves_no_trace),
		T(a_failing_first_event_leaves_no_trace),    T(an_event_caused_by_an_output_belongs_to_the_next_turn),
		T(a_commit_that_fails_emits_nothing),	     T(a_full_store_takes_the_whole_turn_down),
		T(an_event_without_effect_costs_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
