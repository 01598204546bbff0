/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "smdp/admin.h"

/* Shared by admin.c (tables of commands) and admin_*.c (commands). */

struct admin_req {
	const struct dp_admin_env *env;
	struct admin_client *client;
	const json_t *json; /* borrowed */
	void *ctx;	    /* of this request */
};

struct admin_cmd {
	const char *name; /* the last entry of a table has none */
	void (*run)(struct admin_req *q);
};

extern const struct admin_cmd admin_stock_cmds[];
extern const struct admin_cmd admin_order_cmds[];
extern const struct admin_cmd admin_daemon_cmds[];
