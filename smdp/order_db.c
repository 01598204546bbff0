/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "smdp/order_db.h"

#include <errno.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/peer/status_db.h"

#define ORDER_COLS                                                                                         \
	"o.id, o.euicc_id, e.eid, o.kind, o.state, o.due_ms, o.fn, o.requester, o.call_id, o.message_id, " \
	"o.transaction_id, o.context_id, o.reply_to, o.smsr_oid, o.iccid, o.profile_type, o.created_ms, "  \
	"o.expires_ms, o.started_ms, o.ended_ms, o.status, o.subject, o.reason, o.subject_id, o.message, o.erd"

enum order_stmt {
	Q_EUICC_GET,
	Q_EUICC_INSERT,
	Q_EUICC_MOVE,
	Q_EUICC_MANAGER,
	Q_INSERT,
	Q_GET,
	Q_UPDATE,
	Q_SET_DUE,
	Q_DUE,
	Q_NEAREST,
	Q_HEAD,
	Q_OPEN,
	Q_COUNTS,
	Q_UNFINISHED,
	Q_ON_HOLD,
	Q_LIST,
	Q_RETIRE,
	Q_DOUBT,
	Q_DOUBTS,
	Q_DOUBTFUL,
	Q_DOUBT_COUNT,
	Q_EUICC,
	Q_DL_INSERT,
	Q_DL_GET,
	Q_DL_UPDATE,
};

/* State 100 is ORDER_ST_DONE, 12 ORDER_ST_HOLD, which stops nobody; kind 1 is ORDER_DOWNLOAD, 2 ORDER_RELAY; outbox
 * state 0 is OUTBOX_WAITING. */
static const char *const sql[] = {
	[Q_EUICC_GET] = "SELECT id FROM euicc WHERE eid = ?1",
	[Q_EUICC_INSERT] = "INSERT INTO euicc (eid, smsr_oid) VALUES (?1, ?2)",
	[Q_EUICC_MOVE] = "UPDATE euicc SET smsr_oid = ?2 WHERE id = ?1",
	[Q_EUICC_MANAGER] = "SELECT smsr_oid FROM euicc WHERE eid = ?1",
	[Q_INSERT] = "INSERT INTO operation (euicc_id, kind, state, due_ms, fn, requester, call_id, message_id, "
		     "transaction_id, context_id, reply_to, smsr_oid, iccid, profile_type, created_ms, "
		     "expires_ms, started_ms) VALUES "
		     "(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
	[Q_GET] = "SELECT " ORDER_COLS " FROM operation o JOIN euicc e ON e.id = o.euicc_id WHERE o.id = ?1",
	[Q_UPDATE] = "UPDATE operation SET state = ?2, due_ms = ?3, iccid = ?4, started_ms = ?5, ended_ms = ?6, "
		     "status = ?7, subject = ?8, reason = ?9, subject_id = ?10, message = ?11, erd = ?12 WHERE id = ?1",
	[Q_SET_DUE] = "UPDATE operation SET due_ms = ?2 WHERE id = ?1",
	[Q_DUE] = "SELECT id FROM operation WHERE due_ms <= ?1 ORDER BY due_ms LIMIT ?2",
	[Q_NEAREST] = "SELECT due_ms FROM operation WHERE due_ms IS NOT NULL ORDER BY due_ms LIMIT 1",
	[Q_HEAD] = "SELECT id FROM operation WHERE euicc_id = ?1 AND state < 100 AND state <> 12 "
		   "AND kind = 1 ORDER BY state = 0, id LIMIT 1",
	[Q_OPEN] = "SELECT count(*) FROM operation WHERE euicc_id = ?1 AND state < 100 AND kind = 1",
	[Q_COUNTS] = "SELECT count(CASE WHEN kind = 1 AND state = 0 THEN 1 END), "
		     "count(CASE WHEN kind = 1 AND state NOT IN (0, 12) THEN 1 END), "
		     "count(CASE WHEN kind = 2 THEN 1 END), count(CASE WHEN state = 12 THEN 1 END), min(created_ms) "
		     "FROM operation WHERE state < 100 AND kind IN (1, 2)",
	[Q_UNFINISHED] = "SELECT id FROM operation WHERE id > ?1 AND state < 100 ORDER BY id LIMIT ?2",
	[Q_ON_HOLD] = "SELECT id FROM operation WHERE euicc_id = ?1 AND state < 100 AND state = 12 ORDER BY id LIMIT "
		      "?2",
	[Q_LIST] = "SELECT id FROM operation WHERE id < ?1 ORDER BY id DESC LIMIT ?2",
	[Q_RETIRE] = "DELETE FROM operation WHERE id IN (SELECT id FROM operation o WHERE ended_ms < ?1 AND NOT EXISTS "
		     "(SELECT 1 FROM outbox b WHERE b.op_id = o.id AND b.state = 0) LIMIT ?2)",
	[Q_DOUBT] = "UPDATE euicc SET doubt = ?2 WHERE id = ?1",
	[Q_DOUBTS] = "UPDATE euicc SET doubt = ?2 WHERE doubt = ?1",
	[Q_DOUBTFUL] = "SELECT id FROM euicc WHERE doubt > 0 AND doubt = ?1 ORDER BY id LIMIT ?2",
	[Q_DOUBT_COUNT] = "SELECT count(*) FROM euicc WHERE doubt > 0 AND doubt = ?1",
	[Q_EUICC] = "SELECT eid, smsr_oid FROM euicc WHERE id = ?1",
	[Q_DL_INSERT] = "INSERT INTO download (op_id, enable) VALUES (?1, ?2)",
	[Q_DL_GET] = "SELECT enable, item_id, required_memory, package_len, aid, created, purpose, tries, sessions, "
		     "ecasd, ecasd_curve, sent, done FROM download WHERE op_id = ?1",
	[Q_DL_UPDATE] = "UPDATE download SET item_id = ?2, required_memory = ?3, package_len = ?4, aid = ?5, "
			"created = ?6, purpose = ?7, tries = ?8, sessions = ?9, ecasd = ?10, "
			"ecasd_curve = ?11, sent = ?12, done = ?13 WHERE op_id = ?1",
};

