/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* HTTPS sessions in which the SM-SR cannot know what the card did, or could make it do something twice.  Each was found
 * by the simulator (tests/sim). */
#include <stdlib.h>

#include <talloc.h>

#include "common/codec/ber.h"
#include "tests/support/https_card.h"

static struct https_card *begin(struct world *w)
{
	struct https_card *c = https_card_start(w);

	w->cfg->bearer.fallback->wish = BEARER_HTTPS;
	world_register(w);
	return c;
}

/* The card has executed the enable, and waits for the end of the session with its REFRESH. */
static struct https_card *executed(struct world *w)
{
	struct https_card *c = begin(w);

	world_order(w, MNO_OPER, ES4_ENABLE_PROFILE, SEED_OPERATIONAL, "call-1", 4 * 3600);
	world_run(w);
	https_card_first(c, "", false);
	https_card_execute(c);
	return c;
}

/* A card that has forgotten the result comes to the URI of the script: it had the script. */
static void resumption_without_the_result(void **state)
{
	struct world *w = *state;
	struct https_card *c = executed(w);

	https_card_break(c);
	c->conn = 0;
	https_card_post(c, c->next_uri, NULL, bytes_of(NULL, 0), true);
	https_card_expect(c, 204, true); /* a look would not tell: before its REFRESH the card shows the old state */
	world_run(w);
	world_until(w, "ES4-EnableProfile to");
	assert_int_equal(c->scripts, 1);
	world_expect_card(w, SEED_OPERATIONAL);
	world_expect_outcome(w, "ES4-EnableProfile", "EXECUTED_SUCCESS");
}

/* The first POST of a later session gets lost, so that the card resumes at the first URI: it had the script before. */
static void resumption_of_a_later_session(void **state)
{
	struct world *w = *state;
	struct https_card *c = executed(w);

	https_card_break(c); /* and the card gives its session up */
	w->drop_mo = 10;
	euicc_session_end(w->card);
	world_advance(w, 4 * MINUTE_MS); /* another trigger */
	w->drop_mo = 0;
	https_card_first(c, "", true);
	https_card_go_on(c);
	https_card_expect(c, 204, true);
	world_until(w, "ES4-EnableProfile to");
	assert_int_equal(c->same, 0);
	assert_true(world_told(w, "looking at the card before anything is sent again"));
	world_expect_outcome(w, "ES4-EnableProfile", "EXECUTED_SUCCESS");
}

/* The result of a delete gets lost: it goes again only if the card has the profile.  A refusal of the second one would
 * be reported as failed. */
static void result_of_a_delete(void **state)
{
	struct world *w = *state;
	struct https_card *c = begin(w);

	world_order(w, MNO_OPER, ES4_DELETE_PROFILE, SEED_OPERATIONAL, "call-1", 4 * 3600);
	world_run(w);
	https_card_first(c, "", false);
	https_card_execute(c);
	https_card_break(c);
	w->drop_mo = 10;
	euicc_session_end(w->card);
	world_advance(w, 4 * MINUTE_MS);
	w->drop_mo = 0;
	https_card_first(c, "", true);
	https_card_go_on(c);
	world_run(w);
	assert_true(world_told(w, "looking at the card"));
	world_expect_outcome(w, "ES4-DeleteProfile", "EXECUTED_SUCCESS");
}

/* It begins anew before its REFRESH: a look would find the old state, and the change would be asked for twice.  The
 * card is sent away to do it. */
static void begins_anew_before_its_refresh(void **state)
{
	struct world *w = *state;
	struct https_card *c = executed(w);

	https_card_break(c);
	https_card_first(c, "", false);
	https_card_expect(c, 204, true);
	assert_int_equal(world_counter(w, CTR_HTTPS_TRIGGERS), 1);
	euicc_session_end(w->card);
	world_until(w, "ES4-EnableProfile to");
	assert_int_equal(c->scripts, 1);
	world_expect_card(w, SEED_OPERATIONAL);
	world_expect_outcome(w, "ES4-EnableProfile", "EXECUTED_SUCCESS");
	assert_false(world_audit_due(w));
}

/* The same of a card that has not got the script: it is called again for the look. */
static void begins_anew_without_the_script(void **state)
{
	struct world *w = *state;
	struct https_card *c = begin(w);

	world_order(w, MNO_OPER, ES4_ENABLE_PROFILE, SEED_OPERATIONAL, "call-1", 4 * 3600);
	world_run(w);
	https_card_first(c, "", false);
	https_card_break(c);
	https_card_first(c, "", false);
	https_card_expect(c, 204, true);
	world_advance(w, 4 * MINUTE_MS);
	assert_int_equal(world_counter(w, CTR_HTTPS_TRIGGERS), 2);
	https_card_session(c);
	world_advance(w, MINUTE_MS);
	assert_int_equal(c->scripts, 2); /* the look and the enable */
	world_expect_outcome(w, "ES4-EnableProfile", "EXECUTED_SUCCESS");
}

