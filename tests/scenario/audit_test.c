/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* AuditEIS, GetEIS, UpdatePolicyRules, UpdateSubscriptionAddress. */
#include <stdio.h>
#include <string.h>

#include <talloc.h>

#include "tests/support/world.h"

static void order_audit(struct world *w, const char *sender)
{
	world_order(w, sender, ES4_AUDIT_EIS, SEED_OPERATIONAL, "audit", 3600);
}

static bool in_callback(struct world *w, const char *text)
{
	struct world_post *p = world_post(w, "/cb");
	bool found = strstr(p->body, text);

	talloc_free(p);
	return found;
}

static void audit(void **state)
{
	struct world *w = *state;

	world_register(w);
	order_audit(w, MNO_OPER);
	world_advance(w, MINUTE_MS);
	world_expect_agreement(w);
	assert_int_equal(world_packets(w), 2); /* GET STATUS, GET DATA */
	assert_int_equal(world_records(w, AUDIT_CAPABILITY), 1);
	/* The requester sees its own profile, and no other. */
	assert_true(in_callback(w, w->card_data.profiles[SEED_OPERATIONAL].iccid));
	world_expect_silence(w);
}

static void others_profiles_are_not_shown(void **state)
{
	struct world *w = *state;

	world_register(w);
	order_audit(w, MNO_OPER);
	world_advance(w, MINUTE_MS);
	assert_false(in_callback(w, w->card_data.profiles[SEED_BOOTSTRAP].iccid));
}

static void one_iccid_narrows_the_answer(void **state)
{
	struct world *w = *state;
	const char *iccid = w->card_data.profiles[SEED_OPERATIONAL].iccid;
	struct es_audit_eis_req q = {
		.base = {.call_id = "a"}, .eid = w->card_data.eid, .iccids = &iccid, .n_iccids = 1};

	world_register(w);
	world_call(w, MNO_OPER, ES4_AUDIT_EIS, "a", &q);
	world_advance(w, MINUTE_MS);
	assert_true(in_callback(w, iccid));
	iccid = w->card_data.profiles[SEED_BOOTSTRAP].iccid;
	world_call(w, MNO_OPER, ES4_AUDIT_EIS, "b", &q);
	world_run(w);
	world_expect_outcome(w, "ES4-AuditEIS", "FAILED 8.2.1/1.2");
	iccid = "8900000000000000000";
	world_call(w, MNO_OPER, ES4_AUDIT_EIS, "c", &q);
	world_run(w);
	world_expect_outcome(w, "ES4-AuditEIS", "FAILED 8.2.1/3.9");
}

static void several_iccids_narrow_it_too(void **state)
{
	struct world *w = *state;
	const char *iccids[] = {w->card_data.profiles[SEED_OPERATIONAL].iccid,
				w->card_data.profiles[SEED_OPERATIONAL].iccid};
	struct es_audit_eis_req q = {
		.base = {.call_id = "a"}, .eid = w->card_data.eid, .iccids = iccids, .n_iccids = 2};

	world_register(w);
	world_call(w, MNO_OPER, ES4_AUDIT_EIS, "a", &q);
	world_advance(w, MINUTE_MS);
	assert_true(in_callback(w, iccids[0]));
}

/* A restored database, or a change whose end nobody saw: the EIS believes in a profile that the card does not use. */
static void card_is_found_on_another_number(void **state)
{
	struct world *w = *state;

	world_register(w);
	world_confuse(w, PROFILE_DISABLED, PROFILE_ENABLED);
	order_audit(w, MNO_OPER);
	world_advance(w, 30 * MINUTE_MS);
	world_expect_eis(w, PROFILE_ENABLED, PROFILE_DISABLED);
	assert_false(world_audit_due(w));
	world_expect_note(w, "ES4-HandleProfileEnabledNotification", SEED_BOOTSTRAP, "boot.example/note");
	world_expect_outcome(w, "ES4-AuditEIS", "EXECUTED_SUCCESS");
}

