/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/codec/bytes.h"

/* Growing text for the modules that put APDUs into words; of no use elsewhere.  *to is always a talloc string. */

/*! \returns empty text, talloc child of ctx */
char *text_start(const void *ctx);
void text_add(char **to, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void text_add_hex(char **to, struct bytes b);
/*! An AID in short: first octet and last five; AIDs of SGP.02 differ in nothing else. */
void text_add_aid(char **to, struct bytes aid);
/*! A space and the AID in tag 4F of this level; nothing when there is none. */
void text_add_aid_of(char **to, struct bytes level);

struct text_name {
	unsigned int value;
	const char *text;
};

/*! \returns NULL when the table does not have it */
const char *text_name(const struct text_name *names, size_t n, unsigned int value);
