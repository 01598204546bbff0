/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Key handles and what can be done with them: CBC, MAC, check value.
 *
 * CMAC (SP 800-38B) is made here from one CBC pass instead of EVP_MAC, which enters the provider once for each block:
 * a packet of 140 octets costs half.  DES knows only the plain CBC-MAC of TS 102 225, with the full triple key in every
 * block; it is not the retail MAC of ISO 9797. */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/crypto/cmac.h"
#include "common/crypto/key_int.h"

#define DES_BLOCK 8
#define AES_BLOCK CMAC_BLOCK
#define KCV_LEN 3

static int key_wipe(struct key *key)
{
	bytes_wipe(key->value, sizeof(key->value));
	return 0;
}

static const struct key_form {
	enum key_alg alg;
	size_t min_len, max_len;
	enum crypto_cipher cipher;
} key_forms[] = {
	{KEY_AES, 16, 16, CIPHER_AES128}, {KEY_AES, 24, 24, CIPHER_AES192}, {KEY_AES, 32, 32, CIPHER_AES256},
	{KEY_DES, 8, 8, CIPHER_DES3},	  {KEY_DES, 16, 16, CIPHER_DES3},   {KEY_DES, 24, 24, CIPHER_DES3},
	{KEY_PSK, 16, 64, CIPHER_NONE},
};

static const struct key_form *key_form(enum key_alg alg, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(key_forms); i++) {
		const struct key_form *f = &key_forms[i];

		if (f->alg == alg && len >= f->min_len && len <= f->max_len)
			return f;
	}
	return NULL;
}

/* K becomes K|K|K, and K1|K2 becomes K1|K2|K1. */
static void des_expand(struct key *key)
{
	for (size_t i = key->len; i < 3 * DES_BLOCK; i++)
		key->value[i] = key->value[i - key->len];
}

int key_import(const void *ctx, enum key_alg alg, struct bytes value, struct key **key)
{
	const struct key_form *form = key_form(alg, value.len);
	struct key *k;

	if (!form)
		return -EINVAL;
	k = talloc_zero(ctx, struct key);
	OSMO_ASSERT(k);
	talloc_set_destructor(k, key_wipe);
	k->alg = alg;
	k->cipher = form->cipher;
	k->len = value.len;
	memcpy(k->value, value.data, value.len);
	if (alg == KEY_DES)
		des_expand(k);
	*key = k;
	return 0;
}

enum key_alg key_alg(const struct key *key)
{
	return key->alg;
}

size_t key_len(const struct key *key)
{
	return key->len;
}

size_t key_block_len(const struct key *key)
{
	switch (key->alg) {
	case KEY_AES:
		return AES_BLOCK;
	case KEY_DES:
		return DES_BLOCK;
	case KEY_PSK:
		break;
	}
	return 0;
}

static const uint8_t zero_iv[KEY_MAX_BLOCK];

/* Whole blocks through a context that holds its key; CBC chaining goes on from one call to the next. */
static int cbc_blocks(EVP_CIPHER_CTX *ctx, struct bytes in, uint8_t *out)
{
	int n;

	return EVP_CipherUpdate(ctx, out, &n, in.data, (int)in.len) == 1 && (size_t)n == in.len ? 0 : -EIO;
}

static int key_cbc(EVP_CIPHER_CTX *const *ctxs, int encrypt, const struct key *key, const uint8_t *iv, struct bytes in,
		   uint8_t *out)
{
	size_t block = key_block_len(key);

	if (block == 0 || in.len % block != 0 || in.len > INT_MAX)
		return -EINVAL;
	if (EVP_CipherInit_ex2(ctxs[key->cipher], NULL, key->value, iv ? iv : zero_iv, encrypt, NULL) != 1)
		return -EIO;
	return in.len ? cbc_blocks(ctxs[key->cipher], in, out) : 0;
}

int key_cbc_encrypt(struct crypto *c, const struct key *key, const uint8_t *iv, struct bytes in, uint8_t *out)
{
	return key_cbc(c->enc, 1, key, iv, in, out);
}

int key_cbc_decrypt(struct crypto *c, const struct key *key, const uint8_t *iv, struct bytes in, uint8_t *out)
{
	return key_cbc(c->dec, 0, key, iv, in, out);
}

/* ---- MAC ---- */

