/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Wrapped keys and data (P6).  Layout:
 *
 *   0   1   format: 01 a key, 02 data
 *   1   4   which master key: first octets of SHA-256("keystore id" | master key)
 *   5   1   algorithm (enum key_alg at the time of format 01: 00 AES, 01 DES, 02 PSK); 00 for data
 *   6  12   nonce, random
 *  18   n   value, ciphered
 *  18+n 16  tag
 *
 * Additional data is the head up to the nonce and then the context.  Random nonces are good for 2^32 wrappings under
 * one master key (SP 800-38D §8.3), far above what one fleet needs. */
#include "common/crypto/keystore.h"

#include <errno.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/crypto/key_int.h"
#include "common/crypto/keystore_int.h"
#include "common/crypto/rnd.h"

#define FORMAT_KEY 0x01
#define FORMAT_DATA 0x02
#define ID_LEN 4
#define HEAD_LEN 6
#define NONCE_LEN 12
#define TAG_LEN 16
_Static_assert(HEAD_LEN + NONCE_LEN + TAG_LEN == KEYSTORE_OVERHEAD, "the header tells another length");

struct keystore {
	uint8_t master[KEYSTORE_MASTER_LEN];
	uint8_t id[ID_LEN];
};

static int keystore_wipe(struct keystore *ks)
{
	bytes_wipe(ks->master, sizeof(ks->master));
	return 0;
}

static int master_id(const uint8_t master[KEYSTORE_MASTER_LEN], uint8_t id[ID_LEN])
{
	uint8_t buf[11 + KEYSTORE_MASTER_LEN] = "keystore id", digest[32];
	int rc;

	memcpy(buf + 11, master, KEYSTORE_MASTER_LEN);
	rc = crypto_sha256(BYTES_ARR(buf), digest);
	bytes_wipe(buf, sizeof(buf));
	if (rc == 0)
		memcpy(id, digest, ID_LEN);
	return rc;
}

int keystore_open(const void *ctx, const char *path, struct keystore **ks, const char **why)
{
	struct keystore *k = talloc_zero(ctx, struct keystore);
	int rc;

	OSMO_ASSERT(k);
	talloc_set_destructor(k, keystore_wipe);
	rc = keystore_master_read(ctx, path, k->master, why);
	if (rc == 0) {
		rc = master_id(k->master, k->id);
		if (rc < 0)
			*why = talloc_strdup(ctx, "OpenSSL offers no SHA-256");
	}
	if (rc < 0)
		talloc_free(k);
	else
		*ks = k;
	return rc;
}

static int gcm_start(EVP_CIPHER_CTX *gcm, const struct keystore *ks, int encrypt, struct bytes nonce, struct bytes head,
		     struct bytes context)
{
	int n;

	if (context.len > INT32_MAX)
		return -EINVAL;
	return EVP_CipherInit_ex2(gcm, NULL, ks->master, nonce.data, encrypt, NULL) == 1 &&
			       EVP_CipherUpdate(gcm, NULL, &n, head.data, (int)head.len) == 1 &&
			       (context.len == 0 ||
				EVP_CipherUpdate(gcm, NULL, &n, context.data, (int)context.len) == 1)
		       ? 0
		       : -EIO;
}

/* \param[out] out  value.len + KEYSTORE_OVERHEAD octets */
static int seal(const struct keystore *ks, struct crypto *c, uint8_t format, uint8_t alg, struct bytes value,
		struct bytes context, uint8_t *out)
{
	uint8_t nonce[NONCE_LEN], *ciphered, *tag;
	struct bytes head;
	struct wr w;
	int n, rc;

	rnd_bytes(nonce, sizeof(nonce));
	wr_init_buf(&w, out, value.len + KEYSTORE_OVERHEAD);
	wr_u8(&w, format);
	wr_bytes(&w, BYTES_ARR(ks->id));
	wr_u8(&w, alg);
	head = bytes_of(out, w.len);
	wr_bytes(&w, BYTES_ARR(nonce));
	ciphered = wr_room(&w, value.len);
	tag = wr_room(&w, TAG_LEN);
	OSMO_ASSERT(ciphered && tag);
	rc = gcm_start(c->gcm, ks, 1, BYTES_ARR(nonce), head, context);
	if (rc < 0)
		return rc;
	if (EVP_CipherUpdate(c->gcm, ciphered, &n, value.data, (int)value.len) != 1 ||
	    EVP_CipherFinal_ex(c->gcm, tag, &n) != 1 ||
	    EVP_CIPHER_CTX_ctrl(c->gcm, EVP_CTRL_AEAD_GET_TAG, TAG_LEN, tag) != 1)
		return -EIO;
	return 0;
}

int keystore_wrap(const struct keystore *ks, struct crypto *c, const void *ctx, const struct key *key,
		  struct bytes context, struct bytes *blob)
{
	uint8_t buf[KEY_MAX_LEN + KEYSTORE_OVERHEAD];
	int rc = seal(ks, c, FORMAT_KEY, (uint8_t)key->alg, bytes_of(key->value, key->len), context, buf);

