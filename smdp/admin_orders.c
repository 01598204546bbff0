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

#include "common/es/es_codec.h"
#include "common/peer/admin_call.h"
#include "smdp/admin_priv.h"
#include "smdp/order.h"
#include "smdp/order_db.h"
#include "smdp/dp_record_db.h"

#define FOLLOW_BATCH 100

/* ---- rows ---- */

/* Every row has the same members, null where there is nothing: clients print tables. */
static void set_text(json_t *o, const char *name, const char *text)
{
	json_object_set_new(o, name, text ? json_string(text) : json_null());
}

static void set_time(json_t *o, const void *ctx, const char *name, int64_t ms)
{
	set_text(o, name, ms ? es_time_enc(ctx, ms) : NULL);
}

static void set_outcome(json_t *o, const void *ctx, const struct order *order)
{
	const struct es_status *st = &order->outcome;
	bool done = order->state == ORDER_ST_DONE;
	bool codes = done && st->subject && st->reason;

	set_text(o, "status", done ? es_exec_name(st->status) : NULL);
	set_text(o, "codes", codes ? talloc_asprintf(ctx, "%s/%s", st->subject, st->reason) : NULL);
	set_text(o, "message", done ? st->message : NULL);
}

static json_t *row_order(struct smdp *s, const void *ctx, const struct order *o)
{
	struct download d = {0};
	json_t *row = json_object();

	OSMO_ASSERT(row);
	if (o->kind == ORDER_DOWNLOAD && order_db_download_get(ctx, s->db, o->id, &d) < 0)
		d = (struct download){0};
	json_object_set_new(row, "id", json_integer(o->id));
	set_text(row, "order", es_fn_name(o->fn));
	set_text(row, "eid", hex_enc(ctx, BYTES_ARR(o->eid)));
	set_text(row, "iccid", o->iccid);
	set_text(row, "type", o->profile_type);
	set_text(row, "requester", o->requester);
	set_text(row, "state", order_state_name(o->state));
	json_object_set_new(row, "octets", json_integer(d.package_len));
	json_object_set_new(row, "done", json_integer(d.done));
	set_outcome(row, ctx, o);
	set_time(row, ctx, "created", o->created_ms);
	set_time(row, ctx, "expires", o->expires_ms);
	set_time(row, ctx, "ended", o->ended_ms);
	return row;
}

/* Beside those of the list. */
static json_t *record_order(struct smdp *s, const void *ctx, const struct order *o)
{
	json_t *row = row_order(s, ctx, o);
	struct download d;

	set_text(row, "sm_sr", o->smsr_oid);
	set_text(row, "transaction_id", o->transaction_id);
	set_text(row, "call_id", o->call_id);
	if (o->kind == ORDER_DOWNLOAD && order_db_download_get(ctx, s->db, o->id, &d) == 0)
		set_text(row, "isd_p", d.aid.len ? hex_enc(ctx, d.aid) : NULL);
	return row;
}

static json_t *row_timeline(const void *ctx, const struct timeline_row *t)
{
	json_t *o = json_object();

	OSMO_ASSERT(o);
	json_object_set_new(o, "id", json_integer(t->id));
	set_time(o, ctx, "time", t->stamp_ms);
	set_text(o, "step", order_step_name(t->step));
	set_text(o, "text", t->text);
	return o;
}

static void set_progress(struct smdp *s, const void *ctx, json_t *row, const struct order *o)
{
	struct download d;

	if (o->kind != ORDER_DOWNLOAD || order_db_download_get(ctx, s->db, o->id, &d) < 0)
		return;
	json_object_set_new(row, "progress",
			    json_pack("{s:s, s:I, s:I, s:I}", "state", order_state_name(o->state), "octets",
				      (json_int_t)d.package_len, "sent", (json_int_t)d.sent, "done",
				      (json_int_t)d.done));
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
	rc = timeline_db_get(q->ctx, q->env->smdp->db, o.id, 0, rows, ADMIN_ROWS_MAX, &n);
	for (size_t i = 0; rc == 0 && i < n; i++)
		admin_row(q->client, row_timeline(q->ctx, &rows[i]));
	if (rc < 0)
		admin_errno(q->client, -EIO, "the timeline cannot be read");
	else
		admin_ok(q->client, json_pack("{s:o}", "order", record_order(q->env->smdp, q->ctx, &o)));
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
	int rc = timeline_db_get(ctx, s->db, id, *after, rows, ARRAY_SIZE(rows), &n);

	if (rc == 0)
		rc = order_db_get(ctx, s->db, id, &o);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		json_t *row = row_timeline(ctx, &rows[i]);

		set_progress(s, ctx, row, &o);
		admin_row(c, row);
		*after = rows[i].id;
	}
	if (rc == 0 && n < ARRAY_SIZE(rows))
		rc = is_at_end(s, ctx, &o, &end);
	if (rc < 0)
		admin_errno(c, rc == -ENOENT ? rc : -EIO, "the order cannot be read");
	else if (end)
		admin_ok(c, json_pack("{s:o}", "order", record_order(s, ctx, &o)));
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
	int64_t id = admin_call_op(q->client, q->json, q->ctx, q->env->smdp->db, requester);
	struct order o;

	if (id && get_order(q, id, &o))
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
