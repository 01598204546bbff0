/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* SMPP codec against tests/vectors/smpp.json (bytes cross-checked with an independent decoder), and its texts. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>
#include <talloc.h>

#include "common/codec/smpp_text.h"

static json_t *vectors;

static struct bytes vector_pdu(void *ctx, json_t *v)
{
	struct bytes b;

	assert_int_equal(hex_dec(ctx, json_string_value(json_object_get(v, "pdu")), &b), 0);
	return b;
}

static struct bytes vector_named(void *ctx, const char *name)
{
	size_t i;
	json_t *v;

	json_array_foreach (json_object_get(vectors, "vectors"), i, v) {
		if (strcmp(json_string_value(json_object_get(v, "name")), name) == 0)
			return vector_pdu(ctx, v);
	}
	fail_msg("no vector %s", name);
	return bytes_of(NULL, 0);
}

static struct smpp_pdu decoded(void *ctx, const char *name)
{
	struct smpp_pdu pdu;

	assert_int_equal(smpp_pdu_dec(vector_named(ctx, name), &pdu), 0);
	return pdu;
}

static void every_vector_decodes_and_encodes_back(void **state)
{
	size_t i;
	json_t *v;

	assert_int_equal(json_array_size(json_object_get(vectors, "vectors")), 23);
	json_array_foreach (json_object_get(vectors, "vectors"), i, v) {
		void *ctx = talloc_new(NULL);
		struct bytes in = vector_pdu(ctx, v), out;
		struct smpp_pdu pdu;
		struct wr w;

		assert_int_equal(smpp_pdu_dec(in, &pdu), 0);
		assert_string_equal(smpp_command_name(pdu.command_id),
				    json_string_value(json_object_get(v, "command")));
		wr_init(&w, ctx);
		assert_int_equal(smpp_pdu_enc(&pdu, &w), 0);
		assert_int_equal(wr_end(&w, &out), 0);
		assert_true(bytes_eq(in, out));
		talloc_free(ctx);
	}
}

static void every_reject_is_refused(void **state)
{
	size_t i;
	json_t *v;

	assert_int_equal(json_array_size(json_object_get(vectors, "reject")), 5);
	json_array_foreach (json_object_get(vectors, "reject"), i, v) {
		const char *name = json_string_value(json_object_get(v, "name"));
		void *ctx = talloc_new(NULL);
		struct smpp_pdu pdu = {.seq = 77};
		int want = strcmp(name, "bad-command-length-huge") == 0 ? -ENOSPC : -EINVAL;

		assert_int_equal(smpp_pdu_dec(vector_pdu(ctx, v), &pdu), want);
		assert_int_equal(pdu.seq, 77);
		talloc_free(ctx);
	}
}

static void fields_are_where_the_standard_puts_them(void **state)
{
	void *ctx = talloc_new(NULL);
	struct smpp_pdu pdu = decoded(ctx, "submit_sm-single");
	uint32_t more;

	assert_int_equal(pdu.seq, 2);
	assert_true(bytes_eq(pdu.source.digits, BYTES_LIT("12345")));
	assert_true(bytes_eq(pdu.dest.digits, BYTES_LIT("491700000001")));
	assert_int_equal(pdu.dest.ton, 1);
	assert_int_equal(pdu.esm_class, 0x40);
	assert_int_equal(pdu.protocol_id, 0x7f);
	assert_int_equal(pdu.data_coding, 0xf6);
	assert_int_equal(pdu.registered_delivery, 1);
	assert_true(bytes_eq(pdu.validity_period, BYTES_LIT("000000010000000R")));
	assert_int_equal(pdu.short_message.len, 45);
	assert_int_equal(smpp_tlv_find_uint(pdu.tlvs, SMPP_TAG_MORE_MESSAGES_TO_SEND, &more), -ENOENT);

	pdu = decoded(ctx, "bind_transceiver_resp-ok");
	assert_true(bytes_eq(pdu.system_id, BYTES_LIT("SMSC")));
	assert_int_equal(smpp_tlv_find_uint(pdu.tlvs, SMPP_TAG_SC_INTERFACE_VERSION, &more), 0);
	assert_int_equal(more, 0x34);
	talloc_free(ctx);
}

static void error_responses_may_have_no_body_an_empty_or_a_full_one(void **state)
{
	void *ctx = talloc_new(NULL);
	struct smpp_pdu pdu = decoded(ctx, "submit_sm_resp-throttled");

	assert_true(pdu.no_body);
	assert_int_equal(pdu.status, SMPP_RTHROTTLED);
	pdu = decoded(ctx, "submit_sm_resp-throttled-with-empty-id");
	assert_false(pdu.no_body);
	assert_int_equal(pdu.message_id.len, 0);
	pdu = decoded(ctx, "submit_sm_resp-ok");
	assert_true(bytes_eq(pdu.message_id, BYTES_LIT("00B8BE19")));
	talloc_free(ctx);
}

