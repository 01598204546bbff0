/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Short messages to the card: SMS-PP download, joining of segments, the secured packet (TS 102 225, TS 31.115), and the
 * answer.  A packet whose checksum does not hold is dropped without a word, as SGP.02 cards do: the SM-SR sees silence,
 * not status 01. */
#include "lab/euicc/card.h"

#include <errno.h>
#include <osmocom/core/talloc.h>
#include <osmocom/core/utils.h>

#include "common/codec/bytes.h"

#define RP_CAUSE_PROTOCOL_ERROR 111 /* TS 24.011: protocol error, unspecified */
#define CC_LEN 8

int card_keys(struct euicc *card, struct sp_keys *keys)
{
	const struct euicc_host *host = &card->fleet->host;
	bool wrong = fault_on(card, EUICC_FAULT_WRONG_KEY);

	if (!card->keys.kid) {
		int rc = host->keys(host->arg, card, card, &card->keys);

		if (rc)
			return rc;
	}
	*keys = (struct sp_keys){
		.crypto = card->fleet->crypto,
		.kic = wrong ? card->keys.kid : card->keys.kic,
		.kid = wrong ? card->keys.kic : card->keys.kid,
		.cc_len = CC_LEN,
	};
	return 0;
}

static void ack(struct euicc *card, uint8_t cause, struct bytes ud)
{
	struct euicc_out *out = out_add(card, EUICC_OUT_MT_ACK);

	out->cause = cause;
	out->pdu = bytes_dup(out, ud);
}

/* TS 23.038: 8-bit data of message class 2, in either of the two coding groups that have classes. */
static bool for_usim(const struct sms_deliver *sms)
{
	bool class2 = (sms->dcs & 0xf7) == 0xf6 || (sms->dcs & 0xdf) == 0x16;

	return sms->pid == SMS_PID_USIM_DOWNLOAD && class2;
}

/* Which application has this TAR (octets 12 to 14 of its AID). */
static bool app_by_tar(const struct euicc *card, uint32_t tar, enum card_app *app, int *slot)
{
	struct rd r;

	if (tar == TAR_ISDR || tar == TAR_ECASD) {
		*app = tar == TAR_ISDR ? APP_ISDR : APP_ECASD;
		return true;
	}
	for (int i = 0; i < card->nv.n_slots; i++) {
		const struct euicc_profile *p = &card->nv.profiles[i];

		rd_init(&r, bytes_sub(BYTES_ARR(p->aid), 12, 3));
		if (p->state != ISDP_NONE && rd_uint(&r, 3) == tar) {
			*app = APP_ISDP;
			*slot = i;
			return true;
		}
	}
	return false;
}

/* Everything between a proven packet and its execution; the counter is stored before anything happens. */
static enum sp_status admit(struct euicc *card, const struct sp_hdr *hdr, enum card_app *app, int *slot)
{
	enum sp_status st;

	if (hdr->spi.counter < SP_CNTR_HIGHER || (UNC_CIPHERING_DEMANDED && !hdr->spi.ciphered))
		return SP_ST_LEVEL_TOO_LOW;
	st = sp_counter_check(hdr->spi.counter, card->nv.counter, hdr->cntr);
	if (st != SP_ST_OK)
		return st;
	card->nv.counter = hdr->cntr;
	card->dirty = true;
	return app_by_tar(card, hdr->tar, app, slot) ? SP_ST_OK : SP_ST_TAR_UNKNOWN;
}

static int por_seal(struct euicc *card, const void *ctx, const struct sp_hdr *cmd, enum sp_status status,
		    struct bytes data, struct bytes *pkt)
{
	struct sp_por_hdr hdr = {cmd->spi, cmd->kic, cmd->kid, cmd->tar, cmd->cntr, (uint8_t)status};
	struct sp_keys keys;
	struct wr w;
	int rc;

	if (fault_on(card, EUICC_FAULT_UNSECURED_POR)) {
		hdr.spi.por_check = SP_CHECK_NONE;
		hdr.spi.por_ciphered = false;
	}
	rc = card_keys(card, &keys);
	if (rc)
		return rc;
	wr_init(&w, ctx);
	rc = sp_por_seal(&keys, SP_SMS, &hdr, data, &w);
	return rc ? rc : wr_end(&w, pkt);
}

static int por_in_report(struct euicc *card, const void *ctx, struct bytes pkt)
{
	struct bytes ud = bytes_of(NULL, 0);
	struct wr w;
	int rc;

	wr_init(&w, ctx);
	rc = ud_enc_single(UD_RESPONSE, pkt, &w);
	if (rc == 0)
		rc = wr_end(&w, &ud);
	if (rc == 0 && ud.len > SMS_REPORT_UD_ACK)
		rc = -ENOSPC;
	ack(card, 0, rc == 0 ? ud : bytes_of(NULL, 0));
	return rc;
}

static int por_by_submit(struct euicc *card, const struct sms_deliver *sms, struct bytes pkt)
{
	const struct mo_route route = {.da = &sms->oa, .pid = sms->pid, .dcs = sms->dcs};
	int rc;

	ack(card, 0, bytes_of(NULL, 0));
	rc = mo_send(card, MO_POR, &route, pkt);
	if (rc == 0 && fault_on(card, EUICC_FAULT_DUPLICATE_POR))
		rc = mo_send(card, MO_POR, &route, pkt);
	return rc;
}

