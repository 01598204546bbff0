/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Levers of the operator: what they hold back, release, stop and start; also across a restart. */
#include <errno.h>
#include <string.h>

#include <osmocom/core/utils.h>

#include "smsr/eis_db.h"
#include "smsr/lever.h"
#include "smsr/op_db.h"
#include "tests/support/world.h"

#define FLEET 50

static int pull(struct world *w, lever_cb action, struct lever *l)
{
	l->ctx = w->ctx;
	l->by = "test";
	return world_event(w, action, l);
}

static int scope(struct world *w, lever_cb action, enum pause_scope which, const char *name)
{
	struct lever l = {.scope = which, .name = name};

	return pull(w, action, &l);
}

static void order(struct world *w, enum es_fn fn, const char *call_id)
{
	world_order(w, MNO_OPER, fn, SEED_OPERATIONAL, call_id, 3600);
}

/* Each pause holds an operation, also over a restart; its resume starts it. */
static void a_pause_holds_and_a_resume_starts(struct world *w, enum pause_scope which, const char *name)
{
	world_register(w);
	assert_int_equal(scope(w, smsr_ev_pause, which, name), 0);
	order(w, ES4_ENABLE_PROFILE, "c1");
	world_advance(w, MINUTE_MS);
	world_restart(w);
	world_advance(w, MINUTE_MS);
	assert_int_equal(world_packets(w), 0);
	assert_int_equal(scope(w, smsr_ev_resume, which, name), 0);
	world_advance(w, MINUTE_MS);
	world_expect_card(w, SEED_OPERATIONAL);
	world_expect_agreement(w);
	assert_int_equal(scope(w, smsr_ev_resume, which, name), -ENOENT);
}

/* A card that is not answered rolls back: what it asks for is no work that could wait. */
static void a_confirmation_is_not_held(void **state)
{
	struct world *w = *state;

	world_register(w);
	order(w, ES4_ENABLE_PROFILE, "c1");
	world_advance(w, MINUTE_MS);
	world_expect_card(w, SEED_OPERATIONAL);
	assert_int_equal(scope(w, smsr_ev_pause, PAUSE_EUICC, w->card_data.eid), 0);
	assert_int_equal(euicc_coverage_set(w->card, w->card_data.profiles[SEED_OPERATIONAL].imsi, false), 0);
	world_advance(w, 20 * MINUTE_MS);
	world_expect_card(w, SEED_BOOTSTRAP);
	world_expect_eis(w, PROFILE_ENABLED, PROFILE_DISABLED);
	assert_int_equal(world_operations(w, OP_CONFIRM, OP_ST_DONE), 1);
}

static void all_of_it(void **state)
{
	a_pause_holds_and_a_resume_starts(*state, PAUSE_ALL, NULL);
}

static void new_ones(void **state)
{
	a_pause_holds_and_a_resume_starts(*state, PAUSE_DRAIN, NULL);
}

static void one_euicc(void **state)
{
	struct world *w = *state;

	a_pause_holds_and_a_resume_starts(w, PAUSE_EUICC, w->card_data.eid);
}

static void one_peer_by_its_name(void **state)
{
	a_pause_holds_and_a_resume_starts(*state, PAUSE_PEER, "oper");
}

static void one_peer_by_its_oid(void **state)
{
	a_pause_holds_and_a_resume_starts(*state, PAUSE_PEER, MNO_OPER);
}

/* Killed between a resume and the start of what waited: the next start finds it. */
static void a_crash_behind_a_resume_loses_nothing(void **state)
{
	struct world *w = *state;

	world_register(w);
	assert_int_equal(scope(w, smsr_ev_pause, PAUSE_DRAIN, NULL), 0);
	order(w, ES4_ENABLE_PROFILE, "c1");
	assert_int_equal(scope(w, smsr_ev_resume, PAUSE_DRAIN, NULL), 0);
	world_restart(w);
	world_advance(w, MINUTE_MS);
	world_expect_card(w, SEED_OPERATIONAL);
}

