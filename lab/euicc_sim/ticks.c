/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Time for the cards: one timer for the nearest deadline of all, and the pace at which phones switch on after a radio
 * has connected (a network takes so many location updates a second and no more).
 *
 * Without a radio all phones are off and time stands still for them: a restart of the radio makes no card fall back. */
#include "lab/euicc_sim/sim.h"

#include <osmocom/core/logging.h>
#include <osmocom/core/utils.h>

#include "common/app/clock.h"
#include "common/app/log.h"

#define BOOT_STEP_MS 20
#define TICKS_AT_ONCE 500

void ticks_arm(struct sim *sim)
{
	int64_t wait_ms;

	if (sim->heap_len == 0) {
		osmo_timer_del(&sim->tick_timer);
		return;
	}
	wait_ms = OSMO_MAX(sim->heap[0]->due_ms - clock_now_ms(), 0);
	wait_ms = OSMO_MIN(wait_ms, 3600 * 1000);
	osmo_timer_schedule(&sim->tick_timer, (int)(wait_ms / 1000), (int)(wait_ms % 1000 * 1000));
}

static void tick_cb(void *data)
{
	struct sim *sim = data;

	sim_enter(sim);
	/* Bounded, so that descriptors get their turn when the whole fleet is due. */
	for (unsigned int n = 0; n < TICKS_AT_ONCE && sim->heap_len > 0; n++) {
		struct sim_card *sc = sim->heap[0];

		if (sc->due_ms > sim->fleet->now_ms)
			break;
		euicc_tick(sc->card);
		sim_settle(sim, sc);
	}
	ticks_arm(sim);
}

static void boot_cb(void *data)
{
	struct sim *sim = data;
	uint32_t n = OSMO_MAX(sim->opt->attach_per_s * BOOT_STEP_MS / 1000, 1);

	sim_enter(sim);
	while (n-- > 0 && sim->boot_next < sim->n_cards) {
		struct sim_card *sc = &sim->cards[sim->boot_next++];

		if (sc->off)
			continue;
		euicc_power(sc->card, true);
		sim_settle(sim, sc);
	}
	ticks_arm(sim);
	if (sim->boot_next < sim->n_cards)
		osmo_timer_schedule(&sim->boot_timer, 0, BOOT_STEP_MS * 1000);
	else
		LOGP(DLAB, LOGL_NOTICE, "all %u cards are switched on\n", sim->n_cards);
}

void ticks_radio(struct sim *sim, bool up)
{
	osmo_timer_del(&sim->boot_timer);
	sim->boot_next = 0;
	if (up) {
		boot_cb(sim);
		return;
	}
	sim_enter(sim);
	for (uint32_t i = 0; i < sim->n_cards; i++) {
		euicc_power(sim->cards[i].card, false);
		sim_settle(sim, &sim->cards[i]);
	}
	ticks_arm(sim);
}

bool ticks_booted(const struct sim *sim, const struct sim_card *sc)
{
	return radio_up(sim) && (uint32_t)(sc - sim->cards) < sim->boot_next;
}

void ticks_init(struct sim *sim)
{
	osmo_timer_setup(&sim->tick_timer, tick_cb, sim);
	osmo_timer_setup(&sim->boot_timer, boot_cb, sim);
}
