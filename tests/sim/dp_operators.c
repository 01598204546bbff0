/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Orders, their repetitions, and the operator's server. */
#include "tests/sim/dp_operators.h"

#include <osmocom/core/utils.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <talloc.h>

#include "common/es/soap.h"
#include "lab/seed/seed.h"
#include "tests/sim/callbacks.h"
#include "tests/sim/devices.h"
#include "tests/sim/dp_daemon.h"
#include "tests/sim/dp_stock.h"
#include "tests/sim/es3_wire.h"
#include "tests/sim/judge_dp.h"
#include "tests/sim/plan.h"

#define ORDERS_EVERY_MS (6 * HOUR_MS) /* of one card, on average */
#define FIRST_MS (10 * MINUTE_MS)
#define HTTP_TIMEOUT_S 60
#define SLOTS_LEFT_MIN 8

struct dp_operators {
	struct sim_order **orders;
	size_t n_orders;
	unsigned int next_id;
	unsigned int requests; /* made up so far: they number MessageIDs */
	unsigned int waiting;  /* requests that are still to be sent, or under way, and callbacks */
};

size_t dp_operators_n(struct sim *s)
{
	return s->dp_operators->n_orders;
}

const struct sim_order *dp_operators_order(struct sim *s, size_t i)
{
	return s->dp_operators->orders[i];
}

struct sim_order *dp_order_at(struct sim *s, size_t i)
{
	return s->dp_operators->orders[i];
}

/* ---- messages ---- */

union request {
	struct es_req base;
	struct es_download_profile_req download;
	struct es_profile_req profile;
	struct es_get_eis_req get;
	struct es_audit_eis_req audit;
	struct es_pol2_req rules;
	struct es_address_req address;
};

/* Bits as schemas/sql has them. */
static struct es_pol2 *rules_of(const void *ctx, unsigned int bits)
{
	static const struct es_pol2_rule rules[] = {
		{ES_POL2_PROFILE, ES_POL2_ENABLE, ES_POL2_NOT_ALLOWED},
		{ES_POL2_PROFILE, ES_POL2_DISABLE, ES_POL2_NOT_ALLOWED},
		{ES_POL2_PROFILE, ES_POL2_DELETE, ES_POL2_NOT_ALLOWED},
		{ES_POL2_PROFILE, ES_POL2_DISABLE, ES_POL2_AUTO_DELETE},
	};
	struct es_pol2 *pol2 = talloc_zero(ctx, struct es_pol2);

	pol2->rules = talloc_zero_array(pol2, struct es_pol2_rule, ARRAY_SIZE(rules));
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		if (bits >> i & 1)
			pol2->rules[pol2->n_rules++] = rules[i];
	}
	return pol2;
}

static const char *imsi_of(const struct sim_order *o)
{
	static struct dp_profile p;

	OSMO_ASSERT(dp_profile_of_iccid(o->iccid, &p));
	return p.imsi;
}

static void fill(struct sim *s, const struct sim_order *o, const void *ctx, union request *q)
{
	const char *eid = device_at(s, o->card)->data.eid;

	if (o->fn == ES2_DOWNLOAD_PROFILE)
		q->download = (struct es_download_profile_req){.eid = eid,
							       .smsr_id = SEED_OID_SMSR,
							       .iccid = o->iccid,
							       .profile_type = o->iccid ? NULL : DP_TYPE,
							       .enable = o->enable};
	else if (o->fn == ES2_GET_EIS)
		q->get = (struct es_get_eis_req){.eid = eid, .smsr_id = SEED_OID_SMSR};
	else if (o->fn == ES2_AUDIT_EIS)
		q->audit = (struct es_audit_eis_req){.eid = eid, .smsr_id = SEED_OID_SMSR};
	else if (o->fn == ES2_UPDATE_POLICY_RULES)
		q->rules = (struct es_pol2_req){
			.eid = eid, .smsr_id = SEED_OID_SMSR, .iccid = o->iccid, .pol2 = rules_of(ctx, o->rules)};
	else if (o->fn == ES2_UPDATE_SUBSCRIPTION_ADDRESS)
		q->address = (struct es_address_req){
			.eid = eid, .smsr_id = SEED_OID_SMSR, .iccid = o->iccid, .address = {imsi_of(o), o->msisdn}};
	else
		q->profile = (struct es_profile_req){.eid = eid, .smsr_id = SEED_OID_SMSR, .iccid = o->iccid};
	q->base.call_id = talloc_asprintf(ctx, "order-%u", o->id);
	q->base.validity_s = o->twisted ? o->validity_s + 1 : o->validity_s;
}

