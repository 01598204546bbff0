/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* APDUs of the card.  Commands and example answers: vectors/es8.json, es5_commands; status words: card-side digest of
 * SGP.02, sections 2.2 to 2.15. */
#include "tests/support/card_bench.h"

#include <string.h>

static struct bytes run(struct bench *b, struct bytes capdu)
{
	struct bytes rapdu;

	assert_int_equal(euicc_apdu(b->card, b->ctx, capdu, &rapdu), 0);
	return rapdu;
}

static void expect(struct bench *b, const char *capdu, const char *rapdu)
{
	print_message("  > %s\n", capdu);
	bench_assert_bytes(b, run(b, bench_hex(b, capdu)), bench_hex(b, rapdu));
}

static void expect_vector(struct bench *b, const char *key, const char *rapdu)
{
	print_message("  > %s\n", key);
	bench_assert_bytes(b, run(b, bench_vector(b, "es5_commands", key)), bench_hex(b, rapdu));
}

static struct bytes es5(struct bench *b, const char *key)
{
	return bench_vector(b, "es5_commands", key);
}

/* The vector's card: "oper" enabled, without the fall-back attribute. */
static void enable_oper(struct bench *b)
{
	euicc_power(b->card, true);
	bench_attach(b, BENCH_IMSI_BOOT, 0);
	bench_switch(b, "EnableProfile", BENCH_IMSI_BOOT, BENCH_IMSI_OPER, 1);
	bench_assert_bytes(b, bench_confirm(b, 1), es5(b, "NotificationConfirmation_response_none_deleted"));
}

static void get_status_is_the_vectors(void **state)
{
	struct bench *b = *state;

	enable_oper(b);
	bench_assert_bytes(b, run(b, es5(b, "GetStatus_one_ISDP")), es5(b, "GetStatus_response_example"));
	expect_vector(b, "GetStatus_all",
		      "E3254F10A0000005591010FFFFFFFF89000011009F70011F5301018F04000100009104000080"
		      "00E3254F10A0000005591010FFFFFFFF89000010009F70013F53010"
		      "08F040001000091040000800"
		      "09000");
}

static void get_status_returns_what_was_asked(void **state)
{
	struct bench *b = *state;

	expect(b, "80F24002174F10" BENCH_AID_BOOT "5C034F9F70", "E3164F10" BENCH_AID_BOOT "9F70013F9000");
	expect(b, "80F24002174F10" BENCH_AID_BOOT "5C039F704F00", "E3169F70013F4F10" BENCH_AID_BOOT "9000");
	/* no tag list: all of them */
	expect(b, "80F24002124F10" BENCH_AID_OPER,
	       "E3254F10" BENCH_AID_OPER "9F70011F5301008F040001000091040000800"
	       "09000");
	/* an AID that begins so */
	expect(b,
	       "80F24002124F0DA0000005591010FFFFFFFF8900"
	       "5C0153",
	       "E303530101E3035301009000");
	expect(b, "80F24002124F10A0000005591010FFFFFFFF890000120000", "6A88");
	expect(b, "80F24002074F005C039F7099", "6A80");
	expect(b, "80F24002024F01", "6A80");
	expect(b, "80F24000024F0000", "6A86");
	expect(b, "80F28002024F0000", "6A86");
	expect(b, "80F24003024F0000", "6985");
}

static void get_status_continues(void **state)
{
	struct bench *b = *state;
	unsigned int entries = 0;
	uint16_t sw = 0x6310;
	uint8_t p2 = 2;

	b->fleet->set.nv_total = 0x1000000;
	for (unsigned int tar = 0x20; tar < 0x20 + EUICC_PROFILES_MAX - 2; tar++) {
		struct bytes capdu = es5(b, "CreateISDP"), with_tar;
		uint8_t aid_end[] = {(uint8_t)tar, 0x00};
		struct wr w;

		/* last two octets of the instance AID, behind header, load file and module */
		wr_init(&w, b->ctx);
		wr_bytes(&w, bytes_sub(capdu, 0, 5 + 17 + 17 + 15));
		wr_bytes(&w, BYTES_ARR(aid_end));
		wr_bytes(&w, bytes_sub(capdu, 5 + 17 + 17 + 17, capdu.len - (5 + 17 + 17 + 17)));
		assert_int_equal(wr_end(&w, &with_tar), 0);
		bench_assert_bytes(b, run(b, with_tar), bench_hex(b, "009000"));
	}
	while (sw == 0x6310) {
		uint8_t capdu[] = {0x80, 0xf2, 0x40, p2, 0x02, 0x4f, 0x00, 0x00};
		struct bytes rapdu = run(b, BYTES_ARR(capdu));
		struct rd r, tail;

		rd_init(&r, rapdu);
		while (rd_left(&r) > 2) {
			assert_int_equal(rd_u16(&r), 0xe325);
			(void)rd_bytes(&r, 0x25);
			entries++;
		}
		tail = r;
		sw = rd_u16(&tail);
		assert_int_equal(rd_end(&tail), 0);
		p2 = 3;
	}
	assert_int_equal(sw, 0x9000);
	assert_int_equal(entries, EUICC_PROFILES_MAX);
}

