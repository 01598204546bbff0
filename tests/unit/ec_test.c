/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Expected values: RFC 6979 appendix A.2.5 and A.2.6 (P-256, P-384); signatures of brainpoolP256r1 and RSA are made and
 * checked in turn, and by the openssl command line in the third-party tests. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>
#include <talloc.h>

#include "common/crypto/ec.h"
#include "tests/support/vec.h"

static const struct known {
	enum ec_curve curve;
	enum digest digest;
	const char *scalar, *x, *y, *r, *s;
} known[] = {
	{EC_P256, DIGEST_SHA256, "C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721",
	 "60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6",
	 "7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299",
	 "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716",
	 "F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8"},
	{EC_P384, DIGEST_SHA384,
	 "6B9D3DAD2E1B8C1C05B19875B6659F4DE23C3B667BF297BA9AA47740787137D896D5724E4C70A825F872C9EA60D2EDF5",
	 "EC3A4E415B4E19A4568618029F427FA5DA9A8BC4AE92E02E06AAE5286B300C64DEF8F0EA9055866064A254515480BC13",
	 "8015D9B72D7D57244EA8EF9AC0C621896708A59367F9DFB9F54CA84B3F1C9DB1288B231C3AE0D4FE7344FD2533264720",
	 "94EDBB92A5ECB8AAD4736E56C691916B3F88140666CE9FA73D64C4EA95AD133C81A648152E44ACF96E36DD1E80FABE46",
	 "99EF4AEB15F178CEA1FE40DB2603138F130E740A19624526203B6351D0A3A94FA329C145786E679E7B82C71A38628AC8"},
};

static struct bytes join(void *ctx, const char *a, const char *b, const char *c)
{
	return unhex(ctx, talloc_asprintf(ctx, "%s%s%s", a, b, c));
}

static void published_signatures_verify(void **state)
{
	void *ctx = talloc_new(NULL);

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		const struct known *k = &known[i];
		struct bytes point = join(ctx, "04", k->x, k->y), sig = join(ctx, k->r, k->s, ""), got;
		struct pubkey *key;
		struct privkey *priv;

		assert_int_equal(pubkey_ec_import(ctx, k->curve, point, &key), 0);
		assert_int_equal(pubkey_verify(key, k->digest, BYTES_LIT("sample"), sig), 0);
		assert_int_equal(pubkey_verify(key, k->digest, BYTES_LIT("Sample"), sig), -EBADMSG);
		for (size_t bit = 0; bit < 8 * sig.len; bit++) {
			uint8_t *p = (uint8_t *)sig.data + bit / 8;

			*p ^= (uint8_t)(1u << bit % 8);
			assert_int_equal(pubkey_verify(key, k->digest, BYTES_LIT("sample"), sig), -EBADMSG);
			*p ^= (uint8_t)(1u << bit % 8);
		}
		assert_int_equal(pubkey_verify(key, k->digest, BYTES_LIT("sample"), bytes_sub(sig, 0, sig.len - 1)),
				 -EBADMSG);
		assert_int_equal(privkey_ec_import(ctx, k->curve, unhex(ctx, k->scalar), &priv), 0);
		assert_true(pubkey_eq(privkey_pub(ctx, priv), key));
		assert_int_equal(pubkey_point(ctx, privkey_pub(ctx, priv), &got), 0);
		assert_true(bytes_eq(got, point));
		assert_int_equal(privkey_sign(ctx, priv, k->digest, BYTES_LIT("sample"), &got), 0);
		assert_int_equal(got.len, 2 * ec_curve_len(k->curve));
		assert_int_equal(pubkey_verify(key, k->digest, BYTES_LIT("sample"), got), 0);
	}
	talloc_free(ctx);
}

static void all_curves_sign_and_move_as_der(void **state)
{
	void *ctx = talloc_new(NULL);

	for (enum ec_curve curve = 0; curve < EC_N_CURVES; curve++) {
		struct privkey *priv;
		struct pubkey *pub, *again;
		struct bytes sig, der;
		enum ec_curve got;

		assert_int_equal(ec_curve_by_gp(ec_curve_gp(curve), &got), 0);
		assert_int_equal(got, curve);
		assert_int_equal(privkey_ec_generate(ctx, curve, &priv), 0);
		pub = privkey_pub(ctx, priv);
		assert_int_equal(pubkey_curve(pub, &got), 0);
		assert_int_equal(got, curve);
		assert_int_equal(pubkey_spki_export(ctx, pub, &der), 0);
		assert_int_equal(pubkey_spki_import(ctx, der, &again), 0);
		/* About one signature in 128 has a coordinate with a leading zero octet: all must keep their length. */
		for (int i = 0; i < 300 && curve != EC_BRAINPOOL_P256R1; i++) {
			assert_int_equal(privkey_sign(ctx, priv, DIGEST_SHA256, bytes_of(&i, sizeof(i)), &sig), 0);
			assert_int_equal(pubkey_verify(again, DIGEST_SHA256, bytes_of(&i, sizeof(i)), sig), 0);
		}
		assert_int_equal(privkey_sign(ctx, priv, DIGEST_SHA256, BYTES_LIT("x"), &sig), 0);
		assert_int_equal(pubkey_verify(again, DIGEST_SHA256, BYTES_LIT("x"), sig), 0);
		assert_int_equal(pubkey_verify(again, DIGEST_SHA512, BYTES_LIT("x"), sig), -EBADMSG);
	}
	talloc_free(ctx);
}

static void points_off_the_curve_are_refused(void **state)
{
	void *ctx = talloc_new(NULL);
	const struct known *k = &known[0];
	struct bytes point = join(ctx, "04", k->x, k->y);
	uint8_t *p = (uint8_t *)point.data;
	struct pubkey *key = NULL;
	struct privkey *priv = NULL;

	assert_int_equal(pubkey_ec_import(ctx, EC_BRAINPOOL_P256R1, point, &key), -EINVAL);
	assert_int_equal(pubkey_ec_import(ctx, EC_P384, point, &key), -EINVAL);
	assert_int_equal(pubkey_ec_import(ctx, EC_P256, bytes_sub(point, 0, 64), &key), -EINVAL);
	assert_int_equal(pubkey_ec_import(ctx, EC_P256, bytes_of(NULL, 0), &key), -EINVAL);
	p[64] ^= 1;
	assert_int_equal(pubkey_ec_import(ctx, EC_P256, point, &key), -EINVAL);
	memset(p + 1, 0, 64);
	assert_int_equal(pubkey_ec_import(ctx, EC_P256, point, &key), -EINVAL);
	assert_null(key);
	/* 0 and the order of the group are no private keys. */
	assert_int_equal(privkey_ec_import(ctx, EC_P256, bytes_of(p + 1, 32), &priv), -EINVAL);
	assert_int_equal(privkey_ec_import(
				 ctx, EC_P256,
				 unhex(ctx, "FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551"), &priv),
			 -EINVAL);
	assert_null(priv);
	talloc_free(ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(published_signatures_verify),
		cmocka_unit_test(all_curves_sign_and_move_as_der),
		cmocka_unit_test(points_off_the_curve_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
