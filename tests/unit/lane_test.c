/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Lanes of short messages over a store that has nothing but parts: in which order they are to leave. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <osmocom/core/utils.h>
#include <talloc.h>

#include "smsr/cmd_db.h"
#include "smsr/lane.h"

#define NOW_MS 1780000000000LL
#define SLOT_TEST (DB_MAX_SETS - 1)

struct fix {
	char *path;
	struct db *db;
	int64_t next;
	int last; /* lane */
};

static void open_store(struct fix *f)
{
	static const char *const sql[] = {"PRAGMA foreign_keys=OFF"}; /* parts without commands */
	static const struct db_stmts set = {.slot = SLOT_TEST, .sql = sql, .n = ARRAY_SIZE(sql)};
	const struct db_opts opts = {.create = true, .upgrade = true};

	assert_int_equal(db_open(f, f->path, &smsr_db_desc, &opts, &f->db, NULL), 0);
	assert_int_equal(db_run(db_stmt(f->db, &set, 0)), 0);
}

static int setup(void **state)
{
	struct fix *f = talloc_zero(NULL, struct fix);
	char dir[] = "/tmp/lane-XXXXXX";

	assert_non_null(mkdtemp(dir));
	f->path = talloc_asprintf(f, "%s/store.db", dir);
	open_store(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	static const char *const ends[] = {"", "-wal", "-shm", ".lock"};
	struct fix *f = *state;

	talloc_free(f->db);
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		unlink(talloc_asprintf(f, "%s%s", f->path, ends[i]));
	*strrchr(f->path, '/') = '\0';
	assert_int_equal(rmdir(f->path), 0);
	return talloc_free(f);
}

/* n parts, each due a millisecond behind the one before. */
static void fill(struct fix *f, int lane, unsigned int n, int64_t first_due_ms)
{
	while (n-- > 0)
		assert_int_equal(cmd_db_part_insert(f->db, ++f->next, 1, lane, first_due_ms++), 0);
}

static struct part part_get(struct fix *f, int64_t id)
{
	struct part part;

	assert_int_equal(cmd_db_part_get(f, f->db, id, &part), 0);
	return part;
}

static void taken(struct fix *f, int64_t id)
{
	struct part part = part_get(f, id);

	part.due_ms = 0;
	part.state = PART_ACCEPTED;
	assert_int_equal(cmd_db_part_update(f->db, &part), 0);
}

/* Send as many of the next pick as there is room for, as smsr/cmd_sms.c does.  Returns how many went. */
static size_t send(struct fix *f, size_t room, int *lanes)
{
	struct lane_part parts[LANE_PICK_MAX];
	bool more;
	size_t n;

	assert_int_equal(lane_pick(f->db, NOW_MS, f->last, parts, ARRAY_SIZE(parts), &n, &more), 0);
	n = OSMO_MIN(n, room);
	for (size_t i = 0; i < n; i++) {
		taken(f, parts[i].part_id);
		if (parts[i].lane != LANE_CARD)
			f->last = parts[i].lane;
		lanes[i] = parts[i].lane;
	}
	return n;
}

#define EXPECT_LANES(f, room, ...)                                        \
	do {                                                              \
		const int want_[] = {__VA_ARGS__};                        \
		int got_[LANE_PICK_MAX];                                  \
		assert_int_equal(send(f, room, got_), ARRAY_SIZE(want_)); \
		assert_memory_equal(got_, want_, sizeof(want_));          \
	} while (0)

static int lane(const char *requester, enum op_kind kind, enum op_state state, enum cmd_kind cmd, unsigned int idx)
{
	const struct operation op = {.kind = kind, .state = state, .requester = (char *)requester};

	return lane_of(&op, cmd, idx);
}

static void what_a_card_waits_for_has_the_first_lane(void **state)
{
	assert_int_equal(lane("1.2.3", OP_ENABLE, OP_ST_CHANGE, CMD_ENABLE, 2), LANE_CARD);
	assert_int_equal(lane("1.2.3", OP_ENABLE, OP_ST_CONFIRM, CMD_CONFIRM, 1), LANE_CARD);
	assert_int_equal(lane("1.2.3", OP_ENABLE, OP_ST_CONFIRM, CMD_ENABLE, 1), LANE_CARD);
	assert_int_equal(lane(NULL, OP_CONFIRM, OP_ST_QUEUED, CMD_CONFIRM, 1), LANE_CARD);
	assert_int_not_equal(lane("1.2.3", OP_ENABLE, OP_ST_CHANGE, CMD_ENABLE, 1), LANE_CARD);
	assert_int_not_equal(lane(NULL, OP_AUDIT, OP_ST_AUDIT, CMD_AUDIT, 1), LANE_CARD);
}

static void requesters_are_spread(void **state)
{
	unsigned int n[LANE_MAX + 1] = {0};
	int first = lane("1.3.6.1.4.1.32473.1", OP_ENABLE, OP_ST_CHANGE, CMD_ENABLE, 1);

	for (unsigned int i = 0; i < 100 * LANE_MAX; i++) {
		char *oid = talloc_asprintf(NULL, "1.3.6.1.4.1.32473.%u", i);
		int l = lane(oid, OP_ENABLE, OP_ST_CHANGE, CMD_ENABLE, 1);

		assert_in_range(l, 1, LANE_MAX);
		n[l]++;
		talloc_free(oid);
	}
	for (size_t i = 1; i <= LANE_MAX; i++)
		assert_in_range(n[i], 33, 300);
	/* whatever is asked for */
	assert_int_equal(lane("1.3.6.1.4.1.32473.1", OP_AUDIT, OP_ST_AUDIT, CMD_AUDIT, 1), first);
}

static void nothing_due_gives_nothing(void **state)
{
	struct fix *f = *state;
	struct lane_part parts[LANE_PICK_MAX];
	bool more = true;
	size_t n = 1;

	fill(f, 7, 3, NOW_MS + 1);
	fill(f, LANE_CARD, 3, NOW_MS + 1);
	assert_int_equal(lane_pick(f->db, NOW_MS, 0, parts, ARRAY_SIZE(parts), &n, &more), 0);
	assert_int_equal(n, 0);
	assert_false(more);
	assert_int_equal(lane_pick(f->db, NOW_MS + 1, 0, parts, ARRAY_SIZE(parts), &n, &more), 0);
	assert_int_equal(n, 2);
	assert_int_equal(parts[0].lane, LANE_CARD);
}

static void within_a_lane_the_earliest_goes_first(void **state)
{
	struct fix *f = *state;
	struct lane_part parts[LANE_PICK_MAX];
	bool more;
	size_t n;

	fill(f, 7, 5, NOW_MS - 50);
	fill(f, 7, 5, NOW_MS - 100);
	assert_int_equal(lane_pick(f->db, NOW_MS, 0, parts, ARRAY_SIZE(parts), &n, &more), 0);
	assert_int_equal(n, 10);
	assert_false(more);
	for (size_t i = 1; i < n; i++)
		assert_true(part_get(f, parts[i - 1].part_id).due_ms < part_get(f, parts[i].part_id).due_ms);
}

static void a_backlog_does_not_hold_up_others(void **state)
{
	struct fix *f = *state;
	struct lane_part parts[LANE_PICK_MAX];
	bool more;
	size_t n;

	fill(f, 5, 1000, NOW_MS - 5000);
	fill(f, 9, 2, NOW_MS - 10);
	assert_int_equal(lane_pick(f->db, NOW_MS, 0, parts, ARRAY_SIZE(parts), &n, &more), 0);
	assert_true(more);
	assert_int_equal(n, LANE_PICK_MAX / 2 + 2);
	EXPECT_LANES(f, 6, 5, 9, 5, 9, 5, 5);
	fill(f, 9, 1, NOW_MS);
	EXPECT_LANES(f, 2, 9, 5); /* the lane that was served last is not the first again */
}

/* A link that has room for one short message each turn: the usual case above its rate. */
static void one_place_goes_round(void **state)
{
	struct fix *f = *state;
	const int want[] = {3, 5, 64, 3, 5, 64, 3, 3, 3};
	int got[LANE_PICK_MAX];

	fill(f, 64, 2, NOW_MS - 3000);
	fill(f, 5, 2, NOW_MS - 2000);
	fill(f, 3, 5, NOW_MS - 1000);
	for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
		assert_int_equal(send(f, 1, got), 1);
		assert_int_equal(got[0], want[i]);
	}
	assert_int_equal(send(f, 1, got), 0);
}

