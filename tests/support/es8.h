/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "scp03/ecka.h"
#include "tests/support/vec.h"

/* tests/vectors/es8.json: keys, certificates, key establishment, SCP03 and SCP03t. */

/*! Object at a path, "scp03t/commands"; what is not there ends the test.  The file is read once and kept. */
const json_t *es8_at(const char *path);
/*! Member of an object of the vectors as octets.  \returns talloc child of ctx */
struct bytes es8_hex(const void *ctx, const char *path, const char *key);
/*! AES key from a hex member.  \returns talloc child of ctx */
struct key *es8_key(const void *ctx, const char *path, const char *key);
/*! Pair of keys/NAME on P-256. */
struct privkey *es8_private(const void *ctx, const char *name);
struct pubkey *es8_public(const void *ctx, const char *name);
/*! Drop the file. */
void es8_free(void);
