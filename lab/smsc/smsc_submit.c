/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Service centre: PDUs from the ESME.
 *
 * Strict on purpose: what the most pedantic service centre would refuse is refused here with the status of the standard
 * and a line in the log that says why, so that a lab finds out before an operator does.  Checks of submit_sm are a
 * table of functions, each with the status it stands for. */
#include "lab/smsc/smsc_priv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/log.h"

void smsc_id_text(uint32_t number, enum smsc_id_style style, char out[16])
{
	uint8_t octets[4];
	struct wr w;
	int n = 0;

	switch (style) {
	case SMSC_ID_HEX:
		wr_init_buf(&w, octets, sizeof(octets));
		wr_u32(&w, number);
		n = hex_enc_buf(out, 16, BYTES_ARR(octets));
		break;
	case SMSC_ID_DEC:
		n = snprintf(out, 16, "%u", number);
		break;
	case SMSC_ID_PADDED:
		n = snprintf(out, 16, "%010u", number);
		break;
	}
	OSMO_ASSERT(n >= 0 && n < 16);
}

/* ---- checks of submit_sm: NULL when good, else why not ---- */

static bool is_numeric(struct bytes digits)
{
	struct rd r;

	for (rd_init(&r, digits); rd_left(&r);) {
		uint8_t c = rd_u8(&r);

		if (c < '0' || c > '9')
			return false;
	}
	return digits.len > 0;
}

static bool npi_ok(uint8_t npi)
{
	static const uint8_t known[] = {0, 1, 3, 4, 6, 8, 9, 10, 14, 18};

	return memchr(known, npi, sizeof(known));
}

static const char *bad_source_ton(struct smsc *s, const struct smpp_pdu *p)
{
	return p->source.ton > 6 ? "source TON is not defined" : NULL;
}

static const char *bad_source_npi(struct smsc *s, const struct smpp_pdu *p)
{
	return npi_ok(p->source.npi) ? NULL : "source NPI is not defined";
}

static const char *bad_source(struct smsc *s, const struct smpp_pdu *p)
{
	return is_numeric(p->source.digits) ? NULL : "source address is not numeric";
}

static const char *bad_dest_ton(struct smsc *s, const struct smpp_pdu *p)
{
	return p->dest.ton > 6 ? "destination TON is not defined" : NULL;
}

static const char *bad_dest_npi(struct smsc *s, const struct smpp_pdu *p)
{
	return npi_ok(p->dest.npi) ? NULL : "destination NPI is not defined";
}

static struct phone *dest_phone(struct smsc *s, const struct smpp_pdu *p)
{
	if (p->dest.npi == 6)
		return smsc_phone_by_imsi(s, (const char *)p->dest.digits.data, p->dest.digits.len);
	return smsc_phone_by_msisdn(s, p->dest.digits);
}

static const char *bad_dest(struct smsc *s, const struct smpp_pdu *p)
{
	if (!is_numeric(p->dest.digits))
		return "destination address is not numeric";
	return dest_phone(s, p) ? NULL : "destination is no subscriber";
}

static const char *bad_esm_class(struct smsc *s, const struct smpp_pdu *p)
{
	if (p->esm_class & SMPP_ESM_TYPE)
		return "message type in esm_class of a submit";
	return p->esm_class & 0x80 && p->source.digits.len == 0 ? "reply path without source" : NULL;
}

static const char *bad_priority(struct smsc *s, const struct smpp_pdu *p)
{
	return p->priority_flag > 3 ? "priority above 3" : NULL;
}

static const char *bad_registered(struct smsc *s, const struct smpp_pdu *p)
{
	return p->registered_delivery & 0xe0 || (p->registered_delivery & 3) == 3 ? "registered_delivery is not defined"
										  : NULL;
}

static const char *bad_replace(struct smsc *s, const struct smpp_pdu *p)
{
	return p->replace_if_present ? "replace_if_present is not supported" : NULL;
}

static const char *bad_schedule(struct smsc *s, const struct smpp_pdu *p)
{
	return p->schedule_delivery_time.len ? "scheduled delivery is not supported" : NULL;
}

