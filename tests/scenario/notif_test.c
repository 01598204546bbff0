/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Notifications of cards: spontaneous, late, replayed, forged. */
#include <stdio.h>
#include <string.h>

#include <talloc.h>

#include "tests/support/world.h"

static void enable(struct world *w)
{
	world_order(w, MNO_OPER, ES4_ENABLE_PROFILE, SEED_OPERATIONAL, "before", 3600);
	world_advance(w, MINUTE_MS);
	world_expect_note(w, "ES4-HandleProfileDisabledNotification", SEED_BOOTSTRAP, "boot.example/note");
	world_expect_outcome(w, "ES4-EnableProfile", "EXECUTED_SUCCESS");
}

static void begin(struct world *w)
{
	world_register(w);
	enable(w);
}

static void expect_pending(struct world *w, enum euicc_notify_type type)
{
	uint16_t seq;

	assert_int_equal(euicc_pending(w->card, &seq), type);
}

static void card_falls_back_by_itself(void **state)
{
	struct world *w = *state;

	begin(w);
	assert_int_equal(euicc_coverage_set(w->card, w->card_data.profiles[SEED_OPERATIONAL].imsi, false), 0);
	world_advance(w, 20 * MINUTE_MS);
	world_expect_card(w, SEED_BOOTSTRAP);
	world_expect_eis(w, PROFILE_ENABLED, PROFILE_DISABLED);
	world_expect_note(w, "ES4-HandleProfileDisabledNotification", SEED_OPERATIONAL, "oper.example/note");
	world_expect_note(w, "ES4-HandleProfileEnabledNotification", SEED_BOOTSTRAP, "boot.example/note");
	world_expect_silence(w);
	expect_pending(w, EUICC_NOTIFY_NONE);
	assert_int_equal(world_records(w, AUDIT_NOTIF_FALLBACK), 1);
	assert_false(world_audit_due(w));
}

static void coverage(struct world *w, enum seed_profile_id profile, bool on)
{
	assert_int_equal(euicc_coverage_set(w->card, w->card_data.profiles[profile].imsi, on), 0);
}

/* The fall-back profile was asked for; the card rolled back from it, and then fell back to it. */
static void falls_back_to_what_was_asked_for(void **state)
{
	struct world *w = *state;

	begin(w);
	coverage(w, SEED_BOOTSTRAP, false);
	world_order(w, MNO_BOOT, ES4_ENABLE_PROFILE, SEED_BOOTSTRAP, "b", 3600);
	world_advance(w, MINUTE_MS);
	coverage(w, SEED_OPERATIONAL, false);
	world_advance(w, 4 * MINUTE_MS);
	world_expect_card(w, SEED_OPERATIONAL);
	coverage(w, SEED_BOOTSTRAP, true);
	world_advance(w, HOUR_MS / 2);
	world_expect_outcome(w, "ES4-EnableProfile", "EXECUTED_SUCCESS");
	world_expect_agreement(w);
	world_expect_card(w, SEED_BOOTSTRAP);
}

/* The card fell back before a command reached it, and tells so from another number: the command follows it there, and
 * the fall-back is not kept waiting for the end of the validity period. */
static void command_follows_a_card_that_fell_back(void **state)
{
	struct world *w = *state;

	begin(w);
	coverage(w, SEED_OPERATIONAL, false);
	world_order(w, MNO_OPER, ES4_AUDIT_EIS, SEED_OPERATIONAL, "a", 24 * 3600);
	world_advance(w, HOUR_MS);
	world_expect_card(w, SEED_BOOTSTRAP);
	world_expect_outcome(w, "ES4-AuditEIS", "EXECUTED_SUCCESS");
	world_expect_agreement(w);
	assert_false(world_audit_due(w));
}

static void refused_copy_does_not_keep_a_card_waiting(void **state)
{
	struct world *w = *state;

	begin(w);
	coverage(w, SEED_OPERATIONAL, false);
	world_order(w, MNO_OPER, ES4_AUDIT_EIS, SEED_OPERATIONAL, "a", 24 * 3600);
	world_advance(w, 4 * MINUTE_MS);
	w->smsc = SMSC_REFUSE;
	world_advance(w, 4 * MINUTE_MS);
	assert_true(world_told(w, "copy refused"));
	w->smsc = SMSC_GOOD;
	world_advance(w, HOUR_MS);
	world_expect_outcome(w, "ES4-AuditEIS", "EXECUTED_SUCCESS");
	world_expect_agreement(w);
}

