/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Reassembly in memory, for cards and tools.  Everything a peer can make grow has a bound: parts of a message, messages
 * of a sender, octets in all, lifetime.  Messages are kept in one list in the order of arrival, so expiry takes from
 * its head; the bounds keep the list short enough for a linear search.  Implements the joining side of TS 23.040
 * §9.2.3.24.1. */
#include "scp80/concat.h"

#include <errno.h>

#include <osmocom/core/linuxlist.h>
#include <osmocom/core/utils.h>
#include <talloc.h>

/* What bookkeeping may cost beside the octets received: it counts for the bound, or empty parts would be free. */
#define COST_MESSAGE 512
#define COST_PART 128

const struct reasm_limits reasm_limits_default = {
	.parts = 16,
	.per_sender = 64,
	.octets = 256 * 1024,
	.lifetime_ms = 10 * 60 * 1000,
};

struct pending {
	struct llist_head entry;
	struct bytes sender;
	uint8_t pid;
	uint8_t dcs;
	bool ref16;
	uint16_t ref;
	uint8_t total;
	unsigned int have;
	enum ud_kind kind;
	uint64_t born_ms;
	size_t octets;
	struct bytes *part; /* total of them; data NULL = missing */
};

struct reasm {
	struct llist_head pending;
	struct reasm_limits limits;
	size_t octets;
};

struct reasm *reasm_alloc(const void *ctx, const struct reasm_limits *limits)
{
	struct reasm *r = talloc_zero(ctx, struct reasm);

	OSMO_ASSERT(r && limits->parts && limits->per_sender && limits->octets && limits->lifetime_ms);
	INIT_LLIST_HEAD(&r->pending);
	r->limits = *limits;
	return r;
}

size_t reasm_octets(const struct reasm *r)
{
	return r->octets;
}

static void pending_drop(struct reasm *r, struct pending *p)
{
	r->octets -= p->octets;
	llist_del(&p->entry);
	talloc_free(p);
}

unsigned int reasm_expire(struct reasm *r, uint64_t now_ms)
{
	struct pending *p, *next;
	unsigned int n = 0;

	llist_for_each_entry_safe (p, next, &r->pending, entry) {
		if (now_ms - p->born_ms < r->limits.lifetime_ms)
			break;
		pending_drop(r, p);
		n++;
	}
	return n;
}

static bool is_part_of(const struct pending *p, const struct reasm_from *from, const struct ud_part *part)
{
	return p->ref == part->ref && p->ref16 == part->ref16 && p->total == part->total && p->pid == from->pid &&
	       p->dcs == from->dcs && bytes_eq(p->sender, from->sender);
}

/* \param[out] open  unfinished messages of this sender */
static struct pending *pending_find(struct reasm *r, const struct reasm_from *from, const struct ud_part *part,
				    unsigned int *open)
{
	struct pending *p;

	*open = 0;
	llist_for_each_entry (p, &r->pending, entry) {
		if (is_part_of(p, from, part))
			return p;
		if (bytes_eq(p->sender, from->sender))
			(*open)++;
	}
	return NULL;
}

static struct pending *pending_alloc(struct reasm *r, const struct reasm_from *from, const struct ud_part *part,
				     uint64_t now_ms)
{
	struct pending *p = talloc_zero(r, struct pending);

	OSMO_ASSERT(p);
	p->sender = bytes_dup(p, from->sender);
	p->pid = from->pid;
	p->dcs = from->dcs;
	p->ref16 = part->ref16;
	p->ref = part->ref;
	p->total = part->total;
	p->born_ms = now_ms;
	p->part = talloc_zero_array(p, struct bytes, part->total);
	OSMO_ASSERT(p->part);
	llist_add_tail(&p->entry, &r->pending);
	return p;
}

static void join(const void *ctx, const struct pending *p, struct reasm_msg *msg)
{
	struct bytes pkt;
	struct wr w;

	wr_init(&w, ctx);
	OSMO_ASSERT(ud_join(p->part, p->total, p->octets, &w) == 0 && wr_end(&w, &pkt) == 0);
	*msg = (struct reasm_msg){.kind = p->kind, .pkt = pkt};
}

/* \returns as reasm_add() for a part of a message that is known already */
static int known_part(struct reasm *r, struct pending *p, const struct ud_part *part)
{
	struct bytes seen = p->part[part->index - 1];
	bool same_kind = part->kind == UD_OTHER || p->kind == UD_OTHER || part->kind == p->kind;

	if (seen.data && same_kind && bytes_eq(seen, part->payload))
		return -EALREADY;
	if (seen.data || !same_kind) {
		pending_drop(r, p);
		return -EPROTO;
	}
	return 0;
}

int reasm_add(struct reasm *r, const void *ctx, const struct reasm_from *from, const struct ud_part *part,
	      uint64_t now_ms, struct reasm_msg *msg)
{
	struct pending *p;
	unsigned int open;
	size_t cost;
	int rc;

	reasm_expire(r, now_ms);
	if (part->total == 1) {
		*msg = (struct reasm_msg){.kind = part->kind, .pkt = bytes_dup(ctx, part->payload)};
		return 0;
	}
	if (part->total > r->limits.parts)
		return -ENOSPC;
	p = pending_find(r, from, part, &open);
	rc = p ? known_part(r, p, part) : 0;
	if (rc < 0)
		return rc;
	cost = part->payload.len + COST_PART + (p ? 0 : COST_MESSAGE + from->sender.len);
	if (cost > r->limits.octets - r->octets || (!p && open >= r->limits.per_sender))
		return -ENOSPC;
	if (!p)
		p = pending_alloc(r, from, part, now_ms);
	p->part[part->index - 1] = bytes_dup(p, part->payload);
	p->octets += cost;
	r->octets += cost;
	if (part->kind != UD_OTHER)
		p->kind = part->kind;
	if (++p->have < p->total)
		return -EAGAIN;
	join(ctx, p, msg);
	pending_drop(r, p);
	return 0;
}
