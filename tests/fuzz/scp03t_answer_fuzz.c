/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Answers of a card to SCP03t, and the EUICCResponse alone.  A session never takes more answers than it has commands,
 * and after an error none at all; a response that was read is written again and reads the same. */
#include <osmocom/core/talloc.h>
#include <osmocom/core/utils.h>

#include "scp03/scp03t.h"
#include "tests/fuzz/fuzz.h"

#define SEGMENTS 3

static struct crypto *crypto;

static struct scp03 *session(const void *ctx)
{
	static const uint8_t value[16] = {0x47}, challenge[SCP03_CHALLENGE_LEN] = {0x11};
	struct scp03_keys keys = {.kvn = 0x30};
	struct scp03 *s;
	struct key *key;
	struct wr w;

	OSMO_ASSERT(key_import(ctx, KEY_AES, BYTES_ARR(value), &key) == 0);
	keys.enc = keys.mac = keys.dek = key;
	OSMO_ASSERT(scp03_open(crypto, ctx, &keys, challenge, challenge, &s) == 0);
	wr_init(&w, ctx);
	OSMO_ASSERT(scp03t_put_auth(s, &w) == 0);
	for (int i = 0; i < SEGMENTS; i++)
		OSMO_ASSERT(scp03t_seal(s, BYTES_LIT("segment"), &w) == 0);
	return s;
}

static void answers(const void *ctx, struct bytes b)
{
	struct scp03 *s = session(ctx);
	struct scp03t_answer a;
	unsigned int taken = 0;
	bool ended = false;
	struct wr plain;
	struct rd r;

	wr_init(&plain, ctx);
	rd_init(&r, b);
	while (scp03t_answer_next(&r, &a)) {
		int rc = scp03t_rx(s, &a, &plain);

		OSMO_ASSERT(scp03t_error_name(a.error) && (!ended || rc < 0));
		ended |= rc < 0;
		taken += rc == 0;
	}
	/* INITIALIZE UPDATE and EXTERNAL AUTHENTICATE beside the segments. */
	OSMO_ASSERT(taken <= SEGMENTS + 2 && scp03_alive(s) == !ended);
}

static void response(const void *ctx, struct bytes b)
{
	struct euicc_response rsp, again;
	struct bytes out;
	struct wr w;

	if (euicc_response_dec(b, &rsp) < 0)
		return;
	OSMO_ASSERT(rsp.n <= rsp.n_all && rsp.n <= EUICC_RESPONSE_RESULTS_MAX);
	if (euicc_response_failure(&rsp))
		OSMO_ASSERT(pe_status_name(euicc_response_failure(&rsp)->status));
	wr_init(&w, ctx);
	if (euicc_response_enc(&rsp, &w) < 0)
		return;
	OSMO_ASSERT(wr_end(&w, &out) == 0 && euicc_response_dec(out, &again) == 0);
	OSMO_ASSERT(again.n == rsp.n && again.aborted == rsp.aborted && bytes_eq(again.message, rsp.message));
	for (size_t i = 0; i < rsp.n; i++)
		OSMO_ASSERT(again.results[i].status == rsp.results[i].status &&
			    again.results[i].identification == rsp.results[i].identification &&
			    again.results[i].info == rsp.results[i].info &&
			    again.results[i].offset == rsp.results[i].offset);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	void *ctx = talloc_new(NULL);

	if (!crypto)
		crypto = crypto_alloc(NULL);
	answers(ctx, bytes_of(data, size));
	response(ctx, bytes_of(data, size));
	talloc_free(ctx);
	return 0;
}
