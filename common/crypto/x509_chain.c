/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Trust: bundles of roots and the checks that need more than one certificate or a rule.  OpenSSL's security level 3
 * stands for 128 bits: RSA 3072, EC 256, SHA-256, for every link of a chain. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/crypto/ec_int.h"
#include "common/crypto/x509_int.h"

#define SECURITY_LEVEL 3
#define SECURITY_BITS 128
#define RSA_MIN_BITS 3072
/* EUM under a root, with room for two issuers in between. */
#define CHAIN_DEPTH_MAX 3

struct x509_bundle {
	X509_STORE *store;
	size_t certs;
	size_t crls;
};

static int bundle_destroy(struct x509_bundle *b)
{
	X509_STORE_free(b->store);
	return 0;
}

static int bundle_add(struct x509_bundle *b, const X509_INFO *info)
{
	if (info->x509) {
		if (X509_STORE_add_cert(b->store, info->x509) != 1)
			return -EINVAL;
		b->certs++;
	}
	if (info->crl) {
		if (X509_STORE_add_crl(b->store, info->crl) != 1)
			return -EINVAL;
		b->crls++;
	}
	return 0;
}

static int bundle_read(struct x509_bundle *b, FILE *f)
{
	STACK_OF(X509_INFO) *infos = PEM_X509_INFO_read(f, NULL, NULL, NULL);
	int rc = infos ? 0 : -EINVAL;

	for (int i = 0; rc == 0 && i < sk_X509_INFO_num(infos); i++)
		rc = bundle_add(b, sk_X509_INFO_value(infos, i));
	sk_X509_INFO_pop_free(infos, X509_INFO_free);
	if (rc < 0)
		ERR_clear_error();
	return rc == 0 && b->certs ? 0 : -EINVAL;
}

int x509_bundle_load(const void *ctx, const char *path, struct x509_bundle **bundle, const char **why)
{
	FILE *f = fopen(path, "re");
	struct x509_bundle *b;
	int rc;

	if (!f) {
		rc = -errno;
		*why = talloc_asprintf(ctx, "certificate file %s: %s", path, strerror(-rc));
		return rc;
	}
	b = talloc_zero(ctx, struct x509_bundle);
	OSMO_ASSERT(b);
	b->store = X509_STORE_new();
	talloc_set_destructor(b, bundle_destroy);
	OSMO_ASSERT(b->store);
	rc = bundle_read(b, f);
	fclose(f);
	if (rc < 0) {
		*why = talloc_asprintf(ctx, "certificate file %s: holds no certificate in PEM", path);
		talloc_free(b);
	} else {
		*bundle = b;
	}
	return rc;
}

void x509_bundle_visit(const struct x509_bundle *bundle, void (*visit)(void *priv, const struct x509 *cert), void *priv)
{
	STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(bundle->store);

	for (int i = 0; i < sk_X509_OBJECT_num(objects); i++) {
		X509 *x = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(objects, i));
		struct x509 *cert;

		if (!x || X509_up_ref(x) != 1 || x509_wrap(bundle, x, &cert) < 0)
			continue;
		visit(priv, cert);
		talloc_free(cert);
	}
}

static int bad(const void *ctx, const struct x509 *cert, const char *what, const char **why)
{
	*why = talloc_asprintf(ctx, "certificate of %s: %s", cert->subject, what);
	OSMO_ASSERT(*why);
	return -EBADMSG;
}

static bool params_set(X509_STORE_CTX *sc, const struct x509_bundle *roots, int64_t at_ms)
{
	X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(sc);
	unsigned long flags = X509_V_FLAG_X509_STRICT | X509_V_FLAG_CHECK_SS_SIGNATURE;

	if (roots->crls)
		flags |= X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL;
	X509_VERIFY_PARAM_set_time(param, (time_t)(at_ms / 1000));
	X509_VERIFY_PARAM_set_depth(param, CHAIN_DEPTH_MAX);
	X509_VERIFY_PARAM_set_auth_level(param, SECURITY_LEVEL);
	return X509_VERIFY_PARAM_set_flags(param, flags) == 1;
}

int x509_chain_check(const void *ctx, const struct x509 *cert, const struct x509_bundle *roots, int64_t at_ms,
		     const char **why)
{
	X509_STORE_CTX *sc = X509_STORE_CTX_new();
	int rc = 0;

	if (!sc || X509_STORE_CTX_init(sc, roots->store, cert->x, NULL) != 1 || !params_set(sc, roots, at_ms))
		rc = bad(ctx, cert, "OpenSSL cannot check it", why);
	else if (X509_verify_cert(sc) != 1)
		rc = bad(ctx, cert, X509_verify_cert_error_string(X509_STORE_CTX_get_error(sc)), why);
	X509_STORE_CTX_free(sc);
	ERR_clear_error();
	return rc;
}

int x509_strength_check(const void *ctx, const struct x509 *cert, const char **why)
{
	int md_bits = 0;

	if (!cert->key)
		return bad(ctx, cert, "its key is neither RSA nor on P-256, P-384 or brainpoolP256r1", why);
	if (!pubkey_is_ec(cert->key) && pubkey_bits(cert->key) < RSA_MIN_BITS)
		return bad(ctx, cert, "its RSA key has less than 3072 bits", why);
	if (X509_get_signature_info(cert->x, NULL, NULL, &md_bits, NULL) != 1 || md_bits < SECURITY_BITS)
		return bad(ctx, cert, "it is signed with a digest weaker than SHA-256", why);
	return 0;
}

int x509_eum_check(const void *ctx, const struct x509 *cert, const char **why)
{
	int rc = x509_strength_check(ctx, cert, why);

	if (rc < 0)
		return rc;
	/* For OpenSSL a certificate without the extension may be used for everything. */
	if (!(X509_get_extension_flags(cert->x) & EXFLAG_KUSAGE) || !(X509_get_key_usage(cert->x) & KU_KEY_CERT_SIGN))
		return bad(ctx, cert, "its key may not sign certificates (key usage)", why);
	if (X509_check_ca(cert->x) != 1)
		return bad(ctx, cert, "it is no CA certificate (basic constraints)", why);
	return 0;
}
