/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Profile packages of the interoperable format (TCA, formerly SIMalliance): the header and the ICCID.
 *
 * ASN.1 with automatic tags: fields of a sequence are numbered from 80, constructed ones from A0.  The profile header:
 *
 *   80 major  81 minor  82 profileType  83 iccid (10)  84 pol  A5 services { 80 + n: NULL }  A6 templates { 06 ... }
 *   87 connectivityParameters  A8 AIDs  A9 iotOptions
 *
 * The digits of the ICCID stand in plain order in the header, not swapped as in EF.ICCID: the GSMA test profiles
 * (TS.48) have it so.  A package with the swapped form is read as well, see iccid_of(). */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "smdp/pkg_priv.h"

#define ICCID_DIGITS_MIN 18
#define SERVICES_MAX 64

static const char *const service_names[] = {
	"contactless",
	"usim",
	"isim",
	"csim",
	"milenage",
	"tuak128",
	"cave",
	"gba-usim",
	"gba-isim",
	"mbms",
	"eap",
	"javacard",
	"multos",
	"multiple-usim",
	"multiple-isim",
	"multiple-csim",
	"tuak256",
	"usim-test-algorithm",
	"ber-tlv",
	"dfLink",
	"cat-tp",
	"get-identity",
	"profile-a-x25519",
	"profile-b-p256",
	"suciCalculatorApi",
	"dns-resolution",
	"scp11ac",
	"scp11c-authorization-mechanism",
	"s16mode",
	"eaka",
};

int pkg_iccid_dec(struct bytes coded, char digits[2 * PKG_ICCID_LEN + 1])
{
	char text[2 * PKG_ICCID_LEN + 1];
	size_t n;

	if (coded.len != PKG_ICCID_LEN || hex_enc_buf(text, sizeof(text), coded) < 0)
		return -EINVAL;
	n = strspn(text, "0123456789");
	if (n < ICCID_DIGITS_MIN || n + strspn(text + n, "F") != 2 * PKG_ICCID_LEN)
		return -EINVAL;
	text[n] = 0;
	memcpy(digits, text, n + 1);
	return 0;
}

int pkg_iccid_enc(const char *digits, uint8_t coded[PKG_ICCID_LEN])
{
	size_t n = strspn(digits, "0123456789");
	char text[] = "FFFFFFFFFFFFFFFFFFFF";

	if (n < ICCID_DIGITS_MIN || n > 2 * PKG_ICCID_LEN)
		return -EINVAL;
	if (digits[n] && !(toupper((unsigned char)digits[n]) == 'F' && !digits[n + 1]))
		return -EINVAL;
	memcpy(text, digits, n);
	return hex_dec_buf(coded, PKG_ICCID_LEN, text);
}

void pkg_iccid_swap(uint8_t coded[PKG_ICCID_LEN])
{
	for (size_t i = 0; i < PKG_ICCID_LEN; i++)
		coded[i] = (uint8_t)(coded[i] << 4 | coded[i] >> 4);
}

bool pkg_iccid_check_digit(const char *digits)
{
	unsigned int sum = 0, n = 0;

	for (size_t i = strlen(digits); i-- > 0; n++) {
		unsigned int d = (unsigned int)(digits[i] - '0');

		if (n % 2)
			d = d * 2 > 9 ? d * 2 - 9 : d * 2;
		sum += d;
	}
	return n && sum % 10 == 0;
}

/* Every ICCID begins with 89 (ITU-T E.118), which tells the two orders of digits apart.
 * [uncertain: that cards take both] */
static const char *iccid_of(const void *ctx, struct bytes coded)
{
	char digits[2 * PKG_ICCID_LEN + 1];
	uint8_t swapped[PKG_ICCID_LEN];
	bool plain = pkg_iccid_dec(coded, digits) == 0;

	if (coded.len != PKG_ICCID_LEN)
		return NULL;
	if (!plain || strncmp(digits, "89", 2) != 0) {
		char other[2 * PKG_ICCID_LEN + 1];

		memcpy(swapped, coded.data, sizeof(swapped));
		pkg_iccid_swap(swapped);
		if (pkg_iccid_dec(BYTES_ARR(swapped), other) == 0 && strncmp(other, "89", 2) == 0)
			return talloc_strdup(ctx, other);
	}
	return plain ? talloc_strdup(ctx, digits) : NULL;
}

