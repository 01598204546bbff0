/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/db/db.h"

/*! Values are in databases: never renumbered. */
enum outbox_state {
	OUTBOX_WAITING = 0,
	OUTBOX_DELIVERED = 1,
	OUTBOX_GIVEN_UP = 2,
	OUTBOX_NO_ADDRESS = 3
};

/*! "waiting", "delivered", "given-up", "no-address" */
const char *outbox_state_name(enum outbox_state state);

/*! A message to a peer: an answer by callback, or a notification. */
struct outbox {
	int64_t id;
	int64_t op_id;	  /* 0: none */
	char *peer;	  /* OID */
	int64_t euicc_id; /* messages to one peer about one eUICC keep their order; 0: belongs to no line */
	char *name;	  /* "ES4-EnableProfile" */
	char *url;	  /* NULL: no address */
	char *action;
	struct bytes envelope;
	enum outbox_state state;
	int64_t due_ms;
	int64_t expires_ms;
	int attempt;
	char *last_error; /* of the last attempt; NULL: none yet, or an attempt is under way */
	int64_t created_ms;
	int64_t ended_ms;
};

/* All return 0 or a negative errno of db.h; -ENOENT where one row was asked for and is not there. */

/*! \param[in,out] o  id is filled in */
int outbox_db_insert(struct db *db, struct outbox *o) MUST_CHECK;
int outbox_db_get(const void *ctx, struct db *db, int64_t id, struct outbox *o) MUST_CHECK;
/*! State, due, attempt, last error, end. */
int outbox_db_update(struct db *db, const struct outbox *o) MUST_CHECK;
/*! The first that waits for this peer about this eUICC: only that one has a due_ms, so that order is kept. */
int outbox_db_head(struct db *db, const char *peer, int64_t euicc_id, int64_t *id) MUST_CHECK;
int outbox_db_due(struct db *db, int64_t now_ms, int64_t *ids, size_t max, size_t *n) MUST_CHECK;
int outbox_db_nearest(struct db *db, int64_t *due_ms) MUST_CHECK;
/*! Make what waits for a later attempt due now; peer NULL: for all. */
int outbox_db_hurry(struct db *db, const char *peer, int64_t now_ms) MUST_CHECK;
/*! At start: what was under way when the last run ended (no answer, no error) is due now. */
int outbox_db_recover(struct db *db, int64_t now_ms) MUST_CHECK;
int outbox_db_waiting(struct db *db, int64_t *n) MUST_CHECK;
/*! Latest messages of all, newest first; before_id 0 starts at the newest. */
int outbox_db_list(struct db *db, int64_t before_id, int64_t *ids, size_t max, size_t *n) MUST_CHECK;
/*! Messages of one operation, in order. */
int outbox_db_of_op(struct db *db, int64_t op_id, int64_t *ids, size_t max, size_t *n) MUST_CHECK;
/*! Forget what ended before, of operations that are gone too. */
int outbox_db_retire(struct db *db, int64_t before_ms, size_t max) MUST_CHECK;
