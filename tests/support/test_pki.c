/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Certificates made with OpenSSL calls: P-256 keys, SHA-256.  Any failure ends the test program. */
#include "tests/support/test_pki.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <osmocom/core/utils.h>
#include <talloc.h>

#define DAY_S 86400

struct test_pki {
	char *dir;
	char **files;
	size_t n_files;
};

static int pki_remove(struct test_pki *pki)
{
	size_t i;

	for (i = 0; i < pki->n_files; i++)
		unlink(pki->files[i]);
	rmdir(pki->dir);
	return 0;
}

struct test_pki *test_pki_alloc(const void *ctx)
{
	struct test_pki *pki = talloc_zero(ctx, struct test_pki);

	pki->dir = talloc_strdup(pki, "/tmp/esim-test-XXXXXX");
	OSMO_ASSERT(mkdtemp(pki->dir));
	talloc_set_destructor(pki, pki_remove);
	return pki;
}

const char *test_pki_path(struct test_pki *pki, const char *name)
{
	char *path = talloc_asprintf(pki, "%s/%s", pki->dir, name);

	pki->files = talloc_realloc(pki, pki->files, char *, pki->n_files + 1);
	pki->files[pki->n_files++] = path;
	return path;
}

static struct test_cert cert_files(struct test_pki *pki, const char *name)
{
	return (struct test_cert){
		.cert = test_pki_path(pki, talloc_asprintf(pki, "%s.pem", name)),
		.key = test_pki_path(pki, talloc_asprintf(pki, "%s.key", name)),
	};
}

static void save(const struct test_cert *files, X509 *cert, EVP_PKEY *key)
{
	FILE *f = fopen(files->cert, "w");

	OSMO_ASSERT(f && PEM_write_X509(f, cert) == 1 && fclose(f) == 0);
	f = fopen(files->key, "w");
	OSMO_ASSERT(f && fchmod(fileno(f), 0600) == 0);
	OSMO_ASSERT(PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) == 1 && fclose(f) == 0);
}

static X509 *load_cert(const char *file)
{
	FILE *f = fopen(file, "r");
	X509 *cert = f ? PEM_read_X509(f, NULL, NULL, NULL) : NULL;

	OSMO_ASSERT(cert && fclose(f) == 0);
	return cert;
}

static EVP_PKEY *load_key(const char *file)
{
	FILE *f = fopen(file, "r");
	EVP_PKEY *key = f ? PEM_read_PrivateKey(f, NULL, NULL, NULL) : NULL;

	OSMO_ASSERT(key && fclose(f) == 0);
	return key;
}

static void extend(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *ext;

	if (!value)
		return;
	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	OSMO_ASSERT(ext && X509_add_ext(cert, ext, -1) == 1);
	X509_EXTENSION_free(ext);
}

static void name_add(X509 *cert, const char *field, const char *value, int len)
{
	X509_NAME *name = X509_get_subject_name(cert);

	if (value)
		OSMO_ASSERT(X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8, (const uint8_t *)value,
						       len ? len : -1, -1, 0));
}

static X509 *make(const struct test_subject *s, EVP_PKEY *key)
{
	X509 *cert = X509_new();
	uint64_t serial;

	OSMO_ASSERT(cert && RAND_bytes((uint8_t *)&serial, sizeof(serial)) == 1);
	OSMO_ASSERT(X509_set_version(cert, X509_VERSION_3));
	OSMO_ASSERT(ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), serial >> 1));
	OSMO_ASSERT(X509_gmtime_adj(X509_getm_notBefore(cert), (s->tomorrow ? 1L : -3L) * DAY_S));
	OSMO_ASSERT(X509_gmtime_adj(X509_getm_notAfter(cert), (s->days ? s->days : 1) * (long)DAY_S));
	OSMO_ASSERT(X509_set_pubkey(cert, key));
	name_add(cert, "CN", s->cn, s->cn_len);
	name_add(cert, "CN", s->cn_again, 0);
	name_add(cert, "serialNumber", s->serial_number, 0);
	return cert;
}