static void get_data(void **state)
{
	struct bench *b = *state;
	struct bytes rsp = es5(b, "GetData_BF30_response");

	bench_assert_bytes(b, run(b, es5(b, "GetData_FF21")), es5(b, "GetData_FF21_response_example"));
	expect_vector(b, "GetData_BF30_ECASD_certificate", "6A88");
	b->cert = bytes_sub(rsp, 4, rsp.len - 6); /* inside BF30 81 xx, without the status word */
	bench_assert_bytes(b, run(b, es5(b, "GetData_BF30_ECASD_certificate")), rsp);
	expect(b, "80CABF30045C027F4900", "6A88");
	expect(b, "80CABF30035C027F00", "6A80");
	expect(b, "80CA005A00", "6A88");
	expect(b, "00A4040010A0000005591010FFFFFFFF890000020000", "9000");
	expect(b, "80CA005A00", "5A10890010120123412340123456789012249000");
	expect(b, "80E28800153A03124F10" BENCH_AID_OPER, "6D00");
	expect(b, "00A4040010A0000005591010FFFFFFFF890000030000", "6A82");
	expect(b, "00A4040010A0000005591010FFFFFFFF890000010000", "9000");
	bench_assert_bytes(b, run(b, es5(b, "GetData_FF21")), es5(b, "GetData_FF21_response_example"));
}

static void create_and_delete(void **state)
{
	struct bench *b = *state;

	expect_vector(b, "CreateISDP", "6A80"); /* that AID exists */
	expect_vector(b, "DeleteProfile", "009000");
	expect_vector(b, "DeleteProfile", "6A82");
	expect_vector(b, "CreateISDP_with_memory_64KiB", "009000");
	expect(b, "80F240021A4F10" BENCH_AID_OPER "5C064F9F70538F9100",
	       "E3254F10" BENCH_AID_OPER "9F7001075301008F040001000091040001000"
	       "09000");
	expect_vector(b, "EnableProfile", "6985");	  /* SELECTABLE */
	expect_vector(b, "SetFallbackAttribute", "6985"); /* SELECTABLE */
	expect_vector(b, "DeleteProfile", "009000");
	b->fleet->set.nv_total = 0x1ffff;
	expect_vector(b, "CreateISDP_with_memory_64KiB", "6A84");
	expect_vector(b, "MasterDelete", "6A82");
	expect_vector(b, "FinaliseISDRHandover_keep_SCP80_02_and_SCP81_41", "6A86");
	/* the enabled one; the fall-back one */
	expect(b, "80E40040124F10" BENCH_AID_BOOT "00", "6985");
}

#define INSTALL_NAMES "10A0000005591010FFFFFFFF8900000D0010A0000005591010FFFFFFFF8900000E0010" BENCH_AID_OPER

/* GlobalPlatform has two and four octets for it. */
static void a_quota_of_odd_length_is_refused(void **state)
{
	struct bench *b = *state;

	expect_vector(b, "DeleteProfile", "009000");
	expect(b, "80E60C0044" INSTALL_NAMES "0380C0000BC90481020370EF038301010000", "6A80");
	expect(b, "80E60C0048" INSTALL_NAMES "0380C0000FC90481020370EF07830500000100000000", "6A80");
	expect(b, "80E60C004C" INSTALL_NAMES "0380C00013C90481020370EF0B83090000000000000100000000", "6A80");
	expect(b, "80E60C0045" INSTALL_NAMES "0380C0000CC90481020370EF04830240000000", "009000");
}

static void pol1_forbids(void **state)
{
	struct bench *b = *state;
	uint8_t boot[16], oper[16];

	assert_int_equal(hex_dec_buf(boot, 16, BENCH_AID_BOOT), 0);
	assert_int_equal(hex_dec_buf(oper, 16, BENCH_AID_OPER), 0);
	assert_int_equal(euicc_pol1_set(b->card, oper, 0x02), 0);
	expect_vector(b, "DeleteProfile", "69E1");
	assert_int_equal(euicc_pol1_set(b->card, boot, 0x01), 0);
	expect_vector(b, "EnableProfile", "69E1");
	assert_int_equal(euicc_pol1_set(b->card, oper, 0x04), 0);
	assert_int_equal(euicc_pol1_set(b->card, boot, 0), 0);
	enable_oper(b);
	assert_int_equal(euicc_pol1_set(b->card, oper, 0x01), 0);
	expect_vector(b, "DisableProfile", "69E1");
	assert_int_equal(euicc_pol1_set(b->card, oper, 0x00), 0);
	euicc_fault_set(b->card, EUICC_FAULT_POL1, true, 0);
	expect_vector(b, "DisableProfile", "69E1");
}

