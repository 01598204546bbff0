/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* CreateISDP, ProfileDownloadCompleted and DeleteISDP: each branch of the procedure, and kill -9 at every step. */
#include <string.h>

#include <talloc.h>

#include "smsr/es5.h"
#include "tests/support/world.h"

static void create(struct world *w, const char *call_id)
{
	world_create_isdp(w, SMDP, 500, call_id);
	world_advance(w, 10 * MINUTE_MS);
}

/* To the point where the ISD-P is there. */
static void begin(struct world *w)
{
	world_register(w);
	create(w, "create");
	world_expect_outcome(w, "ES3-CreateISDP", "EXECUTED_SUCCESS");
	assert_int_equal(world_new_state(w), PROFILE_CREATED);
}

static void expect_nothing_left(struct world *w)
{
	assert_int_equal(world_new_state(w), -1);
	assert_int_equal(world_new_on_card(w), ISDP_NONE);
	assert_int_equal(world_memory(w), 1000);
	assert_false(world_audit_due(w));
	world_expect_silence(w);
}

/* ---- CreateISDP ---- */

static void created(void **state)
{
	struct world *w = *state;
	struct world_post *p;
	struct profile row;
	char *aid;

	world_register(w);
	aid = world_free_aid(w, 0);
	create(w, "create");
	p = world_post(w, "smdp.example/cb");
	assert_non_null(strstr(p->body, "EXECUTED_SUCCESS"));
	assert_non_null(strstr(p->body, aid));
	assert_true(world_new_profile(w, w->ctx, &row));
	assert_int_equal(row.state, PROFILE_CREATED);
	assert_string_equal(row.mno_oid, MNO_OPER);
	assert_string_equal(row.smdp_oid, SMDP);
	assert_int_equal(row.allocated_memory, 500);
	assert_int_equal(row.pol2, 0);
	assert_false(row.fallback);
	assert_null(row.msisdn);
	assert_int_equal(world_memory(w), 500);
	assert_int_equal(world_new_on_card(w), ISDP_SELECTABLE);
	assert_int_equal(world_records(w, AUDIT_CREATE_ISDP), 1);
	assert_int_equal(world_packets(w), 1);
	world_expect_silence(w);
}

static void hidden_until_the_card_has_answered(void **state)
{
	struct world *w = *state;

	world_register(w);
	euicc_fault_set(w->card, EUICC_FAULT_SLOW, true, 30000);
	world_create_isdp(w, SMDP, 500, "create");
	world_run(w);
	assert_int_equal(world_new_state(w), PROFILE_IN_CREATION);
	assert_int_equal(world_get_eis(w, SMDP)->n_profiles, 1); /* its operator's other one */
	world_advance(w, MINUTE_MS);
	assert_int_equal(world_get_eis(w, SMDP)->n_profiles, 2);
}

static void twice_the_same_call(void **state)
{
	struct world *w = *state;

	begin(w);
	create(w, "create");
	world_expect_outcome(w, "ES3-CreateISDP", "EXECUTED_SUCCESS");
	assert_int_equal(world_packets(w), 1);
}

static void iccid_in_use(void **state)
{
	struct world *w = *state;

	begin(w);
	create(w, "again");
	world_expect_outcome(w, "ES3-CreateISDP", "FAILED 8.2.1/3.3");
	assert_int_equal(world_packets(w), 1);
	assert_int_equal(world_new_state(w), PROFILE_CREATED);
}

static void more_memory_than_the_eis_has(void **state)
{
	struct world *w = *state;

	world_register(w);
	world_create_isdp(w, SMDP, 1001, "create");
	world_run(w);
	world_expect_outcome(w, "ES3-CreateISDP", "FAILED 8.1/4.8");
	assert_int_equal(world_packets(w), 0);
	expect_nothing_left(w);
}

static void more_memory_than_the_card_has(void **state)
{
	struct world *w = *state;

	world_register(w);
	world_damage(w, "UPDATE euicc SET remaining_memory = 4000000000");
	world_create_isdp(w, SMDP, 3000000000, "create");
	world_advance(w, MINUTE_MS);
	world_expect_outcome(w, "ES3-CreateISDP", "FAILED 8.1/4.8");
	world_damage(w, "UPDATE euicc SET remaining_memory = 1000");
	expect_nothing_left(w);
}

