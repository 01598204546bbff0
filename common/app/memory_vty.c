/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The command "show memory" of both daemons.
 *
 * The resident memory of a daemon grows while SQLite fills its page cache, and stays up after a burst because the
 * allocator keeps what it was given back; neither is a leak, and the operating system tells them not apart. */
#include "common/app/memory_vty.h"

#include <inttypes.h>
#include <malloc.h>

#include <osmocom/vty/command.h>
#include <osmocom/vty/vty.h>

#include "common/app/app.h"
#include "common/db/db.h"

int memory_vty_show(struct vty *vty, const struct db *db)
{
	const struct mallinfo2 m = mallinfo2();
	struct db_memory sqlite;
	size_t octets, blocks;

	app_talloc_total(&octets, &blocks);
	db_memory(db, &sqlite);
	vty_out(vty, "allocator: %zu octets in use, %zu kept free; besides %zu in %zu large blocks%s", m.uordblks,
		m.fordblks, m.hblkhd, m.hblks, VTY_NEWLINE);
	vty_out(vty, "talloc holds of these: %zu octets in %zu blocks%s", octets, blocks, VTY_NEWLINE);
	vty_out(vty,
		"SQLite holds of these: page cache %" PRId64 ", statements %" PRId64 ", schema %" PRId64 " octets%s",
		sqlite.cache, sqlite.statements, sqlite.schema, VTY_NEWLINE);
	return CMD_SUCCESS;
}
