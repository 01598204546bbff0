/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Reservations through the turn and through restarts: an ICCID is used once, whatever is killed in between. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>
#include <talloc.h>

#include "tests/support/stock_bench.h"

static int import_three(struct stock_bench *b, void *arg)
{
	struct stock_batch in = {.mno = BENCH_MNO,
				 .type = "m2m",
				 .csv = bytes_str(stock_bench_csv(b, 1, 3)),
				 .pol2 = "delete:not-allowed"};
	struct stock_row *rows;
	const char *why;
	size_t n;

	return stock_import_batch(b->stock, b, &in, &rows, &n, &why);
}

static int setup(void **state)
{
	struct stock_bench *b = stock_bench_alloc();

	stock_bench_type(b);
	assert_int_equal(stock_bench_event(b, import_three, NULL), 0);
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	stock_bench_free(*state);
	return 0;
}

struct wish {
	const char *mno, *iccid, *type;
	int64_t order_id;
	struct stock_item item;
	enum stock_refusal refusal;
	bool lose; /* the event fails after it reserved */
};

static int do_reserve(struct stock_bench *b, void *arg)
{
	struct wish *w = arg;
	int rc = stock_reserve(b->stock, b, w->mno, w->iccid, w->type, w->order_id, &w->item, &w->refusal);

	return rc == 0 && w->lose ? -EINVAL : rc;
}

static int do_release(struct stock_bench *b, void *arg)
{
	return stock_release(b->stock, *(int64_t *)arg);
}

static int do_use(struct stock_bench *b, void *arg)
{
	return stock_use(b->stock, *(int64_t *)arg);
}

static int reserve(struct stock_bench *b, const char *iccid, const char *type, int64_t order_id, struct wish *w)
{
	*w = (struct wish){.mno = BENCH_MNO, .iccid = iccid, .type = type, .order_id = order_id};
	return stock_bench_event(b, do_reserve, w);
}

static enum stock_refusal refused(struct stock_bench *b, const char *mno, const char *iccid, const char *type)
{
	struct wish w = {.mno = mno, .iccid = iccid, .type = type, .order_id = 999};

	assert_int_equal(stock_bench_event(b, do_reserve, &w), -ENOENT);
	assert_true(w.refusal != STOCK_OK);
	assert_true(strlen(stock_refusal_text(w.refusal)) > 10);
	return w.refusal;
}

static void an_order_by_type_takes_the_oldest(void **state)
{
	struct stock_bench *b = *state;
	struct wish first, again, second;

	assert_int_equal(reserve(b, NULL, "m2m", 1, &first), 0);
	assert_string_equal(first.item.iccid, stock_bench_iccid(b, 1));
	assert_int_equal(first.item.state, STOCK_RESERVED);
	assert_int_equal(first.item.order_id, 1);
	stock_bench_restart(b);
	assert_int_equal(reserve(b, NULL, "m2m", 1, &again), 0); /* the order goes on after the restart */
	assert_int_equal(again.item.id, first.item.id);
	assert_int_equal(reserve(b, NULL, "m2m", 2, &second), 0);
	assert_string_equal(second.item.iccid, stock_bench_iccid(b, 2));
}

static void every_refusal_has_its_reason(void **state)
{
	struct stock_bench *b = *state;
	const char *iccid = stock_bench_iccid(b, 1);
	struct wish w;
	const char *why;

	assert_int_equal(refused(b, BENCH_MNO, "89001019999999999999", NULL), STOCK_ICCID_UNKNOWN);
	assert_int_equal(refused(b, BENCH_MNO, "12", NULL), STOCK_ICCID_UNKNOWN);
	assert_int_equal(refused(b, BENCH_OTHER, iccid, NULL), STOCK_ICCID_OTHER_MNO);
	assert_int_equal(refused(b, BENCH_MNO, iccid, "gold"), STOCK_ICCID_OTHER_TYPE);
	assert_int_equal(refused(b, BENCH_MNO, NULL, "gold"), STOCK_TYPE_UNKNOWN);
	assert_int_equal(refused(b, BENCH_OTHER, NULL, "m2m"), STOCK_TYPE_UNKNOWN);
	assert_int_equal(refused(b, BENCH_MNO, NULL, NULL), STOCK_TYPE_UNKNOWN);
	assert_int_equal(reserve(b, iccid, "m2m", 1, &w), 0);
	assert_int_equal(refused(b, BENCH_MNO, iccid, NULL), STOCK_ICCID_IN_USE);
	assert_int_equal(stock_set_state(b->stock, b, stock_bench_iccid(b, 2), true, &why), 0);
	assert_int_equal(refused(b, BENCH_MNO, stock_bench_iccid(b, 2), NULL), STOCK_ICCID_BROKEN);
	assert_int_equal(reserve(b, NULL, "m2m", 3, &w), 0); /* the broken one is passed over */
	assert_string_equal(w.item.iccid, stock_bench_iccid(b, 3));
	assert_int_equal(refused(b, BENCH_MNO, NULL, "m2m"), STOCK_TYPE_EMPTY);
	assert_int_equal(stock_set_state(b->stock, b, stock_bench_iccid(b, 2), false, &why), 0);
	assert_int_equal(reserve(b, NULL, "m2m", 4, &w), 0);
}