static void no_quota(void **state)
{
	struct world *w = *state;

	world_register(w);
	world_create_isdp(w, SMDP, 0, "create");
	world_advance(w, MINUTE_MS);
	world_expect_outcome(w, "ES3-CreateISDP", "EXECUTED_SUCCESS");
	assert_int_equal(world_memory(w), 1000);
}

static void negative_memory(void **state)
{
	struct world *w = *state;

	world_register(w);
	world_create_isdp(w, SMDP, -1, "create");
	world_run(w);
	world_expect_outcome(w, "ES3-CreateISDP", "FAILED 1.6/2.1");
}

static void for_an_operator_of_others(void **state)
{
	struct world *w = *state;

	world_register(w);
	world_create_isdp(w, SMDP_OTHER, 500, "create");
	world_run(w);
	world_expect_outcome(w, "ES3-CreateISDP", "FAILED 1.1/1.2");
	expect_nothing_left(w);
}

static void card_refuses(void **state)
{
	struct world *w = *state;

	world_register(w);
	euicc_fault_set(w->card, EUICC_FAULT_MEMORY, true, 0);
	create(w, "create");
	world_expect_outcome(w, "ES3-CreateISDP", "FAILED 8.4/4.2");
	assert_true(world_audit_due(w)); /* the card did not say why */
	euicc_fault_set(w->card, EUICC_FAULT_MEMORY, false, 0);
	world_order(w, MNO_OPER, ES4_AUDIT_EIS, SEED_OPERATIONAL, "audit", 3600);
	world_advance(w, MINUTE_MS);
	world_expect_outcome(w, "ES4-AuditEIS", "EXECUTED_SUCCESS");
	assert_false(world_audit_due(w));
	assert_int_equal(world_new_state(w), -1);
	assert_int_equal(world_new_on_card(w), ISDP_NONE);
	world_expect_silence(w);
}

/* An ISD-P that the EIS does not know: its AID is refused once, and passed over behind an audit. */
static void aid_taken_on_the_card(void **state)
{
	struct world *w = *state;
	struct bytes aid, capdu, rsp;
	uint8_t buf[128];
	struct profile p;
	struct wr wr;

	world_register(w);
	assert_int_equal(hex_dec(w->ctx, world_free_aid(w, 0), &aid), 0);
	wr_init_buf(&wr, buf, sizeof(buf));
	assert_int_equal(es5_create_isdp(aid, 100, &wr), 0);
	assert_int_equal(wr_end(&wr, &capdu), 0);
	assert_int_equal(euicc_apdu(w->card, w->ctx, capdu, &rsp), 0);
	create(w, "create-1");
	world_expect_outcome(w, "ES3-CreateISDP", "FAILED 8.4/4.2");
	assert_int_equal(world_new_state(w), -1);
	assert_true(world_audit_due(w));
	create(w, "create-2");
	world_expect_outcome(w, "ES3-CreateISDP", "EXECUTED_SUCCESS");
	assert_true(world_new_profile(w, w->ctx, &p));
	assert_string_equal(hex_enc(w->ctx, p.isdp_aid), world_free_aid(w, 1));
	assert_false(world_audit_due(w));
	/* Gone from the card, and an audit has looked: the AID is free again. */
	assert_int_equal(hex_dec(w->ctx, talloc_asprintf(w->ctx, "80E40040124F10%s00", world_free_aid(w, 0)), &capdu),
			 0);
	assert_int_equal(euicc_apdu(w->card, w->ctx, capdu, &rsp), 0);
	world_ask_new(w, SMDP, ES3_DELETE_ISDP, "delete");
	world_audit_es3(w, SMDP, "audit");
	world_advance(w, 10 * MINUTE_MS);
	create(w, "create-3");
	assert_true(world_new_profile(w, w->ctx, &p));
	assert_string_equal(hex_enc(w->ctx, p.isdp_aid), world_free_aid(w, 0));
}

