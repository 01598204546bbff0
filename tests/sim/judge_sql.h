/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include <sqlite3.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A judge's own look at a database: what is committed, and nothing else.  Zeroed it is closed; it is opened when it is
 * first asked. */

struct judge_sql {
	const char *path;
	sqlite3 *db;
	struct {
		const char *sql;
		sqlite3_stmt *stmt;
	} cache[64];
};

void judge_sql_open(struct judge_sql *j);
/*! Let it go, until it is asked again. */
void judge_sql_close(struct judge_sql *j);
/*! A question with numbers (int64_t) as parameters; the text is static.
 * \returns the first row; judge_sql_done() ends it.  NULL when there is none */
sqlite3_stmt *judge_sql_vask(struct judge_sql *j, const char *sql, unsigned int n, va_list ap);
/*! The same with one text. */
sqlite3_stmt *judge_sql_ask_text(struct judge_sql *j, const char *sql, const char *text);
void judge_sql_done(sqlite3_stmt *stmt);
/*! Is one of these messages (outbox.id) of a daemon given up, and has this text in it?  Peers refused them for good. */
bool judge_sql_gave_up(struct judge_sql *j, const int64_t *ids, size_t n, const char *text);
/*! All rows of all tables. */
uint64_t judge_sql_hash(struct judge_sql *j, uint64_t hash);
