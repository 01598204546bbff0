/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What peers are told, when they listen and when they do not; what operators hold back; what is forgotten. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <talloc.h>

#include "smsr/lever.h"
#include "smsr/op_db.h"
#include "tests/support/world.h"

static void order_audit(struct world *w, const char *call_id)
{
	world_order(w, MNO_OPER, ES4_AUDIT_EIS, SEED_OPERATIONAL, call_id, 3600);
}

static unsigned int outbox_count(struct world *w, enum outbox_state state)
{
	void *ctx = talloc_new(w->ctx);
	unsigned int found = 0;
	int64_t ids[100];
	size_t n;

	assert_int_equal(outbox_db_list(w->reader, 0, ids, 100, &n), 0);
	for (size_t i = 0; i < n; i++) {
		struct outbox o;

		assert_int_equal(outbox_db_get(ctx, w->reader, ids[i], &o), 0);
		found += o.state == state;
	}
	talloc_free(ctx);
	return found;
}

static bool is_about(const struct world_post *p, const char *call_id)
{
	char what[40];

	snprintf(what, sizeof(what), "TransactionID=tx-%s&", call_id);
	return strstr(p->message_id, what);
}

/* ---- peers that do not listen ---- */

static void peer_is_down_for_a_while(void **state)
{
	struct world *w = *state;
	uint64_t errors;
	struct world_post *p;

	world_register(w);
	w->http_status = 0;
	order_audit(w, "first");
	order_audit(w, "second");
	world_advance(w, HOUR_MS);
	errors = world_counter(w, CTR_CALLBACK_ERRORS);
	assert_in_range(errors, 8, 14); /* 5 s, doubled up to 15 min; the second waits behind the first */
	assert_int_equal(outbox_count(w, OUTBOX_WAITING), 2);
	w->http_status = 202;
	world_advance(w, 20 * MINUTE_MS);
	p = world_post(w, "/cb");
	assert_true(is_about(p, "first"));
	p = world_post(w, "/cb");
	assert_true(is_about(p, "second"));
	world_expect_silence(w);
	assert_int_equal(outbox_count(w, OUTBOX_DELIVERED), 2);
}

static void peer_says_when_to_come_back(void **state)
{
	struct world *w = *state;

	world_register(w);
	w->http_status = 503;
	w->retry_after_s = 3600;
	order_audit(w, "a");
	world_advance(w, 55 * MINUTE_MS);
	assert_int_equal(world_counter(w, CTR_CALLBACK_ERRORS), 1);
	w->http_status = 202;
	world_advance(w, 10 * MINUTE_MS);
	assert_int_equal(outbox_count(w, OUTBOX_DELIVERED), 1);
}

static void one_peer_does_not_wait_for_another(void **state)
{
	struct world *w = *state;

	world_register(w);
	w->http_status = 0;
	order_audit(w, "a");
	world_advance(w, MINUTE_MS);
	w->http_status = 202;
	world_order(w, MNO_BOOT, ES4_AUDIT_EIS, SEED_BOOTSTRAP, "b", 3600);
	world_run(w);
	talloc_free(world_post(w, "boot.example/cb"));
}

/* Nothing orders the refusals of one peer: an address that does not answer holds back only its own. */
static void refusals_do_not_wait_for_each_other(void **state)
{
	struct world *w = *state;

	world_register(w);
	w->http_status = 500;
	world_order(w, MNO_BOOT, ES4_ENABLE_PROFILE, SEED_OPERATIONAL, "a", 3600);
	world_run(w);
	while (!llist_empty(&w->posts))
		talloc_free(world_post(w, "boot.example/cb"));
	w->http_status = 202;
	world_order(w, MNO_BOOT, ES4_ENABLE_PROFILE, SEED_OPERATIONAL, "b", 3600);
	world_run(w);
	talloc_free(world_post(w, "boot.example/cb"));
	world_expect_silence(w);
	assert_int_equal(outbox_count(w, OUTBOX_WAITING), 1);
	assert_int_equal(outbox_count(w, OUTBOX_DELIVERED), 1);
}

static void server_errors_are_tried_again_and_others_are_not(void **state)
{
	static const struct {
		unsigned int status;
		enum outbox_state end;
	} cases[] = {{500, OUTBOX_WAITING}, {503, OUTBOX_WAITING},  {429, OUTBOX_WAITING},
		     {302, OUTBOX_WAITING}, {400, OUTBOX_GIVEN_UP}, {404, OUTBOX_GIVEN_UP}};
	struct world *w = *state;
	char id[8];

	world_register(w);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unsigned int before = outbox_count(w, cases[i].end);

		w->http_status = cases[i].status;
		snprintf(id, sizeof(id), "c%zu", i);
		order_audit(w, id);
		world_run(w);
		assert_int_equal(outbox_count(w, cases[i].end), before + 1);
		w->http_status = 200;
		world_advance(w, MINUTE_MS);
		assert_int_equal(outbox_count(w, OUTBOX_WAITING), 0);
	}
}

