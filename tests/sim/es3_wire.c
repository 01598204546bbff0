/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Exchanges over HTTP with their troubles.  A client hears the end of an exchange once; what a server does with a
 * request whose client has gone is its own affair. */
#include "tests/sim/es3_wire.h"

#include <osmocom/core/linuxlist.h>
#include <osmocom/core/utils.h>
#include <string.h>
#include <talloc.h>

#include "lab/seed/seed.h"
#include "tests/sim/daemon.h"
#include "tests/sim/dp_daemon.h"
#include "tests/sim/judge_dp.h"

#define XID_BIT (1ULL << 62)
#define LATE_MAX_MS (20 * MINUTE_MS)
#define OUTAGE_EVERY_MS HOUR_MS
#define GARBAGE "<html><body>It works!</body></html>"

struct es3_wire {
	struct es_ctx *es;
	struct llist_head open; /* of struct exchange */
	uint64_t next_xid;
	unsigned int on_their_way;
	int64_t outage_ms; /* until then SM-DP and SM-SR do not reach each other */
};

struct exchange {
	struct llist_head entry;
	uint64_t xid;
	struct wire_post post;
	enum fault trouble; /* F_N: none */
	bool copy;	    /* that nobody waits for */
	bool with_server;   /* it has the request and has not answered */
	bool ended;	    /* the client knows */
	unsigned int refs;  /* entries of the queue, and the list of open ones */
	struct wire_end end;
};

static const enum fault troubles[] = {
	F_WIRE_DOWN, F_WIRE_CUT, F_WIRE_ANSWER_LOST, F_WIRE_SLOW,
	F_WIRE_LATE, F_WIRE_500, F_WIRE_GARBAGE,     F_WIRE_DOUBLED,
};

static bool is_up(const struct sim *s, enum wire_server server)
{
	return server == WIRE_SMSR ? daemon_is_up(s) : dp_daemon_is_up(s);
}

static void unref(struct exchange *x)
{
	if (--x->refs == 0)
		talloc_free(x);
}

static void later(struct sim *s, struct exchange *x, int64_t after_ms, sim_cb cb)
{
	x->refs++;
	s->es3->on_their_way++;
	sim_at(s, s->now_ms + after_ms, cb, x);
}

static void came(struct sim *s, struct exchange *x)
{
	s->es3->on_their_way--;
	unref(x);
}

static bool is_cut_off(const struct sim *s, const struct exchange *x)
{
	return s->now_ms < s->es3->outage_ms && (x->post.to == WIRE_SMSR || strcmp(x->post.oid, SEED_OID_SMSR) == 0);
}

static void look(struct sim *s, void *unused)
{
	uint64_t h;

	if (fault(s, F_WIRE_OUTAGE, s->plan->fleet + 1, &h))
		s->es3->outage_ms = s->now_ms + between(&h, MINUTE_MS, h % 4 ? HOUR_MS : 5 * HOUR_MS);
	if (faults_are_over(s->faults))
		s->es3->outage_ms = 0;
	else
		sim_at(s, s->now_ms + OUTAGE_EVERY_MS, look, NULL);
}

/* ---- the client's end ---- */

static void end(struct sim *s, struct exchange *x)
{
	if (x->ended)
		return;
	x->ended = true;
	sim_trace(s, "wire %llu: %s %u", (unsigned long long)(x->xid & ~XID_BIT),
		  x->end.unreached ? "not reached" : "ends", x->end.status);
	if (!x->copy)
		x->post.done(s, x->post.arg, &x->end);
}

static void on_end(struct sim *s, void *arg)
{
	end(s, arg);
	came(s, arg);
}

static void on_timeout(struct sim *s, void *arg)
{
	struct exchange *x = arg;

	if (!x->ended) {
		x->end = (struct wire_end){0};
		end(s, x);
	}
	came(s, arg);
}

static int64_t latency(struct sim *s, const struct exchange *x)
{
	uint64_t h = choice(s, C_LATENCY, x->post.actor);

	return between(&h, 3, 400);
}

static void goes_back(struct sim *s, struct exchange *x, const struct wire_end *e)
{
	if (x->ended)
		return;
	x->end = is_cut_off(s, x) && !e->unreached ? (struct wire_end){0} : *e;
	later(s, x, latency(s, x), on_end);
}

/* ---- the server's end ---- */

static void leave(struct exchange *x)
{
	if (!x->with_server)
		return;
	x->with_server = false;
	llist_del(&x->entry);
	unref(x);
}

static void refuse(struct sim *s, struct exchange *x, const struct soap_fault *bad)
{
	struct wire_end e = {.answered = true, .status = bad->http_status};

	sim_violation(s, "a message to %s cannot be read: %s", x->post.to == WIRE_SMSR ? "the SM-SR" : "the SM-DP",
		      bad->reason);
	goes_back(s, x, &e);
}

static void deliver(struct sim *s, struct exchange *x)
{
	void *ctx = talloc_new(x);
	struct soap_fault *bad;
	struct soap_msg *msg;

	if (soap_rx(s->es3->es, ctx, x->post.body, soap_content_type(ctx, x->post.action), &msg, &bad) < 0) {
		refuse(s, x, bad);
	} else {
		x->with_server = true;
		x->refs++;
		llist_add_tail(&x->entry, &s->es3->open);
		if (x->post.to == WIRE_SMSR)
			daemon_request(s, x->xid, msg, x->post.oid);
		else
			dp_daemon_request(s, x->xid, msg, x->post.oid);
	}
	talloc_free(ctx);
}

