/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Admission of requests: who, what, where to answer, repetitions, the queue of one eUICC. */
#include <stdio.h>
#include <string.h>

#include <talloc.h>

#include "tests/support/world.h"

#define OIDS_NOBODY "1.3.6.1.4.1.32473.99"

static void ask(struct world *w, const char *call_id)
{
	world_ask(w, MNO_OPER, ES4_ENABLE_PROFILE, SEED_OPERATIONAL, call_id, 3600);
}

static void expect_nothing_queued(struct world *w)
{
	for (enum op_state st = OP_ST_QUEUED; st <= OP_ST_DONE; st++)
		assert_int_equal(world_operations(w, 0, st), 0);
}

static void unknown_certificate(void **state)
{
	struct world *w = *state;

	world_register(w);
	w->request.cert = OIDS_NOBODY;
	ask(w, "c");
	world_expect_answer(w, "fault 403");
	expect_nothing_queued(w);
}

static void from_names_another_peer(void **state)
{
	struct world *w = *state;

	world_register(w);
	w->request.from = MNO_BOOT;
	ask(w, "c");
	world_expect_answer(w, "FAILED 1.1/1.2");
	w->request.from = OIDS_NOBODY;
	ask(w, "c");
	world_expect_answer(w, "FAILED 1.1/1.1");
	world_run(w);
	world_expect_silence(w); /* nobody is called back for somebody else */
	expect_nothing_queued(w);
}

static void to_names_another_entity(void **state)
{
	struct world *w = *state;

	world_register(w);
	w->request.to = OIDS_NOBODY;
	ask(w, "c");
	world_expect_answer(w, "fault 400");
	w->request.to = SEED_OID_SMSR;
	ask(w, "c");
	world_expect_answer(w, "202");
}

static void reply_to_elsewhere(void **state)
{
	static const char *const urls[] = {"https://boot.example/cb", "https://oper.example.evil/cb",
					   "http://oper.example/cb", "https://oper.example/../x",
					   "https://oper.example:444/cb"};
	struct world *w = *state;

	world_register(w);
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		w->request.reply_to = urls[i];
		ask(w, "c");
		world_expect_answer(w, "fault 400");
	}
	expect_nothing_queued(w);
}

/* What was refused is refused again, whatever changed meanwhile; a new call is judged anew. */
static void a_refusal_is_repeated(void **state)
{
	struct world *w = *state;

	ask(w, "c");
	world_run(w);
	world_expect_outcome(w, "ES4-EnableProfile", "FAILED 8.1.1/3.9");
	world_register(w);
	ask(w, "c");
	world_run(w);
	world_expect_outcome(w, "ES4-EnableProfile", "FAILED 8.1.1/3.9");
	expect_nothing_queued(w);
	ask(w, "d");
	world_advance(w, MINUTE_MS);
	world_expect_outcome(w, "ES4-EnableProfile", "EXECUTED_SUCCESS");
}

static void function_not_served(void **state)
{
	struct world *w = *state;

	world_register(w);
	world_ask(w, MNO_OPER, ES4_SMSR_CHANGE, SEED_OPERATIONAL, "c", 3600);
	world_run(w);
	world_expect_outcome(w, "ES4-SMSRChange", "FAILED 1.6/3.1");
}

static void interface_of_another_role(void **state)
{
	struct world *w = *state;

	world_register(w);
	world_ask(w, MNO_OPER, ES3_ENABLE_PROFILE, SEED_OPERATIONAL, "c", 3600);
	world_run(w);
	world_expect_outcome(w, "ES3-EnableProfile", "FAILED 1.1/1.2");
}

static void validity_too_long(void **state)
{
	struct world *w = *state;
	struct world_post *p;

	world_register(w);
	world_ask(w, MNO_OPER, ES4_ENABLE_PROFILE, SEED_OPERATIONAL, "c", 30 * 24 * 3600 + 1);
	world_run(w);
	p = world_post(w, "/cb");
	assert_non_null(strstr(p->body, "AcceptableValidityPeriod>2592000<"));
	assert_non_null(strstr(p->body, "1.2.1"));
	expect_nothing_queued(w);
	world_ask(w, MNO_OPER, ES4_ENABLE_PROFILE, SEED_OPERATIONAL, "d", 30 * 24 * 3600);
	assert_true(world_told(w, "valid for 2592000 s"));
}

static void peer_with_a_short_validity(void **state)
{
	struct world *w = *state;

	world_register(w);
	w->cfg->peers[0].max_validity_s = 600;
	ask(w, "c1");
	world_run(w);
	world_expect_outcome(w, "ES4-EnableProfile", "FAILED 1.2.1/3.8");
	/* Without ValidityPeriod the default does not reach beyond what the peer may ask for. */
	world_ask(w, MNO_OPER, ES4_ENABLE_PROFILE, SEED_OPERATIONAL, "c2", 0);
	assert_true(world_told(w, "valid for 600 s"));
}