/* A peer may put us off, but a nonsense in its answer costs no outcome. */
static void put_off_for_ever(void **state)
{
	struct world *w = *state;

	world_register(w);
	w->http_status = 503;
	w->retry_after_s = 3600;
	order_audit(w, "a");
	world_run(w);
	w->http_status = 202;
	world_advance(w, 59 * MINUTE_MS);
	assert_int_equal(outbox_count(w, OUTBOX_WAITING), 1);
	world_advance(w, 2 * MINUTE_MS);
	assert_int_equal(outbox_count(w, OUTBOX_DELIVERED), 1);
	w->http_status = 503;
	w->retry_after_s = UINT32_MAX;
	order_audit(w, "b");
	world_run(w);
	assert_int_equal(outbox_count(w, OUTBOX_WAITING), 1);
	w->http_status = 202;
	world_advance(w, (int64_t)w->cfg->limits.callback_give_up_s * 1000 / 2 + MINUTE_MS);
	assert_int_equal(outbox_count(w, OUTBOX_DELIVERED), 2);
}

static void given_up_in_the_end_with_a_record(void **state)
{
	struct world *w = *state;

	world_register(w);
	w->http_status = 0;
	order_audit(w, "a");
	world_advance(w, 8 * 24 * HOUR_MS);
	assert_int_equal(outbox_count(w, OUTBOX_GIVEN_UP), 1);
	assert_true(world_counter(w, CTR_CALLBACKS_GIVEN_UP) == 1);
	/* Who asks again is told all the same. */
	w->http_status = 202;
	order_audit(w, "a");
	world_run(w);
	world_expect_outcome(w, "ES4-AuditEIS", "EXECUTED_SUCCESS");
}

static void nowhere_to_answer(void **state)
{
	struct world *w = *state;

	world_register(w);
	w->request.no_reply_to = true;
	order_audit(w, "a");
	world_run(w);
	world_expect_silence(w);
	assert_int_equal(outbox_count(w, OUTBOX_NO_ADDRESS), 1);
	assert_true(world_told(w, "no ReplyTo"));
}

static void owner_without_an_address(void **state)
{
	struct world *w = *state;

	world_register(w);
	w->cfg->peers[1].notification_url = NULL;
	world_order(w, MNO_OPER, ES4_ENABLE_PROFILE, SEED_OPERATIONAL, "e", 3600);
	world_advance(w, MINUTE_MS);
	world_expect_outcome(w, "ES4-EnableProfile", "EXECUTED_SUCCESS");
	world_expect_silence(w);
	assert_int_equal(outbox_count(w, OUTBOX_NO_ADDRESS), 1);
}

/* ---- pauses ---- */

static void hold(struct world *w, enum pause_scope scope, const char *name, bool on)
{
	struct lever l = {.ctx = w->ctx, .by = "test", .scope = scope, .name = name};

	assert_int_equal(world_event(w, on ? smsr_ev_pause : smsr_ev_resume, &l), 0);
}

static void expect_held(struct world *w, enum pause_scope scope, const char *name)
{
	world_register(w);
	hold(w, scope, name, true);
	order_audit(w, "a");
	world_advance(w, 10 * MINUTE_MS);
	assert_int_equal(world_packets(w), 0);
	world_restart(w); /* it survives */
	world_advance(w, 10 * MINUTE_MS);
	assert_int_equal(world_packets(w), 0);
	world_expect_silence(w);
	hold(w, scope, name, false);
	world_advance(w, MINUTE_MS);
	world_expect_outcome(w, "ES4-AuditEIS", "EXECUTED_SUCCESS");
}

static void everything_is_paused(void **state)
{
	expect_held(*state, PAUSE_ALL, "");
}

static void nothing_new_is_started(void **state)
{
	expect_held(*state, PAUSE_DRAIN, "");
}

static void one_card_is_paused(void **state)
{
	struct world *w = *state;

	expect_held(w, PAUSE_EUICC, w->card_data.eid);
}

static void one_peer_is_paused(void **state)
{
	expect_held(*state, PAUSE_PEER, MNO_OPER);
}

