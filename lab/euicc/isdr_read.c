/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What the SM-SR and the device read (SGP.02, eUICCCapabilityAudit): GET STATUS of the ISD-Ps, GET DATA of the ISD-R
 * and of the ECASD. */
#include "lab/euicc/card.h"

#include <osmocom/core/talloc.h>
#include <osmocom/core/utils.h>

#define STATUS_FIRST 0x02
#define STATUS_NEXT 0x03

typedef void (*status_fn)(const struct euicc_profile *p, struct wr *w);

static void put_aid(const struct euicc_profile *p, struct wr *w)
{
	ber_put(w, 0x4f, BYTES_ARR(p->aid));
}

static void put_state(const struct euicc_profile *p, struct wr *w)
{
	ber_put_u8(w, 0x9f70, (uint8_t)p->state);
}

static void put_attributes(const struct euicc_profile *p, struct wr *w)
{
	ber_put_u8(w, 0x53, (p->fallback ? UNC_ATTR_FALLBACK : 0) | (p->emergency ? UNC_ATTR_EMERGENCY : 0));
}

static void put_granted(const struct euicc_profile *p, struct wr *w)
{
	ber_put_head(w, 0x8f, 4);
	wr_u32(w, p->mem_granted);
}

static void put_left(const struct euicc_profile *p, struct wr *w)
{
	ber_put_head(w, 0x91, 4);
	wr_u32(w, p->mem_left);
}

static const struct {
	uint32_t tag;
	size_t tag_len;
	status_fn put;
} fields[] = {
	{0x4f, 1, put_aid},	{0x9f70, 2, put_state}, {0x53, 1, put_attributes},
	{0x8f, 1, put_granted}, {0x91, 1, put_left},
};

/* Take the next tag of a tag list.  \returns its row; -1 at the end or when no such field exists (reader failed) */
static int next_field(struct rd *tags)
{
	if (rd_left(tags) == 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		struct rd r = *tags;

		if (rd_uint(&r, fields[i].tag_len) == fields[i].tag && !r.failed) {
			*tags = r;
			return (int)i;
		}
	}
	rd_fail(tags);
	return -1;
}

/* One E3 with the fields asked for, in that order. */
static void put_entry(const struct euicc_profile *p, struct bytes tags, struct wr *out)
{
	struct bytes body;
	uint8_t buf[256];
	struct wr w;
	struct rd r;
	int i;

	wr_init_buf(&w, buf, sizeof(buf));
	rd_init(&r, tags);
	while ((i = next_field(&r)) >= 0)
		fields[i].put(p, &w);
	if (wr_end(&w, &body) == 0)
		ber_put(out, 0xe3, body);
}

static bool tags_ok(struct bytes tags)
{
	struct rd r;

	/* No tag twice would be stricter; the bound keeps an entry within put_entry()'s room. */
	if (tags.len > 12)
		return false;
	rd_init(&r, tags);
	while (next_field(&r) >= 0)
		;
	return rd_end(&r) == 0;
}

/* An AID selects itself and every AID that begins with it. */
static bool matches(const struct euicc_profile *p, struct bytes prefix)
{
	return p->state != ISDP_NONE && prefix.len <= sizeof(p->aid) &&
	       bytes_eq(prefix, bytes_sub(BYTES_ARR(p->aid), 0, prefix.len));
}

static uint16_t list(struct euicc *card, size_t first, struct bytes prefix, struct bytes tags, struct wr *out)
{
	size_t start = out->len;

	for (size_t i = first; i < card->nv.n_slots; i++) {
		size_t before = out->len;

		if (!matches(&card->nv.profiles[i], prefix))
			continue;
		put_entry(&card->nv.profiles[i], tags, out);
		if (out->len - start > UNC_STATUS_MAX) {
			out->len = before;
			card_session(card)->status_next = i;
			return UNC_SW_MORE_STATUS;
		}
	}
	card_session(card)->status_next = 0;
	return out->len > start ? SW_OK : 0x6a88;
}

