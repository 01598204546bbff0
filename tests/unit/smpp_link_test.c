/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* SMPP link against a scripted service centre on the loopback, under a clock that the test moves. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <osmocom/core/application.h>
#include <osmocom/core/select.h>
#include <osmocom/core/timer.h>
#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/clock.h"
#include "common/app/log.h"
#include "smsr/smpp_link.h"

#define START_MS 1795000000000

struct world {
	void *ctx;
	int listener;
	int conn; /* the peer's end; -1: none */
	uint8_t in[65536];
	size_t in_len;
	uint8_t pdu_buf[4096];
	uint16_t port;
	int64_t now_ms;
	struct smpp_link *link;
	struct smpp_link_cfg cfg;
	/* what the core saw */
	int depth, alarms, rooms, stopped, alerts, availability;
	bool up;
	unsigned n_done;
	uint64_t refs[64];
	struct smpp_result results[64];
	char ids[64][66];
	unsigned n_deliver;
	uint64_t tokens[64];
	bool is_receipt;
	uint8_t payload[256];
	size_t payload_len;
	char source[32];
};

/* ---- the core ---- */

static void on_enter(void *priv)
{
	struct world *w = priv;

	assert_int_equal(w->depth++, 0);
}

static void on_leave(void *priv)
{
	struct world *w = priv;

	assert_int_equal(--w->depth, 0);
}

static void on_done(void *priv, struct smpp_link *link, uint64_t ref, const struct smpp_result *result)
{
	struct world *w = priv;

	assert_int_equal(w->depth, 1);
	assert_true(w->n_done < ARRAY_SIZE(w->refs) && result->message_id.len < sizeof(w->ids[0]));
	w->refs[w->n_done] = ref;
	w->results[w->n_done] = *result;
	memset(w->ids[w->n_done], 0, sizeof(w->ids[0]));
	if (result->message_id.len)
		memcpy(w->ids[w->n_done], result->message_id.data, result->message_id.len);
	w->n_done++;
}

static void on_deliver(void *priv, struct smpp_link *link, uint64_t token, const struct smpp_deliver *d)
{
	struct world *w = priv;

	assert_int_equal(w->depth, 1);
	w->tokens[w->n_deliver++] = token;
	w->is_receipt = d->is_receipt;
	assert_true(d->payload.len <= sizeof(w->payload) && d->source.digits.len < sizeof(w->source));
	memcpy(w->payload, d->payload.data, d->payload.len);
	w->payload_len = d->payload.len;
	memset(w->source, 0, sizeof(w->source));
	memcpy(w->source, d->source.digits.data, d->source.digits.len);
}

static void on_alert(void *priv, struct smpp_link *link, const struct smpp_addr *source, int availability)
{
	struct world *w = priv;

	w->alerts++;
	w->availability = availability;
}

static void on_room(void *priv, struct smpp_link *link)
{
	struct world *w = priv;

	assert_int_equal(w->depth, 1);
	assert_true(smpp_link_room(link) > 0);
	w->rooms++;
}

static void on_state(void *priv, struct smpp_link *link, bool up)
{
	struct world *w = priv;

	assert_int_equal(w->depth, 1);
	assert_true(up != w->up);
	w->up = up;
}

static void on_alarm(void *priv, struct smpp_link *link, const char *text)
{
	struct world *w = priv;

	w->alarms++;
}

static void on_stopped(void *priv, struct smpp_link *link)
{
	struct world *w = priv;

	w->stopped++;
}

static const struct smpp_link_ops ops = {on_enter, on_leave, on_done,  on_deliver, on_alert,
					 on_room,  on_state, on_alarm, on_stopped};

/* ---- the service centre ---- */

static void spin(struct world *w)
{
	for (int i = 0; i < 4; i++)
		osmo_select_main(1);
}

static void advance(struct world *w, int64_t ms)
{
	w->now_ms += ms;
	clock_feed_at(w->now_ms, w->now_ms);
	spin(w);
}

static bool peer_accepts(struct world *w)
{
	for (int i = 0; i < 200 && w->conn < 0; i++) {
		spin(w);
		w->conn = accept4(w->listener, NULL, NULL, SOCK_NONBLOCK);
		if (w->conn < 0)
			usleep(100);
	}
	w->in_len = 0;
	return w->conn >= 0;
}

