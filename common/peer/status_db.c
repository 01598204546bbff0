/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "common/peer/status_db.h"

void status_db_bind(struct db_stmt *s, int first, const struct es_status *st)
{
	db_bind_int(s, first, st->status);
	db_bind_text(s, first + 1, st->subject);
	db_bind_text(s, first + 2, st->reason);
	db_bind_text(s, first + 3, st->subject_identifier);
	db_bind_text(s, first + 4, st->message);
}

struct es_status status_db_get(const void *ctx, struct db_stmt *s, int first)
{
	return (struct es_status){
		.status = (enum es_exec)db_int(s, first),
		.subject = db_text(ctx, s, first + 1),
		.reason = db_text(ctx, s, first + 2),
		.subject_identifier = db_text(ctx, s, first + 3),
		.message = db_text(ctx, s, first + 4),
	};
}