static struct bytes envelope(struct sim *s, const struct sim_order *o, const void *ctx, const char **action)
{
	const struct soap_self self = {.uri = "https://oper.example/ES2", .oid = SEED_OID_MNO_OPERATIONAL};
	struct soap_out out = {
		.from = soap_from(ctx, &self),
		.to = soap_endpoint(ctx, "https://smdp.example/ES2/ES2SmDpService", SEED_OID_SMDP),
		.action = es_fn_action(ctx, o->fn, ES_DIR_REQUEST, NULL),
		.message_id = talloc_asprintf(ctx, "//%s/urn:uuid:o%u-%u?TransactionID=dp-%u", self.oid, o->index,
					      ++s->dp_operators->requests, o->id),
	};
	union request q = {0};
	struct bytes xml;

	if (es_fn_info(o->fn)->mep == ES_ASYNC)
		out.reply_to = soap_endpoint(ctx, "https://oper.example/cb", self.oid);
	fill(s, o, ctx, &q);
	OSMO_ASSERT(soap_tx(ctx, &out, o->fn, ES_DIR_REQUEST, &q, &xml) == 0);
	*action = out.action;
	return xml;
}

/* ---- sending ---- */

static void send(struct sim *s, void *order);

static void send_later(struct sim *s, struct sim_order *o, int64_t after_ms)
{
	s->dp_operators->waiting++;
	sim_at(s, s->now_ms + after_ms, send, o);
}

static struct sim_order *new_order(struct sim *s, const struct sim_order *like)
{
	struct dp_operators *d = s->dp_operators;
	struct sim_order *o = talloc(d, struct sim_order);

	*o = *like;
	o->iccid = like->iccid ? talloc_strdup(o, like->iccid) : NULL;
	o->index = (unsigned int)d->n_orders;
	d->orders = talloc_realloc(d, d->orders, struct sim_order *, (unsigned int)d->n_orders + 1);
	d->orders[d->n_orders++] = o;
	return o;
}

static void repeats(struct sim *s, struct sim_order *o)
{
	struct sim_order other = {.card = o->card,
				  .fn = o->fn,
				  .iccid = o->iccid,
				  .enable = o->enable,
				  .validity_s = o->validity_s,
				  .id = o->id,
				  .twisted = true};
	uint64_t h;

	if (fault(s, F_REPEAT, o->card + 1, &h))
		send_later(s, o, between(&h, SECOND_MS, h % 2 ? MINUTE_MS : 5 * HOUR_MS));
	if (es_fn_info(o->fn)->changes && fault(s, F_REPEAT_TWISTED, o->card + 1, &h))
		send_later(s, new_order(s, &other), between(&h, SECOND_MS, HOUR_MS));
}

static void is_taken(struct sim *s, struct sim_order *o)
{
	o->lost = false;
	judge_dp_taken(s, o);
	if (o->taken++ == 0) {
		o->taken_ms = s->now_ms;
		s->res->orders++;
		if (!o->twisted)
			repeats(s, o);
	}
}

/* A number that has changed in the network and not at the SM-SR makes a card unreachable: the operator goes on asking.
 */
static void is_answered(struct sim *s, struct sim_order *o, const struct wire_end *e)
{
	void *ctx = talloc_new(s->dp_operators);
	struct judge_report r = peer_report(ctx, talloc_strndup(ctx, (const char *)e->body.data, e->body.len));
	struct sim_order again = *o;

	o->answered = true;
	o->done |= r.status && strcmp(r.status, "EXECUTED_SUCCESS") == 0;
	o->answered_ms = s->now_ms;
	sim_trace(s, "order %u: answered %s %s/%s", o->index, r.status, r.subject, r.reason);
	judge_dp_updated(s, o);
	if (o->fn == ES2_UPDATE_SUBSCRIPTION_ADDRESS && !o->done && !(r.subject && strcmp(r.subject, "8.2.1") == 0)) {
		again.id = ++s->dp_operators->next_id;
		again.sent = again.taken = again.reports = 0;
		again.answered = again.complete = again.twisted = false;
		again.first_ms = again.answered_ms = 0;
		send_later(s, new_order(s, &again), 10 * MINUTE_MS);
	}
	talloc_free(ctx);
}

static void answered(struct sim *s, void *arg, const struct wire_end *e)
{
	struct sim_order *o = arg;
	bool is_sync = es_fn_info(o->fn)->mep == ES_SYNC;

	s->dp_operators->waiting--;
	sim_trace(s, "order %u: HTTP %u", o->index, e->status);
	if (e->answered && e->status == 202 && !is_sync)
		is_taken(s, o);
	else if (e->answered && (e->status == 200 || e->status / 100 == 4) && e->body.len && e->body.data[0] == '<' &&
		 memmem(e->body.data, e->body.len, "Envelope", 8))
		is_answered(s, o, e);
	else
		send_later(s, o, e->retry_after_s ? (int64_t)e->retry_after_s * 1000 : 5 * SECOND_MS);
}

