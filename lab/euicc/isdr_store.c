/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* STORE DATA to the ISD-R (SGP.02, ES5): enable, disable, attributes, SM-SR address, confirmation of notifications.
 *
 * Blocks are collected and the DGIs executed when the last block is there, one after the other until one fails. */
#include "lab/euicc/card.h"

#include <osmocom/core/talloc.h>
#include <osmocom/core/utils.h>
#include <string.h>

#include "scp81/trigger.h"

#define P1_LAST 0x80
#define P1_ENCRYPTION 0x60
#define P1_FORMAT 0x18
#define P1_FORMAT_DGI 0x08
#define STORE_MAX 2048
#define HTTPS_MAX 1024

typedef uint16_t (*dgi_fn)(struct euicc *card, struct bytes value, struct wr *out);

/* 4F L AID and nothing else.  \returns slot; -1 unknown AID, -2 malformed */
static int slot_arg(const struct euicc *card, struct bytes value)
{
	struct bytes aid;
	struct rd r;

	rd_init(&r, value);
	aid = ber_expect(&r, 0x4f);
	if (rd_end(&r) || aid.len < 5 || aid.len > 16)
		return -2;
	return profile_find(card, aid);
}

static uint16_t slot_sw(int slot)
{
	return slot == -2 ? 0x6a80 : UNC_SW_AID_UNKNOWN;
}

static void schedule(struct euicc *card, int slot, enum euicc_notify_type type)
{
	card->nv.switch_to = (int8_t)slot;
	card->nv.switch_type = (uint8_t)type;
	card->dirty = true;
}

static bool locked(const struct euicc *card)
{
	return fault_on(card, EUICC_FAULT_POL1) ||
	       (card->nv.profiles[profile_enabled(card)].pol1 & UNC_POL1_NO_DISABLE);
}

static uint16_t enable(struct euicc *card, struct bytes value, struct wr *out)
{
	int slot = slot_arg(card, value);

	if (slot < 0)
		return slot_sw(slot);
	if (card->nv.switch_to >= 0)
		return UNC_SW_SWITCH_PENDING;
	if (card->nv.profiles[slot].state != ISDP_DISABLED)
		return 0x6985;
	if (locked(card))
		return 0x69e1;
	schedule(card, slot, EUICC_NOTIFY_CHANGED);
	return SW_OK;
}

static uint16_t disable(struct euicc *card, struct bytes value, struct wr *out)
{
	int slot = slot_arg(card, value);

	if (slot < 0)
		return slot_sw(slot);
	if (card->nv.switch_to >= 0)
		return UNC_SW_SWITCH_PENDING;
	if (card->nv.profiles[slot].state != ISDP_ENABLED || card->nv.profiles[slot].fallback)
		return 0x6985;
	if (locked(card))
		return 0x69e1;
	schedule(card, profile_fallback(card), card->fleet->set.notify_after_disable);
	return SW_OK;
}

static uint16_t set_fallback(struct euicc *card, struct bytes value, struct wr *out)
{
	int slot = slot_arg(card, value);
	const struct euicc_profile *p;

	if (slot < 0)
		return slot_sw(slot);
	p = &card->nv.profiles[slot];
	if ((p->state != ISDP_DISABLED && p->state != ISDP_ENABLED) || p->emergency)
		return UNC_SW_FALLBACK_STATE;
	card->nv.profiles[profile_fallback(card)].fallback = false;
	card->nv.profiles[slot].fallback = true;
	card->dirty = true;
	return SW_OK;
}

static uint16_t set_emergency(struct euicc *card, struct bytes value, struct wr *out)
{
	int slot = slot_arg(card, value);

	if (slot < 0)
		return slot_sw(slot);
	if (card->nv.profiles[slot].state != ISDP_DISABLED || card->nv.profiles[slot].fallback)
		return UNC_SW_FALLBACK_STATE;
	for (int i = 0; i < card->nv.n_slots; i++)
		card->nv.profiles[i].emergency = i == slot;
	card->dirty = true;
	return SW_OK;
}

/* Number of digits (or, from some servers, of octets), type of address, semi-octets. */
static bool address_dec(struct bytes value, struct sms_addr *addr)
{
	static const char digit[] = "0123456789*#abc";
	char text[SMS_ADDR_DIGITS_MAX + 2];
	size_t n = 0, count;
	uint8_t type;
	struct rd r;

	rd_init(&r, value);
	count = rd_u8(&r);
	type = rd_u8(&r);
	if (rd_left(&r) == 0 || rd_left(&r) > SMS_ADDR_DIGITS_MAX / 2 ||
	    (rd_left(&r) != count && rd_left(&r) != (count + 1) / 2))
		return false;
	while (rd_left(&r) > 0) {
		uint8_t octet = rd_u8(&r);

		if ((octet & 0x0f) < 15)
			text[n++] = digit[octet & 0x0f];
		if (octet >> 4 < 15)
			text[n++] = digit[octet >> 4];
	}
	text[n] = '\0';
	return sms_addr_set(addr, type, text) == 0;
}

/* Parameters of the HTTPS bearer, kept as they came. */
static bool https_ok(struct euicc *card, struct bytes objects)
{
	void *ctx = talloc_new(card);
	struct trigger t;
	bool ok = objects.len <= HTTPS_MAX && trigger_objects_dec(ctx, objects, &t) == 0;

	talloc_free(ctx);
	return ok;
}

static void https_set(struct euicc *card, struct bytes objects)
{
	talloc_free((void *)card->nv.https.data);
	card->nv.https = bytes_dup(card, objects);
}

