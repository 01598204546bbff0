/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Curves, digests and public keys.  ECDSA signatures are plain r | s everywhere outside (GlobalPlatform and XML want
 * them so); only this file and privkey.c know OpenSSL's DER form. */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/x509.h>
#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/crypto/crypto.h"
#include "common/crypto/ec_int.h"

static const struct curve {
	const char *name;
	uint8_t gp;
	uint8_t len;
} curves[] = {
	[EC_P256] = {"prime256v1", 0x00, 32},
	[EC_P384] = {"secp384r1", 0x01, 48},
	[EC_BRAINPOOL_P256R1] = {"brainpoolP256r1", 0x03, 32},
};
_Static_assert(ARRAY_SIZE(curves) == EC_N_CURVES, "a curve has no row");

#define POINT_MAX (1 + 2 * 48)

int ec_curve_by_gp(uint8_t reference, enum ec_curve *curve)
{
	for (size_t i = 0; i < ARRAY_SIZE(curves); i++) {
		if (curves[i].gp == reference) {
			*curve = (enum ec_curve)i;
			return 0;
		}
	}
	return -ENOENT;
}

uint8_t ec_curve_gp(enum ec_curve curve)
{
	return curves[curve].gp;
}

size_t ec_curve_len(enum ec_curve curve)
{
	return curves[curve].len;
}

const EVP_MD *digest_md(enum digest digest)
{
	switch (digest) {
	case DIGEST_SHA384:
		return EVP_sha384();
	case DIGEST_SHA512:
		return EVP_sha512();
	case DIGEST_SHA256:
	case DIGEST_N:
		break;
	}
	return EVP_sha256();
}

size_t digest_len(enum digest digest)
{
	return (size_t)EVP_MD_get_size(digest_md(digest));
}

int digest_calc(enum digest digest, struct bytes in, uint8_t *out)
{
	return EVP_Digest(in.data, in.len, out, NULL, digest_md(digest), NULL) == 1 ? 0 : -EIO;
}

int pkey_curve(EVP_PKEY *pkey, enum ec_curve *curve)
{
	char name[32];

	if (!EVP_PKEY_is_a(pkey, "EC") || EVP_PKEY_get_group_name(pkey, name, sizeof(name), NULL) != 1)
		return -EINVAL;
	for (size_t i = 0; i < ARRAY_SIZE(curves); i++) {
		if (strcmp(curves[i].name, name) == 0) {
			*curve = (enum ec_curve)i;
			return 0;
		}
	}
	return -EINVAL;
}

EVP_PKEY *pkey_admit(EVP_PKEY *pkey)
{
	enum ec_curve curve;

	if (pkey && (EVP_PKEY_is_a(pkey, "RSA") || pkey_curve(pkey, &curve) == 0))
		return pkey;
	EVP_PKEY_free(pkey);
	ERR_clear_error();
	return NULL;
}

/* ---- public keys ---- */

static int pubkey_destroy(struct pubkey *key)
{
	EVP_PKEY_free(key->pkey);
	return 0;
}

int pubkey_wrap(const void *ctx, EVP_PKEY *pkey, struct pubkey **key)
{
	struct pubkey *k;

	pkey = pkey_admit(pkey);
	if (!pkey)
		return -EINVAL;
	k = talloc_zero(ctx, struct pubkey);
	OSMO_ASSERT(k);
	talloc_set_destructor(k, pubkey_destroy);
	k->pkey = pkey;
	*key = k;
	return 0;
}

static EVP_PKEY *pkey_from_point(const char *curve, struct bytes point)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)curve, 0),
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (void *)point.data, point.len),
		OSSL_PARAM_construct_end(),
	};
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	EVP_PKEY *pkey = NULL;

	if (!ctx || EVP_PKEY_fromdata_init(ctx) != 1 || EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
		pkey = NULL;
	EVP_PKEY_CTX_free(ctx);
	return pkey;
}

static bool pkey_valid(EVP_PKEY *pkey)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(pkey, NULL);
	bool valid = ctx && EVP_PKEY_public_check_quick(ctx) == 1;

	EVP_PKEY_CTX_free(ctx);
	return valid;
}

int pubkey_ec_import(const void *ctx, enum ec_curve curve, struct bytes point, struct pubkey **key)
{
	EVP_PKEY *pkey;
	struct rd r;

	rd_init(&r, point);
	if (rd_u8(&r) != 0x04 || point.len != 1 + 2 * ec_curve_len(curve))
		return -EINVAL;
	pkey = pkey_from_point(curves[curve].name, point);
	if (pkey && !pkey_valid(pkey)) {
		EVP_PKEY_free(pkey);
		pkey = NULL;
	}
	return pubkey_wrap(ctx, pkey, key);
}