/* It comes whenever it is called, and its result never arrives: that does not go on for a day. */
static void result_never_comes(void **state)
{
	struct world *w = *state;
	struct https_card *c = begin(w);

	world_order(w, MNO_OPER, ES4_AUDIT_EIS, SEED_OPERATIONAL, "call-1", 24 * 3600);
	for (unsigned int i = 1; i < 20 && world_operations(w, OP_AUDIT, OP_ST_DONE) == 0; i++) {
		while (world_counter(w, CTR_HTTPS_TRIGGERS) < i && world_operations(w, OP_AUDIT, OP_ST_DONE) == 0)
			world_advance(w, MINUTE_MS);
		https_card_first(c, "", false);
		if (c->rsp->status == 200) {
			https_card_execute(c);
			https_card_break(c);
		}
	}
	assert_int_equal(world_counter(w, CTR_HTTPS_TRIGGERS), HTTPS_WAITS);
	world_expect_outcome(w, "ES4-AuditEIS", "FAILED 1.6/5.4");
}

/* What comes is no response script: it may have been executed all the same (P5). */
static void answer_that_cannot_be_read(void **state)
{
	struct world *w = *state;
	struct https_card *c = executed(w);

	c->result.len /= 2;
	https_card_result(c, false);
	world_run(w);
	world_expect_outcome(w, "ES4-EnableProfile", "FAILED 1.6/5.4");
	assert_true(world_audit_due(w));
}

/* The same result twice on one connection: the script that the first one brought must not come twice. */
static void result_twice_on_one_connection(void **state)
{
	struct world *w = *state;
	struct https_card *c = begin(w);
	char *uri = NULL;

	world_order(w, MNO_OPER, ES4_AUDIT_EIS, SEED_OPERATIONAL, "call-1", 4 * 3600);
	world_order(w, MNO_OPER, ES4_ENABLE_PROFILE, SEED_OPERATIONAL, "call-2", 4 * 3600);
	world_run(w);
	https_card_first(c, "", false);
	while (world_operations(w, OP_ENABLE, OP_ST_CHANGE) == 0) {
		https_card_execute(c);
		uri = talloc_strdup(c, c->next_uri);
		https_card_result(c, false);
	}
	https_card_expect(c, 200, false); /* the enable */
	https_card_post(c, uri, "ok", c->result, false);
	https_card_expect(c, 403, true);
}

/* Data of an SM-DP have reached the card by HTTPS; no look at the card would tell what they did. */
static struct https_card *data_given(struct world *w)
{
	struct https_card *c = https_card_start(w);
	char *aid;

	world_register(w);
	aid = world_free_aid(w, 0);
	world_create_isdp(w, SMDP, 500, "create"); /* by SMS: it is short */
	world_advance(w, MINUTE_MS);
	world_expect_outcome(w, "ES3-CreateISDP", "EXECUTED_SUCCESS");
	w->cfg->bearer.fallback->wish = BEARER_HTTPS;
	world_send_data(w, SMDP, aid, "220580BA000000", "data-1");
	world_run(w);
	https_card_first(c, "", false);
	https_card_expect(c, 200, false);
	return c;
}

/* Its POST with the result arrives as garbage, and is refused: the card begins anew without a trigger.  The first POST
 * of that gets lost, so that the card resumes at the first URI: it has executed the script. */
static void resumption_behind_a_refusal(void **state)
{
	struct world *w = *state;
	struct https_card *c = data_given(w);

	https_card_execute(c);
	https_card_break(c);
	https_card_connect(c);
	https_card_break(c);
	https_card_first(c, "", true);
	https_card_go_on(c);
	https_card_expect(c, 204, true);
	world_run(w);
	assert_int_equal(c->same, 0);
	world_expect_outcome(w, "ES3-SendData", "FAILED 1.6/5.4");
}

/* The answer to data cannot be read: that the card refused them would be a guess. */
static void answer_to_data_cannot_be_read(void **state)
{
	struct world *w = *state;
	struct https_card *c = data_given(w);

	https_card_execute(c);
	c->result.len /= 2;
	https_card_result(c, false);
	world_run(w);
	world_expect_outcome(w, "ES3-SendData", "FAILED 1.6/5.4");
}

