/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* ES5 codec.  What the public sources leave uncertain is named here, once:
 *  - tag of the AID in a notification: 2F by the newer texts, 4F in a trace of a real card; AF is the former with the
 *    comprehension bit.  All are taken.
 *  - MEID: 6D or ED; 15 only with the length of an MEID.
 *  - GET STATUS attribute octet 53: b1 is the fall-back attribute.
 *  - trailing Le on STORE DATA without an answer: not sent. */
#include "smsr/es5.h"

#include <errno.h>

#include <osmocom/core/utils.h>

#include "common/codec/ber.h"
#include "scp80/apdu.h"

#define DGI_ENABLE 0x3a03
#define DGI_DISABLE 0x3a04
#define DGI_CONNECTIVITY 0x3a07
#define DGI_CONFIRM 0x3a08
#define TAG_CAPDU 0x22
#define TAG_AID 0x4f
#define TAG_NOTIF_SEQ 0x4e

static const uint32_t notif_aid_tags[] = {0x2f, 0xaf, 0x4f};
static const uint32_t notif_meid_tags[] = {0x6d, 0xed, 0x15};

static int store_data(uint16_t dgi, struct bytes value, bool answer, struct wr *w)
{
	uint8_t buf[64];
	struct capdu c = {.cla = 0x80, .ins = 0xe2, .p1 = answer ? 0x89 : 0x88, .has_le = answer, .le = 256};
	struct wr d;
	int rc;

	wr_init_buf(&d, buf, sizeof(buf));
	dgi_put(&d, dgi, value);
	rc = wr_end(&d, &c.data);
	return rc < 0 ? rc : capdu_enc(&c, w);
}

static int aid_tlv(struct bytes aid, uint8_t *buf, size_t cap, struct bytes *tlv)
{
	struct wr w;

	if (aid.len < AID_MIN || aid.len > AID_MAX)
		return -EINVAL;
	wr_init_buf(&w, buf, cap);
	ber_put(&w, TAG_AID, aid);
	return wr_end(&w, tlv);
}

static int store_aid(uint16_t dgi, struct bytes aid, struct wr *w)
{
	uint8_t buf[AID_MAX + 2];
	struct bytes tlv;
	int rc = aid_tlv(aid, buf, sizeof(buf), &tlv);

	return rc < 0 ? rc : store_data(dgi, tlv, false, w);
}

int es5_enable_profile(struct bytes aid, struct wr *w)
{
	return store_aid(DGI_ENABLE, aid, w);
}

int es5_disable_profile(struct bytes aid, struct wr *w)
{
	return store_aid(DGI_DISABLE, aid, w);
}

int es5_delete_profile(struct bytes aid, struct wr *w)
{
	struct capdu c = {.cla = 0x80, .ins = 0xe4, .p2 = 0x40, .has_le = true, .le = 256};
	uint8_t buf[AID_MAX + 2];
	int rc = aid_tlv(aid, buf, sizeof(buf), &c.data);

	return rc < 0 ? rc : capdu_enc(&c, w);
}

/* ---- CreateISDP ---- */

/* The EIS may name others; those of all cards seen are these. */
static const uint8_t load_file_aid[AID_MAX] = {0xa0, 0,	   0,	 0x05, 0x59, 0x10, 0x10, 0xff,
					       0xff, 0xff, 0xff, 0x89, 0,    0,	   0x0d, 0};
static const uint8_t module_aid[AID_MAX] = {0xa0, 0,	0,    0x05, 0x59, 0x10, 0x10, 0xff,
					    0xff, 0xff, 0xff, 0x89, 0,	  0,	0x0e, 0};

void es5_isdp_aid(uint32_t tar, uint8_t aid[AID_MAX])
{
	struct wr w;

	wr_init_buf(&w, aid, AID_MAX);
	wr_bytes(&w, bytes_sub(BYTES_ARR(module_aid), 0, 12));
	wr_uint(&w, tar, 3);
	wr_u8(&w, 0);
}

static void put_lv(struct wr *w, struct bytes v)
{
	wr_u8(w, (uint8_t)v.len);
	wr_bytes(w, v);
}

/* SCP03 with i = 70, then the quota: uncertain is whether cards want fewer octets for small ones. */
static int install_params(uint32_t memory, struct wr *w, struct bytes *params)
{
	wr_bytes(w, BYTES_LIT("\xc9\x04\x81\x02\x03\x70"));
	if (memory) {
		size_t len = memory > 0xffff ? 4 : 2;

		ber_put_head(w, 0xef, len + 2);
		ber_put_head(w, 0x83, len);
		wr_uint(w, memory, len);
	}
	return wr_end(w, params);
}

