/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The download of a profile as one table: in each state, what an answer of the SM-SR means, and what it means that
 * there is none.  SGP.02 procedure 3.1.
 *
 * When a step fails the ISD-P is deleted (error routine), and the order ends with the outcome that was kept in its row.
 * An ICCID goes back to the stock only when no ISD-P was ever made for it. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/clock.h"
#include "smdp/es3.h"
#include "smdp/keys_db.h"
#include "smdp/order_db.h"
#include "smdp/order_steps.h"
#include "smdp/dp_restore.h"
#include "smdp/stock.h"

#define FORGET_MAX 32 /* key sets at a time: an eUICC has room for fewer ISD-Ps */

/* ---- calls ---- */

/* An error routine has a time of its own. */
static int64_t call_end(struct smdp *s, const struct order_run *r, bool clean_up)
{
	int64_t own = clock_now_ms() + (int64_t)s->cfg->limits.cleanup_s * 1000;

	return (clean_up || order_is_over(r)) && own > r->o.expires_ms ? own : r->o.expires_ms;
}

int step_call(struct smdp *s, struct order_run *r, enum order_state state, enum es_fn fn, struct es_req *req)
{
	int rc = order_enter(s, r, state);

	return rc < 0 ? rc : es3_call(s, r, fn, req, call_end(s, r, state == ORDER_ST_CLEAN_UP), false);
}

int step_profile_call(struct smdp *s, struct order_run *r, enum order_state state, enum es_fn fn, const char *iccid)
{
	struct es_profile_req q = {.eid = r->eid, .iccid = iccid};

	return step_call(s, r, state, fn, &q.base);
}

int step_send_data(struct smdp *s, struct order_run *r, enum order_state state, struct bytes aid, struct bytes data,
		   bool more)
{
	struct es_send_data_req q = {.eid = r->eid, .sd_aid = aid, .data = data, .more_to_do = more};

	return step_call(s, r, state, ES3_SEND_DATA, &q.base);
}

/* ---- before there is an ISD-P ---- */

static int start(struct smdp *s, struct order_run *r)
{
	struct es_get_eis_req q = {.eid = r->eid};
	int rc;

	if (order_is_over(r))
		return step_fail(s, r, step_expired(s));
	r->o.started_ms = clock_now_ms();
	rc = order_note(s, r->o.id, STEP_STARTED, "for SM-SR %s", r->o.smsr_oid);
	return rc < 0 ? rc : step_call(s, r, ORDER_ST_GET_EIS, ES3_GET_EIS, &q.base);
}

static const struct {
	enum stock_refusal refusal;
	enum es_sc sc;
} refusals[] = {
	{STOCK_ICCID_UNKNOWN, ES_SC_ICCID_UNKNOWN},
	{STOCK_ICCID_OTHER_MNO, ES_SC_ICCID_NOT_ALLOWED},
	{STOCK_ICCID_IN_USE, ES_SC_ICCID_IN_USE},
	{STOCK_ICCID_BROKEN, ES_SC_ICCID_UNKNOWN},
	{STOCK_ICCID_OTHER_TYPE, ES_SC_PROFILE_TYPE_UNSUITABLE},
	{STOCK_TYPE_UNKNOWN, ES_SC_PROFILE_TYPE_UNKNOWN},
	{STOCK_TYPE_EMPTY, ES_SC_PROFILE_TYPE_NONE_LEFT},
};

static enum es_sc refusal_sc(enum stock_refusal refusal)
{
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		if (refusals[i].refusal == refusal)
			return refusals[i].sc;
	}
	return ES_SC_INTERNAL;
}

/* \returns 1 to go on, 0 when the order has ended, negative errno */
static int reserve(struct smdp *s, struct order_run *r)
{
	const char *iccid = r->d.item_id || !r->o.profile_type ? r->o.iccid : NULL;
	enum stock_refusal refusal;
	struct stock_item item;
	int rc = stock_reserve(s->stock, turn_ctx(s->turn), r->o.requester, iccid, r->o.profile_type, r->o.id, &item,
			       &refusal);

	if (rc == -ENOENT)
		return step_fail(s, r,
				 es_status_bad(turn_ctx(s->turn), ES_FAILED, refusal_sc(refusal),
					       r->o.iccid ? r->o.iccid : r->o.profile_type, "%s",
					       stock_refusal_text(refusal)));
	if (rc < 0)
		return rc;
	r->d.item_id = item.id;
	r->d.package_len = (int64_t)item.package_len;
	r->d.required_memory = item.required_memory * (100 + (int64_t)s->cfg->download.memory_margin) / 100;
	r->o.iccid = talloc_strdup(turn_ctx(s->turn), item.iccid);
	rc = order_note(s, r->o.id, STEP_RESERVED, "ICCID %s, %zu octets", item.iccid, item.package_len);
	return rc < 0 ? rc : 1;
}

