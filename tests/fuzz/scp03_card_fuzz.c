/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What reaches the card's side of SCP03, SCP03t and the key establishment: TLVs or APDUs, each behind two octets, what
 * it is and how long.  The keys are fixed, so that a fuzzer may learn a good command; a bad one ends the session. */
#include <osmocom/core/talloc.h>
#include <osmocom/core/utils.h>

#include "scp03/ecka.h"
#include "scp03/scp03t.h"
#include "tests/fuzz/fuzz.h"

static struct crypto *crypto;

enum kind {
	TLV_INIT,
	TLV_AUTH,
	TLV_DATA,
	TLV_KEYS,
	APDU_AUTH,
	APDU_COMMAND,
	PUT_KEY,
	AGREEMENT,
	N_KINDS,
};

static struct scp03 *session(const void *ctx, const struct key **dek)
{
	static const uint8_t value[16] = {0x47}, aid[16] = {0xa0}, challenge[SCP03_CHALLENGE_LEN] = {0x11};
	struct scp03_keys keys = {.kvn = 0x30};
	uint8_t rsp[SCP03_INIT_RSP_LEN];
	struct scp03_init_rsp init;
	struct scp03 *s;
	struct key *key;

	OSMO_ASSERT(key_import(ctx, KEY_AES, BYTES_ARR(value), &key) == 0);
	keys.enc = keys.mac = keys.dek = *dek = key;
	OSMO_ASSERT(scp03_card_init(crypto, ctx, &keys, BYTES_ARR(aid), 1, BYTES_ARR(challenge), &s, rsp) == 0);
	OSMO_ASSERT(scp03_init_rsp_dec(BYTES_ARR(rsp), &init) == 0 && init.counter == 1);
	return s;
}

static void secured(struct scp03 *s, unsigned int kind, struct bytes b, const void *ctx)
{
	bool was_alive = scp03_alive(s);
	struct wr plain, answer;
	int rc = 0;

	wr_init(&plain, ctx);
	wr_init(&answer, ctx);
	if (kind == TLV_AUTH)
		rc = scp03t_card_auth(s, b);
	else if (kind == TLV_DATA)
		rc = scp03t_card_open(s, b, &plain);
	else if (kind == TLV_KEYS)
		rc = scp03t_card_keys(s, b);
	else if (kind == APDU_AUTH)
		rc = scp03_card_auth(s, b);
	else
		rc = scp03_card_open(s, b, &plain);
	OSMO_ASSERT(rc == 0 || (plain.len == 0 && (!scp03_alive(s) || (kind != TLV_DATA && was_alive))));
	if (rc == 0)
		OSMO_ASSERT(scp03_alive(s) && scp03_card_answer(s, BYTES_LIT("x"), 0x9000, &answer) == 0);
}

static void unsecured(unsigned int kind, struct bytes b, const struct key *dek, const void *ctx)
{
	struct ecka_request req;
	struct bytes challenge;
	struct key *key;
	uint8_t kvn;

	if (kind == TLV_INIT && scp03t_card_init_dec(b, &kvn, &challenge) == 0)
		OSMO_ASSERT(challenge.len == SCP03_CHALLENGE_LEN);
	if (kind == PUT_KEY && scp03_card_put_key(crypto, ctx, dek, b, &kvn, &key) == 0)
		OSMO_ASSERT(key_alg(key) == KEY_AES);
	if (kind == AGREEMENT && ecka_request_dec(b, &req) == 0)
		OSMO_ASSERT(req.signed_part.len < b.len && req.params.usage && req.point.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	void *ctx = talloc_new(NULL);
	const struct key *dek;
	struct scp03 *s;
	struct rd r;

	if (!crypto)
		crypto = crypto_alloc(NULL);
	s = session(ctx, &dek);
	rd_init(&r, bytes_of(data, size));
	while (rd_left(&r) > 1) {
		unsigned int kind = rd_u8(&r) % N_KINDS;
		size_t len = OSMO_MIN(rd_u8(&r), rd_left(&r));
		struct bytes b = rd_bytes(&r, len);

		if (kind == TLV_INIT || kind >= PUT_KEY)
			unsecured(kind, b, dek, ctx);
		else
			secured(s, kind, b, ctx);
	}
	talloc_free(ctx);
	return 0;
}
