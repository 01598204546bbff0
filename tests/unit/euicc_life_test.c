/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The life of a card under a fake clock and a fake network, told from the server's side.  Packets are sealed and opened
 * with scp80; commands and the notification come from vectors/es8.json. */
#include "tests/support/card_bench.h"

#include <errno.h>
#include <string.h>

#include "scp80/script.h"

static struct bytes es5(struct bench *b, const char *key)
{
	return bench_vector(b, "es5_commands", key);
}

static void switch_on(struct bench *b)
{
	euicc_power(b->card, true);
	bench_attach(b, BENCH_IMSI_BOOT, 0);
	bench_expect_nothing(b);
}

static void to_oper(struct bench *b, uint16_t seq)
{
	bench_switch(b, "EnableProfile", BENCH_IMSI_BOOT, BENCH_IMSI_OPER, seq);
}

static void assert_enabled(struct bench *b, const char *imsi)
{
	assert_string_equal(euicc_enabled(b->card)->imsi, imsi);
}

static void assert_nothing_pending(struct bench *b)
{
	uint16_t seq;

	assert_int_equal(euicc_pending(b->card, &seq), EUICC_NOTIFY_NONE);
}

static void enable_happy_path(void **state)
{
	struct bench *b = *state;

	switch_on(b);
	to_oper(b, 1);
	assert_enabled(b, BENCH_IMSI_OPER);
	bench_assert_bytes(b, bench_confirm(b, 1), es5(b, "NotificationConfirmation_response_none_deleted"));
	assert_nothing_pending(b);
	/* much later nothing has moved */
	bench_advance(b, 100 * b->fleet->set.notify_wait_ms);
	bench_expect_nothing(b);
	assert_enabled(b, BENCH_IMSI_OPER);
	/* confirmed twice: nothing waits any more */
	bench_assert_bytes(b, bench_confirm(b, 1), bench_hex(b, "6A88"));
}

static void the_por_leaves_before_the_refresh(void **state)
{
	struct bench *b = *state;
	struct bytes enable = es5(b, "EnableProfile"),
		     status = bench_hex(b, "80F24002174F10" BENCH_AID_BOOT "5C039F705300");
	struct euicc_out *por;

	switch_on(b);
	bench_send(b, &enable, 1);
	por = bench_expect(b, EUICC_OUT_MO);
	assert_string_equal(por->imsi, BENCH_IMSI_BOOT);
	bench_expect_nothing(b);
	assert_enabled(b, BENCH_IMSI_BOOT);
	/* a command between: the old profile is still the enabled one, and its PoR leaves before the REFRESH as well */
	bench_send(b, &status, 1);
	bench_expect_nothing(b);
	euicc_rx_mo_result(b->card, BENCH_IMSI_BOOT, 0);
	bench_assert_bytes(b, bench_rapdu(b), bench_hex(b, "E3079F70013F5301019000"));
	bench_expect_detach(b, BENCH_IMSI_BOOT);
	bench_expect_nothing(b);
}

static void disable_goes_to_the_fallback(void **state)
{
	struct bench *b = *state;

	switch_on(b);
	to_oper(b, 1);
	bench_confirm(b, 1);
	bench_switch(b, "DisableProfile", BENCH_IMSI_OPER, BENCH_IMSI_BOOT, 2);
	bench_assert_bytes(b, bench_confirm(b, 2), es5(b, "NotificationConfirmation_response_none_deleted"));
	assert_enabled(b, BENCH_IMSI_BOOT);
}

static void pol1_refuses(void **state)
{
	struct bench *b = *state;

	assert_int_equal(euicc_pol1_set(b->card, euicc_enabled(b->card)->aid, 0x01), 0);
	switch_on(b);
	bench_ask_sw(b, "EnableProfile", 0x69e1);
	bench_advance(b, 1000000);
	bench_expect_nothing(b);
	assert_enabled(b, BENCH_IMSI_BOOT);
}

static void pol1_deletes_the_profile_left_at_the_confirmation(void **state)
{
	struct bench *b = *state;

	assert_int_equal(euicc_pol1_set(b->card, euicc_enabled(b->card)->aid, 0x04), 0);
	switch_on(b);
	bench_ask_sw(b, "SetFallbackAttribute", 0x9000);
	to_oper(b, 1);
	assert_int_equal(euicc_n_profiles(b->card), 2);
	bench_assert_bytes(b, bench_confirm(b, 1), es5(b, "NotificationConfirmation_response_one_deleted"));
	assert_int_equal(euicc_n_profiles(b->card), 1);
}

