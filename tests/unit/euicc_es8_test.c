/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What an SM-DP does to a card: key establishment, a profile download by SCP03t, commands by SCP03, and everything a
 * card may have against it.  The off-card side is scp03/, which the vectors check on its own. */
#include "tests/support/card_bench.h"

#include <errno.h>
#include <string.h>

#include <talloc.h>

#include "common/codec/ber.h"
#include "scp03/ecka.h"
#include "scp03/scp03t.h"
#include "scp80/script.h"
#include "tests/support/es8.h"

/* The AID for which the vectors have a delete token. */
#define AID_NEW BENCH_AID_OPER
#define AID_ISDR "A0000005591010FFFFFFFF8900000100"
#define IMSI_NEW "001010000000077"

/* ---- the server's side ---- */

static struct wr writer(struct bench *b)
{
	struct wr w;

	wr_init(&w, b->ctx);
	return w;
}

static struct bytes written(const struct wr *w)
{
	return bytes_of(w->buf, w->len);
}

/* Items of a script to an application, all answers in a row. */
static struct bytes run(struct bench *b, const char *aid, const struct wr *items)
{
	struct script_rsp rsp;
	struct wr script = writer(b);
	struct bytes answer;

	wr_bytes(&script, BYTES_LIT("\xae\x80"));
	wr_bytes(&script, written(items));
	wr_bytes(&script, BYTES_LIT("\0\0"));
	assert_int_equal(euicc_script(b->card, b->ctx, bench_hex(b, aid), written(&script), &answer), 0);
	assert_int_equal(script_rsp_dec(answer, &rsp), 0);
	return rsp.body;
}

static struct rapdu last_rapdu(struct bytes body)
{
	struct rapdu last = {.sw = 0};
	struct ber t;
	struct rd r;

	rd_init(&r, body);
	while (ber_next(&r, &t)) {
		assert_int_equal(t.tag, 0x23);
		assert_int_equal(rapdu_dec(t.value, &last), 0);
	}
	return last;
}

static uint16_t isdr(struct bench *b, const char *hex)
{
	struct bytes rapdu;
	struct rapdu r;

	assert_int_equal(euicc_apdu(b->card, b->ctx, bench_hex(b, "00A4040010" AID_ISDR), &rapdu), 0);
	assert_int_equal(euicc_apdu(b->card, b->ctx, bench_hex(b, hex), &rapdu), 0);
	assert_int_equal(rapdu_dec(rapdu, &r), 0);
	return r.sw;
}

/* In place of the profile that the bench has there. */
static void create(struct bench *b)
{
	(void)isdr(b, "80E40040124F10" AID_NEW "00");
	assert_int_equal(isdr(b,
			      "80E60C003F10A0000005591010FFFFFFFF8900000D0010A0000005591010FFFFFFFF8900000E0010" AID_NEW
			      "0380C00006C904810203700000"),
			 0x9000);
}

static const struct euicc_profile *profile(struct bench *b)
{
	const struct euicc_profile *p;

	for (size_t i = 0; (p = euicc_profile_at(b->card, i)); i++) {
		if (bytes_eq(BYTES_ARR(p->aid), bench_hex(b, AID_NEW)))
			return p;
	}
	return NULL;
}

static struct ecka *ecka_new(struct bench *b, const char *cert, const char *signer)
{
	const struct ecka_setup setup = {
		.params = ecka_params_isdp(),
		.cert = es8_hex(b->ctx, cert, "full_7F21"),
		.sign_key = es8_private(b->ctx, signer),
		.ecasd_key = es8_public(b->ctx, "ECASD.ECKA"),
		.receipt = ECKA_RECEIPT_85,
	};
	struct ecka *e;

	assert_int_equal(ecka_alloc(b->ctx, &setup, &e), 0);
	return e;
}

/* Steps a and b. */
static struct rapdu offer(struct bench *b, struct ecka *e)
{
	struct wr cmds = writer(b);

	ecka_put_install(bench_hex(b, AID_NEW), &cmds);
	assert_int_equal(ecka_put_cert(e, &cmds), 0);
	return last_rapdu(run(b, AID_ISDR, &cmds));
}

static struct ecka_keys establish(struct bench *b)
{
	struct ecka *e = ecka_new(b, "certificates/CERT.DP.ECDSA", "DP.ECDSA");
	struct wr cmds = writer(b);
	struct ecka_keys keys;
	struct bytes challenge;
	struct rapdu r = offer(b, e);

