/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/crypto/gpcert.h"
#include "common/crypto/x509.h"
#include "common/es/es_types.h"
#include "common/es/status.h"

/*! Certificates of the EUMs whose eUICCs are believed, loaded and checked from the configuration.  Immutable once it is
 * filled: a reload makes a new one. */
struct trust;

/*! \param[in]  ci_bundle  PEM file of the certificate issuers; NULL: EUM certificates are trusted as configured,
 *                         without a chain
 * \param[out] trust       talloc child of ctx
 * \param[out] why         on error a sentence that names the file, talloc child of ctx
 * \returns 0; -EINVAL; -ENOENT */
int trust_alloc(const void *ctx, const char *ci_bundle, struct trust **trust, const char **why) MUST_CHECK;
/*! \param[in] path   PEM file of the EUM's certificate
 * \param[out] why    talloc child of ctx
 * \returns 0; -EINVAL; -EBADMSG; -ENOENT */
int trust_add_eum(const void *ctx, struct trust *trust, const char *oid, const char *path, int64_t at_ms,
		  const char **why) MUST_CHECK;

/*! \returns NULL when this OID is no EUM with a certificate */
const struct x509 *trust_eum(const struct trust *trust, const char *oid);

/*! Call visit for each certificate, with what it is: "EUM certificate", "certificate issuer". */
void trust_visit(const struct trust *trust, void (*visit)(void *priv, const char *what, const struct x509 *cert),
		 void *priv);

/*! Chain of an EUM at a time, e.g. at production of a card.  \returns 0, also without a bundle; -EBADMSG with why */
int trust_eum_chain(const void *ctx, const struct trust *trust, const struct x509 *eum, int64_t at_ms,
		    const char **why) MUST_CHECK;

/*! CERT.ECASD.ECKA of an eUICC: that it can be read, names the EID, is for key agreement, is valid, and that the EUM
 * signed it.
 * \param[in]  ecasd  of the EIS; may be NULL
 * \param[in]  eid    16 octets
 * \param[out] cert   views into ecasd; untouched on error
 * \param[out] sc     on -EPERM: the codes to answer with
 * \param[out] why    on -EPERM: static text
 * \returns 0; -EPERM when it is not to be trusted */
int trust_ecasd(const struct x509 *eum, const struct es_security_domain *ecasd, struct bytes eid, int64_t at_ms,
		struct gpcert *cert, enum es_sc *sc, const char **why) MUST_CHECK;