static struct db_stmt *stmt(struct db *db, enum order_stmt id)
{
	static const struct db_stmts set = {.slot = SLOT_ORDER, .sql = sql, .n = ARRAY_SIZE(sql)};

	return db_stmt(db, &set, id);
}

static struct db_stmt *stmt_id(struct db *db, enum order_stmt id, int64_t key)
{
	struct db_stmt *s = stmt(db, id);

	db_bind_int(s, 1, key);
	return s;
}

/* ---- eUICCs ---- */

static int euicc_insert(struct db *db, struct bytes eid, const char *smsr_oid, int64_t *id)
{
	struct db_stmt *s = stmt(db, Q_EUICC_INSERT);

	db_bind_bytes(s, 1, eid);
	db_bind_text(s, 2, smsr_oid);
	return db_add(s, id);
}

int order_db_euicc(struct db *db, const uint8_t eid[EID_LEN], const char *smsr_oid, bool move, int64_t *id)
{
	struct db_stmt *s = stmt(db, Q_EUICC_GET);
	int rc;

	db_bind_bytes(s, 1, bytes_of(eid, EID_LEN));
	rc = db_need_int(s, id);
	if (rc == -ENOENT)
		return euicc_insert(db, bytes_of(eid, EID_LEN), smsr_oid, id);
	if (rc < 0 || !move)
		return rc;
	s = stmt_id(db, Q_EUICC_MOVE, *id);
	db_bind_text(s, 2, smsr_oid);
	return db_run(s);
}

int order_db_manager(const void *ctx, struct db *db, const uint8_t eid[EID_LEN], char **smsr_oid)
{
	struct db_stmt *s = stmt(db, Q_EUICC_MANAGER);
	int rc;

	db_bind_bytes(s, 1, bytes_of(eid, EID_LEN));
	rc = db_need(s);
	if (rc < 0)
		return rc;
	*smsr_oid = db_text(ctx, s, 0);
	db_reset(s);
	return 0;
}

/* ---- orders ---- */

int order_db_insert(struct db *db, struct order *o)
{
	const char *const texts[] = {o->requester, o->call_id,	o->message_id, o->transaction_id, o->context_id,
				     o->reply_to,  o->smsr_oid, o->iccid,      o->profile_type};
	struct db_stmt *s = stmt_id(db, Q_INSERT, o->euicc_id);

	db_bind_int(s, 2, o->kind);
	db_bind_int(s, 3, o->state);
	db_bind_nonzero(s, 4, o->due_ms);
	db_bind_int(s, 5, o->fn);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		db_bind_text(s, 6 + (int)i, texts[i]);
	db_bind_int(s, 15, o->created_ms);
	db_bind_int(s, 16, o->expires_ms);
	db_bind_nonzero(s, 17, o->started_ms);
	return db_add(s, &o->id);
}