static void peer_closes(struct world *w)
{
	close(w->conn);
	w->conn = -1;
	for (int i = 0; i < 20; i++) {
		spin(w);
		usleep(50);
	}
}

/* Next PDU from the link; false when none comes.  Views live until the next call. */
static bool peer_gets(struct world *w, struct smpp_pdu *pdu)
{
	for (int i = 0; i < 100; i++) {
		struct smpp_framer *f = smpp_framer_alloc(w->ctx);
		struct bytes one;
		ssize_t n;
		int rc;

		spin(w);
		n = w->conn < 0 ? 0 : recv(w->conn, w->in + w->in_len, sizeof(w->in) - w->in_len, MSG_DONTWAIT);
		if (n > 0)
			w->in_len += (size_t)n;
		smpp_framer_feed(f, bytes_of(w->in, w->in_len));
		rc = smpp_framer_next(f, &one);
		assert_true(rc >= 0);
		if (rc == 1) {
			memcpy(w->pdu_buf, one.data, one.len);
			memmove(w->in, w->in + one.len, w->in_len - one.len);
			w->in_len -= one.len;
			assert_int_equal(smpp_pdu_dec(bytes_of(w->pdu_buf, one.len), pdu), 0);
		}
		talloc_free(f);
		if (rc == 1)
			return true;
		usleep(50);
	}
	return false;
}

static struct smpp_pdu peer_expects(struct world *w, uint32_t command_id)
{
	struct smpp_pdu pdu = {0};

	assert_true(peer_gets(w, &pdu));
	assert_string_equal(smpp_command_name(pdu.command_id), smpp_command_name(command_id));
	return pdu;
}

static void peer_hears_nothing(struct world *w)
{
	struct smpp_pdu pdu;

	assert_false(peer_gets(w, &pdu));
}

static void peer_sends_octets(struct world *w, struct bytes b)
{
	assert_int_equal(send(w->conn, b.data, b.len, MSG_NOSIGNAL), b.len);
	for (int i = 0; i < 5; i++) {
		spin(w);
		usleep(30);
	}
}

static void peer_sends(struct world *w, struct smpp_pdu pdu)
{
	uint8_t buf[1024];
	struct bytes b;
	struct wr out;

	wr_init_buf(&out, buf, sizeof(buf));
	assert_int_equal(smpp_pdu_enc(&pdu, &out), 0);
	assert_int_equal(wr_end(&out, &b), 0);
	peer_sends_octets(w, b);
}

static void peer_answers(struct world *w, const struct smpp_pdu *req, uint32_t status, const char *id)
{
	peer_sends(w, (struct smpp_pdu){.command_id = req->command_id | SMPP_RESP,
					.status = status,
					.seq = req->seq,
					.no_body = !id,
					.message_id = bytes_str(id)});
}

/* ---- scene ---- */

static int setup(void **state)
{
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(addr);
	struct world *w = talloc_zero(NULL, struct world);

	w->ctx = w;
	w->conn = -1;
	w->now_ms = START_MS;
	clock_feed_at(w->now_ms, w->now_ms);
	w->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(w->listener, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(w->listener, 5), 0);
	assert_int_equal(getsockname(w->listener, (struct sockaddr *)&addr, &len), 0);
	w->port = ntohs(addr.sin_port);
	smpp_link_cfg_default(&w->cfg);
	w->cfg.name = "unit.test";
	w->cfg.host = "127.0.0.1";
	w->cfg.port = w->port;
	w->cfg.system_id = "smsr";
	w->cfg.password = "secret12";
	w->cfg.source.digits = BYTES_LIT("12345");
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	if (w->conn >= 0)
		close(w->conn);
	close(w->listener);
	talloc_free(w);
	return 0;
}

static void start(struct world *w)
{
	w->link = smpp_link_alloc(w->ctx, &w->cfg, &ops, w);
	assert_non_null(w->link);
	smpp_link_start(w->link);
	assert_int_equal(w->depth, 0);
}

static void bind_up(struct world *w)
{
	struct smpp_pdu bind;

	assert_true(peer_accepts(w));
	bind = peer_expects(w, SMPP_BIND_TRANSCEIVER);
	assert_true(bytes_eq(bind.system_id, BYTES_LIT("smsr")));
	assert_int_equal(bind.interface_version, 0x34);
	peer_sends(w, (struct smpp_pdu){.command_id = SMPP_BIND_TRANSCEIVER_RESP,
					.seq = bind.seq,
					.system_id = BYTES_LIT("SMSC")});
	assert_true(w->up);
}

