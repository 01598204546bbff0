/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Functions that an SM-DP passes on to the SM-SR, and notifications that it passes on to operators. */
#include <string.h>

#include <talloc.h>

#include "smdp/order_db.h"
#include "tests/support/dp_world.h"

#define STRANGE_ICCID "89001012012341234600"

static void expect_answer(struct dpw *w, const char *what)
{
	const struct es_answer *a = w->answer;
	const struct es_rsp *rsp;

	assert_non_null(a);
	assert_int_equal(a->http_status, 200);
	rsp = a->body;
	if (rsp->status.subject)
		assert_string_equal(talloc_asprintf(w->ctx, "%s %s/%s", es_exec_name(rsp->status.status),
						    rsp->status.subject, rsp->status.reason),
				    what);
	else
		assert_string_equal(es_exec_name(rsp->status.status), what);
}

static void ask(struct dpw *w, const char *sender, enum es_fn fn, const char *call_id, const char *iccid)
{
	struct es_profile_req q = {.eid = w->eid, .smsr_id = DPW_SMSR, .iccid = iccid};

	dpw_call(w, sender, fn, call_id, &q.base);
	dpw_run(w);
}

static void install(struct dpw *w)
{
	dpw_download(w, "install", false, 3600);
	dpw_run(w);
	dpw_expect_outcome(w, "EXECUTED_SUCCESS");
}

static char *note_to(struct dpw *w, const char *url)
{
	struct dpw_post *p;

	llist_for_each_entry (p, &w->posts, entry) {
		if (!strstr(p->url, url))
			continue;
		llist_del(&p->entry);
		return p->body;
	}
	fail_msg("no notification to %s", url);
	return NULL;
}

/* ---- synchronous ---- */

static void get_eis_is_filtered(void **state)
{
	struct dpw *w = *state;
	struct es_get_eis_req q = {.eid = w->eid, .smsr_id = DPW_SMSR};
	const struct es_eis_rsp *rsp;

	install(w);
	assert_null(dpw_call(w, DPW_MNO, ES2_GET_EIS, "a", &q.base)); /* it waits for the SM-SR */
	dpw_run(w);
	expect_answer(w, "EXECUTED_SUCCESS");
	rsp = w->answer->body;
	assert_int_equal(rsp->eis->n_profiles, 1);
	assert_string_equal(rsp->eis->profiles[0].iccid, DPW_ICCID);
	assert_non_null(rsp->eis->signature_xml);
	assert_null(rsp->eis->audit_trail);
	dpw_call(w, DPW_OTHER, ES2_GET_EIS, "b", &q.base);
	dpw_run(w);
	rsp = w->answer->body;
	for (size_t i = 0; i < rsp->eis->n_profiles; i++)
		assert_string_equal(rsp->eis->profiles[i].mno_id, DPW_OTHER);
}

static void rules_and_address_are_passed_on(void **state)
{
	struct es_pol2_rule rule = {ES_POL2_PROFILE, ES_POL2_DELETE, ES_POL2_NOT_ALLOWED};
	struct es_pol2 pol2 = {&rule, 1};
	struct dpw *w = *state;
	struct es_pol2_req q = {.eid = w->eid, .smsr_id = DPW_SMSR, .iccid = DPW_ICCID, .pol2 = &pol2};
	struct es_address_req q2 = {
		.eid = w->eid, .smsr_id = DPW_SMSR, .iccid = DPW_ICCID, .address = {.msisdn = "88123456"}};
	struct dpw_call *c;

	install(w);
	dpw_call(w, DPW_MNO, ES2_UPDATE_POLICY_RULES, "a", &q.base);
	dpw_run(w);
	expect_answer(w, "EXECUTED_SUCCESS");
	c = llist_last_entry(&w->calls, struct dpw_call, entry);
	assert_int_equal(c->fn, ES3_UPDATE_POLICY_RULES);
	assert_non_null(strstr(c->body, "Not-Allowed"));
	assert_non_null(strstr(c->body, "TransactionID=tx-a"));
	assert_null(strstr(c->body, "Smsr-id"));
	dpw_call(w, DPW_MNO, ES2_UPDATE_SUBSCRIPTION_ADDRESS, "b", &q2.base);
	dpw_run(w);
	expect_answer(w, "EXECUTED_SUCCESS");
	/* The same again is not passed on again. */
	dpw_call(w, DPW_MNO, ES2_UPDATE_POLICY_RULES, "a", &q.base);
	dpw_run(w);
	expect_answer(w, "EXECUTED_SUCCESS");
	assert_int_equal(dpw_calls(w, ES3_UPDATE_POLICY_RULES), 1);
}

