/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Commands that show: orders, one order with its timeline, SM-SRs. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include <osmocom/core/utils.h>
#include <osmocom/vty/command.h>
#include <osmocom/vty/vty.h>
#include <talloc.h>

#include "common/app/memory_vty.h"
#include "common/app/clock.h"
#include "common/es/es_codec.h"
#include "smdp/daemon.h"
#include "smdp/dp_lever.h"
#include "smdp/order.h"
#include "smdp/order_db.h"
#include "smdp/dp_record_db.h"
#include "smdp/stock.h"

#define SHOW_MAX 50

static struct smdp *engine(struct vty *vty)
{
	struct smdp_daemon *d = smdp_vty_daemon();

	if (!d->s)
		vty_out(vty, "%% not started%s", VTY_NEWLINE);
	return d->s;
}

static void out_order(struct vty *vty, const void *ctx, struct smdp *s, const struct order *o)
{
	const struct es_status *st = &o->outcome;
	struct download d;

	vty_out(vty, "%" PRId64 " %s %s %s %s", o->id, hex_enc(ctx, BYTES_ARR(o->eid)), es_fn_name(o->fn),
		o->iccid ? o->iccid : "-", order_state_name(o->state));
	if (o->kind == ORDER_DOWNLOAD && order_db_download_get(ctx, s->db, o->id, &d) == 0 && d.package_len)
		vty_out(vty, " %" PRId64 "/%" PRId64, d.done, d.package_len);
	if (o->state == ORDER_ST_DONE)
		vty_out(vty, " %s%s%s%s%s", es_exec_name(st->status), st->subject ? " " : "",
			st->subject ? st->subject : "", st->subject ? "/" : "", st->reason ? st->reason : "");
	vty_out(vty, "%s", VTY_NEWLINE);
}

DEFUN(show_orders, show_orders_cmd, "show orders", SHOW_STR "The latest orders of operators\n")
{
	struct smdp *s = engine(vty);
	void *ctx = talloc_new(NULL);
	int64_t ids[SHOW_MAX];
	struct order o;
	size_t n = 0;
	int rc = s ? order_db_list(s->db, 0, ids, ARRAY_SIZE(ids), &n) : 0;

	for (size_t i = 0; rc == 0 && i < n; i++) {
		rc = order_db_get(ctx, s->db, ids[i], &o);
		if (rc == 0)
			out_order(vty, ctx, s, &o);
	}
	talloc_free(ctx);
	return rc < 0 ? CMD_WARNING : CMD_SUCCESS;
}

static int out_timeline(struct vty *vty, const void *ctx, struct smdp *s, int64_t id)
{
	struct timeline_row rows[SHOW_MAX];
	int64_t after = 0;
	size_t n;
	int rc;

	do {
		rc = timeline_db_get(ctx, s->db, id, after, rows, ARRAY_SIZE(rows), &n);
		for (size_t i = 0; rc == 0 && i < n; i++) {
			vty_out(vty, " %s %s: %s%s", es_time_enc(ctx, rows[i].stamp_ms), order_step_name(rows[i].step),
				rows[i].text ? rows[i].text : "", VTY_NEWLINE);
			after = rows[i].id;
		}
	} while (rc == 0 && n == ARRAY_SIZE(rows));
	return rc;
}

DEFUN(show_order, show_order_cmd, "show order <1-2147483647>", SHOW_STR "One order and its timeline\nIts number\n")
{
	struct smdp *s = engine(vty);
	void *ctx = talloc_new(NULL);
	int64_t id = atoll(argv[0]);
	struct order o;
	int rc = s ? order_db_get(ctx, s->db, id, &o) : -ENOENT;

	if (rc == 0) {
		out_order(vty, ctx, s, &o);
		rc = out_timeline(vty, ctx, s, id);
	} else if (s) {
		vty_out(vty, "%% no such order%s", VTY_NEWLINE);
	}
	talloc_free(ctx);
	return rc < 0 ? CMD_WARNING : CMD_SUCCESS;
}

