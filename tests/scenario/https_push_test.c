/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Commands over HTTPS: trigger, session, results, the choice of the bearer, against a software eUICC under a fake
 * clock.
 */
#include <string.h>

#include <talloc.h>

#include "smsr/eis_db.h"
#include "smsr/https_db.h"
#include "smsr/lever.h"
#include "tests/support/https_card.h"

static struct https_fleet *fleet(struct world *w)
{
	return w->cfg->bearer.fallback;
}

static struct https_card *begin(struct world *w, enum bearer_wish wish)
{
	struct https_card *c = https_card_start(w);

	fleet(w)->wish = wish;
	world_register(w);
	return c;
}

static void order(struct world *w, enum es_fn fn, const char *call_id)
{
	world_order(w, MNO_OPER, fn, SEED_OPERATIONAL, call_id, 4 * 3600);
}

static void expect_enabled(struct world *w)
{
	world_expect_card(w, SEED_OPERATIONAL);
	world_expect_eis(w, PROFILE_DISABLED, PROFILE_ENABLED);
	world_expect_note(w, "ES4-HandleProfileDisabledNotification", SEED_BOOTSTRAP, "boot.example/note");
	world_expect_outcome(w, "ES4-EnableProfile", "EXECUTED_SUCCESS");
	world_expect_silence(w);
	assert_false(world_audit_due(w));
}

static void session_of(struct world *w, struct https_session *ss)
{
	void *ctx = talloc_new(w->ctx);
	struct euicc e;

	assert_int_equal(eis_db_by_eid(ctx, w->reader, w->card_data.eid_bcd, &e), 0);
	assert_int_equal(https_db_session(w->reader, e.id, ss), 0);
	talloc_free(ctx);
}

/* ---- a change ---- */

static void enable_by_https_confirmation_by_sms(void **state)
{
	struct world *w = *state;
	struct https_card *c = begin(w, BEARER_HTTPS);
	struct https_session ss;

	order(w, ES4_ENABLE_PROFILE, "call-1");
	world_run(w);
	session_of(w, &ss);
	assert_int_equal(ss.state, HTTPS_TRIGGERED);
	assert_int_equal(world_packets(w), 1);
	https_card_first(c, "", false);
	https_card_expect(c, 200, false);
	https_card_execute(c);
	https_card_result(c, false);
	https_card_expect(c, 204, true); /* at once: the card has to REFRESH */
	session_of(w, &ss);
	assert_int_equal(ss.state, HTTPS_CLOSED);
	world_advance(w, MINUTE_MS);
	expect_enabled(w);
	assert_int_equal(c->scripts, 1);
	assert_int_equal(world_packets(w), 2); /* trigger, confirmation */
	assert_true(world_told(w, "the card has connected"));
}

static void nobody_waits_behind_the_end(void **state)
{
	struct world *w = *state;
	struct lever l = {.ctx = w->ctx, .by = "test", .id = 1};
	struct https_session ss;

	begin(w, BEARER_HTTPS);
	order(w, ES4_ENABLE_PROFILE, "call-1");
	world_run(w);
	session_of(w, &ss);
	assert_int_equal(ss.state, HTTPS_TRIGGERED);
	assert_int_equal(world_event(w, smsr_ev_cancel, &l), 0);
	session_of(w, &ss);
	assert_int_equal(ss.state, HTTPS_CLOSED);
}

/* An audit is two commands: the second goes out as the answer to the result of the first. */
static void audit_in_one_session(void **state)
{
	struct world *w = *state;
	struct https_card *c = begin(w, BEARER_HTTPS);

	order(w, ES4_AUDIT_EIS, "call-1");
	world_run(w);
	https_card_session(c);
	world_run(w);
	world_expect_outcome(w, "ES4-AuditEIS", "EXECUTED_SUCCESS");
	assert_int_equal(c->scripts, 2);
	assert_int_equal(world_packets(w), 1);
	assert_int_equal(world_counter(w, CTR_HTTPS_TRIGGERS), 1);
	assert_int_equal(world_counter(w, CTR_HTTPS_SCRIPTS), 2);
}

static void two_operations_in_one_session(void **state)
{
	struct world *w = *state;
	struct https_card *c = begin(w, BEARER_HTTPS);

	order(w, ES4_AUDIT_EIS, "call-1");
	order(w, ES4_AUDIT_EIS, "call-2");
	world_run(w);
	https_card_session(c);
	world_run(w);
	assert_int_equal(c->scripts, 4);
	assert_int_equal(world_packets(w), 1);
	assert_int_equal(world_operations(w, OP_AUDIT, OP_ST_DONE), 2);
}