/* A3 is the SMS address, A5 the HTTPS bearer; A4 CAT_TP and A6 DNS are taken and have no effect. */
static uint16_t set_addressing(struct euicc *card, struct bytes value, struct wr *out)
{
	struct sms_addr addr = {0};
	struct bytes number, https = bytes_of(NULL, 0);
	struct ber t;
	struct rd r;

	rd_init(&r, value);
	while (ber_next(&r, &t)) {
		if (t.tag < 0xa3 || t.tag > 0xa6)
			return UNC_SW_UNKNOWN_TEMPLATE;
		if (t.tag == 0xa3 && (ber_find(t.value, 0x81, &number) || !address_dec(number, &addr)))
			return 0x6a80;
		if (t.tag == 0xa5 && !https_ok(card, t.value))
			return 0x6a80;
		if (t.tag == 0xa5)
			https = t.value;
	}
	if (rd_end(&r) || value.len == 0)
		return 0x6a80;
	if (addr.digits[0])
		card->nv.smsr = addr;
	if (https.len)
		https_set(card, https);
	card->dirty = true;
	return SW_OK;
}

/* POL1 "delete when disabled" of the profile left behind takes effect with the confirmation of the change, so that a
 * roll-back before it still finds the profile.  A fall-back is no such change: it leaves no previous profile. */
static void delete_by_pol1(struct euicc *card, int slot, struct wr *aids)
{
	const struct euicc_profile *p;

	if (slot < 0)
		return;
	p = &card->nv.profiles[slot];
	if (!(p->pol1 & UNC_POL1_DELETE_ON_DISABLE) || p->fallback || p->state != ISDP_DISABLED)
		return;
	ber_put(aids, 0x4f, BYTES_ARR(p->aid));
	out_event(card, "POL1 deletes the profile in slot %d", slot);
	profile_delete(card, slot);
}

static uint16_t confirm(struct euicc *card, struct bytes value, struct wr *out)
{
	int previous = card->nv.previous;
	uint8_t buf[32];
	struct bytes seq, list;
	struct wr aids;
	struct rd r, s;
	uint16_t number;
	int rc;

	rd_init(&r, value);
	seq = ber_expect(&r, 0x4e);
	rd_init(&s, seq);
	number = rd_u16(&s);
	if (rd_end(&r) || rd_end(&s))
		return 0x6a80;
	if (notify_confirm(card, number))
		return UNC_SW_SEQ_UNKNOWN;
	out_event(card, "notification %u is confirmed", number);
	wr_init_buf(&aids, buf, sizeof(buf));
	delete_by_pol1(card, previous, &aids);
	rc = wr_end(&aids, &list);
	OSMO_ASSERT(rc == 0);
	ber_put(out, 0x80, list);
	return SW_OK;
}

static const struct {
	uint16_t id;
	const char *name;
	dgi_fn run;
} dgis[] = {
	{0x3a03, "EnableProfile", enable},
	{0x3a04, "DisableProfile", disable},
	{0x3a05, "SetFallbackAttribute", set_fallback},
	{0x3a07, "UpdateSMSRAddressingParameters", set_addressing},
	{0x3a08, "HandleNotificationConfirmation", confirm},
	{UNC_DGI_EMERGENCY, "SetEmergencyProfileAttribute", set_emergency},
};

static uint16_t run_dgi(struct euicc *card, const struct dgi *dgi, struct wr *out)
{
	for (size_t i = 0; i < ARRAY_SIZE(dgis); i++) {
		uint16_t sw;

		if (dgis[i].id != dgi->id)
			continue;
		sw = dgis[i].run(card, dgi->value, out);
		out_event(card, "%s: %04X", dgis[i].name, sw);
		return sw;
	}
	out_event(card, "STORE DATA with unknown DGI %04X", dgi->id);
	return 0x6a88;
}

static bool dgis_sound(struct bytes list)
{
	struct dgi dgi;
	struct rd r;

	rd_init(&r, list);
	while (dgi_next(&r, &dgi))
		;
	return list.len > 0 && rd_end(&r) == 0;
}

static uint16_t run_all(struct euicc *card, struct bytes list, struct wr *out)
{
	uint16_t sw = SW_OK;
	struct dgi dgi;
	struct rd r;

	if (!dgis_sound(list))
		return 0x6a80;
	rd_init(&r, list);
	while (sw == SW_OK && dgi_next(&r, &dgi))
		sw = run_dgi(card, &dgi, out);
	return sw;
}

/* Blocks in a row, numbered from 0. */
static uint16_t collect(struct session *s, const struct capdu *cmd)
{
	if (cmd->p2 == 0) {
		talloc_free(s->store.buf);
		wr_init(&s->store, s);
	} else if (cmd->p2 != s->store_next) {
		return 0x6a86;
	}
	if (s->store.len + cmd->data.len > STORE_MAX)
		return 0x6a84;
	wr_bytes(&s->store, cmd->data);
	s->store_next = (uint8_t)(cmd->p2 + 1);
	return SW_OK;
}

uint16_t isdr_store_data(struct euicc *card, const struct capdu *cmd, struct wr *out)
{
	struct session *s = card_session(card);
	struct bytes list;
	uint16_t sw;

	if ((cmd->p1 & P1_ENCRYPTION) || (cmd->p1 & P1_FORMAT) != P1_FORMAT_DGI)
		return 0x6a86;
	if (perso_wants(card, cmd))
		return perso_store_data(card, cmd, out);
	sw = collect(s, cmd);
	if (sw != SW_OK || !(cmd->p1 & P1_LAST))
		return sw;
	s->store_next = 0;
	return wr_end(&s->store, &list) ? 0x6a84 : run_all(card, list, out);
}
