/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "lab/air/air.h"

#include <errno.h>
#include <string.h>

static bool imsi_ok(struct bytes imsi)
{
	if (imsi.len < 6 || imsi.len > 15)
		return false;
	for (size_t i = 0; i < imsi.len; i++) {
		if (imsi.data[i] < '0' || imsi.data[i] > '9')
			return false;
	}
	return true;
}

int air_enc(const struct air_msg *msg, uint8_t out[AIR_MAX])
{
	struct bytes imsi = bytes_of(msg->imsi, strnlen(msg->imsi, sizeof(msg->imsi)));
	struct bytes datagram;
	struct wr w;
	int rc;

	if (!imsi_ok(imsi))
		return -EINVAL;
	wr_init_buf(&w, out, AIR_MAX);
	wr_u8(&w, (uint8_t)msg->type);
	wr_u8(&w, msg->cause);
	wr_u8(&w, (uint8_t)imsi.len);
	wr_bytes(&w, imsi);
	wr_bytes(&w, msg->payload);
	rc = wr_end(&w, &datagram);
	return rc < 0 ? rc : (int)datagram.len;
}

int air_dec(struct bytes datagram, struct air_msg *msg)
{
	struct air_msg m = {0};
	struct bytes imsi;
	struct rd r;

	rd_init(&r, datagram);
	m.type = rd_u8(&r);
	m.cause = rd_u8(&r);
	imsi = rd_bytes(&r, rd_u8(&r));
	m.payload = rd_rest(&r);
	if (rd_end(&r) < 0 || m.type < AIR_ATTACH || m.type > AIR_LOST || !imsi_ok(imsi))
		return -EINVAL;
	memcpy(m.imsi, imsi.data, imsi.len);
	*msg = m;
	return 0;
}
