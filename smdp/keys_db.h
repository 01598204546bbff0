/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "smdp/store.h"

/* Rows of key sets, one for each profile that we loaded into a card, or are loading.  They stay for the profile's life.
 * All return 0 or a negative errno of db.h; -ENOENT where one row was asked for and is not there. */

/*! A new row, in place of an older one of this eUICC and ICCID. */
int keys_db_put(struct db *db, const struct isdp_keys *k) MUST_CHECK;
int keys_db_get(const void *ctx, struct db *db, const uint8_t eid[EID_LEN], const char *iccid,
		struct isdp_keys *k) MUST_CHECK;
/*! Owner of a profile that we installed.  \param[out] mno_oid  talloc child of ctx */
int keys_db_owner(const void *ctx, struct db *db, const uint8_t eid[EID_LEN], const char *iccid,
		  char **mno_oid) MUST_CHECK;
/*! Sequence counter used last, and whether the profile is on the card. */
int keys_db_update(struct db *db, const struct isdp_keys *k) MUST_CHECK;
/*! ICCIDs on an eUICC whose key sets no order finished, but for one order; at most max.  \param[out] iccids  texts on
 * ctx */
int keys_db_unfinished(const void *ctx, struct db *db, const uint8_t eid[EID_LEN], int64_t but_op_id, char **iccids,
		       size_t max, size_t *n) MUST_CHECK;
/*! The profile is gone. */
int keys_db_delete(struct db *db, const uint8_t eid[EID_LEN], const char *iccid) MUST_CHECK;
