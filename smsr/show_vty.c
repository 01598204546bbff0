/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Commands that show: tables of at most 120 columns.  Counters are in "show rate-counters" of the library. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <osmocom/vty/command.h>
#include <osmocom/vty/vty.h>
#include <talloc.h>

#include "common/app/clock.h"
#include "common/app/memory_vty.h"
#include "common/es/es_fn.h"
#include "common/peer/outbox_db.h"
#include "common/peer/expiry.h"
#include "smsr/daemon.h"
#include "smsr/eis_db.h"
#include "smsr/lever.h"
#include "smsr/op.h"
#include "smsr/op_db.h"
#include "smsr/record_db.h"
#include "smsr/smpp_link.h"
#include "smsr/smsr_vty.h"
#include "smsr/words.h"

#define ROWS_MAX 100
#define EIS_STR "eUICCs and their EIS\n"

/* The engine, or NULL with a word to the operator while the daemon is not up. */
static struct smsr *engine(struct vty *vty)
{
	struct smsr_daemon *d = smsr_vty_daemon();

	if (!d || !d->s || !d->server) {
		vty_out(vty, "%% the SM-SR is not running%s", VTY_NEWLINE);
		return NULL;
	}
	return d->s;
}

static int broken(struct vty *vty)
{
	vty_out(vty, "%% the database cannot be read%s", VTY_NEWLINE);
	return CMD_WARNING;
}

static const char *text(const char *s)
{
	return s && *s ? s : "-";
}

static const char *when(void *ctx, int64_t ms)
{
	return text(time_words(ctx, ms));
}

static void more(struct vty *vty, size_t n)
{
	if (n == ROWS_MAX)
		vty_out(vty, "... the first %d%s", ROWS_MAX, VTY_NEWLINE);
}

/* A list of rows, of all or of what an EID says. */
struct look {
	int (*ids)(struct db *db, int64_t euicc_id, int64_t *ids, size_t max, size_t *n);
	int (*row)(struct vty *vty, struct smsr *s, void *ctx, int64_t id);
	const char *head; /* NULL: none */
};

static int show_rows(struct vty *vty, const char *eid, const struct look *look)
{
	struct smsr *s = engine(vty);
	void *ctx;
	struct euicc e = {0};
	int64_t ids[ROWS_MAX];
	int rc = CMD_SUCCESS;
	size_t n = 0;

	if (!s)
		return CMD_WARNING;
	ctx = talloc_new(s);
	if (eid && lever_find(s, ctx, KEY_EID, eid, &e) < 0)
		vty_out(vty, "%% no eUICC with that EID%s", VTY_NEWLINE);
	else if (look->ids(s->db, e.id, ids, ROWS_MAX, &n) < 0)
		rc = broken(vty);
	else if (look->head)
		vty_out(vty, "%s%s", look->head, VTY_NEWLINE);
	for (size_t i = 0; rc == CMD_SUCCESS && i < n; i++)
		rc = look->row(vty, s, ctx, ids[i]);
	more(vty, n);
	talloc_free(ctx);
	return rc;
}

static const char *eid_words(struct smsr *s, void *ctx, int64_t euicc_id)
{
	struct euicc e;

	if (!euicc_id || eis_db_get(ctx, s->db, euicc_id, &e) < 0)
		return "-";
	return hex_enc(ctx, BYTES_ARR(e.eid));
}

/* ---- EIS ---- */

static void show_profile(struct vty *vty, void *ctx, const struct profile *p)
{
	const char *rules[POL2_WORDS_MAX];
	size_t n = pol2_words(p->pol2, rules);

	vty_out(vty, "  %-20s %-11s %-8s %-32s %-15s %s%s", p->iccid, profile_state_name(p->state),
		p->fallback ? "fallback" : "", hex_enc(ctx, p->isdp_aid), text(p->imsi), text(p->msisdn), VTY_NEWLINE);
	vty_out(vty, "    owner %s, SM-DP %s, %" PRId64 " octets%s%s", p->mno_oid, text(p->smdp_oid),
		p->allocated_memory, n ? ", POL2:" : "", n ? "" : VTY_NEWLINE);
	for (size_t i = 0; i < n; i++)
		vty_out(vty, " %s%s", rules[i], i + 1 < n ? "," : VTY_NEWLINE);
}

