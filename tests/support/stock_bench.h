/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/app/turn.h"
#include "smdp/stock.h"

/* A stock over a database of its own in a folder that goes away again.  Trouble in set-up ends the test program. */

#define BENCH_MNO "1.3.6.1.4.1.99.1"
#define BENCH_OTHER "1.3.6.1.4.1.99.2"

struct stock_bench {
	char dir[40];
	char *db_path;
	char *master;
	struct crypto *c;
	struct keystore *ks;
	struct db *db;
	struct turn *turn;
	struct stock *stock;
};

/*! \returns root of a talloc tree */
struct stock_bench *stock_bench_alloc(void);
/*! Remove everything. */
void stock_bench_free(struct stock_bench *b);
/*! What a kill leaves, and a new start: the open turn is lost. */
void stock_bench_restart(struct stock_bench *b);
/*! Type "m2m" of BENCH_MNO with the template of the tree. */
void stock_bench_type(struct stock_bench *b);
/*! n rows for it from this serial number on.  \returns talloc child of b */
char *stock_bench_csv(struct stock_bench *b, unsigned int first, unsigned int n);
/*! Digits of the ICCID in the row with this serial number.  \returns talloc child of b */
char *stock_bench_iccid(struct stock_bench *b, unsigned int serial);
/*! Text of smdp/templates/m2m.tpl.  \returns talloc child of b */
char *stock_bench_template(struct stock_bench *b);
/*! Run as an event in the turn, and commit. */
int stock_bench_event(struct stock_bench *b, int (*handler)(struct stock_bench *b, void *arg), void *arg);
