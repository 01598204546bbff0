/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "smsr/cmd_db.h"

#include <errno.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#define CMD_COLS                                                                                                     \
	"id, op_id, euicc_id, kind, state, keyset_id, epoch, cntr, tar, spi, kic, kid, packet, dest, ref, attempt, " \
	"sent_ms"
#define PART_COLS "id, command_id, idx, state, due_ms, attempt, maybe, smsc, message_id"

enum cmd_stmt {
	Q_INSERT,
	Q_GET,
	Q_OPEN_OF_OP,
	Q_OPEN_OF_EUICC,
	Q_LAST_AUDIT,
	Q_UPDATE,
	Q_REDIRECT,
	Q_RECENT,
	Q_PART_INSERT,
	Q_PART_GET,
	Q_PART_UPDATE,
	Q_PART_PENDING,
	Q_MAYBE_COMPLETE,
	Q_PARTS_REWIND,
	Q_PARTS_STOP,
	Q_PARTS_HURRY,
	Q_PARTS_DUE,
	Q_LANE_NEXT,
	Q_PARTS_WAITING,
	Q_COPIED,
	Q_PARTS_RECOVER,
	Q_COPIES_RECOVER,
	Q_PART_BY_MESSAGE,
	Q_MO_GET,
	Q_MO_INSERT,
	Q_MO_ALL,
	Q_MO_DROP,
	Q_MO_OTHERS,
	Q_MO_RETIRE,
};

/* "euicc_id > 0" is always true and leads to the index of what is open.
 * State 0 of a command is CMD_ST_OPEN; states 0 and 1 of a part are PART_READY and PART_SUBMITTED. */
static const char *const sql[] = {
	[Q_INSERT] = "INSERT INTO command (op_id, euicc_id, kind, state, keyset_id, epoch, cntr, tar, spi, kic, kid, "
		     "packet, "
		     "dest, ref) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
	[Q_GET] = "SELECT " CMD_COLS " FROM command WHERE id = ?1",
	[Q_OPEN_OF_OP] = "SELECT " CMD_COLS " FROM command WHERE op_id = ?1 AND state = 0",
	[Q_OPEN_OF_EUICC] =
		"SELECT " CMD_COLS " FROM command WHERE euicc_id = ?1 AND state = 0 ORDER BY cntr DESC LIMIT 1",
	[Q_LAST_AUDIT] =
		"SELECT " CMD_COLS " FROM command WHERE euicc_id = ?1 AND kind = ?2 ORDER BY cntr DESC LIMIT 1",
	[Q_UPDATE] = "UPDATE command SET state = ?2, attempt = ?3, sent_ms = ?4 WHERE id = ?1",
	[Q_REDIRECT] = "UPDATE command SET dest = ?2 WHERE id = ?1",
	[Q_RECENT] = "SELECT " CMD_COLS " FROM command WHERE euicc_id = ?1 ORDER BY cntr DESC LIMIT ?2",
	[Q_PART_INSERT] = "INSERT INTO part (command_id, idx, lane, state, due_ms) VALUES (?1, ?2, ?3, 0, ?4)",
	[Q_PART_GET] = "SELECT " PART_COLS " FROM part WHERE id = ?1",
	[Q_PART_UPDATE] =
		"UPDATE part SET state = ?2, due_ms = ?3, attempt = ?4, maybe = ?5, smsc = ?6, message_id = ?7 "
		"WHERE id = ?1",
	[Q_PART_PENDING] = "SELECT " PART_COLS " FROM part WHERE command_id = ?1 AND state <= 1 ORDER BY idx LIMIT 1",
	/* What a service centre has, but has not answered yet, it may take. */
	[Q_MAYBE_COMPLETE] =
		"SELECT NOT EXISTS (SELECT 1 FROM part WHERE command_id = ?1 AND maybe = 0 AND state <> 1)",
	[Q_PARTS_REWIND] =
		"UPDATE part SET state = 0, attempt = 0, due_ms = CASE idx WHEN 1 THEN ?2 END WHERE command_id = ?1",
	[Q_PARTS_STOP] = "UPDATE part SET due_ms = NULL WHERE command_id = ?1 AND due_ms IS NOT NULL",
	[Q_PARTS_HURRY] = "UPDATE part SET due_ms = ?2 WHERE command_id = ?1 AND due_ms > ?2",
	[Q_PARTS_DUE] = "SELECT id FROM part WHERE lane = ?1 AND due_ms <= ?2 ORDER BY due_ms LIMIT ?3",
	[Q_LANE_NEXT] =
		"SELECT lane, due_ms FROM part WHERE due_ms IS NOT NULL AND lane > ?1 ORDER BY lane, due_ms LIMIT 1",
	[Q_COPIED] = "SELECT count(*) FROM command WHERE op_id = ?1 AND kind = ?2 AND state = 1 AND attempt > 0",
	[Q_PARTS_WAITING] = "SELECT count(*) FROM part WHERE due_ms IS NOT NULL",
	[Q_PARTS_RECOVER] =
		"UPDATE part SET state = 0, maybe = 1, due_ms = ?1 WHERE state = 1 AND command_id IN "
		"(SELECT c.id FROM operation o JOIN command c ON c.op_id = o.id WHERE o.state < 8 AND c.state = 0)",
	[Q_COPIES_RECOVER] =
		"UPDATE command SET attempt = 1 WHERE state = 0 AND attempt = 0 AND euicc_id > 0 AND EXISTS "
		"(SELECT 1 FROM part p WHERE p.command_id = command.id AND p.state = 1)",
	[Q_PART_BY_MESSAGE] =
		"SELECT " PART_COLS " FROM part WHERE message_id = ?1 AND smsc = ?2 ORDER BY id DESC LIMIT 1",
	[Q_MO_GET] = "SELECT ud FROM mo_part WHERE sender = ?1 AND ref = ?2 AND total = ?3 AND idx = ?4",
	[Q_MO_INSERT] =
		"INSERT INTO mo_part (sender, ref, total, idx, ud, received_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
	[Q_MO_ALL] = "SELECT ud FROM mo_part WHERE sender = ?1 AND ref = ?2 AND total = ?3 ORDER BY idx",
	[Q_MO_DROP] = "DELETE FROM mo_part WHERE sender = ?1 AND ref = ?2 AND total = ?3",
	[Q_MO_OTHERS] = "SELECT count(*) FROM (SELECT DISTINCT ref, total FROM mo_part WHERE sender = ?1 "
			"AND NOT (ref = ?2 AND total = ?3))",
	[Q_MO_RETIRE] = "DELETE FROM mo_part WHERE received_ms < ?1",
};

