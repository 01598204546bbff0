/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Service centre of the lab: sessions, store and forward, receipts, faults; no socket, a clock of our own.  Statuses
 * are those of the SMPP 3.4 table, the SMS-DELIVER is compared octet by octet with a TPDU built by hand from TS 23.040.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>
#include <osmocom/core/application.h>
#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/log.h"
#include "lab/smsc/smsc.h"

#define T0 1795000000000 /* 2026-11-18 11:06:40 UTC */
#define IMSI "001010000000001"
#define MSISDN "491700000001"

struct world {
	struct smsc *smsc;
	int64_t now;
	/* what came out, oldest first */
	unsigned n_pdu, next_pdu;
	uint8_t pdu[256][600];
	size_t pdu_len[256];
	unsigned n_air, next_air;
	struct air_msg air[256];
	uint8_t air_payload[256][AIR_MAX];
	unsigned n_closed;
};

static void on_tx(void *priv, unsigned session, struct bytes pdu)
{
	struct world *w = priv;

	assert_true(w->n_pdu < ARRAY_SIZE(w->pdu) && pdu.len <= sizeof(w->pdu[0]));
	memcpy(w->pdu[w->n_pdu], pdu.data, pdu.len);
	w->pdu_len[w->n_pdu++] = pdu.len;
}

static void on_close(void *priv, unsigned session)
{
	struct world *w = priv;

	w->n_closed++;
}

static void on_radio(void *priv, const struct air_msg *msg)
{
	struct world *w = priv;

	assert_true(w->n_air < ARRAY_SIZE(w->air));
	w->air[w->n_air] = *msg;
	if (msg->payload.len)
		memcpy(w->air_payload[w->n_air], msg->payload.data, msg->payload.len);
	w->air[w->n_air].payload.data = w->air_payload[w->n_air];
	w->n_air++;
}

static const struct smsc_ops ops = {on_tx, on_close, on_radio};

static void tick(struct world *w, int64_t ms)
{
	w->now += ms;
	while (smsc_tick(w->smsc, w->now) <= w->now)
		;
}

static int setup(void **state)
{
	struct world *w = talloc_zero(NULL, struct world);
	unsigned bad = 0;
	struct smsc_cfg cfg;

	smsc_cfg_default(&cfg);
	cfg.account = "smsr";
	cfg.password = "secret";
	cfg.number = "12345";
	w->now = T0;
	w->smsc = smsc_alloc(w, &cfg, &ops, w);
	assert_int_equal(
		smsc_subscribers_load(w->smsc, "# lab\n" IMSI "," MSISDN "\r\n\n001010000000002,491700000002\n", &bad),
		2);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	talloc_free(*state);
	return 0;
}

static void sends(struct world *w, unsigned session, struct smpp_pdu pdu)
{
	uint8_t buf[1024];
	struct bytes b;
	struct wr out;

	wr_init_buf(&out, buf, sizeof(buf));
	assert_int_equal(smpp_pdu_enc(&pdu, &out), 0);
	assert_int_equal(wr_end(&out, &b), 0);
	smsc_session_rx(w->smsc, session, b, w->now);
	tick(w, 0);
}

static struct smpp_pdu gets(struct world *w, uint32_t command_id)
{
	struct smpp_pdu pdu;

	assert_true(w->next_pdu < w->n_pdu);
	assert_int_equal(smpp_pdu_dec(bytes_of(w->pdu[w->next_pdu], w->pdu_len[w->next_pdu]), &pdu), 0);
	w->next_pdu++;
	assert_string_equal(smpp_command_name(pdu.command_id), smpp_command_name(command_id));
	return pdu;
}

static const struct air_msg *hears(struct world *w, enum air_type type)
{
	assert_true(w->next_air < w->n_air);
	assert_int_equal(w->air[w->next_air].type, type);
	return &w->air[w->next_air++];
}

