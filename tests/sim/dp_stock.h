/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/codec/bytes.h"
#include "tests/sim/sim.h"

/* The profiles that the SM-DP has in stock: all of each follows from its number. */

struct dp_profile {
	unsigned int number;
	char iccid[20];
	char imsi[16];
	char msisdn[16];
	uint8_t ki[16];
	uint8_t opc[16];
};

#define DP_TYPE "loaded"

struct dp_profile dp_profile(unsigned int number);
/*! \returns false when no profile of the stock has this IMSI, number, ICCID */
bool dp_profile_of_imsi(const char *imsi, struct dp_profile *p);
bool dp_profile_of_msisdn(const char *msisdn, struct dp_profile *p);
bool dp_profile_of_iccid(const char *iccid, struct dp_profile *p);
/*! Its rules, as smdp/stock.h spells them; NULL: none. */
const char *dp_pol2(const struct dp_profile *p);
/*! Profile package, talloc child of ctx. */
struct bytes dp_package(const void *ctx, const struct dp_profile *p, bool some_long);
