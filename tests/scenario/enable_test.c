/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* EnableProfile over SMS, each branch of the procedure, against a software eUICC under a fake clock. */
#include <stdio.h>

#include "tests/support/world.h"

static void order(struct world *w, const char *call_id)
{
	world_order(w, MNO_OPER, ES4_ENABLE_PROFILE, SEED_OPERATIONAL, call_id, 3600);
}

static void begin(struct world *w)
{
	world_register(w);
	order(w, "call-1");
}

static void expect_enabled(struct world *w)
{
	world_expect_card(w, SEED_OPERATIONAL);
	world_expect_eis(w, PROFILE_DISABLED, PROFILE_ENABLED);
	world_expect_note(w, "ES4-HandleProfileDisabledNotification", SEED_BOOTSTRAP, "boot.example/note");
	world_expect_outcome(w, "ES4-EnableProfile", "EXECUTED_SUCCESS");
	world_expect_silence(w);
	assert_false(world_audit_due(w));
}

static void expect_unchanged(struct world *w, const char *outcome)
{
	world_expect_card(w, SEED_BOOTSTRAP);
	world_expect_eis(w, PROFILE_ENABLED, PROFILE_DISABLED);
	world_expect_outcome(w, "ES4-EnableProfile", outcome);
	world_expect_silence(w);
}

static void all_goes_well(void **state)
{
	struct world *w = *state;

	begin(w);
	world_advance(w, MINUTE_MS);
	expect_enabled(w);
	assert_int_equal(world_packets(w), 2); /* EnableProfile, HandleNotificationConfirmation */
	assert_int_equal(world_records(w, AUDIT_ENABLE), 1);
	assert_int_equal(world_records(w, AUDIT_NOTIF_CHANGED), 1);
}

static void pol2_of_the_target_refuses(void **state)
{
	struct world *w = *state;

	world_register(w);
	world_set_pol2(w, SEED_OPERATIONAL, POL2_ENABLE_NOT_ALLOWED);
	order(w, "call-1");
	world_run(w);
	expect_unchanged(w, "FAILED 8.2.3/3.8");
	assert_int_equal(world_packets(w), 0);
}

static void pol2_of_the_enabled_profile_refuses(void **state)
{
	struct world *w = *state;

	world_register(w);
	world_set_pol2(w, SEED_BOOTSTRAP, POL2_DISABLE_NOT_ALLOWED);
	order(w, "call-1");
	world_run(w);
	expect_unchanged(w, "FAILED 8.2.3/3.8");
	assert_int_equal(world_packets(w), 0);
}

static void pol1_refuses_on_the_card(void **state)
{
	struct world *w = *state;

	world_register(w);
	world_set_pol1(w, SEED_BOOTSTRAP, 0x01);
	order(w, "call-1");
	world_advance(w, MINUTE_MS);
	expect_unchanged(w, "FAILED 8.2.2/3.8");
	assert_false(world_audit_due(w));
	assert_true(world_told(w, "69E1"));
}

static void card_has_an_error(void **state)
{
	struct world *w = *state;

	world_register(w);
	euicc_fault_set(w->card, EUICC_FAULT_MEMORY, true, 0);
	order(w, "call-1");
	world_advance(w, MINUTE_MS);
	expect_unchanged(w, "FAILED 8.4/4.2");
}

static void already_enabled(void **state)
{
	struct world *w = *state;

	begin(w);
	world_advance(w, MINUTE_MS);
	expect_enabled(w);
	order(w, "call-2");
	world_run(w);
	world_expect_outcome(w, "ES4-EnableProfile", "FAILED 8.2.1/3.5");
	assert_int_equal(world_packets(w), 2);
}

