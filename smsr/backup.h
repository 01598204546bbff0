/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/codec/bytes.h"

/* Online backup in a thread of its own, so that the core goes on (smsr/restore.h says what a backup is). */

struct backup;
struct smsr_daemon;

/*! \param[in] text  what was done, or why not; valid during the call */
typedef void (*backup_done_cb)(void *priv, int rc, const char *text);

/*! One at a time.
 * \param[in] path  whole path of a new file
 * \param[in] done  called in the core; NULL: only the log tells
 * \returns 0; -EBUSY one is running; other negative errno when no thread can be made */
int backup_start(struct smsr_daemon *d, const char *path, backup_done_cb done, void *priv) MUST_CHECK;
/*! Nobody waits for the end any more. */
void backup_forget(struct smsr_daemon *d, void *priv);
/*! At the end of the daemon: wait for it. */
void backup_stop(struct smsr_daemon *d);
