/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What an eUICC says on ES5: notification, GET STATUS, GET DATA FF21, answer to a confirmation.  An octet string that
 * was taken once is taken again with the same meaning, and nothing that was read lies outside of it. */
#include <osmocom/core/utils.h>

#include "smsr/es5.h"
#include "tests/fuzz/fuzz.h"

static bool inside(struct bytes whole, struct bytes part)
{
	return part.len == 0 || (part.data >= whole.data && part.data + part.len <= whole.data + whole.len);
}

static void notification(struct bytes b)
{
	struct es5_notif n, again;

	if (es5_notif_dec(b, &n) < 0)
		return;
	OSMO_ASSERT(n.eid.len == 16 && n.aid.len <= AID_MAX && n.imei.len <= 8 && n.meid.len <= 8);
	OSMO_ASSERT(inside(b, n.eid) && inside(b, n.aid) && inside(b, n.imei) && inside(b, n.meid));
	OSMO_ASSERT(es5_notif_name(n.type));
	OSMO_ASSERT(es5_notif_dec(b, &again) == 0 && again.seq == n.seq && again.type == n.type);
}

static void status(struct bytes b)
{
	struct es5_isdp isdp;
	size_t n = 0;
	struct rd r;

	rd_init(&r, b);
	while (es5_isdp_next(&r, &isdp)) {
		OSMO_ASSERT(isdp.aid.len >= 5 && isdp.aid.len <= AID_MAX && inside(b, isdp.aid));
		OSMO_ASSERT(isdp.fallback >= -1 && isdp.fallback <= 1);
		OSMO_ASSERT(isdp.granted_memory >= -1 && isdp.remaining_memory >= -1);
		OSMO_ASSERT(++n <= b.len);
	}
	OSMO_ASSERT(rd_end(&r) < 0 || n > 0 || b.len == 0);
}

static void confirmed(struct bytes b)
{
	struct bytes aids, aid;
	struct rd r;

	if (es5_confirmed_dec(b, &aids) < 0)
		return;
	OSMO_ASSERT(inside(b, aids));
	rd_init(&r, aids);
	while (es5_deleted_next(&r, &aid))
		OSMO_ASSERT(inside(b, aid));
	OSMO_ASSERT(rd_end(&r) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes b = bytes_of(data, size);
	int64_t memory = -1;

	notification(b);
	status(b);
	confirmed(b);
	OSMO_ASSERT(es5_memory_dec(b, &memory) < 0 || memory >= 0);
	return 0;
}
