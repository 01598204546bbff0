/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The fleet of phones: look-up, switching on and off, and what the BSC tells them (paging, DTAP, the end of a
 * connection).  What a phone does about it is in phone_fsm.c, sms_mt.c and sms_mo.c. */
#include "lab/vphone/phone.h"
#include "common/app/log.h"
#include "lab/vphone/l3_mm.h"
#include "lab/vphone/l3_sms.h"
#include "lab/vphone/phone_fsm.h"

#include <osmocom/core/talloc.h>
#include <osmocom/core/utils.h>
#include <osmocom/gsm/protocol/gsm_04_08.h>
#include <string.h>

#define L3_MAX 256

static uint64_t imsi_key(const char *imsi)
{
	uint64_t key = 0;

	for (; *imsi; imsi++)
		key = key * 10 + (uint64_t)(*imsi - '0');
	return key;
}

void fleet_init(struct fleet *fleet)
{
	INIT_LLIST_HEAD(&fleet->phones);
	hash_init(fleet->by_imsi);
}

struct phone *fleet_find(struct fleet *fleet, const char *imsi)
{
	struct phone *phone;

	hash_for_each_possible (fleet->by_imsi, phone, node, imsi_key(imsi)) {
		if (!strcmp(phone->imsi, imsi))
			return phone;
	}
	return NULL;
}

static struct phone *phone_alloc(struct fleet *fleet, const char *imsi)
{
	struct phone *phone = talloc_zero(fleet, struct phone);

	OSMO_ASSERT(phone);
	phone->fleet = fleet;
	OSMO_STRLCPY_ARRAY(phone->imsi, imsi);
	INIT_LLIST_HEAD(&phone->mt);
	INIT_LLIST_HEAD(&phone->mo);
	llist_add_tail(&phone->list, &fleet->phones);
	hash_add(fleet->by_imsi, &phone->node, imsi_key(imsi));
	fleet->n_phones++;
	phone_fsm_start(phone);
	return phone;
}

void phone_kick(struct phone *phone)
{
	if (!phone->conn)
		osmo_fsm_inst_dispatch(phone->fi, PHONE_EV_NEXT, NULL);
}

void phone_switch_on(struct fleet *fleet, const char *imsi)
{
	struct phone *phone = fleet_find(fleet, imsi);

	if (!phone)
		phone = phone_alloc(fleet, imsi);
	LOGPH(phone, LOGL_INFO, "switched on\n");
	phone->on = true;
	phone_relocate(phone);
}

void phone_relocate(struct phone *phone)
{
	/* the card hears AIR_ATTACHED again when the location update is through */
	phone->registered = false;
	phone->refused = false;
	phone_kick(phone);
}

void phone_switch_off(struct phone *phone)
{
	phone->on = false;
	sms_mt_flush(phone);
	phone_kick(phone);
}

void fleet_switch_off(struct fleet *fleet)
{
	struct phone *phone, *tmp;

	llist_for_each_entry_safe (phone, tmp, &fleet->phones, list)
		phone_switch_off(phone);
}

void phone_tx(struct phone *phone, enum bsc_sapi sapi, const struct wr *l3)
{
	struct bytes msg;

	OSMO_ASSERT(wr_end(l3, &msg) == 0);
	if (phone->conn)
		bsc_conn_tx(phone->conn, sapi, msg);
}

static void tx_mm(struct phone *phone, void (*enc)(struct wr *w, const char *imsi))
{
	uint8_t buf[L3_MAX];
	struct wr w;

	wr_init_buf(&w, buf, sizeof(buf));
	enc(&w, phone->imsi);
	phone_tx(phone, BSC_SAPI_MM, &w);
}

static void tmsi_complete_enc(struct wr *w, const char *imsi)
{
	mm_tmsi_realloc_complete_enc(w);
}