static int submit(struct world *w, uint64_t ref)
{
	static const uint8_t ud[] = {0x02, 0x70, 0x00, 0xaa};

	return smpp_link_submit(
		w->link, ref,
		&(struct smpp_submit){.dest = "491700000001", .ud = BYTES_ARR(ud), .validity_ms = 3600000});
}

static const char *link_state(struct world *w)
{
	struct smpp_link_info info;

	smpp_link_info(w->link, &info);
	return info.state;
}

/* ---- tests ---- */

static void submits_and_reports_the_message_id(void **state)
{
	struct world *w = *state;
	struct smpp_pdu pdu;

	start(w);
	assert_int_equal(smpp_link_room(w->link), 0);
	assert_int_equal(submit(w, 1), -EAGAIN);
	bind_up(w);
	assert_int_equal(w->rooms, 1);
	assert_int_equal(smpp_link_room(w->link), 10);
	assert_int_equal(submit(w, 7), 0);
	pdu = peer_expects(w, SMPP_SUBMIT_SM);
	assert_int_equal(pdu.esm_class, 0x40);
	assert_int_equal(pdu.protocol_id, 0x7f);
	assert_int_equal(pdu.data_coding, 0xf6);
	assert_int_equal(pdu.registered_delivery, 1);
	assert_true(bytes_eq(pdu.source.digits, BYTES_LIT("12345")));
	assert_true(bytes_eq(pdu.dest.digits, BYTES_LIT("491700000001")));
	assert_true(bytes_eq(pdu.validity_period, BYTES_LIT("000000010000000R")));
	assert_int_equal(pdu.short_message.len, 4);
	peer_answers(w, &pdu, 0, "00B8BE19");
	assert_int_equal(w->n_done, 1);
	assert_int_equal(w->refs[0], 7);
	assert_int_equal(w->results[0].outcome, SMPP_DONE_ACCEPTED);
	assert_string_equal(w->ids[0], "00B8BE19");
	assert_int_equal(smpp_link_room(w->link), 10);
	assert_int_equal(smpp_link_ctr(w->link, SMPP_CTR_RESP_OK), 1);
}

static void messages_that_cannot_be_sent_are_refused_at_once(void **state)
{
	struct world *w = *state;
	static const uint8_t ud[141];

	start(w);
	bind_up(w);
	assert_int_equal(smpp_link_submit(w->link, 1, &(struct smpp_submit){.dest = "1", .ud = BYTES_ARR(ud)}),
			 -EINVAL);
	assert_int_equal(smpp_link_submit(w->link, 1, &(struct smpp_submit){.dest = "+1", .ud = bytes_of(ud, 9)}),
			 -EINVAL);
	assert_int_equal(smpp_link_submit(w->link, 1, &(struct smpp_submit){.dest = "", .ud = bytes_of(ud, 9)}),
			 -EINVAL);
	assert_int_equal(
		smpp_link_submit(w->link, 1,
				 &(struct smpp_submit){.dest = "123456789012345678901", .ud = bytes_of(ud, 9)}),
		-EINVAL);
	peer_hears_nothing(w);
}

static void imsi_more_and_last_segment_show_on_the_wire(void **state)
{
	struct world *w = *state;
	static const uint8_t ud[] = {0x02, 0x70, 0x00, 0xaa};
	struct smpp_submit msg = {.dest = "001010000000001", .dest_is_imsi = true, .ud = BYTES_ARR(ud), .more = true};
	struct smpp_pdu pdu;
	uint32_t more;

	w->cfg.esm_class = 0x42;
	start(w);
	bind_up(w);
	assert_int_equal(smpp_link_submit(w->link, 1, &msg), 0);
	pdu = peer_expects(w, SMPP_SUBMIT_SM);
	assert_int_equal(pdu.dest.npi, 6);
	assert_int_equal(pdu.esm_class, 0x42);
	assert_int_equal(pdu.registered_delivery, 0);
	assert_int_equal(smpp_tlv_find_uint(pdu.tlvs, SMPP_TAG_MORE_MESSAGES_TO_SEND, &more), 0);
	assert_int_equal(more, 1);
	assert_int_equal(pdu.validity_period.len, 0);
}

