/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* CTRL interface: figures to GET, pause and resume to SET.  Trap: "certificate-expiry" (common/peer/expiry.c).  An
 * answer leaves in a later round than the one that made it, so behind its commit (P1). */
#include <stddef.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <osmocom/ctrl/control_cmd.h>

#include "common/app/ctrl_var.h"
#include "smdp/daemon.h"
#include "smdp/dp_ctrl.h"
#include "smdp/dp_lever.h"
#include "smdp/stock.h"

#define FIGURE(member) offsetof(struct dp_figures, member)

static const struct {
	const char *name;
	size_t offset;
} figures[] = {
	{"orders-queued", FIGURE(queued)},
	{"orders-running", FIGURE(running)},
	{"orders-relayed", FIGURE(relays)},
	{"orders-on-hold", FIGURE(on_hold)},
	{"orders-done", FIGURE(done)},
	{"oldest-order", FIGURE(oldest_s)},
	{"stock-free", FIGURE(stock[STOCK_FREE])},
	{"stock-reserved", FIGURE(stock[STOCK_RESERVED])},
	{"stock-used", FIGURE(stock[STOCK_USED])},
	{"stock-broken", FIGURE(stock[STOCK_BROKEN])},
	{"stock-held", FIGURE(stock[STOCK_HELD])},
	{"calls-waiting", FIGURE(calls_waiting)},
	{"outbox-waiting", FIGURE(outbox_waiting)},
	{"euiccs-in-doubt", FIGURE(in_doubt)},
};

static int get_figure(struct ctrl_cmd *cmd, void *daemon)
{
	struct smdp_daemon *d = daemon;
	struct dp_figures f;

	if (!d->s || dp_lever_figures(d->s, &f) < 0) {
		cmd->reply = "the database cannot be read";
		return CTRL_CMD_ERROR;
	}
	if (strcmp(cmd->variable, "paused") == 0)
		return ctrl_var_reply(cmd, f.paused);
	for (size_t i = 0; i < ARRAY_SIZE(figures); i++) {
		if (strcmp(figures[i].name, cmd->variable) == 0)
			return ctrl_var_reply(cmd, *(const int64_t *)((const uint8_t *)&f + figures[i].offset));
	}
	cmd->reply = "no such variable";
	return CTRL_CMD_ERROR;
}

static int get_peers(struct ctrl_cmd *cmd, void *daemon)
{
	const struct smdp_daemon *d = daemon;

	return ctrl_var_reply(cmd,
			      (int64_t)(strcmp(cmd->variable, "operators") == 0 ? d->cfg->n_peers : d->cfg->n_smsrs));
}

static int get_ended(struct ctrl_cmd *cmd, void *daemon)
{
	struct smdp_daemon *d = daemon;
	enum smdp_ctr ctr = strcmp(cmd->variable, "outbox-delivered") == 0 ? CTR_CALLBACKS : CTR_CALLBACKS_GIVEN_UP;

	return ctrl_var_reply(cmd, (int64_t)smdp_ctr(d->s, ctr));
}

/* The value is "all", as of the SM-SR. */
static int verify_all(struct ctrl_cmd *cmd, const char *value, void *daemon)
{
	return strcmp(value, "all") == 0 ? 0 : -1;
}

static int set_pause(struct ctrl_cmd *cmd, void *daemon)
{
	dp_lever_cb action = strcmp(cmd->variable, "pause") == 0 ? smdp_ev_pause : smdp_ev_resume;
	struct dp_lever l = {.ctx = cmd, .by = "CTRL"};
	struct smdp_daemon *d = daemon;
	int rc = dp_lever_pull(d->s, action, &l);

	cmd->reply = (char *)l.text;
	return rc < 0 ? CTRL_CMD_ERROR : CTRL_CMD_REPLY;
}

void smdp_ctrl_init(const void *ctx)
{
	for (size_t i = 0; i < ARRAY_SIZE(figures); i++)
		ctrl_var_figure(ctx, figures[i].name, get_figure);
	ctrl_var_figure(ctx, "paused", get_figure);
	ctrl_var_figure(ctx, "operators", get_peers);
	ctrl_var_figure(ctx, "sm-srs", get_peers);
	ctrl_var_figure(ctx, "outbox-delivered", get_ended);
	ctrl_var_figure(ctx, "outbox-given-up", get_ended);
	ctrl_var_action(ctx, "pause", set_pause, verify_all);
	ctrl_var_action(ctx, "resume", set_pause, verify_all);
}
