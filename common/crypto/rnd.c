/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "common/crypto/rnd.h"

#include <openssl/rand.h>
#include <osmocom/core/utils.h>
#include <talloc.h>

void rnd_bytes(void *out, size_t len)
{
	OSMO_ASSERT(len <= INT32_MAX && RAND_bytes(out, (int)len) == 1);
}

uint32_t rnd_below(uint32_t below)
{
	uint32_t limit, v;

	OSMO_ASSERT(below > 0);
	/* Values from limit up would make the low results more likely. */
	limit = UINT32_MAX - UINT32_MAX % below;
	do {
		rnd_bytes(&v, sizeof(v));
	} while (v >= limit);
	return v % below;
}

char *rnd_uuid(const void *ctx)
{
	uint8_t u[16];
	char *text;

	rnd_bytes(u, sizeof(u));
	u[6] = (uint8_t)((u[6] & 0x0f) | 0x40);
	u[8] = (uint8_t)((u[8] & 0x3f) | 0x80);
	text = talloc_asprintf(ctx, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", u[0], u[1],
			       u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11], u[12], u[13], u[14],
			       u[15]);
	OSMO_ASSERT(text);
	return text;
}
