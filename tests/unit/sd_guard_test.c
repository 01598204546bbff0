/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The guard of SendData with whole key establishments of tests/vectors/es8.json, cut and bent. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>
#include <talloc.h>

#include "common/codec/ber.h"
#include "smsr/sd_guard.h"
#include "tests/support/vec.h"

#define FILE_NAME "tests/vectors/es8.json"
#define TAG_CAPDU 0x22

static int setup(void **state)
{
	*state = talloc_new(NULL);
	return 0;
}

static int teardown(void **state)
{
	return talloc_free(*state);
}

static struct bytes capdu(const void *ctx, const char *group, const char *run, const char *name)
{
	json_t *root = json_load_file(FILE_NAME, 0, NULL);
	json_t *g = json_object_get(root, group);
	const char *hex = json_string_value(json_object_get(run ? json_object_get(g, run) : g, name));
	struct bytes out;

	assert_non_null(hex);
	out = unhex(ctx, hex);
	json_decref(root);
	return out;
}

static struct bytes script(const void *ctx, struct bytes one, struct bytes two)
{
	struct bytes out;
	struct wr w;

	wr_init(&w, ctx);
	ber_put(&w, TAG_CAPDU, one);
	if (two.len)
		ber_put(&w, TAG_CAPDU, two);
	assert_int_equal(wr_end(&w, &out), 0);
	return out;
}

static int look(const void *ctx, struct bytes cmds, struct sd_look *l)
{
	const char *why;

	return sd_guard_look(ctx, cmds, l, &why);
}

static void whole_key_establishments(void **state)
{
	static const char *const runs[] = {"isdp_09_no_dr", "isdp_0B_dr", "isdp_09_base_key_5C"};

	for (size_t i = 0; i < sizeof(runs) / sizeof(runs[0]); i++) {
		struct bytes install = capdu(*state, "ecka_eg", runs[i], "install_for_personalization");
		struct bytes first = capdu(*state, "ecka_eg", runs[i], "store_data_1");
		struct bytes second = capdu(*state, "ecka_eg", runs[i], "store_data_2");
		struct sd_look l;

		assert_int_equal(look(*state, script(*state, install, first), &l), 0);
		assert_int_equal(l.kind, SD_KEYS_BEGIN);
		assert_true(bytes_eq(l.isdp, bytes_sub(install, 8, 16)));
		assert_int_equal(look(*state, script(*state, second, bytes_of(NULL, 0)), &l), 0);
		assert_int_equal(l.kind, SD_KEYS_FINISH);
		assert_int_equal(look(*state, script(*state, install, second), &l), -EPERM);
		assert_int_equal(look(*state, script(*state, first, second), &l), -EPERM);
	}
}

/* The key set of the ISD-R itself belongs to an SM-SR. */
static void keys_of_the_isd_r(void **state)
{
	struct bytes first = capdu(*state, "ecka_eg", "isdr_0B_scp80_kvn02", "store_data_1");
	struct bytes second = capdu(*state, "ecka_eg", "isdr_0B_scp80_kvn02", "store_data_2");
	struct sd_look l;

	assert_int_equal(look(*state, script(*state, first, bytes_of(NULL, 0)), &l), -EPERM);
	assert_int_equal(look(*state, script(*state, second, bytes_of(NULL, 0)), &l), -EPERM);
}

/* The key set that call 2 makes: of SCP03, named once, in one template. */
static void key_sets(void **state)
{
	static const struct {
		const char *crt;
		int rc;
	} cases[] = {
		{"A603830130", 0},
		{"A60383013F", 0},
		{"A60383012F", -EPERM},
		{"A603830140", -EPERM},
		{"A603830102", -EPERM},
		{"A60483023030", -EPERM},
		{"A6028300", -EPERM},
		{"A600", -EPERM},
		{"830130", -EPERM},
		{"A603830130A600", -EPERM},
		{"A6048301308301", -EPERM},
		{"A606830130830102", -EPERM},
		{"A606830102830130", -EPERM},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t n = strlen(cases[i].crt) / 2;
		char *hex =
			talloc_asprintf(*state, "80E28901%02zX3A02%02zX%s7F4901005F370100", n + 11, n, cases[i].crt);
		struct sd_look l;

		assert_int_equal(look(*state, script(*state, unhex(*state, hex), bytes_of(NULL, 0)), &l), cases[i].rc);
	}
}

static void commands_of_an_sm_sr_are_for_the_isd_p(void **state)
{
	static const char *const names[] = {"EnableProfile",	       "DisableProfile", "SetFallbackAttribute",
					    "DeleteProfile",	       "CreateISDP",	 "UpdateSMSRAddressing_SMS",
					    "NotificationConfirmation"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct bytes c = capdu(*state, "es5_commands", NULL, names[i]);
		struct sd_look l;

		assert_int_equal(look(*state, script(*state, c, bytes_of(NULL, 0)), &l), 0);
		assert_int_equal(l.kind, SD_TO_ISDP);
	}
}