	assert_int_equal(r.sw, 0x9000);
	assert_int_equal(ecka_rc_dec(r.data, &challenge), 0);
	assert_int_equal(ecka_put_agreement(e, challenge, &cmds), 0);
	r = last_rapdu(run(b, AID_ISDR, &cmds));
	assert_int_equal(r.sw, 0x9000);
	assert_int_equal(ecka_finish(e, b->crypto, b->ctx, r.data, &keys), 0);
	assert_int_equal(profile(b)->state, ISDP_PERSONALIZED);
	return keys;
}

static struct scp03 *predicted(struct bench *b, const struct ecka_keys *k, uint32_t counter, struct scp03_keys *keys)
{
	static const uint8_t host[SCP03_CHALLENGE_LEN] = {1, 2, 3, 4, 5, 6, 7, 8};
	uint8_t card[SCP03_CHALLENGE_LEN];
	struct scp03 *s;

	*keys = (struct scp03_keys){k->kvn, k->enc, k->mac, k->dek};
	assert_int_equal(scp03_predict(b->crypto, keys, bench_hex(b, AID_NEW), counter, card), 0);
	assert_int_equal(scp03_open(b->crypto, b->ctx, keys, host, card, &s), 0);
	return s;
}

/* 84 and 85 of a session. */
static struct scp03 *download_open(struct bench *b, const struct ecka_keys *k, uint32_t counter, struct wr *items)
{
	static const uint8_t host[SCP03_CHALLENGE_LEN] = {1, 2, 3, 4, 5, 6, 7, 8};
	struct scp03_keys keys;
	struct scp03 *s = predicted(b, k, counter, &keys);

	scp03t_put_init(0x30, host, items);
	assert_int_equal(scp03t_put_auth(s, items), 0);
	return s;
}

/* Take all answers.  \returns 0 or the first error; *error is the card's */
static int take(struct bench *b, struct scp03 *s, struct bytes body, struct wr *plain, uint8_t *error)
{
	struct scp03t_answer a;
	struct rd r;

	rd_init(&r, body);
	while (scp03t_answer_next(&r, &a)) {
		int rc = scp03t_rx(s, &a, plain);

		*error = a.error;
		if (rc)
			return rc;
	}
	return rd_end(&r);
}

/* A whole download in scripts of one segment each.  \returns what the card says at the end */
static struct euicc_response download(struct bench *b, const struct ecka_keys *k, uint32_t counter,
				      struct bytes package, size_t segment)
{
	struct wr items = writer(b), plain = writer(b);
	struct scp03 *s = download_open(b, k, counter, &items);
	struct euicc_response rsp = {};
	uint8_t error = 0;

	assert_int_equal(take(b, s, run(b, AID_NEW, &items), &plain, &error), 0);
	items.len = 0;
	for (size_t at = 0; at < package.len && plain.len == 0; at += segment) {
		size_t n = package.len - at < segment ? package.len - at : segment;

		assert_int_equal(scp03t_seal(s, bytes_sub(package, at, n), &items), 0);
		assert_int_equal(take(b, s, run(b, AID_NEW, &items), &plain, &error), 0);
		items.len = 0;
	}
	assert_int_equal(euicc_response_dec(written(&plain), &rsp), 0);
	return rsp;
}

/* ---- a package ---- */

static void put_constructed(struct bench *b, struct wr *w, uint32_t tag, const struct wr *inner)
{
	ber_put(w, tag, written(inner));
}

struct parts {
	const char *iccid;
	const char *imsi; /* content of EF.IMSI */
	uint8_t major;
	uint32_t odd;  /* one more element with this tag; 0 = none */
	size_t filler; /* octets of an application */
	bool no_end;
};

static const struct parts plain_parts = {.iccid = "89000123456789012399", .imsi = "080910100000000077", .major = 2};

static struct bytes package(struct bench *b, const struct parts *p)
{
	struct wr w = writer(b), header = writer(b), usim = writer(b), file = writer(b), aka = writer(b);
	struct bytes filler = bytes_of(talloc_zero_size(b->ctx, p->filler + 1), p->filler);

