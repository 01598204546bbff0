/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Short message TPDUs (TS 23.040 §9.2.2): DELIVER and SUBMIT, with numeric addresses and binary user
 * data. Text in the 7-bit alphabet is read (a stray message must not look malformed) but its septets are not unpacked,
 * and it is not written. */
#include "scp80/sms.h"

#include <errno.h>
#include <string.h>

#include <osmocom/core/utils.h>

#define MTI_MASK 0x03
#define MTI_DELIVER 0x00
#define MTI_SUBMIT 0x01
#define TP_NO_MORE 0x04
#define TP_SRR 0x20
#define TP_UDHI 0x40
#define TP_VPF_MASK 0x18
#define TP_VPF_ENHANCED 0x08
#define TP_VPF_RELATIVE 0x10
#define TP_VPF_ABSOLUTE 0x18

#define ADDR_TON_MASK 0x70
#define ADDR_TON_ALPHANUMERIC 0x50
#define ADDR_INTERNATIONAL 0x91
#define ADDR_FILLER 0x0f

#define SMS_UD_OCTETS 140
#define SMS_UD_SEPTETS 160

/* TS 23.040 §9.1.2.3; 1111 is the filler. */
static const char semi_octet[] = "0123456789*#abc";

static int digit_value(char c)
{
	const char *at = c ? strchr(semi_octet, c) : NULL;

	return at ? (int)(at - semi_octet) : -1;
}

int sms_addr_set(struct sms_addr *addr, uint8_t type, const char *text)
{
	struct sms_addr a = {.type = type};
	size_t n;

	if (*text == '+') {
		a.type = ADDR_INTERNATIONAL;
		text++;
	}
	n = strlen(text);
	if (n == 0 || (a.type & ADDR_TON_MASK) == ADDR_TON_ALPHANUMERIC)
		return -EINVAL;
	if (n > SMS_ADDR_DIGITS_MAX)
		return -ENOSPC;
	for (size_t i = 0; i < n; i++) {
		if (digit_value(text[i]) < 0)
			return -EINVAL;
	}
	memcpy(a.digits, text, n);
	*addr = a;
	return 0;
}

static void digits_enc(const char *digits, struct wr *w)
{
	size_t n = strlen(digits);

	for (size_t i = 0; i < n; i += 2) {
		int hi = i + 1 < n ? digit_value(digits[i + 1]) : ADDR_FILLER;

		wr_uint(w, (uint64_t)(hi * 16 + digit_value(digits[i])), 1);
	}
}

static bool addr_is_sound(const struct sms_addr *addr)
{
	struct sms_addr check;

	return memchr(addr->digits, '\0', sizeof(addr->digits)) && sms_addr_set(&check, addr->type, addr->digits) == 0;
}

static void addr_enc(const struct sms_addr *addr, struct wr *w)
{
	wr_uint(w, strlen(addr->digits), 1);
	wr_u8(w, addr->type);
	digits_enc(addr->digits, w);
}

static int addr_dec(struct rd *r, struct sms_addr *addr)
{
	struct sms_addr a = {0};
	size_t n = rd_u8(r);

	a.type = rd_u8(r);
	if (r->failed || n == 0)
		return -EINVAL;
	if ((a.type & ADDR_TON_MASK) == ADDR_TON_ALPHANUMERIC)
		return -EOPNOTSUPP;
	if (n > SMS_ADDR_DIGITS_MAX)
		return -ENOSPC;
	for (size_t i = 0; i < n; i += 2) {
		uint8_t v = rd_u8(r);

		if ((v & 0x0f) == ADDR_FILLER || (i + 1 < n && v >> 4 == ADDR_FILLER))
			return -EINVAL;
		a.digits[i] = semi_octet[v & 0x0f];
		if (i + 1 < n)
			a.digits[i + 1] = semi_octet[v >> 4];
	}
	if (r->failed)
		return -EINVAL;
	*addr = a;
	return 0;
}

/* TS 23.038 §4: general group by bits 4 and 3, F by bit 3; E is UCS2; what is reserved counts as 7-bit. */
static bool dcs_is_7bit(uint8_t dcs)
{
	uint8_t alphabet = dcs >> 2 & 3;

	if (dcs < 0x80)
		return !(dcs & 0x20) && (alphabet == 0 || alphabet == 3);
	if (dcs >= 0xf0)
		return !(dcs & 0x04);
	return dcs < 0xe0;
}

/* What may go out; asked before the first octet is written. */
static int check_out(const struct sms_addr *addr, uint8_t dcs, struct bytes ud, size_t max)
{
	if ((addr && !addr_is_sound(addr)) || dcs_is_7bit(dcs))
		return -EINVAL;
	return ud.len > max ? -ENOSPC : 0;
}

