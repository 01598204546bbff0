/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/codec/bytes.h"
#include "tests/sim/judge.h"
#include "tests/sim/judge_sql.h"

/* For the files of the judges and the end of a run only. */

/*! States of operation.state and kinds of operation.kind and command.kind, as schemas/sql has them. */
enum {
	ROW_QUEUED = 0,
	ROW_DONE = 8,
	ROW_ENABLE = 1,
	ROW_DISABLE = 2,
	ROW_DELETE = 3,
	ROW_AUDIT = 4,
};

/*! What the judges remember of an operation. */
struct judged_op {
	bool seen;
	bool begun; /* no longer in the queue */
	bool done;
	bool late; /* its end was noticed some time after it, because the daemon died */
	int kind;
	uint32_t card;
	int profile;	 /* index; -1: none */
	bool asked_for;	 /* by a peer */
	int status;	 /* enum es_exec as stored */
	int64_t seen_ms; /* its first step */
	int64_t end_ms;
	unsigned int end_turn;	  /* of the daemon */
	unsigned int cancel_turn; /* 0: nobody cancelled it */
	unsigned int cancel_run;
	bool executed; /* the card took a command of it that changes something */
};

/*! A packet that left. */
struct judged_packet {
	uint64_t counter;
	uint64_t hash;
	int64_t op_id;
	int kind;
};

#define JUDGED_TOKEN 20

/*! A script that left by HTTPS. */
struct judged_script {
	char token[JUDGED_TOKEN]; /* of its session, with its number in that */
	unsigned int seq;
	int64_t op_id, job, idx;
	int kind;
	uint64_t hash;
	unsigned int executed; /* by the card */
};

struct judge {
	struct judge_sql sql;
	struct judged_op *ops; /* by id */
	size_t n_ops;
	struct {
		struct judged_packet *list;
		size_t n;
		uint8_t join[1000]; /* of the packet that is being submitted */
		size_t join_len;
		unsigned int join_idx;
		bool audit_first; /* a backup was put back, and no audit left since */
	} * air;		  /* by card */
	struct {
		struct judged_script *list;
		size_t n;
		char *got; /* URI of what came to the card last */
	} * scripts;	   /* by card */
	int64_t *refused;  /* messages that a peer refused for good */
	size_t n_refused;
	struct judge_keys *keys;
	unsigned int powers; /* that came back */
};

/*! A question with numbers as parameters: the first row, or NULL.  judge_done() ends it. */
sqlite3_stmt *judge_ask(struct sim *s, const char *sql, unsigned int n, ...);
void judge_done(sqlite3_stmt *stmt);
/*! The first column of the first row; 0 without one. */
int64_t judge_int(struct sim *s, const char *sql, int64_t arg);
/*! Text of a column, talloc child of ctx; NULL for NULL. */
char *judge_text(const void *ctx, sqlite3_stmt *stmt, int col);
/*! Row of a card.  Rows are made in the order of registration; that is checked. */
int64_t judge_row_of(uint32_t card);

/*! Held back, and may something leave or begin all the same? judge_levers.c */
void judge_paused_output(struct sim *s, const char *what);
void judge_paused_link(struct sim *s, const char *smsc);
void judge_paused_start(struct sim *s, int64_t op_id, const struct judged_op *op, const char *requester);
/*! An operation has ended: as those who cancelled it were promised? */
void judge_cancel_end(struct sim *s, int64_t op_id, const struct judged_op *op, const char *code, const char *message);
void judge_levers_end(struct sim *s);

/*! Open what there is to read, when it is there. */
void judge_open(struct sim *s);
struct judged_op *judge_op(struct sim *s, int64_t op_id);
/*! Everything that the operations' ends imply. */
void judge_ops_end(struct sim *s);
/*! The EIS against the card, for a card that is quiet.  \returns false when it is not quiet */
bool judge_eis(struct sim *s, uint32_t card);
/*! An ISD-P that the last audit saw, and that is nobody's. */
bool judge_is_stray(struct sim *s, uint32_t card, const uint8_t aid[16]);
void judge_audit_trail(struct sim *s);
/*! The same change left by HTTPS before, in another job, and no audit has told since what became of it. */
bool judge_left_open(struct sim *s, uint32_t card, int64_t op_id, int kind, int64_t job);
/*! A backup was put back: the numbers of operations, jobs and sessions since then are given out again. */
void judge_https_forget(struct sim *s, uint32_t card);
/*! No session, job or script is left. */
void judge_https_end(struct sim *s);
/*! Hash of all rows. */
uint64_t judge_dump_hash(struct sim *s);

/*! Keys of the fleet, and the search for them. */
struct judge_keys *judge_keys_alloc(struct sim *s);
/*! A key that is known from now on. */
void judge_keys_new(struct sim *s, struct bytes key);
void judge_keys_octets(struct sim *s, struct bytes octets, const char *where);
/*! Text: as octets, and every run of hex digits in it. */
void judge_keys_text(struct sim *s, struct bytes text, const char *where);
void judge_keys_file(struct sim *s, const char *path);
