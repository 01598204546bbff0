/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* SendData and UpdateConnectivityParameters: what an SM-DP has for its ISD-P.  SGP.02 ES3.SendData, procedure 3.13.
 *
 * Answers of the card to SendData are never judged here: only its SM-DP can read them.  Nothing is ever sent again
 * under a new counter, because only the SM-DP knows what happens when it is done twice.
 *
 * A key establishment is let through only for an ISD-P in state Created, and its second half only behind its first:
 * the eUICC's row holds the ISD-P that the ISD-R was last asked to personalise. */
#include <errno.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/clock.h"
#include "scp80/sp.h"
#include "smsr/bearer.h"
#include "smsr/eis_db.h"
#include "smsr/op_db.h"
#include "smsr/op_proc.h"
#include "smsr/sd_guard.h"

static bool is_own(const struct smsr *s, const struct op_run *r, const struct profile *p)
{
	const struct peer *smdp = smsr_cfg_peer(s->cfg, r->op.requester);

	return smdp && p && p->state != PROFILE_IN_CREATION && p->smdp_oid && strcmp(p->smdp_oid, smdp->oid) == 0 &&
	       peer_acts_for(smdp, p->mno_oid);
}

static int not_allowed(struct smsr *s, struct op_run *r, struct bytes aid, const char *text)
{
	return op_fail(s, r, ES_FAILED, ES_SC_SD_AID_NOT_ALLOWED, hex_enc(turn_ctx(s->turn), aid), text);
}

static int send_data(struct smsr *s, struct op_run *r, struct bytes target, const struct op_data *d)
{
	const struct bearer_job job = {
		.kind = CMD_DATA,
		.target = target,
		.cmds = d->cmds,
		.more_to_do = d->more_to_do,
		.dest = op_msisdn(r),
	};

	return bearer_send(s, r, OP_ST_DATA, &job);
}

/* ---- SendData ---- */

static int keys_begin(struct smsr *s, struct op_run *r, const struct sd_look *look, const struct op_data *d)
{
	struct profile *p = op_profile_by_aid(r, look->isdp);
	int rc;

	if (!is_own(s, r, p))
		return not_allowed(s, r, look->isdp, "the ISD-P in the INSTALL is not this SM-DP's");
	if (p->state != PROFILE_CREATED)
		return not_allowed(s, r, look->isdp, "keys are established in state Created only");
	r->op.other_aid = p->isdp_aid;
	rc = eis_db_set_perso(s->db, r->euicc.id, p->isdp_aid);
	return rc < 0 ? rc : send_data(s, r, r->euicc.isdr_aid, d);
}

static int keys_finish(struct smsr *s, struct op_run *r, const struct op_data *d)
{
	struct bytes aid;
	struct profile *p;
	int rc = eis_db_perso(turn_ctx(s->turn), s->db, r->euicc.id, &aid);

	if (rc < 0)
		return rc;
	p = op_profile_by_aid(r, aid);
	if (!is_own(s, r, p) || p->state != PROFILE_CREATED)
		return not_allowed(s, r, r->op.aid, "3A02 follows upon 3A01 for an ISD-P of this SM-DP");
	r->op.other_aid = p->isdp_aid;
	rc = eis_db_set_perso(s->db, r->euicc.id, bytes_of(NULL, 0)); /* once only */
	return rc < 0 ? rc : send_data(s, r, r->euicc.isdr_aid, d);
}

static int to_isdp(struct smsr *s, struct op_run *r, const struct op_data *d)
{
	struct profile *p = op_profile_by_aid(r, r->op.aid);

	if (bytes_eq(r->op.aid, r->euicc.isdr_aid))
		return not_allowed(s, r, r->op.aid, "only the blocks of a key establishment may go to the ISD-R");
	if (!p || p->state == PROFILE_IN_CREATION)
		return op_fail(s, r, ES_FAILED, ES_SC_SD_AID_UNKNOWN, hex_enc(turn_ctx(s->turn), r->op.aid),
			       "no such ISD-P on this eUICC");
	if (!is_own(s, r, p))
		return not_allowed(s, r, r->op.aid, "the ISD-P is not this SM-DP's");
	return send_data(s, r, p->isdp_aid, d);
}