static void what_is_released_serves_again(void **state)
{
	struct stock_bench *b = *state;
	const char *iccid = stock_bench_iccid(b, 1);
	int64_t order = 1, nobody = 77;
	struct wish w;

	assert_int_equal(reserve(b, iccid, NULL, order, &w), 0);
	assert_int_equal(stock_bench_event(b, do_release, &nobody), 0);
	assert_int_equal(refused(b, BENCH_MNO, iccid, NULL), STOCK_ICCID_IN_USE);
	assert_int_equal(stock_bench_event(b, do_release, &order), 0);
	assert_int_equal(stock_bench_event(b, do_release, &order), 0);
	stock_bench_restart(b);
	assert_int_equal(reserve(b, iccid, NULL, 2, &w), 0);
	assert_int_equal(w.item.order_id, 2);
}

static void what_is_used_is_gone(void **state)
{
	struct stock_bench *b = *state;
	const char *iccid = stock_bench_iccid(b, 1), *why;
	int64_t order = 1, nobody = 77;
	struct stock_item item;
	struct wish w;

	assert_int_equal(stock_bench_event(b, do_use, &nobody), -ENOENT);
	assert_int_equal(reserve(b, iccid, NULL, order, &w), 0);
	assert_int_equal(stock_bench_event(b, do_use, &order), 0);
	stock_bench_restart(b);
	assert_int_equal(stock_bench_event(b, do_use, &order), 0); /* a step that is repeated */
	assert_int_equal(stock_bench_event(b, do_release, &order), 0);
	assert_int_equal(stock_get(b->stock, b, iccid, &item), 0);
	assert_int_equal(item.state, STOCK_USED);
	assert_int_equal(item.order_id, 1);
	assert_int_equal(refused(b, BENCH_MNO, iccid, NULL), STOCK_ICCID_IN_USE);
	assert_int_equal(stock_set_state(b->stock, b, iccid, false, &why), -EBUSY);
	assert_int_equal(stock_set_state(b->stock, b, iccid, true, &why), -EBUSY);
}

/* An event that fails leaves no reservation; nor does one whose turn was never committed. */
static void what_is_not_committed_never_was(void **state)
{
	struct stock_bench *b = *state;
	struct wish w = {.mno = BENCH_MNO, .type = "m2m", .order_id = 1, .lose = true};
	struct stock_item item;
	enum stock_refusal refusal;

	assert_int_equal(stock_bench_event(b, do_reserve, &w), -EINVAL);
	assert_int_equal(stock_get(b->stock, b, stock_bench_iccid(b, 1), &item), 0);
	assert_int_equal(item.state, STOCK_FREE);
	assert_int_equal(db_begin(b->db), 0);
	assert_int_equal(stock_reserve(b->stock, b, BENCH_MNO, NULL, "m2m", 1, &item, &refusal), 0);
	stock_bench_restart(b); /* killed before the commit */
	assert_int_equal(stock_get(b->stock, b, stock_bench_iccid(b, 1), &item), 0);
	assert_int_equal(item.state, STOCK_FREE);
}

static int import_again(struct stock_bench *b, void *arg)
{
	struct stock_batch in = {.mno = BENCH_MNO, .type = "m2m", .csv = bytes_str(stock_bench_csv(b, 1, 4))};
	struct stock_row *rows;
	const char *why;
	size_t n;
	int rc = stock_import_batch(b->stock, b, &in, &rows, &n, &why);

	assert_int_equal(n, 4);
	for (int i = 0; i < 3; i++)
		assert_non_null(strstr(rows[i].why, "is, or was, in stock"));
	assert_null(rows[3].why);
	return rc;
}

static void an_import_may_be_repeated(void **state)
{
	struct stock_bench *b = *state;

	stock_bench_restart(b);
	assert_int_equal(stock_bench_event(b, import_again, NULL), 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(an_order_by_type_takes_the_oldest), T(every_refusal_has_its_reason),
		T(what_is_released_serves_again),     T(what_is_used_is_gone),
		T(what_is_not_committed_never_was),   T(an_import_may_be_repeated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