static struct db_stmt *stmt(struct db *db, enum cmd_stmt id)
{
	static const struct db_stmts set = {.slot = SLOT_CMD, .sql = sql, .n = ARRAY_SIZE(sql)};

	return db_stmt(db, &set, id);
}

static struct db_stmt *stmt_id(struct db *db, enum cmd_stmt id, int64_t key)
{
	struct db_stmt *s = stmt(db, id);

	db_bind_int(s, 1, key);
	return s;
}

/* ---- commands ---- */

int cmd_db_insert(struct db *db, struct command *cmd)
{
	struct db_stmt *s = stmt_id(db, Q_INSERT, cmd->op_id);

	db_bind_int(s, 2, cmd->euicc_id);
	db_bind_int(s, 3, cmd->kind);
	db_bind_int(s, 4, cmd->state);
	db_bind_int(s, 5, cmd->keyset_id);
	db_bind_int(s, 6, cmd->epoch);
	db_bind_int(s, 7, (int64_t)cmd->cntr);
	db_bind_bytes(s, 8, BYTES_ARR(cmd->tar));
	db_bind_int(s, 9, cmd->spi);
	db_bind_int(s, 10, cmd->kic);
	db_bind_int(s, 11, cmd->kid);
	db_bind_bytes(s, 12, cmd->packet);
	db_bind_text(s, 13, cmd->dest);
	db_bind_int(s, 14, cmd->ref);
	return db_add(s, &cmd->id);
}

static int read_command(const void *ctx, struct db_stmt *s, struct command *out)
{
	struct command cmd = {
		.id = db_int(s, 0),
		.op_id = db_int(s, 1),
		.euicc_id = db_int(s, 2),
		.kind = (enum cmd_kind)db_int(s, 3),
		.state = (enum cmd_state)db_int(s, 4),
		.keyset_id = db_int(s, 5),
		.epoch = db_int(s, 6),
		.cntr = (uint64_t)db_int(s, 7),
		.spi = (uint16_t)db_int(s, 9),
		.kic = (uint8_t)db_int(s, 10),
		.kid = (uint8_t)db_int(s, 11),
		.packet = bytes_dup(ctx, db_bytes(s, 12)),
		.dest = db_text(ctx, s, 13),
		.ref = (uint8_t)db_int(s, 14),
		.attempt = (int)db_int(s, 15),
		.sent_ms = db_int(s, 16),
	};

	if (db_bytes(s, 8).len != sizeof(cmd.tar))
		return -EINVAL;
	memcpy(cmd.tar, db_bytes(s, 8).data, sizeof(cmd.tar));
	*out = cmd;
	return 0;
}

static int one_command(const void *ctx, struct db_stmt *s, struct command *cmd)
{
	int rc = db_need(s);

	if (rc < 0)
		return rc;
	rc = read_command(ctx, s, cmd);
	db_reset(s);
	return rc;
}