/* More numbers than one audit has copies: the next one goes on where it stopped. */
static void card_is_found_by_the_next_audit(void **state)
{
	struct world *w = *state;

	w->cfg->limits.por_copies = 0;
	world_register(w);
	world_confuse(w, PROFILE_DISABLED, PROFILE_ENABLED);
	order_audit(w, MNO_OPER);
	world_advance(w, 3 * HOUR_MS);
	world_expect_outcome(w, "ES4-AuditEIS", "FAILED 1.6/5.4");
	assert_true(world_audit_due(w));
	world_order(w, MNO_OPER, ES4_AUDIT_EIS, SEED_OPERATIONAL, "again", 3600);
	world_advance(w, MINUTE_MS);
	world_expect_eis(w, PROFILE_ENABLED, PROFILE_DISABLED);
	assert_false(world_audit_due(w));
}

static void profile_vanished_from_the_card(void **state)
{
	struct world *w = *state;

	world_register(w);
	world_delete_on_card(w, SEED_OPERATIONAL);
	order_audit(w, MNO_BOOT);
	world_advance(w, MINUTE_MS);
	world_expect_eis(w, PROFILE_ENABLED, PROFILE_IN_CREATION);
	world_expect_note(w, "ES4-HandleProfileDeletedNotification", SEED_OPERATIONAL, "oper.example/note");
	world_expect_outcome(w, "ES4-AuditEIS", "EXECUTED_SUCCESS");
}

static void stranger_may_not_spend_messages(void **state)
{
	struct world *w = *state;

	world_register(w);
	world_delete_on_card(w, SEED_OPERATIONAL);
	order_audit(w, MNO_BOOT);
	world_advance(w, MINUTE_MS);
	world_order(w, MNO_OPER, ES4_AUDIT_EIS, SEED_OPERATIONAL, "again", 3600);
	world_run(w);
	world_expect_outcome(w, "ES4-AuditEIS", "EXECUTED_SUCCESS");
	world_expect_outcome(w, "ES4-AuditEIS", "FAILED 8.1.1/1.2");
	assert_int_equal(world_packets(w), 2);
}

static void silent_card(void **state)
{
	struct world *w = *state;

	world_register(w);
	euicc_fault_set(w->card, EUICC_FAULT_SILENT, true, 0);
	order_audit(w, MNO_OPER);
	world_advance(w, 2 * HOUR_MS);
	world_expect_outcome(w, "ES4-AuditEIS", "FAILED 1.6/5.4");
	assert_false(world_audit_due(w)); /* nothing was to change */
}

static void no_service_centre(void **state)
{
	struct world *w = *state;

	world_register(w);
	w->smsc = SMSC_DOWN;
	order_audit(w, MNO_OPER);
	world_advance(w, 2 * HOUR_MS);
	world_expect_outcome(w, "ES4-AuditEIS", "EXPIRED 1.6/5.3");
}

static void lost_answer_is_read_again(void **state)
{
	struct world *w = *state;

	world_register(w);
	euicc_fault_set(w->card, EUICC_FAULT_DROP_POR, true, 1);
	order_audit(w, MNO_OPER);
	world_advance(w, 10 * MINUTE_MS);
	world_expect_outcome(w, "ES4-AuditEIS", "EXECUTED_SUCCESS");
	assert_int_equal(world_records(w, AUDIT_COUNTER), 0);
}

/* Only copies reach the card, and its counter is ahead: refusing them says nothing about lost answers. */
static void counter_is_ahead_and_first_copies_get_lost(void **state)
{
	struct world *w = *state;

	world_register(w);
	euicc_fault_set(w->card, EUICC_FAULT_COUNTER_AHEAD, true, 1000);
	world_order(w, MNO_OPER, ES4_AUDIT_EIS, SEED_OPERATIONAL, "a", 6 * 3600);
	for (int i = 0; i < 10 && world_records(w, AUDIT_COUNTER) == 0; i++) {
		w->smsc = SMSC_SWALLOW;
		world_advance(w, MINUTE_MS);
		w->smsc = SMSC_GOOD;
		world_until(w, talloc_asprintf(w->ctx, "counter %d: status 2", i + 1));
	}
	world_advance(w, HOUR_MS);
	world_expect_outcome(w, "ES4-AuditEIS", "EXECUTED_SUCCESS");
	assert_int_equal(world_records(w, AUDIT_COUNTER), 1);
}

