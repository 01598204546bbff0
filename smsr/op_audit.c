/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* eUICCCapabilityAudit: make the EIS say what the card says.  SGP.02 ES4.AuditEIS.
 *
 * GET STATUS of all ISD-Ps (again with P2 = 03 while the card has more), then GET DATA FF21 for the memory.  A definite
 * script gives only the last answer back, so each is a command of its own.  What GET STATUS gave so far is kept in
 * op.erd; op.arg counts the steps when the operation is an audit.
 *
 * Inside another operation (a confirmation or delete whose answer was lost) the audit also decides how that ended. */
#include <errno.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/clock.h"
#include "common/app/log.h"
#include "smsr/cmd.h"
#include "smsr/eis_db.h"
#include "smsr/op_proc.h"
#include "smsr/report.h"
#include "smsr/stray_db.h"

/* Enough for any eUICC: 100 profiles of 60 octets. */
#define STATUS_MAX 6000

/* Behind a notification the card is where that came from, whatever the EIS still says. */
static struct profile *addressee(struct op_run *r)
{
	struct profile *p;

	if (r->op.kind != OP_AUDIT && op_arg_notified(&r->op))
		return op_confirm_addressee(r);
	p = op_profile_enabled(r);
	return p ? p : op_profile_fallback(r);
}

const char *op_msisdn(struct op_run *r)
{
	struct profile *p = addressee(r);

	return p ? p->msisdn : NULL;
}

static int send_audit(struct smsr *s, struct op_run *r, int (*build)(struct wr *w))
{
	const char *dest = op_msisdn(r);
	uint8_t buf[32];
	struct bytes capdu;
	struct wr w;
	int rc;

	wr_init_buf(&w, buf, sizeof(buf));
	rc = build(&w);
	if (rc == 0)
		rc = wr_end(&w, &capdu);
	if (rc == 0)
		rc = cmd_audit_dest(s, r, &dest);
	return rc < 0 ? rc : op_send(s, r, OP_ST_AUDIT, CMD_AUDIT, capdu, dest);
}

static int build_first(struct wr *w)
{
	return es5_get_status(false, w);
}

static int build_next(struct wr *w)
{
	return es5_get_status(true, w);
}

int op_audit_begin(struct smsr *s, struct op_run *r)
{
	if (r->op.kind == OP_AUDIT && r->op.completed_ms)
		return send_audit(s, r, es5_get_memory);
	r->op.erd = bytes_of(NULL, 0);
	return send_audit(s, r, build_first);
}

static enum profile_state state_of(enum es5_life life)
{
	switch (life) {
	case ES5_LIFE_ENABLED:
		return PROFILE_ENABLED;
	case ES5_LIFE_DISABLED:
		return PROFILE_DISABLED;
	case ES5_LIFE_SELECTABLE:
	case ES5_LIFE_PERSONALIZED:
		break;
	}
	return PROFILE_CREATED;
}

static int stray(struct smsr *s, struct op_run *r, struct bytes aid)
{
	int rc = stray_db_add(s->db, r->euicc.id, aid);

	return rc < 0 ? rc
		      : op_note(s, r->op.id, STEP_EIS, "the card has an ISD-P %s that the EIS does not know",
				hex_enc(turn_ctx(s->turn), aid));
}

static int apply_isdp(struct smsr *s, struct op_run *r, const struct es5_isdp *isdp)
{
	struct profile *p = op_profile_by_aid(r, isdp->aid);

	if (!p)
		return stray(s, r, isdp->aid);
	if (isdp->fallback >= 0)
		p->fallback = isdp->fallback;
	if (isdp->granted_memory >= 0)
		p->allocated_memory = isdp->granted_memory;
	if (isdp->remaining_memory >= 0)
		p->free_memory = isdp->remaining_memory;
	/* Enabled and Disabled are set together by op_apply_enabled(), which also tells the owners.  An ISD-P whose
	 * creation was in doubt is there; whether its profile is complete is for its SM-DP to say. */
	if (state_of(isdp->life) == PROFILE_CREATED || p->state == PROFILE_IN_CREATION)
		p->state = PROFILE_CREATED;
	return eis_db_profile_update(s->db, p);
}

static bool listed(struct bytes status, struct bytes aid)
{
	struct es5_isdp isdp;
	struct rd rd;

	rd_init(&rd, status);
	while (es5_isdp_next(&rd, &isdp)) {
		if (bytes_eq(isdp.aid, aid))
			return true;
	}
	return false;
}

