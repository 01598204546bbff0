/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Response packets that are forged, late, doubled or unsecured, and the short messages below them: receipts, alerts. */
#include <stdio.h>
#include <string.h>

#include <talloc.h>

#include "tests/support/world.h"

static void order_audit(struct world *w, const char *call_id)
{
	world_order(w, MNO_OPER, ES4_AUDIT_EIS, SEED_OPERATIONAL, call_id, 3600);
}

static struct world_mo *copy_of(struct world *w, const struct world_mo *mo, const char *source)
{
	struct world_mo *copy = talloc_zero(w->ctx, struct world_mo);

	copy->source = talloc_strdup(copy, source);
	copy->udhi = mo->udhi;
	copy->ud = bytes_of(talloc_memdup(copy, mo->ud.data, mo->ud.len), mo->ud.len);
	return copy;
}

/* ---- packets ---- */

static void unsecured_answer_completes_nothing(void **state)
{
	struct world *w = *state;

	world_register(w);
	euicc_fault_set(w->card, EUICC_FAULT_UNSECURED_POR, true, 0);
	order_audit(w, "a");
	world_advance(w, MINUTE_MS);
	assert_true(world_counter(w, CTR_POR_REJECTED) > 0);
	assert_true(world_told(w, "unauthenticated answer ignored"));
	assert_int_equal(world_operations(w, OP_AUDIT, OP_ST_AUDIT), 1);
	world_advance(w, 2 * HOUR_MS);
	world_expect_outcome(w, "ES4-AuditEIS", "FAILED 1.6/5.4");
}

static void unsecured_answer_and_the_notification_decides(void **state)
{
	struct world *w = *state;

	world_register(w);
	euicc_fault_set(w->card, EUICC_FAULT_UNSECURED_POR, true, 0);
	world_order(w, MNO_OPER, ES4_ENABLE_PROFILE, SEED_OPERATIONAL, "e", 3600);
	world_until(w, "profile change succeeded");
	euicc_fault_set(w->card, EUICC_FAULT_UNSECURED_POR, false, 0);
	world_advance(w, MINUTE_MS);
	world_expect_outcome(w, "ES4-EnableProfile", "EXECUTED_SUCCESS");
}

/* Numbers are what operators say: one who claims a foreign number must not be able to stand in its way. */
static void number_that_another_card_claims_too(void **state)
{
	struct world *w = *state;

	world_register(w);
	world_claim_number(w, SEED_BOOTSTRAP);
	world_order(w, MNO_OPER, ES4_ENABLE_PROFILE, SEED_OPERATIONAL, "e", 3600);
	world_advance(w, MINUTE_MS);
	world_expect_outcome(w, "ES4-EnableProfile", "EXECUTED_SUCCESS");
	assert_int_equal(world_counter(w, CTR_POR_REJECTED), 0);
}

static void forged_answers(void **state)
{
	struct world *w = *state;
	struct world_mo *good, *bad;

	world_register(w);
	order_audit(w, "a1");
	world_run(w);
	good = copy_of(w, w->last_por, w->last_por->source);
	world_expect_outcome(w, "ES4-AuditEIS", "EXECUTED_SUCCESS");
	w->smsc = SMSC_SWALLOW;
	order_audit(w, "a2");
	world_run(w);
	/* Each octet turned, one after the other; another number; a stranger. */
	for (size_t i = 3; i < good->ud.len; i++) {
		bad = copy_of(w, good, good->source);
		((uint8_t *)bad->ud.data)[i] ^= 0x40;
		world_replay(w, bad);
	}
	world_replay(w, copy_of(w, good, world_msisdn(w, SEED_OPERATIONAL)));
	world_replay(w, copy_of(w, good, "4900000000"));
	world_run(w);
	assert_true(world_counter(w, CTR_POR_REJECTED) > 20);
	assert_int_equal(world_operations(w, OP_AUDIT, OP_ST_AUDIT), 1);
	world_expect_silence(w);
}

static void late_and_repeated_answers_have_no_effect(void **state)
{
	struct world *w = *state;
	struct world_mo *old;

	world_register(w);
	order_audit(w, "a");
	world_run(w);
	old = copy_of(w, w->last_por, w->last_por->source);
	world_expect_outcome(w, "ES4-AuditEIS", "EXECUTED_SUCCESS");
	world_replay(w, w->last_por);
	world_run(w);
	assert_true(world_told(w, "late or repeated"));
	/* When the command is long forgotten. */
	for (int i = 0; i < 6; i++) {
		char id[8];

		snprintf(id, sizeof(id), "b%d", i);
		order_audit(w, id);
		world_run(w);
		world_expect_outcome(w, "ES4-AuditEIS", "EXECUTED_SUCCESS");
	}
	world_replay(w, old);
	world_run(w);
	assert_int_equal(world_counter(w, CTR_POR_REJECTED), 1);
	world_expect_silence(w);
}

