/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Timelines of operations: in order, page by page, and with an end to what repeats itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/peer/timeline_db.h"
#include "smsr/store.h"

#define SLOT_TEST (DB_MAX_SETS - 1)
#define PAGE 100

struct fix {
	char *dir;
	struct db *db;
};

static int setup(void **state)
{
	static const char *const sql[] = {"PRAGMA foreign_keys=OFF"}; /* steps without operations */
	static const struct db_stmts set = {.slot = SLOT_TEST, .sql = sql, .n = ARRAY_SIZE(sql)};
	const struct db_opts opts = {.create = true};
	struct fix *f = talloc_zero(NULL, struct fix);
	char dir[] = "/tmp/timeline-XXXXXX";

	assert_non_null(mkdtemp(dir));
	f->dir = talloc_strdup(f, dir);
	assert_int_equal(db_open(f, talloc_asprintf(f, "%s/store.db", dir), &smsr_db_desc, &opts, &f->db, NULL), 0);
	assert_int_equal(db_run(db_stmt(f->db, &set, 0)), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	static const char *const ends[] = {"", "-wal", "-shm", ".lock"};
	struct fix *f = *state;

	talloc_free(f->db);
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		unlink(talloc_asprintf(f, "%s/store.db%s", f->dir, ends[i]));
	assert_int_equal(rmdir(f->dir), 0);
	return talloc_free(f);
}

static void add(struct fix *f, int64_t op_id, int step, bool repeats)
{
	assert_int_equal(timeline_db_add(f->db, op_id, 1000 + step, step, repeats, repeats ? "again" : NULL), 0);
}

/* All pages.  \returns how many rows */
static size_t count(struct fix *f, int64_t op_id, int *last_step)
{
	struct timeline_row rows[PAGE];
	size_t all = 0, n;
	int64_t after = 0;

	do {
		assert_int_equal(timeline_db_get(f, f->db, op_id, after, rows, PAGE, &n), 0);
		assert_true(n <= PAGE);
		for (size_t i = 0; i < n; i++) {
			assert_true(rows[i].id > after);
			assert_int_equal(rows[i].stamp_ms, 1000 + rows[i].step);
			after = rows[i].id;
			*last_step = rows[i].step;
		}
		all += n;
	} while (n == PAGE);
	return all;
}

static void steps_come_back_in_order(void **state)
{
	struct fix *f = *state;
	struct timeline_row rows[2];
	int last = 0;
	size_t n;

	assert_int_equal(count(f, 7, &last), 0);
	add(f, 7, 1, false);
	add(f, 8, 2, false);
	add(f, 7, 3, true);
	assert_int_equal(timeline_db_get(f, f->db, 7, 0, rows, 2, &n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(rows[0].step, 1);
	assert_null(rows[0].text);
	assert_int_equal(rows[1].step, 3);
	assert_string_equal(rows[1].text, "again");
}

static void what_repeats_itself_ends_at_500(void **state)
{
	struct fix *f = *state;
	int last = 0;

	add(f, 7, 1, false);
	for (int i = 0; i < 600; i++)
		add(f, 7, 2, true);
	assert_int_equal(count(f, 7, &last), 500);
	assert_int_equal(last, 2);
	add(f, 7, 3, false);
	add(f, 7, 2, true);
	add(f, 8, 2, true);
	assert_int_equal(count(f, 7, &last), 501);
	assert_int_equal(last, 3);
	assert_int_equal(count(f, 8, &last), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(steps_come_back_in_order, setup, teardown),
		cmocka_unit_test_setup_teardown(what_repeats_itself_ends_at_500, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
