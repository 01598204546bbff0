/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "common/db/retire.h"

#include "common/app/clock.h"

#define BATCH 200
#define EVERY_MS (10 * 60 * 1000)
#define AGAIN_MS 1000 /* a batch was full */

int db_retire(struct db *db, const struct db_retire *kinds, size_t n, int64_t *next_ms)
{
	bool full = false;
	int rc = 0;

	if (clock_now_ms() < *next_ms)
		return 0;
	for (size_t i = 0; rc == 0 && i < n; i++) {
		rc = kinds[i].retire(db, kinds[i].before_ms, BATCH);
		full |= rc == 0 && db_changes(db) >= BATCH;
	}
	*next_ms = clock_now_ms() + (full ? AGAIN_MS : EVERY_MS);
	return rc;
}
