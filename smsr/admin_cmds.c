/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Commands of the admin socket: one function each, found in a table.  They read what is committed or about to be
 * committed; what they write goes through a lever. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/admin_shared.h"
#include "common/peer/admin_call.h"
#include "smsr/admin_priv.h"
#include "smsr/lever.h"
#include "smsr/op_db.h"
#include "smsr/words.h"

/* ---- arguments ---- */

static const char *arg_text(const struct admin_req *q, const char *name)
{
	return admin_text(q->json, name);
}

static int64_t arg_int(const struct admin_req *q, const char *name)
{
	return admin_int(q->json, name);
}

static size_t arg_max(const struct admin_req *q)
{
	return admin_max(q->json);
}

static int64_t *ids_alloc(const struct admin_req *q, size_t max)
{
	int64_t *ids = talloc_array(q->ctx, int64_t, (unsigned int)max);

	OSMO_ASSERT(ids);
	return ids;
}

/* End of a list that was read: n rows of at most max. */
static void list_end(struct admin_req *q, int rc, size_t n, size_t max)
{
	if (rc < 0)
		admin_errno(q->client, -EIO, "the database cannot be read");
	else
		admin_ok(q->client, n == max ? json_pack("{s:b}", "more", 1) : NULL);
}

/* \returns false when the answer was given */
static bool found(struct admin_req *q, int rc, enum lever_key key, const char *value)
{
	static const char *const names[] = {"EID", "MSISDN", "IMSI", "ICCID"};

	if (rc == 0)
		return true;
	if (rc == -ENOENT)
		admin_error(q->client, ADMIN_NOT_FOUND, "no eUICC with %s %s", names[key], value);
	else if (rc == -EINVAL)
		admin_error(q->client, ADMIN_USAGE, "%s is no %s", value ? value : "nothing", names[key]);
	else if (rc == -EEXIST)
		admin_error(q->client, ADMIN_USAGE, "two eUICCs claim %s %s", names[key], value);
	else
		admin_errno(q->client, -EIO, "the database cannot be read");
	return false;
}

/* Row of an optional EID.  \returns false when the answer was given */
static bool arg_eid(struct admin_req *q, const char *name, int64_t *euicc_id)
{
	const char *eid = arg_text(q, name);
	struct euicc e;

	*euicc_id = 0;
	if (!eid)
		return true;
	if (!found(q, lever_find(q->s, q->ctx, KEY_EID, eid, &e), KEY_EID, eid))
		return false;
	*euicc_id = e.id;
	return true;
}

/* ---- looking ---- */

static void cmd_status(struct admin_req *q)
{
	admin_row(q->client, row_status(q->d, q->ctx));
	admin_ok(q->client, NULL);
}

static void cmd_smpp(struct admin_req *q)
{
	for (size_t i = 0; i < links_n(q->d->links); i++)
		admin_row(q->client, row_link(links_get(q->d->links, i)));
	admin_ok(q->client, NULL);
}

static void cmd_counters(struct admin_req *q)
{
	admin_counters(q->client);
}

static void eis_rows(struct admin_req *q, bool audit_due, bool is_audit_list)
{
	size_t max = arg_max(q), n = 0;
	int64_t *ids = ids_alloc(q, max);
	int64_t after;
	struct euicc e;
	int rc;

	if (!arg_eid(q, "after", &after))
		return;
	rc = eis_db_list(q->s->db, after, audit_due, ids, max, &n);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		rc = eis_db_get(q->ctx, q->s->db, ids[i], &e);
		if (rc == 0)
			admin_row(q->client,
				  is_audit_list ? row_audit_due(q->ctx, &e) : row_eis_short(q->s, q->ctx, &e));
	}
	list_end(q, rc, n, max);
}

static void cmd_eis_list(struct admin_req *q)
{
	eis_rows(q, json_is_true(json_object_get(q->json, "audit_due")), false);
}

static void cmd_audit_list(struct admin_req *q)
{
	eis_rows(q, true, true);
}

static void cmd_eis(struct admin_req *q)
{
	static const char *const names[] = {
		[KEY_EID] = "eid",
		[KEY_MSISDN] = "msisdn",
		[KEY_IMSI] = "imsi",
		[KEY_ICCID] = "iccid",
	};
	struct euicc e;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const char *value = arg_text(q, names[i]);

		if (!value)
			continue;
		if (!found(q, lever_find(q->s, q->ctx, (enum lever_key)i, value, &e), (enum lever_key)i, value))
			return;
		admin_row(q->client, row_eis(q->s, q->ctx, &e));
		admin_ok(q->client, NULL);
		return;
	}
	admin_error(q->client, ADMIN_USAGE, "eid, msisdn, imsi or iccid is wanted");
}

