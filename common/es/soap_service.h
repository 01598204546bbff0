/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/es/es_codec.h"
#include "common/es/soap.h"
#include "common/net/http_server.h"

/* SOAP services of a daemon between HTTP and its core.
 *
 * In an I/O thread: WSDL and schemas are served, envelopes are read and checked; what is no SOAP message of ours gets
 * its fault at once.  A good one becomes a job of the daemon.  The core answers with a struct es_answer, which an I/O
 * thread turns into XML. */

struct soap_service;

/*! I/O thread: wrap a message that was read for the core.
 * \param[in] req        valid during the call only
 * \param[in] steal_msg  one talloc tree without parent; becomes a child of the job
 * \returns job of kind IO_REQUEST, allocated below NULL */
typedef struct io_job *(*soap_service_job_cb)(const struct http_req *req, struct soap_msg *steal_msg);

struct soap_service_conf {
	const char *uri;	     /* our base URL, for the addresses in a WSDL */
	const char *const *services; /* whose WSDL is served, "ES4SmSrService"; not empty, ends with NULL, static */
	soap_service_job_cb job;
};

/*! \param[in] conf  uri is copied
 * \returns talloc child of ctx, to live until io_stop(); NULL when our schema cannot be compiled */
struct soap_service *soap_service_alloc(const void *ctx, const struct soap_service_conf *conf, unsigned int n_threads);
/*! After io_stop(); NULL is allowed. */
void soap_service_free(struct soap_service *service);
/*! For http_server_start(), with the service as its data; runs in I/O threads. */
void soap_service_handle(struct http_req *req, void *service);

/*! I/O thread: read the message of a POST.  What is no message of ours is answered here with its fault.
 * \param[in] es   of this thread
 * \param[in] ctx  talloc parent of the message
 * \returns NULL when it was answered */
struct soap_msg *soap_service_read(struct es_ctx *es, const void *ctx, struct http_req *req);

/*! What to answer: made below no parent, so that it may go to another thread, which writes the XML. */
struct es_answer {
	unsigned int http_status;   /* 200 with body or fault; 202 and 503 with nothing */
	unsigned int retry_after_s; /* 503 */
	enum es_fn fn;
	struct soap_out out;
	void *body;		  /* struct of es_types.h; NULL: no envelope */
	struct soap_fault *fault; /* instead of body */
};

/*! Make the headers of the response to a request; all texts become children of the answer.
 * \param[in] self  who answers; borrowed */
void es_answer_headers(struct es_answer *a, const struct soap_self *self, const struct soap_msg *msg);
/*! Make it a fault of the sender.  \param[in] http_status  what HTTP says; \param[in] reason  copied */
void es_answer_fault(struct es_answer *a, const struct soap_msg *msg, unsigned int http_status,
		     enum soap_fault_subcode subcode, const char *reason);
/*! Core: send it.  \param[in] xid  of the job */
void soap_service_answer(struct http_server *server, uint64_t xid, struct es_answer *steal_answer);
