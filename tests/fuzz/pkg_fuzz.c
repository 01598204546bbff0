/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include <talloc.h>

#include "smdp/pkg.h"
#include "tests/fuzz/fuzz.h"

static void inside(struct bytes part, const uint8_t *data, size_t size)
{
	NEED(part.len == 0 || (part.data >= data && part.data + part.len <= data + size));
}

/* A report is whole, its errors are counted, and the header is the one that is read alone. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	void *ctx = talloc_new(NULL);
	struct pkg_report *r = pkg_check(ctx, bytes_of(data, size));
	uint8_t coded[PKG_ICCID_LEN];
	size_t errors = 0;

	for (size_t i = 0; i < r->n_findings; i++) {
		NEED(r->findings[i].text && *r->findings[i].text);
		errors += r->findings[i].severity == PKG_ERROR;
	}
	NEED(errors == r->n_errors && !r->n_errors == !pkg_report_error(r));
	NEED(r->header || r->n_errors);
	if (r->header) {
		inside(r->header->pol1, data, size);
		inside(r->header->connectivity, data, size);
		NEED(pkg_iccid_enc(r->header->iccid, coded) == 0);
	}
	talloc_free(ctx);
	return 0;
}