static void an_sm_sr_that_does_not_answer(void **state)
{
	struct dpw *w = *state;
	struct es_get_eis_req q = {.eid = w->eid, .smsr_id = DPW_SMSR};

	dpw_rule(w, ES3_GET_EIS, 0, 1000, DPW_DOWN, NULL);
	assert_null(dpw_call(w, DPW_MNO, ES2_GET_EIS, "a", &q.base));
	dpw_run(w);
	assert_null(w->answer);
	dpw_advance(w, 39000);
	assert_null(w->answer);
	dpw_advance(w, 2000);
	expect_answer(w, "FAILED 8.7/5.1");
}

static void a_full_disk_takes_no_orders(void **state)
{
	struct dpw *w = *state;
	struct es_get_eis_req q = {.eid = w->eid, .smsr_id = DPW_SMSR};

	w->cfg->limits.free_space_min = UINT64_MAX;
	ask(w, DPW_MNO, ES2_ENABLE_PROFILE, "a", DPW_ICCID);
	assert_int_equal(w->answer->http_status, 503);
	assert_int_equal(dpw_calls(w, ES3_GET_EIS), 0);
	dpw_call(w, DPW_MNO, ES2_GET_EIS, "b", &q.base);
	dpw_run(w);
	expect_answer(w, "EXECUTED_SUCCESS");
}

static void an_sm_sr_that_refuses(void **state)
{
	struct dpw *w = *state;
	struct es_get_eis_req q = {.eid = w->eid, .smsr_id = DPW_SMSR};

	dpw_rule(w, ES3_GET_EIS, 0, 1, DPW_FAULT, NULL);
	dpw_call(w, DPW_MNO, ES2_GET_EIS, "a", &q.base);
	dpw_run(w);
	expect_answer(w, "FAILED 8.7/5.1");
	q.smsr_id = "1.2.3";
	dpw_call(w, DPW_MNO, ES2_GET_EIS, "b", &q.base);
	expect_answer(w, "FAILED 8.7/3.9");
	q.eid = "89001012012341234012345678901225";
	q.smsr_id = DPW_SMSR;
	dpw_call(w, DPW_MNO, ES2_GET_EIS, "c", &q.base);
	expect_answer(w, "FAILED 1.6/2.1");
}

/* ---- asynchronous ---- */

static void enable_disable_delete(void **state)
{
	struct dpw *w = *state;

	install(w);
	ask(w, DPW_MNO, ES2_ENABLE_PROFILE, "a", DPW_ICCID);
	dpw_expect_outcome(w, "EXECUTED_SUCCESS");
	assert_int_equal(w->entry.state, ES_STATE_ENABLED);
	ask(w, DPW_MNO, ES2_ENABLE_PROFILE, "b", DPW_ICCID);
	dpw_expect_outcome(w, "FAILED 8.2.1/3.5"); /* the SM-SR's word, unchanged */
	ask(w, DPW_MNO, ES2_DISABLE_PROFILE, "c", DPW_ICCID);
	dpw_expect_outcome(w, "EXECUTED_SUCCESS");
	ask(w, DPW_MNO, ES2_DELETE_PROFILE, "d", DPW_ICCID);
	dpw_expect_outcome(w, "EXECUTED_SUCCESS");
	dpw_expect_nothing(w);
	assert_int_equal(dpw_calls(w, ES3_GET_EIS), 1); /* of the download: we know whose profile it is */
	ask(w, DPW_MNO, ES2_DELETE_PROFILE, "e", DPW_ICCID);
	dpw_expect_outcome(w, "FAILED 8.2.1/3.9");
	dpw_expect_silence(w);
}

