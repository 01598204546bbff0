/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Key establishment against tests/vectors/es8.json: what goes out, what the card makes of it, the keys on both sides.
 * Signatures of the vectors are deterministic and ours are not: they are verified, not compared. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>
#include <talloc.h>

#include "common/codec/ber.h"
#include "common/crypto/gpcert.h"
#include "scp03/ecka_int.h"
#include "tests/support/es8.h"

static struct crypto *crypto;
static void *ctx;

struct tv {
	const char *path;
	struct ecka_params params;
	const char *who; /* DP or SR */
};

static const uint8_t host_id[] = "HOST-0123456", counter5[5] = {0, 0, 0, 0, 1};

static const struct tv tvs[] = {
	{"ecka_eg/isdp_09_no_dr", {.options = 0x09, .usage = 0x10, .kvn = 0x30}, "DP"},
	{"ecka_eg/isdp_0B_dr", {.options = 0x0b, .usage = 0x10, .kvn = 0x30}, "DP"},
	{"ecka_eg/isdp_09_base_key_5C", {.options = 0x09, .usage = 0x5c, .kvn = 0x30}, "DP"},
	{"ecka_eg/isdr_0B_scp80_kvn02", {.options = 0x0b, .usage = 0x10, .kvn = 2, .counter = {counter5, 5}}, "SR"},
};
#define N_TVS (sizeof(tvs) / sizeof(tvs[0]))

static struct wr writer(void)
{
	struct wr w;

	wr_init(&w, ctx);
	return w;
}

static struct bytes written(const struct wr *w)
{
	return bytes_of(w->buf, w->len);
}

/* The one C-APDU in the only 22 of some commands. */
static struct bytes capdu_of(const struct wr *w)
{
	struct bytes capdu;
	struct rd r;

	rd_init(&r, written(w));
	capdu = ber_expect(&r, 0x22);
	assert_int_equal(rd_end(&r), 0);
	return capdu;
}

static bool same_key(const struct key *a, const struct key *b)
{
	struct bytes text = BYTES_LIT("one text for both");
	uint8_t x[16], y[16];

	assert_int_equal(key_mac(crypto, a, &text, 1, x, sizeof(x)), 0);
	assert_int_equal(key_mac(crypto, b, &text, 1, y, sizeof(y)), 0);
	return memcmp(x, y, sizeof(x)) == 0;
}

static const char *cert_path(const char *who)
{
	return talloc_asprintf(ctx, "certificates/CERT.%s.ECDSA", who);
}

static const char *signer(const char *who)
{
	return talloc_asprintf(ctx, "%s.ECDSA", who);
}

static const char *ephemeral(const char *who)
{
	return talloc_asprintf(ctx, "e%s.ECKA", who);
}

static struct ecka_params params_of(const struct tv *tv)
{
	struct ecka_params p = tv->params;

	p.host_id = es8_hex(ctx, "ecka_eg", "host_id");
	p.sin = es8_hex(ctx, "ecka_eg", "sin");
	p.sdin = es8_hex(ctx, "ecka_eg", "sdin");
	return p;
}

static struct ecka *ecka_of(const struct tv *tv, enum ecka_receipt receipt)
{
	const struct ecka_setup setup = {
		.params = params_of(tv),
		.cert = es8_hex(ctx, cert_path(tv->who), "full_7F21"),
		.sign_key = es8_private(ctx, signer(tv->who)),
		.ecasd_key = es8_public(ctx, "ECASD.ECKA"),
		.ephemeral = es8_private(ctx, ephemeral(tv->who)),
		.receipt = receipt,
	};
	struct ecka *e;

	assert_int_equal(ecka_alloc(ctx, &setup, &e), 0);
	return e;
}

static struct bytes without_sw(struct bytes rapdu)
{
	return bytes_sub(rapdu, 0, rapdu.len - 2);
}

/* Data of a STORE DATA that fits one block. */
static struct bytes dgis_of(struct bytes capdu)
{
	return bytes_sub(capdu, 5, capdu.len - 6);
}

