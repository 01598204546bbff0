/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include <jansson.h>

#include "smsr/admin.h"
#include "smsr/daemon.h"
#include "smsr/eis_db.h"
#include "smsr/op.h"
#include "common/peer/outbox_db.h"
#include "smsr/record_db.h"

/* Shared by admin.c (start, following), admin_cmds.c (commands) and admin_rows.c (rows). */

struct admin_req {
	struct smsr_daemon *d;
	struct smsr *s;
	struct admin_client *client;
	json_t *json; /* borrowed */
	void *ctx;    /* of this request */
};

/*! admin_follow_cb for the timeline of an operation: until it is done. */
bool admin_follow_op(void *prog, struct admin_client *c, int64_t op_id, int64_t *after);

/*! Run one request.  The last line is written, or will be. */
void admin_run(struct admin_req *q);

/* Rows, new references. */
json_t *row_status(struct smsr_daemon *d, void *ctx);
json_t *row_link(const struct smpp_link *link);
json_t *row_eis(struct smsr *s, void *ctx, const struct euicc *e);
json_t *row_eis_short(struct smsr *s, void *ctx, const struct euicc *e);
json_t *row_audit_due(void *ctx, const struct euicc *e);
json_t *row_op(struct smsr *s, void *ctx, const struct operation *op);
json_t *row_timeline(void *ctx, const struct timeline_row *t);
json_t *row_outbox(struct smsr *s, void *ctx, const struct outbox *o);
json_t *row_trail(void *ctx, const struct audit_row *a);
json_t *row_pause(void *ctx, const struct pause_row *p);
