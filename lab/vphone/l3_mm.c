/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Mobility management of the virtual phones: TS 24.008, both directions, and nothing that keeps state.
 *
 * The phones always identify themselves by IMSI.  Send sequence numbers N(SD) are not written here: they belong to the
 * connection (bsc.c).  The classmarks say "release 98 or older", which makes N(SD) count modulo 2. */
#include "lab/vphone/l3_mm.h"

#include <errno.h>
#include <osmocom/core/utils.h>
#include <osmocom/gsm/gsm48.h>
#include <osmocom/gsm/protocol/gsm_04_08.h>

#define CLASSMARK1 0x33 /* phase 2, early sending, no A5/1, class 4 */
#define CKSN_NONE 0x07
#define LU_IMSI_ATTACH 0x02
#define CM_SERVICE_SMS 0x04
#define LAC_DELETED 0xfffe

static const uint8_t classmark2[] = {0x03, CLASSMARK1, 0x19, 0x81}; /* with its length octet */

static void put_head(struct wr *w, uint8_t discr, uint8_t type)
{
	wr_u8(w, discr);
	wr_u8(w, type);
}

static void put_imsi(struct wr *w, const char *imsi)
{
	struct osmo_mobile_identity mi = {.type = GSM_MI_TYPE_IMSI};
	uint8_t buf[GSM48_MI_SIZE];
	int len;

	OSMO_STRLCPY_ARRAY(mi.imsi, imsi);
	len = osmo_mobile_identity_encode_buf(buf, sizeof(buf), &mi, false);
	if (len < 0) {
		w->failed = true;
		return;
	}
	wr_u8(w, (uint8_t)len);
	wr_bytes(w, bytes_of(buf, (size_t)len));
}

void mm_lu_request_enc(struct wr *w, const char *imsi, const struct osmo_plmn_id *plmn)
{
	struct osmo_location_area_id old = {.plmn = *plmn, .lac = LAC_DELETED};
	struct gsm48_loc_area_id lai;

	gsm48_generate_lai2(&lai, &old);
	put_head(w, GSM48_PDISC_MM, GSM48_MT_MM_LOC_UPD_REQUEST);
	wr_u8(w, CKSN_NONE << 4 | LU_IMSI_ATTACH);
	wr_bytes(w, bytes_of(&lai, sizeof(lai)));
	wr_u8(w, CLASSMARK1);
	put_imsi(w, imsi);
}

void mm_imsi_detach_enc(struct wr *w, const char *imsi)
{
	put_head(w, GSM48_PDISC_MM, GSM48_MT_MM_IMSI_DETACH_IND);
	wr_u8(w, CLASSMARK1);
	put_imsi(w, imsi);
}

void mm_cm_service_request_enc(struct wr *w, const char *imsi)
{
	put_head(w, GSM48_PDISC_MM, GSM48_MT_MM_CM_SERV_REQ);
	wr_u8(w, CKSN_NONE << 4 | CM_SERVICE_SMS);
	wr_bytes(w, BYTES_ARR(classmark2));
	put_imsi(w, imsi);
}

void mm_identity_response_enc(struct wr *w, const char *imsi)
{
	put_head(w, GSM48_PDISC_MM, GSM48_MT_MM_ID_RESP);
	put_imsi(w, imsi);
}

void mm_tmsi_realloc_complete_enc(struct wr *w)
{
	put_head(w, GSM48_PDISC_MM, GSM48_MT_MM_TMSI_REALL_COMPL);
}

void rr_paging_response_enc(struct wr *w, const char *imsi)
{
	put_head(w, GSM48_PDISC_RR, GSM48_MT_RR_PAG_RESP);
	wr_u8(w, CKSN_NONE);
	wr_bytes(w, BYTES_ARR(classmark2));
	put_imsi(w, imsi);
}

static void lu_accept_dec(struct rd *r, struct mm_msg *m)
{
	struct rd mi;

	rd_bytes(r, sizeof(struct gsm48_loc_area_id));
	if (rd_peek(r) != GSM48_IE_MOBILE_ID)
		return;
	rd_u8(r);
	rd_init(&mi, rd_bytes(r, rd_u8(r)));
	m->new_tmsi = (rd_u8(&mi) & GSM_MI_TYPE_MASK) == GSM_MI_TYPE_TMSI;
}

int mm_dec(struct bytes l3, struct mm_msg *msg)
{
	struct mm_msg m = {0};
	struct rd r;

	rd_init(&r, l3);
	if ((rd_u8(&r) & 0x0f) != GSM48_PDISC_MM)
		return -EINVAL;
	m.type = rd_u8(&r) & 0x3f;
	if (m.type == MM_LU_ACCEPT)
		lu_accept_dec(&r, &m);
	else if (m.type == MM_LU_REJECT || m.type == MM_CM_SERVICE_REJECT)
		m.cause = rd_u8(&r);
	else if (m.type == MM_TMSI_REALLOC_COMMAND)
		m.new_tmsi = true;
	rd_rest(&r); /* optional elements that a phone for SMS has no use for */
	if (rd_end(&r) < 0)
		return -EINVAL;
	*msg = m;
	return 0;
}
