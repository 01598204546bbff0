/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/codec/bytes.h"

/* TLS as a filter between two octet streams, for code that owns its socket and its event loop: received octets go in,
 * plain text comes out, and the other way round.  No socket, so no signal and no blocking.  TLS 1.2 or newer. */

struct tls_pipe;

/* A client with a pre-shared key (RFC 4279): TLS 1.2 only, no certificate. */
struct tls_pipe_psk {
	const char *identity; /* text, at most 128 characters */
	struct bytes key;     /* 16 to 64 octets; copied, wiped with the pipe */
	const char *ciphers;  /* OpenSSL's names; NULL = the two suites of SGP.02 */
	/* Ask for records of at most so many octets (RFC 6066): 512, 1024, 2048, 4096; 0 = do not ask. */
	unsigned int max_fragment;
};

struct tls_pipe_cfg {
	const struct tls_pipe_psk *psk; /* client: instead of everything below */
	bool server;
	const char *ca;	  /* PEM.  Client: mandatory, verifies the server.  Server: demands a client certificate */
	const char *name; /* client: host name or IP address that the certificate must carry */
	const char *cert; /* PEM chain; mandatory for a server */
	const char *key;  /* PEM */
};

/*! Files are read here.
 * \param[out] why  on failure: static text
 * \returns talloc child of ctx; NULL */
struct tls_pipe *tls_pipe_alloc(const void *ctx, const struct tls_pipe_cfg *cfg, const char **why);
/*! Octets from the peer.  \returns 0; -ENOSPC */
int tls_pipe_in(struct tls_pipe *p, struct bytes cipher) MUST_CHECK;
/*! Go on with the handshake.  \returns 0 when it is done; -EAGAIN; -EPROTO (tls_pipe_error() tells) */
int tls_pipe_handshake(struct tls_pipe *p) MUST_CHECK;
/*! \returns octets of plain text put into buf; 0 when there are none yet; -EPIPE the peer closed; -EPROTO */
int tls_pipe_read(struct tls_pipe *p, void *buf, size_t cap) MUST_CHECK;
/*! After the handshake only.  \returns 0; -EPROTO */
int tls_pipe_write(struct tls_pipe *p, struct bytes plain) MUST_CHECK;
/*! After the handshake: say close_notify.  Nothing can be written any more. */
void tls_pipe_close(struct tls_pipe *p);
/*! OpenSSL's name of the suite in use; "(NONE)" before the handshake. */
const char *tls_pipe_cipher(const struct tls_pipe *p);
/*! Move octets meant for the peer into buf.  \returns how many; 0 when there are none */
size_t tls_pipe_out(struct tls_pipe *p, void *buf, size_t cap);
/*! Why it failed: lives as long as the pipe. */
const char *tls_pipe_error(const struct tls_pipe *p);
