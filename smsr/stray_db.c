/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "smsr/stray_db.h"

#include <osmocom/core/utils.h>

enum stray_stmt {
	Q_CLEAR,
	Q_ADD,
	Q_HAS,
};

static const char *const sql[] = {
	[Q_CLEAR] = "DELETE FROM stray_isdp WHERE euicc_id = ?1",
	[Q_ADD] = "INSERT OR IGNORE INTO stray_isdp (euicc_id, aid) VALUES (?1, ?2)",
	[Q_HAS] = "SELECT count(*) FROM stray_isdp WHERE euicc_id = ?1 AND aid = ?2",
};

static struct db_stmt *stmt(struct db *db, enum stray_stmt id, int64_t euicc_id)
{
	static const struct db_stmts set = {.slot = SLOT_STRAY, .sql = sql, .n = ARRAY_SIZE(sql)};
	struct db_stmt *s = db_stmt(db, &set, id);

	db_bind_int(s, 1, euicc_id);
	return s;
}

int stray_db_clear(struct db *db, int64_t euicc_id)
{
	return db_run(stmt(db, Q_CLEAR, euicc_id));
}

int stray_db_add(struct db *db, int64_t euicc_id, struct bytes aid)
{
	struct db_stmt *s = stmt(db, Q_ADD, euicc_id);

	db_bind_bytes(s, 2, aid);
	return db_run(s);
}

int stray_db_has(struct db *db, int64_t euicc_id, struct bytes aid, bool *yes)
{
	struct db_stmt *s = stmt(db, Q_HAS, euicc_id);
	int64_t n;
	int rc;

	db_bind_bytes(s, 2, aid);
	rc = db_need_int(s, &n);
	if (rc == 0)
		*yes = n > 0;
	return rc;
}
