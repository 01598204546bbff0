/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Enable, disable, delete: checks, commands, and what their answers mean.  SGP.02 procedures 3.2 to 3.7. */
#include <errno.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/clock.h"
#include "smsr/cmd.h"
#include "smsr/eis_db.h"
#include "smsr/op_proc.h"
#include "smsr/report.h"

static struct profile *target(struct op_run *r)
{
	return op_profile_by_iccid(r, r->op.iccid);
}

static int wrong_state(struct smsr *s, struct op_run *r, const struct profile *p, const char *wanted)
{
	static const char *const names[] = {"in creation", "Created", "Disabled", "Enabled"};
	char *text = talloc_asprintf(turn_ctx(s->turn), "the profile is %s, it must be %s", names[p->state], wanted);

	return op_fail(s, r, ES_FAILED, ES_SC_ICCID_WRONG_STATE, p->iccid, text);
}

static int pol2_refuses(struct smsr *s, struct op_run *r, const struct profile *p, const char *text)
{
	return op_fail(s, r, ES_FAILED, ES_SC_POL2_REFUSED, p->iccid, text);
}

static int send_aid_command(struct smsr *s, struct op_run *r, enum op_state state, enum cmd_kind kind,
			    int (*build)(struct bytes aid, struct wr *w), struct bytes aid, const char *dest)
{
	uint8_t buf[64];
	struct bytes capdu;
	struct wr w;
	int rc;

	wr_init_buf(&w, buf, sizeof(buf));
	rc = build(aid, &w);
	if (rc == 0)
		rc = wr_end(&w, &capdu);
	return rc < 0 ? rc : op_send(s, r, state, kind, capdu, dest);
}

static int64_t auto_delete(const struct profile *p)
{
	return p && (p->pol2 & POL2_DISABLE_AUTO_DELETE) ? OP_ARG_AUTO_DELETE : 0;
}

int op_enable_begin(struct smsr *s, struct op_run *r)
{
	struct profile *t = target(r);
	struct profile *cur = op_profile_enabled(r);

	if (!t)
		return op_fail(s, r, ES_FAILED, ES_SC_ICCID_UNKNOWN, r->op.iccid, "no such profile on this eUICC");
	if (t->state != PROFILE_DISABLED)
		return wrong_state(s, r, t, "Disabled");
	if (cur && (cur->pol2 & POL2_DISABLE_NOT_ALLOWED))
		return pol2_refuses(s, r, cur, "POL2 of the enabled profile does not allow to disable it");
	if (t->pol2 & POL2_ENABLE_NOT_ALLOWED)
		return pol2_refuses(s, r, t, "POL2 of the profile does not allow to enable it");
	/* The confirmation goes to the target's number; without one the card would roll back. */
	if (!t->msisdn)
		return op_fail(s, r, ES_FAILED, ES_SC_CONDITIONAL_MISSING, t->iccid,
			       "the profile has no MSISDN: its confirmation by SMS could not reach the card");
	r->op.aid = t->isdp_aid;
	r->op.other_aid = cur ? cur->isdp_aid : bytes_of(NULL, 0);
	r->op.arg = auto_delete(cur);
	return send_aid_command(s, r, OP_ST_CHANGE, CMD_ENABLE, es5_enable_profile, t->isdp_aid,
				cur ? cur->msisdn : t->msisdn);
}

/* Also the first half of a delete of the enabled profile: the rules of disabling apply to it. */
static int disable(struct smsr *s, struct op_run *r, struct profile *t)
{
	struct profile *fallback = op_profile_fallback(r);

	if (t->fallback)
		return op_fail(s, r, ES_FAILED, ES_SC_ICCID_NOT_ALLOWED, t->iccid, "it is the fall-back profile");
	if (t->pol2 & POL2_DISABLE_NOT_ALLOWED)
		return pol2_refuses(s, r, t, "POL2 of the profile does not allow to disable it");
	if (!fallback || !fallback->msisdn)
		return op_fail(s, r, ES_FAILED, ES_SC_CONDITIONAL_MISSING, t->iccid,
			       "there is no fall-back profile with an MSISDN that could take over");
	r->op.aid = t->isdp_aid;
	r->op.other_aid = fallback->isdp_aid;
	r->op.arg = auto_delete(t);
	return send_aid_command(s, r, OP_ST_CHANGE, CMD_DISABLE, es5_disable_profile, t->isdp_aid, t->msisdn);
}

