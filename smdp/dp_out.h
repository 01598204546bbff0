/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/es/soap_service.h"
#include "smdp/order.h"

/* What operators are told: the outcome of an order, in the parked connection or by callback, and notifications. */

/*! Tell the requester of a finished order.
 * \param[in] from  answer of the SM-SR that it comes from, a decoded tree of its own: of GetEIS and AuditEIS the EIS is
 *                  taken, filtered for this operator; NULL: none */
int dp_out_outcome(struct smdp *s, struct order_run *r, const union es_any_rsp *from) MUST_CHECK;
/*! The same outcome once more, for a repeated request: what was stored goes to this address. */
int dp_out_again(struct smdp *s, struct order_run *r, const char *reply_to) MUST_CHECK;
/*! The outcome as it was written for the callback, for who asks without a ReplyTo.
 * \param[out] msg  on turn_ctx()
 * \returns 0; -ENOENT; -EINVAL */
int dp_out_stored(struct smdp *s, const struct order_run *r, struct soap_msg **msg) MUST_CHECK;
/*! Response to a request that ended without an order, by callback.
 * \param[in] msg  the request, with a ReplyTo */
int dp_out_callback(struct smdp *s, const char *peer, const struct soap_msg *msg,
		    const union es_any_rsp *rsp) MUST_CHECK;

/*! Keep a connection until its order is done.  \param[in] msg  the request */
void dp_out_park(struct smdp *s, uint64_t xid, int64_t op_id, const struct soap_msg *msg);

/*! Notification to an operator.
 * \param[in] from  of the SM-SR that this one follows: TransactionID and ContextID
 * \param[in] body  struct that fn implies */
int dp_out_notify(struct smdp *s, const struct smdp_peer *to, int64_t euicc_id, const struct soap_msg_id *from,
		  enum es_fn fn, const void *body) MUST_CHECK;

/*! The outbox with its settings. */
struct outbox_host dp_out_host(struct smdp *s);

/*! Who we are on the interface of a function. */
struct soap_self dp_out_self(struct smdp *s, const void *ctx, enum es_fn fn);

/*! An EIS as an operator may see it: its own profiles, no keys, no audit trail.  SGP.02 "EIS usage".
 * \returns talloc child of ctx; it borrows from eis */
struct es_eis *eis_for_operator(const void *ctx, const struct es_eis *eis, const char *mno_oid);
