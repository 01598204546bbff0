/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "tests/support/card_bench.h"

#include <errno.h>
#include <string.h>

#include <jansson.h>
#include <talloc.h>

#include "common/codec/ber.h"
#include "scp80/script.h"
#include "scp80/sms.h"

static int host_keys(void *arg, const struct euicc *card, const void *ctx, struct euicc_keys *keys)
{
	struct bench *b = arg;
	int rc;

	rc = key_import(ctx, KEY_AES, bench_hex(b, "000102030405060708090A0B0C0D0E0F"), &keys->kic);
	if (rc == 0)
		rc = key_import(ctx, KEY_AES, bench_vector(b, "notification_sms", "kid_key_kvn02"), &keys->kid);
	return rc;
}

static int host_cert(void *arg, const struct euicc *card, const void *ctx, struct bytes *cert)
{
	struct bench *b = arg;

	*cert = bytes_dup(ctx, b->cert);
	return b->cert.len ? 0 : -ENOENT;
}

/* The keys that signed the vectors. */
static int host_ecasd(void *arg, const struct euicc *card, const void *ctx, struct euicc_ecasd *ecasd)
{
	struct bench *b = arg;
	const json_t *keys = json_object_get(b->json, "keys"), *own = json_object_get(keys, "ECASD.ECKA"),
		     *ci = json_object_get(keys, "CI.ECDSA");
	int rc;

	ecasd->curve = EC_P256;
	rc = privkey_ec_import(ctx, EC_P256, bench_hex(b, json_string_value(json_object_get(own, "private"))),
			       &ecasd->key);
	return rc ? rc
		  : pubkey_ec_import(ctx, EC_P256, bench_hex(b, json_string_value(json_object_get(ci, "public"))),
				     &ecasd->ci);
}

static struct euicc *card_new(struct bench *b)
{
	struct euicc_profile p[] = {
		{.imsi = BENCH_IMSI_BOOT,
		 .state = ISDP_ENABLED,
		 .fallback = true,
		 .mem_granted = 0x10000,
		 .mem_left = 0x8000},
		{.imsi = BENCH_IMSI_OPER, .state = ISDP_DISABLED, .mem_granted = 0x10000, .mem_left = 0x8000},
	};
	struct euicc_factory f = {.profiles = p, .n_profiles = 2, .host_data = b};
	struct euicc *card;

	assert_int_equal(hex_dec_buf(p[0].aid, 16, BENCH_AID_BOOT), 0);
	assert_int_equal(hex_dec_buf(p[1].aid, 16, BENCH_AID_OPER), 0);
	assert_int_equal(hex_dec_buf(f.eid, 16, "89001012012341234012345678901224"), 0);
	assert_int_equal(hex_dec_buf(f.imei, 8, "3A45990057918503"), 0);
	card = euicc_alloc(b->ctx, b->fleet, &f);
	assert_non_null(card);
	euicc_trace_set(card, true);
	return card;
}

int bench_setup(void **state)
{
	void *ctx = talloc_named_const(NULL, 0, "bench");
	struct bench *b = talloc_zero(ctx, struct bench);
	struct euicc_host host = {.keys = host_keys, .ecasd_cert = host_cert, .ecasd = host_ecasd, .arg = b};
	struct euicc_keys keys;

	b->ctx = ctx;
	b->json = json_load_file("tests/vectors/es8.json", 0, NULL);
	assert_non_null(b->json);
	b->crypto = crypto_alloc(ctx);
	assert_non_null(b->crypto);
	b->fleet = euicc_fleet_alloc(ctx, b->crypto, &host);
	b->fleet->now_ms = 1000000;
	b->fleet->set.kvn = BENCH_KVN;
	b->fleet->set.nv_total = 0x84000;
	b->card = card_new(b);
	assert_int_equal(host_keys(b, b->card, ctx, &keys), 0);
	b->keys = (struct sp_keys){b->crypto, keys.kic, keys.kid, 8};
	*state = b;
	return 0;
}

int bench_teardown(void **state)
{
	struct bench *b = *state;

	json_decref(b->json);
	talloc_free(b->ctx);
	return 0;
}

void bench_restart(struct bench *b)
{
	struct bytes saved = euicc_save(b->card, b->ctx);

	while (bench_next(b))
		;
	talloc_free(b->card);
	b->card = card_new(b);
	assert_int_equal(euicc_load(b->card, saved), 0);
}

struct bytes bench_hex(struct bench *b, const char *hex)
{
	struct bytes out;

	assert_non_null(hex);
	assert_int_equal(hex_dec(b->ctx, hex, &out), 0);
	return out;
}

struct bytes bench_vector(struct bench *b, const char *section, const char *key)
{
	return bench_hex(b, json_string_value(json_object_get(json_object_get(b->json, section), key)));
}