static void no_network_for_the_target(void **state)
{
	struct world *w = *state;

	snprintf(w->no_coverage, sizeof(w->no_coverage), "%s", w->card_data.profiles[SEED_OPERATIONAL].imsi);
	begin(w);
	world_advance(w, 10 * MINUTE_MS);
	expect_unchanged(w, "FAILED 8.4/4.2");
	assert_int_equal(world_records(w, AUDIT_NOTIF_ROLLED_BACK), 1);
	assert_false(world_audit_due(w));
}

static void notification_stands_in_for_a_lost_answer(void **state)
{
	struct world *w = *state;

	world_register(w);
	euicc_fault_set(w->card, EUICC_FAULT_DROP_POR, true, 1);
	order(w, "call-1");
	world_advance(w, MINUTE_MS);
	expect_enabled(w);
	assert_int_equal(world_packets(w), 2);
}

static void answer_to_the_confirmation_is_lost(void **state)
{
	struct world *w = *state;

	begin(w);
	world_until(w, "profile change succeeded");
	euicc_fault_set(w->card, EUICC_FAULT_DROP_POR, true, 1);
	world_advance(w, 10 * MINUTE_MS);
	expect_enabled(w);
	assert_true(world_told(w, "looking at the card"));
	assert_int_equal(world_packets(w), 3); /* the same confirmation twice, then GET STATUS */
}

static void confirmation_is_lost_and_the_card_repeats_itself(void **state)
{
	struct world *w = *state;

	begin(w);
	world_until(w, "profile change succeeded");
	w->smsc = SMSC_SWALLOW;
	world_advance(w, 10000);
	w->smsc = SMSC_GOOD;
	world_advance(w, 5 * MINUTE_MS);
	expect_enabled(w);
	assert_int_equal(world_packets(w), 2);
}

static void no_notification_at_all(void **state)
{
	struct world *w = *state;

	world_register(w);
	euicc_fault_set(w->card, EUICC_FAULT_DROP_NOTIFICATION, true, 0);
	order(w, "call-1");
	world_advance(w, HOUR_MS + 2 * MINUTE_MS);
	expect_unchanged(w, "FAILED 1.6/5.4"); /* the card rolled back, nobody knows */
	assert_true(world_audit_due(w));
	/* The next change looks first. */
	euicc_fault_set(w->card, EUICC_FAULT_DROP_NOTIFICATION, false, 0);
	order(w, "call-2");
	world_advance(w, 10 * MINUTE_MS);
	expect_enabled(w);
	assert_int_equal(world_records(w, AUDIT_CAPABILITY), 1);
}

static void roll_back_overtakes_the_confirmation(void **state)
{
	struct world *w = *state;

	begin(w);
	world_until(w, "profile change succeeded");
	w->smsc = SMSC_SWALLOW; /* the card waits in vain and goes back */
	world_until(w, "rolled back");
	w->smsc = SMSC_GOOD;
	world_advance(w, 10 * MINUTE_MS);
	expect_unchanged(w, "FAILED 8.4/4.2");
	world_expect_agreement(w);
}

/* The card has refused, its answer is lost, and a copy is refused as old: no notification will come.  The eUICC is not
 * held for a day; a look, and the change once more, tell why. */
static void refusal_is_lost(void **state)
{
	struct world *w = *state;

	world_register(w);
	world_set_pol1(w, SEED_BOOTSTRAP, 0x01);
	euicc_fault_set(w->card, EUICC_FAULT_DROP_POR, true, 1);
	world_order(w, MNO_OPER, ES4_ENABLE_PROFILE, SEED_OPERATIONAL, "call-1", 24 * 3600);
	world_advance(w, HOUR_MS);
	expect_unchanged(w, "FAILED 8.2.2/3.8");
	assert_true(world_told(w, "no notification so far"));
}

/* The second change does not leave before the time is over: the first one did arrive, so that "expired" is not the
 * word. */
