/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* State machine of a phone (drawn in phone.h): mobility management of TS 24.008 around SMS.
 *
 * Every state but OFF and IDLE has a timeout; what expires gives its connection up and starts over.  Whatever ends a
 * connection leads to next_step(), the only place that starts something.  A phone that was switched off frees itself
 * there, so nothing may touch it afterwards. */
#include "lab/vphone/phone_fsm.h"
#include "common/app/log.h"
#include "lab/vphone/air_link.h"
#include "lab/vphone/l3_mm.h"
#include "lab/vphone/l3_sms.h"

#include <osmocom/core/talloc.h>
#include <osmocom/core/utils.h>

#define S(state) (1 << (state))
#define L3_MAX 256

/* TS 24.008 names; values for a lab, where seconds are long. */
enum {
	T3210 = 3210, /* location update */
	T3211 = 3211, /* pause before the next attempt */
	T3212 = 3212, /* periodic location update */
	T3230 = 3230, /* CM service request */
	T_MT = 1,     /* longest MT connection */
	T_TR1M = 2,   /* wait for RP-ACK, TS 24.011 */
	T_RELEASE = 3,
};

#define T3210_S 20
#define T3211_S 3
#define T3230_S 15
#define T_MT_S 300
#define T_TR1M_S 40
#define T_RELEASE_S 10

/* TS 24.008 reject causes after which a phone tries again by itself */
#define CAUSE_IMSI_UNKNOWN_IN_VLR 4
#define CAUSE_NETWORK_FAILURE 17
#define CAUSE_CONGESTION 22

static const struct value_string event_names[] = {
	{PHONE_EV_NEXT, "NEXT"},	   {PHONE_EV_PAGED, "PAGED"},
	{PHONE_EV_LU_ACCEPT, "LU_ACCEPT"}, {PHONE_EV_LU_REJECT, "LU_REJECT"},
	{PHONE_EV_CM_ACCEPT, "CM_ACCEPT"}, {PHONE_EV_CM_REJECT, "CM_REJECT"},
	{PHONE_EV_MO_DONE, "MO_DONE"},	   {PHONE_EV_CLOSED, "CLOSED"},
	{PHONE_EV_NET_DOWN, "NET_DOWN"},   {0, NULL},
};

static void go(struct phone *phone, enum phone_state state, unsigned long timeout_s, int timer)
{
	osmo_fsm_inst_state_chg(phone->fi, state, timeout_s, timer);
}

static void go_idle(struct phone *phone)
{
	go(phone, PHONE_ST_IDLE, phone->fleet->periodic_s, T3212);
}

/* Open a connection with an initial message and wait in state for what comes of it. */
static void start(struct phone *phone, const struct wr *l3, enum phone_state state, unsigned long timeout_s, int timer)
{
	struct bytes msg;

	OSMO_ASSERT(wr_end(l3, &msg) == 0);
	phone->conn = bsc_conn_open(phone->fleet->bsc, phone, msg);
	if (phone->conn)
		go(phone, state, timeout_s, timer);
}

static void start_locating(struct phone *phone)
{
	uint8_t buf[L3_MAX];
	struct wr w;

	wr_init_buf(&w, buf, sizeof(buf));
	mm_lu_request_enc(&w, phone->imsi, &phone->fleet->cell.lai.plmn);
	start(phone, &w, PHONE_ST_LOCATING, T3210_S, T3210);
}

static void start_detaching(struct phone *phone)
{
	uint8_t buf[L3_MAX];
	struct wr w;

	LOGPH(phone, LOGL_INFO, "IMSI DETACH\n");
	phone->registered = false;
	wr_init_buf(&w, buf, sizeof(buf));
	mm_imsi_detach_enc(&w, phone->imsi);
	start(phone, &w, PHONE_ST_RELEASING, T_RELEASE_S, T_RELEASE);
}

static void start_answering(struct phone *phone)
{
	uint8_t buf[L3_MAX];
	struct wr w;

	phone->paged = false;
	wr_init_buf(&w, buf, sizeof(buf));
	rr_paging_response_enc(&w, phone->imsi);
	start(phone, &w, PHONE_ST_PAGED, T_MT_S, T_MT);
}

static void start_requesting(struct phone *phone)
{
	uint8_t buf[L3_MAX];
	struct wr w;

	wr_init_buf(&w, buf, sizeof(buf));
	mm_cm_service_request_enc(&w, phone->imsi);
	start(phone, &w, PHONE_ST_REQUESTING, T3230_S, T3230);
}