static void the_card_lane_goes_before_all(void **state)
{
	struct fix *f = *state;

	fill(f, 5, 10, NOW_MS - 5000);
	fill(f, 9, 10, NOW_MS - 5000);
	EXPECT_LANES(f, 1, 5);
	fill(f, LANE_CARD, 3, NOW_MS);
	EXPECT_LANES(f, 2, LANE_CARD, 9); /* only one of the three is due already */
	fill(f, LANE_CARD, 2, NOW_MS - 100);
	EXPECT_LANES(f, 4, LANE_CARD, LANE_CARD, 5, 9);
}

/* More requesters than places behind what cards wait for: each still has its turn. */
static void many_requesters(void **state)
{
	struct fix *f = *state;
	struct lane_part parts[LANE_PICK_MAX];
	unsigned int served[LANE_MAX + 1] = {0};
	bool more;
	size_t n;

	fill(f, LANE_CARD, LANE_PICK_MAX - 20, NOW_MS - 1000);
	for (int l = 1; l <= LANE_MAX; l++)
		fill(f, l, l == 13 ? 500 : 4, NOW_MS - 100 - l);
	assert_int_equal(lane_pick(f->db, NOW_MS, 0, parts, ARRAY_SIZE(parts), &n, &more), 0);
	assert_int_equal(n, LANE_PICK_MAX);
	assert_true(more);
	for (unsigned int round = 0; round < 4 * LANE_MAX / 20 + 4; round++) {
		int lanes[LANE_PICK_MAX];

		n = send(f, LANE_PICK_MAX, lanes);
		assert_true(n > LANE_PICK_MAX - 20);
		fill(f, LANE_CARD, LANE_PICK_MAX - 20, NOW_MS - 1000); /* cards do not stop to wait */
		for (size_t i = 0; i < n; i++)
			served[lanes[i]]++;
	}
	for (size_t l = 1; l <= LANE_MAX; l++)
		assert_in_range(served[l], 4, l == 13 ? 500 : 4);
}