static int show_euicc(struct vty *vty, struct smsr *s, void *ctx, const struct euicc *e)
{
	struct keyset ks[KEYSETS_MAX];
	struct profiles p;
	size_t n;

	if (eis_db_profiles(ctx, s->db, e->id, &p) < 0 || eis_db_keysets(s->db, e->id, ks, ARRAY_SIZE(ks), &n) < 0)
		return broken(vty);
	vty_out(vty, "EID %s%s", hex_enc(ctx, BYTES_ARR(e->eid)), VTY_NEWLINE);
	vty_out(vty, "  EUM %s, signature %s%s", e->eum_oid, e->verified ? "verified" : "NOT verified (import)",
		VTY_NEWLINE);
	vty_out(vty, "  memory: %" PRId64 " octets left, %" PRId64 " for profiles%s", e->remaining_memory,
		e->available_memory, VTY_NEWLINE);
	vty_out(vty, "  last audit %s; to be audited: %s%s", when(ctx, e->last_audit_ms),
		e->audit_due ? e->audit_due : "no", VTY_NEWLINE);
	if (e->active_op)
		vty_out(vty, "  operation #%" PRId64 " is in flight%s", e->active_op, VTY_NEWLINE);
	for (size_t i = 0; i < n; i++)
		vty_out(vty, "  key set %u %s, counter %" PRIu64 "%s", ks[i].version, keyset_type_name(ks[i].type),
			ks[i].cntr, VTY_NEWLINE);
	for (size_t i = 0; i < p.n; i++)
		show_profile(vty, ctx, &p.list[i]);
	return CMD_SUCCESS;
}

static int show_eis_by(struct vty *vty, enum lever_key key, const char *value)
{
	struct smsr *s = engine(vty);
	void *ctx;
	struct euicc e;
	int rc = CMD_WARNING;

	if (!s)
		return rc;
	ctx = talloc_new(s);
	switch (lever_find(s, ctx, key, value, &e)) {
	case 0:
		rc = show_euicc(vty, s, ctx, &e);
		break;
	case -ENOENT:
		vty_out(vty, "%% no eUICC with that%s", VTY_NEWLINE);
		break;
	case -EEXIST:
		vty_out(vty, "%% two eUICCs claim it%s", VTY_NEWLINE);
		break;
	case -EINVAL:
		vty_out(vty, "%% %s has not the form of such a number%s", value, VTY_NEWLINE);
		break;
	default:
		rc = broken(vty);
		break;
	}
	talloc_free(ctx);
	return rc;
}

DEFUN(show_eis, show_eis_cmd, "show eis EID", SHOW_STR EIS_STR "EID, 32 digits\n")
{
	return show_eis_by(vty, KEY_EID, argv[0]);
}

DEFUN(show_eis_msisdn, show_eis_msisdn_cmd, "show eis msisdn MSISDN",
      SHOW_STR EIS_STR "By MSISDN of a profile\nDigits\n")
{
	return show_eis_by(vty, KEY_MSISDN, argv[0]);
}

DEFUN(show_eis_imsi, show_eis_imsi_cmd, "show eis imsi IMSI", SHOW_STR EIS_STR "By IMSI of a profile\nDigits\n")
{
	return show_eis_by(vty, KEY_IMSI, argv[0]);
}

DEFUN(show_eis_iccid, show_eis_iccid_cmd, "show eis iccid ICCID", SHOW_STR EIS_STR "By ICCID of a profile\nDigits\n")
{
	return show_eis_by(vty, KEY_ICCID, argv[0]);
}

static int eis_row(struct vty *vty, struct smsr *s, void *ctx, int64_t id)
{
	const char *enabled = NULL;
	struct profiles p;
	struct euicc e;

	if (eis_db_get(ctx, s->db, id, &e) < 0 || eis_db_profiles(ctx, s->db, id, &p) < 0)
		return broken(vty);
	for (size_t i = 0; i < p.n; i++)
		enabled = p.list[i].state == PROFILE_ENABLED ? p.list[i].iccid : enabled;
	vty_out(vty, "%-32s %3zu %-20s %8" PRId64 "  %-.50s%s", hex_enc(ctx, BYTES_ARR(e.eid)), p.n, text(enabled),
		e.active_op, text(e.audit_due), VTY_NEWLINE);
	return CMD_SUCCESS;
}