/* A drain lets what has begun come to its end. */
static void a_drain_ends_what_has_begun(void **state)
{
	struct world *w = *state;

	world_register(w);
	order(w, ES4_ENABLE_PROFILE, "c1");
	assert_int_equal(scope(w, smsr_ev_pause, PAUSE_DRAIN, NULL), 0);
	world_advance(w, MINUTE_MS);
	world_expect_card(w, SEED_OPERATIONAL);
	world_expect_agreement(w);
	assert_int_equal(world_operations(w, 0, OP_ST_DONE), 1);
}

static void names_that_are_not_there(void **state)
{
	struct world *w = *state;

	assert_int_equal(scope(w, smsr_ev_pause, PAUSE_SMSC, "unknown"), -ENOENT);
	assert_int_equal(scope(w, smsr_ev_reconnect, PAUSE_SMSC, "unknown"), -ENOENT);
	assert_int_equal(scope(w, smsr_ev_reconnect, PAUSE_SMSC, NULL), -ENOENT);
	assert_int_equal(scope(w, smsr_ev_pause, PAUSE_PEER, "unknown"), -ENOENT);
	assert_int_equal(scope(w, smsr_ev_pause, PAUSE_PEER, NULL), -ENOENT);
	assert_int_equal(scope(w, smsr_ev_pause, PAUSE_EUICC, "123"), -EINVAL);
	assert_int_equal(scope(w, smsr_ev_pause, PAUSE_EUICC, "89001012000000000000000000000000"), -ENOENT);
	assert_int_equal(world_records(w, AUDIT_OPERATOR), 0);
}

static void a_cancel_ends_a_waiting_operation(void **state)
{
	struct world *w = *state;
	struct lever l = {.id = 1};

	world_register(w);
	assert_int_equal(scope(w, smsr_ev_pause, PAUSE_DRAIN, NULL), 0);
	order(w, ES4_ENABLE_PROFILE, "c1");
	assert_int_equal(pull(w, smsr_ev_cancel, &l), 0);
	world_run(w);
	world_expect_outcome(w, "ES4-EnableProfile", "FAILED 1.2/4.2");
	assert_false(world_audit_due(w));
	assert_int_equal(world_packets(w), 0);
	assert_int_equal(pull(w, smsr_ev_cancel, &l), -EBUSY);
	l.id = 77;
	assert_int_equal(pull(w, smsr_ev_cancel, &l), -ENOENT);
	assert_int_equal(world_records(w, AUDIT_OPERATOR), 2);
}

/* With a command out nobody knows what the card does: it is to be audited. */
static void a_cancel_with_a_command_out(void **state)
{
	struct world *w = *state;
	struct lever l = {.id = 1}, bulk = {0};

	world_register(w);
	w->smsc = SMSC_SWALLOW;
	order(w, ES4_ENABLE_PROFILE, "c1");
	world_run(w);
	assert_int_equal(pull(w, smsr_ev_cancel, &l), 0);
	world_run(w);
	world_expect_outcome(w, "ES4-EnableProfile", "FAILED 1.2/4.2");
	assert_true(world_audit_due(w));
	w->smsc = SMSC_GOOD;
	assert_int_equal(pull(w, smsr_ev_audit_bulk, &bulk), 0);
	assert_int_equal(bulk.n, 1);
	world_advance(w, MINUTE_MS);
	assert_false(world_audit_due(w));
	world_expect_agreement(w);
}

static void an_audit_by_hand(void **state)
{
	struct world *w = *state;
	struct lever l = {.eid = w->card_data.eid};

	world_register(w);
	assert_int_equal(pull(w, smsr_ev_audit, &l), 0);
	assert_string_equal(l.text, "queued #1");
	world_advance(w, MINUTE_MS);
	assert_int_equal(world_operations(w, OP_AUDIT, OP_ST_DONE), 1);
	assert_int_equal(world_records(w, AUDIT_CAPABILITY), 1);
	world_expect_silence(w); /* nobody asked for it from outside */
	w->smsc = SMSC_DOWN;
	for (unsigned int i = 0; i < w->cfg->limits.queue_max + 1; i++)
		assert_int_equal(pull(w, smsr_ev_audit, &l), 0);
	assert_int_equal(pull(w, smsr_ev_audit, &l), -EBUSY);
}

