/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/app/turn.h"
#include "common/db/db.h"
#include "common/es/soap_service.h"
#include "common/net/tls.h"
#include "common/peer/call_db.h"

/* A message of a peer on its way from an I/O thread through an event of the core to its answer, as far as both daemons
 * go the same way.  Who may call what, and what it does, is theirs.  SGP.02 "common to every request". */

/*! A message that was read and checked against the schema. */
struct es_request {
	uint64_t xid;		    /* exchange to answer */
	struct bytes document;	    /* as received; RegisterEIS only: its signature covers it */
	const struct soap_msg *msg; /* body NULL: msg->bad says why */
	const struct tls_peer *tls; /* who is at the other end */
	const char *remote;	    /* address, for the log */
};

/*! I/O thread: a soap_service_job_cb; the job holds a struct es_request. */
struct io_job *es_request_job(const struct http_req *req, struct soap_msg *steal_msg);
/*! Core: such a job has come.  Its handler gets the struct es_request as event, and answers it; one that fails has no
 * answer among its outputs: then it is 500.
 * \param[in] priv  of the handler */
void es_request_run(struct io_job *steal_job, struct http_server *server, struct turn *turn, turn_handler_cb handler,
		    void *priv);

/*! Port of an engine through which answers leave.  \param[in] steal_answer  struct es_answer without parent */
typedef void (*es_answer_cb)(void *priv, uint64_t xid, void *steal_answer);

/*! Inside the event: queue the answer.  \returns the answer, for the caller to fill in during this event */
struct es_answer *es_request_answer(const struct es_request *req, struct turn *turn, es_answer_cb port, void *priv,
				    unsigned int http_status);

/*! Does To name us, and is ReplyTo of an asynchronous function below what was agreed on?
 * \param[in]  oid      ours
 * \param[in]  prefix   of the URLs that may be called back; NULL: none
 * \param[out] subcode  of the fault
 * \returns NULL when it does; else the reason of a fault, static */
const char *es_request_misaddressed(const struct es_request *req, const char *oid, const char *prefix,
				    enum soap_fault_subcode *subcode);
/*! How long a request with a body may take: its ValidityPeriod, or the default within the limit.
 * \param[out] validity_s  also set when it is refused
 * \returns false when it asks for more than max_s */
bool es_request_validity(const struct es_request *req, uint32_t default_s, uint32_t max_s, uint32_t *validity_s);
/*! What cannot be kept is not taken: true, with a line of the log, when the function changes something and the disk has
 * less than free_min octets. */
bool es_request_has_no_room(const struct es_request *req, const struct db *db, uint64_t free_min);

/*! Has this sender made the call before?  Functions that change nothing are not remembered and run again.
 * \param[out] seen  texts are talloc children of ctx
 * \returns 1 it is new; 0 it was seen; -EEXIST FunctionCallIdentifier belongs to another call; negative errno */
int es_request_seen(const void *ctx, struct db *db, const struct es_request *req, const char *sender,
		    struct call *seen) MUST_CHECK;
/*! Remember it for that, where it matters.
 * \param[in] op_id    what it led to; 0: nothing that lasts
 * \param[in] outcome  then what was answered, call_outcome_enc() */
int es_request_remember(struct db *db, const struct es_request *req, const char *sender, int64_t op_id,
			struct bytes outcome) MUST_CHECK;
