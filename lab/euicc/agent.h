/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "lab/euicc/card.h"
#include "scp81/http_msg.h"
#include "scp81/trigger.h"

/* Inside of the administration agent: agent.c has the life of a session, agent_http.c requests and answers. */

enum agent_state {
	AGENT_WAITING, /* for service, or for the next attempt; no channel */
	AGENT_OPENING, /* connection and handshake */
	AGENT_ASKING,  /* a request is out */
};

struct agent {
	enum agent_state state;
	int64_t due_ms;	    /* next attempt, or end of our patience */
	struct trigger par; /* trigger over stored parameters */
	bool notification;  /* the session is there for the pending notification */
	const char *first_uri;
	uint16_t tries_left;

	/* The last request: it goes out again after a broken connection. */
	const char *uri;
	enum admin_status status;
	struct bytes body;
	bool sent;   /* some of it went out */
	bool resume; /* a connection broke after that */
	uint32_t requests;

	/* The channel. */
	struct http_rx *rx;
	size_t octets; /* both directions */
};

/*! Send the request. */
void agent_ask(struct euicc *card);
/*! Octets of an answer. */
void agent_rx(struct euicc *card, struct bytes plain);

/*! Start over: the next request is the first one of a session. */
void agent_first_request(struct agent *a);
/*! The server has answered: the next break is counted anew. */
void agent_tries_reset(const struct euicc *card, struct agent *a);
/*! The server said all it had to say: close, and the session is over. */
void agent_end(struct euicc *card);
/*! The channel is of no use any more: another attempt, or the end.  \param[in] why  for the log */
void agent_fail(struct euicc *card, const char *why);