int es5_create_isdp(struct bytes aid, uint32_t memory, struct wr *w)
{
	struct capdu c = {.cla = 0x80, .ins = 0xe6, .p1 = 0x0c, .has_le = true, .le = 256};
	uint8_t buf[96], params_buf[16];
	struct bytes params;
	struct wr d, pw;
	int rc;

	wr_init_buf(&pw, params_buf, sizeof(params_buf));
	rc = install_params(memory, &pw, &params);
	if (rc < 0 || aid.len < AID_MIN || aid.len > AID_MAX)
		return -EINVAL;
	wr_init_buf(&d, buf, sizeof(buf));
	put_lv(&d, BYTES_ARR(load_file_aid));
	put_lv(&d, BYTES_ARR(module_aid));
	put_lv(&d, aid);
	put_lv(&d, BYTES_LIT("\x80\xc0\x00"));
	put_lv(&d, params);
	put_lv(&d, bytes_of(NULL, 0)); /* no token */
	rc = wr_end(&d, &c.data);
	return rc < 0 ? rc : capdu_enc(&c, w);
}

/* ---- connectivity parameters ---- */

static int put_block(struct bytes data, uint8_t block, bool last, struct wr *w)
{
	const struct capdu c = {.cla = 0x80, .ins = 0xe2, .p1 = last ? 0x88 : 0x08, .p2 = block, .data = data};
	uint8_t buf[300];
	struct bytes capdu;
	struct wr cw;
	int rc;

	wr_init_buf(&cw, buf, sizeof(buf));
	rc = capdu_enc(&c, &cw);
	if (rc == 0)
		rc = wr_end(&cw, &capdu);
	if (rc == 0)
		ber_put(w, TAG_CAPDU, capdu);
	return rc;
}

int es5_connectivity(struct bytes value, struct wr *w)
{
	const size_t max = 255;
	uint8_t buf[1024];
	struct bytes all;
	struct wr d;
	int rc;

	wr_init_buf(&d, buf, sizeof(buf));
	dgi_put(&d, DGI_CONNECTIVITY, value);
	rc = wr_end(&d, &all);
	for (size_t at = 0, block = 0; rc == 0 && at < all.len; at += max, block++) {
		size_t n = all.len - at < max ? all.len - at : max;

		rc = put_block(bytes_sub(all, at, n), (uint8_t)block, at + n == all.len, w);
	}
	return rc;
}

int es5_confirm_notification(uint16_t seq, struct wr *w)
{
	uint8_t buf[4];
	struct bytes tlv;
	struct wr d;
	int rc;

	wr_init_buf(&d, buf, sizeof(buf));
	ber_put_head(&d, TAG_NOTIF_SEQ, 2);
	wr_u16(&d, seq);
	rc = wr_end(&d, &tlv);
	return rc < 0 ? rc : store_data(DGI_CONFIRM, tlv, true, w);
}

int es5_get_status(bool next, struct wr *w)
{
	const struct capdu c = {
		.cla = 0x80,
		.ins = 0xf2,
		.p1 = 0x40,
		.p2 = next ? 0x03 : 0x02,
		.data = BYTES_LIT(
			"\x4f\x00\x5c\x06\x4f\x9f\x70\x53\x8f\x91"), /* all; AID, life cycle, attributes, memory */
		.has_le = true,
		.le = 256,
	};

	return capdu_enc(&c, w);
}

int es5_get_memory(struct wr *w)
{
	const struct capdu c = {.cla = 0x80, .ins = 0xca, .p1 = 0xff, .p2 = 0x21, .has_le = true, .le = 256};

	return capdu_enc(&c, w);
}

/* Integer of 1 to 7 octets: what fits into the type. */
static int get_uint(struct bytes b, int64_t *v)
{
	struct rd r;

	if (b.len == 0 || b.len > 7)
		return -EINVAL;
	rd_init(&r, b);
	*v = (int64_t)rd_uint(&r, b.len);
	return rd_end(&r);
}