static void pol1_never_deletes_the_fallback(void **state)
{
	struct bench *b = *state;

	assert_int_equal(euicc_pol1_set(b->card, euicc_enabled(b->card)->aid, 0x04), 0);
	switch_on(b);
	to_oper(b, 1);
	bench_assert_bytes(b, bench_confirm(b, 1), es5(b, "NotificationConfirmation_response_none_deleted"));
	assert_int_equal(euicc_n_profiles(b->card), 2);
}

static void roll_back_without_service(void **state)
{
	struct bench *b = *state;
	int64_t begun_ms;

	switch_on(b);
	bench_ask_sw(b, "EnableProfile", 0x9000);
	bench_expect_detach(b, BENCH_IMSI_BOOT);
	bench_advance(b, b->fleet->set.refresh_ms);
	begun_ms = b->fleet->now_ms;
	for (int64_t t = 0; t < b->fleet->set.rollback_ms; t += b->fleet->set.reattach_ms) {
		assert_enabled(b, BENCH_IMSI_OPER);
		bench_attach(b, BENCH_IMSI_OPER, 11);
		bench_expect_detach(b, BENCH_IMSI_OPER);
		bench_advance(b, b->fleet->set.reattach_ms);
	}
	assert_int_equal(b->fleet->now_ms - begun_ms, b->fleet->set.rollback_ms);
	assert_enabled(b, BENCH_IMSI_BOOT);
	bench_expect_nothing(b);
	bench_advance(b, b->fleet->set.refresh_ms);
	bench_attach(b, BENCH_IMSI_BOOT, 0);
	bench_notification(b, 0x03, 2, BENCH_AID_BOOT);
	bench_assert_bytes(b, bench_confirm(b, 2), es5(b, "NotificationConfirmation_response_none_deleted"));
}

static void roll_back_when_nobody_confirms(void **state)
{
	struct bench *b = *state;

	switch_on(b);
	to_oper(b, 1);
	for (unsigned int i = 1; i < b->fleet->set.notify_tries; i++) {
		bench_advance(b, b->fleet->set.notify_wait_ms - 1);
		bench_expect_nothing(b);
		bench_advance(b, 1);
		bench_notification(b, 0x02, 1, BENCH_AID_OPER);
	}
	bench_advance(b, b->fleet->set.notify_wait_ms);
	bench_expect_detach(b, BENCH_IMSI_OPER);
	assert_enabled(b, BENCH_IMSI_BOOT);
	bench_advance(b, b->fleet->set.refresh_ms);
	bench_attach(b, BENCH_IMSI_BOOT, 0);
	/* this one is repeated for as long as it takes */
	for (unsigned int i = 0; i < 10; i++) {
		bench_notification(b, 0x03, 2, BENCH_AID_BOOT);
		bench_advance(b, b->fleet->set.notify_wait_ms);
	}
	bench_notification(b, 0x03, 2, BENCH_AID_BOOT);
	assert_enabled(b, BENCH_IMSI_BOOT);
}

static void fall_back_when_the_network_is_gone(void **state)
{
	struct bench *b = *state;

	switch_on(b);
	to_oper(b, 1);
	bench_confirm(b, 1);
	/* POL1: may not be disabled, is deleted when disabled; a fall-back heeds neither */
	assert_int_equal(euicc_pol1_set(b->card, euicc_enabled(b->card)->aid, 0x05), 0);
	assert_int_equal(euicc_coverage_set(b->card, BENCH_IMSI_OPER, false), 0);
	bench_expect_detach(b, BENCH_IMSI_OPER);
	bench_advance(b, b->fleet->set.fallback_ms - 1);
	bench_expect_nothing(b);
	assert_enabled(b, BENCH_IMSI_OPER);
	bench_advance(b, 1);
	assert_enabled(b, BENCH_IMSI_BOOT);
	bench_advance(b, b->fleet->set.refresh_ms);
	bench_attach(b, BENCH_IMSI_BOOT, 0);
	bench_notification(b, 0x05, 2, BENCH_AID_BOOT);
	bench_assert_bytes(b, bench_confirm(b, 2), es5(b, "NotificationConfirmation_response_none_deleted"));
	assert_int_equal(euicc_n_profiles(b->card), 2);
}

