/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "smdp/store.h"

/* Rows of calls to SM-SRs.  All return 0 or a negative errno of db.h; -ENOENT where one row was asked for and is not
 * there. */

/*! \param[in,out] c  id is filled in */
int es3_db_insert(struct db *db, struct es3_call *c) MUST_CHECK;
/*! \param[out] c  texts on ctx */
int es3_db_get(const void *ctx, struct db *db, int64_t id, struct es3_call *c) MUST_CHECK;
/*! The call that a RelatesTo names. */
int es3_db_by_message(struct db *db, const char *message_base, int64_t *id) MUST_CHECK;
/*! Calls of a function to this SM-SR in this transaction that wait for an answer; at most max. */
int es3_db_by_transaction(struct db *db, const char *smsr_oid, const char *transaction_id, enum es_fn fn, int64_t *ids,
			  size_t max, size_t *n) MUST_CHECK;
/*! The call of an order that waits for an answer. */
int es3_db_open_of(struct db *db, int64_t op_id, int64_t *id) MUST_CHECK;
/*! The call of an order that is held back. */
int es3_db_held_of(struct db *db, int64_t op_id, int64_t *id) MUST_CHECK;
/*! State, due, attempt, last error, end; the envelope goes when it has ended. */
int es3_db_update(struct db *db, const struct es3_call *c) MUST_CHECK;
/*! IDs with due_ms at or before now, the earliest first; at most max. */
int es3_db_due(struct db *db, int64_t now_ms, int64_t *ids, size_t max, size_t *n) MUST_CHECK;
/*! IDs of those whose time ended at or before now: one that may have been taken has grace_ms more; at most max. */
int es3_db_over(struct db *db, int64_t now_ms, int64_t grace_ms, int64_t *ids, size_t max, size_t *n) MUST_CHECK;
/*! How many wait to be sent or for an answer. */
int es3_db_waiting(struct db *db, int64_t *n) MUST_CHECK;
/*! Earliest due_ms of all; 0 when there is none. */
int es3_db_nearest(struct db *db, int64_t *due_ms) MUST_CHECK;
/*! After a restore: nobody waits for any of them any more. */
int es3_db_lose_all(struct db *db, int64_t now_ms) MUST_CHECK;
/*! At start: what was on its way when the last run ended is due now. */
int es3_db_recover(struct db *db, int64_t now_ms) MUST_CHECK;