static void audit_gives_a_filtered_eis(void **state)
{
	struct dpw *w = *state;
	struct es_audit_eis_req q = {.eid = w->eid, .smsr_id = DPW_SMSR};
	char *body;

	install(w);
	dpw_call(w, DPW_MNO, ES2_AUDIT_EIS, "a", &q.base);
	dpw_run(w);
	body = dpw_expect_outcome(w, "EXECUTED_SUCCESS");
	assert_non_null(strstr(body, DPW_ICCID));
	assert_null(strstr(body, DPW_OTHER));
}

static void nobody_acts_on_profiles_of_others(void **state)
{
	struct dpw *w = *state;

	install(w);
	ask(w, DPW_OTHER, ES2_DELETE_PROFILE, "a", DPW_ICCID);
	dpw_expect_outcome(w, "FAILED 8.2.1/1.2");
	/* One that we did not install: the EIS says whose it is. */
	w->leftover =
		(struct dpw_entry){.there = true, .iccid = STRANGE_ICCID, .mno = DPW_OTHER, .state = ES_STATE_DISABLED};
	ask(w, DPW_MNO, ES2_ENABLE_PROFILE, "b", STRANGE_ICCID);
	dpw_expect_outcome(w, "FAILED 8.2.1/1.2");
	assert_int_equal(w->leftover.state, ES_STATE_DISABLED);
	ask(w, DPW_OTHER, ES2_ENABLE_PROFILE, "c", STRANGE_ICCID);
	dpw_expect_outcome(w, "EXECUTED_SUCCESS");
	assert_int_equal(w->leftover.state, ES_STATE_ENABLED);
	w->cfg->peers[0].rights = RIGHT_READ;
	ask(w, DPW_MNO, ES2_ENABLE_PROFILE, "d", DPW_ICCID);
	dpw_expect_outcome(w, "FAILED 1.1/1.2");
}

static void time_runs_out(void **state)
{
	struct dpw *w = *state;
	struct es_profile_req q = {.base = {.validity_s = 600}, .eid = w->eid, .smsr_id = DPW_SMSR, .iccid = DPW_ICCID};

	install(w);
	dpw_rule(w, ES3_ENABLE_PROFILE, 0, 1, DPW_SWALLOW, NULL);
	dpw_call(w, DPW_MNO, ES2_ENABLE_PROFILE, "a", &q.base);
	dpw_advance(w, 599000);
	dpw_expect_silence(w);
	dpw_advance(w, 200000);
	dpw_expect_outcome(w, "EXPIRED 1.6/5.3");
	dpw_expect_silence(w);
}

/* "Come again in four days": it is asked before the time of the order is over. */
static void put_off_for_days(void **state)
{
	struct dpw *w = *state;
	struct es_profile_req q = {
		.base = {.validity_s = 7200}, .eid = w->eid, .smsr_id = DPW_SMSR, .iccid = DPW_ICCID};

	install(w);
	w->retry_after_s = 4 * 86400;
	dpw_rule(w, ES3_ENABLE_PROFILE, 0, 1, DPW_UNAVAILABLE, NULL);
	dpw_call(w, DPW_MNO, ES2_ENABLE_PROFILE, "a", &q.base);
	dpw_advance(w, 3500000);
	dpw_expect_silence(w);
	dpw_advance(w, 200000);
	dpw_expect_outcome(w, "EXECUTED_SUCCESS");
}

