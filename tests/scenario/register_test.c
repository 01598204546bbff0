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

static void states_that_no_card_has(void **state)
{
	struct world *w = *state;
	struct es_eis *eis = world_eis(w, w->ctx);

	for (size_t i = 0; i < eis->n_profiles; i++)
		eis->profiles[i].state = ES_STATE_ENABLED;
	expect_refusal(w, eis, "more than one profile is Enabled");
	eis = world_eis(w, w->ctx);
	for (size_t i = 0; i < eis->n_profiles; i++)
		eis->profiles[i].fallback = true;
	expect_refusal(w, eis, "more than one profile has the fall-back attribute");
	world_register(w);
}

/* Its first key set, to be bent. */
static struct es_keyset *keyset_of(struct es_eis *eis)
{
	eis->isdr->keysets = talloc_memdup(eis, eis->isdr->keysets, eis->isdr->n_keysets * sizeof(struct es_keyset));
	assert_int_equal(eis->isdr->keysets[0].type, ES_KEYSET_SCP80);
	return &eis->isdr->keysets[0];
}

static void key_sets_that_nobody_can_use(void **state)
{
	struct world *w = *state;
	struct es_eis *eis = world_eis(w, w->ctx);
	struct es_keyset *ks = keyset_of(eis);

	ks->cntr = (struct es_opt_u64){true, UINT64_C(0x10000000000)};
	expect_refusal(w, eis, "Isd-r: the counter of a key set has more than 5 octets");
	eis = world_eis(w, w->ctx);
	keyset_of(eis)->n_keys = 1;
	expect_refusal(w, eis, "Isd-r: a key set lacks keys");
	eis = world_eis(w, w->ctx);
	keyset_of(eis)->version = 0x10;
	expect_refusal(w, eis, "Isd-r: the version of an SCP80 key set is not 1 to 15");
	eis = world_eis(w, w->ctx);
	ks = keyset_of(eis);
	ks->keys = talloc_memdup(eis, ks->keys, ks->n_keys * sizeof(*ks->keys));
	ks->keys[1].index = ks->keys[0].index;
	expect_refusal(w, eis, "Isd-r: a key index occurs twice");
	eis = world_eis(w, w->ctx);
	ks = keyset_of(eis);
	ks->keys = talloc_memdup(eis, ks->keys, ks->n_keys * sizeof(*ks->keys));
	ks->keys[0].kcv = BYTES_LIT("\0\0\0");
	expect_refusal(w, eis, "Isd-r: the check value of a key is wrong");
	assert_int_equal(world_rows(w, "keyset"), 0);
	world_register(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(aid_of_the_isdr_of_no_right_length),
		WORLD_TEST(aid_of_an_isdp_of_no_right_length),
		WORLD_TEST(more_key_sets_than_anybody_reads),
		WORLD_TEST(key_sets_that_nobody_can_use),
		WORLD_TEST(states_that_no_card_has),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
