/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Rows of the stock. */
#include <errno.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/clock.h"
#include "smdp/stock_priv.h"
#include "smdp/store.h"

#define ITEM_COLS                                                                                             \
	"i.id, i.iccid, t.name, t.mno, i.imsi, i.msisdn, i.pol2, t.required_memory, i.package_len, i.state, " \
	"i.order_id, i.imported_ms, i.changed_ms"

enum stock_stmt {
	Q_TYPE,
	Q_TYPE_PUT,
	Q_LEVELS,
	Q_INSERT,
	Q_GET,
	Q_BY_ICCID,
	Q_BY_ORDER,
	Q_FREE,
	Q_COUNT_FREE,
	Q_COUNT,
	Q_SET,
	Q_HOLD_ALL,
	Q_RELEASE_HELD,
	Q_PACKAGE,
	Q_LIST,
	Q_RETIRE,
};

/* States 0 and 1 are STOCK_FREE and STOCK_RESERVED, 2 STOCK_USED, 4 STOCK_HELD; 100 is ORDER_ST_DONE. */
static const char *const sql[] = {
	[Q_TYPE] = "SELECT id, mno, name, required_memory, template FROM stock_type WHERE mno = ?1 AND name = ?2",
	[Q_TYPE_PUT] = "INSERT INTO stock_type (mno, name, required_memory, template) VALUES (?1, ?2, ?3, ?4) "
		       "ON CONFLICT (mno, name) DO UPDATE SET required_memory = ?3, template = ?4",
	[Q_LEVELS] = "SELECT t.mno, t.name, t.required_memory, t.template IS NOT NULL, "
		     "(SELECT count(*) FROM stock_item WHERE type_id = t.id AND state = 0), "
		     "(SELECT count(*) FROM stock_item WHERE type_id = t.id AND state = 1), "
		     "(SELECT count(*) FROM stock_item WHERE type_id = t.id AND state = 2), "
		     "(SELECT count(*) FROM stock_item WHERE type_id = t.id AND state = 3), "
		     "(SELECT count(*) FROM stock_item WHERE type_id = t.id AND state = 4) "
		     "FROM stock_type t WHERE ?1 IS NULL OR t.mno = ?1 ORDER BY t.mno, t.name",
	[Q_INSERT] = "INSERT INTO stock_item (type_id, iccid, imsi, msisdn, pol2, state, imported_ms, changed_ms, "
		     "package_len, package) VALUES (?1, ?2, ?3, ?4, ?5, 0, ?6, ?6, ?7, ?8)",
	[Q_GET] = "SELECT " ITEM_COLS " FROM stock_item i JOIN stock_type t ON t.id = i.type_id WHERE i.id = ?1",
	[Q_BY_ICCID] = "SELECT id FROM stock_item WHERE iccid = ?1",
	[Q_BY_ORDER] = "SELECT id FROM stock_item WHERE order_id = ?1",
	[Q_FREE] = "SELECT id FROM stock_item WHERE type_id = ?1 AND state = 0 ORDER BY id LIMIT 1",
	[Q_COUNT_FREE] = "SELECT count(*) FROM stock_item WHERE type_id = ?1 AND state = 0",
	[Q_COUNT] = "SELECT state, count(*) FROM stock_item GROUP BY state",
	[Q_SET] = "UPDATE stock_item SET state = ?2, order_id = ?3, changed_ms = ?4 WHERE id = ?1",
	[Q_HOLD_ALL] = "UPDATE stock_item SET state = 4, changed_ms = ?1 WHERE state IN (0, 1)",
	[Q_RELEASE_HELD] = "UPDATE stock_item SET state = 0, changed_ms = ?3 WHERE state = 4 AND order_id IS NULL AND "
			   "type_id IN (SELECT id FROM stock_type WHERE (?1 IS NULL OR mno = ?1) AND "
			   "(?2 IS NULL OR name = ?2))",
	[Q_PACKAGE] = "SELECT iccid, package FROM stock_item WHERE id = ?1",
	[Q_LIST] = "SELECT i.id FROM stock_item i JOIN stock_type t ON t.id = i.type_id WHERE i.id > ?1 AND "
		   "(?2 IS NULL OR t.mno = ?2) AND (?3 IS NULL OR t.name = ?3) AND (?4 < 0 OR i.state = ?4) "
		   "ORDER BY i.id LIMIT ?5",
	[Q_RETIRE] = "UPDATE stock_item SET package = NULL WHERE id IN (SELECT id FROM stock_item i WHERE state = 2 "
		     "AND package IS NOT NULL AND changed_ms < ?1 AND NOT EXISTS "
		     "(SELECT 1 FROM operation o WHERE o.id = i.order_id AND o.state < 100) LIMIT ?2)",
};

