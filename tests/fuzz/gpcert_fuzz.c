/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <stdlib.h>

#include "common/crypto/gpcert.h"
#include "tests/fuzz/fuzz.h"

static void inside(struct bytes part, struct bytes whole)
{
	NEED(part.len == 0 || (part.data >= whole.data && part.data + part.len <= whole.data + whole.len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = bytes_of(data, size);
	struct gpcert c;

	if (gpcert_parse(in, &c) < 0)
		return 0;
	inside(c.tbs, in);
	inside(c.subject, c.tbs);
	inside(c.point, c.tbs);
	inside(c.aki, c.tbs);
	inside(c.signature, in);
	/* The signature follows what it covers, and nothing follows the signature. */
	NEED(c.tbs.data + c.tbs.len < c.signature.data);
	NEED(c.signature.data + c.signature.len == data + size);
	NEED(gpcert_check(&c, &(struct gpcert_expect){.subject = c.subject, .usage = c.usage, .at_ms = 0}) !=
	     GPCERT_BAD_SUBJECT);
	return 0;
}