uint16_t isdr_get_status(struct euicc *card, const struct capdu *cmd, struct wr *out)
{
	struct bytes tags = BYTES_LIT("\x4f\x9f\x70\x53\x8f\x91");
	size_t first = cmd->p2 == STATUS_NEXT ? card_session(card)->status_next : 0;
	struct bytes prefix;
	struct rd r;

	if (cmd->p1 != 0x40 || (cmd->p2 != STATUS_FIRST && cmd->p2 != STATUS_NEXT))
		return 0x6a86;
	rd_init(&r, cmd->data);
	prefix = ber_expect(&r, 0x4f);
	if (rd_left(&r) > 0)
		tags = ber_expect(&r, 0x5c);
	if (rd_end(&r) || !tags_ok(tags))
		return 0x6a80;
	if (cmd->p2 == STATUS_NEXT && first == 0)
		return 0x6985;
	return list(card, first, prefix, tags, out);
}

/* FF21: extended card resources. */
static uint16_t get_resources(struct euicc *card, const struct capdu *cmd, struct wr *out)
{
	const struct euicc_settings *set = &card->fleet->set;
	struct bytes body;
	uint8_t buf[32];
	struct wr w;
	int rc;

	wr_init_buf(&w, buf, sizeof(buf));
	ber_put_u8(&w, 0x81, (uint8_t)euicc_n_profiles(card));
	ber_put_head(&w, 0x82, 4);
	wr_u32(&w, profile_mem_free(card));
	ber_put_head(&w, 0x83, 2);
	wr_u16(&w, set->volatile_free);
	rc = wr_end(&w, &body);
	OSMO_ASSERT(rc == 0);
	ber_put(out, 0xff21, body);
	return SW_OK;
}

static uint16_t put_certificate(struct euicc *card, bool wrapped, struct wr *out)
{
	const struct euicc_host *host = &card->fleet->host;
	void *ctx = talloc_new(card);
	struct bytes cert;
	int rc;

	rc = host->ecasd_cert(host->arg, card, ctx, &cert);
	if (rc == 0 && wrapped)
		ber_put(out, 0xbf30, cert);
	else if (rc == 0)
		wr_bytes(out, cert);
	talloc_free(ctx);
	return rc ? 0x6a88 : SW_OK;
}

/* BF30 forwards a GET DATA to the ECASD: 5C names the object. */
static uint16_t get_forwarded(struct euicc *card, const struct capdu *cmd, struct wr *out)
{
	struct bytes tags;
	struct rd r;

	rd_init(&r, cmd->data);
	tags = ber_expect(&r, 0x5c);
	if (rd_end(&r))
		return 0x6a80;
	return bytes_eq(tags, BYTES_LIT("\x7f\x21")) ? put_certificate(card, true, out) : 0x6a88;
}

static uint16_t get_eid(struct euicc *card, const struct capdu *cmd, struct wr *out)
{
	ber_put(out, 0x5a, BYTES_ARR(card->eid));
	return SW_OK;
}

static uint16_t get_certificate(struct euicc *card, const struct capdu *cmd, struct wr *out)
{
	return put_certificate(card, false, out);
}

struct object {
	uint8_t p1, p2;
	uint16_t (*get)(struct euicc *card, const struct capdu *cmd, struct wr *out);
};

static const struct object isdr_objects[] = {
	{0xff, 0x21, get_resources},
	{0xbf, 0x30, get_forwarded},
};
static const struct object ecasd_objects[] = {
	{0x00, 0x5a, get_eid},
	{0x7f, 0x21, get_certificate},
};

static uint16_t get_object(struct euicc *card, const struct object *table, size_t n, const struct capdu *cmd,
			   struct wr *out)
{
	for (size_t i = 0; i < n; i++) {
		if (table[i].p1 == cmd->p1 && table[i].p2 == cmd->p2)
			return table[i].get(card, cmd, out);
	}
	return 0x6a88;
}

uint16_t isdr_get_data(struct euicc *card, const struct capdu *cmd, struct wr *out)
{
	return get_object(card, isdr_objects, ARRAY_SIZE(isdr_objects), cmd, out);
}

uint16_t ecasd_get_data(struct euicc *card, const struct capdu *cmd, struct wr *out)
{
	return get_object(card, ecasd_objects, ARRAY_SIZE(ecasd_objects), cmd, out);
}
