/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include <stdbool.h>

/* A file system for SQLite that passes everything on and can refuse to write, which is how a commit fails. */

/*! Make it the one that SQLite uses, once in a process. */
void vfs_install(void);
/*! The next write fails with SQLITE_IOERR_WRITE. */
void vfs_fail_once(bool on);
/*! Each write fails with SQLITE_FULL until this is taken back. */
void vfs_full(bool on);
