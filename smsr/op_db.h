/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "smsr/store.h"

/* Rows of operations.  Texts are talloc children of ctx.
 * All return 0 or a negative errno of db.h; -ENOENT where one row was asked for and is not there. */

/*! \param[in,out] op  id is filled in */
int op_db_insert(struct db *db, struct operation *op) MUST_CHECK;
int op_db_get(const void *ctx, struct db *db, int64_t id, struct operation *op) MUST_CHECK;
/*! Only what op_deadline() looks at: kind, state, expires_ms, completed_ms. */
int op_db_times(struct db *db, int64_t id, struct operation *op) MUST_CHECK;
/*! Everything that moves: state, due, aids, arg, times, attempt, outcome. */
int op_db_update(struct db *db, const struct operation *op) MUST_CHECK;
/*! Next time the row wants attention; 0: none. */
int op_db_set_due(struct db *db, int64_t id, int64_t due_ms) MUST_CHECK;

/*! The operation of this eUICC that waits longest; an OP_CONFIRM goes before all others, because the card rolls back
 * when it is not confirmed.  \returns -ENOENT when nothing waits */
int op_db_next_queued(struct db *db, int64_t euicc_id, int64_t *id) MUST_CHECK;
/*! Operations waiting for their turn on one eUICC. */
int op_db_queue_len(struct db *db, int64_t euicc_id, int64_t *n) MUST_CHECK;
/*! IDs with due_ms at or before now, the earliest first; at most max. */
int op_db_due(struct db *db, int64_t now_ms, int64_t *ids, size_t max, size_t *n) MUST_CHECK;
/*! Earliest due_ms of all; 0 when there is none. */
int op_db_nearest(struct db *db, int64_t *due_ms) MUST_CHECK;
/*! Latest operations of one eUICC (0: of all), newest first; before_id 0 starts at the newest. */
int op_db_list(struct db *db, int64_t euicc_id, int64_t before_id, int64_t *ids, size_t max, size_t *n) MUST_CHECK;
/*! Operations that are not done, by state: counts[enum op_state]; the last stays 0. */
int op_db_count(struct db *db, int64_t counts[OP_ST_DONE + 1]) MUST_CHECK;
/*! Operations that have begun and are not done, from after this id on. */
int op_db_in_flight(struct db *db, int64_t after, int64_t *ids, size_t max, size_t *n) MUST_CHECK;
/*! EUICCs that have something queued, nothing in flight, from after this id on: what a resume has to start. */
int op_db_idle_euiccs(struct db *db, int64_t after, int64_t *ids, size_t max, size_t *n) MUST_CHECK;
/*! Forget finished operations (with their commands, timeline and reports) that ended before; at most max rows. */
int op_db_retire(struct db *db, int64_t before_ms, size_t max) MUST_CHECK;

/*! What a request of an SM-DP brought besides. */
int op_db_data_insert(struct db *db, int64_t op_id, const struct op_data *data) MUST_CHECK;
int op_db_data_get(const void *ctx, struct db *db, int64_t op_id, struct op_data *data) MUST_CHECK;
int op_db_data_drop(struct db *db, int64_t op_id) MUST_CHECK;
