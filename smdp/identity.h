/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/crypto/ec.h"
#include "smdp/cfg.h"

/*! Who we are for an ECASD. */
struct dp_identity {
	struct bytes cert;   /* CERT.DP.ECDSA, TLV 7F21, passed on as it is */
	struct privkey *key; /* SK.DP.ECDSA */
	enum ec_curve curve;
};

/*! Load and check both files: form, role SM-DP, key usage, validity, that they belong together.
 * \param[out] dp   talloc child of ctx; NULL when none is configured
 * \param[out] why  on error a sentence that names the file, talloc child of ctx
 * \returns 0; -EINVAL; errno of opening a file */
int dp_identity_load(const void *ctx, const struct smdp_cfg *cfg, int64_t at_ms, struct dp_identity **dp,
		     const char **why) MUST_CHECK;
/*! End of the last day of its CERT.DP.ECDSA; 0: it has none. */
int64_t dp_identity_not_after_ms(const struct dp_identity *dp);
/*! Whether it may still be used. */
bool dp_identity_is_valid(const struct dp_identity *dp, int64_t at_ms);