static void send_agreement(const struct tv *tv, struct ecka *e, struct wr *cmds)
{
	struct bytes rc, want = es8_hex(ctx, tv->path, "store_data_2"), got;
	struct ecka_request a, b;

	assert_int_equal(ecka_rc_dec(without_sw(es8_hex(ctx, tv->path, "store_data_1_response")), &rc), 0);
	assert_int_equal(ecka_put_agreement(e, rc, cmds), 0);
	got = capdu_of(cmds);
	assert_int_equal(got.len, want.len);
	assert_true(bytes_eq(bytes_sub(got, 0, got.len - 65), bytes_sub(want, 0, want.len - 65)));
	assert_int_equal(ecka_request_dec(dgis_of(got), &a), 0);
	assert_int_equal(ecka_request_dec(dgis_of(want), &b), 0);
	assert_int_equal(pubkey_verify(es8_public(ctx, signer(tv->who)), DIGEST_SHA256,
				       es8_hex(ctx, tv->path, "signature_tbs"), a.signature),
			 0);
}

static void check_keys(const struct tv *tv, const struct ecka_keys *keys)
{
	char *path = talloc_asprintf(ctx, "%s/keys", tv->path);
	bool base = tv->params.usage == ECKA_USAGE_BASE;

	assert_int_equal(keys->kvn, tv->params.kvn);
	assert_true(same_key(keys->enc, es8_key(ctx, path, base ? "BASE" : "ENC")));
	assert_true(same_key(keys->mac, es8_key(ctx, path, base ? "BASE" : "MAC")));
	assert_true(same_key(keys->dek, es8_key(ctx, path, base ? "BASE" : "DEK")));
}

static void off_card(void **state)
{
	for (size_t i = 0; i < N_TVS; i++) {
		struct ecka *e;
		struct wr a = writer(), b = writer(), c = writer();
		struct ecka_keys keys;

		print_message("%s\n", tvs[i].path);
		e = ecka_of(&tvs[i], ECKA_RECEIPT_85);
		ecka_put_install(unhex(ctx, "A0000005591010FFFFFFFF8900001000"), &a);
		if (vec_str(es8_at(tvs[i].path), "install_for_personalization"))
			assert_true(bytes_eq(capdu_of(&a), es8_hex(ctx, tvs[i].path, "install_for_personalization")));
		assert_int_equal(ecka_put_cert(e, &b), 0);
		assert_true(bytes_eq(capdu_of(&b), es8_hex(ctx, tvs[i].path, "store_data_1")));
		assert_int_equal(ecka_finish(e, crypto, ctx, BYTES_LIT("x"), &keys), -EPROTO);
		send_agreement(&tvs[i], e, &c);
		assert_int_equal(ecka_finish(e, crypto, ctx,
					     without_sw(es8_hex(ctx, tvs[i].path, "store_data_2_response")), &keys),
				 0);
		check_keys(&tvs[i], &keys);
	}
}

static struct ecka_card card_of(const struct tv *tv)
{
	return (struct ecka_card){
		.signer = es8_public(ctx, signer(tv->who)),
		.rc = es8_hex(ctx, "ecka_eg", "random_challenge"),
		.ecasd_key = es8_private(ctx, "ECASD.ECKA"),
		.curve = EC_P256,
		.dr = unhex(ctx, "D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF"),
		.sin = es8_hex(ctx, "ecka_eg", "sin"),
		.receipt = ECKA_RECEIPT_85,
	};
}

static void on_the_card(void **state)
{
	for (size_t i = 0; i < N_TVS; i++) {
		struct bytes dgis;
		struct ecka_card card;
		struct ecka_request req;
		struct ecka_keys keys;
		struct wr rsp = writer();

		dgis = dgis_of(es8_hex(ctx, tvs[i].path, "store_data_2"));
		card = card_of(&tvs[i]);
		assert_int_equal(ecka_request_dec(dgis, &req), 0);
		assert_true(bytes_eq(req.crt, es8_hex(ctx, tvs[i].path, "a6_crt")));
		assert_int_equal(ecka_card_agree(&card, crypto, ctx, &req, &keys, &rsp), 0);
		assert_true(bytes_eq(written(&rsp), without_sw(es8_hex(ctx, tvs[i].path, "store_data_2_response"))));
		check_keys(&tvs[i], &keys);
	}
}

