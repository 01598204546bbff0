/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Key agreement: ECDH without cofactor (our curves have cofactor 1) and the key derivation of X9.63.
 *
 * OpenSSL's own check of the peer in EVP_PKEY_derive_set_peer() is switched off: it would repeat what
 * pubkey_ec_import() has done, at the price of the agreement itself. */
#include <errno.h>
#include <string.h>

#include <openssl/err.h>
#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/crypto/crypto.h"
#include "common/crypto/ec_int.h"

#define COORDINATE_MAX 48
#define INFO_MAX 512
#define HASH_LEN 32
#define KEY_LEN 16
#define KEYS_MAX 8

/* X coordinate of the shared point.  \returns its length, 0 when OpenSSL fails */
static size_t shared_x(const struct privkey *own, const struct pubkey *peer, uint8_t out[COORDINATE_MAX])
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(own->pkey, NULL);
	size_t len = COORDINATE_MAX;

	if (!ctx || EVP_PKEY_derive_init(ctx) != 1 || EVP_PKEY_derive_set_peer_ex(ctx, peer->pkey, 0) != 1 ||
	    EVP_PKEY_derive(ctx, out, &len) != 1) {
		len = 0;
		ERR_clear_error();
	}
	EVP_PKEY_CTX_free(ctx);
	return len;
}

/* SHA-256(Z | counter | info) for counter = 1, 2 ..., until out is full; out has room for whole hashes. */
static int kdf(struct bytes z, struct bytes info, uint8_t *out, size_t len)
{
	uint8_t buf[COORDINATE_MAX + 4 + INFO_MAX];
	struct bytes in = {};
	int rc = 0;
	struct wr w;

	for (uint32_t i = 1; rc == 0 && (size_t)(i - 1) * HASH_LEN < len; i++) {
		wr_init_buf(&w, buf, sizeof(buf));
		wr_bytes(&w, z);
		wr_u32(&w, i);
		wr_bytes(&w, info);
		rc = wr_end(&w, &in);
		if (rc == 0)
			rc = crypto_sha256(in, out + (size_t)(i - 1) * HASH_LEN);
	}
	bytes_wipe(buf, sizeof(buf));
	return rc;
}

static int keys_import(const void *ctx, const uint8_t *data, struct key **keys, size_t n)
{
	struct key *made[KEYS_MAX];

	for (size_t i = 0; i < n; i++) {
		if (key_import(ctx, KEY_AES, bytes_of(data + i * KEY_LEN, KEY_LEN), &made[i]) < 0) {
			while (i > 0)
				talloc_free(made[--i]);
			return -EIO;
		}
	}
	memcpy(keys, made, n * sizeof(made[0]));
	return 0;
}

int ecdh_derive(const void *ctx, const struct privkey *own, const struct pubkey *peer, struct bytes info,
		struct key **keys, size_t n)
{
	uint8_t z[COORDINATE_MAX], data[KEYS_MAX * KEY_LEN + HASH_LEN];
	enum ec_curve a, b;
	size_t len;
	int rc;

	if (n == 0 || n > KEYS_MAX || info.len > INFO_MAX || pkey_curve(own->pkey, &a) < 0 ||
	    pkey_curve(peer->pkey, &b) < 0 || a != b)
		return -EINVAL;
	len = shared_x(own, peer, z);
	rc = len ? kdf(bytes_of(z, len), info, data, n * KEY_LEN) : -EIO;
	if (rc == 0)
		rc = keys_import(ctx, data, keys, n);
	bytes_wipe(z, sizeof(z));
	bytes_wipe(data, sizeof(data));
	return rc;
}
