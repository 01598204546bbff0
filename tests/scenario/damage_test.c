/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Rows that cannot be as they are: whatever is in the store, the engine comes to rest, ends what it can, and serves the
 * next request. */
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "tests/support/world.h"

static void order_audit(struct world *w, const char *call_id, uint32_t validity_s)
{
	world_order(w, MNO_OPER, ES4_AUDIT_EIS, SEED_OPERATIONAL, call_id, validity_s);
}

/* Damage, time, repair; afterwards everything works. */
static void survive(struct world *w, const char *damage, const char *repair)
{
	world_register(w);
	w->smsc = SMSC_DOWN;
	order_audit(w, "a", 60);
	world_damage(w, damage);
	world_advance(w, 10 * MINUTE_MS);
	w->smsc = SMSC_GOOD;
	world_advance(w, HOUR_MS);
	assert_in_range(w->events, 1, 2000); /* put aside, not tried all the time */
	if (repair)
		world_damage(w, repair);
	world_advance(w, HOUR_MS);
	while (!llist_empty(&w->posts))
		talloc_free(world_post(w, ""));
	order_audit(w, "b", 600);
	world_advance(w, HOUR_MS);
	world_expect_outcome(w, "ES4-AuditEIS", "EXECUTED_SUCCESS");
	assert_int_equal(world_operations(w, 0, OP_ST_DONE), 2);
}

static void message_id_that_cannot_be_answered(void **state)
{
	survive(*state, "UPDATE operation SET message_id = char(1)", NULL);
}

static void reply_to_that_is_no_address(void **state)
{
	survive(*state, "UPDATE operation SET reply_to = char(10)", NULL);
}

static void state_without_a_command(void **state)
{
	survive(*state, "PRAGMA foreign_keys = ON; DELETE FROM command", NULL);
}

static void part_without_a_packet(void **state)
{
	survive(*state, "UPDATE command SET packet = x''", NULL);
}

static void destination_that_is_gone(void **state)
{
	survive(*state, "UPDATE command SET tar = x'00'", "UPDATE command SET tar = x'000001'");
}

/* Tables are indexed by these. */
static void numbers_beyond_their_enums(void **state)
{
	survive(*state, "UPDATE operation SET state = state + 1000 WHERE state < 8",
		"UPDATE operation SET state = state - 1000 WHERE state >= 1000");
}

static void keys_that_cannot_be_unwrapped(void **state)
{
	struct world *w = *state;

	world_register(w);
	world_damage(w, "UPDATE key SET wrapped = x'00'");
	order_audit(w, "a", 60);
	world_advance(w, MINUTE_MS);
	world_expect_outcome(w, "ES4-AuditEIS", "FAILED 1.2/4.2");
}

static void no_keys(void **state)
{
	struct world *w = *state;

	world_register(w);
	world_damage(w, "DELETE FROM keyset");
	order_audit(w, "a", 60);
	world_advance(w, MINUTE_MS);
	world_expect_outcome(w, "ES4-AuditEIS", "FAILED 1.2/4.2");
}

static void counter_at_its_end(void **state)
{
	struct world *w = *state;

	world_register(w);
	world_damage(w, "UPDATE keyset SET cntr = 1099511627775");
	order_audit(w, "a", 60);
	world_advance(w, MINUTE_MS);
	world_expect_outcome(w, "ES4-AuditEIS", "FAILED 1.2/4.2");
	assert_int_equal(world_packets(w), 0);
}

/* A counter that stepped back: the store refuses the second packet, nothing leaves (P2). */
static void counter_that_was_used(void **state)
{
	struct world *w = *state;

	world_register(w);
	order_audit(w, "a", 60);
	world_advance(w, MINUTE_MS);
	world_expect_outcome(w, "ES4-AuditEIS", "EXECUTED_SUCCESS");
	world_damage(w, "UPDATE keyset SET cntr = 0");
	order_audit(w, "b", 60);
	world_advance(w, MINUTE_MS);
	world_expect_outcome(w, "ES4-AuditEIS", "FAILED 1.2/4.2");
	assert_int_equal(world_packets(w), 2);
}

static void no_profile_is_enabled(void **state)
{
	struct world *w = *state;

	world_register(w);
	world_damage(w, "UPDATE profile SET state = 2");
	order_audit(w, "a", 60); /* goes to the fall-back profile, where the card is */
	world_advance(w, MINUTE_MS);
	world_expect_outcome(w, "ES4-AuditEIS", "EXECUTED_SUCCESS");
	world_expect_agreement(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(message_id_that_cannot_be_answered),
		WORLD_TEST(reply_to_that_is_no_address),
		WORLD_TEST(state_without_a_command),
		WORLD_TEST(part_without_a_packet),
		WORLD_TEST(destination_that_is_gone),
		WORLD_TEST(numbers_beyond_their_enums),
		WORLD_TEST(keys_that_cannot_be_unwrapped),
		WORLD_TEST(no_keys),
		WORLD_TEST(counter_at_its_end),
		WORLD_TEST(counter_that_was_used),
		WORLD_TEST(no_profile_is_enabled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
