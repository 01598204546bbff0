/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* SMPP link: what comes in, as one table from command to handler.
 *
 * A response whose body cannot be read still counts by its header: the status is what matters, and dropping it would
 * leave a submit unknown for nothing.  A request that cannot be read is answered with generic_nack and the connection
 * goes on, because its boundaries are sound. */
#include "smsr/smpp_link_priv.h"

#include <errno.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/clock.h"
#include "common/app/log.h"
#include "common/crypto/rnd.h"

/* ---- responses to submits ---- */

/* Sequence numbers are those of one connection: what comes to a receiver answers no submit. */
static struct smpp_pending *pending_find(const struct smpp_leg *leg, uint32_t seq)
{
	struct smpp_pending *p;

	if (leg->role == LEG_RX)
		return NULL;
	llist_for_each_entry (p, &leg->link->pending, list) {
		if (p->seq == seq)
			return p;
	}
	return NULL;
}

static enum smpp_action action_of(const struct smpp_link *link, uint32_t status)
{
	for (unsigned i = 0; i < link->cfg.n_rules; i++) {
		if (link->cfg.rules[i].status == status)
			return link->cfg.rules[i].action;
	}
	return smpp_status_action(status);
}

static void throttle(struct smpp_leg *leg, const struct smpp_pending *p)
{
	struct smpp_flow *flow = &leg->link->flow;
	int64_t now = clock_now_ms();

	if (smpp_flow_throttled(flow, p->sent_ms, now, rnd_below(1001)))
		LOGPFSML(leg->fi, LOGL_NOTICE, "throttled: pause of %lld ms, then %u.%03u submits per second\n",
			 (long long)(flow->pause_until_ms - now), flow->rate_mhz / 1000, flow->rate_mhz % 1000);
}

static void next_coding(struct smpp_leg *leg)
{
	struct smpp_link *link = leg->link;

	if (link->coding + 1 >= link->cfg.n_data_coding) {
		smpp_link_alarm(link, "the service centre refuses every data_coding configured");
		return;
	}
	link->coding++;
	LOGPFSML(leg->fi, LOGL_NOTICE, "data_coding refused, now 0x%x\n", link->cfg.data_coding[link->coding]);
}

/* What the link itself does about a refusal; the rest is the core's. */
static void heed(struct smpp_leg *leg, const struct smpp_pending *p, enum smpp_action action)
{
	switch (action) {
	case SMPP_ACT_THROTTLED:
		throttle(leg, p);
		break;
	case SMPP_ACT_QUEUE_FULL:
		if (smpp_flow_queue_full(&leg->link->flow, p->dest_hash, clock_now_ms()))
			throttle(leg, p);
		break;
	case SMPP_ACT_NEXT_CODING:
		next_coding(leg);
		break;
	case SMPP_ACT_OK:
	case SMPP_ACT_RETRY:
	case SMPP_ACT_RETRY_TWICE:
	case SMPP_ACT_PERMANENT:
	case SMPP_ACT_BIND_REFUSED:
		break;
	}
}

static void submit_answered(struct smpp_leg *leg, struct smpp_pending *p, const struct smpp_pdu *pdu)
{
	struct smpp_link *link = leg->link;
	struct smpp_result result = {
		.outcome = pdu->status == SMPP_ROK ? SMPP_DONE_ACCEPTED : SMPP_DONE_REFUSED,
		.status = pdu->status,
		.message_id = pdu->message_id,
	};

	if (result.outcome == SMPP_DONE_ACCEPTED) {
		smpp_flow_accepted(&link->flow, p->sent_ms);
	} else {
		result.action = action_of(link, pdu->status);
		result.message_id = bytes_of(NULL, 0);
		LOGPFSML(leg->fi, LOGL_INFO, "submit refused: %s (0x%x), %s\n", smpp_status_name(pdu->status),
			 pdu->status, smpp_action_name(result.action));
		heed(leg, p, result.action);
	}
	smpp_link_done(link, p, &result);
	if (link->n_pending == 0)
		osmo_fsm_inst_dispatch(leg->fi, LEG_EV_IDLE, NULL);
}

