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
	int status; /* enum es_exec as stored */
	int64_t seen_ms;
	int64_t end_ms;
};

struct judge_dp {
	struct judge_sql sql;
	struct judged_order *orders; /* by id of the row */
	size_t n_orders;
	int64_t *refused; /* messages that the operator refused for good */
	size_t n_refused;
	uint8_t (*seen_keys)[EUICC_PROFILES_MAX][16]; /* of each card's ISD-Ps, as the card keeps them */
};

/*! As judge_ask() and so on, of the database of the SM-DP. */
sqlite3_stmt *judge_dp_ask(struct sim *s, const char *sql, unsigned int n, ...);
sqlite3_stmt *judge_dp_ask_text(struct sim *s, const char *sql, const char *text);
int64_t judge_dp_int(struct sim *s, const char *sql, int64_t arg);

/*! No ICCID on two cards, none on a card that the stock takes for free. */
void judge_stock(struct sim *s);
/*! The SM-DP and the cards have the same keys of ISD-Ps.  Only when all is quiet. */
void judge_isdp_keys(struct sim *s);
