/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "smsr/cfg.h"

#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

static const struct limits_cfg limits_default = {
	.default_validity_s = 24 * 3600,
	.max_validity_s = 30 * 24 * 3600,
	.grace_s = 60,
	.por_wait_s = 120,
	.por_copies = 2,
	.undelivered_s = 30,
	.sms_retry_min_s = 30,
	.sms_retry_max_s = 900,
	.sms_parts_max = 5,
	.audit_validity_s = 24 * 3600,
	.callback_retry_min_s = 5,
	.callback_retry_max_s = 900,
	.callback_timeout_s = 30,
	.callback_give_up_s = 7 * 24 * 3600,
	.queue_max = 16,
	.outcome_keep_days = 30,
	.audit_keep_days = 3650,
	.counter_margin = 1000000,
	.free_space_min = 64 << 20,
};

struct smsr_cfg *smsr_cfg_alloc(const void *ctx)
{
	struct smsr_cfg *cfg = talloc_zero(ctx, struct smsr_cfg);

	OSMO_ASSERT(cfg);
	cfg->limits = limits_default;
	cfg->ecasd_check = true;
	return cfg;
}

const struct peer *smsr_cfg_peer(const struct smsr_cfg *cfg, const char *oid)
{
	for (size_t i = 0; oid && i < cfg->n_peers; i++) {
		if (cfg->peers[i].oid && strcmp(cfg->peers[i].oid, oid) == 0)
			return &cfg->peers[i];
	}
	return NULL;
}

struct peer *smsr_cfg_peer_get(struct smsr_cfg *cfg, const char *name)
{
	struct peer *p;

	for (size_t i = 0; i < cfg->n_peers; i++) {
		if (strcmp(cfg->peers[i].name, name) == 0)
			return &cfg->peers[i];
	}
	cfg->peers = talloc_realloc(cfg, cfg->peers, struct peer, (unsigned int)cfg->n_peers + 1);
	OSMO_ASSERT(cfg->peers);
	p = &cfg->peers[cfg->n_peers++];
	*p = (struct peer){ .name = talloc_strdup(cfg, name) };
	return p;
}

bool peer_may_be_called(const struct peer *peer, const char *url)
{
	size_t n = peer->callback_prefix ? strlen(peer->callback_prefix) : 0;

	if (n == 0 || strncmp(url, peer->callback_prefix, n) != 0)
		return false;
	return peer->callback_prefix[n - 1] == '/' || strchr("/?", url[n]); /* strchr finds the NUL as well */
}
