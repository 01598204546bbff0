/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/db/db.h"
#include "common/es/es_fn.h"
#include "common/es/status.h"

/* All return 0 or a negative errno of db.h; -ENOENT where one row was asked for and is not there. */

/*! A call as it was stored for repeats. */
struct call {
	const char *sender;
	const char *call_id;
	enum es_fn fn;
	uint8_t digest[32];
	int64_t op_id;	       /* 0: synchronous function */
	struct bytes response; /* outcome of the synchronous function, call_outcome_enc() */
};

/*! Calls by sender and FunctionCallIdentifier; retire forgets those made before, at most max. */
int call_db_get(const void *ctx, struct db *db, const char *sender, const char *call_id, struct call *call) MUST_CHECK;
int call_db_insert(struct db *db, const struct call *call, int64_t now_ms) MUST_CHECK;
int call_db_retire(struct db *db, int64_t before_ms, size_t max) MUST_CHECK;

/*! Outcome of a synchronous function, for its row.  \param[out] row  talloc child of ctx  \returns 0; -ENOSPC */
int call_outcome_enc(const void *ctx, const struct es_status *st, struct bytes *row) MUST_CHECK;
/*! Texts are talloc children of ctx. */
struct es_status call_outcome_dec(const void *ctx, struct bytes row);
