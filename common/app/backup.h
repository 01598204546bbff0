/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/db/db.h"

/* Online backup in a thread of its own, so that the core goes on (common/app/life.h says what a backup is). */

struct backup;

/*! \param[in] text  what was done, or why not; valid during the call */
typedef void (*backup_done_cb)(void *priv, int rc, const char *text);

/*! \param[in] desc      of the database; static
 *  \param[in] database  its path; outlives the backup
 *  \param[in] ended     called in the core at the end of each, before who asked for it; may be NULL
 *  \returns talloc child of ctx; backup_stop() before it is freed */
struct backup *backup_alloc(const void *ctx, const struct db_desc *desc, const char *database, backup_done_cb ended,
			    void *priv);
/*! One at a time.
 * \param[in] path  whole path of a new file
 * \param[in] done  called in the core; NULL: only the log tells
 * \returns 0; -EBUSY one is running; other negative errno when no thread can be made */
int backup_start(struct backup *b, const char *path, backup_done_cb done, void *priv) MUST_CHECK;
/*! Nobody waits for the end any more. */
void backup_forget(struct backup *b, void *priv);
/*! At the end of the daemon: wait for it.  NULL is none. */
void backup_stop(struct backup *b);
