/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Downloads of profiles: the good way, every failure of SGP.02 procedure 3.1, repetitions, and a kill at every point.
 */
#include <errno.h>
#include <string.h>

#include <talloc.h>

#include "smdp/keys_db.h"
#include "tests/support/dp_world.h"

#define HOUR_MS (3600 * 1000LL)

/* ---- the good way ---- */

static void a_profile_is_loaded_and_enabled(void **state)
{
	struct dpw *w = *state;

	dpw_download(w, "a", true, 3600);
	dpw_run(w);
	assert_non_null(strstr(dpw_expect_outcome(w, "EXECUTED_SUCCESS"), DPW_ICCID));
	dpw_expect_silence(w);
	dpw_expect_profile(w, ES_STATE_ENABLED);
	assert_int_equal(dpw_stock(w, DPW_ICCID), STOCK_USED);
	assert_int_equal(dpw_stock(w, DPW_ICCID2), STOCK_FREE);
	assert_int_equal(w->card.sessions, 1);
	assert_true(dpw_calls(w, ES3_SEND_DATA) > 4);
}

static void it_stays_disabled_when_nobody_asks(void **state)
{
	struct dpw *w = *state;

	dpw_download(w, "a", false, 3600);
	dpw_run(w);
	dpw_expect_outcome(w, "EXECUTED_SUCCESS");
	dpw_expect_profile(w, ES_STATE_DISABLED);
}

static void keys_of(struct dpw *w, struct isdp_keys *k)
{
	uint8_t eid[EID_LEN];

	assert_int_equal(eid_dec(w->eid, eid), 0);
	assert_int_equal(keys_db_get(w->ctx, w->db, eid, w->entry.iccid, k), 0);
}

static void a_token_key_goes_first(void **state)
{
	struct dpw *w = *state;
	struct isdp_keys k;

	w->cfg->download.token_key = true;
	dpw_download(w, "a", true, 3600);
	dpw_run(w);
	dpw_expect_outcome(w, "EXECUTED_SUCCESS");
	dpw_expect_profile(w, ES_STATE_ENABLED);
	assert_non_null(w->card.token);
	keys_of(w, &k);
	assert_true(k.token.len > 0);
	assert_int_equal(k.seq, 2);
}

static void a_card_without_token_keys_is_loaded_too(void **state)
{
	struct dpw *w = *state;
	struct isdp_keys k;

	w->cfg->download.token_key = w->card.refuse_token = true;
	dpw_download(w, "a", true, 3600);
	dpw_run(w);
	dpw_expect_outcome(w, "EXECUTED_SUCCESS");
	keys_of(w, &k);
	assert_int_equal(k.token.len, 0);
}

static void by_iccid_and_without_card_random(void **state)
{
	struct dpw *w = *state;
	struct es_download_profile_req q = {.eid = w->eid, .smsr_id = DPW_SMSR, .iccid = DPW_ICCID2, .enable = false};

	w->cfg->download.scenario = 0x09;
	dpw_call(w, DPW_MNO, ES2_DOWNLOAD_PROFILE, "a", &q.base);
	dpw_run(w);
	dpw_expect_outcome(w, "EXECUTED_SUCCESS");
	dpw_expect_profile(w, ES_STATE_DISABLED);
	assert_int_equal(dpw_stock(w, DPW_ICCID2), STOCK_USED);
}

/* ---- failures: {what goes wrong} -> {outcome, what is left} ---- */

enum left {
	LEFT_NOTHING,
	LEFT_DISABLED,
	LEFT_CREATED,
};

struct failure {
	struct dpw_rule rule, rule2;
	const char *outcome;
	enum left left;
	enum stock_state stock;
	bool late; /* the ValidityPeriod has to end first */
};

