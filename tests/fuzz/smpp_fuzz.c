/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* SMPP: framer, every decoder, and the round trip of what decodes. */
#include <stdlib.h>
#include <string.h>

#include <talloc.h>

#include "common/codec/smpp_text.h"
#include "tests/fuzz/fuzz.h"

static void round_trip(void *ctx, struct bytes in, const struct smpp_pdu *pdu)
{
	struct bytes out;
	struct wr w;

	wr_init(&w, ctx);
	if (smpp_pdu_enc(pdu, &w) < 0) {
		if (pdu->system_id.len < 16 && pdu->short_message.len < 255)
			abort();
	} else if (wr_end(&w, &out) < 0 || !bytes_eq(in, out)) {
		abort();
	}
}

static void one_pdu(void *ctx, struct bytes in)
{
	struct smpp_receipt rcpt;
	const char *keys[2];
	struct smpp_msgid id;
	struct smpp_pdu pdu;
	struct smpp_sar sar;
	int64_t ms;

	if (smpp_pdu_dec(in, &pdu) < 0)
		return;
	round_trip(ctx, in, &pdu);
	if (smpp_receipt_dec(&pdu, &rcpt) == 0 && smpp_msgid_init(rcpt.id, &id) == 0) {
		smpp_msgid_keys(&id, SMPP_MSGID_AS_IS, keys);
		if (strcmp(smpp_msgid_key(&id, SMPP_MSGID_AS_IS), keys[0]) != 0)
			abort();
	}
	if (smpp_sar_dec(&pdu, &sar) == 0 && sar.seq > sar.total)
		abort();
	if (smpp_time_dec(pdu.validity_period, 0, &ms) == 0 && ms == INT64_MIN)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	void *ctx = talloc_new(NULL);
	struct smpp_framer *f = smpp_framer_alloc(ctx);
	struct bytes pdu;

	one_pdu(ctx, bytes_of(data, size));
	smpp_framer_feed(f, bytes_of(data, size / 2));
	while (smpp_framer_next(f, &pdu) == 1)
		one_pdu(ctx, pdu);
	smpp_framer_feed(f, bytes_of(data + size / 2, size - size / 2));
	while (smpp_framer_next(f, &pdu) == 1)
		one_pdu(ctx, pdu);
	talloc_free(ctx);
	return 0;
}