static void payload_comes_from_the_message_or_its_tlv(void **state)
{
	void *ctx = talloc_new(NULL);
	struct smpp_pdu a = decoded(ctx, "deliver_sm-mo-por"), b = decoded(ctx, "deliver_sm-mo-por-message_payload");

	assert_int_equal(smpp_payload(&a).len, 41);
	assert_true(bytes_eq(smpp_payload(&a), smpp_payload(&b)));
	talloc_free(ctx);
}

static void long_system_id_is_taken_but_not_sent(void **state)
{
	static const char hex[] = "00000028800000090000000000000001"
				  "4162636465666768696A6B6C6D6E6F707172737475767700";
	void *ctx = talloc_new(NULL);
	struct smpp_pdu pdu;
	struct bytes b;
	struct wr w;

	assert_int_equal(hex_dec(ctx, hex, &b), 0);
	assert_int_equal(smpp_pdu_dec(b, &pdu), 0);
	assert_int_equal(pdu.system_id.len, 23);
	wr_init(&w, ctx);
	wr_u8(&w, 0x55);
	assert_int_equal(smpp_pdu_enc(&pdu, &w), -EINVAL);
	assert_int_equal(w.len, 1);
	assert_false(w.failed);
	talloc_free(ctx);
}

static void over_long_text_is_refused_although_it_ends(void **state)
{
	/* submit_sm with a source address of 20 digits, which is the limit, and of 21 */
	struct smpp_pdu sm = {.command_id = SMPP_SUBMIT_SM, .source.digits = BYTES_LIT("12345678901234567890")};
	uint8_t buf[128], one_more[128];
	struct bytes b;
	struct wr w;

	wr_init_buf(&w, buf, sizeof(buf));
	assert_int_equal(smpp_pdu_enc(&sm, &w), 0);
	assert_int_equal(wr_end(&w, &b), 0);
	assert_int_equal(smpp_pdu_dec(b, &sm), 0);
	wr_init_buf(&w, one_more, sizeof(one_more));
	wr_u32(&w, (uint32_t)b.len + 1);
	wr_bytes(&w, bytes_sub(b, 4, 16));
	wr_u8(&w, '0');
	wr_bytes(&w, bytes_sub(b, 20, b.len - 20));
	assert_int_equal(wr_end(&w, &b), 0);
	assert_int_equal(smpp_pdu_dec(b, &sm), -EINVAL);
}

static void unknown_command_is_told_apart(void **state)
{
	void *ctx = talloc_new(NULL);
	struct smpp_pdu pdu;
	struct bytes b;

	assert_int_equal(hex_dec(ctx, "00000010000000990000000000000005", &b), 0);
	assert_int_equal(smpp_pdu_dec(b, &pdu), -ENOENT);
	assert_int_equal(smpp_hdr_dec(b, &pdu), 0);
	assert_int_equal(pdu.command_id, 0x99);
	assert_int_equal(pdu.seq, 5);
	talloc_free(ctx);
}

static void encoder_refuses_what_the_wire_cannot_carry(void **state)
{
	static const uint8_t big[255];
	struct smpp_pdu sm = {.command_id = SMPP_SUBMIT_SM};
	void *ctx = talloc_new(NULL);
	struct wr w;

	wr_init(&w, ctx);
	sm.short_message = BYTES_ARR(big);
	assert_int_equal(smpp_pdu_enc(&sm, &w), -EINVAL);
	sm.short_message.len = 254;
	assert_int_equal(smpp_pdu_enc(&sm, &w), 0);
	sm.dest.digits = BYTES_LIT("123456789012345678901");
	assert_int_equal(smpp_pdu_enc(&sm, &w), -EINVAL);
	sm.dest.digits = BYTES_LIT("12\0");
	assert_int_equal(smpp_pdu_enc(&sm, &w), -EINVAL);
	sm.dest.digits = BYTES_LIT("12");
	sm.tlvs = BYTES_LIT("\x04\x24\x00\x05zz");
	assert_int_equal(smpp_pdu_enc(&sm, &w), -EINVAL);
	sm.tlvs = bytes_of(NULL, 0);
	sm.no_body = true;
	assert_int_equal(smpp_pdu_enc(&sm, &w), -EINVAL);
	talloc_free(ctx);
}

