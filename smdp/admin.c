/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The admin socket of smdp: finds the command.  Those that write run as events of the turn; their answers leave in a
 * later round, after the commit (P1). */
#include "smdp/admin.h"

#include <string.h>

#include <osmocom/core/utils.h>

#include "common/app/backup.h"
#include "smdp/admin_priv.h"

static const struct admin_cmd *const tables[] = {
	admin_stock_cmds,
	admin_order_cmds,
	admin_daemon_cmds,
};

static void run(void *prog, struct admin_client *c, json_t *request, void *ctx)
{
	struct admin_req q = {.env = prog, .client = c, .json = request, .ctx = ctx};
	const char *name = admin_text(request, "cmd");

	for (size_t i = 0; name && i < ARRAY_SIZE(tables); i++) {
		for (const struct admin_cmd *cmd = tables[i]; cmd->name; cmd++) {
			if (strcmp(cmd->name, name) == 0) {
				cmd->run(&q);
				return;
			}
		}
	}
	admin_error(c, ADMIN_USAGE, "no command %s", name ? name : "is named");
}

static void gone(void *prog, struct admin_client *c)
{
	const struct dp_admin_env *env = prog;

	backup_forget(env->backup, c);
}

int dp_admin_start(const void *ctx, const char *path, const struct dp_admin_env *env, struct admin_sock **sock,
		   const char **why)
{
	static const struct admin_ops ops = {.run = run, .gone = gone};

	return admin_sock_start(ctx, path, &ops, (void *)env, sock, why);
}
