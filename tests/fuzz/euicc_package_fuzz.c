/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A profile package in pieces, whose size is the first octet.  A card installs it whole or not at all; how it was cut
 * changes nothing; what is installed survives a restart. */
#include <errno.h>
#include <osmocom/core/talloc.h>
#include <osmocom/core/utils.h>

#include "lab/euicc/card.h"
#include "tests/fuzz/card.h"

#define SLOT 1

static const struct euicc_profile second = {.state = ISDP_PERSONALIZED, .mem_granted = 0x400};

static int some_keys(void *arg, const struct euicc *card, const void *ctx, struct euicc_keys *keys)
{
	return -ENOENT;
}

static int no_cert(void *arg, const struct euicc *card, const void *ctx, struct bytes *cert)
{
	return -ENOENT;
}

/* \returns what the card says at the end; 0 = it waits for more */
static int feed(struct euicc *card, struct bytes package, size_t step, struct euicc_response *rsp)
{
	struct package *p = package_alloc(card, card, SLOT);
	int rc = 0;

	for (size_t at = 0; rc == 0 && at < package.len; at += step)
		rc = package_put(p, bytes_sub(package, at, OSMO_MIN(step, package.len - at)), rsp);
	talloc_free(p);
	return rc;
}

static void check(struct euicc_fleet *fleet, struct bytes package, size_t step)
{
	struct euicc *card = fuzz_card(fleet, second), *again = fuzz_card(fleet, second);
	struct bytes before = euicc_save(card, card), after;
	struct euicc_response rsp = {};
	struct wr w;
	int rc = feed(card, package, step, &rsp);

	after = euicc_save(card, card);
	wr_init(&w, card);
	if (rc) {
		OSMO_ASSERT(euicc_response_enc(&rsp, &w) == 0);
		OSMO_ASSERT(rsp.aborted == (rc < 0));
	}
	if (rc == 1) {
		OSMO_ASSERT(euicc_profile_at(card, SLOT)->state == ISDP_DISABLED);
		OSMO_ASSERT(*euicc_profile_at(card, SLOT)->imsi);
	} else {
		OSMO_ASSERT(bytes_eq(before, after));
	}
	OSMO_ASSERT(euicc_load(again, after) == 0 && bytes_eq(euicc_save(again, again), after));
	talloc_free(card);
	talloc_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct euicc_host host = {.keys = some_keys, .ecasd_cert = no_cert};
	struct euicc_fleet *fleet = euicc_fleet_alloc(NULL, NULL, &host);
	struct bytes in = bytes_of(data, size);

	if (size > 1)
		check(fleet, bytes_sub(in, 1, size - 1), *data ? *data : 256);
	talloc_free(fleet);
	return 0;
}
