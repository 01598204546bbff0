/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/app/https_cfg.h"

/*! An operator that may call. */
struct smdp_peer {
	char *name; /* name of the VTY node */
	char *oid;
	/* Who it is on TLS: all of these that are set must match (tls_peer_is()). */
	char *tls_fingerprint;
	char *tls_subject;
	char *tls_serial;
};

/*! What the operator of this SM-DP configured. */
struct smdp_cfg {
	char *oid;  /* EntityId */
	char *name; /* EntityName */
	char *uri;  /* our base URL: From is URI/ES2/ES2SmDpService */
	struct https_cfg https;
	struct smdp_peer *peers;
	size_t n_peers;
};

/*! \returns talloc child of ctx with every default */
struct smdp_cfg *smdp_cfg_alloc(const void *ctx);
/*! The peer of this node name, made when it is new. */
struct smdp_peer *smdp_cfg_peer_get(struct smdp_cfg *cfg, const char *name);
/*! \returns the peer that shows this certificate; NULL */
const struct smdp_peer *smdp_cfg_peer_of(const struct smdp_cfg *cfg, const struct tls_peer *tls);
/*! Whether everything mandatory is there and peers can be told apart.
 * \param[out] why  sentence for the operator, talloc child of ctx or static
 * \returns 0; -EINVAL */
int smdp_cfg_check(const void *ctx, const struct smdp_cfg *cfg, const char **why) MUST_CHECK;