static int64_t expiry_of(const struct smsc *s, const struct smpp_pdu *p)
{
	int64_t ms = s->now_ms + s->cfg.validity_ms;
	int rc = smpp_time_dec(p->validity_period, s->now_ms, &ms);

	return rc == 0 || rc == -ENOENT ? ms : -1;
}

static const char *bad_validity(struct smsc *s, const struct smpp_pdu *p)
{
	int64_t ms = expiry_of(s, p);

	if (ms < 0)
		return "validity_period is malformed";
	return ms <= s->now_ms || ms > s->now_ms + 366LL * 86400000 ? "validity ends in the past or after a year"
								    : NULL;
}

static const char *bad_coding(struct smsc *s, const struct smpp_pdu *p)
{
	return p->data_coding == s->refused_coding ? "this data_coding is refused on request" : NULL;
}

static const char *bad_payload_tlv(struct smsc *s, const struct smpp_pdu *p)
{
	struct bytes v;

	return smpp_tlv_find(p->tlvs, SMPP_TAG_MESSAGE_PAYLOAD, &v) == 0 ? "message_payload is not supported" : NULL;
}

static const char *bad_length(struct smsc *s, const struct smpp_pdu *p)
{
	if (p->short_message.len > 140)
		return "more than 140 octets";
	return p->short_message.len == 0 ? "empty message" : NULL;
}

static const char *bad_udh(struct smsc *s, const struct smpp_pdu *p)
{
	struct smpp_sar sar;
	struct rd r;

	if (!(p->esm_class & SMPP_ESM_UDHI))
		return NULL;
	rd_init(&r, p->short_message);
	rd_bytes(&r, rd_u8(&r));
	if (r.failed)
		return "user data header longer than the message";
	return smpp_sar_dec(p, &sar) == 0 ? "sar TLVs and a user data header" : NULL;
}

static const char *bad_more(struct smsc *s, const struct smpp_pdu *p)
{
	uint32_t more = 0;

	return smpp_tlv_find_uint(p->tlvs, SMPP_TAG_MORE_MESSAGES_TO_SEND, &more) == 0 && more > 1
		       ? "more_messages_to_send is not 0 or 1"
		       : NULL;
}

static const struct {
	uint32_t status;
	const char *(*check)(struct smsc *s, const struct smpp_pdu *p);
} submit_checks[] = {
	{SMPP_RINVSRCTON, bad_source_ton},
	{SMPP_RINVSRCNPI, bad_source_npi},
	{SMPP_RINVSRCADR, bad_source},
	{SMPP_RINVDSTTON, bad_dest_ton},
	{SMPP_RINVDSTNPI, bad_dest_npi},
	{SMPP_RINVDSTADR, bad_dest},
	{SMPP_RINVESMCLASS, bad_esm_class},
	{0x06 /* RINVPRTFLG */, bad_priority},
	{0x07 /* RINVREGDLVFLG */, bad_registered},
	{0x54 /* RINVREPFLAG */, bad_replace},
	{SMPP_RINVSCHED, bad_schedule},
	{SMPP_RINVEXPIRY, bad_validity},
	{SMPP_RINVDCS, bad_coding},
	{0xc1 /* ROPTPARNOTALLWD */, bad_payload_tlv},
	{SMPP_RINVMSGLEN, bad_length},
	{SMPP_RINVESMCLASS, bad_udh},
	{0xc4 /* RINVOPTPARAMVAL */, bad_more},
};

/* ---- handlers: status of the response ---- */

static void refuse(struct smsc *s, struct session *ses, const struct smpp_pdu *pdu, uint32_t status, const char *why)
{
	LOGP(DLAB, LOGL_NOTICE, "session %u: %s seq %u refused: %s (%s)\n", ses->id, smpp_command_name(pdu->command_id),
	     pdu->seq, smpp_status_name(status), why);
	if (pdu->command_id == SMPP_SUBMIT_SM)
		s->stats.refused++;
	smsc_send_header(s, ses, pdu->command_id | SMPP_RESP, status, pdu->seq);
}