static void card_comes_by_itself(void **state)
{
	struct world *w = *state;
	struct https_card *c = begin(w, BEARER_HTTPS);

	https_card_session(c); /* nothing to do: 204 */
	assert_int_equal(c->scripts, 0);
	w->smsc = SMSC_DOWN;
	order(w, ES4_AUDIT_EIS, "call-1");
	world_run(w);
	assert_int_equal(world_packets(w), 0); /* the trigger waits for a link */
	https_card_session(c);
	w->smsc = SMSC_GOOD;
	world_run(w);
	assert_int_equal(world_packets(w), 0); /* and is not wanted any more */
	world_expect_outcome(w, "ES4-AuditEIS", "EXECUTED_SUCCESS");
}

/* ---- notifications ---- */

static char *notification(struct world *w, uint8_t type, uint16_t seq)
{
	struct bytes e1;
	char *hex;
	struct wr wr;

	wr_init(&wr, w->ctx);
	wr_u8(&wr, 0xe1);
	wr_u8(&wr, 2 + EID_LEN + 3 + 4);
	wr_u8(&wr, 0x4c);
	wr_u8(&wr, EID_LEN);
	wr_bytes(&wr, BYTES_ARR(w->card_data.eid_bcd));
	wr_u8(&wr, 0x4d);
	wr_u8(&wr, 1);
	wr_u8(&wr, type);
	wr_u8(&wr, 0x4e);
	wr_u8(&wr, 2);
	wr_u16(&wr, seq);
	assert_int_equal(wr_end(&wr, &e1), 0);
	hex = hex_enc(w->ctx, e1);
	return talloc_asprintf(w->ctx, "?msg=%s", hex);
}

/* The card loses its short message and tells the same by HTTPS: confirmed there. */
static void notification_by_https(void **state)
{
	struct world *w = *state;
	struct https_card *c = begin(w, BEARER_HTTPS);
	uint16_t seq;

	order(w, ES4_ENABLE_PROFILE, "call-1");
	world_run(w);
	w->drop_mo = 1;
	https_card_session(c);
	world_advance(w, 5000);
	assert_int_equal(w->drop_mo, 0);
	assert_int_equal(euicc_pending(w->card, &seq), EUICC_NOTIFY_CHANGED);
	https_card_first(c, notification(w, 0x02, seq), false);
	https_card_go_on(c);
	https_card_expect(c, 204, true);
	world_run(w);
	expect_enabled(w);
	assert_int_equal(world_packets(w), 1); /* the trigger alone */
	assert_int_equal(world_records(w, AUDIT_NOTIF_CHANGED), 1);
}

/* One notification by both bearers: one confirmation by that which was first, and one record. */
static void notification_by_both(void **state)
{
	struct world *w = *state;
	struct https_card *c = begin(w, BEARER_HTTPS);
	uint16_t seq;

	order(w, ES4_ENABLE_PROFILE, "call-1");
	world_run(w);
	w->double_mo = true;
	w->smsc = SMSC_GOOD;
	https_card_session(c);
	world_until(w, "the card took the confirmation");
	assert_int_equal(euicc_pending(w->card, &seq), EUICC_NOTIFY_NONE);
	https_card_first(c, notification(w, 0x02, 1), false);
	https_card_go_on(c);
	world_advance(w, MINUTE_MS);
	assert_int_equal(world_records(w, AUDIT_NOTIF_CHANGED), 1);
	world_expect_eis(w, PROFILE_DISABLED, PROFILE_ENABLED);
}

static void notification_of_another_card(void **state)
{
	struct world *w = *state;
	struct https_card *c = begin(w, BEARER_HTTPS);

	w->card_data.eid_bcd[10] ^= 1;
	https_card_first(c, notification(w, 0x02, 1), false);
	w->card_data.eid_bcd[10] ^= 1;
	https_card_expect(c, 204, true);
	assert_int_equal(world_counter(w, CTR_NOTIFICATIONS_REJECTED), 1);
	assert_int_equal(world_operations(w, 0, OP_ST_QUEUED) + world_operations(w, 0, OP_ST_DONE), 0);
}

/* ---- who is it ---- */