static void cmd_ops(struct admin_req *q)
{
	size_t max = arg_max(q), n = 0;
	int64_t *ids = ids_alloc(q, max);
	struct operation op;
	int64_t euicc_id;
	int rc;

	if (!arg_eid(q, "eid", &euicc_id))
		return;
	rc = op_db_list(q->s->db, euicc_id, arg_int(q, "before"), ids, max, &n);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		rc = op_db_get(q->ctx, q->s->db, ids[i], &op);
		if (rc == 0)
			admin_row(q->client, row_op(q->s, q->ctx, &op));
	}
	list_end(q, rc, n, max);
}

/* \returns false when the answer was given */
static bool get_op(struct admin_req *q, int64_t id, struct operation *op)
{
	int rc = op_db_get(q->ctx, q->s->db, id, op);

	if (rc == -ENOENT)
		admin_error(q->client, ADMIN_NOT_FOUND, "no operation #%" PRId64, id);
	else if (rc < 0)
		admin_errno(q->client, -EIO, "the database cannot be read");
	return rc == 0;
}

static void cmd_op(struct admin_req *q)
{
	struct operation op;

	if (!get_op(q, arg_int(q, "id"), &op))
		return;
	admin_row(q->client, row_op(q->s, q->ctx, &op));
	admin_ok(q->client, NULL);
}

static void cmd_timeline(struct admin_req *q)
{
	struct timeline_row *rows = talloc_array(q->ctx, struct timeline_row, ADMIN_ROWS_MAX);
	struct operation op;
	size_t n = 0;
	int rc;

	OSMO_ASSERT(rows);
	if (!get_op(q, arg_int(q, "id"), &op))
		return;
	rc = timeline_db_get(q->ctx, q->s->db, op.id, arg_int(q, "after"), rows, ADMIN_ROWS_MAX, &n);
	for (size_t i = 0; rc == 0 && i < n; i++)
		admin_row(q->client, row_timeline(q->ctx, &rows[i]));
	list_end(q, rc, n, ADMIN_ROWS_MAX);
}

/* A requester may be given by its name in the configuration. */
static const char *oid_of(const struct smsr *s, const char *name)
{
	for (size_t i = 0; name && i < s->cfg->n_peers; i++) {
		if (strcmp(s->cfg->peers[i].name, name) == 0)
			return s->cfg->peers[i].oid;
	}
	return name;
}

static void cmd_follow(struct admin_req *q)
{
	const char *requester = oid_of(q->s, admin_text(q->json, "requester"));
	int64_t id = admin_call_op(q->client, q->json, q->ctx, q->s->db, requester);
	struct operation op;

	if (id && get_op(q, id, &op))
		admin_follow(q->client, admin_follow_op, id);
}

static void cmd_outbox(struct admin_req *q)
{
	size_t max = arg_max(q), n = 0;
	int64_t *ids = ids_alloc(q, max);
	int64_t op_id = arg_int(q, "id");
	struct outbox o;
	int rc;

	if (op_id)
		rc = outbox_db_of_op(q->s->db, op_id, ids, max, &n);
	else
		rc = outbox_db_list(q->s->db, arg_int(q, "before"), ids, max, &n);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		rc = outbox_db_get(q->ctx, q->s->db, ids[i], &o);
		if (rc == 0)
			admin_row(q->client, row_outbox(q->s, q->ctx, &o));
	}
	list_end(q, rc, n, max);
}

static void cmd_trail(struct admin_req *q)
{
	size_t max = arg_max(q), n = 0;
	struct audit_row *rows = talloc_array(q->ctx, struct audit_row, (unsigned int)max);
	const char *text = arg_text(q, "eid");
	struct bytes eid = {0};
	int rc;

	OSMO_ASSERT(rows);
	/* The trail outlives the eUICC, so any EID may be asked for. */
	if (text && (strlen(text) != 2 * EID_LEN || hex_dec(q->ctx, text, &eid) < 0)) {
		admin_error(q->client, ADMIN_USAGE, "%s is no EID", text);
		return;
	}
	rc = record_db_audit_get(q->ctx, q->s->db, eid, arg_int(q, "before"), rows, max, &n);
	for (size_t i = 0; rc == 0 && i < n; i++)
		admin_row(q->client, row_trail(q->ctx, &rows[i]));
	list_end(q, rc, n, max);
}

static void cmd_pauses(struct admin_req *q)
{
	struct pause_row *rows = talloc_array(q->ctx, struct pause_row, ADMIN_ROWS_MAX);
	size_t n = 0;
	int rc;

	OSMO_ASSERT(rows);
	rc = record_db_pauses(q->ctx, q->s->db, rows, ADMIN_ROWS_MAX, &n);
	for (size_t i = 0; rc == 0 && i < n; i++)
		admin_row(q->client, row_pause(q->ctx, &rows[i]));
	list_end(q, rc, n, ADMIN_ROWS_MAX);
}

