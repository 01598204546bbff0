/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "common/db/meta_db.h"

#include <osmocom/core/utils.h>

#define META_SLOT (DB_MAX_SETS - 3) /* daemons count theirs from 0 */

enum meta_stmt {
	Q_GET,
	Q_SET,
};

static const char *const sql[] = {
	[Q_GET] = "SELECT epoch, started_ms, committed_ms, beats, backup FROM meta",
	[Q_SET] = "UPDATE meta SET epoch = ?1, started_ms = ?2, committed_ms = ?3, beats = ?4, backup = ?5",
};

static struct db_stmt *stmt(struct db *db, enum meta_stmt id)
{
	static const struct db_stmts set = {.slot = META_SLOT, .sql = sql, .n = ARRAY_SIZE(sql)};

	return db_stmt(db, &set, id);
}

int meta_db_get(struct db *db, struct meta *meta)
{
	struct db_stmt *s = stmt(db, Q_GET);
	int rc = db_need(s);

	if (rc < 0)
		return rc;
	*meta = (struct meta){db_int(s, 0), db_int(s, 1), db_int(s, 2), db_int(s, 3), db_int(s, 4) != 0};
	db_reset(s);
	return 0;
}

int meta_db_set(struct db *db, const struct meta *meta)
{
	struct db_stmt *s = stmt(db, Q_SET);

	db_bind_int(s, 1, meta->epoch);
	db_bind_int(s, 2, meta->started_ms);
	db_bind_int(s, 3, meta->committed_ms);
	db_bind_int(s, 4, meta->beats);
	db_bind_int(s, 5, meta->backup);
	return db_run(s);
}
