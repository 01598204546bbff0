/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include <osmocom/core/utils.h>

#include "lab/euicc/euicc.h"
#include "tests/fuzz/fuzz.h"

/*! A card whose enabled profile is the fall-back, with a second ISD-P. */
static inline struct euicc *fuzz_card(struct euicc_fleet *fleet, struct euicc_profile second)
{
	struct euicc_profile p[] = {
		{.imsi = "001010000000001", .state = ISDP_ENABLED, .fallback = true, .mem_granted = 0x10000},
		second,
	};
	const struct euicc_factory f = {.profiles = p, .n_profiles = 2};
	struct euicc *card;

	OSMO_ASSERT(hex_dec_buf(p[0].aid, 16, "A0000005591010FFFFFFFF8900001100") == 0);
	OSMO_ASSERT(hex_dec_buf(p[1].aid, 16, "A0000005591010FFFFFFFF8900001000") == 0);
	card = euicc_alloc(fleet, fleet, &f);
	OSMO_ASSERT(card);
	return card;
}
