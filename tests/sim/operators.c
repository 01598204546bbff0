/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Requests: what operators ask for, and that they ask again until there is an answer. */
#include "tests/sim/operators.h"

#include <osmocom/core/utils.h>
#include <stdio.h>
#include <string.h>
#include <talloc.h>

#include "common/crypto/crypto.h"
#include "lab/seed/seed.h"
#include "smsr/eis.h"
#include "tests/sim/callbacks.h"
#include "tests/sim/daemon.h"
#include "tests/sim/devices.h"
#include "tests/sim/judge.h"
#include "tests/sim/levers.h"

#define REGISTER_BATCH 50
#define QUEUE_MAX 6
#define CALLS_EVERY_MS (2 * HOUR_MS) /* of one card, on average */

/* An exchange over HTTP that waits for its answer. */
struct exchange {
	struct exchange *next;
	uint64_t xid;
	unsigned int run;
	struct sim_call *call;
};

struct operators {
	struct sim_call **calls;
	size_t n_calls;
	unsigned int next_id;
	uint64_t next_xid;
	struct exchange *open;
	unsigned int registered;
	unsigned int waiting; /* requests that are still to be sent */
};

size_t operators_n_calls(struct sim *s)
{
	return s->operators->n_calls;
}

const struct sim_call *operators_call(struct sim *s, size_t i)
{
	return s->operators->calls[i];
}

struct sim_call *call_at(struct sim *s, size_t i)
{
	return i < s->operators->n_calls ? s->operators->calls[i] : NULL;
}

/* ---- sending ---- */

static void headers(const struct sim_call *c, const void *ctx, uint64_t xid, struct soap_msg *msg)
{
	const char *name = strcmp(c->sender, SEED_OID_MNO_BOOTSTRAP) == 0 ? "boot" : "oper";
	char *reply = talloc_asprintf(ctx, "https://%s.example/cb", name);
	char *id = talloc_asprintf(ctx, "//%s/urn:uuid:c%u-%llu?TransactionID=tx-%u", c->sender, c->index,
				   (unsigned long long)xid, c->id);

	msg->hdr.from.entity_id = c->sender;
	msg->hdr.from.uri = reply;
	OSMO_ASSERT(soap_addr_dec(ctx, reply, &msg->hdr.reply_to) == 0);
	OSMO_ASSERT(soap_msg_id_dec(ctx, id, &msg->hdr.id) == 0);
}

static void digest(const struct sim_call *c, struct soap_msg *msg)
{
	msg->has_digest = true;
	OSMO_ASSERT(crypto_sha256(bytes_str(msg->call_id), msg->digest) == 0);
	msg->digest[0] ^= c->twisted;
}

static bool hand_over(struct sim *s, struct sim_call *c, struct exchange *x, void *ctx)
{
	const struct device *d = device_at(s, c->card);
	struct es_profile_req q = {.base = {.validity_s = c->validity_s}, .eid = d->data.eid};
	struct es_audit_eis_req audit = {.eid = d->data.eid};
	struct tls_peer tls = {.subject = "CN=sim", .issuer = "CN=ca", .serial_number = c->sender};
	struct soap_msg msg = {.fn = c->fn, .dir = ES_DIR_REQUEST, .body = &q};
	struct es_request req = {.xid = x->xid, .msg = &msg, .tls = &tls, .remote = "sim"};

	q.base.call_id = msg.call_id = talloc_asprintf(ctx, "call-%u", c->id);
	audit.base = q.base;
	if (c->profile < 0)
		msg.body = &audit;
	else
		q.iccid = d->profiles[c->profile].iccid;
	digest(c, &msg);
	headers(c, ctx, x->xid, &msg);
	return daemon_event(s, smsr_ev_request, &req);
}

static void send(struct sim *s, void *arg);

static void send_again(struct sim *s, struct sim_call *c, int64_t after_ms)
{
	s->operators->waiting++;
	sim_at(s, s->now_ms + after_ms, send, c);
}

