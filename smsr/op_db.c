/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "smsr/op_db.h"

#include <errno.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/peer/status_db.h"

#define OP_COLS                                                                                                     \
	"id, euicc_id, kind, state, due_ms, fn, requester, call_id, message_id, transaction_id, context_id, "       \
	"reply_to, "                                                                                                \
	"iccid, aid, other_aid, arg, created_ms, expires_ms, started_ms, ended_ms, completed_ms, attempt, status, " \
	"subject, reason, subject_id, message, erd"

enum op_stmt {
	Q_INSERT,
	Q_GET,
	Q_TIMES,
	Q_UPDATE,
	Q_SET_DUE,
	Q_NEXT_QUEUED,
	Q_QUEUE_LEN,
	Q_DUE,
	Q_NEAREST,
	Q_LIST,
	Q_LIST_EUICC,
	Q_COUNT,
	Q_IN_FLIGHT,
	Q_IDLE_EUICCS,
	Q_RETIRE,
	Q_DATA_INSERT,
	Q_DATA_GET,
	Q_DATA_DROP,
};

static const char *const sql[] = {
	[Q_INSERT] = "INSERT INTO operation (euicc_id, kind, state, due_ms, fn, requester, call_id, message_id, "
		     "transaction_id, context_id, reply_to, iccid, aid, other_aid, arg, created_ms, expires_ms) "
		     "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
	[Q_GET] = "SELECT " OP_COLS " FROM operation WHERE id = ?1",
	[Q_TIMES] = "SELECT kind, state, expires_ms, completed_ms FROM operation WHERE id = ?1",
	[Q_UPDATE] =
		"UPDATE operation SET state = ?2, due_ms = ?3, aid = ?4, other_aid = ?5, arg = ?6, started_ms = ?7, "
		"ended_ms = ?8, completed_ms = ?9, attempt = ?10, status = ?11, subject = ?12, reason = ?13, "
		"subject_id = ?14, message = ?15, erd = ?16 WHERE id = ?1",
	[Q_SET_DUE] = "UPDATE operation SET due_ms = ?2 WHERE id = ?1",
	[Q_NEXT_QUEUED] = "SELECT id, kind FROM operation WHERE euicc_id = ?1 AND state = 0 ORDER BY id",
	[Q_QUEUE_LEN] = "SELECT count(*) FROM operation WHERE euicc_id = ?1 AND state = 0",
	[Q_DUE] = "SELECT id FROM operation WHERE due_ms <= ?1 ORDER BY due_ms LIMIT ?2",
	[Q_NEAREST] = "SELECT due_ms FROM operation WHERE due_ms IS NOT NULL ORDER BY due_ms LIMIT 1",
	[Q_LIST] = "SELECT id FROM operation WHERE id < ?1 ORDER BY id DESC LIMIT ?2",
	[Q_LIST_EUICC] = "SELECT id FROM operation WHERE id < ?1 AND euicc_id = ?3 ORDER BY id DESC LIMIT ?2",
	[Q_COUNT] = "SELECT state, count(*) FROM operation WHERE state < 8 GROUP BY state",
	[Q_IN_FLIGHT] = "SELECT id FROM operation WHERE state < 8 AND state > 0 AND id > ?1 ORDER BY id LIMIT ?2",
	[Q_IDLE_EUICCS] = "SELECT DISTINCT o.euicc_id FROM operation o JOIN euicc e ON e.id = o.euicc_id "
			  "WHERE o.state = 0 AND e.active_op IS NULL AND o.euicc_id > ?1 ORDER BY o.euicc_id LIMIT ?2",
	[Q_RETIRE] = "DELETE FROM operation WHERE id IN (SELECT id FROM operation o WHERE ended_ms < ?1 AND NOT EXISTS "
		     "(SELECT 1 FROM outbox b WHERE b.op_id = o.id AND b.state = 0) LIMIT ?2)",
	[Q_DATA_INSERT] = "INSERT INTO op_data (op_id, cmds, mno_oid, memory, more_to_do) VALUES (?1, ?2, ?3, ?4, ?5)",
	[Q_DATA_GET] = "SELECT cmds, mno_oid, memory, more_to_do FROM op_data WHERE op_id = ?1",
	[Q_DATA_DROP] = "DELETE FROM op_data WHERE op_id = ?1",
};

