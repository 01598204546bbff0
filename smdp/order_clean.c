/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What happens when a step of a download went wrong: the error routine (DeleteISDP), another ISD-P, or a look at what
 * is on the card.  SGP.02 procedure 3.1.
 *
 * The outcome that the operator will get is kept in the order's row until the ISD-P is gone, or cannot be deleted now.
 */
#include <errno.h>
#include <stdarg.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "smdp/es3.h"
#include "smdp/keys_db.h"
#include "smdp/order_steps.h"
#include "smdp/stock.h"

/* ---- outcomes ---- */

bool step_is_done(const struct es_status *st)
{
	return st->status == ES_EXECUTED_SUCCESS || st->status == ES_EXECUTED_WITHWARNING;
}

bool step_is_unknown(const struct es_status *st)
{
	/* The identifiers of our calls are new each time: one that was used is this very call, whose outcome is
	 * forgotten. */
	return st->status == ES_EXPIRED || es_status_is(st, ES_SC_NO_RESPONSE) || es_status_is(st, ES_SC_EXPIRED) ||
	       es_status_is(st, ES_SC_CALL_ID_REUSED);
}

struct es_status step_expired(struct smdp *s)
{
	return es_status_bad(turn_ctx(s->turn), ES_EXPIRED, ES_SC_EXPIRED, NULL, "the ValidityPeriod is over");
}

/* Why there is no answer, for the operator. */
struct es_status step_no_answer(struct smdp *s, const struct order_run *r, const struct order_input *in)
{
	if (in->event == ORDER_EV_REFUSED)
		return es_status_bad(turn_ctx(s->turn), ES_FAILED, ES_SC_SMSR_UNREACHABLE, r->o.smsr_oid,
				     "the SM-SR refused %s: %s", es_fn_name(in->fn), in->text);
	return step_expired(s);
}

int step_look(struct smdp *s, struct order_run *r, enum order_purpose purpose)
{
	struct es_audit_eis_req q = {.eid = r->eid};
	int rc = order_note(s, r->o.id, STEP_CLEAN, "the outcome is unknown: the eUICC is audited");

	r->d.purpose = purpose;
	return rc < 0 ? rc : step_call(s, r, ORDER_ST_LOOK, ES3_AUDIT_EIS, &q.base);
}

/* ---- error routine ---- */

static int clean_up(struct smdp *s, struct order_run *r, enum order_purpose purpose)
{
	order_mem_drop(s, r->o.id);
	r->d.purpose = purpose;
	return step_profile_call(s, r, ORDER_ST_CLEAN_UP, ES3_DELETE_ISDP, r->o.iccid);
}

/* An ICCID that is kept back, or was never made use of, is free again. */
static int end(struct smdp *s, struct order_run *r, struct es_status outcome)
{
	int rc = stock_release(s->stock, r->o.id);

	return rc < 0 ? rc : order_finish(s, r, outcome, NULL);
}

int step_fail(struct smdp *s, struct order_run *r, struct es_status outcome)
{
	int rc;

	if (step_is_done(&outcome))
		outcome = es_status_bad(turn_ctx(s->turn), ES_FAILED, ES_SC_INTERNAL, r->o.smsr_oid,
					"the SM-SR reports success, but not what was asked for");
	r->o.outcome = es_status_dup(turn_ctx(s->turn), &outcome);
	if (r->d.purpose == PURPOSE_GUARDED)
		return order_finish(s, r, r->o.outcome, NULL);
	if (!r->d.created)
		return end(s, r, r->o.outcome);
	rc = order_note(s, r->o.id, STEP_CLEAN, "failed (%s): the ISD-P is deleted",
			outcome.message ? outcome.message : "no reason given");
	return rc < 0 ? rc : clean_up(s, r, PURPOSE_FAIL);
}

int step_fail_with(struct smdp *s, struct order_run *r, enum es_sc sc, const char *fmt, ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	text = talloc_vasprintf(turn_ctx(s->turn), fmt, ap);
	va_end(ap);
	return step_fail(s, r, es_status_bad(turn_ctx(s->turn), ES_FAILED, sc, r->o.iccid, "%s", text));
}

