/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* How fast a link may send: token bucket, pauses after throttling, growing waits.  Pure: time and chance are arguments,
 * milliseconds of clock_now_ms() and permille. */

/*! A wait that doubles up to a limit. */
struct smpp_backoff {
	unsigned min_ms, max_ms;
	unsigned next_ms; /* 0: start at min_ms */
};

/*! \param[in] jitter_permille  0 .. 1000: spreads the result evenly over -20 % .. +20 %
 * \returns the wait, in ms; the next one will be twice as long */
unsigned smpp_backoff_take(struct smpp_backoff *b, unsigned jitter_permille);
void smpp_backoff_reset(struct smpp_backoff *b);

#define SMPP_FLOW_DESTS 16

struct smpp_flow {
	unsigned limit_mhz;	/* configured rate in millihertz (submits per 1000 s); 0: none */
	unsigned rate_mhz;	/* in force; 0: none */
	unsigned knee_mhz;	/* in force when the service centre throttled last */
	unsigned ceiling_mhz;	/* without a configured rate: above this the brake comes off again */
	int64_t tokens;		/* millionths of a submit: one millihertz gives one for each millisecond */
	int64_t filled_ms;	/* when tokens was right */
	int64_t pause_until_ms; /* 0: not paused */
	int64_t throttled_ms;	/* last time the pause was set */
	int64_t quiet_ms;	/* last step of the recovery */
	struct smpp_backoff pause;
	/* submits of this second and the last, for a rate to halve when none is configured */
	int64_t second;
	unsigned in_second, last_second;
	/* destinations whose queue was full */
	unsigned full_max;
	struct {
		uint32_t dest;
		int64_t ms;
	} full[SMPP_FLOW_DESTS];
};

/*! \param[in] rate_per_s  0: no limit
 * \param[in] full_max    see smpp_flow_queue_full(); at most SMPP_FLOW_DESTS - 1 */
void smpp_flow_init(struct smpp_flow *f, unsigned rate_per_s, unsigned throttle_min_ms, unsigned throttle_max_ms,
		    unsigned full_max, int64_t now_ms);
/*! Submits allowed now; INT_MAX when there is no rate.  Also lets the rate recover: in a few quiet seconds to nine
 * tenths of what was throttled, from there +5 % for each quiet 10 s. */
int smpp_flow_room(struct smpp_flow *f, int64_t now_ms);
/*! One submit was made. */
void smpp_flow_take(struct smpp_flow *f, int64_t now_ms);
/*! A submit made at sent_ms was throttled.  All that left before the last pause began count as one.
 * \returns true when a new pause began (and the rate was halved) */
bool smpp_flow_throttled(struct smpp_flow *f, int64_t sent_ms, int64_t now_ms, unsigned jitter_permille);
/*! A submit made at sent_ms was accepted: after a pause that ends the doubling. */
void smpp_flow_accepted(struct smpp_flow *f, int64_t sent_ms);
/*! The queue of one destination is full.  \returns true when more than full_max destinations were so within 30 s: it is
 * the service centre then, not the phones */
bool smpp_flow_queue_full(struct smpp_flow *f, uint32_t dest_hash, int64_t now_ms);
/*! \returns ms until smpp_flow_room() may be above 0; 0 when it is */
int64_t smpp_flow_wait_ms(struct smpp_flow *f, int64_t now_ms);
