/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Service centre: towards the ESME.
 *
 * A phone's message is taken (AIR_MO_RESULT 0) as soon as it is stored here, and stays until an ESME answers the
 * deliver_sm with success: a lost session or a late answer means it comes again, which is what real service centres do
 * and what an ESME has to bear. */
#include "lab/smsc/smsc_priv.h"

#include <stdio.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/log.h"

#define TRIES_MAX 50

static struct mo *mo_alloc(struct smsc *s, const struct smpp_pdu *pdu)
{
	struct mo *mo = talloc_zero(s, struct mo);

	OSMO_ASSERT(mo);
	mo->pdu = *pdu;
	mo->pdu.command_id = SMPP_DELIVER_SM;
	mo->pdu.source.digits = bytes_dup(mo, pdu->source.digits);
	mo->pdu.dest.digits = bytes_dup(mo, pdu->dest.digits);
	mo->pdu.short_message = bytes_dup(mo, pdu->short_message);
	mo->pdu.tlvs = bytes_dup(mo, pdu->tlvs);
	return mo;
}

static void mo_queue(struct smsc *s, const struct smpp_pdu *pdu, int64_t delay_ms)
{
	struct mo *mo = mo_alloc(s, pdu);

	mo->due_ms = s->now_ms + delay_ms;
	llist_add_tail(&mo->list, &s->mos);
}

static void mo_queue_faulty(struct smsc *s, const struct smpp_pdu *pdu)
{
	int64_t delay_ms;
	bool twice;

	if (!smsc_fault_draw(s, FAULT_MO, &delay_ms, &twice))
		return;
	mo_queue(s, pdu, delay_ms);
	if (twice)
		mo_queue(s, pdu, delay_ms);
}

static void mo_result(struct smsc *s, const struct phone *phone, uint8_t cause)
{
	struct air_msg msg = {.type = AIR_MO_RESULT, .cause = cause};

	memcpy(msg.imsi, phone->imsi, sizeof(msg.imsi));
	s->ops->radio(s->priv, &msg);
}

void smsc_mo_submit(struct smsc *s, struct phone *phone, struct bytes tpdu)
{
	struct sms_submit sms;
	struct smpp_pdu pdu = {.source = {1, 1, bytes_str(phone->msisdn)}};
	struct bytes da;

	if (sms_submit_dec(tpdu, &sms) < 0) {
		LOGP(DLAB, LOGL_NOTICE, "phone %s: SMS-SUBMIT cannot be read\n", phone->imsi);
		mo_result(s, phone, 95); /* semantically incorrect message */
		return;
	}
	da = bytes_str(sms.da.digits);
	if (s->cfg.number && !bytes_eq(da, bytes_str(s->cfg.number))) {
		LOGP(DLAB, LOGL_NOTICE, "phone %s: nobody has number %s\n", phone->imsi, sms.da.digits);
		mo_result(s, phone, 1); /* unassigned number */
		return;
	}
	pdu.dest = (struct smpp_addr){sms.da.type >> 4 & 7, sms.da.type & 0x0f, da};
	pdu.esm_class = sms.udhi ? SMPP_ESM_UDHI : 0;
	pdu.protocol_id = sms.pid;
	pdu.data_coding = sms.dcs;
	pdu.short_message = sms.ud;
	s->stats.mo++;
	LOGP(DLAB, LOGL_INFO, "phone %s sends %zu octets to %s\n", phone->imsi, sms.ud.len, sms.da.digits);
	mo_queue_faulty(s, &pdu);
	mo_result(s, phone, 0);
}

void smsc_mo_receipt(struct smsc *s, const struct mt *mt, enum smpp_message_state state, unsigned error)
{
	uint8_t tlv_buf[64];
	char id[16], text_id[16], err[16];
	struct smpp_pdu pdu = {.source = mt->dest, .dest = mt->source, .esm_class = SMPP_ESM_RECEIPT};
	char *text;
	struct wr w;

	smsc_id_text(mt->number, s->cfg.id_style, id);
	smsc_id_text(mt->number, s->cfg.receipt_id_style, text_id);
	OSMO_ASSERT(snprintf(err, sizeof(err), "%03u", error % 1000) == 3);
	text = smpp_receipt_text(s, text_id, state, err, mt->submit_ms, s->now_ms);
	wr_init_buf(&w, tlv_buf, sizeof(tlv_buf));
	if (s->cfg.receipt_form != SMSC_RECEIPT_TEXT) {
		smpp_tlv_put(&w, SMPP_TAG_RECEIPTED_MESSAGE_ID, bytes_of(id, strlen(id) + 1));
		smpp_tlv_put_uint(&w, SMPP_TAG_MESSAGE_STATE, state, 1);
		smpp_tlv_put_uint(&w, SMPP_TAG_NETWORK_ERROR_CODE, 3u << 16 | (error & 0xffff), 3);
	}
	if (s->cfg.receipt_form != SMSC_RECEIPT_TLV)
		pdu.short_message = bytes_str(text);
	if (wr_end(&w, &pdu.tlvs) == 0) {
		s->stats.receipts++;
		mo_queue_faulty(s, &pdu);
	}
	talloc_free(text);
}