static void name_services(struct pkg_header *h)
{
	size_t n = 0;

	h->service_names = talloc_zero_array(h, const char *, SERVICES_MAX + 1);
	OSMO_ASSERT(h->service_names);
	for (unsigned int i = 0; i < SERVICES_MAX; i++) {
		if (!(h->services >> i & 1))
			continue;
		h->service_names[n++] =
			i < ARRAY_SIZE(service_names) ? service_names[i] : talloc_asprintf(h, "service %u", i);
	}
}

/* Services are NULLs tagged 80 to 9E, from the 31st on 9F1F and so on. */
static bool service_of(uint32_t tag, uint32_t *n)
{
	bool one = tag >= 0x80 && tag <= 0x9e, two = tag >= 0x9f1f && tag <= 0x9f7f;

	*n = tag & (two ? 0x7f : 0x1f);
	return (one || two) && *n < SERVICES_MAX;
}

static int read_services(struct pkg_header *h, struct bytes list)
{
	struct ber t;
	struct rd r;
	uint32_t n;

	rd_init(&r, list);
	while (ber_next(&r, &t)) {
		if (t.value.len || !service_of(t.tag, &n))
			return -EINVAL;
		h->services |= (uint64_t)1 << n;
	}
	if (rd_end(&r) < 0)
		return -EINVAL;
	name_services(h);
	return 0;
}

static const char *text_of(const void *ctx, struct bytes value)
{
	if (!value.len || memchr(value.data, 0, value.len))
		return NULL;
	return talloc_strndup(ctx, (const char *)value.data, value.len);
}

static int read_uint8(struct bytes value, unsigned int *out)
{
	uint64_t v;
	struct rd r;

	rd_init(&r, value);
	v = rd_uint(&r, OSMO_MIN(value.len, 2));
	if (!value.len || rd_end(&r) < 0 || v > 255)
		return -EINVAL;
	*out = (unsigned int)v;
	return 0;
}

/* One field.  \returns what is wrong with it; NULL */
static const char *read_field(struct pkg_header *h, const struct ber *t)
{
	switch (t->tag) {
	case 0x80:
		return read_uint8(t->value, &h->major) < 0 ? "major-version is no number" : NULL;
	case 0x81:
		return read_uint8(t->value, &h->minor) < 0 ? "minor-version is no number" : NULL;
	case 0x82:
		h->type = text_of(h, t->value);
		return h->type ? NULL : "profileType is no text";
	case 0x83:
		h->iccid = iccid_of(h, t->value);
		return h->iccid ? NULL : "iccid has not 18 to 20 digits in 10 octets";
	case 0x84:
		h->pol1 = t->value;
		return NULL;
	case 0xa5:
		return read_services(h, t->value) < 0 ? "the list of mandatory services is malformed" : NULL;
	case 0x87:
		h->connectivity = t->value;
		return NULL;
	default: /* lists that cards read, and what later versions add */
		return NULL;
	}
}

static const char *missing_field(uint64_t seen)
{
	static const struct {
		unsigned int bit;
		const char *text;
	} needed[] = {
		{0, "major-version is missing"},
		{1, "minor-version is missing"},
		{3, "iccid is missing"},
		{5, "eUICC-Mandatory-services is missing"},
		{6, "eUICC-Mandatory-GFSTEList is missing"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(needed); i++) {
		if (!(seen >> needed[i].bit & 1))
			return needed[i].text;
	}
	return NULL;
}

/* Fields are numbered from 0; later versions may add some. */
static const char *wrong_tag(uint32_t tag, uint64_t seen)
{
	static const uint8_t tags[] = {0x80, 0x81, 0x82, 0x83, 0x84, 0xa5, 0xa6, 0x87, 0xa8, 0xa9};
	unsigned int n = tag & 0x1f;

	if (tag > 0xff || (tag & 0xc0) != 0x80 || (n < ARRAY_SIZE(tags) && tags[n] != tag))
		return "a field has a tag that no header has";
	if (seen >> n & 1)
		return "a field is there twice";
	return seen >> n ? "its fields are out of order" : NULL;
}

int pkg_header_parse(struct pkg_header *h, struct bytes value, const char **why)
{
	const char *bad = NULL;
	uint64_t seen = 0;
	struct ber t;
	struct rd r;

	rd_init(&r, value);
	while (!bad && ber_next(&r, &t)) {
		bad = wrong_tag(t.tag, seen);
		if (!bad)
			bad = read_field(h, &t);
		seen |= (uint64_t)1 << (t.tag & 0x1f);
	}
	if (!bad && rd_end(&r) < 0)
		bad = "it is malformed";
	if (!bad)
		bad = missing_field(seen);
	if (bad)
		*why = bad;
	return bad ? -EINVAL : 0;
}
