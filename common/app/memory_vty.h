/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

struct db;
struct vty;

/*! "show memory" of both daemons: whose the memory is.  What grows without end is seen here; what talloc has, by name,
 * is in "show talloc-context application full". \param[in] db  of the core thread */
int memory_vty_show(struct vty *vty, const struct db *db);

/* Its words, for DEFUN. */
#define MEMORY_VTY_STR SHOW_STR "Memory of this process: allocator, page cache of the database\n"
