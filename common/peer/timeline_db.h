/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/codec/bytes.h"
#include "common/db/db.h"

/* What happened to an operation, step by step (P9): the table "timeline" of both daemons.  All return 0 or a negative
 * errno of db.h. */

struct timeline_row {
	int64_t id;
	int64_t stamp_ms;
	int step; /* enum of the daemon */
	char *text;
};

/*! Add a row.
 * \param[in] repeats  a step that comes again and again while a peer or a card is out of reach: dropped from row 500 of
 *                     the operation on; the others are always kept */
int timeline_db_add(struct db *db, int64_t op_id, int64_t stamp_ms, int step, bool repeats,
		    const char *text) MUST_CHECK;
/*! Rows after a given one, in order, at most max. */
int timeline_db_get(const void *ctx, struct db *db, int64_t op_id, int64_t after_id, struct timeline_row *rows,
		    size_t max, size_t *n) MUST_CHECK;