struct euicc_out *bench_next(struct bench *b)
{
	while (!llist_empty(&b->fleet->outs)) {
		struct euicc_out *out = llist_first_entry(&b->fleet->outs, struct euicc_out, entry);

		llist_del(&out->entry);
		talloc_steal(b->ctx, out);
		if (out->type != EUICC_OUT_EVENT && out->type != EUICC_OUT_TRACE)
			return out;
		print_message("  %s\n", out->text);
	}
	return NULL;
}

struct euicc_out *bench_expect(struct bench *b, enum euicc_out_type type)
{
	struct euicc_out *out = bench_next(b);

	assert_non_null(out);
	assert_int_equal(out->type, type);
	return out;
}

void bench_expect_nothing(struct bench *b)
{
	assert_null(bench_next(b));
}

void bench_advance(struct bench *b, int64_t ms)
{
	int64_t end_ms = b->fleet->now_ms + ms;

	while (euicc_deadline(b->card) <= end_ms) {
		if (euicc_deadline(b->card) > b->fleet->now_ms)
			b->fleet->now_ms = euicc_deadline(b->card);
		euicc_tick(b->card);
	}
	b->fleet->now_ms = end_ms;
}

void bench_attach(struct bench *b, const char *imsi, uint8_t cause)
{
	struct euicc_out *out = bench_expect(b, EUICC_OUT_ATTACH);

	assert_string_equal(out->imsi, imsi);
	euicc_rx_attached(b->card, imsi, cause);
}

void bench_expect_detach(struct bench *b, const char *imsi)
{
	struct euicc_out *out = bench_expect(b, EUICC_OUT_DETACH);

	assert_string_equal(out->imsi, imsi);
}

struct euicc_out *bench_deliver(struct bench *b, struct bytes pkt)
{
	const struct ud_msg msg = {.kind = UD_COMMAND, .pkt = pkt, .ref = b->cntr & 0xff};
	unsigned int n = ud_segments(pkt.len, false);
	struct euicc_out *ack = NULL;

	for (unsigned int i = 1; i <= n; i++) {
		struct sms_deliver sms = {
			.udhi = true,
			.oa = {.type = 0x81, .digits = "12345"},
			.pid = SMS_PID_USIM_DOWNLOAD,
			.dcs = SMS_DCS_CLASS2_8BIT,
		};
		struct bytes tpdu;
		struct wr ud, w;

		wr_init(&ud, b->ctx);
		assert_int_equal(ud_enc(&msg, i, &ud), 0);
		assert_int_equal(wr_end(&ud, &sms.ud), 0);
		wr_init(&w, b->ctx);
		assert_int_equal(sms_deliver_enc(&sms, &w), 0);
		assert_int_equal(wr_end(&w, &tpdu), 0);
		euicc_rx_mt(b->card, euicc_enabled(b->card)->imsi, tpdu);
		ack = bench_expect(b, EUICC_OUT_MT_ACK);
		assert_int_equal(ack->cause, 0);
	}
	return ack;
}

static struct bytes script_of(struct bench *b, const struct bytes *capdus, size_t n)
{
	struct script_item *items = talloc_array(b->ctx, struct script_item, n);
	struct bytes script;
	struct wr w;

	for (size_t i = 0; i < n; i++)
		items[i] = (struct script_item){SCRIPT_CAPDU, capdus[i]};
	wr_init(&w, b->ctx);
	assert_int_equal(script_cmd_enc(SCRIPT_DEFINITE, items, n, &w), 0);
	assert_int_equal(wr_end(&w, &script), 0);
	return script;
}

static struct bytes seal(struct bench *b, struct bytes script)
{
	struct bytes pkt;
	struct wr w;

	wr_init(&w, b->ctx);
	assert_int_equal(sp_cmd_seal_any(&b->keys, SP_SMS, &b->hdr, script, &w), 0);
	assert_int_equal(wr_end(&w, &pkt), 0);
	return pkt;
}

static void send_content(struct bench *b, uint16_t spi, struct bytes content)
{
	b->hdr = (struct sp_hdr){
		.kic = sp_kix(BENCH_KVN, SP_ALG_AES),
		.kid = sp_kix(BENCH_KVN, SP_ALG_AES),
		.tar = b->tar ? b->tar : 0x000001,
		.cntr = ++b->cntr,
	};
	assert_int_equal(spi_dec(spi, &b->hdr.spi), 0);
	b->last = seal(b, content);
	b->ack = bench_deliver(b, b->last);
}

void bench_send_spi(struct bench *b, uint16_t spi, const struct bytes *capdus, size_t n)
{
	send_content(b, spi, script_of(b, capdus, n));
}

void bench_send_content(struct bench *b, struct bytes content)
{
	send_content(b, SPI_SGP02, content);
}

void bench_send(struct bench *b, const struct bytes *capdus, size_t n)
{
	bench_send_spi(b, SPI_SGP02, capdus, n);
}

void bench_resend(struct bench *b)
{
	b->ack = bench_deliver(b, b->last);
}

