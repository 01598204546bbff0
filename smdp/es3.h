/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/es/soap.h"
#include "smdp/order.h"

/* Calls to SM-SRs.  A call is a row before it leaves and keeps its octets, FunctionCallIdentifier and MessageID: it is
 * repeated until it is answered, which SGP.02 makes safe, as the SM-SR knows it again.  Each call ends with exactly one
 * event of its order: ANSWER, REFUSED, EXPIRED or SILENT. */

/*! Call, as the step of an order.
 * \param[in] req         request struct of fn; its base is filled in here
 * \param[in] expires_ms  its ValidityPeriod ends then
 * \param[in] held        written, but sent by es3_release() only */
int es3_call(struct smdp *s, struct order_run *r, enum es_fn fn, struct es_req *req, int64_t expires_ms,
	     bool held) MUST_CHECK;
/*! Send what is held for an order.  \returns -ENOENT when nothing is */
int es3_release(struct smdp *s, struct order_run *r) MUST_CHECK;
/*! What is held for an order.
 * \param[out] body  request struct of its function, on turn_ctx()
 * \returns 0; -ENOENT; -EINVAL */
int es3_held(struct smdp *s, int64_t op_id, const void **body) MUST_CHECK;
/*! Nobody waits any more: an answer will be logged. */
int es3_drop(struct smdp *s, int64_t op_id) MUST_CHECK;

/*! Send what is due, unless that is paused; end what is over.  \param[out] more  something is left */
int es3_pump(struct smdp *s, bool *more) MUST_CHECK;
/*! When es3_pump() has something to do; 0: nothing waits. */
int es3_next_ms(struct smdp *s, int64_t *due_ms) MUST_CHECK;
/*! How the POST of a call went; post.ref is the row. */
int es3_post_done(struct smdp *s, const struct smdp_post_done *d) MUST_CHECK;

/*! A function was carried out after the order had ended: tell the operator.
 * \param[in] fn            of the call to the SM-SR
 * \param[in] completed_ms  0: now */
int es3_late_success(struct smdp *s, const struct order_run *r, enum es_fn fn, int64_t completed_ms) MUST_CHECK;

enum es3_match {
	ES3_TAKEN,
	ES3_UNKNOWN, /* no call of ours, or not of this SM-SR */
};
/*! A response that an SM-SR posted.  Repeated ones are taken and change nothing.
 * \param[out] match  set when 0 is returned */
int es3_rx_response(struct smdp *s, const char *smsr_oid, const struct soap_msg *msg, enum es3_match *match) MUST_CHECK;
