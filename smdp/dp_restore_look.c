/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* After a restore: one GetEIS for each eUICC that we know, and what its answer settles.  See dp_restore.h.
 *
 * Each question is an order of our own, so that its call is repeated, logged and forgotten like any other.  Which
 * eUICCs are still to be asked is in their rows: a restart goes on. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/clock.h"
#include "common/app/log.h"
#include "smdp/es3.h"
#include "smdp/keys_db.h"
#include "smdp/order_db.h"
#include "smdp/order_steps.h"
#include "smdp/dp_record_db.h"
#include "smdp/dp_restore.h"
#include "smdp/stock.h"

#define LOOKS_MAX 50 /* questions under way */
#define HOLD_MAX 100 /* orders of one eUICC; more than its queue takes */

/* ---- asking ---- */

void dp_restore_wake(struct smdp *s)
{
	s->looking = true;
}

int64_t dp_restore_due_ms(const struct smdp *s)
{
	return s->looking ? clock_now_ms() : 0;
}

static int ask(struct smdp *s, int64_t euicc_id)
{
	struct order_run r = {
		.o = {.kind = ORDER_LOOK,
		      .fn = ES3_GET_EIS,
		      .requester = s->cfg->oid,
		      .expires_ms = clock_now_ms() + (int64_t)s->cfg->limits.cleanup_s * 1000},
	};
	struct es_get_eis_req q = {0};
	int rc = order_db_euicc_get(turn_ctx(s->turn), s->db, euicc_id, r.o.eid, &r.o.smsr_oid);

	if (rc < 0)
		return rc;
	q.eid = r.eid = hex_enc(turn_ctx(s->turn), BYTES_ARR(r.o.eid));
	rc = order_db_doubt(s->db, euicc_id, DOUBT_ASKED);
	if (rc == 0)
		rc = order_queue(s, &r);
	return rc < 0 ? rc : step_call(s, &r, ORDER_ST_GET_EIS, ES3_GET_EIS, &q.base);
}

/* Sleeps until an answer makes room, or a restore or an operator has new questions.  A resume wakes it. */
int dp_restore_slice(struct smdp *s)
{
	int64_t ids[LOOKS_MAX], asked = 0;
	bool paused = false;
	size_t n = 0;
	int rc;

	if (!s->looking)
		return 0;
	s->looking = false;
	rc = dp_record_db_is_paused(s->db, &paused);
	if (rc < 0 || paused)
		return rc;
	rc = order_db_doubt_count(s->db, DOUBT_ASKED, &asked);
	if (rc == 0 && asked < LOOKS_MAX)
		rc = order_db_doubtful(s->db, DOUBT_LOOK, ids, (size_t)(LOOKS_MAX - asked), &n);
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = ask(s, ids[i]);
	return rc;
}

int dp_restore_look_ended(struct smdp *s, const struct order_run *r)
{
	bool told = r->o.outcome.status == ES_EXECUTED_SUCCESS;
	int64_t ids[HOLD_MAX];
	size_t n;
	int rc = order_db_doubt(s->db, r->o.euicc_id, told ? DOUBT_NONE : DOUBT_OPEN);

	dp_restore_wake(s);
	if (rc < 0 || told)
		return rc;
	rc = order_db_on_hold(s->db, r->o.euicc_id, ids, ARRAY_SIZE(ids), &n);
	LOGP(DPROC, LOGL_NOTICE, "SM-SR %s does not say what is on eUICC %s (%s): %zu orders stay on hold\n",
	     r->o.smsr_oid, r->eid, r->o.outcome.message ? r->o.outcome.message : "no reason given", n);
	return rc;
}

/* ---- stock and keys ---- */

int dp_restore_rx_profiles(struct smdp *s, const struct es_eis *eis)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < eis->n_profiles; i++) {
		const char *iccid = eis->profiles[i].iccid;
		bool changed = false;

		if (iccid)
			rc = stock_seen(s->stock, iccid, &changed);
		if (changed)
			LOGP(DPROC, LOGL_NOTICE, "stock: profile %s is on eUICC %s: it is used\n", iccid,
			     eis->info.eid);
	}
	return rc;
}

static bool is_ours(const struct smdp *s, const struct es_profile_info *p)
{
	return p->iccid && p->smdp_id && strcmp(p->smdp_id, s->cfg->oid) == 0 && p->state != ES_STATE_CREATED;
}

static int check_keys(struct smdp *s, const struct order_run *r, const struct es_profile_info *p)
{
	struct isdp_keys k;
	int rc = keys_db_get(turn_ctx(s->turn), s->db, r->o.eid, p->iccid, &k);

	if (rc == 0 && bytes_eq(k.aid, p->isdp_aid)) {
		k.installed = true;
		return keys_db_update(s->db, &k);
	}
	if (rc < 0 && rc != -ENOENT)
		return rc;
	LOGP(DPROC, LOGL_NOTICE, "the keys of profile %s on eUICC %s are not in this database\n", p->iccid, r->eid);
	return rc == 0 ? keys_db_delete(s->db, r->o.eid, p->iccid) : 0;
}

/* ---- orders on hold ---- */

static int stay(struct smdp *s, const struct order_run *r, const char *what)
{
	LOGP(DPROC, LOGL_NOTICE,
	     "order %" PRId64 " is on hold, %s: \"smctl order release %" PRId64 "\" lets it begin again, \"smctl order "
	     "cancel %" PRId64 "\" ends it\n",
	     r->o.id, what, r->o.id, r->o.id);
	return order_note(s, r->o.id, STEP_RESTORED, "stays on hold, %s", what);
}

/* Only what was on its way to this order, or free, when the backup was made: a profile that was on the card before is
 * not what it brought. */
