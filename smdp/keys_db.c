/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "smdp/keys_db.h"

#include <errno.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

enum keys_stmt {
	Q_PUT,
	Q_GET,
	Q_OWNER,
	Q_UNFINISHED,
	Q_UPDATE,
	Q_DELETE,
};

static const char *const sql[] = {
	[Q_PUT] = "INSERT OR REPLACE INTO isdp_keys (eid, iccid, op_id, mno_oid, aid, kvn, enc, mac, dek, token, seq, "
		  "installed, created_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
	[Q_GET] = "SELECT id, op_id, mno_oid, aid, kvn, enc, mac, dek, token, seq, installed, created_ms "
		  "FROM isdp_keys WHERE eid = ?1 AND iccid = ?2",
	[Q_OWNER] = "SELECT mno_oid FROM isdp_keys WHERE eid = ?1 AND iccid = ?2 AND installed",
	[Q_UNFINISHED] =
		"SELECT iccid FROM isdp_keys WHERE eid = ?1 AND installed = 0 AND op_id <> ?3 ORDER BY id LIMIT ?4",
	[Q_UPDATE] = "UPDATE isdp_keys SET seq = ?3, installed = ?4 WHERE eid = ?1 AND iccid = ?2",
	[Q_DELETE] = "DELETE FROM isdp_keys WHERE eid = ?1 AND iccid = ?2",
};

static struct db_stmt *stmt(struct db *db, enum keys_stmt id, const uint8_t eid[EID_LEN], const char *iccid)
{
	static const struct db_stmts set = {.slot = SLOT_KEYS, .sql = sql, .n = ARRAY_SIZE(sql)};
	struct db_stmt *s = db_stmt(db, &set, id);

	db_bind_bytes(s, 1, bytes_of(eid, EID_LEN));
	db_bind_text(s, 2, iccid);
	return s;
}

int keys_db_put(struct db *db, const struct isdp_keys *k)
{
	struct db_stmt *s = stmt(db, Q_PUT, k->eid, k->iccid);

	db_bind_int(s, 3, k->op_id);
	db_bind_text(s, 4, k->mno_oid);
	db_bind_bytes(s, 5, k->aid);
	db_bind_int(s, 6, k->kvn);
	db_bind_bytes(s, 7, k->enc);
	db_bind_bytes(s, 8, k->mac);
	db_bind_bytes(s, 9, k->dek);
	db_bind_some(s, 10, k->token);
	db_bind_int(s, 11, k->seq);
	db_bind_int(s, 12, k->installed);
	db_bind_int(s, 13, k->created_ms);
	return db_run(s);
}

int keys_db_get(const void *ctx, struct db *db, const uint8_t eid[EID_LEN], const char *iccid, struct isdp_keys *k)
{
	struct db_stmt *s = stmt(db, Q_GET, eid, iccid);
	int rc = db_need(s);

	if (rc < 0)
		return rc;
	*k = (struct isdp_keys){
		.id = db_int(s, 0),
		.iccid = talloc_strdup(ctx, iccid),
		.op_id = db_int(s, 1),
		.mno_oid = db_text(ctx, s, 2),
		.aid = bytes_dup(ctx, db_bytes(s, 3)),
		.kvn = (uint8_t)db_int(s, 4),
		.enc = bytes_dup(ctx, db_bytes(s, 5)),
		.mac = bytes_dup(ctx, db_bytes(s, 6)),
		.dek = bytes_dup(ctx, db_bytes(s, 7)),
		.token = bytes_dup(ctx, db_bytes(s, 8)),
		.seq = (uint32_t)db_int(s, 9),
		.installed = db_int(s, 10) != 0,
		.created_ms = db_int(s, 11),
	};
	memcpy(k->eid, eid, EID_LEN);
	db_reset(s);
	return 0;
}

int keys_db_owner(const void *ctx, struct db *db, const uint8_t eid[EID_LEN], const char *iccid, char **mno_oid)
{
	struct db_stmt *s = stmt(db, Q_OWNER, eid, iccid);
	int rc = db_need(s);

	if (rc < 0)
		return rc;
	*mno_oid = db_text(ctx, s, 0);
	db_reset(s);
	return 0;
}

int keys_db_unfinished(const void *ctx, struct db *db, const uint8_t eid[EID_LEN], int64_t but_op_id, char **iccids,
		       size_t max, size_t *n)
{
	struct db_stmt *s = stmt(db, Q_UNFINISHED, eid, NULL);
	size_t found = 0;
	int rc;

	db_bind_int(s, 3, but_op_id);
	db_bind_int(s, 4, (int64_t)max);
	while ((rc = db_row(s)) == 1)
		iccids[found++] = db_text(ctx, s, 0);
	if (rc == 0)
		*n = found;
	return rc;
}

int keys_db_update(struct db *db, const struct isdp_keys *k)
{
	struct db_stmt *s = stmt(db, Q_UPDATE, k->eid, k->iccid);

	db_bind_int(s, 3, k->seq);
	db_bind_int(s, 4, k->installed);
	return db_run(s);
}

int keys_db_delete(struct db *db, const uint8_t eid[EID_LEN], const char *iccid)
{
	return db_run(stmt(db, Q_DELETE, eid, iccid));
}