/* The look is carried out each time, but its answer never comes: too long for the way back.  That is not tried until
 * the validity period ends. */
static void answer_never_comes_but_refusals_do(void **state)
{
	struct world *w = *state;

	world_register(w);
	world_order(w, MNO_OPER, ES4_AUDIT_EIS, SEED_OPERATIONAL, "a", 24 * 3600);
	for (unsigned int i = 1; i < 20 && world_operations(w, OP_AUDIT, OP_ST_DONE) == 0; i++) {
		euicc_fault_set(w->card, EUICC_FAULT_DROP_POR, true, 1);
		while (world_packets(w) < i)
			assert_true(world_step(w));
		world_until(w, talloc_asprintf(w->ctx, "counter %llu: status 2",
					       (unsigned long long)w->packets[i - 1].cntr));
	}
	world_run(w);
	assert_int_equal(world_packets(w), 6);
	world_expect_outcome(w, "ES4-AuditEIS", "FAILED 1.6/5.4");
}

/* The states are read; the memory is asked for again, and its answer is taken for what it is. */
static void memory_figures_are_lost_once(void **state)
{
	struct world *w = *state;

	world_register(w);
	order_audit(w, MNO_OPER);
	world_until(w, "agrees with the card");
	euicc_fault_set(w->card, EUICC_FAULT_DROP_POR, true, 1);
	world_advance(w, 10 * MINUTE_MS);
	world_expect_outcome(w, "ES4-AuditEIS", "EXECUTED_SUCCESS");
}

/* A number that took the first one may be refused for a while; the audit does not rest for a day then. */
static void refused_copy_goes_again(void **state)
{
	struct world *w = *state;

	world_register(w);
	w->smsc = SMSC_SWALLOW;
	world_order(w, MNO_OPER, ES4_AUDIT_EIS, SEED_OPERATIONAL, "a", 24 * 3600);
	world_advance(w, MINUTE_MS);
	w->smsc = SMSC_REFUSE;
	world_until(w, "copy refused");
	w->smsc = SMSC_GOOD;
	world_advance(w, HOUR_MS);
	world_expect_outcome(w, "ES4-AuditEIS", "EXECUTED_SUCCESS");
}

/* Links that break do not use up the copies that wait for an answer. */
static void copies_are_left_behind_broken_links(void **state)
{
	struct world *w = *state;

	world_register(w);
	euicc_fault_set(w->card, EUICC_FAULT_SILENT, true, 0);
	world_order(w, MNO_OPER, ES4_AUDIT_EIS, SEED_OPERATIONAL, "a", 24 * 3600);
	for (int i = 0; i < 4; i++) {
		w->smsc = SMSC_UNKNOWN; /* and down */
		smsr_sms_room(w->s);
		world_run(w);
	}
	assert_int_equal(w->mt_count, 4);
	w->smsc = SMSC_SWALLOW;
	smsr_sms_room(w->s);
	world_run(w);
	assert_true(world_told(w, "taken by smsc"));
	w->smsc = SMSC_GOOD;
	euicc_fault_set(w->card, EUICC_FAULT_SILENT, false, 0);
	world_advance(w, HOUR_MS);
	world_expect_outcome(w, "ES4-AuditEIS", "EXECUTED_SUCCESS");
}

/* Nor do restarts in the middle of a submission. */
static void copies_are_left_behind_restarts(void **state)
{
	struct world *w = *state;

	world_register(w);
	w->smsc = SMSC_MUTE;
	world_order(w, MNO_OPER, ES4_AUDIT_EIS, SEED_OPERATIONAL, "a", 24 * 3600);
	for (int i = 0; i < 4; i++) {
		world_run(w);
		world_restart(w);
	}
	w->smsc = SMSC_SWALLOW;
	world_run(w);
	assert_true(world_told(w, "taken by smsc"));
	w->smsc = SMSC_GOOD;
	world_advance(w, HOUR_MS);
	world_expect_outcome(w, "ES4-AuditEIS", "EXECUTED_SUCCESS");
}