static void try(struct dpw *w, const struct failure *f)
{
	dpw_rule(w, f->rule.fn, f->rule.skip, f->rule.times, f->rule.action, f->rule.status);
	if (f->rule2.fn)
		dpw_rule(w, f->rule2.fn, f->rule2.skip, f->rule2.times, f->rule2.action, f->rule2.status);
	dpw_download(w, "a", true, 3600);
	dpw_run(w);
	if (f->late)
		dpw_advance(w, 3 * HOUR_MS);
	dpw_expect_outcome(w, f->outcome);
	dpw_expect_silence(w);
	if (f->left == LEFT_NOTHING)
		dpw_expect_nothing(w);
	else if (f->left == LEFT_DISABLED)
		dpw_expect_profile(w, ES_STATE_DISABLED);
	else
		assert_int_equal(w->entry.state, ES_STATE_CREATED);
	assert_int_equal(dpw_stock(w, DPW_ICCID), f->stock);
}

static void every_failure_has_its_end(void **state)
{
	static const struct failure failures[] = {
		/* 2, 3: nothing on the card */
		{{ES3_GET_EIS, 0, 1, DPW_FAIL, "FAILED 8.1.1/3.9"}, {0}, "FAILED 8.1.1/3.9", 0, STOCK_FREE, false},
		{{ES3_GET_EIS, 0, 1, DPW_FAULT, NULL}, {0}, "FAILED 8.7/5.1", 0, STOCK_FREE, false},
		{{ES3_GET_EIS, 0, 1000, DPW_DOWN, NULL}, {0}, "EXPIRED 1.6/5.3", 0, STOCK_FREE, true},
		/* 4 */
		{{ES3_CREATE_ISDP, 0, 1, DPW_FAIL, "FAILED 8.1/4.8"}, {0}, "FAILED 8.1/4.8", 0, STOCK_FREE, false},
		{{ES3_CREATE_ISDP, 0, 1, DPW_FAULT, NULL}, {0}, "FAILED 8.7/5.1", 0, STOCK_FREE, false},
		{{ES3_CREATE_ISDP, 0, 1000, DPW_DOWN, NULL}, {0}, "EXPIRED 1.6/5.3", 0, STOCK_FREE, true},
		{{ES3_CREATE_ISDP, 0, 1, DPW_SWALLOW, NULL}, {0}, "EXPIRED 1.6/5.3", 0, STOCK_USED, true},
		/* 5 to 8: error routine */
		{{ES3_SEND_DATA, 0, 1, DPW_FAIL, "FAILED 8.3/4.2"}, {0}, "FAILED 8.3/4.2", 0, STOCK_USED, false},
		{{ES3_SEND_DATA, 1, 1, DPW_FAIL, "FAILED 8.3/4.2"}, {0}, "FAILED 8.3/4.2", 0, STOCK_USED, false},
		{{ES3_SEND_DATA, 2, 1, DPW_FAIL, "FAILED 8.3/4.2"}, {0}, "FAILED 8.3/4.2", 0, STOCK_USED, false},
		{{ES3_SEND_DATA, 3, 1, DPW_FAULT, NULL}, {0}, "FAILED 8.7/5.1", 0, STOCK_USED, false},
		{{ES3_SEND_DATA, 0, 1, DPW_SWALLOW, NULL}, {0}, "EXPIRED 1.6/5.3", 0, STOCK_USED, true},
		{{ES3_SEND_DATA, 1, 1, DPW_DONE_BUT, "FAILED 1.6/5.4"}, {0}, "FAILED 1.6/5.4", 0, STOCK_USED, false},
		{{ES3_SEND_DATA, 3, 1, DPW_SWALLOW, NULL}, {0}, "EXPIRED 1.6/5.3", 0, STOCK_USED, true},
		/* 9 */
		{{ES3_PROFILE_DOWNLOAD_COMPLETED, 0, 1, DPW_FAIL, "FAILED 8.2.1/1.2"},
		 {0},
		 "FAILED 8.2.1/1.2",
		 0,
		 STOCK_USED,
		 false},
		{{ES3_PROFILE_DOWNLOAD_COMPLETED, 0, 1000, DPW_UNAVAILABLE, NULL},
		 {0},
		 "EXPIRED 1.6/5.3",
		 0,
		 STOCK_USED,
		 true},
		/* 10: the profile stays Disabled */
		{{ES3_ENABLE_PROFILE, 0, 1, DPW_FAIL, "FAILED 8.2.3/3.8"},
		 {0},
		 "EXECUTED_WITHWARNING 8.2.3/3.8",
		 LEFT_DISABLED,
		 STOCK_USED,
		 false},
		{{ES3_ENABLE_PROFILE, 0, 1, DPW_FAIL, "EXPIRED 1.6/5.3"},
		 {0},
		 "EXECUTED_WITHWARNING 1.6/5.3",
		 LEFT_DISABLED,
		 STOCK_USED,
		 false},
		{{ES3_ENABLE_PROFILE, 0, 1, DPW_FAULT, NULL},
		 {0},
		 "EXECUTED_WITHWARNING 8.7/5.1",
		 LEFT_DISABLED,
		 STOCK_USED,
		 false},
		{{ES3_ENABLE_PROFILE, 0, 1, DPW_SWALLOW, NULL},
		 {0},
		 "EXECUTED_WITHWARNING 1.6/5.4",
		 LEFT_DISABLED,
		 STOCK_USED,
		 true},
		/* DeleteISDP cannot be delivered: reported all the same, the entry stays */
		{{ES3_SEND_DATA, 0, 1, DPW_FAIL, "FAILED 8.3/4.2"},
		 {ES3_DELETE_ISDP, 0, 10000, DPW_DOWN, NULL},
		 "FAILED 8.3/4.2",
		 LEFT_CREATED,
		 STOCK_USED,
		 true},
		{{ES3_SEND_DATA, 0, 1, DPW_FAIL, "FAILED 8.3/4.2"},
		 {ES3_DELETE_ISDP, 0, 1, DPW_FAIL, "FAILED 8.4/4.2"},
		 "FAILED 8.3/4.2",
		 LEFT_CREATED,
		 STOCK_USED,
		 false},
	};

	for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
		if (i) {
			dpw_teardown(state);
			dpw_setup(state);
		}
		print_message("failure %zu: %s\n", i, failures[i].outcome);
		try(*state, &failures[i]);
	}
}

