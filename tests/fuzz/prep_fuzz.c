/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Template, a zero octet, and rows of comma separated values: what an operator's files may hold. */
#include <stdlib.h>
#include <string.h>

#include <talloc.h>

#include "common/codec/ber.h"
#include "smdp/prep.h"
#include "smdp/stock_priv.h"
#include "tests/fuzz/fuzz.h"

static void run_row(const void *ctx, const struct prep_template *tpl, const char *const *names, size_t n_names,
		    const char *const *values, size_t n)
{
	struct prep_field fields[CSV_FIELDS_MAX];
	struct bytes package;
	const char *why = NULL;

	for (size_t i = 0; i < n && i < n_names; i++)
		fields[i] = (struct prep_field){names[i], values[i]};
	if (prep_build(ctx, tpl, fields, n < n_names ? n : n_names, &package, &why) < 0)
		NEED(why && *why);
	else /* whatever the template says, it is made of whole elements */
		NEED(ber_check(package, 16) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *zero = memchr(data, 0, size);
	size_t len = zero ? (size_t)(zero - data) : size;
	const char *names[CSV_FIELDS_MAX], *values[CSV_FIELDS_MAX], *why = NULL;
	void *ctx = talloc_new(NULL);
	struct prep_template *tpl = NULL;
	size_t n_names = 0, n, rows = 0;
	struct csv csv;
	int rc;

	if (prep_template_parse(ctx, bytes_of(data, len), &tpl, &why) < 0)
		NEED(why && strncmp(why, "line ", 5) == 0);
	csv_init(&csv, zero ? bytes_of(zero + 1, size - len - 1) : bytes_of(data, 0), 1);
	if (csv_row(&csv, ctx, names, &n_names) == 1) {
		while (rows++ < 8 && (rc = csv_row(&csv, ctx, values, &n)) != 0) {
			NEED(rc < 0 || (n && n <= CSV_FIELDS_MAX));
			if (rc == 1 && tpl)
				run_row(ctx, tpl, names, n_names, values, n);
		}
	}
	talloc_free(ctx);
	return 0;
}
