/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Statements of the outbox, the same in both daemons: table "outbox" of their schemas. */
#include "common/peer/outbox_db.h"

#include <errno.h>

#include <osmocom/core/utils.h>

#define OUTBOX_SLOT (DB_MAX_SETS - 1) /* daemons count theirs from 0 */

#define OUTBOX_COLS                                                                                                \
	"id, op_id, peer, euicc_id, name, url, action, envelope, state, due_ms, expires_ms, attempt, last_error, " \
	"created_ms, ended_ms"

enum outbox_stmt {
	Q_INSERT,
	Q_GET,
	Q_UPDATE,
	Q_DUE,
	Q_HEAD,
	Q_NEAREST,
	Q_HURRY,
	Q_RECOVER,
	Q_WAITING,
	Q_LIST,
	Q_OF_OP,
	Q_RETIRE,
};

/* State 0 is OUTBOX_WAITING. */
static const char *const sql[] = {
	[Q_INSERT] =
		"INSERT INTO outbox (op_id, peer, euicc_id, name, url, action, envelope, state, due_ms, expires_ms, "
		"created_ms, ended_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
	[Q_GET] = "SELECT " OUTBOX_COLS " FROM outbox WHERE id = ?1",
	[Q_UPDATE] =
		"UPDATE outbox SET state = ?2, due_ms = ?3, attempt = ?4, last_error = ?5, ended_ms = ?6 WHERE id = ?1",
	[Q_DUE] = "SELECT id FROM outbox WHERE due_ms <= ?1 ORDER BY due_ms LIMIT ?2",
	[Q_HEAD] = "SELECT id FROM outbox WHERE peer = ?1 AND euicc_id IS ?2 AND state = 0 ORDER BY id LIMIT 1",
	[Q_NEAREST] = "SELECT due_ms FROM outbox WHERE due_ms IS NOT NULL ORDER BY due_ms LIMIT 1",
	[Q_HURRY] = "UPDATE outbox SET due_ms = ?2 WHERE state = 0 AND due_ms > ?2 AND (?1 IS NULL OR peer = ?1)",
	[Q_RECOVER] = "UPDATE outbox SET due_ms = ?1 WHERE state = 0 AND due_ms > ?1 AND last_error IS NULL",
	[Q_WAITING] = "SELECT count(*) FROM outbox WHERE state = 0",
	[Q_LIST] = "SELECT id FROM outbox WHERE id < ?1 ORDER BY id DESC LIMIT ?2",
	[Q_OF_OP] = "SELECT id FROM outbox WHERE op_id = ?1 ORDER BY id LIMIT ?2",
	[Q_RETIRE] = "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox WHERE ended_ms < ?1 LIMIT ?2)",
};

static const struct value_string outbox_states[] = {
	{OUTBOX_WAITING, "waiting"},
	{OUTBOX_DELIVERED, "delivered"},
	{OUTBOX_GIVEN_UP, "given-up"},
	{OUTBOX_NO_ADDRESS, "no-address"},
	{0, NULL},
};

const char *outbox_state_name(enum outbox_state state)
{
	return get_value_string(outbox_states, state);
}

static struct db_stmt *stmt(struct db *db, enum outbox_stmt id)
{
	static const struct db_stmts set = {.slot = OUTBOX_SLOT, .sql = sql, .n = ARRAY_SIZE(sql)};

	return db_stmt(db, &set, id);
}

int outbox_db_insert(struct db *db, struct outbox *o)
{
	struct db_stmt *s = stmt(db, Q_INSERT);

	db_bind_nonzero(s, 1, o->op_id);
	db_bind_text(s, 2, o->peer);
	db_bind_nonzero(s, 3, o->euicc_id);
	db_bind_text(s, 4, o->name);
	db_bind_text(s, 5, o->url);
	db_bind_text(s, 6, o->action);
	db_bind_bytes(s, 7, o->envelope);
	db_bind_int(s, 8, o->state);
	db_bind_nonzero(s, 9, o->due_ms);
	db_bind_int(s, 10, o->expires_ms);
	db_bind_int(s, 11, o->created_ms);
	db_bind_nonzero(s, 12, o->ended_ms);
	return db_add(s, &o->id);
}

int outbox_db_get(const void *ctx, struct db *db, int64_t id, struct outbox *o)
{
	struct db_stmt *s = stmt(db, Q_GET);
	int rc;

	db_bind_int(s, 1, id);
	rc = db_need(s);
	if (rc < 0)
		return rc;
	*o = (struct outbox){
		.id = db_int(s, 0),
		.op_id = db_int(s, 1),
		.peer = db_text(ctx, s, 2),
		.euicc_id = db_int(s, 3),
		.name = db_text(ctx, s, 4),
		.url = db_text(ctx, s, 5),
		.action = db_text(ctx, s, 6),
		.envelope = bytes_dup(ctx, db_bytes(s, 7)),
		.state = (enum outbox_state)db_int(s, 8),
		.due_ms = db_int(s, 9),
		.expires_ms = db_int(s, 10),
		.attempt = (int)db_int(s, 11),
		.last_error = db_text(ctx, s, 12),
		.created_ms = db_int(s, 13),
		.ended_ms = db_int(s, 14),
	};
	db_reset(s);
	return 0;
}

int outbox_db_update(struct db *db, const struct outbox *o)
{
	struct db_stmt *s = stmt(db, Q_UPDATE);

	db_bind_int(s, 1, o->id);
	db_bind_int(s, 2, o->state);
	db_bind_nonzero(s, 3, o->due_ms);
	db_bind_int(s, 4, o->attempt);
	db_bind_text(s, 5, o->last_error);
	db_bind_nonzero(s, 6, o->ended_ms);
	return db_run(s);
}

int outbox_db_due(struct db *db, int64_t now_ms, int64_t *ids, size_t max, size_t *n)
{
	return db_batch(stmt(db, Q_DUE), now_ms, ids, max, n);
}

int outbox_db_head(struct db *db, const char *peer, int64_t euicc_id, int64_t *id)
{
	struct db_stmt *s = stmt(db, Q_HEAD);

	db_bind_text(s, 1, peer);
	db_bind_nonzero(s, 2, euicc_id);
	return db_need_int(s, id);
}

int outbox_db_of_op(struct db *db, int64_t op_id, int64_t *ids, size_t max, size_t *n)
{
	return db_batch(stmt(db, Q_OF_OP), op_id, ids, max, n);
}

int outbox_db_nearest(struct db *db, int64_t *due_ms)
{
	return db_maybe_int(stmt(db, Q_NEAREST), due_ms);
}

int outbox_db_hurry(struct db *db, const char *peer, int64_t now_ms)
{
	struct db_stmt *s = stmt(db, Q_HURRY);

	db_bind_text(s, 1, peer);
	db_bind_int(s, 2, now_ms);
	return db_run(s);
}

int outbox_db_recover(struct db *db, int64_t now_ms)
{
	struct db_stmt *s = stmt(db, Q_RECOVER);

	db_bind_int(s, 1, now_ms);
	return db_run(s);
}

int outbox_db_waiting(struct db *db, int64_t *n)
{
	return db_need_int(stmt(db, Q_WAITING), n);
}

int outbox_db_list(struct db *db, int64_t before_id, int64_t *ids, size_t max, size_t *n)
{
	return db_batch(stmt(db, Q_LIST), before_id ? before_id : INT64_MAX, ids, max, n);
}

int outbox_db_retire(struct db *db, int64_t before_ms, size_t max)
{
	return db_run_batch(stmt(db, Q_RETIRE), before_ms, max);
}
