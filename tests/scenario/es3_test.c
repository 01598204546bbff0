/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* ES3 beside the download: who may do what, the view of the EIS, the functions shared with ES4, and notifications that
 * go through an SM-DP. */
#include <string.h>

#include <talloc.h>

#include "tests/support/world.h"

static const char *iccid_of(struct world *w, enum seed_profile_id profile)
{
	return w->card_data.profiles[profile].iccid;
}

static void order(struct world *w, const char *sender, enum es_fn fn, enum seed_profile_id profile, const char *call_id)
{
	world_order(w, sender, fn, profile, call_id, 3600);
	world_advance(w, 10 * MINUTE_MS);
}

/* ---- rights ---- */

static void only_sm_dps_may_call(void **state)
{
	struct world *w = *state;

	world_register(w);
	order(w, MNO_OPER, ES3_ENABLE_PROFILE, SEED_OPERATIONAL, "a");
	world_expect_outcome(w, "ES3-EnableProfile", "FAILED 1.1/1.2");
	order(w, SMDP, ES4_ENABLE_PROFILE, SEED_OPERATIONAL, "b");
	world_expect_outcome(w, "ES4-EnableProfile", "FAILED 1.1/1.2");
	assert_int_equal(world_packets(w), 0);
}

static void only_for_operators_it_acts_for(void **state)
{
	static const struct {
		enum es_fn fn;
		const char *name;
	} fns[] = {
		{ES3_ENABLE_PROFILE, "ES3-EnableProfile"},
		{ES3_DISABLE_PROFILE, "ES3-DisableProfile"},
		{ES3_DELETE_ISDP, "ES3-DeleteISDP"},
	};
	struct world *w = *state;

	world_register(w);
	for (size_t i = 0; i < sizeof(fns) / sizeof(fns[0]); i++) {
		order(w, SMDP_OTHER, fns[i].fn, SEED_OPERATIONAL, fns[i].name);
		world_expect_outcome(w, fns[i].name, "FAILED 8.2.1/1.2");
		order(w, SMDP, fns[i].fn, SEED_BOOTSTRAP, fns[i].name);
		world_expect_outcome(w, fns[i].name, "FAILED 8.2.1/1.2");
	}
	assert_int_equal(world_packets(w), 0);
}

static void unknown_profile_and_eid(void **state)
{
	struct es_create_isdp_req q = {.base = {.call_id = "x"},
				       .eid = "89044045118427484800000000012016",
				       .iccid = NEW_ICCID,
				       .mno_id = MNO_OPER};
	struct world *w = *state;

	world_register(w);
	world_ask_new(w, SMDP, ES3_ENABLE_PROFILE, "a");
	world_run(w);
	world_expect_outcome(w, "ES3-EnableProfile", "FAILED 8.2.1/3.9");
	world_call(w, SMDP, ES3_CREATE_ISDP, "x", &q);
	world_run(w);
	world_expect_outcome(w, "ES3-CreateISDP", "FAILED 8.1.1/3.9");
	q.eid = "89044045118427484800000000012017"; /* wrong check digits */
	world_call(w, SMDP, ES3_CREATE_ISDP, "y", &q);
	world_run(w);
	world_expect_outcome(w, "ES3-CreateISDP", "FAILED 1.6/2.1");
}

/* ---- the EIS ---- */

static void view_of_an_sm_dp(void **state)
{
	struct world *w = *state;
	struct es_eis *eis;

	world_register(w);
	eis = world_get_eis(w, SMDP);
	assert_int_equal(eis->n_profiles, 1);
	assert_string_equal(eis->profiles[0].iccid, iccid_of(w, SEED_OPERATIONAL));
	assert_non_null(eis->signed_info_xml);
	assert_non_null(eis->signature_xml);
	assert_non_null(eis->isdr);
	assert_int_equal(eis->isdr->n_keysets, 1);
	assert_int_equal(eis->isdr->keysets[0].n_keys, 0);
	assert_false(eis->isdr->keysets[0].cntr.has);
	assert_null(eis->audit_trail);
	assert_int_equal(eis->remaining_memory, 1000);
	/* Who has nothing on the card yet sees the card: that is how a first download begins. */
	eis = world_get_eis(w, SMDP_OTHER);
	assert_int_equal(eis->n_profiles, 0);
	assert_non_null(eis->signed_info_xml);
}