static void draining_lets_end_what_runs(void **state)
{
	struct world *w = *state;

	world_register(w);
	world_order(w, MNO_OPER, ES4_ENABLE_PROFILE, SEED_OPERATIONAL, "e", 3600);
	hold(w, PAUSE_DRAIN, "", true);
	world_advance(w, MINUTE_MS);
	world_expect_outcome(w, "ES4-EnableProfile", "EXECUTED_SUCCESS");
}

static void pause_of_everything_stops_what_runs(void **state)
{
	struct world *w = *state;

	w->smsc = SMSC_DOWN;
	world_register(w);
	order_audit(w, "a");
	hold(w, PAUSE_ALL, "", true);
	w->smsc = SMSC_GOOD;
	world_advance(w, 10 * MINUTE_MS);
	assert_int_equal(world_packets(w), 0);
	hold(w, PAUSE_ALL, "", false);
	world_run(w);
	world_expect_outcome(w, "ES4-AuditEIS", "EXECUTED_SUCCESS");
}

static void paused_orders_expire(void **state)
{
	struct world *w = *state;

	world_register(w);
	hold(w, PAUSE_DRAIN, "", true);
	order_audit(w, "a");
	world_advance(w, 2 * HOUR_MS);
	world_expect_outcome(w, "ES4-AuditEIS", "EXPIRED 1.6/5.3");
}

static void resume_without_a_pause(void **state)
{
	struct world *w = *state;
	struct lever l = {.ctx = w->ctx, .by = "test", .scope = PAUSE_ALL};

	assert_int_equal(world_event(w, smsr_ev_resume, &l), -ENOENT);
}

/* ---- retention ---- */

static void old_outcomes_are_forgotten(void **state)
{
	struct world *w = *state;
	char id[8];

	world_register(w);
	for (int i = 0; i < 5; i++) {
		snprintf(id, sizeof(id), "c%d", i);
		order_audit(w, id);
		world_run(w);
	}
	w->http_status = 0;
	order_audit(w, "still-owed");
	world_run(w);
	w->now_ms += 29 * 24 * HOUR_MS; /* a long sleep in one step */
	world_run(w);
	assert_int_equal(world_operations(w, 0, OP_ST_DONE), 6);
	w->now_ms += 2 * 24 * HOUR_MS;
	world_run(w);
	assert_int_equal(world_operations(w, 0, OP_ST_DONE), 0);
	assert_int_equal(outbox_count(w, OUTBOX_DELIVERED), 0);
	assert_int_equal(world_records(w, AUDIT_CAPABILITY), 6); /* the audit trail stays */
}

static int insert_old(void *smsr, void *count)
{
	struct smsr *s = smsr;

	for (int i = 0; i < *(int *)count; i++) {
		struct operation op = {.euicc_id = 1,
				       .kind = OP_AUDIT,
				       .created_ms = 1,
				       .expires_ms = 1,
				       .ended_ms = 1,
				       .state = OP_ST_DONE};

		assert_int_equal(op_db_insert(s->db, &op), 0);
		assert_int_equal(op_db_update(s->db, &op), 0);
	}
	return 0;
}

static void a_backlog_is_forgotten_soon(void **state)
{
	struct world *w = *state;
	int count = 2000;

	world_register(w);
	assert_int_equal(world_event(w, insert_old, &count), 0);
	world_advance(w, 11 * MINUTE_MS);
	assert_int_equal(world_operations(w, 0, OP_ST_DONE), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(peer_is_down_for_a_while),
		WORLD_TEST(peer_says_when_to_come_back),
		WORLD_TEST(one_peer_does_not_wait_for_another),
		WORLD_TEST(refusals_do_not_wait_for_each_other),
		WORLD_TEST(server_errors_are_tried_again_and_others_are_not),
		WORLD_TEST(put_off_for_ever),
		WORLD_TEST(given_up_in_the_end_with_a_record),
		WORLD_TEST(nowhere_to_answer),
		WORLD_TEST(owner_without_an_address),
		WORLD_TEST(everything_is_paused),
		WORLD_TEST(nothing_new_is_started),
		WORLD_TEST(one_card_is_paused),
		WORLD_TEST(one_peer_is_paused),
		WORLD_TEST(draining_lets_end_what_runs),
		WORLD_TEST(pause_of_everything_stops_what_runs),
		WORLD_TEST(paused_orders_expire),
		WORLD_TEST(resume_without_a_pause),
		WORLD_TEST(old_outcomes_are_forgotten),
		WORLD_TEST(a_backlog_is_forgotten_soon),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
