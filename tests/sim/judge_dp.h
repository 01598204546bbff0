/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/codec/bytes.h"
#include "common/peer/outbox.h"
#include "tests/sim/judge.h"
#include "tests/sim/sim.h"

/* The judges of the SM-DP: what leaves it, its committed rows, the operators' view and the cards.  As those of the
 * SM-SR (judge.h) they have their own SQL over a connection of their own. */

struct sim_order;

/*! A call to the SM-SR leaves (P1).  \returns whom it is about: a card from 1, or 0 */
uint32_t judge_dp_call(struct sim *s, const struct http_out *post);
/*! A message to an operator leaves (P1).  \returns as above */
uint32_t judge_dp_post(struct sim *s, const struct http_out *post);
/*! Any octets between peers. */
void judge_dp_wire(struct sim *s, struct bytes octets);
/*! Something happened to a card: it may have keys that were not there before. */
void judge_dp_card(struct sim *s, uint32_t card);
/*! An order was accepted. */
void judge_dp_taken(struct sim *s, const struct sim_order *o);
/*! An order took a step. */
void judge_dp_progress(struct sim *s, int64_t op_id);
/*! The operator took a report, for the first time.  \param[in] iccid  that it names; NULL */
void judge_dp_report(struct sim *s, const struct sim_order *o, const struct judge_report *r, const char *iccid);
/*! The operator refused this message for good. */
void judge_dp_final_refusal(struct sim *s, int64_t outbox_id);
/*! A backup of that time stands in the place of the database: what came after it never was. */
void judge_dp_restored(struct sim *s, int64_t backup_ms);
/*! An order, or a profile of the stock, that is on hold. */
struct judge_dp_held {
	int64_t id;
	const char *iccid;
};
/*! \param[out] list  texts are talloc children of ctx  \returns how many */
size_t judge_dp_orders_on_hold(struct sim *s, const void *ctx, struct judge_dp_held *list, size_t max);
/*! Those of no order that no EIS names. */
size_t judge_dp_profiles_on_hold(struct sim *s, const void *ctx, struct judge_dp_held *list, size_t max);
/*! Is something of the SM-DP in flight at the SM-SR, or an eUICC to be audited? */
bool judge_dp_in_flight(struct sim *s);
/*! The order had ended before a backup was put back in which it has not. */
bool judge_dp_had_ended(struct sim *s, int64_t op_id);
/*! It is released by the event that follows; profiles are. */
void judge_dp_released(struct sim *s, int64_t op_id);
void judge_dp_freed(struct sim *s);
/*! Rules and number of a profile are the operator's own already: no download will set them. */
bool judge_dp_is_complete(struct sim *s, const struct sim_order *o);
/*! An order was answered at once. */
void judge_dp_updated(struct sim *s, const struct sim_order *o);
void judge_dp_updates_end(struct sim *s);
/*! Let the database go, until it is read again. */
void judge_dp_close(struct sim *s);
void judge_dp_started(struct sim *s);
/*! When nothing moves any more.  Without an SM-DP nothing is judged. */
void judge_dp_end(struct sim *s);
uint64_t judge_dp_dump_hash(struct sim *s, uint64_t hash);