static void framer_cuts_a_stream_fed_octet_by_octet(void **state)
{
	void *ctx = talloc_new(NULL);
	struct bytes a = vector_named(ctx, "submit_sm-single"), b = vector_named(ctx, "enquire_link"), pdu;
	struct smpp_framer *f = smpp_framer_alloc(ctx);
	unsigned seen = 0;

	for (size_t i = 0; i < a.len + b.len; i++) {
		smpp_framer_feed(f, i < a.len ? bytes_sub(a, i, 1) : bytes_sub(b, i - a.len, 1));
		while (smpp_framer_next(f, &pdu) == 1)
			assert_true(bytes_eq(pdu, seen++ ? b : a));
	}
	assert_int_equal(seen, 2);
	smpp_framer_feed(f, a);
	smpp_framer_feed(f, b);
	assert_int_equal(smpp_framer_next(f, &pdu), 1);
	assert_true(bytes_eq(pdu, a));
	assert_int_equal(smpp_framer_next(f, &pdu), 1);
	assert_true(bytes_eq(pdu, b));
	assert_int_equal(smpp_framer_next(f, &pdu), 0);
	talloc_free(ctx);
}

static void framer_tells_impossible_lengths_apart(void **state)
{
	struct smpp_framer *f = smpp_framer_alloc(NULL);
	struct bytes pdu;

	smpp_framer_feed(f, BYTES_LIT("\0\0\0\x0f"));
	assert_int_equal(smpp_framer_next(f, &pdu), -EINVAL);
	assert_int_equal(smpp_framer_next(f, &pdu), -EINVAL);
	talloc_free(f);
	f = smpp_framer_alloc(NULL);
	smpp_framer_feed(f, BYTES_LIT("\0\1\x11\x71")); /* 70001 */
	assert_int_equal(smpp_framer_next(f, &pdu), -ENOSPC);
	talloc_free(f);
}

static void statuses_have_actions(void **state)
{
	assert_int_equal(smpp_status_action(0), SMPP_ACT_OK);
	assert_int_equal(smpp_status_action(0x58), SMPP_ACT_THROTTLED);
	assert_int_equal(smpp_status_action(0x14), SMPP_ACT_QUEUE_FULL);
	assert_int_equal(smpp_status_action(0x08), SMPP_ACT_RETRY);
	assert_int_equal(smpp_status_action(0x45b), SMPP_ACT_RETRY);
	assert_int_equal(smpp_status_action(0x0b), SMPP_ACT_PERMANENT);
	assert_int_equal(smpp_status_action(0x0e), SMPP_ACT_BIND_REFUSED);
	assert_int_equal(smpp_status_action(0xdeadbeef), SMPP_ACT_RETRY_TWICE);
	assert_string_equal(smpp_status_name(0x58), "ESME_RTHROTTLED");
	assert_string_equal(smpp_status_name(0x45b), "vendor");
	assert_string_equal(smpp_status_name(0x6b), "unknown");
}

static bool finds(const struct smpp_msgid *response, const struct smpp_msgid *receipt, enum smpp_msgid_type type)
{
	const char *key = smpp_msgid_key(response, type), *keys[2];

	smpp_msgid_keys(receipt, type, keys);
	return *key && (strcmp(key, keys[0]) == 0 || strcmp(key, keys[1]) == 0);
}

static void receipt_of_the_vectors_reads(void **state)
{
	void *ctx = talloc_new(NULL);
	struct smpp_pdu pdu = decoded(ctx, "deliver_sm-receipt-text-and-tlv");
	struct smpp_msgid tlv_id, text_id;
	struct smpp_receipt rcpt;

	assert_true(smpp_is_receipt(pdu.esm_class));
	assert_int_equal(smpp_receipt_dec(&pdu, &rcpt), 0);
	assert_true(bytes_eq(rcpt.id, BYTES_LIT("B8BE19")));
	assert_int_equal(rcpt.state, SMPP_STATE_DELIVERED);
	assert_true(rcpt.has_network_error);
	assert_int_equal(rcpt.network_type, 3);
	assert_string_equal(rcpt.err, "000");
	/* The note of this vector: the TLV is hexadecimal, the text decimal, both name the same message. */
	assert_int_equal(smpp_msgid_init(rcpt.id, &tlv_id), 0);
	assert_int_equal(smpp_msgid_init(BYTES_LIT("12107289"), &text_id), 0);
	assert_false(finds(&tlv_id, &text_id, SMPP_MSGID_AS_IS));
	assert_true(finds(&tlv_id, &text_id, SMPP_MSGID_HEX_DEC));

	pdu = decoded(ctx, "deliver_sm-receipt-undeliv");
	assert_int_equal(smpp_receipt_dec(&pdu, &rcpt), 0);
	assert_true(bytes_eq(rcpt.id, BYTES_LIT("12107289")));
	assert_int_equal(rcpt.state, SMPP_STATE_UNDELIVERABLE);
	assert_string_equal(rcpt.err, "027");
	talloc_free(ctx);
}