static void an_empty_lane_is_passed_over(void **state)
{
	struct fix *f = *state;

	fill(f, 5, 1, NOW_MS - 10);
	fill(f, 9, 3, NOW_MS - 10);
	fill(f, 20, 1, NOW_MS + 5000); /* waits for a later try */
	EXPECT_LANES(f, 9, 5, 9, 9, 9);
	f->last = LANE_MAX; /* and it has nothing any more */
	fill(f, 5, 2, NOW_MS - 10);
	EXPECT_LANES(f, 9, 5, 5);
}

/* Lanes are rows: a restart changes nothing but whose turn it is. */
static void a_restart_keeps_the_lanes(void **state)
{
	struct fix *f = *state;

	fill(f, 5, 3, NOW_MS - 100);
	fill(f, 9, 3, NOW_MS - 100);
	EXPECT_LANES(f, 3, 5, 9, 5);
	talloc_free(f->db);
	open_store(f);
	f->last = 0;
	EXPECT_LANES(f, LANE_PICK_MAX, 5, 9, 9);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_card_waits_for_has_the_first_lane),
		cmocka_unit_test(requesters_are_spread),
		TEST(nothing_due_gives_nothing),
		TEST(within_a_lane_the_earliest_goes_first),
		TEST(a_backlog_does_not_hold_up_others),
		TEST(one_place_goes_round),
		TEST(the_card_lane_goes_before_all),
		TEST(many_requesters),
		TEST(an_empty_lane_is_passed_over),
		TEST(a_restart_keeps_the_lanes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
