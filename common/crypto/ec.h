/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/codec/bytes.h"

/* Asymmetric keys behind handles: signatures of GlobalPlatform certificates, of XML, and the lab's PKI.  A handle that
 * is only read may be shared by threads. */
struct pubkey;
struct privkey;
struct key;

enum ec_curve {
	EC_P256,
	EC_P384,
	EC_BRAINPOOL_P256R1,
	EC_N_CURVES,
};

enum digest {
	DIGEST_SHA256,
	DIGEST_SHA384,
	DIGEST_SHA512,
	DIGEST_N,
};

#define DIGEST_MAX_LEN 64
/*! Octets of a digest. */
size_t digest_len(enum digest digest);
/*! \param[out] out  digest_len() octets.  \returns 0; -EIO */
int digest_calc(enum digest digest, struct bytes in, uint8_t *out) MUST_CHECK;

/*! Curve of a GlobalPlatform key parameter reference (tag F0: 00, 01, 03).  \returns 0; -ENOENT */
int ec_curve_by_gp(uint8_t reference, enum ec_curve *curve) MUST_CHECK;
uint8_t ec_curve_gp(enum ec_curve curve);
/*! Octets of one coordinate. */
size_t ec_curve_len(enum ec_curve curve);

/* ---- public keys ---- */

/*! \param[in]  point  04 | X | Y; checked to lie on the curve
 *  \param[out] key    talloc child of ctx
 *  \returns 0; -EINVAL */
int pubkey_ec_import(const void *ctx, enum ec_curve curve, struct bytes point, struct pubkey **key) MUST_CHECK;
/*! SubjectPublicKeyInfo in DER, EC or RSA.  \returns 0; -EINVAL when malformed, of another kind, or followed by
 * anything */
int pubkey_spki_import(const void *ctx, struct bytes der, struct pubkey **key) MUST_CHECK;
/*! \param[out] der  talloc child of ctx.  \returns 0; -EIO */
int pubkey_spki_export(const void *ctx, const struct pubkey *key, struct bytes *der) MUST_CHECK;

/*! False: an RSA key. */
bool pubkey_is_ec(const struct pubkey *key);
/*! \returns 0; -EINVAL when the key is on no curve of ours */
int pubkey_curve(const struct pubkey *key, enum ec_curve *curve) MUST_CHECK;
/*! Size of the modulus or of the curve. */
unsigned int pubkey_bits(const struct pubkey *key);
/*! Point of an EC key, 04 | X | Y.  \param[out] point  talloc child of ctx.  \returns 0; -EINVAL when it is no EC key
 */
int pubkey_point(const void *ctx, const struct pubkey *key, struct bytes *point) MUST_CHECK;
/*! Subject key identifier as RFC 5280 §4.2.1.2 makes it, method 1.  \returns 0; -EIO */
int pubkey_ski(const struct pubkey *key, uint8_t ski[20]) MUST_CHECK;
bool pubkey_eq(const struct pubkey *a, const struct pubkey *b);

/*! Check a signature over data.
 * \param[in] sig  EC: r | s, each as long as a coordinate; RSA: PKCS #1 v1.5
 * \returns 0; -EBADMSG when it is wrong in value or length; -EIO when OpenSSL fails */
int pubkey_verify(const struct pubkey *key, enum digest digest, struct bytes data, struct bytes sig) MUST_CHECK;

/* ---- private keys ---- */

/*! \param[in] scalar  as long as a coordinate, 1 .. n-1.  \returns 0; -EINVAL */
int privkey_ec_import(const void *ctx, enum ec_curve curve, struct bytes scalar, struct privkey **key) MUST_CHECK;
/*! \returns 0; -EIO */
int privkey_ec_generate(const void *ctx, enum ec_curve curve, struct privkey **key) MUST_CHECK;
/*! From a PEM file, not protected by a passphrase.  \param[out] why  on error, talloc child of ctx
 * \returns 0; -EINVAL; errno of opening the file */
int privkey_pem_load(const void *ctx, const char *path, struct privkey **key, const char **why) MUST_CHECK;
/*! \returns 0; -EINVAL when the key is on no curve of ours */
int privkey_curve(const struct privkey *key, enum ec_curve *curve) MUST_CHECK;
/*! Public point of an EC key, 04 | X | Y, without making a handle of it, which costs more than a signature.
 * \param[out] point  talloc child of ctx.  \returns 0; -EINVAL when it is no EC key */
int privkey_point(const void *ctx, const struct privkey *key, struct bytes *point) MUST_CHECK;
/*! Public half.  \returns talloc child of ctx */
struct pubkey *privkey_pub(const void *ctx, const struct privkey *key);
/*! \param[out] sig  form as in pubkey_verify(), talloc child of ctx.  \returns 0; -EIO */
int privkey_sign(const void *ctx, const struct privkey *key, enum digest digest, struct bytes data,
		 struct bytes *sig) MUST_CHECK;

/*! Elliptic curve Diffie-Hellman, and the X coordinate through X9.63 with SHA-256 into AES-128 keys.  The peer's point
 * is not checked again: every struct pubkey was checked when it was made.
 * \param[in]  info  SharedInfo, at most 512 octets
 * \param[out] keys  n handles in the order of the key data, talloc children of ctx; untouched on error
 * \returns 0; -EINVAL when the keys are not on the same curve or info is too long; -EIO */
int ecdh_derive(const void *ctx, const struct privkey *own, const struct pubkey *peer, struct bytes info,
		struct key **keys, size_t n) MUST_CHECK;
