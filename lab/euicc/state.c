/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What a card keeps without power, as BER-TLV:
 *
 *   80 version      5A EID            81 counter (5)       82 switch_to type | empty   83 slot to roll back to | empty
 *   84 notification: type, sendings, number (2)            85 last number (2)          86 declared
 *   87 type and digits of the SM-SR's address | empty      88 faults, then their arguments (4 each)
 *   8A parameters of the HTTPS bearer | empty              89 slots
 *   E3 for each slot in order: 4F AID, 9F70 state, 53 flags, 90 POL1, 5A ICCID, 92 IMSI, 8F and 91 memory,
 *     A8 key set and package (isdp_nv.c) | empty
 *
 * Reading demands exactly this and that the whole makes sense; a card never runs on half a state. */
#include "lab/euicc/card.h"

#include <errno.h>
#include <osmocom/core/talloc.h>
#include <osmocom/core/utils.h>
#include <string.h>

#include "scp81/trigger.h"

#define STATE_VERSION 2
#define FLAG_FALLBACK 0x01
#define FLAG_EMERGENCY 0x02
#define FLAG_NO_COVERAGE 0x80

static void put_uint(struct wr *w, uint32_t tag, uint64_t v, size_t n)
{
	ber_put_head(w, tag, n);
	wr_uint(w, v, n);
}

static void slot_enc(struct wr *w, const struct euicc_profile *p)
{
	uint8_t buf[1024];
	struct bytes body;
	struct wr s;
	int rc;

	wr_init_buf(&s, buf, sizeof(buf));
	if (p->state != ISDP_NONE) {
		ber_put(&s, 0x4f, BYTES_ARR(p->aid));
		ber_put_u8(&s, 0x9f70, (uint8_t)p->state);
		ber_put_u8(&s, 0x53,
			   (uint8_t)((p->fallback ? FLAG_FALLBACK : 0) | (p->emergency ? FLAG_EMERGENCY : 0) |
				     (p->no_coverage ? FLAG_NO_COVERAGE : 0)));
		ber_put_u8(&s, 0x90, p->pol1);
		ber_put(&s, 0x5a, BYTES_ARR(p->iccid));
		ber_put(&s, 0x92, bytes_str(p->imsi));
		put_uint(&s, 0x8f, p->mem_granted, 4);
		put_uint(&s, 0x91, p->mem_left, 4);
		isdp_nv_enc(&s, p->es8);
	}
	rc = wr_end(&s, &body);
	OSMO_ASSERT(rc == 0);
	ber_put(w, 0xe3, body);
}

static void address_enc(struct wr *w, const struct sms_addr *addr)
{
	struct bytes digits = bytes_str(addr->digits);

	ber_put_head(w, 0x87, digits.len ? digits.len + 1 : 0);
	if (digits.len)
		wr_u8(w, addr->type);
	wr_bytes(w, digits);
}

static void faults_enc(struct wr *w, const struct euicc *card)
{
	ber_put_head(w, 0x88, 40);
	wr_u32(w, card->nv.faults);
	wr_u32(w, card->nv.slow_ms);
	wr_u32(w, card->nv.drop_notifications);
	wr_u32(w, card->nv.drop_pors);
	wr_u32(w, card->nv.https_cut);
	wr_u32(w, card->nv.https_stall);
	wr_u32(w, card->nv.https_status);
	wr_u32(w, card->nv.bad_pe);
	wr_u32(w, card->nv.package_memory);
	wr_u32(w, card->nv.scp03t_mac);
}

struct bytes euicc_save(struct euicc *card, const void *ctx)
{
	struct bytes out;
	struct wr w;
	int rc;

	wr_init(&w, ctx);
	ber_put_u8(&w, 0x80, STATE_VERSION);
	ber_put(&w, 0x5a, BYTES_ARR(card->eid));
	put_uint(&w, 0x81, card->nv.counter, 5);
	ber_put_head(&w, 0x82, card->nv.switch_to >= 0 ? 2 : 0);
	if (card->nv.switch_to >= 0) {
		wr_u8(&w, (uint8_t)card->nv.switch_to);
		wr_u8(&w, card->nv.switch_type);
	}
	ber_put_head(&w, 0x83, card->nv.previous >= 0 ? 1 : 0);
	if (card->nv.previous >= 0)
		wr_u8(&w, (uint8_t)card->nv.previous);
	ber_put_head(&w, 0x84, 4);
	wr_u8(&w, card->nv.notify_type);
	wr_u8(&w, card->nv.notify_tries);
	wr_u16(&w, card->nv.notify_seq);
	put_uint(&w, 0x85, card->nv.last_seq, 2);
	ber_put_u8(&w, 0x86, card->nv.declared);
	address_enc(&w, &card->nv.smsr);
	faults_enc(&w, card);
	ber_put(&w, 0x8a, card->nv.https);
	ber_put_u8(&w, 0x89, card->nv.n_slots);
	for (size_t i = 0; i < card->nv.n_slots; i++)
		slot_enc(&w, &card->nv.profiles[i]);
	rc = wr_end(&w, &out);
	OSMO_ASSERT(rc == 0);
	card->dirty = false;
	return out;
}