int op_disable_begin(struct smsr *s, struct op_run *r)
{
	struct profile *t = target(r);

	if (!t)
		return op_fail(s, r, ES_FAILED, ES_SC_ICCID_UNKNOWN, r->op.iccid, "no such profile on this eUICC");
	if (t->state != PROFILE_ENABLED)
		return wrong_state(s, r, t, "Enabled");
	return disable(s, r, t);
}

int op_delete_begin(struct smsr *s, struct op_run *r)
{
	struct profile *t = target(r);

	if (!t)
		return op_fail(s, r, ES_FAILED, ES_SC_ICCID_UNKNOWN, r->op.iccid, "no such profile on this eUICC");
	if (t->fallback)
		return op_fail(s, r, ES_FAILED, ES_SC_ICCID_NOT_ALLOWED, t->iccid,
			       "it is the fall-back profile, which cannot be deleted");
	/* Our own deletes are the second try of an Auto-Delete, which POL2 asked for. */
	if (t->state != PROFILE_CREATED && r->op.fn != ES_FN_NONE && (t->pol2 & POL2_DELETE_NOT_ALLOWED))
		return pol2_refuses(s, r, t, "POL2 of the profile does not allow to delete it");
	r->op.aid = t->isdp_aid;
	if (t->state == PROFILE_ENABLED)
		return disable(s, r, t);
	return op_delete_send(s, r, t->isdp_aid);
}

int op_delete_send(struct smsr *s, struct op_run *r, struct bytes aid)
{
	struct profile *cur = op_profile_enabled(r);

	return send_aid_command(s, r, OP_ST_DELETE, CMD_DELETE, es5_delete_profile, aid, cur ? cur->msisdn : NULL);
}

struct bytes op_victim(const struct op_run *r)
{
	return r->op.kind == OP_ENABLE ? r->op.other_aid : r->op.aid;
}

/* ---- answers ---- */

bool op_answered_ok(const struct op_input *in)
{
	return in->event == OP_EV_ANSWER && in->script && script_rsp_judge(in->script, 1) == SCRIPT_DONE;
}

int op_change_answer(struct smsr *s, struct op_run *r, const struct op_input *in)
{
	int rc;

	if (!op_answered_ok(in)) {
		/* 6985: the states on the card are not those of the EIS. */
		rc = in->script && in->script->last.sw == ES5_SW_CONDITIONS
			     ? op_mark_audit(s, r, "the card refused a change that the EIS allows")
			     : 0;
		return rc < 0 ? rc : op_card_error(s, r, in, op_kind_name(r->op.kind));
	}
	return op_await(s, r, OP_ST_NOTIF);
}

/* The notification that the operation hopes for; an ISD-P that it names must be the right one. */
static bool is_success(struct op_run *r, const struct es5_notif *n)
{
	struct bytes enabled = r->op.kind == OP_ENABLE ? r->op.aid : r->op.other_aid;
	struct profile *fallback = op_profile_fallback(r);
	bool is_fallback = fallback && bytes_eq(fallback->isdp_aid, enabled);
	/* After a disable 02 is expected; 05 has been seen in the literature.  It is also what a card says that went to
	 * the fall-back profile by itself when it was wanted there: the state is the one that was asked for. */
	bool type_ok = n->type == ES5_NOTIF_CHANGED || (n->type == ES5_NOTIF_FALLBACK && is_fallback);

	return type_ok && (n->aid.len == 0 || bytes_eq(n->aid, enabled));
}

int op_change_notified(struct smsr *s, struct op_run *r, const struct op_input *in)
{
	return op_confirm_send(s, r, in->notif, is_success(r, in->notif));
}

/* ---- behind the change ---- */

