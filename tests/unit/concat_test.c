/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Segments of tests/vectors/scp80.json, capacities of TS 23.040 (140 octets less the header), joining in memory. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>
#include <talloc.h>

#include "scp80/concat.h"
#include "scp80/crc.h"
#include "tests/support/vec.h"

static struct bytes seg(void *ctx, const json_t *v, size_t i)
{
	return unhex(ctx, json_string_value(json_array_get(json_object_get(v, "expected_sms_tpdu_user_data"), i)));
}

static void check_segments(const json_t *v, const char *field, enum ud_kind kind)
{
	size_t n = json_array_size(json_object_get(v, "expected_sms_tpdu_user_data"));
	void *ctx = talloc_new(NULL);
	struct ud_msg msg = {.kind = kind, .pkt = vec_hex(ctx, v, field)};
	struct bytes payload[8], got;
	struct ud_part part;
	struct wr w;

	if (n == 0)
		goto out;
	assert_int_equal(vec_int(v, "segments"), n);
	assert_int_equal(ud_segments(msg.pkt.len, false), n);
	assert_int_equal(ud_dec(true, seg(ctx, v, 0), &part), 0);
	msg.ref = part.ref;
	if (vec_str(v, "concat_ref") || json_is_integer(json_object_get(v, "concat_ref")))
		assert_int_equal(part.ref, vec_int(v, "concat_ref"));
	for (unsigned int i = 1; i <= n; i++) {
		uint8_t buf[UD_MAX];

		wr_init_buf(&w, buf, sizeof(buf));
		assert_int_equal(ud_enc(&msg, i, &w), 0);
		assert_int_equal(wr_end(&w, &got), 0);
		assert_true(bytes_eq(got, seg(ctx, v, i - 1)));
		assert_int_equal(ud_dec(true, seg(ctx, v, i - 1), &part), 0);
		assert_int_equal(part.index, i);
		assert_int_equal(part.total, n);
		assert_int_equal(part.kind, i == 1 ? kind : UD_OTHER);
		payload[i - 1] = part.payload;
	}
	wr_init(&w, ctx);
	assert_int_equal(ud_join(payload, n, msg.pkt.len, &w), 0);
	assert_int_equal(wr_end(&w, &got), 0);
	assert_true(bytes_eq(got, msg.pkt));
	assert_int_equal(ud_join(payload, n, msg.pkt.len - 1, &w), -ENOSPC);
out:
	talloc_free(ctx);
}

static void check_command(const json_t *v)
{
	check_segments(v, "expected_command_packet", UD_COMMAND);
}

static void check_response(const json_t *v)
{
	check_segments(v, "expected_response_packet", UD_RESPONSE);
}

static void vectors_are_cut_and_joined(void **state)
{
	assert_int_equal(vec_each("tests/vectors/scp80.json", "command", check_command), 39);
	assert_int_equal(vec_each("tests/vectors/scp80.json", "response", check_response), 23);
}

/* So many octets fit: a header of 3 octets; or of 6 (7 with a reference of 16 bits) in each, and 2 more in the first.
 */
static size_t room(size_t n, bool ref16)
{
	return n == 1 ? 137 : n * (ref16 ? 133 : 134) - 2;
}

static void segments_are_no_more_than_needed(void **state)
{
	for (unsigned int n = 1; n <= 255; n++) {
		assert_int_equal(ud_segments(room(n, n & 1), n & 1), n);
		assert_int_equal(ud_segments(room(n, n & 1) + 1, n & 1), n < 255 ? n + 1 : 0);
	}
}

