/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Scripts, APDUs and their texts.  What was read is written again and must read the same. */
#include <stdlib.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "scp80/apdu_text.h"
#include "scp80/script.h"
#include "tests/fuzz/fuzz.h"

static struct script_item *items_of(void *ctx, struct bytes body, size_t *n)
{
	struct script_item *items = NULL, item;
	struct rd r;

	*n = 0;
	rd_init(&r, body);
	while (script_next(&r, &item)) {
		items = talloc_realloc(ctx, items, struct script_item, *n + 1);
		items[(*n)++] = item;
	}
	OSMO_ASSERT(rd_end(&r) == 0);
	return items;
}

static void response(void *ctx, struct bytes b)
{
	struct script_rsp rsp, again;
	struct script_item *items;
	struct bytes out;
	struct wr w;
	size_t n;

	if (script_rsp_dec_compact(b, &rsp) == 0)
		(void)script_rsp_judge(&rsp, 1);
	if (script_rsp_dec(b, &rsp) < 0)
		return;
	OSMO_ASSERT(script_verdict_name(script_rsp_judge(&rsp, 1)));
	items = items_of(ctx, rsp.body, &n);
	wr_init(&w, ctx);
	/* What is read but never written: foreign tags, an excessive count. */
	if (script_rsp_enc(rsp.form, rsp.executed & 0xffff, items, n, &w) < 0)
		return;
	OSMO_ASSERT(wr_end(&w, &out) == 0 && script_rsp_dec(out, &again) == 0);
	OSMO_ASSERT(again.n_rapdus == rsp.n_rapdus && again.bad_sw == rsp.bad_sw && again.last.sw == rsp.last.sw);
	OSMO_ASSERT(again.chaining == rsp.chaining && again.bad_format == rsp.bad_format);
}

static void command(void *ctx, struct bytes b)
{
	struct script_cmd cmd, again;
	struct script_item *items;
	struct bytes out;
	struct wr w;
	size_t n;

	if (script_cmd_dec(b, &cmd, NULL) < 0)
		return;
	items = items_of(ctx, cmd.body, &n);
	OSMO_ASSERT(n == cmd.n_items);
	wr_init(&w, ctx);
	OSMO_ASSERT(script_cmd_enc(cmd.form, items, n, &w) == 0 && wr_end(&w, &out) == 0);
	OSMO_ASSERT(script_cmd_dec(out, &again, NULL) == 0 && again.n_capdus == cmd.n_capdus &&
		    again.chain == cmd.chain);
}

static void apdu(void *ctx, struct bytes b)
{
	struct capdu c;
	struct bytes out;
	struct wr w;
	struct rd r;

	if (capdu_dec(b, &c) == 0) {
		wr_init(&w, ctx);
		OSMO_ASSERT(capdu_enc(&c, &w) == 0 && wr_end(&w, &out) == 0);
	}
	rd_init(&r, b);
	while (script_compact_next(&r, &out))
		OSMO_ASSERT(out.len >= 5);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	void *ctx = talloc_new(NULL);
	struct bytes b = bytes_of(data, size);

	response(ctx, b);
	command(ctx, b);
	apdu(ctx, b);
	OSMO_ASSERT(strlen(capdu_text(ctx, b)) > 0 && strlen(rapdu_text(ctx, b)) > 0);
	OSMO_ASSERT(script_cmd_text(ctx, b) && script_rsp_text(ctx, b));
	talloc_free(ctx);
	return 0;
}
