/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The configuration of smdp as a plain tree, filled in by cfg_vty.c. */
#include "smdp/cfg.h"

#include <errno.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/net/http_client.h"
#include "common/peer/peer_cfg.h"
#include "scp03/scp03t.h"

#define CHUNK_DEFAULT (64 * 1024)
#define SYNC_WAIT_END_S 60 /* struct http_server_conf, answer_timeout_ms */
#define STOCK_LOW_DEFAULT 10

static const struct smdp_limits limits_default = {
	.default_validity_s = 24 * 3600,
	.max_validity_s = 30 * 24 * 3600,
	.grace_s = 120,
	.sync_wait_s = 40,
	.cleanup_s = 3600,
	.ask_again_s = 300,
	.es3_retry_min_s = 5,
	.es3_retry_max_s = 300,
	.es3_timeout_s = 60,
	.callback_retry_min_s = 5,
	.callback_retry_max_s = 900,
	.callback_timeout_s = 30,
	.callback_give_up_s = 7 * 24 * 3600,
	.queue_max = 16,
	.outcome_keep_days = 30,
	.free_space_min = 64 << 20,
};

static const struct download_cfg download_default = {
	.segment = SCP03T_SEGMENT_MAX,
	.scenario = 0x0b,
	.memory_margin = 10,
	.isdp_tries = 2,
	.session_tries = 3,
};

struct smdp_cfg *smdp_cfg_alloc(const void *ctx)
{
	struct smdp_cfg *cfg = talloc_zero(ctx, struct smdp_cfg);

	OSMO_ASSERT(cfg);
	cfg->limits = limits_default;
	cfg->download = download_default;
	cfg->stock_low = STOCK_LOW_DEFAULT;
	https_cfg_init(&cfg->https, cfg);
	return cfg;
}

/* ---- lists ---- */

struct smdp_peer *smdp_cfg_peer_get(struct smdp_cfg *cfg, const char *name)
{
	for (size_t i = 0; i < cfg->n_peers; i++) {
		if (strcmp(cfg->peers[i].name, name) == 0)
			return &cfg->peers[i];
	}
	cfg->peers = talloc_realloc(cfg, cfg->peers, struct smdp_peer, (unsigned int)cfg->n_peers + 1);
	OSMO_ASSERT(cfg->peers);
	cfg->peers[cfg->n_peers] = (struct smdp_peer){.name = talloc_strdup(cfg, name)};
	return &cfg->peers[cfg->n_peers++];
}

struct smsr_peer *smdp_cfg_smsr_get(struct smdp_cfg *cfg, const char *name)
{
	for (size_t i = 0; i < cfg->n_smsrs; i++) {
		if (strcmp(cfg->smsrs[i].name, name) == 0)
			return &cfg->smsrs[i];
	}
	cfg->smsrs = talloc_realloc(cfg, cfg->smsrs, struct smsr_peer, (unsigned int)cfg->n_smsrs + 1);
	OSMO_ASSERT(cfg->smsrs);
	cfg->smsrs[cfg->n_smsrs] = (struct smsr_peer){.name = talloc_strdup(cfg, name), .chunk = CHUNK_DEFAULT};
	return &cfg->smsrs[cfg->n_smsrs++];
}

struct eum_cfg *smdp_cfg_eum_get(struct smdp_cfg *cfg, const char *name)
{
	for (size_t i = 0; i < cfg->n_eums; i++) {
		if (strcmp(cfg->eums[i].name, name) == 0)
			return &cfg->eums[i];
	}
	cfg->eums = talloc_realloc(cfg, cfg->eums, struct eum_cfg, (unsigned int)cfg->n_eums + 1);
	OSMO_ASSERT(cfg->eums);
	cfg->eums[cfg->n_eums] = (struct eum_cfg){.name = talloc_strdup(cfg, name)};
	return &cfg->eums[cfg->n_eums++];
}

const struct smdp_peer *smdp_cfg_peer_of(const struct smdp_cfg *cfg, const struct tls_peer *tls)
{
	for (size_t i = 0; i < cfg->n_peers; i++) {
		if (cfg->peers[i].oid && tls_peer_is(tls, &cfg->peers[i].tls))
			return &cfg->peers[i];
	}
	return NULL;
}

