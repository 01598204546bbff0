/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* HTTPS sessions that break: at each step of a long job, by a kill of the SM-SR at each point of a change, by a card
 * that begins anew.  Nothing whose result came is executed again, and what left is what is on the disk (P1, P4, P8). */
#include <string.h>

#include <talloc.h>

#include "common/codec/ber.h"
#include "scp80/script.h"
#include "smsr/bearer.h"
#include "smsr/cmd.h"
#include "smsr/cmd_db.h"
#include "smsr/eis_db.h"
#include "smsr/https.h"
#include "tests/support/https_card.h"

#define COMMANDS 100  /* 800 octets: too long for five short messages */
#define PER_SCRIPT 40 /* commands in 320 octets */
#define SCRIPTS 3

static struct https_card *begin(struct world *w, enum bearer_wish wish)
{
	struct https_card *c = https_card_start(w);

	w->cfg->bearer.fallback->wish = wish;
	w->cfg->bearer.fallback->script_max = PER_SCRIPT * 8;
	world_register(w);
	return c;
}

/* ---- a job that is too long for SMS ---- */

static int send_long_job(void *smsr, void *more_to_do)
{
	struct smsr *s = smsr;
	struct bearer_job job = {.kind = CMD_AUDIT, .more_to_do = *(bool *)more_to_do};
	struct command cmd;
	struct op_run r;
	struct wr w;

	assert_int_equal(op_load(s, 1, &r), 0);
	assert_int_equal(cmd_db_open_of_op(turn_ctx(s->turn), s->db, 1, &cmd), 0);
	assert_int_equal(cmd_close(s, &cmd, CMD_ST_CLOSED), 0);
	wr_init(&w, turn_ctx(s->turn));
	for (int i = 0; i < COMMANDS; i++)
		ber_put(&w, SCRIPT_CAPDU, BYTES_LIT("\x80\xca\xff\x21\x00\x00"));
	assert_int_equal(wr_end(&w, &job.cmds), 0);
	job.target = r.euicc.isdr_aid;
	job.dest = op_profile_enabled(&r)->msisdn;
	return bearer_send(s, &r, OP_ST_AUDIT, &job);
}

static void long_job(struct world *w, bool more_to_do)
{
	w->smsc = SMSC_DOWN;
	world_order(w, MNO_OPER, ES4_AUDIT_EIS, SEED_OPERATIONAL, "call-1", 4 * 3600);
	assert_int_equal(world_event(w, send_long_job, &more_to_do), 0);
	w->smsc = SMSC_GOOD;
	world_run(w);
}

/* The job is no audit: its answers are all there, which the audit cannot read. */
static void expect_job_done(struct world *w)
{
	world_run(w);
	assert_true(world_told(w, "script 3 answered"));
	world_expect_outcome(w, "ES4-AuditEIS", "FAILED 8.4/4.2");
	world_expect_silence(w);
}

static void long_job_goes_by_https(void **state)
{
	struct world *w = *state;
	struct https_card *c = begin(w, BEARER_AUTO);

	long_job(w, false);
	assert_int_equal(world_counter(w, CTR_HTTPS_TRIGGERS), 1);
	https_card_session(c);
	assert_int_equal(c->scripts, SCRIPTS);
	expect_job_done(w);
}

static void no_sms_can_replace_it(void **state)
{
	struct world *w = *state;

	begin(w, BEARER_AUTO);
	long_job(w, false);
	world_advance(w, HOUR_MS);
	world_expect_outcome(w, "ES4-AuditEIS", "EXPIRED 1.6/5.3");
	assert_int_equal(world_counter(w, CTR_HTTPS_TRIGGERS), HTTPS_WAITS);
}

/* ---- a lost connection at each step ---- */

enum loss {
	LOSS_OF_POST,	/* the SM-SR never sees it */
	LOSS_OF_ANSWER, /* the card never sees it */
	N_LOSSES
};

/* One POST that may get lost; the card tries again with X-Admin-Resume on a new connection. */
static void post_with_loss(struct https_card *c, bool first, bool lose, enum loss loss)
{
	char *uri = talloc_strdup(c, c->next_uri); /* as the card knows it */
	bool resume = false;

	if (lose && loss == LOSS_OF_POST && c->conn) {
		https_card_break(c);
		resume = true;
	}
	if (first)
		https_card_first(c, "", resume);
	else
		https_card_result(c, resume);
	if (!lose || loss != LOSS_OF_ANSWER)
		return;
	if (c->conn)
		https_card_break(c);
	c->next_uri = uri;
	world_advance(c->w, MINUTE_MS);
	if (first)
		https_card_first(c, "", true);
	else
		https_card_result(c, true);
}

