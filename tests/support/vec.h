/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include <jansson.h>

#include "common/codec/bytes.h"

/* Known answers from JSON files in tests/vectors.  What is missing or malformed ends the test program: a test with a
 * broken vector says nothing. */

/*! Call fn for each object of the array "vectors" with this "type" (NULL: all).  \returns number of calls */
unsigned int vec_each(const char *path, const char *type, void (*fn)(const json_t *v));
const char *vec_name(const json_t *v);
/*! Text member.  NULL when it is absent or null. */
const char *vec_str(const json_t *v, const char *key);
/*! Integer member that must be there. */
unsigned int vec_int(const json_t *v, const char *key);
/*! Hex member; empty when it is absent or null.  \returns talloc child of ctx */
struct bytes vec_hex(const void *ctx, const json_t *v, const char *key);
/*! Hex member as a number of at most 8 octets. */
uint64_t vec_num(const json_t *v, const char *key);
/*! Hex text as octets.  \returns talloc child of ctx */
struct bytes unhex(const void *ctx, const char *hex);