/* Refusals that depend on what the service centre is doing.  \returns 0 for none */
static uint32_t busy_status(struct smsc *s, struct session *ses, const struct phone *phone, const char **why)
{
	if (smsc_throttled(s)) {
		*why = "rate";
		return SMPP_RTHROTTLED;
	}
	if (ses->held >= s->cfg.window) {
		*why = "window";
		return SMPP_RTHROTTLED;
	}
	if (phone->n_queue >= s->cfg.queue_max) {
		*why = "queue of this phone";
		return SMPP_RMSGQFUL;
	}
	if (smsc_chance(s, s->error_rate)) {
		*why = "fault on request";
		return s->error_status;
	}
	return 0;
}

static void submit_take(struct smsc *s, struct session *ses, struct phone *phone, const struct smpp_pdu *pdu)
{
	struct mt *mt = smsc_mt_alloc(s, phone, pdu, expiry_of(s, pdu));
	struct smpp_pdu resp = {.command_id = SMPP_SUBMIT_SM_RESP, .seq = pdu->seq};
	char id[16];

	s->stats.submits++;
	smsc_id_text(mt->number, s->cfg.id_style, id);
	resp.message_id = bytes_str(id);
	LOGP(DLAB, LOGL_INFO, "session %u: submit %s to %s, %zu octets%s\n", ses->id, id, phone->imsi,
	     pdu->short_message.len, (pdu->esm_class & SMPP_ESM_MODE) == SMPP_ESM_FORWARD ? ", transaction mode" : "");
	if (s->silent) {
		ses->held++;
	} else if ((pdu->esm_class & SMPP_ESM_MODE) == SMPP_ESM_FORWARD) {
		mt->hold_session = ses->id;
		mt->hold_seq = pdu->seq;
		ses->held++;
	} else {
		smsc_send(s, ses, &resp);
	}
	smsc_mt_queue(s, phone, mt);
}

static void rx_submit(struct smsc *s, struct session *ses, const struct smpp_pdu *pdu)
{
	struct phone *phone;
	const char *why = NULL;
	uint32_t status;

	if (ses->state != SESSION_BOUND || !ses->may_send) {
		refuse(s, ses, pdu, SMPP_RINVBNDSTS, "not bound as transmitter or transceiver");
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(submit_checks); i++) {
		why = submit_checks[i].check(s, pdu);
		if (why) {
			refuse(s, ses, pdu, submit_checks[i].status, why);
			return;
		}
	}
	phone = dest_phone(s, pdu);
	status = busy_status(s, ses, phone, &why);
	if (status)
		refuse(s, ses, pdu, status, why);
	else
		submit_take(s, ses, phone, pdu);
}

static uint32_t bind_status(const struct smsc *s, const struct session *ses, const struct smpp_pdu *pdu)
{
	if (ses->state == SESSION_BOUND)
		return SMPP_RALYBND;
	if (pdu->interface_version < 0x33 || pdu->interface_version > 0x34)
		return SMPP_RBINDFAIL;
	if (pdu->system_id.len == 0 || pdu->system_id.len > 15 ||
	    (s->cfg.account && !bytes_eq(pdu->system_id, bytes_str(s->cfg.account))))
		return SMPP_RINVSYSID;
	if (s->cfg.password && !bytes_eq_secret(pdu->password, bytes_str(s->cfg.password)))
		return SMPP_RINVPASWD;
	return SMPP_ROK;
}

static void rx_bind(struct smsc *s, struct session *ses, const struct smpp_pdu *pdu)
{
	uint8_t tlv_buf[8];
	struct smpp_pdu resp = {.command_id = pdu->command_id | SMPP_RESP, .seq = pdu->seq};
	uint32_t status = bind_status(s, ses, pdu);
	struct wr w;

	if (status != SMPP_ROK) {
		refuse(s, ses, pdu, status, "bind");
		return;
	}
	wr_init_buf(&w, tlv_buf, sizeof(tlv_buf));
	smpp_tlv_put_uint(&w, SMPP_TAG_SC_INTERFACE_VERSION, SMPP_VERSION_34, 1);
	if (wr_end(&w, &resp.tlvs) < 0)
		return;
	resp.system_id = bytes_str(s->cfg.name);
	ses->state = SESSION_BOUND;
	ses->may_send = pdu->command_id != SMPP_BIND_RECEIVER;
	ses->may_receive = pdu->command_id != SMPP_BIND_TRANSMITTER;
	memcpy(ses->account, pdu->system_id.data, pdu->system_id.len);
	LOGP(DLAB, LOGL_INFO, "session %u: %s by %s\n", ses->id, smpp_command_name(pdu->command_id), ses->account);
	smsc_send(s, ses, &resp);
}