int op_change_done(struct smsr *s, struct op_run *r)
{
	struct bytes victim = op_victim(r);
	struct profile *p = op_profile_by_aid(r, victim);
	int rc;

	if (r->op.kind == OP_DELETE)
		/* POL1 may have deleted it already. */
		return p ? op_delete_send(s, r, victim) : op_finish(s, r, es_status_ok());
	if (!p || !(r->op.arg & OP_ARG_AUTO_DELETE) || p->fallback)
		return op_finish(s, r, es_status_ok());
	rc = op_note(s, r->op.id, STEP_STARTED, "POL2 Auto-Delete of ICCID %s", p->iccid);
	return rc < 0 ? rc : op_delete_send(s, r, victim);
}

int op_profile_gone(struct smsr *s, struct op_run *r, struct profile *p)
{
	int rc = eis_db_profile_delete(s->db, p->id);

	if (rc < 0)
		return rc;
	if (p->state != PROFILE_IN_CREATION) /* nothing was taken for it yet */
		r->euicc.remaining_memory += p->allocated_memory;
	rc = eis_db_update(s->db, &r->euicc);
	if (rc == 0)
		rc = op_note(s, r->op.id, STEP_EIS, "ICCID %s deleted", p->iccid);
	/* An empty ISD-P is between its SM-DP and us. */
	if (rc == 0 && p->state != PROFILE_IN_CREATION && p->state != PROFILE_CREATED)
		rc = report_profile_event(s, r, p, PROFILE_EV_DELETED, clock_stamp_ms());
	if (rc == 0) {
		*p = r->profiles.list[--r->profiles.n];
	}
	return rc;
}

/* The delete that POL2 asks for comes behind a change that is done and real: it cannot fail the operation. */
static bool is_auto_delete(const struct op_run *r)
{
	return r->op.kind != OP_DELETE;
}

static int auto_delete_later(struct smsr *s, struct op_run *r, const char *why)
{
	struct bytes victim = op_victim(r);
	struct profile *p = op_profile_by_aid(r, victim);
	struct operation again = {
		.euicc_id = r->euicc.id,
		.kind = OP_DELETE,
		.iccid = p ? p->iccid : NULL,
		.aid = victim,
		.expires_ms = clock_now_ms() + (int64_t)s->cfg->limits.audit_validity_s * 1000,
	};
	char *text = talloc_asprintf(turn_ctx(s->turn),
				     "done, but Auto-Delete of the old profile: %s; it is tried again", why);
	int rc = p ? op_queue(s, &again) : 0;

	return rc < 0 ? rc : op_fail(s, r, ES_EXECUTED_WITHWARNING, ES_SC_ISDP_ERROR, p ? p->iccid : NULL, text);
}

int op_delete_answer(struct smsr *s, struct op_run *r, const struct op_input *in)
{
	struct bytes victim = op_victim(r);
	struct profile *p = op_profile_by_aid(r, victim);
	uint16_t sw = in->script ? in->script->last.sw : 0;
	int rc = 0;

	/* Deleted by POL1 in the meantime: gone is what was wanted. */
	if (!op_answered_ok(in) && sw != ES5_SW_NO_AID && sw != ES5_SW_NO_DATA) {
		if (is_auto_delete(r))
			return auto_delete_later(s, r, sw ? sw_words(turn_ctx(s->turn), sw) : "the card refused it");
		return op_card_error(s, r, in, "DeleteProfile");
	}
	r->op.completed_ms = clock_stamp_ms();
	if (p)
		rc = op_profile_gone(s, r, p);
	return rc < 0 ? rc : op_finish(s, r, es_status_ok());
}

int op_delete_lost(struct smsr *s, struct op_run *r, const struct op_input *in)
{
	bool silent = in->event == OP_EV_SILENT;
	int rc = silent ? op_mark_audit(s, r, "DeleteProfile was delivered, but the card gave no answer") : 0;

	if (rc < 0)
		return rc;
	if (is_auto_delete(r))
		return auto_delete_later(s, r, silent ? "no answer" : "not delivered in time");
	if (silent || r->op.completed_ms)
		return op_fail(s, r, ES_FAILED, ES_SC_NO_RESPONSE, r->op.iccid,
			       silent ? "delivered, but the card gave no answer" : "disabled, but not deleted in time");
	return op_fail(s, r, ES_EXPIRED, ES_SC_EXPIRED, r->op.iccid,
		       in->text ? in->text : "no service centre took the message in time");
}