static void attributes(void **state)
{
	struct bench *b = *state;

	expect(b, "80E28800153A04124F10" BENCH_AID_BOOT, "6985"); /* enabled, but it is the fall-back */
	expect_vector(b, "SetFallbackAttribute", "9000");
	expect(b, "80F24002064F005C024F5300", "E3154F10" BENCH_AID_BOOT "530100E3154F10" BENCH_AID_OPER "5301019000");
	expect_vector(b, "DeleteProfile", "6985"); /* fall-back */
	expect_vector(b, "SetEmergencyProfileAttribute", "6985");
	expect(b, "80E28800153A05124F10" BENCH_AID_BOOT, "9000");
	expect_vector(b, "SetEmergencyProfileAttribute", "9000");
	expect(b,
	       "80F24002154F10" BENCH_AID_OPER "5C0153"
	       "00",
	       "E3035301029000");
	expect_vector(b, "SetFallbackAttribute", "6985");
}

static void store_data_wants_its_form(void **state)
{
	struct bench *b = *state;

	expect(b, "80E28800153A03124F10A0000005591010FFFFFFFF8900002000", "6A88");
	expect(b, "80E28800153A03124E10" BENCH_AID_OPER, "6A80");
	expect(b, "80E28800163A03124F10" BENCH_AID_OPER, "6700");
	expect(b, "80E28800153A03114F10" BENCH_AID_OPER, "6A80");
	expect(b, "80E29000153A03124F10" BENCH_AID_OPER, "6A86"); /* BER */
	expect(b, "80E2C800153A03124F10" BENCH_AID_OPER, "6A86"); /* encrypted */
	expect(b, "80E28801153A03124F10" BENCH_AID_OPER, "6A86"); /* block 1 first */
	expect(b, "80E2880003AAAA00", "6A88");
	expect(b, "84E28800153A03124F10" BENCH_AID_OPER, "6882");
	expect(b, "00E28800153A03124F10" BENCH_AID_OPER, "6E00");
	expect(b, "80DA0000", "6D00");
	expect(b, "80", "6700");
	expect_vector(b, "NotificationConfirmation", "6A88");
	/* cut in the middle of the DGI; a Le that a case 3 command does not have */
	expect(b, "80E20900093A03124F10A0000005", "9000");
	expect(b,
	       "80E288010C591010FFFFFFFF8900001000"
	       "00",
	       "9000");
	expect_vector(b, "EnableProfile", "6985"); /* before the REFRESH */
}

static void addressing(void **state)
{
	struct bench *b = *state;
	struct euicc_out *out;
	struct sms_submit sms;

	expect_vector(b, "UpdateSMSRAddressing_SMS", "9000");
	expect(b, "80E28800073A0704A702810000", "6A80");
	expect(b, "80E28800073A0704A302810000", "6A80");
	expect(b, "80E288000A3A0707A305810391218F", "6A80");
	expect(b, "80E28800053A0702A50000", "9000"); /* HTTPS: taken, of no use here */
	b->fleet->set.declare_first_attach = true;
	euicc_power(b->card, true);
	bench_attach(b, BENCH_IMSI_BOOT, 0);
	out = bench_expect(b, EUICC_OUT_MO);
	assert_int_equal(sms_submit_dec(out->pdu, &sms), 0);
	assert_int_equal(sms.da.type, 0x91);
	assert_string_equal(sms.da.digits, "33689924111");
	/* some servers count octets, and use type 85 */
	expect(b, "80E288000A3A0707A3058103028521", "9000");
	expect(b,
	       "80E288000B3A0708A30681040285"
	       "2143",
	       "9000");
}

static void memory_failure(void **state)
{
	struct bench *b = *state;

	euicc_fault_set(b->card, EUICC_FAULT_MEMORY, true, 0);
	expect_vector(b, "EnableProfile", "6581");
	expect_vector(b, "DeleteProfile", "6581");
	expect_vector(b, "CreateISDP", "6581");
	bench_assert_bytes(b, run(b, es5(b, "GetData_FF21")), es5(b, "GetData_FF21_response_example"));
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, bench_setup, bench_teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(get_status_is_the_vectors),
		TEST(get_status_returns_what_was_asked),
		TEST(get_status_continues),
		TEST(get_data),
		TEST(create_and_delete),
		TEST(a_quota_of_odd_length_is_refused),
		TEST(pol1_forbids),
		TEST(attributes),
		TEST(store_data_wants_its_form),
		TEST(addressing),
		TEST(memory_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
