/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* X.509 certificates of the lab, from a table of extensions for each kind.  OpenSSL's objects stay in this file: what
 * the product may do with a private key (common/crypto/ec.h) does not include writing it down. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include <openssl/conf.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/crypto/rnd.h"
#include "lab/pki/pki_int.h"

#define DAY_S (24L * 3600)
#define EXT_MAX 7

/* Policy of EUM certificates [uncertain: from public certificates, the text was not at hand]. */
#define POLICY_EUM "2.23.146.1.2.1.2"

struct ext {
	int nid;
	const char *value;
	const char *behind_name; /* NULL: value is all; else the name of the file and this follow */
};

static const struct ext extensions[PKI_N_KINDS][EXT_MAX] = {
	[PKI_CI] = {{NID_basic_constraints, "critical,CA:TRUE"},
		    {NID_key_usage, "critical,keyCertSign,cRLSign"},
		    {NID_subject_key_identifier, "hash"}},
	[PKI_EUM] = {{NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
		     {NID_key_usage, "critical,digitalSignature,keyCertSign"},
		     {NID_certificate_policies, POLICY_EUM},
		     {NID_subject_key_identifier, "hash"},
		     {NID_authority_key_identifier, "keyid:always"}},
	[PKI_TLS_CA] = {{NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
			{NID_key_usage, "critical,keyCertSign,cRLSign"},
			{NID_subject_key_identifier, "hash"}},
	[PKI_PEER] = {{NID_basic_constraints, "critical,CA:FALSE"},
		      {NID_key_usage, "critical,digitalSignature"},
		      {NID_ext_key_usage, "serverAuth,clientAuth"},
		      {NID_subject_alt_name, "DNS:localhost,DNS:", ",IP:127.0.0.1,IP:::1"},
		      {NID_subject_key_identifier, "hash"},
		      {NID_authority_key_identifier, "keyid:always"}},
};

struct issuer {
	X509 *cert;
	EVP_PKEY *key;
};

static bool name_add(X509_NAME *name, const char *field, const char *value)
{
	return !value ||
	       X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8, (const unsigned char *)value, -1, -1, 0) == 1;
}

static bool subject_set(X509 *x, const char *cn, const char *oid)
{
	X509_NAME *name = X509_NAME_new();
	bool ok = name && name_add(name, "C", "XX") && name_add(name, "O", "Lab") && name_add(name, "CN", cn) &&
		  name_add(name, "serialNumber", oid) && X509_set_subject_name(x, name) == 1;

	X509_NAME_free(name);
	return ok;
}

static bool serial_set(X509 *x)
{
	uint8_t raw[16];
	BIGNUM *n;
	bool ok;

	rnd_bytes(raw, sizeof(raw));
	raw[0] = (uint8_t)((raw[0] & 0x7f) | 0x40);
	n = BN_bin2bn(raw, sizeof(raw), NULL);
	ok = n && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x));
	BN_free(n);
	return ok;
}

/* A day early, so that clocks of other machines may be a little behind. */
static bool validity_set(X509 *x)
{
	return X509_gmtime_adj(X509_getm_notBefore(x), -DAY_S) &&
	       X509_time_adj_ex(X509_getm_notAfter(x), PKI_YEARS * 365, 0, NULL);
}

static bool extension_add(X509 *x, X509 *issuer, const struct ext *e, const char *name)
{
	char *value = talloc_asprintf(NULL, "%s%s%s", e->value, e->behind_name ? name : "",
				      e->behind_name ? e->behind_name : "");
	/* Policies want a configuration to look up names in, though an empty one. */
	CONF *conf = NCONF_new(NULL);
	X509_EXTENSION *ext;
	X509V3_CTX v3;
	bool ok;

	OSMO_ASSERT(value && conf);
	X509V3_set_ctx(&v3, issuer, x, NULL, NULL, 0);
	X509V3_set_nconf(&v3, conf);
	ext = X509V3_EXT_nconf_nid(conf, &v3, e->nid, value);
	ok = ext && X509_add_ext(x, ext, -1) == 1;
	X509_EXTENSION_free(ext);
	NCONF_free(conf);
	talloc_free(value);
	return ok;
}

static bool extensions_add(X509 *x, X509 *issuer, enum pki_kind kind, const char *name)
{
	for (const struct ext *e = extensions[kind]; e < extensions[kind] + EXT_MAX && e->value; e++) {
		if (!extension_add(x, issuer, e, name))
			return false;
	}
	return true;
}

/* \returns certificate signed by the issuer, or by itself when there is none */
static X509 *cert_build(EVP_PKEY *key, const struct issuer *issuer, enum pki_kind kind, const char *name,
			const char *cn, const char *oid)
{
	X509 *x = X509_new();
	X509 *by = issuer->cert ? issuer->cert : x;

	if (x && X509_set_version(x, X509_VERSION_3) == 1 && serial_set(x) && validity_set(x) &&
	    subject_set(x, cn, oid) && X509_set_issuer_name(x, X509_get_subject_name(by)) == 1 &&
	    X509_set_pubkey(x, key) == 1 && extensions_add(x, by, kind, name) &&
	    X509_sign(x, issuer->key ? issuer->key : key, EVP_sha256()) > 0)
		return x;
	X509_free(x);
	return NULL;
}

