/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The queue of each eUICC, and the beginning and end of every operation.  What happens between is in op_proc.c. */
#include "smsr/op.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/clock.h"
#include "common/app/log.h"
#include "smsr/cmd.h"
#include "smsr/cmd_db.h"
#include "smsr/eis_db.h"
#include "smsr/https.h"
#include "smsr/op_db.h"
#include "smsr/record_db.h"
#include "smsr/report.h"

static const struct value_string kind_names[] = {
	{OP_ENABLE, "EnableProfile"},
	{OP_DISABLE, "DisableProfile"},
	{OP_DELETE, "DeleteProfile"},
	{OP_AUDIT, "eUICCCapabilityAudit"},
	{OP_CONFIRM, "NotificationConfirmation"},
	{OP_CREATE, "CreateISDP"},
	{OP_SEND_DATA, "SendData"},
	{OP_CONNECTIVITY, "UpdateConnectivityParameters"},
	{0, NULL},
};

static const struct value_string state_names[] = {
	{OP_ST_QUEUED, "QUEUED"}, {OP_ST_CHANGE, "CHANGE"},
	{OP_ST_NOTIF, "NOTIF"},	  {OP_ST_CONFIRM, "CONFIRM"},
	{OP_ST_DELETE, "DELETE"}, {OP_ST_AUDIT, "AUDIT"},
	{OP_ST_CREATE, "CREATE"}, {OP_ST_DATA, "DATA"},
	{OP_ST_DONE, "DONE"},	  {0, NULL},
};

static const struct value_string event_names[] = {
	{OP_EV_START, "START"},	    {OP_EV_ANSWER, "ANSWER"},
	{OP_EV_REFUSED, "REFUSED"}, {OP_EV_STALE, "STALE"},
	{OP_EV_SILENT, "SILENT"},   {OP_EV_UNREACHED, "UNREACHED"},
	{OP_EV_NOTIF, "NOTIF"},	    {OP_EV_DEADLINE, "DEADLINE"},
	{OP_EV_CANCEL, "CANCEL"},   {0, NULL},
};

static const struct value_string step_names[] = {
	{STEP_ACCEPTED, "accepted"},
	{STEP_STARTED, "started"},
	{STEP_SEALED, "sealed"},
	{STEP_SUBMITTED, "submitted"},
	{STEP_SMSC, "SMSC"},
	{STEP_DELIVERED, "receipt"},
	{STEP_POR, "PoR"},
	{STEP_NOTIFICATION, "notification"},
	{STEP_CONFIRMED, "confirmed"},
	{STEP_EIS, "EIS"},
	{STEP_RETRY, "retry"},
	{STEP_OUTCOME, "outcome"},
	{STEP_REPORTED, "reported"},
	{STEP_OPERATOR, "operator"},
	{STEP_HTTPS, "HTTPS"},
	{0, NULL},
};

const char *op_kind_name(enum op_kind kind)
{
	return get_value_string(kind_names, kind);
}

const char *op_state_name(enum op_state state)
{
	return get_value_string(state_names, state);
}

const char *op_event_name(enum op_event event)
{
	return get_value_string(event_names, event);
}

const char *step_name(enum step step)
{
	return get_value_string(step_names, step);
}

char *op_label(const void *ctx, const struct op_run *r)
{
	char *eid = hex_enc(ctx, BYTES_ARR(r->euicc.eid));

	return talloc_asprintf(ctx, "#%lld %s eid %s", (long long)r->op.id, op_kind_name(r->op.kind), eid);
}

int op_note(struct smsr *s, int64_t op_id, enum step step, const char *fmt, ...)
{
	va_list ap;
	char *text;
	int rc;

	va_start(ap, fmt);
	text = talloc_vasprintf(turn_ctx(s->turn), fmt, ap);
	va_end(ap);
	LOGP(DPROC, LOGL_INFO, "#%lld %s: %s\n", (long long)op_id, step_name(step), text);
	rc = record_db_timeline(s->db, op_id, clock_stamp_ms(), step, text);
	if (rc == 0)
		report_progress(s, op_id);
	return rc;
}

