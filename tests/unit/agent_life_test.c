/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Administration sessions of a card: what breaks, what is tried again, and the faults on request. */
#include "tests/support/agent_bench.h"

#include <errno.h>
#include <string.h>

#include <talloc.h>

#define NEXT "/gsma/adminagent?tid=17&s=1"
#define POST_NEXT "POST " NEXT " HTTP/1.1\r\n"
#define RESUME "X-Admin-Resume: true\r\n"
#define GET_EID "AE80220580CA005A000000"
#define ENABLE "AE80221A80E28800153A03124F10" BENCH_AID_OPER "0000"

static void result_is_out(struct bench *b)
{
	agent_start(b);
	agent_script(b, NEXT, NULL, GET_EID);
	assert_non_null(strstr(agent_sent(b), "X-Admin-Script-Status: ok"));
}

static void broken(struct bench *b)
{
	euicc_rx_https_closed(b->card, "connection reset");
	agent_closed(b, true);
	bench_expect_nothing(b);
}

static void assert_has(const char *text, const char *part, bool want)
{
	if ((strstr(text, part) != NULL) != want)
		fail_msg("%s \"%s\" in: %s", want ? "no" : "unexpected", part, text);
}

static void a_lost_answer_is_resumed(void **state)
{
	struct bench *b = *state;
	const char *sent;

	result_is_out(b);
	broken(b);
	bench_advance(b, b->fleet->set.https_retry_ms - 1);
	bench_expect_nothing(b);
	bench_advance(b, 1);
	agent_connect(b);
	sent = agent_sent(b);
	assert_has(sent, POST_NEXT, true);
	assert_has(sent, RESUME, true);
	assert_has(sent, "X-Admin-Script-Status: ok", true);
	assert_has(sent, "8\r\n.", true);
	/* what follows an answer is no resumption any more */
	agent_script(b, "/gsma/adminagent?tid=17&s=2", NULL, GET_EID);
	assert_has(agent_sent(b), RESUME, false);
}

static void a_bare_resumption_gets_the_script_again(void **state)
{
	struct bench *b = *state;
	const char *sent;

	b->fleet->set.https_resume_bare = true;
	result_is_out(b);
	broken(b);
	bench_advance(b, b->fleet->set.https_retry_ms);
	agent_connect(b);
	sent = agent_sent(b);
	assert_has(sent, POST_NEXT, true);
	assert_has(sent, RESUME, true);
	assert_has(sent, "Script-Status", false);
	agent_script(b, NEXT, NULL, GET_EID);
	sent = agent_sent(b);
	assert_has(sent, RESUME, false);
	assert_has(sent, "X-Admin-Script-Status: ok", true);
}

static void a_request_that_never_went_out_is_no_resumption(void **state)
{
	struct bench *b = *state;

	assert_int_equal(euicc_trigger(b->card, bench_hex(b, AGENT_TRIGGER)), 0);
	bench_expect(b, EUICC_OUT_CONNECT);
	broken(b);
	bench_advance(b, b->fleet->set.https_retry_ms);
	agent_connect(b);
	assert_string_equal(agent_sent(b), AGENT_FIRST);
}

static void refusals_start_over(void **state)
{
	static const unsigned int statuses[] = {301, 400, 401, 403, 404, 405, 411, 413, 415, 500, 501, 503};
	struct bench *b = *state;

	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		result_is_out(b);
		agent_say(b, talloc_asprintf(b->ctx, "HTTP/1.1 %u No\r\nContent-Length: 0\r\n\r\n", statuses[i]));
		agent_closed(b, true);
		bench_advance(b, b->fleet->set.https_retry_ms);
		agent_connect(b);
		assert_string_equal(agent_sent(b), AGENT_FIRST);
		agent_say(b, AGENT_204);
		agent_closed(b, false);
		bench_expect_nothing(b);
	}
}

