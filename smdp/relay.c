/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Functions that the SM-SR carries out.  Its status, codes and data go back unchanged: state and policy are its own
 * business.  SGP.02 procedures 3.3, 3.5, 3.7 and their like. */
#include <errno.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "smdp/es3.h"
#include "smdp/keys_db.h"
#include "smdp/order.h"

static struct es_status failed(struct smdp *s, enum es_sc sc, const char *subject_id, const char *text)
{
	return es_status_bad(turn_ctx(s->turn), sc == ES_SC_EXPIRED ? ES_EXPIRED : ES_FAILED, sc, subject_id, "%s",
			     text);
}

static bool is_done(const struct es_status *st)
{
	return st->status == ES_EXECUTED_SUCCESS || st->status == ES_EXECUTED_WITHWARNING;
}

/* ---- whose profile is it? ---- */

static int looked(struct smdp *s, struct order_run *r, const union es_any_rsp *rsp)
{
	const struct es_eis *eis = rsp->eis.eis;

	if (!is_done(&rsp->base.status) || !eis)
		return order_finish(s, r, rsp->base.status, NULL);
	for (size_t i = 0; i < eis->n_profiles; i++) {
		const struct es_profile_info *p = &eis->profiles[i];
		int rc;

		if (!p->iccid || strcmp(p->iccid, r->o.iccid) != 0)
			continue;
		if (!p->mno_id || strcmp(p->mno_id, r->o.requester) != 0)
			return order_finish(s, r,
					    failed(s, ES_SC_ICCID_NOT_ALLOWED, r->o.iccid,
						   "the profile belongs to another operator"),
					    NULL);
		rc = order_enter(s, r, ORDER_ST_RELAY);
		return rc < 0 ? rc : es3_release(s, r->o.id);
	}
	return order_finish(s, r, failed(s, ES_SC_ICCID_UNKNOWN, r->o.iccid, "no such profile on this eUICC"), NULL);
}

/* ---- the twin ---- */

static int relayed(struct smdp *s, struct order_run *r, const union es_any_rsp *rsp)
{
	bool has_eis = r->o.fn == ES2_GET_EIS || r->o.fn == ES2_AUDIT_EIS;
	int rc = 0;

	if (es_fn_info(r->o.fn)->mep == ES_ASYNC && !has_eis)
		r->o.erd = rsp->euicc.euicc_data;
	if (r->o.fn == ES2_DELETE_PROFILE && is_done(&rsp->base.status))
		rc = keys_db_delete(s->db, r->o.eid, r->o.iccid);
	return rc < 0 ? rc
		      : order_finish(s, r, es_status_dup(turn_ctx(s->turn), &rsp->base.status), has_eis ? rsp : NULL);
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
		return order_finish(
			s, r,
			is_sync ? failed(s, ES_SC_SMSR_UNREACHABLE, r->o.smsr_oid, "the SM-SR did not answer in time")
				: failed(s, ES_SC_EXPIRED, NULL, "the SM-SR did not answer in time"),
			NULL);
	case ORDER_EV_START:
		break;
	}
	return 0;
}
