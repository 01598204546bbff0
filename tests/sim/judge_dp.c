/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Orders and what leaves for them; what they left behind is in judge_stock.c. */
#include "tests/sim/judge_dp.h"

#include <osmocom/core/utils.h>
#include <stdio.h>
#include <string.h>
#include <talloc.h>

#include "tests/sim/devices.h"
#include "tests/sim/dp_daemon.h"
#include "tests/sim/dp_operators.h"
#include "tests/sim/judge_dp_priv.h"

#define LOOK_EVERY_MS HOUR_MS

sqlite3_stmt *judge_dp_ask(struct sim *s, const char *sql, unsigned int n, ...)
{
	sqlite3_stmt *stmt;
	va_list ap;

	s->judge_dp->sql.path = dp_daemon_database(s);
	va_start(ap, n);
	stmt = judge_sql_vask(&s->judge_dp->sql, sql, n, ap);
	va_end(ap);
	return stmt;
}

sqlite3_stmt *judge_dp_ask_text(struct sim *s, const char *sql, const char *text)
{
	s->judge_dp->sql.path = dp_daemon_database(s);
	return judge_sql_ask_text(&s->judge_dp->sql, sql, text);
}

int64_t judge_dp_int(struct sim *s, const char *sql, int64_t arg)
{
	sqlite3_stmt *q = judge_dp_ask(s, sql, 1, arg);
	int64_t v = q ? sqlite3_column_int64(q, 0) : 0;

	if (q)
		judge_sql_done(q);
	return v;
}

void judge_dp_close(struct sim *s)
{
	judge_sql_close(&s->judge_dp->sql);
}

uint64_t judge_dp_dump_hash(struct sim *s, uint64_t hash)
{
	return s->judge_dp ? judge_sql_hash(&s->judge_dp->sql, hash) : hash;
}

static uint32_t actor_of(struct sim *s, sqlite3_stmt *q, int col)
{
	for (uint32_t i = 0; sqlite3_column_bytes(q, col) == 16 && i < s->plan->fleet; i++) {
		if (memcmp(sqlite3_column_blob(q, col), device_at(s, i)->data.eid_bcd, 16) == 0)
			return i + 1;
	}
	return 0;
}

static struct judged_order *order(struct sim *s, int64_t op_id);

/* ---- what leaves ---- */

static bool is_same(sqlite3_stmt *q, const struct http_out *post)
{
	return (size_t)sqlite3_column_bytes(q, 0) == post->body.len &&
	       memcmp(sqlite3_column_blob(q, 0), post->body.data, post->body.len) == 0 &&
	       strcmp((const char *)sqlite3_column_text(q, 1), post->url) == 0;
}

/* Before an ISD-P may come into being, its ICCID is kept for the order; before octets of a package leave, for ever. */
static void check_stock(struct sim *s, int64_t op_id, int fn)
{
	sqlite3_stmt *q =
		judge_dp_ask(s,
			     "SELECT i.state, i.order_id FROM download d LEFT JOIN stock_item i ON i.id = d.item_id "
			     "WHERE d.op_id = ?1",
			     1, op_id);
	int state;

	if (!q)
		return;
	state = sqlite3_column_int(q, 0);
	if (fn == ES3_CREATE_ISDP && (state == ITEM_FREE || sqlite3_column_int64(q, 1) != op_id))
		sim_violation(s, "P1: an ISD-P for order %lld is made, and its profile is not kept for it",
			      (long long)op_id);
	if (fn == ES3_SEND_DATA && (state != ITEM_USED || sqlite3_column_int64(q, 1) != op_id))
		sim_violation(s, "P1: order %lld sends data, and its profile is not used up", (long long)op_id);
	judge_sql_done(q);
}

