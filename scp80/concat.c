/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* User data of short messages: cutting packets into segments and taking segments apart (TS 23.040 §9.2.3.24,
 * TS 31.115).  Joining in memory is in reasm.c; a server that stores each part joins rows with ud_join().
 *
 *   single      02 70 00                     137 octets left
 *   first       07 00 03 ref n 01 70 00      132     (16-bit reference: 08 08 04 ref ref n 01 70 00, 131)
 *   following   05 00 03 ref n i             134     (06 08 04 ref ref n i, 133)
 *
 * The concatenation element goes first; either order is read. */
#include "scp80/concat.h"

#include <errno.h>

#define IE_CONCAT8 0x00
#define IE_CONCAT16 0x08
#define SEGMENTS_MAX 255

/* Octets of the whole header, its length octet included. */
#define UDH_SINGLE 3
#define UDH_CONCAT8 6
#define UDH_CONCAT16 7
#define UDH_KIND 2

static size_t room_next(bool ref16)
{
	return UD_MAX - (ref16 ? UDH_CONCAT16 : UDH_CONCAT8);
}

static size_t room_first(bool ref16)
{
	return room_next(ref16) - UDH_KIND;
}

unsigned int ud_segments(size_t len, bool ref16)
{
	size_t rest, n;

	if (len <= UD_MAX - UDH_SINGLE)
		return 1;
	rest = len - room_first(ref16);
	n = 1 + (rest + room_next(ref16) - 1) / room_next(ref16);
	return n > SEGMENTS_MAX ? 0 : (unsigned int)n;
}

static bool kind_is_ours(unsigned int kind)
{
	return kind == UD_COMMAND || kind == UD_RESPONSE;
}

int ud_enc_single(enum ud_kind kind, struct bytes pkt, struct wr *w)
{
	if (!kind_is_ours(kind))
		return -EINVAL;
	wr_u8(w, UDH_SINGLE - 1);
	wr_u8(w, (uint8_t)kind);
	wr_u8(w, 0);
	wr_bytes(w, pkt);
	return w->failed ? -ENOSPC : 0;
}

static void udh_concat_enc(const struct ud_msg *msg, unsigned int total, unsigned int index, struct wr *w)
{
	size_t ref_len = msg->ref16 ? 2 : 1;

	wr_uint(w, 4 + ref_len + (index == 1 ? UDH_KIND : 0), 1);
	wr_u8(w, msg->ref16 ? IE_CONCAT16 : IE_CONCAT8);
	wr_uint(w, 2 + ref_len, 1);
	wr_uint(w, msg->ref, ref_len);
	wr_uint(w, total, 1);
	wr_uint(w, index, 1);
	if (index == 1) {
		wr_u8(w, (uint8_t)msg->kind);
		wr_u8(w, 0);
	}
}

int ud_enc(const struct ud_msg *msg, unsigned int index, struct wr *w)
{
	unsigned int total = ud_segments(msg->pkt.len, msg->ref16);
	size_t off, len, left;

	if (total == 0)
		return -ENOSPC;
	if (!kind_is_ours(msg->kind) || index == 0 || index > total || (!msg->ref16 && msg->ref > 0xff))
		return -EINVAL;
	if (total == 1)
		return ud_enc_single(msg->kind, msg->pkt, w);
	off = index == 1 ? 0 : room_first(msg->ref16) + (index - 2) * room_next(msg->ref16);
	len = index == 1 ? room_first(msg->ref16) : room_next(msg->ref16);
	left = msg->pkt.len - off;
	udh_concat_enc(msg, total, index, w);
	wr_bytes(w, bytes_sub(msg->pkt, off, len < left ? len : left));
	return w->failed ? -ENOSPC : 0;
}

static void ie_concat(struct bytes value, bool ref16, struct rd *udh, struct ud_part *part)
{
	struct rd r;

	rd_init(&r, value);
	part->ref16 = ref16;
	part->ref = (uint16_t)rd_uint(&r, ref16 ? 2 : 1);
	part->total = rd_u8(&r);
	part->index = rd_u8(&r);
	if (rd_end(&r) < 0 || part->index == 0 || part->index > part->total)
		rd_fail(udh);
}

/* The last element of a sort wins, as TS 23.040 wants it. */
static int udh_dec(struct bytes udh, struct ud_part *part)
{
	struct rd r;

	rd_init(&r, udh);
	while (rd_left(&r)) {
		uint8_t iei = rd_u8(&r);
		struct bytes value = rd_bytes(&r, rd_u8(&r));

		if (r.failed)
			return -EINVAL;
		if (kind_is_ours(iei))
			part->kind = iei;
		else if (iei == IE_CONCAT8 || iei == IE_CONCAT16)
			ie_concat(value, iei == IE_CONCAT16, &r, part);
	}
	return rd_end(&r);
}

/* TS 31.115: the header without TP-UDHI.  Only the plain header of a whole message is believed.  Uncertain: the
 * standard speaks of responses; a notification (70) is taken the same way, its checksum decides in the end. */
static bool begins_with_header(struct bytes ud)
{
	struct rd r;
	uint8_t udhl, iei;

	rd_init(&r, ud);
	udhl = rd_u8(&r);
	iei = rd_u8(&r);
	return udhl == UDH_SINGLE - 1 && kind_is_ours(iei) && rd_u8(&r) == 0 && !r.failed;
}

int ud_dec(bool udhi, struct bytes tp_ud, struct ud_part *part)
{
	struct ud_part p = {.total = 1, .index = 1};
	struct bytes udh;
	struct rd r;

	if (!udhi && !begins_with_header(tp_ud))
		return -ENOENT;
	rd_init(&r, tp_ud);
	udh = rd_bytes(&r, rd_u8(&r));
	p.payload = rd_rest(&r);
	if (rd_end(&r) < 0 || udh_dec(udh, &p) < 0)
		return -EINVAL;
	if (p.index == 1 && p.kind == UD_OTHER)
		return -ENOENT;
	*part = p;
	return 0;
}

int ud_join(const struct bytes *payloads, size_t n, size_t max, struct wr *w)
{
	size_t sum = 0;

	if (n == 0)
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		if (payloads[i].len > max - sum)
			return -ENOSPC;
		sum += payloads[i].len;
	}
	for (size_t i = 0; i < n; i++)
		wr_bytes(w, payloads[i]);
	return w->failed ? -ENOSPC : 0;
}
