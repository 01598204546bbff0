/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What those who run the SM-SR were promised: what is paused does not leave and does not begin, what was cancelled ends
 * as cancelled, and what is refused for lack of room changes nothing. */
#include <osmocom/core/utils.h>
#include <string.h>
#include <talloc.h>

#include "tests/sim/daemon.h"
#include "tests/sim/devices.h"
#include "tests/sim/judge_priv.h"
#include "tests/sim/levers.h"
#include "tests/sim/operators.h"
#include "tests/sim/vfs.h"

/* pause.scope as schemas/sql has it */
enum {
	ROW_PAUSE_ALL = 0,
	ROW_PAUSE_DRAIN = 1,
	ROW_PAUSE_SMSC = 2,
	ROW_PAUSE_PEER = 3,
	ROW_PAUSE_EUICC = 4,
};

#define ROW_CONFIRM 5
#define CANCELLED "cancelled by the operator of the SM-SR"
#define CANCELLED_CODE "1.2/4.2"

/* ---- rows ---- */

bool judge_any_pause(struct sim *s, const void *ctx, int *scope, char **name)
{
	sqlite3_stmt *q = judge_ask(s, "SELECT scope, name FROM pause ORDER BY since_ms, scope, name", 0);

	if (!q)
		return false;
	*scope = sqlite3_column_int(q, 0);
	*name = judge_text(ctx, q, 1);
	judge_done(q);
	return true;
}

bool judge_is_paused(struct sim *s, int scope, const char *name)
{
	sqlite3_stmt *q = judge_ask(s, "SELECT scope, name FROM pause", 0);
	bool found = false;

	for (int more = q != NULL; more && !found; more = sqlite3_step(q) == SQLITE_ROW)
		found = sqlite3_column_int(q, 0) == scope && strcmp((const char *)sqlite3_column_text(q, 1), name) == 0;
	if (q)
		judge_done(q);
	return found;
}

int64_t judge_audits_due(struct sim *s)
{
	return judge_int(s, "SELECT count(*) FROM euicc WHERE audit_due NOT NULL AND active_op IS NULL AND id > ?1", 0);
}

int64_t judge_counter(struct sim *s, uint32_t card)
{
	return judge_int(s, "SELECT max(cntr) FROM keyset WHERE euicc_id = ?1", judge_row_of(card));
}

/* ---- pauses ---- */

static bool holds(struct sim *s, int scope, const char *name)
{
	return judge_is_paused(s, scope, name) && levers_bind(s, scope, name);
}

void judge_paused_output(struct sim *s, const char *what)
{
	if (holds(s, ROW_PAUSE_ALL, ""))
		sim_violation(s, "%s leaves while everything is paused", what);
}

void judge_paused_link(struct sim *s, const char *smsc)
{
	if (holds(s, ROW_PAUSE_SMSC, smsc))
		sim_violation(s, "a short message leaves by %s, which is paused", smsc);
}

/* A confirmation begins all the same: the card would go back. */
void judge_paused_start(struct sim *s, int64_t op_id, const struct judged_op *op, const char *requester)
{
	const struct {
		int scope;
		const char *name;
	} scopes[] = {
		{ROW_PAUSE_ALL, ""},
		{ROW_PAUSE_DRAIN, ""},
		{ROW_PAUSE_EUICC, device_at(s, op->card)->data.eid},
		{ROW_PAUSE_PEER, requester},
	};

	for (size_t i = 0; op->kind != ROW_CONFIRM && i < ARRAY_SIZE(scopes); i++) {
		if (scopes[i].name && holds(s, scopes[i].scope, scopes[i].name))
			sim_violation(s, "#%lld on card %u begins while it is paused (scope %d %s)", (long long)op_id,
				      op->card, scopes[i].scope, scopes[i].name);
	}
}

/* ---- cancelled operations ---- */

void judge_cancelled(struct sim *s, int64_t op_id, bool on)
{
	struct judged_op *op = judge_op(s, op_id);

	op->cancel_turn = on ? daemon_turn(s) + 1 : 0;
	op->cancel_run = daemon_run(s);
}

void judge_cancel_end(struct sim *s, int64_t op_id, const struct judged_op *op, const char *code, const char *message)
{
	bool says = message && strcmp(message, CANCELLED) == 0;
	bool stands = op->cancel_turn && op->cancel_run == daemon_run(s);

	if (says && !op->cancel_turn)
		sim_violation(s, "P4: #%lld ends as cancelled, and nobody cancelled it", (long long)op_id);
	if (stands && !says)
		sim_violation(s, "P4: #%lld was cancelled and ends otherwise: %s", (long long)op_id,
			      message ? message : "?");
	if (says && (op->status != 2 || !code || strcmp(code, CANCELLED_CODE) != 0))
		sim_violation(s, "P4: #%lld was cancelled and ends with %s", (long long)op_id, code ? code : "success");
}

void judge_levers_end(struct sim *s)
{
	int64_t rows = judge_int(s,
				 "SELECT count(*) FROM operation WHERE message = '" CANCELLED "' AND state = 8 "
				 "AND id > ?1",
				 0);
	int64_t told =
		judge_int(s, "SELECT count(*) FROM audit WHERE text LIKE '%: cancelled: operation #%' AND id > ?1", 0);

	if (rows != told)
		sim_violation(s, "P9: %lld operations were cancelled, the audit trail has %lld", (long long)rows,
			      (long long)told);
}

/* ---- room ---- */

/* Requests are answered in the millisecond in which they come, so that only a change in the same one leaves a doubt. */
void judge_accepted(struct sim *s, const struct sim_call *c)
{
	if (vfs_is_low(daemon_database(s)) && vfs_low_changed_ms(daemon_database(s)) < s->now_ms)
		sim_violation(s, "call %u was accepted although the disk is nearly full", c->index);
}

void judge_put_off(struct sim *s, const struct sim_call *c)
{
	if (!vfs_is_low(daemon_database(s)) && vfs_low_changed_ms(daemon_database(s)) < s->now_ms)
		sim_violation(s, "call %u was put off, and the disk has room", c->index);
	if (c->sent == 1 && !c->twinned && judge_op_of_call(s, c))
		sim_violation(s, "call %u was put off, and has left an operation", c->index);
}