/* Tables are indexed by these; a damaged row must not lead beyond their ends. */
static bool is_sound(const struct order *o)
{
	return o->kind >= ORDER_DOWNLOAD && o->kind <= ORDER_LOOK && (unsigned int)o->state <= ORDER_ST_DONE &&
	       o->fn > ES_FN_NONE && o->fn < ES_FN_COUNT && (unsigned int)o->outcome.status <= ES_EXPIRED;
}

int order_db_get(const void *ctx, struct db *db, int64_t id, struct order *o)
{
	struct db_stmt *s = stmt_id(db, Q_GET, id);
	int rc = db_need(s);

	if (rc < 0)
		return rc;
	*o = (struct order){
		.id = db_int(s, 0),
		.euicc_id = db_int(s, 1),
		.kind = (enum order_kind)db_int(s, 3),
		.state = (enum order_state)db_int(s, 4),
		.due_ms = db_int(s, 5),
		.fn = (enum es_fn)db_int(s, 6),
		.requester = db_text(ctx, s, 7),
		.call_id = db_text(ctx, s, 8),
		.message_id = db_text(ctx, s, 9),
		.transaction_id = db_text(ctx, s, 10),
		.context_id = db_text(ctx, s, 11),
		.reply_to = db_text(ctx, s, 12),
		.smsr_oid = db_text(ctx, s, 13),
		.iccid = db_text(ctx, s, 14),
		.profile_type = db_text(ctx, s, 15),
		.created_ms = db_int(s, 16),
		.expires_ms = db_int(s, 17),
		.started_ms = db_int(s, 18),
		.ended_ms = db_int(s, 19),
		.outcome = status_db_get(ctx, s, 20),
		.erd = bytes_dup(ctx, db_bytes(s, 25)),
	};
	if (db_bytes(s, 2).len == EID_LEN)
		memcpy(o->eid, db_bytes(s, 2).data, EID_LEN);
	db_reset(s);
	return is_sound(o) ? 0 : -EINVAL;
}

int order_db_update(struct db *db, const struct order *o)
{
	struct db_stmt *s = stmt_id(db, Q_UPDATE, o->id);

	db_bind_int(s, 2, o->state);
	db_bind_nonzero(s, 3, o->due_ms);
	db_bind_text(s, 4, o->iccid);
	db_bind_nonzero(s, 5, o->started_ms);
	db_bind_nonzero(s, 6, o->ended_ms);
	status_db_bind(s, 7, &o->outcome);
	db_bind_some(s, 12, o->erd);
	return db_run(s);
}

int order_db_set_due(struct db *db, int64_t id, int64_t due_ms)
{
	struct db_stmt *s = stmt_id(db, Q_SET_DUE, id);

	db_bind_nonzero(s, 2, due_ms);
	return db_run(s);
}

int order_db_due(struct db *db, int64_t now_ms, int64_t *ids, size_t max, size_t *n)
{
	return db_batch(stmt(db, Q_DUE), now_ms, ids, max, n);
}

int order_db_nearest(struct db *db, int64_t *due_ms)
{
	return db_maybe_int(stmt(db, Q_NEAREST), due_ms);
}

int order_db_head(struct db *db, int64_t euicc_id, int64_t *id)
{
	return db_need_int(stmt_id(db, Q_HEAD, euicc_id), id);
}

int order_db_open(struct db *db, int64_t euicc_id, int64_t *n)
{
	return db_need_int(stmt_id(db, Q_OPEN, euicc_id), n);
}

int order_db_count(struct db *db, struct order_counts *n)
{
	struct db_stmt *s = stmt(db, Q_COUNTS);
	int rc = db_need(s);

	if (rc < 0)
		return rc;
	*n = (struct order_counts){db_int(s, 0), db_int(s, 1), db_int(s, 2), db_int(s, 3), db_int(s, 4)};
	db_reset(s);
	return 0;
}

