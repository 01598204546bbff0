/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Numbers, secrets and packages of the stock. */
#include "tests/sim/dp_stock.h"

#include <osmocom/core/utils.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <talloc.h>

#include "lab/seed/seed.h"

#define ICCID_PREFIX "8901990000"
#define IMSI_PREFIX "001990"
#define MSISDN_PREFIX "882995"

/* No secret: a value that nothing else has. */
static void secret(const char *imsi, const char *what, uint8_t out[16])
{
	uint64_t h = sim_fnv(sim_fnv(0xcbf29ce484222325ULL, imsi, strlen(imsi)), what, strlen(what));

	for (int i = 0; i < 16; i++) {
		h = sim_fnv(h, &i, sizeof(i));
		out[i] = (uint8_t)(h >> 24);
	}
}

struct dp_profile dp_profile(unsigned int number)
{
	struct dp_profile p = {.number = number};
	int n = snprintf(p.iccid, sizeof(p.iccid), ICCID_PREFIX "%08u", number % 100000000);

	OSMO_ASSERT(n == 18);
	seed_luhn_append(p.iccid);
	OSMO_ASSERT(snprintf(p.imsi, sizeof(p.imsi), IMSI_PREFIX "%09u", number % 100000000) == 15);
	OSMO_ASSERT(snprintf(p.msisdn, sizeof(p.msisdn), MSISDN_PREFIX "%07u", number % 10000000) == 13);
	secret(p.imsi, "Ki", p.ki);
	secret(p.imsi, "OPc", p.opc);
	return p;
}

static bool find(const char *digits, const char *prefix, size_t width, struct dp_profile *p)
{
	char number[12] = "";

	if (!digits || strncmp(digits, prefix, strlen(prefix)) != 0 || strlen(digits) < strlen(prefix) + width)
		return false;
	memcpy(number, digits + strlen(prefix), width);
	*p = dp_profile((unsigned int)strtoul(number, NULL, 10));
	return true;
}

bool dp_profile_of_imsi(const char *imsi, struct dp_profile *p)
{
	return find(imsi, IMSI_PREFIX, 9, p);
}

bool dp_profile_of_msisdn(const char *msisdn, struct dp_profile *p)
{
	return find(msisdn, MSISDN_PREFIX, 7, p);
}

bool dp_profile_of_iccid(const char *iccid, struct dp_profile *p)
{
	return find(iccid, ICCID_PREFIX, 8, p);
}

/* ---- packages ---- */

/* Digits as a file holds them: the low nibble first. */
static char *swapped(const void *ctx, const char *digits)
{
	char *s = talloc_strdup(ctx, digits);

	for (size_t i = 0; s[i] && s[i + 1]; i += 2) {
		s[i] = digits[i + 1];
		s[i + 1] = digits[i];
	}
	return s;
}

/* Octets without a meaning (an element of no standard), so that packages differ in length. */
static char *ballast(const void *ctx, unsigned int number, bool some_long)
{
	uint8_t *octets;
	size_t all;
	size_t len = number % 16 == 5 ? 1200 : number % 4 == 1 ? 300 : 0;
	if (some_long && number % 4 == 3)
		len = 2000 + number * 997 % 6000;
	octets = talloc_zero_array(ctx, uint8_t, (unsigned int)len + 1);
	all = 5 + 4 + 4 + len;

	for (size_t i = 0; i < len; i++)
		octets[i] = (uint8_t)(i * 7 + number);
	if (!len)
		return "";
	return talloc_asprintf(ctx, "A982%04zXA00381010881022A038282%04zX%s", all, len,
			       hex_enc(ctx, bytes_of(octets, len)));
}

const char *dp_pol2(const struct dp_profile *p)
{
	return p->number % 6 == 2 ? "delete:not-allowed" : NULL;
}

/* Just enough of a package: header, MF, PUK, PIN, USIM with EF.IMSI, AKA, SD, end. */
struct bytes dp_package(const void *ctx, const struct dp_profile *p, bool some_long)
{
	char *iccid = talloc_asprintf(ctx, "%sF", p->iccid);
	char *imsi = talloc_asprintf(ctx, "9%s", p->imsi);
	char *hex = talloc_asprintf(ctx,
				    "A0278001028101008203583131830A%sA50481008400A608060667810F010201"
				    "B023A003810101810667810F010201A202A100A40C830A%sA500A600"
				    "A317A003810102A110300E8002008181083131313131313131"
				    "A21CA003810103A115A0133011800101810830303030FFFFFFFF82020081"
				    "B31CA003810104810667810F010204A200A30B830908%s"
				    "A433A003810105A12CA12A8001018101008210%s8310%s"
				    "A605A003810106"
				    "%s"
				    "AA05A003810107",
				    iccid, swapped(ctx, iccid), swapped(ctx, imsi), hex_enc(ctx, BYTES_ARR(p->ki)),
				    hex_enc(ctx, BYTES_ARR(p->opc)), ballast(ctx, p->number, some_long));
	struct bytes b;

	OSMO_ASSERT(hex_dec(ctx, hex, &b) == 0);
	return b;
}
