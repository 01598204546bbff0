/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Operations: each ends once, with an outcome that agrees with what the card did, and is told to who asked. */
#include <osmocom/core/utils.h>
#include <string.h>
#include <talloc.h>

#include "lab/euicc/euicc.h"
#include "tests/sim/daemon.h"
#include "tests/sim/devices.h"
#include "tests/sim/judge_priv.h"
#include "tests/sim/operators.h"

enum {
	SUCCESS,
	WITHWARNING,
	FAILED,
	EXPIRED
};

struct judged_op *judge_op(struct sim *s, int64_t op_id)
{
	struct judge *j = s->judge;

	if ((size_t)op_id >= j->n_ops) {
		size_t n = 2 * (size_t)op_id + 64;

		j->ops = talloc_realloc(j, j->ops, struct judged_op, (unsigned int)n);
		memset(j->ops + j->n_ops, 0, (n - j->n_ops) * sizeof(j->ops[0]));
		j->n_ops = n;
	}
	return &j->ops[op_id];
}

/* ---- outcomes against the card's own past ---- */

/* Was the change true at some moment from one time to another? */
static bool was_so(const struct device *d, const struct judged_op *op)
{
	for (size_t i = 0; i < d->n_past; i++) {
		const struct card_moment *m = &d->past[i];
		int64_t until = i + 1 < d->n_past ? m[1].at_ms : INT64_MAX;
		bool has = m->has >> op->profile & 1;

		if (until < op->seen_ms || m->at_ms > op->end_ms)
			continue;
		if ((op->kind == ROW_ENABLE && m->enabled == op->profile) ||
		    (op->kind == ROW_DISABLE && m->enabled != op->profile) || (op->kind == ROW_DELETE && !has))
			return true;
	}
	return false;
}

static bool is_so_now(const struct device *d, const struct judged_op *op)
{
	struct judged_op now = *op;

	now.seen_ms = now.end_ms = INT64_MAX - 1;
	return was_so(d, &now);
}

static void check_outcome(struct sim *s, int64_t id, const struct judged_op *op, const char *code)
{
	const struct device *d = device_at(s, op->card);
	bool good = op->status == SUCCESS || op->status == WITHWARNING;
	bool unknown = op->status == FAILED && code && strcmp(code, "1.6/5.4") == 0;
	bool due = judge_int(s, "SELECT audit_due IS NOT NULL FROM euicc WHERE id = ?1", judge_row_of(op->card));
	uint16_t seq;

	if (good && !was_so(d, op))
		sim_violation(s, "P4: #%lld on card %u succeeded, but the card never did it", (long long)id, op->card);
	if (op->status == EXPIRED && op->executed)
		sim_violation(s, "P4: #%lld on card %u expired, but the card executed it", (long long)id, op->card);
	/* What a delete leaves open may be known all the same: disabled, and still there. */
	if (unknown && !due && !op->late && op->kind != ROW_DELETE)
		sim_violation(s, "P5: #%lld on card %u ends unknown, and no audit is due", (long long)id, op->card);
	if (op->late || good || !op->executed || due || euicc_pending(d->card, &seq) != EUICC_NOTIFY_NONE)
		return;
	if (!unknown && is_so_now(d, op))
		sim_violation(s, "P4: #%lld on card %u failed (%s), but the card did it", (long long)id, op->card,
			      code);
}

/* ---- which profile ---- */

/* ISD-P that the EIS has for an ICCID.  \returns false when there is none */
static bool eis_isdp(struct sim *s, uint32_t card, const char *iccid, uint8_t aid[16])
{
	sqlite3_stmt *q =
		judge_ask(s, "SELECT iccid, isdp_aid FROM profile WHERE euicc_id = ?1", 1, judge_row_of(card));
	bool found = false;

	for (int more = q != NULL; more && !found; more = sqlite3_step(q) == SQLITE_ROW) {
		found = strcmp((const char *)sqlite3_column_text(q, 0), iccid) == 0 && sqlite3_column_bytes(q, 1) == 16;
		if (found)
			memcpy(aid, sqlite3_column_blob(q, 1), 16);
	}
	if (q)
		judge_done(q);
	return found;
}

