/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "smsr/eis_db.h"

#include <errno.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#define EUICC_COLS                                                                                                  \
	"id, eid, eum_oid, verified, isdr_aid, isdr_tar, isdr_sin, isdr_sdin, remaining_memory, available_memory, " \
	"last_audit_ms, audit_due, active_op, notif_seq, imei, meid, http"
#define PROFILE_COLS                                                                                                \
	"id, euicc_id, iccid, isdp_aid, mno_oid, fallback, imsi, msisdn, state, smdp_oid, type, allocated_memory, " \
	"free_memory, pol2"

enum eis_stmt {
	Q_GET,
	Q_BY_EID,
	Q_BY_ADDRESS,
	Q_CANDIDATES,
	Q_BY_ICCID,
	Q_LIST,
	Q_LIST_AUDIT,
	Q_COUNT,
	Q_INSERT,
	Q_DOC_INSERT,
	Q_DOC,
	Q_UPDATE,
	Q_SET_AUDIT_DUE,
	Q_SET_ACTIVE_OP,
	Q_SET_PERSO,
	Q_PERSO,
	Q_PROFILES,
	Q_PROFILE_INSERT,
	Q_PROFILE_UPDATE,
	Q_PROFILE_DELETE,
};

static const char *const sql[] = {
	[Q_GET] = "SELECT " EUICC_COLS " FROM euicc WHERE id = ?1",
	[Q_BY_EID] = "SELECT " EUICC_COLS " FROM euicc WHERE eid = ?1",
	[Q_BY_ADDRESS] = "SELECT euicc_id, max(state) AS best FROM profile WHERE msisdn = ?1 OR imsi = ?1 "
			 "GROUP BY euicc_id ORDER BY best DESC LIMIT 2",
	[Q_CANDIDATES] = "SELECT euicc_id FROM (SELECT euicc_id, 1 AS rank FROM command WHERE dest = ?1 AND state = 0 "
			 "UNION ALL SELECT euicc_id, 2 FROM profile WHERE msisdn = ?1 "
			 "UNION ALL SELECT euicc_id, 2 FROM profile WHERE imsi = ?1) "
			 "GROUP BY euicc_id ORDER BY min(rank), euicc_id LIMIT ?2",
	[Q_BY_ICCID] = "SELECT euicc_id FROM profile WHERE iccid = ?1 LIMIT 2",
	[Q_LIST] = "SELECT id FROM euicc WHERE id > ?1 ORDER BY id LIMIT ?2",
	[Q_LIST_AUDIT] = "SELECT id FROM euicc WHERE id > ?1 AND audit_due IS NOT NULL ORDER BY id LIMIT ?2",
	[Q_COUNT] = "SELECT (SELECT count(*) FROM euicc), (SELECT count(*) FROM euicc WHERE audit_due IS NOT NULL)",
	[Q_INSERT] = "INSERT INTO euicc (eid, eum_oid, verified, isdr_aid, isdr_tar, isdr_sin, isdr_sdin, "
		     "remaining_memory, available_memory, last_audit_ms, created_ms, http) "
		     "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
	[Q_DOC_INSERT] = "INSERT INTO eis_doc (euicc_id, signed_info, signature, properties) VALUES (?1, ?2, ?3, ?4)",
	[Q_DOC] = "SELECT signed_info, signature, properties FROM eis_doc WHERE euicc_id = ?1",
	[Q_UPDATE] =
		"UPDATE euicc SET remaining_memory = ?2, available_memory = ?3, last_audit_ms = ?4, notif_seq = ?5, "
		"imei = ?6, meid = ?7 WHERE id = ?1",
	[Q_SET_AUDIT_DUE] = "UPDATE euicc SET audit_due = ?2 WHERE id = ?1",
	[Q_SET_ACTIVE_OP] = "UPDATE euicc SET active_op = ?2 WHERE id = ?1",
	[Q_SET_PERSO] = "UPDATE euicc SET perso_aid = ?2 WHERE id = ?1",
	[Q_PERSO] = "SELECT perso_aid FROM euicc WHERE id = ?1",
	[Q_PROFILES] = "SELECT " PROFILE_COLS " FROM profile WHERE euicc_id = ?1 ORDER BY id",
	[Q_PROFILE_INSERT] = "INSERT INTO profile (euicc_id, iccid, isdp_aid, mno_oid, fallback, imsi, msisdn, state, "
			     "smdp_oid, type, allocated_memory, free_memory, pol2) "
			     "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
	[Q_PROFILE_UPDATE] =
		"UPDATE profile SET fallback = ?2, imsi = ?3, msisdn = ?4, state = ?5, allocated_memory = ?6, "
		"free_memory = ?7, pol2 = ?8, type = ?9 WHERE id = ?1",
	[Q_PROFILE_DELETE] = "DELETE FROM profile WHERE id = ?1",
};

