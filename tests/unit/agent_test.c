/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Administration sessions of a card: the dialogue.  Requests and answers are text written from the description of
 * GlobalPlatform Amendment B; commands come from vectors/es8.json. */
#include "tests/support/agent_bench.h"

#include <errno.h>
#include <string.h>

#include "scp81/trigger.h"

#define NEXT "/gsma/adminagent?tid=17&s=1"
#define POST_NEXT "POST " NEXT " HTTP/1.1\r\n" AGENT_HEAD
#define RSP_TYPE "Content-Type: application/vnd.globalplatform.card-content-mgt-response;version=1.0\r\n"
#define GET_EID "AE80220580CA005A000000" /* GET DATA of the ISD-R, an object that it has not */
#define ENABLE "AE80221A80E28800153A03124F10" BENCH_AID_OPER "0000"

static void a_trigger_by_sms(void **state)
{
	struct bench *b = *state;
	const struct euicc_channel *ch;
	struct sp_por por;

	bench_send_content(b, bench_hex(b, AGENT_TRIGGER));
	/* first the PoR, which says nothing but that the trigger came */
	por = bench_por(b);
	assert_int_equal(por.status, SP_ST_OK);
	assert_int_equal(por.data.len, 0);
	ch = agent_connect(b);
	bench_assert_bytes(b, ch->address, bench_hex(b, "C0000201"));
	assert_int_equal(ch->port, 8443);
	assert_string_equal(ch->identity, "8001028110" AGENT_EID "4F10A0000005591010FFFFFFFF8900000100820101830140");
	assert_int_equal(ch->kvn, 0x40);
	assert_int_equal(ch->kid, 1);
	assert_string_equal(agent_sent(b), AGENT_FIRST);
	bench_expect_nothing(b);
}

static void what_is_no_trigger_opens_nothing(void **state)
{
	struct bench *b = *state;
	struct sp_por por;

	bench_send_content(b, bench_hex(b, "8103830284")); /* cut inside */
	por = bench_por(b);
	assert_true(por.data.len > 0);
	bench_expect_nothing(b);
	assert_int_equal(euicc_trigger(b->card, bench_hex(b, "AA00")), -EINVAL);
	/* well-formed, but no server is known */
	assert_int_equal(euicc_trigger(b->card, bench_hex(b, "8100")), -ENOENT);
	assert_false(euicc_in_session(b->card));
	bench_expect_nothing(b);
}

static void a_script_and_its_result(void **state)
{
	struct bench *b = *state;
	struct bytes sent;

	agent_start(b);
	agent_script(b, NEXT, NULL, GET_EID);
	sent = agent_sent_octets(b);
	bench_assert_bytes(b, sent,
			   BYTES_LIT(POST_NEXT RSP_TYPE "X-Admin-Script-Status: ok\r\n"
							"Transfer-Encoding: chunked\r\n\r\n"
							"8\r\n\xaf\x80\x23\x02\x6a\x88\x00\x00\r\n0\r\n\r\n"));
	agent_say(b, AGENT_204);
	agent_closed(b, false);
	bench_expect_nothing(b);
	assert_false(euicc_in_session(b->card));
}

static void a_definite_script_and_content_length(void **state)
{
	struct bench *b = *state;

	b->fleet->set.https_length = true;
	agent_start(b);
	agent_script(b, NEXT, NULL, "AA07220580CA005A00");
	bench_assert_bytes(b, agent_sent_octets(b),
			   BYTES_LIT(POST_NEXT RSP_TYPE "X-Admin-Script-Status: ok\r\nContent-Length: 9\r\n\r\n"
							"\xab\x07\x80\x01\x01\x23\x02\x6a\x88"));
}

static void the_target_gets_it(void **state)
{
	struct bench *b = *state;

	agent_start(b);
	/* GET DATA of the ECASD: no certificate here, but the command is known */
	agent_script(b, NEXT, "A0000005591010FFFFFFFF8900000200", "AE80220680CABF30000000");
	assert_non_null(strstr(agent_sent(b), "X-Admin-Script-Status: ok"));
	agent_script(b, NEXT, BENCH_AID_OPER, GET_EID);
	assert_non_null(strstr(agent_sent(b), "X-Admin-Script-Status: ok"));
	/* nobody has this AID: status, and no body */
	agent_script(b, NEXT, "A0000005591010FFFFFFFF8900009900", ENABLE);
	assert_string_equal(agent_sent(b), POST_NEXT "X-Admin-Script-Status: unknown-application\r\n\r\n");
	agent_say(b, AGENT_204);
	agent_closed(b, false);
	bench_advance(b, 10000);
	bench_expect_nothing(b);
}

