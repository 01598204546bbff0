/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* TLS snapshots over OpenSSL: one SSL_CTX for each role, loaded and checked in one go.
 *
 * Session tickets stay on (they carry the client's certificate), but their keys live and die with the SSL_CTX, so a
 * reload ends every resumption and new roots count at once.  Revocation lists count when they stand in the file of the
 * roots; then each issuer must have one that is not out of date, as for the certificates of card makers
 * (common/crypto/x509_chain.c). */
#include "common/net/tls.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/net/tls_priv.h"

/* TLS 1.2 suites with forward secrecy and GCM; all suites of TLS 1.3 have both. */
#define CIPHERS_TLS12 "ECDHE+AESGCM"
#define SECURITY_LEVEL 2 /* 112 bit: RSA and DH of 2048, EC of 224 bit and more */
#define CHAIN_DEPTH 5

struct tls {
	enum tls_role role;
	SSL_CTX *ctx;
	int64_t not_after_ms;
};

static int tls_destroy(struct tls *tls)
{
	SSL_CTX_free(tls->ctx);
	return 0;
}

/* Sentence about a file from what OpenSSL left in its error queue, which is emptied. */
static const char *complain(const void *ctx, const char *file, const char *what)
{
	unsigned long e = ERR_peek_last_error();
	const char *why = e ? ERR_reason_error_string(e) : NULL;

	ERR_clear_error();
	return talloc_asprintf(ctx, "%s: %s%s%s", file, what, why ? ": " : "", why ? why : "");
}

int tls_no_password(char *buf, int size, int rwflag, void *data)
{
	return 0;
}

bool tls_key_is_open(const struct stat *st)
{
	return st->st_mode & (S_IROTH | S_IWOTH);
}

static int set_limits(SSL_CTX *ctx)
{
	SSL_CTX_set_security_level(ctx, SECURITY_LEVEL);
	SSL_CTX_set_default_passwd_cb(ctx, tls_no_password);
	/* not SSL_MODE_ENABLE_PARTIAL_WRITE: libevent 2.1 goes on with its next buffer after a short write */
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_verify_depth(ctx, CHAIN_DEPTH);
	/* without a context name a server that demands certificates refuses every resumption */
	if (SSL_CTX_set_session_id_context(ctx, (const uint8_t *)"esim", 4) != 1 ||
	    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1 || SSL_CTX_set_cipher_list(ctx, CIPHERS_TLS12) != 1)
		return -EINVAL;
	return 0;
}

static int check_file(const void *ctx, const char *file, bool secret, const char **err)
{
	struct stat st;
	int rc = 0;

	if (stat(file, &st) < 0) {
		rc = -errno;
		*err = talloc_asprintf(ctx, "%s: %s", file, strerror(-rc));
	} else if (secret && tls_key_is_open(&st)) {
		rc = -EACCES;
		*err = talloc_asprintf(ctx, "%s: private key is readable or writable by everybody (chmod o-rwx)", file);
	}
	return rc;
}

static int load_key_pair(const void *ctx, SSL_CTX *sc, const struct tls_files *f, const char **err)
{
	int rc = check_file(ctx, f->cert, false, err);

	if (rc == 0)
		rc = check_file(ctx, f->key, true, err);
	if (rc < 0)
		return rc;
	if (SSL_CTX_use_certificate_chain_file(sc, f->cert) != 1)
		*err = complain(ctx, f->cert, "no usable certificate in PEM form");
	else if (SSL_CTX_use_PrivateKey_file(sc, f->key, SSL_FILETYPE_PEM) != 1)
		*err = complain(ctx, f->key, "no usable private key in PEM form for this certificate");
	else if (SSL_CTX_check_private_key(sc) != 1)
		*err = complain(ctx, f->key, "private key does not belong to the certificate");
	else
		return 0;
	return -EINVAL;
}

int tls_obey_crls(SSL_CTX *sc)
{
	STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(SSL_CTX_get_cert_store(sc));

	for (int i = 0; i < sk_X509_OBJECT_num(objects); i++) {
		if (X509_OBJECT_get0_X509_CRL(sk_X509_OBJECT_value(objects, i)))
			return X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(sc),
							   X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL) == 1
				       ? 0
				       : -EINVAL;
	}
	return 0;
}

static int load_roots(const void *ctx, SSL_CTX *sc, enum tls_role role, const char *file, const char **err)
{
	int rc = check_file(ctx, file, false, err);

	if (rc < 0)
		return rc;
	if (SSL_CTX_load_verify_file(sc, file) != 1 || tls_obey_crls(sc) < 0) {
		*err = complain(ctx, file, "no CA certificate in PEM form");
		return -EINVAL;
	}
	if (role == TLS_SERVER) {
		STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(file);

		if (!names) {
			*err = complain(ctx, file, "no CA certificate in PEM form");
			return -EINVAL;
		}
		SSL_CTX_set_client_CA_list(sc, names); /* takes names */
	}
	return 0;
}

