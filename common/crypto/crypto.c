/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Cipher contexts of a thread, digests, and the known answers that every program checks before it trusts them.
 * Relies on OpenSSL's default provider alone: single DES runs as DES-EDE3 with three equal keys, so that the legacy
 * provider is never needed. */
#include "common/crypto/crypto.h"

#include <errno.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/log.h"
#include "common/crypto/key_int.h"

static const char *const cipher_names[] = {
	[CIPHER_AES128] = "AES-128-CBC",
	[CIPHER_AES192] = "AES-192-CBC",
	[CIPHER_AES256] = "AES-256-CBC",
	[CIPHER_DES3] = "DES-EDE3-CBC",
};
_Static_assert(ARRAY_SIZE(cipher_names) == CIPHER_N, "a cipher has no name");

static int crypto_destroy(struct crypto *c)
{
	for (size_t i = 0; i < CIPHER_N; i++) {
		EVP_CIPHER_CTX_free(c->enc[i]);
		EVP_CIPHER_CTX_free(c->dec[i]);
	}
	EVP_CIPHER_CTX_free(c->gcm);
	return 0;
}

static EVP_CIPHER_CTX *context_for(const EVP_CIPHER *cipher, int encrypt)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

	if (ctx && EVP_CipherInit_ex2(ctx, cipher, NULL, NULL, encrypt, NULL) == 1)
		return ctx;
	EVP_CIPHER_CTX_free(ctx);
	return NULL;
}

static bool contexts_open(struct crypto *c, enum crypto_cipher id)
{
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, cipher_names[id], NULL);

	if (cipher) {
		c->enc[id] = context_for(cipher, 1);
		c->dec[id] = context_for(cipher, 0);
	}
	EVP_CIPHER_free(cipher);
	/* Without padding a decryption returns its last block at once.  An encryption does so in any case: padding is
	 * a matter of the final call, which we never make, and not to switch it off saves work at each re-keying. */
	return c->enc[id] && c->dec[id] && EVP_CIPHER_CTX_set_padding(c->dec[id], 0) == 1;
}

static bool gcm_open(struct crypto *c)
{
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);

	if (cipher)
		c->gcm = context_for(cipher, 1);
	EVP_CIPHER_free(cipher);
	return c->gcm;
}

struct crypto *crypto_alloc(const void *ctx)
{
	struct crypto *c = talloc_zero(ctx, struct crypto);

	OSMO_ASSERT(c);
	talloc_set_destructor(c, crypto_destroy);
	for (enum crypto_cipher id = 0; id < CIPHER_N; id++) {
		if (!contexts_open(c, id)) {
			LOGP(DKEY, LOGL_FATAL, "OpenSSL offers no %s\n", cipher_names[id]);
			talloc_free(c);
			return NULL;
		}
	}
	if (!gcm_open(c)) {
		LOGP(DKEY, LOGL_FATAL, "OpenSSL offers no AES-256-GCM\n");
		talloc_free(c);
		return NULL;
	}
	return c;
}

int crypto_sha256(struct bytes in, uint8_t out[32])
{
	return EVP_Digest(in.data, in.len, out, NULL, EVP_sha256(), NULL) == 1 ? 0 : -EIO;
}

int crypto_sha1_ski(struct bytes in, uint8_t out[20])
{
	return EVP_Digest(in.data, in.len, out, NULL, EVP_sha1(), NULL) == 1 ? 0 : -EIO;
}

/* ---- known answers ---- */

#define TEXT_38A "6BC1BEE22E409F96E93D7E117393172AAE2D8A571E03AC9C9EB76FAC45AF8E51"
#define KEY_128 "2B7E151628AED2A6ABF7158809CF4F3C"
#define KEY_192 "8E73B0F7DA0E6452C810F32B809079E562F8EAD2522C6B7B"
#define KEY_256 "603DEB1015CA71BE2B73AEF0857D77811F352C073B6108D72D9810A30914DFF4"