/* The phone has no connection: decide what comes next. */
static void next_step(struct phone *phone)
{
	bool up = bsc_is_up(phone->fleet->bsc);

	if (!phone->on && phone->registered && up)
		start_detaching(phone);
	else if (!phone->on)
		osmo_fsm_inst_term(phone->fi, OSMO_FSM_TERM_REGULAR, NULL);
	else if (!up || phone->refused)
		go(phone, PHONE_ST_OFF, 0, 0);
	else if (!phone->registered)
		start_locating(phone);
	else if (phone->paged)
		start_answering(phone);
	else if (!llist_empty(&phone->mo))
		start_requesting(phone);
	else
		go_idle(phone);
}

static void lost_service(struct phone *phone)
{
	if (phone->registered && phone->on)
		air_link_tx(phone->fleet->air, AIR_LOST, phone->imsi, 0, NO_BYTES);
	phone->registered = false;
	phone->paged = false;
}

static void off_action(struct osmo_fsm_inst *fi, uint32_t event, void *data)
{
	if (event == PHONE_EV_NEXT)
		next_step(fi->priv);
}

static void idle_action(struct osmo_fsm_inst *fi, uint32_t event, void *data)
{
	struct phone *phone = fi->priv;

	if (event == PHONE_EV_PAGED)
		phone->paged = true;
	next_step(phone);
}

static void locating_accept(struct phone *phone)
{
	bool news = !phone->registered;

	phone->registered = true;
	phone->fleet->stats.located++;
	go(phone, PHONE_ST_RELEASING, T_RELEASE_S, T_RELEASE);
	if (!news || !phone->on)
		return;
	LOGPH(phone, LOGL_INFO, "attached\n");
	air_link_tx(phone->fleet->air, AIR_ATTACHED, phone->imsi, 0, NO_BYTES);
}

static void locating_reject(struct phone *phone, uint8_t cause)
{
	LOGPH(phone, LOGL_NOTICE, "location update rejected, cause %u\n", cause);
	phone->registered = false;
	phone->refused = cause != CAUSE_NETWORK_FAILURE && cause != CAUSE_CONGESTION;
	go(phone, PHONE_ST_RELEASING, T_RELEASE_S, T_RELEASE);
	if (phone->refused && phone->on)
		air_link_tx(phone->fleet->air, AIR_ATTACHED, phone->imsi, cause, NO_BYTES);
}

static void locating_failed(struct phone *phone)
{
	LOGPH(phone, LOGL_NOTICE, "location update not answered, next attempt in %u s\n", T3211_S);
	lost_service(phone);
	go(phone, PHONE_ST_OFF, T3211_S, T3211);
}

static void locating_action(struct osmo_fsm_inst *fi, uint32_t event, void *data)
{
	struct phone *phone = fi->priv;

	if (event == PHONE_EV_LU_ACCEPT) {
		locating_accept(phone);
	} else if (event == PHONE_EV_LU_REJECT) {
		locating_reject(phone, *(const uint8_t *)data);
	} else if (event == PHONE_EV_CLOSED) {
		locating_failed(phone);
	} else if (event == PHONE_EV_PAGED) {
		phone->paged = true;
	}
}

/* Connections on which the phone itself waits for nothing but their end. */
static void passive_action(struct osmo_fsm_inst *fi, uint32_t event, void *data)
{
	struct phone *phone = fi->priv;

	if (event == PHONE_EV_PAGED)
		phone->paged = true;
	else if (event == PHONE_EV_CLOSED)
		next_step(phone);
}

static void requesting_reject(struct phone *phone, uint8_t cause)
{
	LOGPH(phone, LOGL_NOTICE, "CM SERVICE REJECT, cause %u\n", cause);
	if (cause == CAUSE_IMSI_UNKNOWN_IN_VLR)
		lost_service(phone);
	sms_mo_retry(phone);
	go(phone, PHONE_ST_RELEASING, T_RELEASE_S, T_RELEASE);
}

static void requesting_action(struct osmo_fsm_inst *fi, uint32_t event, void *data)
{
	struct phone *phone = fi->priv;

	if (event == PHONE_EV_CM_ACCEPT) {
		go(phone, PHONE_ST_SENDING, T_TR1M_S, T_TR1M);
		sms_mo_send(phone);
	} else if (event == PHONE_EV_CM_REJECT) {
		requesting_reject(phone, *(const uint8_t *)data);
	} else if (event == PHONE_EV_CLOSED) {
		sms_mo_retry(phone);
		next_step(phone);
	} else if (event == PHONE_EV_PAGED) {
		phone->paged = true;
	}
}

static void sending_action(struct osmo_fsm_inst *fi, uint32_t event, void *data)
{
	struct phone *phone = fi->priv;

	if (event == PHONE_EV_MO_DONE) {
		go(phone, PHONE_ST_RELEASING, T_RELEASE_S, T_RELEASE);
	} else if (event == PHONE_EV_CLOSED) {
		sms_mo_finish(phone, RP_CAUSE_TEMPORARY);
		next_step(phone);
	} else if (event == PHONE_EV_PAGED) {
		phone->paged = true;
	}
}

