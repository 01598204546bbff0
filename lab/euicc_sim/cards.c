/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The fleet: cards from the seed, and how to find one.  Keys are derived when a card first needs them. */
#include "lab/euicc_sim/sim.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <osmocom/core/logging.h>
#include <osmocom/core/talloc.h>
#include <osmocom/core/utils.h>

#include "common/app/log.h"
#include "scp81/psk_id.h"

#define PROFILE_MEM 0x10000

/* 19 digits as EF.ICCID: two in an octet, low nibble first, F behind the last. */
static void iccid_enc(const char *digits, uint8_t out[10])
{
	size_t len = strlen(digits);

	for (size_t i = 0; i < 10; i++) {
		unsigned int low = 2 * i < len ? (unsigned int)(digits[2 * i] - '0') : 15;
		unsigned int high = 2 * i + 1 < len ? (unsigned int)(digits[2 * i + 1] - '0') : 15;

		out[i] = (uint8_t)(high * 16 + low);
	}
}

static struct euicc_profile profile_of(const struct seed_profile *sp)
{
	struct euicc_profile p = {
		.state = sp->enabled ? ISDP_ENABLED : ISDP_DISABLED,
		.fallback = sp->fallback,
		.mem_granted = PROFILE_MEM,
		.mem_left = PROFILE_MEM / 2,
	};

	memcpy(p.aid, sp->aid, sizeof(p.aid));
	memcpy(p.imsi, sp->imsi, sizeof(p.imsi));
	iccid_enc(sp->iccid, p.iccid);
	return p;
}

static struct sim_card *host_card(const struct euicc *card)
{
	return euicc_host_data(card);
}

static int host_keys(void *arg, const struct euicc *card, const void *ctx, struct euicc_keys *keys)
{
	struct sim *sim = arg;
	struct seed_card sc;
	int rc;

	rc = seed_card(sim->seed, host_card(card)->index, &sc);
	if (rc == 0)
		rc = key_import(ctx, KEY_AES, BYTES_ARR(sc.kic), &keys->kic);
	if (rc == 0)
		rc = key_import(ctx, KEY_AES, BYTES_ARR(sc.kid), &keys->kid);
	bytes_wipe(&sc, sizeof(sc));
	return rc;
}

static int host_cert(void *arg, const struct euicc *card, const void *ctx, struct bytes *cert)
{
	const struct sim *sim = arg;

	return sim->opt->ecasd_dir ? store_cert(sim->opt->ecasd_dir, card, ctx, cert) : -ENOENT;
}

static int host_ecasd(void *arg, const struct euicc *card, const void *ctx, struct euicc_ecasd *ecasd)
{
	struct sim *sim = arg;
	struct seed_card sc;
	int rc;

	if (!sim->opt->ci_file)
		return -ENOENT;
	rc = store_ci(sim->opt->ci_file, ctx, &ecasd->ci);
	if (rc == 0)
		rc = seed_card(sim->seed, host_card(card)->index, &sc);
	if (rc)
		return rc;
	ecasd->curve = EC_P256;
	rc = privkey_ec_import(ctx, EC_P256, BYTES_ARR(sc.ecasd_key), &ecasd->key);
	bytes_wipe(&sc, sizeof(sc));
	return rc;
}

int sim_card_psk(struct sim *sim, const struct sim_card *sc, uint8_t kvn, uint8_t kid, const void *ctx,
		 struct bytes *psk)
{
	struct seed_card seed;
	uint8_t *copy;

	if (kvn != sim->opt->set.https_kvn || kid != PSK_KID_PSK)
		return -ENOENT;
	if (seed_card(sim->seed, sc->index, &seed))
		return -EIO;
	copy = bytes_secret_alloc(ctx, sizeof(seed.psk));
	memcpy(copy, seed.psk, sizeof(seed.psk));
	*psk = bytes_of(copy, sizeof(seed.psk));
	bytes_wipe(&seed, sizeof(seed));
	return 0;
}

static int card_make(struct sim *sim, struct sim_card *sc, uint32_t index)
{
	struct euicc_profile profiles[SEED_N_PROFILES];
	struct euicc_factory factory = {.profiles = profiles, .n_profiles = SEED_N_PROFILES, .host_data = sc};
	struct seed_card seed;
	int rc;

	rc = seed_card(sim->seed, index, &seed);
	if (rc)
		return rc;
	memcpy(factory.eid, seed.eid_bcd, sizeof(factory.eid));
	memcpy(factory.imei, seed.imei, sizeof(factory.imei));
	for (size_t i = 0; i < SEED_N_PROFILES; i++) {
		struct sim_imsi *entry = &sim->by_imsi[sim->n_imsi++];

		profiles[i] = profile_of(&seed.profiles[i]);
		memcpy(entry->imsi, profiles[i].imsi, sizeof(entry->imsi));
		entry->sc = sc;
	}
	bytes_wipe(&seed, sizeof(seed));
	*sc = (struct sim_card){.index = index, .heap_pos = -1, .due_ms = EUICC_NEVER};
	sc->card = euicc_alloc(sim->cards, sim->fleet, &factory);
	OSMO_ASSERT(sc->card);
	euicc_trace_set(sc->card, sim->opt->trace);
	return 0;
}