static int ud_put(struct bytes ud, struct wr *w)
{
	wr_uint(w, ud.len, 1);
	wr_bytes(w, ud);
	return w->failed ? -ENOSPC : 0;
}

/* TP-UDL counts septets or octets, as DCS says; TP-UD must be the rest. */
static int ud_get(struct rd *r, uint8_t dcs, size_t max, struct bytes *ud)
{
	bool septets = dcs_is_7bit(dcs);
	size_t udl = rd_u8(r);
	struct bytes b = rd_bytes(r, septets ? (udl * 7 + 7) / 8 : udl);

	if (rd_end(r) < 0 || (septets ? udl > SMS_UD_SEPTETS : udl > max))
		return -EINVAL;
	*ud = b;
	return 0;
}

int sms_deliver_enc(const struct sms_deliver *sms, struct wr *w)
{
	int rc = check_out(&sms->oa, sms->dcs, sms->ud, SMS_UD_OCTETS);

	if (rc < 0)
		return rc;
	wr_u8(w, MTI_DELIVER | (sms->more ? 0 : TP_NO_MORE) | (sms->udhi ? TP_UDHI : 0));
	addr_enc(&sms->oa, w);
	wr_u8(w, sms->pid);
	wr_u8(w, sms->dcs);
	wr_bytes(w, BYTES_ARR(sms->scts));
	return ud_put(sms->ud, w);
}

int sms_deliver_dec(struct bytes tpdu, struct sms_deliver *sms)
{
	struct sms_deliver s = {0};
	struct bytes scts;
	uint8_t first;
	struct rd r;
	int rc;

	rd_init(&r, tpdu);
	first = rd_u8(&r);
	if ((first & MTI_MASK) != MTI_DELIVER)
		return -EINVAL;
	s.more = !(first & TP_NO_MORE);
	s.udhi = first & TP_UDHI;
	rc = addr_dec(&r, &s.oa);
	if (rc < 0)
		return rc;
	s.pid = rd_u8(&r);
	s.dcs = rd_u8(&r);
	scts = rd_bytes(&r, sizeof(s.scts));
	if (scts.len)
		memcpy(s.scts, scts.data, sizeof(s.scts));
	rc = ud_get(&r, s.dcs, SMS_UD_OCTETS, &s.ud);
	if (rc < 0)
		return rc;
	*sms = s;
	return 0;
}

/* Validity period: format bits and octets. */
static const struct {
	uint8_t vpf;
	uint8_t len;
} vp_form[] = {
	{0, 0},
	{TP_VPF_RELATIVE, 1},
	{TP_VPF_ABSOLUTE, 7},
	{TP_VPF_ENHANCED, 7},
};

int sms_submit_enc(const struct sms_submit *sms, struct wr *w)
{
	int rc = check_out(&sms->da, sms->dcs, sms->ud, SMS_UD_OCTETS);
	size_t i = 0;

	while (i < ARRAY_SIZE(vp_form) && vp_form[i].len != sms->vp.len)
		i++;
	if (rc < 0 || i == ARRAY_SIZE(vp_form))
		return rc < 0 ? rc : -EINVAL;
	wr_u8(w, MTI_SUBMIT | vp_form[i].vpf | (sms->status_report ? TP_SRR : 0) | (sms->udhi ? TP_UDHI : 0));
	wr_u8(w, sms->mr);
	addr_enc(&sms->da, w);
	wr_u8(w, sms->pid);
	wr_u8(w, sms->dcs);
	wr_bytes(w, sms->vp);
	return ud_put(sms->ud, w);
}

static struct bytes vp_get(struct rd *r, uint8_t first)
{
	size_t i = 0;

	while (vp_form[i].vpf != (first & TP_VPF_MASK))
		i++;
	return rd_bytes(r, vp_form[i].len);
}

int sms_submit_dec(struct bytes tpdu, struct sms_submit *sms)
{
	struct sms_submit s = {0};
	uint8_t first;
	struct rd r;
	int rc;

	rd_init(&r, tpdu);
	first = rd_u8(&r);
	if ((first & MTI_MASK) != MTI_SUBMIT)
		return -EINVAL;
	s.udhi = first & TP_UDHI;
	s.status_report = first & TP_SRR;
	s.mr = rd_u8(&r);
	rc = addr_dec(&r, &s.da);
	if (rc < 0)
		return rc;
	s.pid = rd_u8(&r);
	s.dcs = rd_u8(&r);
	s.vp = vp_get(&r, first);
	rc = ud_get(&r, s.dcs, SMS_UD_OCTETS, &s.ud);
	if (rc < 0)
		return rc;
	*sms = s;
	return 0;
}

int sms_addr_value_enc(const struct sms_addr *addr, struct wr *w)
{
	if (!addr_is_sound(addr))
		return -EINVAL;
	wr_u8(w, addr->type);
	digits_enc(addr->digits, w);
	return w->failed ? -ENOSPC : 0;
}