/* ---- loading ---- */

int op_load(struct smsr *s, int64_t op_id, struct op_run *r)
{
	void *ctx = turn_ctx(s->turn);
	int rc = op_db_get(ctx, s->db, op_id, &r->op);

	if (rc == 0)
		rc = eis_db_get(ctx, s->db, r->op.euicc_id, &r->euicc);
	if (rc == 0)
		rc = eis_db_profiles(ctx, s->db, r->op.euicc_id, &r->profiles);
	return rc;
}

struct profile *op_profile_by_aid(struct op_run *r, struct bytes aid)
{
	for (size_t i = 0; i < r->profiles.n; i++) {
		if (aid.len && bytes_eq(r->profiles.list[i].isdp_aid, aid))
			return &r->profiles.list[i];
	}
	return NULL;
}

struct profile *op_profile_by_iccid(struct op_run *r, const char *iccid)
{
	for (size_t i = 0; iccid && i < r->profiles.n; i++) {
		if (strcmp(r->profiles.list[i].iccid, iccid) == 0)
			return &r->profiles.list[i];
	}
	return NULL;
}

struct profile *op_profile_enabled(struct op_run *r)
{
	for (size_t i = 0; i < r->profiles.n; i++) {
		if (r->profiles.list[i].state == PROFILE_ENABLED)
			return &r->profiles.list[i];
	}
	return NULL;
}

struct profile *op_profile_fallback(struct op_run *r)
{
	for (size_t i = 0; i < r->profiles.n; i++) {
		if (r->profiles.list[i].fallback)
			return &r->profiles.list[i];
	}
	return NULL;
}

/* ---- queue ---- */

int op_queue(struct smsr *s, struct operation *op)
{
	return op_queue_with(s, op, NULL);
}

int op_queue_with(struct smsr *s, struct operation *op, const struct op_data *data)
{
	int rc;

	op->state = OP_ST_QUEUED;
	op->created_ms = clock_now_ms();
	op->due_ms = op->expires_ms;
	rc = op_db_insert(s->db, op);
	if (rc == 0 && data)
		rc = op_db_data_insert(s->db, op->id, data);
	if (rc == 0)
		rc = op_note(s, op->id, STEP_ACCEPTED, "%s%s%s from %s, valid for %lld s", op_kind_name(op->kind),
			     op->iccid ? " of ICCID " : "", op->iccid ? op->iccid : "",
			     op->requester ? op->requester : "this SM-SR",
			     (long long)((op->expires_ms - op->created_ms) / 1000));
	if (rc == 0)
		rc = op_start_next(s, op->euicc_id);
	return rc;
}

/* started_ms reaches the row with the state that the event leads to. */
static int start(struct smsr *s, struct op_run *r)
{
	const struct op_input in = {.event = OP_EV_START};
	int rc = eis_db_set_active_op(s->db, r->euicc.id, r->op.id);

	r->euicc.active_op = r->op.id;
	r->op.started_ms = clock_now_ms();
	return rc < 0 ? rc : op_event_loaded(s, r, &in);
}

/* An eUICC whose state is in doubt is audited before the next change (P5).  The audit knows for whom it is done. */
static int start_audit_first(struct smsr *s, const struct euicc *e, const struct operation *head)
{
	struct operation audit = {
		.euicc_id = e->id,
		.kind = OP_AUDIT,
		.state = OP_ST_QUEUED,
		.arg = head->id,
		.created_ms = clock_now_ms(),
		.expires_ms = head->expires_ms,
		.due_ms = head->expires_ms,
	};
	struct op_run r;
	int rc = op_db_insert(s->db, &audit);

	if (rc == 0)
		rc = op_note(s, audit.id, STEP_ACCEPTED, "audit before #%lld: %s", (long long)head->id, e->audit_due);
	if (rc == 0)
		rc = op_note(s, head->id, STEP_RETRY, "waits for audit #%lld: %s", (long long)audit.id, e->audit_due);
	if (rc == 0)
		rc = op_load(s, audit.id, &r);
	return rc < 0 ? rc : start(s, &r);
}