static void phone(struct world *w, enum air_type type, uint8_t cause, struct bytes payload)
{
	struct air_msg msg = {.type = type, .cause = cause, .imsi = IMSI, .payload = payload};

	smsc_radio_rx(w->smsc, &msg, w->now);
	tick(w, 0);
}

static unsigned bound(struct world *w)
{
	unsigned id = smsc_session_open(w->smsc, w->now);

	sends(w, id,
	      (struct smpp_pdu){.command_id = SMPP_BIND_TRANSCEIVER,
				.seq = 1,
				.system_id = BYTES_LIT("smsr"),
				.password = BYTES_LIT("secret"),
				.interface_version = 0x34});
	assert_int_equal(gets(w, SMPP_BIND_TRANSCEIVER_RESP).status, 0);
	return id;
}

static void attached(struct world *w)
{
	phone(w, AIR_ATTACH, 0, bytes_of(NULL, 0));
	assert_int_equal(hears(w, AIR_ATTACHED)->cause, 0);
}

static struct smpp_pdu submit_pdu(uint32_t seq)
{
	return (struct smpp_pdu){.command_id = SMPP_SUBMIT_SM,
				 .seq = seq,
				 .source = {1, 1, BYTES_LIT("12345")},
				 .dest = {1, 1, BYTES_LIT(MSISDN)},
				 .esm_class = 0x40,
				 .protocol_id = 0x7f,
				 .data_coding = 0xf6,
				 .registered_delivery = 1,
				 .short_message = BYTES_LIT("\x02\x70\x00\xaa\xbb")};
}

static void control(struct world *w, const char *line)
{
	char *answer = smsc_command(w->smsc, w, line, w->now);

	assert_memory_equal(answer, "ok", 2);
	talloc_free(answer);
	tick(w, 0);
}

/* ---- */

static void message_reaches_the_phone_and_is_receipted(void **state)
{
	struct world *w = *state;
	static const uint8_t tpdu[] = {0x44, 0x05, 0x91, 0x21, 0x43, 0xf5, 0x7f, 0xf6, 0x62, 0x11, 0x81,
				       0x11, 0x60, 0x04, 0x00, 0x05, 0x02, 0x70, 0x00, 0xaa, 0xbb};
	unsigned id = bound(w);
	struct smpp_receipt rcpt;
	struct smpp_pdu pdu;

	sends(w, id, submit_pdu(2));
	pdu = gets(w, SMPP_SUBMIT_SM_RESP);
	assert_int_equal(pdu.status, 0);
	assert_true(bytes_eq(pdu.message_id, BYTES_LIT("00B80001")));
	assert_int_equal(w->n_air, 0);
	attached(w);
	assert_true(bytes_eq(hears(w, AIR_MT)->payload, BYTES_ARR(tpdu)));
	assert_int_equal(gets(w, SMPP_ALERT_NOTIFICATION).source.ton, 1);
	assert_int_equal(w->next_pdu, w->n_pdu);
	phone(w, AIR_MT_ACK, 0, bytes_of(NULL, 0));
	pdu = gets(w, SMPP_DELIVER_SM);
	assert_int_equal(smpp_receipt_dec(&pdu, &rcpt), 0);
	assert_int_equal(rcpt.state, SMPP_STATE_DELIVERED);
	assert_true(bytes_eq(rcpt.id, BYTES_LIT("00B80001")));
	assert_non_null(memmem(pdu.short_message.data, pdu.short_message.len, "id:12058625 ", 12)); /* 0xB80001 */
	assert_true(bytes_eq(pdu.source.digits, BYTES_LIT(MSISDN)));
	assert_true(bytes_eq(pdu.dest.digits, BYTES_LIT("12345")));
}

