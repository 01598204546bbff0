/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Small parts of the SM-DP: who it is for an ECASD, and answers of cards as SM-SRs wrap them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <talloc.h>

#include "lab/pki/pki.h"
#include "smdp/identity.h"
#include "smdp/order_steps.h"
#include "tests/support/test_pki.h"
#include "tests/support/vec.h"

#define DAY_MS (24 * 3600 * 1000LL)

/* ---- identity ---- */

static int64_t now_ms(void)
{
	return (int64_t)time(NULL) * 1000 + 1000;
}

static void certificate_and_key_belong_together(void **state)
{
	void *ctx = talloc_new(NULL);
	struct test_pki *pki = test_pki_alloc(ctx);
	const char *dir = test_pki_path(pki, "lab"), *why = "";
	struct smdp_cfg *cfg = smdp_cfg_alloc(ctx);
	struct dp_identity *dp = NULL;

	assert_int_equal(dp_identity_load(ctx, cfg, now_ms(), &dp, &why), 0);
	assert_null(dp); /* none is configured */
	assert_int_equal(pki_ca_create(ctx, dir, &why), 0);
	assert_int_equal(pki_dp_create(ctx, dir, "a", "1.2.3", EC_P256, &why), 0);
	assert_int_equal(pki_dp_create(ctx, dir, "b", "1.2.4", EC_BRAINPOOL_P256R1, &why), 0);
	cfg->dp_cert = talloc_asprintf(ctx, "%s/a.dp", dir);
	cfg->dp_key = talloc_asprintf(ctx, "%s/a.dp.key", dir);
	assert_int_equal(dp_identity_load(ctx, cfg, now_ms(), &dp, &why), 0);
	assert_non_null(dp);
	assert_int_equal(dp->cert.data[0], 0x7f);
	assert_int_equal(dp_identity_load(ctx, cfg, now_ms() + 100 * 366 * DAY_MS, &dp, &why), -EINVAL);
	assert_non_null(strstr(why, "a.dp"));
	cfg->dp_key = talloc_asprintf(ctx, "%s/b.dp.key", dir);
	assert_int_equal(dp_identity_load(ctx, cfg, now_ms(), &dp, &why), -EINVAL);
	assert_non_null(strstr(why, "private key"));
	cfg->dp_cert = talloc_asprintf(ctx, "%s/b.dp", dir);
	assert_int_equal(dp_identity_load(ctx, cfg, now_ms(), &dp, &why), 0);
	assert_int_equal(dp->curve, EC_BRAINPOOL_P256R1);
	cfg->dp_cert = talloc_asprintf(ctx, "%s/ci.pem", dir);
	assert_true(dp_identity_load(ctx, cfg, now_ms(), &dp, &why) < 0);
	cfg->dp_cert = talloc_asprintf(ctx, "%s/nothing", dir);
	assert_int_equal(dp_identity_load(ctx, cfg, now_ms(), &dp, &why), -ENOENT);
	talloc_free(ctx);
}

/* ---- answers ---- */

static void the_last_answer_counts_when_all_are_good(void **state)
{
	static const struct {
		const char *erd, *data;
		int rc;
		uint16_t sw;
	} cases[] = {
		{"2303009000"
		 "2306850211229000",
		 "85021122", 0, 0x9000},
		{"AB0D"
		 "2303009000"
		 "2306850211229000",
		 "85021122", 0, 0x9000},
		{"AF80"
		 "2303009000"
		 "2306850211229000"
		 "0000",
		 "85021122", 0, 0x9000},
		{"80010223029000", "", 0, 0x9000}, /* a count of commands in front */
		{"23029000"
		 "23026A80",
		 NULL, -EIO, 0x6a80},
		{"23026A88"
		 "23029000",
		 NULL, -EIO, 0x6a88},
		{"23026110", "", 0, 0x9000},
		{"230190", NULL, -EINVAL, 0},
		{"2303009000"
		 "23068502",
		 NULL, -EINVAL, 0}, /* cut */
		{"800100", NULL, -EINVAL, 0},
		{"", NULL, -EINVAL, 0},
	};
	void *ctx = talloc_new(NULL);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bytes data = {0};
		uint16_t sw = 0;

		assert_int_equal(card_answer_last(unhex(ctx, cases[i].erd), &data, &sw), cases[i].rc);
		if (cases[i].rc == -EIO)
			assert_int_equal(sw, cases[i].sw);
		if (cases[i].data)
			assert_true(bytes_eq(data, unhex(ctx, cases[i].data)));
	}
	talloc_free(ctx);
}

/* Any cut and any flipped bit: an answer or an error, never a view beyond the octets. */
static void damaged_answers_stay_inside(void **state)
{
	void *ctx = talloc_new(NULL);
	struct bytes good = unhex(ctx, "AF80230300900023068502112290000000");

	for (size_t bit = 0; bit < good.len * 8; bit++) {
		for (size_t len = 0; len <= good.len; len++) {
			struct bytes b = bytes_dup(ctx, bytes_sub(good, 0, len)), data = {0};
			uint16_t sw;

			if (bit / 8 < len)
				((uint8_t *)b.data)[bit / 8] ^= (uint8_t)(1 << bit % 8);
			if (card_answer_last(b, &data, &sw) == 0 && data.len)
				assert_true(data.data >= b.data && data.data + data.len <= b.data + b.len);
			talloc_free((void *)b.data);
		}
	}
	talloc_free(ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(certificate_and_key_belong_together),
		cmocka_unit_test(the_last_answer_counts_when_all_are_good),
		cmocka_unit_test(damaged_answers_stay_inside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