static void wrong_eid_in_from(void **state)
{
	struct world *w = *state;
	struct https_card *c = begin(w, BEARER_HTTPS);
	uint8_t other[EID_LEN];

	order(w, ES4_AUDIT_EIS, "call-1");
	world_run(w);
	memcpy(other, c->eid, sizeof(other));
	other[3] ^= 0x10;
	c->from = admin_from_enc(c, other, bytes_of(NULL, 0));
	https_card_first(c, "", false);
	https_card_expect(c, 403, true);
	assert_int_equal(world_counter(w, CTR_HTTPS_REFUSED), 1);
	assert_int_equal(world_counter(w, CTR_HTTPS_SCRIPTS), 0);
}

static void uri_of_another_session(void **state)
{
	struct world *w = *state;
	struct https_card *c = begin(w, BEARER_HTTPS);

	order(w, ES4_AUDIT_EIS, "call-1");
	world_run(w);
	https_card_first(c, "", false);
	https_card_execute(c);
	c->next_uri = talloc_asprintf(c, "%s?tid=0123456789ABCDEF&s=1", c->uri);
	https_card_result(c, false);
	https_card_expect(c, 403, true);
	assert_int_equal(world_operations(w, OP_AUDIT, OP_ST_AUDIT), 1);
}

static void unknown_card(void **state)
{
	struct world *w = *state;
	struct https_card *c = https_card_start(w);

	https_card_first(c, "", false);
	https_card_expect(c, 403, true);
}

/* ---- refusals and errors of the card ---- */

static void script_status_not_ok(void **state)
{
	struct world *w = *state;
	struct https_card *c = begin(w, BEARER_HTTPS);

	order(w, ES4_ENABLE_PROFILE, "call-1");
	world_run(w);
	c->status = "security-error";
	https_card_first(c, "", false);
	https_card_result(c, false);
	https_card_expect(c, 204, true);
	world_run(w);
	world_expect_eis(w, PROFILE_ENABLED, PROFILE_DISABLED);
	world_expect_outcome(w, "ES4-EnableProfile", "FAILED 8.4/4.2");
	assert_true(world_told(w, "security-error"));
}

static void pol1_refuses(void **state)
{
	struct world *w = *state;
	struct https_card *c = begin(w, BEARER_HTTPS);

	world_set_pol1(w, SEED_BOOTSTRAP, 0x01);
	order(w, ES4_ENABLE_PROFILE, "call-1");
	world_run(w);
	https_card_session(c);
	world_run(w);
	world_expect_outcome(w, "ES4-EnableProfile", "FAILED 8.2.2/3.8");
	world_expect_eis(w, PROFILE_ENABLED, PROFILE_DISABLED);
}

static void answer_cannot_be_read(void **state)
{
	struct world *w = *state;
	struct https_card *c = begin(w, BEARER_HTTPS);

	order(w, ES4_AUDIT_EIS, "call-1");
	world_run(w);
	https_card_first(c, "", false);
	c->result = BYTES_LIT("\x00\x00rubbish");
	https_card_result(c, false);
	https_card_expect(c, 204, true);
	world_run(w);
	world_expect_outcome(w, "ES4-AuditEIS", "FAILED 8.4/4.2");
}

/* ---- triggers ---- */

static void triggers_again_then_sms(void **state)
{
	struct world *w = *state;
	struct https_session ss;

	begin(w, BEARER_HTTPS);
	order(w, ES4_ENABLE_PROFILE, "call-1");
	world_advance(w, 2 * MINUTE_MS);
	assert_int_equal(world_packets(w), 1);
	world_advance(w, 2 * MINUTE_MS); /* T1 is over */
	assert_int_equal(world_packets(w), 2);
	world_advance(w, 3 * MINUTE_MS);
	assert_int_equal(world_packets(w), 3);
	world_advance(w, 10 * MINUTE_MS);
	assert_int_equal(world_packets(w), 4);
	assert_false(world_told(w, "by SMS"));
	world_advance(w, 31 * MINUTE_MS);
	assert_true(world_told(w, "by SMS"));
	expect_enabled(w);
	assert_int_equal(world_packets(w), 6); /* four triggers, the command, the confirmation */
	session_of(w, &ss);
	assert_int_equal(ss.failures, 1);
	assert_int_equal(ss.state, HTTPS_CLOSED);
}