/* The same for a confirmation: each repetition of the notification asks for it. */
static void refused_confirmation_does_not_keep_a_card_waiting(void **state)
{
	struct world *w = *state;

	world_register(w);
	world_order(w, MNO_OPER, ES4_ENABLE_PROFILE, SEED_OPERATIONAL, "a", 6 * 3600);
	world_until(w, "profile change succeeded");
	w->smsc = SMSC_SWALLOW;
	world_until(w, "rolled back, again");
	world_advance(w, 3 * MINUTE_MS);
	w->smsc = SMSC_REFUSE;
	world_until(w, "copy refused");
	w->smsc = SMSC_GOOD;
	expect_pending(w, EUICC_NOTIFY_ROLLED_BACK);
	world_advance(w, 10 * MINUTE_MS);
	expect_pending(w, EUICC_NOTIFY_NONE);
	world_expect_agreement(w);
}

static void answer_to_a_spontaneous_confirmation_is_lost(void **state)
{
	struct world *w = *state;

	begin(w);
	assert_int_equal(euicc_coverage_set(w->card, w->card_data.profiles[SEED_OPERATIONAL].imsi, false), 0);
	world_until(w, "fall-back profile enabled");
	euicc_fault_set(w->card, EUICC_FAULT_DROP_POR, true, 1);
	world_advance(w, 20 * MINUTE_MS);
	world_expect_agreement(w);
	expect_pending(w, EUICC_NOTIFY_NONE);
	assert_false(world_audit_due(w));
}

static void confirmation_of_a_fall_back_cannot_be_delivered_for_hours(void **state)
{
	struct world *w = *state;

	begin(w);
	assert_int_equal(euicc_coverage_set(w->card, w->card_data.profiles[SEED_OPERATIONAL].imsi, false), 0);
	w->smsc = SMSC_DOWN;
	world_advance(w, 3 * HOUR_MS);
	assert_true(world_audit_due(w));
	world_expect_eis(w, PROFILE_DISABLED, PROFILE_ENABLED); /* nothing is confirmed */
	w->smsc = SMSC_GOOD;
	world_advance(w, 20 * MINUTE_MS);
	world_expect_agreement(w);
	expect_pending(w, EUICC_NOTIFY_NONE);
	assert_int_equal(w->n_packets > 2, true);
}

static void first_declaration(void **state)
{
	struct world *w = *state;

	w->fleet->set.declare_first_attach = true;
	world_register(w);
	world_advance(w, 10 * MINUTE_MS);
	expect_pending(w, EUICC_NOTIFY_NONE);
	assert_int_equal(world_records(w, AUDIT_NOTIF_FIRST), 1);
	world_expect_eis(w, PROFILE_ENABLED, PROFILE_DISABLED);
	world_expect_silence(w);
	enable(w);
}

static void first_declaration_that_cannot_be_confirmed(void **state)
{
	struct world *w = *state;

	w->fleet->set.declare_first_attach = true;
	w->smsc = SMSC_DOWN;
	world_register(w);
	world_advance(w, HOUR_MS);
	assert_false(world_audit_due(w)); /* it changed nothing */
}

/* The order is given up while the notification of the card waits somewhere. */
static void come_late(struct world *w)
{
	world_register(w);
	w->fleet->set.notify_wait_ms = 2 * HOUR_MS;
	euicc_fault_set(w->card, EUICC_FAULT_DROP_NOTIFICATION, true, 1);
	world_order(w, MNO_OPER, ES4_ENABLE_PROFILE, SEED_OPERATIONAL, "call", 3600);
	world_advance(w, HOUR_MS + 2 * MINUTE_MS);
	world_expect_outcome(w, "ES4-EnableProfile", "FAILED 1.6/5.4");
	world_expect_eis(w, PROFILE_ENABLED, PROFILE_DISABLED);
	world_advance(w, 2 * HOUR_MS);
	assert_int_equal(world_records(w, AUDIT_NOTIF_CHANGED), 1);
}