/* The content that is meant by an ICCID.  The ISD-P may have been emptied since; and behind a restored backup the card
 * may have the profile in another one as well, that the SM-SR knows nothing of.  \returns -1: it is not known */
static int profile_index(struct sim *s, uint32_t card, const char *iccid)
{
	const struct device *d = device_at(s, card);
	uint8_t aid[16];
	bool known = iccid && eis_isdp(s, card, iccid, aid);
	int found = -1;

	for (int i = 0; iccid && i < d->n_profiles; i++) {
		const struct sim_profile *p = &d->profiles[i];
		bool is_there = device_now(d)->has >> i & 1;

		if (known && is_there && memcmp(p->aid, aid, 16) == 0)
			return strcmp(p->iccid, iccid) == 0 ? i : -1;
		if (strcmp(p->iccid, iccid) == 0 && (!s->res->restores || (known && memcmp(p->aid, aid, 16) == 0)))
			found = i;
	}
	return found;
}

/* ---- steps ---- */

static void note_end(struct sim *s, int64_t id, struct judged_op *op, sqlite3_stmt *q)
{
	char *subject = judge_text(s, q, 4), *reason = judge_text(subject, q, 5);
	char *code = subject ? talloc_asprintf(subject, "%s/%s", subject, reason) : NULL;

	op->done = true;
	op->end_ms = s->now_ms;
	op->end_turn = daemon_turn(s);
	op->status = sqlite3_column_int(q, 3);
	s->res->operations++;
	if (op->asked_for)
		s->res->outcomes[op->status]++;
	sim_trace(s, "#%lld kind %d card %u ends: %d %s", (long long)id, op->kind, op->card, op->status,
		  code ? code : "");
	if (op->asked_for && op->profile >= 0 && op->kind <= ROW_DELETE)
		check_outcome(s, id, op, code);
	judge_cancel_end(s, id, op, code, (const char *)sqlite3_column_text(q, 8));
	talloc_free(subject);
}

static void note_step(struct sim *s, int64_t id, sqlite3_stmt *q, bool late)
{
	struct judged_op *op = judge_op(s, id);
	int state = sqlite3_column_int(q, 2);

	if (!op->seen) {
		op->seen = true;
		op->seen_ms = s->now_ms;
		op->card = (uint32_t)sqlite3_column_int64(q, 0) - 1;
		op->kind = sqlite3_column_int(q, 1);
		op->asked_for = sqlite3_column_type(q, 7) != SQLITE_NULL;
		op->profile = profile_index(s, op->card, (const char *)sqlite3_column_text(q, 6));
	}
	if (op->done && state != ROW_DONE)
		sim_violation(s, "P4: #%lld lives on after its end", (long long)id);
	op->late = late;
	if (state != ROW_QUEUED && state != ROW_DONE && !op->begun) {
		op->begun = true;
		judge_paused_start(s, id, op, (const char *)sqlite3_column_text(q, 7));
	}
	if (state == ROW_DONE && !op->done)
		note_end(s, id, op, q);
}

void judge_progress(struct sim *s, int64_t op_id)
{
	sqlite3_stmt *q = judge_ask(
		s,
		"SELECT euicc_id, kind, state, status, subject, reason, iccid, requester, message FROM operation "
		"WHERE id = ?1",
		1, op_id);

	if (!q) {
		sim_violation(s, "P1: a step of #%lld is told that no committed row explains", (long long)op_id);
		return;
	}
	note_step(s, op_id, q, false);
	judge_done(q);
}

/* ---- reports ---- */

static bool is_refusal(const struct judge_report *r)
{
	static const char *const codes[][2] = {{"1.2", "4.4"}, {"1.6", "3.3"}};

	for (size_t i = 0; r->subject && r->reason && i < ARRAY_SIZE(codes); i++) {
		if (strcmp(r->subject, codes[i][0]) == 0 && strcmp(r->reason, codes[i][1]) == 0)
			return true;
	}
	return false;
}

