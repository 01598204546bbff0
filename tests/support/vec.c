/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Reading tests/vectors/x.json.  OSMO_ASSERT is right here: a vector that cannot be read is our own bug. */
#include "tests/support/vec.h"

#include <stdio.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

const char *vec_name(const json_t *v)
{
	return vec_str(v, "name");
}

unsigned int vec_each(const char *path, const char *type, void (*fn)(const json_t *v))
{
	json_error_t err;
	json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &err);
	unsigned int n = 0;
	json_t *v;
	size_t i;

	if (!root)
		fprintf(stderr, "%s: %s\n", path, err.text);
	OSMO_ASSERT(root);
	json_array_foreach (json_object_get(root, "vectors"), i, v) {
		if (type && strcmp(vec_str(v, "type"), type) != 0)
			continue;
		printf("%s\n", vec_name(v));
		fn(v);
		n++;
	}
	json_decref(root);
	return n;
}

const char *vec_str(const json_t *v, const char *key)
{
	return json_string_value(json_object_get(v, key));
}

unsigned int vec_int(const json_t *v, const char *key)
{
	const json_t *n = json_object_get(v, key);

	OSMO_ASSERT(json_is_integer(n));
	return (unsigned int)json_integer_value(n);
}

struct bytes unhex(const void *ctx, const char *hex)
{
	struct bytes b;

	OSMO_ASSERT(hex_dec(ctx, hex, &b) == 0);
	return b;
}

struct bytes vec_hex(const void *ctx, const json_t *v, const char *key)
{
	const char *hex = vec_str(v, key);

	return hex ? unhex(ctx, hex) : bytes_of(NULL, 0);
}

uint64_t vec_num(const json_t *v, const char *key)
{
	uint8_t buf[8];
	const char *hex = vec_str(v, key);
	size_t len = hex ? strlen(hex) / 2 : 0;
	uint64_t n;
	struct rd r;

	OSMO_ASSERT(len > 0 && len <= sizeof(buf) && hex_dec_buf(buf, len, hex) == 0);
	rd_init(&r, bytes_of(buf, len));
	n = rd_uint(&r, len);
	OSMO_ASSERT(rd_end(&r) == 0);
	return n;
}
