/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Service centre: messages towards phones.
 *
 * One message is in the air for each phone at a time, as on a real signalling channel: segments stay in order unless a
 * fault is asked for.  An acknowledgement that comes after we gave the message up still arrives in its turn, so those
 * are counted and skipped. */
#include "lab/smsc/smsc_priv.h"

#include <string.h>
#include <time.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/log.h"

#define CAUSE_NO_ANSWER 0x1b /* TS 24.011 cause 27, destination out of order: the phone said nothing */

static uint8_t bcd(int v)
{
	return (uint8_t)(v % 10 << 4 | v / 10 % 10);
}

static void stamp(int64_t utc_ms, uint8_t scts[7])
{
	time_t t = (time_t)(utc_ms / 1000);
	struct tm tm = {0};

	gmtime_r(&t, &tm);
	scts[0] = bcd(tm.tm_year % 100);
	scts[1] = bcd(tm.tm_mon + 1);
	scts[2] = bcd(tm.tm_mday);
	scts[3] = bcd(tm.tm_hour);
	scts[4] = bcd(tm.tm_min);
	scts[5] = bcd(tm.tm_sec);
	scts[6] = 0; /* UTC */
}

static struct smpp_addr addr_dup(const void *ctx, const struct smpp_addr *a)
{
	return (struct smpp_addr){a->ton, a->npi, bytes_dup(ctx, a->digits)};
}

/* TP-OA; a source too long for it was refused by the checks of submit_sm already. */
static void set_oa(struct sms_addr *oa, const struct smpp_addr *source)
{
	oa->type = (uint8_t)(0x80 | source->ton << 4 | (source->npi & 0x0f));
	memset(oa->digits, 0, sizeof(oa->digits));
	memcpy(oa->digits, source->digits.data, OSMO_MIN(source->digits.len, sizeof(oa->digits) - 1));
}

/* Groups of the phone's own coding pass unchanged; SMPP's 8-bit values become "8 bit, no class". */
static uint8_t dcs_of(uint8_t data_coding)
{
	return data_coding >= 0x10 ? data_coding : 0x04;
}

struct mt *smsc_mt_alloc(struct smsc *s, struct phone *phone, const struct smpp_pdu *pdu, int64_t expiry_ms)
{
	struct mt *mt = talloc_zero(phone, struct mt);
	uint32_t more = 0;

	OSMO_ASSERT(mt);
	if (smpp_tlv_find_uint(pdu->tlvs, SMPP_TAG_MORE_MESSAGES_TO_SEND, &more) < 0)
		more = 0;
	mt->number = ++s->last_number;
	mt->source = addr_dup(mt, &pdu->source);
	mt->dest = addr_dup(mt, &pdu->dest);
	mt->receipt = pdu->registered_delivery & 1;
	mt->submit_ms = s->now_ms;
	mt->expiry_ms = expiry_ms;
	mt->sms = (struct sms_deliver){
		.more = more,
		.udhi = pdu->esm_class & SMPP_ESM_UDHI,
		.pid = pdu->protocol_id,
		.dcs = dcs_of(pdu->data_coding),
		.ud = bytes_dup(mt, pdu->short_message),
	};
	set_oa(&mt->sms.oa, &pdu->source);
	stamp(s->now_ms, mt->sms.scts);
	return mt;
}

/* ---- ends ---- */

static void answer_held(struct smsc *s, struct mt *mt, uint32_t status)
{
	struct session *ses = mt->hold_session ? smsc_session_find(s, mt->hold_session) : NULL;
	struct smpp_pdu resp = {.command_id = SMPP_SUBMIT_SM_RESP, .status = status, .seq = mt->hold_seq};
	char id[16];

	mt->hold_session = 0;
	if (!ses)
		return;
	ses->held--;
	smsc_id_text(mt->number, s->cfg.id_style, id);
	resp.message_id = bytes_str(id);
	resp.no_body = status != SMPP_ROK;
	smsc_send(s, ses, &resp);
}

