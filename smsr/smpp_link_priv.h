/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include <osmocom/core/fsm.h>
#include <osmocom/core/linuxlist.h>
#include <osmocom/core/rate_ctr.h>
#include <osmocom/core/timer.h>

#include "smsr/smpp_flow.h"
#include "smsr/smpp_link.h"
#include "smsr/smpp_sock.h"

/* Inside of an SMPP link: smpp_link.c (calls of the core), smpp_link_fsm.c (connections), smpp_link_rx.c (PDUs
 * received), smpp_link_cfg.c.  A link has one leg (connection) as transceiver, two as transmitter and receiver. */

enum smpp_leg_role {
	LEG_TRX,
	LEG_TX,
	LEG_RX,
};

enum smpp_leg_event {
	LEG_EV_START,
	LEG_EV_STOP,
	LEG_EV_UP,	  /* connected */
	LEG_EV_DOWN,	  /* data: const struct leg_down */
	LEG_EV_BIND_RESP, /* data: const struct smpp_pdu */
	LEG_EV_IDLE,	  /* the last outstanding submit was answered */
	LEG_EV_UNBIND_RESP,
};

struct leg_down {
	const char *why;
	bool alarm;
};

struct smpp_leg {
	struct smpp_link *link;
	enum smpp_leg_role role;
	struct osmo_fsm_inst *fi;
	struct smpp_sock *sock; /* NULL: not connected */
	struct smpp_framer *framer;
	uint32_t seq;	   /* last one used */
	uint32_t bind_seq; /* of the bind that waits for its response; 0: none */
	uint32_t gen;	   /* number of the connection, part of delivery tokens */
	int64_t rx_ms;	   /* last sign of life */
	unsigned misses;   /* enquire_links since then */
	unsigned wait_ms;  /* next stay in WAIT */
	struct osmo_timer_list enquire;
	struct smpp_backoff reconnect, refused;
	struct llist_head to_ack; /* struct smpp_to_ack */
	unsigned n_to_ack;
};

/*! A submit without an answer; in order of sending. */
struct smpp_pending {
	struct llist_head list;
	uint64_t ref;
	uint32_t seq;
	uint32_t dest_hash;
	int64_t sent_ms;
	uint64_t at; /* smpp_sock_queued() before it was written */
};

/*! A delivery the core has not acknowledged. */
struct smpp_to_ack {
	struct llist_head list;
	uint64_t token;
	uint32_t command_id; /* of the response */
	uint32_t seq;
};

struct smpp_link {
	struct smpp_link_cfg cfg; /* own copies */
	struct smpp_sock_cfg sock_cfg;
	const struct smpp_link_ops *ops;
	void *priv;
	struct smpp_leg legs[2];
	unsigned n_legs;
	bool wanted; /* started and not stopped */
	bool paused;
	bool up;	 /* as last told to the core */
	bool stop_asked; /* ops->stopped is due */
	bool had_room;
	bool reconnect_asked;
	unsigned coding; /* index into cfg.data_coding */
	uint32_t gen;
	uint32_t n_tokens;
	struct smpp_flow flow;
	struct llist_head pending; /* struct smpp_pending, oldest first */
	unsigned n_pending;
	struct osmo_timer_list response; /* of the oldest pending submit */
	struct osmo_timer_list room;	 /* until the rate or a pause lets submits through */
	struct osmo_timer_list kick;	 /* carries calls of the core into an event of their own */
	struct rate_ctr_group *ctrs;
	char smsc[66];
	int64_t up_since_ms;
	uint32_t last_bind_status;
	char *last_error;
};

static inline void smpp_timer_arm(struct osmo_timer_list *timer, int64_t ms)
{
	osmo_timer_schedule(timer, (int)(ms / 1000), (int)(ms % 1000 * 1000));
}

/* smpp_link_cfg.c */
void smpp_link_cfg_copy(const void *ctx, const struct smpp_link_cfg *cfg, struct smpp_link_cfg *out);

/* smpp_link.c */
/*! Brackets of an event; the second also tells the core about room and sets the timers that depend on it. */
void smpp_link_enter(struct smpp_link *link);
void smpp_link_leave(struct smpp_link *link);
void smpp_link_count(struct smpp_link *link, enum smpp_ctr ctr, uint64_t n);
/*! Tell the core when there is room again, and set the timer that depends on it. */
void smpp_link_watch_room(struct smpp_link *link);
/* smpp_link_submit.c */
/*! End one submit: take it off the list, count, tell the core. */
void smpp_link_done(struct smpp_link *link, struct smpp_pending *p, const struct smpp_result *result);
/* smpp_link.c */
void smpp_link_alarm(struct smpp_link *link, const char *text);
/*! A leg came or went: tell the core when that changes the link. */
void smpp_link_legs_changed(struct smpp_link *link);
struct smpp_leg *smpp_link_tx_leg(struct smpp_link *link);

/* smpp_link_fsm.c */
int smpp_leg_init(struct smpp_leg *leg, struct smpp_link *link, enum smpp_leg_role role) MUST_CHECK;
void smpp_leg_fini(struct smpp_leg *leg);
bool smpp_leg_bound(const struct smpp_leg *leg);
/*! The bind was accepted and the connection still stands, also while it is being taken down. */
bool smpp_leg_open(const struct smpp_leg *leg);
bool smpp_leg_idle(const struct smpp_leg *leg);
/* smpp_leg.c */
extern const struct smpp_sock_ops smpp_leg_sock_ops;
/*! End the connection and all that hung on it; the caller changes the state. */
void smpp_leg_close(struct smpp_leg *leg);
void smpp_leg_enquire_fired(void *leg);
/*! Give the connection up; \param[in] why  for the log */
void smpp_leg_down(struct smpp_leg *leg, const char *why);
uint32_t smpp_leg_next_seq(struct smpp_leg *leg);
/*! \returns 0; negative when it could not be queued (the link then dies of its next timeout, or is given up here) */
int smpp_leg_send(struct smpp_leg *leg, const struct smpp_pdu *pdu) MUST_CHECK;
/*! Header-only PDU. */
void smpp_leg_send_header(struct smpp_leg *leg, uint32_t command_id, uint32_t status, uint32_t seq);

/* smpp_link_rx.c */
/*! Handle one PDU.  \returns NULL, or why the connection has to be given up */
const char *smpp_leg_rx(struct smpp_leg *leg, struct bytes octets);