static void phone_reaches_the_esme_until_it_answers(void **state)
{
	struct world *w = *state;
	static const char submit[] = "\x41\x07\x05\x91\x21\x43\xf5\x7f\xf6\x04\x02\x71\x00\x24";
	static const char elsewhere[] = "\x41\x08\x05\x91\x21\x43\xf6\x7f\xf6\x04\x02\x71\x00\x24";
	struct smpp_pdu pdu;
	unsigned id;

	attached(w);
	phone(w, AIR_MO, 0, bytes_of(submit, sizeof(submit) - 1));
	assert_int_equal(hears(w, AIR_MO_RESULT)->cause, 0);
	phone(w, AIR_MO, 0, bytes_of(elsewhere, sizeof(elsewhere) - 1));
	assert_int_equal(hears(w, AIR_MO_RESULT)->cause, 1);
	/* stored until somebody is bound */
	id = bound(w);
	pdu = gets(w, SMPP_DELIVER_SM);
	assert_true(bytes_eq(pdu.source.digits, BYTES_LIT(MSISDN)));
	assert_int_equal(pdu.esm_class, 0x40);
	assert_int_equal(pdu.protocol_id, 0x7f);
	assert_true(bytes_eq(pdu.short_message, BYTES_LIT("\x02\x71\x00\x24")));
	/* refused for now, then lost with its session, then taken */
	sends(w, id, (struct smpp_pdu){.command_id = SMPP_DELIVER_SM_RESP, .status = SMPP_RX_T_APPN, .seq = pdu.seq});
	tick(w, 2000);
	gets(w, SMPP_DELIVER_SM);
	smsc_session_closed(w->smsc, id, w->now);
	id = bound(w);
	pdu = gets(w, SMPP_DELIVER_SM);
	sends(w, id, (struct smpp_pdu){.command_id = SMPP_DELIVER_SM_RESP, .seq = pdu.seq});
	tick(w, 20000);
	assert_int_equal(w->next_pdu, w->n_pdu);
}

static void unanswered_deliveries_come_again(void **state)
{
	struct world *w = *state;
	static const char submit[] = "\x41\x07\x05\x91\x21\x43\xf5\x7f\xf6\x04\x02\x71\x00\x24";

	bound(w);
	attached(w);
	gets(w, SMPP_ALERT_NOTIFICATION);
	phone(w, AIR_MO, 0, bytes_of(submit, sizeof(submit) - 1));
	gets(w, SMPP_DELIVER_SM);
	tick(w, 9999);
	assert_int_equal(w->next_pdu, w->n_pdu);
	tick(w, 1);
	gets(w, SMPP_DELIVER_SM);
}

static void strict_about_submits(void **state)
{
	struct world *w = *state;
	unsigned id = smsc_session_open(w->smsc, w->now);
	static uint8_t long_ud[141] = {0x02, 0x70};
	struct smpp_pdu p[] = {submit_pdu(10), submit_pdu(11), submit_pdu(12), submit_pdu(13), submit_pdu(14),
			       submit_pdu(15), submit_pdu(16), submit_pdu(17), submit_pdu(18), submit_pdu(19)};
	static const uint32_t want[] = {SMPP_RINVDSTADR,   SMPP_RINVSRCADR, SMPP_RINVSRCTON, SMPP_RINVDSTNPI,
					SMPP_RINVESMCLASS, SMPP_RINVMSGLEN, SMPP_RINVEXPIRY, 0xc1,
					SMPP_RINVESMCLASS, SMPP_RINVSCHED};

	sends(w, id, submit_pdu(1));
	assert_int_equal(gets(w, SMPP_SUBMIT_SM_RESP).status, SMPP_RINVBNDSTS);
	id = bound(w);
	p[0].dest.digits = BYTES_LIT("491700000009");
	p[1].source.digits = BYTES_LIT("Operator");
	p[2].source.ton = 7;
	p[3].dest.npi = 2;
	p[4].esm_class = 0x44;
	p[5].short_message = BYTES_ARR(long_ud);
	p[6].validity_period = BYTES_LIT("000101000000000+");
	p[7].tlvs = BYTES_LIT("\x04\x24\x00\x01x");
	p[8].short_message = BYTES_LIT("\x09\x70");
	p[9].schedule_delivery_time = BYTES_LIT("000000010000000R");
	for (unsigned i = 0; i < ARRAY_SIZE(p); i++) {
		sends(w, id, p[i]);
		assert_int_equal(gets(w, SMPP_SUBMIT_SM_RESP).status, want[i]);
	}
	/* a sequence number twice, and out of range */
	sends(w, id, submit_pdu(19));
	assert_int_equal(gets(w, SMPP_GENERIC_NACK).status, SMPP_RUNKNOWNERR);
	sends(w, id, submit_pdu(0x80000000));
	assert_int_equal(gets(w, SMPP_GENERIC_NACK).status, SMPP_RUNKNOWNERR);
}

