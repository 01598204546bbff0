/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Administration session, server side: what a request means, given what was sent before.
 *
 * A card that lost a connection comes back to the last Next-URI it knows, with X-Admin-Resume and perhaps with its
 * result once more.  The number in the URI tells which answer it misses:
 *
 *   n = seq, result not here    its script is out: with a status it is the result; else the card had the script, or it
 *                               would not know this URI, and what it did with it is lost
 *   n = seq, result here        the next script or the end was never made: make it now
 *   n = seq - 1                 our script seq was lost: send it again, whatever the request carries
 *   n = 0 (the first URI)       as n = seq - 1 for seq = 1; or it is a later session of the card, whose first POST was
 *                               lost: the caller has to judge.  One with a notification always is a new session
 *   session ended               our 204 was lost: send it again
 *
 * On one connection nothing gets lost: there a card that asks once more for a script that it was given is refused,
 * since it would execute it twice.
 *
 * Anything else under a token is no request of this session and is refused.  A first POST without Resume is a new
 * session, and the script of the old one stays without an answer.
 *
 * What the sources leave open, here in one place:
 * - A result without X-Admin-Script-Status but with a response script counts as "ok" (STATUS_IMPLIED).
 * - X-Admin-From may be absent on all but the first POST. */
#include "scp81/dialog.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#define STATUS_IMPLIED ADMIN_STATUS_OK
#define PROTOCOL_NAME "globalplatform-remote-admin/1."
#define MAX_REQUESTS 1000
#define SEQ_DIGITS_MAX 9

static void refuse(struct dialog_out *out, unsigned int status, const char *why)
{
	*out = (struct dialog_out){.act = DIALOG_ACT_REFUSE, .http_status = status, .why = why};
}

/* ---- URIs ---- */

static bool is_token(const char *t)
{
	size_t n = 0;

	while (isalnum((unsigned char)t[n]))
		n++;
	return t[n] == '\0' && n > 0 && n <= DIALOG_TOKEN_MAX;
}

/* Value of a parameter of the query.  NULL = absent; else talloc child of ctx. */
static const char *parameter(const void *ctx, const char *query, const char *name)
{
	size_t n = strlen(name);

	while (query && *query) {
		size_t len = strcspn(query, "&");

		if (len > n && strncmp(query, name, n) == 0 && query[n] == '=')
			return talloc_strndup(ctx, query + n + 1, len - n - 1);
		query += len + (query[len] == '&');
	}
	return NULL;
}

static bool read_seq(const char *text, uint32_t *seq)
{
	size_t n = strspn(text, "0123456789");

	if (n == 0 || n > SEQ_DIGITS_MAX || text[n] != '\0' || *text == '0')
		return false;
	*seq = (uint32_t)strtoul(text, NULL, 10);
	return true;
}

/* Where a request goes. */
struct place {
	bool ours;  /* the path of the service */
	bool first; /* no token: URI of the first POST */
	const char *token;
	uint32_t seq;
};

static void place_in_path(const void *ctx, const char *rest, struct place *p)
{
	const char *slash = strchr(rest, '/');

	if (!slash)
		return;
	p->token = talloc_strndup(ctx, rest, (size_t)(slash - rest));
	p->ours = is_token(p->token) && read_seq(slash + 1, &p->seq);
}

static struct place place_of(const void *ctx, const struct dialog_conf *conf, const struct http_msg *m)
{
	struct place p = {0};
	size_t len = strlen(conf->path);
	const char *seq;

	if (!m->path || strncmp(m->path, conf->path, len) != 0)
		return p;
	if (m->path[len] == '/') {
		place_in_path(ctx, m->path + len + 1, &p);
		return p;
	}
	if (m->path[len] != '\0')
		return p;
	seq = parameter(ctx, m->query, "s");
	p.ours = !seq || read_seq(seq, &p.seq);
	p.first = !seq;
	p.token = seq ? parameter(ctx, m->query, "tid") : NULL;
	return p;
}