static void mt_end(struct smsc *s, struct phone *phone, struct mt *mt, enum smpp_message_state state, unsigned error)
{
	bool good = state == SMPP_STATE_DELIVERED;

	LOGP(DLAB, LOGL_INFO, "message %u to %s: %s\n", mt->number, phone->imsi, smpp_state_word(state));
	if (!mt->duplicate) {
		s->stats.delivered += good;
		s->stats.expired += state == SMPP_STATE_EXPIRED;
		s->stats.failed += !good && state != SMPP_STATE_EXPIRED;
		answer_held(s, mt, good ? SMPP_ROK : SMPP_RDELIVERYFAILURE);
		if (mt->receipt)
			smsc_mo_receipt(s, mt, state, error);
	}
	talloc_free(mt);
}

void smsc_phone_touch(struct phone *phone)
{
	phone->next_ms = INT64_MIN;
}

static void activate(struct smsc *s, struct phone *phone)
{
	if (llist_empty(&phone->active))
		llist_add_tail(&phone->active, &s->active);
}

static void requeue(struct smsc *s, struct phone *phone, struct mt *mt, int64_t due_ms)
{
	activate(s, phone);
	smsc_phone_touch(phone);
	mt->due_ms = due_ms;
	llist_add(&mt->list, &phone->queue);
	phone->n_queue++;
}

static void mt_failed(struct smsc *s, struct phone *phone, struct mt *mt, unsigned cause)
{
	mt->attempts++;
	if (mt->hold_session || mt->duplicate || mt->attempts >= s->cfg.attempts_max)
		mt_end(s, phone, mt, SMPP_STATE_UNDELIVERABLE, cause);
	else
		requeue(s, phone, mt, s->now_ms + s->cfg.retry_ms);
}

/* ---- queue ---- */

static void enqueue(struct smsc *s, struct phone *phone, struct mt *mt, int64_t due_ms)
{
	activate(s, phone);
	/* A phone that is off or busy need not be looked at for each message that joins its queue. */
	if (phone->attached && !phone->in_air)
		smsc_phone_touch(phone);
	phone->next_ms = OSMO_MIN(phone->next_ms, mt->expiry_ms);
	mt->due_ms = due_ms;
	llist_add_tail(&mt->list, &phone->queue);
	phone->n_queue++;
}

static struct mt *mt_double(struct phone *phone, const struct mt *mt)
{
	struct mt *copy = talloc_zero(phone, struct mt);

	OSMO_ASSERT(copy);
	*copy = (struct mt){.number = mt->number, .sms = mt->sms, .expiry_ms = mt->expiry_ms, .duplicate = true};
	copy->sms.ud = bytes_dup(copy, mt->sms.ud);
	return copy;
}

void smsc_mt_queue(struct smsc *s, struct phone *phone, struct mt *mt)
{
	int64_t delay_ms;
	bool twice;

	if (mt->hold_session && !phone->attached) {
		mt_end(s, phone, mt, SMPP_STATE_UNDELIVERABLE, CAUSE_NO_ANSWER);
		return;
	}
	if (!smsc_fault_draw(s, FAULT_MT, &delay_ms, &twice)) {
		answer_held(s, mt, SMPP_RDELIVERYFAILURE);
		talloc_free(mt);
		return;
	}
	enqueue(s, phone, mt, s->now_ms + delay_ms);
	if (twice)
		enqueue(s, phone, mt_double(phone, mt), s->now_ms + delay_ms);
}

static struct mt *next_due(struct smsc *s, struct phone *phone)
{
	struct mt *mt;

	llist_for_each_entry (mt, &phone->queue, list) {
		if (mt->due_ms <= s->now_ms)
			return mt;
	}
	return NULL;
}

