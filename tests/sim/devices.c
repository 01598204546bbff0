/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Devices in their network.  After each input the card is looked at: its record is made from what it is, not from what
 * it was told. */
#include "tests/sim/devices.h"

#include <errno.h>
#include <osmocom/core/utils.h>
#include <stdlib.h>
#include <string.h>
#include <talloc.h>

#include "lab/euicc/euicc.h"
#include "tests/sim/daemon.h"
#include "tests/sim/device_troubles.h"
#include "tests/sim/dp_stock.h"
#include "tests/sim/https.h"
#include "tests/sim/judge.h"
#include "tests/sim/judge_dp.h"
#include "tests/sim/pki.h"
#include "tests/sim/smsc.h"

#define SMSR_NUMBER "12345"
#define ISDR_AID "\xa0\x00\x00\x05\x59\x10\x10\xff\xff\xff\xff\x89\x00\x00\x01\x00"
#define MEMORY 1000000

struct devices {
	struct euicc_fleet *fleets[2]; /* those that speak HTTPS are the second */
	struct seed *seed;
	struct device *list;
	bool draining;
};

struct device *device_at(struct sim *s, unsigned int card)
{
	return &s->devices->list[card];
}

/* ---- the record ---- */

static void note_content(struct sim_profile *to, const struct euicc_profile *from)
{
	struct dp_profile p = {0};

	(void)dp_profile_of_imsi(from->imsi, &p);
	memcpy(to->aid, from->aid, sizeof(to->aid));
	OSMO_STRLCPY_ARRAY(to->imsi, from->imsi);
	OSMO_STRLCPY_ARRAY(to->iccid, p.iccid);
	OSMO_STRLCPY_ARRAY(to->msisdn, p.msisdn);
}

static int index_of(struct device *d, const struct euicc_profile *p)
{
	for (int i = 0; i < d->n_profiles; i++) {
		if (memcmp(d->profiles[i].aid, p->aid, 16) == 0 && strcmp(d->profiles[i].imsi, p->imsi) == 0)
			return i;
	}
	OSMO_ASSERT(d->n_profiles < SIM_SLOTS);
	note_content(&d->profiles[d->n_profiles], p);
	return d->n_profiles++;
}

const struct card_moment *device_now(const struct device *d)
{
	return &d->past[d->n_past - 1];
}

static struct card_moment look(struct sim *s, struct device *d)
{
	struct card_moment m = {.at_ms = s->now_ms, .enabled = -1};

	for (size_t i = 0; i < euicc_n_profiles(d->card); i++) {
		const struct euicc_profile *p = euicc_profile_at(d->card, i);
		int n;

		if (p->state == ISDP_NONE)
			continue;
		n = index_of(d, p);
		m.has |= 1ULL << n;
		if (p->state == ISDP_ENABLED)
			m.enabled = n;
	}
	return m;
}

static void note_moment(struct sim *s, unsigned int card, struct device *d)
{
	struct card_moment m = look(s, d);
	const struct card_moment *old = d->n_past ? device_now(d) : NULL;

	if (old && old->enabled == m.enabled && old->has == m.has)
		return;
	if (old) {
		s->res->switches += old->enabled != m.enabled;
		sim_trace(s, "card %u: profile %d is enabled, has %llx", card, m.enabled, (unsigned long long)m.has);
	}
	d->past = talloc_realloc(s->devices, d->past, struct card_moment, (unsigned int)d->n_past + 1);
	d->past[d->n_past++] = m;
}

static void note_notification(struct sim *s, struct device *d)
{
	uint16_t seq;
	enum euicc_notify_type type = euicc_pending(d->card, &seq);

	if (type == EUICC_NOTIFY_NONE)
		return;
	if (d->n_notes && d->notes[d->n_notes - 1].seq == seq && d->notes[d->n_notes - 1].type == type)
		return;
	d->notes = talloc_realloc_size(s->devices, d->notes, (d->n_notes + 1) * sizeof(d->notes[0]));
	d->notes[d->n_notes].seq = seq;
	d->notes[d->n_notes++].type = (uint8_t)type;
}

/* ---- what cards do ---- */

static void drain(struct sim *s);

