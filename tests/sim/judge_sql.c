/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "tests/sim/judge_sql.h"

#include <osmocom/core/utils.h>
#include <stdio.h>
#include <string.h>
#include <talloc.h>

#include "tests/sim/sim.h"

void judge_sql_open(struct judge_sql *j)
{
	if (!j->db)
		OSMO_ASSERT(sqlite3_open_v2(j->path, &j->db, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK);
}

void judge_sql_close(struct judge_sql *j)
{
	for (size_t i = 0; i < ARRAY_SIZE(j->cache); i++)
		sqlite3_finalize(j->cache[i].stmt);
	memset(j->cache, 0, sizeof(j->cache));
	OSMO_ASSERT(sqlite3_close(j->db) == SQLITE_OK);
	j->db = NULL;
}

static sqlite3_stmt *prepared(struct judge_sql *j, const char *sql)
{
	size_t i = 0;

	judge_sql_open(j);
	while (i < ARRAY_SIZE(j->cache) && j->cache[i].sql && j->cache[i].sql != sql)
		i++;
	OSMO_ASSERT(i < ARRAY_SIZE(j->cache));
	if (!j->cache[i].sql) {
		int rc = sqlite3_prepare_v2(j->db, sql, -1, &j->cache[i].stmt, NULL);

		if (rc != SQLITE_OK)
			fprintf(stderr, "judge: %s: %s\n", sql, sqlite3_errmsg(j->db));
		OSMO_ASSERT(rc == SQLITE_OK);
		j->cache[i].sql = sql;
	}
	return j->cache[i].stmt;
}

static sqlite3_stmt *first(sqlite3_stmt *stmt)
{
	if (sqlite3_step(stmt) == SQLITE_ROW)
		return stmt;
	judge_sql_done(stmt);
	return NULL;
}

sqlite3_stmt *judge_sql_vask(struct judge_sql *j, const char *sql, unsigned int n, va_list ap)
{
	sqlite3_stmt *stmt = prepared(j, sql);

	for (unsigned int i = 1; i <= n; i++)
		OSMO_ASSERT(sqlite3_bind_int64(stmt, (int)i, va_arg(ap, int64_t)) == SQLITE_OK);
	return first(stmt);
}

sqlite3_stmt *judge_sql_ask_text(struct judge_sql *j, const char *sql, const char *text)
{
	sqlite3_stmt *stmt = prepared(j, sql);

	OSMO_ASSERT(sqlite3_bind_text(stmt, 1, text, -1, SQLITE_TRANSIENT) == SQLITE_OK);
	return first(stmt);
}

void judge_sql_done(sqlite3_stmt *stmt)
{
	sqlite3_reset(stmt);
}

bool judge_sql_gave_up(struct judge_sql *j, const int64_t *ids, size_t n, const char *text)
{
	bool found = false;

	for (size_t i = 0; !found && i < n; i++) {
		sqlite3_stmt *stmt = prepared(j, "SELECT envelope FROM outbox WHERE id = ?1 AND state = 2"), *q;

		OSMO_ASSERT(sqlite3_bind_int64(stmt, 1, ids[i]) == SQLITE_OK);
		q = first(stmt);
		found = q && memmem(sqlite3_column_blob(q, 0), (size_t)sqlite3_column_bytes(q, 0), text, strlen(text));
		if (q)
			judge_sql_done(q);
	}
	return found;
}

/* ---- the dump ---- */

static uint64_t hash_row(uint64_t hash, sqlite3_stmt *stmt)
{
	for (int i = 0; i < sqlite3_column_count(stmt); i++) {
		int type = sqlite3_column_type(stmt, i);
		const void *data = sqlite3_column_blob(stmt, i);
		size_t len = (size_t)sqlite3_column_bytes(stmt, i);

		hash = sim_fnv(hash, &type, sizeof(type));
		hash = sim_fnv(hash, &len, sizeof(len));
		hash = sim_fnv(hash, data, len);
	}
	return hash;
}

static uint64_t hash_table(struct judge_sql *j, uint64_t hash, const char *name)
{
	char *sql = talloc_asprintf(NULL, "SELECT * FROM \"%s\"", name);
	sqlite3_stmt *stmt;

	OSMO_ASSERT(sqlite3_prepare_v2(j->db, sql, -1, &stmt, NULL) == SQLITE_OK);
	while (sqlite3_step(stmt) == SQLITE_ROW)
		hash = hash_row(hash, stmt);
	sqlite3_finalize(stmt);
	talloc_free(sql);
	return hash;
}

uint64_t judge_sql_hash(struct judge_sql *j, uint64_t hash)
{
	sqlite3_stmt *stmt;

	judge_sql_open(j);
	OSMO_ASSERT(sqlite3_prepare_v2(j->db, "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name", -1,
				       &stmt, NULL) == SQLITE_OK);
	while (sqlite3_step(stmt) == SQLITE_ROW)
		hash = hash_table(j, hash, (const char *)sqlite3_column_text(stmt, 0));
	sqlite3_finalize(stmt);
	return hash;
}