static struct db_stmt *stmt(struct db *db, enum eis_stmt id)
{
	static const struct db_stmts set = {.slot = SLOT_EIS, .sql = sql, .n = ARRAY_SIZE(sql)};

	return db_stmt(db, &set, id);
}

static struct db_stmt *stmt_id(struct db *db, enum eis_stmt id, int64_t key)
{
	struct db_stmt *s = stmt(db, id);

	db_bind_int(s, 1, key);
	return s;
}

static int get_fixed(struct db_stmt *s, int col, uint8_t *out, size_t len)
{
	struct bytes b = db_bytes(s, col);

	if (b.len != len)
		return -EINVAL;
	memcpy(out, b.data, len);
	return 0;
}

/* ---- eUICC ---- */

static int read_euicc(const void *ctx, struct db_stmt *s, struct euicc *out)
{
	struct euicc e = {
		.id = db_int(s, 0),
		.verified = db_int(s, 3),
		.remaining_memory = db_int(s, 8),
		.available_memory = db_int(s, 9),
		.last_audit_ms = db_int(s, 10),
		.active_op = db_int(s, 12),
		.notif_seq = db_is_null(s, 13) ? -1 : (int)db_int(s, 13),
		.http = db_int(s, 16),
	};
	int rc = get_fixed(s, 1, e.eid, sizeof(e.eid));

	if (rc == 0)
		rc = get_fixed(s, 5, e.isdr_tar, sizeof(e.isdr_tar));
	if (rc == 0) {
		e.eum_oid = db_text(ctx, s, 2);
		e.isdr_aid = bytes_dup(ctx, db_bytes(s, 4));
		e.isdr_sin = bytes_dup(ctx, db_bytes(s, 6));
		e.isdr_sdin = bytes_dup(ctx, db_bytes(s, 7));
		e.audit_due = db_text(ctx, s, 11);
		e.imei = bytes_dup(ctx, db_bytes(s, 14));
		e.meid = bytes_dup(ctx, db_bytes(s, 15));
		*out = e;
	}
	db_reset(s);
	return rc;
}

int eis_db_get(const void *ctx, struct db *db, int64_t id, struct euicc *e)
{
	struct db_stmt *s = stmt_id(db, Q_GET, id);
	int rc = db_need(s);

	return rc < 0 ? rc : read_euicc(ctx, s, e);
}

int eis_db_by_eid(const void *ctx, struct db *db, const uint8_t eid[EID_LEN], struct euicc *e)
{
	struct db_stmt *s = stmt(db, Q_BY_EID);
	int rc;

	db_bind_bytes(s, 1, bytes_of(eid, EID_LEN));
	rc = db_need(s);
	return rc < 0 ? rc : read_euicc(ctx, s, e);
}

int eis_db_by_address(struct db *db, const char *digits, int64_t *euicc_id)
{
	struct db_stmt *s = stmt(db, Q_BY_ADDRESS);
	int64_t id, best;
	int rc;

	db_bind_text(s, 1, digits);
	rc = db_need(s);
	if (rc < 0)
		return rc;
	id = db_int(s, 0);
	best = db_int(s, 1);
	rc = db_row(s);
	if (rc == 1 && db_int(s, 1) == best)
		rc = -EEXIST;
	db_reset(s);
	if (rc < 0)
		return rc;
	*euicc_id = id;
	return 0;
}

int eis_db_candidates(struct db *db, const char *digits, int64_t *ids, size_t max, size_t *n)
{
	struct db_stmt *s = stmt(db, Q_CANDIDATES);

	db_bind_text(s, 1, digits);
	db_bind_int(s, 2, (int64_t)max);
	return db_ints(s, ids, n);
}