static void pol1_says_that_the_profile_is_complete(void **state)
{
	struct dpw *w = *state;
	char *body;

	w->pol1_refuses = true;
	dpw_rule(w, ES3_PROFILE_DOWNLOAD_COMPLETED, 0, 1, DPW_FAIL, "FAILED 1.2/4.2");
	dpw_download(w, "a", true, 3600);
	dpw_run(w);
	body = dpw_expect_outcome(w, "EXECUTED_SUCCESS");
	assert_non_null(strstr(body, DPW_ICCID));
	dpw_expect_profile(w, ES_STATE_ENABLED);
}

/* ---- unknown outcomes ---- */

static void an_isdp_that_was_made_after_all_is_used(void **state)
{
	struct dpw *w = *state;

	dpw_rule(w, ES3_CREATE_ISDP, 0, 1, DPW_DONE_BUT, "FAILED 1.6/5.4");
	dpw_download(w, "a", true, 3600);
	dpw_run(w);
	dpw_expect_outcome(w, "EXECUTED_SUCCESS");
	dpw_expect_profile(w, ES_STATE_ENABLED);
	assert_int_equal(w->created, 1);
	assert_int_equal(dpw_calls(w, ES3_AUDIT_EIS), 1);
}

static void an_isdp_that_was_not_made_is_made(void **state)
{
	struct dpw *w = *state;

	dpw_rule(w, ES3_CREATE_ISDP, 0, 1, DPW_FAIL, "FAILED 1.6/5.4");
	dpw_download(w, "a", true, 3600);
	dpw_run(w);
	dpw_expect_outcome(w, "EXECUTED_SUCCESS");
	dpw_expect_profile(w, ES_STATE_ENABLED);
	assert_int_equal(w->created, 1);
}

