/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Functions that the SM-SR carries out.  Its status, codes and data go back unchanged: state and policy are its own
 * business.  SGP.02 procedures 3.3, 3.5, 3.7 and their like. */
#include <errno.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "smdp/es3.h"
#include "smdp/dp_record_db.h"
#include "smdp/keys_db.h"
#include "smdp/order_db.h"
#include "smdp/order_steps.h"

static struct es_status failed(struct smdp *s, enum es_sc sc, const char *subject_id, const char *text)
{
	return es_status_bad(turn_ctx(s->turn), sc == ES_SC_EXPIRED ? ES_EXPIRED : ES_FAILED, sc, subject_id, "%s",
			     text);
}

/* ---- whose profile is it? ---- */

/* \param[out] bad  the outcome, when the requester has nothing to do with the profile.  \returns 0; -EPERM */
static int judge(struct smdp *s, const struct order_run *r, const struct es_eis *eis, const char *iccid,
		 struct es_status *bad)
{
	const struct es_profile_info *p = step_entry_of(eis, iccid);

	if (!p)
		*bad = failed(s, ES_SC_ICCID_UNKNOWN, iccid, "no such profile on this eUICC");
	else if (!p->mno_id || strcmp(p->mno_id, r->o.requester) != 0)
		*bad = failed(s, ES_SC_ICCID_NOT_ALLOWED, iccid, "the profile belongs to another operator");
	else
		return 0;
	return -EPERM;
}

static int judge_all(struct smdp *s, const struct order_run *r, const struct es_eis *eis, struct es_status *bad)
{
	const struct es_audit_eis_req *q;
	const void *body;
	int rc;

	if (r->o.fn != ES2_AUDIT_EIS)
		return judge(s, r, eis, r->o.iccid, bad);
	rc = es3_held(s, r->o.id, &body);
	q = body;
	for (size_t i = 0; rc == 0 && i < q->n_iccids; i++)
		rc = judge(s, r, eis, q->iccids[i], bad);
	return rc;
}

static int looked(struct smdp *s, struct order_run *r, const union es_any_rsp *rsp)
{
	const struct es_eis *eis = rsp->eis.eis;
	struct es_status bad;
	int rc;

	if (!step_is_done(&rsp->base.status))
		return order_finish(s, r, rsp->base.status, NULL);
	if (!eis)
		return order_finish(s, r, failed(s, ES_SC_INTERNAL, r->o.smsr_oid, "the SM-SR sent no EIS"), NULL);
	rc = judge_all(s, r, eis, &bad);
	if (rc == -EPERM)
		return order_finish(s, r, bad, NULL);
	if (rc == 0)
		rc = order_enter(s, r, ORDER_ST_RELAY);
	return rc < 0 ? rc : es3_release(s, r);
}

/* ---- the twin ---- */

static int relayed(struct smdp *s, struct order_run *r, const union es_any_rsp *rsp)
{
	bool has_eis = r->o.fn == ES2_GET_EIS || r->o.fn == ES2_AUDIT_EIS;
	int rc = 0;

	if (es_fn_info(r->o.fn)->mep == ES_ASYNC && !has_eis)
		r->o.erd = rsp->euicc.euicc_data;
	if (step_is_done(&rsp->base.status))
		rc = order_db_euicc(s->db, r->o.eid, r->o.smsr_oid, true, &r->o.euicc_id);
	if (rc == 0 && r->o.fn == ES2_DELETE_PROFILE && step_is_done(&rsp->base.status))
		rc = keys_db_delete(s->db, r->o.eid, r->o.iccid);
	return rc < 0 ? rc
		      : order_finish(s, r, es_status_dup(turn_ctx(s->turn), &rsp->base.status), has_eis ? rsp : NULL);
}

static const char *silence(struct smdp *s)
{
	bool paused;

	return dp_record_db_is_paused(s->db, &paused) == 0 && paused ? "calls to SM-SRs are paused here"
								     : "the SM-SR did not answer in time";
}

int relay_event(struct smdp *s, struct order_run *r, const struct order_input *in)
{
	bool is_sync = es_fn_info(r->o.fn)->mep == ES_SYNC;

	switch (in->event) {
	case ORDER_EV_ANSWER:
		return r->o.state == ORDER_ST_RELAY_LOOK ? looked(s, r, in->rsp) : relayed(s, r, in->rsp);
	case ORDER_EV_REFUSED:
		return order_finish(s, r, failed(s, ES_SC_SMSR_UNREACHABLE, r->o.smsr_oid, in->text), NULL);
	case ORDER_EV_CANCEL:
		return order_finish(s, r, failed(s, ES_SC_INTERNAL, NULL, in->text), NULL);
	case ORDER_EV_EXPIRED:
	case ORDER_EV_SILENT:
	case ORDER_EV_DEADLINE:
		return order_finish(s, r,
				    is_sync ? failed(s, ES_SC_SMSR_UNREACHABLE, r->o.smsr_oid, silence(s))
					    : failed(s, ES_SC_EXPIRED, NULL, "the SM-SR did not answer in time"),
				    NULL);
	case ORDER_EV_START:
	case ORDER_EV_RELEASE:
		break;
	}
	return 0;
}