static int eis_ids(struct db *db, int64_t after, int64_t *ids, size_t max, size_t *n)
{
	return eis_db_list(db, after, false, ids, max, n);
}

static int doubtful_ids(struct db *db, int64_t after, int64_t *ids, size_t max, size_t *n)
{
	return eis_db_list(db, after, true, ids, max, n);
}

#define EIS_HEAD "EID                              pr. enabled ICCID        in flight  to be audited"

static const struct look eis_list = {eis_ids, eis_row, EIS_HEAD};
static const struct look audit_list = {doubtful_ids, eis_row, EIS_HEAD};

DEFUN(show_eis_list, show_eis_list_cmd, "show eis list", SHOW_STR EIS_STR "The first 100\n")
{
	return show_rows(vty, NULL, &eis_list);
}

DEFUN(show_eis_after, show_eis_after_cmd, "show eis list after EID",
      SHOW_STR EIS_STR "100 of them\nBehind this one\nEID\n")
{
	return show_rows(vty, argv[0], &eis_list);
}

DEFUN(show_audit_list, show_audit_list_cmd, "show audit-list", SHOW_STR "eUICCs that are to be audited\n")
{
	return show_rows(vty, NULL, &audit_list);
}

/* ---- operations ---- */

static int op_row(struct vty *vty, struct smsr *s, void *ctx, int64_t id)
{
	const struct es_status *st;
	struct operation op;

	if (op_db_get(ctx, s->db, id, &op) < 0)
		return broken(vty);
	st = &op.outcome;
	vty_out(vty, "%8" PRId64 " %-24s %-28s %-8s %-32s %s", op.id, when(ctx, op.created_ms), op_kind_name(op.kind),
		op_state_name(op.state), eid_words(s, ctx, op.euicc_id),
		op.state == OP_ST_DONE ? es_exec_name(st->status) : "");
	if (op.state == OP_ST_DONE && st->subject)
		vty_out(vty, " %s/%s", st->subject, st->reason);
	vty_out(vty, "%s", VTY_NEWLINE);
	return CMD_SUCCESS;
}

static int op_ids(struct db *db, int64_t euicc_id, int64_t *ids, size_t max, size_t *n)
{
	return op_db_list(db, euicc_id, 0, ids, max, n);
}

static const struct look op_list = {op_ids, op_row, NULL};

DEFUN(show_operations, show_operations_cmd, "show operations", SHOW_STR "The latest operations\n")
{
	return show_rows(vty, NULL, &op_list);
}

DEFUN(show_operations_eid, show_operations_eid_cmd, "show operations EID",
      SHOW_STR "The latest operations\nOf this eUICC\n")
{
	return show_rows(vty, argv[0], &op_list);
}

static void timeline(struct vty *vty, struct smsr *s, void *ctx, int64_t op_id)
{
	struct timeline_row rows[ROWS_MAX];
	int64_t after = 0;
	size_t n;

	do {
		if (timeline_db_get(ctx, s->db, op_id, after, rows, ROWS_MAX, &n) < 0)
			return;
		for (size_t i = 0; i < n; i++) {
			vty_out(vty, "  %s %-12s %s%s", when(ctx, rows[i].stamp_ms), step_name(rows[i].step),
				text(rows[i].text), VTY_NEWLINE);
			after = rows[i].id;
		}
	} while (n == ROWS_MAX);
}