/* ---- sending ---- */

/* The receiving session with the least to do. */
static struct session *receiver(struct smsc *s)
{
	struct session *ses, *best = NULL;

	llist_for_each_entry (ses, &s->sessions, list) {
		if (ses->state != SESSION_BOUND || !ses->may_receive || ses->delivering >= s->cfg.deliver_window)
			continue;
		if (!best || ses->delivering < best->delivering)
			best = ses;
	}
	return best;
}

static void mo_send(struct smsc *s, struct session *ses, struct mo *mo)
{
	mo->session = ses->id;
	mo->seq = mo->pdu.seq = ++ses->seq;
	mo->sent_ms = s->now_ms;
	mo->tries++;
	ses->delivering++;
	smsc_send(s, ses, &mo->pdu);
}

static void mo_free(struct mo *mo)
{
	llist_del(&mo->list);
	talloc_free(mo);
}

/* It comes again later, or never when it came too often. */
static void mo_again(struct smsc *s, struct mo *mo, int64_t delay_ms)
{
	struct session *ses = smsc_session_find(s, mo->session);

	if (ses && ses->delivering)
		ses->delivering--;
	mo->sent_ms = 0;
	mo->due_ms = s->now_ms + delay_ms;
	if (mo->tries >= TRIES_MAX) {
		LOGP(DLAB, LOGL_NOTICE, "deliver_sm given up after %u tries\n", mo->tries);
		mo_free(mo);
	}
}

static bool worth_another_try(uint32_t status)
{
	switch (smpp_status_action(status)) {
	case SMPP_ACT_THROTTLED:
	case SMPP_ACT_QUEUE_FULL:
	case SMPP_ACT_RETRY:
	case SMPP_ACT_RETRY_TWICE:
		return true;
	case SMPP_ACT_OK:
	case SMPP_ACT_PERMANENT:
	case SMPP_ACT_BIND_REFUSED:
	case SMPP_ACT_NEXT_CODING:
		return false;
	}
	return false;
}

void smsc_mo_answered(struct smsc *s, struct session *ses, const struct smpp_pdu *pdu)
{
	struct mo *mo, *tmp;

	llist_for_each_entry_safe (mo, tmp, &s->mos, list) {
		if (!mo->sent_ms || mo->session != ses->id || mo->seq != pdu->seq)
			continue;
		if (pdu->status == SMPP_ROK && pdu->command_id == SMPP_DELIVER_SM_RESP) {
			ses->delivering--;
			s->stats.mo_done++;
			mo_free(mo);
		} else if (worth_another_try(pdu->status)) {
			mo_again(s, mo, s->cfg.retry_ms);
		} else {
			LOGP(DLAB, LOGL_NOTICE, "session %u: deliver_sm refused for good: %s\n", ses->id,
			     smpp_status_name(pdu->status));
			ses->delivering--;
			mo_free(mo);
		}
		return;
	}
}

void smsc_mo_session_gone(struct smsc *s, unsigned session)
{
	struct mo *mo, *tmp;

	llist_for_each_entry_safe (mo, tmp, &s->mos, list) {
		if (mo->sent_ms && mo->session == session)
			mo_again(s, mo, 0);
	}
}

int64_t smsc_mo_tick(struct smsc *s)
{
	int64_t next = INT64_MAX;
	struct mo *mo, *tmp;

	llist_for_each_entry_safe (mo, tmp, &s->mos, list) {
		struct session *ses;

		if (mo->sent_ms && s->now_ms - mo->sent_ms >= s->cfg.deliver_ms) {
			LOGP(DLAB, LOGL_NOTICE, "session %u: no answer to deliver_sm seq %u\n", mo->session, mo->seq);
			next = s->now_ms;
			mo_again(s, mo, 0);
			continue;
		}
		if (mo->sent_ms) {
			next = OSMO_MIN(next, mo->sent_ms + s->cfg.deliver_ms);
			continue;
		}
		if (mo->due_ms > s->now_ms) {
			next = OSMO_MIN(next, mo->due_ms);
			continue;
		}
		ses = receiver(s);
		if (ses) {
			mo_send(s, ses, mo);
			next = OSMO_MIN(next, s->now_ms + s->cfg.deliver_ms);
		}
	}
	return next;
}

unsigned smsc_mo_lose_all(struct smsc *s)
{
	struct mo *mo, *tmp;
	unsigned n = 0;

	llist_for_each_entry_safe (mo, tmp, &s->mos, list) {
		mo_free(mo);
		n++;
	}
	return n;
}