static void answers_that_break_the_connection(void **state)
{
	static const char *const answers[] = {
		"\r\nGET / HTTP/1.1\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", /* no X-Admin-Protocol */
		"HTTP/1.1 200 OK\r\nX-Admin-Protocol: other/1.0\r\nContent-Length: 0\r\n\r\n",
		AGENT_204 "H",
		AGENT_OK "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
		AGENT_OK "Content-Length: 100000\r\n\r\n",
	};
	struct bench *b = *state;

	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		result_is_out(b);
		agent_say(b, answers[i]);
		agent_closed(b, true);
		assert_true(euicc_in_session(b->card));
		bench_advance(b, b->fleet->set.https_retry_ms);
		agent_connect(b);
		assert_has(agent_sent(b), POST_NEXT, true);
		agent_say(b, AGENT_204);
		agent_closed(b, false);
	}
}

static void attempts_end(void **state)
{
	struct bench *b = *state;

	assert_int_equal(euicc_trigger(b->card, bench_hex(b, AGENT_TRIGGER)), 0);
	for (unsigned int i = 0; i <= b->fleet->set.https_retries; i++) {
		bench_expect(b, EUICC_OUT_CONNECT);
		bench_advance(b, b->fleet->set.https_open_ms); /* nobody answers */
		agent_closed(b, true);
		bench_expect_nothing(b);
		bench_advance(b, b->fleet->set.https_retry_ms);
	}
	bench_advance(b, 100000000);
	bench_expect_nothing(b);
	assert_false(euicc_in_session(b->card));
}

static void the_policy_of_the_trigger(void **state)
{
	struct bench *b = *state;

	assert_int_equal(euicc_trigger(b->card, bench_hex(b, AGENT_TRIGGER_RETRY)), 0);
	for (unsigned int i = 0; i < 2; i++) {
		agent_connect(b);
		agent_sent(b);
		broken(b);
		bench_advance(b, 15 * 60 * 1000 - 1);
		bench_expect_nothing(b);
		bench_advance(b, 1);
	}
	bench_expect_nothing(b);
	assert_false(euicc_in_session(b->card));
}

static void a_good_answer_renews_the_attempts(void **state)
{
	struct bench *b = *state;

	assert_int_equal(euicc_trigger(b->card, bench_hex(b, AGENT_TRIGGER_RETRY)), 0);
	for (unsigned int i = 0; i < 5; i++) {
		agent_connect(b);
		agent_sent(b);
		agent_script(b, NEXT, NULL, GET_EID);
		agent_sent(b);
		broken(b);
		bench_advance(b, 15 * 60 * 1000);
	}
	agent_connect(b);
}

static void a_second_trigger(void **state)
{
	struct bench *b = *state;
	struct bytes trigger = bench_hex(b, AGENT_TRIGGER);

	result_is_out(b);
	assert_int_equal(euicc_trigger(b->card, trigger), -EBUSY);
	bench_send_content(b, trigger);
	assert_int_equal(bench_por(b).status, SP_ST_OK);
	bench_expect_nothing(b);
	/* between two attempts it starts a session of its own at once */
	broken(b);
	assert_int_equal(euicc_trigger(b->card, trigger), 0);
	agent_connect(b);
	assert_string_equal(agent_sent(b), AGENT_FIRST);
}

static void a_silent_server(void **state)
{
	struct bench *b = *state;

	result_is_out(b);
	bench_advance(b, b->fleet->set.https_wait_ms - 1);
	bench_expect_nothing(b);
	bench_advance(b, 1);
	agent_closed(b, true);
	bench_advance(b, b->fleet->set.https_retry_ms);
	agent_connect(b);
	assert_has(agent_sent(b), RESUME, true);
}

static void no_session_without_service(void **state)
{
	struct bench *b = *state;

	result_is_out(b);
	euicc_rx_lost(b->card, BENCH_IMSI_BOOT);
	bench_expect_detach(b, BENCH_IMSI_BOOT);
	agent_closed(b, true);
	assert_int_equal(euicc_coverage_set(b->card, BENCH_IMSI_BOOT, false), 0);
	bench_advance(b, 10 * b->fleet->set.https_retry_ms);
	bench_expect_nothing(b);
	assert_int_equal(euicc_coverage_set(b->card, BENCH_IMSI_BOOT, true), 0);
	bench_advance(b, b->fleet->set.reattach_ms);
	bench_attach(b, BENCH_IMSI_BOOT, 0);
	agent_connect(b);
	assert_has(agent_sent(b), RESUME, true);
}

