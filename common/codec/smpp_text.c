/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Delivery receipts, message ids and times of SMPP 3.4.
 *
 * The text of a receipt is no part of the standard proper (its appendix only suggests one), and service centres vary
 * it: keys in any order and case, keys missing, blanks around the colon, error codes that are no numbers.  So it is
 * searched key by key instead of being parsed from left to right.  Times are plain arithmetic on the proleptic
 * calendar: no time zone of the machine plays a part. */
#include "common/codec/smpp_text.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

/* ---- message ids ---- */

static void number_text(struct bytes octets, char *out, size_t cap)
{
	while (octets.len > 1 && octets.data[0] == 0)
		octets = bytes_sub(octets, 1, octets.len - 1);
	if (hex_enc_buf(out, cap, octets) < 0)
		out[0] = '\0';
}

static void number_from_hex(const char *id, char *out, size_t cap)
{
	uint8_t octets[SMPP_MESSAGE_ID_LEN / 2 + 1];
	char even[SMPP_MESSAGE_ID_LEN + 1];
	size_t digits = strlen(id) + strlen(id) % 2;

	out[0] = '\0';
	if (snprintf(even, sizeof(even), "%s%s", strlen(id) % 2 ? "0" : "", id) >= (int)sizeof(even))
		return;
	if (hex_dec_buf(octets, digits / 2, even) == 0)
		number_text(bytes_of(octets, digits / 2), out, cap);
}

static void number_from_dec(const char *id, char *out, size_t cap)
{
	uint8_t octets[28] = {0}; /* 64 decimal digits are below 2^213 */

	out[0] = '\0';
	for (; *id; id++) {
		unsigned carry = (unsigned)(*id - '0');

		if (*id < '0' || *id > '9')
			return;
		for (size_t i = sizeof(octets); i-- > 0; carry >>= 8) {
			carry += octets[i] * 10u;
			octets[i] = (uint8_t)carry;
		}
	}
	number_text(BYTES_ARR(octets), out, cap);
}

int smpp_msgid_init(struct bytes id, struct smpp_msgid *out)
{
	struct smpp_msgid m = {0};

	if (id.len == 0 || memchr(id.data, '\0', id.len))
		return -EINVAL;
	if (id.len >= sizeof(m.raw))
		return -ENOSPC;
	memcpy(m.raw, id.data, id.len);
	number_from_hex(m.raw, m.as_hex, sizeof(m.as_hex));
	number_from_dec(m.raw, m.as_dec, sizeof(m.as_dec));
	*out = m;
	return 0;
}

static const char *first_of(const char *number, const char *raw)
{
	return *number ? number : raw;
}

const char *smpp_msgid_key(const struct smpp_msgid *response, enum smpp_msgid_type type)
{
	switch (type) {
	case SMPP_MSGID_AS_IS:
	case SMPP_MSGID_HEX_DEC:
		return first_of(response->as_hex, response->raw);
	case SMPP_MSGID_DEC_HEX:
		return first_of(response->as_dec, response->raw);
	}
	return response->raw;
}

void smpp_msgid_keys(const struct smpp_msgid *receipt, enum smpp_msgid_type type, const char *keys[2])
{
	keys[0] = first_of(type == SMPP_MSGID_HEX_DEC ? receipt->as_dec : receipt->as_hex, receipt->raw);
	keys[1] = receipt->raw;
}

/* ---- receipts ---- */

static const char *const state_words[] = {
	[SMPP_STATE_NONE] = "UNKNOWN",	   [SMPP_STATE_ENROUTE] = "ENROUTE", [SMPP_STATE_DELIVERED] = "DELIVRD",
	[SMPP_STATE_EXPIRED] = "EXPIRED",  [SMPP_STATE_DELETED] = "DELETED", [SMPP_STATE_UNDELIVERABLE] = "UNDELIV",
	[SMPP_STATE_ACCEPTED] = "ACCEPTD", [SMPP_STATE_UNKNOWN] = "UNKNOWN", [SMPP_STATE_REJECTED] = "REJECTD",
};

const char *smpp_state_word(enum smpp_message_state state)
{
	return (size_t)state < ARRAY_SIZE(state_words) ? state_words[state] : "UNKNOWN";
}