static void no_fall_back_when_service_returns(void **state)
{
	struct bench *b = *state;

	switch_on(b);
	to_oper(b, 1);
	bench_confirm(b, 1);
	euicc_rx_lost(b->card, BENCH_IMSI_OPER);
	bench_expect_detach(b, BENCH_IMSI_OPER);
	bench_advance(b, b->fleet->set.reattach_ms);
	bench_attach(b, BENCH_IMSI_OPER, 0);
	bench_advance(b, 10 * b->fleet->set.fallback_ms);
	bench_expect_nothing(b);
	assert_enabled(b, BENCH_IMSI_OPER);
}

static void the_fallback_profile_keeps_trying(void **state)
{
	struct bench *b = *state;

	switch_on(b);
	euicc_rx_lost(b->card, BENCH_IMSI_BOOT);
	bench_expect_detach(b, BENCH_IMSI_BOOT);
	for (unsigned int i = 0; i < 100; i++) {
		bench_advance(b, b->fleet->set.reattach_ms);
		bench_attach(b, BENCH_IMSI_BOOT, 17);
		bench_expect_detach(b, BENCH_IMSI_BOOT);
	}
	assert_enabled(b, BENCH_IMSI_BOOT);
	assert_nothing_pending(b);
}

static void a_roll_back_without_service_ends_on_the_fallback(void **state)
{
	struct bench *b = *state;

	switch_on(b);
	/* "oper" becomes the fall-back and is enabled while both networks are dead */
	bench_ask_sw(b, "SetFallbackAttribute", 0x9000);
	bench_ask_sw(b, "EnableProfile", 0x9000);
	bench_expect_detach(b, BENCH_IMSI_BOOT);
	assert_int_equal(euicc_coverage_set(b->card, BENCH_IMSI_BOOT, false), 0);
	assert_int_equal(euicc_coverage_set(b->card, BENCH_IMSI_OPER, false), 0);
	bench_advance(b, b->fleet->set.refresh_ms + b->fleet->set.rollback_ms);
	assert_enabled(b, BENCH_IMSI_BOOT);
	bench_advance(b, b->fleet->set.refresh_ms + b->fleet->set.fallback_ms);
	assert_enabled(b, BENCH_IMSI_OPER);
	assert_int_equal(euicc_coverage_set(b->card, BENCH_IMSI_OPER, true), 0);
	bench_advance(b, b->fleet->set.refresh_ms);
	bench_attach(b, BENCH_IMSI_OPER, 0);
	bench_notification(b, 0x05, 3, BENCH_AID_OPER);
}

static void a_repeated_command_is_not_run_again(void **state)
{
	struct bench *b = *state;
	struct bytes capdu = es5(b, "DeleteProfile");
	struct sp_por por;

	switch_on(b);
	bench_assert_bytes(b, bench_ask(b, capdu), bench_hex(b, "009000"));
	bench_resend(b);
	por = bench_por(b);
	assert_int_equal(por.status, SP_ST_CNTR_LOW);
	assert_int_equal(por.data.len, 0);
}

static void what_is_not_proven_gets_silence(void **state)
{
	struct bench *b = *state;
	struct bytes enable = es5(b, "EnableProfile");
	struct key *other;
	struct sp_keys good;

	switch_on(b);
	good = b->keys;
	assert_int_equal(key_import(b->ctx, KEY_AES, BYTES_LIT("0123456789abcdef"), &other), 0);
	b->keys.kid = other;
	bench_send(b, &enable, 1);
	bench_expect_nothing(b);
	b->keys = good;
	bench_send_spi(b, 0x1439, &enable, 1); /* ciphered, no checksum */
	bench_expect_nothing(b);
	b->cntr--;			       /* a refused packet has not used its counter up */
	bench_send_spi(b, 0x0039, &enable, 1); /* nothing at all */
	bench_expect_nothing(b);
	assert_true(euicc_counter(b->card) == 0);
	assert_enabled(b, BENCH_IMSI_BOOT);
}

