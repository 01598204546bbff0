/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include <stdint.h>

/* Two clocks, both in milliseconds of UTC.
 *
 * clock_now_ms() is what deadlines are made of.  It starts at the wall clock when the process starts and then follows
 * CLOCK_BOOTTIME, so a jump of the wall clock moves no deadline.  It stands still between two clock_feed() calls: all
 * handlers of one turn see the same time.  clock_stamp_ms() is the wall clock, for stamps that people and peers read.
 *
 * Both belong to the core thread, as do the osmo timers, which follow clock_now_ms() through libosmocore's override.
 * A simulator or a test feeds its own time with clock_feed_at(); nothing else in the product knows about that. */

/*! Read the machine's clocks.  Every entry into the core thread (descriptor, timer, queue) calls it first. */
void clock_feed(void);
/*! Set both clocks; from the first call on clock_feed() does nothing. */
void clock_feed_at(int64_t now_ms, int64_t stamp_ms);
int64_t clock_now_ms(void);
int64_t clock_stamp_ms(void);
