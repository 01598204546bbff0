/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/crypto/ec.h"

/* X.509 certificates of EUMs, certificate issuers and TLS peers.  A certificate that is only read may be shared by
 * threads.  Texts that explain an error are talloc children of the ctx given. */
struct x509;
/*! Certificates that are trusted as roots, and the certificate revocation lists that came with them. */
struct x509_bundle;

/*! First certificate of a PEM text.  \returns 0; -EINVAL */
int x509_pem_parse(const void *ctx, struct bytes pem, struct x509 **cert) MUST_CHECK;
int x509_pem_load(const void *ctx, const char *path, struct x509 **cert, const char **why) MUST_CHECK;
/*! \returns 0; -EINVAL when it is malformed, is no DER (X.690 has one form for each value), or is followed by anything
 */
int x509_der_parse(const void *ctx, struct bytes der, struct x509 **cert) MUST_CHECK;

/*! All certificates and revocation lists of a PEM file.  As soon as it holds one revocation list, every issuer below
 * which a chain is checked must have a list there.
 * \returns 0; -EINVAL when there is no certificate in it; errno of opening the file */
int x509_bundle_load(const void *ctx, const char *path, struct x509_bundle **bundle, const char **why) MUST_CHECK;
/*! Call visit for each certificate; cert is valid during the call. */
void x509_bundle_visit(const struct x509_bundle *bundle, void (*visit)(void *priv, const struct x509 *cert),
		       void *priv);

/*! Check the chain from a certificate to one of the roots, each with at least 128 bits of strength (RSA 3072, EC 256,
 * SHA-256), valid at a time.
 * \param[in]  at_ms  UTC
 * \returns 0; -EBADMSG, and then why tells the reason */
int x509_chain_check(const void *ctx, const struct x509 *cert, const struct x509_bundle *roots, int64_t at_ms,
		     const char **why) MUST_CHECK;

/*! What an EUM certificate must be beside its chain: a CA that may sign, with a key that is strong enough.
 * \returns 0; -EBADMSG with why */
int x509_eum_check(const void *ctx, const struct x509 *cert, const char **why) MUST_CHECK;
/*! RSA of 3072 bits or a curve of ours, signed with SHA-256 or better.  \returns 0; -EBADMSG with why */
int x509_strength_check(const void *ctx, const struct x509 *cert, const char **why) MUST_CHECK;

/*! Public key, borrowed from the certificate; NULL when it is of a kind that we do not use. */
const struct pubkey *x509_pubkey(const struct x509 *cert);
/*! Subject key identifier: the extension, or computed when there is none (RFC 5280 §4.2.1.2).  View into the
 * certificate. */
struct bytes x509_ski(const struct x509 *cert);
/*! SHA-256 of the DER form. */
const uint8_t *x509_fingerprint(const struct x509 *cert);
struct X509_name_st;
/*! A name of OpenSSL's as RFC 2253 writes it.  \returns talloc child of ctx; NULL when it cannot be written */
char *x509_name_text(const void *ctx, const struct X509_name_st *name);
/*! Subject as RFC 2253 writes it: "CN=Example EUM,O=Example Card Maker,C=XX". */
const char *x509_subject(const struct x509 *cert);
/*! DER form, view into the certificate. */
struct bytes x509_der(const struct x509 *cert);
/*! End of validity, milliseconds of UTC. */
int64_t x509_not_after_ms(const struct x509 *cert);
