/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Answers of SGP.02 in words: status words, and the entries of GET STATUS.  All other data is told by its length. */
#include <osmocom/core/utils.h>

#include "common/codec/ber.h"
#include "scp80/apdu.h"
#include "scp80/apdu_text.h"
#include "scp80/text.h"

#define TAG_AID 0x4f
#define TAG_DELETED 0x80
#define TAG_STATUS_ENTRY 0xe3
#define TAG_STATE 0x9f70
#define TAG_ATTRIBUTES 0x53

static const struct text_name sw_names[] = {
	{0x9000, "done"},
	{0x6200, "warning"},
	{0x62f1, "answer cut, rest of the script not executed"},
	{0x6310, "more data available"},
	{0x6581, "memory failure"},
	{0x6700, "wrong length"},
	{0x6881, "logical channel not supported"},
	{0x6882, "secure messaging not supported"},
	{0x6982, "security status not satisfied"},
	{0x6985, "conditions of use not satisfied"},
	{0x6988, "secure messaging data wrong"},
	{0x69e1, "POL1 forbids"},
	{0x6a80, "wrong data field"},
	{0x6a81, "function not supported"},
	{0x6a82, "application or file not found"},
	{0x6a84, "not enough memory"},
	{0x6a86, "wrong P1 P2"},
	{0x6a88, "referenced data not found"},
	{0x6d00, "INS not supported"},
	{0x6e00, "CLA not supported"},
	{0x6f00, "no precise diagnosis"},
	{0x9300, "card application toolkit busy"},
	{0x9484, "algorithm not supported"},
	{0x9485, "wrong key check value"},
};

/* Families whose second octet is a number. */
static const struct text_name sw1_names[] = {
	{0x61, "done, more data"},
	{0x6c, "wrong Le"},
	{0x91, "done, proactive command pending"},
	{0x9f, "done, more data"},
	{0x64, "execution error"},
	{0x62, "warning"},
	{0x63, "warning"},
	{0x65, "memory or execution error"},
};

const char *sw_text(uint16_t sw)
{
	const char *name = text_name(sw_names, ARRAY_SIZE(sw_names), sw);

	if (!name)
		name = text_name(sw1_names, ARRAY_SIZE(sw1_names), sw >> 8);
	return name ? name : "unknown status word";
}

static const struct text_name state_names[] = {
	{0x03, "installed"}, {0x07, "selectable"}, {0x0f, "personalized"}, {0x1f, "disabled"}, {0x3f, "enabled"},
};

static bool first_octet(struct bytes level, uint32_t tag, uint8_t *v)
{
	struct bytes b;
	struct rd r;

	if (ber_find(level, tag, &b) < 0 || b.len != 1)
		return false;
	rd_init(&r, b);
	*v = rd_u8(&r);
	return true;
}

/* One E3 of GET STATUS: AID, state, fall-back attribute. */
static void add_status_entry(char **to, struct bytes entry)
{
	uint8_t state, attributes;
	const char *name;

	text_add_aid_of(to, entry);
	if (first_octet(entry, TAG_STATE, &state)) {
		name = text_name(state_names, ARRAY_SIZE(state_names), state);
		text_add(to, " %s", name ? name : "in an unknown state");
	}
	if (first_octet(entry, TAG_ATTRIBUTES, &attributes) && attributes & 1)
		text_add(to, " fall-back");
	text_add(to, ",");
}

/* Answer to HandleNotificationConfirmation: the ISD-Ps that POL1 had deleted. */
static void add_deleted(char **to, struct bytes list)
{
	struct ber tlv;
	struct rd r;

	rd_init(&r, list);
	while (ber_check(list, 1) == 0 && ber_next(&r, &tlv)) {
		if (tlv.tag != TAG_AID)
			continue;
		text_add(to, " deleted ");
		text_add_aid(to, tlv.value);
		text_add(to, ",");
	}
}

static void add_data(char **to, struct bytes data)
{
	struct ber tlv;
	struct rd r;

	if (data.len == 0)
		return;
	text_add(to, "%zu octets,", data.len);
	rd_init(&r, data);
	while (ber_check(data, 4) == 0 && ber_next(&r, &tlv)) {
		if (tlv.tag == TAG_STATUS_ENTRY)
			add_status_entry(to, tlv.value);
		else if (tlv.tag == TAG_DELETED)
			add_deleted(to, tlv.value);
	}
	text_add(to, " ");
}

char *rapdu_text(const void *ctx, struct bytes raw)
{
	char *text = text_start(ctx);
	struct rapdu r;

	if (rapdu_dec(raw, &r) < 0) {
		text_add(&text, "malformed answer, %zu octets", raw.len);
		return text;
	}
	add_data(&text, r.data);
	text_add(&text, "%04X %s", r.sw, sw_text(r.sw));
	return text;
}
