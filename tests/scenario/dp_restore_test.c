/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* An SM-DP whose database went back in time: what was done since is not done again, what nobody knows is on hold. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "smdp/dp_restore.h"
#include "smdp/keys_db.h"
#include "smdp/order_db.h"
#include "tests/support/dp_world.h"

#define MINUTE_MS (60 * 1000LL)
#define HOUR_MS (60 * MINUTE_MS)

static int setup(void **state)
{
	struct dpw *w;

	assert_int_equal(dpw_setup(state), 0);
	w = *state;
	dpw_stop(w);
	w->cfg->database = talloc_asprintf(w->cfg, "%s/smdp.db", w->dir);
	dpw_start(w);
	w->points = 0;
	return 0;
}

#define RESTORE_TEST(f) cmocka_unit_test_setup_teardown(f, setup, dpw_teardown)

static void backup(struct dpw *w)
{
	const char *path = talloc_asprintf(w->ctx, "%s/backup", w->dir), *why = "";

	if (life_backup(w->ctx, &smdp_db_desc, w->cfg->database, path, &why) < 0)
		fail_msg("%s", why);
}

static void drop_posts(struct dpw *w)
{
	struct dpw_post *p, *next;

	llist_for_each_entry_safe (p, next, &w->posts, entry)
		llist_del(&p->entry);
}

/* What was told until now is past. */
static void restore(struct dpw *w)
{
	char *cmd = talloc_asprintf(w->ctx, "cd %s && rm -f smdp.db-wal smdp.db-shm && cp backup smdp.db", w->dir);

	drop_posts(w);
	dpw_stop(w);
	assert_int_equal(system(cmd), 0);
	dpw_start(w);
}

static void order_of(struct dpw *w, int64_t id, struct order *o)
{
	assert_int_equal(order_db_get(w->ctx, w->db, id, o), 0);
}

static void expect_on_hold(struct dpw *w, int64_t id)
{
	struct order o;

	order_of(w, id, &o);
	assert_int_equal(o.state, ORDER_ST_HOLD);
}

static int64_t doubts(struct dpw *w, enum doubt doubt)
{
	int64_t n;

	assert_int_equal(order_db_doubt_count(w->db, doubt, &n), 0);
	return n;
}

static unsigned int changes(struct dpw *w)
{
	return dpw_calls(w, ES3_CREATE_ISDP) + dpw_calls(w, ES3_SEND_DATA) + dpw_calls(w, ES3_DELETE_ISDP) +
	       dpw_calls(w, ES3_PROFILE_DOWNLOAD_COMPLETED) + dpw_calls(w, ES3_ENABLE_PROFILE) +
	       dpw_calls(w, ES3_DISABLE_PROFILE);
}

struct hand {
	int64_t id;
	enum order_event event;
};

static int ev_hand(void *smdp, void *hand)
{
	const struct hand *h = hand;
	const struct order_input in = {.event = h->event, .text = "by hand"};

	return order_event(smdp, h->id, &in);
}

static int by_hand(struct dpw *w, int64_t id, enum order_event event)
{
	struct hand h = {id, event};
	int rc = dpw_event(w, ev_hand, &h);

	dpw_run(w);
	return rc;
}

/* ---- nothing was restored ---- */

static void a_restart_is_no_restore(void **state)
{
	struct dpw *w = *state;

	dpw_restart(w);
	dpw_advance(w, 5 * MINUTE_MS);
	assert_int_equal(dpw_event(w, smdp_ev_stop, NULL), 0);
	dpw_restart(w);
	assert_int_equal(w->s->epoch, 1);
	assert_int_equal(dpw_stock(w, DPW_ICCID), STOCK_FREE);
	assert_int_equal(dpw_calls(w, ES3_GET_EIS), 0);
}

/* ---- downloads ---- */

/* The backup has the order before its ISD-P was made; since, the profile was loaded and enabled, and its operator told.
 */
