/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The frame that command and response packets share (TS 102 225 §5): lengths, checksum, padding, ciphering.
 *
 * Sender: pad, fix the lengths, checksum, encipher.  Receiver: lengths, decipher, checksum in constant time, and only
 * then a look at PCNTR.  The checksum covers prefix, header, CNTR, PCNTR, status, data and padding, i.e. the packet
 * without the checksum; over SMS a response has its information element 02 71 00 in front, a command not (TS 31.115).
 */
#include "scp80/sp_frame.h"

#include <errno.h>

#include "common/codec/ber.h"

/* Uncertain: the IP dialect.  Commands follow two known implementations; the response, for which there is no known
 * answer, is built by analogy (identifier 02, BER length, identifier and length under the checksum). */
const struct sp_shape sp_shape_cmd = {.id = 0x01, .head_len = 7, .fixed_len = 6};
const struct sp_shape sp_shape_por = {
	.id = 0x02,
	.head_len = 3,
	.fixed_len = 7,
	.sms_prefix = {(const uint8_t *)"\x02\x71\x00", 3},
};

static struct bytes prefix_of(enum sp_dialect dialect, const struct sp_shape *shape)
{
	return dialect == SP_SMS ? shape->sms_prefix : bytes_of(NULL, 0);
}

/* ---- sealing ---- */

static size_t padding(const struct sp_prot *prot, size_t len)
{
	size_t over = prot->block ? len % prot->block : 0;

	return over ? prot->block - over : 0;
}

static void put_head(enum sp_dialect dialect, const struct sp_shape *shape, const struct sp_prot *prot,
		     const struct sp_fields *fields, size_t secured_len, struct wr *w)
{
	size_t len = 1 + shape->head_len + secured_len;

	if (dialect == SP_SMS)
		wr_uint(w, len, 2);
	else
		ber_put_head(w, shape->id, len);
	wr_uint(w, shape->head_len + shape->fixed_len + prot->check_len, 1);
	wr_bytes(w, bytes_of(fields->head, shape->head_len));
}

static void put_secured(const struct sp_shape *shape, const struct sp_prot *prot, const struct sp_fields *fields,
			struct bytes data, size_t pad, struct wr *w)
{
	wr_uint(w, fields->cntr, SP_CNTR_LEN);
	wr_uint(w, pad, 1);
	if (shape->fixed_len > SP_CNTR_LEN + 1)
		wr_u8(w, fields->status);
	wr_fill(w, 0, prot->check_len);
	wr_bytes(w, data);
	wr_fill(w, 0, pad);
}

/* Checksum and ciphering in place.  \param[in] start  of the packet in the writer, at that of its secured area */
static int protect(const struct sp_keys *keys, struct bytes prefix, const struct sp_shape *shape,
		   const struct sp_prot *prot, struct wr *w, size_t start, size_t at)
{
	uint8_t *secured = w->buf + at;
	size_t len = w->len - at, skip = shape->fixed_len + prot->check_len;
	const struct bytes parts[SP_CHECK_PARTS] = {
		prefix,
		bytes_of(w->buf + start, at - start),
		bytes_of(secured, shape->fixed_len),
		bytes_of(secured + skip, len - skip),
	};
	int rc = sp_check_value(keys, prot, parts, secured + shape->fixed_len);

	if (rc == 0 && prot->block)
		rc = key_cbc_encrypt(keys->crypto, keys->kic, NULL, bytes_of(secured, len), secured);
	return rc;
}

int sp_frame_seal(const struct sp_keys *keys, enum sp_dialect dialect, const struct sp_shape *shape,
		  const struct sp_prot *prot, const struct sp_fields *fields, struct bytes data, struct wr *w)
{
	size_t pad, secured_len, at, start = w->len;
	int rc;

	if (fields->cntr > SP_CNTR_MAX)
		return -EINVAL;
	if (data.len > SP_PACKET_MAX - SP_OVERHEAD_MAX)
		return -ENOSPC;
	secured_len = shape->fixed_len + prot->check_len + data.len;
	pad = padding(prot, secured_len);
	put_head(dialect, shape, prot, fields, secured_len + pad, w);
	at = w->len;
	put_secured(shape, prot, fields, data, pad, w);
	if (w->failed)
		return -ENOSPC;
	rc = protect(keys, prefix_of(dialect, shape), shape, prot, w, start, at);
	if (rc < 0)
		w->len = start;
	return rc;
}

/* ---- opening ---- */

static int split_sms(struct rd *r)
{
	size_t len = rd_u16(r);

	return len == rd_left(r) && !r->failed ? 0 : -EINVAL;
}

