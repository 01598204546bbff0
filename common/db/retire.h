/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/db/db.h"

/* Forgetting what is kept long enough: a batch of each kind at a time, so that no turn takes long; a full batch brings
 * the next one soon, or a busy daemon would write more than it forgets. */

/*! One kind of rows. */
struct db_retire {
	/*! Forget those that ended before, at most max.  \returns 0; negative errno */
	int (*retire)(struct db *db, int64_t before_ms, size_t max);
	int64_t before_ms;
};

/*! Once it is time, a batch of each kind; until then nothing.
 * \param[in,out] next_ms  when it is time, clock_now_ms()
 * \returns 0; the first error */
int db_retire(struct db *db, const struct db_retire *kinds, size_t n, int64_t *next_ms) MUST_CHECK;
