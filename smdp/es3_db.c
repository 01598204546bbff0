/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "smdp/es3_db.h"

#include <errno.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

enum es3_stmt {
	Q_INSERT,
	Q_GET,
	Q_BY_MESSAGE,
	Q_BY_TRANSACTION,
	Q_OPEN_OF,
	Q_HELD_OF,
	Q_UPDATE,
	Q_DUE,
	Q_OVER,
	Q_WAITING,
	Q_NEAREST,
	Q_LOSE_ALL,
	Q_RECOVER,
};

/* States 0 and 1 wait for an answer, 2 and 3 have ended, 4 is ES3_ST_HELD. */
static const char *const sql[] = {
	[Q_INSERT] = "INSERT INTO es3_call (op_id, smsr_oid, fn, call_id, message_base, transaction_id, url, action, "
		     "envelope, state, due_ms, expires_ms, created_ms) "
		     "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
	[Q_GET] = "SELECT op_id, smsr_oid, fn, call_id, message_base, transaction_id, url, action, envelope, state, "
		  "due_ms, expires_ms, attempt, maybe, last_error, created_ms, ended_ms FROM es3_call WHERE id = ?1",
	[Q_BY_MESSAGE] = "SELECT id FROM es3_call WHERE message_base = ?1",
	[Q_BY_TRANSACTION] = "SELECT id FROM es3_call WHERE smsr_oid = ?1 AND transaction_id = ?2 AND fn = ?3 AND "
			     "state < 2 LIMIT ?4",
	[Q_OPEN_OF] = "SELECT id FROM es3_call WHERE op_id = ?1 AND state < 2 ORDER BY id DESC LIMIT 1",
	[Q_HELD_OF] = "SELECT id FROM es3_call WHERE op_id = ?1 AND state = 4 ORDER BY id DESC LIMIT 1",
	[Q_UPDATE] = "UPDATE es3_call SET state = ?2, due_ms = ?3, attempt = ?4, last_error = ?5, ended_ms = ?6, maybe "
		     "= ?7, "
		     "envelope = CASE WHEN ?2 NOT IN (2, 3) THEN envelope END WHERE id = ?1",
	[Q_DUE] = "SELECT id FROM es3_call WHERE due_ms <= ?1 ORDER BY due_ms LIMIT ?2",
	[Q_OVER] = "SELECT id FROM es3_call WHERE due_ms IS NOT NULL AND "
		   "expires_ms + CASE WHEN maybe = 1 THEN ?2 ELSE 0 END <= ?1 LIMIT ?3",
	[Q_WAITING] = "SELECT count(*) FROM es3_call WHERE due_ms IS NOT NULL",
	[Q_NEAREST] = "SELECT due_ms FROM es3_call WHERE due_ms IS NOT NULL ORDER BY due_ms LIMIT 1",
	[Q_LOSE_ALL] =
		"UPDATE es3_call SET state = 3, due_ms = NULL, ended_ms = ?1, envelope = NULL WHERE state NOT IN "
		"(2, 3)",
	[Q_RECOVER] = "UPDATE es3_call SET due_ms = ?1 WHERE state = 0",
};

static struct db_stmt *stmt(struct db *db, enum es3_stmt id)
{
	static const struct db_stmts set = {.slot = SLOT_ES3, .sql = sql, .n = ARRAY_SIZE(sql)};

	return db_stmt(db, &set, id);
}

int es3_db_insert(struct db *db, struct es3_call *c)
{
	struct db_stmt *s = stmt(db, Q_INSERT);

	db_bind_int(s, 1, c->op_id);
	db_bind_text(s, 2, c->smsr_oid);
	db_bind_int(s, 3, c->fn);
	db_bind_text(s, 4, c->call_id);
	db_bind_text(s, 5, c->message_base);
	db_bind_text(s, 6, c->transaction_id);
	db_bind_text(s, 7, c->url);
	db_bind_text(s, 8, c->action);
	db_bind_bytes(s, 9, c->envelope);
	db_bind_int(s, 10, c->state);
	db_bind_nonzero(s, 11, c->due_ms);
	db_bind_int(s, 12, c->expires_ms);
	db_bind_int(s, 13, c->created_ms);
	return db_add(s, &c->id);
}

