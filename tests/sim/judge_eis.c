/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The EIS against the card (P5), and the audit trail against what happened. */
#include <osmocom/core/utils.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <talloc.h>

#include "lab/euicc/euicc.h"
#include "tests/sim/devices.h"
#include "tests/sim/https.h"
#include "tests/sim/judge_priv.h"
#include "tests/sim/smsc.h"

#define PATIENCE_MS (3 * HOUR_MS)

enum {
	ROW_STATE_DISABLED = 2,
	ROW_STATE_ENABLED = 3
};

static bool is_quiet(struct sim *s, uint32_t card)
{
	const struct device *d = device_at(s, card);
	uint16_t seq;

	return euicc_has_service(d->card) && euicc_pending(d->card, &seq) == EUICC_NOTIFY_NONE &&
	       smsc_on_its_way(s, card) == 0 && https_is_quiet(s, card) &&
	       judge_int(s, "SELECT count(*) FROM operation WHERE euicc_id = ?1 AND state < 8", judge_row_of(card)) ==
		       0;
}

bool judge_is_stray(struct sim *s, uint32_t card, const uint8_t aid[16])
{
	bool found = false;
	sqlite3_stmt *q = judge_ask(s, "SELECT aid FROM stray_isdp WHERE euicc_id = ?1", 1, judge_row_of(card));

	for (int more = q != NULL; more; more = sqlite3_step(q) == SQLITE_ROW)
		found |= sqlite3_column_bytes(q, 0) == 16 && memcmp(sqlite3_column_blob(q, 0), aid, 16) == 0;
	if (q)
		judge_done(q);
	return found;
}

/* \returns index of what the card has in this ISD-P; -1: it has no such ISD-P */
static int in_isdp(const struct device *d, const void *aid)
{
	const struct card_moment *m = device_now(d);

	for (int i = 0; i < d->n_profiles; i++) {
		if (m->has >> i & 1 && memcmp(d->profiles[i].aid, aid, 16) == 0)
			return i;
	}
	return -1;
}

static void compare_row(struct sim *s, uint32_t card, sqlite3_stmt *q, uint64_t *seen)
{
	const struct device *d = device_at(s, card);
	const char *iccid = (const char *)sqlite3_column_text(q, 2);
	int i = in_isdp(d, sqlite3_column_blob(q, 0)), state = sqlite3_column_int(q, 1);

	if (i < 0) {
		sim_violation(s, "P5: card %u: the EIS has an ISD-P with %s, the card has not", card, iccid);
		return;
	}
	*seen |= 1ULL << i;
	if (state >= ROW_STATE_DISABLED && strcmp(iccid, d->profiles[i].iccid) != 0)
		sim_violation(s, "P5: card %u: the EIS has %s in an ISD-P, the card has profile %d there", card, iccid,
			      i);
	if ((state == ROW_STATE_ENABLED) != (device_now(d)->enabled == i))
		sim_violation(s, "P5: card %u: the EIS says that profile %d is%s enabled, the card has %d", card, i,
			      state == ROW_STATE_ENABLED ? "" : " not", device_now(d)->enabled);
}

static void compare(struct sim *s, uint32_t card)
{
	struct device *d = device_at(s, card);
	uint64_t seen = 0;
	sqlite3_stmt *q =
		judge_ask(s, "SELECT isdp_aid, state, iccid FROM profile WHERE euicc_id = ?1", 1, judge_row_of(card));

	for (int more = q != NULL; more; more = sqlite3_step(q) == SQLITE_ROW)
		compare_row(s, card, q, &seen);
	if (q)
		judge_done(q);
	for (int i = 0; i < d->n_profiles; i++) {
		if ((device_now(d)->has & ~seen) >> i & 1 && !judge_is_stray(s, card, d->profiles[i].aid))
			sim_violation(s, "P5: card %u has profile %d, the EIS has not", card, i);
	}
}

/* A card that can be reached and repeats its notification must not wait for hours. */
static void check_patience(struct sim *s, uint32_t card)
{
	struct device *d = device_at(s, card);
	uint16_t seq;
	bool waits = euicc_pending(d->card, &seq) != EUICC_NOTIFY_NONE && euicc_has_service(d->card);

	if (!waits || seq != d->waiting_seq || !d->waiting_ms)
		d->waiting_ms = waits ? s->now_ms : 0;
	d->waiting_seq = seq;
	if (waits && s->now_ms - d->waiting_ms >= PATIENCE_MS)
		sim_violation(s, "P5: card %u: notification %u has waited %lld hours for its confirmation", card, seq,
			      (long long)(PATIENCE_MS / HOUR_MS));
}

bool judge_eis(struct sim *s, uint32_t card)
{
	check_patience(s, card);
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

/* Ends of operations in the order of card and time: what the trail of one card has to tell stands together. */
struct ends {
	struct judged_op **list;
	bool *told;
	size_t n;
};

static int end_cmp(const void *a, const void *b)
{
	const struct judged_op *x = *(struct judged_op *const *)a, *y = *(struct judged_op *const *)b;

	if (x->card != y->card)
		return x->card < y->card ? -1 : 1;
	if (x->end_ms != y->end_ms)
		return x->end_ms < y->end_ms ? -1 : 1;
	return x < y ? -1 : x > y;
}

static struct ends ends_of(struct sim *s)
{
	struct judge *j = s->judge;
	struct ends e = {.list = talloc_array(j, struct judged_op *, (unsigned int)j->n_ops + 1)};

	for (size_t i = 1; i < j->n_ops; i++) {
		if (j->ops[i].done && j->ops[i].kind <= ROW_AUDIT)
			e.list[e.n++] = &j->ops[i];
	}
	qsort(e.list, e.n, sizeof(e.list[0]), end_cmp);
	e.told = talloc_zero_array(j, bool, (unsigned int)e.n + 1);
	return e;
}

/* The end that this record is about: the earliest of the card that no record was found for. */
static struct judged_op *take_end(struct ends *e, size_t first, uint32_t card, int kind, int status)
{
	for (size_t i = first; i < e->n && e->list[i]->card == card; i++) {
		if (e->told[i] || e->list[i]->kind != kind || e->list[i]->status != status)
			continue;
		e->told[i] = true;
		return e->list[i];
	}
	return NULL;
}

static void check_card_trail(struct sim *s, uint32_t card, struct ends *e, size_t first)
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
		op = take_end(e, first, card, kind - 1, sqlite3_column_int(q, 1));
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
	struct ends e = ends_of(s);
	size_t first = 0;

	for (uint32_t i = 0; i < s->plan->fleet && !s->stop; i++) {
		while (first < e.n && e.list[first]->card < i)
			first++;
		check_card_trail(s, i, &e, first);
	}
	for (size_t i = 0; i < e.n && !s->stop; i++) {
		if (!e.told[i])
			sim_violation(s, "P9: an operation on card %u has ended without a record in the audit trail",
				      e.list[i]->card);
	}
}