/* eUICCs that exist in rows only: no card is behind them. */
static int make_fleet(void *smsr, void *unused)
{
	struct smsr *s = smsr;
	int rc = 0;

	for (uint8_t i = 0; rc == 0 && i < FLEET; i++) {
		struct euicc e = {.eid = {0x89, i},
				  .eum_oid = (char *)"1.2",
				  .isdr_aid = BYTES_LIT("A"),
				  .isdr_sin = BYTES_LIT("S"),
				  .isdr_sdin = BYTES_LIT("D"),
				  .notif_seq = -1};
		const struct eis_doc doc = {BYTES_LIT("<i/>"), BYTES_LIT("<s/>"), {0}};

		rc = eis_db_insert(s->db, &e, &doc, 1);
		if (rc == 0)
			rc = eis_db_set_audit_due(s->db, e.id, "test");
	}
	return rc;
}

static void a_bulk_audit_keeps_its_rate(void **state)
{
	struct world *w = *state;
	struct lever l = {.max = 45};

	w->cfg->limits.bulk_per_s = 10;
	assert_int_equal(world_event(w, make_fleet, NULL), 0);
	assert_int_equal(scope(w, smsr_ev_pause, PAUSE_ALL, NULL), 0);
	assert_int_equal(pull(w, smsr_ev_audit_bulk, &l), -EBUSY);
	assert_int_equal(scope(w, smsr_ev_resume, PAUSE_ALL, NULL), 0);
	assert_int_equal(pull(w, smsr_ev_audit_bulk, &l), 0);
	assert_int_equal(l.n, 45);
	for (unsigned int done = 10; done <= 40; done += 10) {
		world_run(w);
		assert_int_equal(world_operations(w, OP_AUDIT, OP_ST_DONE), done); /* they fail: no key set */
		world_advance(w, 1000);
	}
	world_advance(w, MINUTE_MS);
	assert_int_equal(world_operations(w, OP_AUDIT, OP_ST_DONE), 45);
}

/* A profile of the n-th eUICC of the fleet that cannot be as it is. */
static void break_one(struct world *w, unsigned int n)
{
	struct profile p = {.iccid = (char *)"8900000000000000001",
			    .isdp_aid = BYTES_LIT("ISD-P"),
			    .mno_oid = (char *)"1.2.4",
			    .state = (enum profile_state)77};
	int64_t ids[FLEET];
	size_t found;

	assert_int_equal(eis_db_list(w->db, 0, true, ids, FLEET, &found), 0);
	assert_int_equal(found, FLEET);
	p.euicc_id = ids[n];
	assert_int_equal(eis_db_profile_insert(w->db, &p), 0);
}

static void a_damaged_one_does_not_stop_a_bulk_audit(void **state)
{
	struct world *w = *state;
	struct lever l = {0};

	w->cfg->limits.bulk_per_s = 10;
	assert_int_equal(world_event(w, make_fleet, NULL), 0);
	break_one(w, 3);
	assert_int_equal(pull(w, smsr_ev_audit_bulk, &l), 0);
	world_advance(w, MINUTE_MS);
	assert_int_equal(world_operations(w, OP_AUDIT, OP_ST_DONE), FLEET - 1);
}