static void late_and_left_to_roll_back(void **state)
{
	struct world *w = *state;

	come_late(w);
	expect_pending(w, EUICC_NOTIFY_CHANGED);
	world_advance(w, 8 * HOUR_MS);
	world_expect_card(w, SEED_BOOTSTRAP);
	world_expect_agreement(w);
	expect_pending(w, EUICC_NOTIFY_NONE);
	world_expect_silence(w);
	assert_true(world_audit_due(w));
}

static void late_and_confirmed_by_policy(void **state)
{
	struct world *w = *state;

	w->cfg->late_notification_confirm = true;
	come_late(w);
	expect_pending(w, EUICC_NOTIFY_NONE);
	world_expect_card(w, SEED_OPERATIONAL);
	world_expect_agreement(w);
	/* All owners learn of it: the requester was told FAILED. */
	world_expect_note(w, "ES4-HandleProfileEnabledNotification", SEED_OPERATIONAL, "oper.example/note");
	world_expect_note(w, "ES4-HandleProfileDisabledNotification", SEED_BOOTSTRAP, "boot.example/note");
	world_expect_silence(w);
}

/* ---- forged ---- */

static struct world_mo *keep(struct world *w, const struct world_mo *mo)
{
	struct world_mo *copy = talloc_zero(w->ctx, struct world_mo);

	copy->source = talloc_strdup(copy, mo->source);
	copy->udhi = mo->udhi;
	copy->ud = bytes_dup(copy, mo->ud);
	return copy;
}

/* A copy of the last notification with one octet changed. */
static void forge(struct world *w, size_t at, uint8_t value)
{
	struct world_mo *mo = keep(w, w->last_notif);
	uint8_t *octets = talloc_memdup(mo, mo->ud.data, mo->ud.len);

	assert_true(at < mo->ud.len);
	octets[at] = value;
	mo->ud = bytes_of(octets, mo->ud.len);
	world_replay(w, mo);
	world_run(w);
}

enum {
	AT_SPI1 = 6,
	AT_CC = 18,
	AT_EID = 35,
	AT_TYPE = 52
}; /* 027000 CPL CHL SPI KIc KID TAR CNTR PCNTR CC E1 L 4C 10 ... */

static void forged_notifications_change_nothing(void **state)
{
	struct world *w = *state;
	unsigned int packets;

	begin(w);
	packets = world_packets(w);
	forge(w, AT_CC, 0xff);	 /* wrong checksum */
	forge(w, AT_SPI1, 0x00); /* none, it says */
	forge(w, AT_EID, 0x77);	 /* nobody's */
	forge(w, AT_TYPE, 0x05); /* another type below the same checksum */
	assert_int_equal(world_counter(w, CTR_NOTIFICATIONS_REJECTED), 4);
	assert_int_equal(world_packets(w), packets);
	assert_int_equal(world_operations(w, OP_CONFIRM, OP_ST_DONE), 0);
	world_expect_silence(w);
}

static void older_sequence_is_a_replay(void **state)
{
	struct world *w = *state;
	struct world_mo *old;
	unsigned int packets;

	begin(w);
	old = keep(w, w->last_notif);
	world_order(w, MNO_OPER, ES4_DISABLE_PROFILE, SEED_OPERATIONAL, "back", 3600);
	world_advance(w, MINUTE_MS);
	packets = world_packets(w);
	world_replay(w, old);
	world_run(w);
	assert_int_equal(world_counter(w, CTR_NOTIFICATIONS_REJECTED), 1);
	assert_int_equal(world_packets(w), packets);
	world_expect_eis(w, PROFILE_ENABLED, PROFILE_DISABLED);
}

static void one_that_was_confirmed_is_confirmed_again(void **state)
{
	struct world *w = *state;
	unsigned int packets;

	begin(w);
	packets = world_packets(w);
	world_replay(w, w->last_notif);
	world_advance(w, MINUTE_MS);
	assert_int_equal(world_packets(w), packets + 1);
	world_expect_eis(w, PROFILE_DISABLED, PROFILE_ENABLED);
	assert_false(world_audit_due(w));
	world_expect_silence(w);
	assert_int_equal(world_records(w, AUDIT_NOTIF_CHANGED), 1);
}

