/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The judges' look at the database, and who judges when. */
#include "tests/sim/judge.h"

#include <osmocom/core/logging.h>
#include <osmocom/core/utils.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <talloc.h>

#include "tests/sim/daemon.h"
#include "tests/sim/devices.h"
#include "tests/sim/judge_dp.h"
#include "tests/sim/judge_priv.h"
#include "tests/sim/operators.h"

#define LOOK_EVERY_MS HOUR_MS

void judge_open(struct sim *s)
{
	s->judge->sql.path = daemon_database(s);
	judge_sql_open(&s->judge->sql);
}

void judge_close(struct sim *s)
{
	judge_sql_close(&s->judge->sql);
}

sqlite3_stmt *judge_ask(struct sim *s, const char *sql, unsigned int n, ...)
{
	sqlite3_stmt *stmt;
	va_list ap;

	judge_open(s);
	va_start(ap, n);
	stmt = judge_sql_vask(&s->judge->sql, sql, n, ap);
	va_end(ap);
	return stmt;
}

void judge_done(sqlite3_stmt *stmt)
{
	judge_sql_done(stmt);
}

int64_t judge_int(struct sim *s, const char *sql, int64_t arg)
{
	sqlite3_stmt *stmt = judge_ask(s, sql, 1, arg);
	int64_t v = stmt ? sqlite3_column_int64(stmt, 0) : 0;

	if (stmt)
		judge_done(stmt);
	return v;
}

char *judge_text(const void *ctx, sqlite3_stmt *stmt, int col)
{
	const char *text = (const char *)sqlite3_column_text(stmt, col);

	return text ? talloc_strdup(ctx, text) : NULL;
}

int64_t judge_row_of(uint32_t card)
{
	return (int64_t)card + 1;
}

uint64_t judge_dump_hash(struct sim *s)
{
	judge_open(s);
	return judge_dp_dump_hash(s, judge_sql_hash(&s->judge->sql, 0xcbf29ce484222325ULL));
}

/* ---- the log ---- */

/* libosmocore hands a line over without a context: the log belongs to the process, and a process has one run. */
static struct sim *listener;

static void on_line(struct log_target *target, unsigned int level, const char *line)
{
	if (listener->plan->verbose)
		printf("           log %s", line);
	judge_keys_text(listener, bytes_str(line), "a line of the log");
}

static void listen_to_log(struct sim *s)
{
	struct log_target *t = log_target_create();

	OSMO_ASSERT(t);
	listener = s;
	t->output = on_line;
	log_set_all_filter(t, 1);
	log_set_use_color(t, 0);
	log_set_log_level(t, LOGL_DEBUG);
	log_add_target(t);
}

/* ---- when ---- */

static void on_look(struct sim *s, void *unused)
{
	sim_at(s, s->now_ms + LOOK_EVERY_MS, on_look, NULL);
	if (!s->judge->sql.db)
		return;
	for (uint32_t i = 0; i < s->plan->fleet; i++)
		judge_eis(s, i);
}

void judge_daemon_started(struct sim *s)
{
	const int64_t last = judge_int(s, "SELECT max(id) FROM operation WHERE id > ?1", 0);

	for (int64_t id = 1; id <= last; id++) {
		if (!judge_op(s, id)->done)
			judge_progress(s, id);
	}
}

void judge_end(struct sim *s)
{
	for (uint32_t i = 0; i < s->plan->fleet && !s->stop; i++) {
		if (!judge_eis(s, i) && !s->stop)
			sim_violation(s, "card %u is not quiet at the end", i);
	}
	judge_ops_end(s);
	judge_https_end(s);
	judge_audit_trail(s);
	judge_dp_end(s);
	judge_keys_file(s, daemon_database(s));
	judge_keys_file(s, talloc_asprintf(s, "%s-wal", daemon_database(s)));
}

static void start(struct sim *s)
{
	struct judge *j = s->judge = talloc_zero(s->ctx, struct judge);

	j->air = talloc_zero_size(j, s->plan->fleet * sizeof(j->air[0]));
	j->scripts = talloc_zero_size(j, s->plan->fleet * sizeof(j->scripts[0]));
	j->keys = judge_keys_alloc(s);
	listen_to_log(s);
	sim_at(s, s->now_ms + LOOK_EVERY_MS, on_look, NULL);
}

static void calm(struct sim *s)
{
}

static const char *busy(struct sim *s)
{
	if (judge_int(s, "SELECT count(*) FROM operation WHERE state < ?1", ROW_DONE))
		return "operations have not ended";
	if (judge_int(s, "SELECT count(*) FROM outbox WHERE state = ?1", 0))
		return "messages to peers wait";
	return NULL;
}

const struct actor judge_actor = {"judge", start, calm, busy};
