/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* PSK identity as it comes in the handshake, and the names in the headers beside it. */
#include <stdlib.h>
#include <string.h>

#include <talloc.h>

#include "scp81/admin.h"
#include "scp81/psk_id.h"
#include "tests/fuzz/fuzz.h"

static void identity(void *ctx, const char *text)
{
	struct psk_id id, back;
	char *out;

	if (psk_id_dec(text, &id) < 0)
		return;
	out = psk_id_enc(ctx, &id);
	if (!out || psk_id_dec(out, &back) < 0 || memcmp(&id, &back, sizeof(id)) != 0)
		abort();
}

static void names(void *ctx, const char *text)
{
	uint8_t eid[ADMIN_EID_LEN], aid[ADMIN_AID_MAX], eid2[ADMIN_EID_LEN];
	size_t len, len2;

	if (admin_from_dec(text, eid) == 0 && (admin_from_dec(admin_from_enc(ctx, eid, bytes_of(NULL, 0)), eid2) < 0 ||
					       memcmp(eid, eid2, sizeof(eid)) != 0))
		abort();
	if (admin_target_dec(text, aid, &len) == 0 &&
	    (admin_target_dec(admin_target_enc(ctx, bytes_of(aid, len)), aid, &len2) < 0 || len != len2))
		abort();
	(void)admin_status_of(text);
	(void)admin_type_is(text, ADMIN_TYPE_RSP);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	void *ctx = talloc_new(NULL);
	char *text = talloc_strndup(ctx, (const char *)data, size);

	identity(ctx, text);
	names(ctx, text);
	talloc_free(ctx);
	return 0;
}