static void answer(struct euicc *card, const void *ctx, const struct sms_deliver *sms, const struct sp_hdr *hdr,
		   enum sp_status status, struct bytes data)
{
	bool wanted = hdr->spi.por == SP_POR_ALWAYS || (hdr->spi.por == SP_POR_ON_ERROR && status != SP_ST_OK);
	struct bytes pkt;
	int rc;

	out_trace(card, "PoR status %02u (%s), counter %llu", status, sp_status_name((uint8_t)status),
		  (unsigned long long)hdr->cntr);
	if (!wanted) {
		ack(card, 0, bytes_of(NULL, 0));
		return;
	}
	rc = por_seal(card, ctx, hdr, status, data, &pkt);
	if (rc == 0)
		rc = hdr->spi.por_submit ? por_by_submit(card, sms, pkt) : por_in_report(card, ctx, pkt);
	else
		ack(card, 0, bytes_of(NULL, 0));
	if (rc)
		out_event(card, "PoR cannot be sent (%d)", rc);
}

static int packet_open(struct euicc *card, const void *ctx, struct bytes pkt, struct sp_cmd *cmd)
{
	struct sp_peek peek;
	struct sp_keys keys;
	struct wr plain;
	int rc;

	rc = sp_cmd_peek(SP_SMS, pkt, &peek);
	if (rc)
		return rc;
	if (peek.hdr.spi.check != SP_CHECK_CC)
		return -EACCES;
	if (sp_kvn(peek.hdr.kid) != card->fleet->set.kvn || sp_kvn(peek.hdr.kic) != card->fleet->set.kvn)
		return -ENOENT;
	rc = card_keys(card, &keys);
	if (rc)
		return rc;
	wr_init(&plain, ctx);
	return sp_cmd_open(&keys, SP_SMS, pkt, &plain, cmd);
}

static void session_start(struct euicc *card, struct bytes trigger)
{
	int rc = agent_trigger(card, trigger);

	if (rc)
		out_event(card, "trigger is ignored: %s",
			  rc == -EBUSY	  ? "an administration session is open"
			  : rc == -ENOENT ? "no server is known"
					  : "malformed");
}

static void packet_rx(struct euicc *card, const void *ctx, const struct sms_deliver *sms, struct bytes pkt)
{
	struct bytes rsp = bytes_of(NULL, 0);
	enum sp_status status;
	bool trigger = false;
	struct sp_cmd cmd;
	enum card_app app;
	int slot = -1;
	int rc;

	rc = packet_open(card, ctx, pkt, &cmd);
	if (rc) {
		out_event(card, "packet dropped: %s",
			  rc == -EBADMSG ? "wrong checksum" : "no security this card accepts");
		ack(card, 0, bytes_of(NULL, 0));
		return;
	}
	status = admit(card, &cmd.hdr, &app, &slot);
	if (status == SP_ST_OK) {
		trigger = app == APP_ISDR && agent_is_trigger(cmd.data);
		card_select(card, app, slot);
		if (!trigger)
			card_script(card, ctx, cmd.data, &rsp);
	} else {
		out_event(card, "counter %llu, TAR %06u: %s", (unsigned long long)cmd.hdr.cntr, cmd.hdr.tar,
			  sp_status_name((uint8_t)status));
	}
	answer(card, ctx, sms, &cmd.hdr, status, rsp);
	/* The PoR says that the trigger came, not what became of it. */
	if (trigger)
		session_start(card, cmd.data);
	phone_reset_when_ready(card);
}

static struct reasm *reasm_of(struct euicc *card)
{
	if (!card->reasm)
		card->reasm = reasm_alloc(card, &reasm_limits_default);
	return card->reasm;
}

/* \returns 0 with a whole command packet; negative: nothing to do (yet) */
static int join(struct euicc *card, const void *ctx, const struct sms_deliver *sms, struct bytes *pkt)
{
	const struct reasm_from from = {bytes_str(sms->oa.digits), sms->pid, sms->dcs};
	struct reasm_msg msg;
	struct ud_part part;
	int rc;

	rc = ud_dec(sms->udhi, sms->ud, &part);
	if (rc)
		return rc;
	if (part.total == 1) {
		*pkt = part.payload;
		return part.kind == UD_COMMAND ? 0 : -ENOENT;
	}
	rc = reasm_add(reasm_of(card), ctx, &from, &part, (uint64_t)card->fleet->now_ms, &msg);
	if (reasm_octets(card->reasm) == 0)
		TALLOC_FREE(card->reasm);
	if (rc)
		return rc;
	*pkt = msg.pkt;
	return msg.kind == UD_COMMAND ? 0 : -ENOENT;
}

void mt_rx(struct euicc *card, struct bytes tpdu)
{
	void *ctx = talloc_new(card);
	struct sms_deliver sms;
	struct bytes pkt;
	int rc;

	OSMO_ASSERT(ctx);
	rc = sms_deliver_dec(tpdu, &sms);
	if (rc)
		ack(card, rc == -EOPNOTSUPP ? 0 : RP_CAUSE_PROTOCOL_ERROR, bytes_of(NULL, 0));
	else if (!for_usim(&sms) || fault_on(card, EUICC_FAULT_SILENT) || join(card, ctx, &sms, &pkt))
		ack(card, 0, bytes_of(NULL, 0));
	else
		packet_rx(card, ctx, &sms, pkt);
	talloc_free(ctx);
}
