/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>
#include <talloc.h>

#include "common/codec/bytes.h"

static void reader_fails_once_and_stays_failed(void **state)
{
	const uint8_t in[] = {1, 2, 3, 4, 5};
	struct rd r;

	rd_init(&r, BYTES_ARR(in));
	assert_int_equal(rd_u16(&r), 0x0102);
	assert_int_equal(rd_u32(&r), 0);
	assert_true(r.failed);
	assert_int_equal(rd_u8(&r), 0);
	assert_int_equal(rd_left(&r), 0);
	assert_int_equal(rd_end(&r), -EINVAL);
}

static void reader_demands_the_end(void **state)
{
	const uint8_t in[] = {1, 2};
	struct rd r;

	rd_init(&r, BYTES_ARR(in));
	rd_u8(&r);
	assert_int_equal(rd_peek(&r), 2);
	assert_int_equal(rd_end(&r), -EINVAL);
	rd_u8(&r);
	assert_int_equal(rd_peek(&r), -1);
	assert_int_equal(rd_end(&r), 0);
}

static void reader_takes_integers_up_to_eight_octets(void **state)
{
	struct rd r;

	rd_init(&r, BYTES_LIT("\x01\x02\x03\x04\x05\x06\x07\x08\x09"));
	assert_true(rd_uint(&r, 8) == UINT64_C(0x0102030405060708));
	assert_int_equal(rd_uint(&r, 0), 0);
	assert_int_equal(rd_uint(&r, 1), 9);
	assert_int_equal(rd_end(&r), 0);
	rd_init(&r, BYTES_LIT("\x01\x02\x03\x04\x05\x06\x07\x08\x09"));
	assert_int_equal(rd_uint(&r, 9), 0);
	assert_int_equal(rd_end(&r), -EINVAL);
}

static void reader_takes_an_empty_input(void **state)
{
	struct rd r;

	rd_init(&r, bytes_of(NULL, 0));
	assert_int_equal(rd_rest(&r).len, 0);
	assert_int_equal(rd_end(&r), 0);
}

static void writer_stops_at_its_buffer(void **state)
{
	uint8_t buf[3];
	struct bytes out;
	struct wr w;

	wr_init_buf(&w, buf, sizeof(buf));
	wr_u16(&w, 0xabcd);
	wr_u16(&w, 0x0102);
	wr_u8(&w, 1);
	assert_int_equal(wr_end(&w, &out), -ENOSPC);
}

static void writer_grows_and_refuses_what_does_not_fit_its_width(void **state)
{
	void *ctx = talloc_new(NULL);
	struct bytes out;
	struct wr w;

	wr_init(&w, ctx);
	for (int i = 0; i < 1000; i++)
		wr_uint(&w, (uint64_t)i, 5);
	assert_int_equal(wr_end(&w, &out), 0);
	assert_int_equal(out.len, 5000);
	assert_int_equal(out.data[4999], 999 & 0xff);
	wr_uint(&w, 0x100, 1);
	assert_int_equal(wr_end(&w, &out), -ENOSPC);
	talloc_free(ctx);
}

static void hex_goes_both_ways_and_takes_no_junk(void **state)
{
	void *ctx = talloc_new(NULL);
	uint8_t two[2];
	struct bytes b;

	assert_int_equal(hex_dec(ctx, "00aBfF", &b), 0);
	assert_string_equal(hex_enc(ctx, b), "00ABFF");
	assert_int_equal(hex_dec(ctx, "", &b), 0);
	assert_int_equal(b.len, 0);
	assert_int_equal(hex_dec(ctx, "0", &b), -EINVAL);
	assert_int_equal(hex_dec(ctx, "0g", &b), -EINVAL);
	assert_int_equal(hex_dec(ctx, "0x01", &b), -EINVAL);
	assert_int_equal(hex_dec(ctx, " 01", &b), -EINVAL);
	assert_int_equal(hex_dec_buf(two, sizeof(two), "0102"), 0);
	assert_int_equal(hex_dec_buf(two, sizeof(two), "010203"), -EINVAL);
	talloc_free(ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reader_fails_once_and_stays_failed),
		cmocka_unit_test(reader_demands_the_end),
		cmocka_unit_test(reader_takes_an_empty_input),
		cmocka_unit_test(reader_takes_integers_up_to_eight_octets),
		cmocka_unit_test(writer_stops_at_its_buffer),
		cmocka_unit_test(writer_grows_and_refuses_what_does_not_fit_its_width),
		cmocka_unit_test(hex_goes_both_ways_and_takes_no_junk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