static void empty_isd_p_is_for_its_sm_dp(void **state)
{
	struct world *w = *state;
	struct es_eis *eis;

	world_register(w);
	world_create_isdp(w, SMDP, 500, "create");
	world_advance(w, MINUTE_MS);
	world_expect_outcome(w, "ES3-CreateISDP", "EXECUTED_SUCCESS");
	/* Now the other one may act for the operator, too. */
	w->cfg->peers[3].acts_for = w->cfg->peers[2].acts_for;
	w->cfg->peers[3].n_acts_for = 1;
	assert_string_equal(w->cfg->peers[3].oid, SMDP_OTHER);
	assert_int_equal(world_get_eis(w, SMDP)->n_profiles, 2);
	assert_int_equal(world_get_eis(w, SMDP_OTHER)->n_profiles, 1);
	world_ask_new(w, SMDP_OTHER, ES3_DELETE_ISDP, "delete");
	world_advance(w, MINUTE_MS);
	world_expect_outcome(w, "ES3-DeleteISDP", "FAILED 8.2.1/1.2");
	world_download_completed(w, SMDP, "4917012345", "done");
	eis = world_get_eis(w, SMDP_OTHER);
	assert_int_equal(eis->n_profiles, 2);
	assert_int_equal(eis->profiles[1].state, ES_STATE_DISABLED);
}

static void audit(void **state)
{
	struct world *w = *state;
	struct world_post *p;

	world_register(w);
	world_audit_es3(w, SMDP, "a");
	world_advance(w, MINUTE_MS);
	p = world_post(w, "smdp.example/cb");
	assert_non_null(strstr(p->body, "EXECUTED_SUCCESS"));
	assert_non_null(strstr(p->body, iccid_of(w, SEED_OPERATIONAL)));
	assert_null(strstr(p->body, iccid_of(w, SEED_BOOTSTRAP)));
	world_audit_es3(w, SMDP_OTHER, "b");
	world_run(w);
	world_expect_outcome(w, "ES3-AuditEIS", "FAILED 8.1.1/1.2");
}

/* ---- shared with ES4 ---- */

static void enable_disable_delete(void **state)
{
	struct world *w = *state;

	world_register(w);
	order(w, SMDP, ES3_ENABLE_PROFILE, SEED_OPERATIONAL, "a");
	world_expect_card(w, SEED_OPERATIONAL);
	world_expect_note(w, "ES4-HandleProfileDisabledNotification", SEED_BOOTSTRAP, "boot.example/note");
	world_expect_outcome(w, "ES3-EnableProfile", "EXECUTED_SUCCESS");
	world_expect_silence(w); /* the operator has asked for it through its SM-DP */
	order(w, SMDP, ES3_DISABLE_PROFILE, SEED_OPERATIONAL, "b");
	world_expect_card(w, SEED_BOOTSTRAP);
	world_expect_note(w, "ES4-HandleProfileEnabledNotification", SEED_BOOTSTRAP, "boot.example/note");
	world_expect_outcome(w, "ES3-DisableProfile", "EXECUTED_SUCCESS");
	world_expect_silence(w);
	order(w, SMDP, ES3_DELETE_ISDP, SEED_OPERATIONAL, "c");
	world_expect_outcome(w, "ES3-DeleteISDP", "EXECUTED_SUCCESS");
	world_expect_silence(w);
	world_expect_eis(w, PROFILE_ENABLED, PROFILE_IN_CREATION);
	world_expect_agreement(w);
}