/* Only copies reach the card, and it refuses each as old: its counter is ahead. */
static void counter_is_ahead_and_only_copies_arrive(void **state)
{
	struct world *w = *state;
	struct https_card *c = begin(w, BEARER_HTTPS);

	euicc_fault_set(w->card, EUICC_FAULT_COUNTER_AHEAD, true, 100);
	order(w, ES4_AUDIT_EIS, "call-1");
	for (int i = 1; i <= 3; i++) {
		w->smsc = SMSC_SWALLOW;
		world_until(w, talloc_asprintf(w->ctx, "copy 1 of counter %d", i));
		w->smsc = SMSC_GOOD;
		assert_false(world_told(w, "the card's counter is ahead"));
		world_until(w, talloc_asprintf(w->ctx, "counter %d: status 2", i));
	}
	world_run(w);
	assert_true(world_told(w, "the card's counter is ahead"));
	https_card_session(c);
	world_run(w);
	world_expect_outcome(w, "ES4-AuditEIS", "EXECUTED_SUCCESS");
	assert_int_equal(world_counter(w, CTR_HTTPS_TRIGGERS), 4);
	assert_int_equal(world_records(w, AUDIT_COUNTER), 1);
}

/* It falls back while it is awaited: the next trigger goes at once to the number that its notification names. */
static void trigger_follows_a_card_that_fell_back(void **state)
{
	struct world *w = *state;
	struct https_card *c = begin(w, BEARER_HTTPS);

	order(w, ES4_ENABLE_PROFILE, "call-1");
	world_run(w);
	https_card_session(c);
	world_advance(w, MINUTE_MS);
	expect_enabled(w);
	fleet(w)->wait_s[0] = 3600;
	order(w, ES4_AUDIT_EIS, "call-2");
	world_run(w);
	assert_int_equal(euicc_coverage_set(w->card, w->card_data.profiles[SEED_OPERATIONAL].imsi, false), 0);
	assert_int_equal(world_counter(w, CTR_HTTPS_TRIGGERS), 2);
	world_until(w, "fall-back profile enabled");
	world_run(w);
	assert_int_equal(world_counter(w, CTR_HTTPS_TRIGGERS), 3);
	assert_true(world_told(w, talloc_asprintf(w->ctx, "1 short message to %s", world_msisdn(w, SEED_BOOTSTRAP))));
	https_card_session(c);
	world_run(w);
	world_expect_outcome(w, "ES4-AuditEIS", "EXECUTED_SUCCESS");
	world_expect_agreement(w);
	world_expect_card(w, SEED_BOOTSTRAP);
}

/* What has failed so often is not tried again for what is short. */
static void past_failures_count(void **state)
{
	struct world *w = *state;
	struct https_card *c = begin(w, BEARER_HTTPS);
	unsigned int packets;

	fleet(w)->failures_max = 1;
	order(w, ES4_AUDIT_EIS, "call-1");
	world_advance(w, HOUR_MS);
	world_expect_outcome(w, "ES4-AuditEIS", "EXECUTED_SUCCESS");
	packets = world_packets(w);
	order(w, ES4_AUDIT_EIS, "call-2");
	world_run(w);
	world_expect_outcome(w, "ES4-AuditEIS", "EXECUTED_SUCCESS");
	assert_int_equal(world_packets(w), packets + 2);
	assert_int_equal(c->scripts, 0);
	assert_int_equal(world_counter(w, CTR_HTTPS_TRIGGERS), 4);
}

static void trigger_refused_by_the_service_centre(void **state)
{
	struct world *w = *state;

	begin(w, BEARER_HTTPS);
	w->smsc = SMSC_REFUSE;
	order(w, ES4_ENABLE_PROFILE, "call-1");
	world_run(w);
	world_expect_outcome(w, "ES4-EnableProfile", "EXPIRED 1.6/5.3");
	assert_false(world_audit_due(w));
}

/* It may have been taken once, and is refused then: the card is called again all the same. */
static void trigger_refused_behind_a_broken_link(void **state)
{
	struct world *w = *state;
	struct https_card *c = begin(w, BEARER_HTTPS);

	euicc_fault_set(w->card, EUICC_FAULT_SILENT, true, 0);
	w->smsc = SMSC_UNKNOWN;
	order(w, ES4_AUDIT_EIS, "call-1");
	world_until(w, "it may have been taken");
	w->smsc = SMSC_REFUSE;
	world_until(w, "copy refused");
	w->smsc = SMSC_GOOD;
	euicc_fault_set(w->card, EUICC_FAULT_SILENT, false, 0);
	world_advance(w, HOUR_MS / 2);
	assert_in_range(world_counter(w, CTR_HTTPS_TRIGGERS), 2, 4);
	https_card_session(c);
	world_run(w);
	world_expect_outcome(w, "ES4-AuditEIS", "EXECUTED_SUCCESS");
}