static void window_is_kept(void **state)
{
	struct world *w = *state;
	struct smpp_pdu pdu[2];

	w->cfg.window = 2;
	start(w);
	bind_up(w);
	assert_int_equal(submit(w, 1), 0);
	assert_int_equal(submit(w, 2), 0);
	assert_int_equal(submit(w, 3), -EAGAIN);
	pdu[0] = peer_expects(w, SMPP_SUBMIT_SM);
	pdu[1] = peer_expects(w, SMPP_SUBMIT_SM);
	peer_hears_nothing(w);
	assert_int_equal(w->rooms, 1);
	/* out of order */
	peer_answers(w, &pdu[1], 0, "b");
	assert_int_equal(w->rooms, 2);
	assert_int_equal(w->refs[0], 2);
	assert_int_equal(submit(w, 3), 0);
	peer_answers(w, &pdu[0], 0, "a");
	assert_int_equal(w->refs[1], 1);
}

static void throttling_pauses_the_link(void **state)
{
	struct world *w = *state;
	struct smpp_link_info info;
	struct smpp_pdu pdu;

	w->cfg.rate_per_s = 100;
	start(w);
	bind_up(w);
	advance(w, 1000);
	assert_int_equal(submit(w, 1), 0);
	pdu = peer_expects(w, SMPP_SUBMIT_SM);
	peer_answers(w, &pdu, SMPP_RTHROTTLED, NULL);
	assert_int_equal(w->results[0].outcome, SMPP_DONE_REFUSED);
	assert_int_equal(w->results[0].action, SMPP_ACT_THROTTLED);
	assert_int_equal(smpp_link_room(w->link), 0);
	smpp_link_info(w->link, &info);
	assert_true(info.throttled);
	assert_int_equal(info.rate_per_s, 50);
	assert_in_range(info.throttled_until_ms - w->now_ms, 800, 1200);
	assert_int_equal(w->rooms, 1);
	advance(w, 799);
	assert_int_equal(w->rooms, 1);
	advance(w, 402);
	assert_int_equal(w->rooms, 2);
	assert_true(smpp_link_room(w->link) > 0);
}

static void rate_lets_submits_through_by_timer(void **state)
{
	struct world *w = *state;

	w->cfg.rate_per_s = 2;
	start(w);
	bind_up(w);
	assert_int_equal(submit(w, 1), 0);
	assert_int_equal(submit(w, 2), -EAGAIN);
	advance(w, 499);
	assert_int_equal(w->rooms, 1);
	advance(w, 1);
	assert_int_equal(w->rooms, 2);
	assert_int_equal(submit(w, 2), 0);
}

static void refusals_carry_their_action(void **state)
{
	struct world *w = *state;
	static const struct {
		uint32_t status;
		enum smpp_action action;
	} cases[] = {
		{SMPP_RMSGQFUL, SMPP_ACT_QUEUE_FULL},
		{SMPP_RSYSERR, SMPP_ACT_RETRY},
		{0x45b, SMPP_ACT_RETRY},
		{SMPP_RINVDSTADR, SMPP_ACT_RETRY /* by rule */},
		{SMPP_RINVSRCADR, SMPP_ACT_PERMANENT},
		{0x7777, SMPP_ACT_RETRY_TWICE},
		{SMPP_RINVDCS, SMPP_ACT_NEXT_CODING},
	};
	struct smpp_pdu pdu;

	w->cfg.rules[0] = (struct smpp_status_rule){SMPP_RINVDSTADR, SMPP_ACT_RETRY};
	w->cfg.n_rules = 1;
	start(w);
	bind_up(w);
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(submit(w, i), 0);
		pdu = peer_expects(w, SMPP_SUBMIT_SM);
		peer_answers(w, &pdu, cases[i].status, i % 2 ? "" : NULL);
		assert_int_equal(w->n_done, i + 1);
		assert_int_equal(w->results[i].outcome, SMPP_DONE_REFUSED);
		assert_int_equal(w->results[i].status, cases[i].status);
		assert_int_equal(w->results[i].action, cases[i].action);
	}
	/* the last one made the link use the next coding */
	assert_int_equal(submit(w, 50), 0);
	pdu = peer_expects(w, SMPP_SUBMIT_SM);
	assert_int_equal(pdu.data_coding, 0x16);
	/* a nack by sequence number is a refusal too */
	peer_sends(w, (struct smpp_pdu){.command_id = SMPP_GENERIC_NACK, .status = SMPP_RINVCMDID, .seq = pdu.seq});
	assert_int_equal(w->results[w->n_done - 1].status, SMPP_RINVCMDID);
}