static void pol2_holds(void **state)
{
	struct es_pol2_rule rules[] = {{ES_POL2_PROFILE, ES_POL2_DELETE, ES_POL2_NOT_ALLOWED},
				       {ES_POL2_PROFILE, ES_POL2_ENABLE, ES_POL2_NOT_ALLOWED}};
	struct es_pol2 pol2 = {rules, 2};
	struct world *w = *state;
	struct es_pol2_req q = {.base = {.call_id = "p"},
				.eid = w->card_data.eid,
				.iccid = iccid_of(w, SEED_OPERATIONAL),
				.pol2 = &pol2};

	world_register(w);
	world_call(w, SMDP_OTHER, ES3_UPDATE_POLICY_RULES, "p", &q);
	world_expect_answer(w, "FAILED 8.2.1/1.2");
	world_call(w, SMDP, ES3_UPDATE_POLICY_RULES, "p", &q);
	world_expect_answer(w, "EXECUTED_SUCCESS");
	order(w, SMDP, ES3_DELETE_ISDP, SEED_OPERATIONAL, "a");
	world_expect_outcome(w, "ES3-DeleteISDP", "FAILED 8.2.3/3.8");
	order(w, SMDP, ES3_ENABLE_PROFILE, SEED_OPERATIONAL, "b");
	world_expect_outcome(w, "ES3-EnableProfile", "FAILED 8.2.3/3.8");
}

static void address(void **state)
{
	struct world *w = *state;
	struct es_address_req q = {.base = {.call_id = "a"},
				   .eid = w->card_data.eid,
				   .iccid = iccid_of(w, SEED_OPERATIONAL),
				   .address = {.imsi = "901700000000007", .msisdn = "+4917077777"}};

	world_register(w);
	world_call(w, SMDP_OTHER, ES3_UPDATE_SUBSCRIPTION_ADDRESS, "a", &q);
	world_expect_answer(w, "FAILED 8.2.1/1.2");
	world_call(w, SMDP, ES3_UPDATE_SUBSCRIPTION_ADDRESS, "a", &q);
	world_expect_answer(w, "EXECUTED_SUCCESS");
	assert_string_equal(world_get_eis(w, SMDP)->profiles[0].address.msisdn, "4917077777");
}

/* ---- UpdateConnectivityParameters ---- */

static void connectivity(struct world *w, const char *iccid, const char *hex, const char *outcome)
{
	struct es_connectivity_req q = {.base = {.validity_s = 3600}, .eid = w->card_data.eid, .iccid = iccid};
	static unsigned int calls;

	q.base.call_id = talloc_asprintf(w->ctx, "c-%u", ++calls);
	assert_int_equal(hex_dec(w->ctx, hex, &q.parameters), 0);
	world_call(w, SMDP, ES3_UPDATE_CONNECTIVITY_PARAMETERS, q.base.call_id, &q);
	world_advance(w, MINUTE_MS);
	world_expect_outcome(w, "ES3-UpdateConnectivityParameters", outcome);
}

static void connectivity_parameters(void **state)
{
	struct world *w = *state;
	const char *oper = iccid_of(w, SEED_OPERATIONAL);

	world_register(w);
	/* In clear, no ISD-P takes them; but they go there, in each form. */
	connectivity(w, oper, "3A0705A003060112", "FAILED 8.3/4.2");
	assert_true(world_told(w, "STORE DATA 3A07"));
	connectivity(w, oper, "A003060112", "FAILED 8.3/4.2");
	connectivity(w, oper, "220D84E28800083A0705A003060112", "FAILED 8.3/4.2");
	assert_int_equal(world_packets(w), 3);
	connectivity(w, oper, "A0030601", "FAILED 1.6/2.1");
	connectivity(w, oper, "B003060112", "FAILED 1.6/2.1");
	connectivity(w, oper, "220F80E289000A3A01077F2104AABBCCDD", "FAILED 8.3.1/1.2");
	connectivity(w, oper, /* a key establishment */
		     "221C80E6200016000010A0000005591010FFFFFFFF890000100000000000220C80E28900063A0103AABBCC00",
		     "FAILED 8.3.1/1.2");
	connectivity(w, iccid_of(w, SEED_BOOTSTRAP), "A003060112", "FAILED 8.2.1/1.2");
	connectivity(w, NEW_ICCID, "A003060112", "FAILED 8.2.1/3.9");
	world_create_isdp(w, SMDP, 500, "create");
	world_advance(w, MINUTE_MS);
	world_expect_outcome(w, "ES3-CreateISDP", "EXECUTED_SUCCESS");
	connectivity(w, NEW_ICCID, "A003060112", "FAILED 8.2.1/3.5");
	assert_int_equal(world_packets(w), 4);
	world_expect_silence(w);
}