static void what_is_done_too_late_is_notified(void **state)
{
	struct dpw *w = *state;
	struct es_profile_req q = {.base = {.validity_s = 600}, .eid = w->eid, .smsr_id = DPW_SMSR, .iccid = DPW_ICCID};
	struct es_euicc_rsp rsp = {.base = {.start_ms = 1, .end_ms = 1700000000000LL}};
	struct dpw_call *c;
	struct bytes late;
	char *id;

	install(w);
	dpw_rule(w, ES3_ENABLE_PROFILE, 0, 1, DPW_SWALLOW, NULL);
	dpw_call(w, DPW_MNO, ES2_ENABLE_PROFILE, "a", &q.base);
	dpw_advance(w, 800000);
	dpw_expect_outcome(w, "EXPIRED 1.6/5.3");
	c = llist_last_entry(&w->calls, struct dpw_call, entry);
	assert_int_equal(c->fn, ES3_ENABLE_PROFILE);
	id = strstr(c->body, "MessageID>") + strlen("MessageID>");
	id = talloc_strndup(w->ctx, id, strcspn(id, "?<"));
	late = dpw_callback(w, ES3_ENABLE_PROFILE, id, NULL, &rsp);
	assert_int_equal(dpw_deliver(w, DPW_SMSR, late), 202);
	assert_int_equal(dpw_deliver(w, DPW_SMSR, late), 202);
	dpw_run(w);
	assert_non_null(strstr(note_to(w, "mno.example/note"), "ES2-HandleProfileEnabledNotification"));
	dpw_expect_silence(w);
}

static void a_link_that_is_gone_expires(void **state)
{
	struct dpw *w = *state;
	struct es_profile_req q = {
		.base = {.validity_s = 600}, .eid = w->eid, .smsr_id = DPW_SMSR, .iccid = STRANGE_ICCID};

	w->leftover =
		(struct dpw_entry){.there = true, .iccid = STRANGE_ICCID, .mno = DPW_MNO, .state = ES_STATE_DISABLED};
	dpw_rule(w, ES3_GET_EIS, 0, 1, DPW_UNAVAILABLE, NULL);
	dpw_call(w, DPW_MNO, ES2_ENABLE_PROFILE, "a", &q.base);
	dpw_run(w);
	w->cfg->n_smsrs = 0;
	dpw_advance(w, 800000);
	/* The look goes where it was to go; what comes behind it has nowhere to go. */
	dpw_expect_outcome(w, "EXPIRED 1.6/5.3");
	dpw_expect_silence(w);
	w->cfg->n_smsrs = 1;
}

static void a_kill_at_every_point(void **state)
{
	for (unsigned int point = 1;; point++) {
		struct dpw *w = *state;

		install(w);
		w->points = 0;
		w->kill_at = point;
		ask(w, DPW_MNO, ES2_ENABLE_PROFILE, "a", DPW_ICCID);
		dpw_advance(w, 1800 * 1000);
		dpw_expect_outcome(w, "EXECUTED_SUCCESS");
		dpw_expect_silence(w);
		assert_int_equal(w->entry.state, ES_STATE_ENABLED);
		if (w->points < point)
			break;
		dpw_teardown(state);
		dpw_setup(state);
	}
}

static void only_the_same_call_is_a_repetition(void **state)
{
	struct dpw *w = *state;

	install(w);
	ask(w, DPW_MNO, ES2_ENABLE_PROFILE, "a", DPW_ICCID);
	dpw_expect_outcome(w, "EXECUTED_SUCCESS");
	w->other_body = "another";
	ask(w, DPW_MNO, ES2_ENABLE_PROFILE, "a", DPW_ICCID);
	dpw_expect_outcome(w, "FAILED 1.6/3.3");
	w->other_body = NULL;
	ask(w, DPW_MNO, ES2_DISABLE_PROFILE, "a", DPW_ICCID);
	dpw_expect_outcome(w, "FAILED 1.6/3.3");
	assert_int_equal(w->entry.state, ES_STATE_ENABLED);
	/* Identifiers of different operators have nothing to do with each other. */
	ask(w, DPW_OTHER, ES2_ENABLE_PROFILE, "a", DPW_ICCID);
	dpw_expect_outcome(w, "FAILED 8.2.1/1.2");
}

static void a_look_without_an_eis_allows_nothing(void **state)
{
	struct dpw *w = *state;

	w->leftover =
		(struct dpw_entry){.there = true, .iccid = STRANGE_ICCID, .mno = DPW_OTHER, .state = ES_STATE_DISABLED};
	dpw_rule(w, ES3_GET_EIS, 0, 1, DPW_FAIL, "EXECUTED_SUCCESS");
	ask(w, DPW_MNO, ES2_ENABLE_PROFILE, "a", STRANGE_ICCID);
	dpw_expect_outcome(w, "FAILED 1.2/4.2");
	assert_int_equal(w->leftover.state, ES_STATE_DISABLED);
}