static void on_timer(struct sim *s, void *arg)
{
	struct device *d = arg;

	d->timer_ms = 0;
	device_input(s, (unsigned int)(d - s->devices->list));
	if (euicc_deadline(d->card) <= s->now_ms)
		euicc_tick(d->card);
	drain(s);
	device_looked_at(s, (unsigned int)(d - s->devices->list));
}

void device_looked_at(struct sim *s, unsigned int card)
{
	struct device *d = device_at(s, card);
	int64_t next = euicc_deadline(d->card);

	note_moment(s, card, d);
	note_notification(s, d);
	judge_dp_card(s, card);
	if (euicc_counter(d->card) != d->counter) {
		d->counter = euicc_counter(d->card);
		judge_executed(s, card, d->counter);
	}
	if (next == EUICC_NEVER || (d->timer_ms && d->timer_ms <= next))
		return;
	d->timer_ms = next;
	sim_at(s, next, on_timer, d);
}

static bool covered(struct sim *s, unsigned int card, int profile)
{
	struct device *d = device_at(s, card);
	uint64_t h;

	if (fault(s, F_NO_COVERAGE, card + 1, &h))
		d->no_coverage_ms[profile] = s->now_ms + between(&h, 10 * SECOND_MS, 15 * MINUTE_MS);
	if (faults_are_over(s->faults))
		return true;
	return s->now_ms >= d->no_network_ms && s->now_ms >= d->no_coverage_ms[profile];
}

static int profile_of_imsi(const struct device *d, const char *imsi)
{
	for (int i = d->n_profiles - 1; i >= 0; i--) {
		if (strcmp(d->profiles[i].imsi, imsi) == 0)
			return i;
	}
	return -1;
}

static void on_attach(struct sim *s, struct device *d, const struct euicc_out *o)
{
	unsigned int card = (unsigned int)(d - s->devices->list);
	int profile = profile_of_imsi(d, o->imsi);

	if (profile < 0 || d->barred >> profile & 1 || !covered(s, card, profile)) {
		euicc_rx_attached(d->card, o->imsi, 11); /* PLMN not allowed */
		return;
	}
	d->on_air = profile;
	euicc_rx_attached(d->card, o->imsi, 0);
	smsc_attached(s, card);
}

static void on_mo(struct sim *s, struct device *d, const struct euicc_out *o)
{
	unsigned int card = (unsigned int)(d - s->devices->list);
	int profile = profile_of_imsi(d, o->imsi);
	struct sms_submit sub;
	uint8_t cause;

	OSMO_ASSERT(profile >= 0 && sms_submit_dec(o->pdu, &sub) == 0);
	cause = smsc_from_card(s, card, d->profiles[profile].msisdn, sub.udhi, sub.ud);
	euicc_rx_mo_result(d->card, o->imsi, cause);
}

static void on_out(struct sim *s, struct euicc_out *o)
{
	struct device *d = euicc_host_data(o->card);
	unsigned int card = (unsigned int)(d - s->devices->list);

	switch (o->type) {
	case EUICC_OUT_ATTACH:
		on_attach(s, d, o);
		break;
	case EUICC_OUT_DETACH:
		d->on_air = -1;
		break;
	case EUICC_OUT_MO:
		on_mo(s, d, o);
		break;
	case EUICC_OUT_CONNECT:
		https_connect(s, card, o->https);
		break;
	case EUICC_OUT_SEND:
		https_from_card(s, card, o->pdu);
		break;
	case EUICC_OUT_CLOSE:
		https_card_closes(s, card, o->cause);
		break;
	case EUICC_OUT_TRACE:
		https_card_tells(s, card, o->text);
		break;
	case EUICC_OUT_MT_ACK:
	case EUICC_OUT_EVENT:
		break;
	}
}

static struct euicc_out *next_out(struct devices *ds)
{
	for (size_t i = 0; i < ARRAY_SIZE(ds->fleets); i++) {
		if (!llist_empty(&ds->fleets[i]->outs))
			return llist_first_entry(&ds->fleets[i]->outs, struct euicc_out, entry);
	}
	return NULL;
}

static void drain(struct sim *s)
{
	struct devices *ds = s->devices;

	if (ds->draining)
		return;
	ds->draining = true;
	for (struct euicc_out *o; (o = next_out(ds));) {
		llist_del(&o->entry);
		on_out(s, o);
		talloc_free(o);
	}
	ds->draining = false;
}

