/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/peer/timeline_db.h"
#include "smdp/store.h"

/* What happened: the timeline of each order, and the notifications that were taken.  All return 0 or a negative errno
 * of db.h. */

/*! Add a row to the timeline.  Steps of the transport are dropped from row 500 on. */
int dp_record_db_timeline(struct db *db, int64_t op_id, int64_t stamp_ms, enum order_step step,
			  const char *text) MUST_CHECK;
/*! Remember a message: a notification, or an answer that does not say what it answers.  \returns -EEXIST when it was
 * taken before */
int dp_record_db_note(struct db *db, const char *sender, const char *message_base, int64_t now_ms) MUST_CHECK;
/*! Calls to SM-SRs are held back. */
int dp_record_db_pause(struct db *db, int64_t now_ms) MUST_CHECK;
/*! \returns -ENOENT if nothing was */
int dp_record_db_resume(struct db *db) MUST_CHECK;
int dp_record_db_is_paused(struct db *db, bool *paused) MUST_CHECK;
/*! \returns -ENOENT if nothing is */
int dp_record_db_paused_since(struct db *db, int64_t *since_ms) MUST_CHECK;
/*! Forget those taken before; at most max. */
int dp_record_db_note_retire(struct db *db, int64_t before_ms, size_t max) MUST_CHECK;