static void allstate_action(struct osmo_fsm_inst *fi, uint32_t event, void *data)
{
	struct phone *phone = fi->priv;
	bool sending = fi->state == PHONE_ST_SENDING;

	lost_service(phone);
	if (sending)
		sms_mo_finish(phone, RP_CAUSE_TEMPORARY);
	next_step(phone);
}

static int timer_cb(struct osmo_fsm_inst *fi)
{
	struct phone *phone = fi->priv;

	if (fi->T == T3212) {
		start_locating(phone);
	} else if (fi->T == T3211) {
		next_step(phone);
	} else {
		LOGPH(phone, LOGL_NOTICE, "timer %d in state %s\n", fi->T, osmo_fsm_inst_state_name(fi));
		bsc_conn_abort(phone->conn);
		phone->conn = NULL;
		sms_mt_closed(phone);
		osmo_fsm_inst_dispatch(fi, PHONE_EV_CLOSED, NULL);
	}
	return 0;
}

static void cleanup(struct osmo_fsm_inst *fi, enum osmo_fsm_term_cause cause)
{
	struct phone *phone = fi->priv;

	LOGPH(phone, LOGL_INFO, "switched off\n");
	sms_mo_flush(phone, RP_CAUSE_NET_OUT_OF_ORDER);
	llist_del(&phone->list);
	hash_del(&phone->node);
	phone->fleet->n_phones--;
	/* fi is a child of the phone but must live until the library has let go of it */
	talloc_steal(OTC_SELECT, phone);
}

/* Any step may follow the end of a connection. */
#define NEXT_STATES                                                                                               \
	(S(PHONE_ST_OFF) | S(PHONE_ST_LOCATING) | S(PHONE_ST_IDLE) | S(PHONE_ST_PAGED) | S(PHONE_ST_REQUESTING) | \
	 S(PHONE_ST_RELEASING))

static const struct osmo_fsm_state states[] = {
	[PHONE_ST_OFF] =
		{
			.name = "OFF",
			.in_event_mask = S(PHONE_EV_NEXT),
			.out_state_mask = NEXT_STATES,
			.action = off_action,
		},
	[PHONE_ST_LOCATING] =
		{
			.name = "LOCATING",
			.in_event_mask =
				S(PHONE_EV_LU_ACCEPT) | S(PHONE_EV_LU_REJECT) | S(PHONE_EV_PAGED) | S(PHONE_EV_CLOSED),
			.out_state_mask = NEXT_STATES,
			.action = locating_action,
		},
	[PHONE_ST_IDLE] =
		{
			.name = "IDLE",
			.in_event_mask = S(PHONE_EV_NEXT) | S(PHONE_EV_PAGED),
			.out_state_mask = NEXT_STATES,
			.action = idle_action,
		},
	[PHONE_ST_PAGED] =
		{
			.name = "PAGED",
			.in_event_mask = S(PHONE_EV_PAGED) | S(PHONE_EV_CLOSED),
			.out_state_mask = NEXT_STATES,
			.action = passive_action,
		},
	[PHONE_ST_REQUESTING] =
		{
			.name = "REQUESTING",
			.in_event_mask =
				S(PHONE_EV_CM_ACCEPT) | S(PHONE_EV_CM_REJECT) | S(PHONE_EV_PAGED) | S(PHONE_EV_CLOSED),
			.out_state_mask = NEXT_STATES | S(PHONE_ST_SENDING),
			.action = requesting_action,
		},
	[PHONE_ST_SENDING] =
		{
			.name = "SENDING",
			.in_event_mask = S(PHONE_EV_MO_DONE) | S(PHONE_EV_PAGED) | S(PHONE_EV_CLOSED),
			.out_state_mask = NEXT_STATES,
			.action = sending_action,
		},
	[PHONE_ST_RELEASING] =
		{
			.name = "RELEASING",
			.in_event_mask = S(PHONE_EV_PAGED) | S(PHONE_EV_CLOSED),
			.out_state_mask = NEXT_STATES,
			.action = passive_action,
		},
};

static struct osmo_fsm phone_fsm = {
	.name = "phone",
	.states = states,
	.num_states = ARRAY_SIZE(states),
	.allstate_event_mask = S(PHONE_EV_NET_DOWN),
	.allstate_action = allstate_action,
	.timer_cb = timer_cb,
	.cleanup = cleanup,
	.event_names = event_names,
	.log_subsys = DLAB,
};

void phone_fsm_init(void)
{
	OSMO_ASSERT(osmo_fsm_register(&phone_fsm) == 0);
}

void phone_fsm_start(struct phone *phone)
{
	phone->fi = osmo_fsm_inst_alloc(&phone_fsm, phone, phone, LOGL_DEBUG, phone->imsi);
	OSMO_ASSERT(phone->fi);
}
