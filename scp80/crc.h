/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/codec/bytes.h"

/* The two redundancy checks of TS 102 225.  Both work over several parts: feed the result of one call into the next.
 * The octets 01 02 03 04 05 give 22EC and 470B99F4. */

#define CRC16_INIT 0xffffU
#define CRC32_INIT 0xffffffffU

/*! CRC-16 (X.25: polynomial 1021 reflected) of one more part.
 * \param[in] crc  CRC16_INIT for the first part, else what the call before returned
 * \returns running value, for crc16_end() */
uint16_t crc16_add(uint16_t crc, struct bytes part);
/*! \returns the check value, to be sent high octet first */
uint16_t crc16_end(uint16_t crc);

/*! CRC-32 (IEEE 802.3: polynomial 04C11DB7 reflected) of one more part; as crc16_add(). */
uint32_t crc32_add(uint32_t crc, struct bytes part);
/*! \returns the check value, to be sent high octet first */
uint32_t crc32_end(uint32_t crc);