struct bytes bench_mo(struct bench *b, enum ud_kind *kind)
{
	struct bytes payloads[16], whole;
	struct wr w;
	size_t n = 0, total = 1;

	while (n < total) {
		struct euicc_out *out = bench_expect(b, EUICC_OUT_MO);
		struct sms_submit sms;
		struct ud_part part;

		assert_int_equal(sms_submit_dec(out->pdu, &sms), 0);
		assert_string_equal(sms.da.digits, "12345");
		assert_int_equal(sms.pid, SMS_PID_USIM_DOWNLOAD);
		assert_int_equal(ud_dec(sms.udhi, sms.ud, &part), 0);
		if (n == 0) {
			*kind = part.kind;
			total = part.total;
		}
		assert_int_equal(part.index, n + 1);
		payloads[n++] = part.payload;
		euicc_rx_mo_result(b->card, out->imsi, 0);
	}
	wr_init(&w, b->ctx);
	assert_int_equal(ud_join(payloads, n, 4096, &w), 0);
	assert_int_equal(wr_end(&w, &whole), 0);
	return whole;
}

struct sp_por bench_por(struct bench *b)
{
	enum ud_kind kind;
	struct bytes pkt = bench_mo(b, &kind);
	struct sp_por por;
	struct wr plain;

	assert_int_equal(kind, UD_RESPONSE);
	wr_init(&plain, b->ctx);
	assert_int_equal(sp_por_open(&b->keys, SP_SMS, &b->hdr, pkt, &plain, &por), 0);
	assert_int_equal(por.tar, b->hdr.tar);
	assert_true(por.cntr == b->hdr.cntr);
	return por;
}

struct bytes bench_rapdu(struct bench *b)
{
	struct sp_por por = bench_por(b);
	struct script_rsp rsp;
	struct bytes rapdu;
	struct wr w;

	assert_int_equal(por.status, SP_ST_OK);
	assert_int_equal(script_rsp_dec(por.data, &rsp), 0);
	assert_int_equal(rsp.n_rapdus, 1);
	wr_init(&w, b->ctx);
	wr_bytes(&w, rsp.last.data);
	wr_u16(&w, rsp.last.sw);
	assert_int_equal(wr_end(&w, &rapdu), 0);
	return rapdu;
}

struct bytes bench_ask(struct bench *b, struct bytes capdu)
{
	bench_send(b, &capdu, 1);
	return bench_rapdu(b);
}

void bench_ask_sw(struct bench *b, const char *key, uint16_t sw)
{
	struct bytes rapdu = bench_ask(b, bench_vector(b, "es5_commands", key));
	struct rd r;

	rd_init(&r, rapdu);
	assert_int_equal(rd_u16(&r), sw);
	assert_int_equal(rd_end(&r), 0);
}

void bench_notification(struct bench *b, uint8_t type, uint16_t seq, const char *aid)
{
	enum ud_kind kind;
	struct bytes pkt = bench_mo(b, &kind), body, v;
	struct sp_cmd notif;
	struct ber e1;
	struct rd r;

	assert_int_equal(kind, UD_COMMAND);
	assert_int_equal(sp_notif_open(&b->keys, pkt, &notif), 0);
	rd_init(&r, notif.data);
	assert_true(ber_next(&r, &e1));
	assert_int_equal(e1.tag, 0xe1);
	body = e1.value;
	assert_int_equal(ber_find(body, 0x4d, &v), 0);
	assert_int_equal(v.data[0], type);
	assert_int_equal(ber_find(body, 0x4e, &v), 0);
	rd_init(&r, v);
	assert_int_equal(rd_u16(&r), seq);
	assert_int_equal(ber_find(body, 0x2f, &v), 0);
	assert_true(bytes_eq(v, bench_hex(b, aid)));
}

struct bytes bench_confirm(struct bench *b, uint16_t seq)
{
	struct bytes capdu;
	uint8_t buf[16];
	struct wr w;

	wr_init_buf(&w, buf, sizeof(buf));
	wr_bytes(&w, bench_hex(b, "80E28900073A08044E02"));
	wr_u16(&w, seq);
	wr_u8(&w, 0);
	assert_int_equal(wr_end(&w, &capdu), 0);
	return bench_ask(b, bytes_dup(b->ctx, capdu));
}

void bench_switch(struct bench *b, const char *command, const char *from_imsi, const char *to_imsi, uint16_t seq)
{
	bool to_oper = strcmp(to_imsi, BENCH_IMSI_OPER) == 0;

	bench_ask_sw(b, command, 0x9000);
	bench_expect_detach(b, from_imsi);
	bench_advance(b, b->fleet->set.refresh_ms);
	bench_attach(b, to_imsi, 0);
	bench_notification(b, 0x02, seq, to_oper ? BENCH_AID_OPER : BENCH_AID_BOOT);
}

void bench_assert_bytes(struct bench *b, struct bytes got, struct bytes want)
{
	assert_string_equal(hex_enc(b->ctx, got), hex_enc(b->ctx, want));
}