/* By this very operation, which decides about it. */
static bool is_being_created(const struct op_run *r, const struct profile *p)
{
	return r->op.kind == OP_CREATE && bytes_eq(p->isdp_aid, r->op.aid);
}

static int drop_missing(struct smsr *s, struct op_run *r, struct bytes status)
{
	int rc = 0;

	for (size_t i = r->profiles.n; rc == 0 && i-- > 0;) {
		struct profile *p = &r->profiles.list[i];

		if (!listed(status, p->isdp_aid) && !is_being_created(r, p))
			rc = op_profile_gone(s, r, p);
	}
	return rc;
}

static int apply_status(struct smsr *s, struct op_run *r, struct bytes status)
{
	struct bytes enabled = bytes_of(NULL, 0);
	struct es5_isdp isdp;
	struct rd rd;
	int rc = stray_db_clear(s->db, r->euicc.id);

	rd_init(&rd, status);
	while (rc == 0 && es5_isdp_next(&rd, &isdp)) {
		if (isdp.life == ES5_LIFE_ENABLED)
			enabled = isdp.aid;
		rc = apply_isdp(s, r, &isdp);
	}
	if (rc == 0 && enabled.len)
		rc = op_apply_enabled(s, r, enabled);
	if (rc == 0)
		rc = drop_missing(s, r, status);
	r->euicc.last_audit_ms = clock_stamp_ms();
	r->euicc.audit_due = NULL;
	if (rc == 0)
		rc = eis_db_update(s->db, &r->euicc);
	if (rc == 0)
		rc = eis_db_set_audit_due(s->db, r->euicc.id, NULL);
	if (rc == 0)
		rc = op_note(s, r->op.id, STEP_EIS, "agrees with the card: %zu profiles", r->profiles.n);
	return rc;
}

static bool status_is_sound(struct bytes status)
{
	struct es5_isdp isdp;
	struct rd rd;

	rd_init(&rd, status);
	while (es5_isdp_next(&rd, &isdp))
		;
	return status.len && rd_end(&rd) == 0;
}

/* The profile that a change is about, as the card says: did the change happen? */
static bool change_is_done(struct op_run *r)
{
	struct profile *t = op_profile_by_iccid(r, r->op.iccid);

	switch (r->op.kind) {
	case OP_ENABLE:
		return t && t->state == PROFILE_ENABLED;
	case OP_DISABLE:
	case OP_DELETE: /* what is only disabled is deleted next */
		return !t || t->state != PROFILE_ENABLED;
	case OP_CONFIRM:
	case OP_AUDIT:
	case OP_CREATE:
	case OP_SEND_DATA:
	case OP_CONNECTIVITY:
		break;
	}
	return true;
}

/* The change itself was in doubt, no notification has come so far. */
static int resolve_change(struct smsr *s, struct op_run *r)
{
	if (change_is_done(r))
		return op_await(s, r, OP_ST_NOTIF);
	if (r->op.attempt++ > 1)
		return op_fail(s, r, ES_FAILED, ES_SC_ISDR_ERROR, r->op.iccid,
			       "an audit shows that the card did not do it");
	r->op.state = OP_ST_CHANGE;
	return op_resend(s, r);
}

static bool awaits_notification(const struct op_run *r)
{
	bool changes =
		r->op.kind == OP_ENABLE || r->op.kind == OP_DISABLE || (r->op.kind == OP_DELETE && r->op.other_aid.len);

	return changes && !op_arg_notified(&r->op);
}

/* A confirmation or delete was lost: did the card do it? */
static int resolve(struct smsr *s, struct op_run *r)
{
	int rc = 0;

	if (r->op.kind == OP_CREATE)
		return op_create_looked(s, r);
	if (awaits_notification(r))
		return resolve_change(s, r);
	if (!change_is_done(r))
		return op_fail(s, r, ES_FAILED, ES_SC_ISDR_ERROR, r->op.iccid,
			       "an audit shows that the card did not do it");
	if (!r->op.completed_ms)
		r->op.completed_ms = clock_stamp_ms();
	if (op_arg_notified(&r->op)) {
		r->euicc.notif_seq = op_arg_seq(&r->op);
		rc = eis_db_update(s->db, &r->euicc);
	}
	if (rc == 0 && r->op.kind == OP_CONFIRM)
		rc = op_finish(s, r, es_status_ok());
	else if (rc == 0)
		rc = op_change_done(s, r);
	return rc;
}