static void a_lost_answer_to_data_begins_a_new_session(void **state)
{
	struct dpw *w = *state;

	dpw_rule(w, ES3_SEND_DATA, 3, 1, DPW_DONE_BUT, "FAILED 1.6/5.4");
	dpw_download(w, "a", true, 3600);
	dpw_run(w);
	dpw_expect_outcome(w, "EXECUTED_SUCCESS");
	dpw_expect_profile(w, ES_STATE_ENABLED);
	assert_int_equal(w->created, 1);
	assert_int_equal(w->card.sessions, 2);
}

static void or_another_isdp_if_the_sm_sr_is_set_so(void **state)
{
	struct dpw *w = *state;

	w->cfg->smsrs[0].no_second_session = true;
	dpw_rule(w, ES3_SEND_DATA, 3, 1, DPW_DONE_BUT, "FAILED 1.6/5.4");
	dpw_download(w, "a", true, 3600);
	dpw_run(w);
	dpw_expect_outcome(w, "EXECUTED_SUCCESS");
	dpw_expect_profile(w, ES_STATE_ENABLED);
	assert_int_equal(w->created, 2);
}

static void a_counter_that_is_ahead_is_followed(void **state)
{
	struct dpw *w = *state;

	w->card.jump = 5;
	dpw_download(w, "a", true, 3600);
	dpw_run(w);
	dpw_expect_outcome(w, "EXECUTED_SUCCESS");
	dpw_expect_profile(w, ES_STATE_ENABLED);
	assert_int_equal(w->card.counter, 7);
}

/* ---- cards that refuse ---- */

static void expect_card_error(struct dpw *w)
{
	dpw_download(w, "a", true, 3600);
	dpw_run(w);
	dpw_expect_outcome(w, "FAILED 8.3/4.2");
	dpw_expect_nothing(w);
	assert_int_equal(dpw_stock(w, DPW_ICCID), STOCK_USED);
}

static void the_card_refuses_our_certificate(void **state)
{
	struct dpw *w = *state;

	w->card.refuse_certificate = true;
	expect_card_error(w);
	assert_true(dpw_told(w, "6A80"));
}

static void a_wrong_receipt(void **state)
{
	struct dpw *w = *state;

	w->card.bad_receipt = true;
	expect_card_error(w);
	assert_true(dpw_told(w, "receipt"));
}

/* Another operation reset the card between the blocks of the key establishment. */
static void the_card_forgets_its_challenge(void **state)
{
	struct dpw *w = *state;

	w->card.resets = 1;
	dpw_download(w, "a", true, 3600);
	dpw_run(w);
	dpw_expect_outcome(w, "EXECUTED_SUCCESS");
	assert_int_equal(dpw_stock(w, DPW_ICCID), STOCK_USED);
}

static void the_card_forgets_each_challenge(void **state)
{
	struct dpw *w = *state;

	w->card.resets = 100;
	expect_card_error(w);
	assert_true(dpw_told(w, "forgotten its challenge"));
}

static void the_card_aborts_the_installation(void **state)
{
	struct dpw *w = *state;

	w->card.abort = true;
	expect_card_error(w);
	assert_true(dpw_told(w, "aborted"));
}

static void a_segment_does_not_verify(void **state)
{
	struct dpw *w = *state;

	w->card.break_at = 4;
	expect_card_error(w);
}

static void no_euicc_response_at_the_end(void **state)
{
	struct dpw *w = *state;

	w->card.mute = true;
	expect_card_error(w);
	assert_true(dpw_told(w, "no EUICCResponse"));
}

/* ---- eligibility ---- */

static void not_enough_memory(void **state)
{
	struct dpw *w = *state;

	w->memory = 1099;
	dpw_download(w, "a", true, 3600);
	dpw_run(w);
	dpw_expect_outcome(w, "FAILED 8.1/4.8");
	assert_int_equal(dpw_stock(w, DPW_ICCID), STOCK_FREE);
	assert_int_equal(dpw_calls(w, ES3_CREATE_ISDP), 0);
}