	ber_put_u8(&header, 0x80, p->major);
	ber_put_u8(&header, 0x81, 1);
	ber_put(&header, 0x82, BYTES_LIT("TEST"));
	ber_put(&header, 0x83, bench_hex(b, p->iccid));
	ber_put_u8(&header, 0x84, 0x04);
	ber_put(&header, 0xa5, bench_hex(b, "81008400"));
	ber_put(&header, 0x87, bench_hex(b, "A0090607913386994211F1"));
	put_constructed(b, &w, 0xa0, &header);
	if (p->odd)
		ber_put(&w, p->odd, bench_hex(b, "A006800081021234"));
	ber_put(&file, 0xa1, BYTES_LIT("\x82\x02\x41\x21"));
	ber_put(&file, 0x83, bench_hex(b, p->imsi));
	ber_put(&usim, 0xa0, bench_hex(b, "8000810105"));
	put_constructed(b, &usim, 0xa3, &file);
	put_constructed(b, &w, 0xb3, &usim);
	ber_put(&aka, 0xa0, bench_hex(b, "8000810106"));
	ber_put(&aka, 0xa1,
		bench_hex(b,
			  "A12A8001038101028210000102030405060708090A0B0C0D0E0F831000000000000000000000000000000000"));
	put_constructed(b, &w, 0xa4, &aka);
	if (p->filler) {
		struct wr app = writer(b);

		ber_put(&app, 0x80, filler);
		put_constructed(b, &w, 0xa8, &app);
	}
	if (!p->no_end)
		ber_put(&w, 0xaa, bench_hex(b, "A00680008102010A"));
	return written(&w);
}

/* ---- tests ---- */

static void a_profile_is_downloaded_and_enabled(void **state)
{
	struct bench *b = *state;
	struct parts big = plain_parts;
	struct euicc_package got;
	struct bytes pkg;
	struct euicc_response rsp;
	struct ecka_keys keys;
	uint8_t sha[32];

	big.filler = 20000;
	pkg = package(b, &big);
	create(b);
	keys = establish(b);
	rsp = download(b, &keys, 1, pkg, 1007);
	assert_true(euicc_response_ok(&rsp));
	assert_null(euicc_response_failure(&rsp));
	assert_int_equal(profile(b)->state, ISDP_DISABLED);
	assert_string_equal(profile(b)->imsi, IMSI_NEW);
	assert_true(bytes_eq(BYTES_ARR(profile(b)->iccid), bench_hex(b, "98001032547698103299")));
	assert_int_equal(profile(b)->pol1, 0x04);
	assert_int_equal(profile(b)->mem_left, profile(b)->mem_granted - pkg.len);
	assert_true(euicc_package(b->card, profile(b), &got));
	assert_true(bytes_eq(got.octets, pkg));
	assert_int_equal(crypto_sha256(pkg, sha), 0);
	assert_memory_equal(got.sha256, sha, 32);
	/* The state survives, the octets do not. */
	bench_restart(b);
	assert_true(euicc_package(b->card, profile(b), &got));
	assert_int_equal(got.len, pkg.len);
	assert_int_equal(got.octets.len, 0);
	euicc_power(b->card, true);
	bench_attach(b, BENCH_IMSI_BOOT, 0);
	assert_int_equal(isdr(b, "80E28800153A03124F10" AID_NEW), 0x9000);
	bench_expect_detach(b, BENCH_IMSI_BOOT);
	bench_advance(b, 1000);
	bench_attach(b, IMSI_NEW, 0);
}

static void segments_of_any_size(void **state)
{
	struct bench *b = *state;
	struct bytes pkg = package(b, &plain_parts);
	static const size_t sizes[] = {1, 3, 17, 100, 5000};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct ecka_keys keys;
		struct euicc_response rsp;

		create(b);
		keys = establish(b);
		rsp = download(b, &keys, 1, pkg, sizes[i]);
		assert_true(euicc_response_ok(&rsp));
		assert_int_equal(profile(b)->state, ISDP_DISABLED);
		assert_int_equal(isdr(b, "80E40040124F10" AID_NEW "00"), 0x9000);
		assert_null(profile(b));
	}
}