static void a_body_of_another_type(void **state)
{
	struct bench *b = *state;

	agent_start(b);
	agent_say(b, AGENT_OK "X-Admin-Next-URI: " NEXT "\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nhi");
	assert_string_equal(agent_sent(b), POST_NEXT "X-Admin-Script-Status: script-format-error\r\n\r\n");
}

static void without_next_uri_the_session_ends(void **state)
{
	struct bench *b = *state;

	agent_start(b);
	agent_script(b, NULL, NULL, ENABLE);
	agent_closed(b, false);
	bench_expect_detach(b, BENCH_IMSI_BOOT); /* it was executed */
}

static void a_204_may_go_on(void **state)
{
	struct bench *b = *state;

	agent_start(b);
	agent_say(b, "HTTP/1.1 204 No Content\r\nX-Admin-Protocol: globalplatform-remote-admin/1.0\r\n"
		     "X-Admin-Next-URI: /more?x\r\n\r\n");
	assert_string_equal(agent_sent(b), "POST /more?x HTTP/1.1\r\n" AGENT_HEAD "\r\n");
}

static void forms_of_next_uri(void **state)
{
	static const struct {
		const char *uri;
		const char *request; /* NULL: not taken */
		bool strict;	     /* taken by a strict card as well */
	} rows[] = {
		{"/a?b=c", "POST /a?b=c HTTP/1.1", true},
		{"/a/b", "POST /a/b HTTP/1.1", false},
		{"https://sm-sr.example/a?b", "POST /a?b HTTP/1.1", false},
		{"https://sm-sr.example", NULL, false},
		{"a?b", NULL, false},
		{"?b", NULL, false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]) * 2; i++) {
		bool strict = i & 1, taken = strict ? rows[i / 2].strict : rows[i / 2].request != NULL;
		struct bench *b;

		assert_int_equal(agent_setup(state), 0);
		b = *state;
		euicc_fault_set(b->card, EUICC_FAULT_HTTPS_NEXT_URI, strict, 0);
		agent_start(b);
		agent_script(b, rows[i / 2].uri, NULL, GET_EID);
		if (taken)
			assert_non_null(strstr(agent_sent(b), rows[i / 2].request));
		else
			agent_closed(b, true);
		bench_expect_nothing(b);
		bench_teardown(state);
	}
}

static void a_change_of_profiles_waits_for_the_end(void **state)
{
	struct bench *b = *state;

	agent_start(b);
	agent_script(b, NEXT, NULL, ENABLE);
	assert_non_null(strstr(agent_sent(b), "X-Admin-Script-Status: ok"));
	bench_advance(b, 60000); /* the server keeps the session for more to come */
	bench_expect_nothing(b);
	agent_say(b, AGENT_204);
	agent_closed(b, false);
	bench_expect_detach(b, BENCH_IMSI_BOOT);
	bench_advance(b, b->fleet->set.refresh_ms);
	bench_attach(b, BENCH_IMSI_OPER, 0);
	bench_notification(b, 0x02, 1, BENCH_AID_OPER);
}

static void settings_of_the_card_itself(void **state)
{
	struct bench *b = *state;
	const struct euicc_channel *ch;

	b->fleet->set.https_host = "lab.example";
	b->fleet->set.https_port = 4444;
	b->fleet->set.https_kvn = 0x41;
	assert_int_equal(euicc_trigger(b->card, bench_hex(b, "8100")), 0);
	ch = agent_connect(b);
	assert_int_equal(ch->address.len, 0);
	assert_int_equal(ch->port, 4444);
	assert_int_equal(ch->kvn, 0x41);
	assert_string_equal(ch->identity + 84, "830141");
	assert_non_null(strstr(agent_sent(b), "POST /gsma/adminagent HTTP/1.1\r\nHost: lab.example\r\n"));
}

/* An agent id, and the identity as objects instead of their text; an IPv6 address and no name. */
static void a_trigger_that_says_more(void **state)
{
	struct bench *b = *state;
	const struct trigger t = {
		.conn = {.port = 8443, .address = bench_hex(b, "20010DB8000000000000000000000001")},
		.security = {.psk_id = bench_hex(b, "8001028110" AGENT_EID "820101830142"),
			     .kvn = 0x42,
			     .kid = 1,
			     .hash = -1},
		.post = {.agent = "//se-id/eid/" AGENT_EID, .uri = "/b"},
		.has_conn = true,
		.has_security = true,
		.has_post = true,
	};
	const struct euicc_channel *ch;
	struct bytes octets;
	struct wr w;

	wr_init(&w, b->ctx);
	assert_int_equal(trigger_enc(&t, &w), 0);
	assert_int_equal(wr_end(&w, &octets), 0);
	assert_int_equal(euicc_trigger(b->card, octets), 0);
	ch = agent_connect(b);
	bench_assert_bytes(b, ch->address, t.conn.address);
	assert_string_equal(ch->identity, "8001028110" AGENT_EID "820101830142");
	assert_int_equal(ch->kvn, 0x42);
	assert_string_equal(agent_sent(b), "POST /b HTTP/1.1\r\nHost: [2001:db8::1]\r\n"
					   "X-Admin-Protocol: globalplatform-remote-admin/1.0\r\n"
					   "X-Admin-From: //se-id/eid/" AGENT_EID "\r\n\r\n");
}