int pubkey_spki_import(const void *ctx, struct bytes der, struct pubkey **key)
{
	const unsigned char *p = der.data;
	EVP_PKEY *pkey = der.len && der.len < INT_MAX ? d2i_PUBKEY(NULL, &p, (long)der.len) : NULL;

	if (pkey && (p != der.data + der.len || !pkey_valid(pkey))) {
		EVP_PKEY_free(pkey);
		pkey = NULL;
	}
	return pubkey_wrap(ctx, pkey, key);
}

int pubkey_spki_export(const void *ctx, const struct pubkey *key, struct bytes *der)
{
	unsigned char *buf = NULL;
	int len = i2d_PUBKEY(key->pkey, &buf);

	if (len <= 0)
		return -EIO;
	*der = bytes_dup(ctx, bytes_of(buf, (size_t)len));
	OPENSSL_free(buf);
	return 0;
}

bool pubkey_is_ec(const struct pubkey *key)
{
	return EVP_PKEY_is_a(key->pkey, "EC");
}

int pubkey_curve(const struct pubkey *key, enum ec_curve *curve)
{
	return pkey_curve(key->pkey, curve);
}

unsigned int pubkey_bits(const struct pubkey *key)
{
	return (unsigned int)EVP_PKEY_get_bits(key->pkey);
}

int pkey_point(const void *ctx, EVP_PKEY *pkey, struct bytes *point)
{
	uint8_t buf[POINT_MAX];
	size_t len;

	if (!EVP_PKEY_is_a(pkey, "EC") ||
	    EVP_PKEY_get_octet_string_param(pkey, OSSL_PKEY_PARAM_PUB_KEY, buf, sizeof(buf), &len) != 1)
		return -EINVAL;
	*point = bytes_dup(ctx, bytes_of(buf, len));
	return 0;
}

int pubkey_point(const void *ctx, const struct pubkey *key, struct bytes *point)
{
	return pkey_point(ctx, key->pkey, point);
}

int pubkey_ski(const struct pubkey *key, uint8_t ski[20])
{
	const unsigned char *bits;
	X509_PUBKEY *spki = NULL;
	int len, rc = -EIO;

	if (X509_PUBKEY_set(&spki, key->pkey) == 1 && X509_PUBKEY_get0_param(NULL, &bits, &len, NULL, spki) == 1)
		rc = crypto_sha1_ski(bytes_of(bits, (size_t)len), ski);
	X509_PUBKEY_free(spki);
	return rc;
}

bool pubkey_eq(const struct pubkey *a, const struct pubkey *b)
{
	return EVP_PKEY_eq(a->pkey, b->pkey) == 1;
}

/* ---- verification ---- */

/* \returns DER length, *der to be freed by OPENSSL_free(); 0 when OpenSSL fails */
static size_t plain_to_der(struct bytes plain, unsigned char **der)
{
	int half = (int)(plain.len / 2), len = 0;
	ECDSA_SIG *sig = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(plain.data, half, NULL);
	BIGNUM *s = BN_bin2bn(plain.data + half, half, NULL);

	*der = NULL;
	if (sig && r && s && ECDSA_SIG_set0(sig, r, s) == 1) {
		len = i2d_ECDSA_SIG(sig, der);
	} else {
		BN_free(r);
		BN_free(s);
	}
	ECDSA_SIG_free(sig);
	return len > 0 ? (size_t)len : 0;
}

static int verify_raw(const struct pubkey *key, enum digest digest, struct bytes data, struct bytes sig)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int rc = -EIO;

	if (ctx && EVP_DigestVerifyInit(ctx, NULL, digest_md(digest), NULL, key->pkey) == 1)
		rc = EVP_DigestVerify(ctx, sig.data, sig.len, data.data, data.len) == 1 ? 0 : -EBADMSG;
	EVP_MD_CTX_free(ctx);
	if (rc < 0)
		ERR_clear_error();
	return rc;
}

int pubkey_verify(const struct pubkey *key, enum digest digest, struct bytes data, struct bytes sig)
{
	enum ec_curve curve;
	unsigned char *der;
	size_t len;
	int rc;

	if (!pubkey_is_ec(key))
		return verify_raw(key, digest, data, sig);
	if (pubkey_curve(key, &curve) < 0)
		return -EIO;
	if (sig.len != 2 * ec_curve_len(curve))
		return -EBADMSG;
	len = plain_to_der(sig, &der);
	rc = len ? verify_raw(key, digest, data, bytes_of(der, len)) : -EIO;
	OPENSSL_free(der);
	return rc;
}