static void a_reset_forgets(void **state)
{
	struct bench *b = *state;

	assert_int_equal(euicc_trigger(b->card, bench_hex(b, AGENT_TRIGGER)), 0);
	agent_connect(b);
	agent_sent(b);
	euicc_power(b->card, false);
	bench_expect_detach(b, BENCH_IMSI_BOOT);
	agent_closed(b, true);
	assert_int_equal(euicc_trigger(b->card, bench_hex(b, AGENT_TRIGGER)), -ENOENT);
	euicc_power(b->card, true);
	bench_attach(b, BENCH_IMSI_BOOT, 0);
	bench_advance(b, 1000000);
	bench_expect_nothing(b);
}

static void a_change_of_profiles_outlives_a_lost_session(void **state)
{
	struct bench *b = *state;

	b->fleet->set.https_retries = 1;
	agent_start(b);
	agent_script(b, NEXT, NULL, ENABLE);
	agent_sent(b);
	broken(b);
	bench_advance(b, b->fleet->set.https_retry_ms);
	bench_expect(b, EUICC_OUT_CONNECT);
	/* given up: the change takes place, and the notification tells */
	euicc_rx_https_closed(b->card, "no route");
	agent_closed(b, true);
	bench_expect_detach(b, BENCH_IMSI_BOOT);
	bench_advance(b, b->fleet->set.refresh_ms);
	bench_attach(b, BENCH_IMSI_OPER, 0);
	bench_notification(b, 0x02, 1, BENCH_AID_OPER);
}

static void a_change_by_sms_waits_as_well(void **state)
{
	struct bench *b = *state;

	agent_start(b);
	bench_ask_sw(b, "EnableProfile", 0x9000);
	bench_expect_nothing(b);
	agent_say(b, AGENT_204);
	agent_closed(b, false);
	bench_expect_detach(b, BENCH_IMSI_BOOT);
}

/* A trigger takes the place of the session of a notification, which is not forgotten. */
static void a_notification_waits_for_the_session_of_a_trigger(void **state)
{
	struct bench *b = *state;

	b->fleet->set.notify_https = true;
	b->fleet->set.https_host = "sm-sr.example";
	bench_ask_sw(b, "EnableProfile", 0x9000);
	bench_expect_detach(b, BENCH_IMSI_BOOT);
	bench_advance(b, b->fleet->set.refresh_ms);
	bench_attach(b, BENCH_IMSI_OPER, 0);
	agent_connect(b);
	assert_has(agent_sent(b), "?msg=E1", true);
	broken(b);
	assert_int_equal(euicc_trigger(b->card, bench_hex(b, AGENT_TRIGGER)), 0);
	agent_connect(b);
	assert_string_equal(agent_sent(b), AGENT_FIRST);
	agent_say(b, AGENT_204);
	agent_closed(b, false);
	agent_connect(b);
	assert_has(agent_sent(b), "?msg=E1", true);
}

static void what_comes_late_is_ignored(void **state)
{
	struct bench *b = *state;

	euicc_rx_https_open(b->card);
	euicc_rx_https_data(b->card, BYTES_LIT(AGENT_204));
	euicc_rx_https_closed(b->card, "late");
	bench_expect_nothing(b);
	result_is_out(b);
	broken(b);
	euicc_rx_https_data(b->card, BYTES_LIT(AGENT_204));
	euicc_rx_https_closed(b->card, "late");
	bench_expect_nothing(b);
	assert_true(euicc_in_session(b->card));
}

/* ---- faults ---- */

static void fault_cut(void **state)
{
	static const size_t first = sizeof(AGENT_FIRST) - 1;
	struct bench *b = *state;

	/* in the request */
	euicc_fault_set(b->card, EUICC_FAULT_HTTPS_CUT, true, 20);
	assert_int_equal(euicc_trigger(b->card, bench_hex(b, AGENT_TRIGGER)), 0);
	agent_connect(b);
	bench_assert_bytes(b, agent_sent_octets(b), bytes_of(AGENT_FIRST, 20));
	agent_closed(b, true);
	/* in the answer, of the next connection */
	euicc_fault_set(b->card, EUICC_FAULT_HTTPS_CUT, true, (uint32_t)first + 60);
	bench_advance(b, b->fleet->set.https_retry_ms);
	agent_connect(b);
	assert_has(agent_sent(b), RESUME, true);
	agent_script(b, NEXT, NULL, GET_EID);
	agent_closed(b, true);
	/* once */
	bench_advance(b, b->fleet->set.https_retry_ms);
	agent_connect(b);
	assert_has(agent_sent(b), RESUME, true);
	agent_say(b, AGENT_204);
	agent_closed(b, false);
}

