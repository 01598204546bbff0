/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* SMPP link: one submit from the core's call to its outcome.
 *
 * Outstanding submits are a list in order of sending; a service centre answers nearly in order, so the one looked for
 * is at its head. */
#include "smsr/smpp_link_priv.h"

#include <errno.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/clock.h"

static bool digits_ok(const char *dest)
{
	size_t n = dest ? strspn(dest, "0123456789") : 0;

	return n >= 1 && n < SMPP_ADDR_LEN && dest[n] == '\0';
}

/* FNV-1a: tells destinations apart, nothing more. */
static uint32_t dest_hash(const char *dest)
{
	uint32_t h = 2166136261u;

	for (; *dest; dest++)
		h = (h ^ (uint8_t)*dest) * 16777619u;
	return h;
}

static int validity(const struct smpp_link_cfg *cfg, int64_t ms, char text[SMPP_TIME_LEN])
{
	text[0] = '\0';
	if (ms <= 0 || cfg->validity == SMPP_VALIDITY_NONE)
		return 0;
	if (cfg->validity == SMPP_VALIDITY_RELATIVE && smpp_time_relative(ms, text) == 0)
		return 0;
	return smpp_time_absolute(clock_stamp_ms() + ms, text);
}

static bool wants_receipt(const struct smpp_link_cfg *cfg, bool more)
{
	switch (cfg->receipts) {
	case SMPP_RECEIPT_NONE:
		return false;
	case SMPP_RECEIPT_LAST:
		return !more;
	case SMPP_RECEIPT_ALL:
		return true;
	}
	return false;
}

static int send_submit(struct smpp_link *link, const struct smpp_submit *msg, uint32_t seq)
{
	const struct smpp_link_cfg *cfg = &link->cfg;
	uint8_t tlv_buf[16], coding = cfg->data_coding[link->coding];
	char valid[SMPP_TIME_LEN];
	struct smpp_pdu pdu = {
		.command_id = SMPP_SUBMIT_SM,
		.seq = seq,
		.service_type = bytes_str(cfg->service_type),
		.source = cfg->source,
		.dest = {cfg->dest_ton, cfg->dest_npi, bytes_str(msg->dest)},
		.esm_class = cfg->esm_class | SMPP_ESM_UDHI,
		.protocol_id = cfg->protocol_id,
		.priority_flag = cfg->priority_flag,
		.registered_delivery = wants_receipt(cfg, msg->more),
		.data_coding = coding,
		.short_message = msg->ud,
	};
	struct wr tlvs;
	int rc;

	if (msg->dest_is_imsi)
		pdu.dest = (struct smpp_addr){0, 6, pdu.dest.digits};
	wr_init_buf(&tlvs, tlv_buf, sizeof(tlv_buf));
	if (coding == 0x04)
		smpp_tlv_put_uint(&tlvs, SMPP_TAG_DEST_ADDR_SUBUNIT, 3, 1);
	if (msg->more && cfg->more_messages_tlv)
		smpp_tlv_put_uint(&tlvs, SMPP_TAG_MORE_MESSAGES_TO_SEND, 1, 1);
	rc = wr_end(&tlvs, &pdu.tlvs);
	if (rc == 0)
		rc = validity(cfg, msg->validity_ms, valid);
	if (rc < 0)
		return rc;
	pdu.validity_period = bytes_str(valid);
	return smpp_leg_send(smpp_link_tx_leg(link), &pdu);
}

int smpp_link_submit(struct smpp_link *link, uint64_t ref, const struct smpp_submit *msg)
{
	struct smpp_leg *leg = smpp_link_tx_leg(link);
	struct smpp_pending *p;
	uint64_t at;
	uint32_t seq;

	if (!digits_ok(msg->dest) || msg->ud.len < 1 || msg->ud.len > 140)
		return -EINVAL;
	if (smpp_link_room(link) <= 0)
		return -EAGAIN;
	at = smpp_sock_queued(leg->sock);
	seq = smpp_leg_next_seq(leg);
	switch (send_submit(link, msg, seq)) {
	case 0:
		break;
	case -EINVAL:
		return -EINVAL;
	default: /* the queue of the socket is full or broken: its own event will tell */
		return -EAGAIN;
	}
	p = talloc_zero(link, struct smpp_pending);
	OSMO_ASSERT(p);
	*p = (struct smpp_pending){
		.ref = ref, .seq = seq, .dest_hash = dest_hash(msg->dest), .sent_ms = clock_now_ms(), .at = at};
	llist_add_tail(&p->list, &link->pending);
	if (link->n_pending++ == 0)
		smpp_timer_arm(&link->response, link->cfg.response_timeout_ms);
	smpp_flow_take(&link->flow, clock_now_ms());
	smpp_link_count(link, SMPP_CTR_SUBMIT, 1);
	if (smpp_link_room(link) == 0)
		smpp_link_watch_room(link);
	return 0;
}

static void count_outcome(struct smpp_link *link, const struct smpp_result *result)
{
	static const enum smpp_ctr ctr[] = {
		[SMPP_DONE_ACCEPTED] = SMPP_CTR_RESP_OK,
		[SMPP_DONE_REFUSED] = SMPP_CTR_RESP_ERROR,
		[SMPP_DONE_UNKNOWN] = SMPP_CTR_UNKNOWN,
		[SMPP_DONE_NOT_SENT] = SMPP_CTR_NOT_SENT,
	};

	smpp_link_count(link, ctr[result->outcome], 1);
	if (result->outcome == SMPP_DONE_REFUSED && result->action == SMPP_ACT_THROTTLED)
		smpp_link_count(link, SMPP_CTR_THROTTLED, 1);
	if (result->outcome == SMPP_DONE_REFUSED && result->action == SMPP_ACT_QUEUE_FULL)
		smpp_link_count(link, SMPP_CTR_QUEUE_FULL, 1);
}

void smpp_link_done(struct smpp_link *link, struct smpp_pending *p, const struct smpp_result *result)
{
	uint64_t ref = p->ref;

	llist_del(&p->list);
	link->n_pending--;
	talloc_free(p);
	count_outcome(link, result);
	link->ops->submit_done(link->priv, link, ref, result);
}
