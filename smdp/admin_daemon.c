/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Commands of the admin socket about the daemon as a whole: figures, levers, backup. */
#include <errno.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/admin_shared.h"
#include "common/es/es_codec.h"
#include "smdp/admin_priv.h"
#include "smdp/dp_lever.h"
#include "smdp/stock.h"

/* ---- looking ---- */

static void set_time(json_t *o, const void *ctx, const char *name, int64_t ms)
{
	json_object_set_new(o, name, ms ? json_string(es_time_enc(ctx, ms)) : json_null());
}

static json_t *orders(const struct dp_figures *f)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "queued", (json_int_t)f->queued, "running",
			 (json_int_t)f->running, "relayed", (json_int_t)f->relays, "on_hold", (json_int_t)f->on_hold,
			 "done", (json_int_t)f->done, "oldest_s", (json_int_t)f->oldest_s);
}

static json_t *profiles(const struct dp_figures *f)
{
	json_t *o = json_object();

	for (int i = 0; i < STOCK_STATES; i++)
		json_object_set_new(o, stock_state_name((enum stock_state)i), json_integer((json_int_t)f->stock[i]));
	return o;
}

static json_t *outbox(struct smdp *s, const struct dp_figures *f)
{
	return json_pack("{s:I, s:I, s:I}", "waiting", (json_int_t)f->outbox_waiting, "delivered",
			 (json_int_t)smdp_ctr(s, CTR_CALLBACKS), "given_up",
			 (json_int_t)smdp_ctr(s, CTR_CALLBACKS_GIVEN_UP));
}

static void cmd_status(struct admin_req *q)
{
	struct smdp *s = q->env->smdp;
	struct dp_figures f;
	struct meta meta;
	json_t *o;

	if (dp_lever_figures(s, &f) < 0 || meta_db_get(s->db, &meta) < 0) {
		admin_errno(q->client, -EIO, "the database cannot be read");
		return;
	}
	o = json_pack("{s:s, s:o, s:s, s:I, s:b, s:I, s:I}", "oid", s->cfg->oid, "name",
		      s->cfg->name ? json_string(s->cfg->name) : json_null(), "version", VERSION, "epoch",
		      (json_int_t)s->epoch, "paused", f.paused, "operators", (json_int_t)s->cfg->n_peers, "sm_srs",
		      (json_int_t)s->cfg->n_smsrs);
	OSMO_ASSERT(o);
	set_time(o, q->ctx, "started", meta.started_ms);
	json_object_set_new(o, "orders", orders(&f));
	json_object_set_new(o, "stock", profiles(&f));
	json_object_set_new(o, "calls_waiting", json_integer((json_int_t)f.calls_waiting));
	json_object_set_new(o, "outbox", outbox(s, &f));
	json_object_set_new(o, "euiccs_in_doubt", json_integer((json_int_t)f.in_doubt));
	json_object_set_new(o, "database", s->cfg->database ? json_string(s->cfg->database) : json_null());
	json_object_set_new(o, "database_free", json_integer((json_int_t)db_free_space(s->db)));
	admin_row(q->client, o);
	admin_ok(q->client, NULL);
}

static void cmd_counters(struct admin_req *q)
{
	admin_counters(q->client);
}

/* ---- levers ---- */

static void pull(struct admin_req *q, dp_lever_cb action, int64_t id)
{
	struct dp_lever l = {.ctx = q->ctx, .by = "admin", .id = id};
	int rc = dp_lever_pull(q->env->smdp, action, &l);

	if (rc < 0)
		admin_errno(q->client, rc, l.text);
	else
		admin_ok(q->client, json_pack("{s:s}", "done", l.text));
}

/* The only scope is "all". */
static void pull_scope(struct admin_req *q, dp_lever_cb action)
{
	const char *scope = admin_text(q->json, "scope");

	if (!scope || strcmp(scope, "all") != 0)
		admin_error(q->client, ADMIN_USAGE, "scope is all");
	else
		pull(q, action, 0);
}

static void cmd_pause(struct admin_req *q)
{
	pull_scope(q, smdp_ev_pause);
}

static void cmd_resume(struct admin_req *q)
{
	pull_scope(q, smdp_ev_resume);
}

static void cmd_release(struct admin_req *q)
{
	pull(q, smdp_ev_release, admin_int(q->json, "id"));
}

static void cmd_ask(struct admin_req *q)
{
	pull(q, smdp_ev_ask, 0);
}

/* ---- backup ---- */

static void cmd_backup(struct admin_req *q)
{
	admin_backup(q->client, q->env->backup, admin_text(q->json, "path"));
}

const struct admin_cmd admin_daemon_cmds[] = {
	{"status", cmd_status},		{"counters", cmd_counters}, {"pause", cmd_pause},   {"resume", cmd_resume},
	{"order-release", cmd_release}, {"order-ask", cmd_ask},	    {"backup", cmd_backup}, {NULL, NULL},
};
