/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Incremental parser of administration messages.
 *
 * http_parser knows HTTP but not our limits, and takes things that a gateway and we could read in two ways.  So a gate
 * stands in front of it: it cuts the stream into lines and data, refuses folded headers, control characters, bare LF
 * and what is too long, and passes each line as a whole with CR LF.  By that, how the octets were cut on their way
 * makes no difference, and each callback of http_parser gets a name or a value in one piece. */
#include "scp81/http_msg.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include <http_parser.h>
#include <osmocom/core/utils.h>
#include <talloc.h>

#include "scp81/http_int.h"

#define HEAD_MAX 4096
#define BODY_MAX 65536
#define CHUNK_LINE_MAX 64 /* size, and an extension that we do not read */
#define CHUNK_DIGITS_MAX 8

enum gate {
	GATE_START,	 /* before the first line */
	GATE_HEAD,	 /* lines of the head */
	GATE_BODY,	 /* octets, .left of them */
	GATE_CHUNK_SIZE, /* line */
	GATE_CHUNK,	 /* octets, .left of them */
	GATE_CHUNK_END,	 /* line, empty */
	GATE_TRAILER,	 /* lines up to an empty one */
	GATE_FAILED,
};

struct http_rx {
	enum http_side side;
	struct http_rx_conf conf;
	struct http_parser parser;
	enum gate gate;
	uint64_t left;

	char *line; /* of the head, with room for CR LF; only while a message is under way */
	size_t line_len;
	size_t head_len;

	struct http_msg *msg; /* under way */
	struct wr body;
	const struct http_header *header; /* whose value comes next; NULL = one that we do not read */
	bool header_te;
	bool has_line, has_te, has_length;
	bool complete;

	int rc;
	unsigned int refusal;
	const char *why;
};

struct http_rx *http_rx_alloc(const void *ctx, enum http_side side, const struct http_rx_conf *conf)
{
	struct http_rx *rx = talloc_zero(ctx, struct http_rx);

	rx->side = side;
	rx->conf = *conf;
	if (!rx->conf.head_max)
		rx->conf.head_max = HEAD_MAX;
	if (!rx->conf.body_max)
		rx->conf.body_max = BODY_MAX;
	return rx;
}

/* The first reason counts.  Returns what stops http_parser in a callback. */
static int refuse(struct http_rx *rx, int rc, unsigned int status, const char *why)
{
	if (rx->gate == GATE_FAILED)
		return -1;
	rx->gate = GATE_FAILED;
	rx->rc = rc;
	rx->refusal = status;
	rx->why = why;
	TALLOC_FREE(rx->msg);
	TALLOC_FREE(rx->line);
	return -1;
}

/* ---- callbacks of http_parser ---- */

static int on_url(http_parser *p, const char *at, size_t len)
{
	struct http_rx *rx = p->data;

	rx->msg->target = talloc_strndup(rx->msg, at, len);
	return 0;
}

static bool name_is(const char *at, size_t len, const char *name)
{
	return strlen(name) == len && strncasecmp(at, name, len) == 0;
}

static int on_header_field(http_parser *p, const char *at, size_t len)
{
	struct http_rx *rx = p->data;

	rx->header = NULL;
	rx->header_te = false;
	if (rx->gate != GATE_HEAD)
		return 0;
	for (size_t i = 0; i < HTTP_N_HEADERS; i++) {
		if (name_is(at, len, http_headers[i].name))
			rx->header = &http_headers[i];
	}
	if (name_is(at, len, "Content-Length"))
		rx->has_length = true;
	rx->header_te = name_is(at, len, "Transfer-Encoding");
	if (rx->has_length && (rx->has_te || rx->header_te))
		return refuse(rx, -EINVAL, 400, "both Content-Length and Transfer-Encoding");
	return 0;
}

static int on_header_value(http_parser *p, const char *at, size_t len)
{
	struct http_rx *rx = p->data;
	const char **slot;

	if (rx->header_te) {
		if (rx->has_te || !name_is(at, len, "chunked"))
			return refuse(rx, -ENOTSUP, 501, "transfer coding other than chunked");
		rx->has_te = true;
	}
	if (!rx->header)
		return 0;
	slot = http_header_slot(rx->msg, rx->header);
	if (*slot)
		return refuse(rx, -EINVAL, 400, "header twice");
	*slot = talloc_strndup(rx->msg, at, len);
	rx->header = NULL;
	return 0;
}