/* Everything in one script; the session was sealed before the first answer. */
static void one_script(void **state)
{
	struct bench *b = *state;
	struct wr items = writer(b), plain = writer(b);
	struct euicc_response rsp;
	struct ecka_keys keys;
	uint8_t error = 0;
	struct scp03 *s;

	create(b);
	keys = establish(b);
	s = download_open(b, &keys, 1, &items);
	assert_int_equal(scp03t_seal(s, package(b, &plain_parts), &items), 0);
	assert_int_equal(take(b, s, run(b, AID_NEW, &items), &plain, &error), 0);
	assert_int_equal(euicc_response_dec(written(&plain), &rsp), 0);
	assert_true(euicc_response_ok(&rsp));
}

/* \returns status with which the card refuses a package; what it was before is left */
static int32_t refused(struct bench *b, struct bytes pkg)
{
	struct ecka_keys keys;
	struct euicc_response rsp;
	struct bytes before, after;
	struct euicc_package none;

	create(b);
	keys = establish(b);
	before = euicc_save(b->card, b->ctx);
	rsp = download(b, &keys, 1, pkg, 50);
	assert_true(rsp.aborted && euicc_response_failure(&rsp));
	assert_int_equal(profile(b)->state, ISDP_PERSONALIZED);
	assert_false(euicc_package(b->card, profile(b), &none));
	after = euicc_save(b->card, b->ctx);
	/* The sequence counter went on and nothing else. */
	assert_int_equal(before.len, after.len);
	for (size_t i = 0, n = 0; i < before.len; i++) {
		n += before.data[i] != after.data[i];
		assert_true(n <= 1);
	}
	assert_int_equal(isdr(b, "80E40040124F10" AID_NEW "00"), 0x9000);
	return euicc_response_failure(&rsp)->status;
}

static void packages_that_are_refused(void **state)
{
	struct bench *b = *state;
	struct bytes good = package(b, &plain_parts);
	struct parts p = plain_parts;
	struct rd r;

	p.major = 1;
	assert_int_equal(refused(b, package(b, &p)), PE_UNSUPPORTED_PROFILE_VERSION);
	/* The ICCID of the profiles that the card came with. */
	p = plain_parts;
	p.iccid = "00000000000000000000";
	assert_int_equal(refused(b, package(b, &p)), PE_BAD_VALUES);
	p = plain_parts;
	p.imsi = "0F09";
	assert_int_equal(refused(b, package(b, &p)), PE_BAD_VALUES);
	p = plain_parts;
	p.odd = 0xab;
	assert_int_equal(refused(b, package(b, &p)), PE_NOT_SUPPORTED);
	p = plain_parts;
	p.filler = 70000;
	assert_int_equal(refused(b, package(b, &p)), PE_NOT_ENOUGH_MEMORY);
	/* Without its header. */
	rd_init(&r, good);
	(void)ber_expect(&r, 0xa0);
	assert_int_equal(refused(b, rd_rest(&r)), PE_INVALID_REQUEST_FORMAT);
	assert_int_equal(refused(b, BYTES_LIT("\xa0\x80\x00\x00")), PE_INVALID_REQUEST_FORMAT);
}

static void faults_of_the_lab(void **state)
{
	struct bench *b = *state;
	struct bytes pkg = package(b, &plain_parts);
	struct wr items, plain = writer(b);
	struct euicc_response rsp;
	struct ecka_keys keys;
	uint8_t error = 0;
	struct scp03 *s;

	euicc_fault_set(b->card, EUICC_FAULT_BAD_PE, true, 2);
	assert_int_equal(refused(b, pkg), PE_BAD_VALUES);
	euicc_fault_set(b->card, EUICC_FAULT_BAD_PE, false, 0);
	euicc_fault_set(b->card, EUICC_FAULT_PACKAGE_MEMORY, true, 60);
	assert_int_equal(refused(b, pkg), PE_NOT_ENOUGH_MEMORY);
	euicc_fault_set(b->card, EUICC_FAULT_PACKAGE_MEMORY, false, 0);
	euicc_fault_set(b->card, EUICC_FAULT_SCP03T_MAC, true, 2);
	create(b);
	keys = establish(b);
	items = writer(b);
	s = download_open(b, &keys, 1, &items);
	assert_int_equal(scp03t_seal(s, bytes_sub(pkg, 0, 20), &items), 0);
	assert_int_equal(scp03t_seal(s, bytes_sub(pkg, 20, pkg.len - 20), &items), 0);
	assert_int_equal(take(b, s, run(b, AID_NEW, &items), &plain, &error), -ECONNABORTED);
	assert_int_equal(error, SCP03T_BAD_SECURITY);
	assert_int_equal(profile(b)->state, ISDP_PERSONALIZED);
	/* After the fault a new session brings the package from its beginning. */
	euicc_fault_set(b->card, EUICC_FAULT_SCP03T_MAC, false, 0);
	rsp = download(b, &keys, 2, pkg, 1007);
	assert_true(euicc_response_ok(&rsp));
	assert_int_equal(profile(b)->state, ISDP_DISABLED);
}