uint32_t judge_dp_call(struct sim *s, const struct http_out *post)
{
	sqlite3_stmt *q =
		judge_dp_ask(s,
			     "SELECT c.envelope, c.url, c.state, c.op_id, c.fn, o.state, e.eid, "
			     "c.state > 1 AND c.ended_ms = (SELECT max(ended_ms) FROM es3_call) FROM es3_call c "
			     "JOIN operation o ON o.id = c.op_id JOIN euicc e ON e.id = o.euicc_id "
			     "WHERE c.id = ?1",
			     1, -post->ref);
	int64_t op_id;
	uint32_t actor;
	int fn;

	judge_dp_wire(s, post->body);
	if (!q) {
		sim_violation(s, "P1: a call to %s leaves that no committed row explains", post->url);
		return 0;
	}
	op_id = sqlite3_column_int64(q, 3);
	fn = sqlite3_column_int(q, 4);
	actor = actor_of(s, q, 6);
	/* Its answer came in the very turn in which it was sent again. */
	if (sqlite3_column_int(q, 7)) {
		judge_sql_done(q);
		return actor;
	}
	if (!is_same(q, post))
		sim_violation(s, "P1: a call of order %lld is not what its row says", (long long)op_id);
	if (sqlite3_column_int(q, 2) > CALL_ACCEPTED)
		sim_violation(s, "P4: a call of order %lld leaves once more after it ended", (long long)op_id);
	if (sqlite3_column_int(q, 5) == ORDER_DONE)
		sim_violation(s, "P4: order %lld calls the SM-SR after its end", (long long)op_id);
	judge_sql_done(q);
	check_stock(s, op_id, fn);
	judge_dp_restored_call(s, op_id, order(s, op_id), fn);
	return actor;
}

uint32_t judge_dp_post(struct sim *s, const struct http_out *post)
{
	sqlite3_stmt *q = judge_dp_ask(s,
				       "SELECT x.envelope, x.url, x.state, o.state, x.name, e.eid FROM outbox x "
				       "LEFT JOIN operation o ON o.id = x.op_id LEFT JOIN euicc e ON e.id = x.euicc_id "
				       "WHERE x.id = ?1",
				       1, post->ref);
	uint32_t actor;

	judge_dp_wire(s, post->body);
	if (!q) {
		sim_violation(s, "P1: a message to %s leaves the SM-DP that no committed row explains", post->url);
		return 0;
	}
	actor = actor_of(s, q, 5);
	if (!is_same(q, post))
		sim_violation(s, "P1: a message of the SM-DP to %s is not what its row says", post->url);
	if (sqlite3_column_int(q, 2) != 0)
		sim_violation(s, "P4: a message of the SM-DP to %s leaves once more after it ended", post->url);
	if (sqlite3_column_type(q, 3) != SQLITE_NULL && sqlite3_column_int(q, 3) != ORDER_DONE &&
	    !strstr((const char *)sqlite3_column_text(q, 4), "Handle"))
		sim_violation(s, "P4: an outcome is told before the order has ended");
	judge_sql_done(q);
	return actor;
}

void judge_dp_wire(struct sim *s, struct bytes octets)
{
	judge_keys_text(s, octets, "a message between SM-SR, SM-DP and operator");
}

/* ---- orders ---- */

static struct judged_order *order(struct sim *s, int64_t op_id)
{
	struct judge_dp *j = s->judge_dp;

	if ((size_t)op_id >= j->n_orders) {
		size_t n = 2 * (size_t)op_id + 64;

		j->orders = talloc_realloc(j, j->orders, struct judged_order, (unsigned int)n);
		memset(j->orders + j->n_orders, 0, (n - j->n_orders) * sizeof(j->orders[0]));
		j->n_orders = n;
	}
	return &j->orders[op_id];
}

enum how {
	ANYHOW,
	ENABLED,
	NOT_ENABLED
};

/* Did the card have the profile, and have it enabled or not if that is asked, at some moment since? */
static bool was_loaded(const struct device *d, const char *iccid, enum how how, int64_t since_ms)
{
	for (size_t i = 0; iccid && i < d->n_past; i++) {
		const struct card_moment *m = &d->past[i];

		if (i + 1 < d->n_past && m[1].at_ms < since_ms)
			continue;
		for (int k = 0; k < d->n_profiles; k++) {
			if (strcmp(d->profiles[k].iccid, iccid) == 0 && m->has >> k & 1 &&
			    (how == ANYHOW || (how == ENABLED) == (m->enabled == k)))
				return true;
		}
	}
	return false;
}

