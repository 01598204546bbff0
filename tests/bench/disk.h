/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include <stddef.h>

/* What the disk and the database can do at best: the limits that the engine is compared with. */

struct disk;

/*! A preallocated file in this folder.  \returns talloc child of the NULL context */
struct disk *disk_open(const char *dir);
/*! Overwrite 4 KiB of it and wait until they are durable.  \returns microseconds */
double disk_flush_us(struct disk *d);

/*! Group commit at its barest: a store with n_euiccs rows, where a push is a counter UPDATE ... RETURNING, a row for
 * the job and a row for the audit trail.  WAL, synchronous FULL, page size of the engine's store. */
struct group;

struct group *group_open(const char *dir, long n_euiccs, unsigned int checkpoint_pages);
/*! Commit n pushes, batch by batch, on eUICCs in random order.  \returns pushes each second */
double group_run(struct group *g, long n, long batch);
void group_close(struct group *g);
/*! Text of the library's version. */
const char *group_sqlite_version(void);
