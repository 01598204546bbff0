/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "scp81/dialog.h"
#include "smsr/store.h"

/* Rows of the HTTPS bearer: session of an eUICC, what an operation wants done, its scripts.
 * All return 0 or a negative errno of db.h; -ENOENT where one row was asked for and is not there. */

enum https_state {
	HTTPS_CLOSED = 0,
	HTTPS_TRIGGERED = 1, /* the card is awaited */
	HTTPS_OPEN = 2,	     /* it is connected */
};

struct https_session {
	int64_t euicc_id;
	enum https_state state;
	struct dialog dialog;
	uint64_t conn;	  /* 0: none */
	bool waits;	  /* a POST of the card is not answered yet */
	bool hold;	  /* another operation was announced */
	int64_t due_ms;	  /* 0: not parked */
	int64_t heard_ms; /* 0: never */
	int failures;	  /* in a row */
	int opened;	  /* connections of the card since its script left; a start of ours counts as one */
};

struct https_job {
	int64_t id;
	int64_t op_id;
	int64_t euicc_id;
	enum cmd_kind kind;
	enum cmd_state state;
	struct bytes target;
	bool more;
	char *dest;
	int triggers;	/* since its last result */
	int64_t due_ms; /* 0: no time runs */
};

enum script_state {
	SCRIPT_READY = 0,
	SCRIPT_SENT = 1,
	SCRIPT_ANSWERED = 2
};

struct https_script {
	int64_t id;
	int64_t job_id;
	int idx; /* from 1 */
	enum script_state state;
	uint32_t seq; /* 0: never sent */
	struct bytes body;
	struct bytes rsp;
};

/*! One that was never there is empty: no error. */
int https_db_session(struct db *db, int64_t euicc_id, struct https_session *ss) MUST_CHECK;
int https_db_session_by_conn(struct db *db, uint64_t conn, struct https_session *ss) MUST_CHECK;
int https_db_session_put(struct db *db, const struct https_session *ss) MUST_CHECK;
/*! EUICCs whose parked session ends, at most max. */
int https_db_sessions_due(struct db *db, int64_t now_ms, int64_t *euicc_ids, size_t max, size_t *n) MUST_CHECK;
/*! The latest connected or awaited ones, for a list; \param[out] ss  at most max */
int https_db_sessions_list(struct db *db, struct https_session *ss, size_t max, size_t *n) MUST_CHECK;

/*! \param[in,out] job  id is filled in.  \returns -EEXIST when another job of this eUICC is open */
int https_db_job_insert(struct db *db, struct https_job *job) MUST_CHECK;
int https_db_job_get(const void *ctx, struct db *db, int64_t id, struct https_job *job) MUST_CHECK;
/*! The job that is not done. */
int https_db_job_of_op(const void *ctx, struct db *db, int64_t op_id, struct https_job *job) MUST_CHECK;
int https_db_job_of_euicc(const void *ctx, struct db *db, int64_t euicc_id, struct https_job *job) MUST_CHECK;
/*! State, triggers, due. */
int https_db_job_update(struct db *db, const struct https_job *job) MUST_CHECK;
int https_db_jobs_due(struct db *db, int64_t now_ms, int64_t *ids, size_t max, size_t *n) MUST_CHECK;
/*! Earliest time at which a session or job is due; 0: none. */
int https_db_nearest(struct db *db, int64_t *due_ms) MUST_CHECK;

/*! Scripts of a job are numbered from 1. */
int https_db_script_insert(struct db *db, int64_t job_id, int idx, struct bytes body) MUST_CHECK;
/*! The first script that has no answer. */
int https_db_script_next(const void *ctx, struct db *db, int64_t job_id, struct https_script *script) MUST_CHECK;
/*! The script that went out under this number and has no answer. */
int https_db_script_out(const void *ctx, struct db *db, int64_t job_id, uint32_t seq,
			struct https_script *script) MUST_CHECK;
/*! Script number idx.  \returns -ENOENT behind the last */
int https_db_script_get(const void *ctx, struct db *db, int64_t job_id, int idx,
			struct https_script *script) MUST_CHECK;
/*! State, number, answer. */
int https_db_script_update(struct db *db, const struct https_script *script) MUST_CHECK;
/*! How many there are, and how many have left. */
int https_db_script_count(struct db *db, int64_t job_id, int *n, int *left) MUST_CHECK;
/*! The job has ended: a profile of some hundred kilobytes is not kept as long as the operation's outcome. */
int https_db_scripts_drop(struct db *db, int64_t job_id) MUST_CHECK;

/*! After a restart no connection stands, and one may have been there that is not counted. */
int https_db_recover(struct db *db) MUST_CHECK;
/*! The database went back in time: numbers of scripts would be given out twice under one token. */
int https_db_sessions_forget(struct db *db) MUST_CHECK;
/*! Open jobs behind this one whose card was connected: nothing looks after them until they have a due_ms. */
int https_db_jobs_lost(struct db *db, int64_t after_id, int64_t *job_ids, size_t max, size_t *n) MUST_CHECK;

/*! The wrapped pre-shared key of an identity: an SCP81 key set of this version.  Any thread, on its own connection. */
int https_db_psk(const void *ctx, struct db *db, const uint8_t eid[EID_LEN], int kvn, int kid,
		 struct bytes *wrapped) MUST_CHECK;