static void doubled_answers(void **state)
{
	struct world *w = *state;

	world_register(w);
	euicc_fault_set(w->card, EUICC_FAULT_DUPLICATE_POR, true, 0);
	world_order(w, MNO_OPER, ES4_ENABLE_PROFILE, SEED_OPERATIONAL, "e", 3600);
	world_advance(w, MINUTE_MS);
	world_expect_outcome(w, "ES4-EnableProfile", "EXECUTED_SUCCESS");
	world_expect_note(w, "ES4-HandleProfileDisabledNotification", SEED_BOOTSTRAP, "/note");
	world_expect_silence(w);
}

static void link_dies_and_the_first_answer_is_lost(void **state)
{
	struct world *w = *state;

	world_register(w);
	euicc_fault_set(w->card, EUICC_FAULT_DROP_POR, true, 1);
	w->smsc = SMSC_UNKNOWN;
	order_audit(w, "a");
	world_advance(w, 5000);
	w->smsc = SMSC_GOOD;
	world_advance(w, MINUTE_MS);
	world_expect_outcome(w, "ES4-AuditEIS", "EXECUTED_SUCCESS");
	assert_int_equal(world_records(w, AUDIT_COUNTER), 0);
}

static void slow_card(void **state)
{
	struct world *w = *state;

	world_register(w);
	euicc_fault_set(w->card, EUICC_FAULT_SLOW, true, 200000); /* longer than we wait before the next copy */
	order_audit(w, "a");
	world_advance(w, 20 * MINUTE_MS);
	world_expect_outcome(w, "ES4-AuditEIS", "EXECUTED_SUCCESS");
	world_expect_silence(w);
}

static void other_messages_are_ignored(void **state)
{
	struct world *w = *state;

	world_register(w);
	world_inject(w, "4900000000", false, BYTES_LIT("Hello"));
	world_inject(w, "4900000000", true, BYTES_LIT("\x05\x00\x03\x01\x02"));
	world_inject(w, "4900000000", true, BYTES_LIT(""));
	world_run(w);
	assert_true(llist_empty(&w->mo)); /* acknowledged all the same */
}

/* ---- parts ---- */

static void inject_part(struct world *w, uint8_t ref, uint8_t total, uint8_t idx, const char *text)
{
	struct wr wr;
	struct bytes ud;

	wr_init(&wr, w->ctx);
	wr_bytes(&wr, BYTES_LIT("\x07\x00\x03"));
	wr_u8(&wr, ref);
	wr_u8(&wr, total);
	wr_u8(&wr, idx);
	wr_bytes(&wr, BYTES_LIT("\x71\x00"));
	wr_str(&wr, text);
	assert_int_equal(wr_end(&wr, &ud), 0);
	world_inject(w, world_msisdn(w, SEED_BOOTSTRAP), true, ud);
	world_run(w);
}

static void parts_are_joined_and_bounded(void **state)
{
	struct world *w = *state;

	world_register(w);
	order_audit(w, "a");
	world_run(w);
	/* A lost part, and the reference again: the newer message wins. */
	inject_part(w, 1, 2, 1, "old");
	inject_part(w, 1, 2, 1, "new");
	inject_part(w, 1, 2, 2, "tail");
	assert_int_equal(world_counter(w, CTR_POR_REJECTED), 1); /* whole, and no packet */
	/* Of more parts than the configuration takes, and than anybody does. */
	inject_part(w, 7, 6, 1, "x");
	w->cfg->limits.sms_parts_max = 255;
	inject_part(w, 7, 17, 1, "x");
	inject_part(w, 7, 200, 1, "x");
	assert_int_equal(world_rows(w, "mo_part"), 0);
	/* A sender that never finishes. */
	for (int i = 0; i < 200; i++)
		inject_part(w, (uint8_t)i, 3, 1, "x");
	assert_int_equal(world_rows(w, "mo_part"), 64);
	assert_true(llist_empty(&w->mo));
	assert_int_equal(world_counter(w, CTR_POR_REJECTED), 1);
	/* What has begun may still be finished. */
	inject_part(w, 5, 3, 2, "y");
	inject_part(w, 5, 3, 3, "z");
	assert_int_equal(world_counter(w, CTR_POR_REJECTED), 2);
}

/* ---- receipts and alerts ---- */

static void delivery_receipt_is_noted(void **state)
{
	struct world *w = *state;

	world_register(w);
	w->smsc = SMSC_SWALLOW;
	order_audit(w, "a");
	world_run(w);
	world_receipt(w, true);
	assert_true(world_told(w, "DELIVRD"));
	assert_int_equal(w->packets[0].copies, 1);
}