static void receipt_texts_come_in_many_spellings(void **state)
{
	static const struct {
		const char *text, *id, *err;
		enum smpp_message_state state;
	} cases[] = {
		{"stat:EXPIRED ID:abc err:1F4", "abc", "1F4", SMPP_STATE_EXPIRED},
		{"id: 77 Stat : undelivered ERR: 0102", "77", "0102", SMPP_STATE_UNDELIVERABLE},
		{"id:1 text:stat:DELIVRD err:9", "1", "", SMPP_STATE_NONE},
		{"id:1 stat:WHATEVER", "1", "", SMPP_STATE_UNKNOWN},
		{"id:1 stat:DELI err:0", "1", "0", SMPP_STATE_UNKNOWN}, /* delivered or deleted? */
		{"done date:2611211200 stat:REJECTD err:12345", "", "", SMPP_STATE_REJECTED},
		{"paid:5 id:6", "6", "", SMPP_STATE_NONE},
		{"id:00000011 sub:000 dlvrd:000 submit date:2611211200 done date:2611211200 stat:DELIVRD err:000 text:",
		 "00000011", "000", SMPP_STATE_DELIVERED},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct smpp_pdu pdu = {.esm_class = 0x04, .short_message = bytes_str(cases[i].text)};
		struct smpp_receipt rcpt;

		assert_int_equal(smpp_receipt_dec(&pdu, &rcpt), 0);
		assert_true(bytes_eq(rcpt.id, bytes_str(cases[i].id)));
		assert_string_equal(rcpt.err, cases[i].err);
		assert_int_equal(rcpt.state, cases[i].state);
	}
	assert_int_equal(smpp_receipt_dec(&(struct smpp_pdu){.short_message = BYTES_LIT("text:id:1 id")},
					  &(struct smpp_receipt){.id = BYTES_LIT("")}),
			 -EINVAL);
}

static void message_ids_match_across_bases(void **state)
{
	struct smpp_msgid a, b;

	assert_int_equal(smpp_msgid_init(BYTES_LIT("00008b8ea9"), &a), 0);
	assert_string_equal(a.as_hex, "8B8EA9");
	assert_string_equal(a.as_dec, "");
	assert_int_equal(smpp_msgid_init(BYTES_LIT("8B8EA9"), &b), 0);
	assert_true(finds(&a, &b, SMPP_MSGID_AS_IS));
	assert_int_equal(smpp_msgid_init(BYTES_LIT("9146025"), &b), 0); /* 0x8B8EA9 */
	assert_string_equal(b.as_dec, "8B8EA9");
	assert_false(finds(&a, &b, SMPP_MSGID_AS_IS));
	assert_true(finds(&a, &b, SMPP_MSGID_HEX_DEC));
	assert_true(finds(&b, &a, SMPP_MSGID_DEC_HEX));
	assert_false(finds(&b, &a, SMPP_MSGID_HEX_DEC));
	/* What is no number of the base stands for itself. */
	assert_int_equal(smpp_msgid_init(BYTES_LIT("a1b2-UUID"), &b), 0);
	for (enum smpp_msgid_type type = SMPP_MSGID_AS_IS; type <= SMPP_MSGID_DEC_HEX; type++)
		assert_true(finds(&b, &b, type));
	assert_false(finds(&a, &b, SMPP_MSGID_AS_IS));
	assert_true(finds(&a, &a, SMPP_MSGID_DEC_HEX));
	assert_int_equal(smpp_msgid_init(BYTES_LIT(""), &a), -EINVAL);
	/* 2^64 and the largest id of all */
	assert_int_equal(smpp_msgid_init(BYTES_LIT("18446744073709551616"), &a), 0);
	assert_string_equal(a.as_dec, "010000000000000000");
	assert_int_equal(
		smpp_msgid_init(BYTES_LIT("9999999999999999999999999999999999999999999999999999999999999999"), &a), 0);
	assert_int_equal(strlen(a.as_dec), 54);
	assert_int_equal(
		smpp_msgid_init(BYTES_LIT("00000000000000000000000000000000000000000000000000000000000000000"), &a),
		-ENOSPC);
}

