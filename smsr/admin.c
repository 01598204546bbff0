/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The admin socket of smsr (common/app/admin_sock.h): its start, and following an operation.  Commands are in
 * admin_cmds.c. */
#include "smsr/admin.h"

#include <errno.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/backup.h"
#include "smsr/admin_priv.h"
#include "smsr/op_db.h"
#define FOLLOW_BATCH 100

static void run(void *prog, struct admin_client *c, json_t *request, void *ctx)
{
	struct smsr_daemon *d = prog;
	struct admin_req q = {.d = d, .s = d->s, .client = c, .json = request, .ctx = ctx};

	admin_run(&q);
}

static void gone(void *prog, struct admin_client *c)
{
	const struct smsr_daemon *d = prog;

	backup_forget(d->backup, c);
}

int admin_start(struct smsr_daemon *d, const char *path, struct admin_sock **admin, const char **why)
{
	static const struct admin_ops ops = {.run = run, .gone = gone};

	return admin_sock_start(d, path, &ops, d, admin, why);
}

/* The operation is done and its answer to the requester, if any, reached an end. */
static int followed_to_the_end(struct smsr *s, const void *ctx, int64_t op_id, bool *end)
{
	int64_t ids[16];
	struct operation op;
	struct outbox o;
	size_t n = 0;
	int rc = op_db_get(ctx, s->db, op_id, &op);

	*end = rc == -ENOENT || (rc == 0 && op.state == OP_ST_DONE);
	if (rc < 0 || !*end || op.fn == ES_FN_NONE)
		return rc == -ENOENT ? 0 : rc;
	rc = outbox_db_of_op(s->db, op_id, ids, ARRAY_SIZE(ids), &n);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		rc = outbox_db_get(ctx, s->db, ids[i], &o);
		if (rc == 0 && o.state == OUTBOX_WAITING && strcmp(o.name, es_fn_name(op.fn)) == 0)
			*end = false;
	}
	return rc;
}

bool admin_follow_op(void *prog, struct admin_client *c, int64_t op_id, int64_t *after)
{
	struct smsr_daemon *d = prog;
	struct timeline_row rows[FOLLOW_BATCH];
	void *ctx = talloc_new(d);
	bool end = false;
	size_t n;
	int rc = timeline_db_get(ctx, d->s->db, op_id, *after, rows, ARRAY_SIZE(rows), &n);

	for (size_t i = 0; rc == 0 && i < n; i++) {
		admin_row(c, row_timeline(ctx, &rows[i]));
		*after = rows[i].id;
	}
	if (rc == 0 && n < ARRAY_SIZE(rows))
		rc = followed_to_the_end(d->s, ctx, op_id, &end);
	if (rc < 0)
		admin_errno(c, -EIO, "the timeline cannot be read");
	else if (end)
		admin_ok(c, NULL);
	talloc_free(ctx);
	return rc < 0 || end;
}