bool smpp_state_final(enum smpp_message_state state)
{
	switch (state) {
	case SMPP_STATE_DELIVERED:
	case SMPP_STATE_EXPIRED:
	case SMPP_STATE_DELETED:
	case SMPP_STATE_UNDELIVERABLE:
	case SMPP_STATE_REJECTED:
		return true;
	case SMPP_STATE_NONE:
	case SMPP_STATE_ENROUTE:
	case SMPP_STATE_ACCEPTED:
	case SMPP_STATE_UNKNOWN:
		return false;
	}
	return false;
}

bool smpp_is_receipt(uint8_t esm_class)
{
	/* 04 receipt, 08 acknowledgement of the phone, 20 intermediate notification; osmo-msc and others set more bits.
	 */
	return esm_class & (0x04 | 0x08 | 0x20);
}

static enum smpp_message_state state_from_word(struct bytes word)
{
	for (size_t i = SMPP_STATE_ENROUTE; i < ARRAY_SIZE(state_words); i++) {
		/* Some write whole words (DELIVERED, UNDELIVERABLE): the first five letters tell them apart. */
		if (word.len >= 5 && strncasecmp((const char *)word.data, state_words[i], 5) == 0)
			return (enum smpp_message_state)i;
	}
	return word.len ? SMPP_STATE_UNKNOWN : SMPP_STATE_NONE;
}

static uint8_t skip_blanks(struct rd *r)
{
	while (rd_peek(r) == ' ')
		rd_u8(r);
	return (uint8_t)(rd_peek(r) < 0 ? 0 : rd_peek(r));
}

static struct bytes rd_word(struct rd *r)
{
	struct rd start;
	size_t n = 0;

	skip_blanks(r);
	start = *r;
	while (rd_peek(r) > ' ') {
		rd_u8(r);
		n++;
	}
	return rd_bytes(&start, n);
}

/* Take "key", blanks and a colon, in any case. */
static bool rd_key(struct rd *r, const char *key)
{
	struct bytes word = rd_bytes(r, strlen(key));

	if (word.len == 0 || strncasecmp((const char *)word.data, key, word.len) != 0 || skip_blanks(r) != ':')
		return false;
	rd_u8(r);
	return true;
}

/* Value of a key that starts a word; what stands behind "text:" is the sender's and is never searched. */
static struct bytes receipt_value(struct bytes text, const char *key)
{
	uint8_t before = ' ';
	struct rd r;

	for (rd_init(&r, text); rd_left(&r); before = rd_u8(&r)) {
		struct rd at = r, stop = r;

		if (isalnum(before))
			continue;
		if (rd_key(&at, key))
			return rd_word(&at);
		if (rd_key(&stop, "text"))
			break;
	}
	return bytes_of(NULL, 0);
}

static void receipt_from_text(struct bytes text, struct smpp_receipt *rcpt)
{
	struct bytes err = receipt_value(text, "err");

	if (rcpt->id.len == 0)
		rcpt->id = receipt_value(text, "id");
	if (rcpt->state == SMPP_STATE_NONE)
		rcpt->state = state_from_word(receipt_value(text, "stat"));
	if (err.len && err.len < sizeof(rcpt->err))
		memcpy(rcpt->err, err.data, err.len);
}

static struct bytes without_nul(struct bytes v)
{
	const uint8_t *nul = v.len ? memchr(v.data, '\0', v.len) : NULL;

	return nul ? bytes_sub(v, 0, (size_t)(nul - v.data)) : v;
}

static void receipt_from_tlvs(struct bytes tlvs, struct smpp_receipt *rcpt)
{
	struct bytes v;
	uint32_t state;
	struct rd r;

	if (smpp_tlv_find(tlvs, SMPP_TAG_RECEIPTED_MESSAGE_ID, &v) == 0)
		rcpt->id = without_nul(v);
	if (smpp_tlv_find_uint(tlvs, SMPP_TAG_MESSAGE_STATE, &state) == 0)
		rcpt->state = state >= SMPP_STATE_ENROUTE && state <= SMPP_STATE_REJECTED ? state : SMPP_STATE_UNKNOWN;
	if (smpp_tlv_find(tlvs, SMPP_TAG_NETWORK_ERROR_CODE, &v) == 0 && v.len == 3) {
		rd_init(&r, v);
		rcpt->has_network_error = true;
		rcpt->network_type = rd_u8(&r);
		rcpt->network_error = rd_u16(&r);
	}
}

int smpp_receipt_dec(const struct smpp_pdu *pdu, struct smpp_receipt *out)
{
	struct smpp_receipt rcpt = {.state = SMPP_STATE_NONE};

	receipt_from_tlvs(pdu->tlvs, &rcpt);
	receipt_from_text(smpp_payload(pdu), &rcpt);
	if (rcpt.id.len == 0 && rcpt.state == SMPP_STATE_NONE)
		return -EINVAL;
	*out = rcpt;
	return 0;
}

