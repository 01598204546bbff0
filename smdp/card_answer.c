/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* EuiccResponseData of commands in C-APDU form: R-APDU TLVs (TS 102 226), with or without the response template around
 * them, as SM-SRs differ in that. */
#include <errno.h>

#include "common/codec/ber.h"
#include "smdp/order_steps.h"

#define TAG_TEMPLATE 0xab
#define TAG_RAPDU 0x23
#define SW_OK 0x9000
#define SW_MORE 0x61 /* first octet */

static const uint8_t indefinite_head[] = {0xaf, 0x80};
static const uint8_t indefinite_end[] = {0x00, 0x00};

struct bytes card_answer_body(struct bytes erd)
{
	struct bytes inner;

	if (ber_find(erd, TAG_TEMPLATE, &inner) == 0)
		return inner;
	if (erd.len >= 4 && bytes_eq(bytes_sub(erd, 0, 2), BYTES_ARR(indefinite_head)) &&
	    bytes_eq(bytes_sub(erd, erd.len - 2, 2), BYTES_ARR(indefinite_end)))
		return bytes_sub(erd, 2, erd.len - 4);
	return erd;
}

static uint16_t status_of(struct bytes rapdu)
{
	struct rd r;

	rd_init(&r, bytes_sub(rapdu, rapdu.len - 2, 2));
	return rd_u16(&r);
}

int card_answer_last(struct bytes erd, struct bytes *data, uint16_t *sw)
{
	struct bytes last = {0};
	unsigned int n = 0;
	struct ber tlv;
	struct rd r;

	rd_init(&r, card_answer_body(erd));
	*sw = SW_OK;
	while (ber_next(&r, &tlv)) {
		if (tlv.tag != TAG_RAPDU)
			continue;
		if (tlv.value.len < 2)
			return -EINVAL;
		n++;
		*sw = status_of(tlv.value);
		if (*sw != SW_OK && *sw >> 8 != SW_MORE)
			return -EIO;
		last = bytes_sub(tlv.value, 0, tlv.value.len - 2);
	}
	if (rd_end(&r) < 0 || n == 0)
		return -EINVAL;
	*sw = SW_OK;
	*data = last;
	return 0;
}
