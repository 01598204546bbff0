/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

/* Shared by the files of common/db only. */

#include <sqlite3.h>

#include "common/db/db.h"

enum db_txn {
	DB_TXN_BEGIN,
	DB_TXN_COMMIT,
	DB_TXN_SAVEPOINT,
	DB_TXN_RELEASE,
	DB_TXN_ROLLBACK_TO,
	DB_TXN_MARK,
	DB_TXN_KEEP,
	DB_TXN_UNDO,
};

struct db_stmt {
	struct db *db;
	sqlite3_stmt *handle;
};

struct db {
	sqlite3 *handle;
	char *path;
	int lock_fd;
	bool broken;
	struct db_stmt *cache[DB_MAX_SETS + 1]; /* one array for each set; the last slot holds our own */
};

int db_errno(int sqlite_rc);
int db_exec(struct db *db, const char *sql) MUST_CHECK;
