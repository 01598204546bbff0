/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* HTTP messages of remote administration: the table of headers and the builder.
 *
 * Cards keep the whole message in a small buffer, so nothing is sent that is not needed: no Date, no Server, no
 * Connection.  The message is one piece of memory because it has to leave in one TLS record. */
#include "scp81/http_msg.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <http_parser.h>
#include <osmocom/core/utils.h>

#include "scp81/http_int.h"

#define VERSION_11 "HTTP/1.1"
#define CRLF "\r\n"
#define NUMBER_MAX 24
#define NO_CONTENT 204

const struct http_header http_headers[HTTP_N_HEADERS] = {
	{"Host", offsetof(struct http_msg, host)},
	{"X-Admin-Protocol", offsetof(struct http_msg, protocol)},
	{"X-Admin-From", offsetof(struct http_msg, from)},
	{"X-Admin-Next-URI", offsetof(struct http_msg, next_uri)},
	{"X-Admin-Targeted-Application", offsetof(struct http_msg, target_app)},
	{"Content-Type", offsetof(struct http_msg, content_type)},
	{"X-Admin-Script-Status", offsetof(struct http_msg, script_status)},
	{"X-Admin-Resume", offsetof(struct http_msg, resume)},
};

const char **http_header_slot(struct http_msg *m, const struct http_header *h)
{
	return (const char **)((char *)m + h->offset);
}

bool http_msg_resumes(const struct http_msg *m)
{
	return m->resume && strcasecmp(m->resume, "true") == 0;
}

static bool is_value(const char *text)
{
	for (; *text; text++) {
		if ((uint8_t)*text < 0x20 || *text == 0x7f)
			return false;
	}
	return true;
}

static bool is_token(const char *text)
{
	return *text && is_value(text) && !strchr(text, ' ');
}

static void put_text(struct wr *w, const char *text, int len)
{
	OSMO_ASSERT(len > 0 && len < NUMBER_MAX);
	wr_str(w, text);
}

static void put_dec(struct wr *w, size_t n)
{
	char text[NUMBER_MAX];

	put_text(w, text, snprintf(text, sizeof(text), "%zu", n));
}

static void put_hex(struct wr *w, size_t n)
{
	char text[NUMBER_MAX];

	put_text(w, text, snprintf(text, sizeof(text), "%zX", n));
}

static int put_headers(const struct http_msg *m, struct wr *w)
{
	for (size_t i = 0; i < HTTP_N_HEADERS; i++) {
		const char *value = *http_header_slot((struct http_msg *)m, &http_headers[i]);

		if (!value)
			continue;
		if (!is_value(value))
			return -EINVAL;
		wr_str(w, http_headers[i].name);
		wr_str(w, ": ");
		wr_str(w, value);
		wr_str(w, CRLF);
	}
	return 0;
}

static void put_body(struct bytes body, enum http_framing framing, struct wr *w)
{
	switch (framing) {
	case HTTP_FRAME_CHUNKED:
		wr_str(w, "Transfer-Encoding: chunked" CRLF CRLF);
		put_hex(w, body.len);
		wr_str(w, CRLF);
		wr_bytes(w, body);
		wr_str(w, CRLF "0" CRLF CRLF);
		break;
	case HTTP_FRAME_LENGTH:
		wr_str(w, "Content-Length: ");
		put_dec(w, body.len);
		wr_str(w, CRLF CRLF);
		wr_bytes(w, body);
		break;
	}
}

static int put_rest(const struct http_msg *m, enum http_framing framing, bool say_empty, struct wr *w)
{
	int rc = put_headers(m, w);

	if (rc < 0)
		return rc;
	if (m->body.len)
		put_body(m->body, framing, w);
	else if (say_empty)
		put_body(m->body, HTTP_FRAME_LENGTH, w);
	else
		wr_str(w, CRLF);
	return w->failed ? -ENOSPC : 0;
}

int http_response_enc(const struct http_msg *m, enum http_framing framing, struct wr *w)
{
	bool empty = m->status == NO_CONTENT;

	if (m->status < 200 || m->status > 599 || (empty && m->body.len))
		return -EINVAL;
	wr_str(w, VERSION_11 " ");
	put_dec(w, m->status);
	wr_str(w, " ");
	wr_str(w, http_status_str((enum http_status)m->status));
	wr_str(w, CRLF);
	return put_rest(m, framing, !empty, w);
}

int http_request_enc(const struct http_msg *m, enum http_framing framing, struct wr *w)
{
	const char *method = m->method ? m->method : "POST";

	if (!m->target || !is_token(m->target) || !is_token(method))
		return -EINVAL;
	wr_str(w, method);
	wr_str(w, " ");
	wr_str(w, m->target);
	wr_str(w, " " VERSION_11 CRLF);
	return put_rest(m, framing, false, w);
}