static void refusal_is_lost_and_time_runs_out(void **state)
{
	struct world *w = *state;

	world_register(w);
	world_set_pol1(w, SEED_BOOTSTRAP, 0x01);
	euicc_fault_set(w->card, EUICC_FAULT_DROP_POR, true, 1);
	world_order(w, MNO_OPER, ES4_ENABLE_PROFILE, SEED_OPERATIONAL, "call-1", 2 * 3600);
	world_until(w, "no notification so far");
	world_until(w, "agrees with the card");
	w->smsc = SMSC_DOWN;
	world_advance(w, 3 * HOUR_MS);
	expect_unchanged(w, "FAILED 8.4/4.2");
}

/* The same where the first one was lost and the card's counter is ahead. */
static void counter_is_ahead_of_a_copy(void **state)
{
	struct world *w = *state;

	world_register(w);
	euicc_fault_set(w->card, EUICC_FAULT_COUNTER_AHEAD, true, 1000);
	w->smsc = SMSC_SWALLOW;
	world_order(w, MNO_OPER, ES4_ENABLE_PROFILE, SEED_OPERATIONAL, "call-1", 24 * 3600);
	world_advance(w, MINUTE_MS);
	w->smsc = SMSC_GOOD;
	world_advance(w, HOUR_MS);
	expect_enabled(w);
}

static void counter_of_the_card_is_ahead(void **state)
{
	struct world *w = *state;

	world_register(w);
	euicc_fault_set(w->card, EUICC_FAULT_COUNTER_AHEAD, true, 1000);
	order(w, "call-1");
	world_advance(w, MINUTE_MS);
	expect_enabled(w);
	assert_int_equal(world_records(w, AUDIT_COUNTER), 1);
}

static void counter_of_the_card_is_out_of_reach(void **state)
{
	struct world *w = *state;

	world_register(w);
	euicc_fault_set(w->card, EUICC_FAULT_COUNTER_AHEAD, true, 50000000);
	order(w, "call-1");
	world_advance(w, MINUTE_MS);
	expect_unchanged(w, "FAILED 8.4/4.2");
}

static void network_doubles_messages_both_ways(void **state)
{
	struct world *w = *state;

	w->smsc = SMSC_DOUBLE;
	w->double_mo = true;
	begin(w);
	world_advance(w, 10 * MINUTE_MS);
	expect_enabled(w);
	assert_int_equal(world_packets(w), 2);
}

static void network_doubles_and_the_first_answer_is_lost(void **state)
{
	struct world *w = *state;

	w->smsc = SMSC_DOUBLE;
	world_register(w);
	euicc_fault_set(w->card, EUICC_FAULT_DROP_POR, true, 1);
	order(w, "call-1");
	world_advance(w, 10 * MINUTE_MS);
	expect_enabled(w);
	assert_int_equal(world_records(w, AUDIT_COUNTER), 0);
}

static void silent_card(void **state)
{
	struct world *w = *state;

	world_register(w);
	euicc_fault_set(w->card, EUICC_FAULT_SILENT, true, 0);
	order(w, "call-1");
	world_advance(w, HOUR_MS + 2 * MINUTE_MS);
	expect_unchanged(w, "FAILED 1.6/5.4");
	assert_true(world_audit_due(w));
	assert_int_equal(world_packets(w), 1);
	assert_int_equal(w->packets[0].copies, 3);
	/* It wakes up: audit, then the change. */
	euicc_fault_set(w->card, EUICC_FAULT_SILENT, false, 0);
	order(w, "call-2");
	world_advance(w, 2 * MINUTE_MS);
	expect_enabled(w);
	assert_int_equal(world_records(w, AUDIT_CAPABILITY), 1);
}

