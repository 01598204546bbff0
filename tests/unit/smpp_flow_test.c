/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Rate, throttling and back-off of an SMPP link: the figures of the operating rules, under a clock of our own. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "smsr/smpp_flow.h"

#define NO_JITTER 500

static void flow(struct smpp_flow *f, unsigned rate)
{
	smpp_flow_init(f, rate, 1000, 60000, 3, 0);
}

static void waits_double_and_jitter_by_a_fifth(void **state)
{
	struct smpp_backoff b = {.min_ms = 1000, .max_ms = 60000};
	static const unsigned want[] = {1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000};

	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		assert_int_equal(smpp_backoff_take(&b, NO_JITTER), want[i]);
	assert_int_equal(smpp_backoff_take(&b, 0), 48000);
	assert_int_equal(smpp_backoff_take(&b, 1000), 72000);
	smpp_backoff_reset(&b);
	assert_int_equal(smpp_backoff_take(&b, NO_JITTER), 1000);
}

static void rate_is_kept_to_the_submit(void **state)
{
	unsigned sent = 0;
	struct smpp_flow f;

	flow(&f, 7);
	for (int64_t now = 0; now <= 60000; now++) {
		while (smpp_flow_room(&f, now) > 0) {
			smpp_flow_take(&f, now);
			sent++;
		}
	}
	assert_int_equal(sent, 1 + 7 * 60);
}

static void no_rate_means_no_limit(void **state)
{
	struct smpp_flow f;

	flow(&f, 0);
	assert_int_equal(smpp_flow_room(&f, 5), INT_MAX);
	assert_int_equal(smpp_flow_wait_ms(&f, 5), 0);
}

static void throttling_pauses_and_halves(void **state)
{
	struct smpp_flow f;

	flow(&f, 100);
	assert_true(smpp_flow_throttled(&f, 90, 100, NO_JITTER));
	assert_int_equal(smpp_flow_room(&f, 1099), 0);
	assert_int_equal(smpp_flow_wait_ms(&f, 600), 500);
	assert_true(smpp_flow_room(&f, 1100) > 0);
	assert_int_equal(f.rate_mhz, 50000);
	/* the rest of the window that was refused */
	assert_false(smpp_flow_throttled(&f, 99, 130, NO_JITTER));
	assert_int_equal(f.rate_mhz, 50000);
	assert_true(smpp_flow_throttled(&f, 1200, 1250, NO_JITTER));
	assert_int_equal(f.pause_until_ms, 3250);
	assert_int_equal(f.rate_mhz, 25000);
	/* an acceptance after the pause ends the doubling; a late one from before does not */
	smpp_flow_accepted(&f, 1210);
	assert_true(smpp_flow_throttled(&f, 3300, 3300, NO_JITTER));
	assert_int_equal(f.pause_until_ms, 7300);
	smpp_flow_accepted(&f, 7400);
	assert_true(smpp_flow_throttled(&f, 7500, 7500, NO_JITTER));
	assert_int_equal(f.pause_until_ms, 8500);
}

static void quiet_time_gives_the_rate_back(void **state)
{
	struct smpp_flow f;

	flow(&f, 100);
	assert_true(smpp_flow_throttled(&f, 0, 0, NO_JITTER)); /* a pause of 1 s */
	smpp_flow_room(&f, 1000 + 999);
	assert_int_equal(f.rate_mhz, 50000);
	smpp_flow_room(&f, 1000 + 1000);
	assert_int_equal(f.rate_mhz, 60000);
	smpp_flow_room(&f, 1000 + 4000);
	assert_int_equal(f.rate_mhz, 90000);
	smpp_flow_room(&f, 1000 + 4000 + 9999);
	assert_int_equal(f.rate_mhz, 90000);
	smpp_flow_room(&f, 1000 + 4000 + 10000);
	assert_int_equal(f.rate_mhz, 94500);
	smpp_flow_room(&f, 1000 + 4000 + 30000);
	assert_int_equal(f.rate_mhz, 100000);
}

/* However long nobody asked. */
static void recovery_needs_no_calls(void **state)
{
	struct smpp_flow f;

	flow(&f, 100);
	assert_true(smpp_flow_throttled(&f, 0, 0, NO_JITTER));
	smpp_flow_room(&f, 30LL * 24 * 3600 * 1000);
	assert_int_equal(f.rate_mhz, 100000);
	assert_true(smpp_flow_throttled(&f, 30LL * 24 * 3600 * 1000, 30LL * 24 * 3600 * 1000, NO_JITTER));
	assert_int_equal(f.rate_mhz, 50000);
}

/* A service centre that takes less than was agreed on: what does it get in ten minutes, and how often does it have to
 * say no?  It counts seconds, as most do. */
static void rate_above_the_real_one(unsigned configured, unsigned taken_per_s)
{
	unsigned accepted = 0, refused = 0, in_second = 0;
	struct smpp_flow f;

	flow(&f, configured);
	for (int64_t now = 0; now < 600000; now++) {
		if (now % 1000 == 0)
			in_second = 0;
		while (smpp_flow_room(&f, now) > 0) {
			smpp_flow_take(&f, now);
			if (in_second++ < taken_per_s) {
				accepted++;
				smpp_flow_accepted(&f, now);
			} else {
				refused++;
				smpp_flow_throttled(&f, now, now, NO_JITTER);
			}
		}
	}
	assert_in_range(accepted, 600 * taken_per_s * 5 / 6, 600 * taken_per_s);
	assert_in_range(refused, 1, 60);
}

static void most_of_what_the_service_centre_takes_is_used(void **state)
{
	rate_above_the_real_one(100, 90);
	rate_above_the_real_one(100, 45);
	rate_above_the_real_one(100, 20);
	rate_above_the_real_one(1000, 10);
	rate_above_the_real_one(0, 50);
}

static void link_without_a_rate_finds_one(void **state)
{
	struct smpp_flow f;

	flow(&f, 0);
	for (int i = 0; i < 40; i++)
		smpp_flow_take(&f, 100 + i);
	assert_true(smpp_flow_throttled(&f, 139, 200, NO_JITTER));
	assert_int_equal(f.rate_mhz, 20000);
	smpp_flow_room(&f, 400000);
	assert_int_equal(f.rate_mhz, 0);
}

static void full_queues_everywhere_are_the_service_centre(void **state)
{
	struct smpp_flow f;

	flow(&f, 0);
	assert_false(smpp_flow_queue_full(&f, 1, 1000));
	assert_false(smpp_flow_queue_full(&f, 2, 1001));
	assert_false(smpp_flow_queue_full(&f, 1, 1002));
	assert_false(smpp_flow_queue_full(&f, 3, 1003));
	assert_true(smpp_flow_queue_full(&f, 4, 1004));
	assert_false(smpp_flow_queue_full(&f, 4, 31004));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(waits_double_and_jitter_by_a_fifth),
		cmocka_unit_test(rate_is_kept_to_the_submit),
		cmocka_unit_test(no_rate_means_no_limit),
		cmocka_unit_test(throttling_pauses_and_halves),
		cmocka_unit_test(quiet_time_gives_the_rate_back),
		cmocka_unit_test(recovery_needs_no_calls),
		cmocka_unit_test(most_of_what_the_service_centre_takes_is_used),
		cmocka_unit_test(link_without_a_rate_finds_one),
		cmocka_unit_test(full_queues_everywhere_are_the_service_centre),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