static struct db_stmt *stmt(struct db *db, enum op_stmt id)
{
	static const struct db_stmts set = {.slot = SLOT_OP, .sql = sql, .n = ARRAY_SIZE(sql)};

	return db_stmt(db, &set, id);
}

static struct db_stmt *stmt_id(struct db *db, enum op_stmt id, int64_t key)
{
	struct db_stmt *s = stmt(db, id);

	db_bind_int(s, 1, key);
	return s;
}

int op_db_insert(struct db *db, struct operation *op)
{
	const char *const texts[] = {op->requester,  op->call_id,  op->message_id, op->transaction_id,
				     op->context_id, op->reply_to, op->iccid};
	struct db_stmt *s = stmt_id(db, Q_INSERT, op->euicc_id);

	db_bind_int(s, 2, op->kind);
	db_bind_int(s, 3, op->state);
	db_bind_nonzero(s, 4, op->due_ms);
	db_bind_nonzero(s, 5, op->fn);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		db_bind_text(s, 6 + (int)i, texts[i]);
	db_bind_some(s, 13, op->aid);
	db_bind_some(s, 14, op->other_aid);
	db_bind_int(s, 15, op->arg);
	db_bind_int(s, 16, op->created_ms);
	db_bind_int(s, 17, op->expires_ms);
	return db_add(s, &op->id);
}

/* Tables are indexed by these; a damaged row must not lead beyond their ends. */
static bool is_sound(const struct operation *op)
{
	return (unsigned int)op->state <= OP_ST_DONE && op->kind >= OP_ENABLE && op->kind <= OP_CONNECTIVITY &&
	       (unsigned int)op->fn < ES_FN_COUNT && (unsigned int)op->outcome.status <= ES_EXPIRED;
}

int op_db_get(const void *ctx, struct db *db, int64_t id, struct operation *op)
{
	struct db_stmt *s = stmt_id(db, Q_GET, id);
	int rc = db_need(s);

	if (rc < 0)
		return rc;
	*op = (struct operation){
		.id = db_int(s, 0),
		.euicc_id = db_int(s, 1),
		.kind = (enum op_kind)db_int(s, 2),
		.state = (enum op_state)db_int(s, 3),
		.due_ms = db_int(s, 4),
		.fn = (enum es_fn)db_int(s, 5),
		.requester = db_text(ctx, s, 6),
		.call_id = db_text(ctx, s, 7),
		.message_id = db_text(ctx, s, 8),
		.transaction_id = db_text(ctx, s, 9),
		.context_id = db_text(ctx, s, 10),
		.reply_to = db_text(ctx, s, 11),
		.iccid = db_text(ctx, s, 12),
		.aid = bytes_dup(ctx, db_bytes(s, 13)),
		.other_aid = bytes_dup(ctx, db_bytes(s, 14)),
		.arg = db_int(s, 15),
		.created_ms = db_int(s, 16),
		.expires_ms = db_int(s, 17),
		.started_ms = db_int(s, 18),
		.ended_ms = db_int(s, 19),
		.completed_ms = db_int(s, 20),
		.attempt = (int)db_int(s, 21),
		.outcome = status_db_get(ctx, s, 22),
		.erd = bytes_dup(ctx, db_bytes(s, 27)),
	};
	db_reset(s);
	return is_sound(op) ? 0 : -EINVAL;
}

int op_db_times(struct db *db, int64_t id, struct operation *op)
{
	struct db_stmt *s = stmt_id(db, Q_TIMES, id);
	int rc = db_need(s);

	if (rc < 0)
		return rc;
	*op = (struct operation){
		.id = id,
		.kind = (enum op_kind)db_int(s, 0),
		.state = (enum op_state)db_int(s, 1),
		.expires_ms = db_int(s, 2),
		.completed_ms = db_int(s, 3),
	};
	db_reset(s);
	return (unsigned int)op->state <= OP_ST_DONE ? 0 : -EINVAL;
}

int op_db_update(struct db *db, const struct operation *op)
{
	struct db_stmt *s = stmt_id(db, Q_UPDATE, op->id);

	db_bind_int(s, 2, op->state);
	db_bind_nonzero(s, 3, op->due_ms);
	db_bind_some(s, 4, op->aid);
	db_bind_some(s, 5, op->other_aid);
	db_bind_int(s, 6, op->arg);
	db_bind_nonzero(s, 7, op->started_ms);
	db_bind_nonzero(s, 8, op->ended_ms);
	db_bind_nonzero(s, 9, op->completed_ms);
	db_bind_int(s, 10, op->attempt);
	status_db_bind(s, 11, &op->outcome);
	db_bind_some(s, 16, op->erd);
	return db_run(s);
}

