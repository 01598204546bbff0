/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Who speaks HTTPS, and how: drawn for each seed, so that over many seeds every form of the dialogue occurs. */
#include <osmocom/core/utils.h>
#include <talloc.h>

#include "lab/seed/seed.h"
#include "smsr/https_fleet.h"
#include "tests/sim/devices.h"
#include "tests/sim/https_priv.h"

#define EUM_ALL "1.3.6.1.4.1.32473.11"
#define EUM_LONG "1.3.6.1.4.1.32473.12"
#define HOST "smsr.example"

void https_draw(struct sim *s, struct https *t)
{
	/* Not in runs of before there was any of it. */
	bool any = choice(s, C_HTTPS, 0) % 3 && (!s->plan->kinds || s->plan->kinds > F_HTTPS_REFUSED);

	t->chance = choice(s, C_HTTPS, 0);
	t->use = talloc_zero_array(t, enum https_use, s->plan->fleet);
	for (unsigned int i = 0; any && i < s->plan->fleet; i++) {
		static const enum https_use uses[] = {USE_NEVER, USE_LONG, USE_ALL, USE_ALL};

		t->use[i] = uses[choice(s, C_HTTPS, i + 1) % ARRAY_SIZE(uses)];
		t->any |= t->use[i] != USE_NEVER;
	}
}

bool https_card(struct sim *s, unsigned int card)
{
	return s->https->use[card] != USE_NEVER;
}

/* ---- the SM-SR ---- */

static void say_where(struct https_fleet *f, uint64_t *h)
{
	if (between(h, 0, 1)) {
		f->host = talloc_strdup(f, HOST);
		f->address = talloc_strdup(f, "192.0.2.1");
		f->port = 443;
		f->buffer_size = 1000;
		f->agent_id = between(h, 0, 1);
	}
	f->psk_identity = between(h, 0, 1);
	if (between(h, 0, 1)) {
		f->retry_count = (unsigned int)between(h, 1, 4);
		f->retry_delay_s = (unsigned int)between(h, 5, 90);
	}
}

static void add_fleet(struct smsr_cfg *cfg, const char *name, const char *eum, enum bearer_wish wish, uint64_t *h)
{
	struct https_fleet *f = https_fleet_get(&cfg->bearer, cfg, name);

	f->eums = talloc_zero_array(f, char *, 1);
	f->eums[0] = talloc_strdup(f, eum);
	f->n_eums = 1;
	f->wish = wish;
	f->failures_max = (unsigned int)between(h, 0, 3);
	f->next_uri = between(h, 0, 1) ? DIALOG_URI_QUERY : DIALOG_URI_PATH;
	f->chunked = between(h, 0, 2);
	f->script_max = between(h, 0, 1) ? 1024 : 16;
	f->hold_s = between(h, 0, 1) ? 60 : 0;
	say_where(f, h);
}

void https_configure(struct sim *s, struct smsr_cfg *cfg)
{
	uint64_t h = s->https->chance;

	if (!s->https->any)
		return;
	cfg->bearer.listen = talloc_zero(cfg, struct http_listen);
	cfg->bearer.n_listen = 1;
	add_fleet(cfg, "all", EUM_ALL, BEARER_HTTPS, &h);
	add_fleet(cfg, "long", EUM_LONG, BEARER_AUTO, &h);
	s->https->idle_ms = cfg->bearer.idle_timeout_s * SECOND_MS;
	s->https->session_ms = cfg->bearer.session_timeout_s * SECOND_MS;
}

/* ---- the cards ---- */

void https_settings(struct sim *s, struct euicc_settings *set)
{
	uint64_t h = s->https->chance + 1;

	set->https_host = HOST;
	set->https_length = between(&h, 0, 1);
	set->https_resume_bare = between(&h, 0, 3) == 0;
	set->notify_https = between(&h, 0, 1);
	set->https_retries = (uint16_t)between(&h, 0, 4);
	set->https_retry_ms = (uint32_t)between(&h, 5, 60) * 1000;
}

void https_eis(struct sim *s, const void *ctx, unsigned int card, struct es_eis *eis)
{
	struct es_keyset *ks = talloc_zero_array(ctx, struct es_keyset, 2);
	struct es_key *psk = talloc_zero(ctx, struct es_key);

	psk->index = 1;
	psk->components = talloc_zero(ctx, struct es_key_component);
	psk->n_components = 1;
	psk->components[0].type = BYTES_LIT("\x85");
	psk->components[0].value = BYTES_ARR(device_at(s, card)->data.psk);
	ks[0] = eis->isdr->keysets[0];
	ks[1] = (struct es_keyset){.version = SEED_SCP81_KVN, .type = ES_KEYSET_SCP81, .keys = psk, .n_keys = 1};
	eis->isdr->keysets = ks;
	eis->isdr->n_keysets = 2;
	eis->info.eum_id = s->https->use[card] == USE_ALL ? EUM_ALL : EUM_LONG;
	eis->info.capabilities = talloc_zero(ctx, struct es_capabilities);
	eis->info.capabilities->http_support = true;
}