static void security_parameters(void **state)
{
	struct bench *b = *state;
	struct bytes read = es5(b, "GetData_FF21");
	struct sp_por por;

	switch_on(b);
	bench_send_spi(b, 0x1639, &read, 1);
	assert_int_equal(bench_por(b).status, SP_ST_OK);
	bench_send_spi(b, 0x1239, &read, 1); /* not ciphered */
	assert_int_equal(bench_por(b).status, SP_ST_OK);
	bench_send_spi(b, 0x1629, &read, 1); /* PoR without checksum, not ciphered */
	assert_int_equal(bench_por(b).status, SP_ST_OK);
	bench_send_spi(b, 0x1e39, &read, 1); /* exactly one higher */
	assert_int_equal(bench_por(b).status, SP_ST_OK);
	b->cntr++;
	bench_send_spi(b, 0x1e39, &read, 1);
	assert_int_equal(bench_por(b).status, SP_ST_CNTR_HIGH);
	bench_send_spi(b, 0x0639, &read, 1); /* counter not looked at */
	por = bench_por(b);
	assert_int_equal(por.status, SP_ST_LEVEL_TOO_LOW);
	bench_send_spi(b, 0x163a, &read, 1); /* PoR on error only */
	bench_expect_nothing(b);
	bench_resend(b);
	assert_int_equal(bench_por(b).status, SP_ST_CNTR_LOW);
	bench_send_spi(b, 0x1638, &read, 1); /* no PoR */
	bench_expect_nothing(b);
}

static void por_in_the_delivery_report(void **state)
{
	struct bench *b = *state;
	struct bytes read = es5(b, "GetData_FF21");
	struct script_rsp rsp;
	struct ud_part part;
	struct sp_por por;
	struct wr plain;

	switch_on(b);
	bench_send_spi(b, 0x1619, &read, 1);
	bench_expect_nothing(b);
	assert_int_equal(ud_dec(true, b->ack->pdu, &part), 0);
	assert_int_equal(part.kind, UD_RESPONSE);
	wr_init(&plain, b->ctx);
	assert_int_equal(sp_por_open(&b->keys, SP_SMS, &b->hdr, part.payload, &plain, &por), 0);
	assert_int_equal(por.status, SP_ST_OK);
	assert_int_equal(script_rsp_dec(por.data, &rsp), 0);
	assert_int_equal(rsp.last.sw, 0x9000);
}

static void unknown_tar(void **state)
{
	struct bench *b = *state;
	struct bytes read = es5(b, "GetData_FF21"), pkt;
	struct wr w;

	switch_on(b);
	bench_send(b, &read, 1);
	bench_por(b);
	b->hdr.tar = 0x00beef;
	b->hdr.cntr = ++b->cntr;
	wr_init(&w, b->ctx);
	assert_int_equal(sp_cmd_seal(&b->keys, SP_SMS, &b->hdr,
				     bench_hex(b, "AA072205"
						  "80CAFF2100"),
				     &w),
			 0);
	assert_int_equal(wr_end(&w, &pkt), 0);
	bench_deliver(b, pkt);
	assert_int_equal(bench_por(b).status, SP_ST_TAR_UNKNOWN);
}

static void long_messages_both_ways(void **state)
{
	struct bench *b = *state;
	struct bytes script[12], rsp = es5(b, "GetData_BF30_response");
	struct bytes rapdu;

	b->cert = bytes_sub(rsp, 4, rsp.len - 6);
	switch_on(b);
	for (size_t i = 0; i < 12; i++)
		script[i] = i == 11 ? es5(b, "GetData_BF30_ECASD_certificate") : es5(b, "GetStatus_one_ISDP");
	bench_send(b, script, 12);
	assert_true(b->last.len > 3 * 134);
	rapdu = bench_rapdu(b);
	bench_assert_bytes(b, rapdu, rsp);
}

static void a_script_stops_at_the_first_error(void **state)
{
	struct bench *b = *state;
	struct bytes script[] = {es5(b, "GetData_FF21"), es5(b, "NotificationConfirmation"), es5(b, "EnableProfile")};
	struct script_rsp rsp;
	struct sp_por por;

	switch_on(b);
	bench_send(b, script, 3);
	por = bench_por(b);
	assert_int_equal(por.status, SP_ST_OK);
	assert_int_equal(script_rsp_dec(por.data, &rsp), 0);
	assert_int_equal(rsp.executed, 2);
	assert_int_equal(rsp.last.sw, 0x6a88);
	bench_advance(b, 60000);
	bench_expect_nothing(b);
	assert_enabled(b, BENCH_IMSI_BOOT);
}