static void check_download(struct sim *s, int64_t id, const struct judged_order *o, const char *iccid)
{
	const struct device *d = device_at(s, o->card);

	if (o->status <= STATUS_WARNING && !was_loaded(d, iccid, ANYHOW, o->seen_ms))
		sim_violation(s, "P4: order %lld succeeded, but card %u never had %s", (long long)id, o->card,
			      iccid ? iccid : "the profile");
	if (o->status == STATUS_SUCCESS && o->enable && !was_loaded(d, iccid, ENABLED, o->seen_ms))
		sim_violation(s, "P4: order %lld succeeded, but card %u never enabled %s", (long long)id, o->card,
			      iccid ? iccid : "the profile");
}

/* Did something of this ICCID vanish from the card since?  Where a backup was put back it may be there twice. */
static bool was_deleted(const struct device *d, const char *iccid, int64_t since_ms)
{
	for (size_t i = 1; i < d->n_past; i++) {
		uint64_t gone = d->past[i - 1].has & ~d->past[i].has;

		for (int k = 0; d->past[i].at_ms >= since_ms && k < d->n_profiles; k++) {
			if (gone >> k & 1 && strcmp(d->profiles[k].iccid, iccid) == 0)
				return true;
		}
	}
	return false;
}

/* Did the card lack it at some moment since? */
static bool was_absent(const struct device *d, const char *iccid, int64_t since_ms)
{
	for (size_t i = 0; i < d->n_past; i++) {
		bool has = false;

		if (i + 1 < d->n_past && d->past[i + 1].at_ms < since_ms)
			continue;
		for (int k = 0; k < d->n_profiles; k++)
			has |= d->past[i].has >> k & 1 && strcmp(d->profiles[k].iccid, iccid) == 0;
		if (!has)
			return true;
	}
	return false;
}

/* What the SM-SR's judges say about its operation holds for the order as well; here is what the operator is told. */
static void check_relay(struct sim *s, int64_t id, const struct judged_order *o, int fn, const char *iccid)
{
	const struct device *d = device_at(s, o->card);

	if (o->status > STATUS_WARNING || !iccid)
		return;
	if ((fn == ES2_ENABLE_PROFILE && !was_loaded(d, iccid, ENABLED, o->seen_ms)) ||
	    (fn == ES2_DISABLE_PROFILE && !was_loaded(d, iccid, NOT_ENABLED, o->seen_ms)) ||
	    (fn == ES2_DELETE_PROFILE && !was_absent(d, iccid, o->seen_ms) &&
	     !(s->res->restores && was_deleted(d, iccid, o->seen_ms))))
		sim_violation(s, "P4: order %lld (%s) succeeded, but card %u never did it", (long long)id,
			      es_fn_name((enum es_fn)fn), o->card);
}

static void note_end(struct sim *s, int64_t id, struct judged_order *o, sqlite3_stmt *q)
{
	const char *iccid = (const char *)sqlite3_column_text(q, 6);
	char code[16] = "";

	if (sqlite3_column_type(q, 4) != SQLITE_NULL)
		snprintf(code, sizeof(code), "%s/%s", sqlite3_column_text(q, 4), sqlite3_column_text(q, 5));
	o->done = true;
	o->end_ms = s->now_ms;
	o->status = sqlite3_column_int(q, 3);
	sim_trace(s, "order row %lld card %u ends: %d %s/%s %s", (long long)id, o->card, o->status,
		  sqlite3_column_text(q, 4), sqlite3_column_text(q, 5), iccid);
	if (o->status < 0 || o->status > STATUS_EXPIRED) {
		sim_violation(s, "P4: order %lld ends without an outcome", (long long)id);
		return;
	}
	judge_dp_restored_end(s, id, o, code);
	if (o->kind != ORDER_DOWNLOAD) {
		check_relay(s, id, o, sqlite3_column_int(q, 8), iccid);
		return;
	}
	s->res->downloads[o->status]++;
	check_download(s, id, o, iccid);
}

