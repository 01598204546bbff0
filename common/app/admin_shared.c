/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Requests of the admin socket that both daemons answer alike.  A client that goes away is taken from a backup by
 * backup_forget(), so the end of the copy always finds who waits for it. */
#include "common/app/admin_shared.h"

#include <errno.h>

#include <osmocom/core/rate_ctr.h>
#include <talloc.h>

static int counter_row(struct rate_ctr_group *g, struct rate_ctr *ctr, const struct rate_ctr_desc *desc, void *client)
{
	char *name = talloc_asprintf(NULL, "%s.%u.%s", g->desc->group_name_prefix, g->idx, desc->name);

	admin_row(client, json_pack("{s:s, s:I, s:s}", "name", name, "value", (json_int_t)ctr->current, "text",
				    desc->description));
	talloc_free(name);
	return 0;
}

static int counter_group(struct rate_ctr_group *g, void *client)
{
	return rate_ctr_for_each_counter(g, counter_row, client);
}

void admin_counters(struct admin_client *c)
{
	rate_ctr_for_each_group(counter_group, c);
	admin_ok(c, NULL);
}

static void backup_done(void *client, int rc, const char *text)
{
	struct admin_client *c = client;

	admin_release(c);
	if (rc < 0)
		admin_errno(c, rc, text);
	else
		admin_ok(c, json_pack("{s:s}", "done", text));
}

void admin_backup(struct admin_client *c, struct backup *b, const char *path)
{
	int rc = path && b ? backup_start(b, path, backup_done, c) : -EINVAL;

	if (rc == 0)
		admin_hold(c);
	else
		admin_errno(c, rc, rc == -EBUSY ? "a backup is running" : "path is the whole path of a new file");
}