/* The look that was to tell what became of a command has failed: that stays unknown. */
static int still_unknown(struct smsr *s, struct op_run *r)
{
	const char *text = "the audit behind the command failed";
	int rc = op_mark_audit(s, r, text);

	return rc < 0 ? rc : op_fail(s, r, ES_FAILED, ES_SC_NO_RESPONSE, r->op.iccid, text);
}

static int status_answered(struct smsr *s, struct op_run *r, const struct op_input *in)
{
	void *ctx = turn_ctx(s->turn);
	struct bytes all;
	struct wr w;
	int rc;

	wr_init(&w, ctx);
	wr_bytes(&w, r->op.erd);
	wr_bytes(&w, in->script->last.data);
	rc = wr_end(&w, &all);
	if (rc < 0)
		return rc;
	if (!status_is_sound(all) || all.len > STATUS_MAX)
		return r->op.kind != OP_AUDIT ? still_unknown(s, r)
					      : op_fail(s, r, ES_FAILED, ES_SC_ISDR_ERROR, NULL,
							"the answer to GET STATUS cannot be read");
	r->op.erd = all;
	if (in->script->last.sw == ES5_SW_MORE)
		return send_audit(s, r, build_next);
	rc = apply_status(s, r, all);
	if (rc < 0)
		return rc;
	r->op.erd = bytes_of(NULL, 0);
	if (r->op.kind != OP_AUDIT)
		return resolve(s, r);
	r->op.completed_ms = clock_stamp_ms(); /* from here on only the memory is missing */
	return op_audit_begin(s, r);
}

static int memory_answered(struct smsr *s, struct op_run *r, const struct op_input *in)
{
	int64_t free_memory;
	int rc;

	if (es5_memory_dec(in->script->last.data, &free_memory) < 0)
		return op_fail(s, r, ES_EXECUTED_WITHWARNING, ES_SC_ISDR_ERROR, NULL,
			       "the memory figures cannot be read");
	r->euicc.remaining_memory = free_memory;
	rc = eis_db_update(s->db, &r->euicc);
	if (rc == 0)
		rc = op_note(s, r->op.id, STEP_EIS, "%lld octets of memory left", (long long)free_memory);
	return rc < 0 ? rc : op_finish(s, r, es_status_ok());
}

static bool answer_is_good(const struct op_input *in)
{
	enum script_verdict v;

	if (in->event != OP_EV_ANSWER || !in->script)
		return false;
	v = script_rsp_judge(in->script, 1);
	return v == SCRIPT_DONE || (v == SCRIPT_SW && in->script->last.sw == ES5_SW_MORE);
}

int op_audit_answer(struct smsr *s, struct op_run *r, const struct op_input *in)
{
	bool memory_step = r->op.kind == OP_AUDIT && r->op.completed_ms;

	if (answer_is_good(in))
		return memory_step ? memory_answered(s, r, in) : status_answered(s, r, in);
	if (memory_step)
		return op_fail(s, r, ES_EXECUTED_WITHWARNING, ES_SC_ISDR_ERROR, NULL,
			       "states read, memory refused by the card");
	return r->op.kind == OP_AUDIT ? op_card_error(s, r, in, "GET STATUS") : still_unknown(s, r);
}

int op_audit_lost(struct smsr *s, struct op_run *r, const struct op_input *in)
{
	bool silent = in->event == OP_EV_SILENT;

	if (r->op.kind == OP_AUDIT && r->op.completed_ms)
		return op_fail(s, r, ES_EXECUTED_WITHWARNING, ES_SC_NO_RESPONSE, NULL,
			       "states read, no answer about the memory");
	if (r->op.kind != OP_AUDIT) {
		int rc = op_mark_audit(s, r, "neither the command nor the audit behind it was answered");

		return rc < 0 ? rc
			      : op_fail(s, r, ES_FAILED, ES_SC_NO_RESPONSE, r->op.iccid,
					"no answer, also not to an audit");
	}
	if (silent)
		return op_fail(s, r, ES_FAILED, ES_SC_NO_RESPONSE, NULL, "delivered, but the card gave no answer");
	return op_fail(s, r, ES_EXPIRED, ES_SC_EXPIRED, NULL,
		       in->text ? in->text : "no service centre took the message in time");
}
