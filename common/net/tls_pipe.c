/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* TLS over two memory BIOs.
 *
 * The SSL_CTX lives and dies with the connection: SMPP links connect rarely, and so a renewed certificate is in use
 * from the next connect on.  Session tickets are off for the same reason.  Errors are kept as text of this object
 * because the error queue of OpenSSL belongs to the thread. */
#include "common/net/tls_pipe.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/net/tls_priv.h"

#define PSK_CIPHERS "PSK-AES128-GCM-SHA256:PSK-AES128-CBC-SHA256"
#define PSK_KEY_MIN 16
#define PSK_KEY_MAX 64
#define PSK_IDENTITY_MAX 128
#define PSK_SECURITY_LEVEL 2 /* 3 and above demand forward secrecy, which these suites do not have */

struct tls_pipe {
	SSL_CTX *ctx;
	SSL *ssl; /* owns the two BIOs */
	BIO *in, *out;
	char *error;
	/* pre-shared key */
	const char *identity;
	uint8_t *key;
	size_t key_len;
};

static int pipe_free(struct tls_pipe *p)
{
	SSL_free(p->ssl);
	SSL_CTX_free(p->ctx);
	return 0;
}

static const char *ctx_files(SSL_CTX *ctx, const struct tls_pipe_cfg *cfg)
{
	const char *key = cfg->key ? cfg->key : cfg->cert;
	struct stat st;

	SSL_CTX_set_default_passwd_cb(ctx, tls_no_password);
	if (cfg->ca && (SSL_CTX_load_verify_file(ctx, cfg->ca) != 1 || tls_obey_crls(ctx) < 0))
		return "CA file cannot be read";
	if (!cfg->cert)
		return cfg->server ? "a server needs a certificate" : NULL;
	if (SSL_CTX_use_certificate_chain_file(ctx, cfg->cert) != 1)
		return "certificate file cannot be read";
	if (stat(key, &st) == 0 && tls_key_is_open(&st))
		return "private key is readable or writable by everybody (chmod o-rwx)";
	if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1 || SSL_CTX_check_private_key(ctx) != 1)
		return "private key cannot be read or does not fit the certificate";
	return NULL;
}

static const char *expect_name(SSL *ssl, const char *name)
{
	if (!name)
		return "no name to verify";
	return tls_ssl_expect_host(ssl, name) < 0 ? "bad name to verify" : NULL;
}

static void pipe_bios(struct tls_pipe *p)
{
	p->ssl = SSL_new(p->ctx);
	p->in = BIO_new(BIO_s_mem());
	p->out = BIO_new(BIO_s_mem());
	OSMO_ASSERT(p->ssl && p->in && p->out);
	SSL_set_bio(p->ssl, p->in, p->out);
}

/* Of OpenSSL: the hint of the server is for clients with more than one identity. */
static unsigned int psk_cb(SSL *ssl, const char *hint, char *identity, unsigned int identity_cap, unsigned char *key,
			   unsigned int key_cap)
{
	const struct tls_pipe *p = SSL_get_app_data(ssl);

	if (osmo_strlcpy(identity, p->identity, identity_cap) >= identity_cap || p->key_len > key_cap)
		return 0;
	memcpy(key, p->key, p->key_len);
	return (unsigned int)p->key_len;
}

static bool fragment_set(SSL_CTX *ctx, unsigned int octets)
{
	static const struct {
		unsigned int octets;
		uint8_t code;
	} codes[] = {
		{0, TLSEXT_max_fragment_length_DISABLED}, {512, TLSEXT_max_fragment_length_512},
		{1024, TLSEXT_max_fragment_length_1024},  {2048, TLSEXT_max_fragment_length_2048},
		{4096, TLSEXT_max_fragment_length_4096},
	};

	for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
		if (codes[i].octets == octets)
			return SSL_CTX_set_tlsext_max_fragment_length(ctx, codes[i].code) == 1;
	}
	return false;
}

