/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <osmocom/core/timer.h>

/* The wake-up for what is due.  Deadlines are columns, so there is one for all of them: it ends the sleep of the loop
 * and does nothing itself; the round that follows does what is due.  Times are those of clock_now_ms(); 0 is never. */

/*! Member of a daemon; no wake-up is set. */
struct ticker {
	struct osmo_timer_list timer;
};

/*! Nothing is allocated: it needs no end but ticker_stop(). */
void ticker_init(struct ticker *t);
/*! Move the wake-up, to now when the time has passed; 0 leaves it where it is. */
void ticker_set(struct ticker *t, int64_t next_ms);
/*! No wake-up any more; fine without one. */
void ticker_stop(struct ticker *t);

/*! Of several deadlines the nearest.  \param[in,out] best_ms  0: none so far */
void ticker_nearer(int64_t *best_ms, int64_t due_ms);
/*! Is it time?  Never for 0. */
bool ticker_is_due(int64_t next_ms);