static void audit(struct dpw *w, const char *sender, const char *call_id, const char *a, const char *b)
{
	const char *iccids[] = {a, b};
	struct es_audit_eis_req q = {.eid = w->eid, .smsr_id = DPW_SMSR, .iccids = iccids, .n_iccids = b ? 2 : 1};

	dpw_call(w, sender, ES2_AUDIT_EIS, call_id, &q.base);
	dpw_run(w);
}

static void nobody_audits_profiles_of_others(void **state)
{
	struct dpw *w = *state;

	install(w);
	w->leftover =
		(struct dpw_entry){.there = true, .iccid = STRANGE_ICCID, .mno = DPW_OTHER, .state = ES_STATE_DISABLED};
	audit(w, DPW_OTHER, "a", STRANGE_ICCID, DPW_ICCID);
	dpw_expect_outcome(w, "FAILED 8.2.1/1.2");
	audit(w, DPW_MNO, "b", DPW_ICCID, STRANGE_ICCID);
	dpw_expect_outcome(w, "FAILED 8.2.1/1.2");
	audit(w, DPW_MNO, "c", DPW_ICCID, DPW_ICCID2);
	dpw_expect_outcome(w, "FAILED 8.2.1/3.9");
	assert_int_equal(dpw_calls(w, ES3_AUDIT_EIS), 0);
	audit(w, DPW_OTHER, "d", STRANGE_ICCID, NULL);
	dpw_expect_outcome(w, "EXECUTED_SUCCESS");
	audit(w, DPW_MNO, "e", DPW_ICCID, NULL);
	dpw_expect_outcome(w, "EXECUTED_SUCCESS");
	assert_int_equal(dpw_calls(w, ES3_AUDIT_EIS), 2);
}

/* ---- notifications ---- */

static struct es_profile_note note_of(struct dpw *w, const char *iccid)
{
	return (struct es_profile_note){.eid = w->eid, .iccid = iccid, .completed_ms = 1700000000000LL};
}

static void notifications_find_their_operator(void **state)
{
	struct dpw *w = *state;
	struct es_profile_note note = note_of(w, DPW_ICCID);
	struct bytes message;
	char *body;

	install(w);
	message = dpw_callback(w, ES3_HANDLE_PROFILE_DISABLED, NULL, "tx-sr", &note);
	assert_int_equal(dpw_deliver(w, DPW_SMSR, message), 202);
	assert_int_equal(dpw_deliver(w, DPW_SMSR, message), 202); /* at least once */
	dpw_run(w);
	body = note_to(w, "mno.example/note");
	assert_non_null(strstr(body, "ES2-HandleProfileDisabledNotification"));
	assert_non_null(strstr(body, "TransactionID=tx-sr"));
	assert_non_null(strstr(body, "2023-11-14T22:13:20Z"));
	dpw_expect_silence(w);
	/* By Mno-id, and by nothing. */
	note = note_of(w, STRANGE_ICCID);
	note.mno_id = DPW_OTHER;
	assert_int_equal(dpw_deliver(w, DPW_SMSR, dpw_callback(w, ES3_HANDLE_PROFILE_ENABLED, NULL, "b", &note)), 202);
	dpw_run(w);
	assert_null(strstr(note_to(w, "other.example/note"), "Mno-id"));
	note.mno_id = NULL;
	assert_int_equal(dpw_deliver(w, DPW_SMSR, dpw_callback(w, ES3_HANDLE_PROFILE_ENABLED, NULL, "c", &note)), 202);
	assert_int_equal(dpw_deliver(w, DPW_MNO, dpw_callback(w, ES3_HANDLE_PROFILE_ENABLED, NULL, "d", &note)), 403);
	dpw_run(w);
	dpw_expect_silence(w);
}

