/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Scripts of tests/vectors/scp80.json (secured_data, response_data), the answer of a real card, and the forms of
 * TS 102 226. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>
#include <talloc.h>

#include "scp80/script.h"
#include "tests/support/vec.h"

#define VECTORS "tests/vectors/scp80.json"

static void check_command(const json_t *v)
{
	void *ctx = talloc_new(NULL);
	struct bytes script = vec_hex(ctx, v, "secured_data"), again;
	struct script_item item[8];
	struct script_cmd cmd;
	size_t n = 0;
	struct wr w;
	struct rd r;

	if (script.len && (script.data[0] == 0xaa || script.data[0] == 0xae)) {
		assert_int_equal(script_cmd_dec(script, &cmd, NULL), 0);
		rd_init(&r, cmd.body);
		while (script_next(&r, &item[n]))
			n++;
		assert_int_equal(rd_end(&r), 0);
		assert_int_equal(n, cmd.n_items);
		wr_init(&w, ctx);
		assert_int_equal(script_cmd_enc(cmd.form, item, n, &w), 0);
		assert_int_equal(wr_end(&w, &again), 0);
		assert_true(bytes_eq(again, script));
	}
	talloc_free(ctx);
}

static void commands_of_the_vectors(void **state)
{
	assert_int_equal(vec_each(VECTORS, "command", check_command), 39);
}

static struct script_cmd dec(void *ctx, const char *hex)
{
	struct script_cmd cmd;

	assert_int_equal(script_cmd_dec(unhex(ctx, hex), &cmd, NULL), 0);
	return cmd;
}

static void both_templates_and_chaining(void **state)
{
	void *ctx = talloc_new(NULL);
	struct script_cmd c = dec(ctx, "AA07220580CA006600");

	assert_int_equal(c.form, SCRIPT_DEFINITE);
	assert_int_equal(c.n_capdus, 1);
	assert_int_equal(c.chain, 0);
	c = dec(ctx, "AE80220580CA0066000000");
	assert_int_equal(c.form, SCRIPT_INDEFINITE);
	assert_int_equal(c.body.len, 7);
	c = dec(ctx, "AA0A830111220580CA006600");
	assert_int_equal(c.chain, SCRIPT_CHAIN_FIRST_KEEP);
	assert_int_equal(c.n_items, 2);
	assert_int_equal(c.n_capdus, 1);
	c = dec(ctx, "AE80840200AA0000");
	assert_int_equal(c.n_capdus, 0);
	c = dec(ctx, "AA00");
	assert_int_equal(c.n_items, 0);
	talloc_free(ctx);
}

static void malformed_commands_name_their_fault(void **state)
{
	static const struct {
		const char *hex;
		enum script_bad bad;
	} tv[] = {
		{"", SCRIPT_BAD_TAG},
		{"AB00", SCRIPT_BAD_TAG},
		{"AA", SCRIPT_BAD_NO_LEN},
		{"AA08220580CA006600", SCRIPT_BAD_LEN},
		{"AA06220580CA006600", SCRIPT_BAD_LEN},
		{"AA07230580CA006600", SCRIPT_BAD_TAG},
		{"AA07220680CA006600", SCRIPT_BAD_LEN},
		{"AA0122", SCRIPT_BAD_NO_LEN},
		{"AE", SCRIPT_BAD_NO_LEN},
		{"AE07220580CA006600", SCRIPT_BAD_LEN},
		{"AE80220580CA006600", SCRIPT_BAD_LEN},
		{"AE80220580CA00660000", SCRIPT_BAD_LEN},
		{"AE80220580CA006600000000", SCRIPT_BAD_LEN},
		{"AE80220580CA0066000002", SCRIPT_BAD_LEN},
		{"AA0A220580CA006600830101", SCRIPT_BAD_TAG},
		{"AA0483020101", SCRIPT_BAD_LEN},
		/* a C-APDU of 245 octets after a raw length octet */
		{"AA0522F580E288", SCRIPT_BAD_LEN},
	};
	void *ctx = talloc_new(NULL);

	for (size_t i = 0; i < sizeof(tv) / sizeof(tv[0]); i++) {
		enum script_bad bad = SCRIPT_BAD_NONE;
		struct script_cmd c;

		assert_int_equal(script_cmd_dec(unhex(ctx, tv[i].hex), &c, &bad), -EINVAL);
		assert_int_equal(bad, tv[i].bad);
	}
	talloc_free(ctx);
}