static void send(struct sim *s, void *order)
{
	struct sim_order *o = order;
	void *ctx = talloc_new(s->dp_operators);
	struct wire_post p = {
		.to = WIRE_SMDP,
		.oid = SEED_OID_MNO_OPERATIONAL,
		.actor = o->card + 1,
		.timeout_s = HTTP_TIMEOUT_S,
		.done = answered,
		.arg = o,
	};

	o->sent++;
	o->sent_ms = s->now_ms;
	if (!o->first_ms) {
		o->first_ms = s->now_ms;
		o->complete = o->iccid && judge_dp_is_complete(s, o);
		if (o->fn == ES2_UPDATE_SUBSCRIPTION_ADDRESS)
			device_renumber(s, o->card, o->iccid, o->msisdn);
	}
	p.body = envelope(s, o, ctx, &p.action);
	sim_trace(s, "order %u: %s card %u %s", o->index, es_fn_name(o->fn), o->card, o->iccid ? o->iccid : "");
	wire_post(s, &p);
	talloc_free(ctx);
}

/* ---- what it wants ---- */

static const struct {
	enum es_fn fn;
	unsigned int weight;
} wishes[] = {
	{ES2_DOWNLOAD_PROFILE, 40}, {ES2_ENABLE_PROFILE, 18}, {ES2_DISABLE_PROFILE, 12},
	{ES2_DELETE_PROFILE, 10},   {ES2_AUDIT_EIS, 12},      {ES2_GET_EIS, 8},
};

/* Some profile of this operator that is, or was, on the card; now and then one that is on another. */
static const char *some_iccid(struct sim *s, unsigned int card, uint64_t *h)
{
	const struct device *d;
	int n, i;

	if (between(h, 0, 19) == 0)
		card = (unsigned int)between(h, 0, s->plan->fleet - 1);
	d = device_at(s, card);
	n = d->n_profiles;
	i = (int)between(h, n > SIM_PROFILES && *h % 4 ? SIM_PROFILES : 1, n - 1);
	return d->profiles[i].iccid[0] ? d->profiles[i].iccid : d->profiles[1].iccid;
}

/* Some profile of the stock, by its number: mostly one of the last, so that it is still free. */
static void some_stock(struct sim *s, uint64_t *h, char iccid[20])
{
	unsigned int n = dp_daemon_stock(s);
	struct dp_profile p = dp_profile((unsigned int)between(h, *h % 8 ? n / 2 : 0, n + 1));

	memcpy(iccid, p.iccid, sizeof(p.iccid));
}

/* In some seeds, a rule or a number in place of another order about a loaded profile. */
static void wish_update(struct sim *s, struct sim_order *o)
{
	uint64_t h = choice(s, C_DP_UPDATES, o->card + 1);
	struct dp_profile p;

	if (between(&h, 0, 2) == 0 || !dp_profile_of_iccid(o->iccid, &p) || !judge_dp_is_complete(s, o))
		return;
	if (between(&h, 0, 1)) {
		static const unsigned int rules[] = {0, 0, 1, 2, 4, 6, 8};

		o->fn = ES2_UPDATE_POLICY_RULES;
		o->rules = rules[between(&h, 0, (int64_t)ARRAY_SIZE(rules) - 1)];
		return;
	}
	o->fn = ES2_UPDATE_SUBSCRIPTION_ADDRESS;
	OSMO_STRLCPY_ARRAY(o->msisdn, p.msisdn);
	o->msisdn[6] = (char)('0' + between(&h, 1, 9));
}

static void wish(struct sim *s, unsigned int card, uint64_t *h)
{
	static const uint32_t validities[] = {300, 1800, 2 * 3600, 6 * 3600, 0};
	int64_t left = between(h, 0, 99);
	struct sim_order o = {.card = card, .id = ++s->dp_operators->next_id};
	char iccid[20];
	size_t i = 0;

	while (left >= wishes[i].weight)
		left -= wishes[i++].weight;
	o.fn = wishes[i].fn;
	o.validity_s = validities[between(h, 0, (int64_t)ARRAY_SIZE(validities) - 1)];
	o.enable = between(h, 0, 1);
	if (o.fn == ES2_DOWNLOAD_PROFILE && device_at(s, card)->n_profiles > SIM_SLOTS - SLOTS_LEFT_MIN)
		o.fn = ES2_AUDIT_EIS;
	if (o.fn == ES2_DOWNLOAD_PROFILE && between(h, 0, 3) == 0) {
		some_stock(s, h, iccid);
		o.iccid = iccid;
	} else if (o.fn != ES2_DOWNLOAD_PROFILE && o.fn != ES2_AUDIT_EIS && o.fn != ES2_GET_EIS) {
		o.iccid = (char *)some_iccid(s, card, h);
		if (plan_updates(s->plan))
			wish_update(s, &o);
	}
	send_later(s, new_order(s, &o), between(h, 0, 2000));
}

