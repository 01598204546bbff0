/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* SMPP 3.4 codec: PDU types as field tables, one walker for each direction.
 *
 * Implements "Short Message Peer to Peer Protocol Specification v3.4".  Departs from it on receipt only: see smpp.h for
 * the list of what is tolerated.  A text field is searched for its NUL within its limit and within the PDU, never
 * beyond. Optional parameters are checked for their framing once and then kept as they are, so that unknown ones
 * survive. */
#include "common/codec/smpp.h"

#include <errno.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

enum field_kind {
	F_END, /* the table ends; optional parameters may follow */
	F_U8,
	F_TEXT,	 /* C-octet string */
	F_SHORT, /* sm_length and short_message */
};

struct field {
	enum field_kind kind;
	uint16_t off;	/* in struct smpp_pdu */
	uint8_t max;	/* F_TEXT: octets with the NUL, on the way out */
	uint8_t rx_max; /* and on the way in */
};

struct pdu_type {
	uint32_t id;
	const char *name;
	const struct field *fields;
};

#define U8(member)                                            \
	{                                                     \
		F_U8, offsetof(struct smpp_pdu, member), 0, 0 \
	}
#define TEXT(member, limit)                                             \
	{                                                               \
		F_TEXT, offsetof(struct smpp_pdu, member), limit, limit \
	}
#define TEXT_LENIENT(member, limit, rx_limit)                              \
	{                                                                  \
		F_TEXT, offsetof(struct smpp_pdu, member), limit, rx_limit \
	}
#define SHORT_MESSAGE                                                       \
	{                                                                   \
		F_SHORT, offsetof(struct smpp_pdu, short_message), 254, 255 \
	}
#define END                    \
	{                      \
		F_END, 0, 0, 0 \
	}
#define ADDR(member, limit) U8(member.ton), U8(member.npi), TEXT(member.digits, limit)
/* Some service centres answer a bind with a system_id longer than the 15 characters of the standard. */
#define SYSTEM_ID TEXT_LENIENT(system_id, 16, 65)

static const struct field f_empty[] = {END};
static const struct field f_bind[] = {
	SYSTEM_ID, TEXT(password, 9), TEXT(system_type, 13), U8(interface_version), ADDR(range, 41), END};
static const struct field f_bind_resp[] = {SYSTEM_ID, END};
static const struct field f_outbind[] = {SYSTEM_ID, TEXT(password, 9), END};
/* submit_sm and deliver_sm share their layout; in deliver_sm the two times are empty. */
static const struct field f_sm[] = {TEXT(service_type, 6),
				    ADDR(source, SMPP_ADDR_LEN),
				    ADDR(dest, SMPP_ADDR_LEN),
				    U8(esm_class),
				    U8(protocol_id),
				    U8(priority_flag),
				    TEXT(schedule_delivery_time, 17),
				    TEXT(validity_period, 17),
				    U8(registered_delivery),
				    U8(replace_if_present),
				    U8(data_coding),
				    U8(sm_default_msg_id),
				    SHORT_MESSAGE,
				    END};
static const struct field f_data[] = {TEXT(service_type, 6),
				      ADDR(source, 65),
				      ADDR(dest, 65),
				      U8(esm_class),
				      U8(registered_delivery),
				      U8(data_coding),
				      END};
static const struct field f_message_id[] = {TEXT(message_id, SMPP_MESSAGE_ID_LEN), END};
static const struct field f_query[] = {TEXT(message_id, SMPP_MESSAGE_ID_LEN), ADDR(source, SMPP_ADDR_LEN), END};
static const struct field f_query_resp[] = {TEXT(message_id, SMPP_MESSAGE_ID_LEN), TEXT(final_date, 17),
					    U8(message_state), U8(error_code), END};
static const struct field f_cancel[] = {TEXT(service_type, 6), TEXT(message_id, SMPP_MESSAGE_ID_LEN),
					ADDR(source, SMPP_ADDR_LEN), ADDR(dest, SMPP_ADDR_LEN), END};
static const struct field f_replace[] = {TEXT(message_id, SMPP_MESSAGE_ID_LEN),
					 ADDR(source, SMPP_ADDR_LEN),
					 TEXT(schedule_delivery_time, 17),
					 TEXT(validity_period, 17),
					 U8(registered_delivery),
					 U8(sm_default_msg_id),
					 SHORT_MESSAGE,
					 END};