int step_create(struct smdp *s, struct order_run *r)
{
	struct es_create_isdp_req q = {
		.eid = r->eid,
		.iccid = r->o.iccid,
		.mno_id = r->o.requester,
		.required_memory = r->d.required_memory,
		.more_to_do = true,
	};

	if (order_is_over(r))
		return step_fail(s, r, step_expired(s));
	r->d.tries++;
	r->d.sessions = 0;
	r->d.sent = r->d.done = 0;
	r->d.aid = (struct bytes){0};
	return step_call(s, r, ORDER_ST_CREATE, ES3_CREATE_ISDP, &q.base);
}

const struct es_profile_info *step_entry_of(const struct es_eis *eis, const char *iccid)
{
	for (size_t i = 0; eis && iccid && i < eis->n_profiles; i++) {
		if (eis->profiles[i].iccid && strcmp(eis->profiles[i].iccid, iccid) == 0)
			return &eis->profiles[i];
	}
	return NULL;
}

/* What an order of ours left behind.  Nothing else of ours runs on this eUICC, so it belongs to nobody. */
static const struct es_profile_info *leftover(struct smdp *s, const struct es_eis *eis)
{
	for (size_t i = 0; i < eis->n_profiles; i++) {
		const struct es_profile_info *p = &eis->profiles[i];

		if (p->state == ES_STATE_CREATED && p->smdp_id && strcmp(p->smdp_id, s->cfg->oid) == 0 && p->iccid)
			return p;
	}
	return NULL;
}

/* Keys of ISD-Ps that earlier orders did not finish serve nobody once the card does not have them any more. */
static int forget_keys(struct smdp *s, const struct order_run *r, const struct es_eis *eis)
{
	char *iccids[FORGET_MAX];
	size_t n = 0;
	int rc = keys_db_unfinished(turn_ctx(s->turn), s->db, r->o.eid, r->o.id, iccids, ARRAY_SIZE(iccids), &n);

	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = step_entry_of(eis, iccids[i]) ? 0 : keys_db_delete(s->db, r->o.eid, iccids[i]);
	return rc;
}

static int on_eis(struct smdp *s, struct order_run *r, const struct order_input *in)
{
	const struct es_eis *eis = in->rsp->eis.eis;
	const struct es_profile_info *old;
	struct es_status bad;
	int rc;

	if (!step_is_done(&in->rsp->base.status) || !eis)
		return step_fail(s, r, in->rsp->base.status);
	if (eligible_check(s, r, eis, &bad) < 0)
		return step_fail(s, r, bad);
	/* It answers for this eUICC: from now on it speaks for it. */
	rc = order_db_euicc(s->db, r->o.eid, r->o.smsr_oid, true, &r->o.euicc_id);
	if (rc < 0)
		return rc;
	rc = order_note(s, r->o.id, STEP_ELIGIBLE, "signature and ECASD certificate verified, %" PRIu64 " octets free",
			eis->remaining_memory);
	if (rc < 0)
		return rc;
	rc = dp_restore_rx_profiles(s, eis);
	if (rc < 0)
		return rc;
	rc = forget_keys(s, r, eis);
	if (rc < 0)
		return rc;
	old = leftover(s, eis);
	if (old && r->d.purpose != PURPOSE_CLEANED) {
		r->d.purpose = PURPOSE_CLEANED;
		return step_profile_call(s, r, ORDER_ST_CLEAN_OLD, ES3_DELETE_ISDP, old->iccid);
	}
	rc = reserve(s, r);
	if (rc != 1)
		return rc;
	if (step_entry_of(eis, r->o.iccid))
		return step_fail_with(s, r, ES_SC_ICCID_IN_USE, "a profile with this ICCID is on the eUICC");
	if (eis->remaining_memory < (uint64_t)r->d.required_memory)
		return step_fail(s, r,
				 es_status_bad(turn_ctx(s->turn), ES_FAILED, ES_SC_MEMORY, r->eid,
					       "%" PRIu64 " octets are free, %" PRId64 " are needed",
					       eis->remaining_memory, r->d.required_memory));
	return step_create(s, r);
}