static char *next_uri(const void *ctx, const struct dialog_conf *conf, const struct dialog *d, const char *host)
{
	switch (conf->uri) {
	case DIALOG_URI_QUERY:
		return talloc_asprintf(ctx, "%s?tid=%s&s=%u", conf->path, d->token, d->seq);
	case DIALOG_URI_PATH:
		return talloc_asprintf(ctx, "%s/%s/%u", conf->path, d->token, d->seq);
	case DIALOG_URI_ABSOLUTE:
		return host ? talloc_asprintf(ctx, "https://%s%s?tid=%s&s=%u", host, conf->path, d->token, d->seq)
			    : NULL;
	}
	return NULL;
}

/* ---- requests ---- */

/* What holds for every request.  false: refused. */
static bool check_request(const struct dialog_conf *conf, const struct dialog_req *req, struct dialog_out *out)
{
	const struct http_msg *m = req->msg;
	uint8_t eid[ADMIN_EID_LEN];

	if (req->nth > (conf->max_requests ? conf->max_requests : MAX_REQUESTS))
		refuse(out, 503, "too many requests on one connection");
	else if (!m->method || strcmp(m->method, "POST") != 0)
		refuse(out, 405, "not a POST");
	else if (!m->protocol || strncasecmp(m->protocol, PROTOCOL_NAME, strlen(PROTOCOL_NAME)) != 0)
		refuse(out, 400, "X-Admin-Protocol is missing or not ours");
	else if (m->from && admin_from_dec(m->from, eid) < 0)
		refuse(out, 400, "malformed X-Admin-From");
	else if (m->from && memcmp(eid, req->eid, sizeof(eid)) != 0)
		refuse(out, 403, "X-Admin-From names another eUICC than the PSK identity");
	else if (m->body.len && !admin_type_is(m->content_type, ADMIN_TYPE_RSP))
		refuse(out, 415, "body of another type than a response script");
	else
		return true;
	return false;
}

/* A session in place of any other. */
static void start(struct dialog *d, const char *token, struct dialog_out *out)
{
	OSMO_ASSERT(is_token(token));
	*out = (struct dialog_out){.act = DIALOG_ACT_NEXT, .fresh = true};
	if (d->state == DIALOG_SCRIPT)
		out->lost_seq = d->seq;
	*d = (struct dialog){.state = DIALOG_WAITING};
	OSMO_STRLCPY_ARRAY(d->token, token);
}

static void again(const struct dialog *d, struct dialog_out *out)
{
	*out = (struct dialog_out){.act = DIALOG_ACT_AGAIN, .seq = d->seq};
}

static void rx_notification(const void *ctx, struct dialog *d, const struct dialog_req *req, const char *hex,
			    struct dialog_out *out)
{
	struct bytes body;

	if (hex_dec(ctx, hex, &body) < 0 || body.len == 0) {
		refuse(out, 400, "malformed notification in the query");
		return;
	}
	start(d, req->new_token, out);
	out->act = DIALOG_ACT_NOTIFY;
	out->body = body;
}

static void rx_first(const void *ctx, struct dialog *d, const struct dialog_req *req, struct dialog_out *out)
{
	const char *hex = parameter(ctx, req->msg->query, "msg");

	if (!req->msg->from)
		refuse(out, 400, "X-Admin-From is missing");
	else if (req->msg->script_status || req->msg->body.len)
		refuse(out, 400, "result of a script that was not sent");
	else if (hex)
		rx_notification(ctx, d, req, hex, out);
	else if (http_msg_resumes(req->msg) && d->state == DIALOG_SCRIPT && d->seq == 1 && !req->same_conn)
		*out = (struct dialog_out){.act = DIALOG_ACT_AGAIN, .seq = d->seq, .from_start = true};
	else
		start(d, req->new_token, out);
}