static void never_delivered(void **state)
{
	struct world *w = *state;

	world_register(w);
	w->smsc = SMSC_DOWN;
	create(w, "create");
	world_advance(w, HOUR_MS);
	world_expect_outcome(w, "ES3-CreateISDP", "EXPIRED 1.6/5.3");
	expect_nothing_left(w);
}

static void refused_by_the_service_centre(void **state)
{
	struct world *w = *state;

	world_register(w);
	w->smsc = SMSC_REFUSE;
	create(w, "create");
	world_expect_outcome(w, "ES3-CreateISDP", "EXPIRED 1.6/5.3");
	expect_nothing_left(w);
}

static void answer_lost_and_found_by_a_look(void **state)
{
	struct world *w = *state;

	world_register(w);
	euicc_fault_set(w->card, EUICC_FAULT_DROP_POR, true, 1);
	create(w, "create");
	world_expect_outcome(w, "ES3-CreateISDP", "EXECUTED_SUCCESS");
	assert_int_equal(world_new_on_card(w), ISDP_SELECTABLE);
	assert_int_equal(world_memory(w), 500);
	assert_true(world_told(w, "looking at the card"));
}

static void counter_of_the_card_is_ahead(void **state)
{
	struct world *w = *state;

	world_register(w);
	euicc_fault_set(w->card, EUICC_FAULT_COUNTER_AHEAD, true, 100);
	create(w, "create");
	world_expect_outcome(w, "ES3-CreateISDP", "EXECUTED_SUCCESS");
	assert_int_equal(world_new_on_card(w), ISDP_SELECTABLE);
}

/* Silent, and the card has not done it: the ICCID is free again after an audit, not before. */
static void silent_and_not_done(void **state)
{
	struct world *w = *state;

	world_register(w);
	euicc_fault_set(w->card, EUICC_FAULT_SILENT, true, 0);
	world_create_isdp(w, SMDP, 500, "create");
	world_advance(w, 2 * HOUR_MS);
	world_expect_outcome(w, "ES3-CreateISDP", "FAILED 1.6/5.4");
	assert_int_equal(world_new_state(w), PROFILE_IN_CREATION);
	assert_true(world_audit_due(w));
	euicc_fault_set(w->card, EUICC_FAULT_SILENT, false, 0);
	create(w, "again");
	world_expect_outcome(w, "ES3-CreateISDP", "EXECUTED_SUCCESS");
	assert_int_equal(world_operations(w, OP_AUDIT, OP_ST_DONE), 1);
	assert_int_equal(world_new_state(w), PROFILE_CREATED);
	assert_int_equal(world_new_on_card(w), ISDP_SELECTABLE);
}

/* Silent, and the card has done it: an audit shows the ISD-P to its SM-DP, which may delete it. */
static void silent_and_done(void **state)
{
	struct world *w = *state;

	world_register(w);
	euicc_fault_set(w->card, EUICC_FAULT_DROP_POR, true, 0);
	world_create_isdp(w, SMDP, 500, "create");
	world_advance(w, 2 * HOUR_MS);
	world_expect_outcome(w, "ES3-CreateISDP", "FAILED 1.6/5.4");
	assert_int_equal(world_get_eis(w, SMDP)->n_profiles, 1);
	euicc_fault_set(w->card, EUICC_FAULT_DROP_POR, false, 0);
	world_audit_es3(w, SMDP, "audit");
	world_advance(w, MINUTE_MS);
	world_expect_outcome(w, "ES3-AuditEIS", "EXECUTED_SUCCESS");
	assert_int_equal(world_new_state(w), PROFILE_CREATED);
	assert_int_equal(world_get_eis(w, SMDP)->n_profiles, 2);
	create(w, "again");
	world_expect_outcome(w, "ES3-CreateISDP", "FAILED 8.2.1/3.3");
	world_ask_new(w, SMDP, ES3_DELETE_ISDP, "delete");
	world_advance(w, MINUTE_MS);
	world_expect_outcome(w, "ES3-DeleteISDP", "EXECUTED_SUCCESS");
	assert_int_equal(world_new_on_card(w), ISDP_NONE);
}

/* ---- DeleteISDP of an empty one ---- */