static void undeliverable_is_sent_again_after_a_grace(void **state)
{
	struct world *w = *state;

	world_register(w);
	w->smsc = SMSC_SWALLOW;
	order_audit(w, "a");
	world_run(w);
	world_receipt(w, false);
	world_receipt(w, false); /* and once more, as service centres do */
	w->smsc = SMSC_GOOD;
	world_advance(w, 25000);
	assert_int_equal(w->packets[0].copies, 1); /* the card's answer may still come */
	world_advance(w, 95000);
	assert_int_equal(w->packets[0].copies, 2);
	world_expect_outcome(w, "ES4-AuditEIS", "EXECUTED_SUCCESS");
}

static void answer_after_the_receipt_wins(void **state)
{
	struct world *w = *state;

	world_register(w);
	euicc_fault_set(w->card, EUICC_FAULT_SLOW, true, 10000);
	order_audit(w, "a");
	world_run(w);
	world_receipt(w, false);
	world_advance(w, 5 * MINUTE_MS);
	world_expect_outcome(w, "ES4-AuditEIS", "EXECUTED_SUCCESS");
	assert_int_equal(w->packets[0].copies, 1);
}

static void receipt_for_a_message_of_nobody(void **state)
{
	struct world *w = *state;

	world_register(w);
	snprintf(w->message_id, sizeof(w->message_id), "NOBODYS");
	world_receipt(w, false);
	w->message_id[0] = '\0';
	world_receipt(w, true);
	assert_int_equal(world_packets(w), 0);
}

static void timeline_of_an_unreachable_card_is_bounded(void **state)
{
	struct world *w = *state;

	world_register(w);
	w->cfg->limits.sms_retry_min_s = 1;
	w->cfg->limits.sms_retry_max_s = 1;
	w->smsc = SMSC_THROTTLE;
	order_audit(w, "a");
	world_advance(w, 20 * MINUTE_MS);
	assert_in_range(world_timeline(w, 1), 500, 510);
	w->smsc = SMSC_GOOD;
	world_advance(w, MINUTE_MS);
	world_expect_outcome(w, "ES4-AuditEIS", "EXECUTED_SUCCESS");
	assert_true(world_told(w, "EXECUTED_SUCCESS"));
}

static void alert_hurries(void **state)
{
	struct world *w = *state;

	world_register(w);
	w->smsc = SMSC_THROTTLE;
	order_audit(w, "a");
	world_advance(w, 30 * MINUTE_MS); /* by now the next attempt is far away */
	w->smsc = SMSC_GOOD;
	assert_int_equal(world_event(w, smsr_ev_alert, (void *)world_msisdn(w, SEED_BOOTSTRAP)), 0);
	assert_int_equal(world_event(w, smsr_ev_alert, "4900000000"), 0);
	world_run(w);
	world_expect_outcome(w, "ES4-AuditEIS", "EXECUTED_SUCCESS");
}

/* All copies went while it was out of reach, and the service centre has dropped them: now it can be reached. */
static void alert_behind_the_last_copy(void **state)
{
	struct world *w = *state;

	world_register(w);
	w->smsc = SMSC_SWALLOW;
	world_order(w, MNO_OPER, ES4_AUDIT_EIS, SEED_OPERATIONAL, "a", 24 * 3600);
	world_advance(w, 5 * HOUR_MS);
	w->smsc = SMSC_GOOD;
	world_advance(w, HOUR_MS);
	world_expect_silence(w);
	for (int i = 0; i < 3; i++)
		assert_int_equal(world_event(w, smsr_ev_alert, (void *)world_msisdn(w, SEED_BOOTSTRAP)), 0);
	world_run(w);
	world_expect_outcome(w, "ES4-AuditEIS", "EXECUTED_SUCCESS");
	assert_int_equal(world_counter(w, CTR_COPIES), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(unsecured_answer_completes_nothing),
		WORLD_TEST(unsecured_answer_and_the_notification_decides),
		WORLD_TEST(number_that_another_card_claims_too),
		WORLD_TEST(forged_answers),
		WORLD_TEST(late_and_repeated_answers_have_no_effect),
		WORLD_TEST(doubled_answers),
		WORLD_TEST(link_dies_and_the_first_answer_is_lost),
		WORLD_TEST(slow_card),
		WORLD_TEST(other_messages_are_ignored),
		WORLD_TEST(parts_are_joined_and_bounded),
		WORLD_TEST(delivery_receipt_is_noted),
		WORLD_TEST(undeliverable_is_sent_again_after_a_grace),
		WORLD_TEST(answer_after_the_receipt_wins),
		WORLD_TEST(receipt_for_a_message_of_nobody),
		WORLD_TEST(timeline_of_an_unreachable_card_is_bounded),
		WORLD_TEST(alert_hurries),
		WORLD_TEST(alert_behind_the_last_copy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
