/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The card behind the scripted SM-SR: key agreement and SCP03t of one ISD-P, through the card's side of scp03. */
#include <errno.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/codec/ber.h"
#include "common/crypto/gpcert.h"
#include "common/crypto/rnd.h"
#include "common/crypto/x509.h"
#include "tests/support/dp_world.h"
#include "tests/support/vec.h"

#define SW_OK 0x9000
#define SW_WRONG 0x6a80

void dpw_card_wipe(struct dpw *w)
{
	struct dpw_card *c = &w->card;

	TALLOC_FREE(c->keys_ctx);
	c->keys_ctx = talloc_new(w->ctx);
	c->keys = (struct ecka_keys){0};
	c->session = NULL;
	c->counter = 0;
	c->installed = false;
	wr_init(&c->package, w->ctx);
}

void dpw_card_load(struct dpw *w, const struct seed_card *data)
{
	struct x509 *ci;
	const char *why = "";

	assert_int_equal(privkey_ec_import(w->ctx, EC_P256, BYTES_ARR(data->ecasd_key), &w->card.ecasd), 0);
	assert_int_equal(x509_pem_load(w->ctx, talloc_asprintf(w->ctx, "%s/ci.pem", w->dir), &ci, &why), 0);
	w->card.ci = (struct pubkey *)x509_pubkey(ci);
	dpw_card_wipe(w);
}

/* ---- key agreement ---- */

static void put_rapdu(struct wr *w, struct bytes data, uint16_t sw)
{
	ber_put_head(w, 0x23, data.len + 2);
	wr_bytes(w, data);
	wr_u16(w, sw);
}

static void certificate(struct dpw *w, struct bytes tlv, struct wr *out)
{
	struct dpw_card *c = &w->card;
	struct gpcert cert;
	uint8_t answer[18] = {0x85, 0x10};

	assert_int_equal(gpcert_parse(tlv, &cert), 0);
	assert_int_equal(gpcert_verify(&cert, c->ci), 0);
	if (c->refuse_certificate) {
		put_rapdu(out, (struct bytes){0}, SW_WRONG);
		return;
	}
	assert_int_equal(pubkey_ec_import(w->ctx, cert.curve, cert.point, &c->signer), 0);
	rnd_bytes(c->rc, sizeof(c->rc));
	memcpy(answer + 2, c->rc, sizeof(c->rc));
	put_rapdu(out, BYTES_ARR(answer), SW_OK);
}

static void agreement(struct dpw *w, struct bytes dgis, struct wr *out)
{
	static const uint8_t dr[16] = {1, 2, 3, 4};
	struct dpw_card *c = &w->card;
	const struct ecka_card card = {
		.signer = c->signer,
		.rc = BYTES_ARR(c->rc),
		.ecasd_key = c->ecasd,
		.curve = EC_P256,
		.dr = BYTES_ARR(dr),
		.receipt = ECKA_RECEIPT_85,
	};
	struct ecka_request req;
	struct wr rsp;

	if (c->resets) {
		c->resets--;
		put_rapdu(out, (struct bytes){0}, 0x6985);
		return;
	}
	wr_init(&rsp, w->ctx);
	assert_int_equal(ecka_request_dec(dgis, &req), 0);
	assert_non_null(c->signer);
	dpw_card_wipe(w);
	assert_int_equal(ecka_card_agree(&card, w->crypto, c->keys_ctx, &req, &c->keys, &rsp), 0);
	c->signer = NULL; /* one use */
	if (c->bad_receipt)
		rsp.buf[rsp.len - 1] ^= 1;
	put_rapdu(out, bytes_of(rsp.buf, rsp.len), SW_OK);
}

/* SCP03: one session with one PUT KEY. */
static bool scp03_apdu(struct dpw *w, uint8_t ins, struct bytes apdu, struct bytes data, struct wr *out)
{
	struct dpw_card *c = &w->card;
	const struct scp03_keys keys = {c->keys.kvn, c->keys.enc, c->keys.mac, c->keys.dek};
	uint8_t rsp[SCP03_INIT_RSP_LEN], kvn;
	struct wr plain, answer;
	struct bytes check;

	if (ins != 0x50 && ins != 0x82 && ins != 0xd8)
		return false;
	if (ins == 0x50) {
		assert_int_equal(scp03_card_init(w->crypto, c->keys_ctx, &keys, BYTES_ARR(w->entry.aid), ++c->counter,
						 data, &c->session, rsp),
				 0);
		put_rapdu(out, BYTES_ARR(rsp), SW_OK);
	} else if (ins == 0x82) {
		assert_int_equal(scp03_card_auth(c->session, apdu), 0);
		put_rapdu(out, (struct bytes){0}, SW_OK);
	} else if (c->refuse_token) {
		put_rapdu(out, (struct bytes){0}, 0x9484);
	} else {
		wr_init(&plain, w->ctx);
		wr_init(&answer, w->ctx);
		assert_int_equal(scp03_card_open(c->session, apdu, &plain), 0);
		/* Header and Lc, then key version and the key's block. */
		assert_int_equal(scp03_card_put_key(w->crypto, c->keys_ctx, c->keys.dek,
						    bytes_of(plain.buf + 5, plain.buf[4]), &kvn, &c->token),
				 0);
		assert_int_equal(kvn, 0x70);
		check = bytes_of(plain.buf + 5 + plain.buf[4] - 3, 3);
		wr_init(&plain, w->ctx);
		wr_u8(&plain, kvn);
		wr_bytes(&plain, check);
		assert_int_equal(scp03_card_answer(c->session, bytes_of(plain.buf, plain.len), SW_OK, &answer), 0);
		ber_put(out, 0x23, bytes_of(answer.buf, answer.len));
	}
	return true;
}

