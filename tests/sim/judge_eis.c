/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The EIS against the card (P5), and the audit trail against what happened. */
#include <osmocom/core/utils.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <talloc.h>

#include "lab/euicc/euicc.h"
#include "tests/sim/devices.h"
#include "tests/sim/judge_priv.h"
#include "tests/sim/smsc.h"

enum {
	ROW_STATE_DISABLED = 2,
	ROW_STATE_ENABLED = 3
};

static bool is_quiet(struct sim *s, uint32_t card)
{
	const struct device *d = device_at(s, card);
	uint16_t seq;

	return euicc_has_service(d->card) && euicc_pending(d->card, &seq) == EUICC_NOTIFY_NONE &&
	       smsc_on_its_way(s, card) == 0 &&
	       judge_int(s, "SELECT count(*) FROM operation WHERE euicc_id = ?1 AND state < 8", judge_row_of(card)) ==
		       0;
}

static void compare(struct sim *s, uint32_t card)
{
	const struct card_moment *m = device_now(device_at(s, card));
	unsigned int has = 0;
	int enabled = -1;
	sqlite3_stmt *q =
		judge_ask(s, "SELECT isdp_aid, state FROM profile WHERE euicc_id = ?1", 1, judge_row_of(card));

	for (int more = q != NULL; more; more = sqlite3_step(q) == SQLITE_ROW) {
		const struct device *d = device_at(s, card);

		for (int i = 0; i < SIM_PROFILES; i++) {
			if (memcmp(sqlite3_column_blob(q, 0), d->profiles[i].aid, 16) != 0)
				continue;
			has |= 1u << i;
			if (sqlite3_column_int(q, 1) == ROW_STATE_ENABLED)
				enabled = i;
		}
	}
	if (q)
		judge_done(q);
	if (has != m->has || enabled != m->enabled)
		sim_violation(s, "P5: card %u: the EIS says profile %d of %x, the card has %d of %x", card, enabled,
			      has, m->enabled, m->has);
}

bool judge_eis(struct sim *s, uint32_t card)
{
	if (!is_quiet(s, card))
		return false;
	if (!judge_int(s, "SELECT audit_due IS NOT NULL FROM euicc WHERE id = ?1", judge_row_of(card)))
		compare(s, card);
	return true;
}

/* ---- the audit trail ---- */

static bool was_notified(const struct device *d, unsigned int seq, int type)
{
	for (size_t i = 0; i < d->n_notes; i++) {
		if (d->notes[i].seq == seq && d->notes[i].type == type)
			return true;
	}
	return false;
}

static void check_notification(struct sim *s, uint32_t card, sqlite3_stmt *q)
{
	const char *text = (const char *)sqlite3_column_text(q, 3);
	unsigned int seq = 0;

	if (!text || sscanf(text, "notification %u", &seq) != 1 ||
	    !was_notified(device_at(s, card), seq, sqlite3_column_int(q, 0)))
		sim_violation(s, "P9: card %u: the audit trail has a notification that the card never made: %s", card,
			      text ? text : "?");
}

/* The operation that this record is about: the earliest end that no record was found for. */
static struct judged_op *take_op(struct sim *s, uint32_t card, int kind, int status, bool *taken)
{
	struct judge *j = s->judge;
	struct judged_op *best = NULL;

	for (size_t i = 1; i < j->n_ops; i++) {
		struct judged_op *op = &j->ops[i];

		if (!op->done || op->card != card || op->kind != kind || op->status != status || taken[i])
			continue;
		if (!best || op->end_ms < best->end_ms)
			best = op;
	}
	if (best)
		taken[best - j->ops] = true;
	return best;
}

static void check_card_trail(struct sim *s, uint32_t card, bool *taken)
{
	int64_t last_ms = 0;
	sqlite3_stmt *q =
		judge_ask(s,
			  "SELECT a.type, a.status, a.iccid, a.text FROM audit a JOIN euicc e ON e.eid = a.eid "
			  "WHERE e.id = ?1 ORDER BY a.id",
			  1, judge_row_of(card));

	for (int more = q != NULL; more && !s->stop; more = sqlite3_step(q) == SQLITE_ROW) {
		int type = sqlite3_column_int(q, 0), kind = type >> 8;
		struct judged_op *op;

		if (type < 0x0100)
			check_notification(s, card, q);
		if (type < 0x0200 || type > 0x0500)
			continue;
		op = take_op(s, card, kind - 1, sqlite3_column_int(q, 1), taken);
		if (!op)
			sim_violation(s, "P9: card %u: the audit trail has a change that no operation made", card);
		else if (op->end_ms < last_ms)
			sim_violation(s, "P9: card %u: the audit trail is not in the order of what happened", card);
		else
			last_ms = op->end_ms;
	}
	if (q)
		judge_done(q);
}

void judge_audit_trail(struct sim *s)
{
	struct judge *j = s->judge;
	bool *taken = talloc_zero_array(j, bool, (unsigned int)j->n_ops + 1);

	for (uint32_t i = 0; i < s->plan->fleet && !s->stop; i++)
		check_card_trail(s, i, taken);
	for (size_t i = 1; i < j->n_ops && !s->stop; i++) {
		if (j->ops[i].done && j->ops[i].kind <= ROW_AUDIT && !taken[i])
			sim_violation(s, "P9: #%zu has ended without a record in the audit trail", i);
	}
}