static void a_damaged_one_does_not_stop_a_resume(void **state)
{
	static const char *const eids[] = {"89000000000000000000000000000000", "89010000000000000000000000000000",
					   "89020000000000000000000000000000"};
	struct world *w = *state;

	assert_int_equal(world_event(w, make_fleet, NULL), 0);
	assert_int_equal(scope(w, smsr_ev_pause, PAUSE_ALL, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(eids); i++) {
		struct lever l = {.eid = eids[i]};

		assert_int_equal(pull(w, smsr_ev_audit, &l), 0);
	}
	break_one(w, 1);
	assert_int_equal(scope(w, smsr_ev_resume, PAUSE_ALL, NULL), 0);
	world_advance(w, 1000);
	assert_int_equal(world_operations(w, OP_AUDIT, OP_ST_DONE), 2);
}

static void a_counter_only_rises(void **state)
{
	struct world *w = *state;
	struct lever l = {.eid = w->card_data.eid, .version = SEED_SCP80_KVN, .value = 5000};

	world_register(w);
	assert_int_equal(pull(w, smsr_ev_counter, &l), 0);
	assert_int_equal(pull(w, smsr_ev_counter, &l), -EINVAL);
	l.value = 0xffffffffffULL;
	assert_int_equal(pull(w, smsr_ev_counter, &l), -EINVAL);
	l.value = 6000;
	l.version = 99;
	assert_int_equal(pull(w, smsr_ev_counter, &l), -ENOENT);
	assert_int_equal(world_records(w, AUDIT_COUNTER), 1);
	order(w, ES4_ENABLE_PROFILE, "c1");
	world_advance(w, MINUTE_MS);
	world_expect_card(w, SEED_OPERATIONAL);
	assert_int_equal(w->packets[0].cntr, 5001);
}

static void a_callback_is_tried_now(void **state)
{
	struct world *w = *state;
	struct lever l = {.name = "oper"};

	world_register(w);
	w->http_status = 0;
	order(w, ES4_AUDIT_EIS, "c1");
	world_advance(w, 10 * MINUTE_MS);
	w->http_status = 202;
	assert_int_equal(pull(w, smsr_ev_hurry, &l), 0);
	assert_int_equal(l.n, 1);
	world_run(w);
	world_expect_outcome(w, "ES4-AuditEIS", "EXECUTED_SUCCESS");
	assert_int_equal(pull(w, smsr_ev_hurry, &l), 0);
	assert_int_equal(l.n, 0);
	l.name = "unknown";
	assert_int_equal(pull(w, smsr_ev_hurry, &l), -ENOENT);
}

static void looking_up(void **state)
{
	struct world *w = *state;
	const struct seed_profile *p = &w->card_data.profiles[SEED_OPERATIONAL];
	struct lever_figures f;
	struct euicc e;

	world_register(w);
	assert_int_equal(lever_find(w->s, w->ctx, KEY_EID, w->card_data.eid, &e), 0);
	assert_int_equal(lever_find(w->s, w->ctx, KEY_ICCID, p->iccid, &e), 0);
	assert_int_equal(lever_find(w->s, w->ctx, KEY_IMSI, p->imsi, &e), 0);
	assert_int_equal(lever_find(w->s, w->ctx, KEY_MSISDN, p->msisdn, &e), 0);
	assert_int_equal(lever_find(w->s, w->ctx, KEY_MSISDN, "+49", &e), -EINVAL);
	assert_int_equal(lever_find(w->s, w->ctx, KEY_EID, "", &e), -EINVAL);
	assert_int_equal(lever_find(w->s, w->ctx, KEY_ICCID, NULL, &e), -EINVAL);
	assert_int_equal(lever_find(w->s, w->ctx, KEY_ICCID, "1", &e), -ENOENT);
	assert_int_equal(scope(w, smsr_ev_pause, PAUSE_DRAIN, NULL), 0);
	order(w, ES4_ENABLE_PROFILE, "c1");
	assert_int_equal(lever_figures(w->s, &f), 0);
	assert_int_equal(f.euiccs, 1);
	assert_int_equal(f.ops[OP_ST_QUEUED], 1);
	assert_int_equal(f.ops[OP_ST_DONE], 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(all_of_it),
		T(a_confirmation_is_not_held),
		T(new_ones),
		T(one_euicc),
		T(one_peer_by_its_name),
		T(one_peer_by_its_oid),
		T(a_crash_behind_a_resume_loses_nothing),
		T(a_drain_ends_what_has_begun),
		T(names_that_are_not_there),
		T(a_cancel_ends_a_waiting_operation),
		T(a_cancel_with_a_command_out),
		T(an_audit_by_hand),
		T(a_bulk_audit_keeps_its_rate),
		T(a_damaged_one_does_not_stop_a_bulk_audit),
		T(a_damaged_one_does_not_stop_a_resume),
		T(a_counter_only_rises),
		T(a_callback_is_tried_now),
		T(looking_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
