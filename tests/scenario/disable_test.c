/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* DisableProfile and DeleteProfile over SMS, each branch of the procedures. */
#include <stdio.h>

#include "tests/support/world.h"

/* Up to the point where the operational profile is enabled and all reports are read. */
static void begin(struct world *w)
{
	world_register(w);
	world_order(w, MNO_OPER, ES4_ENABLE_PROFILE, SEED_OPERATIONAL, "before", 3600);
	world_advance(w, MINUTE_MS);
	world_expect_note(w, "ES4-HandleProfileDisabledNotification", SEED_BOOTSTRAP, "boot.example/note");
	world_expect_outcome(w, "ES4-EnableProfile", "EXECUTED_SUCCESS");
}

static void order(struct world *w, enum es_fn fn)
{
	world_order(w, MNO_OPER, fn, SEED_OPERATIONAL, "call", 3600);
	world_advance(w, 10 * MINUTE_MS);
}

static void expect_back_on_boot(struct world *w, enum profile_state oper, const char *fn, const char *outcome)
{
	world_expect_card(w, SEED_BOOTSTRAP);
	world_expect_eis(w, PROFILE_ENABLED, oper);
	world_expect_note(w, "ES4-HandleProfileEnabledNotification", SEED_BOOTSTRAP, "boot.example/note");
	world_expect_outcome(w, fn, outcome);
	world_expect_silence(w);
}

static void expect_refused(struct world *w, const char *fn, const char *outcome)
{
	world_expect_card(w, SEED_OPERATIONAL);
	world_expect_eis(w, PROFILE_DISABLED, PROFILE_ENABLED);
	world_expect_outcome(w, fn, outcome);
	world_expect_silence(w);
	assert_false(world_audit_due(w));
}

/* ---- disable ---- */

static void disable(void **state)
{
	struct world *w = *state;

	begin(w);
	order(w, ES4_DISABLE_PROFILE);
	expect_back_on_boot(w, PROFILE_DISABLED, "ES4-DisableProfile", "EXECUTED_SUCCESS");
}

static void card_reports_a_fall_back_after_disable(void **state)
{
	struct world *w = *state;

	w->fleet->set.notify_after_disable = EUICC_NOTIFY_FALLBACK;
	begin(w);
	order(w, ES4_DISABLE_PROFILE);
	expect_back_on_boot(w, PROFILE_DISABLED, "ES4-DisableProfile", "EXECUTED_SUCCESS");
}

static void fall_back_profile_is_not_disabled(void **state)
{
	struct world *w = *state;

	world_register(w);
	world_order(w, MNO_BOOT, ES4_DISABLE_PROFILE, SEED_BOOTSTRAP, "call", 3600);
	world_run(w);
	world_expect_outcome(w, "ES4-DisableProfile", "FAILED 8.2.1/1.2");
	assert_int_equal(world_packets(w), 0);
}

static void not_enabled(void **state)
{
	struct world *w = *state;

	world_register(w);
	order(w, ES4_DISABLE_PROFILE);
	world_expect_outcome(w, "ES4-DisableProfile", "FAILED 8.2.1/3.5");
}

static void pol2_does_not_allow_to_disable(void **state)
{
	struct world *w = *state;

	begin(w);
	world_set_pol2(w, SEED_OPERATIONAL, POL2_DISABLE_NOT_ALLOWED);
	order(w, ES4_DISABLE_PROFILE);
	expect_refused(w, "ES4-DisableProfile", "FAILED 8.2.3/3.8");
}

static void pol1_does_not_allow_to_disable(void **state)
{
	struct world *w = *state;

	begin(w);
	world_set_pol1(w, SEED_OPERATIONAL, 0x01);
	order(w, ES4_DISABLE_PROFILE);
	expect_refused(w, "ES4-DisableProfile", "FAILED 8.2.2/3.8");
}

static void no_network_for_the_fall_back_profile(void **state)
{
	struct world *w = *state;

	begin(w);
	snprintf(w->no_coverage, sizeof(w->no_coverage), "%s", w->card_data.profiles[SEED_BOOTSTRAP].imsi);
	order(w, ES4_DISABLE_PROFILE);
	expect_refused(w, "ES4-DisableProfile", "FAILED 8.4/4.2");
}

static void pol1_deletes_what_is_disabled(void **state)
{
	struct world *w = *state;

	begin(w);
	world_set_pol1(w, SEED_OPERATIONAL, 0x04);
	order(w, ES4_DISABLE_PROFILE);
	expect_back_on_boot(w, PROFILE_IN_CREATION, "ES4-DisableProfile", "EXECUTED_SUCCESS");
	world_expect_agreement(w);
}

static void pol2_deletes_what_is_disabled(void **state)
{
	struct world *w = *state;

	begin(w);
	world_set_pol2(w, SEED_OPERATIONAL, POL2_DISABLE_AUTO_DELETE);
	order(w, ES4_DISABLE_PROFILE);
	expect_back_on_boot(w, PROFILE_IN_CREATION, "ES4-DisableProfile", "EXECUTED_SUCCESS");
	world_expect_agreement(w);
}