DEFUN(show_certificates, show_certificates_cmd, "show certificates", SHOW_STR "Certificates in force and their end\n")
{
	const struct smdp_daemon *d = smdp_vty_daemon();
	void *ctx = talloc_new(NULL);

	for (size_t i = 0; d->expiry.list && i < d->expiry.list->n; i++) {
		const struct expiry_item *item = &d->expiry.list->items[i];

		vty_out(vty, "%s  %-20s %s%s", es_time_enc(ctx, item->not_after_ms),
			expiry_words(expiry_level(item->not_after_ms, clock_stamp_ms())), item->what, VTY_NEWLINE);
	}
	talloc_free(ctx);
	return CMD_SUCCESS;
}

DEFUN(show_status, show_status_cmd, "show status", SHOW_STR "Summary\n")
{
	struct smdp *s = engine(vty);
	struct dp_figures f;
	struct meta meta;
	void *ctx;

	if (!s || dp_lever_figures(s, &f) < 0 || meta_db_get(s->db, &meta) < 0)
		return CMD_WARNING;
	ctx = talloc_new(NULL);
	vty_out(vty, "SM-DP       %s, version %s, started %s, epoch %" PRId64 "%s%s", s->cfg->oid, VERSION,
		es_time_enc(ctx, meta.started_ms), s->epoch, f.paused ? ", calls to SM-SRs are paused" : "",
		VTY_NEWLINE);
	talloc_free(ctx);
	vty_out(vty,
		"orders      queued %" PRId64 " running %" PRId64 " relayed %" PRId64 " on hold %" PRId64
		"; ended since the start: %" PRId64 "; the oldest waits %" PRId64 " s%s",
		f.queued, f.running, f.relays, f.on_hold, f.done, f.oldest_s, VTY_NEWLINE);
	vty_out(vty, "stock      ");
	for (int i = 0; i < STOCK_STATES; i++)
		vty_out(vty, " %s %" PRId64, stock_state_name((enum stock_state)i), f.stock[i]);
	vty_out(vty, "%scalls       %" PRId64 " to SM-SRs wait%s", VTY_NEWLINE, f.calls_waiting, VTY_NEWLINE);
	vty_out(vty, "outbox      %" PRId64 " waiting, %" PRIu64 " taken and %" PRIu64 " given up since the start%s",
		f.outbox_waiting, smdp_ctr(s, CTR_CALLBACKS), smdp_ctr(s, CTR_CALLBACKS_GIVEN_UP), VTY_NEWLINE);
	vty_out(vty, "eUICCs      %" PRId64 " in doubt since a restore%s", f.in_doubt, VTY_NEWLINE);
	vty_out(vty, "peers       %zu operators, %zu SM-SRs%s", s->cfg->n_peers, s->cfg->n_smsrs, VTY_NEWLINE);
	return CMD_SUCCESS;
}

DEFUN(show_smsr, show_smsr_cmd, "show smsr", SHOW_STR "SM-SRs that we know\n")
{
	const struct smdp_cfg *cfg = smdp_vty_daemon()->cfg;

	for (size_t i = 0; i < cfg->n_smsrs; i++)
		vty_out(vty, "%s %s %s, %u octets in one SendData%s", cfg->smsrs[i].name,
			cfg->smsrs[i].oid ? cfg->smsrs[i].oid : "-", cfg->smsrs[i].url ? cfg->smsrs[i].url : "-",
			cfg->smsrs[i].chunk, VTY_NEWLINE);
	return CMD_SUCCESS;
}

DEFUN(show_memory, show_memory_cmd, "show memory", MEMORY_VTY_STR)
{
	struct smdp *s = engine(vty);

	return s ? memory_vty_show(vty, s->db) : CMD_WARNING;
}

void smdp_vty_show_init(void)
{
	install_element_ve(&show_memory_cmd);
	install_element_ve(&show_status_cmd);
	install_element_ve(&show_certificates_cmd);
	install_element_ve(&show_orders_cmd);
	install_element_ve(&show_order_cmd);
	install_element_ve(&show_smsr_cmd);
}
