/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The configuration of smdp as a plain tree, filled in by cfg_vty.c. */
#include "smdp/cfg.h"

#include <errno.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

struct smdp_cfg *smdp_cfg_alloc(const void *ctx)
{
	struct smdp_cfg *cfg = talloc_zero(ctx, struct smdp_cfg);

	OSMO_ASSERT(cfg);
	https_cfg_init(&cfg->https, cfg);
	return cfg;
}

struct smdp_peer *smdp_cfg_peer_get(struct smdp_cfg *cfg, const char *name)
{
	struct smdp_peer *p;

	for (size_t i = 0; i < cfg->n_peers; i++) {
		if (strcmp(cfg->peers[i].name, name) == 0)
			return &cfg->peers[i];
	}
	cfg->peers = talloc_realloc(cfg, cfg->peers, struct smdp_peer, (unsigned int)cfg->n_peers + 1);
	OSMO_ASSERT(cfg->peers);
	p = &cfg->peers[cfg->n_peers++];
	*p = (struct smdp_peer){.name = talloc_strdup(cfg, name)};
	return p;
}

const struct smdp_peer *smdp_cfg_peer_of(const struct smdp_cfg *cfg, const struct tls_peer *tls)
{
	for (size_t i = 0; i < cfg->n_peers; i++) {
		const struct smdp_peer *p = &cfg->peers[i];

		if (p->oid && tls_peer_is(tls, p->tls_fingerprint, p->tls_subject, p->tls_serial))
			return p;
	}
	return NULL;
}

static const char *wrong_with_peer(const struct smdp_cfg *cfg, const struct smdp_peer *p)
{
	if (!p->oid)
		return "no entity-id";
	for (const struct smdp_peer *other = cfg->peers; other < p; other++) {
		if (strcmp(other->oid, p->oid) == 0)
			return "another peer has the same entity-id";
	}
	if (!p->tls_fingerprint && !p->tls_subject && !p->tls_serial)
		return "nothing says which TLS certificate it has (tls ...)";
	return NULL;
}

static const char *missing(const struct smdp_cfg *cfg)
{
	if (!cfg->oid)
		return "smdp: entity-id is missing";
	if (!cfg->uri)
		return "smdp: uri is missing";
	return https_cfg_missing(&cfg->https);
}

int smdp_cfg_check(const void *ctx, const struct smdp_cfg *cfg, const char **why)
{
	const char *text = missing(cfg);

	if (text) {
		*why = text;
		return -EINVAL;
	}
	for (size_t i = 0; i < cfg->n_peers; i++) {
		text = wrong_with_peer(cfg, &cfg->peers[i]);
		if (text) {
			*why = talloc_asprintf(ctx, "peer %s: %s", cfg->peers[i].name, text);
			return -EINVAL;
		}
	}
	return 0;
}
