/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Short messages from outside: a row of { length octet, TPDU }, each taken apart and given to a reassembly with narrow
 * bounds, which must hold.  What is read is written again and must be the same. */
#include <stdlib.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "scp80/concat.h"
#include "scp80/sms.h"
#include "tests/fuzz/fuzz.h"

static const struct reasm_limits limits = {.parts = 4, .per_sender = 3, .octets = 2500, .lifetime_ms = 10};

static void rewrite_deliver(void *ctx, const struct sms_deliver *d)
{
	struct sms_deliver again;
	struct bytes out;
	struct wr w;

	wr_init(&w, ctx);
	if (sms_deliver_enc(d, &w) < 0)
		return;
	OSMO_ASSERT(wr_end(&w, &out) == 0 && sms_deliver_dec(out, &again) == 0);
	OSMO_ASSERT(bytes_eq(again.ud, d->ud) && again.udhi == d->udhi && again.more == d->more);
}

static void rewrite_submit(void *ctx, const struct sms_submit *s)
{
	struct sms_submit again;
	struct bytes out;
	struct wr w;

	wr_init(&w, ctx);
	if (sms_submit_enc(s, &w) < 0)
		return;
	OSMO_ASSERT(wr_end(&w, &out) == 0 && sms_submit_dec(out, &again) == 0);
	OSMO_ASSERT(bytes_eq(again.ud, s->ud) && bytes_eq(again.vp, s->vp));
}

static void take(void *ctx, struct reasm *r, bool udhi, struct bytes ud, const struct reasm_from *from, uint64_t now_ms)
{
	struct reasm_msg msg = {0};
	struct ud_part part;

	if (ud_dec(udhi, ud, &part) < 0)
		return;
	OSMO_ASSERT(part.index >= 1 && part.index <= part.total);
	OSMO_ASSERT(part.index > 1 || part.kind != UD_OTHER);
	if (reasm_add(r, ctx, from, &part, now_ms, &msg) == 0)
		OSMO_ASSERT(msg.kind == UD_COMMAND || msg.kind == UD_RESPONSE);
	OSMO_ASSERT(reasm_octets(r) <= limits.octets);
}

static void one(void *ctx, struct reasm *r, struct bytes tpdu, uint64_t now_ms)
{
	struct reasm_from from = {.sender = BYTES_LIT("x")};
	struct sms_deliver d;
	struct sms_submit s;
	struct bytes inner;

	if (sms_deliver_dec(tpdu, &d) == 0) {
		rewrite_deliver(ctx, &d);
		from.sender = bytes_str(d.oa.digits);
		take(ctx, r, d.udhi, d.ud, &from, now_ms);
	} else if (sms_submit_dec(tpdu, &s) == 0) {
		rewrite_submit(ctx, &s);
		take(ctx, r, s.udhi, s.ud, &from, now_ms);
	} else {
		take(ctx, r, now_ms & 1, tpdu, &from, now_ms);
	}
	(void)!sms_envelope_dec(tpdu, &inner);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	void *ctx = talloc_new(NULL);
	struct reasm *r = reasm_alloc(ctx, &limits);
	uint64_t now_ms = 0;
	struct rd rd;

	rd_init(&rd, bytes_of(data, size));
	while (rd_left(&rd)) {
		size_t n = rd_u8(&rd);

		one(ctx, r, n <= rd_left(&rd) ? rd_bytes(&rd, n) : rd_rest(&rd), now_ms++);
	}
	reasm_expire(r, now_ms + limits.lifetime_ms);
	OSMO_ASSERT(reasm_octets(r) == 0);
	talloc_free(ctx);
	return 0;
}
