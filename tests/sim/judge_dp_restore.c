/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A backup of the SM-DP was put back.  What came behind it never was, for the SM-DP; on the cards, at the SM-SR and
 * with the operator it was.  So the judges forget the orders of the lost window, and demand of what the backup brought
 * back: no order that was open calls the SM-SR before a person released it, one that had ended never calls again, what
 * was passed on ends as unknown, and no profile is free before a person says so. */
#include <osmocom/core/utils.h>
#include <stdlib.h>
#include <string.h>
#include <talloc.h>

#include "lab/seed/seed.h"
#include "lab/euicc/card.h"
#include "tests/sim/devices.h"
#include "tests/sim/dp_operators.h"
#include "tests/sim/judge_dp_priv.h"

#define UNKNOWN "1.6/5.4"
#define ITEM_OF_NOBODY "state = 4 AND ifnull(order_id, 0) = 0"

/* ---- what those who run it see ---- */

bool judge_dp_in_flight(struct sim *s)
{
	return judge_int(s,
			 "SELECT (SELECT count(*) FROM operation WHERE state < 8 AND requester = '" SEED_OID_SMDP
			 "' AND id > ?1) + (SELECT count(*) FROM euicc WHERE audit_due NOT NULL)",
			 0) != 0;
}

bool judge_dp_had_ended(struct sim *s, int64_t op_id)
{
	return (size_t)op_id < s->judge_dp->n_orders && s->judge_dp->orders[op_id].had_ended;
}

void judge_dp_released(struct sim *s, int64_t op_id)
{
	if ((size_t)op_id < s->judge_dp->n_orders)
		s->judge_dp->orders[op_id].released = true;
	s->judge_dp->touched = true;
}

void judge_dp_freed(struct sim *s)
{
	s->judge_dp->touched = true;
}

static size_t held(struct sim *s, const void *ctx, const char *sql, struct judge_dp_held *list, size_t max)
{
	sqlite3_stmt *q = judge_dp_ask(s, sql, 1, (int64_t)0);
	size_t n = 0;

	for (int more = q != NULL; more && n < max; more = sqlite3_step(q) == SQLITE_ROW)
		list[n++] = (struct judge_dp_held){sqlite3_column_int64(q, 0), judge_text(ctx, q, 1)};
	if (q)
		judge_sql_done(q);
	return n;
}

size_t judge_dp_orders_on_hold(struct sim *s, const void *ctx, struct judge_dp_held *list, size_t max)
{
	return held(s, ctx, "SELECT id, iccid FROM operation WHERE state = 12 AND id > ?1 ORDER BY id", list, max);
}

static bool is_in_an_eis(struct sim *s, const char *iccid)
{
	sqlite3_stmt *q;

	judge_open(s);
	q = judge_sql_ask_text(&s->judge->sql, "SELECT 1 FROM profile WHERE iccid = ?1", iccid);
	if (q)
		judge_sql_done(q);
	return q;
}

size_t judge_dp_profiles_on_hold(struct sim *s, const void *ctx, struct judge_dp_held *list, size_t max)
{
	size_t n = held(s, ctx,
			"SELECT id, iccid FROM stock_item WHERE " ITEM_OF_NOBODY " AND id > ?1 ORDER BY id DESC", list,
			max),
	       kept = 0;

	for (size_t i = 0; i < n; i++) {
		if (!is_in_an_eis(s, list[i].iccid))
			list[kept++] = list[i];
	}
	return kept;
}

/* ---- forgetting ---- */

static void forget_orders(struct sim *s)
{
	struct judge_dp *j = s->judge_dp;
	size_t known = (size_t)judge_dp_int(s, "SELECT max(id) FROM operation WHERE id > ?1", 0);

	for (size_t i = 1; i < j->n_orders; i++) {
		struct judged_order *o = &j->orders[i];

		if (i > known) {
			memset(o, 0, sizeof(*o));
			continue;
		}
		if (judge_dp_int(s, "SELECT state FROM operation WHERE id = ?1", (int64_t)i) == ORDER_DONE)
			continue;
		o->had_ended |= o->done;
		o->done = o->released = false;
		o->restored = true;
	}
}

static void know_orders(struct sim *s, const char *sql)
{
	sqlite3_stmt *q = judge_dp_ask(s, sql, 0);

	for (int more = q != NULL; more; more = sqlite3_step(q) == SQLITE_ROW) {
		const char *text = (const char *)sqlite3_column_text(q, 0);

		for (const char *at = text; at && (at = strstr(at, "uuid:o")); at += 6) {
			char *end;
			unsigned long i = strtoul(at + 6, &end, 10);

			if (end > at + 6 && *end == '-' && i < dp_operators_n(s))
				dp_order_at(s, i)->lost = false;
		}
	}
	if (q)
		judge_sql_done(q);
}