/* ---- its fleet goes from the configuration while it is at work ---- */

static void fleet_goes(struct world *w)
{
	w->cfg->bearer.n_listen = 0;
}

static void fleet_goes_before_the_trigger_is_taken(void **state)
{
	struct world *w = *state;

	begin(w, BEARER_HTTPS);
	w->smsc = SMSC_DOWN;
	order(w, ES4_ENABLE_PROFILE, "call-1");
	world_run(w);
	fleet_goes(w);
	w->smsc = SMSC_GOOD;
	world_advance(w, HOUR_MS);
	assert_true(world_told(w, "by SMS"));
	expect_enabled(w);
}

static void fleet_goes_in_a_session(void **state)
{
	struct world *w = *state;
	struct https_card *c = begin(w, BEARER_HTTPS);
	uint64_t conn;

	order(w, ES4_AUDIT_EIS, "call-1");
	world_run(w);
	https_card_first(c, "", false);
	https_card_execute(c);
	conn = c->conn;
	fleet_goes(w);
	https_card_result(c, false);
	https_card_expect(c, 403, true);
	c->conn = conn; /* it closes behind the refusal */
	https_card_break(c);
	world_advance(w, HOUR_MS);
	assert_int_equal(world_operations(w, OP_AUDIT, OP_ST_DONE), 1);
	world_expect_outcome(w, "ES4-AuditEIS", "FAILED 1.6/5.4");
}

static void fleet_goes_and_the_counter_is_ahead(void **state)
{
	struct world *w = *state;

	begin(w, BEARER_HTTPS);
	euicc_fault_set(w->card, EUICC_FAULT_COUNTER_AHEAD, true, 100);
	w->smsc = SMSC_DOWN;
	order(w, ES4_AUDIT_EIS, "call-1");
	world_run(w);
	fleet_goes(w);
	w->smsc = SMSC_GOOD;
	world_advance(w, HOUR_MS);
	world_expect_outcome(w, "ES4-AuditEIS", "EXECUTED_SUCCESS");
}

static void nobody_takes_the_trigger(void **state)
{
	struct world *w = *state;

	begin(w, BEARER_HTTPS);
	w->smsc = SMSC_DOWN;
	order(w, ES4_ENABLE_PROFILE, "call-1");
	world_advance(w, 5 * HOUR_MS);
	world_expect_outcome(w, "ES4-EnableProfile", "EXPIRED 1.6/5.3");
	assert_false(world_audit_due(w));
	assert_int_equal(world_packets(w), 0);
}

/* The card got a script and vanishes: it may have executed it. */
static void card_vanishes(void **state)
{
	struct world *w = *state;
	struct https_card *c = begin(w, BEARER_HTTPS);

	order(w, ES4_ENABLE_PROFILE, "call-1");
	world_run(w);
	https_card_first(c, "", false);
	https_card_expect(c, 200, false);
	https_card_break(c);
	world_advance(w, 5 * HOUR_MS);
	world_expect_outcome(w, "ES4-EnableProfile", "FAILED 1.6/5.4");
	assert_true(world_audit_due(w));
}

/* A pause of everything holds scripts as well; what waits is called again behind it. */
static void nothing_leaves_in_a_pause(void **state)
{
	struct world *w = *state;
	struct https_card *c = begin(w, BEARER_HTTPS);

	order(w, ES4_AUDIT_EIS, "call-1");
	world_run(w);
	assert_int_equal(record_db_pause(w->db, PAUSE_ALL, "", w->now_ms), 0);
	https_card_first(c, "", false);
	https_card_expect(c, 204, true);
	assert_int_equal(record_db_resume(w->db, PAUSE_ALL, ""), 0);
	world_advance(w, 4 * MINUTE_MS);
	assert_int_equal(world_counter(w, CTR_HTTPS_TRIGGERS), 2);
	https_card_session(c);
	world_run(w);
	world_expect_outcome(w, "ES4-AuditEIS", "EXECUTED_SUCCESS");
}