static void silence_makes_a_submit_unknown_and_the_link_rebinds(void **state)
{
	struct world *w = *state;
	struct smpp_pdu pdu;

	w->cfg.enquire_ms = 1000000;
	start(w);
	bind_up(w);
	assert_int_equal(submit(w, 1), 0);
	pdu = peer_expects(w, SMPP_SUBMIT_SM);
	advance(w, 59999);
	assert_int_equal(w->n_done, 0);
	advance(w, 1);
	assert_int_equal(w->n_done, 1);
	assert_int_equal(w->results[0].outcome, SMPP_DONE_UNKNOWN);
	assert_false(w->up);
	assert_string_equal(link_state(w), "WAIT");
	peer_closes(w);
	advance(w, 1201);
	bind_up(w);
	/* the answer of the old connection means nothing on the new one */
	peer_answers(w, &pdu, 0, "late");
	assert_int_equal(w->n_done, 1);
}

static void what_never_left_is_told_apart(void **state)
{
	struct world *w = *state;

	start(w);
	bind_up(w);
	assert_int_equal(submit(w, 1), 0);
	peer_expects(w, SMPP_SUBMIT_SM);
	assert_int_equal(submit(w, 2), 0); /* queued: the select loop has not run yet */
	smpp_link_reconnect(w->link);
	/* timers run before descriptors, so the connection goes before its second submit does */
	osmo_timers_update();
	assert_int_equal(w->n_done, 2);
	assert_int_equal(w->results[0].outcome, SMPP_DONE_UNKNOWN);
	assert_int_equal(w->refs[1], 2);
	assert_int_equal(w->results[1].outcome, SMPP_DONE_NOT_SENT);
	close(w->conn);
	w->conn = -1;
	bind_up(w);
}

static void delivery_is_answered_after_the_core_only(void **state)
{
	struct world *w = *state;
	static const char por[] = "\x02\x71\x00\x00\x24";
	struct smpp_pdu pdu = {.command_id = SMPP_DELIVER_SM,
			       .seq = 77,
			       .source = {1, 1, BYTES_LIT("491700000001")},
			       .dest = {1, 1, BYTES_LIT("12345")},
			       .esm_class = 0x40,
			       .short_message = bytes_of(por, 5)};

	start(w);
	bind_up(w);
	peer_sends(w, pdu);
	assert_int_equal(w->n_deliver, 1);
	assert_string_equal(w->source, "491700000001");
	assert_memory_equal(w->payload, por, 5);
	peer_hears_nothing(w);
	assert_true(smpp_link_deliver_ack(w->link, w->tokens[0], 0));
	pdu = peer_expects(w, SMPP_DELIVER_SM_RESP);
	assert_int_equal(pdu.seq, 77);
	assert_int_equal(pdu.status, 0);
	assert_false(smpp_link_deliver_ack(w->link, w->tokens[0], 0));
	peer_hears_nothing(w);
}

static void ack_after_the_link_died_is_nothing(void **state)
{
	struct world *w = *state;
	struct smpp_pdu pdu = {.command_id = SMPP_DATA_SM,
			       .seq = 5,
			       .source = {1, 1, BYTES_LIT("49")},
			       .tlvs = BYTES_LIT("\x04\x24\x00\x03"
						 "abc")};

	start(w);
	bind_up(w);
	peer_sends(w, pdu);
	assert_int_equal(w->payload_len, 3);
	peer_closes(w);
	assert_false(w->up);
	assert_false(smpp_link_deliver_ack(w->link, w->tokens[0], 0));
	advance(w, 1201);
	bind_up(w);
	assert_false(smpp_link_deliver_ack(w->link, w->tokens[0], 0));
	peer_hears_nothing(w);
	/* the same sequence number on the new connection is another delivery */
	peer_sends(w, pdu);
	assert_true(w->tokens[0] != w->tokens[1]);
	assert_true(smpp_link_deliver_ack(w->link, w->tokens[1], 0));
	pdu = peer_expects(w, SMPP_DATA_SM_RESP);
	assert_int_equal(pdu.seq, 5);
}