static void auto_delete_fails_and_is_tried_again(void **state)
{
	struct world *w = *state;

	begin(w);
	world_set_pol2(w, SEED_OPERATIONAL, POL2_DISABLE_AUTO_DELETE);
	world_order(w, MNO_OPER, ES4_DISABLE_PROFILE, SEED_OPERATIONAL, "call", 3600);
	world_until(w, "POL2 Auto-Delete");
	euicc_fault_set(w->card, EUICC_FAULT_MEMORY, true, 0);
	world_until(w, "EXECUTED_WITHWARNING");
	euicc_fault_set(w->card, EUICC_FAULT_MEMORY, false, 0);
	world_advance(w, 10 * MINUTE_MS);
	/* The second attempt is ours: the owner learns of it. */
	world_expect_note(w, "ES4-HandleProfileDeletedNotification", SEED_OPERATIONAL, "oper.example/note");
	expect_back_on_boot(w, PROFILE_IN_CREATION, "ES4-DisableProfile", "EXECUTED_WITHWARNING 8.3/4.2");
	world_expect_agreement(w);
}

static void auto_delete_is_lost(void **state)
{
	struct world *w = *state;

	begin(w);
	world_set_pol2(w, SEED_OPERATIONAL, POL2_DISABLE_AUTO_DELETE);
	world_order(w, MNO_OPER, ES4_DISABLE_PROFILE, SEED_OPERATIONAL, "call", 3600);
	world_until(w, "POL2 Auto-Delete");
	euicc_fault_set(w->card, EUICC_FAULT_SILENT, true, 0);
	world_until(w, "EXECUTED_WITHWARNING");
	assert_true(world_audit_due(w));
	euicc_fault_set(w->card, EUICC_FAULT_SILENT, false, 0);
	world_advance(w, 10 * MINUTE_MS);
	world_expect_agreement(w);
	assert_int_equal(world_state(w, SEED_OPERATIONAL), PROFILE_IN_CREATION);
	assert_false(world_audit_due(w));
}

/* ---- delete ---- */

static void delete_a_disabled_profile(void **state)
{
	struct world *w = *state;

	world_register(w);
	order(w, ES4_DELETE_PROFILE);
	world_expect_eis(w, PROFILE_ENABLED, PROFILE_IN_CREATION);
	world_expect_agreement(w);
	world_expect_outcome(w, "ES4-DeleteProfile", "EXECUTED_SUCCESS");
	world_expect_silence(w);
	assert_int_equal(world_packets(w), 1);
	assert_int_equal(world_records(w, AUDIT_DELETE), 1);
}

static void delete_the_enabled_profile(void **state)
{
	struct world *w = *state;

	begin(w);
	order(w, ES4_DELETE_PROFILE);
	expect_back_on_boot(w, PROFILE_IN_CREATION, "ES4-DeleteProfile", "EXECUTED_SUCCESS");
	world_expect_agreement(w);
}

static void delete_the_enabled_profile_that_pol1_deletes(void **state)
{
	struct world *w = *state;

	begin(w);
	world_set_pol1(w, SEED_OPERATIONAL, 0x04);
	order(w, ES4_DELETE_PROFILE);
	expect_back_on_boot(w, PROFILE_IN_CREATION, "ES4-DeleteProfile", "EXECUTED_SUCCESS");
	assert_int_equal(world_packets(w), 4); /* no DELETE was needed */
}

static void fall_back_profile_is_not_deleted(void **state)
{
	struct world *w = *state;

	world_register(w);
	world_order(w, MNO_BOOT, ES4_DELETE_PROFILE, SEED_BOOTSTRAP, "call", 3600);
	world_run(w);
	world_expect_outcome(w, "ES4-DeleteProfile", "FAILED 8.2.1/1.2");
	assert_int_equal(world_packets(w), 0);
}

static void pol2_does_not_allow_to_delete(void **state)
{
	struct world *w = *state;

	begin(w);
	world_set_pol2(w, SEED_OPERATIONAL, POL2_DELETE_NOT_ALLOWED);
	order(w, ES4_DELETE_PROFILE);
	expect_refused(w, "ES4-DeleteProfile", "FAILED 8.2.3/3.8");
	world_set_pol2(w, SEED_OPERATIONAL, POL2_DISABLE_NOT_ALLOWED);
	world_order(w, MNO_OPER, ES4_DELETE_PROFILE, SEED_OPERATIONAL, "call-2", 3600);
	world_run(w);
	expect_refused(w, "ES4-DeleteProfile", "FAILED 8.2.3/3.8");
}

static void pol1_does_not_allow_to_delete(void **state)
{
	struct world *w = *state;

	world_register(w);
	world_set_pol1(w, SEED_OPERATIONAL, 0x02);
	order(w, ES4_DELETE_PROFILE);
	world_expect_outcome(w, "ES4-DeleteProfile", "FAILED 8.2.2/3.8");
	world_expect_eis(w, PROFILE_ENABLED, PROFILE_DISABLED);
}