static void sessions_in_disorder(void **state)
{
	struct bench *b = *state;
	struct wr items = writer(b), plain = writer(b);
	struct ecka_keys keys;
	uint8_t error = 0;
	struct scp03 *s;

	create(b);
	keys = establish(b);
	/* Another counter than the card's: its cryptogram is for another challenge. */
	s = download_open(b, &keys, 5, &items);
	assert_int_equal(take(b, s, run(b, AID_NEW, &items), &plain, &error), -ESTALE);
	/* A segment without a session. */
	items = writer(b);
	s = download_open(b, &keys, 2, &items);
	items.len = 0;
	assert_int_equal(scp03t_seal(s, BYTES_LIT("x"), &items), 0);
	assert_int_equal(take(b, s, run(b, AID_NEW, &items), &plain, &error), -ECONNABORTED);
	assert_int_equal(error, SCP03T_BAD_SECURITY);
	/* A key version that is not there, a malformed 84, the ISD-R. */
	items.len = 0;
	wr_bytes(&items, bench_hex(b, "840A31001122334455667788"));
	assert_true(bytes_eq(run(b, AID_NEW, &items), bench_hex(b, "9F440103")));
	items.len = 0;
	wr_bytes(&items, bench_hex(b, "8409300011223344556677"));
	assert_true(bytes_eq(run(b, AID_NEW, &items), bench_hex(b, "9F440101")));
	assert_true(bytes_eq(run(b, AID_ISDR, &items), bench_hex(b, "900101")));
}

static void establishment_in_disorder(void **state)
{
	struct bench *b = *state;
	struct ecka *e;
	struct wr cmds = writer(b);
	struct bytes challenge;
	struct rapdu r;

	create(b);
	/* The certificate of an SM-SR. */
	e = ecka_new(b, "certificates/CERT.SR.ECDSA", "SR.ECDSA");
	assert_int_equal(offer(b, e).sw, 0x6a80);
	/* The right certificate and another key behind it. */
	e = ecka_new(b, "certificates/CERT.DP.ECDSA", "SR.ECDSA");
	r = offer(b, e);
	assert_int_equal(ecka_rc_dec(r.data, &challenge), 0);
	assert_int_equal(ecka_put_agreement(e, challenge, &cmds), 0);
	assert_int_equal(last_rapdu(run(b, AID_ISDR, &cmds)).sw, 0x6a80);
	/* The challenge served once. */
	assert_int_equal(last_rapdu(run(b, AID_ISDR, &cmds)).sw, 0x6985);
	/* c without b */
	assert_int_equal(isdr(b, "80E28901043A020061"), 0x6985);
	assert_int_equal(profile(b)->state, ISDP_SELECTABLE);
	(void)establish(b);
	/* Only an ISD-P without keys. */
	assert_int_equal(offer(b, e).sw, 0x6985);
	assert_int_equal(isdr(b, "80E6200016000010A0000005591010FFFFFFFF890000770000000000"), 0x6a88);
}

static struct bytes secured(struct bench *b, struct scp03 *s, const char *hex, uint16_t *sw)
{
	struct wr cmd = writer(b), items = writer(b), data = writer(b);
	struct bytes body;

	assert_int_equal(scp03_wrap(s, bench_hex(b, hex), &cmd), 0);
	ber_put(&items, 0x22, written(&cmd));
	body = run(b, AID_NEW, &items);
	assert_int_equal(ber_find(body, 0x23, &body), 0);
	assert_int_equal(scp03_unwrap(s, body, &data, sw), 0);
	return written(&data);
}