static void builder_refuses_what_is_no_script(void **state)
{
	const struct script_item chain[] = {{SCRIPT_CAPDU, BYTES_LIT("\x00\xa4\x00\x00")},
					    {SCRIPT_CHAINING, BYTES_LIT("\x01")}};
	const struct script_item odd = {0x23, BYTES_LIT("\x90\x00")};
	const struct script_item action = {SCRIPT_IMMEDIATE, BYTES_LIT("\x81")};
	const struct script_item one = {SCRIPT_CAPDU, BYTES_LIT("\x80\xca\x00\x66\x00")};
	uint8_t buf[16];
	struct wr w;

	wr_init_buf(&w, buf, sizeof(buf));
	assert_int_equal(script_cmd_enc(SCRIPT_DEFINITE, chain, 2, &w), -EINVAL);
	assert_int_equal(script_cmd_enc(SCRIPT_DEFINITE, &odd, 1, &w), -EINVAL);
	assert_int_equal(script_cmd_enc(SCRIPT_COMPACT, &action, 1, &w), -EINVAL);
	assert_int_equal(w.len, 0);
	assert_int_equal(script_cmd_enc(SCRIPT_DEFINITE, &one, 1, &w), 0);
	assert_memory_equal(buf, "\xaa\x07\x22\x05\x80\xca\x00\x66\x00", 9);
	assert_int_equal(script_cmd_enc(SCRIPT_DEFINITE, &one, 1, &w), -ENOSPC);
}

static struct script_rsp rsp(void *ctx, const char *hex)
{
	struct script_rsp r;

	assert_int_equal(script_rsp_dec(unhex(ctx, hex), &r), 0);
	return r;
}

static void responses_are_judged(void **state)
{
	static const struct {
		const char *hex;
		unsigned int sent;
		enum script_verdict verdict;
	} tv[] = {
		{"AB0780010123029000", 1, SCRIPT_DONE},
		{"AB0780010123029000", 2, SCRIPT_SHORT},
		{"AB0B8001022302900023029000", 2, SCRIPT_DONE},
		{"AB03800100", 0, SCRIPT_DONE},
		{"AB03800101", 1, SCRIPT_SHORT},
		{"AB078001012302"
		 "6985",
		 1, SCRIPT_SW},
		{"AB07800101230262F1", 1, SCRIPT_CUT},
		{"AB0780010123026110", 1, SCRIPT_DONE},
		{"AB06800100900102", 1, SCRIPT_BAD_FORMAT},
		{"AB06800101830102", 1, SCRIPT_BAD_CHAIN},
		{"AB0A80010123029000810101", 1, SCRIPT_BAD_ACTION},
		{"AF80230290000000", 1, SCRIPT_DONE},
		{"AF802302900023026A880000", 2, SCRIPT_SW},
		{"AF80230290000000", 2, SCRIPT_SHORT},
		{"AF8080010123029000"
		 "0000",
		 1, SCRIPT_DONE},
	};
	void *ctx = talloc_new(NULL);

	for (size_t i = 0; i < sizeof(tv) / sizeof(tv[0]); i++) {
		struct script_rsp r = rsp(ctx, tv[i].hex);

		assert_int_equal(script_rsp_judge(&r, tv[i].sent), tv[i].verdict);
		assert_non_null(script_verdict_name(tv[i].verdict));
	}
	talloc_free(ctx);
}

/* INITIALIZE UPDATE answered by a real card (digest of the card side, section 0.2). */
static void response_of_a_real_card(void **state)
{
	void *ctx = talloc_new(NULL);
	char hex[2 * 41 + 1] = "AB27800101"
			       "2322";
	struct script_rsp r;

	memset(hex + 14, '5', 64);
	memcpy(hex + 14 + 64, "9000", 5);
	r = rsp(ctx, hex);
	assert_int_equal(r.executed, 1);
	assert_int_equal(r.last.sw, 0x9000);
	assert_int_equal(r.last.data.len, 32);
	talloc_free(ctx);
}