static void an_eis_that_somebody_changed(void **state)
{
	struct dpw *w = *state;
	char *version = strstr(w->eis_xml, "PlatformType>");

	assert_non_null(version);
	version[strlen("PlatformType>")] ^= 1;
	dpw_download(w, "a", true, 3600);
	dpw_run(w);
	dpw_expect_outcome(w, "FAILED 8.1/6.1");
}

static void an_eum_that_nobody_knows(void **state)
{
	struct dpw *w = *state;

	w->s->trust = NULL;
	dpw_download(w, "a", true, 3600);
	dpw_run(w);
	dpw_expect_outcome(w, "FAILED 8.1/6.1");
}

static void what_is_not_in_stock(void **state)
{
	static const struct {
		const char *sender, *iccid, *type, *outcome;
	} cases[] = {
		{DPW_MNO, "89001012012341234600", NULL, "FAILED 8.2.1/3.9"},
		{DPW_OTHER, DPW_ICCID, NULL, "FAILED 8.2.1/1.2"},
		{DPW_MNO, NULL, "no such type", "FAILED 8.2.5/3.9"},
		{DPW_OTHER, NULL, "test", "FAILED 8.2.5/3.9"},
	};
	struct dpw *w = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct es_download_profile_req q = {
			.eid = w->eid, .smsr_id = DPW_SMSR, .iccid = cases[i].iccid, .profile_type = cases[i].type};
		char id[2] = {(char)('a' + i), 0};

		dpw_call(w, cases[i].sender, ES2_DOWNLOAD_PROFILE, id, &q.base);
		dpw_run(w);
		dpw_expect_outcome(w, cases[i].outcome);
	}
}

static void what_an_earlier_order_left_is_deleted_first(void **state)
{
	struct dpw *w = *state;

	w->leftover = (struct dpw_entry){
		.there = true, .iccid = "89001012012341234535", .mno = DPW_MNO, .state = ES_STATE_CREATED};
	dpw_download(w, "a", true, 3600);
	dpw_run(w);
	dpw_expect_outcome(w, "EXECUTED_SUCCESS");
	dpw_expect_profile(w, ES_STATE_ENABLED);
	assert_false(w->leftover.there);
	assert_int_equal(dpw_calls(w, ES3_GET_EIS), 2);
}

static void two_orders_for_one_card_wait_for_each_other(void **state)
{
	struct dpw *w = *state;
	struct es_download_profile_req q = {.eid = w->eid, .smsr_id = DPW_SMSR, .iccid = DPW_ICCID, .enable = false};

	dpw_download(w, "a", false, 3600);
	dpw_call(w, DPW_MNO, ES2_DOWNLOAD_PROFILE, "b", &q.base);
	while (dpw_calls(w, ES3_CREATE_ISDP) == 0) {
		if (!dpw_smsr_step(w))
			dpw_event(w, smdp_ev_tick, NULL);
	}
	assert_int_equal(dpw_calls(w, ES3_GET_EIS), 1);
	dpw_run(w);
	assert_int_equal(dpw_calls(w, ES3_GET_EIS), 2);
	assert_int_equal(dpw_calls(w, ES3_CREATE_ISDP), 1);
}

/* ---- answers that come twice, late, or from somebody else ---- */

static void answers_come_in_every_form(void **state)
{
	static const enum dpw_action actions[] = {DPW_LOSE_ANSWER, DPW_BROKEN,	   DPW_DOUBLE,
						  DPW_SYNC,	   DPW_NO_RELATES, DPW_UNAVAILABLE};
	static const enum es_fn fns[] = {ES3_CREATE_ISDP, ES3_SEND_DATA, ES3_ENABLE_PROFILE};

	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		struct dpw *w;

		if (i) {
			dpw_teardown(state);
			dpw_setup(state);
		}
		w = *state;
		print_message("action %d\n", actions[i]);
		for (size_t j = 0; j < sizeof(fns) / sizeof(fns[0]); j++)
			dpw_rule(w, fns[j], 0, 1, actions[i], NULL);
		dpw_download(w, "a", true, 3600);
		dpw_advance(w, HOUR_MS);
		dpw_expect_outcome(w, "EXECUTED_SUCCESS");
		dpw_expect_silence(w);
		dpw_expect_profile(w, ES_STATE_ENABLED);
		assert_int_equal(w->created, 1);
	}
}

