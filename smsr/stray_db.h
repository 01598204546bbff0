/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "smsr/store.h"

/* Stray ISD-Ps: an audit has seen them on the card, and the EIS does not know them.  Nobody may use them, and no new
 * ISD-P gets their AID.  Each audit says anew which there are.  All return 0 or a negative errno of db.h. */

/*! Forget those of an eUICC. */
int stray_db_clear(struct db *db, int64_t euicc_id) MUST_CHECK;
/*! One that is there already is no error. */
int stray_db_add(struct db *db, int64_t euicc_id, struct bytes aid) MUST_CHECK;
/*! \param[out] yes  untouched on error */
int stray_db_has(struct db *db, int64_t euicc_id, struct bytes aid, bool *yes) MUST_CHECK;