/* Path and query out of the origin or the absolute form. */
static int read_target(struct http_rx *rx)
{
	struct http_msg *m = rx->msg;
	const char *t = m->target;
	struct http_parser_url u;

	http_parser_url_init(&u);
	if (!t || http_parser_parse_url(t, strlen(t), 0, &u) != 0 || u.field_set & (1 << UF_FRAGMENT))
		return refuse(rx, -EINVAL, 400, "malformed request target");
	if (u.field_set & (1 << UF_PATH))
		m->path = talloc_strndup(m, t + u.field_data[UF_PATH].off, u.field_data[UF_PATH].len);
	else
		m->path = talloc_strdup(m, "/");
	if (*m->path != '/')
		return refuse(rx, -EINVAL, 400, "malformed request target");
	if (u.field_set & (1 << UF_QUERY))
		m->query = talloc_strndup(m, t + u.field_data[UF_QUERY].off, u.field_data[UF_QUERY].len);
	return 0;
}

static bool has_no_body(unsigned int status)
{
	return status / 100 == 1 || status == 204 || status == 304;
}

static int on_headers_complete(http_parser *p)
{
	struct http_rx *rx = p->data;

	if (p->http_major != 1 || p->http_minor != 1)
		return refuse(rx, -ENOTSUP, 505, "not HTTP/1.1");
	if (p->upgrade)
		return refuse(rx, -ENOTSUP, 501, "upgrade");
	if (rx->side == HTTP_SIDE_REQUESTS) {
		rx->msg->method = talloc_strdup(rx->msg, http_method_str((enum http_method)p->method));
		if (read_target(rx) < 0)
			return -1;
	} else {
		rx->msg->status = p->status_code;
		if (!rx->has_te && !rx->has_length && !has_no_body(p->status_code))
			return refuse(rx, -EINVAL, 400, "response without a length");
	}
	if (rx->has_length && p->content_length > rx->conf.body_max)
		return refuse(rx, -ENOSPC, 413, "body too long");
	if (rx->has_te) {
		rx->gate = GATE_CHUNK_SIZE;
	} else {
		rx->gate = GATE_BODY;
		rx->left = rx->has_length ? p->content_length : 0;
	}
	return 0;
}

static int on_chunk_header(http_parser *p)
{
	struct http_rx *rx = p->data;

	if (p->content_length > rx->conf.body_max - rx->body.len)
		return refuse(rx, -ENOSPC, 413, "body too long");
	rx->left = p->content_length;
	rx->gate = rx->left ? GATE_CHUNK : GATE_TRAILER;
	return 0;
}

static int on_body(http_parser *p, const char *at, size_t len)
{
	struct http_rx *rx = p->data;

	wr_bytes(&rx->body, bytes_of(at, len));
	return 0;
}

static int on_message_complete(http_parser *p)
{
	struct http_rx *rx = p->data;

	rx->complete = true;
	return 0;
}

static const struct http_parser_settings callbacks = {
	.on_url = on_url,
	.on_header_field = on_header_field,
	.on_header_value = on_header_value,
	.on_headers_complete = on_headers_complete,
	.on_chunk_header = on_chunk_header,
	.on_body = on_body,
	.on_message_complete = on_message_complete,
};

static int parse(struct http_rx *rx, struct bytes b)
{
	size_t n = http_parser_execute(&rx->parser, &callbacks, (const char *)b.data, b.len);

	if (HTTP_PARSER_ERRNO(&rx->parser) != HPE_OK || n != b.len)
		return refuse(rx, -EINVAL, 400, http_errno_description(HTTP_PARSER_ERRNO(&rx->parser)));
	return rx->gate == GATE_FAILED ? -1 : 0;
}

/* ---- gate ---- */

static void message_start(struct http_rx *rx)
{
	http_parser_init(&rx->parser, rx->side == HTTP_SIDE_REQUESTS ? HTTP_REQUEST : HTTP_RESPONSE);
	rx->parser.data = rx;
	rx->msg = talloc_zero(rx, struct http_msg);
	rx->line = talloc_array(rx, char, OSMO_MAX(rx->conf.head_max, CHUNK_LINE_MAX) + 2);
	wr_init(&rx->body, rx->msg);
	rx->header = NULL;
	rx->header_te = rx->has_line = rx->has_te = rx->has_length = rx->complete = false;
	rx->gate = GATE_HEAD;
}

static struct http_msg *message_end(struct http_rx *rx)
{
	struct http_msg *msg = talloc_steal(NULL, rx->msg);

	OSMO_ASSERT(wr_end(&rx->body, &msg->body) == 0);
	rx->msg = NULL;
	TALLOC_FREE(rx->line);
	rx->line_len = rx->head_len = 0;
	rx->gate = GATE_START;
	return msg;
}

static bool is_head(enum gate gate)
{
	return gate == GATE_HEAD || gate == GATE_TRAILER;
}