static void a_profile_that_is_gone_needs_no_keys(void **state)
{
	struct dpw *w = *state;
	struct es_profile_note note = note_of(w, DPW_ICCID);

	install(w);
	dpw_deliver(w, DPW_SMSR, dpw_callback(w, ES3_HANDLE_PROFILE_DELETED, NULL, "a", &note));
	dpw_run(w);
	note_to(w, "mno.example/note");
	dpw_deliver(w, DPW_SMSR, dpw_callback(w, ES3_HANDLE_PROFILE_DELETED, NULL, "b", &note));
	dpw_run(w);
	dpw_expect_silence(w); /* nobody's any more */
}

#define SECOND_SMSR "1.3.6.1.4.1.32473.31"

static void only_its_sm_sr_speaks_for_a_card(void **state)
{
	struct dpw *w = *state;
	struct es_profile_note note = note_of(w, DPW_ICCID);
	struct smsr_peer *second = smdp_cfg_smsr_get(w->cfg, "second");

	second->oid = second->tls.serial = SECOND_SMSR;
	second->url = "https://second.example/ES3/ES3SmSrService";
	install(w);
	assert_int_equal(dpw_deliver(w, SECOND_SMSR,
				     dpw_callback_of(w, SECOND_SMSR, ES3_HANDLE_PROFILE_DELETED, NULL, "a", &note)),
			 202);
	dpw_run(w);
	dpw_expect_silence(w);
	dpw_expect_profile(w, ES_STATE_DISABLED); /* and its keys are kept */
	assert_int_equal(dpw_deliver(w, DPW_SMSR, dpw_callback(w, ES3_HANDLE_PROFILE_DISABLED, NULL, "b", &note)), 202);
	dpw_run(w);
	note_to(w, "mno.example/note");
}

static char *manager(struct dpw *w)
{
	uint8_t eid[EID_LEN];
	char *oid;

	assert_int_equal(eid_dec(w->eid, eid), 0);
	assert_int_equal(order_db_manager(w->ctx, w->db, eid, &oid), 0);
	return oid;
}

/* A card that has moved, as its new SM-SR tells it. */
static struct bytes moved(struct dpw *w, const char *transaction, bool is_signed)
{
	struct es_eis_note note = {.completed_ms = 1700000000000LL};
	struct es_profile_info profile = {
		.iccid = DPW_ICCID, .isdp_aid = BYTES_ARR(w->entry.aid), .mno_id = DPW_MNO, .state = ES_STATE_ENABLED};
	struct es_status bad;
	struct es_eis *eis;
	char *text;

	assert_int_equal(es_eis_dec(w->es, w->ctx, bytes_str(w->eis_xml), &eis, &bad), 0);
	for (size_t i = 0; eis->isdr && i < eis->isdr->n_keysets; i++)
		eis->isdr->keysets[i].n_keys = 0;
	note.eis = *eis;
	note.eis.smsr_id = SECOND_SMSR;
	note.eis.profiles = &profile;
	note.eis.n_profiles = 1;
	text = strstr(eis->signed_info_xml, "ProductionDate>20");
	assert_non_null(text);
	if (!is_signed)
		text[strlen("ProductionDate>201")] ^= 1;
	return dpw_callback_of(w, SECOND_SMSR, ES3_HANDLE_SMSR_CHANGE, NULL, transaction, &note);
}

static void a_card_moves_only_with_what_its_eum_signed(void **state)
{
	struct dpw *w = *state;
	struct smsr_peer *second = smdp_cfg_smsr_get(w->cfg, "second");

	second->oid = second->tls.serial = SECOND_SMSR;
	second->url = "https://second.example/ES3/ES3SmSrService";
	install(w);
	assert_int_equal(dpw_deliver(w, SECOND_SMSR, moved(w, "a", false)), 202);
	dpw_run(w);
	dpw_expect_silence(w);
	assert_string_equal(manager(w), DPW_SMSR);
	assert_int_equal(dpw_deliver(w, SECOND_SMSR, moved(w, "b", true)), 202);
	dpw_run(w);
	assert_non_null(strstr(note_to(w, "mno.example/note"), "ES2-HandleSMSRChangeNotification"));
	assert_string_equal(manager(w), SECOND_SMSR);
}