static const struct field f_alert[] = {ADDR(source, 65), ADDR(dest, 65), END};

static const struct pdu_type types[] = {
	{SMPP_SUBMIT_SM, "submit_sm", f_sm},
	{SMPP_SUBMIT_SM_RESP, "submit_sm_resp", f_message_id},
	{SMPP_DELIVER_SM, "deliver_sm", f_sm},
	{SMPP_DELIVER_SM_RESP, "deliver_sm_resp", f_message_id},
	{SMPP_ENQUIRE_LINK, "enquire_link", f_empty},
	{SMPP_ENQUIRE_LINK_RESP, "enquire_link_resp", f_empty},
	{SMPP_ALERT_NOTIFICATION, "alert_notification", f_alert},
	{SMPP_DATA_SM, "data_sm", f_data},
	{SMPP_DATA_SM_RESP, "data_sm_resp", f_message_id},
	{SMPP_GENERIC_NACK, "generic_nack", f_empty},
	{SMPP_BIND_RECEIVER, "bind_receiver", f_bind},
	{SMPP_BIND_RECEIVER_RESP, "bind_receiver_resp", f_bind_resp},
	{SMPP_BIND_TRANSMITTER, "bind_transmitter", f_bind},
	{SMPP_BIND_TRANSMITTER_RESP, "bind_transmitter_resp", f_bind_resp},
	{SMPP_BIND_TRANSCEIVER, "bind_transceiver", f_bind},
	{SMPP_BIND_TRANSCEIVER_RESP, "bind_transceiver_resp", f_bind_resp},
	{SMPP_UNBIND, "unbind", f_empty},
	{SMPP_UNBIND_RESP, "unbind_resp", f_empty},
	{SMPP_OUTBIND, "outbind", f_outbind},
	{SMPP_QUERY_SM, "query_sm", f_query},
	{SMPP_QUERY_SM_RESP, "query_sm_resp", f_query_resp},
	{SMPP_CANCEL_SM, "cancel_sm", f_cancel},
	{SMPP_CANCEL_SM_RESP, "cancel_sm_resp", f_empty},
	{SMPP_REPLACE_SM, "replace_sm", f_replace},
	{SMPP_REPLACE_SM_RESP, "replace_sm_resp", f_empty},
};

static const struct pdu_type *type_find(uint32_t command_id)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		if (types[i].id == command_id)
			return &types[i];
	}
	return NULL;
}

const char *smpp_command_name(uint32_t command_id)
{
	const struct pdu_type *type = type_find(command_id);

	return type ? type->name : "unknown";
}

static inline uint8_t *u8_at(struct smpp_pdu *pdu, const struct field *f)
{
	return (uint8_t *)pdu + f->off;
}

static inline struct bytes *view_at(struct smpp_pdu *pdu, const struct field *f)
{
	return (struct bytes *)((uint8_t *)pdu + f->off);
}

/* ---- in ---- */

static struct bytes rd_text(struct rd *r, size_t max)
{
	struct rd ahead = *r;
	struct bytes rest = rd_bytes(&ahead, OSMO_MIN(max, rd_left(r)));
	const uint8_t *nul = rest.len ? memchr(rest.data, '\0', rest.len) : NULL;
	struct bytes text;

	if (!nul) {
		rd_fail(r);
		return bytes_of(NULL, 0);
	}
	text = rd_bytes(r, (size_t)(nul - rest.data));
	rd_u8(r);
	return text;
}

static void rd_fields(struct rd *r, const struct field *f, struct smpp_pdu *pdu)
{
	for (;; f++) {
		switch (f->kind) {
		case F_U8:
			*u8_at(pdu, f) = rd_u8(r);
			break;
		case F_TEXT:
			*view_at(pdu, f) = rd_text(r, f->rx_max);
			break;
		case F_SHORT:
			*view_at(pdu, f) = rd_bytes(r, rd_u8(r));
			break;
		case F_END:
			return;
		}
	}
}

static int hdr_read(struct rd *r, struct smpp_pdu *pdu)
{
	uint32_t len = rd_u32(r);

	pdu->command_id = rd_u32(r);
	pdu->status = rd_u32(r);
	pdu->seq = rd_u32(r);
	if (r->failed || len < SMPP_HDR_LEN)
		return -EINVAL;
	return len > SMPP_PDU_MAX ? -ENOSPC : (int)len;
}