static void the_notification_is_the_vector(void **state)
{
	struct bench *b = *state;
	struct euicc_out *out;
	struct sms_submit sms;

	switch_on(b);
	for (uint16_t seq = 1; seq < 7; seq += 2) {
		to_oper(b, seq);
		bench_confirm(b, seq);
		bench_switch(b, "DisableProfile", BENCH_IMSI_OPER, BENCH_IMSI_BOOT, (uint16_t)(seq + 1));
		bench_confirm(b, (uint16_t)(seq + 1));
	}
	bench_ask_sw(b, "EnableProfile", 0x9000);
	bench_expect_detach(b, BENCH_IMSI_BOOT);
	bench_advance(b, b->fleet->set.refresh_ms);
	bench_attach(b, BENCH_IMSI_OPER, 0);
	out = bench_expect(b, EUICC_OUT_MO);
	assert_int_equal(sms_submit_dec(out->pdu, &sms), 0);
	assert_int_equal(sms.pid, 0x7f);
	assert_true(sms.udhi);
	bench_assert_bytes(b, sms.ud, bench_vector(b, "notification_sms", "tp_ud"));
	euicc_rx_mo_result(b->card, BENCH_IMSI_OPER, 0);
	bench_assert_bytes(b, bench_ask(b, es5(b, "NotificationConfirmation")),
			   es5(b, "NotificationConfirmation_response_none_deleted"));
}

static void restart_between_por_and_refresh(void **state)
{
	struct bench *b = *state;
	struct bytes enable = es5(b, "EnableProfile");

	switch_on(b);
	bench_send(b, &enable, 1);
	bench_expect(b, EUICC_OUT_MO);
	assert_true(euicc_dirty(b->card));
	bench_restart(b);
	assert_false(euicc_dirty(b->card));
	assert_enabled(b, BENCH_IMSI_BOOT);
	/* switching on is a reset as well: the change becomes effective */
	euicc_power(b->card, true);
	bench_attach(b, BENCH_IMSI_OPER, 0);
	bench_notification(b, 0x02, 1, BENCH_AID_OPER);
	bench_assert_bytes(b, bench_confirm(b, 1), es5(b, "NotificationConfirmation_response_none_deleted"));
}

static void restart_before_the_confirmation(void **state)
{
	struct bench *b = *state;

	switch_on(b);
	to_oper(b, 1);
	bench_restart(b);
	euicc_power(b->card, true);
	bench_attach(b, BENCH_IMSI_OPER, 0);
	bench_notification(b, 0x02, 1, BENCH_AID_OPER);
	/* an old counter is still old */
	bench_resend(b);
	assert_int_equal(bench_por(b).status, SP_ST_CNTR_LOW);
	/* the roll-back is still armed */
	bench_advance(b, b->fleet->set.notify_wait_ms);
	bench_notification(b, 0x02, 1, BENCH_AID_OPER);
	bench_advance(b, b->fleet->set.notify_wait_ms);
	assert_enabled(b, BENCH_IMSI_BOOT);
}

static void a_refused_message_is_tried_again(void **state)
{
	struct bench *b = *state;
	struct bytes enable = es5(b, "EnableProfile");
	struct bytes first;

	switch_on(b);
	bench_send(b, &enable, 1);
	first = bench_expect(b, EUICC_OUT_MO)->pdu;
	for (unsigned int i = 1; i < b->fleet->set.mo_tries; i++) {
		euicc_rx_mo_result(b->card, BENCH_IMSI_BOOT, 38);
		bench_expect_nothing(b);
		bench_advance(b, b->fleet->set.mo_retry_ms);
		bench_assert_bytes(b, bench_expect(b, EUICC_OUT_MO)->pdu, first);
	}
	/* no answer at all: given up, and the card goes on */
	bench_advance(b, b->fleet->set.mo_wait_ms);
	bench_expect_detach(b, BENCH_IMSI_BOOT);
	bench_advance(b, b->fleet->set.refresh_ms);
	bench_attach(b, BENCH_IMSI_OPER, 0);
	bench_notification(b, 0x02, 1, BENCH_AID_OPER);
}