int op_data_begin(struct smsr *s, struct op_run *r)
{
	const char *why = "";
	struct sd_look look;
	struct op_data d;
	int rc = op_db_data_get(turn_ctx(s->turn), s->db, r->op.id, &d);

	if (rc < 0)
		return rc;
	rc = sd_guard_look(turn_ctx(s->turn), d.cmds, &look, &why);
	if (rc == -EPERM)
		return not_allowed(s, r, r->op.aid, why);
	if (rc < 0)
		return rc;
	switch (look.kind) {
	case SD_TO_ISDP:
		return to_isdp(s, r, &d);
	case SD_KEYS_BEGIN:
		return keys_begin(s, r, &look, &d);
	case SD_KEYS_FINISH:
		return keys_finish(s, r, &d);
	}
	return -EINVAL;
}

/* ---- UpdateConnectivityParameters ---- */

int op_connectivity_begin(struct smsr *s, struct op_run *r)
{
	struct profile *p = op_profile_by_iccid(r, r->op.iccid);
	struct op_data d;
	int rc = op_db_data_get(turn_ctx(s->turn), s->db, r->op.id, &d);

	if (rc < 0)
		return rc;
	if (!p || p->state == PROFILE_IN_CREATION)
		return op_fail(s, r, ES_FAILED, ES_SC_ICCID_UNKNOWN, r->op.iccid, "no such profile on this eUICC");
	if (p->state == PROFILE_CREATED)
		return op_fail(s, r, ES_FAILED, ES_SC_ICCID_WRONG_STATE, r->op.iccid, "no profile is installed yet");
	r->op.aid = p->isdp_aid;
	return send_data(s, r, p->isdp_aid, &d);
}

/* ---- answers ---- */

static int refused(struct smsr *s, struct op_run *r, const struct op_input *in)
{
	void *ctx = turn_ctx(s->turn);
	const char *why = in->event == OP_EV_REFUSED ? (in->text ? in->text : sp_status_name(in->por_status))
						     : "it could not read it";

	return op_fail(s, r, ES_FAILED, ES_SC_ISDP_ERROR, hex_enc(ctx, r->op.aid),
		       talloc_asprintf(ctx, "the card did not execute the script: %s", why));
}

int op_data_answer(struct smsr *s, struct op_run *r, const struct op_input *in)
{
	bool judged = r->op.kind == OP_CONNECTIVITY;

	r->op.erd = bytes_dup(turn_ctx(s->turn), in->rsp);
	if (in->event == OP_EV_REFUSED || (in->script && in->script->bad_format))
		return refused(s, r, in);
	if (in->rsp.len == 0)
		return op_fail(s, r, ES_FAILED, ES_SC_NO_RESPONSE, r->op.iccid,
			       "the answer of the card cannot be read: what it did is not known");
	r->op.completed_ms = clock_stamp_ms();
	if (judged && in->script && in->script->bad_sw)
		return op_fail(s, r, ES_FAILED, ES_SC_ISDP_ERROR, r->op.iccid,
			       sw_words(turn_ctx(s->turn), in->script->bad_sw));
	return op_finish(s, r, es_status_ok());
}

int op_data_lost(struct smsr *s, struct op_run *r, const struct op_input *in)
{
	if (in->event == OP_EV_UNREACHED)
		return op_fail(s, r, ES_EXPIRED, ES_SC_EXPIRED, r->op.iccid,
			       in->text ? in->text : "no service centre took the message in time");
	return op_fail(s, r, ES_FAILED, ES_SC_NO_RESPONSE, r->op.iccid,
		       "delivered, but no answer of the card came: what it did is not known");
}
