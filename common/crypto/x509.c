/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Certificates: loading and what they say.  Everything that callers ask for is worked out when a certificate is loaded,
 * so that the object never changes afterwards. */
#include "common/crypto/x509.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/crypto/crypto.h"
#include "common/crypto/ec_int.h"
#include "common/crypto/x509_int.h"

static int x509_destroy(struct x509 *cert)
{
	X509_free(cert->x);
	return 0;
}

char *x509_name_text(const void *ctx, const X509_NAME *name)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text = NULL, *at;
	long len;

	if (bio && X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253) >= 0) {
		len = BIO_get_mem_data(bio, &at);
		text = talloc_strndup(ctx, at, (size_t)len);
	}
	BIO_free(bio);
	return text;
}

static int not_after(X509 *x, int64_t *ms)
{
	struct tm tm = {};

	if (ASN1_TIME_to_tm(X509_get0_notAfter(x), &tm) != 1)
		return -EINVAL;
	*ms = (int64_t)timegm(&tm) * 1000;
	return 0;
}

static struct bytes ski_of(struct x509 *cert)
{
	/* This call also makes OpenSSL work out and store all extensions, before threads share the object. */
	const ASN1_OCTET_STRING *ext = X509_get0_subject_key_id(cert->x);
	uint8_t ski[20];

	if (ext)
		return bytes_of(ASN1_STRING_get0_data(ext), (size_t)ASN1_STRING_length(ext));
	if (!cert->key || pubkey_ski(cert->key, ski) < 0)
		return bytes_of(NULL, 0);
	return bytes_dup(cert, BYTES_ARR(ski));
}

static int der_of(const void *ctx, X509 *x, struct bytes *out)
{
	unsigned char *der = NULL;
	int len = i2d_X509(x, &der);

	if (len <= 0)
		return -EINVAL;
	*out = bytes_dup(ctx, bytes_of(der, (size_t)len));
	OPENSSL_free(der);
	return 0;
}

int x509_wrap(const void *ctx, X509 *x, struct x509 **cert)
{
	struct x509 *c;
	EVP_PKEY *pkey;

	if (!x)
		return -EINVAL;
	c = talloc_zero(ctx, struct x509);
	OSMO_ASSERT(c);
	c->x = x;
	talloc_set_destructor(c, x509_destroy);
	pkey = X509_get_pubkey(x);
	/* Also without a key: what OpenSSL left on the error queue of the thread is taken away. */
	if (pubkey_wrap(c, pkey, &c->key) < 0)
		c->key = NULL;
	c->ski = ski_of(c);
	c->subject = x509_name_text(c, X509_get_subject_name(x));
	if (!c->subject || not_after(x, &c->not_after_ms) < 0 || der_of(c, x, &c->der) < 0 ||
	    crypto_sha256(c->der, c->fingerprint) < 0) {
		talloc_free(c);
		return -EINVAL;
	}
	*cert = c;
	return 0;
}

int x509_pem_parse(const void *ctx, struct bytes pem, struct x509 **cert)
{
	BIO *bio = pem.len < INT_MAX ? BIO_new_mem_buf(pem.data, (int)pem.len) : NULL;
	X509 *x = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;

	BIO_free(bio);
	if (!x)
		ERR_clear_error();
	return x509_wrap(ctx, x, cert);
}

int x509_der_parse(const void *ctx, struct bytes der, struct x509 **cert)
{
	const unsigned char *p = der.data;
	X509 *x = der.len && der.len < INT_MAX ? d2i_X509(NULL, &p, (long)der.len) : NULL;
	struct x509 *c;

	if (!x)
		ERR_clear_error();
	if (x509_wrap(ctx, x, &c) < 0)
		return -EINVAL;
	/* OpenSSL forgives what DER forbids, as spare bits in the signature, and writes it right: another certificate.
	 */
	if (!bytes_eq(c->der, der)) {
		talloc_free(c);
		return -EINVAL;
	}
	*cert = c;
	return 0;
}

int x509_pem_load(const void *ctx, const char *path, struct x509 **cert, const char **why)
{
	FILE *f = fopen(path, "re");
	int rc;

	if (!f) {
		rc = -errno;
		*why = talloc_asprintf(ctx, "certificate file %s: %s", path, strerror(-rc));
		return rc;
	}
	rc = x509_wrap(ctx, PEM_read_X509(f, NULL, NULL, NULL), cert);
	fclose(f);
	if (rc < 0) {
		ERR_clear_error();
		*why = talloc_asprintf(ctx, "certificate file %s: holds no certificate in PEM", path);
	}
	return rc;
}

/* ---- what it says ---- */

const struct pubkey *x509_pubkey(const struct x509 *cert)
{
	return cert->key;
}

struct bytes x509_ski(const struct x509 *cert)
{
	return cert->ski;
}

const uint8_t *x509_fingerprint(const struct x509 *cert)
{
	return cert->fingerprint;
}

const char *x509_subject(const struct x509 *cert)
{
	return cert->subject;
}

struct bytes x509_der(const struct x509 *cert)
{
	return cert->der;
}

int64_t x509_not_after_ms(const struct x509 *cert)
{
	return cert->not_after_ms;
}