static void memory_figures_do_not_come(void **state)
{
	struct world *w = *state;

	world_register(w);
	order_audit(w, MNO_OPER);
	world_until(w, "agrees with the card");
	euicc_fault_set(w->card, EUICC_FAULT_SILENT, true, 0);
	world_advance(w, 2 * HOUR_MS);
	world_expect_outcome(w, "ES4-AuditEIS", "EXECUTED_WITHWARNING 1.6/5.4");
}

/* ---- synchronous ---- */

static struct es_answer *update_pol2(struct world *w, const char *sender, const char *call_id, struct es_pol2 *pol2)
{
	struct es_pol2_req q = {.base = {.call_id = call_id},
				.eid = w->card_data.eid,
				.iccid = w->card_data.profiles[SEED_OPERATIONAL].iccid,
				.pol2 = pol2};

	return world_call(w, sender, ES4_UPDATE_POLICY_RULES, call_id, &q);
}

static void pol2_holds_from_the_next_request_on(void **state)
{
	struct world *w = *state;
	struct es_pol2_rule rules[] = {{ES_POL2_PROFILE, ES_POL2_ENABLE, ES_POL2_NOT_ALLOWED}};
	struct es_pol2 pol2 = {rules, 1}, none = {0};

	world_register(w);
	update_pol2(w, MNO_OPER, "p1", &pol2);
	world_expect_answer(w, "EXECUTED_SUCCESS");
	world_order(w, MNO_OPER, ES4_ENABLE_PROFILE, SEED_OPERATIONAL, "e1", 3600);
	world_run(w);
	world_expect_outcome(w, "ES4-EnableProfile", "FAILED 8.2.3/3.8");
	update_pol2(w, MNO_OPER, "p2", &none);
	world_expect_answer(w, "EXECUTED_SUCCESS");
	world_order(w, MNO_OPER, ES4_ENABLE_PROFILE, SEED_OPERATIONAL, "e2", 3600);
	world_advance(w, MINUTE_MS);
	world_expect_outcome(w, "ES4-EnableProfile", "EXECUTED_SUCCESS");
	assert_int_equal(world_records(w, AUDIT_POL2), 2);
}

static void a_running_change_keeps_the_rules_of_its_start(void **state)
{
	struct world *w = *state;
	struct es_pol2_rule rules[] = {{ES_POL2_PROFILE, ES_POL2_DISABLE, ES_POL2_AUTO_DELETE}};
	struct es_pol2 pol2 = {rules, 1};

	world_register(w);
	world_order(w, MNO_OPER, ES4_ENABLE_PROFILE, SEED_OPERATIONAL, "e1", 3600);
	world_advance(w, MINUTE_MS);
	world_order(w, MNO_OPER, ES4_DISABLE_PROFILE, SEED_OPERATIONAL, "d1", 3600);
	update_pol2(w, MNO_OPER, "p1", &pol2);
	world_advance(w, MINUTE_MS);
	world_expect_eis(w, PROFILE_ENABLED, PROFILE_DISABLED);
}

static void pol2_that_contradicts_itself(void **state)
{
	struct world *w = *state;
	struct es_pol2_rule rules[] = {{ES_POL2_PROFILE, ES_POL2_DISABLE, ES_POL2_NOT_ALLOWED},
				       {ES_POL2_PROFILE, ES_POL2_DISABLE, ES_POL2_AUTO_DELETE}};
	struct es_pol2 pol2 = {rules, 2};

	world_register(w);
	update_pol2(w, MNO_OPER, "p1", &pol2);
	world_expect_answer(w, "FAILED 1.6/2.1");
}

static void pol2_belongs_to_the_owner(void **state)
{
	struct world *w = *state;
	struct es_pol2 none = {0};

	world_register(w);
	update_pol2(w, MNO_BOOT, "p1", &none);
	world_expect_answer(w, "FAILED 8.2.1/1.2");
}