void judge_dp_progress(struct sim *s, int64_t op_id)
{
	struct judged_order *o = order(s, op_id);
	sqlite3_stmt *q =
		judge_dp_ask(s,
			     "SELECT o.kind, o.state, e.eid, ifnull(o.status, -1), o.subject, o.reason, o.iccid, "
			     "d.enable, o.fn FROM operation o JOIN euicc e ON e.id = o.euicc_id "
			     "LEFT JOIN download d ON d.op_id = o.id WHERE o.id = ?1",
			     1, op_id);
	int state;

	if (!q) {
		sim_violation(s, "P1: a step of order %lld is told that no committed row explains", (long long)op_id);
		return;
	}
	state = sqlite3_column_int(q, 1);
	if (!o->seen) {
		uint32_t actor = actor_of(s, q, 2);

		*o = (struct judged_order){
			.seen = true, .seen_ms = s->now_ms, .kind = sqlite3_column_int(q, 0), .restored = o->restored};
		o->card = actor ? actor - 1 : 0;
		o->enable = sqlite3_column_int(q, 7);
	}
	if (o->done && state != ORDER_DONE)
		sim_violation(s, "P4: order %lld lives on after its end", (long long)op_id);
	if (state == ORDER_DONE && !o->done)
		note_end(s, op_id, o, q);
	judge_sql_done(q);
}

void judge_dp_started(struct sim *s)
{
	const int64_t last = judge_dp_int(s, "SELECT max(id) FROM operation WHERE id > ?1", 0);

	for (int64_t id = 1; id <= last; id++) {
		if (!order(s, id)->done)
			judge_dp_progress(s, id);
	}
}

/* ---- reports ---- */

