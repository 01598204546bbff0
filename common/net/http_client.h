/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include <stdint.h>

#include "common/codec/bytes.h"
#include "common/net/io.h"
#include "common/net/tls.h"

/* HTTPS POST to a peer (callbacks, notifications), in the I/O threads.  One call gives exactly one result, which
 * reaches the core as a job of kind IO_RESULT; only io_stop() ends calls without a result.  Connections are kept and
 * used again; redirects are not followed.  A request that meets a kept connection which the server has just closed is
 * sent once more on a new one, so delivery is at least once. */

struct http_client;

/*! Limits; a member that is 0 gets the default in brackets. */
struct http_client_conf {
	unsigned int max_conns_host;  /* connections to one host and port; further calls wait [4] */
	unsigned int max_waiting;     /* calls that are not finished, all hosts [10000] */
	unsigned int idle_timeout_ms; /* a kept connection is closed after [30000] */
	size_t max_body;	      /* octets of an answer that are accepted [1 MiB] */
};

/*! A call: one talloc tree without parent. */
struct http_call {
	struct io_call call; /* must stay first */
	struct http_client *client;
	const char *url;	  /* https://host[:port]/path[?query]; memory of the call */
	const char *content_type; /* memory of the call, or a literal */
	struct bytes body;	  /* memory of the call, or static */
	unsigned int timeout_ms;  /* name look-up, connecting, TLS and answer together; 0 = 60000 */
	uint64_t ref;		  /* comes back in the result */
};

/*! \returns empty call, allocated below NULL */
struct http_call *http_call_alloc(void);

enum http_outcome {
	HTTP_ANSWERED, /* status tells */
	HTTP_E_DNS,
	HTTP_E_CONNECT,
	HTTP_E_TLS, /* handshake: certificate, host name, versions */
	HTTP_E_TIMEOUT,
	HTTP_E_PROTOCOL, /* closed early, not HTTP, answer too large */
};
/*! Words for logs: "answered", "dns", "connect", "tls", "timeout", "protocol". */
const char *http_outcome_name(enum http_outcome outcome);

struct http_result {
	struct io_job job; /* kind IO_RESULT */
	uint64_t ref;
	enum http_outcome outcome;
	unsigned int status;	    /* HTTP status, 0 unless HTTP_ANSWERED */
	unsigned int retry_after_s; /* of the header Retry-After in seconds; 0 = absent or a date */
	const char *content_type;   /* "" = none */
	struct bytes body;
	const char *detail; /* for the log, never NULL: why it failed */
};

/*! Check a URL as http_client_post_steal() does.  \returns 0; -EINVAL */
int http_url_check(const char *url) MUST_CHECK;
/*! True if a URL begins with a prefix, up to a border: "https://a/x" allows "https://a/x/y" and "https://a/x?z", not
 * "https://a/xy", nor a path that climbs.  \param[in] prefix  NULL or empty: nothing is below it */
bool http_url_is_below(const char *prefix, const char *url);

/*! \param[in]  ctx  talloc parent; the client must live until io_stop()
 * \param[in]  tls  role TLS_CLIENT; used only during the call
 * \param[out] cl   untouched on error
 * \returns 0; -EINVAL */
int http_client_start(const void *ctx, struct io *io, const struct http_client_conf *conf, const struct tls *tls,
		      struct http_client **cl) MUST_CHECK;

/*! Use other certificates for new connections; kept ones are closed when idle.  tls is used only during the call. */
void http_client_set_tls(struct http_client *cl, const struct tls *tls);

/*! Core: start a call.  On error no result will come and the call is still the caller's.
 * \returns 0; -EINVAL bad URL; -EAGAIN too many calls are waiting */
int http_client_post_steal(struct http_client *cl, struct http_call *call) MUST_CHECK;

/*! Core: calls without a result yet. */
unsigned int http_client_pending(const struct http_client *cl);