int order_db_unfinished(struct db *db, int64_t after_id, int64_t *ids, size_t max, size_t *n)
{
	return db_batch(stmt(db, Q_UNFINISHED), after_id, ids, max, n);
}

int order_db_on_hold(struct db *db, int64_t euicc_id, int64_t *ids, size_t max, size_t *n)
{
	return db_batch(stmt(db, Q_ON_HOLD), euicc_id, ids, max, n);
}

int order_db_list(struct db *db, int64_t before_id, int64_t *ids, size_t max, size_t *n)
{
	return db_batch(stmt(db, Q_LIST), before_id ? before_id : INT64_MAX, ids, max, n);
}

int order_db_retire(struct db *db, int64_t before_ms, size_t max)
{
	return db_run_batch(stmt(db, Q_RETIRE), before_ms, max);
}

/* ---- doubts ---- */

int order_db_doubt(struct db *db, int64_t euicc_id, enum doubt doubt)
{
	struct db_stmt *s = stmt_id(db, Q_DOUBT, euicc_id);

	db_bind_int(s, 2, doubt);
	return db_run(s);
}

int order_db_doubts(struct db *db, enum doubt from, enum doubt to)
{
	struct db_stmt *s = stmt_id(db, Q_DOUBTS, from);

	db_bind_int(s, 2, to);
	return db_run(s);
}

int order_db_doubtful(struct db *db, enum doubt doubt, int64_t *ids, size_t max, size_t *n)
{
	return db_batch(stmt(db, Q_DOUBTFUL), doubt, ids, max, n);
}

int order_db_doubt_count(struct db *db, enum doubt doubt, int64_t *n)
{
	return db_need_int(stmt_id(db, Q_DOUBT_COUNT, doubt), n);
}

int order_db_euicc_get(const void *ctx, struct db *db, int64_t id, uint8_t eid[EID_LEN], char **smsr_oid)
{
	struct db_stmt *s = stmt_id(db, Q_EUICC, id);
	int rc = db_need(s);

	if (rc < 0)
		return rc;
	if (db_bytes(s, 0).len == EID_LEN)
		memcpy(eid, db_bytes(s, 0).data, EID_LEN);
	*smsr_oid = db_text(ctx, s, 1);
	db_reset(s);
	return 0;
}

/* ---- downloads ---- */

int order_db_download_insert(struct db *db, const struct download *d)
{
	struct db_stmt *s = stmt_id(db, Q_DL_INSERT, d->op_id);

	db_bind_int(s, 2, d->enable);
	return db_run(s);
}

int order_db_download_get(const void *ctx, struct db *db, int64_t op_id, struct download *d)
{
	struct db_stmt *s = stmt_id(db, Q_DL_GET, op_id);
	int rc = db_need(s);

	if (rc < 0)
		return rc;
	*d = (struct download){
		.op_id = op_id,
		.enable = db_int(s, 0) != 0,
		.item_id = db_int(s, 1),
		.required_memory = db_int(s, 2),
		.package_len = db_int(s, 3),
		.aid = bytes_dup(ctx, db_bytes(s, 4)),
		.created = db_int(s, 5) != 0,
		.purpose = (int)db_int(s, 6),
		.tries = (int)db_int(s, 7),
		.sessions = (int)db_int(s, 8),
		.ecasd = bytes_dup(ctx, db_bytes(s, 9)),
		.ecasd_curve = (int)db_int(s, 10),
		.sent = db_int(s, 11),
		.done = db_int(s, 12),
	};
	db_reset(s);
	return 0;
}

int order_db_download_update(struct db *db, const struct download *d)
{
	struct db_stmt *s = stmt_id(db, Q_DL_UPDATE, d->op_id);

	db_bind_nonzero(s, 2, d->item_id);
	db_bind_int(s, 3, d->required_memory);
	db_bind_int(s, 4, d->package_len);
	db_bind_some(s, 5, d->aid);
	db_bind_int(s, 6, d->created);
	db_bind_int(s, 7, d->purpose);
	db_bind_int(s, 8, d->tries);
	db_bind_int(s, 9, d->sessions);
	db_bind_some(s, 10, d->ecasd);
	db_bind_int(s, 11, d->ecasd_curve);
	db_bind_int(s, 12, d->sent);
	db_bind_int(s, 13, d->done);
	return db_run(s);
}