static void broken_at(unsigned int step, enum loss loss)
{
	struct https_card *c;
	struct world *w;
	void *state;

	world_setup(&state);
	w = state;
	c = begin(w, BEARER_AUTO);
	long_job(w, false);
	for (unsigned int i = 0; i <= SCRIPTS; i++) {
		post_with_loss(c, i == 0, i == step, loss);
		if (c->rsp->status == 200)
			https_card_execute(c);
	}
	https_card_expect(c, 204, true);
	assert_int_equal(c->scripts, SCRIPTS);
	expect_job_done(w);
	assert_int_equal(world_counter(w, CTR_HTTPS_TRIGGERS), 1);
	world_teardown(&state);
}

static void broken_at_each_step(void **state)
{
	for (enum loss loss = 0; loss < N_LOSSES; loss++) {
		for (unsigned int step = 0; step <= SCRIPTS; step++)
			broken_at(step, loss);
	}
}

/* Nobody comes back: another trigger, with another counter. */
static void broken_and_triggered_again(void **state)
{
	struct world *w = *state;
	struct https_card *c = begin(w, BEARER_AUTO);

	long_job(w, false);
	https_card_first(c, "", false);
	https_card_execute(c);
	https_card_result(c, false);
	https_card_break(c);
	world_advance(w, 4 * MINUTE_MS);
	assert_int_equal(world_counter(w, CTR_HTTPS_TRIGGERS), 2);
	https_card_session(c); /* anew, without Resume: reading again does no harm */
	assert_int_equal(c->scripts, SCRIPTS);
	expect_job_done(w);
}

static void second_connection_takes_over(void **state)
{
	struct world *w = *state;
	struct https_card *c = begin(w, BEARER_AUTO);
	struct https_gone gone = {.why = "broken"};

	long_job(w, false);
	https_card_first(c, "", false);
	https_card_execute(c);
	gone.conn = c->conn;
	https_card_result(c, true); /* on another one, before the first is known to be lost */
	assert_true(c->conn != gone.conn);
	assert_int_equal(c->rsp->status, 200);
	assert_int_equal(world_event(w, smsr_ev_https_closed, &gone), 0); /* changes nothing */
	https_card_execute(c);
	https_card_result(c, false);
	https_card_expect(c, 200, false);
}

/* ---- a card that forgets ---- */

static void change_whose_result_is_lost(struct world *w, bool executed)
{
	struct https_card *c = begin(w, BEARER_HTTPS);

	world_order(w, MNO_OPER, ES4_ENABLE_PROFILE, SEED_OPERATIONAL, "call-1", 4 * 3600);
	world_run(w);
	https_card_first(c, "", false);
	if (executed) {
		w->drop_mo = 1;
		https_card_execute(c);
		https_card_break(c);
		euicc_session_end(w->card);
		world_advance(w, 5000);
	} else {
		https_card_break(c);
	}
	https_card_session(c); /* anew: it is sent away, an audit looks, and goes on from what it finds */
	world_until(w, "ES4-EnableProfile to");
	world_run(w);
	world_expect_card(w, SEED_OPERATIONAL);
	world_expect_eis(w, PROFILE_DISABLED, PROFILE_ENABLED);
	assert_true(world_told(w, "looking at the card before anything is sent again"));
	world_expect_note(w, "ES4-HandleProfileDisabledNotification", SEED_BOOTSTRAP, "boot.example/note");
	world_expect_outcome(w, "ES4-EnableProfile", "EXECUTED_SUCCESS");
}

static void change_was_executed(void **state)
{
	change_whose_result_is_lost(*state, true);
}

static void change_was_not_executed(void **state)
{
	change_whose_result_is_lost(*state, false);
}

/* The look that was to tell is refused: the outcome stays unknown (P5). */
static void look_is_refused(void **state)
{
	struct world *w = *state;
	struct https_card *c = begin(w, BEARER_HTTPS);

	world_order(w, MNO_OPER, ES4_ENABLE_PROFILE, SEED_OPERATIONAL, "call-1", 4 * 3600);
	world_run(w);
	https_card_first(c, "", false);
	https_card_break(c);
	https_card_first(c, "", false);
	assert_true(world_told(w, "what it did with script 1 is not known"));
	https_card_expect(c, 204, true);
	https_card_first(c, "", false);
	c->status = "security-error";
	https_card_result(c, false);
	world_run(w);
	world_expect_outcome(w, "ES4-EnableProfile", "FAILED 1.6/5.4");
	assert_true(world_audit_due(w));
}

/* ---- parking ---- */

static void session_is_kept_for_the_next_call(void **state)
{
	struct world *w = *state;
	struct https_card *c = begin(w, BEARER_AUTO);

	long_job(w, true);
	https_card_first(c, "", false);
	https_card_go_on(c);
	assert_null(c->rsp); /* parked */
	expect_job_done(w);
	world_advance(w, 50000);
	assert_null(c->rsp);
	world_order(w, MNO_OPER, ES4_AUDIT_EIS, SEED_OPERATIONAL, "call-2", 3600);
	world_run(w);
	https_card_expect(c, 200, false); /* at once, on the parked connection */
	https_card_go_on(c);
	https_card_expect(c, 204, true);
	world_run(w);
	world_expect_outcome(w, "ES4-AuditEIS", "EXECUTED_SUCCESS");
	assert_int_equal(world_counter(w, CTR_HTTPS_TRIGGERS), 1);
}

