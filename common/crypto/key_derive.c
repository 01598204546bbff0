/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Keys from keys: the key derivation of SCP03 (GP Amd D on SP 800-108, counter mode, CMAC) and the value of one key
 * under another.  Both live here because only common/crypto sees values. */
#include <errno.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/crypto/key_int.h"

#define BLOCK 16
/* Constants below this one make cryptograms and challenges, the others make keys. */
#define FIRST_KEY_CONSTANT 4
#define CONTEXT_MAX 64

/* PRF input, in the order of GP Amd D: 11 x 00 | constant | 00 | L (bits, 2) | i | context. */
static int derive(struct crypto *c, const struct key *base, uint8_t constant, struct bytes context, uint8_t *out,
		  size_t len)
{
	const uint16_t bits = (uint16_t)(8 * len);
	uint8_t fixed[BLOCK], block[BLOCK];
	int rc = 0;

	if (base->alg != KEY_AES || context.len > CONTEXT_MAX || len > 2 * BLOCK)
		return -EINVAL;
	for (uint8_t i = 1; rc == 0 && len > 0; i++) {
		size_t n = OSMO_MIN(len, sizeof(block));
		const struct bytes parts[] = {BYTES_ARR(fixed), context};
		struct wr w;

		wr_init_buf(&w, fixed, sizeof(fixed));
		wr_fill(&w, 0, 11);
		wr_u8(&w, constant);
		wr_u8(&w, 0);
		wr_u16(&w, bits);
		wr_u8(&w, i);
		rc = key_mac(c, base, parts, ARRAY_SIZE(parts), block, sizeof(block));
		if (rc == 0)
			memcpy(out, block, n);
		out += n;
		len -= n;
	}
	bytes_wipe(block, sizeof(block));
	return rc;
}

int key_derive(struct crypto *c, const void *ctx, const struct key *base, uint8_t constant, struct bytes context,
	       struct key **key)
{
	uint8_t value[2 * BLOCK];
	int rc;

	if (constant < FIRST_KEY_CONSTANT)
		return -EINVAL;
	rc = derive(c, base, constant, context, value, base->len);
	if (rc == 0)
		rc = key_import(ctx, KEY_AES, bytes_of(value, base->len), key);
	bytes_wipe(value, sizeof(value));
	return rc;
}

int key_derive_data(struct crypto *c, const struct key *base, uint8_t constant, struct bytes context, uint8_t *out,
		    size_t len)
{
	if (constant >= FIRST_KEY_CONSTANT || len == 0)
		return -EINVAL;
	return derive(c, base, constant, context, out, len);
}

int key_encrypt_block(struct crypto *c, const struct key *key, const uint8_t *in, uint8_t *out)
{
	return key_cbc_encrypt(c, key, NULL, bytes_of(in, key_block_len(key)), out);
}

int key_wrap(struct crypto *c, const struct key *kek, const struct key *key, uint8_t *out)
{
	if (kek->alg != KEY_AES || key->len % BLOCK)
		return -EINVAL;
	return key_cbc_encrypt(c, kek, NULL, bytes_of(key->value, key->len), out);
}

int key_unwrap(struct crypto *c, const void *ctx, const struct key *kek, enum key_alg alg, struct bytes wrapped,
	       struct key **key)
{
	uint8_t value[KEY_MAX_LEN];
	int rc;

	if (kek->alg != KEY_AES || wrapped.len > sizeof(value))
		return -EINVAL;
	rc = key_cbc_decrypt(c, kek, NULL, wrapped, value);
	if (rc == 0)
		rc = key_import(ctx, alg, bytes_of(value, wrapped.len), key);
	bytes_wipe(value, sizeof(value));
	return rc;
}
