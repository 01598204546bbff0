/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What an EIS must not say: it is refused as a whole, and the same eUICC can be registered afterwards. */
#include <talloc.h>

#include "smsr/eis.h"
#include "smsr/eis_db.h"
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

static const char *with_keysets(struct world *w, uint8_t n)
{
	struct es_eis *eis = world_eis(w, w->ctx);
	struct es_keyset *ks = talloc_zero_array(eis, struct es_keyset, n);

	ks[0] = eis->isdr->keysets[0];
	for (uint8_t i = 1; i < n; i++)
		ks[i] = (struct es_keyset){.version = (uint8_t)(0x20 + i), .type = ES_KEYSET_SCP03};
	eis->isdr->keysets = ks;
	eis->isdr->n_keysets = n;
	return world_register_eis(w, eis);
}

/* All that is taken is shown. */
static void more_key_sets_than_anybody_reads(void **state)
{
	struct world *w = *state;
	struct es_eis *eis;
	int64_t id;

	assert_string_equal(with_keysets(w, KEYSETS_MAX + 1), "Isd-r: more key sets than are served");
	assert_null(with_keysets(w, KEYSETS_MAX));
	assert_int_equal(eis_db_by_iccid(w->db, w->card_data.profiles[0].iccid, &id), 0);
	assert_int_equal(eis_build(w->s, w->ctx, id, EIS_VIEW_FULL, NULL, NULL, 0, &eis), 0);
	assert_int_equal(eis->isdr->n_keysets, KEYSETS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(aid_of_the_isdr_of_no_right_length),
		WORLD_TEST(aid_of_an_isdp_of_no_right_length),
		WORLD_TEST(more_key_sets_than_anybody_reads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
