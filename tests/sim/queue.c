/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What is to happen, by time; what is for the same time, by order of entry.  A binary heap. */
#include <osmocom/core/utils.h>
#include <talloc.h>

#include "tests/sim/sim.h"

struct entry {
	int64_t at_ms;
	uint64_t order;
	sim_cb cb;
	void *arg;
};

struct queue {
	struct entry *heap;
	size_t n, room;
	uint64_t order;
};

struct queue *queue_alloc(const void *ctx)
{
	return talloc_zero(ctx, struct queue);
}

static bool before(const struct entry *a, const struct entry *b)
{
	return a->at_ms < b->at_ms || (a->at_ms == b->at_ms && a->order < b->order);
}

static void up(struct queue *q, size_t i)
{
	while (i && before(&q->heap[i], &q->heap[(i - 1) / 2])) {
		struct entry e = q->heap[i];

		q->heap[i] = q->heap[(i - 1) / 2];
		q->heap[i = (i - 1) / 2] = e;
	}
}

static void down(struct queue *q, size_t i)
{
	for (;;) {
		size_t least = i;
		struct entry e = q->heap[i];

		for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < q->n; child++) {
			if (before(&q->heap[child], &q->heap[least]))
				least = child;
		}
		if (least == i)
			return;
		q->heap[i] = q->heap[least];
		q->heap[i = least] = e;
	}
}

void sim_at(struct sim *s, int64_t at_ms, sim_cb cb, void *arg)
{
	struct queue *q = s->queue;

	if (q->n == q->room) {
		q->room = q->room ? 2 * q->room : 1024;
		q->heap = talloc_realloc(q, q->heap, struct entry, (unsigned int)q->room);
		OSMO_ASSERT(q->heap);
	}
	q->heap[q->n] = (struct entry){at_ms < s->now_ms ? s->now_ms : at_ms, q->order++, cb, arg};
	up(q, q->n++);
}

bool sim_step(struct sim *s, int64_t end_ms)
{
	struct queue *q = s->queue;
	struct entry e;

	if (q->n == 0 || q->heap[0].at_ms > end_ms)
		return false;
	e = q->heap[0];
	q->heap[0] = q->heap[--q->n];
	down(q, 0);
	s->now_ms = e.at_ms;
	e.cb(s, e.arg);
	return true;
}
