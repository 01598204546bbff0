/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "smdp/store.h"

#include <osmocom/core/utils.h>

#include "common/app/embed.h"

EMBED_DECLARE(schemas_sql_smdp_001_sql);

static const struct db_migration migrations[] = {
	{_binary_schemas_sql_smdp_001_sql_start, _binary_schemas_sql_smdp_001_sql_end},
};

const struct db_desc smdp_db_desc = {
	.application_id = 0x50444d53, /* "SMDP" */
	.migrations = migrations,
	.n_migrations = ARRAY_SIZE(migrations),
};