static void transmit(struct smsc *s, struct phone *phone, struct mt *mt)
{
	struct air_msg msg = {.type = AIR_MT};
	uint8_t tpdu[AIR_MAX];
	struct wr w;

	llist_del(&mt->list);
	phone->n_queue--;
	memcpy(msg.imsi, phone->imsi, sizeof(msg.imsi));
	wr_init_buf(&w, tpdu, sizeof(tpdu));
	if (sms_deliver_enc(&mt->sms, &w) < 0 || wr_end(&w, &msg.payload) < 0) {
		mt_end(s, phone, mt, SMPP_STATE_REJECTED, 0);
		return;
	}
	phone->in_air = mt;
	phone->air_ms = s->now_ms;
	s->ops->radio(s->priv, &msg);
}

static int64_t phone_expire(struct smsc *s, struct phone *phone)
{
	int64_t next = INT64_MAX;
	struct mt *mt, *tmp;

	llist_for_each_entry_safe (mt, tmp, &phone->queue, list) {
		if (mt->expiry_ms <= s->now_ms) {
			llist_del(&mt->list);
			phone->n_queue--;
			mt_end(s, phone, mt, SMPP_STATE_EXPIRED, 0);
			continue;
		}
		next = OSMO_MIN(next, mt->expiry_ms);
		if (mt->due_ms > s->now_ms)
			next = OSMO_MIN(next, mt->due_ms);
	}
	return next;
}

static int64_t phone_tick(struct smsc *s, struct phone *phone)
{
	int64_t next = phone_expire(s, phone);
	struct mt *mt;

	if (phone->in_air && s->now_ms - phone->air_ms >= s->cfg.ack_ms) {
		mt = phone->in_air;
		phone->in_air = NULL;
		phone->n_stale++;
		LOGP(DLAB, LOGL_NOTICE, "phone %s does not answer\n", phone->imsi);
		mt_failed(s, phone, mt, CAUSE_NO_ANSWER);
		return s->now_ms;
	}
	if (phone->in_air)
		return OSMO_MIN(next, phone->air_ms + s->cfg.ack_ms);
	if (phone->attached && !phone->barred && !s->hold) {
		mt = next_due(s, phone);
		if (mt) {
			transmit(s, phone, mt);
			return OSMO_MIN(next, phone->in_air ? s->now_ms + s->cfg.ack_ms : s->now_ms);
		}
	}
	return next;
}

int64_t smsc_mt_tick(struct smsc *s)
{
	int64_t next = INT64_MAX;
	struct phone *phone, *tmp;

	llist_for_each_entry_safe (phone, tmp, &s->active, active) {
		if (!phone->n_queue && !phone->in_air) {
			llist_del_init(&phone->active);
			continue;
		}
		if (phone->next_ms <= s->now_ms)
			phone->next_ms = phone_tick(s, phone);
		next = OSMO_MIN(next, phone->next_ms);
	}
	return next;
}

/* ---- phones ---- */

void smsc_phone_off(struct smsc *s, struct phone *phone)
{
	struct mt *mt = phone->in_air;

	smsc_phone_touch(phone);
	phone->attached = false;
	phone->in_air = NULL;
	phone->n_stale = 0;
	if (mt && mt->hold_session)
		mt_end(s, phone, mt, SMPP_STATE_UNDELIVERABLE, CAUSE_NO_ANSWER);
	else if (mt)
		requeue(s, phone, mt, s->now_ms);
}

static void alert(struct smsc *s, const struct phone *phone)
{
	struct smpp_pdu pdu = {
		.command_id = SMPP_ALERT_NOTIFICATION,
		.source = {1, 1, bytes_str(phone->msisdn)},
		.dest = {0, 1, bytes_str(s->cfg.number)},
		.tlvs = BYTES_LIT("\x04\x22\x00\x01\x00"), /* ms_availability_status: available */
	};
	struct session *ses;

	llist_for_each_entry (ses, &s->sessions, list) {
		if (ses->state != SESSION_BOUND || !ses->may_receive)
			continue;
		pdu.seq = ++ses->seq;
		smsc_send(s, ses, &pdu);
	}
}