static int show_op(struct vty *vty, const char *number, bool details)
{
	struct smsr *s = engine(vty);
	void *ctx;
	struct operation op;

	if (!s)
		return CMD_WARNING;
	ctx = talloc_new(s);
	if (op_db_get(ctx, s->db, atoll(number), &op) < 0) {
		vty_out(vty, "%% no operation #%s%s", number, VTY_NEWLINE);
		talloc_free(ctx);
		return CMD_WARNING;
	}
	op_row(vty, s, ctx, op.id);
	if (details) {
		vty_out(vty, "  %s from %s, call %s%s", op.fn == ES_FN_NONE ? "internal" : es_fn_name(op.fn),
			op.requester ? op.requester : "this SM-SR", text(op.call_id), VTY_NEWLINE);
		vty_out(vty, "  ICCID %s, valid until %s%s", text(op.iccid), when(ctx, op.expires_ms), VTY_NEWLINE);
		vty_out(vty, "  started %s, ended %s%s", when(ctx, op.started_ms), when(ctx, op.ended_ms), VTY_NEWLINE);
		vty_out(vty, "  %s%s", text(op.outcome.message), VTY_NEWLINE);
	}
	timeline(vty, s, ctx, op.id);
	talloc_free(ctx);
	return CMD_SUCCESS;
}

DEFUN(show_operation, show_operation_cmd, "show operation ID", SHOW_STR "One operation with its steps\nNumber\n")
{
	return show_op(vty, argv[0], true);
}

DEFUN(show_timeline, show_timeline_cmd, "show timeline ID", SHOW_STR "Steps of one operation\nNumber\n")
{
	return show_op(vty, argv[0], false);
}

static int outbox_row(struct vty *vty, struct smsr *s, void *ctx, int64_t id)
{
	struct outbox o;

	if (outbox_db_get(ctx, s->db, id, &o) < 0)
		return broken(vty);
	vty_out(vty, "%8" PRId64 " #%-7" PRId64 " %-38s %-24s %-10s %3d %s%s", o.id, o.op_id, o.name, o.peer,
		outbox_state_name(o.state), o.attempt, when(ctx, o.due_ms), VTY_NEWLINE);
	if (o.last_error)
		vty_out(vty, "         %s%s", o.last_error, VTY_NEWLINE);
	return CMD_SUCCESS;
}

static const struct look outbox_list = {outbox_db_list, outbox_row, NULL};

DEFUN(show_outbox, show_outbox_cmd, "show outbox", SHOW_STR "The latest messages to peers\n")
{
	return show_rows(vty, NULL, &outbox_list);
}

/* ---- the whole ---- */

DEFUN(show_smpp, show_smpp_cmd, "show smpp", SHOW_STR "Links to service centres\n")
{
	struct smsr_daemon *d = smsr_vty_daemon();

	if (!engine(vty))
		return CMD_WARNING;
	vty_out(vty, "%-16s %-26s %-12s %-7s %9s %9s %10s%s", "name", "remote", "state", "paused", "in flight",
		"submits", "deliveries", VTY_NEWLINE);
	for (size_t i = 0; i < links_n(d->links); i++) {
		const struct smpp_link *link = links_get(d->links, i);
		struct smpp_link_info info;

		smpp_link_info(link, &info);
		vty_out(vty, "%-16s %-20s %5u %-12s %-7s %4u/%-4u %9" PRIu64 " %10" PRIu64 "%s", info.name,
			text(smpp_link_cfg(link)->host), smpp_link_cfg(link)->port, info.state,
			info.paused ? "paused" : "no", info.in_flight, info.window,
			smpp_link_ctr(link, SMPP_CTR_SUBMIT), smpp_link_ctr(link, SMPP_CTR_DELIVER), VTY_NEWLINE);
		if (info.last_error)
			vty_out(vty, "    last error: %s%s", info.last_error, VTY_NEWLINE);
	}
	return CMD_SUCCESS;
}

DEFUN(show_pauses, show_pauses_cmd, "show pauses", SHOW_STR "What is held back\n")
{
	struct smsr *s = engine(vty);
	void *ctx;
	struct pause_row rows[ROWS_MAX];
	size_t n = 0;

	if (!s)
		return CMD_WARNING;
	ctx = talloc_new(s);
	if (record_db_pauses(ctx, s->db, rows, ROWS_MAX, &n) < 0)
		broken(vty);
	for (size_t i = 0; i < n; i++)
		vty_out(vty, "%-6s %-32s since %s%s", pause_scope_name(rows[i].scope), rows[i].name,
			when(ctx, rows[i].since_ms), VTY_NEWLINE);
	more(vty, n);
	talloc_free(ctx);
	return CMD_SUCCESS;
}