static void fault_stall(void **state)
{
	struct bench *b = *state;

	euicc_fault_set(b->card, EUICC_FAULT_HTTPS_STALL, true, 1);
	agent_start(b);
	agent_script(b, NEXT, NULL, GET_EID);
	bench_expect_nothing(b);
	euicc_rx_https_closed(b->card, "the server is tired");
	agent_closed(b, true);
	/* the result has never left the card */
	euicc_fault_set(b->card, EUICC_FAULT_HTTPS_STALL, false, 0);
	bench_advance(b, b->fleet->set.https_retry_ms);
	agent_connect(b);
	assert_has(agent_sent(b), RESUME, false);
}

static void fault_status(void **state)
{
	static const struct {
		uint32_t arg;
		const char *status;
	} rows[] = {
		{0, "security-error"},	    {1, "ok"},
		{2, "unknown-application"}, {3, "not-a-security-domain"},
		{4, "security-error"},	    {5, "temporarily-unavailable-application"},
		{6, "script-format-error"}, {7, "unavailable-se"},
		{8, "security-error"},	    {4000000000, "security-error"},
	};
	struct bench *b = *state;

	agent_start(b);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		euicc_fault_set(b->card, EUICC_FAULT_HTTPS_STATUS, true, rows[i].arg);
		agent_script(b, NEXT, NULL, ENABLE);
		assert_string_equal(agent_sent(b),
				    talloc_asprintf(b->ctx, POST_NEXT AGENT_HEAD "X-Admin-Script-Status: %s\r\n\r\n",
						    rows[i].status));
	}
	agent_say(b, AGENT_204);
	agent_closed(b, false);
	bench_expect_nothing(b); /* nothing was executed */
}

static void fault_garbage(void **state)
{
	struct bench *b = *state;

	euicc_fault_set(b->card, EUICC_FAULT_HTTPS_GARBAGE, true, 0);
	agent_start(b);
	agent_script(b, NEXT, NULL, GET_EID);
	assert_has(agent_sent(b), "garbage", true);
}

static void fault_identity(void **state)
{
	struct bench *b = *state;
	const char *sent;

	euicc_fault_set(b->card, EUICC_FAULT_HTTPS_WRONG_EID, true, 0);
	euicc_fault_set(b->card, EUICC_FAULT_HTTPS_WRONG_PSK, true, 0);
	assert_int_equal(euicc_trigger(b->card, bench_hex(b, AGENT_TRIGGER)), 0);
	assert_true(agent_connect(b)->wrong_psk);
	sent = agent_sent(b);
	assert_has(sent, "//se-id/eid/", true);
	assert_has(sent, AGENT_EID, false);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, agent_setup, bench_teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_lost_answer_is_resumed),
		TEST(a_bare_resumption_gets_the_script_again),
		TEST(a_request_that_never_went_out_is_no_resumption),
		TEST(refusals_start_over),
		TEST(answers_that_break_the_connection),
		TEST(attempts_end),
		TEST(the_policy_of_the_trigger),
		TEST(a_good_answer_renews_the_attempts),
		TEST(a_second_trigger),
		TEST(a_silent_server),
		TEST(no_session_without_service),
		TEST(a_reset_forgets),
		TEST(a_change_of_profiles_outlives_a_lost_session),
		TEST(a_change_by_sms_waits_as_well),
		TEST(a_notification_waits_for_the_session_of_a_trigger),
		TEST(what_comes_late_is_ignored),
		TEST(fault_cut),
		TEST(fault_stall),
		TEST(fault_status),
		TEST(fault_garbage),
		TEST(fault_identity),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
