/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Variables of the CTRL interface.  See ctrl_var.h; libosmoctrl keeps the elements and never lets them go. */
#include "common/app/ctrl_var.h"

#include <inttypes.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

int ctrl_var_reply(struct ctrl_cmd *cmd, int64_t v)
{
	cmd->reply = talloc_asprintf(cmd, "%" PRId64, v);
	return cmd->reply ? CTRL_CMD_REPLY : CTRL_CMD_ERROR;
}

static int refuse_set(struct ctrl_cmd *cmd, void *daemon)
{
	cmd->reply = "this variable can only be read";
	return CTRL_CMD_ERROR;
}

static int refuse_get(struct ctrl_cmd *cmd, void *daemon)
{
	cmd->reply = "this variable can only be set";
	return CTRL_CMD_ERROR;
}

static void install(const void *ctx, const char *name, ctrl_var_cb get, ctrl_var_cb set, ctrl_var_verify_cb verify)
{
	struct ctrl_cmd_element *e = talloc_zero(ctx, struct ctrl_cmd_element);

	OSMO_ASSERT(e);
	e->name = name;
	e->get = get;
	e->set = set;
	e->verify = verify;
	OSMO_ASSERT(ctrl_cmd_install(CTRL_NODE_ROOT, e) == 0);
}

void ctrl_var_figure(const void *ctx, const char *name, ctrl_var_cb get)
{
	install(ctx, name, get, refuse_set, NULL);
}

void ctrl_var_action(const void *ctx, const char *name, ctrl_var_cb set, ctrl_var_verify_cb verify)
{
	install(ctx, name, refuse_get, set, verify);
}
