/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* TPDUs: the ready-made one of tests/vectors/scp80.json (A01), and octets built by hand from TS 23.040 and TS 31.111.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>
#include <talloc.h>

#include "scp80/sms.h"
#include "tests/support/vec.h"

static unsigned int seen;

static struct bytes out(const struct wr *w)
{
	struct bytes b;

	assert_int_equal(wr_end(w, &b), 0);
	return b;
}

static void check_tpdu(const json_t *v)
{
	void *ctx = talloc_new(NULL);
	struct bytes tpdu = vec_hex(ctx, v, "sms_deliver_tpdu"), apdu = vec_hex(ctx, v, "envelope_apdu"), found;
	struct sms_deliver d;
	struct sms_addr smsc;
	struct wr w;

	if (tpdu.len == 0)
		goto done;
	seen++;
	assert_int_equal(sms_deliver_dec(tpdu, &d), 0);
	assert_string_equal(d.oa.digits, "12345678");
	assert_int_equal(d.oa.type, 0x91);
	assert_int_equal(d.pid, SMS_PID_USIM_DOWNLOAD);
	assert_int_equal(d.dcs, SMS_DCS_CLASS2_8BIT);
	assert_true(d.udhi && !d.more);
	assert_true(bytes_eq(d.ud, unhex(ctx, json_string_value(json_array_get(
						      json_object_get(v, "expected_sms_tpdu_user_data"), 0)))));
	wr_init(&w, ctx);
	assert_int_equal(sms_deliver_enc(&d, &w), 0);
	assert_true(bytes_eq(out(&w), tpdu));
	assert_int_equal(sms_envelope_dec(apdu, &found), 0);
	assert_true(bytes_eq(found, tpdu));
	assert_int_equal(sms_addr_set(&smsc, 0, "+4912345"), 0);
	wr_init(&w, ctx);
	assert_int_equal(sms_envelope_enc(&smsc, tpdu, &w), 0);
	assert_true(bytes_eq(out(&w), apdu));
done:
	talloc_free(ctx);
}

static void deliver_and_envelope_of_the_vectors(void **state)
{
	vec_each("tests/vectors/scp80.json", "command", check_tpdu);
	assert_int_equal(seen, 1);
}

static void submit_in_all_validity_forms(void **state)
{
	static const char *const tv[] = {
		"41050B919421436587F97FF6030271AA",
		"51050B919421436587F97FF6A7030271AA",
		"59050B919421436587F97FF662010121436500030271AA",
		"6105048121437FF60100",
	};
	void *ctx = talloc_new(NULL);

	for (size_t i = 0; i < sizeof(tv) / sizeof(tv[0]); i++) {
		struct bytes tpdu = unhex(ctx, tv[i]);
		struct sms_submit s;
		struct wr w;

		assert_int_equal(sms_submit_dec(tpdu, &s), 0);
		assert_string_equal(s.da.digits, i < 3 ? "49123456789" : "1234");
		assert_int_equal(s.mr, 5);
		assert_int_equal(s.status_report, i == 3);
		wr_init(&w, ctx);
		assert_int_equal(sms_submit_enc(&s, &w), 0);
		assert_true(bytes_eq(out(&w), tpdu));
	}
	talloc_free(ctx);
}

static void addresses_are_bounded_and_numeric(void **state)
{
	void *ctx = talloc_new(NULL);
	struct sms_deliver d;
	struct sms_addr a;

	/* alphanumeric "ABC", 21 digits, no digits, filler among the digits */
	assert_int_equal(sms_deliver_dec(unhex(ctx, "4406D041E1107FF66201012143650000"), &d), -EOPNOTSUPP);
	assert_int_equal(sms_deliver_dec(unhex(ctx, "441591000000000000000000000000"), &d), -ENOSPC);
	assert_int_equal(sms_deliver_dec(unhex(ctx, "4400917FF66201012143650000"), &d), -EINVAL);
	assert_int_equal(sms_deliver_dec(unhex(ctx, "440491F1217FF66201012143650000"), &d), -EINVAL);
	assert_int_equal(sms_addr_set(&a, 0x81, "12345678901234567890"), 0);
	assert_int_equal(a.type, 0x81);
	assert_int_equal(sms_addr_set(&a, 0x81, "123456789012345678901"), -ENOSPC);
	assert_int_equal(sms_addr_set(&a, 0x81, ""), -EINVAL);
	assert_int_equal(sms_addr_set(&a, 0x81, "+"), -EINVAL);
	assert_int_equal(sms_addr_set(&a, 0x81, "12x"), -EINVAL);
	assert_int_equal(sms_addr_set(&a, 0xd0, "12"), -EINVAL);
	talloc_free(ctx);
}

static void user_data_must_fit(void **state)
{
	void *ctx = talloc_new(NULL);
	uint8_t ud[160] = {0};
	struct sms_deliver d = {.dcs = 0xf6, .ud = bytes_of(ud, 140)};
	struct wr w;

	assert_int_equal(sms_addr_set(&d.oa, 0x91, "1"), 0);
	wr_init(&w, ctx);
	assert_int_equal(sms_deliver_enc(&d, &w), 0);
	assert_int_equal(sms_deliver_dec(out(&w), &d), 0);
	d.ud = bytes_of(ud, 141);
	assert_int_equal(sms_deliver_enc(&d, &w), -ENOSPC);
	d.ud.len = 1;
	d.dcs = 0x00;
	assert_int_equal(sms_deliver_enc(&d, &w), -EINVAL);
	/* UDL above, below the octets there are; seven-bit text of 8 septets in 7 octets */
	assert_int_equal(sms_deliver_dec(unhex(ctx, "04019101"
						    "7FF66201012143650002AA"),
					 &d),
			 -EINVAL);
	assert_int_equal(sms_deliver_dec(unhex(ctx, "040191F1"
						    "7FF66201012143650002AA"),
					 &d),
			 -EINVAL);
	assert_int_equal(sms_deliver_dec(unhex(ctx, "040191F1"
						    "7FF66201012143650001AABB"),
					 &d),
			 -EINVAL);
	assert_int_equal(sms_deliver_dec(unhex(ctx, "040191F1"
						    "00006201012143650008"
						    "31D98C56B3DD70"),
					 &d),
			 0);
	assert_int_equal(d.ud.len, 7);
	assert_int_equal(sms_deliver_dec(unhex(ctx, "050191F17FF66201012143650000"), &d), -EINVAL);
	talloc_free(ctx);
}

static void envelope_needs_its_parts(void **state)
{
	static const char *const bad[] = {"", "80C2000000", "80C2000002D100", "80C2000006D10482028381",
					  "80D2000002D100"};
	void *ctx = talloc_new(NULL);
	uint8_t big[240] = {0};
	struct bytes tpdu;
	struct wr w;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(sms_envelope_dec(unhex(ctx, bad[i]), &tpdu), -EINVAL);
	/* the longest SMS-DELIVER takes an envelope with two-octet lengths */
	wr_init(&w, ctx);
	assert_int_equal(sms_envelope_enc(NULL, bytes_of(big, 164), &w), 0);
	assert_int_equal(sms_envelope_dec(out(&w), &tpdu), 0);
	assert_int_equal(tpdu.len, 164);
	assert_int_equal(sms_envelope_enc(NULL, BYTES_ARR(big), &w), 0);
	talloc_free(ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(deliver_and_envelope_of_the_vectors),
		cmocka_unit_test(submit_in_all_validity_forms),
		cmocka_unit_test(addresses_are_bounded_and_numeric),
		cmocka_unit_test(user_data_must_fit),
		cmocka_unit_test(envelope_needs_its_parts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
