/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Commands of the admin socket about orders:
 *
 *   orders        "before": id                     orders, the newest first
 *   order         "id"                             one order, with its timeline as rows
 *   follow        "id", or "requester" and "call_id"    steps as they come; ends when the order and its answer did
 *   order-cancel  "id"                             stop it, if that can still be done */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/peer/call_db.h"
#include "smdp/admin_priv.h"
#include "smdp/order.h"
#include "smdp/order_db.h"
#include "smdp/dp_record_db.h"

#define FOLLOW_BATCH 100

/* ---- rows ---- */

static void set_text(json_t *o, const char *name, const char *text)
{
	if (text)
		json_object_set_new(o, name, json_string(text));
}

static void set_progress(struct smdp *s, const void *ctx, json_t *o, int64_t id)
{
	struct download d;

	if (order_db_download_get(ctx, s->db, id, &d) < 0)
		return;
	json_object_set_new(o, "octets", json_integer(d.package_len));
	json_object_set_new(o, "sent", json_integer(d.sent));
	json_object_set_new(o, "done", json_integer(d.done));
	json_object_set_new(o, "enable", json_boolean(d.enable));
	if (d.aid.len)
		set_text(o, "aid", hex_enc(ctx, d.aid));
}

static json_t *row_order(struct smdp *s, const void *ctx, const struct order *o)
{
	json_t *row = json_pack("{s:I, s:s, s:s, s:s, s:s, s:s, s:I, s:I}", "id", (json_int_t)o->id, "eid",
				hex_enc(ctx, BYTES_ARR(o->eid)), "function", es_fn_name(o->fn), "state",
				order_state_name(o->state), "requester", o->requester, "sm-sr", o->smsr_oid,
				"created_ms", (json_int_t)o->created_ms, "expires_ms", (json_int_t)o->expires_ms);

	set_text(row, "iccid", o->iccid);
	set_text(row, "profile_type", o->profile_type);
	set_text(row, "transaction_id", o->transaction_id);
	if (o->state == ORDER_ST_DONE) {
		set_text(row, "status", es_exec_name(o->outcome.status));
		set_text(row, "subject", o->outcome.subject);
		set_text(row, "reason", o->outcome.reason);
		set_text(row, "message", o->outcome.message);
		json_object_set_new(row, "ended_ms", json_integer(o->ended_ms));
	}
	if (o->kind == ORDER_DOWNLOAD)
		set_progress(s, ctx, row, o->id);
	return row;
}

static json_t *row_timeline(const struct timeline_row *t)
{
	return json_pack("{s:I, s:I, s:s, s:s}", "id", (json_int_t)t->id, "at_ms", (json_int_t)t->stamp_ms, "step",
			 order_step_name(t->step), "text", t->text ? t->text : "");
}

static bool get_order(struct admin_req *q, int64_t id, struct order *o)
{
	int rc = order_db_get(q->ctx, q->env->smdp->db, id, o);

	if (rc < 0)
		admin_errno(q->client, rc, rc == -ENOENT ? "no such order" : "the order cannot be read");
	return rc == 0;
}

/* ---- commands ---- */

static void cmd_orders(struct admin_req *q)
{
	size_t max = admin_max(q->json), n = 0;
	int64_t *ids = talloc_array(q->ctx, int64_t, (unsigned int)max);
	struct order o;
	int rc;

	OSMO_ASSERT(ids);
	rc = order_db_list(q->env->smdp->db, admin_int(q->json, "before"), ids, max, &n);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		rc = order_db_get(q->ctx, q->env->smdp->db, ids[i], &o);
		if (rc == 0)
			admin_row(q->client, row_order(q->env->smdp, q->ctx, &o));
	}
	if (rc < 0)
		admin_errno(q->client, -EIO, "the orders cannot be read");
	else
		admin_ok(q->client, json_pack("{s:b}", "more", n == max));
}

static void cmd_order(struct admin_req *q)
{
	struct timeline_row *rows = talloc_array(q->ctx, struct timeline_row, ADMIN_ROWS_MAX);
	struct order o;
	size_t n = 0;
	int rc;

	OSMO_ASSERT(rows);
	if (!get_order(q, admin_int(q->json, "id"), &o))
		return;
	rc = dp_record_db_timeline_get(q->ctx, q->env->smdp->db, o.id, 0, rows, ADMIN_ROWS_MAX, &n);
	for (size_t i = 0; rc == 0 && i < n; i++)
		admin_row(q->client, row_timeline(&rows[i]));
	if (rc < 0)
		admin_errno(q->client, -EIO, "the timeline cannot be read");
	else
		admin_ok(q->client, json_pack("{s:o}", "order", row_order(q->env->smdp, q->ctx, &o)));
}

