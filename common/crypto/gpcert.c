/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* GlobalPlatform certificates as SGP.02 uses them.
 *
 *   7F21  93 serial | 42 CA | 5F20 subject | 95 usage | [5F25 effective] | 5F24 expiry | [45 image number] |
 *         73 or 53 discretionary data | 7F49 { B0 point, F0 curve } | 5F37 signature
 *
 * The order is fixed and the signature covers every octet before 5F37.  Tags that are not in the table are passed over:
 * the signature covers them too. */
#include "common/crypto/gpcert.h"

#include <errno.h>
#include <time.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/codec/ber.h"

/* What the sources do not agree on. */
#define TAG_DISCRETIONARY_OLD 0x53 /* cards of version 2 write this instead of 73 */
#define TAG_AKI 0xc9		   /* in the discretionary data; one EUM writes C2 */
#define TAG_AKI_OTHER 0xc2
#define USAGE_VERIFY 0x82 /* GlobalPlatform's table; two implementations write 88 */
#define USAGE_VERIFY_OTHER 0x88
#define USAGE_KEY_AGREEMENT 0x0080
#define CURVE_DEFAULT EC_P256 /* when F0 is missing */

#define TAG_CERT 0x7f21
#define TAG_DISCRETIONARY 0x73
#define TAG_ROLE 0xc8
#define TAG_POINT 0xb0
#define TAG_CURVE 0xf0

static int take_usage(struct gpcert *c, struct bytes v)
{
	struct rd r;
	uint64_t usage;

	rd_init(&r, v);
	usage = rd_uint(&r, v.len);
	if (v.len == 1 && (usage == USAGE_VERIFY || usage == USAGE_VERIFY_OTHER))
		c->usage = GPCERT_USAGE_VERIFY;
	else if (v.len == 2 && usage == USAGE_KEY_AGREEMENT)
		c->usage = GPCERT_USAGE_KEY_AGREEMENT;
	else
		c->usage = GPCERT_USAGE_OTHER;
	return 0;
}

/* YYYYMMDD in BCD. */
static int take_date(uint32_t *date, struct bytes v)
{
	uint32_t n = 0;
	struct rd r;

	rd_init(&r, v);
	while (rd_left(&r)) {
		uint8_t b = rd_u8(&r);

		if (b >> 4 > 9 || (b & 0x0f) > 9)
			return -EINVAL;
		n = n * 100 + (b >> 4) * 10u + (b & 0x0f);
	}
	if (n % 100 < 1 || n % 100 > 31 || n / 100 % 100 < 1 || n / 100 % 100 > 12)
		return -EINVAL;
	*date = n;
	return 0;
}

static int take_effective(struct gpcert *c, struct bytes v)
{
	return take_date(&c->effective, v);
}

static int take_expires(struct gpcert *c, struct bytes v)
{
	return take_date(&c->expires, v);
}

static int take_serial(struct gpcert *c, struct bytes v)
{
	c->serial = v;
	return 0;
}

static int take_ca_id(struct gpcert *c, struct bytes v)
{
	c->ca_id = v;
	return 0;
}

static int take_subject(struct gpcert *c, struct bytes v)
{
	c->subject = v;
	return 0;
}

static int take_image_number(struct gpcert *c, struct bytes v)
{
	c->image_number = v;
	return 0;
}

static int take_discretionary(struct gpcert *c, struct bytes v)
{
	struct ber t;
	struct rd r;

	rd_init(&r, v);
	while (ber_next(&r, &t)) {
		struct rd role;

		if (t.tag == TAG_AKI || t.tag == TAG_AKI_OTHER)
			c->aki = t.value;
		if (t.tag != TAG_ROLE)
			continue;
		rd_init(&role, t.value);
		c->role = rd_u8(&role);
		if (rd_end(&role) < 0)
			return -EINVAL;
	}
	return rd_end(&r);
}

static int take_public_key(struct gpcert *c, struct bytes v)
{
	struct bytes curve;
	struct rd r;
	int rc;

	if (ber_find(v, TAG_POINT, &c->point) < 0)
		return -EINVAL;
	c->curve = CURVE_DEFAULT;
	rc = ber_find(v, TAG_CURVE, &curve);
	if (rc == -ENOENT)
		return 0;
	if (rc < 0)
		return rc;
	rd_init(&r, curve);
	if (ec_curve_by_gp(rd_u8(&r), &c->curve) < 0)
		return -EINVAL;
	return rd_end(&r);
}

static int take_signature(struct gpcert *c, struct bytes v)
{
	c->signature = v;
	return 0;
}