/* Accepted is accepted: a limit that is lowered meanwhile gives a repetition no second outcome. */
static void limit_is_lowered_behind_a_call(void **state)
{
	struct world *w = *state;

	world_register(w);
	w->smsc = SMSC_DOWN;
	ask(w, "c1");
	assert_int_equal(w->answer->http_status, 202);
	w->cfg->peers[0].max_validity_s = 600;
	ask(w, "c1");
	assert_int_equal(w->answer->http_status, 202);
	world_run(w);
	world_expect_silence(w);
	w->smsc = SMSC_GOOD;
	world_advance(w, HOUR_MS);
	world_expect_outcome(w, "ES4-EnableProfile", "EXECUTED_SUCCESS");
}

static void unknown_objects(void **state)
{
	struct world *w = *state;
	char eid[33];

	world_register(w);
	memcpy(eid, w->card_data.eid, sizeof(eid));
	memcpy(w->card_data.eid, "89001012012341234012345678901224", 33);
	ask(w, "c1");
	world_run(w);
	world_expect_outcome(w, "ES4-EnableProfile", "FAILED 8.1.1/3.9");
	memcpy(w->card_data.eid, "89001012012341234012345678901225", 33);
	ask(w, "c2");
	world_run(w);
	world_expect_outcome(w, "ES4-EnableProfile", "FAILED 1.6/2.1");
	memcpy(w->card_data.eid, eid, sizeof(eid));
	memcpy(w->card_data.profiles[SEED_OPERATIONAL].iccid, "8988211123456789018", 20);
	ask(w, "c3");
	world_run(w);
	world_expect_outcome(w, "ES4-EnableProfile", "FAILED 8.2.1/3.9");
	expect_nothing_queued(w);
}

static void profile_of_somebody_else(void **state)
{
	struct world *w = *state;

	world_register(w);
	world_ask(w, MNO_BOOT, ES4_ENABLE_PROFILE, SEED_OPERATIONAL, "c", 3600);
	world_run(w);
	world_expect_outcome(w, "ES4-EnableProfile", "FAILED 8.2.1/1.2");
}

/* ---- repetitions ---- */

static void repeated_while_it_runs(void **state)
{
	struct world *w = *state;

	world_register(w);
	ask(w, "c");
	world_expect_answer(w, "202");
	ask(w, "c");
	world_expect_answer(w, "202");
	world_advance(w, MINUTE_MS);
	world_expect_outcome(w, "ES4-EnableProfile", "EXECUTED_SUCCESS");
	assert_int_equal(world_operations(w, OP_ENABLE, OP_ST_DONE), 1);
	world_expect_note(w, "ES4-HandleProfileDisabledNotification", SEED_BOOTSTRAP, "/note");
	world_expect_silence(w);
}

/* The call is remembered as long as its operation, however soon outcomes are forgotten. */
static void repeated_after_the_retention(void **state)
{
	struct world *w = *state;

	world_register(w);
	w->cfg->limits.outcome_keep_days = 1;
	w->smsc = SMSC_DOWN;
	world_order(w, MNO_OPER, ES4_ENABLE_PROFILE, SEED_OPERATIONAL, "c", 10 * 86400);
	world_expect_answer(w, "202");
	world_advance(w, 3 * 24 * HOUR_MS);
	world_order(w, MNO_OPER, ES4_ENABLE_PROFILE, SEED_OPERATIONAL, "c", 10 * 86400);
	world_expect_answer(w, "202");
	w->smsc = SMSC_GOOD;
	world_advance(w, HOUR_MS);
	world_expect_outcome(w, "ES4-EnableProfile", "EXECUTED_SUCCESS");
	assert_int_equal(world_operations(w, OP_ENABLE, OP_ST_DONE), 1);
}

static void repeated_when_it_is_done(void **state)
{
	struct world *w = *state;

	world_register(w);
	ask(w, "c");
	world_advance(w, MINUTE_MS);
	world_expect_outcome(w, "ES4-EnableProfile", "EXECUTED_SUCCESS");
	ask(w, "c");
	world_expect_answer(w, "202");
	world_run(w);
	world_expect_outcome(w, "ES4-EnableProfile", "EXECUTED_SUCCESS");
	/* Who cannot be called back is told at once. */
	w->request.no_reply_to = true;
	ask(w, "c");
	world_expect_answer(w, "EXECUTED_SUCCESS");
	assert_int_equal(world_operations(w, OP_ENABLE, OP_ST_DONE), 1);
}

/* After a restored backup numbers of operations come again: the outcome of another peer's is nobody else's. */
static void repeated_when_the_operation_is_anothers(void **state)
{
	struct world *w = *state;

	world_register(w);
	ask(w, "c");
	world_advance(w, MINUTE_MS);
	world_expect_outcome(w, "ES4-EnableProfile", "EXECUTED_SUCCESS");
	world_damage(w, "UPDATE operation SET requester = '" MNO_BOOT "'");
	ask(w, "c");
	world_run(w);
	world_expect_outcome(w, "ES4-EnableProfile", "FAILED 1.6/3.3");
	world_damage(w, "UPDATE operation SET requester = '" MNO_OPER "', call_id = 'd'");
	ask(w, "c");
	world_run(w);
	world_expect_outcome(w, "ES4-EnableProfile", "FAILED 1.6/3.3");
}