static int split_ip(const struct sp_shape *shape, struct rd *r)
{
	struct bytes value = ber_expect(r, shape->id);

	if (rd_end(r) < 0)
		return -EINVAL;
	rd_init(r, value);
	return 0;
}

int sp_frame_split(enum sp_dialect dialect, const struct sp_shape *shape, struct bytes pkt, struct sp_wire *wire)
{
	struct sp_wire s;
	size_t hl;
	struct rd r;

	if (pkt.len > SP_PACKET_MAX)
		return -EINVAL;
	rd_init(&r, pkt);
	if ((dialect == SP_SMS ? split_sms(&r) : split_ip(shape, &r)) < 0)
		return -EINVAL;
	hl = rd_u8(&r);
	s.head = rd_bytes(&r, shape->head_len);
	s.secured = rd_rest(&r);
	if (rd_end(&r) < 0 || hl < shape->head_len + shape->fixed_len)
		return -EINVAL;
	s.hdr = bytes_sub(pkt, 0, pkt.len - s.secured.len);
	s.check_len = hl - shape->head_len - shape->fixed_len;
	if (s.secured.len < shape->fixed_len + s.check_len)
		return -EINVAL;
	*wire = s;
	return 0;
}

int sp_clear_split(const struct sp_shape *shape, size_t check_len, struct bytes plain, struct sp_clear *clear)
{
	struct sp_clear c = {.plain = plain};
	struct rd r, f;

	rd_init(&r, plain);
	c.fixed = rd_bytes(&r, shape->fixed_len);
	c.checksum = rd_bytes(&r, check_len);
	c.padded = rd_rest(&r);
	rd_init(&f, c.fixed);
	c.cntr = rd_uint(&f, SP_CNTR_LEN);
	c.pcntr = rd_u8(&f);
	c.status = rd_left(&f) ? rd_u8(&f) : 0;
	if (rd_end(&r) < 0 || rd_end(&f) < 0)
		return -EINVAL;
	*clear = c;
	return 0;
}

static int verify(const struct sp_keys *keys, struct bytes prefix, const struct sp_prot *prot,
		  const struct sp_wire *wire, const struct sp_clear *clear)
{
	const struct bytes parts[SP_CHECK_PARTS] = {prefix, wire->hdr, clear->fixed, clear->padded};
	uint8_t want[SP_CHECK_MAX];
	int rc = sp_check_value(keys, prot, parts, want);

	if (rc < 0)
		return rc;
	return bytes_eq_secret(bytes_of(want, prot->check_len), clear->checksum) ? 0 : -EBADMSG;
}

/* \param[out] clear  the secured area: in the writer when it was ciphered, else where it came */
static int decipher(const struct sp_keys *keys, const struct sp_prot *prot, struct bytes secured, struct wr *plain,
		    struct bytes *clear)
{
	uint8_t *at;
	int rc;

	if (prot->block == 0) {
		*clear = secured;
		return 0;
	}
	if (secured.len % prot->block != 0)
		return -EINVAL;
	at = wr_room(plain, secured.len);
	if (!at)
		return -ENOSPC;
	rc = key_cbc_decrypt(keys->crypto, keys->kic, NULL, secured, at);
	if (rc == 0)
		*clear = bytes_of(at, secured.len);
	return rc;
}

/* What did not verify is of no use to anybody. */
static void forget(struct wr *plain, size_t start)
{
	if (!plain || plain->len == start)
		return;
	bytes_wipe(plain->buf + start, plain->len - start);
	plain->len = start;
}

int sp_frame_open(const struct sp_keys *keys, enum sp_dialect dialect, const struct sp_shape *shape,
		  const struct sp_prot *prot, const struct sp_wire *wire, struct wr *plain, struct sp_clear *clear,
		  struct bytes *data)
{
	size_t start = prot->block ? plain->len : 0;
	struct sp_clear c;
	struct bytes area;
	int rc;

	if (wire->check_len != prot->check_len)
		return -EINVAL;
	rc = decipher(keys, prot, wire->secured, plain, &area);
	if (rc == 0)
		rc = sp_clear_split(shape, prot->check_len, area, &c);
	if (rc == 0)
		rc = verify(keys, prefix_of(dialect, shape), prot, wire, &c);
	if (rc == 0 && c.pcntr > c.padded.len)
		rc = -EINVAL;
	if (rc < 0) {
		forget(prot->block ? plain : NULL, start);
		return rc;
	}
	*data = bytes_sub(c.padded, 0, c.padded.len - c.pcntr);
	*clear = c;
	return 0;
}