static bool get_flag(struct rd *r, uint32_t tag)
{
	uint64_t v = ber_expect_uint(r, tag, 1);

	if (v > 1)
		rd_fail(r);
	return v == 1;
}

static void get_octets(struct rd *r, uint32_t tag, uint8_t *out, size_t n)
{
	struct bytes v = ber_expect(r, tag);

	if (v.len == n)
		memcpy(out, v.data, n);
	else
		rd_fail(r);
}

static bool state_known(uint64_t state)
{
	return state == ISDP_SELECTABLE || state == ISDP_PERSONALIZED || state == ISDP_DISABLED ||
	       state == ISDP_ENABLED;
}

static void get_imsi(struct rd *r, char imsi[16])
{
	struct bytes v = ber_expect(r, 0x92);

	if (v.len > 15)
		rd_fail(r);
	for (size_t i = 0; i < v.len && !r->failed; i++) {
		if (v.data[i] < '0' || v.data[i] > '9')
			rd_fail(r);
		imsi[i] = (char)v.data[i];
	}
}

static int slot_dec(const void *ctx, struct bytes body, struct euicc_profile *p)
{
	uint64_t state, flags;
	struct bytes es8;
	struct rd r;

	rd_init(&r, body);
	if (body.len == 0)
		return 0;
	get_octets(&r, 0x4f, p->aid, sizeof(p->aid));
	state = ber_expect_uint(&r, 0x9f70, 1);
	flags = ber_expect_uint(&r, 0x53, 1);
	p->pol1 = (uint8_t)ber_expect_uint(&r, 0x90, 1);
	get_octets(&r, 0x5a, p->iccid, sizeof(p->iccid));
	get_imsi(&r, p->imsi);
	p->mem_granted = (uint32_t)ber_expect_uint(&r, 0x8f, 4);
	p->mem_left = (uint32_t)ber_expect_uint(&r, 0x91, 4);
	if (!state_known(state) || (flags & ~(uint64_t)(FLAG_FALLBACK | FLAG_EMERGENCY | FLAG_NO_COVERAGE)))
		return -EINVAL;
	p->state = (enum isdp_state)state;
	p->fallback = flags & FLAG_FALLBACK;
	p->emergency = flags & FLAG_EMERGENCY;
	p->no_coverage = flags & FLAG_NO_COVERAGE;
	es8 = ber_expect(&r, 0xa8);
	return rd_end(&r) ? -EINVAL : isdp_nv_dec(ctx, es8, &p->es8);
}

static int8_t get_slot(struct rd *r)
{
	uint8_t slot = rd_u8(r);

	if (slot >= EUICC_PROFILES_MAX)
		rd_fail(r);
	return (int8_t)slot;
}

static void get_switch(struct rd *r, struct card_nv *nv)
{
	struct bytes v = ber_expect(r, 0x82);
	struct rd s;

	nv->switch_to = -1;
	if (v.len == 0)
		return;
	rd_init(&s, v);
	nv->switch_to = get_slot(&s);
	nv->switch_type = rd_u8(&s);
	if (rd_end(&s))
		rd_fail(r);
}

static void get_previous(struct rd *r, struct card_nv *nv)
{
	struct bytes v = ber_expect(r, 0x83);
	struct rd s;

	nv->previous = -1;
	if (v.len == 0)
		return;
	rd_init(&s, v);
	nv->previous = get_slot(&s);
	if (rd_end(&s))
		rd_fail(r);
}

static void get_notification(struct rd *r, struct card_nv *nv)
{
	struct bytes v = ber_expect(r, 0x84);
	struct rd s;

	rd_init(&s, v);
	nv->notify_type = rd_u8(&s);
	nv->notify_tries = rd_u8(&s);
	nv->notify_seq = rd_u16(&s);
	if (rd_end(&s))
		rd_fail(r);
}

static void get_address(struct rd *r, struct sms_addr *addr)
{
	struct bytes v = ber_expect(r, 0x87), digits;
	char text[SMS_ADDR_DIGITS_MAX + 1] = {0};
	uint8_t type;
	struct rd s;

	if (v.len == 0)
		return;
	rd_init(&s, v);
	type = rd_u8(&s);
	digits = rd_rest(&s);
	if (rd_end(&s) || digits.len > SMS_ADDR_DIGITS_MAX) {
		rd_fail(r);
		return;
	}
	memcpy(text, digits.data, digits.len);
	/* A "+" would change the type silently. */
	if (text[0] == '+' || sms_addr_set(addr, type, text))
		rd_fail(r);
}

