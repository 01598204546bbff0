/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Rate and pauses of an SMPP link as pure arithmetic on milliseconds.
 *
 * A throttled service centre refuses a whole window at once; the refusals of one window are one event here, or the
 * pause would reach its limit in a single round trip.  A link without a configured rate gets one from what it did in
 * the last second when it is throttled for the first time, and loses it again once it has recovered past that. */
#include "smsr/smpp_flow.h"

#include <limits.h>
#include <string.h>

#include <osmocom/core/utils.h>

#define CLIMB_MS 1000
#define QUIET_MS 10000
#define FULL_MS 30000
#define ONE_SUBMIT 1000000 /* in struct smpp_flow.tokens */
#define RATE_MIN_MHZ 100   /* one submit in 10 s */

unsigned smpp_backoff_take(struct smpp_backoff *b, unsigned jitter_permille)
{
	unsigned ms = OSMO_MAX(b->next_ms, b->min_ms);

	b->next_ms = OSMO_MIN(2 * (uint64_t)ms, b->max_ms);
	return (unsigned)((uint64_t)ms * (800 + OSMO_MIN(jitter_permille, 1000) * 2 / 5) / 1000);
}

void smpp_backoff_reset(struct smpp_backoff *b)
{
	b->next_ms = 0;
}

void smpp_flow_init(struct smpp_flow *f, unsigned rate_per_s, unsigned throttle_min_ms, unsigned throttle_max_ms,
		    unsigned full_max, int64_t now_ms)
{
	*f = (struct smpp_flow){
		.limit_mhz = rate_per_s * 1000,
		.rate_mhz = rate_per_s * 1000,
		.filled_ms = now_ms,
		.tokens = ONE_SUBMIT,
		.throttled_ms = INT64_MIN,
		.quiet_ms = now_ms,
		.pause = {.min_ms = throttle_min_ms, .max_ms = throttle_max_ms},
		.full_max = OSMO_MIN(full_max, SMPP_FLOW_DESTS - 1),
	};
}

/* Half a second of sending may be caught up at once: a late timer costs no throughput, a long idle time gives no burst.
 */
static int64_t bucket(const struct smpp_flow *f)
{
	return OSMO_MAX(ONE_SUBMIT, (int64_t)f->rate_mhz * 500);
}

/* Up to nine tenths of the rate that was too much in a few seconds, by a tenth of it each second; from there on slowly,
 * because somewhere there is what the service centre takes. */
static unsigned climb(const struct smpp_flow *f, bool *fast)
{
	unsigned near_mhz = f->knee_mhz - f->knee_mhz / 10;

	*fast = f->rate_mhz < near_mhz;
	return *fast ? OSMO_MIN(f->rate_mhz + OSMO_MAX(f->knee_mhz / 10, 1), near_mhz)
		     : f->rate_mhz + OSMO_MAX(f->rate_mhz / 20, 1);
}

static void recover(struct smpp_flow *f, int64_t now_ms)
{
	unsigned target = f->limit_mhz ? f->limit_mhz : f->ceiling_mhz;

	while (f->rate_mhz != f->limit_mhz) {
		bool fast;
		unsigned next_mhz = climb(f, &fast);
		int64_t step_ms = fast ? CLIMB_MS : QUIET_MS;

		if (now_ms - f->quiet_ms < step_ms)
			return;
		f->quiet_ms += step_ms;
		f->rate_mhz = next_mhz >= target ? f->limit_mhz : next_mhz;
	}
	f->quiet_ms = OSMO_MAX(f->quiet_ms, now_ms);
}

static void refill(struct smpp_flow *f, int64_t now_ms)
{
	recover(f, now_ms);
	if (now_ms <= f->filled_ms)
		return;
	f->tokens = OSMO_MIN(f->tokens + (now_ms - f->filled_ms) * (int64_t)f->rate_mhz, bucket(f));
	f->filled_ms = now_ms;
}

int smpp_flow_room(struct smpp_flow *f, int64_t now_ms)
{
	refill(f, now_ms);
	if (now_ms < f->pause_until_ms)
		return 0;
	return f->rate_mhz ? (int)(f->tokens / ONE_SUBMIT) : INT_MAX;
}

void smpp_flow_take(struct smpp_flow *f, int64_t now_ms)
{
	int64_t second = now_ms / 1000;

	refill(f, now_ms);
	if (f->rate_mhz)
		f->tokens -= ONE_SUBMIT;
	if (second != f->second) {
		f->last_second = second == f->second + 1 ? f->in_second : 0;
		f->in_second = 0;
		f->second = second;
	}
	f->in_second++;
}

bool smpp_flow_throttled(struct smpp_flow *f, int64_t sent_ms, int64_t now_ms, unsigned jitter_permille)
{
	unsigned observed = OSMO_MAX(f->in_second, f->last_second) * 1000;

	if (sent_ms <= f->throttled_ms)
		return false;
	refill(f, now_ms);
	if (!f->rate_mhz)
		f->ceiling_mhz = OSMO_MAX(observed, 2 * RATE_MIN_MHZ);
	f->knee_mhz = f->rate_mhz ? f->rate_mhz : f->ceiling_mhz;
	f->rate_mhz = OSMO_MAX(f->knee_mhz / 2, RATE_MIN_MHZ);
	f->throttled_ms = now_ms;
	f->pause_until_ms = now_ms + smpp_backoff_take(&f->pause, jitter_permille);
	f->quiet_ms = f->filled_ms = f->pause_until_ms;
	f->tokens = ONE_SUBMIT;
	return true;
}

void smpp_flow_accepted(struct smpp_flow *f, int64_t sent_ms)
{
	if (sent_ms > f->throttled_ms && sent_ms >= f->pause_until_ms)
		smpp_backoff_reset(&f->pause);
}

bool smpp_flow_queue_full(struct smpp_flow *f, uint32_t dest_hash, int64_t now_ms)
{
	unsigned live = 0, slot = 0;

	for (unsigned i = 0; i < SMPP_FLOW_DESTS; i++) {
		bool fresh = f->full[i].ms && now_ms - f->full[i].ms < FULL_MS;

		if (fresh && f->full[i].dest != dest_hash)
			live++;
		if (f->full[i].dest == dest_hash || f->full[i].ms < f->full[slot].ms)
			slot = i;
		if (f->full[i].dest == dest_hash)
			f->full[i].ms = 0; /* nothing is older: this slot is taken again below */
	}
	f->full[slot].dest = dest_hash;
	f->full[slot].ms = now_ms;
	return live + 1 > f->full_max;
}

int64_t smpp_flow_wait_ms(struct smpp_flow *f, int64_t now_ms)
{
	int64_t missing;

	if (smpp_flow_room(f, now_ms) > 0)
		return 0;
	if (now_ms < f->pause_until_ms)
		return f->pause_until_ms - now_ms;
	missing = ONE_SUBMIT - f->tokens;
	return OSMO_MAX(1, (missing + f->rate_mhz - 1) / f->rate_mhz);
}
