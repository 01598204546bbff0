/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A server that says anything to the administration agent of a card: pieces behind two octets of length; length 0
 * breaks the connection and lets time pass.  The first octet switches faults on.  Whatever comes, the card has one
 * channel at most, speaks on an open one only, and without more connections the session ends. */
#include <osmocom/core/talloc.h>
#include <osmocom/core/utils.h>

#include "lab/euicc/euicc.h"
#include "tests/fuzz/card.h"

#define TRIGGER                                                                    \
	"\x81\x1b\x83\x19\x84\x0c\x3c\x03\x02\x20\xfb\x3e\x05\x21\x7f\x00\x00\x01" \
	"\x89\x09\x8a\x01h\x8c\x04/a?b"

static const struct euicc_profile second = {.imsi = "001010000000002", .state = ISDP_DISABLED, .mem_granted = 0x10000};

static int no_keys(void *arg, const struct euicc *card, const void *ctx, struct euicc_keys *keys)
{
	return -1;
}

static int no_cert(void *arg, const struct euicc *card, const void *ctx, struct bytes *cert)
{
	return -1;
}

struct fuzz {
	struct euicc_fleet *fleet;
	struct euicc *card;
	bool connecting, open;
};

static void judge(struct fuzz *f, const struct euicc_out *out)
{
	switch (out->type) {
	case EUICC_OUT_CONNECT:
		OSMO_ASSERT(!f->connecting && !f->open && out->https->port == 8443);
		f->connecting = true;
		break;
	case EUICC_OUT_SEND:
		OSMO_ASSERT(f->open && out->pdu.len > 0);
		break;
	case EUICC_OUT_CLOSE:
		f->connecting = f->open = false;
		break;
	case EUICC_OUT_ATTACH:
		euicc_rx_attached(f->card, out->imsi, 0);
		break;
	case EUICC_OUT_MO:
		euicc_rx_mo_result(f->card, out->imsi, 0);
		break;
	case EUICC_OUT_DETACH:
		OSMO_ASSERT(!f->connecting && !f->open); /* REFRESH comes behind the end of the session */
		break;
	case EUICC_OUT_MT_ACK:
	case EUICC_OUT_EVENT:
	case EUICC_OUT_TRACE:
		break;
	}
}

static void outs(struct fuzz *f)
{
	while (!llist_empty(&f->fleet->outs)) {
		struct euicc_out *out = llist_first_entry(&f->fleet->outs, struct euicc_out, entry);

		llist_del(&out->entry);
		judge(f, out);
		talloc_free(out);
	}
}

static void open_up(struct fuzz *f)
{
	outs(f);
	if (!f->connecting)
		return;
	f->connecting = false;
	f->open = true;
	euicc_rx_https_open(f->card);
	outs(f);
}

static void breaks(struct fuzz *f)
{
	euicc_rx_https_closed(f->card, "broken");
	outs(f);
	for (unsigned int i = 0; i < 3 && !f->connecting && euicc_deadline(f->card) != EUICC_NEVER; i++) {
		f->fleet->now_ms = OSMO_MAX(f->fleet->now_ms, euicc_deadline(f->card));
		euicc_tick(f->card);
		outs(f);
	}
}

static void faults(struct euicc *card, uint8_t mask)
{
	for (unsigned int i = 0; i < 8 && EUICC_FAULT_HTTPS_CUT + i < EUICC_N_FAULTS; i++)
		euicc_fault_set(card, (enum euicc_fault)(EUICC_FAULT_HTTPS_CUT + i), mask >> i & 1, 3 * mask);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct euicc_host host = {.keys = no_keys, .ecasd_cert = no_cert};
	struct fuzz f = {.fleet = euicc_fleet_alloc(NULL, NULL, &host)};
	struct rd r;

	f.card = fuzz_card(f.fleet, second);
	euicc_trace_set(f.card, true);
	rd_init(&r, bytes_of(data, size));
	faults(f.card, rd_u8(&r));
	euicc_power(f.card, true);
	outs(&f);
	OSMO_ASSERT(euicc_trigger(f.card, BYTES_LIT(TRIGGER)) == 0);
	while (rd_left(&r) >= 2) {
		size_t len = OSMO_MIN(rd_u16(&r), rd_left(&r));

		open_up(&f);
		if (len == 0)
			breaks(&f);
		else
			euicc_rx_https_data(f.card, rd_bytes(&r, len));
		outs(&f);
	}
	for (unsigned int i = 0; i <= f.fleet->set.https_retries; i++)
		breaks(&f);
	OSMO_ASSERT(!euicc_in_session(f.card));
	talloc_free(f.fleet);
	return 0;
}
