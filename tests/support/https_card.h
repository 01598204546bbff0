/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "scp81/http_msg.h"
#include "tests/support/world.h"

/* The administration agent of the world's card, driven by hand: requests by the card's side of scp81/http_msg.h,
 * scripts executed by the software eUICC.  What it gets is compared with what is committed (P1). */

struct https_card {
	struct world *w;
	uint64_t conn; /* 0: not connected */
	uint64_t next_conn;
	unsigned int nth; /* request of the connection */
	uint8_t eid[EID_LEN];
	char *uri;	      /* of the first POST */
	char *from;	      /* X-Admin-From */
	struct http_msg *rsp; /* last answer; NULL: none came to the last POST */
	bool ended;	      /* with the end of the connection */
	char *next_uri;	      /* of the last script */
	struct bytes result;  /* of the last script, executed */
	const char *status;   /* X-Admin-Script-Status of results; NULL: ok */
	unsigned int scripts; /* executed */
	unsigned int same;    /* of them, those that had come before in the same octets */
	struct bytes last_script;
};

/*! Make the world's card speak HTTPS too, and configure the bearer.  Before world_register(). */
struct https_card *https_card_start(struct world *w);
/*! Connect (again) and send the first POST; query as of "?msg=...", or "".  resume: X-Admin-Resume */
void https_card_first(struct https_card *c, const char *query, bool resume);
/*! Connect: a new connection, with nothing on it yet. */
void https_card_connect(struct https_card *c);
/*! Post to any URI, on the present connection, or on a new one.
 * \param[in] body  empty: none */
void https_card_post(struct https_card *c, const char *uri, const char *status, struct bytes body, bool resume);
/*! Execute the script that came. */
void https_card_execute(struct https_card *c);
/*! Post its result; resume: on a new connection. */
void https_card_result(struct https_card *c, bool resume);
/*! First POST, then every script, until 204. */
void https_card_session(struct https_card *c);
/*! Go on with what the last answer was, until 204, or nothing comes. */
void https_card_go_on(struct https_card *c);
/*! The connection breaks; the SM-SR is told. */
void https_card_break(struct https_card *c);
/*! Expect that the last answer was this status, and whether it ended the connection. */
void https_card_expect(struct https_card *c, unsigned int status, bool ended);

/* For the world. */
void https_card_rx(struct https_card *c, uint64_t conn, struct bytes octets, bool close);
/*! The SM-SR has died. */
void https_card_lost(struct https_card *c);
