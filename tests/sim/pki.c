/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Certificates begin and end, and lab/pki asks the system for the time: in this program the system's time is that of
 * the run. */
#include "tests/sim/pki.h"

#include <osmocom/core/utils.h>
#include <stdio.h>
#include <talloc.h>
#include <time.h>

#include "common/crypto/x509.h"
#include "common/es/es_codec.h"
#include "lab/pki/pki.h"
#include "lab/seed/seed.h"

#define FILE_MAX 65536
#define CHANCE 0x706b69

struct sim_pki {
	char *dir;
	struct es_ctx *es;
	struct pubkey *ci;
};

/* Of the process, as the clock is that it stands in for. */
static const struct sim *timekeeper;

time_t time(time_t *out)
{
	struct timespec ts;
	time_t now;

	clock_gettime(CLOCK_REALTIME, &ts);
	now = timekeeper ? (time_t)(timekeeper->now_ms / 1000) : ts.tv_sec;
	if (out)
		*out = now;
	return now;
}

char *sim_pki_path(const struct sim_pki *p, const void *ctx, const char *name)
{
	return talloc_asprintf(ctx, "%s/%s", p->dir, name);
}

static struct pubkey *load_ci(const struct sim_pki *p)
{
	const char *why = "";
	struct x509 *ci;

	OSMO_ASSERT(x509_pem_load(p, sim_pki_path(p, p, "ci.pem"), &ci, &why) == 0);
	return (struct pubkey *)x509_pubkey(ci);
}

struct sim_pki *sim_pki_make(struct sim *s, const void *ctx)
{
	const struct pki_cards cards = {.seed = "sim",
					.count = s->plan->fleet,
					.profiles = 1 << SEED_BOOTSTRAP,
					.smsr_oid = SEED_OID_SMSR,
					.eum_oid = SEED_OID_EUM};
	struct sim_pki *p = talloc_zero(ctx, struct sim_pki);
	const char *why = "";

	p->dir = talloc_asprintf(p, "%s/pki", s->dir);
	p->es = es_ctx_alloc(p, NULL);
	timekeeper = s;
	engine_chance(CHANCE);
	if (pki_ca_create(p, p->dir, &why) < 0 || pki_dp_create(p, p->dir, "smdp", SEED_OID_SMDP, EC_P256, &why) < 0 ||
	    pki_cards_create(p, p->dir, &cards, NULL, &why) < 0)
		fprintf(stderr, "pki: %s\n", why);
	OSMO_ASSERT(p->es && !*why);
	engine_chance(s->plan->seed);
	p->ci = load_ci(p);
	return p;
}

static char *text_of(const struct sim_pki *p, const void *ctx, const char *eid, const char *suffix)
{
	char *name = talloc_asprintf(ctx, "cards/%s.%s", eid, suffix);
	char *text = talloc_zero_size(ctx, FILE_MAX);
	FILE *f = fopen(sim_pki_path(p, name, name), "r");

	OSMO_ASSERT(f && fread(text, 1, FILE_MAX - 1, f) > 0);
	fclose(f);
	talloc_free(name);
	return text;
}

struct es_eis *sim_pki_eis(const struct sim_pki *p, const void *ctx, const char *eid)
{
	struct es_status bad;
	struct es_eis *eis;

	OSMO_ASSERT(es_eis_dec(p->es, ctx, bytes_str(text_of(p, ctx, eid, "xml")), &eis, &bad) == 0);
	return eis;
}

struct bytes sim_pki_ecasd(const struct sim_pki *p, const void *ctx, const char *eid)
{
	struct bytes cert;

	OSMO_ASSERT(hex_dec(ctx, text_of(p, ctx, eid, "ecasd"), &cert) == 0);
	return cert;
}

struct pubkey *sim_pki_ci(const struct sim_pki *p)
{
	return p->ci;
}
