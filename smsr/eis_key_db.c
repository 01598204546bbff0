/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Key sets of the ISD-R and their counters; eUICCs and profiles are in eis_db.c. */
#include "smsr/eis_db.h"

#include <errno.h>

#include <osmocom/core/utils.h>

#define KEYSET_COLS "id, euicc_id, version, type, cntr"

enum key_stmt {
	Q_KEYSET_INSERT,
	Q_KEY_INSERT,
	Q_KEYSET,
	Q_KEYSET_BY_ID,
	Q_KEYSETS,
	Q_KEY,
	Q_COUNTER_NEXT,
	Q_COUNTER_RAISE,
	Q_COUNTERS_JUMP,
	Q_ALL_AUDIT_DUE,
};

static const char *const sql[] = {
	[Q_KEYSET_INSERT] = "INSERT INTO keyset (euicc_id, version, type, cntr) VALUES (?1, ?2, ?3, ?4)",
	[Q_KEY_INSERT] = "INSERT INTO key (keyset_id, idx, type, kcv, wrapped) VALUES (?1, ?2, ?3, ?4, ?5)",
	[Q_KEYSET] =
		"SELECT " KEYSET_COLS " FROM keyset WHERE euicc_id = ?1 AND type = ?2 AND (?3 = 0 OR version = ?3) "
		"ORDER BY version LIMIT 1",
	[Q_KEYSET_BY_ID] = "SELECT " KEYSET_COLS " FROM keyset WHERE id = ?1",
	[Q_KEYSETS] = "SELECT " KEYSET_COLS " FROM keyset WHERE euicc_id = ?1 ORDER BY version LIMIT ?2",
	[Q_KEY] = "SELECT type, wrapped FROM key WHERE keyset_id = ?1 AND idx = ?2",
	[Q_COUNTER_NEXT] = "UPDATE keyset SET cntr = cntr + 1 WHERE id = ?1 RETURNING cntr",
	[Q_COUNTER_RAISE] = "UPDATE keyset SET cntr = ?2 WHERE id = ?1 AND cntr < ?2",
	[Q_COUNTERS_JUMP] = "UPDATE keyset SET cntr = cntr + ?1 WHERE type = ?2",
	[Q_ALL_AUDIT_DUE] = "UPDATE euicc SET audit_due = ?1 WHERE audit_due IS NULL",
};

static struct db_stmt *stmt(struct db *db, enum key_stmt id)
{
	static const struct db_stmts set = {.slot = SLOT_KEYS, .sql = sql, .n = ARRAY_SIZE(sql)};

	return db_stmt(db, &set, id);
}

static struct db_stmt *stmt_id(struct db *db, enum key_stmt id, int64_t key)
{
	struct db_stmt *s = stmt(db, id);

	db_bind_int(s, 1, key);
	return s;
}

int eis_db_keyset_insert(struct db *db, struct keyset *ks)
{
	struct db_stmt *s = stmt_id(db, Q_KEYSET_INSERT, ks->euicc_id);

	db_bind_int(s, 2, ks->version);
	db_bind_int(s, 3, ks->type);
	db_bind_int(s, 4, (int64_t)ks->cntr);
	return db_add(s, &ks->id);
}

int eis_db_key_insert(struct db *db, int64_t keyset_id, int idx, int type, struct bytes kcv, struct bytes wrapped)
{
	struct db_stmt *s = stmt_id(db, Q_KEY_INSERT, keyset_id);

	db_bind_int(s, 2, idx);
	db_bind_int(s, 3, type);
	db_bind_bytes(s, 4, kcv);
	db_bind_bytes(s, 5, wrapped);
	return db_run(s);
}

static int read_keyset(struct db_stmt *s, struct keyset *ks)
{
	*ks = (struct keyset){
		.id = db_int(s, 0),
		.euicc_id = db_int(s, 1),
		.version = (uint8_t)db_int(s, 2),
		.type = (enum keyset_type)db_int(s, 3),
		.cntr = (uint64_t)db_int(s, 4),
	};
	return (unsigned int)ks->type <= KEYSET_CA ? 0 : -EINVAL;
}

static int one_keyset(struct db_stmt *s, struct keyset *ks)
{
	int rc = db_need(s);

	if (rc < 0)
		return rc;
	rc = read_keyset(s, ks);
	db_reset(s);
	return rc;
}

int eis_db_keyset(struct db *db, int64_t euicc_id, enum keyset_type type, int version, struct keyset *ks)
{
	struct db_stmt *s = stmt_id(db, Q_KEYSET, euicc_id);

	db_bind_int(s, 2, type);
	db_bind_int(s, 3, version);
	return one_keyset(s, ks);
}

int eis_db_keyset_by_id(struct db *db, int64_t id, struct keyset *ks)
{
	return one_keyset(stmt_id(db, Q_KEYSET_BY_ID, id), ks);
}

int eis_db_keysets(struct db *db, int64_t euicc_id, struct keyset *ks, size_t max, size_t *n)
{
	struct db_stmt *s = stmt_id(db, Q_KEYSETS, euicc_id);
	size_t found = 0;
	int rc;

	db_bind_int(s, 2, (int64_t)max);
	while ((rc = db_row(s)) == 1) {
		rc = read_keyset(s, &ks[found++]);
		if (rc < 0)
			break;
	}
	db_reset(s);
	if (rc == 0)
		*n = found;
	return rc;
}

int eis_db_key(const void *ctx, struct db *db, int64_t keyset_id, int idx, int *type, struct bytes *wrapped)
{
	struct db_stmt *s = stmt_id(db, Q_KEY, keyset_id);
	int rc;

	db_bind_int(s, 2, idx);
	rc = db_need(s);
	if (rc < 0)
		return rc;
	*type = (int)db_int(s, 0);
	*wrapped = bytes_dup(ctx, db_bytes(s, 1));
	db_reset(s);
	return 0;
}

int eis_db_counter_next(struct db *db, int64_t keyset_id, uint64_t *cntr)
{
	struct db_stmt *s = stmt_id(db, Q_COUNTER_NEXT, keyset_id);
	uint64_t value;
	int rc = db_need(s);

	if (rc < 0)
		return rc;
	value = (uint64_t)db_int(s, 0);
	/* An UPDATE with RETURNING has done its work only when it was stepped to the end. */
	rc = db_row(s);
	if (rc == 0)
		*cntr = value;
	return rc;
}

int eis_db_counter_raise(struct db *db, int64_t keyset_id, uint64_t value)
{
	struct db_stmt *s = stmt_id(db, Q_COUNTER_RAISE, keyset_id);
	int rc;

	db_bind_int(s, 2, (int64_t)value);
	rc = db_run(s);
	if (rc < 0)
		return rc;
	return db_changes(db) == 1 ? 0 : -EINVAL;
}

int eis_db_counters_jump(struct db *db, uint64_t margin, const char *why)
{
	struct db_stmt *s = stmt_id(db, Q_COUNTERS_JUMP, (int64_t)margin);
	int rc;

	db_bind_int(s, 2, KEYSET_SCP80);
	rc = db_run(s);
	if (rc < 0)
		return rc;
	s = stmt(db, Q_ALL_AUDIT_DUE);
	db_bind_text(s, 1, why);
	return db_run(s);
}
