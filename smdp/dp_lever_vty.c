/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Commands that do something, in the enable node.  Each is an event; what it prints leaves after the commit, because
 * the VTY writes in a later round of the loop (P1). */
#include <stdlib.h>

#include <osmocom/core/utils.h>
#include <osmocom/vty/command.h>
#include <osmocom/vty/vty.h>
#include <talloc.h>

#include "common/app/backup_vty.h"
#include "smdp/daemon.h"
#include "smdp/dp_lever.h"

static int pull(struct vty *vty, dp_lever_cb action, int64_t id)
{
	struct smdp_daemon *d = smdp_vty_daemon();
	struct dp_lever l = {.by = "VTY", .id = id};
	void *ctx;
	int rc;

	if (!d || !d->s || !d->server) {
		vty_out(vty, "%% the SM-DP is not running%s", VTY_NEWLINE);
		return CMD_WARNING;
	}
	l.ctx = ctx = talloc_new(d);
	rc = dp_lever_pull(d->s, action, &l);
	vty_out(vty, "%s%s%s", rc < 0 ? "% " : "", l.text, VTY_NEWLINE);
	talloc_free(ctx);
	return rc < 0 ? CMD_WARNING : CMD_SUCCESS;
}

DEFUN(dp_pause, dp_pause_cmd, "pause all", "Hold back\nEvery call to an SM-SR\n")
{
	return pull(vty, smdp_ev_pause, 0);
}

DEFUN(dp_resume, dp_resume_cmd, "resume all", "Release\nCalls to SM-SRs\n")
{
	return pull(vty, smdp_ev_resume, 0);
}

#define ORDER_HELP "Orders of operators\n"

DEFUN(order_release, order_release_cmd, "order release ID",
      ORDER_HELP "Let one begin again that is on hold since the database was restored\nNumber\n")
{
	return pull(vty, smdp_ev_release, atoll(argv[0]));
}

DEFUN(order_ask, order_ask_cmd, "order ask",
      ORDER_HELP "Ask SM-SRs again that did not say what is on their eUICCs since the database was restored\n")
{
	return pull(vty, smdp_ev_ask, 0);
}

DEFUN(dp_backup, dp_backup_cmd, "backup FILE", "Copy the database while it is in use\nWhole path of a new file\n")
{
	struct smdp_daemon *d = smdp_vty_daemon();

	return backup_vty_start(vty, d && d->server ? d->backup : NULL, argv[0]);
}

void smdp_vty_lever_init(void)
{
	struct cmd_element *const cmds[] = {
		&dp_pause_cmd, &dp_resume_cmd, &order_release_cmd, &order_ask_cmd, &dp_backup_cmd,
	};

	for (size_t i = 0; i < ARRAY_SIZE(cmds); i++)
		install_element(ENABLE_NODE, cmds[i]);
}