static void each_segment_has_its_own_tries(void **state)
{
	struct bench *b = *state;
	struct bytes rsp = es5(b, "GetData_BF30_response"), read = es5(b, "GetData_BF30_ECASD_certificate");

	b->cert = bytes_sub(rsp, 4, rsp.len - 6);
	switch_on(b);
	bench_send(b, &read, 1);
	for (unsigned int seg = 0; seg < 3; seg++) {
		for (unsigned int i = 1; i < b->fleet->set.mo_tries; i++) {
			bench_expect(b, EUICC_OUT_MO);
			euicc_rx_mo_result(b->card, BENCH_IMSI_BOOT, 38);
			bench_advance(b, b->fleet->set.mo_retry_ms);
		}
		bench_expect(b, EUICC_OUT_MO);
		euicc_rx_mo_result(b->card, BENCH_IMSI_BOOT, 0);
	}
	bench_expect_nothing(b);
}

static void first_attach_is_declared_once(void **state)
{
	struct bench *b = *state;

	b->fleet->set.declare_first_attach = true;
	euicc_power(b->card, true);
	bench_attach(b, BENCH_IMSI_BOOT, 0);
	bench_notification(b, 0x01, 1, BENCH_AID_BOOT);
	bench_advance(b, b->fleet->set.notify_wait_ms);
	bench_notification(b, 0x01, 1, BENCH_AID_BOOT);
	bench_confirm(b, 1);
	bench_restart(b);
	euicc_power(b->card, true);
	bench_attach(b, BENCH_IMSI_BOOT, 0);
	bench_expect_nothing(b);
}

static void fault_silent_and_wrong_key(void **state)
{
	struct bench *b = *state;
	struct bytes read = es5(b, "GetData_FF21");

	switch_on(b);
	euicc_fault_set(b->card, EUICC_FAULT_SILENT, true, 0);
	bench_send(b, &read, 1);
	bench_expect_nothing(b);
	euicc_fault_set(b->card, EUICC_FAULT_SILENT, false, 0);
	euicc_fault_set(b->card, EUICC_FAULT_WRONG_KEY, true, 0);
	bench_send(b, &read, 1);
	bench_expect_nothing(b);
	euicc_fault_set(b->card, EUICC_FAULT_WRONG_KEY, false, 0);
	bench_send(b, &read, 1);
	bench_rapdu(b);
}

static void fault_slow(void **state)
{
	struct bench *b = *state;
	struct bytes read = es5(b, "GetData_FF21");

	switch_on(b);
	euicc_fault_set(b->card, EUICC_FAULT_SLOW, true, 7000);
	bench_send(b, &read, 1);
	bench_advance(b, 6999);
	bench_expect_nothing(b);
	bench_advance(b, 1);
	bench_rapdu(b);
}

static void fault_counter_ahead(void **state)
{
	struct bench *b = *state;
	struct bytes read = es5(b, "GetData_FF21");

	switch_on(b);
	euicc_fault_set(b->card, EUICC_FAULT_COUNTER_AHEAD, true, 50);
	bench_send(b, &read, 1);
	assert_int_equal(bench_por(b).status, SP_ST_CNTR_LOW);
	b->cntr = 50;
	bench_send(b, &read, 1);
	bench_rapdu(b);
}

static void fault_por_twice_or_never_or_bare(void **state)
{
	struct bench *b = *state;
	struct bytes read = es5(b, "GetData_FF21");
	struct sp_por_peek peek;
	struct sp_por por;
	enum ud_kind kind;
	struct bytes pkt;
	struct wr plain;

	switch_on(b);
	euicc_fault_set(b->card, EUICC_FAULT_DUPLICATE_POR, true, 0);
	bench_send(b, &read, 1);
	bench_rapdu(b);
	bench_rapdu(b);
	bench_expect_nothing(b);
	euicc_fault_set(b->card, EUICC_FAULT_DUPLICATE_POR, false, 0);
	euicc_fault_set(b->card, EUICC_FAULT_DROP_POR, true, 1);
	bench_send(b, &read, 1);
	bench_expect_nothing(b);
	euicc_fault_set(b->card, EUICC_FAULT_UNSECURED_POR, true, 0);
	bench_send(b, &read, 1);
	pkt = bench_mo(b, &kind);
	wr_init(&plain, b->ctx);
	assert_int_equal(sp_por_open(&b->keys, SP_SMS, &b->hdr, pkt, &plain, &por), -EACCES);
	assert_int_equal(sp_por_peek(SP_SMS, pkt, &peek), 0);
	assert_true(peek.unsecured);
	assert_true(peek.cntr == b->cntr);
}