/* The notification of the change comes once more, late, while that of the roll-back is being confirmed: the
 * confirmation stays at the number to which the card went back. */
static void late_notification_leads_nobody_astray(void **state)
{
	struct world *w = *state;
	struct world_mo *old;

	world_register(w);
	world_order(w, MNO_OPER, ES4_ENABLE_PROFILE, SEED_OPERATIONAL, "a", 6 * 3600);
	world_until(w, "profile change succeeded");
	w->smsc = SMSC_SWALLOW;
	old = keep(w, w->last_notif);
	world_until(w, "rolled back, again");
	world_advance(w, 5 * MINUTE_MS);
	world_replay(w, old);
	world_run(w);
	assert_true(world_told(w, "profile change succeeded, late"));
	w->smsc = SMSC_GOOD;
	world_advance(w, 10 * MINUTE_MS);
	expect_pending(w, EUICC_NOTIFY_NONE);
	world_expect_agreement(w);
	world_expect_card(w, SEED_BOOTSTRAP);
}

static void an_old_one_does_not_disturb_a_change(void **state)
{
	struct world *w = *state;

	begin(w);
	euicc_fault_set(w->card, EUICC_FAULT_SLOW, true, 20000);
	world_order(w, MNO_OPER, ES4_DISABLE_PROFILE, SEED_OPERATIONAL, "back", 3600);
	world_advance(w, 5000);
	world_replay(w, w->last_notif);
	world_advance(w, 10 * MINUTE_MS);
	world_expect_eis(w, PROFILE_ENABLED, PROFILE_DISABLED);
	world_expect_note(w, "ES4-HandleProfileEnabledNotification", SEED_BOOTSTRAP, "boot.example/note");
	world_expect_outcome(w, "ES4-DisableProfile", "EXECUTED_SUCCESS");
	assert_false(world_audit_due(w));
}

static void a_flood_of_repetitions_costs_little(void **state)
{
	struct world *w = *state;

	world_register(w);
	world_order(w, MNO_OPER, ES4_ENABLE_PROFILE, SEED_OPERATIONAL, "call", 3600);
	world_until(w, "profile change succeeded");
	w->smsc = SMSC_SWALLOW;
	for (int i = 0; i < 100; i++) {
		world_replay(w, w->last_notif);
		world_advance(w, 100);
	}
	assert_int_equal(world_packets(w), 2);
	assert_in_range(w->packets[1].copies, 1, 2);
}

static void wrong_keys(void **state)
{
	struct world *w = *state;

	world_register(w);
	world_order(w, MNO_OPER, ES4_ENABLE_PROFILE, SEED_OPERATIONAL, "call", 3600);
	world_until(w, "9000 done");
	euicc_fault_set(w->card, EUICC_FAULT_WRONG_KEY, true, 0);
	world_advance(w, 5 * MINUTE_MS);
	assert_true(world_counter(w, CTR_NOTIFICATIONS_REJECTED) > 0);
	world_expect_eis(w, PROFILE_ENABLED, PROFILE_DISABLED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(card_falls_back_by_itself),
		WORLD_TEST(falls_back_to_what_was_asked_for),
		WORLD_TEST(command_follows_a_card_that_fell_back),
		WORLD_TEST(refused_copy_does_not_keep_a_card_waiting),
		WORLD_TEST(refused_confirmation_does_not_keep_a_card_waiting),
		WORLD_TEST(answer_to_a_spontaneous_confirmation_is_lost),
		WORLD_TEST(confirmation_of_a_fall_back_cannot_be_delivered_for_hours),
		WORLD_TEST(first_declaration),
		WORLD_TEST(first_declaration_that_cannot_be_confirmed),
		WORLD_TEST(late_and_left_to_roll_back),
		WORLD_TEST(late_and_confirmed_by_policy),
		WORLD_TEST(forged_notifications_change_nothing),
		WORLD_TEST(older_sequence_is_a_replay),
		WORLD_TEST(one_that_was_confirmed_is_confirmed_again),
		WORLD_TEST(late_notification_leads_nobody_astray),
		WORLD_TEST(an_old_one_does_not_disturb_a_change),
		WORLD_TEST(a_flood_of_repetitions_costs_little),
		WORLD_TEST(wrong_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
