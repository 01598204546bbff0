/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* SCP03 and SCP03t against tests/vectors/es8.json, both sides; PUT KEY, EUICCResponse, and the order of things. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>
#include <talloc.h>

#include "common/codec/ber.h"
#include "scp03/scp03t.h"
#include "tests/support/es8.h"

static struct crypto *crypto;
static void *ctx;

static struct scp03_keys static_keys(void)
{
	return (struct scp03_keys){.kvn = 0x30,
				   .enc = es8_key(ctx, "scp03/static_keys", "ENC"),
				   .mac = es8_key(ctx, "scp03/static_keys", "MAC"),
				   .dek = es8_key(ctx, "scp03/static_keys", "DEK")};
}

static uint32_t counter_of(const char *part)
{
	return (uint32_t)vec_num(es8_at(part), "sequence_counter");
}

/* Both ends of a session of the vectors, before EXTERNAL AUTHENTICATE. */
struct ends {
	struct scp03 *off;
	struct scp03 *card;
	uint8_t rsp[SCP03_INIT_RSP_LEN];
};

static struct ends ends_open(const char *part)
{
	struct scp03_keys keys = static_keys();
	struct bytes aid = es8_hex(ctx, "scp03", "sd_aid"), host = es8_hex(ctx, part, "host_challenge");
	uint8_t challenge[SCP03_CHALLENGE_LEN];
	struct ends e;

	assert_int_equal(scp03_predict(crypto, &keys, aid, counter_of(part), challenge), 0);
	assert_true(bytes_eq(BYTES_ARR(challenge), es8_hex(ctx, part, "card_challenge")));
	assert_int_equal(scp03_open(crypto, ctx, &keys, host.data, challenge, &e.off), 0);
	assert_int_equal(scp03_card_init(crypto, ctx, &keys, aid, counter_of(part), host, &e.card, e.rsp), 0);
	return e;
}

static struct wr writer(void)
{
	struct wr w;

	wr_init(&w, ctx);
	return w;
}

static struct bytes written(struct wr *w)
{
	return bytes_of(w->buf, w->len);
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

static struct ends ends_apdu(void)
{
	struct ends e = ends_open("scp03");
	struct bytes host = es8_hex(ctx, "scp03", "host_challenge"), rsp = BYTES_ARR(e.rsp);
	struct wr w = writer();