void device_input(struct sim *s, unsigned int card)
{
	s->devices->fleets[https_card(s, card)]->now_ms = s->now_ms;
}

void device_after(struct sim *s, unsigned int card)
{
	drain(s);
	device_looked_at(s, card);
}

void device_reboot(struct sim *s, unsigned int card)
{
	struct device *d = device_at(s, card);

	device_input(s, card);
	euicc_power(d->card, false);
	drain(s);
	euicc_power(d->card, true);
	device_after(s, card);
}

void device_renumber(struct sim *s, unsigned int card, const char *iccid, const char *msisdn)
{
	struct device *d = device_at(s, card);

	for (int i = 0; i < d->n_profiles; i++) {
		if (strcmp(d->profiles[i].iccid, iccid) == 0)
			OSMO_STRLCPY_ARRAY(d->profiles[i].msisdn, msisdn);
	}
}

void device_bar(struct sim *s, unsigned int card)
{
	struct device *d = device_at(s, card);

	sim_trace(s, "card %u: the subscription of profile %d is barred", card, d->on_air);
	d->barred |= 1ULL << d->on_air;
	device_input(s, card);
	euicc_rx_lost(d->card, euicc_enabled(d->card)->imsi);
	device_after(s, card);
}

/* ---- the network ---- */

/* Loaded profiles have numbers that do not tell whose they are; those that they had before differ in the first of the
 * last seven digits. */
static bool has_number(const struct device *d, const char *msisdn)
{
	for (int i = SIM_PROFILES; i < d->n_profiles; i++) {
		if (strlen(d->profiles[i].msisdn) == strlen(msisdn) &&
		    strcmp(d->profiles[i].msisdn + 7, msisdn + 7) == 0)
			return true;
	}
	return false;
}

static unsigned int card_of_number(struct sim *s, const char *msisdn)
{
	struct dp_profile p;
	unsigned int i = 0;

	/* The last seven digits of a factory's profile are the card's own: lab/seed. */
	if (!dp_profile_of_msisdn(msisdn, &p))
		return (unsigned int)strtoul(msisdn + strlen(msisdn) - OSMO_MIN(strlen(msisdn), 7), NULL, 10);
	while (i < s->plan->fleet && !has_number(device_at(s, i), msisdn))
		i++;
	return i;
}

unsigned int device_of(struct sim *s, const char *msisdn)
{
	unsigned int n = card_of_number(s, msisdn);

	if (n >= s->plan->fleet)
		sim_violation(s, "a message goes to %s, which is no number of the fleet", msisdn);
	return n < s->plan->fleet ? n : 0;
}

const char *device_number(struct sim *s, unsigned int card)
{
	struct device *d = device_at(s, card);

	return d->on_air < 0 ? NULL : d->profiles[d->on_air].msisdn;
}

bool device_takes(struct sim *s, unsigned int card, const char *msisdn, struct bytes ud)
{
	struct sms_deliver dl = {.udhi = true, .pid = SMS_PID_USIM_DOWNLOAD, .dcs = SMS_DCS_CLASS2_8BIT, .ud = ud};
	struct device *d = device_at(s, card);
	const char *number = device_number(s, card);
	uint8_t buf[200];
	struct bytes tpdu;
	struct wr w;

	if (!number || strcmp(number, msisdn) != 0 || !euicc_has_service(d->card))
		return false;
	OSMO_ASSERT(sms_addr_set(&dl.oa, 0x91, SMSR_NUMBER) == 0);
	wr_init_buf(&w, buf, sizeof(buf));
	if (sms_deliver_enc(&dl, &w) < 0 || wr_end(&w, &tpdu) < 0)
		return true; /* cut so short that no network would carry it */
	device_input(s, card);
	euicc_rx_mt(d->card, d->profiles[d->on_air].imsi, tpdu);
	device_after(s, card);
	return true;
}

/* ---- the factory ---- */

static int host_keys(void *arg, const struct euicc *card, const void *ctx, struct euicc_keys *keys)
{
	const struct device *d = euicc_host_data(card);

	if (key_import(ctx, KEY_AES, BYTES_ARR(d->data.kic), &keys->kic) < 0)
		return -1;
	return key_import(ctx, KEY_AES, BYTES_ARR(d->data.kid), &keys->kid);
}

