/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Coding of a subscriber's data as files of a USIM hold them (TS 31.102, numbers as in TS 24.008 and TS 23.040). */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "smdp/prep.h"

#define FILL 0xff
#define ID_TYPE_IMSI 0x1
#define ID_ODD 0x8
#define TON_UNKNOWN 0x81 /* numbering plan ISDN */
#define TON_INTERNATIONAL 0x91

#define DIALLING_LEN 10 /* semi-octets of EF.MSISDN */
#define ADDRESS_LEN 12	/* of TP-DA and TS-SCA in EF.SMSP */
#define SPN_LEN 16
#define CODE_LEN 8
#define LABEL_MAX 63
#define APN_MAX 100

#define SMSP_NO_DESTINATION 0xe1 /* parameter indicators: a 0 for each of SCA, PID, DCS and VP */
#define SMSP_VP_ONE_DAY 0xa7

static bool all_digits(const char *text, size_t min, size_t max)
{
	size_t n = strspn(text, "0123456789");

	return !text[n] && n >= min && n <= max;
}

/* Digit, or the filler behind the last one. */
static unsigned int nibble(const char *digits, size_t i, size_t n)
{
	return i < n ? (unsigned int)(digits[i] - '0') : 0xf;
}

static void put_semi_octets(struct wr *w, const char *digits, size_t n)
{
	for (size_t i = 0; i < n; i += 2)
		wr_u8(w, (uint8_t)(nibble(digits, i + 1, n) << 4 | nibble(digits, i, n)));
}

int prep_put_imsi(struct wr *w, const char *imsi)
{
	size_t n = strlen(imsi), octets = n / 2 + 1;

	if (!all_digits(imsi, 6, 15))
		return -EINVAL;
	wr_u8(w, (uint8_t)octets);
	wr_u8(w, (uint8_t)(nibble(imsi, 0, n) << 4 | (n % 2 ? ID_ODD : 0) | ID_TYPE_IMSI));
	put_semi_octets(w, imsi + 1, n - 1);
	wr_fill(w, FILL, 8 - octets);
	return 0;
}

int prep_put_acc(struct wr *w, const char *imsi)
{
	if (!all_digits(imsi, 6, 15))
		return -EINVAL;
	wr_u16(w, (uint16_t)(1u << (imsi[strlen(imsi) - 1] - '0')));
	return 0;
}

/* TON/NPI and semi-octets; moves the text behind a +. */
static uint8_t ton_of(const char **number)
{
	if (**number != '+')
		return TON_UNKNOWN;
	++*number;
	return TON_INTERNATIONAL;
}

int prep_put_number(struct wr *w, const char *number, size_t pad_to)
{
	uint8_t ton = ton_of(&number);
	size_t n = strlen(number), octets = 2 + (n + 1) / 2;

	if (!all_digits(number, 1, 20))
		return -EINVAL;
	wr_u8(w, (uint8_t)(octets - 1));
	wr_u8(w, ton);
	put_semi_octets(w, number, n);
	if (pad_to > octets)
		wr_fill(w, FILL, pad_to - octets);
	return 0;
}

int prep_put_msisdn(struct wr *w, const char *msisdn, size_t record_len)
{
	if (!all_digits(msisdn + (*msisdn == '+'), 1, 2 * DIALLING_LEN))
		return -EINVAL;
	wr_fill(w, FILL, record_len - (DIALLING_LEN + 4));
	if (prep_put_number(w, msisdn, DIALLING_LEN + 2) < 0)
		return -EINVAL;
	wr_fill(w, FILL, 2); /* no capability record, no extension */
	return 0;
}

int prep_put_smsp(struct wr *w, const char *smsc, size_t record_len)
{
	if (!all_digits(smsc + (*smsc == '+'), 1, 20))
		return -EINVAL;
	wr_fill(w, FILL, record_len - (1 + 2 * ADDRESS_LEN + 3));
	wr_u8(w, SMSP_NO_DESTINATION);
	wr_fill(w, FILL, ADDRESS_LEN);
	if (prep_put_number(w, smsc, ADDRESS_LEN) < 0)
		return -EINVAL;
	wr_u8(w, 0);
	wr_u8(w, 0);
	wr_u8(w, SMSP_VP_ONE_DAY);
	return 0;
}

/* Characters that the default alphabet has at the same place as ASCII. */
static bool plain_character(char c)
{
	return isalnum((unsigned char)c) || (c && strchr(" .,:;-+()/&'!?%*=<>#\"", c));
}

int prep_put_spn(struct wr *w, const char *spn)
{
	size_t n = strlen(spn);

	if (!n || n > SPN_LEN)
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		if (!plain_character(spn[i]))
			return -EINVAL;
	}
	wr_u8(w, 1);
	wr_str(w, spn);
	wr_fill(w, FILL, SPN_LEN - n);
	return 0;
}

static bool is_label(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!isalnum((unsigned char)p[i]) && (p[i] != '-' || i == 0 || i == n - 1))
			return false;
	}
	return n && n <= LABEL_MAX;
}

int prep_put_apn(struct wr *w, const char *apn)
{
	if (strlen(apn) >= APN_MAX)
		return -EINVAL;
	for (;;) {
		size_t n = strcspn(apn, ".");

		if (!is_label(apn, n))
			return -EINVAL;
		wr_u8(w, (uint8_t)n);
		wr_bytes(w, bytes_of(apn, n));
		if (!apn[n])
			return 0;
		apn += n + 1;
	}
}

int prep_put_code(struct wr *w, const char *digits, size_t min)
{
	if (!all_digits(digits, min, CODE_LEN))
		return -EINVAL;
	wr_str(w, digits);
	wr_fill(w, FILL, CODE_LEN - strlen(digits));
	return 0;
}

/* One arc: seven bits in an octet, the highest first. */
static void put_arc(struct wr *w, uint64_t v)
{
	unsigned int shift = 63;

	while (shift && !(v >> shift))
		shift -= 7;
	for (; shift; shift -= 7)
		wr_u8(w, (uint8_t)(0x80 | (v >> shift & 0x7f)));
	wr_u8(w, (uint8_t)(v & 0x7f));
}

static int next_arc(const char **p, uint64_t *arc)
{
	size_t n = strspn(*p, "0123456789");

	if (!n || n > 9)
		return -EINVAL;
	*arc = 0;
	for (; n; n--)
		*arc = *arc * 10 + (uint64_t)(*(*p)++ - '0');
	if (**p == '.' && (*p)[1])
		++*p;
	else if (**p)
		return -EINVAL;
	return 0;
}

int prep_put_oid(struct wr *w, const char *oid)
{
	uint64_t first, arc;

	if (next_arc(&oid, &first) < 0 || first > 2 || !*oid || next_arc(&oid, &arc) < 0 || (first < 2 && arc > 39))
		return -EINVAL;
	put_arc(w, first * 40 + arc);
	while (*oid) {
		if (next_arc(&oid, &arc) < 0)
			return -EINVAL;
		put_arc(w, arc);
	}
	return 0;
}