static void sixteen_bit_references(void **state)
{
	void *ctx = talloc_new(NULL);
	uint8_t pkt[200] = {0xaa}, buf[UD_MAX];
	struct ud_msg msg = {.kind = UD_RESPONSE, .pkt = BYTES_ARR(pkt), .ref = 0x1234, .ref16 = true};
	struct ud_part part;
	struct bytes got;
	struct wr w;

	wr_init_buf(&w, buf, sizeof(buf));
	assert_int_equal(ud_enc(&msg, 1, &w), 0);
	assert_memory_equal(buf, "\x08\x08\x04\x12\x34\x02\x01\x71\x00\xaa", 10);
	assert_int_equal(w.len, 140);
	wr_init_buf(&w, buf, sizeof(buf));
	assert_int_equal(ud_enc(&msg, 2, &w), 0);
	assert_memory_equal(buf, "\x06\x08\x04\x12\x34\x02\x02", 7);
	assert_int_equal(wr_end(&w, &got), 0);
	assert_int_equal(ud_dec(true, got, &part), 0);
	assert_int_equal(part.ref, 0x1234);
	assert_true(part.ref16);
	assert_int_equal(part.payload.len, 200 - 131);
	msg.ref16 = false;
	assert_int_equal(ud_enc(&msg, 1, &w), -EINVAL);
	msg.ref = 1;
	assert_int_equal(ud_enc(&msg, 0, &w), -EINVAL);
	assert_int_equal(ud_enc(&msg, 3, &w), -EINVAL);
	msg.kind = UD_OTHER;
	assert_int_equal(ud_enc(&msg, 1, &w), -EINVAL);
	talloc_free(ctx);
}

static int dec(bool udhi, const char *hex, struct ud_part *part)
{
	void *ctx = talloc_new(NULL);
	int rc = ud_dec(udhi, unhex(ctx, hex), part);

	talloc_free(ctx);
	return rc;
}

static void headers_in_any_order_and_none(void **state)
{
	struct ud_part p;

	/* 70 first, an unknown element, then the reference */
	assert_int_equal(dec(true, "0A7000240101000309020155", &p), 0);
	assert_int_equal(p.kind, UD_COMMAND);
	assert_int_equal(p.ref, 9);
	assert_int_equal(p.total, 2);
	assert_int_equal(p.payload.len, 1);
	/* repeated in a later segment */
	assert_int_equal(dec(true, "070003090202700055", &p), 0);
	assert_int_equal(p.kind, UD_COMMAND);
	/* without TP-UDHI */
	assert_int_equal(dec(false, "0271000B0A", &p), 0);
	assert_int_equal(p.kind, UD_RESPONSE);
	assert_int_equal(p.payload.len, 2);
	/* not ours */
	assert_int_equal(dec(false, "48656C6C6F", &p), -ENOENT);
	assert_int_equal(dec(false, "", &p), -ENOENT);
	assert_int_equal(dec(true, "0500030902014142", &p), -ENOENT);
	assert_int_equal(dec(true, "0041", &p), -ENOENT);
}

static void headers_that_cannot_be(void **state)
{
	static const char *const bad[] = {
		"",
		"02",
		"0270",
		"027001",
		"0570000003",
		"027005AA",
		"0500030900",
		"050003090200",
		"0500030902035500",
		"050003090001",
		"04000209021",
		"0400020902",
		"060804090201AA",
	};
	struct ud_part p;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (strlen(bad[i]) % 2 == 0)
			assert_int_equal(dec(true, bad[i], &p), -EINVAL);
	}
}

/* ---- reassembly ---- */

static struct ud_part mk(uint8_t ref, uint8_t total, uint8_t index, const char *text)
{
	return (struct ud_part){
		.kind = index == 1 ? UD_COMMAND : UD_OTHER,
		.ref = ref,
		.total = total,
		.index = index,
		.payload = bytes_str(text),
	};
}

struct bench {
	void *ctx;
	struct reasm *r;
	struct reasm_msg msg;
	uint64_t now_ms;
};

static struct bench bench_start(const struct reasm_limits *limits)
{
	void *ctx = talloc_new(NULL);

	return (struct bench){.ctx = ctx, .r = reasm_alloc(ctx, limits), .now_ms = 1000000};
}

static int add(struct bench *b, const char *sender, struct ud_part part)
{
	const struct reasm_from from = {.sender = bytes_str(sender), .pid = 0x7f, .dcs = 0xf6};

	return reasm_add(b->r, b->ctx, &from, &part, b->now_ms, &b->msg);
}

