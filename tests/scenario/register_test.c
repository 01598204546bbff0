/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What an EIS must not say: it is refused as a whole, and the same eUICC can be registered afterwards. */
#include <talloc.h>

#include "tests/support/world.h"

static void expect_refusal(struct world *w, struct es_eis *eis, const char *why)
{
	const char *refusal = world_register_eis(w, eis);

	assert_non_null(refusal);
	assert_string_equal(refusal, why);
	talloc_free(eis);
	assert_int_equal(world_records(w, AUDIT_IMPORT), 0);
}

static const struct bytes bad_aids[] = {{0}, BYTES_LIT("1234"), BYTES_LIT("12345678901234567")};

static void aid_of_the_isdr_of_no_right_length(void **state)
{
	struct world *w = *state;

	for (size_t i = 0; i < 3; i++) {
		struct es_eis *eis = world_eis(w, w->ctx);

		eis->isdr->aid = bad_aids[i];
		expect_refusal(w, eis, "Isd-r: the AID has not 5 to 16 octets");
	}
	world_register(w);
}

static void aid_of_an_isdp_of_no_right_length(void **state)
{
	struct world *w = *state;

	for (size_t i = 0; i < 3; i++) {
		struct es_eis *eis = world_eis(w, w->ctx);

		eis->profiles[1].isdp_aid = bad_aids[i];
		expect_refusal(w, eis, "Isd-p-aid has not 5 to 16 octets");
	}
	world_register(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(aid_of_the_isdr_of_no_right_length),
		WORLD_TEST(aid_of_an_isdp_of_no_right_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
