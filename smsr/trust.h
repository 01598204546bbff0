/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/peer/trust.h"
#include "smsr/cfg.h"

/*! The EUMs of the configuration.
 * \param[in]  ci_bundle  as trust_alloc()
 * \param[out] trust      talloc child of ctx
 * \param[out] why        on error a sentence that names the file, talloc child of ctx
 * \returns 0; -EINVAL; -EBADMSG; -ENOENT */
int trust_load(const void *ctx, const struct smsr_cfg *cfg, const char *ci_bundle, int64_t at_ms, struct trust **trust,
	       const char **why) MUST_CHECK;
