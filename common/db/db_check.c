/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A look at a database before a start, with nothing written: the daemon that owns it may be running. */
#include "common/db/db.h"

#include <errno.h>
#include <inttypes.h>
#include <libgen.h>
#include <string.h>
#include <unistd.h>

#include <talloc.h>

#include "common/app/log.h"

static int check_folder(const void *ctx, const char *path, const char **why)
{
	char *copy = talloc_strdup(ctx, path); /* dirname() writes into it */
	const char *dir = dirname(copy);
	int rc = access(dir, W_OK | X_OK) < 0 ? -errno : 0;

	if (rc < 0)
		*why = talloc_asprintf(ctx, "database %s: %s: %s", path, dir, strerror(-rc));
	talloc_free(copy);
	return rc;
}

int db_check_file(const void *ctx, const char *path, const struct db_desc *desc, uint64_t free_min, const char **why)
{
	const struct db_opts opts = {.read_only = true,
				     .upgrade = true}; /* an older schema is for the start to judge */
	const char *reason = "";
	struct db *db;
	int rc = check_folder(ctx, path, why);

	if (rc < 0)
		return rc;
	if (access(path, F_OK) < 0)
		return 0; /* made at the first start */
	rc = db_open(ctx, path, desc, &opts, &db, &reason);
	if (rc == -ENODATA)
		return 0; /* the start goes on with it */
	if (rc < 0) {
		*why = talloc_asprintf(ctx, "database %s: %s", path, reason);
		return rc;
	}
	if (db_is_low(db, free_min))
		LOGP(DMAIN, LOGL_NOTICE, "the disk of the database is nearly full: %" PRIu64 " octets left\n",
		     db_free_space(db));
	talloc_free(db);
	return 0;
}