/* ---- levers ---- */

/* \returns false when the answer was given */
static bool pull(struct admin_req *q, lever_cb action, struct lever *l)
{
	int rc;

	l->ctx = q->ctx;
	l->by = "admin";
	rc = lever_pull(q->s, action, l);
	if (rc < 0)
		admin_errno(q->client, rc, l->text);
	return rc == 0;
}

static void pause_or_resume(struct admin_req *q, lever_cb action)
{
	struct lever l = {.name = arg_text(q, "name")};

	if (pause_scope_parse(arg_text(q, "scope"), &l.scope) < 0)
		admin_error(q->client, ADMIN_USAGE, "scope is all, drain, smsc, eid or peer");
	else if (pull(q, action, &l))
		admin_ok(q->client, json_pack("{s:s}", "done", l.text));
}

static void cmd_pause(struct admin_req *q)
{
	pause_or_resume(q, smsr_ev_pause);
}

static void cmd_resume(struct admin_req *q)
{
	pause_or_resume(q, smsr_ev_resume);
}

static void cmd_audit(struct admin_req *q)
{
	struct lever l = {.eid = arg_text(q, "eid")};

	if (pull(q, smsr_ev_audit, &l))
		admin_ok(q->client, json_pack("{s:I, s:s}", "op", (json_int_t)l.op_id, "done", l.text));
}

static void cmd_audit_bulk(struct admin_req *q)
{
	struct lever l = {.max = arg_int(q, "max")};

	if (pull(q, smsr_ev_audit_bulk, &l))
		admin_ok(q->client, json_pack("{s:I, s:s}", "n", (json_int_t)l.n, "done", l.text));
}

static void cmd_cancel(struct admin_req *q)
{
	struct lever l = {.id = arg_int(q, "id")};
	struct operation op;

	if (pull(q, smsr_ev_cancel, &l) && get_op(q, l.id, &op))
		admin_ok(q->client, json_pack("{s:s, s:s}", "state", op_state_name(op.state), "done", l.text));
}

static void cmd_counter(struct admin_req *q)
{
	int64_t value = arg_int(q, "value"), version = arg_int(q, "version");
	struct lever l = {.eid = arg_text(q, "eid"), .value = (uint64_t)value};

	l.version = version > 0 && version < 256 ? (int)version : 0;
	if (value <= 0)
		admin_error(q->client, ADMIN_USAGE, "value is a positive number");
	else if (pull(q, smsr_ev_counter, &l))
		admin_ok(q->client, json_pack("{s:s}", "done", l.text));
}

static void cmd_import(struct admin_req *q)
{
	struct lever l = {.xml = bytes_str(arg_text(q, "xml"))};

	if (!l.xml.len)
		admin_error(q->client, ADMIN_USAGE, "xml is the text of an EIS");
	else if (pull(q, smsr_ev_import, &l))
		admin_ok(q->client, json_pack("{s:s, s:s}", "eid", l.eid, "done", l.text));
}

static void cmd_outbox_retry(struct admin_req *q)
{
	struct lever l = {.name = arg_text(q, "peer")};

	if (pull(q, smsr_ev_hurry, &l))
		admin_ok(q->client, json_pack("{s:I, s:s}", "n", (json_int_t)l.n, "done", l.text));
}

static void cmd_backup(struct admin_req *q)
{
	admin_backup(q->client, q->d->backup, arg_text(q, "path"));
}

static const struct {
	const char *name;
	void (*run)(struct admin_req *q);
} cmds[] = {
	{"status", cmd_status},
	{"smpp", cmd_smpp},
	{"counters", cmd_counters},
	{"eis-list", cmd_eis_list},
	{"eis", cmd_eis},
	{"ops", cmd_ops},
	{"op", cmd_op},
	{"timeline", cmd_timeline},
	{"follow", cmd_follow},
	{"outbox", cmd_outbox},
	{"outbox-retry", cmd_outbox_retry},
	{"trail", cmd_trail},
	{"pauses", cmd_pauses},
	{"pause", cmd_pause},
	{"resume", cmd_resume},
	{"audit", cmd_audit},
	{"audit-list", cmd_audit_list},
	{"audit-bulk", cmd_audit_bulk},
	{"cancel", cmd_cancel},
	{"counter", cmd_counter},
	{"import", cmd_import},
	{"backup", cmd_backup},
};

void admin_run(struct admin_req *q)
{
	const char *name = arg_text(q, "cmd");

	for (size_t i = 0; name && i < ARRAY_SIZE(cmds); i++) {
		if (strcmp(cmds[i].name, name) == 0) {
			cmds[i].run(q);
			return;
		}
	}
	admin_error(q->client, ADMIN_USAGE, "no command %s", name ? name : "is named");
}
