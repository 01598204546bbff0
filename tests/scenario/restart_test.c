/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* kill -9 at every step of a change: before each commit, between the commit and its outputs, behind each output; once
 * with what had just left still on its way, once with it lost.  Whatever the instant, the change ends once, the same
 * way as without the kill, no counter seals two packets, and the EIS says what the card says (P1, P2, P4, P5, P8). */
#include <string.h>

#include <talloc.h>

#include "tests/support/world.h"

/* A change, from a registered card to the moment before the order. */
struct story {
	const char *name;
	enum es_fn fn;
	bool enabled_before; /* the target is the enabled profile */
	const char *told_note;
};

static void enable_target(struct world *w)
{
	world_order(w, MNO_OPER, ES4_ENABLE_PROFILE, SEED_OPERATIONAL, "before", 3600);
	world_advance(w, 60000);
	world_expect_note(w, "ES4-HandleProfileDisabledNotification", SEED_BOOTSTRAP, "boot.example/note");
	world_expect_outcome(w, "ES4-EnableProfile", "EXECUTED_SUCCESS");
}

static const struct story enable = {"ES4-EnableProfile", ES4_ENABLE_PROFILE, false,
				    "ES4-HandleProfileDisabledNotification"};
static const struct story disable = {"ES4-DisableProfile", ES4_DISABLE_PROFILE, true,
				     "ES4-HandleProfileEnabledNotification"};
static const struct story erase = {"ES4-DeleteProfile", ES4_DELETE_PROFILE, true,
				   "ES4-HandleProfileEnabledNotification"};

static void expect_end(struct world *w, const struct story *st)
{
	enum profile_state target = st->fn == ES4_DELETE_PROFILE   ? PROFILE_IN_CREATION
				    : st->fn == ES4_ENABLE_PROFILE ? PROFILE_ENABLED
								   : PROFILE_DISABLED;
	uint16_t seq;

	world_expect_eis(w, st->fn == ES4_ENABLE_PROFILE ? PROFILE_DISABLED : PROFILE_ENABLED, target);
	world_expect_agreement(w);
	assert_int_equal(euicc_pending(w->card, &seq), EUICC_NOTIFY_NONE);
	world_expect_note(w, st->told_note, SEED_BOOTSTRAP, "boot.example/note");
	world_expect_outcome(w, st->name, "EXECUTED_SUCCESS");
	world_expect_silence(w);
	assert_false(world_audit_due(w));
	assert_int_equal(world_records(w, AUDIT_COUNTER), 0); /* our copies are no sign of a counter that is ahead */
	assert_int_equal(world_operations(w, 0, OP_ST_DONE), st->enabled_before ? 2 : 1);
}

/* What becomes of messages that are on their way at that instant. */
enum variant {
	ON_ITS_WAY, /* they go on */
	LOST,
	EARLY, /* they go on, and the card is faster than the service centre: its answer has to be delivered again */
	N_VARIANTS,
};

/* \returns how many points there were */
static unsigned int run(const struct story *st, unsigned int kill_at, enum variant variant)
{
	unsigned int points;
	struct world *w;
	void *state;

	world_setup(&state);
	w = state;
	world_register(w);
	if (st->enabled_before)
		enable_target(w);
	w->points = 0;
	w->kill_at = kill_at;
	w->kill_loses = variant == LOST;
	w->early = variant == EARLY;
	world_order(w, MNO_OPER, st->fn, SEED_OPERATIONAL, "call", 2 * 3600);
	world_advance(w, HOUR_MS);
	expect_end(w, st);
	points = w->points;
	world_teardown(&state);
	return points;
}

static void kill_everywhere(const struct story *st)
{
	static const char *const names[] = {"goes on its way", "is lost", "goes on its way, the card is fast"};

	for (enum variant v = 0; v < N_VARIANTS; v++) {
		unsigned int points = run(st, 0, v);

		assert_true(points > 20);
		for (unsigned int k = 1; k <= points; k++) {
			print_message("%s: killed at point %u of %u; what has left %s\n", st->name, k, points,
				      names[v]);
			run(st, k, v);
		}
	}
}

static void killed_anywhere_in_an_enable(void **state)
{
	kill_everywhere(&enable);
}

static void killed_anywhere_in_a_disable(void **state)
{
	kill_everywhere(&disable);
}

static void killed_anywhere_in_a_delete(void **state)
{
	kill_everywhere(&erase);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(killed_anywhere_in_an_enable),
		cmocka_unit_test(killed_anywhere_in_a_disable),
		cmocka_unit_test(killed_anywhere_in_a_delete),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