/* Gathers the parts; what is last stays in buf until the end, because CMAC treats the last block differently. */
struct mac {
	EVP_CIPHER_CTX *ctx;
	size_t block;
	const uint8_t *undo; /* chaining value to take out of the first block, or NULL */
	size_t fill;
	uint8_t buf[512]; /* a multiple of both block sizes */
};

static int mac_flush(struct mac *m)
{
	if (m->undo)
		cmac_xor(m->buf, m->undo);
	m->undo = NULL;
	return cbc_blocks(m->ctx, bytes_of(m->buf, m->fill), m->buf);
}

static int mac_feed(struct mac *m, struct bytes part)
{
	while (part.len) {
		size_t n = OSMO_MIN(part.len, sizeof(m->buf) - m->fill);

		if (n == 0) {
			if (mac_flush(m) < 0)
				return -EIO;
			m->fill = 0;
			continue;
		}
		memcpy(m->buf + m->fill, part.data, n);
		m->fill += n;
		part = bytes_sub(part, n, part.len - n);
	}
	return 0;
}

/* Fill the last block up with zeros; the buffer holds whole blocks, so there is room. */
static void mac_pad(struct mac *m)
{
	size_t n = (m->block - m->fill % m->block) % m->block;

	memset(m->buf + m->fill, 0, n);
	m->fill += n;
}

static int mac_des(struct mac *m, const struct bytes *parts, size_t n_parts)
{
	for (size_t i = 0; i < n_parts; i++) {
		if (mac_feed(m, parts[i]) < 0)
			return -EIO;
	}
	if (m->fill == 0)
		return -EINVAL;
	mac_pad(m);
	return mac_flush(m);
}

/* SP 800-38B §6.2.  The encryption of the zero block, from which the subkeys come, leaves the chaining value at L
 * instead of zero: adding L to the first block undoes that, and is much cheaper than another initialisation of the
 * context. */
static int mac_aes(struct mac *m, const struct bytes *parts, size_t n_parts)
{
	static const uint8_t end_mark[] = {0x80};
	uint8_t l[AES_BLOCK], subkey[AES_BLOCK];

	if (cbc_blocks(m->ctx, bytes_of(zero_iv, AES_BLOCK), l) < 0)
		return -EIO;
	memcpy(subkey, l, AES_BLOCK);
	cmac_double(subkey);
	m->undo = l;
	for (size_t i = 0; i < n_parts; i++) {
		if (mac_feed(m, parts[i]) < 0)
			return -EIO;
	}
	if (m->fill == 0 || m->fill % AES_BLOCK) {
		cmac_double(subkey);
		if (mac_feed(m, BYTES_ARR(end_mark)) < 0)
			return -EIO;
		mac_pad(m);
	}
	cmac_xor(m->buf + m->fill - AES_BLOCK, subkey);
	return mac_flush(m);
}

int key_mac(struct crypto *c, const struct key *key, const struct bytes *parts, size_t n_parts, uint8_t *mac,
	    size_t mac_len)
{
	struct mac m = {.block = key_block_len(key)};
	int rc;

	if (m.block == 0 || mac_len > m.block)
		return -EINVAL;
	m.ctx = c->enc[key->cipher];
	if (EVP_CipherInit_ex2(m.ctx, NULL, key->value, zero_iv, 1, NULL) != 1)
		return -EIO;
	rc = key->alg == KEY_AES ? mac_aes(&m, parts, n_parts) : mac_des(&m, parts, n_parts);
	if (rc == 0)
		memcpy(mac, m.buf + m.fill - m.block, mac_len);
	return rc;
}

int key_kcv(struct crypto *c, const struct key *key, uint8_t kcv[3])
{
	struct key as = *key;
	uint8_t block[KEY_MAX_BLOCK];
	int rc;

	if (as.alg == KEY_PSK) {
		const struct key_form *form = key_form(KEY_AES, as.len);

		if (!form)
			return -EINVAL;
		as.alg = KEY_AES;
		as.cipher = form->cipher;
	}
	memset(block, as.alg == KEY_AES ? 0x01 : 0x00, sizeof(block));
	rc = key_cbc_encrypt(c, &as, NULL, bytes_of(block, key_block_len(&as)), block);
	bytes_wipe(&as, sizeof(as));
	if (rc == 0)
		memcpy(kcv, block, KCV_LEN);
	return rc;
}
