/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Expected octets: X.690 §8.1.3 length forms, and the STORE DATA of a real card quoted in the card-side digest
 * (3A01 A9 7F21 81A5: a DGI of 169 octets around a BER-TLV of 165). */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>
#include <talloc.h>

#include "common/codec/ber.h"

static struct bytes unhex(void *ctx, const char *hex)
{
	struct bytes b;

	assert_int_equal(hex_dec(ctx, hex, &b), 0);
	return b;
}

static void ber_reads_all_tag_and_length_forms(void **state)
{
	void *ctx = talloc_new(NULL);
	struct ber t;
	struct rd r;

	rd_init(&r, unhex(ctx, "4F01AA9F708101BB5F200082820001CC"));
	assert_true(ber_next(&r, &t));
	assert_int_equal(t.tag, 0x4f);
	assert_true(ber_next(&r, &t));
	assert_int_equal(t.tag, 0x9f70);
	assert_int_equal(t.value.data[0], 0xbb);
	assert_true(ber_next(&r, &t));
	assert_int_equal(t.tag, 0x5f20);
	assert_int_equal(t.value.len, 0);
	assert_true(ber_next(&r, &t));
	assert_int_equal(t.tag, 0x82);
	assert_int_equal(t.value.data[0], 0xcc);
	assert_false(ber_next(&r, &t));
	assert_int_equal(rd_end(&r), 0);
	talloc_free(ctx);
}

static void ber_refuses_what_is_cut_or_indefinite(void **state)
{
	static const char *const bad[] = {"4F",		"4F02AA",	    "9F",     "9FFFFF01",
					  "4F80AA0000", "4F85000000000100", "4F8400", "4F84FFFFFFFF"};
	void *ctx = talloc_new(NULL);

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct ber t;
		struct rd r;

		rd_init(&r, unhex(ctx, bad[i]));
		assert_false(ber_next(&r, &t));
		assert_int_equal(rd_end(&r), -EINVAL);
	}
	talloc_free(ctx);
}

static void ber_find_demands_a_sound_level(void **state)
{
	void *ctx = talloc_new(NULL);
	struct bytes v;

	assert_int_equal(ber_find(unhex(ctx, "8101018202AABB"), 0x82, &v), 0);
	assert_int_equal(v.len, 2);
	assert_int_equal(ber_find(unhex(ctx, "8101018202AABB"), 0x83, &v), -ENOENT);
	assert_int_equal(ber_find(unhex(ctx, "8101018202AA"), 0x81, &v), -EINVAL);
	talloc_free(ctx);
}

static void ber_numbers_have_their_length(void **state)
{
	void *ctx = talloc_new(NULL);
	struct rd r;

	rd_init(&r, unhex(ctx, "810301020389084041424344454647"));
	assert_int_equal(ber_expect_uint(&r, 0x81, 3), 0x010203);
	assert_true(ber_expect_uint(&r, 0x89, 8) == 0x4041424344454647);
	assert_int_equal(rd_end(&r), 0);
	for (size_t len = 1; len <= 4; len++) {
		rd_init(&r, unhex(ctx, "8103010203"));
		assert_int_equal(ber_expect_uint(&r, 0x81, len), len == 3 ? 0x010203 : 0);
		assert_int_equal(rd_end(&r), len == 3 ? 0 : -EINVAL);
	}
	rd_init(&r, unhex(ctx, "8103010203"));
	assert_int_equal(ber_expect_uint(&r, 0x82, 3), 0);
	assert_int_equal(rd_end(&r), -EINVAL);
	talloc_free(ctx);
}

static void ber_check_limits_the_depth(void **state)
{
	void *ctx = talloc_new(NULL);

	assert_int_equal(ber_check(unhex(ctx, "E104E202A100"), 3), 0);
	assert_int_equal(ber_check(unhex(ctx, "E104E202A100"), 2), -ENOSPC);
	assert_int_equal(ber_check(unhex(ctx, "E104E203A100"), 3), -EINVAL);
	talloc_free(ctx);
}

static void dgi_and_ber_lengths_differ(void **state)
{
	void *ctx = talloc_new(NULL);
	uint8_t zero[300] = {0};
	struct bytes out;
	struct wr w;

	wr_init(&w, ctx);
	dgi_put(&w, 0x3a01, bytes_of(zero, 0xa9));
	ber_put(&w, 0x7f21, bytes_of(zero, 0xa5));
	dgi_put(&w, 0x3a01, bytes_of(zero, 255));
	assert_int_equal(wr_end(&w, &out), 0);
	assert_memory_equal(out.data, "\x3a\x01\xa9", 3);
	assert_memory_equal(out.data + 3 + 0xa9, "\x7f\x21\x81\xa5", 4);
	assert_memory_equal(out.data + 3 + 0xa9 + 4 + 0xa5, "\x3a\x01\xff\x00\xff", 5);
	talloc_free(ctx);
}

static void dgi_reads_side_by_side(void **state)
{
	void *ctx = talloc_new(NULL);
	struct dgi d;
	struct rd r;

	rd_init(&r, unhex(ctx, "3A0202AABB7F4900"));
	assert_true(dgi_next(&r, &d));
	assert_int_equal(d.id, 0x3a02);
	assert_true(dgi_next(&r, &d));
	assert_int_equal(d.id, 0x7f49);
	assert_int_equal(d.value.len, 0);
	assert_false(dgi_next(&r, &d));
	assert_int_equal(rd_end(&r), 0);
	rd_init(&r, unhex(ctx, "3A02FF0001"));
	assert_false(dgi_next(&r, &d));
	assert_int_equal(rd_end(&r), -EINVAL);
	talloc_free(ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ber_reads_all_tag_and_length_forms),
		cmocka_unit_test(ber_refuses_what_is_cut_or_indefinite),
		cmocka_unit_test(ber_find_demands_a_sound_level),
		cmocka_unit_test(ber_numbers_have_their_length),
		cmocka_unit_test(ber_check_limits_the_depth),
		cmocka_unit_test(dgi_and_ber_lengths_differ),
		cmocka_unit_test(dgi_reads_side_by_side),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
