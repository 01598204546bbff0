/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/codec/bytes.h"

/* The connection under an SMPP bind: non-blocking connect, TLS if wanted, whole PDUs out through a bounded queue. */

struct smpp_sock;

struct smpp_sock_cfg {
	const char *host; /* strings are borrowed for the life of the socket */
	uint16_t port;
	const char *local; /* address, or NULL */
	bool tls;
	const char *tls_ca, *tls_name, *tls_cert, *tls_key;
	size_t queue_max; /* octets waiting to be sent */
};

/*! Each event makes at most one of these calls, as its last act: the socket may be freed inside. */
struct smpp_sock_ops {
	/*! Connected, and the TLS handshake is done. */
	void (*up)(void *priv);
	void (*rx)(void *priv, struct bytes plain);
	/*! It is dead; free it.  \param[in] operator  somebody has to mend it (TLS, files) */
	void (*down)(void *priv, const char *why, bool operator);
};

/*! Begins to connect; the outcome is always told by an event.  \returns talloc child of ctx; freeing it closes it */
struct smpp_sock *smpp_sock_open(const void *ctx, const struct smpp_sock_cfg *cfg, const struct smpp_sock_ops *ops,
				 void *priv);
/*! Queue octets; they leave when the socket next takes some.  \returns 0; -ENOTCONN before up; -ENOSPC; -EPROTO */
int smpp_sock_write(struct smpp_sock *s, struct bytes plain) MUST_CHECK;
/*! Send what the kernel takes now: for a last word before closing. */
void smpp_sock_flush(struct smpp_sock *s);
/*! Octets on the wire (cipher text under TLS) queued so far, and handed to the kernel so far. */
uint64_t smpp_sock_queued(const struct smpp_sock *s);
uint64_t smpp_sock_sent(const struct smpp_sock *s);