/* ---- notifications through an SM-DP ---- */

static struct peer *peer(struct world *w, const char *oid)
{
	for (size_t i = 0; i < w->cfg->n_peers; i++) {
		if (strcmp(w->cfg->peers[i].oid, oid) == 0)
			return &w->cfg->peers[i];
	}
	fail();
	return NULL;
}

static void told_through(struct world *w, bool with_mno)
{
	struct world_post *p;

	world_damage(w, "UPDATE profile SET smdp_oid = '" SMDP "'");
	peer(w, MNO_BOOT)->notification_url = NULL;
	peer(w, SMDP)->notify_mno_id = with_mno;
	order(w, MNO_OPER, ES4_ENABLE_PROFILE, SEED_OPERATIONAL, "a");
	p = world_post(w, "smdp.example/note");
	assert_non_null(strstr(p->body, "ES3-HandleProfileDisabledNotification"));
	assert_non_null(strstr(p->body, iccid_of(w, SEED_BOOTSTRAP)));
	assert_int_equal(strstr(p->body, MNO_BOOT) != NULL, with_mno);
	world_expect_outcome(w, "ES4-EnableProfile", "EXECUTED_SUCCESS");
	world_expect_silence(w);
}

static void owner_without_an_address(void **state)
{
	struct world *w = *state;

	world_register(w);
	told_through(w, false);
}

static void its_operator_is_named(void **state)
{
	struct world *w = *state;

	world_register(w);
	told_through(w, true);
}

static void the_one_who_asked_is_not_told(void **state)
{
	struct world *w = *state;

	world_register(w);
	world_damage(w, "UPDATE profile SET smdp_oid = '" SMDP "'");
	peer(w, MNO_OPER)->notification_url = NULL;
	order(w, SMDP, ES3_ENABLE_PROFILE, SEED_OPERATIONAL, "a");
	world_expect_note(w, "ES4-HandleProfileDisabledNotification", SEED_BOOTSTRAP, "boot.example/note");
	world_expect_outcome(w, "ES3-EnableProfile", "EXECUTED_SUCCESS");
	world_expect_silence(w);
	order(w, SMDP, ES3_DISABLE_PROFILE, SEED_OPERATIONAL, "b");
	world_expect_note(w, "ES4-HandleProfileEnabledNotification", SEED_BOOTSTRAP, "boot.example/note");
	world_expect_outcome(w, "ES3-DisableProfile", "EXECUTED_SUCCESS");
	world_expect_silence(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(only_sm_dps_may_call),
		WORLD_TEST(only_for_operators_it_acts_for),
		WORLD_TEST(unknown_profile_and_eid),
		WORLD_TEST(view_of_an_sm_dp),
		WORLD_TEST(empty_isd_p_is_for_its_sm_dp),
		WORLD_TEST(audit),
		WORLD_TEST(enable_disable_delete),
		WORLD_TEST(pol2_holds),
		WORLD_TEST(address),
		WORLD_TEST(connectivity_parameters),
		WORLD_TEST(owner_without_an_address),
		WORLD_TEST(its_operator_is_named),
		WORLD_TEST(the_one_who_asked_is_not_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
