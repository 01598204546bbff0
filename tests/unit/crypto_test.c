/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Expected values: RFC 4493 §4, SP 800-38A appendix F, SP 800-38B appendix D, FIPS 81, FIPS 113, SP 800-67 appendix B,
 * RFC 4648 §10.  Long messages are compared with OpenSSL's own CMAC. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <talloc.h>

#include "common/crypto/crypto.h"
#include "common/crypto/rnd.h"

#define N_ELEM(a) (sizeof(a) / sizeof((a)[0]))
#define KEY_128 "2B7E151628AED2A6ABF7158809CF4F3C"
#define KEY_192 "8E73B0F7DA0E6452C810F32B809079E562F8EAD2522C6B7B"
#define KEY_256 "603DEB1015CA71BE2B73AEF0857D77811F352C073B6108D72D9810A30914DFF4"
#define TEXT_40 "6BC1BEE22E409F96E93D7E117393172AAE2D8A571E03AC9C9EB76FAC45AF8E5130C81C46A35CE411"
#define TEXT_64 TEXT_40 "E5FBC1191A0A52EFF69F2445DF4F9B17AD2B417BE66C3710"

struct fix {
	void *ctx;
	struct crypto *c;
};

static int setup(void **state)
{
	struct fix *f = talloc_zero(NULL, struct fix);

	f->ctx = f;
	f->c = crypto_alloc(f);
	*state = f;
	return f->c ? 0 : -1;
}

static int teardown(void **state)
{
	return talloc_free(*state);
}

static struct bytes unhex(void *ctx, const char *hex)
{
	struct bytes b;

	assert_int_equal(hex_dec(ctx, hex, &b), 0);
	return b;
}

static struct key *key_of(struct fix *f, enum key_alg alg, const char *hex)
{
	struct key *key;

	assert_int_equal(key_import(f->ctx, alg, unhex(f->ctx, hex), &key), 0);
	return key;
}

static void self_test_passes(void **state)
{
	struct fix *f = *state;

	assert_int_equal(crypto_self_test(f->c), 0);
}

static void cbc_gives_published_values(void **state)
{
	static const struct {
		enum key_alg alg;
		const char *key, *iv, *in, *out;
	} v[] = {
		{KEY_AES, KEY_128, "000102030405060708090A0B0C0D0E0F", TEXT_64,
		 "7649ABAC8119B246CEE98E9B12E9197D5086CB9B507219EE95DB113A917678B273BED6B8E3C1743B7116E69E22229516"
		 "3FF1CAA1681FAC09120ECA307586E1A7"},
		{KEY_AES, KEY_192, "000102030405060708090A0B0C0D0E0F", TEXT_64,
		 "4F021DB243BC633D7178183A9FA071E8B4D9ADA9AD7DEDF4E5E738763F69145A571B242012FB7AE07FA9BAAC3DF102E0"
		 "08B0E27988598881D920A9E64F5615CD"},
		{KEY_AES, KEY_256, "000102030405060708090A0B0C0D0E0F", TEXT_64,
		 "F58C4C04D6E5F1BA779EABFB5F7BFBD69CFC4E967EDB808D679F777BC6702C7D39F23369A9D9BACFA530E26304231461"
		 "B2EB05E2C39BE9FCDA6C19078C6A9D1B"},
		{KEY_DES, "0123456789ABCDEF", "1234567890ABCDEF", "4E6F77206973207468652074696D6520666F7220616C6C20",
		 "E5C7CDDE872BF27C43E934008C389C0F683788499A7C05F6"},
		{KEY_DES, "0123456789ABCDEF23456789ABCDEF01456789ABCDEF0123", NULL, "6B2062726F776E20",
		 "CCE21C8112256FE6"},
	};
	struct fix *f = *state;

	for (size_t i = 0; i < N_ELEM(v); i++) {
		struct key *key = key_of(f, v[i].alg, v[i].key);
		struct bytes in = unhex(f->ctx, v[i].in);
		struct bytes want = unhex(f->ctx, v[i].out);
		const uint8_t *iv = v[i].iv ? unhex(f->ctx, v[i].iv).data : NULL;
		uint8_t buf[64];

		assert_int_equal(key_cbc_encrypt(f->c, key, iv, in, buf), 0);
		assert_memory_equal(buf, want.data, want.len);
		assert_int_equal(key_cbc_decrypt(f->c, key, iv, bytes_of(buf, in.len), buf), 0);
		assert_memory_equal(buf, in.data, in.len);
	}
}