static void a_wrong_signature_gives_no_keys(void **state)
{
	struct ecka_card card = card_of(&tvs[1]);
	struct ecka_request req;
	struct ecka_keys keys;
	struct wr rsp = writer();

	assert_int_equal(ecka_request_dec(dgis_of(es8_hex(ctx, tvs[1].path, "store_data_2")), &req), 0);
	card.rc = BYTES_LIT("another challeng");
	assert_int_equal(ecka_card_agree(&card, crypto, ctx, &req, &keys, &rsp), -EBADMSG);
	card = card_of(&tvs[1]);
	card.signer = es8_public(ctx, "SR.ECDSA");
	assert_int_equal(ecka_card_agree(&card, crypto, ctx, &req, &keys, &rsp), -EBADMSG);
	assert_int_equal(rsp.len, 0);
}

static void a_random_of_no_right_length_is_refused(void **state)
{
	static const size_t lens[] = {0, ECKA_RANDOM_MAX + 1};
	struct bytes long_one = bytes_of(talloc_zero_size(ctx, ECKA_RANDOM_MAX + 1), ECKA_RANDOM_MAX + 1);

	for (size_t i = 0; i < 2; i++) {
		struct ecka *e = ecka_of(&tvs[1], ECKA_RECEIPT_85);
		struct wr b = writer(), c = writer(), rsp = writer();
		struct ecka_keys keys;

		assert_int_equal(ecka_put_cert(e, &b), 0);
		send_agreement(&tvs[1], e, &c);
		ber_put(&rsp, 0x85, bytes_sub(long_one, 0, lens[i]));
		ber_put(&rsp, 0x86, bytes_sub(long_one, 0, ECKA_RECEIPT_LEN));
		assert_int_equal(ecka_finish(e, crypto, ctx, written(&rsp), &keys), -EINVAL);
	}
}

/* Doubt about the receipt when there is a DR: both readings, and which settings take which. */
static void both_readings_of_the_receipt(void **state)
{
	static const enum ecka_receipt forms[] = {ECKA_RECEIPT_85, ECKA_RECEIPT_0085, ECKA_RECEIPT_EITHER};

	for (size_t card_form = 0; card_form < 2; card_form++) {
		for (size_t off_form = 0; off_form < 3; off_form++) {
			struct ecka *e = ecka_of(&tvs[1], forms[off_form]);
			struct ecka_card card = card_of(&tvs[1]);
			bool fits = off_form == card_form || off_form == 2;
			struct wr b = writer(), c = writer(), rsp = writer();
			struct ecka_request req;
			struct ecka_keys on, off;

			assert_int_equal(ecka_put_cert(e, &b), 0);
			send_agreement(&tvs[1], e, &c);
			card.receipt = forms[card_form];
			assert_int_equal(ecka_request_dec(dgis_of(capdu_of(&c)), &req), 0);
			assert_int_equal(ecka_card_agree(&card, crypto, ctx, &req, &on, &rsp), 0);
			assert_int_equal(ecka_finish(e, crypto, ctx, written(&rsp), &off), fits ? 0 : -EBADMSG);
		}
	}
}

/* A host identifier, and another curve: both sides against each other. */
static void host_id_and_brainpool(void **state)
{
	struct privkey *sign = es8_private(ctx, "DP.ECDSA"), *ecasd;
	struct ecka_setup setup = {
		.params = ecka_params_isdp(),
		.cert = es8_hex(ctx, "certificates/CERT.DP.ECDSA", "full_7F21"),
		.sign_key = sign,
		.receipt = ECKA_RECEIPT_DEFAULT,
	};
	struct ecka_card card = card_of(&tvs[1]);
	struct wr b = writer(), c = writer(), rsp = writer();
	struct ecka_request req;
	struct ecka_keys on, off;
	struct ecka *e;

	assert_int_equal(privkey_ec_generate(ctx, EC_BRAINPOOL_P256R1, &ecasd), 0);
	setup.ecasd_key = privkey_pub(ctx, ecasd);
	setup.params.options = 0x0f;
	setup.params.host_id = bytes_of(host_id, sizeof(host_id) - 1);
	setup.params.sin = card.sin;
	assert_int_equal(ecka_alloc(ctx, &setup, &e), -EINVAL); /* without SDIN */
	setup.params.sdin = es8_hex(ctx, "ecka_eg", "sdin");
	assert_int_equal(ecka_alloc(ctx, &setup, &e), 0);
	assert_int_equal(ecka_put_agreement(e, card.rc, &c), -EPROTO);
	assert_int_equal(ecka_put_cert(e, &b), 0);
	assert_int_equal(ecka_put_agreement(e, card.rc, &c), 0);
	assert_int_equal(ecka_request_dec(dgis_of(capdu_of(&c)), &req), 0);
	assert_true(bytes_eq(req.params.host_id, setup.params.host_id));
	card.ecasd_key = ecasd;
	assert_int_equal(ecka_card_agree(&card, crypto, ctx, &req, &on, &rsp), -EINVAL); /* point on the other curve */
	card.curve = EC_BRAINPOOL_P256R1;
	assert_int_equal(ecka_card_agree(&card, crypto, ctx, &req, &on, &rsp), 0);
	assert_int_equal(ecka_finish(e, crypto, ctx, written(&rsp), &off), 0);
	assert_true(same_key(on.enc, off.enc) && same_key(on.mac, off.mac) && same_key(on.dek, off.dek));
}

