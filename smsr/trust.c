/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "smsr/trust.h"

#include <talloc.h>

int trust_load(const void *ctx, const struct smsr_cfg *cfg, const char *ci_bundle, int64_t at_ms, struct trust **out,
	       const char **why)
{
	struct trust *t;
	int rc = trust_alloc(ctx, ci_bundle, &t, why);

	if (rc < 0)
		return rc;
	for (size_t i = 0; rc == 0 && i < cfg->n_peers; i++) {
		if (cfg->peers[i].eum_cert && cfg->peers[i].oid)
			rc = trust_add_eum(ctx, t, cfg->peers[i].oid, cfg->peers[i].eum_cert, at_ms, why);
	}
	if (rc < 0)
		talloc_free(t);
	else
		*out = t;
	return rc;
}