static void rx_result(struct dialog *d, const struct dialog_req *req, struct dialog_out *out)
{
	enum admin_status status = admin_status_of(req->msg->script_status);

	if (status == ADMIN_STATUS_NONE && req->msg->body.len)
		status = STATUS_IMPLIED;
	if (status == ADMIN_STATUS_NONE && http_msg_resumes(req->msg)) {
		*out = (struct dialog_out){.act = DIALOG_ACT_NEXT, .lost_seq = d->seq};
		d->state = DIALOG_WAITING;
		return;
	}
	if (status == ADMIN_STATUS_NONE) {
		refuse(out, 400, "X-Admin-Script-Status is missing");
		return;
	}
	*out = (struct dialog_out){.act = DIALOG_ACT_RESULT, .seq = d->seq, .status = status, .body = req->msg->body};
	d->state = DIALOG_WAITING;
}

static void rx_next(struct dialog *d, const struct place *p, const struct dialog_req *req, struct dialog_out *out)
{
	if (d->state == DIALOG_IDLE || !p->token || strcmp(p->token, d->token) != 0)
		refuse(out, 403, "URI of no session of this eUICC");
	else if (d->state == DIALOG_SCRIPT && p->seq == d->seq)
		rx_result(d, req, out);
	else if (d->state == DIALOG_SCRIPT && p->seq + 1 == d->seq && !req->same_conn)
		again(d, out);
	else if (d->state == DIALOG_WAITING && p->seq == d->seq)
		*out = (struct dialog_out){.act = DIALOG_ACT_NEXT};
	else if (d->state == DIALOG_ENDED && p->seq == d->seq)
		*out = (struct dialog_out){.act = DIALOG_ACT_END};
	else
		refuse(out, 403, "URI of another step of the session");
}

void dialog_rx(const void *ctx, const struct dialog_conf *conf, struct dialog *d, const struct dialog_req *req,
	       struct dialog_out *out)
{
	void *tmp = talloc_new(NULL);
	struct place p = place_of(tmp, conf, req->msg);

	if (!check_request(conf, req, out))
		;
	else if (!p.ours)
		refuse(out, 404, "unknown path");
	else if (p.first)
		rx_first(ctx, d, req, out);
	else
		rx_next(d, &p, req, out);
	talloc_free(tmp);
}

/* ---- answers ---- */

int dialog_script_again_enc(const struct dialog_conf *conf, const struct dialog *d, const char *req_host,
			    struct bytes target, struct bytes script, struct wr *w)
{
	struct http_msg m = {.status = 200, .protocol = ADMIN_PROTOCOL, .body = script};
	void *tmp;
	int rc = -EINVAL;

	if (d->state != DIALOG_SCRIPT)
		return -EPROTO;
	tmp = talloc_new(NULL);
	m.content_type = conf->content_type ? conf->content_type : ADMIN_TYPE_CMD;
	m.next_uri = next_uri(tmp, conf, d, req_host);
	m.target_app = target.len ? admin_target_enc(tmp, target) : NULL;
	if (m.next_uri && (m.target_app || !target.len) && script.len)
		rc = http_response_enc(&m, conf->framing, w);
	talloc_free(tmp);
	return rc;
}

int dialog_script_enc(const struct dialog_conf *conf, struct dialog *d, const char *req_host, struct bytes target,
		      struct bytes script, struct wr *w)
{
	if (d->state != DIALOG_WAITING)
		return -EPROTO;
	d->state = DIALOG_SCRIPT;
	d->seq++;
	return dialog_script_again_enc(conf, d, req_host, target, script, w);
}

int dialog_end_enc(struct dialog *d, struct wr *w)
{
	const struct http_msg m = {.status = 204, .protocol = ADMIN_PROTOCOL};

	if (d->state != DIALOG_WAITING && d->state != DIALOG_ENDED)
		return -EPROTO;
	d->state = DIALOG_ENDED;
	return http_response_enc(&m, HTTP_FRAME_LENGTH, w);
}

int dialog_refuse_enc(unsigned int http_status, struct wr *w)
{
	const struct http_msg m = {.status = http_status, .protocol = ADMIN_PROTOCOL};

	return http_response_enc(&m, HTTP_FRAME_LENGTH, w);
}
