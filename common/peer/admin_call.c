/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "common/peer/admin_call.h"

#include <errno.h>

#include "common/peer/call_db.h"

int64_t admin_call_op(struct admin_client *c, const json_t *request, const void *ctx, struct db *db,
		      const char *requester)
{
	const char *call_id = admin_text(request, "call_id");
	int64_t id = admin_int(request, "id");
	struct call call;
	int rc;

	if (id)
		return id;
	if (!requester || !call_id) {
		admin_error(c, ADMIN_USAGE, "id, or requester and call_id are wanted");
		return 0;
	}
	rc = call_db_get(ctx, db, requester, call_id, &call);
	if (rc == 0 && call.op_id)
		return call.op_id;
	admin_errno(c, rc < 0 ? rc : -ENOENT, "no such call");
	return 0;
}