int es3_db_get(const void *ctx, struct db *db, int64_t id, struct es3_call *c)
{
	struct db_stmt *s = stmt(db, Q_GET);
	int rc;

	db_bind_int(s, 1, id);
	rc = db_need(s);
	if (rc < 0)
		return rc;
	*c = (struct es3_call){
		.id = id,
		.op_id = db_int(s, 0),
		.smsr_oid = db_text(ctx, s, 1),
		.fn = (enum es_fn)db_int(s, 2),
		.call_id = db_text(ctx, s, 3),
		.message_base = db_text(ctx, s, 4),
		.transaction_id = db_text(ctx, s, 5),
		.url = db_text(ctx, s, 6),
		.action = db_text(ctx, s, 7),
		.envelope = bytes_dup(ctx, db_bytes(s, 8)),
		.state = (enum es3_state)db_int(s, 9),
		.due_ms = db_int(s, 10),
		.expires_ms = db_int(s, 11),
		.attempt = (int)db_int(s, 12),
		.maybe = db_int(s, 13) != 0,
		.last_error = db_text(ctx, s, 14),
		.created_ms = db_int(s, 15),
		.ended_ms = db_int(s, 16),
	};
	db_reset(s);
	return c->fn > ES_FN_NONE && c->fn < ES_FN_COUNT ? 0 : -EINVAL;
}

int es3_db_by_message(struct db *db, const char *message_base, int64_t *id)
{
	struct db_stmt *s = stmt(db, Q_BY_MESSAGE);

	db_bind_text(s, 1, message_base);
	return db_need_int(s, id);
}

int es3_db_by_transaction(struct db *db, const char *smsr_oid, const char *transaction_id, enum es_fn fn, int64_t *ids,
			  size_t max, size_t *n)
{
	struct db_stmt *s = stmt(db, Q_BY_TRANSACTION);

	db_bind_text(s, 1, smsr_oid);
	db_bind_text(s, 2, transaction_id);
	db_bind_int(s, 3, fn);
	db_bind_int(s, 4, (int64_t)max);
	return db_ints(s, ids, n);
}

int es3_db_open_of(struct db *db, int64_t op_id, int64_t *id)
{
	struct db_stmt *s = stmt(db, Q_OPEN_OF);

	db_bind_int(s, 1, op_id);
	return db_need_int(s, id);
}

int es3_db_held_of(struct db *db, int64_t op_id, int64_t *id)
{
	struct db_stmt *s = stmt(db, Q_HELD_OF);

	db_bind_int(s, 1, op_id);
	return db_need_int(s, id);
}

int es3_db_update(struct db *db, const struct es3_call *c)
{
	struct db_stmt *s = stmt(db, Q_UPDATE);

	db_bind_int(s, 1, c->id);
	db_bind_int(s, 2, c->state);
	db_bind_nonzero(s, 3, c->due_ms);
	db_bind_int(s, 4, c->attempt);
	db_bind_text(s, 5, c->last_error);
	db_bind_nonzero(s, 6, c->ended_ms);
	db_bind_int(s, 7, c->maybe);
	return db_run(s);
}

int es3_db_due(struct db *db, int64_t now_ms, int64_t *ids, size_t max, size_t *n)
{
	return db_batch(stmt(db, Q_DUE), now_ms, ids, max, n);
}

int es3_db_over(struct db *db, int64_t now_ms, int64_t grace_ms, int64_t *ids, size_t max, size_t *n)
{
	struct db_stmt *s = stmt(db, Q_OVER);

	db_bind_int(s, 1, now_ms);
	db_bind_int(s, 2, grace_ms);
	db_bind_int(s, 3, (int64_t)max);
	return db_ints(s, ids, n);
}

int es3_db_waiting(struct db *db, int64_t *n)
{
	return db_need_int(stmt(db, Q_WAITING), n);
}

int es3_db_nearest(struct db *db, int64_t *due_ms)
{
	return db_maybe_int(stmt(db, Q_NEAREST), due_ms);
}

int es3_db_lose_all(struct db *db, int64_t now_ms)
{
	struct db_stmt *s = stmt(db, Q_LOSE_ALL);

	db_bind_int(s, 1, now_ms);
	return db_run(s);
}

int es3_db_recover(struct db *db, int64_t now_ms)
{
	struct db_stmt *s = stmt(db, Q_RECOVER);

	db_bind_int(s, 1, now_ms);
	return db_run(s);
}
