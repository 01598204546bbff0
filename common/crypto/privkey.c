/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Private keys: import, generation, signing. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/objects.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/crypto/ec_int.h"

static const int curve_nids[] = {
	[EC_P256] = NID_X9_62_prime256v1,
	[EC_P384] = NID_secp384r1,
	[EC_BRAINPOOL_P256R1] = NID_brainpoolP256r1,
};
_Static_assert(ARRAY_SIZE(curve_nids) == EC_N_CURVES, "a curve has no row");

static int privkey_destroy(struct privkey *key)
{
	EVP_PKEY_free(key->pkey);
	return 0;
}

static int privkey_wrap(const void *ctx, EVP_PKEY *pkey, struct privkey **key)
{
	struct privkey *k;

	pkey = pkey_admit(pkey);
	if (!pkey)
		return -EINVAL;
	k = talloc_zero(ctx, struct privkey);
	OSMO_ASSERT(k);
	talloc_set_destructor(k, privkey_destroy);
	k->pkey = pkey;
	*key = k;
	return 0;
}

static bool scalar_in_range(const EC_GROUP *group, const BIGNUM *d)
{
	return !BN_is_zero(d) && BN_cmp(d, EC_GROUP_get0_order(group)) < 0;
}

/* Uncompressed public point of a scalar.  \returns its length, 0 on failure */
static size_t scalar_point(const EC_GROUP *group, const BIGNUM *d, uint8_t *out, size_t cap)
{
	EC_POINT *q = EC_POINT_new(group);
	size_t len = 0;

	if (q && EC_POINT_mul(group, q, d, NULL, NULL, NULL) == 1)
		len = EC_POINT_point2oct(group, q, POINT_CONVERSION_UNCOMPRESSED, out, cap, NULL);
	EC_POINT_free(q);
	return len;
}

static EVP_PKEY *pkey_from_pair(int nid, const BIGNUM *d, struct bytes point)
{
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	OSSL_PARAM *params = NULL;
	EVP_PKEY *pkey = NULL;

	if (bld && ctx && OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME, OBJ_nid2sn(nid), 0) == 1 &&
	    OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_PRIV_KEY, d) == 1 &&
	    OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY, point.data, point.len) == 1)
		params = OSSL_PARAM_BLD_to_param(bld);
	if (!params || EVP_PKEY_fromdata_init(ctx) != 1 || EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_KEYPAIR, params) != 1)
		pkey = NULL;
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(bld);
	EVP_PKEY_CTX_free(ctx);
	return pkey;
}

int privkey_ec_import(const void *ctx, enum ec_curve curve, struct bytes scalar, struct privkey **key)
{
	EC_GROUP *group;
	EVP_PKEY *pkey = NULL;
	uint8_t point[1 + 2 * 48];
	BIGNUM *d;
	size_t len;

	if (scalar.len != ec_curve_len(curve))
		return -EINVAL;
	group = EC_GROUP_new_by_curve_name(curve_nids[curve]);
	d = BN_secure_new();
	if (group && d && BN_bin2bn(scalar.data, (int)scalar.len, d) && scalar_in_range(group, d)) {
		len = scalar_point(group, d, point, sizeof(point));
		pkey = len ? pkey_from_pair(curve_nids[curve], d, bytes_of(point, len)) : NULL;
	}
	BN_clear_free(d);
	EC_GROUP_free(group);
	return privkey_wrap(ctx, pkey, key);
}

int privkey_ec_generate(const void *ctx, enum ec_curve curve, struct privkey **key)
{
	EVP_PKEY *pkey = EVP_EC_gen(OBJ_nid2sn(curve_nids[curve]));

	return pkey ? privkey_wrap(ctx, pkey, key) : -EIO;
}

int privkey_pem_load(const void *ctx, const char *path, struct privkey **key, const char **why)
{
	FILE *f = fopen(path, "re");
	char no_passphrase[] = "";
	int rc;

	if (!f) {
		rc = -errno;
		*why = talloc_asprintf(ctx, "private key file %s: %s", path, strerror(-rc));
		return rc;
	}
	rc = privkey_wrap(ctx, PEM_read_PrivateKey(f, NULL, NULL, no_passphrase), key);
	if (rc < 0)
		*why = talloc_asprintf(ctx,
				       "private key file %s: holds no RSA or EC key (P-256, P-384, brainpoolP256r1) in "
				       "PEM without passphrase",
				       path);
	fclose(f);
	return rc;
}

int privkey_curve(const struct privkey *key, enum ec_curve *curve)
{
	return pkey_curve(key->pkey, curve);
}

int privkey_point(const void *ctx, const struct privkey *key, struct bytes *point)
{
	return pkey_point(ctx, key->pkey, point);
}

struct pubkey *privkey_pub(const void *ctx, const struct privkey *key)
{
	unsigned char *der = NULL;
	int len = i2d_PUBKEY(key->pkey, &der);
	struct pubkey *pub = NULL;

	OSMO_ASSERT(len > 0 && pubkey_spki_import(ctx, bytes_of(der, (size_t)len), &pub) == 0);
	OPENSSL_free(der);
	return pub;
}

/* ---- signing ---- */

static int der_to_plain(const void *ctx, struct bytes der, size_t coordinate, struct bytes *plain)
{
	const unsigned char *p = der.data;
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &p, (long)der.len);
	uint8_t *out = talloc_size(ctx, 2 * coordinate);
	bool ok;

	OSMO_ASSERT(out);
	ok = sig && BN_bn2binpad(ECDSA_SIG_get0_r(sig), out, (int)coordinate) > 0 &&
	     BN_bn2binpad(ECDSA_SIG_get0_s(sig), out + coordinate, (int)coordinate) > 0;
	ECDSA_SIG_free(sig);
	if (!ok) {
		talloc_free(out);
		return -EIO;
	}
	*plain = bytes_of(out, 2 * coordinate);
	return 0;
}

static int sign_raw(const void *ctx, const struct privkey *key, enum digest digest, struct bytes data,
		    struct bytes *sig)
{
	size_t len = (size_t)EVP_PKEY_get_size(key->pkey);
	uint8_t *out = talloc_size(ctx, len);
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	bool ok;

	OSMO_ASSERT(out);
	ok = md && EVP_DigestSignInit(md, NULL, digest_md(digest), NULL, key->pkey) == 1 &&
	     EVP_DigestSign(md, out, &len, data.data, data.len) == 1;
	EVP_MD_CTX_free(md);
	if (!ok) {
		talloc_free(out);
		return -EIO;
	}
	*sig = bytes_of(out, len);
	return 0;
}

int privkey_sign(const void *ctx, const struct privkey *key, enum digest digest, struct bytes data, struct bytes *sig)
{
	struct bytes raw;
	int rc = sign_raw(ctx, key, digest, data, &raw);

	if (rc < 0 || !EVP_PKEY_is_a(key->pkey, "EC")) {
		if (rc == 0)
			*sig = raw;
		return rc;
	}
	rc = der_to_plain(ctx, raw, ((size_t)EVP_PKEY_get_bits(key->pkey) + 7) / 8, sig);
	talloc_free((void *)raw.data);
	return rc;
}
