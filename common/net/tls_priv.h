/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/net/tls.h"

/* For the files of common/net only: what the HTTP server and client and the pipe need of OpenSSL. */

struct ssl_ctx_st;
struct stat;

/*! For SSL_CTX_set_default_passwd_cb(): an encrypted key would otherwise ask for its password on the terminal. */
int tls_no_password(char *buf, int size, int rwflag, void *data);
/*! Others may read or write this file, which so is no place for a private key. */
bool tls_key_is_open(const struct stat *st);

/*! When a revocation list was loaded with the roots: check each certificate of a chain against one.
 * \returns 0, also without a list; -EINVAL */
int tls_obey_crls(struct ssl_ctx_st *ctx) MUST_CHECK;

/*! \returns a reference of the caller, to be given to SSL_CTX_free(); usable in any thread */
struct ssl_ctx_st *tls_ctx_ref(const struct tls *tls);

/*! Make a TLS object that knows its owner.  gone(owner) is called when OpenSSL frees the object, which is the only
 * notice that evhttp gives of the end of a connection without a request.
 * \returns NULL when OpenSSL fails; gone() is not called then */
struct ssl_st *tls_ssl_new(struct ssl_ctx_st *ctx, void *owner, void (*gone)(void *owner));
/*! \returns owner given to tls_ssl_new(); NULL for a TLS object of somebody else */
void *tls_ssl_owner(const struct ssl_st *ssl);

/*! Demand this name (or numeric address) in the certificate of the server, and send it as SNI.  \returns 0; -EINVAL */
int tls_ssl_expect_host(struct ssl_st *ssl, const char *host) MUST_CHECK;

/*! \returns identity of the verified peer, talloc child of ctx; NULL when there is none */
struct tls_peer *tls_peer_of_ssl(const void *ctx, const struct ssl_st *ssl);

/*! Why the handshake failed, for a log.  \returns talloc child of ctx */
const char *tls_ssl_failure(const void *ctx, const struct ssl_st *ssl, unsigned long error);