/* Below the reserve nothing new is taken; what only reads still works. */
static void a_full_disk_is_told_at_once(void **state)
{
	struct world *w = *state;

	world_register(w);
	w->cfg->limits.free_space_min = UINT64_MAX;
	ask(w, "c");
	world_expect_answer(w, "503");
	assert_int_not_equal(w->answer->retry_after_s, 0);
	expect_nothing_queued(w);
	assert_non_null(world_get_eis(w, SMDP));
	w->cfg->limits.free_space_min = 0;
	ask(w, "c");
	world_expect_answer(w, "202");
}

static void same_call_id_for_something_else(void **state)
{
	struct world *w = *state;

	world_register(w);
	ask(w, "c");
	w->request.twist = 1;
	ask(w, "c");
	world_advance(w, MINUTE_MS);
	world_expect_outcome(w, "ES4-EnableProfile", "FAILED 1.6/3.3");
	world_expect_outcome(w, "ES4-EnableProfile", "EXECUTED_SUCCESS");
}

static void the_same_call_id_of_another_peer_is_another_call(void **state)
{
	struct world *w = *state;

	world_register(w);
	ask(w, "c");
	world_ask(w, MNO_BOOT, ES4_AUDIT_EIS, SEED_BOOTSTRAP, "c", 3600);
	world_advance(w, MINUTE_MS);
	assert_int_equal(world_operations(w, 0, OP_ST_DONE), 2);
}

/* ---- queue ---- */

static void one_after_the_other(void **state)
{
	struct world *w = *state;

	world_register(w);
	ask(w, "on");
	world_order(w, MNO_OPER, ES4_DISABLE_PROFILE, SEED_OPERATIONAL, "off", 3600);
	world_order(w, MNO_OPER, ES4_DELETE_PROFILE, SEED_OPERATIONAL, "gone", 3600);
	assert_int_equal(world_operations(w, 0, OP_ST_QUEUED), 2);
	world_advance(w, 10 * MINUTE_MS);
	world_expect_outcome(w, "ES4-EnableProfile", "EXECUTED_SUCCESS");
	world_expect_outcome(w, "ES4-DisableProfile", "EXECUTED_SUCCESS");
	world_expect_outcome(w, "ES4-DeleteProfile", "EXECUTED_SUCCESS");
	world_expect_agreement(w);
}

static void busy_at_the_limit(void **state)
{
	struct world *w = *state;
	char id[8];

	world_register(w);
	w->smsc = SMSC_DOWN;
	for (unsigned int i = 0; i <= w->cfg->limits.queue_max; i++) {
		snprintf(id, sizeof(id), "c%u", i);
		ask(w, id);
	}
	world_run(w);
	world_expect_silence(w);
	ask(w, "one-too-many");
	world_run(w);
	world_expect_outcome(w, "ES4-EnableProfile", "FAILED 1.2/4.4");
}

static void waiting_ends_with_the_validity(void **state)
{
	struct world *w = *state;

	world_register(w);
	w->smsc = SMSC_DOWN;
	ask(w, "long");
	world_order(w, MNO_OPER, ES4_AUDIT_EIS, SEED_OPERATIONAL, "short", 60);
	world_advance(w, 2 * MINUTE_MS);
	world_expect_outcome(w, "ES4-AuditEIS", "EXPIRED 1.6/5.3");
	world_expect_silence(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(unknown_certificate),
		WORLD_TEST(from_names_another_peer),
		WORLD_TEST(to_names_another_entity),
		WORLD_TEST(reply_to_elsewhere),
		WORLD_TEST(a_refusal_is_repeated),
		WORLD_TEST(function_not_served),
		WORLD_TEST(interface_of_another_role),
		WORLD_TEST(validity_too_long),
		WORLD_TEST(peer_with_a_short_validity),
		WORLD_TEST(limit_is_lowered_behind_a_call),
		WORLD_TEST(unknown_objects),
		WORLD_TEST(profile_of_somebody_else),
		WORLD_TEST(repeated_while_it_runs),
		WORLD_TEST(repeated_after_the_retention),
		WORLD_TEST(repeated_when_it_is_done),
		WORLD_TEST(same_call_id_for_something_else),
		WORLD_TEST(a_full_disk_is_told_at_once),
		WORLD_TEST(repeated_when_the_operation_is_anothers),
		WORLD_TEST(the_same_call_id_of_another_peer_is_another_call),
		WORLD_TEST(one_after_the_other),
		WORLD_TEST(busy_at_the_limit),
		WORLD_TEST(waiting_ends_with_the_validity),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
