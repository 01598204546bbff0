/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "smdp/store.h"

/* Rows of eUICCs, orders and downloads.  Texts are talloc children of ctx.
 * All return 0 or a negative errno of db.h; -ENOENT where one row was asked for and is not there. */

/*! The row of an eUICC, made when it is new.
 * \param[in] smsr_oid  stored when the row is new, or when move is set */
int order_db_euicc(struct db *db, const uint8_t eid[EID_LEN], const char *smsr_oid, bool move, int64_t *id) MUST_CHECK;
/*! OID of the SM-SR that manages an eUICC, as far as we know.  \returns -ENOENT when we do not know the eUICC */
int order_db_manager(const void *ctx, struct db *db, const uint8_t eid[EID_LEN], char **smsr_oid) MUST_CHECK;

/*! \param[in,out] o  id is filled in */
int order_db_insert(struct db *db, struct order *o) MUST_CHECK;
int order_db_get(const void *ctx, struct db *db, int64_t id, struct order *o) MUST_CHECK;
/*! Everything that moves: state, due, iccid, times, outcome. */
int order_db_update(struct db *db, const struct order *o) MUST_CHECK;
/*! Next time the row wants attention; 0: none. */
int order_db_set_due(struct db *db, int64_t id, int64_t due_ms) MUST_CHECK;
/*! IDs with due_ms at or before now, the earliest first; at most max. */
int order_db_due(struct db *db, int64_t now_ms, int64_t *ids, size_t max, size_t *n) MUST_CHECK;
/*! Earliest due_ms of all; 0 when there is none. */
int order_db_nearest(struct db *db, int64_t *due_ms) MUST_CHECK;
/*! The download of this eUICC that runs, or else waits longest.  \returns -ENOENT when there is none */
int order_db_head(struct db *db, int64_t euicc_id, int64_t *id) MUST_CHECK;
/*! Downloads of this eUICC that are not done. */
int order_db_open(struct db *db, int64_t euicc_id, int64_t *n) MUST_CHECK;
/*! Orders that are not done, behind an id; at most max. */
int order_db_unfinished(struct db *db, int64_t after_id, int64_t *ids, size_t max, size_t *n) MUST_CHECK;
/*! Orders of an eUICC that are on hold; at most max. */
int order_db_on_hold(struct db *db, int64_t euicc_id, int64_t *ids, size_t max, size_t *n) MUST_CHECK;
/*! Latest orders, newest first; before_id 0 starts at the newest. */
int order_db_list(struct db *db, int64_t before_id, int64_t *ids, size_t max, size_t *n) MUST_CHECK;
/*! How many orders of operators are not done. */
struct order_counts {
	int64_t queued, running, relays, on_hold;
	int64_t oldest_ms; /* made first; 0: there is none */
};

/*! Counts them: reads all that are not done. */
int order_db_count(struct db *db, struct order_counts *n) MUST_CHECK;
/*! Forget finished orders that ended before; at most max rows. */
int order_db_retire(struct db *db, int64_t before_ms, size_t max) MUST_CHECK;

/* ---- doubts about eUICCs, enum doubt ---- */

/*! One eUICC. */
int order_db_doubt(struct db *db, int64_t euicc_id, enum doubt doubt) MUST_CHECK;
/*! All eUICCs that have one doubt get another. */
int order_db_doubts(struct db *db, enum doubt from, enum doubt to) MUST_CHECK;
/*! eUICCs with a doubt, behind an id; at most max. */
int order_db_doubtful(struct db *db, enum doubt doubt, int64_t *ids, size_t max, size_t *n) MUST_CHECK;
int order_db_doubt_count(struct db *db, enum doubt doubt, int64_t *n) MUST_CHECK;
/*! \param[out] smsr_oid  on ctx */
int order_db_euicc_get(const void *ctx, struct db *db, int64_t id, uint8_t eid[EID_LEN], char **smsr_oid) MUST_CHECK;

/*! The row of a download that is new. */
int order_db_download_insert(struct db *db, const struct download *d) MUST_CHECK;
int order_db_download_get(const void *ctx, struct db *db, int64_t op_id, struct download *d) MUST_CHECK;
int order_db_download_update(struct db *db, const struct download *d) MUST_CHECK;