/* It went or it did not: the EIS tells. */
static int on_old_cleaned(struct smdp *s, struct order_run *r, const struct order_input *in)
{
	struct es_get_eis_req q = {.eid = r->eid};

	if (order_is_over(r))
		return step_fail(s, r, step_expired(s));
	return step_call(s, r, ORDER_ST_GET_EIS, ES3_GET_EIS, &q.base);
}

/* ---- ISD-P ---- */

int step_created(struct smdp *s, struct order_run *r, struct bytes aid)
{
	int rc = stock_use(s->stock, r->o.id);

	r->d.created = true;
	r->d.aid = aid;
	if (rc < 0)
		return rc;
	if (order_is_over(r))
		return step_fail(s, r, step_expired(s));
	return keys_begin(s, r);
}

int step_maybe_created(struct smdp *s, struct order_run *r)
{
	r->d.created = true;
	return stock_use(s->stock, r->o.id);
}

static int on_created(struct smdp *s, struct order_run *r, const struct order_input *in)
{
	const struct es_create_isdp_rsp *rsp = &in->rsp->create;
	int rc;

	if (step_is_done(&rsp->base.status) && rsp->isdp_aid.len)
		return step_created(s, r, rsp->isdp_aid);
	/* An SM-SR that was busy when one attempt came may have taken another. */
	if (!step_is_done(&rsp->base.status) && !step_is_unknown(&rsp->base.status) && !in->maybe)
		return step_fail(s, r, rsp->base.status);
	r->o.outcome = es_status_dup(turn_ctx(s->turn), &rsp->base.status);
	if (!order_is_over(r))
		return step_look(s, r, PURPOSE_CREATE_LOST);
	rc = step_maybe_created(s, r);
	return rc < 0 ? rc : step_fail(s, r, step_expired(s));
}

static int on_create_lost(struct smdp *s, struct order_run *r, const struct order_input *in)
{
	int rc = in->maybe ? step_maybe_created(s, r) : 0;

	return rc < 0 ? rc : step_fail(s, r, step_no_answer(s, r, in));
}

/* ---- keys and data ---- */

static int on_data(struct smdp *s, struct order_run *r, const struct order_input *in)
{
	const struct es_euicc_rsp *rsp = &in->rsp->euicc;
	bool is_data = r->o.state == ORDER_ST_DATA;

	if (!step_is_done(&rsp->base.status)) {
		/* EXPIRED: it never reached the card, and the SM-SR has tried long enough. */
		if (is_data && rsp->base.status.status != ES_EXPIRED && step_is_unknown(&rsp->base.status) &&
		    !order_is_over(r))
			return step_look(s, r, PURPOSE_DATA_LOST);
		/* SGP.02: some SM-SRs report an error of the card like this, with its answer. */
		return step_fail(s, r, rsp->base.status);
	}
	if (is_data)
		return data_rx(s, r, rsp->euicc_data);
	if (order_is_over(r))
		return step_fail(s, r, step_expired(s));
	if (r->o.state == ORDER_ST_TOKEN)
		return token_rx(s, r, rsp->euicc_data);
	return r->o.state == ORDER_ST_KE1 ? keys_rx_challenge(s, r, rsp->euicc_data)
					  : keys_rx_receipt(s, r, rsp->euicc_data);
}

static int fail_no_answer(struct smdp *s, struct order_run *r, const struct order_input *in)
{
	return step_fail(s, r, step_no_answer(s, r, in));
}

/* ---- the end ---- */

int step_completed(struct smdp *s, struct order_run *r)
{
	struct es_subscription_address address = {0};
	struct es_download_completed_req q = {.eid = r->eid, .iccid = r->o.iccid};
	struct stock_item item;
	int rc;

	order_mem_drop(s, r->o.id);
	rc = stock_get_id(s->stock, turn_ctx(s->turn), r->d.item_id, &item);
	if (rc < 0)
		return rc;
	address.imsi = item.imsi;
	address.msisdn = item.msisdn;
	q.profile_type = item.type;
	q.address = &address;
	q.pol2 = &item.pol2;
	return step_call(s, r, ORDER_ST_COMPLETED, ES3_PROFILE_DOWNLOAD_COMPLETED, &q.base);
}

static int mark_installed(struct smdp *s, const struct order_run *r)
{
	struct isdp_keys k;
	int rc = keys_db_get(turn_ctx(s->turn), s->db, r->o.eid, r->o.iccid, &k);

	if (rc < 0)
		return rc;
	k.installed = true;
	return keys_db_update(s->db, &k);
}

