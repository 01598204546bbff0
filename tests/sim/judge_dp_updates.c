/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* UpdatePolicyRules and UpdateSubscriptionAddress: what was answered as done stands in the EIS, at once and until the
 * next order that could change it. */
#include <osmocom/core/utils.h>
#include <string.h>
#include <talloc.h>

#include "tests/sim/dp_operators.h"
#include "tests/sim/judge_dp_priv.h"

static bool is_update(const struct sim_order *o)
{
	return o->fn == ES2_UPDATE_POLICY_RULES || o->fn == ES2_UPDATE_SUBSCRIPTION_ADDRESS;
}

/* Is there another order of the same kind whose effect may have come later? */
static bool is_last(struct sim *s, const struct sim_order *o)
{
	for (size_t i = 0; i < dp_operators_n(s); i++) {
		const struct sim_order *x = dp_operators_order(s, i);
		bool same_thing = x != o && x->fn == o->fn && x->card == o->card && strcmp(x->iccid, o->iccid) == 0;

		if (same_thing && x->sent && (!x->answered_ms || x->answered_ms >= o->first_ms))
			return false;
	}
	return true;
}

static sqlite3_stmt *row_of(struct sim *s, const struct sim_order *o)
{
	sqlite3_stmt *q;

	judge_open(s);
	q = judge_sql_ask_text(&s->judge->sql,
			       "SELECT p.euicc_id, p.pol2, p.msisdn, p.type FROM profile p WHERE p.iccid = ?1",
			       o->iccid);
	if (q && sqlite3_column_int64(q, 0) == judge_row_of(o->card))
		return q;
	if (q)
		judge_sql_done(q);
	return NULL;
}

/* A download that is not complete sets both itself, in the end. */
bool judge_dp_is_complete(struct sim *s, const struct sim_order *o)
{
	sqlite3_stmt *q = row_of(s, o), *open;
	bool complete = q && sqlite3_column_type(q, 3) != SQLITE_NULL;

	if (q)
		judge_sql_done(q);
	open = judge_dp_ask_text(s, "SELECT 1 FROM operation WHERE iccid = ?1 AND kind = 1 AND state < 100", o->iccid);
	if (open)
		judge_sql_done(open);
	return complete && !open;
}

static void check(struct sim *s, const struct sim_order *o)
{
	sqlite3_stmt *q = row_of(s, o);
	const char *msisdn = q ? (const char *)sqlite3_column_text(q, 2) : NULL;

	if (!q)
		return;
	if (o->fn == ES2_UPDATE_POLICY_RULES && sqlite3_column_int(q, 1) != (int)o->rules)
		sim_violation(s, "order %u set the rules %u of %s, the EIS has %d", o->index, o->rules, o->iccid,
			      sqlite3_column_int(q, 1));
	if (o->fn == ES2_UPDATE_SUBSCRIPTION_ADDRESS && (!msisdn || strcmp(msisdn, o->msisdn) != 0))
		sim_violation(s, "order %u set the number %s of %s, the EIS has %s", o->index, o->msisdn, o->iccid,
			      msisdn ? msisdn : "none");
	judge_sql_done(q);
}

void judge_dp_updated(struct sim *s, const struct sim_order *o)
{
	if (is_update(o) && o->done && o->complete && is_last(s, o))
		check(s, o);
}

void judge_dp_updates_end(struct sim *s)
{
	for (size_t i = 0; i < dp_operators_n(s) && !s->stop; i++)
		judge_dp_updated(s, dp_operators_order(s, i));
}
