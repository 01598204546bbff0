/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include <stdint.h>

#include "common/codec/bytes.h"
#include "common/net/io.h"
#include "common/net/tls.h"

/* HTTPS server with client certificates, in the I/O threads.
 *
 * The handler runs in an I/O thread for each complete request.  Before it returns it does one of two things:
 *   http_req_reply_steal()  answers at once (faults, WSDL), or
 *   http_req_park_steal()   hands a job to the core, which later answers by http_server_answer_steal(job->xid).
 * An exchange whose client has gone is forgotten; its answer is dropped without a trace. */

struct http_server;
struct http_conn;

struct http_listen {
	const char *host; /* numeric address; "0.0.0.0" is all of IPv4, "::" all of IPv6 */
	uint16_t port;	  /* 0 = any free one (http_server_port()) */
};

/*! Limits; a member that is 0 gets the default in brackets. */
struct http_server_conf {
	const struct http_listen *listen;
	size_t n_listen;
	unsigned int max_conns;	     /* connections of all threads together [1000] */
	unsigned int max_handshakes; /* without a finished handshake, of one address (IPv6: /64) in each thread [100] */
	size_t max_body;	     /* octets of a request body, else 413 [8 MiB] */
	size_t max_header;	     /* octets of request line and headers, else 400 [16 KiB] */
	unsigned int request_timeout_ms; /* from the first octet of a request (or from accept) to its last [30000] */
	unsigned int idle_timeout_ms;	 /* between two requests [60000] */
	unsigned int answer_timeout_ms;	 /* handler and core together, else 503 [60000] */
};

/*! A complete request; everything in it is valid during the handler only. */
struct http_req {
	const char *method;	  /* "GET" or "POST"; others are answered 405 before */
	const char *path;	  /* as sent, not unescaped */
	const char *query;	  /* without '?'; NULL = none */
	const char *content_type; /* media type in lower case without parameters; "" = none */
	const char *action;	  /* parameter "action" of the content type; NULL = none */
	const char *charset;	  /* parameter "charset", in lower case; NULL = none */
	struct bytes body;
	const struct tls_peer *peer; /* never NULL */
	const char *remote;	     /* address of the client, for logs */
	unsigned int thread;	     /* index of the I/O thread: choose per-thread state by it */
	struct io *io;
	struct http_conn *conn;
};

/*! Called in any I/O thread, so what data points to is either immutable or an array with a place for each thread. */
typedef void (*http_handler)(struct http_req *req, void *data);

/*! An answer: one talloc tree without parent. */
struct http_answer {
	struct io_call call; /* must stay first */
	struct http_server *srv;
	uint64_t xid;
	unsigned int status;
	const char *content_type; /* NULL = none; child of the answer or a literal */
	struct bytes body;	  /* memory of the answer, or static */
	/*! Optional: runs in the I/O thread before sending and fills content_type and body (and may change status), so
	 * that the core does not spend time on encoding.  A negative result makes it 500 with an empty body. */
	int (*encode)(struct http_answer *ans);
	void *arg; /* for encode(); child of the answer */

	struct llist_head headers;
};

/*! \returns empty answer, allocated below NULL */
struct http_answer *http_answer_alloc(unsigned int status);
/*! Add a header line; name and value are copied; a value with CR or LF is refused with -EINVAL. */
int http_answer_add_header(struct http_answer *ans, const char *name, const char *value) MUST_CHECK;
/*! The answer to overload: 503 with Retry-After. */
struct http_answer *http_answer_busy(unsigned int retry_after_s);

/*! Bind and start to serve.
 * \param[in]  ctx      talloc parent; the server must live until io_stop()
 * \param[in]  conf     copied
 * \param[in]  tls      role TLS_SERVER; used only during the call
 * \param[in]  handler  called in all I/O threads with data
 * \param[out] srv      untouched on error
 * \param[out] err      on error a sentence for the operator, talloc child of ctx
 * \returns 0; -EINVAL; -EADDRINUSE and other errnos of bind() */
int http_server_start(const void *ctx, struct io *io, const struct http_server_conf *conf, const struct tls *tls,
		      http_handler handler, void *data, struct http_server **srv, const char **err) MUST_CHECK;

/*! Port of listen[i], also when the configuration said 0. */
uint16_t http_server_port(const struct http_server *srv, size_t i);

/*! Use other certificates for connections from now on; tls is used only during the call. */
void http_server_set_tls(struct http_server *srv, const struct tls *tls);

/*! Stop accepting; what is parked may still be answered.  The rest ends with io_stop(). */
void http_server_drain(struct http_server *srv);

/*! I/O thread, inside the handler: answer at once. */
void http_req_reply_steal(struct http_req *req, struct http_answer *ans);

/*! I/O thread, inside the handler: set job->xid and hand the job to the core.  When the core's queue is full the job is
 * freed and the client gets 503 with Retry-After. */
void http_req_park_steal(struct http_req *req, struct io_job *job);

/*! Core: answer a parked request. */
void http_server_answer_steal(struct http_server *srv, uint64_t xid, struct http_answer *ans);

/*! Totals since start; read without a lock, each value consistent in itself. */
struct http_server_stats {
	uint64_t accepted;  /* connections */
	uint64_t open;	    /* connections now */
	uint64_t requests;  /* complete requests */
	uint64_t overload;  /* answered 503 because the core's queue was full or the answer came late */
	uint64_t dead;	    /* clients that had gone before the answer */
	uint64_t plain;	    /* requests without TLS that were refused */
	uint64_t timed_out; /* connections cut because a request came too slowly or not at all */
	uint64_t crowded;   /* connections cut for a newcomer, because a limit was reached */
	uint64_t refused;   /* requests refused before they were complete: too large, or no HTTP */
};
/*! Any thread. */
struct http_server_stats http_server_get_stats(const struct http_server *srv);