static void fault_lost_notification(void **state)
{
	struct bench *b = *state;

	switch_on(b);
	euicc_fault_set(b->card, EUICC_FAULT_DROP_NOTIFICATION, true, 1);
	bench_ask_sw(b, "EnableProfile", 0x9000);
	bench_expect_detach(b, BENCH_IMSI_BOOT);
	bench_advance(b, b->fleet->set.refresh_ms);
	bench_attach(b, BENCH_IMSI_OPER, 0);
	bench_expect_nothing(b);
	bench_advance(b, b->fleet->set.notify_wait_ms);
	bench_notification(b, 0x02, 1, BENCH_AID_OPER);
}

static void fault_no_coverage(void **state)
{
	struct bench *b = *state;

	switch_on(b);
	euicc_fault_set(b->card, EUICC_FAULT_NO_COVERAGE, true, 0);
	bench_ask_sw(b, "EnableProfile", 0x9000);
	bench_expect_detach(b, BENCH_IMSI_BOOT);
	bench_advance(b, b->fleet->set.refresh_ms + b->fleet->set.rollback_ms + b->fleet->set.refresh_ms);
	bench_attach(b, BENCH_IMSI_BOOT, 0);
	bench_notification(b, 0x03, 2, BENCH_AID_BOOT);
}

static void other_messages_are_the_phones(void **state)
{
	struct bench *b = *state;
	struct sms_deliver sms = {
		.udhi = true,
		.oa = {.type = 0x81, .digits = "12345"},
		.pid = 0x7f,
		.dcs = 0x04,
		.ud = BYTES_LIT("\x02\x70\x00\x00\x01\x00"),
	};
	struct bytes tpdu;
	struct wr w;

	switch_on(b);
	wr_init(&w, b->ctx);
	assert_int_equal(sms_deliver_enc(&sms, &w), 0);
	assert_int_equal(wr_end(&w, &tpdu), 0);
	euicc_rx_mt(b->card, BENCH_IMSI_BOOT, tpdu);
	assert_int_equal(bench_expect(b, EUICC_OUT_MT_ACK)->cause, 0);
	bench_expect_nothing(b);
	euicc_rx_mt(b->card, BENCH_IMSI_BOOT, bytes_sub(tpdu, 0, 9));
	assert_int_equal(bench_expect(b, EUICC_OUT_MT_ACK)->cause, 111);
	/* for a phone that is not there */
	euicc_rx_mt(b->card, BENCH_IMSI_OPER, tpdu);
	euicc_power(b->card, false);
	bench_expect_detach(b, BENCH_IMSI_BOOT);
	euicc_rx_mt(b->card, BENCH_IMSI_BOOT, tpdu);
	bench_expect_nothing(b);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, bench_setup, bench_teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(enable_happy_path),
		TEST(the_por_leaves_before_the_refresh),
		TEST(disable_goes_to_the_fallback),
		TEST(pol1_refuses),
		TEST(pol1_deletes_the_profile_left_at_the_confirmation),
		TEST(pol1_never_deletes_the_fallback),
		TEST(roll_back_without_service),
		TEST(roll_back_when_nobody_confirms),
		TEST(fall_back_when_the_network_is_gone),
		TEST(no_fall_back_when_service_returns),
		TEST(the_fallback_profile_keeps_trying),
		TEST(a_roll_back_without_service_ends_on_the_fallback),
		TEST(a_repeated_command_is_not_run_again),
		TEST(what_is_not_proven_gets_silence),
		TEST(security_parameters),
		TEST(por_in_the_delivery_report),
		TEST(unknown_tar),
		TEST(long_messages_both_ways),
		TEST(a_script_stops_at_the_first_error),
		TEST(the_notification_is_the_vector),
		TEST(restart_between_por_and_refresh),
		TEST(restart_before_the_confirmation),
		TEST(a_refused_message_is_tried_again),
		TEST(each_segment_has_its_own_tries),
		TEST(first_attach_is_declared_once),
		TEST(fault_silent_and_wrong_key),
		TEST(fault_slow),
		TEST(fault_counter_ahead),
		TEST(fault_por_twice_or_never_or_bare),
		TEST(fault_lost_notification),
		TEST(fault_no_coverage),
		TEST(other_messages_are_the_phones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
