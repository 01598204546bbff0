/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/app/admin_sock.h"
#include "common/db/db.h"

/*! Which operation a request of the admin socket means: the one with its "id", else what the "call_id" of a requester
 * led to. \param[in] requester  OID; NULL: the request names none \returns its number; 0 when there is none and the
 * request was answered with that */
int64_t admin_call_op(struct admin_client *c, const json_t *request, const void *ctx, struct db *db,
		      const char *requester);