static int imsi_cmp(const void *a, const void *b)
{
	const struct sim_imsi *x = a, *y = b;

	return strcmp(x->imsi, y->imsi);
}

/* The options are for a new card; a card with a state has its own. */
static int card_start(struct sim *sim, struct sim_card *sc)
{
	for (size_t i = 0; i < sim->opt->n_faults; i++)
		euicc_fault_set(sc->card, sim->opt->faults[i].fault, true, sim->opt->faults[i].arg);
	return sim->opt->state_dir ? store_load(sim->opt->state_dir, sc->card) : 0;
}

int sim_cards_make(struct sim *sim)
{
	const struct euicc_host host = {.keys = host_keys, .ecasd_cert = host_cert, .ecasd = host_ecasd, .arg = sim};

	sim->fleet = euicc_fleet_alloc(sim, sim->crypto, &host);
	sim->fleet->set = sim->opt->set;
	sim->n_cards = sim->opt->count;
	sim->cards = talloc_zero_array(sim, struct sim_card, sim->n_cards);
	sim->heap = talloc_zero_array(sim, struct sim_card *, sim->n_cards);
	sim->by_imsi = talloc_zero_array(sim, struct sim_imsi, (size_t)sim->n_cards * SEED_N_PROFILES);
	OSMO_ASSERT(sim->cards && sim->heap && sim->by_imsi);
	for (uint32_t i = 0; i < sim->n_cards; i++) {
		int rc = card_make(sim, &sim->cards[i], sim->opt->first + i);

		if (rc == 0)
			rc = card_start(sim, &sim->cards[i]);
		if (rc)
			return rc;
	}
	qsort(sim->by_imsi, sim->n_imsi, sizeof(sim->by_imsi[0]), imsi_cmp);
	return 0;
}

/* A subscription that came by download is in no index. */
static struct sim_card *by_downloaded(struct sim *sim, const char *imsi)
{
	for (uint32_t i = 0; i < sim->n_cards; i++) {
		const struct euicc_profile *p;

		for (size_t k = 0; (p = euicc_profile_at(sim->cards[i].card, k)); k++) {
			if (strcmp(p->imsi, imsi) == 0)
				return &sim->cards[i];
		}
	}
	return NULL;
}

struct sim_card *sim_card_by_imsi(struct sim *sim, const char *imsi)
{
	struct sim_imsi key = {.sc = NULL}, *found;

	if (osmo_strlcpy(key.imsi, imsi, sizeof(key.imsi)) >= sizeof(key.imsi))
		return NULL;
	found = bsearch(&key, sim->by_imsi, sim->n_imsi, sizeof(key), imsi_cmp);
	return found ? found->sc : by_downloaded(sim, imsi);
}

static struct sim_card *by_number(struct sim *sim, const char *text)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*text == '\0' || *end || n < sim->opt->first || n - sim->opt->first >= sim->n_cards)
		return NULL;
	return &sim->cards[n - sim->opt->first];
}

struct sim_card *sim_card_find(struct sim *sim, const char *name)
{
	uint8_t eid[EUICC_EID_LEN];

	if (name[0] == '#')
		return by_number(sim, name + 1);
	if (hex_dec_buf(eid, sizeof(eid), name))
		return NULL;
	for (uint32_t i = 0; i < sim->n_cards; i++) {
		if (memcmp(euicc_eid(sim->cards[i].card), eid, sizeof(eid)) == 0)
			return &sim->cards[i];
	}
	return NULL;
}

int sim_print_subscribers(const struct sim_options *opt)
{
	struct seed *seed = seed_alloc(OTC_GLOBAL, opt->seed);
	int rc = seed ? 0 : -EIO;

	for (uint32_t i = 0; rc == 0 && i < opt->count; i++) {
		struct seed_card sc;

		rc = seed_card(seed, opt->first + i, &sc);
		for (size_t p = 0; rc == 0 && p < SEED_N_PROFILES; p++) {
			if (printf("%s,%s\n", sc.profiles[p].imsi, sc.profiles[p].msisdn) < 0)
				rc = -EIO;
		}
		bytes_wipe(&sc, sizeof(sc));
	}
	talloc_free(seed);
	return rc == 0 && fflush(stdout) ? -EIO : rc;
}