int op_db_set_due(struct db *db, int64_t id, int64_t due_ms)
{
	struct db_stmt *s = stmt_id(db, Q_SET_DUE, id);

	db_bind_nonzero(s, 2, due_ms);
	return db_run(s);
}

int op_db_next_queued(struct db *db, int64_t euicc_id, int64_t *id)
{
	struct db_stmt *s = stmt_id(db, Q_NEXT_QUEUED, euicc_id);
	bool found = false, confirm = false;
	int rc;

	/* The queue is short and in order already; sorting it by kind would cost more than all of this. */
	while (!confirm && (rc = db_row(s)) == 1) {
		confirm = db_int(s, 1) == OP_CONFIRM;
		if (!found || confirm)
			*id = db_int(s, 0);
		found = true;
	}
	db_reset(s);
	return rc < 0 ? rc : found ? 0 : -ENOENT;
}

int op_db_queue_len(struct db *db, int64_t euicc_id, int64_t *n)
{
	return db_need_int(stmt_id(db, Q_QUEUE_LEN, euicc_id), n);
}

int op_db_due(struct db *db, int64_t now_ms, int64_t *ids, size_t max, size_t *n)
{
	return db_batch(stmt(db, Q_DUE), now_ms, ids, max, n);
}

int op_db_nearest(struct db *db, int64_t *due_ms)
{
	return db_maybe_int(stmt(db, Q_NEAREST), due_ms);
}

int op_db_list(struct db *db, int64_t euicc_id, int64_t before_id, int64_t *ids, size_t max, size_t *n)
{
	struct db_stmt *s = stmt_id(db, euicc_id ? Q_LIST_EUICC : Q_LIST, before_id ? before_id : INT64_MAX);

	db_bind_int(s, 2, (int64_t)max);
	if (euicc_id)
		db_bind_int(s, 3, euicc_id);
	return db_ints(s, ids, n);
}

int op_db_count(struct db *db, int64_t counts[OP_ST_DONE + 1])
{
	struct db_stmt *s = stmt(db, Q_COUNT);
	int rc;

	memset(counts, 0, sizeof(counts[0]) * (OP_ST_DONE + 1));
	while ((rc = db_row(s)) == 1) {
		if (db_int(s, 0) >= 0 && db_int(s, 0) <= OP_ST_DONE)
			counts[db_int(s, 0)] = db_int(s, 1);
	}
	return rc;
}

int op_db_in_flight(struct db *db, int64_t after, int64_t *ids, size_t max, size_t *n)
{
	return db_batch(stmt(db, Q_IN_FLIGHT), after, ids, max, n);
}

int op_db_idle_euiccs(struct db *db, int64_t after, int64_t *ids, size_t max, size_t *n)
{
	return db_batch(stmt(db, Q_IDLE_EUICCS), after, ids, max, n);
}

int op_db_retire(struct db *db, int64_t before_ms, size_t max)
{
	return db_run_batch(stmt(db, Q_RETIRE), before_ms, max);
}

/* ---- what a request of an SM-DP brought ---- */

int op_db_data_insert(struct db *db, int64_t op_id, const struct op_data *data)
{
	struct db_stmt *s = stmt_id(db, Q_DATA_INSERT, op_id);

	db_bind_some(s, 2, data->cmds);
	db_bind_text(s, 3, data->mno_oid);
	db_bind_int(s, 4, data->memory);
	db_bind_int(s, 5, data->more_to_do);
	return db_run(s);
}

int op_db_data_get(const void *ctx, struct db *db, int64_t op_id, struct op_data *data)
{
	struct db_stmt *s = stmt_id(db, Q_DATA_GET, op_id);
	int rc = db_need(s);

	if (rc < 0)
		return rc;
	*data = (struct op_data){
		.cmds = bytes_dup(ctx, db_bytes(s, 0)),
		.mno_oid = db_text(ctx, s, 1),
		.memory = db_int(s, 2),
		.more_to_do = db_int(s, 3),
	};
	db_reset(s);
	return 0;
}

int op_db_data_drop(struct db *db, int64_t op_id)
{
	return db_run(stmt_id(db, Q_DATA_DROP, op_id));
}
