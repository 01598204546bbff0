/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Redundancy checks of the secured packet, bit by bit: they serve old fleets and tests, a table would not pay. */
#include "scp80/crc.h"

#define CRC16_POLY 0x8408U     /* 1021 reflected */
#define CRC32_POLY 0xedb88320U /* 04C11DB7 reflected */

static uint32_t crc_add(uint32_t crc, uint32_t poly, struct bytes part)
{
	struct rd r;

	rd_init(&r, part);
	while (rd_left(&r)) {
		crc ^= rd_u8(&r);
		for (int bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ poly : crc >> 1;
	}
	return crc;
}

uint16_t crc16_add(uint16_t crc, struct bytes part)
{
	return (uint16_t)crc_add(crc, CRC16_POLY, part);
}

uint16_t crc16_end(uint16_t crc)
{
	return crc ^ 0xffffU;
}

uint32_t crc32_add(uint32_t crc, struct bytes part)
{
	return crc_add(crc, CRC32_POLY, part);
}

uint32_t crc32_end(uint32_t crc)
{
	return crc ^ 0xffffffffU;
}