static struct db_stmt *stmt(struct db *db, enum stock_stmt id)
{
	static const struct db_stmts set = {.slot = SLOT_STOCK, .sql = sql, .n = ARRAY_SIZE(sql)};

	return db_stmt(db, &set, id);
}

static struct db_stmt *stmt_id(struct db *db, enum stock_stmt id, int64_t key)
{
	struct db_stmt *s = stmt(db, id);

	db_bind_int(s, 1, key);
	return s;
}

/* ---- types ---- */

int stock_db_type(const void *ctx, struct db *db, const char *mno, const char *name, struct stock_type *t)
{
	struct db_stmt *s = stmt(db, Q_TYPE);
	int rc;

	db_bind_text(s, 1, mno);
	db_bind_text(s, 2, name);
	rc = db_need(s);
	if (rc < 0)
		return rc;
	*t = (struct stock_type){
		.id = db_int(s, 0),
		.mno = db_text(ctx, s, 1),
		.name = db_text(ctx, s, 2),
		.required_memory = db_int(s, 3),
		.template = db_text(ctx, s, 4),
	};
	db_reset(s);
	return 0;
}

int stock_db_type_put(struct db *db, const struct stock_type *t)
{
	struct db_stmt *s = stmt(db, Q_TYPE_PUT);

	db_bind_text(s, 1, t->mno);
	db_bind_text(s, 2, t->name);
	db_bind_int(s, 3, t->required_memory);
	db_bind_text(s, 4, t->template);
	return db_run(s);
}

int stock_db_levels(const void *ctx, struct db *db, const char *mno, struct stock_level **levels, size_t *n)
{
	struct db_stmt *s = stmt(db, Q_LEVELS);
	struct stock_level *list = talloc_array(ctx, struct stock_level, 0);
	size_t count = 0;
	int rc;

	db_bind_text(s, 1, mno);
	while ((rc = db_row(s)) == 1) {
		struct stock_level *l;

		list = talloc_realloc(ctx, list, struct stock_level, (unsigned int)count + 1);
		OSMO_ASSERT(list);
		l = &list[count++];
		*l = (struct stock_level){
			.mno = db_text(ctx, s, 0),
			.type = db_text(ctx, s, 1),
			.required_memory = db_int(s, 2),
			.has_template = db_int(s, 3),
		};
		for (int i = 0; i < STOCK_STATES; i++)
			l->n[i] = db_int(s, 4 + i);
	}
	if (rc < 0)
		return rc;
	*levels = list;
	*n = count;
	return 0;
}

/* ---- items ---- */

int stock_db_insert(struct db *db, const struct stock_type *t, struct stock_item *item, const char *pol2,
		    struct bytes wrapped)
{
	struct db_stmt *s = stmt(db, Q_INSERT);

	db_bind_int(s, 1, t->id);
	db_bind_text(s, 2, item->iccid);
	db_bind_text(s, 3, item->imsi);
	db_bind_text(s, 4, item->msisdn);
	db_bind_text(s, 5, pol2);
	db_bind_int(s, 6, clock_stamp_ms());
	db_bind_int(s, 7, (int64_t)item->package_len);
	db_bind_bytes(s, 8, wrapped);
	return db_add(s, &item->id);
}

