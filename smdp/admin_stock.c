/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Commands of the admin socket about the stock.  Each that writes is one event of the turn: a piece of an import is
 * stored as a whole or, when the store fails, not at all. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/clock.h"
#include "common/app/log.h"
#include "common/app/turn.h"
#include "common/es/es_codec.h"
#include "smdp/admin_priv.h"
#include "smdp/pkg.h"
#include "smdp/stock.h"

static const char *arg(const struct admin_req *q, const char *name)
{
	return admin_text(q->json, name);
}

/* ---- rows ---- */

static json_t *text_or_null(const char *text)
{
	return text ? json_string(text) : json_null();
}

static json_t *time_or_null(void *ctx, int64_t stamp_ms)
{
	return stamp_ms ? json_string(es_time_enc(ctx, stamp_ms)) : json_null();
}

static json_t *pol2_words(void *ctx, const struct es_pol2 *pol2)
{
	json_t *list = json_array();

	for (size_t i = 0; i < pol2->n_rules; i++)
		json_array_append_new(
			list, json_string(talloc_asprintf(ctx, "%s:%s", es_pol2_action_name(pol2->rules[i].action),
							  es_pol2_qualification_name(pol2->rules[i].qualification))));
	return list;
}

static json_t *row_item(void *ctx, const struct stock_item *item)
{
	return json_pack("{s:I, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:I, s:o, s:o}", "id", (json_int_t)item->id,
			 "iccid", item->iccid, "mno", item->mno, "type", item->type, "state",
			 stock_state_name(item->state), "order",
			 item->order_id ? json_integer((json_int_t)item->order_id) : json_null(), "imsi",
			 text_or_null(item->imsi), "msisdn", text_or_null(item->msisdn), "pol2",
			 pol2_words(ctx, &item->pol2), "octets", (json_int_t)item->package_len, "imported",
			 time_or_null(ctx, item->imported_ms), "changed", time_or_null(ctx, item->changed_ms));
}

static json_t *row_level(const struct stock_level *l)
{
	return json_pack("{s:s, s:s, s:I, s:b, s:I, s:I, s:I, s:I, s:I, s:b}", "mno", l->mno, "type", l->type, "memory",
			 (json_int_t)l->required_memory, "template", l->has_template, "free",
			 (json_int_t)l->n[STOCK_FREE], "reserved", (json_int_t)l->n[STOCK_RESERVED], "used",
			 (json_int_t)l->n[STOCK_USED], "broken", (json_int_t)l->n[STOCK_BROKEN], "held",
			 (json_int_t)l->n[STOCK_HELD], "low", l->low);
}

static void store_error(struct admin_req *q)
{
	admin_errno(q->client, -EIO, "the database cannot be read");
}

/* ---- looking ---- */

static void cmd_types(struct admin_req *q)
{
	struct stock_level *levels;
	size_t n;

	if (stock_levels(q->env->stock, q->ctx, arg(q, "mno"), &levels, &n) < 0) {
		store_error(q);
		return;
	}
	for (size_t i = 0; i < n; i++)
		admin_row(q->client, row_level(&levels[i]));
	admin_ok(q->client, NULL);
}

/* \returns -1 for all; STOCK_STATES for a word that is no state */
static int arg_state(const struct admin_req *q)
{
	const char *word = arg(q, "state");
	int state = 0;

	if (!word)
		return -1;
	while (state < STOCK_STATES && strcmp(stock_state_name((enum stock_state)state), word) != 0)
		state++;
	return state;
}

static void cmd_list(struct admin_req *q)
{
	const struct stock_filter filter = {
		.mno = arg(q, "mno"),
		.type = arg(q, "type"),
		.state = arg_state(q),
		.after = admin_int(q->json, "after"),
	};
	size_t max = admin_max(q->json), n = 0;
	int64_t *ids = talloc_array(q->ctx, int64_t, (unsigned int)max);
	struct stock_item item;
	int rc;

	OSMO_ASSERT(ids);
	if (filter.state == STOCK_STATES) {
		admin_error(q->client, ADMIN_USAGE, "state is free, reserved, used, broken or held");
		return;
	}
	rc = stock_list(q->env->stock, &filter, ids, max, &n);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		rc = stock_get_id(q->env->stock, q->ctx, ids[i], &item);
		if (rc == 0)
			admin_row(q->client, row_item(q->ctx, &item));
	}
	if (rc < 0)
		store_error(q);
	else
		admin_ok(q->client, n == max ? json_pack("{s:b}", "more", 1) : NULL);
}