/* An authenticated session over APDUs. */
static struct scp03 *session(struct bench *b, const struct ecka_keys *keys, uint32_t counter,
			     struct scp03_keys *static_keys)
{
	static const uint8_t host[SCP03_CHALLENGE_LEN] = {1, 2, 3, 4, 5, 6, 7, 8};
	struct wr items = writer(b), auth = writer(b), init = writer(b);
	struct scp03 *s = predicted(b, keys, counter, static_keys);

	scp03_put_init(0x30, host, &init);
	assert_int_equal(scp03_put_auth(s, &auth), 0);
	ber_put(&items, 0x22, written(&init));
	assert_int_equal(scp03_rx_init(s, last_rapdu(run(b, AID_NEW, &items)).data), 0);
	items.len = 0;
	ber_put(&items, 0x22, written(&auth));
	assert_int_equal(last_rapdu(run(b, AID_NEW, &items)).sw, 0x9000);
	return s;
}

static void deletion_by_token(void **state)
{
	struct bench *b = *state;
	struct key *token = es8_key(b->ctx, "token_key", "key");
	const char *del = vec_str(es8_at("es5_commands"), "MasterDelete");
	struct scp03_keys static_keys;
	struct euicc_response rsp;
	struct ecka_keys keys;
	struct wr put = writer(b);
	char *wrong;
	uint16_t sw = 0;

	create(b);
	keys = establish(b);
	assert_int_equal(isdr(b, del), 0x6985);
	rsp = download(b, &keys, 1, package(b, &plain_parts), 1007);
	assert_true(euicc_response_ok(&rsp));
	assert_int_equal(isdr(b, del), 0x6982);
	assert_int_equal(scp03_put_key_enc(b->crypto, keys.dek, 0x70, 0x01, token, &put), 0);
	(void)secured(b, session(b, &keys, 2, &static_keys), hex_enc(b->ctx, written(&put)), &sw);
	assert_int_equal(sw, 0x9000);
	wrong = talloc_strdup(b->ctx, del);
	wrong[strlen(wrong) - 4] ^= 1;
	assert_int_equal(isdr(b, wrong), 0x6982);
	assert_int_equal(isdr(b, del), 0x9000);
	assert_null(profile(b));
}

static void commands_over_scp03(void **state)
{
	static const uint8_t host[SCP03_CHALLENGE_LEN] = {1, 2, 3, 4, 5, 6, 7, 8};
	struct bench *b = *state;
	struct wr items = writer(b), init = writer(b), put = writer(b);
	struct key *token = es8_key(b->ctx, "token_key", "key");
	struct scp03_keys static_keys;
	struct ecka_keys keys;
	struct bytes data;
	struct scp03 *s;
	uint16_t sw = 0;

	create(b);
	keys = establish(b);
	s = session(b, &keys, 1, &static_keys);
	assert_int_equal(secured(b, s, "80E288000E3A070BA0090607913386994211F1", &sw).len, 0);
	assert_int_equal(sw, 0x9000);
	assert_int_equal(scp03_put_key_enc(b->crypto, static_keys.dek, 0x70, 0x01, token, &put), 0);
	data = secured(b, s, hex_enc(b->ctx, written(&put)), &sw);
	assert_int_equal(sw, 0x9000);
	assert_int_equal(scp03_put_key_rsp_check(b->crypto, data, 0x70, token), 0);
	data = secured(b, s, "80CA00C100", &sw);
	assert_true(bytes_eq(data, bench_hex(b, "C103000001")));
	/* What is not secured is refused, and the state keeps keys and token. */
	items.len = 0;
	ber_put(&items, 0x22, bench_hex(b, "80CA00C100"));
	assert_int_equal(last_rapdu(run(b, AID_NEW, &items)).sw, 0x6982);
	bench_restart(b);
	s = predicted(b, &keys, 2, &static_keys);
	scp03_put_init(0x30, host, &init);
	items.len = 0;
	ber_put(&items, 0x22, written(&init));
	assert_int_equal(scp03_rx_init(s, last_rapdu(run(b, AID_NEW, &items)).data), 0);
	assert_non_null(strstr(euicc_describe(b->card, b->ctx), "scp03 kvn 48 counter 2 token-key"));
}