/* The profile is there; only enabling it went wrong. */
static int warn(struct smdp *s, struct order_run *r, struct es_status st)
{
	st = es_status_dup(turn_ctx(s->turn), &st);
	st.status = ES_EXECUTED_WITHWARNING;
	return order_finish(s, r, st, NULL);
}

static int on_completed(struct smdp *s, struct order_run *r, const struct order_input *in)
{
	int rc;

	if (!step_is_done(&in->rsp->base.status))
		return step_fail(s, r, in->rsp->base.status);
	rc = mark_installed(s, r);
	if (rc < 0)
		return rc;
	if (!r->d.enable)
		return order_finish(s, r, es_status_ok(), NULL);
	if (order_is_over(r))
		return warn(s, r, step_expired(s));
	return step_profile_call(s, r, ORDER_ST_ENABLE, ES3_ENABLE_PROFILE, r->o.iccid);
}

static int on_enabled(struct smdp *s, struct order_run *r, const struct order_input *in)
{
	const struct es_status *st = &in->rsp->base.status;

	if (in->rsp->euicc.euicc_data.len)
		r->o.erd = in->rsp->euicc.euicc_data;
	return st->status == ES_EXECUTED_SUCCESS ? order_finish(s, r, es_status_ok(), NULL) : warn(s, r, *st);
}

static int on_enable_lost(struct smdp *s, struct order_run *r, const struct order_input *in)
{
	if (in->maybe)
		return warn(s, r,
			    es_status_bad(turn_ctx(s->turn), ES_FAILED, ES_SC_NO_RESPONSE, NULL,
					  "the SM-SR did not say whether the profile is enabled"));
	return warn(s, r, step_no_answer(s, r, in));
}

/* ---- the table ---- */

typedef int (*step_cb)(struct smdp *s, struct order_run *r, const struct order_input *in);

static const struct {
	enum order_state state;
	step_cb answer;
	step_cb none; /* refused, expired, silent */
} steps[] = {
	{ORDER_ST_GET_EIS, on_eis, fail_no_answer},    {ORDER_ST_CLEAN_OLD, on_old_cleaned, on_old_cleaned},
	{ORDER_ST_CREATE, on_created, on_create_lost}, {ORDER_ST_KE1, on_data, fail_no_answer},
	{ORDER_ST_KE2, on_data, fail_no_answer},       {ORDER_ST_TOKEN, on_data, fail_no_answer},
	{ORDER_ST_DATA, on_data, fail_no_answer},      {ORDER_ST_COMPLETED, on_completed, fail_no_answer},
	{ORDER_ST_ENABLE, on_enabled, on_enable_lost}, {ORDER_ST_CLEAN_UP, clean_answer, clean_none},
	{ORDER_ST_LOOK, look_answer, look_none},
};

static int cancel(struct smdp *s, struct order_run *r, const char *why)
{
	int rc = order_note(s, r->o.id, STEP_OPERATOR, "%s", why);

	if (rc == 0)
		rc = es3_drop(s, r->o.id);
	/* CreateISDP may be under way: it is deleted behind that. */
	if (rc == 0 && (r->o.state == ORDER_ST_CREATE || r->o.state == ORDER_ST_LOOK))
		rc = step_maybe_created(s, r);
	return rc < 0 ? rc : step_fail_with(s, r, ES_SC_INTERNAL, "%s", why);
}

static bool may_be_cancelled(enum order_state state)
{
	return state != ORDER_ST_COMPLETED && state != ORDER_ST_ENABLE && state != ORDER_ST_CLEAN_UP;
}

static int step(struct smdp *s, struct order_run *r, const struct order_input *in, bool answer)
{
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		if (steps[i].state == r->o.state)
			return answer ? steps[i].answer(s, r, in) : steps[i].none(s, r, in);
	}
	return 0;
}

int download_event(struct smdp *s, struct order_run *r, const struct order_input *in)
{
	switch (in->event) {
	case ORDER_EV_START:
		return r->o.state == ORDER_ST_QUEUED ? start(s, r) : 0;
	case ORDER_EV_ANSWER:
		return step(s, r, in, true);
	case ORDER_EV_REFUSED:
	case ORDER_EV_EXPIRED:
	case ORDER_EV_SILENT:
		return step(s, r, in, false);
	case ORDER_EV_DEADLINE:
		return r->o.state == ORDER_ST_QUEUED ? step_fail(s, r, step_expired(s)) : 0;
	case ORDER_EV_RELEASE:
		return -EBUSY;
	case ORDER_EV_CANCEL:
		return may_be_cancelled(r->o.state) ? cancel(s, r, in->text) : -EBUSY;
	}
	return 0;
}