/* Not even what a card asks for again. */
static void nothing_leaves_again_in_a_pause(void **state)
{
	struct world *w = *state;
	struct https_card *c = begin(w, BEARER_HTTPS);

	order(w, ES4_AUDIT_EIS, "call-1");
	world_run(w);
	https_card_first(c, "", false);
	https_card_expect(c, 200, false);
	https_card_break(c);
	assert_int_equal(record_db_pause(w->db, PAUSE_ALL, "", w->now_ms), 0);
	https_card_first(c, "", true);
	https_card_expect(c, 204, true);
	assert_int_equal(record_db_resume(w->db, PAUSE_ALL, ""), 0);
	world_advance(w, 4 * MINUTE_MS);
	https_card_session(c);
	world_run(w);
	world_expect_outcome(w, "ES4-AuditEIS", "EXECUTED_SUCCESS");
}

/* ---- choice ---- */

static void auto_sends_short_things_by_sms(void **state)
{
	struct world *w = *state;
	struct https_card *c = begin(w, BEARER_AUTO);

	order(w, ES4_ENABLE_PROFILE, "call-1");
	world_advance(w, MINUTE_MS);
	expect_enabled(w);
	assert_int_equal(c->scripts, 0);
	assert_int_equal(world_counter(w, CTR_HTTPS_TRIGGERS), 0);
}

static void card_that_cannot(void **state)
{
	struct world *w = *state;
	struct https_card *c = https_card_start(w);

	fleet(w)->wish = BEARER_HTTPS;
	w->https = false;
	world_register(w);
	order(w, ES4_AUDIT_EIS, "call-1");
	world_run(w);
	world_expect_outcome(w, "ES4-AuditEIS", "EXECUTED_SUCCESS");
	assert_int_equal(c->scripts, 0);
	assert_int_equal(world_counter(w, CTR_HTTPS_TRIGGERS), 0);
}

static void fleet_of_another_eum(void **state)
{
	struct world *w = *state;
	struct https_card *c = https_card_start(w);
	struct https_fleet *f = https_fleet_get(&w->cfg->bearer, w->cfg, "other");

	f->wish = BEARER_HTTPS;
	f->eums = talloc_array(f, char *, 1);
	f->eums[0] = talloc_strdup(f, "1.2.3.4");
	f->n_eums = 1;
	world_register(w);
	order(w, ES4_AUDIT_EIS, "call-1");
	world_run(w);
	assert_int_equal(world_counter(w, CTR_HTTPS_TRIGGERS), 0);
	https_card_first(c, "", false);
	https_card_expect(c, 403, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(enable_by_https_confirmation_by_sms),
		WORLD_TEST(nobody_waits_behind_the_end),
		WORLD_TEST(audit_in_one_session),
		WORLD_TEST(two_operations_in_one_session),
		WORLD_TEST(card_comes_by_itself),
		WORLD_TEST(notification_by_https),
		WORLD_TEST(notification_by_both),
		WORLD_TEST(notification_of_another_card),
		WORLD_TEST(wrong_eid_in_from),
		WORLD_TEST(uri_of_another_session),
		WORLD_TEST(unknown_card),
		WORLD_TEST(script_status_not_ok),
		WORLD_TEST(pol1_refuses),
		WORLD_TEST(answer_cannot_be_read),
		WORLD_TEST(triggers_again_then_sms),
		WORLD_TEST(counter_is_ahead_and_only_copies_arrive),
		WORLD_TEST(trigger_follows_a_card_that_fell_back),
		WORLD_TEST(past_failures_count),
		WORLD_TEST(trigger_refused_by_the_service_centre),
		WORLD_TEST(trigger_refused_behind_a_broken_link),
		WORLD_TEST(fleet_goes_before_the_trigger_is_taken),
		WORLD_TEST(fleet_goes_in_a_session),
		WORLD_TEST(fleet_goes_and_the_counter_is_ahead),
		WORLD_TEST(nobody_takes_the_trigger),
		WORLD_TEST(card_vanishes),
		WORLD_TEST(nothing_leaves_in_a_pause),
		WORLD_TEST(nothing_leaves_again_in_a_pause),
		WORLD_TEST(auto_sends_short_things_by_sms),
		WORLD_TEST(card_that_cannot),
		WORLD_TEST(fleet_of_another_eum),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