bool wire_has_given(uint64_t xid)
{
	return xid & XID_BIT;
}

static struct bytes encode(const void *ctx, const struct es_answer *a)
{
	struct bytes body = {0};

	int rc = 0;

	if (a->fault)
		rc = soap_tx_fault(ctx, a->fault, &body);
	else if (a->body)
		rc = soap_tx(ctx, &a->out, a->fn, ES_DIR_RESPONSE, a->body, &body);
	OSMO_ASSERT(rc == 0);
	return body;
}

void wire_answer(struct sim *s, uint64_t xid, const struct es_answer *a)
{
	struct exchange *x;

	llist_for_each_entry (x, &s->es3->open, entry) {
		struct wire_end e = {.answered = true, .status = a->http_status, .retry_after_s = a->retry_after_s};

		if (x->xid != xid)
			continue;
		e.body = encode(x, a);
		judge_dp_wire(s, e.body);
		if (x->trouble != F_WIRE_ANSWER_LOST && x->trouble != F_WIRE_SLOW)
			goes_back(s, x, &e);
		else if (x->trouble == F_WIRE_ANSWER_LOST)
			goes_back(s, x, &(struct wire_end){0});
		leave(x);
		return;
	}
	sim_violation(s, "an answer to a request over the wire that nobody made, or a second one");
}

void wire_server_died(struct sim *s, enum wire_server server)
{
	struct exchange *x, *next;

	llist_for_each_entry_safe (x, next, &s->es3->open, entry) {
		if (x->post.to != server)
			continue;
		goes_back(s, x, &(struct wire_end){0});
		leave(x);
	}
}

/* ---- on the way ---- */

static void on_arrival(struct sim *s, void *arg)
{
	struct exchange *x = arg;

	if (x->trouble == F_WIRE_500 || x->trouble == F_WIRE_GARBAGE)
		goes_back(s, x,
			  &(struct wire_end){.answered = true,
					     .status = x->trouble == F_WIRE_500 ? 500 : 200,
					     .body = BYTES_LIT(GARBAGE)});
	else if (x->trouble == F_WIRE_CUT)
		goes_back(s, x, &(struct wire_end){0});
	else if (x->trouble == F_WIRE_DOWN || is_cut_off(s, x) || !is_up(s, x->post.to))
		goes_back(s, x, &(struct wire_end){.unreached = true});
	else
		deliver(s, x);
	came(s, x);
}

static struct exchange *exchange(struct sim *s, const struct wire_post *post)
{
	struct exchange *x = talloc_zero(s->es3, struct exchange);

	x->xid = ++s->es3->next_xid | XID_BIT;
	x->trouble = F_N;
	x->post = *post;
	x->post.oid = talloc_strdup(x, post->oid);
	x->post.action = talloc_strdup(x, post->action);
	x->post.body = bytes_dup(x, post->body);
	return x;
}

static void choose_trouble(struct sim *s, struct exchange *x)
{
	for (size_t i = 0; i < ARRAY_SIZE(troubles); i++) {
		if (x->trouble == F_N && fault(s, troubles[i], x->post.actor, NULL))
			x->trouble = troubles[i];
	}
}

static void send_copy(struct sim *s, const struct exchange *x)
{
	struct exchange *copy = exchange(s, &x->post);
	uint64_t h = choice(s, C_LATENCY, x->post.actor);

	copy->copy = true;
	later(s, copy, between(&h, 1, h % 2 ? 10 * SECOND_MS : LATE_MAX_MS), on_arrival);
}

void wire_post(struct sim *s, const struct wire_post *post)
{
	struct exchange *x = exchange(s, post);
	int64_t after = latency(s, x), patience = (int64_t)post->timeout_s * 1000;

	choose_trouble(s, x);
	s->res->posts++;
	sim_trace(s, "wire %llu: %s to %s, %zu octets", (unsigned long long)(x->xid & ~XID_BIT), post->action,
		  post->to == WIRE_SMSR ? "smsr" : "smdp", post->body.len);
	if (x->trouble == F_WIRE_DOUBLED)
		send_copy(s, x);
	if (x->trouble == F_WIRE_LATE)
		after += patience + (int64_t)(choice(s, C_LATENCY, post->actor) % LATE_MAX_MS);
	later(s, x, after, on_arrival);
	later(s, x, patience, on_timeout);
}

void wire_start(struct sim *s)
{
	s->es3 = talloc_zero(s->ctx, struct es3_wire);
	s->es3->es = es_ctx_alloc(s->es3, NULL);
	OSMO_ASSERT(s->es3->es);
	INIT_LLIST_HEAD(&s->es3->open);
	sim_at(s, s->now_ms + OUTAGE_EVERY_MS, look, NULL);
}

bool wire_is_quiet(const struct sim *s)
{
	return s->es3->on_their_way == 0 && llist_empty(&s->es3->open);
}
