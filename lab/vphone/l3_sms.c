/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* CP layer (TS 24.011 §7.2) and RP layer (TS 24.011 §7.3) of the virtual phones, and the SMS-DELIVER-REPORT that an
 * answer may carry (TS 23.040 §9.2.2.1a).  State is elsewhere (sms_mt.c, sms_mo.c). */
#include "lab/vphone/l3_sms.h"

#include <errno.h>

#define PDISC_SMS 0x09
#define RP_DATA_MS 0x00
#define RP_ACK_MS 0x02
#define RP_ERROR_MS 0x04
#define IEI_USER_DATA 0x41
#define REPORT_UDHI 0x40
#define REPORT_PI_ALL 0x07 /* PID, DCS and user data follow */
#define PID_SIM_DL 0x7f
#define DCS_CLASS2 0xf6
#define FCS_SIM_DL_ERR 0xd5

int cp_dec(struct bytes l3, struct cp_msg *msg)
{
	struct cp_msg m = {0};
	uint8_t head;
	struct rd r;

	rd_init(&r, l3);
	head = rd_u8(&r);
	if ((head & 0x0f) != PDISC_SMS)
		return -EINVAL;
	m.ti = head >> 4;
	m.type = rd_u8(&r);
	if (m.type == CP_DATA)
		m.rp = rd_bytes(&r, rd_u8(&r));
	else
		rd_rest(&r);
	if (rd_end(&r) < 0)
		return -EINVAL;
	*msg = m;
	return 0;
}

static void rp_data_dec(struct rd *r, struct rp_msg *m)
{
	rd_bytes(r, rd_u8(r)); /* originator: the service centre */
	rd_bytes(r, rd_u8(r)); /* destination: empty towards a phone */
	m->tpdu = rd_bytes(r, rd_u8(r));
}

int rp_dec(struct bytes rp, struct rp_msg *msg)
{
	struct rp_msg m = {0};
	struct rd r;

	rd_init(&r, rp);
	m.type = rd_u8(&r) & 0x07;
	m.mr = rd_u8(&r);
	if (m.type == RP_DATA) {
		rp_data_dec(&r, &m);
	} else if (m.type == RP_ERROR) {
		struct rd cause;

		rd_init(&cause, rd_bytes(&r, rd_u8(&r)));
		m.cause = rd_u8(&cause) & 0x7f;
		if (cause.failed)
			rd_fail(&r);
	}
	rd_rest(&r); /* RP-User-Data of an answer */
	if (rd_end(&r) < 0)
		return -EINVAL;
	*msg = m;
	return 0;
}

void cp_ack_enc(struct wr *w, uint8_t ti)
{
	wr_u8(w, (uint8_t)(ti << 4 | PDISC_SMS));
	wr_u8(w, CP_ACK);
}

void cp_data_enc(struct wr *w, uint8_t ti, struct bytes rp)
{
	wr_u8(w, (uint8_t)(ti << 4 | PDISC_SMS));
	wr_u8(w, CP_DATA);
	if (rp.len > RP_MAX)
		w->failed = true;
	wr_uint(w, rp.len, 1);
	wr_bytes(w, rp);
}

void rp_data_enc(struct wr *w, uint8_t mr, struct bytes sc, struct bytes tpdu)
{
	wr_u8(w, RP_DATA_MS);
	wr_u8(w, mr);
	wr_u8(w, 0); /* no originator address from a phone */
	wr_uint(w, sc.len, 1);
	wr_bytes(w, sc);
	if (tpdu.len > TPDU_MAX)
		w->failed = true;
	wr_uint(w, tpdu.len, 1);
	wr_bytes(w, tpdu);
}

/* The user data of a card's answer starts with a header (it is a response packet), hence TP-UDHI. */
static void deliver_report_enc(struct wr *w, uint8_t cause, struct bytes ud)
{
	wr_u8(w, REPORT_UDHI);
	if (cause)
		wr_u8(w, FCS_SIM_DL_ERR);
	wr_u8(w, REPORT_PI_ALL);
	wr_u8(w, PID_SIM_DL);
	wr_u8(w, DCS_CLASS2);
	wr_uint(w, ud.len, 1);
	wr_bytes(w, ud);
}

void rp_answer_enc(struct wr *w, uint8_t mr, uint8_t cause, struct bytes ud)
{
	uint8_t report[TPDU_MAX];
	struct bytes tpdu;
	struct wr rw;

	wr_u8(w, cause ? RP_ERROR_MS : RP_ACK_MS);
	wr_u8(w, mr);
	if (cause) {
		wr_u8(w, 1);
		wr_u8(w, cause);
	}
	if (!ud.len)
		return;
	wr_init_buf(&rw, report, sizeof(report));
	deliver_report_enc(&rw, cause, ud);
	if (wr_end(&rw, &tpdu) < 0) {
		w->failed = true;
		return;
	}
	wr_u8(w, IEI_USER_DATA);
	wr_uint(w, tpdu.len, 1);
	wr_bytes(w, tpdu);
}
