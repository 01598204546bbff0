/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/codec/bytes.h"

/* Short command and response APDUs (ISO/IEC 7816-4). */

/*! A command APDU; data is a view. */
struct capdu {
	uint8_t cla;
	uint8_t ins;
	uint8_t p1;
	uint8_t p2;
	struct bytes data; /* at most 255 octets */
	bool has_le;
	uint16_t le; /* 1 .. 256 when has_le */
};

/*! Cases 1 to 4.  A command without the Le that it should have, or with one too many, is taken.
 * \param[out] c  untouched on error
 * \returns 0; -EINVAL when Lc and the length disagree */
int capdu_dec(struct bytes raw, struct capdu *c) MUST_CHECK;
/*! \returns 0; -EINVAL data above 255 octets or le out of range; -ENOSPC */
int capdu_enc(const struct capdu *c, struct wr *w) MUST_CHECK;

/*! A response APDU; data is a view. */
struct rapdu {
	struct bytes data;
	uint16_t sw;
};

/*! \returns 0; -EINVAL below 2 octets */
int rapdu_dec(struct bytes raw, struct rapdu *r) MUST_CHECK;

#define SW_OK 0x9000
/*! TS 102 226: the answer was cut and the rest of the script was not executed. */
#define SW_CUT 0x62f1

/*! 9000 and 61xx; everything else is a failure. */
bool sw_is_ok(uint16_t sw);
