/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <osmocom/core/utils.h>
#include <talloc.h>

#include "scp81/psk_id.h"
#include "tests/support/vec.h"

#define EID "89001012012341234012345678901224"
#define AID "A0000005591010FFFFFFFF8900000100"

static void check(const struct psk_id *id)
{
	uint8_t want[16];

	assert_int_equal(hex_dec_buf(want, 16, EID), 0);
	assert_memory_equal(id->eid, want, 16);
	assert_int_equal(hex_dec_buf(want, 16, AID), 0);
	assert_int_equal(id->aid_len, 16);
	assert_memory_equal(id->aid, want, 16);
	assert_int_equal(id->kid, PSK_KID_PSK);
	assert_int_equal(id->kvn, 0x40);
}

static void vector_both_ways(void **state)
{
	json_t *root = json_load_file("tests/vectors/es8.json", 0, NULL);
	const json_t *v = json_object_get(root, "psk_identity");
	const char *want = vec_str(v, "tlv");
	struct psk_id id;
	char *text;

	assert_int_equal(psk_id_dec(want, &id), 0);
	check(&id);
	text = psk_id_enc(NULL, &id);
	assert_string_equal(text, want);
	assert_int_equal(strlen(text), vec_int(v, "length_ascii"));
	talloc_free(text);
	json_decref(root);
}

/* The example of an identity of another card, from a public description. */
static void second_example(void **state)
{
	struct psk_id id;

	assert_int_equal(
		psk_id_dec("8001028110890490320000000000000000000000424F10A0000005591010FFFFFFFF8900000100820101830140",
			   &id),
		0);
	assert_int_equal(id.eid[0], 0x89);
	assert_int_equal(id.eid[15], 0x42);
}

static void tolerated(void **state)
{
	const char *const good[] = {
		"800102"
		"8110" EID "4F10" AID "820101"
		"830140",
		"800102"
		"8110"
		"89001012012341234012345678901224"
		"4f10"
		"a0000005591010ffffffff8900000100"
		"820101"
		"830140",
		"800102"
		"830140"
		"820101"
		"4F10" AID "8110" EID,
		"800102"
		"8110" EID "8402BEEF"
		"4F10" AID "820101"
		"830140"
		"9F7001AA",
		"800102"
		"8110" EID "4F10" AID "82810101"
		"830140",
	};
	struct psk_id id;

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		memset(&id, 0xee, sizeof(id));
		assert_int_equal(psk_id_dec(good[i], &id), 0);
		check(&id);
	}
}

static void refused(void **state)
{
	const char *const bad[] = {
		"",
		"8",
		"Client_identity",
		"800103"
		"8110" EID "4F10" AID "820101"
		"830140", /* another format */
		"80020002"
		"8110" EID "4F10" AID "820101"
		"830140",
		"8110" EID "800102"
		"4F10" AID "820101"
		"830140", /* 80 comes first */
		"800102"
		"8110" EID "4F10" AID "820101", /* no KVN */
		"800102"
		"8110" EID "820101"
		"830140", /* no AID */
		"800102"
		"4F10" AID "820101"
		"830140",
		"800102"
		"8110" EID "8110" EID "4F10" AID "820101"
		"830140",
		"800102"
		"810F"
		"890010120123412340123456789012"
		"4F10" AID "820101"
		"830140",
		"800102"
		"8110" EID "4F04"
		"A0000005"
		"820101"
		"830140",
		"800102"
		"8110" EID "4F10" AID "82020001"
		"830140",
		"800102"
		"8110" EID "4F10" AID "820101"
		"8301",
		"800102"
		"8110" EID "4F10" AID "820101"
		"830140 ",
		"800102"
		"8110" EID "4F10" AID "820101"
		"83014",
	};
	struct psk_id id, before;

	memset(&id, 0xee, sizeof(id));
	before = id;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(psk_id_dec(bad[i], &id), -EINVAL);
	assert_int_equal(psk_id_dec("800102"
				    "8110" EID "4F10" AID "820101"
				    "830140"
				    "84112233445566778899AABBCCDDEEFF0011223344",
				    &id),
			 -ENOSPC);
	assert_memory_equal(&id, &before, sizeof(id));
}

static void lengths_that_no_aid_has(void **state)
{
	struct psk_id id = {.aid_len = 17};

	assert_null(psk_id_enc(NULL, &id));
	id.aid_len = 4;
	assert_null(psk_id_enc(NULL, &id));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vector_both_ways),
		cmocka_unit_test(second_example),
		cmocka_unit_test(tolerated),
		cmocka_unit_test(refused),
		cmocka_unit_test(lengths_that_no_aid_has),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