static void clean_up(void **state)
{
	struct world *w = *state;

	begin(w);
	world_ask_new(w, SMDP, ES3_DELETE_ISDP, "delete");
	world_advance(w, MINUTE_MS);
	world_expect_outcome(w, "ES3-DeleteISDP", "EXECUTED_SUCCESS");
	expect_nothing_left(w); /* and no notification to the operator */
	assert_int_equal(world_records(w, AUDIT_DELETE), 1);
	create(w, "create-2");
	world_expect_outcome(w, "ES3-CreateISDP", "EXECUTED_SUCCESS");
}

/* Its operator never knew of it. */
static void an_audit_misses_it(void **state)
{
	struct world *w = *state;
	char *erase = talloc_asprintf(w->ctx, "80E40040124F10%s00", world_free_aid(w, 0));
	struct bytes c, r;

	begin(w);
	assert_int_equal(hex_dec(w->ctx, erase, &c), 0);
	assert_int_equal(euicc_apdu(w->card, w->ctx, c, &r), 0);
	world_order(w, MNO_BOOT, ES4_AUDIT_EIS, SEED_BOOTSTRAP, "audit", 3600);
	world_advance(w, MINUTE_MS);
	world_expect_outcome(w, "ES4-AuditEIS", "EXECUTED_SUCCESS");
	assert_int_equal(world_new_state(w), -1);
	world_expect_silence(w);
}

static void only_its_sm_dp_may(void **state)
{
	static const struct {
		const char *sender;
		enum es_fn fn;
		const char *name;
	} calls[] = {
		{SMDP_OTHER, ES3_DELETE_ISDP, "ES3-DeleteISDP"},
		{MNO_OPER, ES4_DELETE_PROFILE, "ES4-DeleteProfile"},
		{MNO_OPER, ES4_ENABLE_PROFILE, "ES4-EnableProfile"},
		{MNO_BOOT, ES4_DELETE_PROFILE, "ES4-DeleteProfile"},
	};
	struct world *w = *state;

	begin(w);
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		world_ask_new(w, calls[i].sender, calls[i].fn, calls[i].name);
		world_advance(w, MINUTE_MS);
		world_expect_outcome(w, calls[i].name, "FAILED 8.2.1/1.2");
	}
	assert_int_equal(world_packets(w), 1);
}

static void created_is_not_disabled(void **state)
{
	struct world *w = *state;

	begin(w);
	world_ask_new(w, SMDP, ES3_ENABLE_PROFILE, "enable");
	world_advance(w, MINUTE_MS);
	world_expect_outcome(w, "ES3-EnableProfile", "FAILED 8.2.1/3.5");
	world_ask_new(w, SMDP, ES3_DISABLE_PROFILE, "disable");
	world_advance(w, MINUTE_MS);
	world_expect_outcome(w, "ES3-DisableProfile", "FAILED 8.2.1/3.5");
}

/* ---- ProfileDownloadCompleted ---- */

static void completed(void **state)
{
	struct world *w = *state;
	struct profile row;

	begin(w);
	world_download_completed(w, SMDP, "+4917012345", "done");
	world_expect_answer(w, "EXECUTED_SUCCESS");
	assert_true(world_new_profile(w, w->ctx, &row));
	assert_int_equal(row.state, PROFILE_DISABLED);
	assert_string_equal(row.type, "generic");
	assert_string_equal(row.imsi, "901700000000009");
	assert_string_equal(row.msisdn, "4917012345");
	assert_int_equal(row.pol2, POL2_DELETE_NOT_ALLOWED);
	assert_int_equal(world_records(w, AUDIT_DOWNLOADED), 1);
	world_download_completed(w, SMDP, "+4917012345", "done");
	world_expect_answer(w, "EXECUTED_SUCCESS"); /* the same call */
	world_download_completed(w, SMDP, "4917012345", "done-2");
	world_expect_answer(w, "EXECUTED_SUCCESS"); /* another call with the same content */
	assert_int_equal(world_records(w, AUDIT_DOWNLOADED), 1);
	world_download_completed(w, SMDP, "4917099999", "done-3");
	world_expect_answer(w, "FAILED 8.2.1/3.5");
	/* It is a profile like others now: POL2 counts. */
	world_ask_new(w, SMDP, ES3_DELETE_ISDP, "delete");
	world_advance(w, MINUTE_MS);
	world_expect_outcome(w, "ES3-DeleteISDP", "FAILED 8.2.3/3.8");
}