static void too_many_deliveries_are_refused_for_later(void **state)
{
	struct world *w = *state;
	struct smpp_pdu pdu = {.command_id = SMPP_DELIVER_SM, .seq = 1, .short_message = BYTES_LIT("x")};

	w->cfg.deliver_max = 1;
	start(w);
	bind_up(w);
	peer_sends(w, pdu);
	pdu.seq = 2;
	peer_sends(w, pdu);
	assert_int_equal(w->n_deliver, 1);
	pdu = peer_expects(w, SMPP_DELIVER_SM_RESP);
	assert_int_equal(pdu.seq, 2);
	assert_int_equal(pdu.status, SMPP_RX_T_APPN);
}

static void receipts_and_alerts_are_told_apart(void **state)
{
	struct world *w = *state;

	start(w);
	bind_up(w);
	peer_sends(w, (struct smpp_pdu){.command_id = SMPP_DELIVER_SM,
					.seq = 1,
					.esm_class = 0x44,
					.short_message = BYTES_LIT("id:5 stat:DELIVRD")});
	assert_true(w->is_receipt);
	peer_sends(w, (struct smpp_pdu){.command_id = SMPP_ALERT_NOTIFICATION,
					.seq = 2,
					.source = {1, 1, BYTES_LIT("49")},
					.tlvs = BYTES_LIT("\x04\x22\x00\x01\x02")});
	assert_int_equal(w->alerts, 1);
	assert_int_equal(w->availability, 2);
	assert_int_equal(smpp_link_ctr(w->link, SMPP_CTR_RECEIPT), 1);
}

static void three_missed_enquiries_end_the_connection(void **state)
{
	struct world *w = *state;
	struct smpp_pdu pdu;

	start(w);
	bind_up(w);
	for (int i = 0; i < 3; i++) {
		advance(w, 29999);
		peer_hears_nothing(w);
		advance(w, 1);
		pdu = peer_expects(w, SMPP_ENQUIRE_LINK);
		assert_true(w->up);
	}
	/* an answer starts the count again */
	peer_sends(w, (struct smpp_pdu){.command_id = SMPP_ENQUIRE_LINK_RESP, .seq = pdu.seq});
	for (int i = 0; i < 3; i++) {
		advance(w, 30000);
		peer_expects(w, SMPP_ENQUIRE_LINK);
	}
	assert_true(w->up);
	advance(w, 30000);
	assert_false(w->up);
	assert_int_equal(smpp_link_ctr(w->link, SMPP_CTR_LOST), 1);
}

static void enquiries_of_the_peer_are_answered(void **state)
{
	struct world *w = *state;
	struct smpp_pdu pdu;

	start(w);
	bind_up(w);
	peer_sends(w, (struct smpp_pdu){.command_id = SMPP_ENQUIRE_LINK, .seq = 9});
	pdu = peer_expects(w, SMPP_ENQUIRE_LINK_RESP);
	assert_int_equal(pdu.seq, 9);
}

static void reconnects_with_growing_waits(void **state)
{
	struct world *w = *state;
	static const int base[] = {1000, 2000, 4000};

	w->cfg.bind_timeout_ms = 10000;
	start(w);
	assert_true(peer_accepts(w));
	for (unsigned i = 0; i < ARRAY_SIZE(base); i++) {
		peer_expects(w, SMPP_BIND_TRANSCEIVER);
		peer_closes(w);
		assert_string_equal(link_state(w), "WAIT");
		advance(w, base[i] * 8 / 10 - 1);
		assert_string_equal(link_state(w), "WAIT");
		advance(w, base[i] * 4 / 10 + 2);
		assert_true(peer_accepts(w));
	}
	/* no answer to the bind */
	peer_expects(w, SMPP_BIND_TRANSCEIVER);
	advance(w, 10001);
	assert_string_equal(link_state(w), "WAIT");
}

static void refused_bind_waits_long_and_alarms(void **state)
{
	struct world *w = *state;
	struct smpp_link_info info;
	struct smpp_pdu pdu;

	start(w);
	assert_true(peer_accepts(w));
	pdu = peer_expects(w, SMPP_BIND_TRANSCEIVER);
	peer_answers(w, &pdu, SMPP_RINVPASWD, NULL);
	assert_int_equal(w->alarms, 1);
	smpp_link_info(w->link, &info);
	assert_int_equal(info.last_bind_status, SMPP_RINVPASWD);
	assert_string_equal(info.state, "WAIT");
	peer_closes(w);
	advance(w, 47999);
	assert_string_equal(link_state(w), "WAIT");
	advance(w, 24002);
	assert_true(peer_accepts(w));
	pdu = peer_expects(w, SMPP_BIND_TRANSCEIVER);
	peer_answers(w, &pdu, SMPP_RINVPASWD, "");
	peer_closes(w);
	advance(w, 95999);
	assert_string_equal(link_state(w), "WAIT");
}

