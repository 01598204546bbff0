/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Base64 (RFC 4648 §4).  OpenSSL encodes; its decoder hides how many octets came out and accepts white space only at
 * some places, so decoding is done here, strictly: padding is demanded and unused bits must be zero. */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include <openssl/evp.h>
#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/crypto/crypto.h"

char *base64_enc(const void *ctx, struct bytes b)
{
	char *out;

	OSMO_ASSERT(b.len < INT_MAX / 2);
	out = talloc_size(ctx, (b.len + 2) / 3 * 4 + 1);
	OSMO_ASSERT(out);
	out[0] = '\0';
	if (b.len)
		EVP_EncodeBlock((unsigned char *)out, b.data, (int)b.len);
	return out;
}

static int sextet(char c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = memchr(digits, c, sizeof(digits) - 1);

	return at ? (int)(at - digits) : -1;
}

/* One group of four digits in the bits of a number; n counts the digits, pad the equals signs. */
struct group {
	uint32_t bits;
	unsigned int n, pad;
};

static int group_take(struct group *g, char c)
{
	int v = sextet(c);

	if (c == '=') {
		g->pad++;
		v = 0;
	} else if (g->pad) {
		return -EINVAL;
	}
	if (v < 0)
		return -EINVAL;
	g->bits = g->bits << 6 | (uint32_t)v;
	g->n++;
	return 0;
}

static int group_flush(struct group *g, struct wr *w)
{
	unsigned int unused = 8 * g->pad;

	if (g->pad > 2 || g->bits & ((1u << unused) - 1))
		return -EINVAL;
	wr_uint(w, g->bits >> unused, 3 - g->pad);
	g->n = 0;
	g->bits = 0;
	return 0;
}

int base64_dec(const void *ctx, const char *text, struct bytes *out)
{
	struct group g = {};
	struct wr w;
	int rc = 0;

	wr_init(&w, ctx);
	for (; *text && rc == 0; text++) {
		if (strchr(" \t\r\n", *text))
			continue;
		/* Nothing may follow a padded group. */
		rc = g.n == 0 && g.pad ? -EINVAL : group_take(&g, *text);
		if (rc == 0 && g.n == 4)
			rc = group_flush(&g, &w);
	}
	if (rc == 0 && g.n != 0)
		rc = -EINVAL;
	if (rc == 0)
		rc = wr_end(&w, out);
	if (rc < 0)
		talloc_free(w.buf);
	return rc;
}
