/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Each device is asked from time to time whether something befalls it. */
#include "tests/sim/device_troubles.h"

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "lab/euicc/euicc.h"
#include "tests/sim/devices.h"
#include "tests/sim/https.h"

#define EVERY_MS (20 * MINUTE_MS)

static unsigned int card_of(void *arg)
{
	return (unsigned int)(uintptr_t)arg;
}

static void power_on(struct sim *s, void *card)
{
	device_input(s, card_of(card));
	euicc_power(device_at(s, card_of(card))->card, true);
	device_after(s, card_of(card));
}

void device_off(struct sim *s, unsigned int card, uint64_t h)
{
	device_input(s, card);
	euicc_power(device_at(s, card)->card, false);
	device_after(s, card);
	sim_at(s, s->now_ms + between(&h, SECOND_MS, h % 2 ? 10 * MINUTE_MS : 9 * HOUR_MS), power_on,
	       (void *)(uintptr_t)card);
}

static void network_goes(struct sim *s, unsigned int card, uint64_t h)
{
	struct device *d = device_at(s, card);

	d->no_network_ms = s->now_ms + between(&h, MINUTE_MS, h % 2 ? 8 * MINUTE_MS : 3 * HOUR_MS);
	device_input(s, card);
	euicc_rx_lost(d->card, euicc_enabled(d->card)->imsi);
	device_after(s, card);
}

/* Faults of the card that are switched on for a while; some have an argument. */
static const struct {
	enum fault fault;
	enum euicc_fault on_card;
	uint32_t arg;
} switches[] = {
	{F_CARD_MEMORY, EUICC_FAULT_MEMORY, 0},
	{F_CARD_POL1, EUICC_FAULT_POL1, 0},
	{F_CARD_SILENT, EUICC_FAULT_SILENT, 0},
	{F_CARD_SLOW, EUICC_FAULT_SLOW, 400000},
	{F_CARD_UNSECURED, EUICC_FAULT_UNSECURED_POR, 0},
	{F_CARD_HTTPS_STATUS, EUICC_FAULT_HTTPS_STATUS, 0},
	{F_CARD_HTTPS_GARBAGE, EUICC_FAULT_HTTPS_GARBAGE, 0},
	{F_CARD_HTTPS_STALL, EUICC_FAULT_HTTPS_STALL, 1},
	{F_CARD_HTTPS_WRONG_EID, EUICC_FAULT_HTTPS_WRONG_EID, 0},
};

void device_troubles_end(struct sim *s, unsigned int card)
{
	struct device *d = device_at(s, card);

	for (size_t i = 0; i < ARRAY_SIZE(switches); i++)
		euicc_fault_set(d->card, switches[i].on_card, false, 0);
}

static void is_well(struct sim *s, void *card)
{
	device_troubles_end(s, card_of(card));
}

static void look(struct sim *s, void *arg)
{
	unsigned int card = card_of(arg);
	struct device *d = device_at(s, card);
	uint64_t h;

	if (faults_are_over(s->faults))
		return;
	sim_at(s, s->now_ms + EVERY_MS, look, arg);
	for (size_t i = 0; i < ARRAY_SIZE(switches); i++) {
		if (switches[i].fault >= F_HTTPS_REFUSED && !https_card(s, card))
			continue;
		if (!fault(s, switches[i].fault, card + 1, &h))
			continue;
		euicc_fault_set(d->card, switches[i].on_card, true, switches[i].arg);
		sim_at(s, s->now_ms + between(&h, MINUTE_MS, HOUR_MS), is_well, arg);
	}
	if (fault(s, F_COUNTER_AHEAD, card + 1, &h)) {
		euicc_fault_set(d->card, EUICC_FAULT_COUNTER_AHEAD, true, (uint32_t)between(&h, 1, 2000));
		d->counter = euicc_counter(d->card);
	}
	if (fault(s, F_DEVICE_OFF, card + 1, &h))
		device_off(s, card, h);
	else if (fault(s, F_NO_NETWORK, card + 1, &h))
		network_goes(s, card, h);
}

void device_troubles_start(struct sim *s)
{
	for (unsigned int i = 0; i < s->plan->fleet; i++) {
		uint64_t h = choice(s, C_CARD, i + 1);

		sim_at(s, s->now_ms + between(&h, HOUR_MS / 2, HOUR_MS), look, (void *)(uintptr_t)i);
	}
}
