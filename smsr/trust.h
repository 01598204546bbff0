/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/crypto/x509.h"
#include "smsr/cfg.h"

/*! Certificates of the EUMs that may register eUICCs, loaded and checked from the configuration.  Immutable: a reload
 * makes a new one. */
struct trust;

/*! \param[in]  ci_bundle  PEM file of the certificate issuers; NULL: EUM certificates are trusted as configured,
 * without a chain \param[out] trust      talloc child of ctx \param[out] why        on error a sentence that names the
 * file, talloc child of ctx \returns 0; -EINVAL; -EBADMSG; -ENOENT */
int trust_load(const void *ctx, const struct smsr_cfg *cfg, const char *ci_bundle, int64_t at_ms, struct trust **trust,
	       const char **why) MUST_CHECK;

/*! \returns NULL when this OID is no EUM with a certificate */
const struct x509 *trust_eum(const struct trust *trust, const char *oid);

/*! Call visit for each certificate, with what it is: "EUM certificate", "certificate issuer". */
void trust_visit(const struct trust *trust, void (*visit)(void *priv, const char *what, const struct x509 *cert),
		 void *priv);

/*! Chain of an EUM at a time, e.g. at production of a card.  \returns 0, also without a bundle; -EBADMSG with why */
int trust_eum_chain(const void *ctx, const struct trust *trust, const struct x509 *eum, int64_t at_ms,
		    const char **why) MUST_CHECK;
