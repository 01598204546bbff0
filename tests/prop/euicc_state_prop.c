/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The stored state of a card: what is saved loads and saves again to the same octets; a file cut anywhere is refused; a
 * damaged one is refused, or is a state that makes sense; refusal changes nothing. */
#include "tests/support/card_bench.h"

#include <errno.h>

/* Random life: commands, losses of service, time. */
static void live(struct bench *b, uint32_t *rnd)
{
	static const char *const commands[] = {"EnableProfile", "DisableProfile", "SetFallbackAttribute",
					       "DeleteProfile", "CreateISDP",	  "UpdateSMSRAddressing_SMS"};
	struct bytes rapdu;

	for (unsigned int i = 0; i < 30; i++) {
		*rnd = *rnd * 1664525 + 1013904223;
		if (*rnd >> 28 < 11)
			assert_int_equal(euicc_apdu(b->card, b->ctx,
						    bench_vector(b, "es5_commands", commands[(*rnd >> 28) % 6]),
						    &rapdu),
					 0);
		else if (*rnd >> 28 < 13)
			euicc_rx_lost(b->card, euicc_enabled(b->card)->imsi);
		else
			bench_advance(b, *rnd % 200000);
		euicc_rx_attached(b->card, euicc_enabled(b->card)->imsi, (uint8_t)(*rnd >> 20 & 1));
		euicc_rx_mo_result(b->card, euicc_enabled(b->card)->imsi, 0);
		euicc_fault_set(b->card, (enum euicc_fault)(*rnd % EUICC_N_FAULTS), *rnd >> 12 & 1, *rnd & 0xff);
	}
	while (bench_next(b))
		;
}

static void saved_state_loads_and_saves_the_same(void **state)
{
	struct bench *b = *state;
	uint32_t rnd = 1;

	for (unsigned int round = 0; round < 50; round++) {
		struct bytes saved, again;

		euicc_power(b->card, true);
		live(b, &rnd);
		saved = euicc_save(b->card, b->ctx);
		bench_restart(b);
		again = euicc_save(b->card, b->ctx);
		bench_assert_bytes(b, again, saved);
	}
}

static void a_cut_state_is_refused(void **state)
{
	struct bench *b = *state;
	struct bytes saved, before = euicc_save(b->card, b->ctx);
	uint32_t rnd = 7;

	euicc_power(b->card, true);
	live(b, &rnd);
	saved = euicc_save(b->card, b->ctx);
	euicc_power(b->card, false);
	assert_int_equal(euicc_load(b->card, before), 0);
	for (size_t len = 0; len < saved.len; len++) {
		struct bytes cut = bytes_dup(b->ctx, bytes_sub(saved, 0, len));

		assert_int_equal(euicc_load(b->card, cut), -EINVAL);
		bench_assert_bytes(b, euicc_save(b->card, b->ctx), before);
	}
}

static void a_damaged_state_is_refused_or_sane(void **state)
{
	struct bench *b = *state;
	struct bytes saved, copy;
	uint32_t rnd = 3;

	euicc_power(b->card, true);
	live(b, &rnd);
	saved = euicc_save(b->card, b->ctx);
	euicc_power(b->card, false);
	for (size_t bit = 0; bit < saved.len * 8; bit++) {
		copy = bytes_dup(b->ctx, saved);
		((uint8_t *)copy.data)[bit / 8] ^= (uint8_t)(1u << bit % 8);
		if (euicc_load(b->card, copy) == 0) {
			bench_assert_bytes(b, euicc_save(b->card, b->ctx), copy);
			euicc_power(b->card, true);
			bench_advance(b, 1000000);
			euicc_power(b->card, false);
		}
	}
	while (bench_next(b))
		;
	/* of another card */
	copy = bytes_dup(b->ctx, saved);
	((uint8_t *)copy.data)[10] ^= 1;
	assert_int_equal(euicc_load(b->card, copy), -EINVAL);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, bench_setup, bench_teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(saved_state_loads_and_saves_the_same),
		TEST(a_cut_state_is_refused),
		TEST(a_damaged_state_is_refused_or_sane),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
