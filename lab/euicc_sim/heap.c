/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Binary heap of the cards that have a deadline, nearest first; each card knows its place, so that a new deadline costs
 * the logarithm of their number. */
#include "lab/euicc_sim/sim.h"

static void place(struct sim *sim, uint32_t pos, struct sim_card *sc)
{
	sim->heap[pos] = sc;
	sc->heap_pos = (int32_t)pos;
}

static void up(struct sim *sim, uint32_t pos)
{
	struct sim_card *sc = sim->heap[pos];

	while (pos > 0 && sim->heap[(pos - 1) / 2]->due_ms > sc->due_ms) {
		place(sim, pos, sim->heap[(pos - 1) / 2]);
		pos = (pos - 1) / 2;
	}
	place(sim, pos, sc);
}

static void down(struct sim *sim, uint32_t pos)
{
	struct sim_card *sc = sim->heap[pos];

	for (;;) {
		uint32_t child = 2 * pos + 1;

		if (child + 1 < sim->heap_len && sim->heap[child + 1]->due_ms < sim->heap[child]->due_ms)
			child++;
		if (child >= sim->heap_len || sim->heap[child]->due_ms >= sc->due_ms)
			break;
		place(sim, pos, sim->heap[child]);
		pos = child;
	}
	place(sim, pos, sc);
}

static void leave(struct sim *sim, struct sim_card *sc)
{
	uint32_t pos = (uint32_t)sc->heap_pos;
	struct sim_card *last = sim->heap[--sim->heap_len];

	sc->heap_pos = -1;
	if (last == sc)
		return;
	place(sim, pos, last);
	up(sim, pos);
	down(sim, (uint32_t)last->heap_pos);
}

void heap_update(struct sim *sim, struct sim_card *sc)
{
	int64_t due_ms = euicc_deadline(sc->card);

	if (sc->heap_pos >= 0 && due_ms == sc->due_ms)
		return;
	if (sc->heap_pos >= 0)
		leave(sim, sc);
	sc->due_ms = due_ms;
	if (due_ms == EUICC_NEVER)
		return;
	place(sim, sim->heap_len, sc);
	up(sim, sim->heap_len++);
}