int cmd_db_get(const void *ctx, struct db *db, int64_t id, struct command *cmd)
{
	return one_command(ctx, stmt_id(db, Q_GET, id), cmd);
}

int cmd_db_open_of_op(const void *ctx, struct db *db, int64_t op_id, struct command *cmd)
{
	return one_command(ctx, stmt_id(db, Q_OPEN_OF_OP, op_id), cmd);
}

int cmd_db_last_audit(const void *ctx, struct db *db, int64_t euicc_id, struct command *cmd)
{
	struct db_stmt *s = stmt_id(db, Q_LAST_AUDIT, euicc_id);

	db_bind_int(s, 2, CMD_AUDIT);
	return one_command(ctx, s, cmd);
}

int cmd_db_open_of_euicc(const void *ctx, struct db *db, int64_t euicc_id, struct command *cmd)
{
	return one_command(ctx, stmt_id(db, Q_OPEN_OF_EUICC, euicc_id), cmd);
}

int cmd_db_update(struct db *db, const struct command *cmd)
{
	struct db_stmt *s = stmt_id(db, Q_UPDATE, cmd->id);

	db_bind_int(s, 2, cmd->state);
	db_bind_int(s, 3, cmd->attempt);
	if (cmd->sent_ms)
		db_bind_int(s, 4, cmd->sent_ms);
	return db_run(s);
}

int cmd_db_redirect(struct db *db, int64_t id, const char *dest)
{
	struct db_stmt *s = stmt_id(db, Q_REDIRECT, id);

	db_bind_text(s, 2, dest);
	return db_run(s);
}

int cmd_db_recent(const void *ctx, struct db *db, int64_t euicc_id, struct command *cmds, size_t max, size_t *n)
{
	struct db_stmt *s = stmt_id(db, Q_RECENT, euicc_id);
	size_t found = 0;
	int rc;

	db_bind_int(s, 2, (int64_t)max);
	while ((rc = db_row(s)) == 1) {
		rc = read_command(ctx, s, &cmds[found++]);
		if (rc < 0)
			break;
	}
	db_reset(s);
	if (rc == 0)
		*n = found;
	return rc;
}

/* ---- parts ---- */

int cmd_db_part_insert(struct db *db, int64_t command_id, int idx, int lane, int64_t due_ms)
{
	struct db_stmt *s = stmt_id(db, Q_PART_INSERT, command_id);

	db_bind_int(s, 2, idx);
	db_bind_int(s, 3, lane);
	db_bind_nonzero(s, 4, due_ms);
	return db_run(s);
}

static int one_part(const void *ctx, struct db_stmt *s, struct part *part)
{
	int rc = db_need(s);

	if (rc < 0)
		return rc;
	*part = (struct part){
		.id = db_int(s, 0),
		.command_id = db_int(s, 1),
		.idx = (int)db_int(s, 2),
		.state = (enum part_state)db_int(s, 3),
		.due_ms = db_int(s, 4),
		.attempt = (int)db_int(s, 5),
		.maybe = db_int(s, 6),
		.smsc = db_text(ctx, s, 7),
		.message_id = db_text(ctx, s, 8),
	};
	db_reset(s);
	return 0;
}

int cmd_db_part_get(const void *ctx, struct db *db, int64_t id, struct part *part)
{
	return one_part(ctx, stmt_id(db, Q_PART_GET, id), part);
}

int cmd_db_part_update(struct db *db, const struct part *part)
{
	struct db_stmt *s = stmt_id(db, Q_PART_UPDATE, part->id);

	db_bind_int(s, 2, part->state);
	db_bind_nonzero(s, 3, part->due_ms);
	db_bind_int(s, 4, part->attempt);
	db_bind_int(s, 5, part->maybe);
	db_bind_text(s, 6, part->smsc);
	db_bind_text(s, 7, part->message_id);
	return db_run(s);
}

int cmd_db_part_pending(const void *ctx, struct db *db, int64_t command_id, struct part *part)
{
	return one_part(ctx, stmt_id(db, Q_PART_PENDING, command_id), part);
}

int cmd_db_maybe_complete(struct db *db, int64_t command_id, bool *maybe)
{
	int64_t v;
	int rc = db_need_int(stmt_id(db, Q_MAYBE_COMPLETE, command_id), &v);

	if (rc == 0)
		*maybe = v;
	return rc;
}

int cmd_db_parts_rewind(struct db *db, int64_t command_id, int64_t due_ms)
{
	struct db_stmt *s = stmt_id(db, Q_PARTS_REWIND, command_id);

	db_bind_int(s, 2, due_ms);
	return db_run(s);
}