static const char *rx_submit_resp(struct smpp_leg *leg, const struct smpp_pdu *pdu)
{
	struct smpp_pending *p = pending_find(leg, pdu->seq);

	if (!p)
		LOGPFSML(leg->fi, LOGL_NOTICE, "submit_sm_resp for unknown sequence number %u\n", pdu->seq);
	else
		submit_answered(leg, p, pdu);
	return NULL;
}

static const char *rx_generic_nack(struct smpp_leg *leg, const struct smpp_pdu *pdu)
{
	struct smpp_pending *p = pending_find(leg, pdu->seq);
	struct smpp_pdu nack = *pdu;

	LOGPFSML(leg->fi, LOGL_NOTICE, "generic_nack seq %u: %s (0x%x)\n", pdu->seq, smpp_status_name(pdu->status),
		 pdu->status);
	/* A nack that claims success is none; osmo-msc even sends them with sequence numbers that mean nothing. */
	if (nack.status == SMPP_ROK)
		nack.status = SMPP_RUNKNOWNERR;
	if (p)
		submit_answered(leg, p, &nack);
	return leg->bind_seq && pdu->seq == leg->bind_seq ? "bind answered with generic_nack" : NULL;
}

/* ---- session ---- */

static const char *rx_bind_resp(struct smpp_leg *leg, const struct smpp_pdu *pdu)
{
	/* Any of the three: osmo-msc answers bind_receiver with bind_transmitter_resp. */
	if (leg->bind_seq && pdu->seq == leg->bind_seq)
		osmo_fsm_inst_dispatch(leg->fi, LEG_EV_BIND_RESP, (void *)pdu);
	else
		LOGPFSML(leg->fi, LOGL_NOTICE, "bind response out of place\n");
	return NULL;
}

static const char *rx_enquire_link(struct smpp_leg *leg, const struct smpp_pdu *pdu)
{
	smpp_leg_send_header(leg, SMPP_ENQUIRE_LINK_RESP, 0, pdu->seq);
	return NULL;
}

static const char *rx_nothing(struct smpp_leg *leg, const struct smpp_pdu *pdu)
{
	return NULL;
}

static const char *rx_unbind(struct smpp_leg *leg, const struct smpp_pdu *pdu)
{
	smpp_leg_send_header(leg, SMPP_UNBIND_RESP, 0, pdu->seq);
	smpp_sock_flush(leg->sock);
	return "unbound by the service centre";
}

static const char *rx_unbind_resp(struct smpp_leg *leg, const struct smpp_pdu *pdu)
{
	osmo_fsm_inst_dispatch(leg->fi, LEG_EV_UNBIND_RESP, NULL);
	return NULL;
}

/* ---- deliveries ---- */

static struct smpp_to_ack *token_make(struct smpp_leg *leg, const struct smpp_pdu *pdu)
{
	struct smpp_to_ack *a = talloc_zero(leg->link, struct smpp_to_ack);

	OSMO_ASSERT(a);
	a->token = (uint64_t)leg->gen << 32 | ++leg->link->n_tokens;
	a->command_id = pdu->command_id | SMPP_RESP;
	a->seq = pdu->seq;
	llist_add_tail(&a->list, &leg->to_ack);
	leg->n_to_ack++;
	return a;
}

static const char *rx_deliver(struct smpp_leg *leg, const struct smpp_pdu *pdu)
{
	struct smpp_link *link = leg->link;
	struct smpp_deliver d = {
		.source = pdu->source,
		.dest = pdu->dest,
		.esm_class = pdu->esm_class,
		.protocol_id = pdu->protocol_id,
		.data_coding = pdu->data_coding,
		.payload = smpp_payload(pdu),
		.is_receipt = smpp_is_receipt(pdu->esm_class),
	};

	if (leg->n_to_ack >= link->cfg.deliver_max) {
		smpp_link_count(link, SMPP_CTR_DELIVER_REFUSED, 1);
		smpp_leg_send_header(leg, pdu->command_id | SMPP_RESP, SMPP_RX_T_APPN, pdu->seq);
		return NULL;
	}
	d.has_sar = smpp_sar_dec(pdu, &d.sar) == 0;
	if (d.is_receipt && smpp_receipt_dec(pdu, &d.receipt) < 0)
		LOGPFSML(leg->fi, LOGL_NOTICE, "receipt without id and state\n");
	smpp_link_count(link, d.is_receipt ? SMPP_CTR_RECEIPT : SMPP_CTR_DELIVER, 1);
	link->ops->deliver(link->priv, link, token_make(leg, pdu)->token, &d);
	return NULL;
}

