/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* BER-TLV with definite lengths and the DGI coding of GlobalPlatform.
 *
 * BER:  tag 1-3 octets (5 low bits of the first all ones: more follow while b8 is set), length 00-7F, 81 xx, 82 xxxx,
 *       83 xxxxxx, 84 xxxxxxxx.  A longer form than needed is accepted on input (cards do it), never written.
 * DGI:  tag 2 octets, length 00-FE or FF xxxx. */
#include "common/codec/ber.h"

#include <errno.h>

#define BER_TAG_MORE 0x1f
#define BER_CONSTRUCTED 0x20
#define DGI_LEN_LONG 0xff

static uint32_t ber_tag(struct rd *r)
{
	uint32_t tag = rd_u8(r);

	if ((tag & BER_TAG_MORE) != BER_TAG_MORE)
		return tag;
	for (int i = 0; i < 2; i++) {
		tag = tag << 8 | rd_u8(r);
		if (!(tag & 0x80))
			return tag;
	}
	rd_fail(r);
	return 0;
}

static size_t ber_len(struct rd *r)
{
	uint8_t first = rd_u8(r);

	if (first <= 0x7f)
		return first;
	if (first < 0x81 || first > 0x84) {
		rd_fail(r);
		return 0;
	}
	return (size_t)rd_uint(r, first - 0x80);
}

bool ber_next(struct rd *r, struct ber *tlv)
{
	struct ber t;

	if (rd_left(r) == 0)
		return false;
	t.tag = ber_tag(r);
	t.value = rd_bytes(r, ber_len(r));
	if (r->failed)
		return false;
	*tlv = t;
	return true;
}

struct bytes ber_expect(struct rd *r, uint32_t tag)
{
	struct ber t;

	if (ber_next(r, &t) && t.tag == tag)
		return t.value;
	rd_fail(r);
	return bytes_of(NULL, 0);
}

uint64_t ber_expect_uint(struct rd *r, uint32_t tag, size_t len)
{
	struct bytes v = ber_expect(r, tag);
	uint64_t number;
	struct rd s;

	rd_init(&s, v);
	number = rd_uint(&s, len);
	if (rd_end(&s) == 0)
		return number;
	rd_fail(r);
	return 0;
}

int ber_find(struct bytes level, uint32_t tag, struct bytes *value)
{
	struct bytes found = bytes_of(NULL, 0);
	bool have = false;
	struct ber t;
	struct rd r;

	rd_init(&r, level);
	while (ber_next(&r, &t)) {
		if (t.tag == tag && !have) {
			found = t.value;
			have = true;
		}
	}
	if (rd_end(&r) < 0)
		return -EINVAL;
	if (!have)
		return -ENOENT;
	*value = found;
	return 0;
}

static bool ber_is_constructed(uint32_t tag)
{
	while (tag > 0xff)
		tag >>= 8;
	return tag & BER_CONSTRUCTED;
}

int ber_check(struct bytes level, unsigned int depth)
{
	struct ber t;
	struct rd r;

	rd_init(&r, level);
	while (ber_next(&r, &t)) {
		int rc;

		if (!ber_is_constructed(t.tag))
			continue;
		if (depth == 0)
			return -ENOSPC;
		rc = ber_check(t.value, depth - 1);
		if (rc < 0)
			return rc;
	}
	return rd_end(&r);
}

static size_t octets_of(uint64_t v)
{
	size_t n = 1;

	while (v >>= 8)
		n++;
	return n;
}

void ber_put_head(struct wr *w, uint32_t tag, size_t len)
{
	wr_uint(w, tag, octets_of(tag));
	if (len > 0x7f)
		wr_u8(w, (uint8_t)(0x80 | octets_of(len)));
	wr_uint(w, len, octets_of(len));
}

void ber_put(struct wr *w, uint32_t tag, struct bytes value)
{
	ber_put_head(w, tag, value.len);
	wr_bytes(w, value);
}

void ber_put_u8(struct wr *w, uint32_t tag, uint8_t value)
{
	ber_put(w, tag, bytes_of(&value, 1));
}

bool dgi_next(struct rd *r, struct dgi *dgi)
{
	struct dgi d;
	size_t len;

	if (rd_left(r) == 0)
		return false;
	d.id = rd_u16(r);
	len = rd_u8(r);
	if (len == DGI_LEN_LONG)
		len = rd_u16(r);
	d.value = rd_bytes(r, len);
	if (r->failed)
		return false;
	*dgi = d;
	return true;
}

void dgi_put(struct wr *w, uint16_t id, struct bytes value)
{
	wr_u16(w, id);
	if (value.len < DGI_LEN_LONG) {
		wr_u8(w, (uint8_t)value.len);
	} else {
		wr_u8(w, DGI_LEN_LONG);
		wr_uint(w, value.len, 2);
	}
	wr_bytes(w, value);
}