static int came_later(struct smdp *s, const struct order_run *r, const char *iccid, bool *yes)
{
	struct stock_item item;
	int rc = stock_get(s->stock, turn_ctx(s->turn), iccid, &item);

	*yes = rc == 0 && (item.state == STOCK_HELD || item.order_id == r->o.id);
	return rc == -ENOENT ? 0 : rc;
}

static int is_there(struct smdp *s, struct order_run *r, const struct es_profile_info *p)
{
	struct es_status st = es_status_ok();
	int rc = order_note(s, r->o.id, STEP_RESTORED, "the profile is on the eUICC%s",
			    p->state == ES_STATE_ENABLED ? ", enabled" : "");

	if (r->d.enable && p->state != ES_STATE_ENABLED)
		st = es_status_bad(turn_ctx(s->turn), ES_EXECUTED_WITHWARNING, ES_SC_NO_RESPONSE, r->o.iccid,
				   "the profile is not enabled, and the database was restored: nobody knows whether it "
				   "was");
	return rc < 0 ? rc : order_finish(s, r, st, NULL);
}

static int settle(struct smdp *s, int64_t id, const struct es_eis *eis)
{
	const struct es_profile_info *p;
	struct order_run r;
	bool later = false;
	int rc = order_load(s, id, &r);

	if (rc < 0)
		return rc;
	p = step_entry_of(eis, r.o.iccid);
	if (p && is_ours(s, p) && p->mno_id && strcmp(p->mno_id, r.o.requester) == 0)
		rc = came_later(s, &r, p->iccid, &later);
	if (rc < 0)
		return rc;
	if (later)
		return is_there(s, &r, p);
	if (p)
		return stay(s, &r,
			    p->state == ES_STATE_CREATED ? "its ISD-P is on the eUICC without a profile"
							 : "a profile with its ICCID was there before");
	return stay(s, &r, r.o.iccid ? "its profile is not on the eUICC" : "which profile it was to get is not known");
}

static int settle_all(struct smdp *s, const struct order_run *look, const struct es_eis *eis)
{
	int64_t ids[HOLD_MAX];
	size_t n;
	int rc = order_db_on_hold(s->db, look->o.euicc_id, ids, ARRAY_SIZE(ids), &n);

	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = settle(s, ids[i], eis);
	for (size_t i = 0; rc == 0 && i < eis->n_profiles; i++)
		rc = is_ours(s, &eis->profiles[i]) ? check_keys(s, look, &eis->profiles[i]) : 0;
	return rc < 0 ? rc : dp_restore_rx_profiles(s, eis);
}

/* ---- events ---- */

static int answer(struct smdp *s, struct order_run *r, const union es_any_rsp *rsp)
{
	const struct es_eis *eis = rsp->eis.eis;
	struct es_status st = es_status_dup(turn_ctx(s->turn), &rsp->base.status);
	int rc;

	if (!step_is_done(&st))
		return order_finish(s, r, st, NULL);
	if (!eis || !eis->info.eid || strcasecmp(eis->info.eid, r->eid) != 0)
		return order_finish(s, r,
				    es_status_bad(turn_ctx(s->turn), ES_FAILED, ES_SC_INTERNAL, r->o.smsr_oid,
						  "the SM-SR sent no EIS of this eUICC"),
				    NULL);
	rc = settle_all(s, r, eis);
	return rc < 0 ? rc : order_finish(s, r, es_status_ok(), NULL);
}

int look_event(struct smdp *s, struct order_run *r, const struct order_input *in)
{
	switch (in->event) {
	case ORDER_EV_ANSWER:
		return answer(s, r, in->rsp);
	case ORDER_EV_REFUSED:
	case ORDER_EV_EXPIRED:
	case ORDER_EV_SILENT:
	case ORDER_EV_DEADLINE:
		return order_finish(s, r, step_no_answer(s, r, in), NULL);
	case ORDER_EV_CANCEL:
		return order_finish(
			s, r, es_status_bad(turn_ctx(s->turn), ES_FAILED, ES_SC_INTERNAL, NULL, "%s", in->text), NULL);
	case ORDER_EV_RELEASE:
		return -EBUSY;
	case ORDER_EV_START:
		break;
	}
	return 0;
}

/* What may be on the card stays there: the next order for this eUICC deletes an ISD-P that is not complete. */
static int give_up(struct smdp *s, struct order_run *r, const char *why)
{
	int rc = stock_release(s->stock, r->o.id);

	return rc < 0 ? rc
		      : order_finish(s, r,
				     es_status_bad(turn_ctx(s->turn), ES_FAILED, ES_SC_NO_RESPONSE, r->o.iccid,
						   "the database was restored while this was under way, its effect is "
						   "unknown: %s",
						   why),
				     NULL);
}

static int release(struct smdp *s, struct order_run *r, const char *why)
{
	int rc = order_note(s, r->o.id, STEP_OPERATOR, "%s", why);

	if (rc == 0)
		rc = stock_unhold(s->stock, r->o.id);
	return rc < 0 ? rc : order_requeue(s, r);
}

int hold_event(struct smdp *s, struct order_run *r, const struct order_input *in)
{
	switch (in->event) {
	case ORDER_EV_RELEASE:
		return release(s, r, in->text);
	case ORDER_EV_CANCEL:
		return give_up(s, r, in->text);
	case ORDER_EV_DEADLINE:
		return give_up(s, r, "nobody released it in time");
	case ORDER_EV_START:
	case ORDER_EV_ANSWER:
	case ORDER_EV_REFUSED:
	case ORDER_EV_EXPIRED:
	case ORDER_EV_SILENT:
		break;
	}
	return 0;
}
