/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* One connection of an SMPP link: sending, the events of its socket, keep-alive, and what its end means for what hung
 * on it. The states are in smpp_link_fsm.c. */
#include "smsr/smpp_link_priv.h"

#include <errno.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/clock.h"
#include "common/app/log.h"

/* ---- sending ---- */

uint32_t smpp_leg_next_seq(struct smpp_leg *leg)
{
	leg->seq = leg->seq >= SMPP_SEQ_MAX ? 1 : leg->seq + 1;
	return leg->seq;
}

int smpp_leg_send(struct smpp_leg *leg, const struct smpp_pdu *pdu)
{
	uint8_t buf[1024];
	struct bytes octets;
	struct wr w;
	int rc;

	wr_init_buf(&w, buf, sizeof(buf));
	rc = smpp_pdu_enc(pdu, &w);
	if (rc == 0)
		rc = wr_end(&w, &octets);
	if (rc == 0)
		rc = leg->sock ? smpp_sock_write(leg->sock, octets) : -ENOTCONN;
	if (rc < 0)
		return rc;
	LOGPFSML(leg->fi, LOGL_DEBUG, "tx %s seq %u status 0x%x\n", smpp_command_name(pdu->command_id), pdu->seq,
		 pdu->status);
	smpp_link_count(leg->link, SMPP_CTR_TX_BYTES, octets.len);
	return 0;
}

void smpp_leg_send_header(struct smpp_leg *leg, uint32_t command_id, uint32_t status, uint32_t seq)
{
	struct smpp_pdu pdu = {.command_id = command_id, .status = status, .seq = seq};
	int rc = smpp_leg_send(leg, &pdu);

	if (rc < 0)
		LOGPFSML(leg->fi, LOGL_NOTICE, "%s not sent: %s\n", smpp_command_name(command_id), strerror(-rc));
}

/* ---- events of the socket ---- */

void smpp_leg_down(struct smpp_leg *leg, const char *why)
{
	struct leg_down down = {.why = why};

	osmo_fsm_inst_dispatch(leg->fi, LEG_EV_DOWN, &down);
}

static void sock_up(void *priv)
{
	struct smpp_leg *leg = priv;

	smpp_link_enter(leg->link);
	osmo_fsm_inst_dispatch(leg->fi, LEG_EV_UP, NULL);
	smpp_link_leave(leg->link);
}

static void sock_down(void *priv, const char *why, bool operator)
{
	struct smpp_leg *leg = priv;
	struct leg_down down = {.why = why, .alarm = operator};

	smpp_link_enter(leg->link);
	osmo_fsm_inst_dispatch(leg->fi, LEG_EV_DOWN, &down);
	smpp_link_leave(leg->link);
}

static void rx_stream_broken(struct smpp_leg *leg, int rc)
{
	smpp_link_count(leg->link, SMPP_CTR_BAD_PDU, 1);
	smpp_leg_send_header(leg, SMPP_GENERIC_NACK, SMPP_RINVCMDLEN, 0);
	smpp_sock_flush(leg->sock);
	smpp_leg_down(leg, rc == -ENOSPC ? "command_length above the limit" : "command_length below 16");
}

static void rx_stream(struct smpp_leg *leg, struct bytes in)
{
	const char *why = NULL;
	struct bytes pdu;
	int rc = 0;

	smpp_framer_feed(leg->framer, in);
	/* A handler may end the connection, and the framer with it. */
	while (leg->sock && !why && (rc = smpp_framer_next(leg->framer, &pdu)) == 1)
		why = smpp_leg_rx(leg, pdu);
	if (why)
		smpp_leg_down(leg, why);
	else if (rc < 0)
		rx_stream_broken(leg, rc);
}

static void sock_rx(void *priv, struct bytes in)
{
	struct smpp_leg *leg = priv;

	smpp_link_enter(leg->link);
	leg->rx_ms = clock_now_ms();
	leg->misses = 0;
	smpp_link_count(leg->link, SMPP_CTR_RX_BYTES, in.len);
	rx_stream(leg, in);
	smpp_link_leave(leg->link);
}

const struct smpp_sock_ops smpp_leg_sock_ops = {.up = sock_up, .rx = sock_rx, .down = sock_down};

/* ---- life of a connection ---- */

/* What was written but not answered is unknown; what never reached the kernel is not sent. */
static void end_pending(struct smpp_leg *leg)
{
	struct smpp_link *link = leg->link;
	uint64_t sent = leg->sock ? smpp_sock_sent(leg->sock) : 0;
	struct smpp_pending *p, *next;

	if (leg->role == LEG_RX)
		return;
	llist_for_each_entry_safe (p, next, &link->pending, list) {
		struct smpp_result result = {.outcome = p->at >= sent ? SMPP_DONE_NOT_SENT : SMPP_DONE_UNKNOWN};

		smpp_link_done(link, p, &result);
	}
}

void smpp_leg_close(struct smpp_leg *leg)
{
	struct smpp_to_ack *a, *next;

	osmo_timer_del(&leg->enquire);
	end_pending(leg);
	llist_for_each_entry_safe (a, next, &leg->to_ack, list) {
		llist_del(&a->list);
		talloc_free(a);
	}
	leg->n_to_ack = 0;
	TALLOC_FREE(leg->sock);
	TALLOC_FREE(leg->framer);
	smpp_link_legs_changed(leg->link);
}

void smpp_leg_enquire_fired(void *data)
{
	struct smpp_leg *leg = data;
	struct smpp_link *link = leg->link;
	int64_t silent;

	smpp_link_enter(link);
	silent = clock_now_ms() - leg->rx_ms;
	if (leg->misses >= link->cfg.enquire_misses) {
		smpp_link_count(link, SMPP_CTR_ENQUIRE_MISSED, 1);
		smpp_leg_down(leg, "no answer to enquire_link");
	} else if (silent >= (int64_t)link->cfg.enquire_ms) {
		if (leg->misses++)
			smpp_link_count(link, SMPP_CTR_ENQUIRE_MISSED, 1);
		smpp_leg_send_header(leg, SMPP_ENQUIRE_LINK, 0, smpp_leg_next_seq(leg));
		silent = 0;
	}
	if (leg->sock)
		smpp_timer_arm(&leg->enquire, link->cfg.enquire_ms - OSMO_MAX(silent, 0));
	smpp_link_leave(link);
}