/* ---- times ---- */

static int utc_parts(int64_t utc_ms, struct tm *tm)
{
	time_t s = (time_t)(utc_ms / 1000);

	return utc_ms >= 0 && gmtime_r(&s, tm) && tm->tm_year >= 100 && tm->tm_year < 200 ? 0 : -EINVAL;
}

static char *minute_text(const void *ctx, int64_t utc_ms)
{
	struct tm tm;

	if (utc_parts(utc_ms, &tm) < 0)
		return talloc_strdup(ctx, "0001010000");
	return talloc_asprintf(ctx, "%02d%02d%02d%02d%02d", tm.tm_year % 100, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
			       tm.tm_min);
}

char *smpp_receipt_text(const void *ctx, const char *id, enum smpp_message_state state, const char *err,
			int64_t submit_ms, int64_t done_ms)
{
	char *submit = minute_text(ctx, submit_ms);
	char *done = minute_text(ctx, done_ms);
	char *text = talloc_asprintf(ctx, "id:%s sub:001 dlvrd:%s submit date:%s done date:%s stat:%s err:%s text:", id,
				     state == SMPP_STATE_DELIVERED ? "001" : "000", submit, done,
				     smpp_state_word(state), err);

	OSMO_ASSERT(text);
	talloc_free(submit);
	talloc_free(done);
	return text;
}

int smpp_time_relative(int64_t ms, char out[SMPP_TIME_LEN])
{
	int64_t s = (ms + 999) / 1000;

	if (ms <= 0 || s >= 31 * 86400)
		return -EINVAL;
	return snprintf(out, SMPP_TIME_LEN, "0000%02d%02d%02d%02d000R", (int)(s / 86400), (int)(s / 3600 % 24),
			(int)(s / 60 % 60), (int)(s % 60)) < SMPP_TIME_LEN
		       ? 0
		       : -EINVAL;
}

int smpp_time_absolute(int64_t utc_ms, char out[SMPP_TIME_LEN])
{
	struct tm tm;

	if (utc_parts(utc_ms, &tm) < 0)
		return -EINVAL;
	return snprintf(out, SMPP_TIME_LEN, "%02d%02d%02d%02d%02d%02d%d00+", tm.tm_year % 100, tm.tm_mon + 1,
			tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(utc_ms / 100 % 10)) < SMPP_TIME_LEN
		       ? 0
		       : -EINVAL;
}

/* Two digits; anything else fails the reader. */
static int rd_two(struct rd *r)
{
	int tens = rd_u8(r) - '0', ones = rd_u8(r) - '0';

	if (tens < 0 || tens > 9 || ones < 0 || ones > 9) {
		rd_fail(r);
		return 0;
	}
	return 10 * tens + ones;
}

int smpp_time_dec(struct bytes text, int64_t now_ms, int64_t *utc_ms)
{
	int part[6], tenths, quarters;
	int64_t ms;
	uint8_t sign;
	struct rd r;

	if (text.len == 0)
		return -ENOENT;
	rd_init(&r, text);
	for (size_t i = 0; i < ARRAY_SIZE(part); i++)
		part[i] = rd_two(&r);
	tenths = rd_u8(&r) - '0';
	quarters = rd_two(&r);
	sign = rd_u8(&r);
	if (rd_end(&r) < 0 || tenths < 0 || tenths > 9 || !strchr("R+-", sign) || sign == '\0')
		return -EINVAL;
	if (sign == 'R') {
		/* A year of 365 and a month of 30 days, as service centres count them. */
		ms = (part[0] * 365LL + part[1] * 30LL + part[2]) * 86400;
		*utc_ms = now_ms + (ms + part[3] * 3600LL + part[4] * 60LL + part[5]) * 1000;
		return 0;
	}
	if (part[1] < 1 || part[1] > 12 || part[2] < 1 || part[2] > 31 || quarters > 48)
		return -EINVAL;
	ms = (int64_t)timegm(&(struct tm){.tm_year = part[0] + 100,
					  .tm_mon = part[1] - 1,
					  .tm_mday = part[2],
					  .tm_hour = part[3],
					  .tm_min = part[4],
					  .tm_sec = part[5]}) *
	     1000;
	*utc_ms = ms + tenths * 100 + (sign == '-' ? 1 : -1) * quarters * 900000LL;
	return 0;
}