static bool same(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

/* The row that an order became; the last part of its MessageID differs from request to request. */
static int64_t row_of(struct sim *s, const struct sim_order *o)
{
	char *call_id = talloc_asprintf(s, "order-%u", o->id);
	sqlite3_stmt *q = judge_dp_ask_text(s, "SELECT id FROM operation WHERE call_id = ?1 ORDER BY id DESC", call_id);
	int64_t id = q ? sqlite3_column_int64(q, 0) : 0;

	if (q)
		judge_sql_done(q);
	talloc_free(call_id);
	return id;
}

static bool is_in_outbox(struct sim *s, const struct sim_order *o)
{
	char *needle = talloc_asprintf(s, "uuid:o%u-", o->index);
	sqlite3_stmt *q =
		judge_dp_ask_text(s, "SELECT 1 FROM outbox WHERE instr(CAST(envelope AS TEXT), ?1) > 0", needle);

	if (q)
		judge_sql_done(q);
	talloc_free(needle);
	return q;
}

void judge_dp_taken(struct sim *s, const struct sim_order *o)
{
	if (row_of(s, o) || is_in_outbox(s, o))
		return;
	/* Its 202 was on the way when a backup was put back. */
	if (judge_dp_restored_since(s, o->sent_ms))
		dp_order_at(s, o->index)->lost = true;
	else
		sim_violation(s, "P1: order %u was accepted, and no committed row knows of it", o->index);
}

/* Refused at the door: no row of its own, or that of the order whose identifier it has. */
static bool is_refusal(const struct judge_report *r)
{
	static const char *const codes[][2] = {{"1.2", "4.4"}, {"1.6", "3.3"}};

	for (size_t i = 0; r->subject && r->reason && i < ARRAY_SIZE(codes); i++) {
		if (strcmp(r->subject, codes[i][0]) == 0 && strcmp(r->reason, codes[i][1]) == 0)
			return true;
	}
	return false;
}

static bool agrees(sqlite3_stmt *q, const struct judge_report *r, const char *iccid)
{
	static const char *const words[] = {"EXECUTED_SUCCESS", "EXECUTED_WITHWARNING", "FAILED", "EXPIRED"};
	const char *own = (const char *)sqlite3_column_text(q, 4);

	if (sqlite3_column_int(q, 3) != ORDER_DONE || !same(words[sqlite3_column_int(q, 0)], r->status))
		return false;
	if (sqlite3_column_int(q, 5) == ORDER_DOWNLOAD && iccid && own && strncmp(iccid, own, strlen(own)) != 0)
		return false;
	return same((const char *)sqlite3_column_text(q, 1), r->subject) &&
	       same((const char *)sqlite3_column_text(q, 2), r->reason);
}

void judge_dp_report(struct sim *s, const struct sim_order *o, const struct judge_report *r, const char *iccid)
{
	sqlite3_stmt *q = judge_dp_ask(
		s, "SELECT status, subject, reason, state, iccid, kind FROM operation WHERE id = ?1", 1, row_of(s, o));

	if (!q && !r->stale && !same(r->status, "FAILED"))
		sim_violation(s, "P4: order %u is reported %s, but it has no row", o->index, r->status);
	if (q && !r->stale && !agrees(q, r, iccid) && !(same(r->status, "FAILED") && is_refusal(r)))
		sim_violation(s, "P4: order %u is reported %s %s/%s, its row says otherwise", o->index, r->status,
			      r->subject, r->reason);
	if (q)
		judge_sql_done(q);
	/* A request that the network doubles is a repetition. */
	if (o->reports > 2 * (o->sent + o->again))
		sim_violation(s, "P4: order %u: %u requests, %u reports", o->index, o->sent, o->reports);
}

void judge_dp_final_refusal(struct sim *s, int64_t outbox_id)
{
	struct judge_dp *j = s->judge_dp;

	j->refused = talloc_realloc(j, j->refused, int64_t, (unsigned int)j->n_refused + 1);
	j->refused[j->n_refused++] = outbox_id;
}

static bool was_refused_by_peer(struct sim *s, const struct sim_order *o)
{
	struct judge_dp *j = s->judge_dp;
	char *text = talloc_asprintf(s, "uuid:o%u-", o->index);
	bool found = judge_sql_gave_up(&j->sql, j->refused, j->n_refused, text);

	talloc_free(text);
	return found;
}

/* ---- the end ---- */

static void check_order(struct sim *s, const struct sim_order *o)
{
	if (o->sent && !o->taken && !o->answered)
		sim_violation(s, "order %u was never answered", o->index);
	if (o->taken && !o->lost && !o->reports && !was_refused_by_peer(s, o))
		sim_violation(s, "P4: order %u was accepted and never reported", o->index);
}

void judge_dp_end(struct sim *s)
{
	int64_t last;

	if (!s->judge_dp)
		return;
	last = judge_dp_int(s, "SELECT max(id) FROM operation WHERE id > ?1", 0);
	for (int64_t id = 1; id <= last; id++) {
		if (!order(s, id)->done)
			sim_violation(s, "P4: order %lld has no end", (long long)id);
	}
	for (size_t i = 0; i < dp_operators_n(s); i++)
		check_order(s, dp_operators_order(s, i));
	/* Reads are not kept for repetitions: they run again. */
	if (judge_dp_int(s,
			 "SELECT count(*) FROM operation a JOIN operation b ON b.requester = a.requester AND "
			 "b.call_id = a.call_id AND b.id > a.id WHERE a.fn <> ?1",
			 ES2_GET_EIS))
		sim_violation(s, "P4: a request that was repeated became two orders");
	judge_dp_updates_end(s);
	judge_stock(s);
	judge_isdp_keys(s);
	judge_keys_file(s, dp_daemon_database(s));
	judge_keys_file(s, talloc_asprintf(s, "%s-wal", dp_daemon_database(s)));
}

static void on_look(struct sim *s, void *unused)
{
	sim_at(s, s->now_ms + LOOK_EVERY_MS, on_look, NULL);
	if (s->judge_dp->sql.db && dp_daemon_is_up(s))
		judge_stock(s);
}

static void start(struct sim *s)
{
	if (!s->plan->dp)
		return;
	s->judge_dp = talloc_zero(s->ctx, struct judge_dp);
	s->judge_dp->keys_ms = talloc_zero_size(s->judge_dp, s->plan->fleet * sizeof(s->judge_dp->keys_ms[0]));
	s->judge_dp->lost_keys = talloc_zero_size(s->judge_dp, s->plan->fleet * sizeof(s->judge_dp->lost_keys[0]));
	s->judge_dp->seen_keys = talloc_zero_size(s->judge_dp, s->plan->fleet * sizeof(s->judge_dp->seen_keys[0]));
	sim_at(s, s->now_ms + LOOK_EVERY_MS, on_look, NULL);
}

static void calm(struct sim *s)
{
}

static const char *busy(struct sim *s)
{
	if (!s->judge_dp)
		return NULL;
	if (judge_dp_int(s, "SELECT count(*) FROM operation WHERE state < ?1", ORDER_DONE))
		return "orders have not ended";
	if (judge_dp_int(s, "SELECT count(*) FROM outbox WHERE state = ?1", 0))
		return "messages to the operator of the SM-DP wait";
	return NULL;
}

const struct actor judge_dp_actor = {"judge of the SM-DP", start, calm, busy};