static void two_key_des_is_k1_k2_k1(void **state)
{
	struct fix *f = *state;
	struct key *two = key_of(f, KEY_DES, "0123456789ABCDEF23456789ABCDEF01");
	struct key *three = key_of(f, KEY_DES, "0123456789ABCDEF23456789ABCDEF010123456789ABCDEF");
	uint8_t a[16] = "sixteen octets..", b[16];

	memcpy(b, a, sizeof(b));
	assert_int_equal(key_cbc_encrypt(f->c, two, NULL, BYTES_ARR(a), a), 0);
	assert_int_equal(key_cbc_encrypt(f->c, three, NULL, BYTES_ARR(b), b), 0);
	assert_memory_equal(a, b, sizeof(a));
	assert_int_equal(key_len(two), 16);
	assert_int_equal(key_block_len(two), 8);
	assert_int_equal(key_alg(two), KEY_DES);
}

static void mac_gives_published_values(void **state)
{
	static const struct {
		enum key_alg alg;
		const char *key, *in, *out;
	} v[] = {
		{KEY_AES, KEY_128, "", "BB1D6929E95937287FA37D129B756746"},
		{KEY_AES, KEY_128, "6BC1BEE22E409F96E93D7E117393172A", "070A16B46B4D4144F79BDD9DD04A287C"},
		{KEY_AES, KEY_128, TEXT_40, "DFA66747DE9AE63030CA32611497C827"},
		{KEY_AES, KEY_128, TEXT_64, "51F0BEBF7E3B9D92FC49741779363CFE"},
		{KEY_AES, KEY_192, "", "D17DDF46ADAACDE531CAC483DE7A9367"},
		{KEY_AES, KEY_192, TEXT_40, "8A1DE5BE2EB31AAD089A82E6EE908B0E"},
		{KEY_AES, KEY_256, "", "028962F61B7BF89EFC6B551F4667D983"},
		{KEY_AES, KEY_256, TEXT_64, "E1992190549F6ED5696A2C056C315410"},
		{KEY_DES, "0123456789ABCDEF", "37363534333231204E6F77206973207468652074696D6520666F7220",
		 "F1D30F6849312CA4"},
	};
	struct fix *f = *state;

	for (size_t i = 0; i < N_ELEM(v); i++) {
		struct key *key = key_of(f, v[i].alg, v[i].key);
		struct bytes in = unhex(f->ctx, v[i].in);
		struct bytes want = unhex(f->ctx, v[i].out);

		for (size_t cut = 0; cut <= in.len; cut++) {
			struct bytes parts[] = {bytes_sub(in, 0, cut), bytes_sub(in, cut, in.len - cut)};
			uint8_t mac[16];

			assert_int_equal(key_mac(f->c, key, parts, 2, mac, want.len), 0);
			assert_memory_equal(mac, want.data, want.len);
		}
	}
}

static void long_mac_agrees_with_openssl(void **state)
{
	struct fix *f = *state;
	uint8_t raw[32], msg[1600], mac[16], want[16];
	struct key *key;
	size_t n;

	rnd_bytes(raw, sizeof(raw));
	rnd_bytes(msg, sizeof(msg));
	assert_int_equal(key_import(f->ctx, KEY_AES, BYTES_ARR(raw), &key), 0);
	for (size_t len = 0; len <= sizeof(msg); len += len % 512 < 2 || len % 512 > 509 ? 1 : 13) {
		struct bytes part = bytes_of(msg, len);

		assert_non_null(EVP_Q_mac(NULL, "CMAC", NULL, "AES-256-CBC", NULL, raw, sizeof(raw), msg, len, want,
					  sizeof(want), &n));
		assert_int_equal(key_mac(f->c, key, &part, 1, mac, sizeof(mac)), 0);
		assert_memory_equal(mac, want, sizeof(mac));
	}
}