static void rx_attach(struct smsc *s, struct phone *phone, const struct air_msg *msg)
{
	struct air_msg answer = {.type = AIR_ATTACHED};

	memcpy(answer.imsi, msg->imsi, sizeof(answer.imsi));
	/* TS 24.008 causes: 2 IMSI unknown in HLR, 11 PLMN not allowed */
	answer.cause = !phone ? 2 : phone->barred ? 11 : 0;
	LOGP(DLAB, LOGL_INFO, "phone %s attaches%s\n", msg->imsi, answer.cause ? ": refused" : "");
	if (phone && !answer.cause) {
		smsc_phone_off(s, phone);
		phone->attached = true;
	}
	s->ops->radio(s->priv, &answer);
	if (phone && phone->attached && s->cfg.alerts)
		alert(s, phone);
}

static void rx_ack(struct smsc *s, struct phone *phone, const struct air_msg *msg)
{
	struct mt *mt = phone->in_air;

	if (phone->n_stale) {
		phone->n_stale--;
		return;
	}
	if (!mt)
		return;
	smsc_phone_touch(phone);
	phone->in_air = NULL;
	if (msg->payload.len)
		LOGP(DLAB, LOGL_INFO, "phone %s: %zu octets in the DELIVER-REPORT go nowhere\n", phone->imsi,
		     msg->payload.len);
	if (msg->cause == 0)
		mt_end(s, phone, mt, SMPP_STATE_DELIVERED, 0);
	else
		mt_failed(s, phone, mt, msg->cause);
}

static void rx_mo(struct smsc *s, struct phone *phone, const struct air_msg *msg)
{
	smsc_mo_submit(s, phone, msg->payload);
}

static void rx_detach(struct smsc *s, struct phone *phone, const struct air_msg *msg)
{
	LOGP(DLAB, LOGL_INFO, "phone %s detaches\n", phone->imsi);
	smsc_phone_off(s, phone);
}

static const struct {
	enum air_type type;
	void (*rx)(struct smsc *s, struct phone *phone, const struct air_msg *msg);
} air_handlers[] = {
	{AIR_DETACH, rx_detach},
	{AIR_MT_ACK, rx_ack},
	{AIR_MO, rx_mo},
};

void smsc_radio_rx(struct smsc *s, const struct air_msg *msg, int64_t now_ms)
{
	struct phone *phone = smsc_phone_by_imsi(s, msg->imsi, strlen(msg->imsi));

	s->now_ms = now_ms;
	if (msg->type == AIR_ATTACH) {
		rx_attach(s, phone, msg);
		return;
	}
	for (size_t i = 0; phone && i < ARRAY_SIZE(air_handlers); i++) {
		if (air_handlers[i].type == msg->type)
			air_handlers[i].rx(s, phone, msg);
	}
}

void smsc_radio_lost(struct smsc *s, int64_t now_ms)
{
	struct phone *phone;

	s->now_ms = now_ms;
	llist_for_each_entry (phone, &s->phones, list)
		smsc_phone_off(s, phone);
}

void smsc_phones_attach(struct smsc *s, int64_t now_ms)
{
	struct phone *phone;

	s->now_ms = now_ms;
	llist_for_each_entry (phone, &s->phones, list)
		phone->attached = true;
}

void smsc_mt_session_gone(struct smsc *s, unsigned session)
{
	struct phone *phone;
	struct mt *mt;

	llist_for_each_entry (phone, &s->phones, list) {
		if (phone->in_air && phone->in_air->hold_session == session)
			phone->in_air->hold_session = 0;
		llist_for_each_entry (mt, &phone->queue, list) {
			if (mt->hold_session == session)
				mt->hold_session = 0;
		}
	}
}

unsigned smsc_mt_lose_all(struct smsc *s)
{
	struct phone *phone;
	struct mt *mt, *tmp;
	unsigned n = 0;

	llist_for_each_entry (phone, &s->phones, list) {
		llist_for_each_entry_safe (mt, tmp, &phone->queue, list) {
			llist_del(&mt->list);
			talloc_free(mt);
			n++;
		}
		phone->n_queue = 0;
	}
	return n;
}