static void mm_rx(struct phone *phone, struct bytes l3)
{
	static const struct {
		uint8_t type;
		enum phone_event event;
	} events[] = {
		{MM_LU_ACCEPT, PHONE_EV_LU_ACCEPT},
		{MM_LU_REJECT, PHONE_EV_LU_REJECT},
		{MM_CM_SERVICE_ACCEPT, PHONE_EV_CM_ACCEPT},
		{MM_CM_SERVICE_REJECT, PHONE_EV_CM_REJECT},
	};
	struct mm_msg msg;

	if (mm_dec(l3, &msg) < 0) {
		LOGPH(phone, LOGL_ERROR, "malformed MM message\n");
		return;
	}
	if (msg.new_tmsi)
		tx_mm(phone, tmsi_complete_enc);
	if (msg.type == MM_IDENTITY_REQUEST)
		tx_mm(phone, mm_identity_response_enc);
	for (size_t i = 0; i < ARRAY_SIZE(events); i++) {
		if (events[i].type == msg.type)
			osmo_fsm_inst_dispatch(phone->fi, events[i].event, &msg.cause);
	}
}

static void rp_rx(struct phone *phone, uint8_t ti, struct bytes rp)
{
	struct rp_msg msg;

	if (rp_dec(rp, &msg) < 0) {
		LOGPH(phone, LOGL_ERROR, "malformed RP message\n");
		return;
	}
	if (msg.type == RP_DATA) {
		sms_mt_rx(phone, ti, msg.mr, msg.tpdu);
	} else if ((msg.type == RP_ACK || msg.type == RP_ERROR) && phone->fi->state == PHONE_ST_SENDING) {
		sms_mo_finish(phone, msg.type == RP_ERROR ? msg.cause : 0);
		osmo_fsm_inst_dispatch(phone->fi, PHONE_EV_MO_DONE, NULL);
	}
}

static void sms_rx(struct phone *phone, struct bytes l3)
{
	uint8_t buf[L3_MAX];
	struct cp_msg msg;
	struct wr w;

	if (cp_dec(l3, &msg) < 0) {
		LOGPH(phone, LOGL_ERROR, "malformed CP message\n");
		return;
	}
	if (msg.type != CP_DATA) {
		if (!(msg.ti & TI_FLAG))
			sms_mt_rx_cp_ack(phone, msg.ti);
		return;
	}
	wr_init_buf(&w, buf, sizeof(buf));
	cp_ack_enc(&w, msg.ti ^ TI_FLAG);
	phone_tx(phone, BSC_SAPI_SMS, &w);
	rp_rx(phone, msg.ti & ~TI_FLAG, msg.rp);
}

static void up_cb(void *priv)
{
	struct fleet *fleet = priv;
	struct phone *phone, *tmp;

	llist_for_each_entry_safe (phone, tmp, &fleet->phones, list)
		phone_relocate(phone);
}

static void down_cb(void *priv)
{
	struct fleet *fleet = priv;
	struct phone *phone, *tmp;

	llist_for_each_entry_safe (phone, tmp, &fleet->phones, list) {
		phone->conn = NULL;
		sms_mt_closed(phone);
		osmo_fsm_inst_dispatch(phone->fi, PHONE_EV_NET_DOWN, NULL);
	}
}

static void paged_cb(void *priv, const char *imsi)
{
	struct fleet *fleet = priv;
	struct phone *phone = fleet_find(fleet, imsi);

	fleet->stats.paged++;
	if (phone && phone->on && phone->registered && !fleet->mute)
		osmo_fsm_inst_dispatch(phone->fi, PHONE_EV_PAGED, NULL);
	else
		LOGP(DLAB, LOGL_NOTICE, "phone %s: paged but not reachable\n", imsi);
}

static void rx_l3_cb(void *user, struct bytes l3)
{
	struct phone *phone = user;
	uint8_t discr;
	struct rd r;

	rd_init(&r, l3);
	discr = rd_u8(&r) & 0x0f;
	if (discr == GSM48_PDISC_MM)
		mm_rx(phone, l3);
	else if (discr == GSM48_PDISC_SMS)
		sms_rx(phone, l3);
}

static void closed_cb(void *user)
{
	struct phone *phone = user;

	phone->conn = NULL;
	sms_mt_closed(phone);
	osmo_fsm_inst_dispatch(phone->fi, PHONE_EV_CLOSED, NULL);
}

const struct bsc_ops fleet_bsc_ops = {
	.up = up_cb,
	.down = down_cb,
	.paged = paged_cb,
	.rx_l3 = rx_l3_cb,
	.closed = closed_cb,
};