static void forged_answers_change_nothing(void **state)
{
	struct dpw *w = *state;
	struct es_create_isdp_rsp rsp = {.isdp_aid = BYTES_LIT("0123456789abcdef")};
	struct dpw_call *c;
	char *id, *end;

	dpw_rule(w, ES3_CREATE_ISDP, 0, 1, DPW_SWALLOW, NULL);
	dpw_download(w, "a", true, 3600);
	dpw_run(w);
	c = llist_last_entry(&w->calls, struct dpw_call, entry);
	assert_int_equal(c->fn, ES3_CREATE_ISDP);
	id = strstr(c->body, "MessageID>") + strlen("MessageID>");
	end = strpbrk(id, "?<");
	id = talloc_strndup(w->ctx, id, (size_t)(end - id));
	/* An operator's certificate, an unknown call, the answer to another function. */
	assert_int_equal(dpw_deliver(w, DPW_MNO, dpw_callback(w, ES3_CREATE_ISDP, id, NULL, &rsp)), 403);
	assert_int_equal(dpw_deliver(w, DPW_SMSR, dpw_callback(w, ES3_CREATE_ISDP, "//x/urn:uuid:y", NULL, &rsp)), 400);
	assert_int_equal(dpw_deliver(w, DPW_SMSR, dpw_callback(w, ES3_ENABLE_PROFILE, id, NULL, &rsp)), 400);
	assert_int_equal(dpw_deliver(w, DPW_SMSR, dpw_callback(w, ES3_CREATE_ISDP, NULL, "tx-other", &rsp)), 400);
	dpw_run(w);
	assert_int_equal(dpw_calls(w, ES3_SEND_DATA), 0);
	dpw_expect_silence(w);
	/* And the right one, late and then once more. */
	dpw_advance(w, 3 * HOUR_MS);
	dpw_expect_outcome(w, "EXPIRED 1.6/5.3");
	assert_int_equal(dpw_deliver(w, DPW_SMSR, dpw_callback(w, ES3_CREATE_ISDP, id, NULL, &rsp)), 202);
	dpw_run(w);
	dpw_expect_silence(w);
}

static void a_repeated_order_is_one_order(void **state)
{
	struct dpw *w = *state;

	dpw_download(w, "a", true, 3600);
	dpw_download(w, "a", true, 3600);
	dpw_run(w);
	dpw_expect_outcome(w, "EXECUTED_SUCCESS");
	dpw_download(w, "a", true, 3600);
	dpw_run(w);
	dpw_expect_outcome(w, "EXECUTED_SUCCESS");
	assert_int_equal(w->created, 1);
	dpw_expect_silence(w);
}

/* A limit that is lowered meanwhile gives a repetition no second outcome. */
static void a_repeated_order_has_the_limits_of_the_first(void **state)
{
	struct dpw *w = *state;

	dpw_download(w, "a", true, 3600);
	w->cfg->limits.max_validity_s = 600;
	dpw_download(w, "a", true, 3600);
	dpw_run(w);
	dpw_expect_outcome(w, "EXECUTED_SUCCESS");
	dpw_expect_silence(w);
}

/* ---- stopped by hand ---- */

static int ev_cancel(void *smdp, void *unused)
{
	const struct order_input in = {.event = ORDER_EV_CANCEL, .text = "enough"};

	return order_event(smdp, 1, &in);
}

