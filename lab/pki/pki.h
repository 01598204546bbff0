/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/crypto/ec.h"

/* The lab's public key infrastructure in one folder.  Private keys are PEM without passphrase, mode 0600.
 *
 *   ci.pem ci.key           root of trust for EUMs (X.509, P-256)
 *   eum.pem eum.key         card maker below it, signs EISs and ECASD certificates
 *   tls-ca.pem tls-ca.key   root for TLS, both sides
 *   NAME.pem NAME.key       TLS peer: server and client, SAN localhost, NAME, 127.0.0.1 and ::1; its object identifier
 *                           stands in serialNumber of the subject
 *   ci.gp                   public key of the CI as cards hold it: 7F49 { B0 point, F0 curve } in hex
 *   NAME.dp NAME.dp.key     CERT.DP.ECDSA of an SM-DP (the 7F21 TLV in hex), signed by the CI, and its key
 *   cards/EID.xml           EIS of a card: keys in clear, mode 0600
 *   cards/EID.ecasd         its CERT.ECASD.ECKA as hex
 *
 * Every function returns 0 or a negative errno, and on error sets why to a text for the user (talloc child of ctx).
 * Private keys are never overwritten. */

#define PKI_YEARS 20

/*! Make the folder with ci, eum and tls-ca.  \returns 0; -EEXIST when one of the files is there */
int pki_ca_create(const void *ctx, const char *dir, const char **why) MUST_CHECK;

/*! \param[in] name  letters, digits, '-', '_', '.'; not beginning with '.'
 * \param[in] oid    object identifier of the entity, dotted */
int pki_peer_create(const void *ctx, const char *dir, const char *name, const char *oid, const char **why) MUST_CHECK;

/*! Certificate of an SM-DP for key establishment.
 * \param[in] curve  of its key; the CI's is P-256 */
int pki_dp_create(const void *ctx, const char *dir, const char *name, const char *oid, enum ec_curve curve,
		  const char **why) MUST_CHECK;

/* ---- cards ---- */

/*! What cards to make. */
struct pki_cards {
	const char *seed;
	uint32_t index; /* of the first */
	uint32_t count;
	unsigned int profiles; /* bit mask of enum seed_profile_id */
	const char *smsr_oid;
	const char *eum_oid;
	bool xmldsig; /* also write cards/EID.xmldsig.xml: ds:Signature with "#eis", for tools like xmlsec1 */
};

struct seed_card;

/*! Write the files of the cards.
 * \param[in] made  called for each card that is written, may be NULL */
int pki_cards_create(const void *ctx, const char *dir, const struct pki_cards *cards,
		     void (*made)(const struct seed_card *card), const char **why) MUST_CHECK;

/*! Verify the signature of an EIS or message in a file under the key of a certificate.
 * \returns 0; -EBADMSG; -EINVAL; errno of reading a file */
int pki_eis_verify(const void *ctx, const char *cert_path, const char *eis_path, const char **why) MUST_CHECK;
