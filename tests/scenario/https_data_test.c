/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* SendData of an SM-DP that is too long for short messages: scripts to the ISD-P over HTTPS, all answers in order. */
#include <string.h>

#include <talloc.h>

#include "scp80/script.h"
#include "tests/support/https_card.h"

#define COMMANDS 40
#define SCRIPT_MAX 256 /* five commands of 47 octets */
#define SCRIPTS 8

static char *aid;

static struct https_card *begin(struct world *w)
{
	struct https_card *c = https_card_start(w);

	w->cfg->bearer.fallback->script_max = SCRIPT_MAX;
	world_register(w);
	aid = world_free_aid(w, 0);
	world_create_isdp(w, SMDP, 500, "create");
	world_advance(w, MINUTE_MS);
	world_expect_outcome(w, "ES3-CreateISDP", "EXECUTED_SUCCESS"); /* by SMS: it is short */
	return c;
}

static void send_long(struct world *w, const char *call_id)
{
	char *data = talloc_strdup(w->ctx, "");

	for (int i = 0; i < COMMANDS; i++)
		data = talloc_asprintf_append(data, "222D80E28800%02X%080d", 40, i);
	world_send_data(w, SMDP, aid, data, call_id);
	world_run(w);
}

/* Whole commands of 47 octets, as many as fit and not one more. */
static void scripts_end_at_their_length(void **state)
{
	struct world *w = *state;
	struct https_card *c = begin(w);

	w->cfg->bearer.fallback->script_max = 5 * 47;
	send_long(w, "five");
	assert_int_equal(world_rows(w, "https_script"), COMMANDS / 5);
	w->cfg->bearer.fallback->script_max = 5 * 47 - 1;
	world_damage(w, "DELETE FROM https_script; DELETE FROM https_job; UPDATE euicc SET active_op = NULL");
	send_long(w, "four");
	assert_int_equal(world_rows(w, "https_script"), COMMANDS / 4);
	assert_non_null(c);
}

/* What a card would say to script n. */
static struct bytes result_of(struct https_card *c, uint8_t n, uint16_t sw)
{
	struct bytes result;
	struct wr w;

	wr_init(&w, c);
	wr_u16(&w, 0xaf80);
	wr_u8(&w, SCRIPT_RSP_RAPDU);
	wr_u8(&w, 3);
	wr_u8(&w, n);
	wr_u16(&w, sw);
	wr_u16(&w, 0);
	assert_int_equal(wr_end(&w, &result), 0);
	return result;
}

static void expect_data(struct world *w, const char *hex)
{
	char *text = talloc_asprintf(w->ctx, "EuiccResponseData>%s<", hex);
	struct world_post *p = world_post(w, "smdp.example/cb");

	assert_non_null(strstr(p->body, "EXECUTED_SUCCESS"));
	if (!strstr(p->body, text))
		fail_msg("no %s in %s", text, p->body);
	world_expect_silence(w);
}

static void all_answers_in_order(void **state)
{
	struct world *w = *state;
	struct https_card *c = begin(w);
	char *all = talloc_strdup(w->ctx, "");
	uint8_t target[ADMIN_AID_MAX];
	uint8_t n = 0;
	size_t len;

	send_long(w, "data-1");
	https_card_first(c, "", false);
	while (c->rsp->status == 200) {
		assert_int_equal(admin_target_dec(c->rsp->target_app, target, &len), 0);
		assert_string_equal(hex_enc(c, bytes_of(target, len)), aid);
		assert_true(c->rsp->body.len <= SCRIPT_MAX + 4);
		c->result = result_of(c, ++n, 0x9000);
		all = talloc_asprintf_append(all, "2303%02X9000", n);
		https_card_result(c, n % 3 == 0); /* now and then on a new connection */
	}
	https_card_expect(c, 204, true);
	assert_int_equal(n, SCRIPTS);
	world_run(w);
	expect_data(w, all);
	assert_int_equal(world_rows(w, "https_script"), 0);
	assert_int_equal(world_rows(w, "op_data"), 0);
}

static struct bytes octets(struct https_card *c, const char *hex)
{
	struct bytes out;

	assert_int_equal(hex_dec(c, hex, &out), 0);
	return out;
}

