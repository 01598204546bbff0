/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/peer/request.h"
#include "smdp/smdp.h"

/* What operators and SM-SRs send: requests of ES2, answers and notifications of ES3.  smdp_ev_request() gives exactly
 * one answer through ports->answer(): after the commit, or, for a synchronous function, when its order is done. */

/*! A request of an operator on its way through. */
struct es_call {
	const struct es_request *req;
	const struct smdp_peer *peer;
	uint32_t validity_s;
	uint32_t max_validity_s;
	bool is_new; /* it is no repetition: a refusal from now on is remembered for those */
};

/*! Event of a turn (turn_handler_cb): answer a struct es_request of a struct smdp. */
int smdp_ev_request(void *smdp, void *es_request);

/*! Outcome at once; by callback where the requester waits for one. */
int dp_refuse(struct smdp *s, const struct es_call *c, struct es_status status) MUST_CHECK;
int dp_refuse_with(struct smdp *s, const struct es_call *c, enum es_sc sc, const char *subject_id,
		   const char *text) MUST_CHECK;
/*! 202. */
int dp_accepted(struct smdp *s, const struct es_request *req) MUST_CHECK;
void dp_fault(struct smdp *s, const struct es_request *req, unsigned int http_status, enum soap_fault_subcode subcode,
	      const char *reason);

/*! es2_fns.c: run a function of ES2 that was admitted. */
int es2_run(struct smdp *s, const struct es_call *c) MUST_CHECK;
/*! Which right a function needs; 0: it is not served. */
unsigned int es2_right(enum es_fn fn);
/*! es3_notes.c: a notification of an SM-SR. */
int es3_rx_note(struct smdp *s, const struct smsr_peer *from, const struct soap_msg *msg) MUST_CHECK;
