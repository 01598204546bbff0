/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "lab/vphone/bsc.h"

#include <osmocom/core/fsm.h>
#include <osmocom/core/hashtable.h>
#include <osmocom/core/linuxlist.h>

/* A phone: one card (IMSI) that the air link switched on, one state machine, at most one connection to the MSC.
 *
 *            +------------------------------ next step ------------------------------+
 *            v                                                                       |
 *   OFF -> LOCATING -> RELEASING -> IDLE -> PAGED     (MT: RP-DATA, AIR_MT, RP-ACK) -+
 *                                        -> REQUESTING -> SENDING -> RELEASING      -+   (MO)
 *                                        -> RELEASING                               -+   (IMSI DETACH)
 *
 * A phone starts something only while it has no connection.  Above all it never sends CM SERVICE REQUEST on a
 * connection that the MSC is about to clear: osmo-msc 1.9.0 then keeps that connection for ever and the subscriber is
 * lost to it. */

struct air_link;

enum phone_state {
	PHONE_ST_OFF, /* no service and no connection */
	PHONE_ST_LOCATING,
	PHONE_ST_IDLE,
	PHONE_ST_PAGED,
	PHONE_ST_REQUESTING, /* CM SERVICE REQUEST sent */
	PHONE_ST_SENDING,    /* RP-DATA sent */
	PHONE_ST_RELEASING,  /* done, the MSC closes */
};

enum phone_event {
	PHONE_EV_NEXT, /* something changed: see what there is to do */
	PHONE_EV_PAGED,
	PHONE_EV_LU_ACCEPT,
	PHONE_EV_LU_REJECT, /* data: const uint8_t *cause */
	PHONE_EV_CM_ACCEPT,
	PHONE_EV_CM_REJECT, /* data: const uint8_t *cause */
	PHONE_EV_MO_DONE,
	PHONE_EV_CLOSED, /* the connection is gone */
	PHONE_EV_NET_DOWN,
};

struct phone_stats {
	unsigned int located, paged, mt, mt_repeated, mt_ack, mt_error, mo, mo_ack, mo_error;
};

/*! All phones and what they stand between. */
struct fleet {
	struct bsc *bsc;
	struct air_link *air;
	struct osmo_cell_global_id cell;
	unsigned int periodic_s; /* location update of an idle phone, 0 = never */
	bool mute;		 /* answer no page */
	struct phone_stats stats;
	size_t n_phones;
	struct llist_head phones;
	DECLARE_HASHTABLE(by_imsi, 10);
};

struct phone {
	struct llist_head list;
	struct hlist_node node;
	struct fleet *fleet;
	struct osmo_fsm_inst *fi;
	char imsi[16];	 /* digits */
	bool on;	 /* the card wants service */
	bool registered; /* the MSC knows us */
	bool refused;	 /* the MSC refused us for good */
	bool paged;	 /* page to be answered as soon as the connection is closed: a real BSC repeats pages */
	struct bsc_conn *conn;
	struct llist_head mt; /* struct mt, oldest first */
	struct llist_head mo; /* struct mo, oldest first; the head is the one being sent */
	uint8_t mo_ti, mo_mr;
};

/*! Make the lists of a zeroed fleet; its other fields are the caller's. */
void fleet_init(struct fleet *fleet);
/*! \returns the phone, also one that is about to be switched off; NULL when there is none */
struct phone *fleet_find(struct fleet *fleet, const char *imsi);
/*! Air link lost: switch all phones off. */
void fleet_switch_off(struct fleet *fleet);
/*! Upcalls of the BSC; priv is the fleet. */
extern const struct bsc_ops fleet_bsc_ops;

/*! A card was switched on; registers it as soon as the MSC is up. */
void phone_switch_on(struct fleet *fleet, const char *imsi);
/*! A card was switched off.  The phone is freed when IMSI DETACH has been sent. */
void phone_switch_off(struct phone *phone);
/*! Register again, also after a refusal. */
void phone_relocate(struct phone *phone);
/*! Something is to be done: done at once when the phone has no connection, else after it. */
void phone_kick(struct phone *phone);
/*! Send DTAP on the phone's connection, if it has one. */
void phone_tx(struct phone *phone, enum bsc_sapi sapi, const struct wr *l3);

/*! MT: an RP-DATA came in. \param[in] tpdu SMS-DELIVER */
void sms_mt_rx(struct phone *phone, uint8_t ti, uint8_t mr, struct bytes tpdu);
/*! MT: the network acknowledged our answer, so the transaction is over. */
void sms_mt_rx_cp_ack(struct phone *phone, uint8_t ti);
/*! MT: the card's answer to the oldest message that waits for one. */
void sms_mt_answer(struct phone *phone, uint8_t cause, struct bytes ud);
/*! MT: the connection is gone; answers still to come from the card lead nowhere. */
void sms_mt_closed(struct phone *phone);

/*! MT: the card was switched off and will not answer. */
void sms_mt_flush(struct phone *phone);

/*! MO: queue an SMS-SUBMIT of the card. */
void sms_mo_submit(struct phone *phone, struct bytes tpdu);
/*! MO: service was granted, send the head of the queue (there is one). */
void sms_mo_send(struct phone *phone);
/*! MO: report the head of the queue to the card and remove it.  cause 0 = accepted */
void sms_mo_finish(struct phone *phone, uint8_t cause);
/*! MO: the request for service failed; gives the message up after some attempts. */
void sms_mo_retry(struct phone *phone);
/*! MO: fail the whole queue. */
void sms_mo_flush(struct phone *phone, uint8_t cause);

#define LOGPH(phone, level, fmt, args...) LOGP(DLAB, level, "phone %s: " fmt, (phone)->imsi, ##args)