static void backup_then_finish(struct dpw *w)
{
	dpw_rule(w, ES3_CREATE_ISDP, 0, 1, DPW_LOSE_ANSWER, NULL);
	dpw_download(w, "a", true, 7200);
	dpw_run(w);
	backup(w);
	dpw_advance(w, HOUR_MS);
	dpw_expect_outcome(w, "EXECUTED_SUCCESS");
	dpw_expect_profile(w, ES_STATE_ENABLED);
}

static void what_was_finished_does_not_run_again(void **state)
{
	struct dpw *w = *state;
	unsigned int before;

	backup_then_finish(w);
	before = changes(w);
	restore(w);
	assert_int_equal(w->s->epoch, 2);
	expect_on_hold(w, 1);
	assert_int_equal(dpw_stock(w, DPW_ICCID), STOCK_HELD);
	assert_int_equal(dpw_stock(w, DPW_ICCID2), STOCK_HELD);
	assert_int_equal(doubts(w, DOUBT_LOOK), 1);
	dpw_advance(w, 3 * HOUR_MS);
	dpw_expect_outcome(w, "EXECUTED_SUCCESS");
	dpw_expect_silence(w);
	assert_int_equal(changes(w), before);
	assert_int_equal(dpw_stock(w, DPW_ICCID), STOCK_USED);
	assert_int_equal(dpw_stock(w, DPW_ICCID2), STOCK_HELD);
	assert_int_equal(doubts(w, DOUBT_NONE) + doubts(w, DOUBT_LOOK) + doubts(w, DOUBT_ASKED) + doubts(w, DOUBT_OPEN),
			 0);
	/* A second start from the same file is no restore. */
	dpw_restart(w);
	assert_int_equal(w->s->epoch, 2);
}

static void nor_from_the_same_backup_a_second_time(void **state)
{
	struct dpw *w = *state;
	unsigned int before;

	backup_then_finish(w);
	before = changes(w);
	for (int i = 0; i < 2; i++) {
		restore(w);
		assert_int_equal(w->s->epoch, 2 + i);
		dpw_advance(w, 3 * HOUR_MS);
		dpw_expect_outcome(w, "EXECUTED_SUCCESS");
		dpw_expect_silence(w);
		assert_int_equal(changes(w), before);
	}
}

static void it_was_not_enabled(void **state)
{
	struct dpw *w = *state;
	unsigned int before;

	backup_then_finish(w);
	w->entry.state = ES_STATE_DISABLED;
	before = changes(w);
	restore(w);
	dpw_advance(w, 3 * HOUR_MS);
	dpw_expect_outcome(w, "EXECUTED_WITHWARNING 1.6/5.4");
	assert_int_equal(changes(w), before);
	assert_int_equal(dpw_stock(w, DPW_ICCID), STOCK_USED);
}

/* The order was begun after the backup: nobody knows of it, but its profile is found. */
static void an_order_that_nobody_remembers(void **state)
{
	struct isdp_keys k;
	struct dpw *w = *state;
	uint8_t eid[EID_LEN];

	dpw_download(w, "install", false, 3600);
	dpw_run(w);
	dpw_expect_outcome(w, "EXECUTED_SUCCESS");
	w->entry.there = false; /* that one was another card's, as far as this test goes */
	backup(w);
	w->n_rules = 0;
	dpw_download(w, "lost", false, 3600);
	dpw_run(w);
	dpw_expect_outcome(w, "EXECUTED_SUCCESS");
	assert_int_equal(dpw_stock(w, DPW_ICCID2), STOCK_USED);
	restore(w);
	assert_int_equal(dpw_stock(w, DPW_ICCID2), STOCK_HELD);
	dpw_run(w);
	assert_int_equal(dpw_stock(w, DPW_ICCID2), STOCK_USED);
	assert_int_equal(eid_dec(w->eid, eid), 0);
	assert_int_equal(keys_db_get(w->ctx, w->db, eid, DPW_ICCID2, &k), -ENOENT);
	/* Its operator asks again, as it did not hear the outcome: there is nothing for it. */
	dpw_download(w, "lost", false, 3600);
	dpw_run(w);
	dpw_expect_outcome(w, "FAILED 8.2.5/3.7");
	assert_int_equal(w->created, 2);
}