static const struct known {
	enum key_alg alg;
	const char *key;
	const char *iv; /* NULL: a MAC */
	const char *in;
	const char *out;
} known[] = {
	/* SP 800-38A, F.2.1, F.2.3, F.2.5: first two blocks */
	{KEY_AES, KEY_128, "000102030405060708090A0B0C0D0E0F", TEXT_38A,
	 "7649ABAC8119B246CEE98E9B12E9197D5086CB9B507219EE95DB113A917678B2"},
	{KEY_AES, KEY_192, "000102030405060708090A0B0C0D0E0F", TEXT_38A,
	 "4F021DB243BC633D7178183A9FA071E8B4D9ADA9AD7DEDF4E5E738763F69145A"},
	{KEY_AES, KEY_256, "000102030405060708090A0B0C0D0E0F", TEXT_38A,
	 "F58C4C04D6E5F1BA779EABFB5F7BFBD69CFC4E967EDB808D679F777BC6702C7D"},
	/* FIPS 81, table C1: single DES in CBC mode */
	{KEY_DES, "0123456789ABCDEF", "1234567890ABCDEF", "4E6F77206973207468652074696D6520666F7220616C6C20",
	 "E5C7CDDE872BF27C43E934008C389C0F683788499A7C05F6"},
	/* SP 800-67, B.1: three-key triple DES, first block */
	{KEY_DES, "0123456789ABCDEF23456789ABCDEF01456789ABCDEF0123", "0000000000000000", "5468652071756663",
	 "A826FD8CE53B855F"},
	/* RFC 4493 §4; SP 800-38B, D.2, D.3 */
	{KEY_AES, KEY_128, NULL, "", "BB1D6929E95937287FA37D129B756746"},
	{KEY_AES, KEY_128, NULL, "6BC1BEE22E409F96E93D7E117393172A", "070A16B46B4D4144F79BDD9DD04A287C"},
	{KEY_AES, KEY_192, NULL, "6BC1BEE22E409F96E93D7E117393172A", "9E99A7BF31E710900662F65E617C5184"},
	{KEY_AES, KEY_256, NULL, "6BC1BEE22E409F96E93D7E117393172A", "28A7023F452E8F82BD4BF28D8C37C35C"},
	/* FIPS 113, appendix: DES MAC with zero padding */
	{KEY_DES, "0123456789ABCDEF", NULL, "37363534333231204E6F77206973207468652074696D6520666F7220",
	 "F1D30F6849312CA4"},
};

static bool known_cbc_ok(struct crypto *c, const struct key *key, struct bytes iv, struct bytes in, struct bytes want)
{
	uint8_t buf[32];

	return in.len <= sizeof(buf) && key_cbc_encrypt(c, key, iv.data, in, buf) == 0 &&
	       bytes_eq(bytes_of(buf, in.len), want) &&
	       key_cbc_decrypt(c, key, iv.data, bytes_of(buf, in.len), buf) == 0 && bytes_eq(bytes_of(buf, in.len), in);
}

static bool known_mac_ok(struct crypto *c, const struct key *key, struct bytes in, struct bytes want)
{
	uint8_t mac[KEY_MAX_BLOCK];

	return want.len <= sizeof(mac) && key_mac(c, key, &in, 1, mac, want.len) == 0 &&
	       bytes_eq(bytes_of(mac, want.len), want);
}

static bool known_ok(struct crypto *c, const void *ctx, const struct known *k)
{
	struct bytes value, iv = {}, in, want;
	struct key *key;

	if (hex_dec(ctx, k->key, &value) < 0 || hex_dec(ctx, k->in, &in) < 0 || hex_dec(ctx, k->out, &want) < 0 ||
	    (k->iv && hex_dec(ctx, k->iv, &iv) < 0) || key_import(ctx, k->alg, value, &key) < 0)
		return false;
	return k->iv ? known_cbc_ok(c, key, iv, in, want) : known_mac_ok(c, key, in, want);
}

static bool known_digests_ok(void)
{
	uint8_t want[32], got[32];

	/* FIPS 180-4 examples: the message "abc" */
	return hex_dec_buf(want, 32, "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD") == 0 &&
	       crypto_sha256(BYTES_LIT("abc"), got) == 0 && memcmp(want, got, 32) == 0 &&
	       hex_dec_buf(want, 20, "A9993E364706816ABA3E25717850C26C9CD0D89D") == 0 &&
	       crypto_sha1_ski(BYTES_LIT("abc"), got) == 0 && memcmp(want, got, 20) == 0;
}

int crypto_self_test(struct crypto *c)
{
	void *ctx = talloc_new(NULL);
	bool ok = known_digests_ok();

	for (size_t i = 0; ok && i < ARRAY_SIZE(known); i++)
		ok = known_ok(c, ctx, &known[i]);
	talloc_free(ctx);
	return ok ? 0 : -EIO;
}
