/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "common/app/ticker.h"

#include "common/app/clock.h"

static void end_sleep(void *unused)
{
}

void ticker_init(struct ticker *t)
{
	osmo_timer_setup(&t->timer, end_sleep, NULL);
}

void ticker_set(struct ticker *t, int64_t next_ms)
{
	int64_t wait = next_ms - clock_now_ms();

	if (!next_ms)
		return;
	if (wait < 0)
		wait = 0;
	osmo_timer_schedule(&t->timer, (int)(wait / 1000), (int)(wait % 1000 * 1000));
}

void ticker_stop(struct ticker *t)
{
	osmo_timer_del(&t->timer);
}

bool ticker_is_due(int64_t next_ms)
{
	return next_ms && next_ms <= clock_now_ms();
}

void ticker_nearer(int64_t *best_ms, int64_t due_ms)
{
	if (due_ms && (!*best_ms || due_ms < *best_ms))
		*best_ms = due_ms;
}