static void stuck(struct dpw *w)
{
	dpw_rule(w, ES3_CREATE_ISDP, 0, 1, DPW_SWALLOW, NULL);
	dpw_download(w, "a", true, 3600);
	dpw_run(w);
	backup(w);
	restore(w);
	dpw_advance(w, MINUTE_MS);
	dpw_expect_silence(w);
	expect_on_hold(w, 1);
	assert_true(dpw_told(w, "its profile is not on the eUICC"));
	assert_int_equal(changes(w), 1);
}

static void what_nobody_knows_waits_for_a_release(void **state)
{
	struct dpw *w = *state;

	stuck(w);
	assert_int_equal(dpw_stock(w, DPW_ICCID), STOCK_HELD);
	assert_int_equal(by_hand(w, 1, ORDER_EV_RELEASE), 0);
	dpw_expect_outcome(w, "EXECUTED_SUCCESS");
	dpw_expect_profile(w, ES_STATE_ENABLED);
	assert_int_equal(dpw_stock(w, DPW_ICCID), STOCK_USED);
	assert_int_equal(dpw_stock(w, DPW_ICCID2), STOCK_HELD);
	assert_int_equal(by_hand(w, 1, ORDER_EV_RELEASE), 0); /* it is done: nothing happens */
	dpw_expect_silence(w);
}

static void or_for_a_cancel(void **state)
{
	struct dpw *w = *state;

	stuck(w);
	assert_int_equal(by_hand(w, 1, ORDER_EV_CANCEL), 0);
	dpw_expect_outcome(w, "FAILED 1.6/5.4");
	assert_int_equal(dpw_stock(w, DPW_ICCID), STOCK_HELD);
	assert_int_equal(changes(w), 1);
}

static void or_for_its_end(void **state)
{
	struct dpw *w = *state;

	stuck(w);
	dpw_advance(w, 2 * HOUR_MS);
	dpw_expect_outcome(w, "FAILED 1.6/5.4");
	assert_int_equal(dpw_stock(w, DPW_ICCID), STOCK_HELD);
	assert_int_equal(changes(w), 1);
}

static void what_is_on_hold_stops_no_other_order(void **state)
{
	struct dpw *w = *state;
	int64_t n;

	stuck(w);
	assert_int_equal(stock_release_held(w->s->stock, NULL, NULL, &n), 0);
	assert_int_equal(n, 1); /* the other one is its order's */
	dpw_download(w, "b", false, 3600);
	dpw_run(w);
	dpw_expect_outcome(w, "EXECUTED_SUCCESS");
	assert_int_equal(dpw_stock(w, DPW_ICCID2), STOCK_USED);
	expect_on_hold(w, 1);
}

/* The ISD-P was made, and something is in it; the order goes on only when it is told to, and then from the beginning.
 */
static void an_isdp_without_a_profile(void **state)
{
	struct dpw *w = *state;

	dpw_rule(w, ES3_SEND_DATA, 2, 1, DPW_SWALLOW, NULL);
	dpw_download(w, "a", true, 3600);
	dpw_run(w);
	backup(w);
	restore(w);
	dpw_advance(w, MINUTE_MS);
	expect_on_hold(w, 1);
	assert_true(dpw_told(w, "without a profile"));
	assert_int_equal(w->created, 1);
	assert_int_equal(by_hand(w, 1, ORDER_EV_RELEASE), 0);
	dpw_expect_outcome(w, "EXECUTED_SUCCESS");
	dpw_expect_profile(w, ES_STATE_ENABLED);
	assert_int_equal(w->created, 2);
}

/* ---- the rest ---- */