static const char *rx_alert(struct smpp_leg *leg, const struct smpp_pdu *pdu)
{
	struct smpp_link *link = leg->link;
	uint32_t availability;

	smpp_link_count(link, SMPP_CTR_ALERT, 1);
	if (smpp_tlv_find_uint(pdu->tlvs, SMPP_TAG_MS_AVAILABILITY_STATUS, &availability) < 0 || availability > 2)
		availability = UINT32_MAX;
	if (link->ops->alert)
		link->ops->alert(link->priv, link, &pdu->source, (int)availability);
	return NULL;
}

/* ---- dispatch ---- */

static const struct {
	uint32_t command_id;
	bool bound_only; /* requests that make no sense before the bind is answered */
	const char *(*rx)(struct smpp_leg *leg, const struct smpp_pdu *pdu);
} handlers[] = {
	{SMPP_SUBMIT_SM_RESP, false, rx_submit_resp},
	{SMPP_DELIVER_SM, true, rx_deliver},
	{SMPP_DATA_SM, true, rx_deliver},
	{SMPP_ENQUIRE_LINK, false, rx_enquire_link},
	{SMPP_ENQUIRE_LINK_RESP, false, rx_nothing},
	{SMPP_ALERT_NOTIFICATION, true, rx_alert},
	{SMPP_GENERIC_NACK, false, rx_generic_nack},
	{SMPP_BIND_TRANSCEIVER_RESP, false, rx_bind_resp},
	{SMPP_BIND_TRANSMITTER_RESP, false, rx_bind_resp},
	{SMPP_BIND_RECEIVER_RESP, false, rx_bind_resp},
	{SMPP_UNBIND, false, rx_unbind},
	{SMPP_UNBIND_RESP, false, rx_unbind_resp},
	{SMPP_OUTBIND, false, rx_nothing},
};

/* A PDU that only its header can be read of.  \returns false when that is the end of it */
static bool rx_malformed(struct smpp_leg *leg, int rc, struct smpp_pdu *pdu)
{
	smpp_link_count(leg->link, SMPP_CTR_BAD_PDU, 1);
	LOGPFSML(leg->fi, LOGL_NOTICE, "%s (0x%x) seq %u: %s\n", smpp_command_name(pdu->command_id), pdu->command_id,
		 pdu->seq, rc == -ENOENT ? "unknown command" : "malformed");
	if (pdu->command_id & SMPP_RESP)
		return rc != -ENOENT;
	smpp_leg_send_header(leg, SMPP_GENERIC_NACK, rc == -ENOENT ? SMPP_RINVCMDID : SMPP_RINVCMDLEN, pdu->seq);
	return false;
}

static const char *dispatch(struct smpp_leg *leg, const struct smpp_pdu *pdu)
{
	for (size_t i = 0; i < ARRAY_SIZE(handlers); i++) {
		if (handlers[i].command_id != pdu->command_id)
			continue;
		if (handlers[i].bound_only && !smpp_leg_open(leg)) {
			smpp_leg_send_header(leg, SMPP_GENERIC_NACK, SMPP_RINVBNDSTS, pdu->seq);
			return NULL;
		}
		return handlers[i].rx(leg, pdu);
	}
	if (!(pdu->command_id & SMPP_RESP))
		smpp_leg_send_header(leg, SMPP_GENERIC_NACK, SMPP_RINVCMDID, pdu->seq);
	return NULL;
}

const char *smpp_leg_rx(struct smpp_leg *leg, struct bytes octets)
{
	struct smpp_pdu pdu;
	int rc;

	rc = smpp_pdu_dec(octets, &pdu);
	if (rc < 0 && smpp_hdr_dec(octets, &pdu) < 0)
		return "unreadable header"; /* cannot be: the framer has seen to that */
	if (rc < 0 && !rx_malformed(leg, rc, &pdu))
		return NULL;
	LOGPFSML(leg->fi, LOGL_DEBUG, "rx %s seq %u status 0x%x\n", smpp_command_name(pdu.command_id), pdu.seq,
		 pdu.status);
	return dispatch(leg, &pdu);
}