static void times_have_both_forms(void **state)
{
	char text[SMPP_TIME_LEN];
	int64_t ms = 5;

	assert_int_equal(smpp_time_relative(3600 * 1000, text), 0);
	assert_string_equal(text, "000000010000000R"); /* the form of vector submit_sm-single */
	assert_int_equal(smpp_time_dec(bytes_str(text), 1000, &ms), 0);
	assert_int_equal(ms, 3601000);
	assert_int_equal(smpp_time_relative(0, text), -EINVAL);
	assert_int_equal(smpp_time_relative(31LL * 86400 * 1000, text), -EINVAL);
	assert_int_equal(smpp_time_absolute(1795000000300, text), 0); /* date -u -d @1795000000 */
	assert_string_equal(text, "261118110640300+");
	assert_int_equal(smpp_time_dec(bytes_str(text), 0, &ms), 0);
	assert_int_equal(ms, 1795000000300);
	assert_int_equal(smpp_time_dec(BYTES_LIT("261118120640304+"), 0, &ms), 0);
	assert_int_equal(ms, 1795000000300);
	assert_int_equal(smpp_time_dec(BYTES_LIT(""), 0, &ms), -ENOENT);
	assert_int_equal(smpp_time_dec(BYTES_LIT("26111812064030+"), 0, &ms), -EINVAL);
	assert_int_equal(smpp_time_dec(BYTES_LIT("26x118120640304+"), 0, &ms), -EINVAL);
	assert_int_equal(ms, 1795000000300);
}

static void segment_numbers_come_from_sar_tlvs(void **state)
{
	static const char tlvs[] = "\x02\x0c\x00\x02\x00\x07\x02\x0e\x00\x01\x02\x02\x0f\x00\x01\x01";
	struct smpp_pdu pdu = {.tlvs = bytes_of(tlvs, sizeof(tlvs) - 1)};
	struct smpp_sar sar;

	assert_int_equal(smpp_sar_dec(&pdu, &sar), 0);
	assert_int_equal(sar.ref, 7);
	assert_int_equal(sar.total, 2);
	assert_int_equal(sar.seq, 1);
	pdu.tlvs.len -= 5;
	assert_int_equal(smpp_sar_dec(&pdu, &sar), -ENOENT);
}

static void segment_numbers_that_cannot_be_are_refused(void **state)
{
	static const struct {
		uint32_t ref, total, seq;
	} bad[] = {{7, 2, 3}, {7, 2, 0}, {7, 0, 0}, {7, 256, 1}, {0x10000, 2, 1}};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct smpp_sar sar = {.ref = 99};
		struct smpp_pdu pdu = {0};
		uint8_t buf[40];
		struct wr w;

		wr_init_buf(&w, buf, sizeof(buf));
		smpp_tlv_put_uint(&w, SMPP_TAG_SAR_MSG_REF_NUM, bad[i].ref, 4);
		smpp_tlv_put_uint(&w, SMPP_TAG_SAR_TOTAL_SEGMENTS, bad[i].total, 2);
		smpp_tlv_put_uint(&w, SMPP_TAG_SAR_SEGMENT_SEQNUM, bad[i].seq, 1);
		assert_int_equal(wr_end(&w, &pdu.tlvs), 0);
		assert_int_equal(smpp_sar_dec(&pdu, &sar), -EINVAL);
		assert_int_equal(sar.ref, 99);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_vector_decodes_and_encodes_back),
		cmocka_unit_test(every_reject_is_refused),
		cmocka_unit_test(fields_are_where_the_standard_puts_them),
		cmocka_unit_test(error_responses_may_have_no_body_an_empty_or_a_full_one),
		cmocka_unit_test(payload_comes_from_the_message_or_its_tlv),
		cmocka_unit_test(long_system_id_is_taken_but_not_sent),
		cmocka_unit_test(over_long_text_is_refused_although_it_ends),
		cmocka_unit_test(unknown_command_is_told_apart),
		cmocka_unit_test(encoder_refuses_what_the_wire_cannot_carry),
		cmocka_unit_test(framer_cuts_a_stream_fed_octet_by_octet),
		cmocka_unit_test(framer_tells_impossible_lengths_apart),
		cmocka_unit_test(statuses_have_actions),
		cmocka_unit_test(receipt_of_the_vectors_reads),
		cmocka_unit_test(receipt_texts_come_in_many_spellings),
		cmocka_unit_test(message_ids_match_across_bases),
		cmocka_unit_test(times_have_both_forms),
		cmocka_unit_test(segment_numbers_come_from_sar_tlvs),
		cmocka_unit_test(segment_numbers_that_cannot_be_are_refused),
	};
	int rc;

	vectors = json_load_file("tests/vectors/smpp.json", 0, NULL);
	if (!vectors)
		return 1;
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	json_decref(vectors);
	return rc;
}
