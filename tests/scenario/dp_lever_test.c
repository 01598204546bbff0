/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Levers of an SM-DP: while it is paused no order takes a step, and nothing is forgotten. */
#include <errno.h>
#include <string.h>

#include <talloc.h>

#include "common/app/clock.h"
#include "smdp/dp_lever.h"
#include "tests/support/dp_world.h"

#define MINUTE_MS (60 * 1000LL)
#define HOUR_MS (60 * MINUTE_MS)

static int lever(struct dpw *w, dp_lever_cb action, const char *text)
{
	struct dp_lever l = {.ctx = w->ctx, .by = "test", .id = 1};
	int rc;

	clock_feed_at(w->now_ms, w->now_ms);
	rc = dp_lever_pull(w->s, action, &l);
	turn_close(w->turn);
	assert_string_equal(l.text, text);
	return rc;
}

static void pause_all(struct dpw *w)
{
	assert_int_equal(lever(w, smdp_ev_pause, "paused: no calls to SM-SRs"), 0);
}

static struct dp_figures figures(struct dpw *w)
{
	struct dp_figures f;

	clock_feed_at(w->now_ms, w->now_ms);
	assert_int_equal(dp_lever_figures(w->s, &f), 0);
	return f;
}

static void a_paused_sm_dp_takes_orders_and_waits(void **state)
{
	struct dpw *w = *state;
	struct dp_figures f;

	pause_all(w);
	dpw_download(w, "a", true, 3600);
	dpw_download(w, "b", true, 3600);
	dpw_advance(w, 10 * MINUTE_MS);
	assert_true(llist_empty(&w->calls));
	dpw_restart(w);
	dpw_advance(w, 10 * MINUTE_MS);
	assert_true(llist_empty(&w->calls));
	f = figures(w);
	assert_true(f.paused);
	assert_int_equal(f.running, 1);
	assert_int_equal(f.queued, 1);
	assert_int_equal(f.oldest_s, 20 * 60);
	assert_int_equal(f.stock[STOCK_FREE], 2);
	assert_int_equal(f.calls_waiting, 1);
	assert_int_equal(lever(w, smdp_ev_resume, "resumed"), 0);
	dpw_run(w);
	dpw_expect_profile(w, ES_STATE_ENABLED);
	f = figures(w);
	assert_false(f.paused);
	assert_int_equal(f.done, 2);
	assert_int_equal(f.oldest_s, 0);
	assert_int_equal(f.calls_waiting, 0);
	assert_int_equal(lever(w, smdp_ev_resume, "nothing is paused"), -ENOENT);
}

/* In the middle: the answer that is on its way is taken, and the next call waits. */
static void a_pause_in_the_middle(void **state)
{
	struct dpw *w = *state;
	unsigned int calls;

	dpw_rule(w, ES3_SEND_DATA, 2, 1, DPW_LOSE_ANSWER, NULL);
	dpw_download(w, "a", true, 7200);
	dpw_run(w);
	pause_all(w);
	calls = dpw_calls(w, ES3_SEND_DATA);
	dpw_advance(w, HOUR_MS);
	assert_int_equal(dpw_calls(w, ES3_SEND_DATA), calls);
	dpw_expect_silence(w);
	assert_int_equal(lever(w, smdp_ev_resume, "resumed"), 0);
	dpw_advance(w, MINUTE_MS);
	dpw_expect_outcome(w, "EXECUTED_SUCCESS");
	dpw_expect_profile(w, ES_STATE_ENABLED);
	assert_int_equal(w->created, 1);
}

static void time_goes_on_in_a_pause(void **state)
{
	struct dpw *w = *state;

	pause_all(w);
	dpw_download(w, "a", true, 3600);
	dpw_advance(w, 59 * MINUTE_MS);
	dpw_expect_silence(w);
	dpw_advance(w, 2 * MINUTE_MS);
	dpw_expect_outcome(w, "EXPIRED 1.6/5.3");
	assert_true(llist_empty(&w->calls));
	assert_int_equal(dpw_stock(w, DPW_ICCID), STOCK_FREE);
}

static void only_what_is_on_hold_is_released(void **state)
{
	struct dpw *w = *state;

	assert_int_equal(lever(w, smdp_ev_release, "no order 1"), -ENOENT);
	pause_all(w);
	dpw_download(w, "a", true, 3600);
	assert_int_equal(lever(w, smdp_ev_release, "order 1 is not on hold"), -EBUSY);
	assert_int_equal(lever(w, smdp_ev_ask, "the SM-SRs of 0 eUICCs are asked again"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DPW_TEST(a_paused_sm_dp_takes_orders_and_waits),
		DPW_TEST(a_pause_in_the_middle),
		DPW_TEST(time_goes_on_in_a_pause),
		DPW_TEST(only_what_is_on_hold_is_released),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
