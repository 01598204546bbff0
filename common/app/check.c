/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "common/app/check.h"

#include <talloc.h>

#include "common/crypto/keystore.h"

enum app_exit check_all(const void *cfg, const check_cb *checks, size_t n)
{
	void *ctx = talloc_new(NULL);
	enum app_exit code = APP_OK;

	for (size_t i = 0; i < n; i++) {
		enum app_exit one = checks[i](cfg, ctx);

		code = code == APP_OK ? one : code;
	}
	talloc_free(ctx);
	return code;
}

enum app_exit check_master_key_file(void *ctx, const char *path)
{
	struct keystore *keystore;
	const char *why = "";

	return keystore_open(ctx, path, &keystore, &why) < 0 ? app_complain(APP_CONFIG, why) : APP_OK;
}

enum app_exit check_database_file(void *ctx, const char *path, const struct db_desc *desc, uint64_t free_min)
{
	const char *why = "";

	return db_check_file(ctx, path, desc, free_min, &why) < 0 ? app_complain(APP_DB, why) : APP_OK;
}