	scp03_put_init(0x30, host.data, &w);
	assert_true(bytes_eq(written(&w), es8_hex(ctx, "scp03", "init_update")));
	assert_true(bytes_eq(rsp, bytes_sub(es8_hex(ctx, "scp03", "init_update_response"), 0, SCP03_INIT_RSP_LEN)));
	assert_int_equal(scp03_rx_init(e.off, rsp), 0);
	w = writer();
	assert_int_equal(scp03_put_auth(e.off, &w), 0);
	assert_true(bytes_eq(written(&w), es8_hex(ctx, "scp03", "ext_auth")));
	assert_int_equal(scp03_card_auth(e.card, written(&w)), 0);
	return e;
}

static void a_session_over_apdus(void **state)
{
	struct ends e = ends_apdu();
	size_t i;
	json_t *v;

	json_array_foreach (es8_at("scp03/commands"), i, v) {
		struct bytes plain = vec_hex(ctx, v, "plain"), rsp = vec_hex(ctx, v, "response_plain");
		struct wr cmd = writer(), opened = writer(), answer = writer(), data = writer();
		uint16_t sw = 0;

		assert_int_equal(scp03_wrap(e.off, plain, &cmd), 0);
		assert_true(bytes_eq(written(&cmd), vec_hex(ctx, v, "protected")));
		assert_int_equal(scp03_card_open(e.card, written(&cmd), &opened), 0);
		assert_true(bytes_eq(written(&opened), plain));
		assert_int_equal(scp03_card_answer(e.card, rsp, 0x9000, &answer), 0);
		assert_true(bytes_eq(written(&answer), vec_hex(ctx, v, "response_protected")));
		assert_int_equal(scp03_unwrap(e.off, written(&answer), &data, &sw), 0);
		assert_int_equal(sw, 0x9000);
		assert_true(bytes_eq(written(&data), rsp));
	}
	assert_int_equal(i, 3);
}

/* The whole session goes out before the first answer comes. */
static void answers_may_come_late(void **state)
{
	struct ends e = ends_open("scp03");
	struct wr auth = writer(), data = writer();
	struct bytes answers[3];
	uint16_t sw;
	size_t i;
	json_t *v;

	assert_int_equal(scp03_put_auth(e.off, &auth), 0);
	json_array_foreach (es8_at("scp03/commands"), i, v) {
		struct wr cmd = writer();

		assert_int_equal(scp03_wrap(e.off, vec_hex(ctx, v, "plain"), &cmd), 0);
		answers[i] = vec_hex(ctx, v, "response_protected");
	}
	assert_int_equal(scp03_unwrap(e.off, answers[0], &data, &sw), -EPROTO);
	assert_int_equal(scp03_rx_init(e.off, BYTES_ARR(e.rsp)), 0);
	for (i = 0; i < 3; i++)
		assert_int_equal(scp03_unwrap(e.off, answers[i], &data, &sw), 0);
	assert_int_equal(scp03_unwrap(e.off, answers[2], &data, &sw), -EPROTO);
}

static void an_error_status_ends_the_session(void **state)
{
	static const uint8_t refused[] = {0x69, 0x85}, cmd[] = {0x80, 0xca, 0x00, 0xc1, 0x00};
	struct ends e = ends_apdu();
	struct wr w = writer(), data = writer();
	uint16_t sw = 0;

	assert_int_equal(scp03_wrap(e.off, BYTES_ARR(cmd), &w), 0);
	assert_int_equal(scp03_unwrap(e.off, BYTES_ARR(refused), &data, &sw), 0);
	assert_int_equal(sw, 0x6985);
	assert_false(scp03_alive(e.off));
	assert_int_equal(scp03_wrap(e.off, BYTES_ARR(cmd), &w), -EPROTO);
}

static void what_the_card_refuses(void **state)
{
	struct ends e = ends_open("scp03");
	struct bytes auth = es8_hex(ctx, "scp03", "ext_auth");
	uint8_t *bad = talloc_memdup(ctx, auth.data, auth.len);
	struct wr w = writer();

	assert_int_equal(scp03_card_open(e.card, es8_hex(ctx, "scp03", "init_update"), &w), -EPROTO);
	bad[2] = 0x03;
	assert_int_equal(scp03_card_auth(e.card, bytes_of(bad, auth.len)), -EINVAL);
	assert_int_equal(scp03_card_auth(e.card, auth), -EPROTO);
	e = ends_open("scp03");
	memcpy(bad, auth.data, auth.len);
	bad[3] = 0x01;
	assert_int_equal(scp03_card_auth(e.card, bytes_of(bad, auth.len)), -EINVAL);
	e = ends_open("scp03");
	memcpy(bad, auth.data, auth.len);
	bad[auth.len - 1] ^= 1;
	assert_int_equal(scp03_card_auth(e.card, bytes_of(bad, auth.len)), -EBADMSG);
}

static void another_counter_is_told_from_a_wrong_key(void **state)
{
	struct ends a = ends_open("scp03"), b = ends_open("scp03t");

	assert_int_equal(scp03_rx_init(a.off, BYTES_ARR(b.rsp)), -ESTALE);
	a = ends_open("scp03");
	a.rsp[25] ^= 1;
	assert_int_equal(scp03_rx_init(a.off, BYTES_ARR(a.rsp)), -EBADMSG);
	assert_int_equal(scp03_rx_init(a.off, BYTES_ARR(a.rsp)), -EPROTO);
}

/* Another protocol (SCP02) or variant (no pseudo-random challenge) is not talked to. */
static void another_protocol_is_refused(void **state)
{
	struct ends e = ends_open("scp03");

	assert_int_equal(e.rsp[11], 0x03);
	e.rsp[11] = 0x02;
	assert_int_equal(scp03_rx_init(e.off, BYTES_ARR(e.rsp)), -EINVAL);
	e = ends_open("scp03");
	assert_int_equal(e.rsp[12], 0x70);
	e.rsp[12] = 0x60;
	assert_int_equal(scp03_rx_init(e.off, BYTES_ARR(e.rsp)), -EINVAL);
}

static void the_token_key_by_put_key(void **state)
{
	struct key *token = es8_key(ctx, "token_key", "key"), *got;
	struct scp03_keys keys = static_keys();
	const json_t *v = json_array_get(es8_at("scp03/commands"), 1);
	struct bytes plain = vec_hex(ctx, v, "plain"), data;
	struct wr w = writer();
	uint8_t kvn;

	assert_int_equal(scp03_put_key_enc(crypto, keys.dek, 0x70, 0x01, token, &w), 0);
	assert_true(bytes_eq(written(&w), plain));
	data = bytes_sub(plain, 5, plain.len - 6);
	assert_int_equal(scp03_card_put_key(crypto, ctx, keys.dek, data, &kvn, &got), 0);
	assert_int_equal(kvn, 0x70);
	assert_int_equal(scp03_put_key_rsp_check(crypto, vec_hex(ctx, v, "response_plain"), 0x70, got), 0);
	assert_int_equal(scp03_put_key_rsp_check(crypto, vec_hex(ctx, v, "response_plain"), 0x71, got), -EBADMSG);
	assert_int_equal(scp03_put_key_rsp_check(crypto, vec_hex(ctx, v, "response_plain"), 0x70, keys.dek), -EBADMSG);
	assert_int_equal(scp03_card_put_key(crypto, ctx, keys.enc, data, &kvn, &got), -EBADMSG);
}

/* ---- SCP03t ---- */

static struct ends ends_tlv(void)
{
	struct ends e = ends_open("scp03t");
	struct bytes host = es8_hex(ctx, "scp03t", "host_challenge"), seen;
	struct wr w = writer();
	uint8_t kvn;