static void what_was_passed_on_is_unknown(void **state)
{
	struct es_profile_req q = {.smsr_id = DPW_SMSR, .iccid = DPW_ICCID};
	struct dpw *w = *state;
	unsigned int before;

	dpw_download(w, "install", false, 3600);
	dpw_run(w);
	dpw_expect_outcome(w, "EXECUTED_SUCCESS");
	q.eid = w->eid;
	dpw_rule(w, ES3_ENABLE_PROFILE, 0, 1, DPW_SWALLOW, NULL);
	dpw_call(w, DPW_MNO, ES2_ENABLE_PROFILE, "b", &q.base);
	dpw_run(w);
	backup(w);
	before = changes(w);
	restore(w);
	dpw_run(w);
	dpw_expect_outcome(w, "FAILED 1.6/5.4");
	dpw_advance(w, 2 * HOUR_MS);
	dpw_expect_silence(w);
	assert_int_equal(changes(w), before);
}

static void an_sm_sr_that_says_nothing(void **state)
{
	struct dpw *w = *state;

	backup_then_finish(w);
	w->n_rules = 0;
	dpw_rule(w, ES3_GET_EIS, 0, 1000, DPW_DOWN, NULL);
	restore(w);
	dpw_advance(w, HOUR_MS + MINUTE_MS);
	assert_int_equal(doubts(w, DOUBT_OPEN), 1);
	expect_on_hold(w, 1);
	assert_int_equal(by_hand(w, 1, ORDER_EV_CANCEL), 0);
	dpw_expect_outcome(w, "FAILED 1.6/5.4");
	assert_int_equal(w->entry.state, ES_STATE_ENABLED);
	/* A later order asks anyway. */
	w->n_rules = 0;
	dpw_download(w, "b", false, 3600);
	dpw_run(w);
	dpw_expect_outcome(w, "FAILED 8.2.5/3.7");
	assert_int_equal(dpw_stock(w, DPW_ICCID), STOCK_USED);
}

static bool killed_at(void **state, unsigned int at)
{
	struct dpw *w = *state;
	unsigned int before;
	bool reached;

	backup_then_finish(w);
	before = changes(w);
	w->points = 0;
	w->kill_at = at;
	restore(w);
	dpw_advance(w, 2 * MINUTE_MS);
	reached = w->points >= at;
	w->kill_at = 0;
	dpw_advance(w, 2 * HOUR_MS);
	dpw_expect_outcome(w, "EXECUTED_SUCCESS");
	dpw_expect_silence(w);
	assert_int_equal(changes(w), before);
	assert_int_equal(dpw_stock(w, DPW_ICCID), STOCK_USED);
	assert_int_equal(dpw_stock(w, DPW_ICCID2), STOCK_HELD);
	assert_true(w->s->epoch >= 2);
	return reached;
}

static void a_kill_at_every_point(void **state)
{
	unsigned int at = 1;

	while (killed_at(state, at)) {
		dpw_teardown(state);
		setup(state);
		at++;
	}
	print_message("%u points\n", at - 1);
	assert_true(at > 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RESTORE_TEST(a_restart_is_no_restore),
		RESTORE_TEST(what_was_finished_does_not_run_again),
		RESTORE_TEST(nor_from_the_same_backup_a_second_time),
		RESTORE_TEST(it_was_not_enabled),
		RESTORE_TEST(an_order_that_nobody_remembers),
		RESTORE_TEST(what_nobody_knows_waits_for_a_release),
		RESTORE_TEST(or_for_a_cancel),
		RESTORE_TEST(or_for_its_end),
		RESTORE_TEST(what_is_on_hold_stops_no_other_order),
		RESTORE_TEST(an_isdp_without_a_profile),
		RESTORE_TEST(what_was_passed_on_is_unknown),
		RESTORE_TEST(an_sm_sr_that_says_nothing),
		RESTORE_TEST(a_kill_at_every_point),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
