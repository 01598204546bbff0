/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The store after a loss of power, and after a backup was put back.  What came behind the backup never was, for the
 * SM-SR; on air and on the cards it was.  So the judges forget the operations of the lost window, keep every counter
 * that was on air, and know which calls nobody can be told of any more: those of which the backup has no row. */
#include <osmocom/core/utils.h>
#include <stdlib.h>
#include <string.h>
#include <talloc.h>

#include "tests/sim/devices.h"
#include "tests/sim/judge_priv.h"
#include "tests/sim/operators.h"

#define STORE_EVERY_FLEET 50 /* a larger fleet has larger files and more losses of power: not each is looked at */

void judge_store(struct sim *s)
{
	struct judge *j = s->judge;
	unsigned int every = OSMO_MAX(1u, s->plan->fleet / STORE_EVERY_FLEET);
	const char *word = "nothing can be read";
	sqlite3_stmt *q = NULL;

	if (j->powers++ % every)
		return;
	judge_open(s);
	if (sqlite3_prepare_v2(j->sql.db, "PRAGMA quick_check(1)", -1, &q, NULL) == SQLITE_OK &&
	    sqlite3_step(q) == SQLITE_ROW)
		word = (const char *)sqlite3_column_text(q, 0);
	if (strcmp(word, "ok") != 0)
		sim_violation(s, "P8: the store is damaged after a loss of power: %s", word);
	sqlite3_finalize(q);
}

bool judge_is_out_of_reach(struct sim *s, uint32_t card, const char *number)
{
	sqlite3_stmt *q = judge_ask(s,
				    "SELECT p.msisdn FROM euicc e JOIN profile p ON p.euicc_id = e.id "
				    "WHERE e.id = ?1 AND p.msisdn NOT NULL",
				    1, judge_row_of(card));
	bool registered = q != NULL, known = false;

	for (int more = registered; more && !known; more = sqlite3_step(q) == SQLITE_ROW)
		known = strcmp((const char *)sqlite3_column_text(q, 0), number) == 0;
	if (q)
		judge_done(q);
	return registered && !known;
}

static void forget_ops(struct sim *s)
{
	struct judge *j = s->judge;
	size_t known = (size_t)judge_int(s, "SELECT max(id) FROM operation WHERE id > ?1", 0);

	for (size_t i = 1; i < j->n_ops; i++) {
		struct judged_op *op = &j->ops[i];
		int64_t state;

		if (i > known) {
			memset(op, 0, sizeof(*op));
			continue;
		}
		state = judge_int(s, "SELECT state FROM operation WHERE id = ?1", (int64_t)i);
		op->cancel_turn = 0;
		if (state == ROW_DONE)
			continue;
		op->done = false;
		op->begun = state != ROW_QUEUED;
		op->executed = op->executed && op->begun;
	}
}

static void forget_packets(struct sim *s, uint32_t card)
{
	struct judge *j = s->judge;

	j->air[card].audit_first = true;
	for (size_t i = 0; i < j->air[card].n; i++) {
		struct judged_packet *p = &j->air[card].list[i];
		sqlite3_stmt *q = judge_ask(s, "SELECT 1 FROM command WHERE euicc_id = ?1 AND cntr = ?2", 2,
					    judge_row_of(card), (int64_t)p->counter);

		if (q)
			judge_done(q);
		else
			p->op_id = 0;
	}
}

/* The call that this text belongs to: MessageIDs name its index, "uuid:c12-...".  Those of the SM-SR are chance, and
 * may begin alike. */
static struct sim_call *call_in(struct sim *s, const char *text)
{
	for (const char *at = text; at && (at = strstr(at, "uuid:c")); at += 6) {
		char *end;
		unsigned long index = strtoul(at + 6, &end, 10);

		if (end > at + 6 && *end == '-' && call_at(s, index))
			return call_at(s, index);
	}
	return NULL;
}

static void know_calls(struct sim *s, const char *sql)
{
	sqlite3_stmt *q = judge_ask(s, sql, 0);

	for (int more = q != NULL; more; more = sqlite3_step(q) == SQLITE_ROW) {
		struct sim_call *c = call_in(s, (const char *)sqlite3_column_text(q, 0));

		if (c)
			c->lost = false;
	}
	if (q)
		judge_done(q);
}

static void forget_calls(struct sim *s)
{
	for (size_t i = 0; i < operators_n_calls(s); i++) {
		struct sim_call *c = call_at(s, i);

		c->lost = c->taken > 0;
		c->again += c->taken > 0;
	}
	know_calls(s, "SELECT message_id FROM operation WHERE message_id NOT NULL");
	know_calls(s, "SELECT envelope FROM outbox");
}

static void forget_refused(struct sim *s)
{
	struct judge *j = s->judge;
	int64_t known = judge_int(s, "SELECT max(id) FROM outbox WHERE id > ?1", 0);
	size_t n = 0;

	for (size_t i = 0; i < j->n_refused; i++) {
		if (j->refused[i] <= known)
			j->refused[n++] = j->refused[i];
	}
	j->n_refused = n;
}

void judge_restored(struct sim *s)
{
	s->res->restores++;
	forget_ops(s);
	for (uint32_t i = 0; i < s->plan->fleet; i++) {
		forget_packets(s, i);
		judge_https_forget(s, i);
	}
	forget_calls(s);
	forget_refused(s);
	judge_close(s);
}