static int read_item(const void *ctx, struct db_stmt *s, struct stock_item *item)
{
	int64_t state = db_int(s, 9), memory = db_int(s, 7), len = db_int(s, 8);
	char *pol2 = db_text(ctx, s, 6);
	int rc = 0;

	*item = (struct stock_item){
		.id = db_int(s, 0),
		.iccid = db_text(ctx, s, 1),
		.type = db_text(ctx, s, 2),
		.mno = db_text(ctx, s, 3),
		.imsi = db_text(ctx, s, 4),
		.msisdn = db_text(ctx, s, 5),
		.required_memory = memory > 0 ? memory : len,
		.package_len = (size_t)len,
		.state = (enum stock_state)state,
		.order_id = db_int(s, 10),
		.imported_ms = db_int(s, 11),
		.changed_ms = db_int(s, 12),
	};
	if (state < 0 || state >= STOCK_STATES || len < 0 || !pol2 || stock_pol2_parse(ctx, pol2, &item->pol2) < 0)
		rc = -EIO;
	talloc_free(pol2);
	return rc;
}

int stock_db_get(const void *ctx, struct db *db, int64_t id, struct stock_item *item)
{
	struct db_stmt *s = stmt_id(db, Q_GET, id);
	int rc = db_need(s);

	if (rc < 0)
		return rc;
	rc = read_item(ctx, s, item);
	db_reset(s);
	return rc;
}

int stock_db_by_iccid(struct db *db, const char *iccid, int64_t *id)
{
	struct db_stmt *s = stmt(db, Q_BY_ICCID);

	db_bind_text(s, 1, iccid);
	return db_need_int(s, id);
}

int stock_db_by_order(struct db *db, int64_t order_id, int64_t *id)
{
	return db_need_int(stmt_id(db, Q_BY_ORDER, order_id), id);
}

int stock_db_free(struct db *db, int64_t type_id, int64_t *id)
{
	return db_need_int(stmt_id(db, Q_FREE, type_id), id);
}

int stock_db_count_free(struct db *db, int64_t type_id, int64_t *n)
{
	return db_need_int(stmt_id(db, Q_COUNT_FREE, type_id), n);
}

int stock_db_count(struct db *db, int64_t n[STOCK_STATES])
{
	struct db_stmt *s = stmt(db, Q_COUNT);
	int rc;

	for (int i = 0; i < STOCK_STATES; i++)
		n[i] = 0;
	while ((rc = db_row(s)) == 1) {
		if (db_int(s, 0) >= 0 && db_int(s, 0) < STOCK_STATES)
			n[db_int(s, 0)] = db_int(s, 1);
	}
	return rc;
}

int stock_db_set(struct db *db, int64_t id, enum stock_state state, int64_t order_id, int64_t now_ms)
{
	struct db_stmt *s = stmt_id(db, Q_SET, id);

	db_bind_int(s, 2, state);
	db_bind_nonzero(s, 3, order_id);
	db_bind_int(s, 4, now_ms);
	return db_run(s);
}

int stock_db_hold_all(struct db *db, int64_t now_ms)
{
	return db_run(stmt_id(db, Q_HOLD_ALL, now_ms));
}

int stock_db_release_held(struct db *db, const char *mno, const char *type, int64_t now_ms)
{
	struct db_stmt *s = stmt(db, Q_RELEASE_HELD);

	db_bind_text(s, 1, mno);
	db_bind_text(s, 2, type);
	db_bind_int(s, 3, now_ms);
	return db_run(s);
}

int stock_db_package(const void *ctx, struct db *db, int64_t id, char **iccid, struct bytes *wrapped)
{
	struct db_stmt *s = stmt_id(db, Q_PACKAGE, id);
	int rc = db_need(s);

	if (rc < 0)
		return rc;
	rc = db_is_null(s, 1) ? -ENOENT : 0;
	if (rc == 0) {
		*iccid = db_text(ctx, s, 0);
		*wrapped = bytes_dup(ctx, db_bytes(s, 1));
	}
	db_reset(s);
	return rc;
}

int stock_db_retire(struct db *db, int64_t before_ms, size_t max)
{
	return db_run_batch(stmt(db, Q_RETIRE), before_ms, max);
}

int stock_db_list(struct db *db, const struct stock_filter *filter, int64_t *ids, size_t max, size_t *n)
{
	struct db_stmt *s = stmt_id(db, Q_LIST, filter->after);

	db_bind_text(s, 2, filter->mno);
	db_bind_text(s, 3, filter->type);
	db_bind_int(s, 4, filter->state);
	db_bind_int(s, 5, (int64_t)max);
	return db_ints(s, ids, n);
}