	scp03t_put_init(0x30, host.data, &w);
	assert_true(bytes_eq(written(&w), es8_hex(ctx, "scp03t", "init_update_84")));
	assert_int_equal(scp03t_card_init_dec(bytes_sub(written(&w), 2, w.len - 2), &kvn, &seen), 0);
	assert_int_equal(kvn, 0x30);
	assert_true(bytes_eq(seen, host));
	w = writer();
	assert_int_equal(scp03t_put_auth(e.off, &w), 0);
	assert_true(bytes_eq(written(&w), es8_hex(ctx, "scp03t", "ext_auth_85")));
	assert_int_equal(scp03t_card_auth(e.card, bytes_sub(written(&w), 2, w.len - 2)), 0);
	return e;
}

static int rx(struct scp03 *s, struct bytes tlv, struct wr *plain)
{
	struct scp03t_answer a;
	struct rd r;

	rd_init(&r, tlv);
	assert_true(scp03t_answer_next(&r, &a));
	assert_int_equal(rd_end(&r), 0);
	return scp03t_rx(s, &a, plain);
}

static struct bytes value_of(struct bytes tlv)
{
	struct bytes value;

	assert_int_equal(ber_find(tlv, 0x86, &value), 0);
	return value;
}

static void a_download(void **state)
{
	struct ends e = ends_tlv();
	struct wr none = writer();
	json_t *v;
	size_t i;

	assert_int_equal(rx(e.off, es8_hex(ctx, "scp03t", "init_update_response"), &none), 0);
	assert_int_equal(rx(e.off, es8_hex(ctx, "scp03t", "ext_auth_response"), &none), 0);
	json_array_foreach (es8_at("scp03t/commands"), i, v) {
		struct bytes plain = vec_hex(ctx, v, "plain"), rsp = vec_hex(ctx, v, "response_plain");
		struct wr cmd = writer(), opened = writer(), answer = writer(), data = writer();

		assert_int_equal(scp03t_seal(e.off, plain, &cmd), 0);
		assert_true(bytes_eq(written(&cmd), vec_hex(ctx, v, "tlv_86")));
		assert_int_equal(scp03t_card_open(e.card, value_of(written(&cmd)), &opened), 0);
		assert_true(bytes_eq(written(&opened), plain));
		assert_int_equal(scp03t_card_answer(e.card, rsp, &answer), 0);
		assert_true(bytes_eq(written(&answer), vec_hex(ctx, v, "response_tlv")));
		assert_int_equal(rx(e.off, written(&answer), &data), 0);
		assert_true(bytes_eq(written(&data), rsp));
	}
	assert_int_equal(i, 3);
	assert_int_equal(none.len, 0);
}

/* A whole package goes out before the card answers each segment with data. */
static void answers_to_segments_may_come_late(void **state)
{
	struct ends e = ends_tlv();
	struct wr answers = writer(), none = writer();

	for (int i = 0; i < 12; i++) {
		struct wr cmd = writer(), opened = writer();

		assert_int_equal(scp03t_seal(e.off, BYTES_LIT("segment"), &cmd), 0);
		assert_int_equal(scp03t_card_open(e.card, value_of(written(&cmd)), &opened), 0);
		assert_int_equal(scp03t_card_answer(e.card, BYTES_LIT("answer"), &answers), 0);
	}
	assert_int_equal(rx(e.off, es8_hex(ctx, "scp03t", "init_update_response"), &none), 0);
	assert_int_equal(rx(e.off, es8_hex(ctx, "scp03t", "ext_auth_response"), &none), 0);
	for (size_t i = 0; i < 12; i++) {
		size_t len = answers.len / 12;
		struct wr data = writer();

		assert_int_equal(rx(e.off, bytes_sub(written(&answers), i * len, len), &data), 0);
		assert_true(bytes_eq(written(&data), BYTES_LIT("answer")));
	}
}

static void errors_of_the_card(void **state)
{
	const json_t *errors = es8_at("scp03t/errors");
	const char *hex;
	json_t *v;

	json_object_foreach ((json_t *)errors, hex, v) {
		struct ends e = ends_tlv();
		struct bytes tlv = unhex(ctx, hex);
		struct wr none = writer(), made = writer();
		struct scp03t_answer a;
		struct rd r;

		rd_init(&r, tlv);
		assert_true(scp03t_answer_next(&r, &a));
		scp03t_card_error(a.tag, (enum scp03t_error)a.error, &made);
		assert_true(bytes_eq(written(&made), tlv));
		assert_int_equal(scp03t_rx(e.off, &a, &none), -ECONNABORTED);
		assert_int_equal(scp03t_seal(e.off, BYTES_LIT("x"), &none), -EPROTO);
	}
}

static void answers_must_fit_what_was_sent(void **state)
{
	struct ends e = ends_tlv();
	struct wr w = writer();

	assert_int_equal(rx(e.off, es8_hex(ctx, "scp03t", "ext_auth_response"), &w), -EPROTO);
	e = ends_tlv();
	assert_int_equal(rx(e.off, BYTES_ARR(((uint8_t[]){0x86, 0x00})), &w), -EPROTO);
	e = ends_tlv();
	assert_int_equal(rx(e.off, es8_hex(ctx, "scp03t", "init_update_response"), &w), 0);
	assert_int_equal(rx(e.off, es8_hex(ctx, "scp03t", "ext_auth_response"), &w), 0);
	assert_int_equal(rx(e.off, BYTES_ARR(((uint8_t[]){0x86, 0x00})), &w), -EPROTO);
}

static void new_session_keys(void **state)
{
	static const uint8_t chain[16] = {1}, enc[16] = {2}, mac[16] = {3}, rmac[16] = {4};
	const struct scp03t_new_keys keys = {BYTES_ARR(chain), BYTES_ARR(enc), BYTES_ARR(mac), BYTES_ARR(rmac)};
	struct ends e = ends_tlv();
	struct wr w = writer(), opened = writer(), answer = writer(), none = writer();
	struct bytes value;

	assert_int_equal(rx(e.off, es8_hex(ctx, "scp03t", "init_update_response"), &none), 0);
	assert_int_equal(rx(e.off, es8_hex(ctx, "scp03t", "ext_auth_response"), &none), 0);
	assert_int_equal(scp03t_seal_keys(e.off, &keys, &w), 0);
	assert_int_equal(ber_find(written(&w), 0x87, &value), 0);
	assert_int_equal(scp03t_card_keys(e.card, value), 0);
	assert_int_equal(rx(e.off, BYTES_ARR(((uint8_t[]){0x87, 0x00})), &none), 0);
	w = writer();
	assert_int_equal(scp03t_seal(e.off, BYTES_LIT("segment"), &w), 0);
	assert_int_equal(scp03t_card_open(e.card, value_of(written(&w)), &opened), 0);
	assert_true(bytes_eq(written(&opened), BYTES_LIT("segment")));
	assert_int_equal(scp03t_seal_keys(e.off, &keys, &w), -EPROTO);
	assert_int_equal(scp03t_card_answer(e.card, BYTES_LIT("answer"), &answer), 0);
	assert_int_equal(rx(e.off, written(&answer), &none), 0);
	assert_true(bytes_eq(written(&none), BYTES_LIT("answer")));
}

/* ---- EUICCResponse ---- */

static void a_good_response(void **state)
{
	struct bytes ok = unhex(ctx, "3007A0053003800100");
	const struct euicc_response made = {.n = 1, .results = {{PE_OK, -1, -1, -1}}};
	struct euicc_response rsp;
	struct wr w = writer();

	assert_int_equal(euicc_response_dec(ok, &rsp), 0);
	assert_true(euicc_response_ok(&rsp));
	assert_int_equal(rsp.n_all, 1);
	assert_null(euicc_response_failure(&rsp));
	assert_int_equal(euicc_response_enc(&made, &w), 0);
	assert_true(bytes_eq(written(&w), ok));
}

static void a_bad_response(void **state)
{
	struct bytes bad = unhex(ctx, "301AA010300380010030098001038102010182010281008204666F6F21");
	struct bytes sw = unhex(ctx, "300BA007300580030090008100");
	struct euicc_response rsp;
	struct wr w = writer();

	assert_int_equal(euicc_response_dec(bad, &rsp), -EINVAL); /* a length is wrong */
	bad = unhex(ctx, "301AA01030038001003009"
			 "800103"
			 "81020101"
			 "8200"
			 "8100"
			 "8204666F6F21");
	assert_int_equal(euicc_response_dec(bad, &rsp), -EINVAL); /* an empty INTEGER */
	bad = unhex(ctx, "301BA0113003800100300A"
			 "800103"
			 "81020101"
			 "820102"
			 "8100"
			 "8204666F6F21");
	assert_int_equal(euicc_response_dec(bad, &rsp), 0);
	assert_false(euicc_response_ok(&rsp));
	assert_int_equal(euicc_response_failure(&rsp)->status, PE_BAD_VALUES);
	assert_int_equal(euicc_response_failure(&rsp)->identification, 0x0101);
	assert_int_equal(euicc_response_failure(&rsp)->info, 2);
	assert_int_equal(euicc_response_failure(&rsp)->offset, -1);
	assert_true(bytes_eq(rsp.message, BYTES_LIT("foo!")));
	assert_int_equal(euicc_response_enc(&rsp, &w), 0);
	assert_true(bytes_eq(written(&w), bad));
	assert_int_equal(euicc_response_dec(sw, &rsp), 0);
	assert_int_equal(rsp.results[0].status, 0x9000);
	assert_string_equal(pe_status_name(PE_NOT_ENOUGH_MEMORY), "not enough memory");
}

/* A card may name every element: the one that failed counts, wherever it stands. */
static void a_failure_behind_many_good_results(void **state)
{
	const struct pe_result bad = {PE_MEMORY_FAILURE, 0x12, -1, -1};
	struct bytes one = unhex(ctx, "3003800100"), list;
	struct euicc_response rsp;
	struct wr items = writer(), w = writer();

	for (int i = 0; i < 2 * EUICC_RESPONSE_RESULTS_MAX; i++)
		wr_bytes(&items, one);
	wr_bytes(&items, unhex(ctx, "3006800102810112"));
	list = written(&items);
	ber_put_head(&w, 0x30, list.len + 3);
	ber_put(&w, 0xa0, list);
	assert_int_equal(euicc_response_dec(written(&w), &rsp), 0);
	assert_int_equal(rsp.n_all, 2 * EUICC_RESPONSE_RESULTS_MAX + 1);
	assert_non_null(euicc_response_failure(&rsp));
	assert_memory_equal(euicc_response_failure(&rsp), &bad, sizeof(bad));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_session_over_apdus, setup, teardown),
		cmocka_unit_test_setup_teardown(answers_may_come_late, setup, teardown),
		cmocka_unit_test_setup_teardown(an_error_status_ends_the_session, setup, teardown),
		cmocka_unit_test_setup_teardown(what_the_card_refuses, setup, teardown),
		cmocka_unit_test_setup_teardown(another_counter_is_told_from_a_wrong_key, setup, teardown),
		cmocka_unit_test_setup_teardown(another_protocol_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(the_token_key_by_put_key, setup, teardown),
		cmocka_unit_test_setup_teardown(a_download, setup, teardown),
		cmocka_unit_test_setup_teardown(answers_to_segments_may_come_late, setup, teardown),
		cmocka_unit_test_setup_teardown(errors_of_the_card, setup, teardown),
		cmocka_unit_test_setup_teardown(answers_must_fit_what_was_sent, setup, teardown),
		cmocka_unit_test_setup_teardown(new_session_keys, setup, teardown),
		cmocka_unit_test_setup_teardown(a_good_response, setup, teardown),
		cmocka_unit_test_setup_teardown(a_bad_response, setup, teardown),
		cmocka_unit_test_setup_teardown(a_failure_behind_many_good_results, setup, teardown),
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