static const char *psk_setup(struct tls_pipe *p, const struct tls_pipe_psk *psk)
{
	if (psk->key.len < PSK_KEY_MIN || psk->key.len > PSK_KEY_MAX || strlen(psk->identity) > PSK_IDENTITY_MAX)
		return "pre-shared key or its identity: too short or too long";
	p->ctx = SSL_CTX_new(TLS_client_method());
	if (!p->ctx || SSL_CTX_set_min_proto_version(p->ctx, TLS1_2_VERSION) != 1 ||
	    SSL_CTX_set_max_proto_version(p->ctx, TLS1_2_VERSION) != 1)
		return "no TLS 1.2";
	SSL_CTX_set_security_level(p->ctx, PSK_SECURITY_LEVEL);
	if (SSL_CTX_set_cipher_list(p->ctx, psk->ciphers ? psk->ciphers : PSK_CIPHERS) != 1)
		return "unknown suites";
	if (!fragment_set(p->ctx, psk->max_fragment))
		return "max_fragment_length: 512, 1024, 2048 or 4096";
	SSL_CTX_set_options(p->ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_psk_client_callback(p->ctx, psk_cb);
	p->identity = talloc_strdup(p, psk->identity);
	p->key = bytes_secret_alloc(p, psk->key.len);
	p->key_len = psk->key.len;
	memcpy(p->key, psk->key.data, psk->key.len);
	pipe_bios(p);
	SSL_set_app_data(p->ssl, p);
	SSL_set_connect_state(p->ssl);
	return NULL;
}

static const char *pipe_setup(struct tls_pipe *p, const struct tls_pipe_cfg *cfg)
{
	const char *why;

	if (cfg->psk)
		return psk_setup(p, cfg->psk);
	if (!cfg->server && !cfg->ca)
		return "no CA file";
	p->ctx = SSL_CTX_new(cfg->server ? TLS_server_method() : TLS_client_method());
	if (!p->ctx || SSL_CTX_set_min_proto_version(p->ctx, TLS1_2_VERSION) != 1)
		return "no TLS";
	why = ctx_files(p->ctx, cfg);
	if (why)
		return why;
	SSL_CTX_set_options(p->ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
	if (cfg->ca)
		SSL_CTX_set_verify(p->ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	pipe_bios(p);
	if (cfg->server) {
		SSL_set_accept_state(p->ssl);
		return NULL;
	}
	SSL_set_connect_state(p->ssl);
	return expect_name(p->ssl, cfg->name);
}

struct tls_pipe *tls_pipe_alloc(const void *ctx, const struct tls_pipe_cfg *cfg, const char **why)
{
	struct tls_pipe *p = talloc_zero(ctx, struct tls_pipe);
	const char *bad;

	OSMO_ASSERT(p);
	talloc_set_destructor(p, pipe_free);
	ERR_clear_error();
	bad = pipe_setup(p, cfg);
	if (bad) {
		*why = bad;
		talloc_free(p);
		ERR_clear_error();
		return NULL;
	}
	return p;
}

int tls_pipe_in(struct tls_pipe *p, struct bytes cipher)
{
	if (cipher.len == 0)
		return 0;
	return cipher.len <= INT_MAX && BIO_write(p->in, cipher.data, (int)cipher.len) == (int)cipher.len ? 0 : -ENOSPC;
}

static void keep_error(struct tls_pipe *p)
{
	long verify = SSL_get_verify_result(p->ssl);
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	talloc_free(p->error);
	p->error = talloc_asprintf(p, "TLS: %s%s%s", reason ? reason : "closed by the peer",
				   verify == X509_V_OK ? "" : ": ",
				   verify == X509_V_OK ? "" : X509_verify_cert_error_string(verify));
	ERR_clear_error();
}

/* What an SSL call that gave rc means for us. */
static int ssl_outcome(struct tls_pipe *p, int rc)
{
	switch (SSL_get_error(p->ssl, rc)) {
	case SSL_ERROR_NONE:
		return 0;
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		return -EAGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return -EPIPE;
	default: /* OpenSSL's own numbers: anything else is fatal */
		keep_error(p);
		return -EPROTO;
	}
}

int tls_pipe_handshake(struct tls_pipe *p)
{
	int rc;

	ERR_clear_error();
	rc = ssl_outcome(p, SSL_do_handshake(p->ssl));
	return rc == -EPIPE ? -EPROTO : rc;
}

int tls_pipe_read(struct tls_pipe *p, void *buf, size_t cap)
{
	int n, rc;

	ERR_clear_error();
	n = SSL_read(p->ssl, buf, (int)OSMO_MIN(cap, INT_MAX));
	if (n > 0)
		return n;
	rc = ssl_outcome(p, n);
	return rc == -EAGAIN ? 0 : rc;
}

int tls_pipe_write(struct tls_pipe *p, struct bytes plain)
{
	if (plain.len == 0)
		return 0;
	ERR_clear_error();
	/* A memory BIO takes everything, so a write is whole or wrong. */
	if (plain.len > INT_MAX || SSL_write(p->ssl, plain.data, (int)plain.len) != (int)plain.len) {
		keep_error(p);
		return -EPROTO;
	}
	return 0;
}

void tls_pipe_close(struct tls_pipe *p)
{
	/* Whether the peer has said it already is of no matter here. */
	(void)SSL_shutdown(p->ssl);
	ERR_clear_error();
}

const char *tls_pipe_cipher(const struct tls_pipe *p)
{
	return SSL_get_cipher_name(p->ssl);
}

size_t tls_pipe_out(struct tls_pipe *p, void *buf, size_t cap)
{
	int n = BIO_read(p->out, buf, (int)OSMO_MIN(cap, INT_MAX));

	return n > 0 ? (size_t)n : 0;
}

const char *tls_pipe_error(const struct tls_pipe *p)
{
	return p->error ? p->error : "TLS failed";
}