static void check_response(const json_t *v)
{
	void *ctx = talloc_new(NULL);
	struct bytes data = vec_hex(ctx, v, "response_data"), again;
	struct script_item item[8];
	struct script_rsp r;
	size_t n = 0;
	struct wr w;
	struct rd rd;

	wr_init(&w, ctx);
	if (data.len && data.data[0] != 0x01) {
		assert_int_equal(script_rsp_dec(data, &r), 0);
		rd_init(&rd, r.body);
		while (script_next(&rd, &item[n]))
			n++;
		assert_int_equal(rd_end(&rd), 0);
		assert_int_equal(script_rsp_enc(r.form, r.executed, item, n, &w), 0);
	} else if (data.len) {
		assert_int_equal(script_rsp_dec_compact(data, &r), 0);
		assert_int_equal(r.executed, 1);
		assert_int_equal(r.last.sw >> 8, 0x61);
		item[0] = (struct script_item){SCRIPT_RSP_RAPDU, bytes_sub(data, 1, 2)};
		assert_int_equal(script_rsp_enc(SCRIPT_COMPACT, 1, item, 1, &w), 0);
	}
	assert_int_equal(wr_end(&w, &again), 0);
	assert_true(bytes_eq(again, data));
	talloc_free(ctx);
}

static void responses_of_the_vectors(void **state)
{
	assert_int_equal(vec_each(VECTORS, "response", check_response), 23);
}

static void malformed_responses(void **state)
{
	static const char *const bad[] = {
		"",
		"AB",
		"AA03800101",
		"AB0880010123029000",
		"AB068001012301"
		"90",
		"AB0480010123",
		"AB028000",
		"AB0723029000800101",
		"AB0A80010180010123029000",
		"AB078001012302900000",
		"AF8023029000",
		"AF80230290000001",
		"AB0380010190",
		"AB07800101900201",
		"AB0880060000000000",
		"AB098005000000000123",
	};
	void *ctx = talloc_new(NULL);

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct script_rsp r;

		assert_int_equal(script_rsp_dec(unhex(ctx, bad[i]), &r), -EINVAL);
	}
	talloc_free(ctx);
}

static void compact_scripts(void **state)
{
	void *ctx = talloc_new(NULL);
	struct bytes c, script = unhex(ctx, "00A40004023F0000B000001080E60C0003AABBCC");
	struct script_rsp r;
	struct rd rd;

	rd_init(&rd, script);
	assert_true(script_compact_next(&rd, &c));
	assert_int_equal(c.len, 7);
	assert_true(script_compact_next(&rd, &c));
	assert_int_equal(c.len, 5);
	assert_true(script_compact_next(&rd, &c));
	assert_int_equal(c.len, 8);
	assert_false(script_compact_next(&rd, &c));
	assert_int_equal(rd_end(&rd), 0);
	rd_init(&rd, unhex(ctx, "00A40004023F"));
	assert_false(script_compact_next(&rd, &c));
	assert_int_equal(rd_end(&rd), -EINVAL);
	assert_int_equal(script_rsp_dec_compact(unhex(ctx, "026A82"), &r), 0);
	assert_int_equal(script_rsp_judge(&r, 2), SCRIPT_SW);
	assert_int_equal(script_rsp_dec_compact(unhex(ctx, "0290"), &r), -EINVAL);
	talloc_free(ctx);
}

static void apdus_of_all_cases(void **state)
{
	static const struct {
		const char *hex;
		int rc;
		size_t data;
		bool has_le;
		unsigned int le;
	} tv[] = {
		{"80E40040", 0, 0, false, 0},
		{"80CA006600", 0, 0, true, 256},
		{"00B0000010", 0, 0, true, 16},
		{"00A40004023F00", 0, 2, false, 0},
		{"80E28900073A08044E02000700", 0, 7, true, 256},
		{"80E2880000"
		 "00",
		 0, 0, true, 256},
		{"80E288", -EINVAL, 0, false, 0},
		{"80E28800023A", -EINVAL, 0, false, 0},
		{"80E28800013A0000", -EINVAL, 0, false, 0},
	};
	void *ctx = talloc_new(NULL);

	for (size_t i = 0; i < sizeof(tv) / sizeof(tv[0]); i++) {
		struct capdu c;

		assert_int_equal(capdu_dec(unhex(ctx, tv[i].hex), &c), tv[i].rc);
		if (tv[i].rc < 0)
			continue;
		assert_int_equal(c.data.len, tv[i].data);
		assert_int_equal(c.has_le, tv[i].has_le);
		assert_int_equal(c.le, tv[i].le);
	}
	talloc_free(ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands_of_the_vectors),
		cmocka_unit_test(both_templates_and_chaining),
		cmocka_unit_test(malformed_commands_name_their_fault),
		cmocka_unit_test(builder_refuses_what_is_no_script),
		cmocka_unit_test(responses_are_judged),
		cmocka_unit_test(response_of_a_real_card),
		cmocka_unit_test(responses_of_the_vectors),
		cmocka_unit_test(malformed_responses),
		cmocka_unit_test(compact_scripts),
		cmocka_unit_test(apdus_of_all_cases),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