static void parts_join_in_any_order(void **state)
{
	struct bench b = bench_start(&reasm_limits_default);

	assert_int_equal(add(&b, "1", mk(7, 3, 3, "C")), -EAGAIN);
	assert_int_equal(add(&b, "1", mk(7, 3, 1, "A")), -EAGAIN);
	assert_int_equal(add(&b, "1", mk(7, 3, 1, "A")), -EALREADY);
	assert_int_equal(add(&b, "2", mk(7, 3, 2, "x")), -EAGAIN);
	assert_int_equal(add(&b, "1", mk(8, 3, 2, "y")), -EAGAIN);
	assert_int_equal(add(&b, "1", mk(7, 2, 2, "z")), -EAGAIN);
	assert_int_equal(add(&b, "1", mk(7, 3, 2, "B")), 0);
	assert_int_equal(b.msg.kind, UD_COMMAND);
	assert_true(bytes_eq(b.msg.pkt, BYTES_LIT("ABC")));
	assert_int_equal(add(&b, "1", mk(0, 1, 1, "whole")), 0);
	assert_true(bytes_eq(b.msg.pkt, BYTES_LIT("whole")));
	assert_int_not_equal(reasm_octets(b.r), 0);
	assert_int_equal(reasm_expire(b.r, b.now_ms + reasm_limits_default.lifetime_ms), 3);
	assert_int_equal(reasm_octets(b.r), 0);
	talloc_free(b.ctx);
}

static void a_contradiction_drops_the_message(void **state)
{
	struct bench b = bench_start(&reasm_limits_default);
	struct ud_part other = mk(7, 2, 2, "B");

	assert_int_equal(add(&b, "1", mk(7, 2, 1, "A")), -EAGAIN);
	assert_int_equal(add(&b, "1", mk(7, 2, 1, "a")), -EPROTO);
	assert_int_equal(reasm_octets(b.r), 0);
	assert_int_equal(add(&b, "1", mk(7, 2, 1, "A")), -EAGAIN);
	other.kind = UD_RESPONSE;
	assert_int_equal(add(&b, "1", other), -EPROTO);
	assert_int_equal(reasm_octets(b.r), 0);
	talloc_free(b.ctx);
}

static void bounds_hold(void **state)
{
	const struct reasm_limits lim = {.parts = 4, .per_sender = 2, .octets = 3000, .lifetime_ms = 100};
	struct bench b = bench_start(&lim);
	char big[2900];

	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	assert_int_equal(add(&b, "1", mk(1, 5, 1, "A")), -ENOSPC);
	assert_int_equal(add(&b, "1", mk(1, 4, 1, "")), -EAGAIN);
	assert_int_equal(add(&b, "1", mk(2, 4, 1, "A")), -EAGAIN);
	assert_int_equal(add(&b, "1", mk(3, 4, 1, "A")), -ENOSPC);
	assert_int_equal(add(&b, "2", mk(3, 4, 1, "A")), -EAGAIN);
	assert_int_equal(add(&b, "2", mk(3, 4, 2, big)), -ENOSPC);
	/* Empty parts are not free either. */
	for (int i = 0; i < 100; i++) {
		char sender[2] = {(char)('A' + i % 26), '\0'};

		(void)!add(&b, sender, mk((uint8_t)i, 4, 1, ""));
		assert_true(reasm_octets(b.r) <= lim.octets);
	}
	b.now_ms += 99;
	assert_int_equal(reasm_expire(b.r, b.now_ms), 0);
	b.now_ms += 1;
	assert_int_equal(add(&b, "1", mk(1, 2, 1, "A")), -EAGAIN);
	assert_int_equal(add(&b, "1", mk(1, 2, 2, "B")), 0);
	assert_int_equal(reasm_octets(b.r), 0);
	talloc_free(b.ctx);
}

/* TS 102 225 quotes both for 01 02 03 04 05. */
static void crc_of_the_standard(void **state)
{
	assert_int_equal(crc16_end(crc16_add(CRC16_INIT, BYTES_LIT("\x01\x02\x03\x04\x05"))), 0x22ec);
	assert_int_equal(crc32_end(crc32_add(CRC32_INIT, BYTES_LIT("\x01\x02\x03\x04\x05"))), 0x470b99f4);
	assert_int_equal(crc32_end(crc32_add(crc32_add(CRC32_INIT, BYTES_LIT("\x01\x02")), BYTES_LIT("\x03\x04\x05"))),
			 0x470b99f4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors_are_cut_and_joined),
		cmocka_unit_test(segments_are_no_more_than_needed),
		cmocka_unit_test(sixteen_bit_references),
		cmocka_unit_test(headers_in_any_order_and_none),
		cmocka_unit_test(headers_that_cannot_be),
		cmocka_unit_test(parts_join_in_any_order),
		cmocka_unit_test(a_contradiction_drops_the_message),
		cmocka_unit_test(bounds_hold),
		cmocka_unit_test(crc_of_the_standard),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