static void strict_about_binds(void **state)
{
	struct world *w = *state;
	struct smpp_pdu bind = {.command_id = SMPP_BIND_TRANSCEIVER,
				.system_id = BYTES_LIT("smsr"),
				.password = BYTES_LIT("wrong"),
				.interface_version = 0x34};
	unsigned id = smsc_session_open(w->smsc, w->now);

	bind.seq = 1;
	sends(w, id, bind);
	assert_int_equal(gets(w, SMPP_BIND_TRANSCEIVER_RESP).status, SMPP_RINVPASWD);
	bind.system_id = BYTES_LIT("nobody");
	bind.seq = 2;
	sends(w, id, bind);
	assert_int_equal(gets(w, SMPP_BIND_TRANSCEIVER_RESP).status, SMPP_RINVSYSID);
	tick(w, 10000);
	assert_int_equal(w->n_closed, 1);
	id = bound(w);
	bind.seq = 9;
	sends(w, id, bind);
	assert_int_equal(gets(w, SMPP_BIND_TRANSCEIVER_RESP).status, SMPP_RALYBND);
	smsc_session_rx(w->smsc, id, BYTES_LIT("\0\0\0\x0f"), w->now);
	assert_int_equal(gets(w, SMPP_GENERIC_NACK).status, SMPP_RINVCMDLEN);
	assert_int_equal(w->n_closed, 2);
}

static void transaction_mode_answers_after_the_phone(void **state)
{
	struct world *w = *state;
	unsigned id = bound(w);
	struct smpp_pdu p = submit_pdu(2);

	p.esm_class = 0x42;
	p.registered_delivery = 0;
	sends(w, id, p);
	assert_int_equal(gets(w, SMPP_SUBMIT_SM_RESP).status, SMPP_RDELIVERYFAILURE); /* switched off */
	attached(w);
	gets(w, SMPP_ALERT_NOTIFICATION);
	p.seq = 3;
	sends(w, id, p);
	assert_int_equal(w->next_pdu, w->n_pdu);
	hears(w, AIR_MT);
	phone(w, AIR_MT_ACK, 0, bytes_of(NULL, 0));
	assert_int_equal(gets(w, SMPP_SUBMIT_SM_RESP).status, 0);
	p.seq = 4;
	sends(w, id, p);
	phone(w, AIR_MT_ACK, 22, bytes_of(NULL, 0));
	assert_int_equal(gets(w, SMPP_SUBMIT_SM_RESP).status, SMPP_RDELIVERYFAILURE);
}

static void retries_then_gives_up(void **state)
{
	struct world *w = *state;
	unsigned id = bound(w);
	struct smpp_receipt rcpt;
	struct smpp_pdu pdu;

	attached(w);
	gets(w, SMPP_ALERT_NOTIFICATION);
	sends(w, id, submit_pdu(2));
	gets(w, SMPP_SUBMIT_SM_RESP);
	for (int i = 0; i < 5; i++) {
		hears(w, AIR_MT);
		phone(w, AIR_MT_ACK, 22, bytes_of(NULL, 0));
		tick(w, 2000);
	}
	pdu = gets(w, SMPP_DELIVER_SM);
	assert_int_equal(smpp_receipt_dec(&pdu, &rcpt), 0);
	assert_int_equal(rcpt.state, SMPP_STATE_UNDELIVERABLE);
	assert_int_equal(rcpt.network_error, 22);
	assert_int_equal(w->next_air, w->n_air);
}