static bool same(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

int64_t judge_op_of_call(struct sim *s, const struct sim_call *c)
{
	char *call_id = talloc_asprintf(s, "call-%u", c->id);
	sqlite3_stmt *q;
	int64_t id = 0;

	judge_open(s);
	OSMO_ASSERT(sqlite3_prepare_v2(s->judge->sql.db, "SELECT op_id FROM call WHERE call_id = ?1 AND sender = ?2",
				       -1, &q, NULL) == SQLITE_OK);
	sqlite3_bind_text(q, 1, call_id, -1, SQLITE_STATIC);
	sqlite3_bind_text(q, 2, c->sender, -1, SQLITE_STATIC);
	if (sqlite3_step(q) == SQLITE_ROW)
		id = sqlite3_column_int64(q, 0);
	sqlite3_finalize(q);
	talloc_free(call_id);
	return id;
}

void judge_report(struct sim *s, const struct sim_call *c, const struct judge_report *r)
{
	static const char *const words[] = {"EXECUTED_SUCCESS", "EXECUTED_WITHWARNING", "FAILED", "EXPIRED"};
	int64_t id = judge_op_of_call(s, c);
	sqlite3_stmt *q = judge_ask(s, "SELECT status, subject, reason, state FROM operation WHERE id = ?1", 1, id);
	bool agrees = q && sqlite3_column_int(q, 3) == ROW_DONE && same(words[sqlite3_column_int(q, 0)], r->status) &&
		      same((const char *)sqlite3_column_text(q, 1), r->subject) &&
		      same((const char *)sqlite3_column_text(q, 2), r->reason);

	if (q)
		judge_done(q);
	/* What was refused at the door made no row. */
	if (!q && !r->stale && !same(r->status, "FAILED"))
		sim_violation(s, "P4: call %u is reported %s, but it made no operation", c->index, r->status);
	if (is_refusal(r) && strcmp(r->reason, "4.4") == 0) {
		s->res->busy++;
		if (q && c->sent == 1 && !c->twinned && !r->stale)
			sim_violation(s, "call %u was refused as one too many, and has left an operation", c->index);
		operators_busy(s, c);
	}
	if (q && !agrees && !r->stale && !(same(r->status, "FAILED") && is_refusal(r)))
		sim_violation(s, "P4: call %u is reported %s %s/%s, its row says otherwise", c->index, r->status,
			      r->subject, r->reason);
	if (c->reports > c->sent + c->again)
		sim_violation(s, "P4: call %u: %u requests, %u reports", c->index, c->sent, c->reports);
}

static bool was_refused_by_peer(struct sim *s, const struct sim_call *c)
{
	struct judge *j = s->judge;
	char *text = talloc_asprintf(s, "uuid:c%u-", c->index);
	bool found = judge_sql_gave_up(&j->sql, j->refused, j->n_refused, text);

	talloc_free(text);
	return found;
}

static void check_call(struct sim *s, const struct sim_call *c)
{
	if (c->sent && !c->taken && !c->refused)
		sim_violation(s, "call %u was never answered", c->index);
	if (c->taken && !c->lost && !c->reports && !was_refused_by_peer(s, c))
		sim_violation(s, "P4: call %u was accepted and never reported", c->index);
}

void judge_ops_end(struct sim *s)
{
	int64_t last = judge_int(s, "SELECT max(id) FROM operation WHERE id > ?1", 0);

	for (int64_t id = 1; id <= last; id++) {
		if (!judge_op(s, id)->done)
			sim_violation(s, "P4: #%lld has no end", (long long)id);
	}
	judge_levers_end(s);
	for (size_t i = 0; i < operators_n_calls(s); i++)
		check_call(s, operators_call(s, i));
	if (s->res->drawn[F_WALL_JUMP] == 0 &&
	    judge_int(s,
		      "SELECT count(*) FROM operation a JOIN operation b ON b.euicc_id = a.euicc_id AND b.id > a.id "
		      "WHERE a.fn NOT NULL AND b.fn NOT NULL AND a.started_ms > b.started_ms AND ?1",
		      1))
		sim_violation(s, "P3: operations of one eUICC were not started in the order in which they came");
}
