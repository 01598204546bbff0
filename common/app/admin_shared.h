/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/app/admin_sock.h"
#include "common/app/backup.h"

/* Requests of the admin socket that every daemon answers alike. */

/*! "counters": each counter since the start is a row. */
void admin_counters(struct admin_client *c);
/*! "backup": answered when the copy is made.
 * \param[in] b     NULL: there is nothing to copy yet
 * \param[in] path  "path" of the request; NULL: it has none */
void admin_backup(struct admin_client *c, struct backup *b, const char *path);