static void rx_unbind(struct smsc *s, struct session *ses, const struct smpp_pdu *pdu)
{
	smsc_send_header(s, ses, SMPP_UNBIND_RESP, 0, pdu->seq);
	smsc_session_end(s, ses, "unbound");
}

static void rx_unbind_resp(struct smsc *s, struct session *ses, const struct smpp_pdu *pdu)
{
	smsc_session_end(s, ses, "unbound by us");
}

static void rx_enquire(struct smsc *s, struct session *ses, const struct smpp_pdu *pdu)
{
	smsc_send_header(s, ses, SMPP_ENQUIRE_LINK_RESP, 0, pdu->seq);
}

static void rx_nack(struct smsc *s, struct session *ses, const struct smpp_pdu *pdu)
{
	LOGP(DLAB, LOGL_NOTICE, "session %u: generic_nack seq %u: %s\n", ses->id, pdu->seq,
	     smpp_status_name(pdu->status));
	smsc_mo_answered(s, ses, pdu);
}

static void rx_nothing(struct smsc *s, struct session *ses, const struct smpp_pdu *pdu)
{
}

static const struct {
	uint32_t command_id;
	void (*rx)(struct smsc *s, struct session *ses, const struct smpp_pdu *pdu);
} handlers[] = {
	{SMPP_SUBMIT_SM, rx_submit},	    {SMPP_DELIVER_SM_RESP, smsc_mo_answered},
	{SMPP_ENQUIRE_LINK, rx_enquire},    {SMPP_ENQUIRE_LINK_RESP, rx_nothing},
	{SMPP_BIND_TRANSCEIVER, rx_bind},   {SMPP_BIND_TRANSMITTER, rx_bind},
	{SMPP_BIND_RECEIVER, rx_bind},	    {SMPP_UNBIND, rx_unbind},
	{SMPP_UNBIND_RESP, rx_unbind_resp}, {SMPP_GENERIC_NACK, rx_nack},
};

/* Sequence numbers of requests: 1 .. 7FFFFFFF, each one new. */
static bool seq_ok(struct session *ses, const struct smpp_pdu *pdu)
{
	bool ok = pdu->seq >= 1 && pdu->seq <= SMPP_SEQ_MAX && pdu->seq != ses->peer_seq;

	ses->peer_seq = pdu->seq;
	return ok;
}

void smsc_pdu_rx(struct smsc *s, struct session *ses, struct bytes octets)
{
	struct smpp_pdu pdu;
	int rc = smpp_pdu_dec(octets, &pdu);

	if (rc < 0 && smpp_hdr_dec(octets, &pdu) < 0)
		return;
	LOGP(DLAB, LOGL_DEBUG, "session %u: rx %s seq %u status 0x%x\n", ses->id, smpp_command_name(pdu.command_id),
	     pdu.seq, pdu.status);
	if (rc < 0) {
		LOGP(DLAB, LOGL_NOTICE, "session %u: command 0x%x seq %u: %s\n", ses->id, pdu.command_id, pdu.seq,
		     rc == -ENOENT ? "unknown" : "malformed");
		smsc_send_header(s, ses, SMPP_GENERIC_NACK, rc == -ENOENT ? SMPP_RINVCMDID : SMPP_RINVCMDLEN, pdu.seq);
		return;
	}
	if (!(pdu.command_id & SMPP_RESP) && (!seq_ok(ses, &pdu) || pdu.status)) {
		LOGP(DLAB, LOGL_NOTICE, "session %u: %s seq %u: bad sequence number or status\n", ses->id,
		     smpp_command_name(pdu.command_id), pdu.seq);
		smsc_send_header(s, ses, SMPP_GENERIC_NACK, SMPP_RUNKNOWNERR, pdu.seq);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(handlers); i++) {
		if (handlers[i].command_id == pdu.command_id) {
			handlers[i].rx(s, ses, &pdu);
			return;
		}
	}
	if (!(pdu.command_id & SMPP_RESP))
		smsc_send_header(s, ses, SMPP_GENERIC_NACK, SMPP_RINVCMDID, pdu.seq);
}