static void a_refused_order_stays_refused(void **state)
{
	struct dpw *w = *state;
	const struct dp_identity *dp = w->s->dp;

	w->s->dp = NULL;
	dpw_download(w, "a", true, 3600);
	dpw_run(w);
	dpw_expect_outcome(w, "FAILED 1.6/3.1");
	w->s->dp = dp;
	dpw_download(w, "a", true, 3600);
	dpw_run(w);
	dpw_expect_outcome(w, "FAILED 1.6/3.1");
	assert_int_equal(dpw_calls(w, ES3_GET_EIS), 0);
	w->other_body = "another";
	dpw_download(w, "a", true, 3600);
	dpw_run(w);
	dpw_expect_outcome(w, "FAILED 1.6/3.3");
	w->other_body = NULL;
	dpw_download(w, "b", true, 3600);
	dpw_run(w);
	dpw_expect_outcome(w, "EXECUTED_SUCCESS");
}

/* Keys that a failed order left go when the card does not have its ISD-P any more. */
static void keys_of_what_is_gone_are_forgotten(void **state)
{
	struct dpw *w = *state;
	struct isdp_keys k;
	uint8_t eid[EID_LEN];

	dpw_rule(w, ES3_SEND_DATA, 2, 1, DPW_FAIL, "FAILED 8.3/4.2");
	dpw_rule(w, ES3_DELETE_ISDP, 0, 1, DPW_DONE_BUT, "FAILED 8.4/4.2");
	dpw_download(w, "a", true, 3600);
	dpw_run(w);
	dpw_expect_outcome(w, "FAILED 8.3/4.2");
	assert_int_equal(eid_dec(w->eid, eid), 0);
	assert_int_equal(keys_db_get(w->ctx, w->db, eid, DPW_ICCID, &k), 0);
	dpw_download(w, "b", true, 3600);
	dpw_run(w);
	dpw_expect_outcome(w, "EXECUTED_SUCCESS");
	assert_int_equal(keys_db_get(w->ctx, w->db, eid, DPW_ICCID, &k), -ENOENT);
	assert_int_equal(keys_db_get(w->ctx, w->db, eid, DPW_ICCID2, &k), 0);
}

static void a_cancelled_order_leaves_nothing(void **state)
{
	static const enum es_fn fns[] = {ES3_GET_EIS, ES3_CREATE_ISDP, ES3_SEND_DATA};

	for (size_t i = 0; i < sizeof(fns) / sizeof(fns[0]); i++) {
		struct dpw *w;

		if (i) {
			dpw_teardown(state);
			dpw_setup(state);
		}
		w = *state;
		dpw_rule(w, fns[i], 0, 1, DPW_LOSE_ANSWER, NULL);
		dpw_download(w, "a", true, 3600);
		while (dpw_calls(w, fns[i]) == 0) {
			if (!dpw_smsr_step(w))
				dpw_event(w, smdp_ev_tick, NULL);
		}
		assert_int_equal(dpw_event(w, ev_cancel, NULL), 0);
		dpw_run(w);
		dpw_expect_outcome(w, "FAILED 1.2/4.2");
		dpw_expect_nothing(w);
		assert_int_equal(dpw_stock(w, DPW_ICCID), fns[i] == ES3_GET_EIS ? STOCK_FREE : STOCK_USED);
	}
}

static void a_profile_that_is_complete_is_not_cancelled(void **state)
{
	struct dpw *w = *state;

	dpw_rule(w, ES3_ENABLE_PROFILE, 0, 1, DPW_LOSE_ANSWER, NULL);
	dpw_download(w, "a", true, 3600);
	dpw_run(w);
	assert_int_equal(dpw_calls(w, ES3_ENABLE_PROFILE), 1);
	assert_int_equal(dpw_event(w, ev_cancel, NULL), -EBUSY);
	dpw_advance(w, HOUR_MS);
	dpw_expect_outcome(w, "EXECUTED_SUCCESS");
}

/* ---- kills ---- */

