/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Decoders of what a network sends to the virtual phones; views must stay inside the message. */
#include "lab/vphone/l3_mm.h"
#include "lab/vphone/l3_sms.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>

static void inside(struct bytes outer, struct bytes inner)
{
	if (inner.len && (inner.data < outer.data || inner.data + inner.len > outer.data + outer.len))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes l3 = bytes_of(data, size);
	struct mm_msg mm;
	struct cp_msg cp;
	struct rp_msg rp;

	if (mm_dec(l3, &mm) == 0 && mm.type > 0x3f)
		abort();
	if (cp_dec(l3, &cp) < 0)
		return 0;
	inside(l3, cp.rp);
	if (rp_dec(cp.rp, &rp) == 0)
		inside(cp.rp, rp.tpdu);
	return 0;
}
