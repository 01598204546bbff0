/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include <stdio.h>

#include <osmocom/core/linuxlist.h>
#include <osmocom/core/select.h>
#include <osmocom/core/timer.h>
#include <osmocom/core/write_queue.h>

#include "common/net/tls_pipe.h"
#include "lab/smsc/pcap.h"
#include "lab/smsc/smsc.h"

/* The program around the service centre: sockets, files, clock.  conn.c SMPP, radio.c cards, control.c commands. */

struct sim_options {
	const char *listen_host;
	uint16_t listen_port; /* 0: any free one */
	const char *subscribers, *air, *control, *pcap;
	bool phones_on;		  /* every subscriber has a phone that takes everything */
	struct tls_pipe_cfg tls;  /* cert NULL: plain */
	const char *commands[16]; /* run at start */
	unsigned n_commands;
	unsigned throttle;
	int log_level;
	struct smsc_cfg smsc;
};

struct sim {
	struct sim_options opt;
	struct smsc *smsc;
	struct osmo_timer_list tick;
	struct osmo_fd listener, control;
	struct llist_head conns;
	struct osmo_wqueue air;
	struct osmo_timer_list air_retry;
	bool air_up;
	struct llist_head air_echo; /* answers of the phones that are always on */
	struct osmo_timer_list air_echo_timer;
	FILE *pcap;
};

/*! After each event: let the service centre do what is due and set the timer for what will be. */
void sim_turn(struct sim *sim);
int64_t sim_now_ms(void);

/* conn.c */
int sim_listen(struct sim *sim) MUST_CHECK;
void sim_conn_tx(void *priv, unsigned session, struct bytes pdu);
void sim_conn_close(void *priv, unsigned session);

/* radio.c */
void sim_radio_start(struct sim *sim);
void sim_radio_tx(void *priv, const struct air_msg *msg);

/* control.c */
int sim_control_start(struct sim *sim) MUST_CHECK;