static void validity_ends(void **state)
{
	struct world *w = *state;
	unsigned id = bound(w);
	struct smpp_pdu p = submit_pdu(2);
	struct smpp_receipt rcpt;

	p.validity_period = BYTES_LIT("000000000005000R");
	sends(w, id, p);
	gets(w, SMPP_SUBMIT_SM_RESP);
	tick(w, 4999);
	assert_int_equal(w->next_pdu, w->n_pdu);
	tick(w, 1);
	p = gets(w, SMPP_DELIVER_SM);
	assert_int_equal(smpp_receipt_dec(&p, &rcpt), 0);
	assert_int_equal(rcpt.state, SMPP_STATE_EXPIRED);
}

static void throttles_and_fills_up(void **state)
{
	struct world *w = *state;
	unsigned id = bound(w);

	control(w, "throttle 2/s");
	for (unsigned i = 0; i < 3; i++)
		sends(w, id, submit_pdu(2 + i));
	assert_int_equal(gets(w, SMPP_SUBMIT_SM_RESP).status, 0);
	assert_int_equal(gets(w, SMPP_SUBMIT_SM_RESP).status, 0);
	assert_int_equal(gets(w, SMPP_SUBMIT_SM_RESP).status, SMPP_RTHROTTLED);
	control(w, "throttle off");
	control(w, "queue 2");
	sends(w, id, submit_pdu(9));
	assert_int_equal(gets(w, SMPP_SUBMIT_SM_RESP).status, SMPP_RMSGQFUL);
	control(w, "queue 100");
	control(w, "error 0x8 100%");
	sends(w, id, submit_pdu(10));
	assert_int_equal(gets(w, SMPP_SUBMIT_SM_RESP).status, SMPP_RSYSERR);
	control(w, "error off");
	control(w, "refuse-coding 0xf6");
	sends(w, id, submit_pdu(11));
	assert_int_equal(gets(w, SMPP_SUBMIT_SM_RESP).status, SMPP_RINVDCS);
}

static void faults_follow_the_seed(void **state)
{
	struct world *w = *state;
	unsigned id = bound(w), heard[2];

	attached(w);
	gets(w, SMPP_ALERT_NOTIFICATION);
	for (int run = 0; run < 2; run++) {
		control(w, "seed 7");
		control(w, "drop mt 50%");
		control(w, "dup mt 20%");
		heard[run] = w->n_air;
		for (unsigned i = 0; i < 30; i++) {
			struct smpp_pdu p = submit_pdu(100 + 50 * (unsigned)run + i);

			p.registered_delivery = 0;
			sends(w, id, p);
			for (unsigned n = w->n_air; w->next_air < w->n_air; n = w->n_air) {
				w->next_air = n;
				phone(w, AIR_MT_ACK, 0, bytes_of(NULL, 0));
			}
		}
		heard[run] = w->n_air - heard[run];
	}
	assert_int_equal(heard[0], heard[1]);
	assert_in_range(heard[0], 8, 28);
}

static void held_back_messages_are_overtaken(void **state)
{
	struct world *w = *state;
	unsigned id = bound(w);
	struct smpp_pdu p = submit_pdu(2);

	attached(w);
	control(w, "reorder mt 100%");
	sends(w, id, p);
	control(w, "reorder mt off");
	p.seq = 3;
	p.short_message = BYTES_LIT("\x02\x70\x00\x02");
	sends(w, id, p);
	assert_int_equal(hears(w, AIR_MT)->payload.len, 20);
	phone(w, AIR_MT_ACK, 0, bytes_of(NULL, 0));
	assert_int_equal(w->next_air, w->n_air);
	tick(w, 300);
	assert_int_equal(hears(w, AIR_MT)->payload.len, 21);
}