static void forget_taken(struct sim *s)
{
	for (size_t i = 0; i < dp_operators_n(s); i++) {
		struct sim_order *o = dp_order_at(s, i);

		o->lost = o->taken > 0;
		o->again += o->taken > 0;
	}
	know_orders(s, "SELECT message_id FROM operation WHERE message_id NOT NULL");
	know_orders(s, "SELECT CAST(envelope AS TEXT) FROM outbox");
}

static void forget_refused(struct sim *s)
{
	struct judge_dp *j = s->judge_dp;
	int64_t known = judge_dp_int(s, "SELECT max(id) FROM outbox WHERE id > ?1", 0);
	size_t n = 0;

	for (size_t i = 0; i < j->n_refused; i++) {
		if (j->refused[i] <= known)
			j->refused[n++] = j->refused[i];
	}
	j->n_refused = n;
}

static void have_keys(struct sim *s, const void *eid, const void *aid)
{
	for (uint32_t i = 0; i < s->plan->fleet; i++) {
		const struct device *d = device_at(s, i);

		for (int k = 0; memcmp(d->data.eid_bcd, eid, 16) == 0 && k < d->card->nv.n_slots; k++) {
			if (memcmp(d->card->nv.profiles[k].aid, aid, 16) == 0)
				s->judge_dp->lost_keys[i][k] = false;
		}
	}
}

/* The SM-DP keeps keys when it hears that the card has them: that may be long after. */
static void forget_keys(struct sim *s)
{
	struct judge_dp *j = s->judge_dp;
	sqlite3_stmt *q = judge_dp_ask(s, "SELECT eid, aid FROM isdp_keys WHERE id > ?1", 1, (int64_t)0);

	for (uint32_t i = 0; i < s->plan->fleet; i++) {
		for (int k = 0; k < EUICC_PROFILES_MAX; k++)
			j->lost_keys[i][k] = j->keys_ms[i][k] > 0;
	}
	for (int more = q != NULL; more; more = sqlite3_step(q) == SQLITE_ROW) {
		if (sqlite3_column_bytes(q, 0) == 16 && sqlite3_column_bytes(q, 1) == 16)
			have_keys(s, sqlite3_column_blob(q, 0), sqlite3_column_blob(q, 1));
	}
	if (q)
		judge_sql_done(q);
}

void judge_dp_restored(struct sim *s, int64_t backup_ms)
{
	struct judge_dp *j = s->judge_dp;

	s->res->dp_restores++;
	j->touched = false;
	j->windows = talloc_realloc(j, j->windows, struct lost_window, (unsigned int)j->n_windows + 1);
	j->windows[j->n_windows++] = (struct lost_window){backup_ms, s->now_ms};
	forget_orders(s);
	forget_taken(s);
	forget_refused(s);
	forget_keys(s);
	judge_dp_close(s);
}

bool judge_dp_is_lost(struct sim *s, int64_t at_ms)
{
	const struct judge_dp *j = s->judge_dp;

	for (size_t i = 0; i < j->n_windows; i++) {
		if (at_ms >= j->windows[i].from_ms && at_ms <= j->windows[i].to_ms)
			return true;
	}
	return false;
}

bool judge_dp_restored_since(const struct sim *s, int64_t at_ms)
{
	const struct judge_dp *j = s->judge_dp;

	return j->n_windows && j->windows[j->n_windows - 1].to_ms >= at_ms;
}

/* ---- demands ---- */

void judge_dp_restored_call(struct sim *s, int64_t op_id, const struct judged_order *o, int fn)
{
	bool looks = fn == ES3_GET_EIS || fn == ES3_AUDIT_EIS;

	if (!s->res->dp_restores)
		return;
	if (o->had_ended && !looks)
		sim_violation(s, "P4: order %lld had ended before a backup was put back, and calls %s",
			      (long long)op_id, es_fn_name((enum es_fn)fn));
	else if (o->restored && !o->released)
		sim_violation(s, "P4: order %lld was open in a backup, nobody released it, and it calls %s",
			      (long long)op_id, es_fn_name((enum es_fn)fn));
	if (!s->judge_dp->touched &&
	    judge_dp_int(s, "SELECT count(*) FROM stock_item WHERE state IN (0, 1) AND id > ?1", 0))
		sim_violation(s,
			      "a backup was put back, and profiles are free or reserved before anybody released them");
}

void judge_dp_restored_end(struct sim *s, int64_t op_id, const struct judged_order *o, const char *code)
{
	bool unknown = o->status == 2 && strcmp(code, UNKNOWN) == 0;
	bool told = o->kind == ORDER_DOWNLOAD && o->status <= STATUS_WARNING;

	if (o->restored && !o->released && !unknown && !told)
		sim_violation(s, "P4: order %lld was open in a backup, nobody released it, and it ends: %d %s",
			      (long long)op_id, o->status, code);
}
