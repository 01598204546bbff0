/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "smdp/stock.h"

/* Shared by stock.c, stock_import.c and stock_csv.c; rows are read and written by stock_db.c. */

struct stock {
	struct db *db;
	const struct keystore *ks;
	struct crypto *c;
	unsigned int low;
};

/*! A type as it is stored. */
struct stock_type {
	int64_t id;
	char *mno;
	char *name;
	int64_t required_memory;
	char *template; /* NULL: none */
};

/*! Digits of an ICCID as rows have them.  \returns 0; -EINVAL */
int stock_iccid(const char *text, char digits[21]) MUST_CHECK;

/* ---- stock_db.c: 0, -ENOENT, -EEXIST or an error of the store ---- */

int stock_db_type(const void *ctx, struct db *db, const char *mno, const char *name, struct stock_type *t) MUST_CHECK;
int stock_db_type_put(struct db *db, const struct stock_type *t) MUST_CHECK;
int stock_db_levels(const void *ctx, struct db *db, const char *mno, struct stock_level **levels, size_t *n) MUST_CHECK;

/*! New row of an item: type, iccid, imsi, msisdn, state FREE, times; its id comes back in item. */
int stock_db_insert(struct db *db, const struct stock_type *t, struct stock_item *item, const char *pol2,
		    struct bytes wrapped) MUST_CHECK;
int stock_db_get(const void *ctx, struct db *db, int64_t id, struct stock_item *item) MUST_CHECK;
int stock_db_by_iccid(struct db *db, const char *iccid, int64_t *id) MUST_CHECK;
int stock_db_by_order(struct db *db, int64_t order_id, int64_t *id) MUST_CHECK;
/*! The oldest free one. */
int stock_db_free(struct db *db, int64_t type_id, int64_t *id) MUST_CHECK;
int stock_db_count_free(struct db *db, int64_t type_id, int64_t *n) MUST_CHECK;
int stock_db_count(struct db *db, int64_t n[STOCK_STATES]) MUST_CHECK;
int stock_db_set(struct db *db, int64_t id, enum stock_state state, int64_t order_id, int64_t now_ms) MUST_CHECK;
/*! Free and reserved ones become held; held ones without an order become free. */
int stock_db_hold_all(struct db *db, int64_t now_ms) MUST_CHECK;
int stock_db_release_held(struct db *db, const char *mno, const char *type, int64_t now_ms) MUST_CHECK;
int stock_db_package(const void *ctx, struct db *db, int64_t id, char **iccid, struct bytes *wrapped) MUST_CHECK;
int stock_db_list(struct db *db, const struct stock_filter *filter, int64_t *ids, size_t max, size_t *n) MUST_CHECK;

/* ---- stock_csv.c ---- */

/*! Reader of comma separated values: one row on each line, fields may stand in quotation marks. */
struct csv {
	const char *p, *end;
	unsigned int line; /* of the row that was read last */
};

#define CSV_FIELDS_MAX 64

void csv_init(struct csv *csv, struct bytes text, unsigned int first_line);
/*! Next row that is not empty.
 * \param[out] fields  texts on ctx, secret ones: wiped by destructors; blanks around them are gone
 * \param[out] n       how many, at most CSV_FIELDS_MAX
 * \returns 1; 0 at the end; -EINVAL a quotation mark does not end, or too many fields: the row is passed over */
int csv_row(struct csv *csv, const void *ctx, const char *fields[CSV_FIELDS_MAX], size_t *n) MUST_CHECK;