static struct bytes bio_bytes(const void *ctx, BIO *bio)
{
	char *at;
	long len = BIO_get_mem_data(bio, &at);

	return bytes_dup(ctx, bytes_of(at, (size_t)len));
}

static int pair_write(const void *ctx, const char *dir, const char *name, EVP_PKEY *key, X509 *x, const char **why)
{
	BIO *key_pem = BIO_new(BIO_s_mem()), *cert_pem = BIO_new(BIO_s_mem());
	int rc = -EIO;

	if (key_pem && cert_pem && PEM_write_bio_PKCS8PrivateKey(key_pem, key, NULL, NULL, 0, NULL, NULL) == 1 &&
	    PEM_write_bio_X509(cert_pem, x) == 1) {
		rc = pki_file_write(ctx, pki_path(ctx, dir, name, "key"), 0600, false, bio_bytes(ctx, key_pem), why);
		if (rc == 0)
			rc = pki_file_write(ctx, pki_path(ctx, dir, name, "pem"), 0644, true, bio_bytes(ctx, cert_pem),
					    why);
	} else {
		*why = talloc_asprintf(ctx, "%s: OpenSSL cannot write PEM", name);
	}
	BIO_free(key_pem);
	BIO_free(cert_pem);
	return rc;
}

static int issuer_load(const void *ctx, const char *dir, const char *name, struct issuer *issuer, const char **why)
{
	struct bytes key, cert;
	int rc = pki_file_read(ctx, pki_path(ctx, dir, name, "key"), &key, why);
	BIO *kb, *cb;

	if (rc == 0)
		rc = pki_file_read(ctx, pki_path(ctx, dir, name, "pem"), &cert, why);
	if (rc < 0)
		return rc;
	kb = BIO_new_mem_buf(key.data, (int)key.len);
	cb = BIO_new_mem_buf(cert.data, (int)cert.len);
	issuer->key = kb ? PEM_read_bio_PrivateKey(kb, NULL, NULL, NULL) : NULL;
	issuer->cert = cb ? PEM_read_bio_X509(cb, NULL, NULL, NULL) : NULL;
	BIO_free(kb);
	BIO_free(cb);
	if (issuer->key && issuer->cert)
		return 0;
	*why = talloc_asprintf(ctx, "%s/%s: the issuer's key or certificate cannot be read", dir, name);
	return -EINVAL;
}

int pki_cert_make(const void *ctx, const char *dir, const char *name, const char *issuer_name, enum pki_kind kind,
		  const char *cn, const char *oid, const char **why)
{
	struct issuer issuer = {};
	EVP_PKEY *key = NULL;
	X509 *x = NULL;
	int rc = issuer_name ? issuer_load(ctx, dir, issuer_name, &issuer, why) : 0;

	if (rc < 0)
		goto out;
	key = EVP_EC_gen("P-256");
	x = key ? cert_build(key, &issuer, kind, name, cn, oid) : NULL;
	if (x) {
		rc = pair_write(ctx, dir, name, key, x, why);
	} else {
		*why = talloc_asprintf(ctx, "%s: OpenSSL cannot make the certificate: %s", name,
				       ERR_reason_error_string(ERR_peek_last_error()));
		rc = -EIO;
	}
out:
	X509_free(x);
	EVP_PKEY_free(key);
	X509_free(issuer.cert);
	EVP_PKEY_free(issuer.key);
	return rc;
}

int pki_key_make(const void *ctx, const char *dir, const char *name, const char *suffix, enum ec_curve curve,
		 struct privkey **key, const char **why)
{
	static const char *const curves[] = {
		[EC_P256] = "P-256",
		[EC_P384] = "P-384",
		[EC_BRAINPOOL_P256R1] = "brainpoolP256r1",
	};
	const char *path = pki_path(ctx, dir, name, suffix);
	EVP_PKEY *pkey = EVP_EC_gen(curves[curve]);
	BIO *pem = BIO_new(BIO_s_mem());
	int rc = -EIO;

	if (pkey && pem && PEM_write_bio_PKCS8PrivateKey(pem, pkey, NULL, NULL, 0, NULL, NULL) == 1)
		rc = pki_file_write(ctx, path, 0600, false, bio_bytes(ctx, pem), why);
	else
		*why = talloc_asprintf(ctx, "%s: OpenSSL cannot make the key", name);
	if (rc == 0)
		rc = privkey_pem_load(ctx, path, key, why);
	BIO_free(pem);
	EVP_PKEY_free(pkey);
	return rc;
}
