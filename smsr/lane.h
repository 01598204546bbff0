/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "smsr/smsr.h"

/* Which short message goes first when more are due than the service centres take: lanes in turn, in each lane the one
 * that is due for the longest time.  Each requester has a lane (several may share one), so that none waits for the
 * backlog of another; what a card waits for has one that goes before all. */

#define LANE_CARD 0 /* confirmations of notifications, further parts of a message that has begun */
#define LANE_MAX 64
#define LANE_PICK_MAX 200

/*! \param[in] op     kind, state and requester
 * \param[in] kind    of the command
 * \param[in] idx     of the short message, from 1
 * \returns LANE_CARD, or 1 to LANE_MAX */
int lane_of(const struct operation *op, enum cmd_kind kind, unsigned int idx);

struct lane_part {
	int lane;
	int64_t part_id;
};

/*! Short messages that are due, in the order to submit them.
 * \param[in] last    lane served last: the others come first
 * \param[out] parts  max places, LANE_PICK_MAX are enough
 * \param[out] more   some lane may have more
 * \returns 0; negative errno of db.h */
int lane_pick(struct db *db, int64_t now_ms, int last, struct lane_part *parts, size_t max, size_t *n,
	      bool *more) MUST_CHECK;