static void synchronous_call_is_repeated(void **state)
{
	struct world *w = *state;
	struct es_pol2 none = {0};

	world_register(w);
	update_pol2(w, MNO_OPER, "p1", &none);
	world_expect_answer(w, "EXECUTED_SUCCESS");
	update_pol2(w, MNO_OPER, "p1", &none);
	world_expect_answer(w, "EXECUTED_SUCCESS");
	assert_int_equal(world_records(w, AUDIT_POL2), 1); /* done once */
	w->request.twist = 1;
	update_pol2(w, MNO_OPER, "p1", &none);
	world_expect_answer(w, "FAILED 1.6/3.3");
}

static void new_number_is_used_at_once(void **state)
{
	struct world *w = *state;
	struct es_address_req q = {
		.base = {.call_id = "a"},
		.eid = w->card_data.eid,
		.iccid = w->card_data.profiles[SEED_BOOTSTRAP].iccid,
		.address = {.imsi = w->card_data.profiles[SEED_BOOTSTRAP].imsi, .msisdn = "+4912345"}};

	world_register(w);
	world_call(w, MNO_BOOT, ES4_UPDATE_SUBSCRIPTION_ADDRESS, "a", &q);
	world_expect_answer(w, "EXECUTED_SUCCESS");
	world_order(w, MNO_OPER, ES4_ENABLE_PROFILE, SEED_OPERATIONAL, "e1", 3600);
	assert_true(world_told(w, "to 4912345"));
}

static void get_eis_shows_what_is_ones_own(void **state)
{
	struct world *w = *state;
	struct es_get_eis_req q = {.base = {.call_id = "g"}, .eid = w->card_data.eid};
	const struct es_eis_rsp *rsp;

	world_register(w);
	rsp = world_call(w, MNO_OPER, ES4_GET_EIS, "g", &q)->body;
	assert_int_equal(rsp->base.status.status, ES_EXECUTED_SUCCESS);
	assert_int_equal(rsp->eis->n_profiles, 1);
	assert_string_equal(rsp->eis->profiles[0].iccid, w->card_data.profiles[SEED_OPERATIONAL].iccid);
	for (size_t i = 0; i < rsp->eis->isdr->n_keysets; i++) {
		assert_int_equal(rsp->eis->isdr->keysets[i].n_keys, 0);
		assert_false(rsp->eis->isdr->keysets[i].cntr.has);
	}
	assert_int_equal(world_packets(w), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(audit),
		WORLD_TEST(others_profiles_are_not_shown),
		WORLD_TEST(one_iccid_narrows_the_answer),
		WORLD_TEST(several_iccids_narrow_it_too),
		WORLD_TEST(card_is_found_on_another_number),
		WORLD_TEST(card_is_found_by_the_next_audit),
		WORLD_TEST(profile_vanished_from_the_card),
		WORLD_TEST(stranger_may_not_spend_messages),
		WORLD_TEST(silent_card),
		WORLD_TEST(no_service_centre),
		WORLD_TEST(lost_answer_is_read_again),
		WORLD_TEST(counter_is_ahead_and_first_copies_get_lost),
		WORLD_TEST(answer_never_comes_but_refusals_do),
		WORLD_TEST(memory_figures_are_lost_once),
		WORLD_TEST(refused_copy_goes_again),
		WORLD_TEST(copies_are_left_behind_broken_links),
		WORLD_TEST(copies_are_left_behind_restarts),
		WORLD_TEST(memory_figures_do_not_come),
		WORLD_TEST(pol2_holds_from_the_next_request_on),
		WORLD_TEST(a_running_change_keeps_the_rules_of_its_start),
		WORLD_TEST(pol2_that_contradicts_itself),
		WORLD_TEST(pol2_belongs_to_the_owner),
		WORLD_TEST(synchronous_call_is_repeated),
		WORLD_TEST(new_number_is_used_at_once),
		WORLD_TEST(get_eis_shows_what_is_ones_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
