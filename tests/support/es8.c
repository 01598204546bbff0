/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Access to tests/vectors/es8.json.  OSMO_ASSERT is right here, see vec.c. */
#include "tests/support/es8.h"

#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#define VECTORS "tests/vectors/es8.json"

static json_t *root;

const json_t *es8_at(const char *path)
{
	char *copy = talloc_strdup(NULL, path), *save = NULL;
	const json_t *at;

	if (!root)
		root = json_load_file(VECTORS, JSON_REJECT_DUPLICATES, NULL);
	at = root;
	OSMO_ASSERT(at && copy);
	for (char *step = strtok_r(copy, "/", &save); step; step = strtok_r(NULL, "/", &save))
		at = json_object_get(at, step);
	talloc_free(copy);
	OSMO_ASSERT(at);
	return at;
}

void es8_free(void)
{
	json_decref(root);
	root = NULL;
}

struct bytes es8_hex(const void *ctx, const char *path, const char *key)
{
	const json_t *at = es8_at(path);

	OSMO_ASSERT(vec_str(at, key));
	return vec_hex(ctx, at, key);
}

struct key *es8_key(const void *ctx, const char *path, const char *name)
{
	struct key *key;

	OSMO_ASSERT(key_import(ctx, KEY_AES, es8_hex(ctx, path, name), &key) == 0);
	return key;
}

static char *key_path(const void *ctx, const char *name)
{
	return talloc_asprintf(ctx, "keys/%s", name);
}

struct privkey *es8_private(const void *ctx, const char *name)
{
	struct privkey *key;

	OSMO_ASSERT(privkey_ec_import(ctx, EC_P256, es8_hex(ctx, key_path(ctx, name), "private"), &key) == 0);
	return key;
}

struct pubkey *es8_public(const void *ctx, const char *name)
{
	struct pubkey *key;

	OSMO_ASSERT(pubkey_ec_import(ctx, EC_P256, es8_hex(ctx, key_path(ctx, name), "public"), &key) == 0);
	return key;
}
