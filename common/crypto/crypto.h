/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/codec/bytes.h"

/*! Cipher contexts of one thread, fetched once.  A struct crypto is never used by two threads: sharing costs more than
 * the ciphers do. */
struct crypto;

/*! \returns talloc child of ctx; NULL when OpenSSL lacks an algorithm that we need (logged) */
struct crypto *crypto_alloc(const void *ctx);

/*! Known answers for every primitive below.  A daemon refuses to start when this fails.  \returns 0; -EIO */
int crypto_self_test(struct crypto *c) MUST_CHECK;

enum key_alg {
	KEY_AES, /* 16, 24 or 32 octets */
	KEY_DES, /* 8, 16 or 24 octets: DES, two-key and three-key triple DES */
	KEY_PSK, /* 16 to 64 octets, TLS pre-shared key: cannot cipher or sign here */
};

/*! Handle of a symmetric key.  Nobody outside common/crypto sees the value (P6); it is wiped when freed. */
struct key;

/*! \param[in] value  copied; the caller wipes its own
 * \param[out] key   talloc child of ctx
 * \returns 0; -EINVAL when the length does not suit the algorithm */
int key_import(const void *ctx, enum key_alg alg, struct bytes value, struct key **key) MUST_CHECK;
enum key_alg key_alg(const struct key *key);
size_t key_len(const struct key *key);
/*! Cipher block size: 16 for AES, 8 for DES; 0 for a PSK. */
size_t key_block_len(const struct key *key);

/*! CBC over whole blocks, no padding.
 * \param[in]  iv   one block, or NULL for all zero
 * \param[in]  in   multiple of the block size
 * \param[out] out  in.len octets; may be in.data
 * \returns 0; -EINVAL for a wrong length or key; -EIO when OpenSSL fails */
int key_cbc_encrypt(struct crypto *c, const struct key *key, const uint8_t *iv, struct bytes in,
		    uint8_t *out) MUST_CHECK;
int key_cbc_decrypt(struct crypto *c, const struct key *key, const uint8_t *iv, struct bytes in,
		    uint8_t *out) MUST_CHECK;

/*! Message authentication code over the parts in turn.  AES: CMAC (SP 800-38B), cut to mac_len.  DES: last block of the
 * CBC encryption with the full key, zero IV, zero padding (TS 102 225), cut to mac_len.
 * \param[out] mac  mac_len octets, at most one block
 * \returns 0; -EINVAL; -EIO */
int key_mac(struct crypto *c, const struct key *key, const struct bytes *parts, size_t n_parts, uint8_t *mac,
	    size_t mac_len) MUST_CHECK;

/*! Key check value of GlobalPlatform: first 3 octets of AES(16 x 01), of 3DES(8 x 00).  A PSK of 16, 24 or 32 octets is
 * taken as an AES key [uncertain: no text at hand says how a PSK is checked].
 * \returns 0; -EINVAL for a PSK of another length; -EIO */
int key_kcv(struct crypto *c, const struct key *key, uint8_t kcv[3]) MUST_CHECK;

/*! ECB of one block.  \param[out] out  may be in.  \returns 0; -EINVAL; -EIO */
int key_encrypt_block(struct crypto *c, const struct key *key, const uint8_t *in, uint8_t *out) MUST_CHECK;

/*! Key derivation of SCP03 (SP 800-108 in counter mode with CMAC, label of GP Amd D): a key as long as its base.
 * \param[in]  constant  derivation constant, 04 and above
 * \param[out] key       talloc child of ctx.  \returns 0; -EINVAL no AES key, or a constant for data; -EIO */
int key_derive(struct crypto *c, const void *ctx, const struct key *base, uint8_t constant, struct bytes context,
	       struct key **key) MUST_CHECK;
/*! The same for what is no secret: cryptograms and challenges.
 * \param[in] constant  below 04.  \param[in] len  1 .. 32.  \returns 0; -EINVAL; -EIO */
int key_derive_data(struct crypto *c, const struct key *base, uint8_t constant, struct bytes context, uint8_t *out,
		    size_t len) MUST_CHECK;

/*! Value of a key under another one: AES-CBC with zero IV, no padding (PUT KEY of GP Amd D).
 * \param[out] out  key_len(key) octets
 * \returns 0; -EINVAL when the value is no whole number of blocks or kek is no AES key; -EIO */
int key_wrap(struct crypto *c, const struct key *kek, const struct key *key, uint8_t *out) MUST_CHECK;
/*! Inverse of key_wrap().  Nothing proves the value: compare the check value.
 * \param[out] key  talloc child of ctx.  \returns 0; -EINVAL; -EIO */
int key_unwrap(struct crypto *c, const void *ctx, const struct key *kek, enum key_alg alg, struct bytes wrapped,
	       struct key **key) MUST_CHECK;

/*! SHA-256.  \returns 0; -EIO when OpenSSL fails */
int crypto_sha256(struct bytes in, uint8_t out[32]) MUST_CHECK;
/*! SHA-1 serves for subject key identifiers only (RFC 5280), never for a signature. */
int crypto_sha1_ski(struct bytes in, uint8_t out[20]) MUST_CHECK;

/*! Base64 without line breaks.  \returns talloc child of ctx */
char *base64_enc(const void *ctx, struct bytes b);
/*! White space inside is skipped.  \returns 0; -EINVAL */
int base64_dec(const void *ctx, const char *text, struct bytes *out) MUST_CHECK;
