/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* SendData: where commands go, what the guard lets through to the ISD-R, and how it ends.  What the card says to the
 * commands does not matter here: it is passed on. */
#include <string.h>

#include <talloc.h>

#include "tests/support/world.h"

#define ISDR_AID "4953442D52" /* the world's EIS says so */

static char *aid;

static void setup_isdp(struct world *w)
{
	world_register(w);
	aid = world_free_aid(w, 0);
	world_create_isdp(w, SMDP, 500, "create");
	world_advance(w, MINUTE_MS);
	world_expect_outcome(w, "ES3-CreateISDP", "EXECUTED_SUCCESS");
}

/* Command TLVs: each C-APDU in 22. */
static char *tlvs(struct world *w, const char *const *capdus)
{
	char *all = talloc_strdup(w->ctx, "");

	for (size_t i = 0; capdus[i]; i++) {
		size_t n = strlen(capdus[i]) / 2;

		all = n < 0x80 ? talloc_asprintf_append(all, "22%02zX%s", n, capdus[i])
			       : talloc_asprintf_append(all, "2281%02zX%s", n, capdus[i]);
	}
	return all;
}

static char *perso(struct world *w, const char *isdp)
{
	return talloc_asprintf(w->ctx, "80E620001600001%s%s000000", "0", isdp);
}

/* STORE DATA: header and data. */
static char *store(struct world *w, const char *p1p2, const char *data)
{
	return talloc_asprintf(w->ctx, "80E2%s%02zX%s", p1p2, strlen(data) / 2, data);
}

#define DGI_CERT "3A01097F2106AABBCCDDEEFF"
#define DGI_CRT "3A0209A60790020301830130"
#define DGI_EPK "7F490304AABB"
#define DGI_SIG "5F3704CCDDEEFF"
#define DGI_ENABLE "3A0303010203"

static char *keys_begin(struct world *w, const char *isdp)
{
	const char *const c[] = {perso(w, isdp), store(w, "0900", DGI_CERT), NULL};

	return tlvs(w, c);
}

static char *keys_finish(struct world *w)
{
	const char *const c[] = {store(w, "8901", DGI_CRT DGI_EPK DGI_SIG), NULL};

	return tlvs(w, c);
}

static void send(struct world *w, const char *sender, const char *sd_aid, const char *data, const char *outcome)
{
	static unsigned int calls;
	char *id = talloc_asprintf(w->ctx, "data-%u", ++calls);

	world_send_data(w, sender, sd_aid, data, id);
	world_advance(w, MINUTE_MS);
	world_expect_outcome(w, "ES3-SendData", outcome);
	world_expect_silence(w);
}

/* Nothing has left for the card. */
static void refused(struct world *w, const char *sd_aid, const char *data, const char *outcome)
{
	unsigned int before = world_packets(w);

	send(w, SMDP, sd_aid, data, outcome);
	assert_int_equal(world_packets(w), before);
}

static void passes(struct world *w, const char *sd_aid, const char *data)
{
	unsigned int before = world_packets(w);

	send(w, SMDP, sd_aid, data, "EXECUTED_SUCCESS");
	assert_int_equal(world_packets(w), before + 1);
}

/* ---- to the ISD-P ---- */

static void to_its_isd_p(void **state)
{
	struct world *w = *state;
	struct world_post *p;

	setup_isdp(w);
	/* An instruction that no ISD-P knows: the card refuses, the function has succeeded. */
	world_send_data(w, SMDP, aid, "220580BA000000", "a");
	world_advance(w, MINUTE_MS);
	p = world_post(w, "smdp.example/cb");
	assert_non_null(strstr(p->body, "EXECUTED_SUCCESS"));
	assert_non_null(strstr(p->body, "EuiccResponseData>2302"));
	world_expect_silence(w);
	assert_int_equal(world_operations(w, OP_SEND_DATA, OP_ST_DONE), 1);
}

/* The same with the outer template; several commands have their answers in order. */
static void with_a_template(void **state)
{
	struct world *w = *state;

	setup_isdp(w);
	passes(w, aid, "AA07220580BA000000");
	passes(w, aid, "AE80220580BA0000000000");
	passes(w, aid, "830101220580BA000000");
}

static void several_short_messages(void **state)
{
	struct world *w = *state;
	char *data = talloc_strdup(w->ctx, "3A0781FA");
	const char *c[] = {NULL, NULL};

	setup_isdp(w);
	while (strlen(data) < 2 * 250)
		data = talloc_strdup_append(data, "5A");
	c[0] = store(w, "8800", data);
	passes(w, aid, tlvs(w, c));
}

