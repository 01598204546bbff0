/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "smsr/es_in.h"

/* The functions that this SM-SR serves: one row each.  Shared by es_in.c and es_fns.c. */

/*! A request on its way through. */
struct es_call {
	const struct es_request *req;
	const struct peer *peer;
	uint32_t validity_s;
	uint32_t max_validity_s;
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
