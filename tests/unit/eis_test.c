/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Small rules of the registry: check digits of the EID, POL2 as a set, which addresses of a peer may be called. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>
#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/net/http_client.h"
#include "smsr/eis.h"

/* ---- EID; the number is that of tests/vectors/es8.json ---- */

#define EID_TEXT "89001012012341234012345678901224"

static void eid_in_and_out(void **state)
{
	uint8_t eid[EID_LEN];

	assert_int_equal(eid_dec(EID_TEXT, eid), 0);
	assert_memory_equal(eid, "\x89\x00\x10\x12\x01\x23\x41\x23\x40\x12\x34\x56\x78\x90\x12\x24", EID_LEN);
}

static void every_wrong_digit_is_noticed(void **state)
{
	uint8_t eid[EID_LEN], before[EID_LEN];
	char text[] = EID_TEXT;

	memset(eid, 0x5a, sizeof(eid));
	memcpy(before, eid, sizeof(eid));
	for (size_t i = 0; i < 32; i++) {
		for (char d = '0'; d <= '9'; d++) {
			char right = text[i];

			text[i] = d;
			if (d != right)
				assert_int_equal(eid_dec(text, eid), -EINVAL);
			text[i] = right;
		}
	}
	/* Two neighbours that changed places. */
	for (size_t i = 0; i + 1 < 32; i++) {
		char a = text[i], b = text[i + 1];

		text[i] = b;
		text[i + 1] = a;
		if (a != b)
			assert_int_equal(eid_dec(text, eid), -EINVAL);
		text[i] = a;
		text[i + 1] = b;
	}
	assert_memory_equal(eid, before, sizeof(eid));
}

static void what_is_no_eid(void **state)
{
	static const char *const texts[] = {"",
					    "89",
					    "8900101201234123401234567890122",
					    EID_TEXT "0",
					    "8900101201234123401234567890122A",
					    " 9001012012341234012345678901224",
					    "11001012012341234012345678901210"};
	uint8_t eid[EID_LEN];

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		assert_int_equal(eid_dec(texts[i], eid), -EINVAL);
}

/* ---- POL2 ---- */

static const struct {
	struct es_pol2_rule rule;
	unsigned int bit; /* 0: makes no sense */
} pol2_table[] = {
	{{ES_POL2_PROFILE, ES_POL2_ENABLE, ES_POL2_NOT_ALLOWED}, POL2_ENABLE_NOT_ALLOWED},
	{{ES_POL2_PROFILE, ES_POL2_DISABLE, ES_POL2_NOT_ALLOWED}, POL2_DISABLE_NOT_ALLOWED},
	{{ES_POL2_PROFILE, ES_POL2_DELETE, ES_POL2_NOT_ALLOWED}, POL2_DELETE_NOT_ALLOWED},
	{{ES_POL2_PROFILE, ES_POL2_DISABLE, ES_POL2_AUTO_DELETE}, POL2_DISABLE_AUTO_DELETE},
	{{ES_POL2_PROFILE, ES_POL2_ENABLE, ES_POL2_AUTO_DELETE}, 0},
	{{ES_POL2_PROFILE, ES_POL2_DELETE, ES_POL2_AUTO_DELETE}, 0},
};

static void each_rule(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(pol2_table); i++) {
		struct es_pol2_rule rule = pol2_table[i].rule;
		struct es_pol2 pol2 = {&rule, 1};
		unsigned int rules = 0x80;

		assert_int_equal(pol2_dec(&pol2, &rules), pol2_table[i].bit ? 0 : -EINVAL);
		assert_int_equal(rules, pol2_table[i].bit ? pol2_table[i].bit : 0x80);
	}
}

static void every_set_comes_back(void **state)
{
	const unsigned int both = POL2_DISABLE_NOT_ALLOWED | POL2_DISABLE_AUTO_DELETE;

	for (unsigned int set = 0; set < 16; set++) {
		void *ctx = talloc_new(NULL);
		struct es_pol2 pol2;
		unsigned int again;

		pol2_enc(ctx, set, &pol2);
		if ((set & both) == both) {
			assert_int_equal(pol2_dec(&pol2, &again), -EINVAL);
		} else {
			assert_int_equal(pol2_dec(&pol2, &again), 0);
			assert_int_equal(again, set);
		}
		talloc_free(ctx);
	}
}

static void absent_and_empty_mean_no_rules(void **state)
{
	struct es_pol2 empty = {0};
	unsigned int rules = 5;

	assert_int_equal(pol2_dec(NULL, &rules), 0);
	assert_int_equal(rules, 0);
	rules = 5;
	assert_int_equal(pol2_dec(&empty, &rules), 0);
	assert_int_equal(rules, 0);
}

static void a_rule_said_twice_is_one(void **state)
{
	struct es_pol2_rule twice[] = {pol2_table[2].rule, pol2_table[2].rule};
	struct es_pol2 pol2 = {twice, 2};
	unsigned int rules;

	assert_int_equal(pol2_dec(&pol2, &rules), 0);
	assert_int_equal(rules, POL2_DELETE_NOT_ALLOWED);
}

/* ---- ReplyTo ---- */

static void addresses_below_the_prefix(void **state)
{
	static const struct {
		const char *prefix, *url;
		bool may;
	} cases[] = {
		{"https://a.example/x", "https://a.example/x", true},
		{"https://a.example/x", "https://a.example/x/y", true},
		{"https://a.example/x", "https://a.example/x?z", true},
		{"https://a.example/x", "https://a.example/xy", false},
		{"https://a.example/x", "https://a.example/", false},
		{"https://a.example/", "https://a.example/any?UserName=a@b..c", true},
		{"https://a.example/", "https://a.example.evil/", false},
		{"https://a.example", "https://a.example.evil/", false},
		{"https://a.example", "https://a.example@evil/", false},
		{"https://a.example", "https://a.example:444/", false},
		{"https://a.example", "https://a.example/y", true},
		{"https://a.example/", "http://a.example/", false},
		{"https://a.example/", "HTTPS://a.example/", false},
		{"https://a.example/x/", "https://a.example/x/../y", false},
		{"https://a.example/x/", "https://a.example/x/%2e%2E/y", false},
		{"https://a.example/x", "", false},
		{"", "https://a.example/", false},
		{NULL, "https://a.example/", false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		if (http_url_is_below(cases[i].prefix, cases[i].url) != cases[i].may)
			fail_msg("%s below %s", cases[i].url, cases[i].prefix);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(eid_in_and_out),	    cmocka_unit_test(every_wrong_digit_is_noticed),
		cmocka_unit_test(what_is_no_eid),	    cmocka_unit_test(each_rule),
		cmocka_unit_test(every_set_comes_back),	    cmocka_unit_test(absent_and_empty_mean_no_rules),
		cmocka_unit_test(a_rule_said_twice_is_one), cmocka_unit_test(addresses_below_the_prefix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
