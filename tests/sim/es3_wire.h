/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/es/soap_service.h"
#include "tests/sim/sim.h"

/* HTTP between peers that speak SOAP: SM-DP and SM-SR in both directions, and operators with the SM-DP.  Messages are
 * octets; what comes in is read as the I/O threads of a daemon do it. */

enum wire_server {
	WIRE_SMSR,
	WIRE_SMDP,
	WIRE_SERVERS,
};

/*! How a POST ended for its client. */
struct wire_end {
	bool answered;
	bool unreached; /* there was no connection */
	unsigned int status;
	unsigned int retry_after_s;
	struct bytes body; /* of the answer */
};

struct wire_post {
	enum wire_server to;
	const char *oid; /* of the client's certificate */
	uint32_t actor;	 /* whom chance belongs to */
	const char *action;
	struct bytes body;
	unsigned int timeout_s;
	/*! Called once, as an entry of the queue. */
	void (*done)(struct sim *s, void *arg, const struct wire_end *end);
	void *arg;
};

/*! Send it; everything is copied. */
void wire_post(struct sim *s, const struct wire_post *post);
/*! The engine's answer to a request. */
void wire_answer(struct sim *s, uint64_t xid, const struct es_answer *answer);
/*! Is it the number of a request that this gave to an engine? */
bool wire_has_given(uint64_t xid);
/*! Its connections are gone. */
void wire_server_died(struct sim *s, enum wire_server server);
/*! Make it, for an SM-DP. */
void wire_start(struct sim *s);
bool wire_is_quiet(const struct sim *s);