static int host_cert(void *arg, const struct euicc *card, const void *ctx, struct bytes *cert)
{
	const struct device *d = euicc_host_data(card);
	const struct sim *s = arg;

	*cert = s->pki ? sim_pki_ecasd(s->pki, ctx, d->data.eid) : bytes_dup(ctx, BYTES_LIT("\x7f\x21\x00"));
	return 0;
}

static int host_ecasd(void *arg, const struct euicc *card, const void *ctx, struct euicc_ecasd *ecasd)
{
	const struct device *d = euicc_host_data(card);
	const struct sim *s = arg;

	if (!s->pki)
		return -ENOENT;
	*ecasd = (struct euicc_ecasd){.curve = EC_P256, .ci = sim_pki_ci(s->pki)};
	return privkey_ec_import(ctx, EC_P256, BYTES_ARR(d->data.ecasd_key), &ecasd->key);
}

/* The further operational profiles are the one of the seed with another digit in each of their numbers. */
static void make_profile(struct device *d, int n)
{
	const struct seed_profile *from = &d->data.profiles[n == 0 ? SEED_BOOTSTRAP : SEED_OPERATIONAL];
	struct sim_profile *p = &d->profiles[n];

	memcpy(p->aid, from->aid, sizeof(p->aid));
	OSMO_STRLCPY_ARRAY(p->iccid, from->iccid);
	OSMO_STRLCPY_ARRAY(p->imsi, from->imsi);
	OSMO_STRLCPY_ARRAY(p->msisdn, from->msisdn);
	if (n < 2)
		return;
	p->aid[14] = (uint8_t)(p->aid[14] + n - 1);
	p->iccid[9] = p->imsi[5] = p->msisdn[5] = (char)('0' + n);
	p->iccid[18] = '\0';
	seed_luhn_append(p->iccid);
}

static void make_card(struct sim *s, unsigned int card)
{
	struct device *d = device_at(s, card);
	struct euicc_profile profiles[SIM_PROFILES] = {0};
	struct euicc_factory f = {.profiles = profiles, .n_profiles = SIM_PROFILES, .host_data = d};

	OSMO_ASSERT(seed_card(s->devices->seed, card, &d->data) == 0);
	memcpy(f.eid, d->data.eid_bcd, sizeof(f.eid));
	memcpy(f.imei, d->data.imei, sizeof(f.imei));
	d->n_profiles = SIM_PROFILES;
	for (int i = 0; i < SIM_PROFILES; i++) {
		make_profile(d, i);
		memcpy(profiles[i].aid, d->profiles[i].aid, sizeof(profiles[i].aid));
		memcpy(profiles[i].imsi, d->profiles[i].imsi, sizeof(profiles[i].imsi));
		profiles[i].iccid[0] = 0x98;
		profiles[i].state = i == 0 ? ISDP_ENABLED : ISDP_DISABLED;
		profiles[i].fallback = i == 0;
		profiles[i].mem_granted = 65536;
		profiles[i].mem_left = 1000;
	}
	d->on_air = -1;
	d->card = euicc_alloc(s->devices, s->devices->fleets[https_card(s, card)], &f);
	OSMO_ASSERT(d->card);
	euicc_trace_set(d->card, https_card(s, card));
	note_moment(s, card, d);
}

static void fill_key(const void *ctx, struct es_key *k, uint8_t index, const uint8_t value[16])
{
	k->index = index;
	k->components = talloc_zero(ctx, struct es_key_component);
	k->n_components = 1;
	k->components[0].type = BYTES_LIT("\x88");
	k->components[0].value = bytes_of(value, 16);
}

static struct es_security_domain *isdr_of(const void *ctx, const struct device *d)
{
	struct es_security_domain *isdr = talloc_zero(ctx, struct es_security_domain);
	struct es_keyset *ks = talloc_zero(ctx, struct es_keyset);
	struct es_key *keys = talloc_zero_array(ctx, struct es_key, 2);

	fill_key(ctx, &keys[0], 1, d->data.kic);
	fill_key(ctx, &keys[1], 2, d->data.kid);
	*ks = (struct es_keyset){.version = SEED_SCP80_KVN, .type = ES_KEYSET_SCP80, .keys = keys, .n_keys = 2};
	*isdr = (struct es_security_domain){.aid = BYTES_LIT(ISDR_AID),
					    .tars = talloc_zero(ctx, struct bytes),
					    .n_tars = 1,
					    .sin = BYTES_LIT("S"),
					    .sdin = BYTES_LIT("D"),
					    .keysets = ks,
					    .n_keysets = 1};
	isdr->tars[0] = BYTES_LIT("\x00\x00\x01");
	return isdr;
}

