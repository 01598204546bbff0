/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Trigger parameters: what reads can be written, and what was written reads and writes the same. */
#include <stdlib.h>

#include <talloc.h>

#include "scp81/trigger.h"
#include "tests/fuzz/fuzz.h"

static struct bytes write_out(void *ctx, const struct trigger *t)
{
	struct bytes out;
	struct wr w;

	wr_init(&w, ctx);
	if (trigger_enc(t, &w) < 0 || wr_end(&w, &out) < 0)
		abort();
	return out;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	void *ctx = talloc_new(NULL);
	struct trigger t, back;
	struct bytes out;

	if (trigger_objects_dec(ctx, bytes_of(data, size), &t) == 0)
		write_out(ctx, &t);
	if (trigger_dec(ctx, bytes_of(data, size), &t) == 0) {
		out = write_out(ctx, &t);
		if (trigger_dec(ctx, out, &back) < 0 || !bytes_eq(out, write_out(ctx, &back)))
			abort();
	}
	talloc_free(ctx);
	return 0;
}