int eis_db_by_iccid(struct db *db, const char *iccid, int64_t *euicc_id)
{
	struct db_stmt *s = stmt(db, Q_BY_ICCID);
	int64_t id;
	int rc;

	db_bind_text(s, 1, iccid);
	rc = db_need(s);
	if (rc < 0)
		return rc;
	id = db_int(s, 0);
	rc = db_row(s);
	db_reset(s);
	if (rc != 0)
		return rc == 1 ? -EEXIST : rc;
	*euicc_id = id;
	return 0;
}

int eis_db_list(struct db *db, int64_t after, bool only_audit_due, int64_t *ids, size_t max, size_t *n)
{
	return db_batch(stmt(db, only_audit_due ? Q_LIST_AUDIT : Q_LIST), after, ids, max, n);
}

int eis_db_count(struct db *db, int64_t *total, int64_t *audit_due)
{
	struct db_stmt *s = stmt(db, Q_COUNT);
	int rc = db_need(s);

	if (rc < 0)
		return rc;
	*total = db_int(s, 0);
	*audit_due = db_int(s, 1);
	db_reset(s);
	return 0;
}

static int insert_doc(struct db *db, int64_t euicc_id, const struct eis_doc *doc)
{
	struct db_stmt *s = stmt_id(db, Q_DOC_INSERT, euicc_id);

	db_bind_bytes(s, 2, doc->signed_info);
	db_bind_bytes(s, 3, doc->signature);
	db_bind_bytes(s, 4, doc->properties);
	return db_run(s);
}

int eis_db_insert(struct db *db, struct euicc *e, const struct eis_doc *doc, int64_t now_ms)
{
	struct db_stmt *s = stmt(db, Q_INSERT);
	int rc;

	db_bind_bytes(s, 1, BYTES_ARR(e->eid));
	db_bind_text(s, 2, e->eum_oid);
	db_bind_int(s, 3, e->verified);
	db_bind_bytes(s, 4, e->isdr_aid);
	db_bind_bytes(s, 5, BYTES_ARR(e->isdr_tar));
	db_bind_bytes(s, 6, e->isdr_sin);
	db_bind_bytes(s, 7, e->isdr_sdin);
	db_bind_int(s, 8, e->remaining_memory);
	db_bind_int(s, 9, e->available_memory);
	db_bind_nonzero(s, 10, e->last_audit_ms);
	db_bind_int(s, 11, now_ms);
	db_bind_int(s, 12, e->http);
	rc = db_run(s);
	if (rc < 0)
		return rc;
	e->id = db_last_id(db);
	return insert_doc(db, e->id, doc);
}

int eis_db_doc(const void *ctx, struct db *db, int64_t euicc_id, struct eis_doc *doc)
{
	struct db_stmt *s = stmt_id(db, Q_DOC, euicc_id);
	int rc = db_need(s);

	if (rc < 0)
		return rc;
	doc->signed_info = bytes_dup(ctx, db_bytes(s, 0));
	doc->signature = bytes_dup(ctx, db_bytes(s, 1));
	doc->properties = db_is_null(s, 2) ? bytes_of(NULL, 0) : bytes_dup(ctx, db_bytes(s, 2));
	db_reset(s);
	return 0;
}

int eis_db_update(struct db *db, const struct euicc *e)
{
	struct db_stmt *s = stmt_id(db, Q_UPDATE, e->id);

	db_bind_int(s, 2, e->remaining_memory);
	db_bind_int(s, 3, e->available_memory);
	db_bind_nonzero(s, 4, e->last_audit_ms);
	if (e->notif_seq >= 0)
		db_bind_int(s, 5, e->notif_seq);
	if (e->imei.len)
		db_bind_bytes(s, 6, e->imei);
	if (e->meid.len)
		db_bind_bytes(s, 7, e->meid);
	return db_run(s);
}

int eis_db_set_audit_due(struct db *db, int64_t euicc_id, const char *why)
{
	struct db_stmt *s = stmt_id(db, Q_SET_AUDIT_DUE, euicc_id);

	db_bind_text(s, 2, why);
	return db_run(s);
}