static int isdp_dec(struct bytes e3, struct es5_isdp *out)
{
	struct es5_isdp i = {.fallback = -1, .granted_memory = -1, .remaining_memory = -1};
	int64_t life = -1, attributes = -1;
	struct ber t;
	struct rd r;
	int rc = 0;

	rd_init(&r, e3);
	while (rc == 0 && ber_next(&r, &t)) {
		if (t.tag == TAG_AID)
			i.aid = t.value;
		else if (t.tag == 0x9f70)
			rc = get_uint(t.value, &life);
		else if (t.tag == 0x53)
			rc = get_uint(t.value, &attributes);
		else if (t.tag == 0x8f)
			rc = get_uint(t.value, &i.granted_memory);
		else if (t.tag == 0x91)
			rc = get_uint(t.value, &i.remaining_memory);
	}
	if (rc < 0 || rd_end(&r) < 0 || i.aid.len < AID_MIN || i.aid.len > AID_MAX || life < 0 || life > 0xff)
		return -EINVAL;
	i.life = (enum es5_life)life;
	if (attributes >= 0)
		i.fallback = attributes & 1;
	*out = i;
	return 0;
}

bool es5_isdp_next(struct rd *r, struct es5_isdp *isdp)
{
	struct ber t;

	if (!ber_next(r, &t))
		return false;
	if (t.tag != 0xe3 || isdp_dec(t.value, isdp) < 0) {
		rd_fail(r);
		return false;
	}
	return true;
}

int es5_memory_dec(struct bytes data, int64_t *free_memory)
{
	struct bytes ff21, free_nv;
	int64_t v;

	if (ber_find(data, 0xff21, &ff21) < 0 || ber_find(ff21, 0x82, &free_nv) < 0 || get_uint(free_nv, &v) < 0)
		return -EINVAL;
	*free_memory = v;
	return 0;
}

int es5_confirmed_dec(struct bytes data, struct bytes *aids)
{
	struct bytes list = bytes_of(NULL, 0);
	struct bytes aid;
	struct rd r;

	if (data.len && ber_find(data, 0x80, &list) < 0)
		return -EINVAL;
	rd_init(&r, list);
	while (es5_deleted_next(&r, &aid))
		;
	if (rd_end(&r) < 0)
		return -EINVAL;
	*aids = list;
	return 0;
}

bool es5_deleted_next(struct rd *r, struct bytes *aid)
{
	if (rd_left(r) == 0)
		return false;
	*aid = ber_expect(r, TAG_AID);
	return !r->failed;
}

/* Value of the first of these tags that is there; empty when none is. */
static struct bytes first_of(struct bytes level, const uint32_t *tags, size_t n)
{
	struct bytes v = bytes_of(NULL, 0);

	for (size_t i = 0; i < n; i++) {
		if (ber_find(level, tags[i], &v) == 0)
			break;
	}
	return v;
}

/* \param[in] len  0: any */
static int find_uint(struct bytes level, uint32_t tag, size_t len, int64_t max, int64_t *v)
{
	struct bytes value;
	int64_t found;

	if (ber_find(level, tag, &value) < 0 || (len && value.len != len) || get_uint(value, &found) < 0 || found > max)
		return -EINVAL;
	*v = found;
	return 0;
}

static bool is_meid(struct bytes v)
{
	return v.len >= 7 && v.len <= 8;
}

int es5_notif_dec(struct bytes data, struct es5_notif *notif)
{
	static const uint32_t imei_tags[] = {0x14};
	struct es5_notif n = {0};
	int64_t type, seq;
	struct bytes e1;

	if (ber_find(data, 0xe1, &e1) < 0 || ber_find(e1, 0x4c, &n.eid) < 0 || n.eid.len != 16)
		return -EINVAL;
	if (find_uint(e1, 0x4d, 0, 0xff, &type) < 0 || find_uint(e1, TAG_NOTIF_SEQ, 2, 0xffff, &seq) < 0)
		return -EINVAL;
	n.aid = first_of(e1, notif_aid_tags, ARRAY_SIZE(notif_aid_tags));
	n.imei = first_of(e1, imei_tags, ARRAY_SIZE(imei_tags));
	n.meid = first_of(e1, notif_meid_tags, ARRAY_SIZE(notif_meid_tags));
	if (n.aid.len > AID_MAX || n.imei.len > 8)
		return -EINVAL;
	if (!is_meid(n.meid))
		n.meid = bytes_of(NULL, 0);
	n.type = (uint8_t)type;
	n.seq = (uint16_t)seq;
	*notif = n;
	return 0;
}

const char *es5_notif_name(uint8_t type)
{
	static const struct {
		uint8_t type;
		const char *name;
	} names[] = {
		{ES5_NOTIF_FIRST, "eUICC declares itself"},
		{ES5_NOTIF_CHANGED, "profile change succeeded"},
		{ES5_NOTIF_ROLLED_BACK, "profile change failed, rolled back"},
		{ES5_NOTIF_FALLBACK, "fall-back profile enabled"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (names[i].type == type)
			return names[i].name;
	}
	return "unknown type";
}
