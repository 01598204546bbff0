/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Lanes of short messages: see the header.
 *
 * Without them one operator's campaign would hold up every other operator for as long as its backlog lasts, and cards
 * would roll back because the confirmation of their notification stands at the end of the same line.  Requesters are
 * hashed to a few lanes, so that looking through all of them is a few steps in one index, however many rows there are.
 */
#include "smsr/lane.h"

#include <errno.h>

#include <osmocom/core/utils.h>

#include "smsr/cmd_db.h"

#define FNV_OFFSET 2166136261u
#define FNV_PRIME 16777619u

/* What nobody asked for (our own audits) has a lane as if it were a requester with an empty name. */
static int lane_of_requester(const char *oid)
{
	uint32_t h = FNV_OFFSET;

	for (; oid && *oid; oid++)
		h = (h ^ (uint8_t)*oid) * FNV_PRIME;
	return 1 + (int)(h % LANE_MAX);
}

int lane_of(const struct operation *op, enum cmd_kind kind, unsigned int idx)
{
	if (idx > 1 || kind == CMD_CONFIRM || op->kind == OP_CONFIRM || op->state == OP_ST_CONFIRM)
		return LANE_CARD;
	return lane_of_requester(op->requester);
}

/* Lanes that have something due, in rising order. */
static int lanes_due(struct db *db, int64_t now_ms, int *lanes, size_t *n)
{
	int64_t due_ms;
	int lane = -1;
	int rc;

	*n = 0;
	while ((rc = cmd_db_lane_next(db, &lane, &due_ms)) == 0 && *n <= LANE_MAX) {
		if (due_ms <= now_ms)
			lanes[(*n)++] = lane;
	}
	return rc == -ENOENT ? 0 : rc;
}

struct picks {
	struct lane_part *parts;
	size_t max, n;
	bool more;
};

static int pick_all(struct db *db, int64_t now_ms, int lane, struct picks *p)
{
	int64_t ids[LANE_PICK_MAX];
	size_t want = OSMO_MIN(p->max - p->n, ARRAY_SIZE(ids)), n;
	int rc = cmd_db_parts_due(db, lane, now_ms, ids, want, &n);

	if (rc < 0)
		return rc;
	for (size_t i = 0; i < n; i++)
		p->parts[p->n++] = (struct lane_part){lane, ids[i]};
	p->more |= n == want;
	return 0;
}

/* share of each lane, one of each in turn: the k-th of the i-th lane of n goes to place k * n + i. */
static int pick_in_turn(struct db *db, int64_t now_ms, const int *lanes, size_t n, size_t share, struct picks *p)
{
	struct lane_part *base = p->parts + p->n;
	int64_t ids[LANE_PICK_MAX];
	size_t used = 0, got;

	for (size_t i = 0; i < n * share; i++)
		base[i] = (struct lane_part){0};
	for (size_t i = 0; i < n; i++) {
		int rc = cmd_db_parts_due(db, lanes[i], now_ms, ids, share, &got);

		if (rc < 0)
			return rc;
		for (size_t k = 0; k < got; k++)
			base[k * n + i] = (struct lane_part){lanes[i], ids[k]};
		p->more |= got == share;
	}
	for (size_t i = 0; i < n * share; i++) {
		if (base[i].part_id)
			base[used++] = base[i];
	}
	p->n += used;
	return 0;
}

/* Begin behind the lane that was served last. */
static void rotate(int *lanes, size_t n, int last)
{
	int copy[LANE_MAX + 1];
	size_t first = 0;

	while (first < n && lanes[first] <= last)
		first++;
	for (size_t i = 0; i < n; i++)
		copy[i] = lanes[(first + i) % n];
	for (size_t i = 0; i < n; i++)
		lanes[i] = copy[i];
}

int lane_pick(struct db *db, int64_t now_ms, int last, struct lane_part *parts, size_t max, size_t *n, bool *more)
{
	struct picks p = {.parts = parts, .max = max};
	int lanes[LANE_MAX + 1], *rest = lanes;
	size_t n_lanes, room;
	int rc = lanes_due(db, now_ms, lanes, &n_lanes);

	if (rc == 0 && n_lanes > 0 && lanes[0] == LANE_CARD) {
		rc = pick_all(db, now_ms, LANE_CARD, &p);
		rest++;
		n_lanes--;
	}
	room = max - p.n;
	p.more |= n_lanes > room;
	if (rc == 0 && n_lanes > 0 && room > 0) {
		rotate(rest, n_lanes, last);
		n_lanes = OSMO_MIN(n_lanes, room);
		rc = pick_in_turn(db, now_ms, rest, n_lanes, OSMO_MIN(room / n_lanes, LANE_PICK_MAX), &p);
	}
	*n = p.n;
	*more = p.more;
	return rc;
}