static void completed_by_others(void **state)
{
	struct world *w = *state;

	begin(w);
	world_download_completed(w, SMDP_OTHER, "4917012345", "done");
	world_expect_answer(w, "FAILED 8.2.1/1.2");
	world_download_completed(w, MNO_OPER, "4917012345", "done");
	world_expect_answer(w, "FAILED 1.1/1.2");
	assert_int_equal(world_new_state(w), PROFILE_CREATED);
}

static void completed_without_a_beginning(void **state)
{
	struct world *w = *state;

	world_register(w);
	world_download_completed(w, SMDP, "4917012345", "done");
	world_expect_answer(w, "FAILED 8.2.1/3.9");
}

/* ---- kill -9 ---- */

/* \returns how many points there were */
static unsigned int run(bool erase, unsigned int kill_at, bool lost)
{
	unsigned int points;
	struct world *w;
	void *state;

	world_setup(&state);
	w = state;
	if (erase)
		begin(w);
	else
		world_register(w);
	w->points = 0;
	w->kill_at = kill_at;
	w->kill_loses = lost;
	if (erase)
		world_ask_new(w, SMDP, ES3_DELETE_ISDP, "call");
	else
		world_create_isdp(w, SMDP, 500, "call");
	world_advance(w, HOUR_MS);
	world_expect_outcome(w, erase ? "ES3-DeleteISDP" : "ES3-CreateISDP", "EXECUTED_SUCCESS");
	world_expect_silence(w);
	assert_int_equal(world_new_state(w), erase ? -1 : PROFILE_CREATED);
	assert_int_equal(world_new_on_card(w), erase ? ISDP_NONE : ISDP_SELECTABLE);
	assert_int_equal(world_memory(w), erase ? 1000 : 500);
	assert_false(world_audit_due(w));
	points = w->points;
	world_teardown(&state);
	return points;
}

static void kill_everywhere(bool erase)
{
	for (int lost = 0; lost <= 1; lost++) {
		unsigned int points = run(erase, 0, lost);

		assert_true(points > 8);
		for (unsigned int k = 1; k <= points; k++) {
			print_message("killed at point %u of %u; what has left %s\n", k, points,
				      lost ? "is lost" : "goes on its way");
			run(erase, k, lost);
		}
	}
}

static void killed_anywhere_in_a_creation(void **state)
{
	kill_everywhere(false);
}

static void killed_anywhere_in_a_clean_up(void **state)
{
	kill_everywhere(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(created),
		WORLD_TEST(hidden_until_the_card_has_answered),
		WORLD_TEST(twice_the_same_call),
		WORLD_TEST(iccid_in_use),
		WORLD_TEST(more_memory_than_the_eis_has),
		WORLD_TEST(more_memory_than_the_card_has),
		WORLD_TEST(no_quota),
		WORLD_TEST(negative_memory),
		WORLD_TEST(for_an_operator_of_others),
		WORLD_TEST(card_refuses),
		WORLD_TEST(aid_taken_on_the_card),
		WORLD_TEST(never_delivered),
		WORLD_TEST(refused_by_the_service_centre),
		WORLD_TEST(answer_lost_and_found_by_a_look),
		WORLD_TEST(counter_of_the_card_is_ahead),
		WORLD_TEST(silent_and_not_done),
		WORLD_TEST(silent_and_done),
		WORLD_TEST(clean_up),
		WORLD_TEST(an_audit_misses_it),
		WORLD_TEST(only_its_sm_dp_may),
		WORLD_TEST(created_is_not_disabled),
		WORLD_TEST(completed),
		WORLD_TEST(completed_by_others),
		WORLD_TEST(completed_without_a_beginning),
		cmocka_unit_test(killed_anywhere_in_a_creation),
		cmocka_unit_test(killed_anywhere_in_a_clean_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