static void nothing_follows(void **state)
{
	struct world *w = *state;
	struct https_card *c = begin(w, BEARER_AUTO);

	long_job(w, true);
	https_card_first(c, "", false);
	https_card_go_on(c);
	assert_null(c->rsp);
	world_advance(w, 61000);
	https_card_expect(c, 204, true);
}

static void parked_connection_is_lost(void **state)
{
	struct world *w = *state;
	struct https_card *c = begin(w, BEARER_AUTO);

	long_job(w, true);
	https_card_first(c, "", false);
	https_card_go_on(c);
	https_card_break(c);
	world_advance(w, HOUR_MS);
	expect_job_done(w);
	world_order(w, MNO_OPER, ES4_AUDIT_EIS, SEED_OPERATIONAL, "call-2", 3600);
	world_run(w);
	world_expect_outcome(w, "ES4-AuditEIS", "EXECUTED_SUCCESS"); /* short, and no session: by SMS */
}

/* ---- kills ---- */

/* A card that does not give up: what it posts next, and whether it did so before. */
struct agent {
	struct https_card *c;
	enum {
		AGENT_IDLE,
		AGENT_FIRST,
		AGENT_RESULT
	} does;
	bool again;
};

static bool is_wanted(struct world *w)
{
	void *ctx = talloc_new(w->ctx);
	struct https_job job;
	struct euicc e;
	bool yes;

	assert_int_equal(eis_db_by_eid(ctx, w->reader, w->card_data.eid_bcd, &e), 0);
	yes = https_db_job_of_euicc(ctx, w->reader, e.id, &job) == 0 && w->mt_count > 0;
	talloc_free(ctx);
	return yes;
}

static void agent_step(struct agent *a)
{
	struct https_card *c = a->c;

	if (a->does == AGENT_IDLE && is_wanted(c->w)) {
		a->does = AGENT_FIRST;
		a->again = false;
	}
	if (a->does == AGENT_IDLE)
		return;
	if (a->does == AGENT_FIRST)
		https_card_first(c, "", a->again);
	else
		https_card_result(c, a->again);
	a->again = true;
	if (!c->rsp)
		return;
	a->does = c->rsp->status == 200 ? AGENT_RESULT : AGENT_IDLE;
	a->again = false;
	if (c->rsp->status == 200)
		https_card_execute(c);
}

static void expect_end(struct world *w)
{
	uint16_t seq;

	world_expect_card(w, SEED_OPERATIONAL);
	world_expect_eis(w, PROFILE_DISABLED, PROFILE_ENABLED);
	world_expect_agreement(w);
	assert_int_equal(euicc_pending(w->card, &seq), EUICC_NOTIFY_NONE);
	world_expect_note(w, "ES4-HandleProfileDisabledNotification", SEED_BOOTSTRAP, "boot.example/note");
	world_expect_outcome(w, "ES4-EnableProfile", "EXECUTED_SUCCESS");
	world_expect_silence(w);
	assert_false(world_audit_due(w));
	assert_int_equal(world_records(w, AUDIT_COUNTER), 0);
}

/* \returns how many points there were */
static unsigned int run(unsigned int kill_at, bool loses)
{
	struct agent a = {0};
	unsigned int points;
	struct world *w;
	void *state;

	world_setup(&state);
	w = state;
	a.c = begin(w, BEARER_HTTPS);
	w->points = w->mt_count = 0;
	w->kill_at = kill_at;
	w->kill_loses = loses;
	world_order(w, MNO_OPER, ES4_ENABLE_PROFILE, SEED_OPERATIONAL, "call", 2 * 3600);
	for (int i = 0; i < 60; i++) {
		world_run(w);
		agent_step(&a);
		world_advance(w, MINUTE_MS);
	}
	expect_end(w);
	assert_true(a.c->scripts <= 2); /* the change, and perhaps a look before it: it was made once */
	assert_int_equal(a.c->same, 0);
	points = w->points;
	world_teardown(&state);
	return points;
}

static void killed_at_each_point(void **state)
{
	unsigned int points = run(0, false);

	assert_true(points > 20);
	for (unsigned int loses = 0; loses < 2; loses++) {
		for (unsigned int i = 1; i <= points; i++)
			run(i, loses);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(long_job_goes_by_https),
		WORLD_TEST(no_sms_can_replace_it),
		cmocka_unit_test(broken_at_each_step),
		WORLD_TEST(broken_and_triggered_again),
		WORLD_TEST(second_connection_takes_over),
		WORLD_TEST(change_was_executed),
		WORLD_TEST(change_was_not_executed),
		WORLD_TEST(look_is_refused),
		WORLD_TEST(session_is_kept_for_the_next_call),
		WORLD_TEST(nothing_follows),
		WORLD_TEST(parked_connection_is_lost),
		cmocka_unit_test(killed_at_each_point),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
