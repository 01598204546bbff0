/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The command "backup FILE" of both consoles. */
#include "common/app/backup_vty.h"

#include <errno.h>

#include <osmocom/vty/command.h>
#include <osmocom/vty/vty.h>

int backup_vty_start(struct vty *vty, struct backup *b, const char *path)
{
	int rc = b ? backup_start(b, path, NULL, NULL) : -EAGAIN;

	if (rc == -EBUSY)
		vty_out(vty, "%% a backup is running%s", VTY_NEWLINE);
	else if (rc < 0)
		vty_out(vty, "%% a backup cannot be started%s", VTY_NEWLINE);
	else
		vty_out(vty, "the backup runs; the log tells its end%s", VTY_NEWLINE);
	return rc < 0 ? CMD_WARNING : CMD_SUCCESS;
}
