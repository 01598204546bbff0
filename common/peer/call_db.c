/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Calls of peers, kept so that a repeat is known: table "call" of both schemas.  Its rows live as long as the row of
 * table "operation" that they led to. */
#include "common/peer/call_db.h"

#include <errno.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/codec/ber.h"

#define CALL_SLOT (DB_MAX_SETS - 2) /* daemons count theirs from 0 */

enum call_stmt {
	Q_GET,
	Q_INSERT,
	Q_RETIRE,
};

static const char *const sql[] = {
	[Q_GET] = "SELECT fn, body_hash, op_id, response FROM call WHERE sender = ?1 AND call_id = ?2",
	[Q_INSERT] = "INSERT INTO call (sender, call_id, fn, body_hash, op_id, response, created_ms) "
		     "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
	[Q_RETIRE] = "DELETE FROM call WHERE (sender, call_id) IN "
		     "(SELECT sender, call_id FROM call c WHERE created_ms < ?1 AND (op_id IS NULL OR NOT EXISTS "
		     "(SELECT 1 FROM operation o WHERE o.id = c.op_id)) LIMIT ?2)",
};

static struct db_stmt *stmt(struct db *db, enum call_stmt id)
{
	static const struct db_stmts set = {.slot = CALL_SLOT, .sql = sql, .n = ARRAY_SIZE(sql)};

	return db_stmt(db, &set, id);
}

static struct db_stmt *stmt_call(struct db *db, enum call_stmt id, const char *sender, const char *call_id)
{
	struct db_stmt *s = stmt(db, id);

	db_bind_text(s, 1, sender);
	db_bind_text(s, 2, call_id);
	return s;
}

int call_db_get(const void *ctx, struct db *db, const char *sender, const char *call_id, struct call *out)
{
	struct db_stmt *s = stmt_call(db, Q_GET, sender, call_id);
	struct call call = {.sender = sender, .call_id = call_id};
	int rc = db_need(s);

	if (rc < 0)
		return rc;
	call.fn = (enum es_fn)db_int(s, 0);
	if (db_bytes(s, 1).len == sizeof(call.digest))
		memcpy(call.digest, db_bytes(s, 1).data, sizeof(call.digest));
	call.op_id = db_int(s, 2);
	call.response = bytes_dup(ctx, db_bytes(s, 3));
	db_reset(s);
	*out = call;
	return 0;
}

int call_db_insert(struct db *db, const struct call *call, int64_t now_ms)
{
	struct db_stmt *s = stmt_call(db, Q_INSERT, call->sender, call->call_id);

	db_bind_int(s, 3, call->fn);
	db_bind_bytes(s, 4, BYTES_ARR(call->digest));
	db_bind_nonzero(s, 5, call->op_id);
	db_bind_some(s, 6, call->response);
	db_bind_int(s, 7, now_ms);
	return db_run(s);
}

int call_db_retire(struct db *db, int64_t before_ms, size_t max)
{
	return db_run_batch(stmt(db, Q_RETIRE), before_ms, max);
}

/* ---- outcome of a synchronous function: five TLVs ---- */

enum {
	T_STATUS = 0x80,
	T_SUBJECT = 0x81,
	T_REASON = 0x82,
	T_SUBJECT_ID = 0x83,
	T_MESSAGE = 0x84
};

int call_outcome_enc(const void *ctx, const struct es_status *st, struct bytes *out)
{
	struct wr w;

	wr_init(&w, ctx);
	ber_put_u8(&w, T_STATUS, (uint8_t)st->status);
	if (st->subject)
		ber_put(&w, T_SUBJECT, bytes_str(st->subject));
	if (st->reason)
		ber_put(&w, T_REASON, bytes_str(st->reason));
	if (st->subject_identifier)
		ber_put(&w, T_SUBJECT_ID, bytes_str(st->subject_identifier));
	if (st->message)
		ber_put(&w, T_MESSAGE, bytes_str(st->message));
	return wr_end(&w, out);
}

static char *text_tlv(const void *ctx, struct bytes row, uint32_t tag)
{
	struct bytes v;

	return ber_find(row, tag, &v) == 0 ? talloc_strndup(ctx, (const char *)v.data, v.len) : NULL;
}

struct es_status call_outcome_dec(const void *ctx, struct bytes row)
{
	struct es_status st = es_status_ok();
	struct bytes v;
	struct rd r;

	if (ber_find(row, T_STATUS, &v) == 0) {
		rd_init(&r, v);
		st.status = (enum es_exec)rd_u8(&r);
	}
	st.subject = text_tlv(ctx, row, T_SUBJECT);
	st.reason = text_tlv(ctx, row, T_REASON);
	st.subject_identifier = text_tlv(ctx, row, T_SUBJECT_ID);
	st.message = text_tlv(ctx, row, T_MESSAGE);
	return st;
}