static void too_long_for_short_messages(void **state)
{
	struct world *w = *state;
	char *data = talloc_strdup(w->ctx, "");

	setup_isdp(w);
	while (strlen(data) < 2 * 5000)
		data = talloc_strdup_append(data, "220580BA000000");
	refused(w, aid, data, "FAILED 8.3/4.2");
}

static void isd_p_of_others(void **state)
{
	struct world *w = *state;
	char *seeded = hex_enc(w->ctx, BYTES_ARR(w->card_data.profiles[SEED_OPERATIONAL].aid));

	setup_isdp(w);
	refused(w, seeded, "220580BA000000", "FAILED 8.3.1/1.2");
	refused(w, world_free_aid(w, 1), "220580BA000000", "FAILED 8.3.1/3.9");
	refused(w, ISDR_AID, "220580BA000000", "FAILED 8.3.1/1.2");
	send(w, SMDP_OTHER, aid, "220580BA000000", "FAILED 8.3.1/1.2");
	assert_int_equal(world_packets(w), 1);
}

/* The queue of an eUICC is not for those who have nothing on it, however long it has to wait. */
static void queue_of_others(void **state)
{
	struct world *w = *state;

	setup_isdp(w);
	w->smsc = SMSC_DOWN;
	world_ask_new(w, SMDP, ES3_DELETE_ISDP, "delete");
	send(w, SMDP_OTHER, aid, "220580BA000000", "FAILED 8.3.1/1.2");
	assert_int_equal(world_rows(w, "op_data"), 0);
}

/* What the card has against SCP03t, octet for octet: no key set to begin with, no session to go on in. */
static void scp03t_errors(void **state)
{
	static const struct {
		const char *data, *answer;
	} cases[] = {
		{"840A30001122334455667788", "EuiccResponseData>9F4401"},
		{"8510112233445566778899AABBCCDDEEFF00", "EuiccResponseData>9F4501"},
		{"8610112233445566778899AABBCCDDEEFF00", "EuiccResponseData>9F4601"},
	};
	struct world *w = *state;

	setup_isdp(w);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *id = talloc_asprintf(w->ctx, "scp03t-%zu", i);
		struct world_post *p;

		world_send_data(w, SMDP, aid, cases[i].data, id);
		world_advance(w, MINUTE_MS);
		p = world_post(w, "smdp.example/cb");
		assert_non_null(strstr(p->body, "EXECUTED_SUCCESS"));
		if (!strstr(p->body, cases[i].answer))
			fail_msg("no %s: %s", cases[i].answer, strstr(p->body, "Euicc"));
		talloc_free(p);
	}
}

static void not_shown_is_unknown(void **state)
{
	struct world *w = *state;

	setup_isdp(w);
	world_damage(w, "UPDATE profile SET state = 0 WHERE iccid = '" NEW_ICCID "'");
	refused(w, aid, "220580BA000000", "FAILED 8.3.1/3.9");
}

static void a_select_leads_away(void **state)
{
	struct world *w = *state;

	setup_isdp(w);
	refused(w, aid, "220A00A40400054953442D52", "FAILED 8.3.1/1.2");
	refused(w, aid, "220580BA000000220A00A40400054953442D52", "FAILED 8.3.1/1.2");
}

static void malformed(void **state)
{
	static const char *const bad[] = {
		"",
		"22",
		"2205",
		"220580BA0000",
		"23029000",
		"AA03220580",
		"AE80220580BA000000",
		"220480BA0000FF",
		"220580BA000000830101",
		"C10100",
	};
	struct world *w = *state;

	setup_isdp(w);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refused(w, aid, bad[i], "FAILED 1.6/2.1");
}

/* ---- to the ISD-R ---- */

static void keys_in_two_calls(void **state)
{
	struct world *w = *state;

	setup_isdp(w);
	passes(w, ISDR_AID, keys_begin(w, aid));
	passes(w, ISDR_AID, keys_finish(w));
	/* The second half only once. */
	refused(w, ISDR_AID, keys_finish(w), "FAILED 8.3.1/1.2");
	/* Sd-aid does not decide. */
	passes(w, aid, keys_begin(w, aid));
	passes(w, aid, keys_finish(w));
}

static void certificate_in_blocks(void **state)
{
	struct world *w = *state;
	const char *const c[] = {perso(w, world_free_aid(w, 0)), store(w, "0900", "3A01097F2106"),
				 store(w, "0901", "AABBCCDDEEFF"), NULL};

	setup_isdp(w);
	passes(w, ISDR_AID, tlvs(w, c));
}

