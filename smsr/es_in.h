/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/es/soap_service.h"
#include "common/net/tls.h"
#include "smsr/smsr.h"

/* Requests of peers: admission in the order of SGP.02, then the function.  smsr_ev_request() gives exactly one answer
 * through ports->answer(), after the commit. */

/*! A request that was read and checked against the schema. */
struct es_request {
	uint64_t xid;		    /* exchange to answer */
	struct bytes document;	    /* as received; RegisterEIS only: its signature covers it */
	const struct soap_msg *msg; /* body NULL: msg->bad says why */
	const struct tls_peer *tls; /* who is at the other end */
	const char *remote;	    /* address, for the log */
};

/*! Event of a turn (turn_handler_cb): answer a struct es_request of a struct smsr. */
int smsr_ev_request(void *smsr, void *es_request);
