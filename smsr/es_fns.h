/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "smsr/es_in.h"
#include "smsr/op.h"
#include "smsr/record_db.h"

/* The functions that this SM-SR serves: one row each.  Shared by es_in.c, es_fns.c and es3_fns.c. */

/*! A request on its way through. */
struct es_call {
	const struct es_request *req;
	const struct peer *peer;
	uint32_t validity_s;
	uint32_t max_validity_s;
	bool is_new; /* it is no repetition: a refusal from now on is remembered for those */
};

struct es_function {
	enum es_fn fn;
	/*! Do it, and answer: es_accepted(), es_answer_body() or es_refuse(). */
	int (*run)(struct smsr *s, const struct es_call *c);
};

/*! \returns NULL when it is not served */
const struct es_function *es_function(enum es_fn fn);

/*! Outcome at once; by callback where the requester waits for one. */
int es_refuse(struct smsr *s, const struct es_call *c, struct es_status status) MUST_CHECK;
int es_refuse_with(struct smsr *s, const struct es_call *c, enum es_sc sc, const char *subject_id,
		   const char *text) MUST_CHECK;
/*! 202: the outcome comes by callback. */
int es_accepted(struct smsr *s, const struct es_call *c) MUST_CHECK;
/*! 200 with a body that the caller fills in: it begins with struct es_rsp; texts must be its talloc children. */
struct es_rsp *es_answer_body(struct smsr *s, const struct es_request *req, size_t size);
/*! Remember the call for repetitions: with its operation, or with its outcome when it was synchronous. */
int es_store_call(struct smsr *s, const struct es_call *c, int64_t op_id, const struct es_status *status) MUST_CHECK;

/* What functions look at first.  All return 1 when it is there and the sender may use it, 0 when the call was refused
 * and answered, or a negative errno. */
int es_find_euicc(struct smsr *s, const struct es_call *c, const char *digits, struct euicc *e) MUST_CHECK;
int es_find_both(struct smsr *s, const struct es_call *c, const char *eid, const char *iccid, struct euicc *e,
		 struct profile *p) MUST_CHECK;

/*! Queue the operation of a request, and answer 202.
 * \param[in] what  kind, and what it is about: iccid, aid
 * \param[in] data  NULL: none */
int es_queue(struct smsr *s, const struct es_call *c, const struct euicc *e, const struct operation *what,
	     const struct op_data *data) MUST_CHECK;
/*! Success of a synchronous function: answered, and kept for repetitions. */
int es_done(struct smsr *s, const struct es_call *c) MUST_CHECK;
/*! Row of the audit trail. */
int es_record(struct smsr *s, const struct es_call *c, const struct euicc *e, const char *iccid,
	      enum audit_type type) MUST_CHECK;

/* es3_fns.c */
int es3_create_isdp(struct smsr *s, const struct es_call *c) MUST_CHECK;
int es3_send_data(struct smsr *s, const struct es_call *c) MUST_CHECK;
int es3_profile_download_completed(struct smsr *s, const struct es_call *c) MUST_CHECK;
int es3_update_connectivity_parameters(struct smsr *s, const struct es_call *c) MUST_CHECK;