/* The order is done and its answer to the requester, if any, reached an end. */
static int is_at_end(struct smdp *s, const void *ctx, const struct order *o, bool *end)
{
	int64_t ids[16];
	struct outbox b;
	size_t n = 0;
	int rc = outbox_db_of_op(s->db, o->id, ids, ARRAY_SIZE(ids), &n);

	*end = o->state == ORDER_ST_DONE;
	for (size_t i = 0; rc == 0 && i < n; i++) {
		rc = outbox_db_get(ctx, s->db, ids[i], &b);
		if (rc == 0 && b.state == OUTBOX_WAITING)
			*end = false;
	}
	return rc;
}

/* What is new, and how far the package is. */
static bool follow(void *prog, struct admin_client *c, int64_t id, int64_t *after)
{
	const struct dp_admin_env *env = prog;
	struct smdp *s = env->smdp;
	struct timeline_row rows[FOLLOW_BATCH];
	void *ctx = talloc_new(s);
	struct order o;
	bool end = false;
	size_t n = 0;
	int rc = dp_record_db_timeline_get(ctx, s->db, id, *after, rows, ARRAY_SIZE(rows), &n);

	if (rc == 0)
		rc = order_db_get(ctx, s->db, id, &o);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		json_t *row = row_timeline(&rows[i]);

		set_progress(s, ctx, row, id);
		set_text(row, "state", order_state_name(o.state));
		admin_row(c, row);
		*after = rows[i].id;
	}
	if (rc == 0 && n < ARRAY_SIZE(rows))
		rc = is_at_end(s, ctx, &o, &end);
	if (rc < 0)
		admin_errno(c, rc == -ENOENT ? rc : -EIO, "the order cannot be read");
	else if (end)
		admin_ok(c, json_pack("{s:o}", "order", row_order(s, ctx, &o)));
	talloc_free(ctx);
	return rc < 0 || end;
}

/* A requester may be given by its name in the configuration. */
static const char *oid_of(const struct smdp *s, const char *name)
{
	for (size_t i = 0; name && i < s->cfg->n_peers; i++) {
		if (strcmp(s->cfg->peers[i].name, name) == 0)
			return s->cfg->peers[i].oid;
	}
	return name;
}

static void cmd_follow(struct admin_req *q)
{
	const char *requester = oid_of(q->env->smdp, admin_text(q->json, "requester"));
	const char *call_id = admin_text(q->json, "call_id");
	int64_t id = admin_int(q->json, "id");
	struct order o;
	struct call call;
	int rc;

	if (!id) {
		if (!requester || !call_id) {
			admin_error(q->client, ADMIN_USAGE, "id, or requester and call_id are wanted");
			return;
		}
		rc = call_db_get(q->ctx, q->env->smdp->db, requester, call_id, &call);
		if (rc < 0) {
			admin_errno(q->client, rc, "no such call");
			return;
		}
		id = call.op_id;
	}
	if (get_order(q, id, &o))
		admin_follow(q->client, follow, id);
}

static int ev_cancel(void *smdp, void *id)
{
	const struct order_input in = {.event = ORDER_EV_CANCEL, .text = "cancelled by the operator of the SM-DP"};

	return order_event(smdp, *(const int64_t *)id, &in);
}

static void cmd_cancel(struct admin_req *q)
{
	int64_t id = admin_int(q->json, "id");
	struct order o;
	int rc;

	if (!get_order(q, id, &o))
		return;
	if (o.state == ORDER_ST_DONE) {
		admin_error(q->client, ADMIN_USAGE, "the order has ended");
		return;
	}
	rc = turn_event(q->env->turn, ev_cancel, q->env->smdp, &id);
	if (rc < 0)
		admin_errno(q->client, rc, rc == -EBUSY ? "it is too far to be cancelled" : "it cannot be cancelled");
	else
		admin_ok(q->client, NULL);
}

const struct admin_cmd admin_order_cmds[] = {
	{"orders", cmd_orders},	      {"order", cmd_order}, {"follow", cmd_follow},
	{"order-cancel", cmd_cancel}, {NULL, NULL},
};