/* Keys of the token's owner; the file cut anywhere, or with any bit turned. */
static void the_state_of_a_downloaded_profile(void **state)
{
	struct bench *b = *state;
	struct ecka_keys keys;
	struct bytes saved;

	create(b);
	keys = establish(b);
	(void)download(b, &keys, 1, package(b, &plain_parts), 1007);
	saved = euicc_save(b->card, b->ctx);
	bench_restart(b);
	for (size_t n = 0; n < saved.len; n++)
		assert_int_equal(euicc_load(b->card, bytes_sub(saved, 0, n)), -EINVAL);
	for (size_t bit = 0; bit < 8 * saved.len; bit++) {
		uint8_t *bad = talloc_memdup(b->ctx, saved.data, saved.len);

		bad[bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (euicc_load(b->card, bytes_of(bad, saved.len)) == 0)
			bench_assert_bytes(b, euicc_save(b->card, b->ctx), bytes_of(bad, saved.len));
		talloc_free(bad);
	}
	assert_int_equal(euicc_load(b->card, saved), 0);
	bench_assert_bytes(b, euicc_save(b->card, b->ctx), saved);
}

/* An ISD-P by the TAR in its AID; what it answers fits into a PoR. */
static void by_short_message(void **state)
{
	static const uint8_t host[SCP03_CHALLENGE_LEN] = {1, 2, 3, 4, 5, 6, 7, 8};
	struct bench *b = *state;
	struct wr script = writer(b), init = writer(b), items = writer(b), plain = writer(b);
	struct script_rsp rsp;
	struct ecka_keys keys;
	uint8_t error = 0;
	struct bytes capdu;
	struct scp03 *s;
	struct sp_por por;

	create(b);
	keys = establish(b);
	euicc_power(b->card, true);
	bench_attach(b, BENCH_IMSI_BOOT, 0);
	b->tar = 0x000010;
	scp03_put_init(0x30, host, &init);
	capdu = written(&init);
	assert_int_equal(bench_ask(b, capdu).len, SCP03_INIT_RSP_LEN + 2);
	s = download_open(b, &keys, 2, &items);
	ber_put(&script, 0xaa, written(&items));
	bench_send_content(b, written(&script));
	por = bench_por(b);
	assert_int_equal(por.status, 0);
	assert_int_equal(script_rsp_dec(por.data, &rsp), 0);
	assert_int_equal(rsp.executed, 2);
	assert_int_equal(take(b, s, rsp.body, &plain, &error), 0);
	/* A refusal has a tag of two octets. */
	script.len = 0;
	ber_put(&script, 0xaa, bench_hex(b, "840A31001122334455667788"));
	bench_send_content(b, written(&script));
	por = bench_por(b);
	assert_int_equal(script_rsp_dec(por.data, &rsp), 0);
	assert_true(bytes_eq(rsp.body, bench_hex(b, "9F440103")));
	/* No ISD-P has this TAR. */
	b->tar = 0x000099;
	bench_send_content(b, written(&script));
	assert_int_equal(bench_por(b).status, SP_ST_TAR_UNKNOWN);
}

static void an_unknown_application(void **state)
{
	struct bench *b = *state;
	struct bytes answer;

	assert_int_equal(euicc_script(b->card, b->ctx, bench_hex(b, "A0000005591010FFFFFFFF8900007700"),
				      BYTES_LIT("\xae\x80\0\0"), &answer),
			 -ENOENT);
}

static int tidy(void **state)
{
	es8_free();
	return bench_teardown(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_profile_is_downloaded_and_enabled, bench_setup, tidy),
		cmocka_unit_test_setup_teardown(segments_of_any_size, bench_setup, tidy),
		cmocka_unit_test_setup_teardown(one_script, bench_setup, tidy),
		cmocka_unit_test_setup_teardown(packages_that_are_refused, bench_setup, tidy),
		cmocka_unit_test_setup_teardown(faults_of_the_lab, bench_setup, tidy),
		cmocka_unit_test_setup_teardown(sessions_in_disorder, bench_setup, tidy),
		cmocka_unit_test_setup_teardown(establishment_in_disorder, bench_setup, tidy),
		cmocka_unit_test_setup_teardown(deletion_by_token, bench_setup, tidy),
		cmocka_unit_test_setup_teardown(commands_over_scp03, bench_setup, tidy),
		cmocka_unit_test_setup_teardown(the_state_of_a_downloaded_profile, bench_setup, tidy),
		cmocka_unit_test_setup_teardown(by_short_message, bench_setup, tidy),
		cmocka_unit_test_setup_teardown(an_unknown_application, bench_setup, tidy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
