/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Growing text on talloc, for the modules that put APDUs into words. */
#include "scp80/text.h"

#include <stdarg.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/codec/ber.h"

#define TAG_AID 0x4f

void text_add(char **to, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	*to = talloc_vasprintf_append(*to, fmt, ap);
	va_end(ap);
	OSMO_ASSERT(*to);
}

void text_add_hex(char **to, struct bytes b)
{
	char *hex = hex_enc(*to, b);

	text_add(to, "%s", hex);
	talloc_free(hex);
}

char *text_start(const void *ctx)
{
	char *text = talloc_strdup(ctx, "");

	OSMO_ASSERT(text);
	return text;
}

const char *text_name(const struct text_name *names, size_t n, unsigned int value)
{
	for (size_t i = 0; i < n; i++) {
		if (names[i].value == value)
			return names[i].text;
	}
	return NULL;
}

void text_add_aid(char **to, struct bytes aid)
{
	if (aid.len <= 8) {
		text_add_hex(to, aid);
		return;
	}
	text_add_hex(to, bytes_sub(aid, 0, 1));
	text_add(to, "..");
	text_add_hex(to, bytes_sub(aid, aid.len - 5, 5));
}

void text_add_aid_of(char **to, struct bytes level)
{
	struct bytes aid;

	if (ber_find(level, TAG_AID, &aid) == 0 && aid.len) {
		text_add(to, " ");
		text_add_aid(to, aid);
	}
}