static void restart_may_lose_everything(void **state)
{
	struct world *w = *state;
	unsigned id = bound(w);

	sends(w, id, submit_pdu(2));
	control(w, "restart lost");
	assert_int_equal(w->n_closed, 1);
	attached(w);
	assert_int_equal(w->next_air, w->n_air);
}

static void silent_and_late_phones(void **state)
{
	struct world *w = *state;
	unsigned id = bound(w);

	attached(w);
	gets(w, SMPP_ALERT_NOTIFICATION);
	sends(w, id, submit_pdu(2));
	gets(w, SMPP_SUBMIT_SM_RESP);
	hears(w, AIR_MT);
	tick(w, 15000);
	tick(w, 2000);
	hears(w, AIR_MT);
	/* the first acknowledgement comes at last: it is not the second one's */
	phone(w, AIR_MT_ACK, 0, bytes_of(NULL, 0));
	assert_int_equal(w->next_pdu, w->n_pdu);
	phone(w, AIR_MT_ACK, 0, bytes_of(NULL, 0));
	gets(w, SMPP_DELIVER_SM);
}

static void sessions_are_kept_alive(void **state)
{
	struct world *w = *state;
	unsigned id = bound(w);
	struct smpp_pdu pdu;

	tick(w, 30000);
	pdu = gets(w, SMPP_ENQUIRE_LINK);
	sends(w, id, (struct smpp_pdu){.command_id = SMPP_ENQUIRE_LINK_RESP, .seq = pdu.seq});
	tick(w, 30000);
	gets(w, SMPP_ENQUIRE_LINK);
	tick(w, 30000);
	assert_int_equal(w->n_closed, 1);
}

static void unknown_phones_and_bad_lines_are_refused(void **state)
{
	struct world *w = *state;
	struct air_msg msg = {.type = AIR_ATTACH, .imsi = "001010000000077"};
	unsigned bad = 0;
	char *answer;

	smsc_radio_rx(w->smsc, &msg, w->now);
	assert_int_equal(hears(w, AIR_ATTACHED)->cause, 2);
	assert_int_equal(smsc_subscribers_load(w->smsc, "001010000000005,49\nx,1\n", &bad), -EINVAL);
	assert_int_equal(bad, 2);
	answer = smsc_command(w->smsc, w, "drop 101%", w->now);
	assert_memory_equal(answer, "error", 5);
	answer = smsc_command(w->smsc, w, "frobnicate", w->now);
	assert_memory_equal(answer, "error", 5);
	attached(w);
	control(w, "bar " IMSI);
	hears(w, AIR_LOST);
	phone(w, AIR_ATTACH, 0, bytes_of(NULL, 0));
	assert_int_equal(hears(w, AIR_ATTACHED)->cause, 11);
	control(w, "status");
	control(w, "help");
}

#define SMSC_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SMSC_TEST(message_reaches_the_phone_and_is_receipted),
		SMSC_TEST(phone_reaches_the_esme_until_it_answers),
		SMSC_TEST(unanswered_deliveries_come_again),
		SMSC_TEST(strict_about_submits),
		SMSC_TEST(strict_about_binds),
		SMSC_TEST(transaction_mode_answers_after_the_phone),
		SMSC_TEST(retries_then_gives_up),
		SMSC_TEST(validity_ends),
		SMSC_TEST(throttles_and_fills_up),
		SMSC_TEST(faults_follow_the_seed),
		SMSC_TEST(held_back_messages_are_overtaken),
		SMSC_TEST(restart_may_lose_everything),
		SMSC_TEST(silent_and_late_phones),
		SMSC_TEST(sessions_are_kept_alive),
		SMSC_TEST(unknown_phones_and_bad_lines_are_refused),
	};

	osmo_init_logging2(NULL, &log_info_esim);
	log_set_category_filter(osmo_stderr_target, DLAB, 1, LOGL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