/* What the card maker signed.  That there is HTTPS is said elsewhere. */
static void put_signed(struct sim *s, struct es_eis *eis)
{
	const struct es_eis *from = sim_pki_eis(s->pki, eis, eis->info.eid);

	eis->info = from->info;
	eis->info.capabilities = NULL;
	eis->signed_info_xml = from->signed_info_xml;
	eis->signature_xml = from->signature_xml;
}

struct es_eis *device_eis(struct sim *s, const void *ctx, unsigned int card)
{
	const struct device *d = device_at(s, card);
	struct es_eis *eis = talloc_zero(ctx, struct es_eis);
	struct es_profile_info *profiles = talloc_zero_array(eis, struct es_profile_info, SIM_PROFILES);

	for (int i = 0; i < SIM_PROFILES; i++) {
		profiles[i] = (struct es_profile_info){
			.iccid = d->profiles[i].iccid,
			.isdp_aid = BYTES_ARR(d->profiles[i].aid),
			.mno_id = i == 0 ? SEED_OID_MNO_BOOTSTRAP : SEED_OID_MNO_OPERATIONAL,
			.fallback = i == 0,
			.address = {.imsi = d->profiles[i].imsi, .msisdn = d->profiles[i].msisdn},
			.state = i == 0 ? ES_STATE_ENABLED : ES_STATE_DISABLED,
			.allocated_memory = 65536,
		};
	}
	*eis = (struct es_eis){.info = {.eid = d->data.eid, .eum_id = SEED_OID_EUM},
			       .isdr = isdr_of(eis, d),
			       .profiles = profiles,
			       .n_profiles = SIM_PROFILES,
			       .remaining_memory = MEMORY,
			       .available_memory = MEMORY,
			       .signed_info_xml = "<i/>",
			       .signature_xml = "<s/>"};
	if (s->pki)
		put_signed(s, eis);
	if (https_card(s, card))
		https_eis(s, eis, card, eis);
	return eis;
}

static void switch_on(struct sim *s, void *card)
{
	unsigned int n = (unsigned int)(uintptr_t)card;

	device_input(s, n);
	euicc_power(device_at(s, n)->card, true);
	device_after(s, n);
}

static void start(struct sim *s)
{
	const struct euicc_host host = {.keys = host_keys, .ecasd_cert = host_cert, .ecasd = host_ecasd, .arg = s};
	struct devices *ds = s->devices = talloc_zero(s->ctx, struct devices);

	ds->seed = seed_alloc(ds, "sim");
	for (size_t i = 0; i < ARRAY_SIZE(ds->fleets); i++) {
		ds->fleets[i] = euicc_fleet_alloc(ds, crypto_alloc(ds), &host);
		ds->fleets[i]->now_ms = s->now_ms;
		OSMO_ASSERT(sms_addr_set(&ds->fleets[i]->set.smsr, 0x91, SMSR_NUMBER) == 0);
	}
	https_settings(s, &ds->fleets[true]->set);
	ds->list = talloc_zero_array(ds, struct device, s->plan->fleet);
	for (unsigned int i = 0; i < s->plan->fleet; i++) {
		make_card(s, i);
		sim_at(s, s->now_ms + MINUTE_MS, switch_on, (void *)(uintptr_t)i);
	}
	device_troubles_start(s);
}

static void calm(struct sim *s)
{
	for (unsigned int i = 0; i < s->plan->fleet; i++) {
		device_troubles_end(s, i);
		switch_on(s, (void *)(uintptr_t)i);
	}
}

static const char *busy(struct sim *s)
{
	uint16_t seq;

	for (unsigned int i = 0; i < s->plan->fleet; i++) {
		const struct device *d = device_at(s, i);

		if (!euicc_has_service(d->card))
			return "a device has no service";
		if (euicc_pending(d->card, &seq) != EUICC_NOTIFY_NONE)
			return "a notification is not confirmed";
	}
	return NULL;
}

const struct actor devices_actor = {"devices", start, calm, busy};