static int check_dates(const void *ctx, const X509 *cert, const char *file, int64_t *not_after_ms, const char **err)
{
	struct tm tm;

	if (X509_cmp_current_time(X509_get0_notBefore(cert)) > 0) {
		*err = talloc_asprintf(ctx, "%s: certificate is not valid yet", file);
		return -EINVAL;
	}
	if (X509_cmp_current_time(X509_get0_notAfter(cert)) < 0) {
		*err = talloc_asprintf(ctx, "%s: certificate has expired", file);
		return -EINVAL;
	}
	if (ASN1_TIME_to_tm(X509_get0_notAfter(cert), &tm) != 1) {
		*err = talloc_asprintf(ctx, "%s: end of validity is unreadable", file);
		return -EINVAL;
	}
	*not_after_ms = (int64_t)timegm(&tm) * 1000;
	return 0;
}

int tls_load(const void *ctx, enum tls_role role, const struct tls_files *files, struct tls **out, const char **err)
{
	struct tls *tls = talloc_zero(ctx, struct tls);
	int rc = -EINVAL;

	ERR_clear_error();
	tls->role = role;
	tls->ctx = SSL_CTX_new(role == TLS_SERVER ? TLS_server_method() : TLS_client_method());
	talloc_set_destructor(tls, tls_destroy);
	if (!tls->ctx || set_limits(tls->ctx) < 0) {
		*err = complain(ctx, "OpenSSL", "TLS 1.2 with " CIPHERS_TLS12 " is not available");
		goto out;
	}
	rc = load_key_pair(ctx, tls->ctx, files, err);
	if (rc < 0)
		goto out;
	rc = check_dates(ctx, SSL_CTX_get0_certificate(tls->ctx), files->cert, &tls->not_after_ms, err);
	if (rc < 0)
		goto out;
	rc = load_roots(ctx, tls->ctx, role, files->ca, err);
	if (rc < 0)
		goto out;
	SSL_CTX_set_verify(tls->ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	*out = tls;
	return 0;
out:
	talloc_free(tls);
	return rc;
}

enum tls_role tls_role(const struct tls *tls)
{
	return tls->role;
}

int64_t tls_not_after_ms(const struct tls *tls)
{
	return tls->not_after_ms;
}

SSL_CTX *tls_ctx_ref(const struct tls *tls)
{
	OSMO_ASSERT(SSL_CTX_up_ref(tls->ctx) == 1);
	return tls->ctx;
}

struct owner {
	void *owner;
	void (*gone)(void *owner);
};

static int owner_index = -1;
static pthread_once_t owner_once = PTHREAD_ONCE_INIT;

static void owner_free(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int idx, long argl, void *argp)
{
	struct owner *o = ptr;

	if (!o)
		return;
	o->gone(o->owner);
	talloc_free(o);
}

static void owner_register(void)
{
	owner_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, owner_free);
}

SSL *tls_ssl_new(SSL_CTX *ctx, void *owner, void (*gone)(void *owner))
{
	SSL *ssl = SSL_new(ctx);
	struct owner *o;

	pthread_once(&owner_once, owner_register);
	if (!ssl)
		return NULL;
	o = talloc_zero(NULL, struct owner);
	o->owner = owner;
	o->gone = gone;
	if (owner_index < 0 || SSL_set_ex_data(ssl, owner_index, o) != 1) {
		talloc_free(o);
		SSL_free(ssl);
		return NULL;
	}
	return ssl;
}

void *tls_ssl_owner(const SSL *ssl)
{
	const struct owner *o = owner_index < 0 ? NULL : SSL_get_ex_data(ssl, owner_index);

	return o ? o->owner : NULL;
}

int tls_ssl_expect_host(SSL *ssl, const char *host)
{
	/* a numeric address is compared with the addresses of the certificate and is not sent as SNI (RFC 6066) */
	if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1)
		return 0;
	ERR_clear_error();
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	if (SSL_set1_host(ssl, host) != 1 || SSL_set_tlsext_host_name(ssl, host) != 1)
		return -EINVAL;
	return 0;
}

const char *tls_ssl_failure(const void *ctx, const SSL *ssl, unsigned long error)
{
	long verify = SSL_get_verify_result(ssl);
	const char *why = error ? ERR_reason_error_string(error) : NULL;

	if (verify != X509_V_OK)
		return talloc_asprintf(ctx, "certificate of the peer: %s", X509_verify_cert_error_string(verify));
	return talloc_asprintf(ctx, "TLS handshake: %s", why ? why : "closed by the peer");
}