int smpp_hdr_dec(struct bytes pdu, struct smpp_pdu *out)
{
	struct smpp_pdu p = {0};
	struct rd r;
	int rc;

	rd_init(&r, pdu);
	rc = hdr_read(&r, &p);
	if (rc < 0)
		return rc;
	*out = p;
	return 0;
}

static bool tlvs_sound(struct bytes tlvs)
{
	struct smpp_tlv tlv;
	struct rd r;

	rd_init(&r, tlvs);
	while (smpp_tlv_next(&r, &tlv))
		;
	return rd_end(&r) == 0;
}

int smpp_pdu_dec(struct bytes pdu, struct smpp_pdu *out)
{
	const struct pdu_type *type;
	struct smpp_pdu p = {0};
	struct rd r;
	int rc;

	rd_init(&r, pdu);
	rc = hdr_read(&r, &p);
	if (rc < 0)
		return rc;
	if ((size_t)rc != pdu.len)
		return -EINVAL;
	type = type_find(p.command_id);
	if (!type)
		return -ENOENT;
	p.no_body = (p.command_id & SMPP_RESP) && rd_left(&r) == 0;
	if (!p.no_body)
		rd_fields(&r, type->fields, &p);
	p.tlvs = rd_rest(&r);
	if (rd_end(&r) < 0 || !tlvs_sound(p.tlvs))
		return -EINVAL;
	*out = p;
	return 0;
}

/* ---- out ---- */

static bool wr_text(struct wr *w, struct bytes text, size_t max)
{
	if (text.len >= max || (text.len && memchr(text.data, '\0', text.len)))
		return false;
	wr_bytes(w, text);
	wr_u8(w, 0);
	return true;
}

static bool wr_fields(struct wr *w, const struct field *f, const struct smpp_pdu *pdu)
{
	for (;; f++) {
		const void *at = (const uint8_t *)pdu + f->off;
		const struct bytes *view = at;

		switch (f->kind) {
		case F_U8:
			wr_u8(w, *(const uint8_t *)at);
			break;
		case F_TEXT:
			if (!wr_text(w, *view, f->max))
				return false;
			break;
		case F_SHORT:
			if (view->len > f->max)
				return false;
			wr_u8(w, (uint8_t)view->len);
			wr_bytes(w, *view);
			break;
		case F_END:
			return true;
		}
	}
}

static void wr_patch_u32(struct wr *w, size_t at, uint32_t v)
{
	struct wr head;

	wr_init_buf(&head, w->buf + at, sizeof(v));
	wr_u32(&head, v);
}

static int pdu_write(const struct smpp_pdu *pdu, const struct pdu_type *type, struct wr *w)
{
	size_t start = w->len;

	wr_u32(w, 0);
	wr_u32(w, pdu->command_id);
	wr_u32(w, pdu->status);
	wr_u32(w, pdu->seq);
	if (!pdu->no_body) {
		if (!wr_fields(w, type->fields, pdu) || !tlvs_sound(pdu->tlvs))
			return -EINVAL;
		wr_bytes(w, pdu->tlvs);
	}
	if (w->failed || w->len - start > SMPP_PDU_MAX)
		return -ENOSPC;
	wr_patch_u32(w, start, (uint32_t)(w->len - start));
	return 0;
}

int smpp_pdu_enc(const struct smpp_pdu *pdu, struct wr *w)
{
	const struct pdu_type *type = type_find(pdu->command_id);
	size_t start = w->len;
	int rc;

	if (!type)
		return -ENOENT;
	if (w->failed)
		return -ENOSPC;
	if (pdu->no_body && !(pdu->command_id & SMPP_RESP))
		return -EINVAL;
	rc = pdu_write(pdu, type, w);
	if (rc < 0) {
		w->len = start;
		w->failed = false;
	}
	return rc;
}

/* ---- optional parameters ---- */

bool smpp_tlv_next(struct rd *r, struct smpp_tlv *tlv)
{
	struct smpp_tlv t;

	if (rd_left(r) == 0)
		return false;
	t.tag = rd_u16(r);
	t.value = rd_bytes(r, rd_u16(r));
	if (r->failed)
		return false;
	*tlv = t;
	return true;
}