static void silent_card_and_the_audit_fails_too(void **state)
{
	struct world *w = *state;

	world_register(w);
	euicc_fault_set(w->card, EUICC_FAULT_SILENT, true, 0);
	order(w, "call-1");
	order(w, "call-2");
	world_advance(w, 3 * HOUR_MS);
	world_expect_outcome(w, "ES4-EnableProfile", "FAILED 1.6/5.4");
	world_expect_outcome(w, "ES4-EnableProfile", "EXPIRED 1.6/5.3");
	world_expect_silence(w);
	order(w, "call-3"); /* the audit before it is out when its time ends */
	world_advance(w, 3 * HOUR_MS);
	assert_true(world_audit_due(w));
	assert_int_equal(world_operations(w, 0, OP_ST_DONE), 5); /* three changes, two audits */
	assert_non_null(world_post(w, "/cb"));
	world_expect_silence(w);
}

static void no_service_centre(void **state)
{
	struct world *w = *state;

	w->smsc = SMSC_DOWN;
	begin(w);
	world_advance(w, HOUR_MS + 2 * MINUTE_MS);
	expect_unchanged(w, "EXPIRED 1.6/5.3");
	assert_false(world_audit_due(w)); /* the card cannot have it */
	assert_int_equal(world_packets(w), 0);
}

static void service_centre_refuses_for_good(void **state)
{
	struct world *w = *state;

	w->smsc = SMSC_REFUSE;
	begin(w);
	world_run(w);
	expect_unchanged(w, "EXPIRED 1.6/5.3");
	assert_false(world_audit_due(w));
}

static void service_centre_refuses_for_a_while(void **state)
{
	struct world *w = *state;

	w->smsc = SMSC_THROTTLE;
	begin(w);
	world_advance(w, 20 * MINUTE_MS);
	assert_int_equal(world_packets(w), 1);
	/* 30 s, doubled each time: seldom enough to relieve it. */
	assert_in_range(w->packets[0].copies, 4, 8);
	w->smsc = SMSC_GOOD;
	world_advance(w, 20 * MINUTE_MS);
	expect_enabled(w);
}

/* The link pauses by itself: the message is there again when it goes on, and not half a minute later. */
static void service_centre_throttles(void **state)
{
	struct world *w = *state;

	w->smsc = SMSC_PAUSE;
	begin(w);
	world_run(w);
	w->smsc = SMSC_GOOD;
	world_advance(w, 5000);
	expect_enabled(w);
	assert_int_equal(world_packets(w), 2); /* and the confirmation */
	assert_int_equal(w->packets[0].copies, 2);
	/* one that is throttled each time does not throttle the link for ever */
	w->smsc = SMSC_PAUSE;
	world_order(w, MNO_OPER, ES4_DISABLE_PROFILE, SEED_OPERATIONAL, "throttled", 3600);
	world_advance(w, 30 * MINUTE_MS);
	assert_int_equal(world_packets(w), 3);
	assert_in_range(w->packets[2].copies, 8, 14);
}

static void link_dies_with_an_unknown_outcome(void **state)
{
	struct world *w = *state;

	w->smsc = SMSC_UNKNOWN;
	begin(w);
	world_advance(w, 5000);
	w->smsc = SMSC_GOOD;
	world_advance(w, 10 * MINUTE_MS);
	expect_enabled(w);
	assert_int_equal(world_packets(w), 2);
}

/* The validity period ends between a submission and its answer: nobody can say that the message was not taken. */
static void time_is_over_before_the_service_centre_answers(void **state)
{
	struct world *w = *state;

	world_register(w);
	w->smsc = SMSC_MUTE;
	world_order(w, MNO_OPER, ES4_ENABLE_PROFILE, SEED_OPERATIONAL, "e", 120);
	world_advance(w, 3 * MINUTE_MS);
	world_expect_outcome(w, "ES4-EnableProfile", "FAILED 1.6/5.4");
	assert_true(world_audit_due(w));
	w->smsc = SMSC_GOOD;
	world_advance(w, HOUR_MS);
	world_expect_agreement(w);
}

