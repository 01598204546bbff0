/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include <stdint.h>

#include "common/codec/bytes.h"

/* Mutual TLS: an immutable snapshot of one role's files, and who the peer is.  SGP.02 asks for TLS 1.2 or newer with
 * forward secrecy between the off-card entities.
 *
 * A snapshot never changes: a reload makes a new one and gives it to http_server_set_tls() or http_client_set_tls();
 * connections that stand keep what they started with.  If loading fails the old snapshot simply stays. */

struct ssl_st;
struct tls;

enum tls_role {
	TLS_SERVER, /* demands a certificate of the client */
	TLS_CLIENT, /* shows its own certificate, checks the host name of the server */
};

/*! PEM files of one role. */
struct tls_files {
	const char *ca;	  /* roots (and intermediates) that peers must chain to */
	const char *cert; /* own certificate, then its intermediates */
	const char *key;  /* own private key; must not be readable by others */
};

/*! Load and check: readable, key belongs to certificate, certificate valid today, at least one root.
 * \param[in]  ctx  talloc parent of *tls and *err
 * \param[out] tls  untouched on error
 * \param[out] err  on error a sentence that names the file
 * \returns 0; -EINVAL; -EACCES; -ENOENT */
int tls_load(const void *ctx, enum tls_role role, const struct tls_files *files, struct tls **tls,
	     const char **err) MUST_CHECK;

/*! As given to tls_load(). */
enum tls_role tls_role(const struct tls *tls);

/*! End of the own certificate's validity, UTC milliseconds. */
int64_t tls_not_after_ms(const struct tls *tls);

/*! Who is at the other end, from a certificate that was verified. */
struct tls_peer {
	uint8_t fingerprint[32];   /* SHA-256 of the DER */
	const char *subject;	   /* RFC 2253 */
	const char *issuer;	   /* RFC 2253 */
	const char *common_name;   /* of the subject; NULL = absent */
	const char *serial_number; /* attribute serialNumber of the subject (X.520); NULL = absent */
	const char **san;	   /* "DNS:…", "URI:…", "IP:…", "RID:1.2.3", "email:…"; others are left out */
	size_t n_san;
};

/*! \returns copy, talloc child of ctx; NULL for NULL */
struct tls_peer *tls_peer_dup(const void *ctx, const struct tls_peer *peer);

/*! Who somebody is on TLS, as a configuration describes it.  NULL: any. */
struct tls_who {
	char *fingerprint; /* SHA-256 of the certificate, upper-case hex */
	char *subject;	   /* RFC 2253 */
	char *serial;	   /* attribute serialNumber of the subject */
};

/*! Whether it says anything. */
bool tls_who_is_set(const struct tls_who *who);
/*! Whether the peer is this one: everything that is given must match, and something must be. */
bool tls_peer_is(const struct tls_peer *peer, const struct tls_who *who);

/*! Read the identity out of a certificate file, as a peer that shows this certificate would appear.
 * \param[out] peer  talloc child of ctx, untouched on error
 * \returns 0; -ENOENT; -EINVAL */
int tls_peer_from_file(const void *ctx, const char *cert_file, struct tls_peer **peer) MUST_CHECK;
