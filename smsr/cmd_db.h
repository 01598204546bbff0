/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "smsr/store.h"

/* Rows of sealed commands, of their short messages, and of short messages from cards that wait for their other parts.
 * All return 0 or a negative errno of db.h; -ENOENT where one row was asked for and is not there. */

/*! \param[in,out] cmd  id is filled in.  \returns -EEXIST if this counter was used before: nothing may be sent (P2) */
int cmd_db_insert(struct db *db, struct command *cmd) MUST_CHECK;
int cmd_db_get(const void *ctx, struct db *db, int64_t id, struct command *cmd) MUST_CHECK;
/*! The latest GET STATUS or GET DATA of an eUICC, whatever became of it.  \returns -ENOENT */
int cmd_db_last_audit(const void *ctx, struct db *db, int64_t euicc_id, struct command *cmd) MUST_CHECK;
/*! The command of an operation that awaits its answer.  \returns -ENOENT */
int cmd_db_open_of_op(const void *ctx, struct db *db, int64_t op_id, struct command *cmd) MUST_CHECK;
/*! The open command of an eUICC, if any; at most one by P3. */
int cmd_db_open_of_euicc(const void *ctx, struct db *db, int64_t euicc_id, struct command *cmd) MUST_CHECK;
/*! State, attempt, sent. */
int cmd_db_update(struct db *db, const struct command *cmd) MUST_CHECK;
/*! Another number for the next copy. */
int cmd_db_redirect(struct db *db, int64_t id, const char *dest) MUST_CHECK;
/*! The last commands of an eUICC, newest first: for late and doubled answers. */
int cmd_db_recent(const void *ctx, struct db *db, int64_t euicc_id, struct command *cmds, size_t max,
		  size_t *n) MUST_CHECK;

/*! Short messages of a command, idx from 1; each row is one to submit.  lane: lane_of(). */
int cmd_db_part_insert(struct db *db, int64_t command_id, int idx, int lane, int64_t due_ms) MUST_CHECK;
int cmd_db_part_get(const void *ctx, struct db *db, int64_t id, struct part *part) MUST_CHECK;
int cmd_db_part_update(struct db *db, const struct part *part) MUST_CHECK;
/*! The first part of a command that no service centre has taken yet.  \returns -ENOENT: all were taken */
int cmd_db_part_pending(const void *ctx, struct db *db, int64_t command_id, struct part *part) MUST_CHECK;
/*! True when every part of a command was taken, may have been, or may be still: the card may have it all. */
int cmd_db_maybe_complete(struct db *db, int64_t command_id, bool *maybe) MUST_CHECK;
/*! Start another copy: the first part is due at due_ms, the others follow it. */
int cmd_db_parts_rewind(struct db *db, int64_t command_id, int64_t due_ms) MUST_CHECK;
/*! Close: no part is due any more. */
int cmd_db_parts_stop(struct db *db, int64_t command_id) MUST_CHECK;
/*! A device came in reach: what waits for a later try is due now. */
int cmd_db_parts_hurry(struct db *db, int64_t command_id, int64_t now_ms) MUST_CHECK;
/*! Part IDs of a lane that are due, the earliest first; at most max. */
int cmd_db_parts_due(struct db *db, int lane, int64_t now_ms, int64_t *ids, size_t max, size_t *n) MUST_CHECK;
/*! The next lane that has something to submit, now or later.
 * \param[in,out] lane   behind this one; -1 for the first
 * \param[out]    due_ms  its earliest
 * \returns 0; -ENOENT there is none */
int cmd_db_lane_next(struct db *db, int *lane, int64_t *due_ms) MUST_CHECK;
/*! Earliest due_ms of all lanes; 0 when nothing is due. */
int cmd_db_parts_nearest(struct db *db, int64_t *due_ms) MUST_CHECK;
/*! Commands of this kind in an operation that were answered after more than one copy had left. */
int cmd_db_copied(struct db *db, int64_t op_id, enum cmd_kind kind, int64_t *n) MUST_CHECK;
/*! Short messages that wait to be submitted: the backlog. */
int cmd_db_parts_waiting(struct db *db, int64_t *n) MUST_CHECK;
/*! After a restart: what was handed to a service centre without an answer may have been taken; due again now, as
 * another copy. */
int cmd_db_parts_recover(struct db *db, int64_t now_ms) MUST_CHECK;
/*! The newest part that a service centre knows under this message id.  \returns -ENOENT */
int cmd_db_part_by_message(const void *ctx, struct db *db, const char *smsc, const char *message_id,
			   struct part *part) MUST_CHECK;

/*! Parts of concatenated messages from cards. */
struct mo_key {
	const char *sender;
	int ref; /* 16-bit ones from 0x10000 on, so that they never meet the 8-bit ones */
	int total;
};

/*! \returns 0; -EALREADY the same octets are there; -EPROTO other octets are there */
int cmd_db_mo_add(struct db *db, const struct mo_key *key, int idx, struct bytes ud, int64_t now_ms) MUST_CHECK;
/*! \param[out] parts  key->total views on ctx, in order, when all are there.  \returns -EAGAIN while parts are missing
 */
int cmd_db_mo_all(const void *ctx, struct db *db, const struct mo_key *key, struct bytes *parts) MUST_CHECK;
int cmd_db_mo_drop(struct db *db, const struct mo_key *key) MUST_CHECK;
/*! Unfinished messages of the same sender besides this one. */
int cmd_db_mo_others(struct db *db, const struct mo_key *key, int64_t *n) MUST_CHECK;
int cmd_db_mo_retire(struct db *db, int64_t before_ms) MUST_CHECK;