/* In the order of the certificate. */
static const struct field {
	uint32_t tag;
	uint32_t tag_other;
	size_t min_len, max_len;
	bool optional;
	int (*take)(struct gpcert *cert, struct bytes value);
} fields[] = {
	{0x93, 0, 1, 16, false, take_serial},
	{0x42, 0, 1, 16, false, take_ca_id},
	{0x5f20, 0, 1, 16, false, take_subject},
	{0x95, 0, 1, 2, false, take_usage},
	{0x5f25, 0, 4, 4, true, take_effective},
	{0x5f24, 0, 4, 4, false, take_expires},
	{0x45, 0, 1, 16, true, take_image_number},
	{TAG_DISCRETIONARY, TAG_DISCRETIONARY_OLD, 0, 127, false, take_discretionary},
	{0x7f49, 0, 1, 255, false, take_public_key},
	{0x5f37, 0, 64, 132, false, take_signature},
};

static bool field_has(const struct field *f, uint32_t tag)
{
	return f->tag == tag || (f->tag_other && f->tag_other == tag);
}

/* Index of a tag's field, or of the end of the table. */
static size_t field_find(uint32_t tag)
{
	size_t i = 0;

	while (i < ARRAY_SIZE(fields) && !field_has(&fields[i], tag))
		i++;
	return i;
}

/* Take one TLV; next is the first field that may still come. */
static int field_take(struct gpcert *c, const struct ber *t, size_t *next)
{
	size_t at = field_find(t->tag);

	if (at == ARRAY_SIZE(fields))
		return 0;
	if (at < *next || t->value.len < fields[at].min_len || t->value.len > fields[at].max_len)
		return -EINVAL;
	for (; *next < at; (*next)++) {
		if (!fields[*next].optional)
			return -EINVAL;
	}
	*next = at + 1;
	return fields[at].take(c, t->value);
}

int gpcert_parse(struct bytes tlv, struct gpcert *cert)
{
	struct gpcert c = {.role = -1};
	struct bytes body;
	size_t next = 0, taken;
	struct ber t;
	struct rd r;

	rd_init(&r, tlv);
	body = ber_expect(&r, TAG_CERT);
	if (rd_end(&r) < 0)
		return -EINVAL;
	rd_init(&r, body);
	for (;;) {
		taken = body.len - rd_left(&r);
		if (next == ARRAY_SIZE(fields) || !ber_next(&r, &t))
			break;
		if (field_take(&c, &t, &next) < 0)
			return -EINVAL;
		c.tbs = bytes_sub(body, 0, taken);
	}
	if (rd_end(&r) < 0 || next != ARRAY_SIZE(fields))
		return -EINVAL;
	*cert = c;
	return 0;
}

int gpcert_verify(const struct gpcert *cert, const struct pubkey *issuer)
{
	enum ec_curve curve;
	enum digest digest;

	if (pubkey_curve(issuer, &curve) < 0)
		return -EBADMSG;
	digest = ec_curve_len(curve) > 32 ? DIGEST_SHA384 : DIGEST_SHA256;
	return pubkey_verify(issuer, digest, cert->tbs, cert->signature);
}

const char *gpcert_verdict_name(enum gpcert_verdict verdict)
{
	switch (verdict) {
	case GPCERT_OK:
		return "good";
	case GPCERT_BAD_SUBJECT:
		return "the subject is another one";
	case GPCERT_BAD_USAGE:
		return "the key is for another use";
	case GPCERT_BAD_ISSUER:
		return "the issuer is another one";
	case GPCERT_NOT_YET_VALID:
		return "not valid yet";
	case GPCERT_EXPIRED:
		return "expired";
	case GPCERT_BAD_KEY:
		return "the public key is not on its curve";
	}
	return "unknown";
}

static uint32_t day_of(int64_t at_ms)
{
	time_t at = (time_t)(at_ms / 1000);
	struct tm tm = {};

	if (!gmtime_r(&at, &tm))
		return 0;
	return (uint32_t)((tm.tm_year + 1900) * 10000 + (tm.tm_mon + 1) * 100 + tm.tm_mday);
}

static bool differs(struct bytes want, struct bytes have)
{
	return want.len && !bytes_eq(want, have);
}

static bool key_valid(const struct gpcert *cert)
{
	struct pubkey *key = NULL;
	bool valid = pubkey_ec_import(NULL, cert->curve, cert->point, &key) == 0;

	talloc_free(key);
	return valid;
}

enum gpcert_verdict gpcert_check(const struct gpcert *cert, const struct gpcert_expect *expect)
{
	uint32_t today = day_of(expect->at_ms);

	if (differs(expect->subject, cert->subject))
		return GPCERT_BAD_SUBJECT;
	if (cert->usage != expect->usage)
		return GPCERT_BAD_USAGE;
	if (differs(expect->ca_id, cert->ca_id) || (cert->aki.len && differs(expect->aki, cert->aki)))
		return GPCERT_BAD_ISSUER;
	if (cert->effective && today < cert->effective)
		return GPCERT_NOT_YET_VALID;
	if (today > cert->expires)
		return GPCERT_EXPIRED;
	return key_valid(cert) ? GPCERT_OK : GPCERT_BAD_KEY;
}