static void stop_drains_unbinds_and_closes(void **state)
{
	struct world *w = *state;
	struct smpp_pdu sub, pdu;
	char c;

	start(w);
	bind_up(w);
	assert_int_equal(submit(w, 1), 0);
	sub = peer_expects(w, SMPP_SUBMIT_SM);
	smpp_link_stop(w->link);
	assert_int_equal(smpp_link_room(w->link), 0);
	peer_hears_nothing(w);
	assert_string_equal(link_state(w), "DRAINING");
	peer_answers(w, &sub, 0, "1");
	assert_int_equal(w->results[0].outcome, SMPP_DONE_ACCEPTED);
	pdu = peer_expects(w, SMPP_UNBIND);
	assert_int_equal(w->stopped, 0);
	peer_sends(w, (struct smpp_pdu){.command_id = SMPP_UNBIND_RESP, .seq = pdu.seq});
	assert_int_equal(w->stopped, 1);
	assert_false(w->up);
	assert_int_equal(recv(w->conn, &c, 1, 0), 0);
	close(w->conn);
	w->conn = -1;
	smpp_link_start(w->link);
	bind_up(w);
}

static void stop_gives_up_in_time(void **state)
{
	struct world *w = *state;

	start(w);
	bind_up(w);
	assert_int_equal(submit(w, 1), 0);
	peer_expects(w, SMPP_SUBMIT_SM);
	smpp_link_stop(w->link);
	spin(w);
	advance(w, 10000);
	peer_expects(w, SMPP_UNBIND);
	assert_int_equal(w->stopped, 0);
	advance(w, 5000);
	assert_int_equal(w->stopped, 1);
	assert_int_equal(w->results[0].outcome, SMPP_DONE_UNKNOWN);
}

static void unbind_of_the_peer_is_answered(void **state)
{
	struct world *w = *state;
	struct smpp_pdu pdu;

	start(w);
	bind_up(w);
	peer_sends(w, (struct smpp_pdu){.command_id = SMPP_UNBIND, .seq = 3});
	pdu = peer_expects(w, SMPP_UNBIND_RESP);
	assert_int_equal(pdu.seq, 3);
	assert_false(w->up);
	peer_closes(w);
	advance(w, 1201);
	bind_up(w);
}

static void nonsense_is_answered_with_a_nack(void **state)
{
	struct world *w = *state;
	struct smpp_pdu pdu;

	start(w);
	bind_up(w);
	peer_sends_octets(w, BYTES_LIT("\0\0\0\x10\0\0\0\x99\0\0\0\0\0\0\0\x05"));
	pdu = peer_expects(w, SMPP_GENERIC_NACK);
	assert_int_equal(pdu.status, SMPP_RINVCMDID);
	assert_int_equal(pdu.seq, 5);
	peer_sends_octets(w, BYTES_LIT("\0\0\0\x13\0\0\0\x05\0\0\0\0\0\0\0\x06"
				       "abc"));
	pdu = peer_expects(w, SMPP_GENERIC_NACK);
	assert_int_equal(pdu.status, SMPP_RINVCMDLEN);
	assert_int_equal(pdu.seq, 6);
	assert_true(w->up);
	peer_sends_octets(w, BYTES_LIT("\x7f\xff\xff\xff"));
	pdu = peer_expects(w, SMPP_GENERIC_NACK);
	assert_int_equal(pdu.status, SMPP_RINVCMDLEN);
	assert_int_equal(pdu.seq, 0);
	assert_false(w->up);
}

/* Answer the bind that waits on the current connection.  \returns whether it was the transmitter */
static bool answer_bind(struct world *w)
{
	struct smpp_pdu pdu;

	w->in_len = 0;
	assert_true(peer_gets(w, &pdu));
	assert_true(pdu.command_id == SMPP_BIND_TRANSMITTER || pdu.command_id == SMPP_BIND_RECEIVER);
	/* also to the receiver, as osmo-msc does */
	peer_sends(w, (struct smpp_pdu){.command_id = SMPP_BIND_TRANSMITTER_RESP, .seq = pdu.seq});
	return pdu.command_id == SMPP_BIND_TRANSMITTER;
}