/* \returns false when the answer was given */
static bool arg_item(struct admin_req *q, struct stock_item *item)
{
	const char *iccid = arg(q, "iccid");
	int rc = iccid ? stock_get(q->env->stock, q->ctx, iccid, item) : -EINVAL;

	if (rc == -EINVAL)
		admin_error(q->client, ADMIN_USAGE, "iccid is wanted");
	else if (rc == -ENOENT)
		admin_error(q->client, ADMIN_NOT_FOUND, "no profile with ICCID %s in stock", iccid);
	else if (rc < 0)
		store_error(q);
	return rc == 0;
}

/* Names a package without giving it away: its keys cannot be guessed. */
static json_t *package_sha256(struct admin_req *q, int64_t id)
{
	uint8_t hash[32];
	struct bytes package;

	if (stock_open_package(q->env->stock, q->ctx, id, &package) < 0 || crypto_sha256(package, hash) < 0)
		return json_null();
	return json_string(hex_enc(q->ctx, BYTES_ARR(hash)));
}

static void cmd_show(struct admin_req *q)
{
	struct stock_item item;
	json_t *row;

	if (!arg_item(q, &item))
		return;
	row = row_item(q->ctx, &item);
	json_object_set_new(row, "sha256", package_sha256(q, item.id));
	admin_row(q->client, row);
	admin_ok(q->client, NULL);
}

/* ---- packages ---- */

/* Memory that is wiped with the request.  \returns false when the answer was given */
static bool arg_package(struct admin_req *q, struct bytes *package)
{
	const char *text = arg(q, "package");
	struct bytes plain;
	uint8_t *copy;

	if (!text || base64_dec(q->ctx, text, &plain) < 0) {
		admin_error(q->client, ADMIN_USAGE, "package is a profile package (DER) in base64");
		return false;
	}
	copy = bytes_secret_alloc(q->ctx, plain.len);
	memcpy(copy, plain.data, plain.len);
	*package = bytes_of(copy, plain.len);
	bytes_wipe((void *)(uintptr_t)plain.data, plain.len);
	return true;
}

static json_t *report_members(const struct pkg_report *r, size_t octets)
{
	json_t *end =
		json_pack("{s:I, s:I, s:I, s:I}", "elements", (json_int_t)r->n_pes, "octets", (json_int_t)octets,
			  "errors", (json_int_t)r->n_errors, "warnings", (json_int_t)(r->n_findings - r->n_errors));
	json_t *services = json_array();

	if (r->header) {
		char *version = talloc_asprintf(NULL, "%u.%u", r->header->major, r->header->minor);

		json_object_set_new(end, "iccid", json_string(r->header->iccid));
		json_object_set_new(end, "version", json_string(version));
		if (r->header->type && json_object_set_new(end, "profile_type", json_string(r->header->type)) < 0)
			json_object_set_new(end, "profile_type", json_null()); /* no UTF-8 */
		for (const char **s = r->header->service_names; s && *s; s++)
			json_array_append_new(services, json_string(*s));
		talloc_free(version);
	}
	json_object_set_new(end, "services", services);
	return end;
}

static void cmd_check(struct admin_req *q)
{
	struct stock_item item;
	struct pkg_report *r;
	struct bytes package;

	if (arg(q, "iccid")) {
		if (!arg_item(q, &item))
			return;
		if (stock_open_package(q->env->stock, q->ctx, item.id, &package) < 0) {
			admin_error(q->client, ADMIN_INTERNAL,
				    "the stored package does not open: it was delivered and is not kept any more, was "
				    "changed, or wrapped by another key");
			return;
		}
	} else if (!arg_package(q, &package)) {
		return;
	}
	r = pkg_check(q->ctx, package);
	for (size_t i = 0; i < r->n_findings; i++)
		admin_row(q->client, json_pack("{s:s, s:s}", "severity",
					       r->findings[i].severity == PKG_ERROR ? "error" : "warning", "text",
					       r->findings[i].text));
	admin_ok(q->client, report_members(r, package.len));
}

/* ---- what writes: events ---- */

struct stock_event {
	const struct admin_req *q;
	const char *why;
	struct stock_ready ready;
	struct stock_item item;
	struct stock_batch batch;
	struct stock_row *rows;
	size_t n_rows;
	bool broken;
	int64_t n_held;
};

/* \returns false when the answer was given */
static bool run_event(struct admin_req *q, turn_handler_cb handler, struct stock_event *e)
{
	int rc;

	e->q = q;
	e->why = "the database cannot be written";
	rc = turn_event(q->env->turn, handler, q->env->stock, e);
	if (rc < 0)
		admin_errno(q->client, rc, e->why);
	return rc == 0;
}

static int ev_type(void *stock, void *event)
{
	struct stock_event *e = event;
	const json_t *json = e->q->json;
	const json_t *memory = json_object_get(json, "memory");

	return stock_type_set(stock, e->q->ctx, admin_text(json, "mno"), admin_text(json, "type"),
			      json_is_integer(memory) ? json_integer_value(memory) : -1, admin_text(json, "template"),
			      &e->why);
}