/* The resumption with the daemon down when the card connects: nobody has counted that connection. */
static void resumption_behind_a_restart(void **state)
{
	struct world *w = *state;
	struct https_card *c = data_given(w);

	https_card_execute(c);
	world_restart(w);
	https_card_first(c, "", true);
	https_card_go_on(c);
	https_card_expect(c, 204, true);
	world_run(w);
	assert_int_equal(c->same, 0);
	world_expect_outcome(w, "ES3-SendData", "FAILED 1.6/5.4");
}

/* But where the very next connection resumes, the card never had the script, as often as that happens. */
static void resumption_without_the_script(void **state)
{
	struct world *w = *state;
	struct https_card *c = data_given(w);

	for (int i = 0; i < 3; i++) {
		https_card_break(c);
		https_card_first(c, "", true);
		https_card_expect(c, 200, false);
	}
	https_card_go_on(c);
	https_card_expect(c, 204, true);
	world_run(w);
	world_expect_outcome(w, "ES3-SendData", "EXECUTED_SUCCESS");
}

static char *notification(struct world *w)
{
	uint8_t buf[64];
	uint16_t seq;
	struct bytes whole, body;
	struct wr inner, outer;
	enum euicc_notify_type type = euicc_pending(w->card, &seq);

	wr_init_buf(&inner, buf, sizeof(buf));
	ber_put(&inner, 0x4c, bytes_of(w->card_data.eid_bcd, EID_LEN));
	ber_put_u8(&inner, 0x4d, (uint8_t)type);
	ber_put_head(&inner, 0x4e, 2);
	wr_u16(&inner, seq);
	ber_put(&inner, 0x2f, bytes_of(euicc_enabled(w->card)->aid, EUICC_AID_LEN));
	assert_int_equal(wr_end(&inner, &body), 0);
	wr_init(&outer, w->ctx);
	ber_put(&outer, 0xe1, body);
	assert_int_equal(wr_end(&outer, &whole), 0);
	return talloc_asprintf(w->ctx, "?msg=%s", hex_enc(w->ctx, whole));
}

/* Its POST means two things: the result is lost, and the change has succeeded.  Only what is wanted behind both of them
 * leaves, which https_card_rx() compares with the committed rows (P1). */
static void begins_anew_with_its_notification(void **state)
{
	struct world *w = *state;
	struct https_card *c = executed(w);

	https_card_break(c);
	w->drop_mo = 10;
	euicc_session_end(w->card);
	world_advance(w, 5000);
	w->drop_mo = 0;
	https_card_first(c, notification(w), false);
	https_card_go_on(c);
	https_card_expect(c, 204, true);
	world_until(w, "ES4-EnableProfile to");
	assert_int_equal(c->scripts, 2); /* the enable and the confirmation */
	world_expect_outcome(w, "ES4-EnableProfile", "EXECUTED_SUCCESS");
}

static void copy(struct world *w, const char *from, const char *to)
{
	char *cmd = talloc_asprintf(w->ctx, "cp %s/%s %s/%s", w->dir, from, w->dir, to);

	assert_int_equal(system(cmd), 0);
}

/* The numbers that were given to scripts after the backup are not given to others under the same token. */
static void session_of_before_a_restore(void **state)
{
	struct world *w = *state;
	struct https_card *c;
	char *uri;

	world_stop(w);
	w->cfg->database = talloc_asprintf(w->cfg, "%s/smsr.db", w->dir);
	world_start(w);
	c = begin(w);
	world_order(w, MNO_OPER, ES4_AUDIT_EIS, SEED_OPERATIONAL, "call-1", 4 * 3600);
	world_run(w);
	https_card_first(c, "", false);
	https_card_execute(c);
	world_stop(w);
	copy(w, "smsr.db", "old.db");
	world_start(w);
	uri = talloc_strdup(c, c->next_uri);
	https_card_result(c, true);
	https_card_expect(c, 200, false);
	world_stop(w);
	copy(w, "old.db", "smsr.db");
	world_start(w);
	c->conn = 0;
	https_card_post(c, uri, "ok", c->result, true);
	https_card_expect(c, 403, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(resumption_without_the_result),
		WORLD_TEST(resumption_of_a_later_session),
		WORLD_TEST(answer_that_cannot_be_read),
		WORLD_TEST(result_twice_on_one_connection),
		WORLD_TEST(begins_anew_with_its_notification),
		WORLD_TEST(session_of_before_a_restore),
		WORLD_TEST(resumption_behind_a_refusal),
		WORLD_TEST(resumption_behind_a_restart),
		WORLD_TEST(resumption_without_the_script),
		WORLD_TEST(begins_anew_before_its_refresh),
		WORLD_TEST(begins_anew_without_the_script),
		WORLD_TEST(result_never_comes),
		WORLD_TEST(result_of_a_delete),
		WORLD_TEST(answer_to_data_cannot_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
