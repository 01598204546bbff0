/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "common/app/clock.h"

#include <stdbool.h>
#include <time.h>

#include <osmocom/core/timer.h>

static struct {
	int64_t now_ms;
	int64_t stamp_ms;
	int64_t anchor_ms; /* wall clock minus boot time when the process started */
	bool anchored;
	bool driven; /* clock_feed_at() is in charge */
} clk;

static int64_t read_ms(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void publish(int64_t now_ms, int64_t stamp_ms)
{
	clk.now_ms = now_ms;
	clk.stamp_ms = stamp_ms;
	osmo_gettimeofday_override = true;
	osmo_gettimeofday_override_time.tv_sec = now_ms / 1000;
	osmo_gettimeofday_override_time.tv_usec = now_ms % 1000 * 1000;
}

void clock_feed(void)
{
	int64_t wall, boot;

	if (clk.driven)
		return;
	wall = read_ms(CLOCK_REALTIME);
	boot = read_ms(CLOCK_BOOTTIME);
	if (!clk.anchored) {
		clk.anchor_ms = wall - boot;
		clk.anchored = true;
	}
	publish(clk.anchor_ms + boot, wall);
}

void clock_feed_at(int64_t now_ms, int64_t stamp_ms)
{
	clk.driven = true;
	publish(now_ms, stamp_ms);
}

int64_t clock_now_ms(void)
{
	return clk.now_ms;
}

int64_t clock_stamp_ms(void)
{
	return clk.stamp_ms;
}
