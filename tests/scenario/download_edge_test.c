/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Downloads at the edges: peers that contradict themselves, people that interfere, rows that are damaged. */
#include <errno.h>
#include <string.h>

#include <talloc.h>

#include "common/db/db_int.h"
#include "tests/support/dp_world.h"

#define HOUR_MS (3600 * 1000LL)

/* ---- an SM-SR that contradicts itself ---- */

static void a_guarded_profile_that_is_never_taken_ends_once(void **state)
{
	static const struct {
		enum dpw_action action;
		const char *status, *outcome;
	} cases[] = {
		{DPW_FAIL, "FAILED 8.2.1/1.2", "FAILED 8.2.1/1.2"},
		{DPW_UNAVAILABLE, NULL, "EXPIRED 1.6/5.3"},
		{DPW_FAULT, NULL, "FAILED 8.7/5.1"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct dpw *w;

		if (i) {
			dpw_teardown(state);
			dpw_setup(state);
		}
		w = *state;
		w->pol1_refuses = true;
		dpw_rule(w, ES3_PROFILE_DOWNLOAD_COMPLETED, 0, 100000, cases[i].action, cases[i].status);
		dpw_download(w, "a", true, 3600);
		dpw_advance(w, 12 * HOUR_MS);
		dpw_expect_outcome(w, cases[i].outcome);
		dpw_expect_silence(w);
		assert_true(w->entry.there);
		assert_int_equal(dpw_stock(w, DPW_ICCID), STOCK_USED);
	}
}

static void pol2_guards_only_what_is_complete(void **state)
{
	struct dpw *w = *state;

	/* Done, but it said otherwise; so the rules of the profile count. */
	dpw_rule(w, ES3_PROFILE_DOWNLOAD_COMPLETED, 0, 1, DPW_DONE_BUT, "FAILED 1.2/4.2");
	dpw_rule(w, ES3_DELETE_ISDP, 0, 1, DPW_FAIL, "FAILED 8.2.3/3.8");
	dpw_download(w, "a", true, 3600);
	dpw_run(w);
	dpw_expect_outcome(w, "EXECUTED_SUCCESS");
	dpw_expect_profile(w, ES_STATE_ENABLED);
}

static void a_refusal_of_what_was_taken_proves_nothing(void **state)
{
	struct dpw *w = *state;

	dpw_rule(w, ES3_CREATE_ISDP, 0, 1, DPW_DISOWN, NULL);
	dpw_download(w, "a", true, 3600);
	dpw_advance(w, 3 * HOUR_MS);
	dpw_expect_outcome(w, "FAILED 8.7/5.1");
	dpw_expect_silence(w);
	dpw_expect_nothing(w);
	assert_int_equal(w->created, 1);
	assert_int_equal(dpw_stock(w, DPW_ICCID), STOCK_USED);
}

/* The SM-SR was busy when one attempt came, and took another. */
static void a_refusal_of_one_attempt_proves_nothing(void **state)
{
	struct dpw *w = *state;

	dpw_rule(w, ES3_CREATE_ISDP, 0, 1, DPW_UNAVAILABLE, NULL);
	dpw_rule(w, ES3_CREATE_ISDP, 0, 1, DPW_DONE_BUT, "FAILED 1.2/4.4");
	dpw_download(w, "a", true, 3600);
	dpw_advance(w, 60 * 1000);
	dpw_expect_outcome(w, "EXECUTED_SUCCESS");
	dpw_expect_profile(w, ES_STATE_ENABLED);
	assert_int_equal(w->created, 1);
	assert_int_equal(dpw_stock(w, DPW_ICCID), STOCK_USED);
}

static void nor_does_a_call_that_it_forgot(void **state)
{
	struct dpw *w = *state;

	dpw_rule(w, ES3_CREATE_ISDP, 0, 1, DPW_DONE_BUT, "FAILED 1.6/3.3");
	dpw_download(w, "a", true, 3600);
	dpw_run(w);
	dpw_expect_outcome(w, "EXECUTED_SUCCESS");
	dpw_expect_profile(w, ES_STATE_ENABLED);
	assert_int_equal(w->created, 1);
}

static void an_enable_that_was_taken_may_be_done(void **state)
{
	struct dpw *w = *state;

	dpw_rule(w, ES3_ENABLE_PROFILE, 0, 1, DPW_DISOWN, NULL);
	dpw_download(w, "a", true, 3600);
	dpw_advance(w, 3 * HOUR_MS);
	dpw_expect_outcome(w, "EXECUTED_WITHWARNING 1.6/5.4");
	dpw_expect_profile(w, ES_STATE_ENABLED);
}

static void success_without_an_eis_is_none(void **state)
{
	struct dpw *w = *state;

	dpw_rule(w, ES3_GET_EIS, 0, 1, DPW_FAIL, "EXECUTED_SUCCESS");
	dpw_download(w, "a", true, 3600);
	dpw_run(w);
	dpw_expect_outcome(w, "FAILED 1.2/4.2");
	assert_int_equal(dpw_stock(w, DPW_ICCID), STOCK_FREE);
}

static void nor_is_an_audit_without_one(void **state)
{
	struct dpw *w = *state;

	dpw_rule(w, ES3_CREATE_ISDP, 0, 1, DPW_DONE_BUT, "FAILED 1.6/5.4");
	dpw_rule(w, ES3_AUDIT_EIS, 0, 1, DPW_FAIL, "EXECUTED_SUCCESS");
	dpw_download(w, "a", true, 3600);
	dpw_run(w);
	dpw_expect_outcome(w, "FAILED 1.2/4.2");
	dpw_expect_nothing(w);
	assert_int_equal(dpw_stock(w, DPW_ICCID), STOCK_USED);
}

static void an_answer_that_names_no_call_counts_once(void **state)
{
	struct dpw *w = *state;

	dpw_rule(w, ES3_SEND_DATA, 3, 2, DPW_NO_RELATES_TWICE, NULL);
	dpw_download(w, "a", true, 3600);
	dpw_run(w);
	dpw_expect_outcome(w, "EXECUTED_SUCCESS");
	dpw_expect_profile(w, ES_STATE_ENABLED);
	assert_int_equal(w->created, 1);
}

static void an_enable_that_is_done_late_is_notified(void **state)
{
	struct es_euicc_rsp rsp = {.base = {.start_ms = 1, .end_ms = 1700000000000LL}};
	struct dpw *w = *state;
	struct dpw_call *c;
	struct dpw_post *p;
	struct bytes late;
	char *id;

	dpw_rule(w, ES3_ENABLE_PROFILE, 0, 1, DPW_SWALLOW, NULL);
	dpw_download(w, "a", true, 3600);
	dpw_advance(w, 2 * HOUR_MS);
	dpw_expect_outcome(w, "EXECUTED_WITHWARNING 1.6/5.4");
	c = llist_last_entry(&w->calls, struct dpw_call, entry);
	assert_int_equal(c->fn, ES3_ENABLE_PROFILE);
	id = strstr(c->body, "MessageID>") + strlen("MessageID>");
	id = talloc_strndup(w->ctx, id, strcspn(id, "?<"));
	late = dpw_callback(w, ES3_ENABLE_PROFILE, id, NULL, &rsp);
	assert_int_equal(dpw_deliver(w, DPW_SMSR, late), 202);
	dpw_run(w);
	p = llist_first_entry_or_null(&w->posts, struct dpw_post, entry);
	assert_non_null(p);
	assert_non_null(strstr(p->body, "ES2-HandleProfileEnabledNotification"));
}

/* ---- a restart with less than before ---- */

static void no_certificate_any_more(void **state)
{
	struct dpw *w = *state;

	dpw_rule(w, ES3_SEND_DATA, 0, 1, DPW_LOSE_ANSWER, NULL);
	dpw_download(w, "a", true, 3600);
	dpw_run(w);
	w->dp = NULL;
	dpw_restart(w);
	dpw_advance(w, HOUR_MS / 2);
	dpw_expect_outcome(w, "FAILED 1.2/4.2");
	dpw_expect_nothing(w);
}

static void our_certificate_has_expired(void **state)
{
	struct dpw *w = *state;

	w->now_ms += 60 * 365 * 24 * HOUR_MS;
	dpw_download(w, "a", true, 3600);
	dpw_run(w);
	dpw_expect_outcome(w, "FAILED 1.6/3.1");
}

/* ---- people ---- */

static int ev_stock_by_hand(void *smdp, void *broken)
{
	struct smdp *s = smdp;
	const char *why = "";

	return stock_set_state(s->stock, s, DPW_ICCID, *(bool *)broken, &why);
}

static void what_an_order_has_is_not_touched_by_hand(void **state)
{
	struct dpw *w = *state;
	bool hands[] = {false, true};

	dpw_rule(w, ES3_CREATE_ISDP, 0, 1, DPW_LOSE_ANSWER, NULL);
	dpw_download(w, "a", true, 3600);
	dpw_run(w);
	assert_int_equal(dpw_stock(w, DPW_ICCID), STOCK_RESERVED);
	for (size_t i = 0; i < sizeof(hands) / sizeof(hands[0]); i++)
		assert_int_equal(dpw_event(w, ev_stock_by_hand, &hands[i]), -EBUSY);
	dpw_advance(w, HOUR_MS / 2);
	dpw_expect_outcome(w, "EXECUTED_SUCCESS");
	assert_int_equal(dpw_stock(w, DPW_ICCID), STOCK_USED);
}

static void a_delivered_package_is_not_kept_for_ever(void **state)
{
	struct dpw *w = *state;
	struct stock_item item;
	struct bytes package;

	dpw_download(w, "a", true, 3600);
	dpw_run(w);
	dpw_expect_outcome(w, "EXECUTED_SUCCESS");
	assert_int_equal(stock_get(w->s->stock, w->ctx, DPW_ICCID, &item), 0);
	assert_int_equal(stock_open_package(w->s->stock, w->ctx, item.id, &package), 0);
	dpw_advance(w, 31 * 24 * HOUR_MS);
	assert_int_equal(stock_open_package(w->s->stock, w->ctx, item.id, &package), -ENOENT);
	assert_int_equal(dpw_stock(w, DPW_ICCID), STOCK_USED);
	assert_int_equal(stock_get(w->s->stock, w->ctx, DPW_ICCID2, &item), 0);
	assert_int_equal(stock_open_package(w->s->stock, w->ctx, item.id, &package), 0);
}

/* ---- damage ---- */

static int ev_damage(void *smdp, void *dpw)
{
	struct smdp *s = smdp;

	return db_exec(s->db, "UPDATE stock_item SET state = 99");
}

static void an_order_that_cannot_go_on_ends(void **state)
{
	struct dpw *w = *state;

	dpw_rule(w, ES3_CREATE_ISDP, 0, 1, DPW_SWALLOW, NULL);
	dpw_download(w, "a", true, 3600);
	dpw_run(w);
	assert_int_equal(dpw_event(w, ev_damage, w), 0);
	dpw_advance(w, 3 * HOUR_MS);
	dpw_expect_outcome(w, "FAILED 1.2/4.2");
	dpw_expect_silence(w);
}

/* ---- cards ---- */

static void an_end_before_the_end(void **state)
{
	struct dpw *w = *state;

	w->card.early_at = 3; /* in the last piece, but not its last segment */
	w->cfg->smsrs[0].chunk = 4096;
	dpw_download(w, "a", true, 3600);
	dpw_run(w);
	dpw_expect_outcome(w, "FAILED 8.3/4.2");
	assert_true(dpw_told(w, "early"));
	dpw_expect_nothing(w);
}

static void a_card_without_room_says_so(void **state)
{
	struct dpw *w = *state;

	w->card.abort = true;
	w->card.pe_status = PE_NOT_ENOUGH_MEMORY;
	dpw_download(w, "a", true, 3600);
	dpw_run(w);
	dpw_expect_outcome(w, "FAILED 8.1/4.8");
	dpw_expect_nothing(w);
}

static void a_warning_is_no_failure(void **state)
{
	struct dpw *w = *state;

	w->card.pe_status = PE_FEATURE_NOT_SUPPORTED;
	dpw_download(w, "a", true, 3600);
	dpw_run(w);
	dpw_expect_outcome(w, "EXECUTED_SUCCESS");
	dpw_expect_profile(w, ES_STATE_ENABLED);
	assert_true(dpw_told(w, "feature not supported"));
}

static void waiting_longer_than_we_do_is_refused(void **state)
{
	struct dpw *w = *state;

	dpw_download(w, "long", false, w->cfg->limits.max_validity_s + 1);
	dpw_run(w);
	dpw_expect_outcome(w, "FAILED 1.2.1/3.8");
	dpw_download(w, "as-long", false, w->cfg->limits.max_validity_s);
	dpw_run(w);
	dpw_expect_outcome(w, "EXECUTED_SUCCESS");
}

/* One is under way, so many may wait behind it. */
static void more_downloads_than_may_wait(void **state)
{
	unsigned int outcomes = 0, busy = 0;
	struct dpw *w = *state;
	struct dpw_post *p;

	w->cfg->limits.queue_max = 2;
	for (int i = 0; i < 4; i++)
		dpw_download(w, talloc_asprintf(w->ctx, "d%d", i), false, 3600);
	dpw_run(w);
	llist_for_each_entry (p, &w->posts, entry) {
		outcomes += strstr(p->url, "/cb") != NULL;
		busy += strstr(p->body, "Reason>4.4<") != NULL;
	}
	assert_int_equal(busy, 1);
	assert_int_equal(outcomes, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DPW_TEST(a_guarded_profile_that_is_never_taken_ends_once),
		DPW_TEST(more_downloads_than_may_wait),
		DPW_TEST(waiting_longer_than_we_do_is_refused),
		DPW_TEST(pol2_guards_only_what_is_complete),
		DPW_TEST(a_refusal_of_what_was_taken_proves_nothing),
		DPW_TEST(a_refusal_of_one_attempt_proves_nothing),
		DPW_TEST(nor_does_a_call_that_it_forgot),
		DPW_TEST(an_enable_that_was_taken_may_be_done),
		DPW_TEST(success_without_an_eis_is_none),
		DPW_TEST(nor_is_an_audit_without_one),
		DPW_TEST(an_answer_that_names_no_call_counts_once),
		DPW_TEST(an_enable_that_is_done_late_is_notified),
		DPW_TEST(no_certificate_any_more),
		DPW_TEST(our_certificate_has_expired),
		DPW_TEST(what_an_order_has_is_not_touched_by_hand),
		DPW_TEST(a_delivered_package_is_not_kept_for_ever),
		DPW_TEST(an_order_that_cannot_go_on_ends),
		DPW_TEST(an_end_before_the_end),
		DPW_TEST(a_card_without_room_says_so),
		DPW_TEST(a_warning_is_no_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
