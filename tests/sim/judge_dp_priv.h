/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "lab/euicc/euicc.h"
#include "tests/sim/judge_dp.h"
#include "tests/sim/judge_priv.h"

/* For the files of the judges of the SM-DP only. */

/*! Numbers of schemas/sql/smdp-001.sql. */
enum {
	ORDER_DOWNLOAD = 1,
	ORDER_DONE = 100,
	CALL_ACCEPTED = 1,
	ITEM_FREE = 0,
	ITEM_RESERVED = 1,
	ITEM_USED = 2,
	ITEM_HELD = 4,
	STATUS_SUCCESS = 0,
	STATUS_WARNING = 1,
	STATUS_EXPIRED = 3,
};

struct judged_order {
	bool seen;
	bool done;
	int kind;
	uint32_t card;
	bool enable;
	bool restored;	/* a backup was put back in which it was open */
	bool had_ended; /* and it had ended then */
	bool released;	/* somebody let it begin again since */
	int status;	/* enum es_exec as stored */
	int64_t seen_ms;
	int64_t end_ms;
};

/*! Between the making of a backup and its return. */
struct lost_window {
	int64_t from_ms, to_ms;
};

struct judge_dp {
	struct judge_sql sql;
	struct judged_order *orders; /* by id of the row */
	size_t n_orders;
	int64_t *refused; /* messages that the operator refused for good */
	size_t n_refused;
	uint8_t (*seen_keys)[EUICC_PROFILES_MAX][16]; /* of each card's ISD-Ps, as the card keeps them */
	int64_t (*keys_ms)[EUICC_PROFILES_MAX];	      /* when it got them */
	bool (*lost_keys)[EUICC_PROFILES_MAX];	      /* a backup was put back that has none for this ISD-P */
	struct lost_window *windows;
	size_t n_windows;
	bool touched; /* since a backup was put back, somebody has released something */
};

/*! As judge_ask() and so on, of the database of the SM-DP. */
sqlite3_stmt *judge_dp_ask(struct sim *s, const char *sql, unsigned int n, ...);
sqlite3_stmt *judge_dp_ask_text(struct sim *s, const char *sql, const char *text);
int64_t judge_dp_int(struct sim *s, const char *sql, int64_t arg);

/*! In a time that a restored backup knows nothing of? */
bool judge_dp_is_lost(struct sim *s, int64_t at_ms);
/*! Was a backup put back since? */
bool judge_dp_restored_since(const struct sim *s, int64_t at_ms);
/*! What an order may still do, and how it may end, when a backup brought it back. */
void judge_dp_restored_call(struct sim *s, int64_t op_id, const struct judged_order *o, int fn);
void judge_dp_restored_end(struct sim *s, int64_t op_id, const struct judged_order *o, const char *code);

/*! No ICCID on two cards, none on a card that the stock takes for free. */
void judge_stock(struct sim *s);
/*! The SM-DP and the cards have the same keys of ISD-Ps.  Only when all is quiet. */
void judge_isdp_keys(struct sim *s);