static void cmd_type_set(struct admin_req *q)
{
	struct stock_event e = {};

	if (!run_event(q, ev_type, &e))
		return;
	LOGP(DMAIN, LOGL_NOTICE, "stock: type %s of %s was set\n", arg(q, "type"), arg(q, "mno"));
	admin_ok(q->client, NULL);
}

static int ev_package(void *stock, void *event)
{
	struct stock_event *e = event;

	return stock_import_package(stock, e->q->ctx, &e->ready, &e->item, &e->why);
}

static void cmd_import_package(struct admin_req *q)
{
	struct stock_event e = {
		.ready = {.mno = arg(q, "mno"),
			  .type = arg(q, "type"),
			  .imsi = arg(q, "imsi"),
			  .msisdn = arg(q, "msisdn"),
			  .pol2 = arg(q, "pol2")},
	};

	if (!arg_package(q, &e.ready.package) || !run_event(q, ev_package, &e))
		return;
	LOGP(DMAIN, LOGL_NOTICE, "stock: profile %s of type %s of %s was imported\n", e.item.iccid, e.item.type,
	     e.item.mno);
	admin_ok(q->client, json_pack("{s:s}", "iccid", e.item.iccid));
}

static int ev_batch(void *stock, void *event)
{
	struct stock_event *e = event;

	return stock_import_batch(stock, e->q->ctx, &e->batch, &e->rows, &e->n_rows, &e->why);
}

static void cmd_import(struct admin_req *q)
{
	int64_t line = admin_int(q->json, "line");
	struct stock_event e = {
		.batch = {.mno = arg(q, "mno"),
			  .type = arg(q, "type"),
			  .pol2 = arg(q, "pol2"),
			  .csv = bytes_str(arg(q, "csv")),
			  .first_line = line > 0 && line < INT32_MAX ? (unsigned int)line : 0,
			  .check_only = json_is_true(json_object_get(q->json, "check"))},
	};
	size_t refused = 0;

	if (!run_event(q, ev_batch, &e))
		return;
	for (size_t i = 0; i < e.n_rows; i++) {
		const struct stock_row *row = &e.rows[i];

		if (!row->why)
			continue;
		refused++;
		admin_row(q->client, json_pack("{s:I, s:o, s:s}", "line", (json_int_t)row->line, "iccid",
					       text_or_null(row->iccid), "error", row->why));
	}
	if (!e.batch.check_only && e.n_rows > refused)
		LOGP(DMAIN, LOGL_NOTICE, "stock: %zu profiles of type %s of %s were imported\n", e.n_rows - refused,
		     e.batch.type, e.batch.mno);
	admin_ok(q->client,
		 json_pack("{s:I, s:I}", "taken", (json_int_t)(e.n_rows - refused), "refused", (json_int_t)refused));
}

static int ev_state(void *stock, void *event)
{
	struct stock_event *e = event;

	return stock_set_state(stock, e->q->ctx, admin_text(e->q->json, "iccid"), e->broken, &e->why);
}

static void set_state(struct admin_req *q, bool broken)
{
	struct stock_event e = {.broken = broken};

	if (!run_event(q, ev_state, &e))
		return;
	LOGP(DMAIN, LOGL_NOTICE, "stock: profile %s was %s\n", arg(q, "iccid"), broken ? "taken out" : "put back");
	admin_ok(q->client, json_pack("{s:s}", "done", broken ? "taken out of stock" : "free"));
}

static void cmd_take_out(struct admin_req *q)
{
	set_state(q, true);
}

static void cmd_release(struct admin_req *q)
{
	set_state(q, false);
}

static int ev_release_held(void *stock, void *event)
{
	struct stock_event *e = event;

	return stock_release_held(stock, arg(e->q, "mno"), arg(e->q, "type"), &e->n_held);
}

static void cmd_release_held(struct admin_req *q)
{
	struct stock_event e = {};

	if (!run_event(q, ev_release_held, &e))
		return;
	LOGP(DMAIN, LOGL_NOTICE, "stock: %" PRId64 " profiles that were on hold were released\n", e.n_held);
	admin_ok(q->client, json_pack("{s:I, s:s}", "n", (json_int_t)e.n_held, "done",
				      talloc_asprintf(q->ctx, "%" PRId64 " profiles are free again", e.n_held)));
}

const struct admin_cmd admin_stock_cmds[] = {
	{"stock-types", cmd_types},
	{"stock-type-set", cmd_type_set},
	{"stock-list", cmd_list},
	{"stock-show", cmd_show},
	{"stock-check", cmd_check},
	{"stock-import", cmd_import},
	{"stock-import-package", cmd_import_package},
	{"stock-take-out", cmd_take_out},
	{"stock-release", cmd_release},
	{"stock-release-held", cmd_release_held},
	{NULL, NULL},
};
