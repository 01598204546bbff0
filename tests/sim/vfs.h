/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* A file system for SQLite that passes everything on, can refuse to write, which is how a commit fails, and remembers
 * what was written and not synced, which is what a loss of power takes away. */

/*! Make it the one that SQLite uses, once in a process. */
void vfs_install(void);
/*! The next write fails with SQLITE_IOERR_WRITE. */
void vfs_fail_once(bool on);
/*! The machine of this database has no power: from now on nothing that is done to its files has an effect.  Connections
 * may be closed.  \param[in] db  path; kept, so it lives as long as the process */
void vfs_power_off(const char *db);
/*! It is back; all connections are closed.  Of what was done to each file since its last sync any part may be lost,
 * down to single sectors: the hash decides. */
void vfs_power_on(const char *db, uint64_t hash);
/*! Each write to the files of this database fails with SQLITE_FULL until this is taken back. */
void vfs_full(const char *db, bool on);
/*! The disk has little room, which statvfs() tells.  Nothing is refused for that. */
void vfs_low(const char *db, bool on, int64_t now_ms);
bool vfs_is_low(const char *db);
/*! When that changed last; 0: never. */
int64_t vfs_low_changed_ms(const char *db);