int smpp_tlv_find(struct bytes tlvs, uint16_t tag, struct bytes *value)
{
	struct smpp_tlv tlv;
	struct rd r;

	rd_init(&r, tlvs);
	while (smpp_tlv_next(&r, &tlv)) {
		if (tlv.tag == tag) {
			*value = tlv.value;
			return 0;
		}
	}
	return rd_end(&r) < 0 ? -EINVAL : -ENOENT;
}

int smpp_tlv_find_uint(struct bytes tlvs, uint16_t tag, uint32_t *value)
{
	struct bytes v;
	struct rd r;
	int rc;

	rc = smpp_tlv_find(tlvs, tag, &v);
	if (rc < 0)
		return rc;
	if (v.len < 1 || v.len > sizeof(*value))
		return -EINVAL;
	rd_init(&r, v);
	*value = (uint32_t)rd_uint(&r, v.len);
	return 0;
}

void smpp_tlv_put(struct wr *w, uint16_t tag, struct bytes value)
{
	wr_u16(w, tag);
	wr_uint(w, value.len, 2);
	wr_bytes(w, value);
}

void smpp_tlv_put_uint(struct wr *w, uint16_t tag, uint32_t value, size_t n)
{
	wr_u16(w, tag);
	wr_u16(w, (uint16_t)n);
	wr_uint(w, value, n);
}

struct bytes smpp_payload(const struct smpp_pdu *pdu)
{
	struct bytes payload;

	if (pdu->short_message.len || smpp_tlv_find(pdu->tlvs, SMPP_TAG_MESSAGE_PAYLOAD, &payload) < 0)
		return pdu->short_message;
	return payload;
}

int smpp_sar_dec(const struct smpp_pdu *pdu, struct smpp_sar *sar)
{
	uint32_t ref, total, seq;

	if (smpp_tlv_find_uint(pdu->tlvs, SMPP_TAG_SAR_MSG_REF_NUM, &ref) < 0 ||
	    smpp_tlv_find_uint(pdu->tlvs, SMPP_TAG_SAR_TOTAL_SEGMENTS, &total) < 0 ||
	    smpp_tlv_find_uint(pdu->tlvs, SMPP_TAG_SAR_SEGMENT_SEQNUM, &seq) < 0)
		return -ENOENT;
	if (ref > UINT16_MAX || total < 1 || total > UINT8_MAX || seq < 1 || seq > total)
		return -EINVAL;
	*sar = (struct smpp_sar){.ref = (uint16_t)ref, .total = (uint8_t)total, .seq = (uint8_t)seq};
	return 0;
}

/* ---- stream ---- */

struct smpp_framer {
	uint8_t *buf;
	size_t start; /* first octet not handed out */
	size_t len;   /* octets in buf */
	size_t cap;
};

struct smpp_framer *smpp_framer_alloc(const void *ctx)
{
	struct smpp_framer *f = talloc_zero(ctx, struct smpp_framer);

	OSMO_ASSERT(f);
	return f;
}

void smpp_framer_feed(struct smpp_framer *f, struct bytes in)
{
	if (in.len == 0)
		return;
	if (f->start) {
		f->len -= f->start;
		memmove(f->buf, f->buf + f->start, f->len);
		f->start = 0;
	}
	if (in.len > f->cap - f->len) {
		f->cap = OSMO_MAX(f->len + in.len, 2 * f->cap);
		f->buf = talloc_realloc_size(f, f->buf, f->cap);
		OSMO_ASSERT(f->buf);
	}
	memcpy(f->buf + f->len, in.data, in.len);
	f->len += in.len;
}

int smpp_framer_next(struct smpp_framer *f, struct bytes *pdu)
{
	struct bytes have;
	uint32_t len;
	struct rd r;

	if (f->len == f->start)
		return 0;
	have = bytes_of(f->buf + f->start, f->len - f->start);
	/* The length word alone decides: a peer that sends nonsense is told so before it has sent a whole header. */
	if (have.len < sizeof(len))
		return 0;
	rd_init(&r, have);
	len = rd_u32(&r);
	if (len < SMPP_HDR_LEN)
		return -EINVAL;
	if (len > SMPP_PDU_MAX)
		return -ENOSPC;
	if (have.len < len)
		return 0;
	*pdu = bytes_sub(have, 0, len);
	f->start += len;
	return 1;
}
