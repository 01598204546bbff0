/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The wake-up of the loop, under a clock of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "common/app/clock.h"
#include "common/app/ticker.h"

#define NOW_MS 1700000000123

static int setup(void **state)
{
	static struct ticker t;

	clock_feed_at(NOW_MS, NOW_MS);
	ticker_init(&t);
	*state = &t;
	return 0;
}

static int teardown(void **state)
{
	ticker_stop(*state);
	return 0;
}

/* What osmo_select_main_ctx(0) would sleep for, in ms. */
static int64_t sleep_ms(void)
{
	osmo_timers_prepare();
	return osmo_timers_nearest_ms();
}

static void it_wakes_at_the_time(void **state)
{
	struct ticker *t = *state;

	assert_int_equal(sleep_ms(), -1);
	ticker_set(t, NOW_MS + 90061);
	assert_int_equal(sleep_ms(), 90061);
	clock_feed_at(NOW_MS + 90060, NOW_MS);
	assert_int_equal(sleep_ms(), 1);
	assert_int_equal(osmo_timers_update(), 0);
	clock_feed_at(NOW_MS + 90061, NOW_MS);
	assert_int_equal(osmo_timers_update(), 1);
	assert_int_equal(sleep_ms(), -1);
}

static void it_moves(void **state)
{
	struct ticker *t = *state;

	ticker_set(t, NOW_MS + 5000);
	ticker_set(t, NOW_MS + 7000);
	assert_int_equal(sleep_ms(), 7000);
	ticker_set(t, 0);
	assert_int_equal(sleep_ms(), 7000);
	ticker_set(t, NOW_MS - 60000);
	assert_int_equal(sleep_ms(), 0);
	ticker_stop(t);
	assert_int_equal(sleep_ms(), -1);
}

static void what_is_due(void **state)
{
	assert_false(ticker_is_due(0));
	assert_true(ticker_is_due(1));
	assert_true(ticker_is_due(NOW_MS));
	assert_false(ticker_is_due(NOW_MS + 1));
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(it_wakes_at_the_time),
		T(it_moves),
		T(what_is_due),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
