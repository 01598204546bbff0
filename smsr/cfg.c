/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "smsr/cfg.h"

#include <errno.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/es/soap.h"
#include "common/peer/peer_cfg.h"

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
	.bulk_per_s = 20,
	.free_space_min = 64 << 20,
};

struct smsr_cfg *smsr_cfg_alloc(const void *ctx)
{
	struct smsr_cfg *cfg = talloc_zero(ctx, struct smsr_cfg);

	OSMO_ASSERT(cfg);
	cfg->limits = limits_default;
	cfg->ecasd_check = true;
	https_cfg_init(&cfg->https, cfg);
	https_bearer_init(&cfg->bearer, cfg);
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
	*p = (struct peer){.name = talloc_strdup(cfg, name)};
	return p;
}

struct smsc_cfg *smsr_cfg_smsc_get(struct smsr_cfg *cfg, const char *name)
{
	struct smsc_cfg *c;

	for (size_t i = 0; i < cfg->n_smscs; i++) {
		if (strcmp(cfg->smscs[i].name, name) == 0)
			return &cfg->smscs[i];
	}
	cfg->smscs = talloc_realloc(cfg, cfg->smscs, struct smsc_cfg, (unsigned int)cfg->n_smscs + 1);
	OSMO_ASSERT(cfg->smscs);
	c = &cfg->smscs[cfg->n_smscs];
	*c = (struct smsc_cfg){.name = talloc_strdup(cfg, name), .enabled = true};
	smpp_link_cfg_default(&c->link);
	c->link.name = c->name;
	c->link.index = (unsigned int)cfg->n_smscs++;
	return c;
}

static int wrong(const void *ctx, const char **why, const char *node, const char *name, const char *text)
{
	*why = talloc_asprintf(ctx, "%s%s%s: %s", node, name ? " " : "", name ? name : "", text);
	return -EINVAL;
}

bool peer_acts_for(const struct peer *peer, const char *mno_oid)
{
	for (size_t i = 0; i < peer->n_acts_for; i++) {
		if (strcmp(peer->acts_for[i], mno_oid) == 0)
			return true;
	}
	return false;
}

static int check_peer(const void *ctx, const struct smsr_cfg *cfg, const struct peer *p, const char **why)
{
	const char *text;

	if (!p->oid)
		return wrong(ctx, why, "peer", p->name, "no entity-id");
	if (smsr_cfg_peer(cfg, p->oid) != p)
		return wrong(ctx, why, "peer", p->name, "another peer has the same entity-id");
	text = peer_cfg_wrong(&p->tls, p->callback_prefix, p->notification_url);
	if (text)
		return wrong(ctx, why, "peer", p->name, text);
	if ((p->roles & PEER_EUM) && !p->eum_cert)
		return wrong(ctx, why, "peer", p->name, "an EUM needs eum-certificate");
	if (p->n_acts_for && !(p->roles & PEER_SMDP))
		return wrong(ctx, why, "peer", p->name, "acts-for is for peers of role sm-dp");
	return 0;
}

int smsr_cfg_check(const void *ctx, const struct smsr_cfg *cfg, const char **why)
{
	const struct {
		const char *value;
		const char *text;
	} mandatory[] = {
		{cfg->oid, "entity-id is missing"},
		{cfg->uri, "uri is missing"},
		{cfg->database, "database is missing"},
		{cfg->master_key, "master-key is missing"},
	};
	int rc = 0;

	for (size_t i = 0; i < ARRAY_SIZE(mandatory); i++) {
		if (!mandatory[i].value)
			return wrong(ctx, why, "smsr", NULL, mandatory[i].text);
	}
	if (https_cfg_missing(&cfg->https))
		return wrong(ctx, why, "smsr", NULL, https_cfg_missing(&cfg->https));
	for (size_t i = 0; rc == 0 && i < cfg->n_peers; i++)
		rc = check_peer(ctx, cfg, &cfg->peers[i], why);
	for (size_t i = 0; rc == 0 && i < cfg->n_smscs; i++) {
		const char *text;

		if (smpp_link_cfg_check(&cfg->smscs[i].link, &text) < 0)
			rc = wrong(ctx, why, "smsc", cfg->smscs[i].name, text);
	}
	return rc < 0 ? rc : https_bearer_check(ctx, &cfg->bearer, why);
}