static void check_values(void **state)
{
	struct fix *f = *state;
	uint8_t kcv[3], want[3];

	/* Made with "openssl enc -nopad" over 8 x 00 and 16 x 01. */
	assert_int_equal(key_kcv(f->c, key_of(f, KEY_DES, "0123456789ABCDEF"), kcv), 0);
	assert_int_equal(hex_dec_buf(want, 3, "D5D44F"), 0);
	assert_memory_equal(kcv, want, 3);
	assert_int_equal(key_kcv(f->c, key_of(f, KEY_AES, "404142434445464748494A4B4C4D4E4F"), kcv), 0);
	assert_int_equal(hex_dec_buf(want, 3, "504A77"), 0);
	assert_memory_equal(kcv, want, 3);
	assert_int_equal(key_kcv(f->c, key_of(f, KEY_PSK, "404142434445464748494A4B4C4D4E4F"), kcv), 0);
	assert_memory_equal(kcv, want, 3);
}

static void wrong_lengths_are_refused(void **state)
{
	static const struct {
		enum key_alg alg;
		size_t len;
	} bad[] = {{KEY_AES, 0}, {KEY_AES, 15}, {KEY_AES, 17}, {KEY_AES, 33}, {KEY_AES, 8},
		   {KEY_DES, 7}, {KEY_DES, 9},	{KEY_DES, 32}, {KEY_PSK, 15}, {KEY_PSK, 65}};
	struct fix *f = *state;
	uint8_t raw[80] = {};
	struct key *key = NULL, *psk;
	struct bytes in = BYTES_ARR(raw);

	for (size_t i = 0; i < N_ELEM(bad); i++)
		assert_int_equal(key_import(f->ctx, bad[i].alg, bytes_of(raw, bad[i].len), &key), -EINVAL);
	assert_null(key);
	key = key_of(f, KEY_AES, KEY_128);
	assert_int_equal(key_cbc_encrypt(f->c, key, NULL, bytes_of(raw, 15), raw), -EINVAL);
	assert_int_equal(key_cbc_decrypt(f->c, key, NULL, bytes_of(raw, 17), raw), -EINVAL);
	assert_int_equal(key_cbc_encrypt(f->c, key, NULL, bytes_of(raw, 0), raw), 0);
	assert_int_equal(key_mac(f->c, key, &in, 1, raw, 17), -EINVAL);
	assert_int_equal(key_mac(f->c, key_of(f, KEY_DES, "0123456789ABCDEF"), NULL, 0, raw, 8), -EINVAL);
	assert_int_equal(key_import(f->ctx, KEY_PSK, bytes_of(raw, 16), &psk), 0);
	assert_int_equal(key_block_len(psk), 0);
	assert_int_equal(key_mac(f->c, psk, &in, 1, raw, 8), -EINVAL);
	assert_int_equal(key_cbc_encrypt(f->c, psk, NULL, bytes_of(raw, 16), raw), -EINVAL);
	assert_int_equal(key_import(f->ctx, KEY_PSK, bytes_of(raw, 17), &psk), 0);
	assert_int_equal(key_kcv(f->c, psk, raw), -EINVAL);
}

static void base64_both_ways(void **state)
{
	static const char *const v[][2] = {
		{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foobar", "Zm9vYmFy"}};
	static const char *const bad[] = {
		"Z", "Zg", "Zg=", "Zg===", "Z===", "====", "Zh==", "Zm9=", "Zg==Zg==", "Zm9v*AAA", "Zg=v", "Zm9vZg==A"};
	struct fix *f = *state;
	struct bytes b = {};

	for (size_t i = 0; i < N_ELEM(v); i++) {
		assert_string_equal(base64_enc(f->ctx, bytes_str(v[i][0])), v[i][1]);
		assert_int_equal(base64_dec(f->ctx, v[i][1], &b), 0);
		assert_true(bytes_eq(b, bytes_str(v[i][0])));
	}
	assert_int_equal(base64_dec(f->ctx, " Zm\r\n9v\tZg = =\n", &b), 0);
	assert_true(bytes_eq(b, bytes_str("foof")));
	for (size_t i = 0; i < N_ELEM(bad); i++)
		assert_int_equal(base64_dec(f->ctx, bad[i], &b), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(self_test_passes, setup, teardown),
		cmocka_unit_test_setup_teardown(cbc_gives_published_values, setup, teardown),
		cmocka_unit_test_setup_teardown(two_key_des_is_k1_k2_k1, setup, teardown),
		cmocka_unit_test_setup_teardown(mac_gives_published_values, setup, teardown),
		cmocka_unit_test_setup_teardown(long_mac_agrees_with_openssl, setup, teardown),
		cmocka_unit_test_setup_teardown(check_values, setup, teardown),
		cmocka_unit_test_setup_teardown(wrong_lengths_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(base64_both_ways, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
