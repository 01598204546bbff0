/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The baseline uses SQLite directly and not common/db, so that whatever that layer costs shows in the comparison. */
#include "tests/bench/disk.h"

#include <string.h>
#include <unistd.h>

#include <osmocom/core/utils.h>
#include <sqlite3.h>
#include <talloc.h>

#include "tests/bench/bench.h"

#define CACHE_KIB (256 * 1024)
#define PAYLOAD_LEN 160
#define DETAIL_LEN 150

enum group_stmt {
	Q_BEGIN,
	Q_COMMIT,
	Q_COUNTER,
	Q_JOB,
	Q_AUDIT,
	N_STMTS
};

static const char *const sql[N_STMTS] = {
	[Q_BEGIN] = "BEGIN IMMEDIATE",
	[Q_COMMIT] = "COMMIT",
	[Q_COUNTER] = "UPDATE ctr SET cntr = cntr + 1 WHERE id = ?1 RETURNING cntr",
	[Q_JOB] = "INSERT INTO job (eis, state, due, seq, payload) VALUES (?1, 0, ?2, ?3, ?4)",
	[Q_AUDIT] = "INSERT INTO audit (ts, eis, ev, detail) VALUES (?1, ?2, 1, ?3)",
};

static const char schema[] =
	"CREATE TABLE ctr (id INTEGER PRIMARY KEY, cntr INTEGER NOT NULL);"
	"CREATE TABLE job (id INTEGER PRIMARY KEY, eis INTEGER, state INTEGER, due INTEGER, seq INTEGER,"
	" payload BLOB);"
	"CREATE INDEX job_due ON job (due, id) WHERE state = 0;"
	"CREATE TABLE audit (id INTEGER PRIMARY KEY, ts INTEGER, eis INTEGER, ev INTEGER, detail BLOB);";

struct group {
	sqlite3 *db;
	sqlite3_stmt *stmt[N_STMTS];
	char *path;
	long n_euiccs;
	uint64_t rnd;
	int64_t done;
};

static void exec(struct group *g, const char *text)
{
	bench_check(sqlite3_exec(g->db, text, NULL, NULL, NULL) == SQLITE_OK, text);
}

static void remove_files(struct group *g)
{
	static const char *const suffix[] = {"", "-wal", "-shm"};

	for (size_t i = 0; i < ARRAY_SIZE(suffix); i++)
		unlink(talloc_asprintf(g, "%s%s", g->path, suffix[i]));
}

struct group *group_open(const char *dir, long n_euiccs, unsigned int checkpoint_pages)
{
	struct group *g = talloc_zero(NULL, struct group);

	g->path = talloc_asprintf(g, "%s/group.db", dir);
	g->n_euiccs = n_euiccs;
	g->rnd = 1;
	remove_files(g);
	bench_check(sqlite3_open(g->path, &g->db) == SQLITE_OK, g->path);
	exec(g, "PRAGMA page_size=8192; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL");
	exec(g, talloc_asprintf(g, "PRAGMA cache_size=-%d; PRAGMA wal_autocheckpoint=%u", CACHE_KIB, checkpoint_pages));
	exec(g, schema);
	exec(g, talloc_asprintf(g,
				"WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %ld) "
				"INSERT INTO ctr SELECT i, 0 FROM n",
				n_euiccs));
	exec(g, "PRAGMA wal_checkpoint(TRUNCATE)");
	for (int i = 0; i < N_STMTS; i++)
		bench_check(sqlite3_prepare_v3(g->db, sql[i], -1, SQLITE_PREPARE_PERSISTENT, &g->stmt[i], NULL) ==
				    SQLITE_OK,
			    sql[i]);
	return g;
}

static void step(struct group *g, enum group_stmt id, int expect)
{
	bench_check(sqlite3_step(g->stmt[id]) == expect, sql[id]);
}

static void push(struct group *g)
{
	static const uint8_t octets[PAYLOAD_LEN];
	int64_t id, cntr;

	g->rnd = g->rnd * 6364136223846793005ULL + 1442695040888963407ULL;
	id = 1 + (int64_t)((g->rnd >> 33) % (uint64_t)g->n_euiccs);
	sqlite3_bind_int64(g->stmt[Q_COUNTER], 1, id);
	step(g, Q_COUNTER, SQLITE_ROW);
	cntr = sqlite3_column_int64(g->stmt[Q_COUNTER], 0);
	sqlite3_reset(g->stmt[Q_COUNTER]);
	sqlite3_bind_int64(g->stmt[Q_JOB], 1, id);
	sqlite3_bind_int64(g->stmt[Q_JOB], 2, g->done++);
	sqlite3_bind_int64(g->stmt[Q_JOB], 3, cntr);
	sqlite3_bind_blob(g->stmt[Q_JOB], 4, octets, PAYLOAD_LEN, SQLITE_STATIC);
	step(g, Q_JOB, SQLITE_DONE);
	sqlite3_reset(g->stmt[Q_JOB]);
	sqlite3_bind_int64(g->stmt[Q_AUDIT], 1, g->done);
	sqlite3_bind_int64(g->stmt[Q_AUDIT], 2, id);
	sqlite3_bind_blob(g->stmt[Q_AUDIT], 3, octets, DETAIL_LEN, SQLITE_STATIC);
	step(g, Q_AUDIT, SQLITE_DONE);
	sqlite3_reset(g->stmt[Q_AUDIT]);
}

double group_run(struct group *g, long n, long batch)
{
	int64_t start = bench_wall_ns();

	for (long i = 0; i < n; i += batch) {
		step(g, Q_BEGIN, SQLITE_DONE);
		sqlite3_reset(g->stmt[Q_BEGIN]);
		for (long k = 0; k < batch; k++)
			push(g);
		step(g, Q_COMMIT, SQLITE_DONE);
		sqlite3_reset(g->stmt[Q_COMMIT]);
	}
	return (double)n * 1e9 / (double)(bench_wall_ns() - start);
}

void group_close(struct group *g)
{
	for (int i = 0; i < N_STMTS; i++)
		sqlite3_finalize(g->stmt[i]);
	sqlite3_close(g->db);
	remove_files(g);
	talloc_free(g);
}

const char *group_sqlite_version(void)
{
	return sqlite3_libversion();
}