static void get_faults(struct rd *r, struct card_nv *nv)
{
	struct bytes v = ber_expect(r, 0x88);
	struct rd s;

	rd_init(&s, v);
	nv->faults = rd_u32(&s);
	nv->slow_ms = rd_u32(&s);
	nv->drop_notifications = rd_u32(&s);
	nv->drop_pors = rd_u32(&s);
	nv->https_cut = rd_u32(&s);
	nv->https_stall = rd_u32(&s);
	nv->https_status = rd_u32(&s);
	nv->bad_pe = rd_u32(&s);
	nv->package_memory = rd_u32(&s);
	nv->scp03t_mac = rd_u32(&s);
	if (rd_end(&s) || nv->faults >> EUICC_N_FAULTS)
		rd_fail(r);
}

static int get_https(struct rd *r, const void *ctx, struct card_nv *nv)
{
	struct trigger t;

	nv->https = ber_expect(r, 0x8a);
	return r->failed ? -EINVAL : trigger_objects_dec(ctx, nv->https, &t);
}

static int slots_dec(struct rd *r, const void *ctx, struct card_nv *nv)
{
	nv->profiles = talloc_zero_array(ctx, struct euicc_profile, EUICC_PROFILES_MAX);
	OSMO_ASSERT(nv->profiles);
	nv->n_slots = (uint8_t)ber_expect_uint(r, 0x89, 1);
	if (nv->n_slots > EUICC_PROFILES_MAX)
		return -EINVAL;
	for (size_t i = 0; i < nv->n_slots; i++) {
		struct bytes body = ber_expect(r, 0xe3);

		if (r->failed || slot_dec(nv->profiles, body, &nv->profiles[i]))
			return -EINVAL;
	}
	return rd_end(r);
}

static bool target_ok(const struct card_nv *nv, int slot)
{
	return slot < 0 || (slot < nv->n_slots && nv->profiles[slot].state == ISDP_DISABLED);
}

bool profiles_ok(const struct euicc_profile *profiles, size_t n)
{
	size_t enabled = 0, fallback = 0;

	for (size_t i = 0; i < n; i++) {
		if (profiles[i].state == ISDP_NONE)
			continue;
		enabled += profiles[i].state == ISDP_ENABLED;
		fallback += profiles[i].fallback;
		if (profiles[i].fallback && profiles[i].state != ISDP_ENABLED && profiles[i].state != ISDP_DISABLED)
			return false;
		for (size_t k = 0; k < i; k++) {
			if (profiles[k].state != ISDP_NONE &&
			    bytes_eq(BYTES_ARR(profiles[k].aid), BYTES_ARR(profiles[i].aid)))
				return false;
		}
	}
	return enabled == 1 && fallback == 1;
}

static int nv_dec(struct bytes saved, const void *ctx, const uint8_t want[EUICC_EID_LEN], struct card_nv *nv)
{
	uint8_t eid[EUICC_EID_LEN] = {0};
	struct rd r;

	rd_init(&r, saved);
	if (ber_expect_uint(&r, 0x80, 1) != STATE_VERSION)
		return -EINVAL;
	get_octets(&r, 0x5a, eid, sizeof(eid));
	if (!bytes_eq(BYTES_ARR(eid), bytes_of(want, EUICC_EID_LEN)))
		return -EINVAL;
	nv->counter = ber_expect_uint(&r, 0x81, 5);
	get_switch(&r, nv);
	get_previous(&r, nv);
	get_notification(&r, nv);
	nv->last_seq = (uint16_t)ber_expect_uint(&r, 0x85, 2);
	nv->declared = get_flag(&r, 0x86);
	get_address(&r, &nv->smsr);
	get_faults(&r, nv);
	if (get_https(&r, ctx, nv) || slots_dec(&r, ctx, nv) || !profiles_ok(nv->profiles, nv->n_slots))
		return -EINVAL;
	return target_ok(nv, nv->switch_to) && target_ok(nv, nv->previous) ? 0 : -EINVAL;
}

int euicc_load(struct euicc *card, struct bytes saved)
{
	void *ctx = talloc_new(card);
	struct card_nv nv = {0};
	int rc;

	OSMO_ASSERT(ctx && card->phone == PHONE_OFF);
	rc = nv_dec(saved, ctx, card->eid, &nv);
	if (rc)
		goto out;
	talloc_free(card->nv.profiles);
	talloc_free((void *)card->nv.https.data);
	card->nv = nv;
	if (nv.https.len)
		card->nv.https = bytes_dup(card, nv.https);
	else
		card->nv.https = bytes_of(NULL, 0);
	card->nv.profiles = talloc_memdup(card, nv.profiles, nv.n_slots * sizeof(nv.profiles[0]));
	OSMO_ASSERT(card->nv.profiles);
	talloc_set_type(card->nv.profiles, struct euicc_profile);
	for (size_t i = 0; i < nv.n_slots; i++)
		talloc_steal(card->nv.profiles, card->nv.profiles[i].es8);
	card->dirty = false;
out:
	talloc_free(ctx);
	return rc;
}