struct test_cert test_pki_root(struct test_pki *pki, const char *name)
{
	const struct test_subject subject = {.cn = name};
	struct test_cert files = cert_files(pki, name);
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = make(&subject, key);

	OSMO_ASSERT(X509_set_issuer_name(cert, X509_get_subject_name(cert)));
	extend(cert, cert, NID_basic_constraints, "critical,CA:TRUE");
	extend(cert, cert, NID_key_usage, "critical,keyCertSign,cRLSign");
	extend(cert, cert, NID_subject_key_identifier, "hash");
	OSMO_ASSERT(X509_sign(cert, key, EVP_sha256()) > 0);
	save(&files, cert, key);
	X509_free(cert);
	EVP_PKEY_free(key);
	return files;
}

struct test_cert test_pki_leaf(struct test_pki *pki, const char *root, const char *file,
			       const struct test_subject *subject)
{
	struct test_cert files = cert_files(pki, file);
	X509 *ca = load_cert(talloc_asprintf(pki, "%s/%s.pem", pki->dir, root));
	EVP_PKEY *ca_key = load_key(talloc_asprintf(pki, "%s/%s.key", pki->dir, root));
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = make(subject, key);

	OSMO_ASSERT(X509_set_issuer_name(cert, X509_get_subject_name(ca)));
	extend(cert, ca, NID_basic_constraints, "critical,CA:FALSE");
	extend(cert, ca, NID_key_usage, "critical,digitalSignature");
	extend(cert, ca, NID_ext_key_usage, "serverAuth,clientAuth");
	extend(cert, ca, NID_subject_key_identifier, "hash");
	extend(cert, ca, NID_authority_key_identifier, "keyid");
	extend(cert, ca, NID_subject_alt_name, subject->san);
	OSMO_ASSERT(X509_sign(cert, ca_key, EVP_sha256()) > 0);
	save(&files, cert, key);
	X509_free(cert);
	X509_free(ca);
	EVP_PKEY_free(key);
	EVP_PKEY_free(ca_key);
	return files;
}

static void crl_add(X509_CRL *crl, const struct test_cert *cert)
{
	X509 *x = load_cert(cert->cert);
	X509_REVOKED *entry = X509_REVOKED_new();

	OSMO_ASSERT(X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(x)) == 1);
	OSMO_ASSERT(X509_REVOKED_set_revocationDate(entry, (ASN1_TIME *)X509_get0_notBefore(x)) == 1);
	OSMO_ASSERT(X509_CRL_add0_revoked(crl, entry) == 1);
	X509_free(x);
}

const char *test_pki_crl(struct test_pki *pki, const char *root, const char *file, const struct test_cert *revoked)
{
	const char *path = test_pki_path(pki, file);
	X509 *ca = load_cert(talloc_asprintf(pki, "%s/%s.pem", pki->dir, root));
	EVP_PKEY *key = load_key(talloc_asprintf(pki, "%s/%s.key", pki->dir, root));
	ASN1_TIME *from = X509_gmtime_adj(NULL, -DAY_S), *to = X509_gmtime_adj(NULL, DAY_S);
	X509_CRL *crl = X509_CRL_new();
	FILE *f = fopen(path, "w");

	OSMO_ASSERT(crl && from && to && f && X509_CRL_set_version(crl, X509_CRL_VERSION_2));
	OSMO_ASSERT(X509_CRL_set_issuer_name(crl, X509_get_subject_name(ca)));
	OSMO_ASSERT(X509_CRL_set1_lastUpdate(crl, from) && X509_CRL_set1_nextUpdate(crl, to));
	if (revoked)
		crl_add(crl, revoked);
	OSMO_ASSERT(X509_CRL_sign(crl, key, EVP_sha256()) > 0);
	OSMO_ASSERT(PEM_write_X509(f, ca) == 1 && PEM_write_X509_CRL(f, crl) == 1 && fclose(f) == 0);
	ASN1_TIME_free(from);
	ASN1_TIME_free(to);
	X509_CRL_free(crl);
	X509_free(ca);
	EVP_PKEY_free(key);
	return path;
}