static void send(struct sim *s, void *arg)
{
	struct operators *o = s->operators;
	struct sim_call *c = arg;
	struct exchange *x;
	void *ctx;

	o->waiting--;
	if (!daemon_is_up(s)) {
		send_again(s, c, 10 * SECOND_MS);
		return;
	}
	x = talloc_zero(o, struct exchange);
	*x = (struct exchange){.next = o->open, .xid = ++o->next_xid, .run = daemon_run(s), .call = c};
	o->open = x;
	ctx = talloc_new(o);
	c->sent++;
	if (!c->first_ms)
		c->first_ms = s->now_ms;
	sim_trace(s, "call %u: %s card %u profile %d", c->index, es_fn_name(c->fn), c->card, c->profile);
	hand_over(s, c, x, ctx);
	talloc_free(ctx);
}

static struct sim_call *new_call(struct sim *s, const struct sim_call *like)
{
	struct operators *o = s->operators;
	struct sim_call *c = talloc(o, struct sim_call);

	*c = *like;
	c->index = (unsigned int)o->n_calls;
	o->calls = talloc_realloc(o, o->calls, struct sim_call *, (unsigned int)o->n_calls + 1);
	o->calls[o->n_calls++] = c;
	return c;
}

/* ---- answers ---- */

static void repeats(struct sim *s, struct sim_call *c)
{
	uint64_t h;

	if (fault(s, F_REPEAT, c->card + 1, &h))
		send_again(s, c, between(&h, SECOND_MS, h % 2 ? MINUTE_MS : 5 * HOUR_MS));
	if (fault(s, F_REPEAT_TWISTED, c->card + 1, &h)) {
		struct sim_call other = {.card = c->card,
					 .fn = c->fn,
					 .profile = c->profile,
					 .sender = c->sender,
					 .id = c->id,
					 .twinned = true,
					 .twisted = true,
					 .validity_s = c->validity_s};

		c->twinned = true;
		send_again(s, new_call(s, &other), between(&h, SECOND_MS, HOUR_MS));
	}
}

static void answered(struct sim *s, struct sim_call *c, const struct es_answer *a)
{
	uint64_t h = sim_fnv(c->index, &s->now_ms, sizeof(s->now_ms));

	sim_trace(s, "call %u: HTTP %u", c->index, a->http_status);
	if (a->http_status == 202) {
		s->res->calls += c->taken++ == 0;
		c->lost = false;
		judge_accepted(s, c);
		levers_accepted(s, c);
		if (!c->twisted)
			repeats(s, c);
	} else if (a->http_status == 503) {
		s->res->put_off++;
		judge_put_off(s, c);
		send_again(s, c, between(&h, MINUTE_MS, 5 * MINUTE_MS));
	} else {
		c->refused = true;
	}
}

void operators_answer(struct sim *s, uint64_t xid, const void *answer)
{
	for (struct exchange **x = &s->operators->open; *x; x = &(*x)->next) {
		struct exchange *found = *x;

		if (found->xid != xid)
			continue;
		*x = found->next;
		answered(s, found->call, answer);
		talloc_free(found);
		return;
	}
	sim_violation(s, "an answer to a request that nobody made, or a second one");
}

void operators_daemon_died(struct sim *s)
{
	struct operators *o = s->operators;

	while (o->open) {
		struct exchange *x = o->open;

		o->open = x->next;
		send_again(s, x->call, 5 * SECOND_MS);
		talloc_free(x);
	}
}

void operators_busy(struct sim *s, const struct sim_call *c)
{
	struct sim_call again = *c;
	uint64_t h = sim_fnv(c->index, &s->now_ms, sizeof(s->now_ms));

	if (faults_are_over(s->faults) || c->twinned)
		return;
	again.id = ++s->operators->next_id;
	again.sent = again.taken = again.reports = again.again = 0;
	again.report_ids = NULL;
	again.first_ms = 0;
	send_again(s, new_call(s, &again), between(&h, 10 * MINUTE_MS, HOUR_MS));
}

/* ---- what they want ---- */

static const struct {
	enum es_fn fn;
	int first, last; /* profiles */
	unsigned int weight;
} wishes[] = {
	{ES4_ENABLE_PROFILE, 1, SIM_PROFILES - 1, 45},
	{ES4_ENABLE_PROFILE, 0, 0, 15},
	{ES4_DISABLE_PROFILE, 1, SIM_PROFILES - 1, 20},
	{ES4_DELETE_PROFILE, 1, SIM_PROFILES - 1, 5},
	{ES4_AUDIT_EIS, -1, -1, 15},
};

