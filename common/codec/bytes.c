/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Views, bounded reader, writer, hex.  Every decoder of the project stands on this file, so it stays small enough to be
 * read in one go; it relies on talloc for growth and on OpenSSL for constant-time compare and wiping. */
#include "common/codec/bytes.h"

#include <errno.h>
#include <string.h>

#include <openssl/crypto.h>
#include <osmocom/core/utils.h>
#include <talloc.h>

struct bytes bytes_str(const char *str)
{
	return bytes_of(str, str ? strlen(str) : 0);
}

struct bytes bytes_sub(struct bytes b, size_t off, size_t len)
{
	OSMO_ASSERT(off <= b.len && len <= b.len - off);
	/* An empty view may have no address, and nothing can be added to none. */
	return bytes_of(off ? b.data + off : b.data, len);
}

bool bytes_eq(struct bytes a, struct bytes b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

bool bytes_eq_secret(struct bytes a, struct bytes b)
{
	return a.len == b.len && (a.len == 0 || CRYPTO_memcmp(a.data, b.data, a.len) == 0);
}

struct bytes bytes_dup(const void *ctx, struct bytes b)
{
	uint8_t *copy = talloc_size(ctx, b.len ? b.len : 1);

	OSMO_ASSERT(copy);
	if (b.len)
		memcpy(copy, b.data, b.len);
	return bytes_of(copy, b.len);
}

void bytes_wipe(void *data, size_t len)
{
	OPENSSL_cleanse(data, len);
}

static int wipe_secret(uint8_t *secret)
{
	bytes_wipe(secret, talloc_get_size(secret));
	return 0;
}

uint8_t *bytes_secret_alloc(const void *ctx, size_t len)
{
	uint8_t *secret = talloc_zero_array(ctx, uint8_t, (unsigned int)OSMO_MAX(len, 1));

	OSMO_ASSERT(secret);
	talloc_set_destructor(secret, wipe_secret);
	return secret;
}

/* ---- reader ---- */

void rd_init(struct rd *r, struct bytes b)
{
	*r = (struct rd){.cur = b.data, .end = b.len ? b.data + b.len : b.data};
}

size_t rd_left(const struct rd *r)
{
	return r->failed || r->cur == r->end ? 0 : (size_t)(r->end - r->cur);
}

void rd_fail(struct rd *r)
{
	r->failed = true;
}

struct bytes rd_bytes(struct rd *r, size_t n)
{
	struct bytes b = bytes_of(r->cur, n);

	if (n > rd_left(r)) {
		rd_fail(r);
		return bytes_of(NULL, 0);
	}
	if (n)
		r->cur += n;
	return b;
}

struct bytes rd_rest(struct rd *r)
{
	return rd_bytes(r, rd_left(r));
}

uint64_t rd_uint(struct rd *r, size_t n)
{
	struct bytes b = bytes_of(NULL, 0);
	uint64_t v = 0;

	if (n <= sizeof(v))
		b = rd_bytes(r, n);
	else
		rd_fail(r); /* a length often comes with the data */
	for (size_t i = 0; i < b.len; i++)
		v = v << 8 | b.data[i];
	return v;
}

uint8_t rd_u8(struct rd *r)
{
	return (uint8_t)rd_uint(r, 1);
}

uint16_t rd_u16(struct rd *r)
{
	return (uint16_t)rd_uint(r, 2);
}

uint32_t rd_u32(struct rd *r)
{
	return (uint32_t)rd_uint(r, 4);
}

int rd_peek(const struct rd *r)
{
	return rd_left(r) ? *r->cur : -1;
}

int rd_end(const struct rd *r)
{
	return !r->failed && r->cur == r->end ? 0 : -EINVAL;
}

/* ---- writer ---- */

void wr_init_buf(struct wr *w, void *buf, size_t cap)
{
	*w = (struct wr){.buf = buf, .cap = cap};
}

void wr_init(struct wr *w, const void *ctx)
{
	OSMO_ASSERT(ctx);
	*w = (struct wr){.ctx = ctx};
}

static bool wr_grow(struct wr *w, size_t n)
{
	size_t cap = w->cap ? w->cap : 64;

	if (!w->ctx || n > SIZE_MAX / 4 || w->len > SIZE_MAX / 4)
		return false;
	while (cap - w->len < n)
		cap *= 2;
	w->buf = talloc_realloc_size(w->ctx, w->buf, cap);
	OSMO_ASSERT(w->buf);
	w->cap = cap;
	return true;
}

uint8_t *wr_room(struct wr *w, size_t n)
{
	uint8_t *at;

	if (w->failed)
		return NULL;
	if ((n > w->cap - w->len || !w->buf) && !wr_grow(w, n)) {
		w->failed = true;
		return NULL;
	}
	at = w->buf + w->len;
	w->len += n;
	return at;
}

void wr_bytes(struct wr *w, struct bytes b)
{
	uint8_t *at = wr_room(w, b.len);

	if (at && b.len)
		memcpy(at, b.data, b.len);
}

void wr_fill(struct wr *w, uint8_t v, size_t n)
{
	uint8_t *at = wr_room(w, n);

	if (at && n)
		memset(at, v, n);
}

void wr_uint(struct wr *w, uint64_t v, size_t n)
{
	uint8_t *at;

	OSMO_ASSERT(n <= sizeof(v));
	if (n < sizeof(v) && v >> (8 * n)) {
		w->failed = true;
		return;
	}
	at = wr_room(w, n);
	for (size_t i = n; at && i-- > 0; v >>= 8)
		at[i] = (uint8_t)v;
}

void wr_u8(struct wr *w, uint8_t v)
{
	wr_uint(w, v, 1);
}

void wr_u16(struct wr *w, uint16_t v)
{
	wr_uint(w, v, 2);
}

void wr_u32(struct wr *w, uint32_t v)
{
	wr_uint(w, v, 4);
}

void wr_str(struct wr *w, const char *str)
{
	wr_bytes(w, bytes_str(str));
}

int wr_end(const struct wr *w, struct bytes *out)
{
	if (w->failed)
		return -ENOSPC;
	*out = bytes_of(w->buf, w->len);
	return 0;
}

/* ---- hex ---- */

int hex_enc_buf(char *out, size_t cap, struct bytes b)
{
	static const char digit[] = "0123456789ABCDEF";

	if (b.len > (SIZE_MAX - 1) / 2 || cap < 2 * b.len + 1)
		return -ENOSPC;
	for (size_t i = 0; i < b.len; i++) {
		*out++ = digit[b.data[i] >> 4];
		*out++ = digit[b.data[i] & 0x0f];
	}
	*out = '\0';
	return 0;
}

char *hex_enc(const void *ctx, struct bytes b)
{
	char *out = talloc_size(ctx, 2 * b.len + 1);

	OSMO_ASSERT(out && hex_enc_buf(out, 2 * b.len + 1, b) == 0);
	return out;
}

/* Value of a digit and 1; 0 for what is none.  Packages come as hex in XML: this is on their way. */
static const uint8_t hex_digits[UINT8_MAX + 1] = {
	['0'] = 1,  ['1'] = 2,	['2'] = 3,  ['3'] = 4,	['4'] = 5,  ['5'] = 6,	['6'] = 7,  ['7'] = 8,
	['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
	['A'] = 11, ['B'] = 12, ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
};

static uint8_t hex_digit(char c)
{
	return hex_digits[(uint8_t)c];
}

int hex_dec_buf(uint8_t *out, size_t len, const char *hex)
{
	size_t n = strlen(hex);
	bool bad = n % 2 || n / 2 != len;

	for (size_t i = 0; i < n; i++)
		bad |= hex_digit(hex[i]) == 0;
	if (bad)
		return -EINVAL;
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)((hex_digit(hex[2 * i]) - 1) << 4 | (hex_digit(hex[2 * i + 1]) - 1));
	return 0;
}

int hex_dec(const void *ctx, const char *hex, struct bytes *out)
{
	size_t len = strlen(hex) / 2;
	uint8_t *buf = talloc_size(ctx, len ? len : 1);

	OSMO_ASSERT(buf);
	if (hex_dec_buf(buf, len, hex) < 0) {
		talloc_free(buf);
		return -EINVAL;
	}
	*out = bytes_of(buf, len);
	return 0;
}
