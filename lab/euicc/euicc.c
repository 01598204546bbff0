/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The card as its host sees it: making one, the inputs, and views for logs and tests. */
#include "lab/euicc/card.h"

#include <osmocom/core/talloc.h>
#include <osmocom/core/utils.h>
#include <string.h>

#include "scp81/psk_id.h"

void euicc_settings_default(struct euicc_settings *set)
{
	*set = (struct euicc_settings){
		.smsr = {.type = 0x81, .digits = "12345"},
		.kvn = 1,
		.notify_aid_tag = UNC_NOTIFY_AID_TAG,
		.notify_after_disable = UNC_NOTIFY_AFTER_DISABLE,
		.notify_tries = UNC_NOTIFY_TRIES,
		.nv_total = 0x100000,
		.volatile_free = 0x1000,
		.refresh_ms = 500,
		.attach_wait_ms = 30000,
		.reattach_ms = 10000,
		.mo_wait_ms = 30000,
		.mo_retry_ms = 5000,
		.mo_tries = 3,
		.notify_wait_ms = UNC_NOTIFY_WAIT_MS,
		.rollback_ms = UNC_ROLLBACK_MS,
		.fallback_ms = UNC_FALLBACK_MS,
		.https_port = 443,
		.https_uri = "/gsma/adminagent",
		.https_kvn = PSK_KVN_MIN,
		.https_retries = UNC_HTTPS_RETRIES,
		.https_retry_ms = UNC_HTTPS_RETRY_MS,
		.https_open_ms = 60000,
		.https_wait_ms = 180000,
	};
}

struct euicc_fleet *euicc_fleet_alloc(const void *ctx, struct crypto *crypto, const struct euicc_host *host)
{
	struct euicc_fleet *fleet = talloc_zero(ctx, struct euicc_fleet);

	OSMO_ASSERT(fleet);
	euicc_settings_default(&fleet->set);
	fleet->host = *host;
	fleet->crypto = crypto;
	INIT_LLIST_HEAD(&fleet->outs);
	return fleet;
}

struct euicc *euicc_alloc(const void *ctx, struct euicc_fleet *fleet, const struct euicc_factory *factory)
{
	struct euicc *card;

	if (factory->n_profiles > EUICC_PROFILES_MAX || !profiles_ok(factory->profiles, factory->n_profiles))
		return NULL;
	card = talloc_zero(ctx, struct euicc);
	OSMO_ASSERT(card);
	card->fleet = fleet;
	card->host_data = factory->host_data;
	memcpy(card->eid, factory->eid, sizeof(card->eid));
	memcpy(card->imei, factory->imei, sizeof(card->imei));
	card->nv.n_slots = (uint8_t)factory->n_profiles;
	card->nv.profiles = talloc_array(card, struct euicc_profile, card->nv.n_slots);
	OSMO_ASSERT(card->nv.profiles);
	memcpy(card->nv.profiles, factory->profiles, factory->n_profiles * sizeof(factory->profiles[0]));
	card->nv.switch_to = -1;
	card->nv.previous = -1;
	card->phone_due_ms = EUICC_NEVER;
	card->service_due_ms = EUICC_NEVER;
	card->notify_due_ms = EUICC_NEVER;
	card->mo_due_ms = EUICC_NEVER;
	INIT_LLIST_HEAD(&card->mo);
	return card;
}

void euicc_power(struct euicc *card, bool on)
{
	if (on)
		phone_on(card);
	else
		phone_off(card);
}

static bool phone_is(const struct euicc *card, const char *imsi)
{
	return card->on_air && strcmp(card->nv.profiles[profile_enabled(card)].imsi, imsi) == 0;
}

void euicc_rx_attached(struct euicc *card, const char *imsi, uint8_t cause)
{
	if (phone_is(card, imsi))
		phone_attached(card, cause);
}

void euicc_rx_lost(struct euicc *card, const char *imsi)
{
	if (phone_is(card, imsi))
		phone_lost(card, "the network says so");
}

void euicc_rx_mt(struct euicc *card, const char *imsi, struct bytes tpdu)
{
	if (phone_is(card, imsi))
		mt_rx(card, tpdu);
}

void euicc_rx_mo_result(struct euicc *card, const char *imsi, uint8_t cause)
{
	if (phone_is(card, imsi))
		mo_result(card, cause);
}

int64_t euicc_deadline(const struct euicc *card)
{
	int64_t sms_ms = OSMO_MIN(card->notify_due_ms, card->mo_due_ms);

	return OSMO_MIN(OSMO_MIN(card->phone_due_ms, card->service_due_ms), OSMO_MIN(sms_ms, agent_deadline(card)));
}

void euicc_tick(struct euicc *card)
{
	phone_tick(card);
	mo_tick(card);
	notify_tick(card);
	agent_tick(card);
}

int euicc_apdu(struct euicc *card, const void *ctx, struct bytes capdu, struct bytes *rapdu)
{
	struct wr w;
	uint16_t sw;

	wr_init(&w, ctx);
	sw = card_apdu(card, capdu, &w);
	wr_u16(&w, sw);
	phone_reset_when_ready(card);
	return wr_end(&w, rapdu);
}

void euicc_trace_set(struct euicc *card, bool on)
{
	card->trace = on;
}

bool euicc_dirty(const struct euicc *card)
{
	return card->dirty;
}

void *euicc_host_data(const struct euicc *card)
{
	return card->host_data;
}

const uint8_t *euicc_eid(const struct euicc *card)
{
	return card->eid;
}

size_t euicc_n_profiles(const struct euicc *card)
{
	size_t n = 0;

	while (euicc_profile_at(card, n))
		n++;
	return n;
}

const struct euicc_profile *euicc_profile_at(const struct euicc *card, size_t i)
{
	for (int slot = 0; slot < card->nv.n_slots; slot++) {
		if (card->nv.profiles[slot].state != ISDP_NONE && i-- == 0)
			return &card->nv.profiles[slot];
	}
	return NULL;
}

const struct euicc_profile *euicc_enabled(const struct euicc *card)
{
	return &card->nv.profiles[profile_enabled(card)];
}

bool euicc_powered(const struct euicc *card)
{
	return card->phone != PHONE_OFF;
}

bool euicc_has_service(const struct euicc *card)
{
	return card->phone == PHONE_SERVICE;
}

uint64_t euicc_counter(const struct euicc *card)
{
	return card->nv.counter;
}

enum euicc_notify_type euicc_pending(const struct euicc *card, uint16_t *seq)
{
	*seq = card->nv.notify_seq;
	return (enum euicc_notify_type)card->nv.notify_type;
}