int step_again(struct smdp *s, struct order_run *r, const char *why)
{
	int rc;

	if (r->d.tries >= (int)s->cfg->download.isdp_tries)
		return step_fail_with(s, r, ES_SC_ISDP_ERROR, "%s, and no further ISD-P is begun", why);
	rc = order_note(s, r->o.id, STEP_CLEAN, "%s: another ISD-P is begun", why);
	return rc < 0 ? rc : clean_up(s, r, PURPOSE_AGAIN);
}

/* ---- after the error routine ---- */

int clean_answer(struct smdp *s, struct order_run *r, const struct order_input *in)
{
	const struct es_status *st = &in->rsp->base.status;
	bool gone = step_is_done(st) || es_status_is(st, ES_SC_ICCID_UNKNOWN);
	int rc;

	/* Rules guard a profile that is complete, and no other.  POL2 counts once ProfileDownloadCompleted was done. */
	if ((es_status_is(st, ES_SC_POL1_REFUSED) || es_status_is(st, ES_SC_POL2_REFUSED)) && r->d.package_len &&
	    r->d.sent >= r->d.package_len) {
		rc = order_note(s, r->o.id, STEP_CLEAN, "its policy rules guard the profile: it is complete");
		r->d.purpose = PURPOSE_GUARDED;
		return rc < 0 ? rc : step_completed(s, r);
	}
	if (!gone) {
		rc = order_note(s, r->o.id, STEP_CLEAN, "the ISD-P stays: the next order for this eUICC deletes it");
		if (rc == 0 && r->d.purpose == PURPOSE_AGAIN)
			r->o.outcome = es_status_dup(turn_ctx(s->turn), st);
		return rc < 0 ? rc : order_finish(s, r, r->o.outcome, NULL);
	}
	rc = keys_db_delete(s->db, r->o.eid, r->o.iccid);
	r->d.created = false;
	if (rc < 0)
		return rc;
	return r->d.purpose == PURPOSE_AGAIN ? step_create(s, r) : order_finish(s, r, r->o.outcome, NULL);
}

int clean_none(struct smdp *s, struct order_run *r, const struct order_input *in)
{
	int rc = order_note(s, r->o.id, STEP_CLEAN, "DeleteISDP could not be delivered: the next order does it");

	if (rc == 0 && r->d.purpose == PURPOSE_AGAIN)
		r->o.outcome = step_no_answer(s, r, in);
	return rc < 0 ? rc : order_finish(s, r, r->o.outcome, NULL);
}

/* ---- after a look ---- */

static int again_from_nothing(struct smdp *s, struct order_run *r)
{
	int rc = keys_db_delete(s->db, r->o.eid, r->o.iccid);

	if (rc < 0)
		return rc;
	r->d.created = false;
	if (r->d.tries < (int)s->cfg->download.isdp_tries)
		return step_create(s, r);
	if (step_is_done(&r->o.outcome))
		r->o.outcome =
			es_status_bad(turn_ctx(s->turn), ES_FAILED, ES_SC_ISDP_ERROR, r->o.iccid, "the ISD-P is gone");
	return end(s, r, r->o.outcome);
}

int look_answer(struct smdp *s, struct order_run *r, const struct order_input *in)
{
	bool is_sent = r->d.sent >= r->d.package_len;
	const struct es_profile_info *p;
	int rc;

	if (!step_is_done(&in->rsp->base.status) || !in->rsp->eis.eis) {
		rc = step_maybe_created(s, r);
		return rc < 0 ? rc : step_fail(s, r, in->rsp->base.status);
	}
	p = step_entry_of(in->rsp->eis.eis, r->o.iccid);
	if (!p)
		return again_from_nothing(s, r);
	if (r->d.purpose == PURPOSE_CREATE_LOST && p->state == ES_STATE_CREATED)
		return step_created(s, r, p->isdp_aid);
	if (r->d.purpose == PURPOSE_DATA_LOST && is_sent && p->state != ES_STATE_CREATED)
		return step_completed(s, r);
	if (r->d.purpose == PURPOSE_DATA_LOST && !is_sent && p->state == ES_STATE_CREATED)
		return data_again(s, r, "an answer of the eUICC was lost");
	rc = step_maybe_created(s, r);
	return rc < 0 ? rc : step_again(s, r, "the last answer of the eUICC was lost");
}

int look_none(struct smdp *s, struct order_run *r, const struct order_input *in)
{
	int rc = step_maybe_created(s, r);

	return rc < 0 ? rc : step_fail(s, r, step_no_answer(s, r, in));
}