DEFUN(show_certificates, show_certificates_cmd, "show certificates", SHOW_STR "Certificates in force and their end\n")
{
	struct smsr_daemon *d = smsr_vty_daemon();
	void *ctx;

	if (!engine(vty))
		return CMD_WARNING;
	ctx = talloc_new(d);
	for (size_t i = 0; d->expiry.list && i < d->expiry.list->n; i++) {
		const struct expiry_item *item = &d->expiry.list->items[i];

		vty_out(vty, "%s  %-20s %s%s", when(ctx, item->not_after_ms),
			expiry_words(expiry_level(item->not_after_ms, clock_stamp_ms())), item->what, VTY_NEWLINE);
	}
	talloc_free(ctx);
	return CMD_SUCCESS;
}

static void show_figures(struct vty *vty, struct smsr *s, const struct lever_figures *f)
{
	vty_out(vty, "eUICCs      %" PRId64 ", to be audited: %" PRId64 "%s", f->euiccs, f->audit_due, VTY_NEWLINE);
	vty_out(vty, "operations ");
	for (enum op_state st = OP_ST_QUEUED; st < OP_ST_DONE; st++)
		vty_out(vty, " %s %" PRId64, op_state_name(st), f->ops[st]);
	vty_out(vty, "; ended since the start: %" PRId64 "%s", f->ops[OP_ST_DONE], VTY_NEWLINE);
	vty_out(vty, "outbox      %" PRId64 " waiting, %" PRIu64 " taken and %" PRIu64 " given up since the start%s",
		f->outbox_waiting, smsr_ctr(s, CTR_CALLBACKS), smsr_ctr(s, CTR_CALLBACKS_GIVEN_UP), VTY_NEWLINE);
	vty_out(vty, "messages    %" PRId64 " to cards wait%s", f->parts_waiting, VTY_NEWLINE);
}

DEFUN(show_smsr, show_smsr_cmd, "show smsr", SHOW_STR "Summary\n")
{
	struct smsr *s = engine(vty);
	struct lever_figures f;
	struct meta meta;
	char *started;

	if (!s)
		return CMD_WARNING;
	if (lever_figures(s, &f) < 0 || meta_db_get(s->db, &meta) < 0)
		return broken(vty);
	started = time_words(NULL, meta.started_ms);
	vty_out(vty, "SM-SR       %s %s, version %s, started %s, epoch %" PRId64 "%s", s->cfg->oid, text(s->cfg->name),
		VERSION, text(started), s->epoch, VTY_NEWLINE);
	talloc_free(started);
	show_figures(vty, s, &f);
	vty_out(vty, "links       %zu of %zu are up%s", links_up(smsr_vty_daemon()->links),
		links_n(smsr_vty_daemon()->links), VTY_NEWLINE);
	vty_out(vty, "database    %s, %" PRIu64 " MiB free%s", s->cfg->database, db_free_space(s->db) >> 20,
		VTY_NEWLINE);
	return CMD_SUCCESS;
}

DEFUN(show_memory, show_memory_cmd, "show memory", MEMORY_VTY_STR)
{
	struct smsr *s = engine(vty);

	return s ? memory_vty_show(vty, s->db) : CMD_WARNING;
}

void smsr_vty_show_init(void)
{
	struct cmd_element *const cmds[] = {
		&show_smsr_cmd,	      &show_eis_cmd,	   &show_eis_msisdn_cmd,     &show_eis_imsi_cmd,
		&show_eis_iccid_cmd,  &show_eis_list_cmd,  &show_eis_after_cmd,	     &show_audit_list_cmd,
		&show_operations_cmd, &show_operation_cmd, &show_operations_eid_cmd, &show_timeline_cmd,
		&show_outbox_cmd,     &show_smpp_cmd,	   &show_pauses_cmd,	     &show_certificates_cmd,
		&show_memory_cmd,
	};

	for (size_t i = 0; i < ARRAY_SIZE(cmds); i++)
		install_element_ve(cmds[i]);
}