static void wish(struct sim *s, unsigned int card, uint64_t *h)
{
	static const uint32_t validities[] = {120, 600, 3600, 6 * 3600, 0};
	int64_t left = between(h, 0, 99);
	struct sim_call c = {.card = card, .id = ++s->operators->next_id};
	size_t i = 0;

	while (left >= wishes[i].weight)
		left -= wishes[i++].weight;
	c.fn = wishes[i].fn;
	c.profile = (int)between(h, wishes[i].first, wishes[i].last);
	c.sender = c.profile == 0 ? SEED_OID_MNO_BOOTSTRAP : SEED_OID_MNO_OPERATIONAL;
	c.validity_s = validities[between(h, 0, (int64_t)ARRAY_SIZE(validities) - 1)];
	send_again(s, new_call(s, &c), between(h, 0, 2000));
}

static void work(struct sim *s, void *card)
{
	unsigned int n = (unsigned int)(uintptr_t)card;
	uint64_t h = choice(s, C_WORK, n + 1);

	if (faults_are_over(s->faults))
		return;
	for (int64_t left = h % 8 == 0 ? 3 : 1; left; left--)
		wish(s, n, &h);
	sim_at(s, s->now_ms + wait_for_next(&h, CALLS_EVERY_MS), work, card);
}

/* ---- registration ---- */

static int register_event(void *smsr, void *sim)
{
	const struct eis_source src = {0};
	struct sim *s = sim;
	struct operators *o = s->operators;
	unsigned int end = OSMO_MIN(o->registered + REGISTER_BATCH, s->plan->fleet);
	void *ctx = talloc_new(o);
	struct es_status status;
	int rc = 0;

	for (unsigned int i = o->registered; rc == 0 && i < end; i++) {
		rc = eis_register(smsr, device_eis(s, ctx, i), &src, &status);
		if (rc == 0 && status.status != ES_EXECUTED_SUCCESS)
			sim_violation(s, "card %u cannot be registered: %s", i, status.message);
	}
	talloc_free(ctx);
	o->registered = end;
	return rc;
}

static void all_registered(struct sim *s, void *unused)
{
	faults_begin(s->faults);
}

static void register_some(struct sim *s, void *unused)
{
	unsigned int first = s->operators->registered;

	daemon_event(s, register_event, s);
	if (s->operators->registered < s->plan->fleet)
		sim_at(s, s->now_ms + 1, register_some, NULL);
	else
		sim_at(s, s->now_ms + 1, all_registered, NULL);
	for (unsigned int i = first; i < s->operators->registered; i++) {
		uint64_t h = choice(s, C_WORK, i + 1);

		sim_at(s, s->now_ms + between(&h, 5 * MINUTE_MS, CALLS_EVERY_MS), work, (void *)(uintptr_t)i);
	}
}

/* ---- configuration ---- */

static void add_peer(struct smsr_cfg *cfg, const char *name, const char *oid)
{
	struct peer *p = smsr_cfg_peer_get(cfg, name);

	p->oid = talloc_strdup(cfg, oid);
	p->roles = PEER_MNO;
	p->tls.serial = p->oid;
	p->callback_prefix = talloc_asprintf(cfg, "https://%s.example/", name);
	p->notification_url = talloc_asprintf(cfg, "https://%s.example/note", name);
}

void operators_configure(struct sim *s, struct smsr_cfg *cfg)
{
	add_peer(cfg, "oper", SEED_OID_MNO_OPERATIONAL);
	add_peer(cfg, "boot", SEED_OID_MNO_BOOTSTRAP);
	cfg->limits.queue_max = QUEUE_MAX;
	cfg->late_notification_confirm = choice(s, C_WORK, 0) % 2;
}

static void start(struct sim *s)
{
	s->operators = talloc_zero(s->ctx, struct operators);
	sim_at(s, s->now_ms + 1, register_some, NULL);
}

static void calm(struct sim *s)
{
}

static const char *busy(struct sim *s)
{
	if (s->operators->open || s->operators->waiting)
		return "requests are on their way";
	return NULL;
}

const struct actor operators_actor = {"operators", start, calm, busy};
