/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Short APDUs of ISO/IEC 7816-4.  Extended lengths do not occur over SCP80, so five octets or more are always
 * CLA INS P1 P2 P3. */
#include "scp80/apdu.h"

#include <errno.h>

#define LC_MAX 255
#define LE_MAX 256

static void take_le(struct rd *r, struct capdu *c)
{
	uint8_t wire = rd_u8(r);

	c->has_le = true;
	c->le = wire ? wire : LE_MAX;
}

int capdu_dec(struct bytes raw, struct capdu *c)
{
	struct capdu a = {0};
	struct rd r;

	rd_init(&r, raw);
	a.cla = rd_u8(&r);
	a.ins = rd_u8(&r);
	a.p1 = rd_u8(&r);
	a.p2 = rd_u8(&r);
	if (rd_left(&r) > 1)
		a.data = rd_bytes(&r, rd_u8(&r));
	if (rd_left(&r))
		take_le(&r, &a);
	if (rd_end(&r) < 0)
		return -EINVAL;
	*c = a;
	return 0;
}

int capdu_enc(const struct capdu *c, struct wr *w)
{
	if (c->data.len > LC_MAX || (c->has_le && (c->le == 0 || c->le > LE_MAX)))
		return -EINVAL;
	wr_u8(w, c->cla);
	wr_u8(w, c->ins);
	wr_u8(w, c->p1);
	wr_u8(w, c->p2);
	if (c->data.len) {
		wr_uint(w, c->data.len, 1);
		wr_bytes(w, c->data);
	}
	if (c->has_le)
		wr_uint(w, c->le % LE_MAX, 1);
	return w->failed ? -ENOSPC : 0;
}

int rapdu_dec(struct bytes raw, struct rapdu *resp)
{
	struct rapdu a;
	struct rd r;

	if (raw.len < 2)
		return -EINVAL;
	rd_init(&r, raw);
	a.data = rd_bytes(&r, raw.len - 2);
	a.sw = rd_u16(&r);
	*resp = a;
	return 0;
}

bool sw_is_ok(uint16_t sw)
{
	return sw == SW_OK || sw >> 8 == 0x61;
}
