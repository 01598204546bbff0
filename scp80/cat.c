/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* How a terminal hands a short message to its card (TS 31.111): ENVELOPE (SMS-PP DOWNLOAD).
 * The comprehension bit of a tag may be set or not; the objects come in the order of the standard. */
#include "scp80/sms.h"

#include <errno.h>

#include "common/codec/ber.h"
#include "scp80/apdu.h"

#define TAG_SMS_PP_DOWNLOAD 0xd1
#define TAG_COMPREHENSION 0x80
#define TAG_DEVICE_IDENTITIES 0x02
#define TAG_ADDRESS 0x06
#define TAG_SMS_TPDU 0x0b

#define DEV_UICC 0x81
#define DEV_NETWORK 0x83

#define CLA_ETSI 0x80
#define INS_ENVELOPE 0xc2
/* Every nested object of these commands is far below this. */
#define CAT_VALUE_MAX 255

static void put_pair(struct wr *w, uint32_t tag, uint8_t first, uint8_t second)
{
	const uint8_t pair[] = {first, second};

	ber_put(w, tag, BYTES_ARR(pair));
}

static int put_smsc(struct wr *w, uint32_t tag, const struct sms_addr *smsc)
{
	uint8_t buf[1 + SMS_ADDR_DIGITS_MAX / 2];
	struct bytes value;
	struct wr vw;
	int rc;

	if (!smsc)
		return 0;
	wr_init_buf(&vw, buf, sizeof(buf));
	rc = sms_addr_value_enc(smsc, &vw);
	if (rc == 0)
		rc = wr_end(&vw, &value);
	if (rc == 0)
		ber_put(w, tag, value);
	return rc;
}

int sms_envelope_enc(const struct sms_addr *smsc, struct bytes tpdu, struct wr *w)
{
	uint8_t inner[CAT_VALUE_MAX], outer[CAT_VALUE_MAX];
	struct bytes value;
	struct wr iw, ow;

	wr_init_buf(&iw, inner, sizeof(inner));
	put_pair(&iw, TAG_DEVICE_IDENTITIES | TAG_COMPREHENSION, DEV_NETWORK, DEV_UICC);
	if (put_smsc(&iw, TAG_ADDRESS, smsc) < 0)
		return -EINVAL;
	ber_put(&iw, TAG_SMS_TPDU | TAG_COMPREHENSION, tpdu);
	if (wr_end(&iw, &value) < 0)
		return -ENOSPC;
	wr_init_buf(&ow, outer, sizeof(outer));
	ber_put(&ow, TAG_SMS_PP_DOWNLOAD, value);
	if (wr_end(&ow, &value) < 0)
		return -ENOSPC;
	return capdu_enc(&(struct capdu){.cla = CLA_ETSI, .ins = INS_ENVELOPE, .data = value}, w);
}

/* First object with this tag, its comprehension bit set or not. */
static int find_object(struct bytes level, uint32_t tag, struct bytes *value)
{
	int rc = ber_find(level, tag | TAG_COMPREHENSION, value);

	return rc == -ENOENT ? ber_find(level, tag, value) : rc;
}

/* The value of the only TLV in a buffer. */
static int only_tlv(struct bytes b, uint32_t tag, struct bytes *value)
{
	struct bytes v;
	struct rd r;

	rd_init(&r, b);
	v = ber_expect(&r, tag);
	if (rd_end(&r) < 0)
		return -EINVAL;
	*value = v;
	return 0;
}

int sms_envelope_dec(struct bytes apdu, struct bytes *tpdu)
{
	struct bytes value, t;
	struct capdu c;

	if (capdu_dec(apdu, &c) < 0 || c.ins != INS_ENVELOPE)
		return -EINVAL;
	if (only_tlv(c.data, TAG_SMS_PP_DOWNLOAD, &value) < 0 || find_object(value, TAG_SMS_TPDU, &t) < 0)
		return -EINVAL;
	*tpdu = t;
	return 0;
}