static int is_held(struct smsr *s, const struct euicc *e, const struct operation *head, bool *held)
{
	char eid[2 * EID_LEN + 1];
	const struct {
		enum pause_scope scope;
		const char *name;
	} scopes[] = {
		{PAUSE_ALL, ""},
		{PAUSE_DRAIN, ""},
		{PAUSE_EUICC, eid},
		{PAUSE_PEER, head->requester},
	};
	bool any;
	int rc = record_db_any_pause(s->db, &any); /* nearly always none: one look instead of four */

	*held = false;
	if (rc < 0 || !any)
		return rc;
	rc = hex_enc_buf(eid, sizeof(eid), BYTES_ARR(e->eid));
	for (size_t i = 0; rc == 0 && !*held && i < ARRAY_SIZE(scopes); i++) {
		if (scopes[i].name)
			rc = record_db_is_paused(s->db, scopes[i].scope, scopes[i].name, held);
	}
	return rc;
}

static bool is_change(enum op_kind kind)
{
	return kind == OP_ENABLE || kind == OP_DISABLE || kind == OP_DELETE || kind == OP_CREATE;
}

int op_start_next(struct smsr *s, int64_t euicc_id)
{
	void *ctx = turn_ctx(s->turn);
	struct op_run head;
	bool held = false;
	int64_t id;
	int rc = eis_db_get(ctx, s->db, euicc_id, &head.euicc);

	if (rc < 0 || head.euicc.active_op)
		return rc;
	rc = op_db_next_queued(s->db, euicc_id, &id);
	if (rc == -ENOENT)
		return 0;
	if (rc == 0)
		rc = op_db_get(ctx, s->db, id, &head.op);
	if (rc == 0)
		rc = is_held(s, &head.euicc, &head.op, &held);
	/* A card that waits for its confirmation would roll back: pauses do not hold that. */
	if (rc < 0 || (held && head.op.kind != OP_CONFIRM))
		return rc;
	if (head.euicc.audit_due && is_change(head.op.kind))
		return start_audit_first(s, &head.euicc, &head.op);
	rc = eis_db_profiles(ctx, s->db, euicc_id, &head.profiles);
	return rc < 0 ? rc : start(s, &head);
}

/* ---- states ---- */

int op_enter(struct smsr *s, struct op_run *r, enum op_state state, int64_t due_ms)
{
	LOGP(DPROC, LOGL_DEBUG, "%s: %s -> %s\n", op_label(turn_ctx(s->turn), r), op_state_name(r->op.state),
	     op_state_name(state));
	r->op.state = state;
	r->op.due_ms = due_ms;
	return op_db_update(s->db, &r->op);
}

int op_mark_audit(struct smsr *s, struct op_run *r, const char *why)
{
	r->euicc.audit_due = talloc_strdup(turn_ctx(s->turn), why);
	return eis_db_set_audit_due(s->db, r->euicc.id, why);
}

/* ---- end ---- */

static const struct {
	enum op_kind kind;
	enum audit_type type;
} audit_types[] = {
	{OP_ENABLE, AUDIT_ENABLE},    {OP_DISABLE, AUDIT_DISABLE},    {OP_DELETE, AUDIT_DELETE},
	{OP_AUDIT, AUDIT_CAPABILITY}, {OP_CREATE, AUDIT_CREATE_ISDP},
};

static int record_outcome(struct smsr *s, const struct op_run *r)
{
	struct audit_row row = {
		.eid = BYTES_ARR(r->euicc.eid),
		.stamp_ms = clock_stamp_ms(),
		.requester = r->op.requester,
		.has_status = true,
		.status = r->op.outcome,
		.aid = r->op.aid,
		.iccid = r->op.kind == OP_AUDIT ? NULL : r->op.iccid, /* an audit looks at the whole card */
	};

	for (size_t i = 0; i < ARRAY_SIZE(audit_types); i++) {
		if (audit_types[i].kind == r->op.kind) {
			row.type = audit_types[i].type;
			return record_db_audit(s->db, &row);
		}
	}
	return 0; /* a confirmation: its notification has a record already; others SGP.02 does not record */
}

