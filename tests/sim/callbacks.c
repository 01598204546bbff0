/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The operators' servers: they take messages, or are down, slow, or answer something else. */
#include "tests/sim/callbacks.h"

#include <osmocom/core/utils.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <talloc.h>

#include "smsr/report.h"
#include "tests/sim/daemon.h"
#include "tests/sim/judge.h"

/* How a POST ends. */
struct post {
	unsigned int run, restores;
	int64_t ref;
	struct peer_fate fate;
	char *body;
};

static const struct {
	enum fault fault;
	struct peer_fate fate;
} ways[] = {
	{F_PEER_DOWN, {false, false, 0, false}}, {F_PEER_SLOW, {true, false, 0, true}},
	{F_PEER_500, {false, true, 500, false}}, {F_PEER_GARBAGE, {false, true, 302, false}},
	{F_PEER_400, {false, true, 400, false}}, {F_PEER_ANSWER_LOST, {true, false, 0, false}},
};

/* ---- what they get ---- */

char *peer_text_of(const void *ctx, const char *body, const char *name)
{
	char *open = talloc_asprintf(ctx, "%s>", name);

	for (const char *at = strstr(body, open); at; at = strstr(at, open)) {
		size_t len;

		at += strlen(open);
		len = strcspn(at, "<");
		if (len && at[0] > ' ')
			return talloc_strndup(ctx, at, len);
	}
	return NULL;
}

struct judge_report peer_report(const void *ctx, const char *body)
{
	/* Rules of a profile in an EIS have subjects as well. */
	const char *codes = strstr(body, "StatusCodeData>");

	return (struct judge_report){.status = peer_text_of(ctx, body, "Status"),
				     .subject = codes ? peer_text_of(ctx, codes, "Subject") : NULL,
				     .reason = codes ? peer_text_of(ctx, codes, "Reason") : NULL};
}

static bool is_new(const void *ctx, struct sim_call *c, const char *message_id)
{
	for (unsigned int i = 0; i < c->reports; i++) {
		if (strcmp(c->report_ids[i], message_id) == 0)
			return false;
	}
	c->report_ids = talloc_realloc(ctx, c->report_ids, char *, c->reports + 1);
	c->report_ids[c->reports++] = talloc_strdup(c->report_ids, message_id);
	return true;
}

static void take(struct sim *s, const char *body, bool stale)
{
	void *ctx = talloc_new(s->operators);
	char *relates = peer_text_of(ctx, body, "RelatesTo"), *at = relates ? strstr(relates, "uuid:c") : NULL;
	char *id = peer_text_of(ctx, body, "MessageID");
	struct sim_call *c = at ? call_at(s, strtoul(at + 6, NULL, 10)) : NULL;
	struct judge_report r = peer_report(ctx, body);

	r.stale = stale;
	if (at && !c)
		sim_violation(s, "a callback relates to a call that nobody made");
	if (c && id && is_new(s->operators, c, id)) {
		sim_trace(s, "call %u: reported %s %s/%s", c->index, r.status, r.subject, r.reason);
		judge_report(s, c, &r);
	}
	talloc_free(ctx);
}

/* ---- how they answer ---- */

static void post_ends(struct sim *s, void *arg)
{
	struct post *p = arg;
	struct post_done d = {
		.ref = p->ref, .answered = p->fate.answered, .status = p->fate.status, .detail = "no answer"};

	if (p->fate.taken)
		take(s, p->body, p->restores != s->res->restores);
	if (p->run == daemon_run(s))
		daemon_event(s, smsr_ev_post_done, &d);
	talloc_free(p);
}

struct peer_fate peer_fate(struct sim *s, uint32_t actor)
{
	struct peer_fate f = {.taken = true, .answered = true, .status = 202};
	bool decided = false;

	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		if (decided || !fault(s, ways[i].fault, actor, NULL))
			continue;
		decided = true;
		f = ways[i].fate;
	}
	return f;
}

void operators_post(struct sim *s, const struct http_out *post, uint32_t actor)
{
	struct post *p = talloc_zero(s->operators, struct post);
	uint64_t h = choice(s, C_LATENCY, actor);
	int64_t after = between(&h, 5, 3000);

	*p = (struct post){
		.run = daemon_run(s), .restores = s->res->restores, .ref = post->ref, .fate = peer_fate(s, actor)};
	p->body = talloc_strndup(p, (const char *)post->body.data, post->body.len);
	if (p->fate.slow)
		after = (int64_t)post->timeout_s * 1000;
	if (p->fate.status == 400)
		judge_final_refusal(s, post->ref);
	s->res->posts++;
	sim_trace(s, "post %lld: %u", (long long)post->ref, p->fate.status);
	sim_at(s, s->now_ms + after, post_ends, p);
}