static void capdu(struct dpw *w, struct bytes apdu, struct wr *out)
{
	struct bytes data;
	struct dgi dgi;
	struct rd r, in;
	uint8_t ins;

	rd_init(&r, apdu);
	rd_u8(&r);
	ins = rd_u8(&r);
	rd_u16(&r);
	data = rd_bytes(&r, rd_u8(&r));
	if (ins == 0xe6) {
		assert_memory_equal(data.data + 3, w->entry.aid, sizeof(w->entry.aid));
		put_rapdu(out, BYTES_LIT("\0"), SW_OK);
		return;
	}
	if (scp03_apdu(w, ins, apdu, data, out))
		return;
	assert_int_equal(ins, 0xe2);
	rd_init(&in, data);
	assert_true(dgi_next(&in, &dgi));
	if (dgi.id == 0x3a01)
		certificate(w, dgi.value, out);
	else
		agreement(w, data, out);
}

/* ---- package ---- */

static bool is_whole(struct bytes package)
{
	struct ber tlv = {0};
	struct rd r;

	rd_init(&r, package);
	while (ber_next(&r, &tlv))
		;
	return rd_end(&r) == 0 && tlv.tag == 0xaa;
}

static void answer_end(struct dpw *w, struct wr *out)
{
	struct euicc_response rsp = {.n = 1, .n_all = 1, .aborted = w->card.abort};
	struct wr plain;

	rsp.results[0] = (struct pe_result){w->card.pe_status, 3, -1, -1};
	if (w->card.abort && !w->card.pe_status)
		rsp.results[0].status = PE_BAD_VALUES;
	wr_init(&plain, w->ctx);
	assert_int_equal(euicc_response_enc(&rsp, &plain), 0);
	w->card.installed = !w->card.abort;
	assert_int_equal(scp03t_card_answer(w->card.session,
					    w->card.mute ? (struct bytes){0} : bytes_of(plain.buf, plain.len), out),
			 0);
}

static void segment(struct dpw *w, struct bytes value, struct wr *out)
{
	struct dpw_card *c = &w->card;

	c->segments++;
	if (!c->session || c->segments == c->break_at || scp03t_card_open(c->session, value, &c->package) < 0) {
		c->session = NULL;
		scp03t_card_error(0x86, SCP03T_BAD_SECURITY, out);
		return;
	}
	if (is_whole(bytes_of(c->package.buf, c->package.len)) || c->abort || c->segments == c->early_at)
		answer_end(w, out);
	else
		assert_int_equal(scp03t_card_answer(c->session, (struct bytes){0}, out), 0);
}

static void init_update(struct dpw *w, struct bytes value, struct wr *out)
{
	struct dpw_card *c = &w->card;
	const struct scp03_keys keys = {c->keys.kvn, c->keys.enc, c->keys.mac, c->keys.dek};
	uint8_t kvn, rsp[SCP03_INIT_RSP_LEN];
	struct bytes host;

	assert_int_equal(scp03t_card_init_dec(value, &kvn, &host), 0);
	assert_non_null(c->keys.enc);
	c->counter += 1 + c->jump;
	c->jump = 0;
	c->sessions++;
	wr_init(&c->package, w->ctx);
	assert_int_equal(scp03_card_init(w->crypto, c->keys_ctx, &keys, BYTES_ARR(w->entry.aid), c->counter, host,
					 &c->session, rsp),
			 0);
	ber_put(out, 0x84, BYTES_ARR(rsp));
}

static void auth(struct dpw *w, struct bytes value, struct wr *out)
{
	if (!w->card.session || scp03t_card_auth(w->card.session, value) < 0) {
		w->card.session = NULL;
		scp03t_card_error(0x85, SCP03T_BAD_SECURITY, out);
		return;
	}
	ber_put(out, 0x85, (struct bytes){0});
}

struct bytes dpw_card_run(struct dpw *w, const void *ctx, struct bytes data)
{
	struct ber tlv;
	struct rd r;
	struct wr out;

	rd_init(&r, data);
	wr_init(&out, ctx);
	while (ber_next(&r, &tlv)) {
		switch (tlv.tag) {
		case 0x22:
			capdu(w, tlv.value, &out);
			break;
		case 0x84:
			init_update(w, tlv.value, &out);
			break;
		case 0x85:
			auth(w, tlv.value, &out);
			break;
		case 0x86:
			segment(w, tlv.value, &out);
			break;
		default:
			fail_msg("command %x", tlv.tag);
		}
	}
	assert_int_equal(rd_end(&r), 0);
	return bytes_of(out.buf, out.len);
}

/* Just enough of a package: header, MF, PUK, PIN, USIM, AKA, SD, end. */
struct bytes dpw_package(const void *ctx, const char *iccid)
{
	char *swapped = talloc_strdup(ctx, iccid);
	char *hex;

	for (size_t i = 0; swapped[i] && swapped[i + 1]; i += 2) {
		char c = swapped[i];

		swapped[i] = swapped[i + 1];
		swapped[i + 1] = c;
	}
	hex = talloc_asprintf(ctx,
			      "A0278001028101008203583131830A%sA50481008400A608060667810F010201"
			      "B023A003810101810667810F010201A202A100A40C830A%sA500A600"
			      "A317A003810102A110300E8002008181083131313131313131"
			      "A21CA003810103A115A0133011800101810830303030FFFFFFFF82020081"
			      "B30FA003810104810667810F010204A200"
			      "A433A003810105A12CA12A8001018101008210000102030405060708090A0B0C0D0E0F8310000102030405"
			      "060708090A0B0C0D0E0F"
			      "A605A003810106"
			      "AA05A003810107",
			      iccid, swapped);
	return unhex(ctx, hex);
}