static bool killed_at(void **state, unsigned int point)
{
	struct dpw *w = *state;
	bool reached;

	w->cfg->download.token_key = true;
	w->kill_at = point;
	dpw_download(w, "a", true, 3600);
	dpw_advance(w, HOUR_MS / 2);
	reached = w->points >= point;
	w->kill_at = 0;
	dpw_advance(w, 2 * HOUR_MS);
	dpw_expect_outcome(w, "EXECUTED_SUCCESS");
	dpw_expect_silence(w);
	dpw_expect_profile(w, ES_STATE_ENABLED);
	dpw_expect_profile(w, ES_STATE_ENABLED);
	assert_int_equal(dpw_stock(w, DPW_ICCID), STOCK_USED);
	assert_int_equal(dpw_stock(w, DPW_ICCID2), STOCK_FREE);
	return reached;
}

static void a_kill_at_every_point(void **state)
{
	unsigned int point = 1;

	while (killed_at(state, point)) {
		dpw_teardown(state);
		dpw_setup(state);
		point++;
	}
	print_message("%u points\n", point - 1);
	assert_true(point > 40);
}

static void no_session_outlives_the_process(void **state)
{
	struct dpw *w = *state;

	dpw_rule(w, ES3_SEND_DATA, 3, 1, DPW_LOSE_ANSWER, NULL);
	dpw_download(w, "a", true, 3600);
	dpw_run(w);
	assert_int_equal(w->card.sessions, 1);
	dpw_restart(w);
	dpw_advance(w, HOUR_MS);
	dpw_expect_outcome(w, "EXECUTED_SUCCESS");
	dpw_expect_profile(w, ES_STATE_ENABLED);
	assert_int_equal(w->card.sessions, 2);
	assert_int_equal(w->created, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DPW_TEST(a_profile_is_loaded_and_enabled),
		DPW_TEST(it_stays_disabled_when_nobody_asks),
		DPW_TEST(a_token_key_goes_first),
		DPW_TEST(a_card_without_token_keys_is_loaded_too),
		DPW_TEST(by_iccid_and_without_card_random),
		DPW_TEST(every_failure_has_its_end),
		DPW_TEST(pol1_says_that_the_profile_is_complete),
		DPW_TEST(an_isdp_that_was_made_after_all_is_used),
		DPW_TEST(an_isdp_that_was_not_made_is_made),
		DPW_TEST(a_lost_answer_to_data_begins_a_new_session),
		DPW_TEST(or_another_isdp_if_the_sm_sr_is_set_so),
		DPW_TEST(a_counter_that_is_ahead_is_followed),
		DPW_TEST(the_card_refuses_our_certificate),
		DPW_TEST(a_wrong_receipt),
		DPW_TEST(the_card_forgets_its_challenge),
		DPW_TEST(the_card_forgets_each_challenge),
		DPW_TEST(the_card_aborts_the_installation),
		DPW_TEST(a_segment_does_not_verify),
		DPW_TEST(no_euicc_response_at_the_end),
		DPW_TEST(not_enough_memory),
		DPW_TEST(an_eis_that_somebody_changed),
		DPW_TEST(an_eum_that_nobody_knows),
		DPW_TEST(what_is_not_in_stock),
		DPW_TEST(what_an_earlier_order_left_is_deleted_first),
		DPW_TEST(two_orders_for_one_card_wait_for_each_other),
		DPW_TEST(answers_come_in_every_form),
		DPW_TEST(forged_answers_change_nothing),
		DPW_TEST(a_repeated_order_is_one_order),
		DPW_TEST(a_repeated_order_has_the_limits_of_the_first),
		DPW_TEST(a_refused_order_stays_refused),
		DPW_TEST(keys_of_what_is_gone_are_forgotten),
		DPW_TEST(a_cancelled_order_leaves_nothing),
		DPW_TEST(a_profile_that_is_complete_is_not_cancelled),
		DPW_TEST(a_kill_at_every_point),
		DPW_TEST(no_session_outlives_the_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