/* 3A07 with A5: what a trigger does not say stands there, also after a loss of power. */
static void stored_parameters(void **state)
{
	struct bench *b = *state;
	const struct euicc_channel *ch;

	struct bytes bad =
		bench_hex(b, "80E288003F3A073CA53A" AGENT_CONN AGENT_POST "8600"); /* 86 without its counter */
	struct bytes good = bench_hex(b, "80E288004B3A0748A546" AGENT_CONN AGENT_POST "850C084944454E54495459024101");

	bench_assert_bytes(b, bench_ask(b, bad), bench_hex(b, "6A80"));
	bench_assert_bytes(b, bench_ask(b, good), bench_hex(b, "9000"));
	bench_restart(b);
	euicc_power(b->card, true);
	bench_attach(b, BENCH_IMSI_BOOT, 0);
	assert_int_equal(euicc_trigger(b->card, bench_hex(b, "8100")), 0);
	ch = agent_connect(b);
	assert_int_equal(ch->port, 8443);
	assert_string_equal(ch->identity, "IDENTITY");
	assert_int_equal(ch->kvn, 0x41);
	assert_string_equal(agent_sent(b), AGENT_FIRST);
}

static void a_notification_over_https(void **state)
{
	struct bench *b = *state;
	const char *sent;

	b->fleet->set.notify_https = true;
	b->fleet->set.https_host = "sm-sr.example";
	bench_ask_sw(b, "EnableProfile", 0x9000);
	bench_expect_detach(b, BENCH_IMSI_BOOT);
	bench_advance(b, b->fleet->set.refresh_ms);
	bench_attach(b, BENCH_IMSI_OPER, 0);
	agent_connect(b);
	sent = agent_sent(b);
	assert_non_null(
		strstr(sent, "POST /gsma/adminagent?msg=E1354C10" AGENT_EID "4D01024E0200012F10" BENCH_AID_OPER));
	assert_null(strstr(sent, "Script-Status"));
	agent_script(b, NEXT, NULL, "AE80220D80E28900073A08044E020001000000");
	bench_assert_bytes(b, agent_sent_octets(b),
			   BYTES_LIT(POST_NEXT RSP_TYPE "X-Admin-Script-Status: ok\r\n"
							"Transfer-Encoding: chunked\r\n\r\n"
							"A\r\n\xaf\x80\x23\x04\x80\x00\x90\x00\x00\x00\r\n0\r\n\r\n"));
	agent_say(b, AGENT_204);
	agent_closed(b, false);
	bench_advance(b, 10 * b->fleet->set.notify_wait_ms);
	bench_expect_nothing(b);
}

static void a_notification_falls_back_to_sms(void **state)
{
	struct bench *b = *state;

	b->fleet->set.notify_https = true;
	b->fleet->set.https_host = "sm-sr.example";
	b->fleet->set.https_retries = 1;
	bench_ask_sw(b, "EnableProfile", 0x9000);
	bench_expect_detach(b, BENCH_IMSI_BOOT);
	bench_advance(b, b->fleet->set.refresh_ms);
	bench_attach(b, BENCH_IMSI_OPER, 0);
	for (unsigned int i = 0; i < 2; i++) {
		bench_expect(b, EUICC_OUT_CONNECT);
		euicc_rx_https_closed(b->card, "refused");
		agent_closed(b, true);
		if (i == 0)
			bench_advance(b, b->fleet->set.https_retry_ms);
	}
	bench_notification(b, 0x02, 1, BENCH_AID_OPER);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, agent_setup, bench_teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_trigger_by_sms),
		TEST(what_is_no_trigger_opens_nothing),
		TEST(a_script_and_its_result),
		TEST(a_definite_script_and_content_length),
		TEST(the_target_gets_it),
		TEST(a_body_of_another_type),
		TEST(without_next_uri_the_session_ends),
		TEST(a_204_may_go_on),
		cmocka_unit_test(forms_of_next_uri),
		TEST(a_change_of_profiles_waits_for_the_end),
		TEST(settings_of_the_card_itself),
		TEST(a_trigger_that_says_more),
		TEST(stored_parameters),
		TEST(a_notification_over_https),
		TEST(a_notification_falls_back_to_sms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