int cmd_db_parts_stop(struct db *db, int64_t command_id)
{
	return db_run(stmt_id(db, Q_PARTS_STOP, command_id));
}

int cmd_db_parts_hurry(struct db *db, int64_t command_id, int64_t now_ms)
{
	struct db_stmt *s = stmt_id(db, Q_PARTS_HURRY, command_id);

	db_bind_int(s, 2, now_ms);
	return db_run(s);
}

int cmd_db_parts_due(struct db *db, int lane, int64_t now_ms, int64_t *ids, size_t max, size_t *n)
{
	struct db_stmt *s = stmt_id(db, Q_PARTS_DUE, lane);

	db_bind_int(s, 2, now_ms);
	db_bind_int(s, 3, (int64_t)max);
	return db_ints(s, ids, n);
}

int cmd_db_lane_next(struct db *db, int *lane, int64_t *due_ms)
{
	struct db_stmt *s = stmt_id(db, Q_LANE_NEXT, *lane);
	int rc = db_need(s);

	if (rc < 0)
		return rc;
	*lane = (int)db_int(s, 0);
	*due_ms = db_int(s, 1);
	db_reset(s);
	return 0;
}

int cmd_db_parts_nearest(struct db *db, int64_t *due_ms)
{
	int64_t best = 0, due;
	int lane = -1;
	int rc;

	while ((rc = cmd_db_lane_next(db, &lane, &due)) == 0) {
		if (!best || due < best)
			best = due;
	}
	if (rc == -ENOENT)
		*due_ms = best;
	return rc == -ENOENT ? 0 : rc;
}

int cmd_db_copied(struct db *db, int64_t op_id, enum cmd_kind kind, int64_t *n)
{
	struct db_stmt *s = stmt_id(db, Q_COPIED, op_id);

	db_bind_int(s, 2, kind);
	return db_need_int(s, n);
}

int cmd_db_parts_waiting(struct db *db, int64_t *n)
{
	return db_need_int(stmt(db, Q_PARTS_WAITING), n);
}

int cmd_db_parts_recover(struct db *db, int64_t now_ms)
{
	int rc = db_run(stmt(db, Q_COPIES_RECOVER));

	return rc < 0 ? rc : db_run(stmt_id(db, Q_PARTS_RECOVER, now_ms));
}

int cmd_db_part_by_message(const void *ctx, struct db *db, const char *smsc, const char *message_id, struct part *part)
{
	struct db_stmt *s = stmt(db, Q_PART_BY_MESSAGE);

	db_bind_text(s, 1, message_id);
	db_bind_text(s, 2, smsc);
	return one_part(ctx, s, part);
}

/* ---- parts from cards ---- */

static struct db_stmt *stmt_mo(struct db *db, enum cmd_stmt id, const struct mo_key *key)
{
	struct db_stmt *s = stmt(db, id);

	db_bind_text(s, 1, key->sender);
	db_bind_int(s, 2, key->ref);
	db_bind_int(s, 3, key->total);
	return s;
}

int cmd_db_mo_add(struct db *db, const struct mo_key *key, int idx, struct bytes ud, int64_t now_ms)
{
	struct db_stmt *s = stmt_mo(db, Q_MO_GET, key);
	int rc;

	db_bind_int(s, 4, idx);
	rc = db_row(s);
	if (rc < 0)
		return rc;
	if (rc == 1) {
		rc = bytes_eq(db_bytes(s, 0), ud) ? -EALREADY : -EPROTO;
		db_reset(s);
		return rc;
	}
	s = stmt_mo(db, Q_MO_INSERT, key);
	db_bind_int(s, 4, idx);
	db_bind_bytes(s, 5, ud);
	db_bind_int(s, 6, now_ms);
	return db_run(s);
}

int cmd_db_mo_all(const void *ctx, struct db *db, const struct mo_key *key, struct bytes *parts)
{
	struct db_stmt *s = stmt_mo(db, Q_MO_ALL, key);
	int n = 0;
	int rc = 0;

	while (n < key->total && (rc = db_row(s)) == 1)
		parts[n++] = bytes_dup(ctx, db_bytes(s, 0));
	if (n == key->total) {
		db_reset(s);
		return 0;
	}
	return rc < 0 ? rc : -EAGAIN;
}

int cmd_db_mo_drop(struct db *db, const struct mo_key *key)
{
	return db_run(stmt_mo(db, Q_MO_DROP, key));
}

int cmd_db_mo_others(struct db *db, const struct mo_key *key, int64_t *n)
{
	return db_need_int(stmt_mo(db, Q_MO_OTHERS, key), n);
}

int cmd_db_mo_retire(struct db *db, int64_t before_ms)
{
	return db_run(stmt_id(db, Q_MO_RETIRE, before_ms));
}