static void work(struct sim *s, void *card)
{
	unsigned int n = (unsigned int)(uintptr_t)card;
	uint64_t h = choice(s, C_DP_WORK, n + 1);

	if (faults_are_over(s->faults))
		return;
	for (int64_t left = h % 8 == 0 ? 3 : 1; left; left--)
		wish(s, n, &h);
	sim_at(s, s->now_ms + wait_for_next(&h, ORDERS_EVERY_MS), work, card);
}

/* ---- its server ---- */

struct post {
	unsigned int run, restores;
	int64_t ref;
	struct peer_fate fate;
	char *body;
};

static bool is_new(const void *ctx, struct sim_order *o, const char *message_id)
{
	for (unsigned int i = 0; i < o->reports; i++) {
		if (strcmp(o->report_ids[i], message_id) == 0)
			return false;
	}
	o->report_ids = talloc_realloc(ctx, o->report_ids, char *, o->reports + 1);
	o->report_ids[o->reports++] = talloc_strdup(o->report_ids, message_id);
	return true;
}

static void take(struct sim *s, const char *body, bool stale)
{
	struct dp_operators *d = s->dp_operators;
	void *ctx = talloc_new(d);
	char *relates = peer_text_of(ctx, body, "RelatesTo"), *at = relates ? strstr(relates, "uuid:o") : NULL;
	char *id = peer_text_of(ctx, body, "MessageID");
	unsigned long i = at ? strtoul(at + 6, NULL, 10) : 0;
	struct judge_report r = peer_report(ctx, body);

	r.stale = stale;
	if (at && i >= d->n_orders) {
		sim_violation(s, "a callback of the SM-DP relates to an order that nobody made");
	} else if (at && id && is_new(d, d->orders[i], id)) {
		sim_trace(s, "order %lu: reported %s %s/%s", i, r.status, r.subject, r.reason);
		judge_dp_report(s, d->orders[i], &r, peer_text_of(ctx, body, "Iccid"));
	}
	talloc_free(ctx);
}

static void post_ends(struct sim *s, void *arg)
{
	struct post *p = arg;

	s->dp_operators->waiting--;
	if (p->fate.taken)
		take(s, p->body, p->restores != s->res->dp_restores);
	if (p->run == dp_daemon_run(s))
		dp_daemon_post_done(s, p->ref, p->fate.answered, p->fate.status);
	talloc_free(p);
}

void dp_operators_post(struct sim *s, const struct http_out *post, uint32_t actor)
{
	struct post *p = talloc_zero(s->dp_operators, struct post);
	uint64_t h = choice(s, C_LATENCY, actor);
	int64_t after = between(&h, 5, 3000);

	p->run = dp_daemon_run(s);
	p->restores = s->res->dp_restores;
	p->ref = post->ref;
	p->fate = peer_fate(s, actor);
	p->body = talloc_strndup(p, (const char *)post->body.data, post->body.len);
	if (p->fate.slow)
		after = (int64_t)post->timeout_s * 1000;
	if (p->fate.status == 400)
		judge_dp_final_refusal(s, post->ref);
	s->res->posts++;
	s->dp_operators->waiting++;
	sim_trace(s, "dp post %lld: %u", (long long)post->ref, p->fate.status);
	sim_at(s, s->now_ms + after, post_ends, p);
}

/* ---- the actor ---- */

static void start(struct sim *s)
{
	if (!s->plan->dp)
		return;
	s->dp_operators = talloc_zero(s->ctx, struct dp_operators);
	for (unsigned int i = 0; i < s->plan->fleet; i++) {
		uint64_t h = choice(s, C_DP_WORK, i + 1);

		sim_at(s, s->now_ms + between(&h, FIRST_MS, ORDERS_EVERY_MS), work, (void *)(uintptr_t)i);
	}
}

static void calm(struct sim *s)
{
}

static const char *busy(struct sim *s)
{
	return s->plan->dp && s->dp_operators->waiting ? "orders or reports are on their way" : NULL;
}

const struct actor dp_operators_actor = {"dp operators", start, calm, busy};