static void count_outcome(struct smsr *s, enum es_exec status)
{
	switch (status) {
	case ES_EXECUTED_SUCCESS:
		smsr_count(s, CTR_OPS_SUCCESS);
		break;
	case ES_EXECUTED_WITHWARNING:
		smsr_count(s, CTR_OPS_WARNING);
		break;
	case ES_FAILED:
		smsr_count(s, CTR_OPS_FAILED);
		break;
	case ES_EXPIRED:
		smsr_count(s, CTR_OPS_EXPIRED);
		break;
	}
}

static int close_open_command(struct smsr *s, const struct op_run *r)
{
	struct command cmd;
	int rc = cmd_db_open_of_op(turn_ctx(s->turn), s->db, r->op.id, &cmd);

	if (rc == 0)
		rc = cmd_close(s, &cmd, CMD_ST_CLOSED);
	if (rc < 0 && rc != -ENOENT)
		return rc;
	return https_close(s, r->op.id);
}

/* An audit that another operation had to wait for, and that failed, fails that operation too: without the audit nothing
 * may change on the card, and trying again at once would go round for ever. */
static int fail_waiting_head(struct smsr *s, const struct op_run *audit)
{
	struct es_status st = audit->op.outcome;
	struct op_run head;
	int rc;

	if (audit->op.kind != OP_AUDIT || !audit->op.arg || audit->op.fn != ES_FN_NONE ||
	    st.status == ES_EXECUTED_SUCCESS || st.status == ES_EXECUTED_WITHWARNING)
		return 0;
	rc = op_load(s, audit->op.arg, &head);
	if (rc < 0)
		return rc == -ENOENT ? 0 : rc;
	if (head.op.state != OP_ST_QUEUED)
		return 0;
	st.message = talloc_asprintf(turn_ctx(s->turn), "the audit that had to come first failed: %s",
				     st.message ? st.message : "no answer");
	return op_finish(s, &head, st);
}

static int note_outcome(struct smsr *s, int64_t op_id, const struct es_status *o)
{
	const char *status = es_exec_name(o->status);

	if (!o->subject)
		return op_note(s, op_id, STEP_OUTCOME, "%s", status);
	return op_note(s, op_id, STEP_OUTCOME, "%s %s/%s: %s", status, o->subject, o->reason,
		       o->message ? o->message : "");
}

static bool has_data(enum op_kind kind)
{
	return kind == OP_CREATE || kind == OP_SEND_DATA || kind == OP_CONNECTIVITY;
}

int op_finish(struct smsr *s, struct op_run *r, struct es_status outcome)
{
	bool was_active = r->euicc.active_op == r->op.id || r->op.state != OP_ST_QUEUED;
	int rc;

	if (r->op.state == OP_ST_DONE)
		return 0;
	rc = close_open_command(s, r);
	if (rc == 0 && has_data(r->op.kind))
		rc = op_db_data_drop(s->db, r->op.id);
	r->op.outcome = outcome;
	r->op.ended_ms = clock_now_ms();
	if (rc == 0)
		rc = op_enter(s, r, OP_ST_DONE, 0);
	if (rc == 0)
		rc = record_outcome(s, r);
	if (rc == 0)
		rc = note_outcome(s, r->op.id, &outcome);
	if (rc == 0)
		rc = report_outcome(s, r);
	if (rc == 0 && was_active)
		rc = eis_db_set_active_op(s->db, r->euicc.id, 0);
	if (rc < 0)
		return rc;
	count_outcome(s, outcome.status);
	rc = fail_waiting_head(s, r);
	return rc < 0 ? rc : op_start_next(s, r->euicc.id);
}