static void disabled_but_not_deleted(void **state)
{
	struct world *w = *state;

	begin(w);
	world_set_pol1(w, SEED_OPERATIONAL, 0x02);
	order(w, ES4_DELETE_PROFILE);
	expect_back_on_boot(w, PROFILE_DISABLED, "ES4-DeleteProfile", "FAILED 8.2.2/3.8");
}

static void already_gone_from_the_card(void **state)
{
	struct world *w = *state;

	world_register(w);
	world_delete_on_card(w, SEED_OPERATIONAL);
	order(w, ES4_DELETE_PROFILE);
	world_expect_outcome(w, "ES4-DeleteProfile", "EXECUTED_SUCCESS");
	world_expect_eis(w, PROFILE_ENABLED, PROFILE_IN_CREATION);
}

static void answer_to_delete_is_lost(void **state)
{
	struct world *w = *state;

	world_register(w);
	euicc_fault_set(w->card, EUICC_FAULT_DROP_POR, true, 1);
	order(w, ES4_DELETE_PROFILE);
	world_expect_outcome(w, "ES4-DeleteProfile", "EXECUTED_SUCCESS");
	world_expect_agreement(w);
	assert_true(world_told(w, "looking at the card"));
}

/* A roll-back is told so late that a delete is under way, and its answer is lost: the two have nothing to do with each
 * other. */
static void old_roll_back_is_told_during_a_delete(void **state)
{
	struct world *w = *state;

	world_register(w);
	euicc_fault_set(w->card, EUICC_FAULT_DROP_NOTIFICATION, true, 0);
	assert_int_equal(euicc_coverage_set(w->card, w->card_data.profiles[SEED_OPERATIONAL].imsi, false), 0);
	world_order(w, MNO_OPER, ES4_ENABLE_PROFILE, SEED_OPERATIONAL, "e", 600);
	world_advance(w, 20 * MINUTE_MS);
	world_expect_outcome(w, "ES4-EnableProfile", "FAILED 1.6/5.4");
	order(w, ES4_AUDIT_EIS);
	world_expect_outcome(w, "ES4-AuditEIS", "EXECUTED_SUCCESS");
	euicc_fault_set(w->card, EUICC_FAULT_DROP_POR, true, 1);
	world_order(w, MNO_OPER, ES4_DELETE_PROFILE, SEED_OPERATIONAL, "delete", 3600);
	world_until(w, "looking at the card");
	euicc_fault_set(w->card, EUICC_FAULT_DROP_POR, true, 1);
	euicc_fault_set(w->card, EUICC_FAULT_DROP_NOTIFICATION, false, 0);
	world_advance(w, HOUR_MS);
	world_expect_outcome(w, "ES4-DeleteProfile", "EXECUTED_SUCCESS");
	world_expect_agreement(w);
}

static void silent_at_delete(void **state)
{
	struct world *w = *state;

	world_register(w);
	euicc_fault_set(w->card, EUICC_FAULT_SILENT, true, 0);
	order(w, ES4_DELETE_PROFILE);
	world_advance(w, HOUR_MS);
	world_expect_outcome(w, "ES4-DeleteProfile", "FAILED 1.6/5.4");
	world_expect_eis(w, PROFILE_ENABLED, PROFILE_DISABLED);
	assert_true(world_audit_due(w));
}

static void delete_that_no_service_centre_takes(void **state)
{
	struct world *w = *state;

	world_register(w);
	w->smsc = SMSC_DOWN;
	order(w, ES4_DELETE_PROFILE);
	world_advance(w, HOUR_MS);
	world_expect_outcome(w, "ES4-DeleteProfile", "EXPIRED 1.6/5.3");
	assert_false(world_audit_due(w));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(disable),
		WORLD_TEST(card_reports_a_fall_back_after_disable),
		WORLD_TEST(fall_back_profile_is_not_disabled),
		WORLD_TEST(not_enabled),
		WORLD_TEST(pol2_does_not_allow_to_disable),
		WORLD_TEST(pol1_does_not_allow_to_disable),
		WORLD_TEST(no_network_for_the_fall_back_profile),
		WORLD_TEST(pol1_deletes_what_is_disabled),
		WORLD_TEST(pol2_deletes_what_is_disabled),
		WORLD_TEST(auto_delete_fails_and_is_tried_again),
		WORLD_TEST(auto_delete_is_lost),
		WORLD_TEST(delete_a_disabled_profile),
		WORLD_TEST(delete_the_enabled_profile),
		WORLD_TEST(delete_the_enabled_profile_that_pol1_deletes),
		WORLD_TEST(fall_back_profile_is_not_deleted),
		WORLD_TEST(pol2_does_not_allow_to_delete),
		WORLD_TEST(pol1_does_not_allow_to_delete),
		WORLD_TEST(disabled_but_not_deleted),
		WORLD_TEST(already_gone_from_the_card),
		WORLD_TEST(answer_to_delete_is_lost),
		WORLD_TEST(old_roll_back_is_told_during_a_delete),
		WORLD_TEST(silent_at_delete),
		WORLD_TEST(delete_that_no_service_centre_takes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