/* SCP03t, and what nobody knows: as the card said it, octet for octet.  The rest would only meet a dead session. */
static void scp03t_error_ends_it(void **state)
{
	static const char *const errors[] = {"9F440105", "9F450101", "9F460106", "9F470101"};
	struct world *w = *state;
	struct https_card *c = begin(w);

	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		char *call_id = talloc_asprintf(w->ctx, "data-%zu", i);

		send_long(w, call_id);
		https_card_first(c, "", false);
		c->result = octets(c, "AF8084028899"
				      "9F7F0811223344556677880000");
		https_card_result(c, false);
		https_card_expect(c, 200, false);
		c->result = octets(c, talloc_asprintf(c, "AF808600%s0000", errors[i]));
		https_card_result(c, false);
		https_card_expect(c, 204, true);
		world_run(w);
		expect_data(w, talloc_asprintf(w->ctx,
					       "84028899"
					       "9F7F081122334455667788"
					       "8600%s",
					       errors[i]));
	}
}

/* A script that the card did not execute: what those before it gave is not lost. */
static void refused_in_the_middle(void **state)
{
	struct world *w = *state;
	struct https_card *c = begin(w);
	struct world_post *p;

	send_long(w, "data-1");
	https_card_first(c, "", false);
	c->result = result_of(c, 1, 0x9000);
	https_card_result(c, false);
	c->status = "security-error";
	https_card_result(c, false);
	https_card_expect(c, 204, true);
	world_run(w);
	p = world_post(w, "smdp.example/cb");
	assert_non_null(strstr(p->body, "FAILED"));
	assert_non_null(strstr(p->body, "EuiccResponseData>2303019000<"));
}

/* The rest would only do harm. */
static void an_error_ends_it(void **state)
{
	struct world *w = *state;
	struct https_card *c = begin(w);

	send_long(w, "data-1");
	https_card_first(c, "", false);
	c->result = result_of(c, 1, 0x9000);
	https_card_result(c, false);
	c->result = result_of(c, 2, 0x6a80);
	https_card_result(c, false);
	https_card_expect(c, 204, true);
	world_run(w);
	expect_data(w, "2303019000"
		       "2303026A80");
}

/* Nobody can tell what became of it. */
static void card_begins_anew(void **state)
{
	struct world *w = *state;
	struct https_card *c = begin(w);

	send_long(w, "data-1");
	https_card_first(c, "", false);
	https_card_expect(c, 200, false);
	https_card_break(c);
	https_card_first(c, "", false);
	https_card_expect(c, 204, true);
	world_run(w);
	world_expect_outcome(w, "ES3-SendData", "FAILED 1.6/5.4");
}

static void killed_between_scripts(void **state)
{
	struct world *w = *state;
	struct https_card *c = begin(w);
	char *all = talloc_strdup(w->ctx, "");
	uint8_t n = 0;

	send_long(w, "data-1");
	https_card_first(c, "", false);
	while (c->rsp->status == 200) {
		c->result = result_of(c, ++n, 0x9000);
		all = talloc_asprintf_append(all, "2303%02X9000", n);
		world_restart(w);
		https_card_result(c, true);
	}
	assert_int_equal(n, SCRIPTS);
	world_run(w);
	expect_data(w, all);
}

/* ---- CreateISDP ---- */

/* The card forgets the session behind the script: a look tells, and nothing is created twice. */
static void creation_whose_result_is_lost(struct world *w, bool executed)
{
	struct https_card *c = https_card_start(w);

	w->cfg->bearer.fallback->wish = BEARER_HTTPS;
	world_register(w);
	world_create_isdp(w, SMDP, 500, "create");
	world_run(w);
	https_card_first(c, "", false);
	if (executed)
		https_card_execute(c);
	https_card_break(c);
	https_card_first(c, "", false);
	https_card_go_on(c); /* parked, or ended behind a look */
	world_run(w);
	world_expect_outcome(w, "ES3-CreateISDP", "EXECUTED_SUCCESS");
	assert_int_equal(world_new_on_card(w), ISDP_SELECTABLE);
	assert_int_equal(world_new_state(w), PROFILE_CREATED);
	assert_int_equal(c->same, 0);
}

static void creation_was_executed(void **state)
{
	creation_whose_result_is_lost(*state, true);
}

static void creation_was_not_executed(void **state)
{
	creation_whose_result_is_lost(*state, false);
}

/* ---- SMS in place of HTTPS ---- */

#define SHORT_DATA "220580BA000000"
#define TRIGGERS "16" /* CMD_TRIGGER */

static struct https_card *begin_with_https(struct world *w)
{
	struct https_card *c = begin(w);

	w->cfg->bearer.fallback->wish = BEARER_HTTPS;
	return c;
}