static void target_without_a_number(void **state)
{
	struct world *w = *state;
	struct es_address_req q = {.base = {.call_id = "addr"},
				   .eid = w->card_data.eid,
				   .iccid = w->card_data.profiles[SEED_OPERATIONAL].iccid};

	world_register(w);
	world_call(w, MNO_OPER, ES4_UPDATE_SUBSCRIPTION_ADDRESS, "addr", &q);
	world_expect_answer(w, "EXECUTED_SUCCESS");
	order(w, "call-1");
	world_run(w);
	expect_unchanged(w, "FAILED 1.6/2.3");
}

static void old_profile_goes_by_pol1(void **state)
{
	struct world *w = *state;

	world_register(w);
	world_set_fallback(w, SEED_OPERATIONAL);
	world_set_pol1(w, SEED_BOOTSTRAP, 0x04);
	order(w, "call-1");
	world_advance(w, MINUTE_MS);
	world_expect_eis(w, PROFILE_IN_CREATION, PROFILE_ENABLED);
	world_expect_note(w, "ES4-HandleProfileDisabledNotification", SEED_BOOTSTRAP, "boot.example/note");
	world_expect_note(w, "ES4-HandleProfileDeletedNotification", SEED_BOOTSTRAP, "boot.example/note");
	world_expect_outcome(w, "ES4-EnableProfile", "EXECUTED_SUCCESS");
	assert_int_equal(world_packets(w), 2);
}

static void old_profile_goes_by_pol2(void **state)
{
	struct world *w = *state;

	world_register(w);
	world_set_fallback(w, SEED_OPERATIONAL);
	world_set_pol2(w, SEED_BOOTSTRAP, POL2_DISABLE_AUTO_DELETE);
	order(w, "call-1");
	world_advance(w, MINUTE_MS);
	world_expect_eis(w, PROFILE_IN_CREATION, PROFILE_ENABLED);
	world_expect_agreement(w);
	world_expect_note(w, "ES4-HandleProfileDisabledNotification", SEED_BOOTSTRAP, "boot.example/note");
	world_expect_note(w, "ES4-HandleProfileDeletedNotification", SEED_BOOTSTRAP, "boot.example/note");
	world_expect_outcome(w, "ES4-EnableProfile", "EXECUTED_SUCCESS");
	world_expect_silence(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(all_goes_well),
		WORLD_TEST(pol2_of_the_target_refuses),
		WORLD_TEST(pol2_of_the_enabled_profile_refuses),
		WORLD_TEST(pol1_refuses_on_the_card),
		WORLD_TEST(card_has_an_error),
		WORLD_TEST(already_enabled),
		WORLD_TEST(no_network_for_the_target),
		WORLD_TEST(notification_stands_in_for_a_lost_answer),
		WORLD_TEST(answer_to_the_confirmation_is_lost),
		WORLD_TEST(confirmation_is_lost_and_the_card_repeats_itself),
		WORLD_TEST(no_notification_at_all),
		WORLD_TEST(roll_back_overtakes_the_confirmation),
		WORLD_TEST(refusal_is_lost),
		WORLD_TEST(refusal_is_lost_and_time_runs_out),
		WORLD_TEST(counter_is_ahead_of_a_copy),
		WORLD_TEST(counter_of_the_card_is_ahead),
		WORLD_TEST(counter_of_the_card_is_out_of_reach),
		WORLD_TEST(network_doubles_messages_both_ways),
		WORLD_TEST(network_doubles_and_the_first_answer_is_lost),
		WORLD_TEST(silent_card),
		WORLD_TEST(silent_card_and_the_audit_fails_too),
		WORLD_TEST(no_service_centre),
		WORLD_TEST(service_centre_refuses_for_good),
		WORLD_TEST(service_centre_refuses_for_a_while),
		WORLD_TEST(service_centre_throttles),
		WORLD_TEST(link_dies_with_an_unknown_outcome),
		WORLD_TEST(time_is_over_before_the_service_centre_answers),
		WORLD_TEST(target_without_a_number),
		WORLD_TEST(old_profile_goes_by_pol1),
		WORLD_TEST(old_profile_goes_by_pol2),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