static void second_half_first(void **state)
{
	struct world *w = *state;

	setup_isdp(w);
	refused(w, ISDR_AID, keys_finish(w), "FAILED 8.3.1/1.2");
}

static void second_half_by_another(void **state)
{
	struct world *w = *state;

	setup_isdp(w);
	passes(w, ISDR_AID, keys_begin(w, aid));
	send(w, SMDP_OTHER, ISDR_AID, keys_finish(w), "FAILED 8.3.1/1.2");
	passes(w, ISDR_AID, keys_finish(w));
}

static void keys_of_an_isd_p_of_others(void **state)
{
	struct world *w = *state;
	char *seeded = hex_enc(w->ctx, BYTES_ARR(w->card_data.profiles[SEED_OPERATIONAL].aid));

	setup_isdp(w);
	refused(w, ISDR_AID, keys_begin(w, seeded), "FAILED 8.3.1/1.2");
	refused(w, ISDR_AID, keys_begin(w, world_free_aid(w, 1)), "FAILED 8.3.1/1.2");
	send(w, SMDP_OTHER, ISDR_AID, keys_begin(w, aid), "FAILED 8.3.1/1.2");
	assert_int_equal(world_packets(w), 1);
}

static void keys_of_a_finished_profile(void **state)
{
	struct world *w = *state;

	setup_isdp(w);
	passes(w, ISDR_AID, keys_begin(w, aid));
	world_download_completed(w, SMDP, "4917012345", "done");
	world_expect_answer(w, "EXECUTED_SUCCESS");
	refused(w, ISDR_AID, keys_begin(w, aid), "FAILED 8.3.1/1.2");
	refused(w, ISDR_AID, keys_finish(w), "FAILED 8.3.1/1.2");
	passes(w, aid, "220580BA000000"); /* what is for the ISD-P goes there still */
}

/* Whatever begins like a key establishment and is more, or less. */
static void guard(void **state)
{
	struct world *w = *state;
	char *isdp = world_free_aid(w, 0);
	char *p = perso(w, isdp), *cert = store(w, "0900", DGI_CERT);
	char *enable = talloc_asprintf(w->ctx, "80E28800153A03124F10%s", isdp);
	char *erase = talloc_asprintf(w->ctx, "80E40040124F10%s00", isdp);
	const char *const cases[][5] = {
		{p},									   /* 3A01 is missing */
		{cert},									   /* INSTALL is missing */
		{p, p, cert},								   /* two */
		{cert, p},								   /* the other way round */
		{p, cert, enable},							   /* something behind it */
		{p, cert, erase},							   /* that is no STORE DATA */
		{p, enable},								   /* instead of it */
		{p, erase, cert},							   /* between */
		{p, store(w, "0900", DGI_CERT DGI_ENABLE)},				   /* in the same block */
		{p, store(w, "0900", DGI_CERT), store(w, "0901", DGI_ENABLE)},		   /* in a block of its own */
		{p, store(w, "8900", "3A01097F2106"), store(w, "0901", DGI_ENABLE)},	   /* behind the last block */
		{p, store(w, "0900", "3A01097F2106"), store(w, "0900", DGI_ENABLE)},	   /* block 0 again */
		{p, cert, store(w, "8901", DGI_CRT DGI_EPK DGI_SIG)},			   /* both halves in one call */
		{p, store(w, "1900", DGI_CERT)},					   /* not in DGI form */
		{p, store(w, "6900", DGI_CERT)},					   /* enciphered */
		{talloc_asprintf(w->ctx, "84E620001600001%s%s000000", "0", isdp), cert},   /* secure messaging */
		{talloc_asprintf(w->ctx, "80E62C001600001%s%s000000", "0", isdp), cert},   /* INSTALL for more */
		{talloc_asprintf(w->ctx, "80E620001700001%s%s01000000", "0", isdp), cert}, /* with parameters */
		{store(w, "8901", DGI_CRT)},				/* without key and signature */
		{store(w, "8901", DGI_CRT DGI_SIG DGI_EPK)},		/* in another order */
		{store(w, "8901", DGI_CRT DGI_EPK DGI_SIG DGI_ENABLE)}, /* more behind them */
		{store(w, "8901", DGI_CRT DGI_EPK DGI_SIG), enable},
	};

	setup_isdp(w);
	passes(w, ISDR_AID, keys_begin(w, aid));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		print_message("case %zu\n", i);
		refused(w, ISDR_AID, tlvs(w, cases[i]), "FAILED 8.3.1/1.2");
		refused(w, aid, tlvs(w, cases[i]), "FAILED 8.3.1/1.2");
	}
	/* SCP03t among the blocks */
	refused(w, ISDR_AID, talloc_asprintf(w->ctx, "%s840100", keys_begin(w, aid)), "FAILED 8.3.1/1.2");
	passes(w, ISDR_AID, keys_finish(w));
}

