/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Secured packets from outside.  First octet: protection to expect and dialect; rest: the packet, and data to seal.
 * What we seal must open again; what opens was not changed by opening. */
#include <stdlib.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "scp80/sp.h"
#include "tests/fuzz/fuzz.h"

static const uint16_t spis[] = {0x1639, 0x1229, 0x0411, 0x0001, 0x0105, 0x1621, 0x1635, 0x0200};
static const uint8_t key_value[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

struct bench {
	struct sp_keys keys;
	struct sp_hdr hdr;
	enum sp_dialect dialect;
	void *ctx;
};

static struct crypto *shared_crypto(void)
{
	static struct crypto *crypto;

	if (!crypto)
		crypto = crypto_alloc(NULL);
	OSMO_ASSERT(crypto);
	return crypto;
}

static void start(struct bench *b, uint8_t choice)
{
	enum key_alg alg = choice & 0x40 ? KEY_DES : KEY_AES;
	uint8_t kix = choice & 0x40 ? 0x15 : 0x12;
	struct key *key;

	b->ctx = talloc_new(NULL);
	OSMO_ASSERT(key_import(b->ctx, alg, BYTES_ARR(key_value), &key) == 0);
	OSMO_ASSERT(spi_dec(spis[choice & 7], &b->hdr.spi) == 0);
	b->keys = (struct sp_keys){.crypto = shared_crypto(), .kic = key, .kid = key, .cc_len = 8};
	b->hdr.kic = kix;
	b->hdr.kid = b->hdr.spi.check == SP_CHECK_RC ? 0x05 : kix;
	b->hdr.tar = 1;
	b->hdr.cntr = 7;
	b->dialect = choice & 0x80 ? SP_IP : SP_SMS;
}

static void open_foreign(struct bench *b, struct bytes pkt)
{
	struct sp_por_peek ppeek;
	struct sp_peek peek;
	struct sp_cmd cmd;
	struct sp_por por;
	struct wr w;

	wr_init(&w, b->ctx);
	if (sp_cmd_open(&b->keys, b->dialect, pkt, &w, &cmd) == 0) {
		OSMO_ASSERT(sp_cmd_peek(b->dialect, pkt, &peek) == 0 && peek.hdr.tar == cmd.hdr.tar);
		OSMO_ASSERT(cmd.data.len + cmd.pcntr + cmd.checksum.len + 6 == cmd.plain.len);
	}
	(void)!sp_notif_open(&b->keys, pkt, &cmd);
	(void)!sp_cmd_peek(b->dialect, pkt, &peek);
	if (sp_por_open(&b->keys, b->dialect, &b->hdr, pkt, &w, &por) == 0) {
		OSMO_ASSERT(sp_por_peek(b->dialect, pkt, &ppeek) == 0 && ppeek.tar == por.tar);
		OSMO_ASSERT(ppeek.unsecured == (por.check == SP_CHECK_NONE));
	}
	(void)!sp_por_peek(b->dialect, pkt, &ppeek);
}

static void seal_and_open(struct bench *b, struct bytes data)
{
	struct sp_cmd cmd;
	struct bytes pkt;
	struct wr w, plain;

	wr_init(&w, b->ctx);
	wr_init(&plain, b->ctx);
	if (sp_cmd_seal_any(&b->keys, b->dialect, &b->hdr, data, &w) < 0)
		return;
	OSMO_ASSERT(wr_end(&w, &pkt) == 0 && pkt.len <= data.len + SP_OVERHEAD_MAX);
	OSMO_ASSERT(sp_cmd_open(&b->keys, b->dialect, pkt, &plain, &cmd) == 0);
	OSMO_ASSERT(bytes_eq(cmd.data, data) && cmd.hdr.cntr == b->hdr.cntr);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bench b;
	struct bytes pkt;
	struct rd r;

	rd_init(&r, bytes_of(data, size));
	start(&b, rd_u8(&r));
	pkt = rd_rest(&r);
	open_foreign(&b, pkt);
	seal_and_open(&b, pkt);
	talloc_free(b.ctx);
	return 0;
}