static void send_short(struct world *w)
{
	world_send_data(w, SMDP, aid, SHORT_DATA, "data-1");
	world_run(w);
}

/* No trigger brings the card: by SMS.  When it comes at last there is nothing for it any more. */
static void short_data_by_sms_instead(void **state)
{
	struct world *w = *state;
	struct https_card *c = begin_with_https(w);

	send_short(w);
	world_advance(w, HOUR_MS - MINUTE_MS);
	assert_true(world_told(w, "by SMS"));
	assert_non_null(strstr(world_post(w, "smdp.example/cb")->body, "EuiccResponseData>2302"));
	https_card_session(c);
	assert_int_equal(c->scripts, 0);
	assert_int_equal(world_rows(w, "https_script"), 0);
}

/* Triggers are for a TAR that the card does not have: nobody waits for it to connect. */
static void trigger_refused_by_the_card(void **state)
{
	struct world *w = *state;
	struct https_card *c = begin_with_https(w);

	world_damage(w, "UPDATE euicc SET isdr_tar = x'B00099'");
	send_short(w);
	assert_true(world_told(w, "the card refused the trigger"));
	assert_non_null(strstr(world_post(w, "smdp.example/cb")->body, "EuiccResponseData>2302"));
	assert_int_equal(world_rows(w, "command WHERE kind = " TRIGGERS), 1);
	assert_int_equal(c->scripts, 0);
	world_expect_silence(w);
}

/* The card has the script: whatever becomes of its connection, nothing but triggers leaves afterwards. */
static void not_by_sms(struct world *w, bool executes, bool restart)
{
	struct https_card *c = begin_with_https(w);
	unsigned int before = world_packets(w);

	send_short(w);
	https_card_first(c, "", false);
	https_card_expect(c, 200, false);
	if (executes)
		https_card_execute(c);
	if (restart)
		world_restart(w);
	else
		https_card_break(c);
	world_advance(w, 2 * HOUR_MS);
	world_expect_outcome(w, "ES3-SendData", "FAILED 1.6/5.4");
	assert_false(world_told(w, "by SMS"));
	assert_true(world_packets(w) > before + 1); /* it was called again */
	assert_int_equal(world_rows(w, "command WHERE kind = " TRIGGERS), world_packets(w) - before);
	world_expect_silence(w);
}

static void script_out_and_connection_lost(void **state)
{
	not_by_sms(*state, false, false);
}

static void executed_and_connection_lost(void **state)
{
	not_by_sms(*state, true, false);
}

static void script_out_and_killed(void **state)
{
	not_by_sms(*state, false, true);
}

/* A card that forgot its session while the SM-SR was down is called as soon as its fleet allows, not later. */
static void both_restarted(void **state)
{
	struct world *w = *state;
	struct https_card *c = begin_with_https(w);
	struct https_fleet *f = https_fleet_get(&w->cfg->bearer, w->cfg, "quick");
	unsigned int before;

	f->eums = talloc_array(f, char *, 1);
	f->eums[0] = talloc_strdup(f, SEED_OID_EUM);
	f->n_eums = 1;
	f->wish = BEARER_HTTPS;
	for (size_t i = 0; i < HTTPS_WAITS; i++)
		f->wait_s[i] = 5;
	send_short(w);
	https_card_first(c, "", false);
	https_card_expect(c, 200, false);
	before = world_packets(w);
	world_restart(w);
	world_advance(w, 4000);
	assert_int_equal(world_packets(w), before);
	world_advance(w, 2000);
	assert_int_equal(world_packets(w), before + 1);
}

static void executed_and_killed(void **state)
{
	not_by_sms(*state, true, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(scp03t_error_ends_it),
		WORLD_TEST(scripts_end_at_their_length),
		WORLD_TEST(creation_was_executed),
		WORLD_TEST(creation_was_not_executed),
		WORLD_TEST(refused_in_the_middle),
		WORLD_TEST(short_data_by_sms_instead),
		WORLD_TEST(trigger_refused_by_the_card),
		WORLD_TEST(script_out_and_connection_lost),
		WORLD_TEST(executed_and_connection_lost),
		WORLD_TEST(script_out_and_killed),
		WORLD_TEST(both_restarted),
		WORLD_TEST(executed_and_killed),
		WORLD_TEST(all_answers_in_order),
		WORLD_TEST(an_error_ends_it),
		WORLD_TEST(card_begins_anew),
		WORLD_TEST(killed_between_scripts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