	if (rc == 0)
		*blob = bytes_dup(ctx, bytes_of(buf, key->len + KEYSTORE_OVERHEAD));
	return rc;
}

int keystore_wrap_data(const struct keystore *ks, struct crypto *c, const void *ctx, struct bytes data,
		       struct bytes context, struct bytes *blob)
{
	uint8_t *out;
	int rc;

	if (data.len > KEYSTORE_DATA_MAX)
		return -ENOSPC;
	out = talloc_size(ctx, data.len + KEYSTORE_OVERHEAD);
	OSMO_ASSERT(out);
	rc = seal(ks, c, FORMAT_DATA, 0, data, context, out);
	if (rc < 0)
		talloc_free(out);
	else
		*blob = bytes_of(out, data.len + KEYSTORE_OVERHEAD);
	return rc;
}

/* The parts of a wrapped value. */
struct wrapped {
	struct bytes head, nonce, value, tag;
	uint8_t alg;
};

static int wrapped_parse(const struct keystore *ks, uint8_t want_format, size_t max, struct bytes blob,
			 struct wrapped *wk)
{
	struct bytes id;
	struct rd r;
	uint8_t format;

	if (blob.len < KEYSTORE_OVERHEAD || blob.len - KEYSTORE_OVERHEAD > max)
		return -EINVAL;
	wk->head = bytes_sub(blob, 0, HEAD_LEN);
	rd_init(&r, blob);
	format = rd_u8(&r);
	id = rd_bytes(&r, ID_LEN);
	wk->alg = rd_u8(&r);
	wk->nonce = rd_bytes(&r, NONCE_LEN);
	wk->value = rd_bytes(&r, blob.len - KEYSTORE_OVERHEAD);
	wk->tag = rd_bytes(&r, TAG_LEN);
	if (rd_end(&r) < 0 || format != want_format || wk->alg > KEY_PSK)
		return -EINVAL;
	return bytes_eq(id, BYTES_ARR(ks->id)) ? 0 : -ENOENT;
}

/* \param[out] out  wk->value.len octets, not to be used on error */
static int unseal(const struct keystore *ks, struct crypto *c, const struct wrapped *wk, struct bytes context,
		  uint8_t *out)
{
	uint8_t tag[TAG_LEN], none[TAG_LEN];
	int n, rc = gcm_start(c->gcm, ks, 0, wk->nonce, wk->head, context);

	if (rc < 0)
		return rc;
	memcpy(tag, wk->tag.data, TAG_LEN);
	if (EVP_CipherUpdate(c->gcm, out, &n, wk->value.data, (int)wk->value.len) != 1 ||
	    EVP_CIPHER_CTX_ctrl(c->gcm, EVP_CTRL_AEAD_SET_TAG, TAG_LEN, tag) != 1)
		return -EIO;
	return EVP_CipherFinal_ex(c->gcm, none, &n) == 1 ? 0 : -EBADMSG;
}

int keystore_unwrap(const struct keystore *ks, struct crypto *c, const void *ctx, struct bytes context,
		    struct bytes blob, struct key **key)
{
	uint8_t value[KEY_MAX_LEN];
	struct wrapped wk;
	int rc = wrapped_parse(ks, FORMAT_KEY, KEY_MAX_LEN, blob, &wk);

	if (rc == 0)
		rc = unseal(ks, c, &wk, context, value);
	if (rc == 0)
		rc = key_import(ctx, (enum key_alg)wk.alg, bytes_of(value, wk.value.len), key);
	bytes_wipe(value, sizeof(value));
	return rc;
}

int keystore_unwrap_data(const struct keystore *ks, struct crypto *c, const void *ctx, struct bytes context,
			 struct bytes blob, struct bytes *data)
{
	struct wrapped wk;
	uint8_t *value;
	int rc = wrapped_parse(ks, FORMAT_DATA, KEYSTORE_DATA_MAX, blob, &wk);

	if (rc < 0)
		return rc;
	value = bytes_secret_alloc(ctx, wk.value.len);
	rc = unseal(ks, c, &wk, context, value);
	if (rc < 0)
		talloc_free(value);
	else
		*data = bytes_of(value, wk.value.len);
	return rc;
}

int keystore_unwrap_psk(const struct keystore *ks, struct crypto *c, struct bytes context, struct bytes blob,
			uint8_t *out, size_t cap, size_t *len)
{
	uint8_t value[KEY_MAX_LEN];
	struct wrapped wk;
	int rc = wrapped_parse(ks, FORMAT_KEY, KEY_MAX_LEN, blob, &wk);

	if (rc == 0)
		rc = unseal(ks, c, &wk, context, value);
	if (rc == 0 && (wk.alg != KEY_PSK || wk.value.len > cap))
		rc = -EINVAL;
	if (rc == 0) {
		memcpy(out, value, wk.value.len);
		*len = wk.value.len;
	}
	bytes_wipe(value, sizeof(value));
	return rc;
}
