/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/app/backup.h"

struct vty;

/*! The command "backup FILE" of a console.
 * \param[in] b  NULL: the daemon is not in service
 * \returns CMD_SUCCESS, CMD_WARNING */
int backup_vty_start(struct vty *vty, struct backup *b, const char *path);