/* The ephemeral key in the other forms that senders use. */
static void other_forms_of_the_point(void **state)
{
	struct bytes point = es8_hex(ctx, "keys/eDP.ECKA", "public"), crt = es8_hex(ctx, tvs[1].path, "a6_crt");
	struct ecka_card card = card_of(&tvs[1]);

	for (int form = 0; form < 2; form++) {
		struct wr value = writer(), w = writer(), tbs = writer(), rsp = writer();
		struct ecka_request req;
		struct ecka_keys keys;
		struct bytes sig;

		if (form) {
			ber_put(&value, 0xb0, point);
			ber_put_u8(&value, 0xf0, 0);
		} else {
			wr_bytes(&value, bytes_sub(point, 1, point.len - 1));
		}
		dgi_put(&w, 0x3a02, crt);
		dgi_put(&w, 0x7f49, written(&value));
		wr_bytes(&tbs, written(&w));
		dgi_put(&tbs, 0x0085, card.rc);
		assert_int_equal(privkey_sign(ctx, es8_private(ctx, "DP.ECDSA"), DIGEST_SHA256, written(&tbs), &sig),
				 0);
		dgi_put(&w, 0x5f37, sig);
		assert_int_equal(ecka_request_dec(written(&w), &req), 0);
		assert_int_equal(ecka_card_agree(&card, crypto, ctx, &req, &keys, &rsp), 0);
		check_keys(&tvs[1], &keys);
	}
}

static void damaged_requests(void **state)
{
	struct bytes good = dgis_of(es8_hex(ctx, tvs[1].path, "store_data_2"));
	struct ecka_params p;
	struct ecka_request req;
	struct wr w;

	for (size_t n = 0; n < good.len; n++)
		assert_int_equal(ecka_request_dec(bytes_sub(good, 0, n), &req), -EINVAL);
	p = ecka_params_isdp();
	p.options = 0x03;
	w = writer();
	assert_int_equal(ecka_crt_enc(&p, &w), -EINVAL);
	assert_int_equal(ecka_crt_dec(BYTES_LIT(""), &p), -EINVAL);
}

static int setup(void **state)
{
	ctx = talloc_new(NULL);
	return 0;
}

static int teardown(void **state)
{
	talloc_free(ctx);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(off_card, setup, teardown),
		cmocka_unit_test_setup_teardown(on_the_card, setup, teardown),
		cmocka_unit_test_setup_teardown(a_wrong_signature_gives_no_keys, setup, teardown),
		cmocka_unit_test_setup_teardown(both_readings_of_the_receipt, setup, teardown),
		cmocka_unit_test_setup_teardown(a_random_of_no_right_length_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(host_id_and_brainpool, setup, teardown),
		cmocka_unit_test_setup_teardown(other_forms_of_the_point, setup, teardown),
		cmocka_unit_test_setup_teardown(damaged_requests, setup, teardown),
	};
	int rc;

	crypto = crypto_alloc(NULL);
	if (!crypto)
		return 1;
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	talloc_free(crypto);
	es8_free();
	return rc;
}