static void an_sm_sr_answers_only_its_own_calls(void **state)
{
	struct dpw *w = *state;
	struct smsr_peer *second = smdp_cfg_smsr_get(w->cfg, "second");
	struct es_euicc_rsp rsp = {.base = {.start_ms = 1, .end_ms = 2}};
	struct dpw_call *c;
	char *id;

	second->oid = second->tls.serial = SECOND_SMSR;
	second->url = "https://second.example/ES3/ES3SmSrService";
	install(w);
	dpw_rule(w, ES3_ENABLE_PROFILE, 0, 1, DPW_SWALLOW, NULL);
	ask(w, DPW_MNO, ES2_ENABLE_PROFILE, "a", DPW_ICCID);
	c = llist_last_entry(&w->calls, struct dpw_call, entry);
	id = strstr(c->body, "MessageID>") + strlen("MessageID>");
	id = talloc_strndup(w->ctx, id, strcspn(id, "?<"));
	assert_int_equal(
		dpw_deliver(w, SECOND_SMSR, dpw_callback_of(w, SECOND_SMSR, ES3_ENABLE_PROFILE, id, NULL, &rsp)), 400);
	/* Nor does it under the name of the other. */
	assert_int_equal(dpw_deliver(w, SECOND_SMSR, dpw_callback(w, ES3_ENABLE_PROFILE, id, NULL, &rsp)), 403);
	dpw_run(w);
	dpw_expect_silence(w);
}

static void a_look_takes_its_time_from_the_twin(void **state)
{
	struct dpw *w = *state;
	struct es_profile_req q = {
		.base = {.validity_s = 600}, .eid = w->eid, .smsr_id = DPW_SMSR, .iccid = STRANGE_ICCID};
	struct dpw_call *c;

	w->leftover =
		(struct dpw_entry){.there = true, .iccid = STRANGE_ICCID, .mno = DPW_MNO, .state = ES_STATE_DISABLED};
	dpw_rule(w, ES3_GET_EIS, 0, 1, DPW_UNAVAILABLE, NULL);
	w->cfg->limits.es3_retry_min_s = w->cfg->limits.es3_retry_max_s = 400;
	dpw_call(w, DPW_MNO, ES2_ENABLE_PROFILE, "a", &q.base);
	dpw_advance(w, 599000);
	dpw_expect_outcome(w, "EXECUTED_SUCCESS");
	c = llist_last_entry(&w->calls, struct dpw_call, entry);
	assert_int_equal(c->fn, ES3_ENABLE_PROFILE);
	assert_null(strstr(c->body, "ValidityPeriod>600<"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DPW_TEST(get_eis_is_filtered),
		DPW_TEST(rules_and_address_are_passed_on),
		DPW_TEST(an_sm_sr_that_does_not_answer),
		DPW_TEST(an_sm_sr_that_refuses),
		DPW_TEST(a_full_disk_takes_no_orders),
		DPW_TEST(enable_disable_delete),
		DPW_TEST(audit_gives_a_filtered_eis),
		DPW_TEST(nobody_acts_on_profiles_of_others),
		DPW_TEST(only_the_same_call_is_a_repetition),
		DPW_TEST(a_look_without_an_eis_allows_nothing),
		DPW_TEST(nobody_audits_profiles_of_others),
		DPW_TEST(time_runs_out),
		DPW_TEST(put_off_for_days),
		DPW_TEST(what_is_done_too_late_is_notified),
		DPW_TEST(a_link_that_is_gone_expires),
		DPW_TEST(a_kill_at_every_point),
		DPW_TEST(notifications_find_their_operator),
		DPW_TEST(a_profile_that_is_gone_needs_no_keys),
		DPW_TEST(only_its_sm_sr_speaks_for_a_card),
		DPW_TEST(a_card_moves_only_with_what_its_eum_signed),
		DPW_TEST(an_sm_sr_answers_only_its_own_calls),
		DPW_TEST(a_look_takes_its_time_from_the_twin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