/* Without control characters; tabs become blanks, so that a value is one that may be written. */
static bool make_clean(char *line, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (line[i] == '\t')
			line[i] = ' ';
		if ((uint8_t)line[i] < 0x20 || line[i] == 0x7f)
			return false;
	}
	return true;
}

static bool is_chunk_size(const char *line, size_t len)
{
	size_t digits = 0;

	while (digits < len && isxdigit((unsigned char)line[digits]))
		digits++;
	return digits > 0 && digits <= CHUNK_DIGITS_MAX &&
	       (digits == len || line[digits] == ';' || line[digits] == ' ');
}

/* http_parser as packaged takes blanks in a name, and "Content-Length :" would then be nobody's length. */
static bool has_name(const char *line, size_t len)
{
	size_t n = 0;

	while (n < len && (isalnum((unsigned char)line[n]) || strchr("!#$%&'*+-.^_`|~", line[n])))
		n++;
	return n > 0 && n < len && line[n] == ':';
}

/* A line without its end.  What http_parser would not refuse by itself. */
static int check_line(struct http_rx *rx, char *line, size_t len)
{
	if (!make_clean(line, len))
		return refuse(rx, -EINVAL, 400, "control character");
	if (len && *line == ' ')
		return refuse(rx, -EINVAL, 400, "line begins with a blank");
	if (is_head(rx->gate) && rx->has_line && len && !has_name(line, len))
		return refuse(rx, -EINVAL, 400, "malformed header name");
	if (rx->gate == GATE_CHUNK_END && len)
		return refuse(rx, -EINVAL, 400, "chunk longer than its size");
	if (rx->gate == GATE_CHUNK_SIZE && !is_chunk_size(line, len))
		return refuse(rx, -EINVAL, 400, "malformed chunk size");
	return 0;
}

/* The line buffer holds a line up to LF. */
static int line_done(struct http_rx *rx)
{
	size_t len = rx->line_len - 1;

	rx->line_len = 0;
	if (len && rx->line[len - 1] == '\r')
		len--;
	else if (!rx->conf.bare_lf)
		return refuse(rx, -EINVAL, 400, "LF without CR");
	while (len && (rx->line[len - 1] == ' ' || rx->line[len - 1] == '\t'))
		len--; /* some cards put a blank there */
	if (check_line(rx, rx->line, len) < 0)
		return -1;
	if (rx->gate == GATE_HEAD && !rx->has_line && !len)
		return 0; /* empty lines before a message */
	if (rx->gate == GATE_CHUNK_END)
		rx->gate = GATE_CHUNK_SIZE;
	rx->has_line = true;
	memcpy(rx->line + len, "\r\n", 2);
	return parse(rx, bytes_of(rx->line, len + 2));
}

static int feed_line(struct http_rx *rx, struct rd *r)
{
	while (rd_left(r)) {
		uint8_t c = rd_u8(r);

		if (is_head(rx->gate) && rx->head_len++ >= rx->conf.head_max)
			return refuse(rx, -ENOSPC, 431, "head too long");
		if (!is_head(rx->gate) && rx->line_len >= CHUNK_LINE_MAX)
			return refuse(rx, -EINVAL, 400, "chunk size too long");
		rx->line[rx->line_len++] = (char)c;
		if (c == '\n')
			return line_done(rx);
	}
	return 0;
}

static int feed_data(struct http_rx *rx, struct rd *r)
{
	struct bytes b = rd_bytes(r, OSMO_MIN(rx->left, rd_left(r)));

	rx->left -= b.len;
	if (rx->left == 0 && rx->gate == GATE_CHUNK)
		rx->gate = GATE_CHUNK_END;
	return parse(rx, b);
}

int http_rx_feed(struct http_rx *rx, struct bytes *in, struct http_msg **msg)
{
	struct rd r;

	rd_init(&r, *in);
	while (rd_left(&r) && rx->gate != GATE_FAILED) {
		if (rx->gate == GATE_START)
			message_start(rx);
		if (rx->gate == GATE_BODY || rx->gate == GATE_CHUNK)
			(void)feed_data(rx, &r);
		else
			(void)feed_line(rx, &r);
		if (rx->gate != GATE_FAILED && rx->complete) {
			*in = rd_rest(&r);
			*msg = message_end(rx);
			return 1;
		}
	}
	*in = bytes_of(NULL, 0);
	return rx->gate == GATE_FAILED ? rx->rc : 0;
}

unsigned int http_rx_refusal(const struct http_rx *rx)
{
	return rx->refusal ? rx->refusal : 400;
}

const char *http_rx_why(const struct http_rx *rx)
{
	return rx->why ? rx->why : "no error";
}
