/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Command APDUs of a peer to one card, each behind an octet with its length; length 0 lets time pass.  Whatever comes,
 * the card keeps one enabled and one fall-back profile, answers with a status word, and its state survives a restart.
 */
#include <osmocom/core/talloc.h>
#include <osmocom/core/utils.h>

#include "lab/euicc/euicc.h"
#include "tests/fuzz/card.h"

static const struct euicc_profile second = {.imsi = "001010000000002", .state = ISDP_DISABLED, .mem_granted = 0x10000};

static int no_keys(void *arg, const struct euicc *card, const void *ctx, struct euicc_keys *keys)
{
	return -1;
}

static int a_cert(void *arg, const struct euicc *card, const void *ctx, struct bytes *cert)
{
	*cert = bytes_dup(ctx, BYTES_LIT("\x7f\x21\x02\x93\x00"));
	return 0;
}

static void sane(const struct euicc *card)
{
	unsigned int enabled = 0, fallback = 0;

	for (size_t i = 0; i < euicc_n_profiles(card); i++) {
		enabled += euicc_profile_at(card, i)->state == ISDP_ENABLED;
		fallback += euicc_profile_at(card, i)->fallback;
	}
	OSMO_ASSERT(enabled == 1 && fallback == 1);
}

static void one(struct euicc *card, struct bytes capdu)
{
	struct bytes rapdu;
	void *ctx = talloc_new(NULL);

	OSMO_ASSERT(euicc_apdu(card, ctx, capdu, &rapdu) == 0 && rapdu.len >= 2);
	talloc_free(ctx);
}

static void time_passes(struct euicc_fleet *fleet, struct euicc *card)
{
	for (unsigned int i = 0; i < 4 && euicc_deadline(card) != EUICC_NEVER; i++) {
		fleet->now_ms = OSMO_MAX(fleet->now_ms, euicc_deadline(card));
		euicc_tick(card);
		euicc_rx_attached(card, euicc_enabled(card)->imsi, 0);
	}
}

static void restart(struct euicc_fleet *fleet, struct euicc *card)
{
	struct euicc *other = fuzz_card(fleet, second);
	struct bytes saved = euicc_save(card, fleet);

	OSMO_ASSERT(euicc_load(other, saved) == 0);
	OSMO_ASSERT(bytes_eq(euicc_save(other, fleet), saved));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct euicc_host host = {.keys = no_keys, .ecasd_cert = a_cert};
	struct euicc_fleet *fleet = euicc_fleet_alloc(NULL, NULL, &host);
	struct euicc *card = fuzz_card(fleet, second);
	struct rd r;

	euicc_power(card, true);
	euicc_rx_attached(card, euicc_enabled(card)->imsi, 0);
	rd_init(&r, bytes_of(data, size));
	while (rd_left(&r) > 0) {
		size_t len = OSMO_MIN(rd_u8(&r), rd_left(&r));

		if (len == 0)
			time_passes(fleet, card);
		else
			one(card, rd_bytes(&r, len));
		sane(card);
	}
	restart(fleet, card);
	talloc_free(fleet);
	return 0;
}