const struct smsr_peer *smdp_cfg_smsr_of(const struct smdp_cfg *cfg, const struct tls_peer *tls)
{
	for (size_t i = 0; i < cfg->n_smsrs; i++) {
		if (cfg->smsrs[i].oid && tls_peer_is(tls, &cfg->smsrs[i].tls))
			return &cfg->smsrs[i];
	}
	return NULL;
}

const struct smdp_peer *smdp_cfg_peer(const struct smdp_cfg *cfg, const char *oid)
{
	for (size_t i = 0; oid && i < cfg->n_peers; i++) {
		if (cfg->peers[i].oid && strcmp(cfg->peers[i].oid, oid) == 0)
			return &cfg->peers[i];
	}
	return NULL;
}

const struct smsr_peer *smdp_cfg_smsr(const struct smdp_cfg *cfg, const char *oid)
{
	for (size_t i = 0; oid && i < cfg->n_smsrs; i++) {
		if (cfg->smsrs[i].oid && strcmp(cfg->smsrs[i].oid, oid) == 0)
			return &cfg->smsrs[i];
	}
	return NULL;
}

/* ---- checks ---- */

static const char *wrong_with_peer(const struct smdp_cfg *cfg, const struct smdp_peer *p)
{
	if (!p->oid)
		return "no entity-id";
	if (smdp_cfg_peer(cfg, p->oid) != p || smdp_cfg_smsr(cfg, p->oid))
		return "another peer has the same entity-id";
	return peer_cfg_wrong(&p->tls, p->callback_prefix, p->notification_url);
}

static const char *wrong_with_smsr(const struct smdp_cfg *cfg, const struct smsr_peer *p)
{
	const char *text;

	if (!p->oid)
		return "no entity-id";
	if (smdp_cfg_smsr(cfg, p->oid) != p)
		return "another sm-sr has the same entity-id";
	text = peer_cfg_wrong(&p->tls, NULL, NULL);
	if (!text && (!p->url || http_url_check(p->url) < 0))
		text = "es3-url is missing or no https URL";
	return text;
}

static const char *missing(const struct smdp_cfg *cfg)
{
	const struct {
		const char *value;
		const char *text;
	} mandatory[] = {
		{cfg->oid, "smdp: entity-id is missing"},
		{cfg->uri, "smdp: uri is missing"},
		{cfg->database, "smdp: database is missing"},
		{cfg->master_key, "smdp: master-key is missing"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(mandatory); i++) {
		if (!mandatory[i].value)
			return mandatory[i].text;
	}
	if (!cfg->dp_cert != !cfg->dp_key)
		return "smdp: dp-certificate and dp-key belong together";
	if (cfg->limits.sync_wait_s >= SYNC_WAIT_END_S)
		return "smdp: limit sync-wait-s: the HTTP server gives up after 60 s";
	return https_cfg_missing(&cfg->https);
}

static int wrong(const void *ctx, const char **why, const char *node, const char *name, const char *text)
{
	*why = talloc_asprintf(ctx, "%s %s: %s", node, name, text);
	return -EINVAL;
}

int smdp_cfg_check(const void *ctx, const struct smdp_cfg *cfg, const char **why)
{
	const char *text = missing(cfg);

	if (text) {
		*why = text;
		return -EINVAL;
	}
	for (size_t i = 0; i < cfg->n_smsrs; i++) {
		text = wrong_with_smsr(cfg, &cfg->smsrs[i]);
		if (text)
			return wrong(ctx, why, "sm-sr", cfg->smsrs[i].name, text);
	}
	for (size_t i = 0; i < cfg->n_peers; i++) {
		text = wrong_with_peer(cfg, &cfg->peers[i]);
		if (text)
			return wrong(ctx, why, "peer", cfg->peers[i].name, text);
	}
	for (size_t i = 0; i < cfg->n_eums; i++) {
		if (!cfg->eums[i].oid || !cfg->eums[i].cert)
			return wrong(ctx, why, "eum", cfg->eums[i].name, "entity-id or certificate is missing");
	}
	return 0;
}