int eis_db_set_active_op(struct db *db, int64_t euicc_id, int64_t op_id)
{
	struct db_stmt *s = stmt_id(db, Q_SET_ACTIVE_OP, euicc_id);

	if (op_id)
		db_bind_int(s, 2, op_id);
	return db_run(s);
}

int eis_db_set_perso(struct db *db, int64_t euicc_id, struct bytes aid)
{
	struct db_stmt *s = stmt_id(db, Q_SET_PERSO, euicc_id);

	db_bind_some(s, 2, aid);
	return db_run(s);
}

int eis_db_perso(const void *ctx, struct db *db, int64_t euicc_id, struct bytes *aid)
{
	struct db_stmt *s = stmt_id(db, Q_PERSO, euicc_id);
	int rc = db_need(s);

	if (rc < 0)
		return rc;
	*aid = bytes_dup(ctx, db_bytes(s, 0));
	db_reset(s);
	return 0;
}

/* ---- profiles ---- */

/* \returns 0; -EINVAL for a damaged row: tables are indexed by the state */
static int read_profile(const void *ctx, struct db_stmt *s, struct profile *p)
{
	*p = (struct profile){
		.id = db_int(s, 0),
		.euicc_id = db_int(s, 1),
		.iccid = db_text(ctx, s, 2),
		.isdp_aid = bytes_dup(ctx, db_bytes(s, 3)),
		.mno_oid = db_text(ctx, s, 4),
		.fallback = db_int(s, 5),
		.imsi = db_text(ctx, s, 6),
		.msisdn = db_text(ctx, s, 7),
		.state = (enum profile_state)db_int(s, 8),
		.smdp_oid = db_text(ctx, s, 9),
		.type = db_text(ctx, s, 10),
		.allocated_memory = db_int(s, 11),
		.free_memory = db_is_null(s, 12) ? -1 : db_int(s, 12),
		.pol2 = (unsigned int)db_int(s, 13),
	};
	return (unsigned int)p->state <= PROFILE_ENABLED ? 0 : -EINVAL;
}

int eis_db_profiles(const void *ctx, struct db *db, int64_t euicc_id, struct profiles *out)
{
	struct db_stmt *s = stmt_id(db, Q_PROFILES, euicc_id);
	struct profiles p = {0};
	int rc;

	while ((rc = db_row(s)) == 1) {
		p.list = talloc_realloc(ctx, p.list, struct profile, (unsigned int)p.n + 1);
		OSMO_ASSERT(p.list);
		rc = read_profile(ctx, s, &p.list[p.n++]);
		if (rc < 0)
			break;
	}
	db_reset(s);
	if (rc == 0)
		*out = p;
	return rc;
}

int eis_db_profile_insert(struct db *db, struct profile *p)
{
	struct db_stmt *s = stmt_id(db, Q_PROFILE_INSERT, p->euicc_id);

	db_bind_text(s, 2, p->iccid);
	db_bind_bytes(s, 3, p->isdp_aid);
	db_bind_text(s, 4, p->mno_oid);
	db_bind_int(s, 5, p->fallback);
	db_bind_text(s, 6, p->imsi);
	db_bind_text(s, 7, p->msisdn);
	db_bind_int(s, 8, p->state);
	db_bind_text(s, 9, p->smdp_oid);
	db_bind_text(s, 10, p->type);
	db_bind_int(s, 11, p->allocated_memory);
	if (p->free_memory >= 0)
		db_bind_int(s, 12, p->free_memory);
	db_bind_int(s, 13, p->pol2);
	return db_add(s, &p->id);
}

int eis_db_profile_update(struct db *db, const struct profile *p)
{
	struct db_stmt *s = stmt_id(db, Q_PROFILE_UPDATE, p->id);

	db_bind_int(s, 2, p->fallback);
	db_bind_text(s, 3, p->imsi);
	db_bind_text(s, 4, p->msisdn);
	db_bind_int(s, 5, p->state);
	db_bind_int(s, 6, p->allocated_memory);
	if (p->free_memory >= 0)
		db_bind_int(s, 7, p->free_memory);
	db_bind_int(s, 8, p->pol2);
	db_bind_text(s, 9, p->type);
	return db_run(s);
}

int eis_db_profile_delete(struct db *db, int64_t profile_id)
{
	return db_run(stmt_id(db, Q_PROFILE_DELETE, profile_id));
}