/* ---- ends ---- */

static void silent(void **state)
{
	struct world *w = *state;

	setup_isdp(w);
	euicc_fault_set(w->card, EUICC_FAULT_SILENT, true, 0);
	world_send_data(w, SMDP, aid, "220580BA000000", "a");
	world_advance(w, 2 * HOUR_MS);
	world_expect_outcome(w, "ES3-SendData", "FAILED 1.6/5.4");
	assert_int_equal(world_packets(w), 2);
	assert_false(world_audit_due(w));
}

/* The first answer is lost; to the copy the card says "counter too low".  Nothing is done twice. */
static void answer_lost(void **state)
{
	struct world *w = *state;

	setup_isdp(w);
	euicc_fault_set(w->card, EUICC_FAULT_DROP_POR, true, 1);
	world_send_data(w, SMDP, aid, "220580BA000000", "a");
	world_advance(w, 2 * HOUR_MS);
	world_expect_outcome(w, "ES3-SendData", "FAILED 1.6/5.4");
	assert_int_equal(world_packets(w), 2);
}

static void never_delivered(void **state)
{
	struct world *w = *state;

	setup_isdp(w);
	w->smsc = SMSC_DOWN;
	world_send_data(w, SMDP, aid, "220580BA000000", "a");
	world_advance(w, 2 * HOUR_MS);
	world_expect_outcome(w, "ES3-SendData", "EXPIRED 1.6/5.3");
}

static void isd_p_is_gone_from_the_card(void **state)
{
	struct world *w = *state;
	char *erase = talloc_asprintf(w->ctx, "80E40040124F10%s00", world_free_aid(w, 0));
	struct bytes c, r;

	setup_isdp(w);
	assert_int_equal(hex_dec(w->ctx, erase, &c), 0);
	assert_int_equal(euicc_apdu(w->card, w->ctx, c, &r), 0);
	send(w, SMDP, aid, "220580BA000000", "FAILED 8.3/4.2"); /* TAR unknown */
}

/* kill -9 at each point. */
static unsigned int run(unsigned int kill_at)
{
	unsigned int points;
	struct world *w;
	void *state;

	world_setup(&state);
	w = state;
	setup_isdp(w);
	w->points = 0;
	w->kill_at = kill_at;
	world_send_data(w, SMDP, ISDR_AID, keys_begin(w, aid), "call");
	world_advance(w, HOUR_MS);
	points = w->points;
	w->kill_at = 0;
	/* A copy may have been all that is left, and the answer to the first one lost with the process. */
	if (world_told(w, "counter too low") || world_told(w, "copy 1"))
		talloc_free(world_post(w, "smdp.example/cb"));
	else
		world_expect_outcome(w, "ES3-SendData", "EXECUTED_SUCCESS");
	world_expect_silence(w);
	assert_int_equal(world_packets(w), 2);
	assert_int_equal(world_operations(w, OP_SEND_DATA, OP_ST_DONE), 1);
	world_teardown(&state);
	return points;
}

static void killed_anywhere(void **state)
{
	unsigned int points = run(0);

	assert_true(points > 8);
	for (unsigned int k = 1; k <= points; k++)
		run(k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(to_its_isd_p),
		WORLD_TEST(with_a_template),
		WORLD_TEST(several_short_messages),
		WORLD_TEST(too_long_for_short_messages),
		WORLD_TEST(isd_p_of_others),
		WORLD_TEST(queue_of_others),
		WORLD_TEST(scp03t_errors),
		WORLD_TEST(not_shown_is_unknown),
		WORLD_TEST(a_select_leads_away),
		WORLD_TEST(malformed),
		WORLD_TEST(keys_in_two_calls),
		WORLD_TEST(certificate_in_blocks),
		WORLD_TEST(second_half_first),
		WORLD_TEST(second_half_by_another),
		WORLD_TEST(keys_of_an_isd_p_of_others),
		WORLD_TEST(keys_of_a_finished_profile),
		WORLD_TEST(guard),
		WORLD_TEST(silent),
		WORLD_TEST(answer_lost),
		WORLD_TEST(never_delivered),
		WORLD_TEST(isd_p_is_gone_from_the_card),
		cmocka_unit_test(killed_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