static void transmitter_and_receiver_make_one_link(void **state)
{
	struct world *w = *state;
	int first, second, tx, rx;
	struct smpp_pdu pdu;

	w->cfg.bind_mode = SMPP_BIND_TX_RX;
	start(w);
	assert_true(peer_accepts(w));
	first = w->conn;
	w->conn = -1;
	assert_true(peer_accepts(w));
	second = w->conn;
	tx = answer_bind(w) ? second : first;
	rx = tx == first ? second : first;
	assert_false(w->up);
	w->conn = first;
	assert_int_equal(answer_bind(w), tx == first);
	assert_true(w->up);
	assert_int_equal(submit(w, 1), 0);
	w->conn = tx;
	pdu = peer_expects(w, SMPP_SUBMIT_SM);
	/* an answer on the wrong connection is none */
	w->conn = rx;
	peer_answers(w, &pdu, 0, "1");
	assert_int_equal(w->n_done, 0);
	peer_sends(w, (struct smpp_pdu){.command_id = SMPP_DELIVER_SM, .seq = 4, .short_message = BYTES_LIT("x")});
	assert_int_equal(w->n_deliver, 1);
	peer_closes(w);
	assert_false(w->up);
	assert_int_equal(w->n_done, 0);
	w->conn = tx;
	peer_answers(w, &pdu, 0, "1");
	assert_int_equal(w->n_done, 1);
}

static void pause_and_resume(void **state)
{
	struct world *w = *state;

	start(w);
	bind_up(w);
	smpp_link_pause(w->link);
	assert_int_equal(submit(w, 1), -EAGAIN);
	assert_int_equal(w->rooms, 1);
	smpp_link_resume(w->link);
	spin(w);
	assert_int_equal(w->rooms, 2);
	assert_int_equal(submit(w, 1), 0);
}

static void settings_are_checked(void **state)
{
	struct world *w = *state;
	const char *why = NULL;

	assert_int_equal(smpp_link_cfg_check(&w->cfg, &why), 0);
	w->cfg.password = "123456789";
	assert_int_equal(smpp_link_cfg_check(&w->cfg, &why), -EINVAL);
	assert_non_null(strstr(why, "password"));
	w->cfg.password = NULL;
	w->cfg.source.digits = BYTES_LIT("Operator");
	assert_int_equal(smpp_link_cfg_check(&w->cfg, &why), -EINVAL);
	w->cfg.source.digits = BYTES_LIT("12345");
	w->cfg.tls = true;
	assert_int_equal(smpp_link_cfg_check(&w->cfg, &why), -EINVAL);
	w->cfg.tls_ca = "/nonexistent";
	assert_int_equal(smpp_link_cfg_check(&w->cfg, &why), -EINVAL);
}

#define LINK_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		LINK_TEST(submits_and_reports_the_message_id),
		LINK_TEST(messages_that_cannot_be_sent_are_refused_at_once),
		LINK_TEST(imsi_more_and_last_segment_show_on_the_wire),
		LINK_TEST(window_is_kept),
		LINK_TEST(throttling_pauses_the_link),
		LINK_TEST(rate_lets_submits_through_by_timer),
		LINK_TEST(refusals_carry_their_action),
		LINK_TEST(silence_makes_a_submit_unknown_and_the_link_rebinds),
		LINK_TEST(what_never_left_is_told_apart),
		LINK_TEST(delivery_is_answered_after_the_core_only),
		LINK_TEST(ack_after_the_link_died_is_nothing),
		LINK_TEST(too_many_deliveries_are_refused_for_later),
		LINK_TEST(receipts_and_alerts_are_told_apart),
		LINK_TEST(three_missed_enquiries_end_the_connection),
		LINK_TEST(enquiries_of_the_peer_are_answered),
		LINK_TEST(reconnects_with_growing_waits),
		LINK_TEST(refused_bind_waits_long_and_alarms),
		LINK_TEST(stop_drains_unbinds_and_closes),
		LINK_TEST(stop_gives_up_in_time),
		LINK_TEST(unbind_of_the_peer_is_answered),
		LINK_TEST(nonsense_is_answered_with_a_nack),
		LINK_TEST(transmitter_and_receiver_make_one_link),
		LINK_TEST(pause_and_resume),
		LINK_TEST(settings_are_checked),
	};

	osmo_init_logging2(NULL, &log_info_esim);
	clock_feed_at(START_MS, START_MS);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
