/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* SMPP codec: what decodes encodes to the same octets; cut anywhere it is refused; no flipped bit is read out of
 * bounds; a stream cut at any place gives the same PDUs. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>
#include <talloc.h>

#include "common/codec/smpp_text.h"

static json_t *list;

/* A copy of exactly the right size, so that the sanitizer sees the first octet read too many. */
static struct bytes exact(void *ctx, struct bytes b)
{
	return bytes_dup(ctx, b);
}

static void patch_len(uint8_t *pdu, size_t len)
{
	struct wr w;

	wr_init_buf(&w, pdu, 4);
	wr_u32(&w, (uint32_t)len);
}

/* Decoding either fails or gives a PDU that encodes back; a system_id longer than we send is the one exception. */
static void check_one(void *ctx, struct bytes in)
{
	struct smpp_receipt rcpt;
	struct smpp_pdu pdu;
	struct smpp_sar sar;
	struct bytes out;
	struct wr w;
	int rc;

	if (smpp_pdu_dec(in, &pdu) < 0)
		return;
	rc = smpp_receipt_dec(&pdu, &rcpt);
	rc |= smpp_sar_dec(&pdu, &sar);
	(void)rc;
	wr_init(&w, ctx);
	if (smpp_pdu_enc(&pdu, &w) < 0) {
		assert_true(pdu.system_id.len >= 16 || pdu.short_message.len == 255);
		return;
	}
	assert_int_equal(wr_end(&w, &out), 0);
	assert_true(bytes_eq(in, out));
}

static void for_each_vector(void (*fn)(void *ctx, struct bytes pdu))
{
	size_t i;
	json_t *v;

	json_array_foreach (list, i, v) {
		void *ctx = talloc_new(NULL);
		struct bytes b;

		assert_int_equal(hex_dec(ctx, json_string_value(json_object_get(v, "pdu")), &b), 0);
		fn(ctx, exact(ctx, b));
		talloc_free(ctx);
	}
}

static void cut_everywhere(void *ctx, struct bytes pdu)
{
	for (size_t n = 0; n < pdu.len; n++) {
		struct bytes cut = exact(ctx, bytes_sub(pdu, 0, n));
		struct smpp_pdu out;

		assert_true(smpp_pdu_dec(cut, &out) < 0);
		/* The same octets as a shorter PDU in its own right: refused, or sound as it stands. */
		if (n >= SMPP_HDR_LEN) {
			patch_len((uint8_t *)cut.data, n);
			check_one(ctx, cut);
		}
	}
}

static void flip_every_bit(void *ctx, struct bytes pdu)
{
	for (size_t bit = 0; bit < 8 * pdu.len; bit++) {
		void *tmp = talloc_new(ctx);
		struct bytes copy = exact(tmp, pdu);

		((uint8_t *)copy.data)[bit / 8] ^= (uint8_t)(1 << bit % 8);
		check_one(tmp, copy);
		talloc_free(tmp);
	}
}

static void cuts_are_refused(void **state)
{
	for_each_vector(cut_everywhere);
}

static void flips_are_harmless(void **state)
{
	for_each_vector(flip_every_bit);
}

static void streams_may_be_cut_anywhere(void **state)
{
	void *ctx = talloc_new(NULL);
	struct bytes all, want[32], pdu;
	struct wr w;
	size_t n = 0, i;
	json_t *v;

	wr_init(&w, ctx);
	json_array_foreach (list, i, v) {
		assert_int_equal(hex_dec(ctx, json_string_value(json_object_get(v, "pdu")), &want[n]), 0);
		wr_bytes(&w, want[n++]);
	}
	assert_int_equal(wr_end(&w, &all), 0);
	for (size_t step = 1; step < all.len; step += step / 7 + 1) {
		struct smpp_framer *f = smpp_framer_alloc(ctx);
		size_t got = 0;

		for (size_t at = 0; at < all.len; at += step) {
			smpp_framer_feed(f, bytes_sub(all, at, step < all.len - at ? step : all.len - at));
			while (smpp_framer_next(f, &pdu) == 1) {
				assert_true(got < n && bytes_eq(pdu, want[got]));
				got++;
			}
		}
		assert_int_equal(got, n);
		talloc_free(f);
	}
	talloc_free(ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cuts_are_refused),
		cmocka_unit_test(flips_are_harmless),
		cmocka_unit_test(streams_may_be_cut_anywhere),
	};
	json_t *root = json_load_file("tests/vectors/smpp.json", 0, NULL);
	int rc;

	list = json_object_get(root, "vectors");
	if (!json_array_size(list))
		return 1;
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	json_decref(root);
	return rc;
}
