/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/codec/bytes.h"
#include "scp81/admin.h"

/* HTTP/1.1 messages of remote administration: an incremental parser with hard limits and a builder, for both sides.
 * Bodies are octets: nothing here stops at a NUL. */

/*! One message.  Strings are NULL when the header is absent; those of a parsed message hold no control characters. */
struct http_msg {
	unsigned int status; /* of a response; 0 = this is a request */
	const char *method;  /* of a request */
	const char *target;  /* of a request, as sent: origin or absolute form */
	const char *path;    /* of a request, parsed only: without query */
	const char *query;   /* of a request, parsed only: without '?'; NULL = none */

	const char *host;
	const char *protocol;	   /* X-Admin-Protocol */
	const char *from;	   /* X-Admin-From */
	const char *next_uri;	   /* X-Admin-Next-URI */
	const char *target_app;	   /* X-Admin-Targeted-Application */
	const char *script_status; /* X-Admin-Script-Status; admin_status_of() */
	const char *resume;	   /* X-Admin-Resume; http_msg_resumes() */
	const char *content_type;
	struct bytes body;
};

/*! Whether X-Admin-Resume says true. */
bool http_msg_resumes(const struct http_msg *m);

/* ---- parser ---- */

enum http_side {
	HTTP_SIDE_REQUESTS,  /* we are the server */
	HTTP_SIDE_RESPONSES, /* we are the card */
};

/*! Limits; a member that is 0 gets the default in brackets. */
struct http_rx_conf {
	size_t head_max; /* octets of first line and headers [4096] */
	size_t body_max; /* octets of a body, decoded [65536] */
	bool bare_lf;	 /* take LF where CR LF belongs */
};

struct http_rx;

/*! \returns parser of one connection, talloc child of ctx.  It is small while it waits for a message. */
struct http_rx *http_rx_alloc(const void *ctx, enum http_side side, const struct http_rx_conf *conf);

/*! Feed what came.  Stops behind the last octet of a message; feed the rest again for the next one.
 * After an error the stream has no next message: answer http_rx_refusal() and close.
 * \param[in,out] in  what is not read yet; empty on return unless a message is complete
 * \param[out] msg    the message: a talloc tree without parent that the caller owns; only when 1 is returned
 * \returns 1 message; 0 more is needed; -EINVAL malformed; -ENOSPC head or body above its limit; -ENOTSUP a version or
 *          transfer coding that is not ours */
int http_rx_feed(struct http_rx *rx, struct bytes *in, struct http_msg **msg) MUST_CHECK;

/*! Status to answer after an error: 400, 413, 431, 501 or 505. */
unsigned int http_rx_refusal(const struct http_rx *rx);
/*! Sentence for a log after an error; literal. */
const char *http_rx_why(const struct http_rx *rx);

/* ---- builder ---- */

/*! How a body is framed. */
enum http_framing {
	HTTP_FRAME_CHUNKED, /* one chunk: the form that live cards take */
	HTTP_FRAME_LENGTH,
};

/*! Write a response in one piece: status line, the headers that are set, body.  204 goes without body and framing;
 * others without a body say Content-Length: 0.  No header that is not in the message. \returns 0; -EINVAL for a value
 * that would break the head; -ENOSPC */
int http_response_enc(const struct http_msg *m, enum http_framing framing, struct wr *w) MUST_CHECK;

/*! Write a request (card side): m->method (NULL = POST), m->target.  Without a body there is no framing.
 * \returns as above */
int http_request_enc(const struct http_msg *m, enum http_framing framing, struct wr *w) MUST_CHECK;