/* Behind an INSTALL every octet that is missing makes it something else. */
static void cut_at_every_octet(void **state)
{
	struct bytes install = capdu(*state, "ecka_eg", "isdp_0B_dr", "install_for_personalization");
	struct bytes first = capdu(*state, "ecka_eg", "isdp_0B_dr", "store_data_1");
	struct bytes all = script(*state, install, first), cmds;
	struct sd_look l;

	for (size_t n = 0; n < all.len; n++) {
		struct bytes cut = bytes_sub(all, 0, n);

		assert_true(sd_guard_open(cut, &cmds) < 0 || look(*state, cmds, &l) < 0);
	}
	assert_int_equal(sd_guard_open(all, &cmds), 0);
	assert_true(bytes_eq(cmds, all));
}

/* One bit of the header of a block: never another DGI, and never an ISD-P that was not named. */
static void any_bit_of_the_heads(void **state)
{
	struct bytes install = capdu(*state, "ecka_eg", "isdp_0B_dr", "install_for_personalization");
	struct bytes first = capdu(*state, "ecka_eg", "isdp_0B_dr", "store_data_1");
	const size_t at[] = {0, 1, 2, 4, 5, 6}; /* CLA INS P1 Lc DGI; P2 of a lone block may be any */

	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		for (unsigned int bit = 0; bit < 8; bit++) {
			struct bytes bent = bytes_dup(*state, first), cmds;
			struct sd_look l;
			bool last_bit = at[i] == 2 && (bit == 7 || bit < 3); /* P1: last block, answer wanted, RFU */

			((uint8_t *)bent.data)[at[i]] ^= (uint8_t)(1u << bit);
			cmds = script(*state, install, bent);
			if (last_bit || sd_guard_open(cmds, &cmds) < 0)
				continue;
			assert_int_equal(look(*state, cmds, &l), -EPERM);
		}
	}
}

/* DGI 3A01 of three octets in two blocks: numbered one after the other, the first one with more to come. */
static void blocks_of_one_store_data(void **state)
{
	static const struct {
		const char *p1p2[2];
		int rc;
	} cases[] = {
		{{"0900", "8901"}, 0},	    {{"0905", "8906"}, 0},	{{"0900", "8900"}, -EPERM},
		{{"0900", "8902"}, -EPERM}, {{"0901", "8900"}, -EPERM}, {{"8900", "8901"}, -EPERM},
		{{"09FF", "8900"}, -EPERM}, {{"0900", "A901"}, -EPERM},
	};
	struct bytes install = capdu(*state, "ecka_eg", "isdp_0B_dr", "install_for_personalization");

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *one = talloc_asprintf(*state, "80E2%s043A0103AA00", cases[i].p1p2[0]);
		char *two = talloc_asprintf(*state, "80E2%s02BBCC00", cases[i].p1p2[1]);
		struct bytes all;
		struct sd_look l;
		struct wr w;

		wr_init(&w, *state);
		ber_put(&w, TAG_CAPDU, install);
		ber_put(&w, TAG_CAPDU, unhex(*state, one));
		ber_put(&w, TAG_CAPDU, unhex(*state, two));
		assert_int_equal(wr_end(&w, &all), 0);
		if (look(*state, all, &l) != cases[i].rc)
			fail_msg("%s %s", one, two);
	}
}

static void a_select_leads_away(void **state)
{
	static const struct {
		const char *hex;
		int rc;
	} cases[] = {
		{"220784F28002000000", 0},
		{"220A00A40400055101020304220784F28002000000", -EPERM},
		{"220784F28002000000220A00A40400055101020304", -EPERM},
		{"220784F28002000000220A03A40400055101020304", -EPERM}, /* on another channel */
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sd_look l;

		if (look(*state, unhex(*state, cases[i].hex), &l) != cases[i].rc)
			fail_msg("%s", cases[i].hex);
	}
}

static void templates(void **state)
{
	struct bytes cmds;

	assert_int_equal(sd_guard_open(unhex(*state, "AA07220580BA000000"), &cmds), 0);
	assert_int_equal(cmds.len, 7);
	assert_int_equal(sd_guard_open(unhex(*state, "AE80220580BA0000000000"), &cmds), 0);
	assert_int_equal(cmds.len, 7);
	assert_int_equal(sd_guard_open(unhex(*state, "840A0102030405060708090A"), &cmds), 0);
	assert_int_equal(cmds.len, 12);
	assert_int_equal(sd_guard_open(unhex(*state, "AA00"), &cmds), -EINVAL);
	assert_int_equal(sd_guard_open(unhex(*state, "AE800000"), &cmds), -EINVAL);
	assert_int_equal(sd_guard_open(unhex(*state, "AA08220580BA000000"), &cmds), -EINVAL);
	assert_int_equal(sd_guard_open(unhex(*state, "AA09AA07220580BA000000"), &cmds), -EINVAL);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(whole_key_establishments),
		T(keys_of_the_isd_r),
		T(key_sets),
		T(commands_of_an_sm_sr_are_for_the_isd_p),
		T(cut_at_every_octet),
		T(any_bit_of_the_heads),
		T(templates),
		T(a_select_leads_away),
		T(blocks_of_one_store_data),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
