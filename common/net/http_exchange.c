/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* HTTPS server, part two: one request and its answer.
 *
 * evhttp leaves a request with us until evhttp_send_reply(), with reading switched off, so it does not notice that the
 * client goes away meanwhile.  While a request is parked an event of our own watches the socket; reading must not be
 * switched on for that, since evhttp ends the process when data comes in that state. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/http.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <osmocom/core/talloc.h>
#include <osmocom/core/utils.h>

#include "common/app/log.h"
#include "common/net/http_media.h"
#include "common/net/http_priv.h"
#include "common/net/tls_priv.h"

#define RETRY_AFTER_S 5

struct header {
	struct llist_head entry;
	const char *name;
	const char *value;
};

struct http_answer *http_answer_alloc(unsigned int status)
{
	struct http_answer *ans = talloc_zero(NULL, struct http_answer);

	ans->status = status;
	INIT_LLIST_HEAD(&ans->headers);
	return ans;
}

int http_answer_add_header(struct http_answer *ans, const char *name, const char *value)
{
	struct header *h;

	if (strpbrk(name, "\r\n: ") || strpbrk(value, "\r\n"))
		return -EINVAL;
	h = talloc_zero(ans, struct header);
	h->name = talloc_strdup(h, name);
	h->value = talloc_strdup(h, value);
	llist_add_tail(&h->entry, &ans->headers);
	return 0;
}

struct http_answer *http_answer_busy(unsigned int retry_after_s)
{
	struct http_answer *ans = http_answer_alloc(503);
	char *value = talloc_asprintf(ans, "%u", retry_after_s);

	OSMO_ASSERT(http_answer_add_header(ans, "Retry-After", value) == 0);
	return ans;
}

void http_exchange_forget(struct http_conn *conn)
{
	conn->req = NULL;
	if (!conn->parked)
		return;
	conn->parked = false;
	hash_del(&conn->node);
	if (conn->watch)
		event_free(conn->watch);
	conn->watch = NULL;
}

/* Also called for a connection that just ends between two requests. */
static void connection_closes(struct evhttp_connection *evcon, void *arg)
{
	struct http_conn *conn = arg;
	struct evhttp_request *req = conn->req;

	if (!req)
		return;
	conn->part->srv->count.dead++;
	http_exchange_forget(conn);
	/* evhttp cuts the tie to the connection when it drops one whose request is with us: then we are the owner */
	if (!evhttp_request_get_connection(req))
		evhttp_request_free(req);
}

/* evhttp closes the socket without a word of TLS, which careful clients report as truncation. */
static void answer_sent(struct evhttp_request *req, void *arg)
{
	struct http_conn *conn = arg;
	const char *connection = evhttp_find_header(evhttp_request_get_output_headers(req), "Connection");

	http_conn_enter(conn, CONN_IDLE);
	if (connection && !strcasecmp(connection, "close") && SSL_shutdown(bufferevent_openssl_get_ssl(conn->bev)) < 0)
		ERR_clear_error();
}

static void answer_release(const void *data, size_t len, void *ans)
{
	talloc_free(ans);
}

static void answer_encode(struct http_conn *conn, struct http_answer *ans)
{
	int rc = ans->encode ? ans->encode(ans) : 0;

	if (rc == 0)
		return;
	IO_LOG(conn->part->srv->io, DHTTP, LOGL_ERROR, "an answer could not be encoded (%d)\n", rc);
	ans->status = 500;
	ans->content_type = NULL;
	ans->body = bytes_of(NULL, 0);
}

/* Send and free an answer; ends the exchange. */
static void answer_send(struct http_conn *conn, struct http_answer *ans)
{
	struct evhttp_request *req = conn->req;
	struct evkeyvalq *out = evhttp_request_get_output_headers(req);
	struct evbuffer *buf = evbuffer_new();
	unsigned int status;
	struct header *h;

	OSMO_ASSERT(buf);
	http_exchange_forget(conn);
	answer_encode(conn, ans);
	status = ans->status;
	if (ans->content_type)
		evhttp_add_header(out, "Content-Type", ans->content_type);
	llist_for_each_entry (h, &ans->headers, entry)
		evhttp_add_header(out, h->name, h->value);
	if (conn->part->acceptor.stopped)
		evhttp_add_header(out, "Connection", "close");
	if (ans->body.len == 0 || evbuffer_add_reference(buf, ans->body.data, ans->body.len, answer_release, ans) < 0)
		talloc_free(ans);
	http_conn_enter(conn, CONN_WRITING);
	evhttp_request_set_on_complete_cb(req, answer_sent, conn);
	evhttp_send_reply(req, (int)status, NULL, buf);
	evbuffer_free(buf);
}

void http_exchange_late(struct http_conn *conn)
{
	IO_LOG(conn->part->srv->io, DHTTP, LOGL_ERROR, "no answer in %u ms, telling the client to come back\n",
	       conn->part->srv->conf.answer_timeout_ms);
	conn->part->srv->count.overload++;
	answer_send(conn, http_answer_busy(RETRY_AFTER_S));
}

/* Edge-triggered, so data that the client sends ahead, which must stay where it is, wakes us only once. */
static void watch_cb(evutil_socket_t fd, short what, void *arg)
{
	struct http_conn *conn = arg;
	struct pollfd p = {.fd = fd, .events = POLLRDHUP};

	if (poll(&p, 1, 0) <= 0 || !(p.revents & (POLLRDHUP | POLLHUP | POLLERR)))
		return;
	/* calls connection_closes() and frees the request with the connection */
	evhttp_connection_free(evhttp_request_get_connection(conn->req));
}

static void park(struct http_conn *conn)
{
	struct http_part *part = conn->part;

	conn->xid = io_xid_next(part->thread);
	conn->parked = true;
	hash_add(part->parked, &conn->node, conn->xid);
	conn->watch = event_new(io_thread_base(part->thread), bufferevent_getfd(conn->bev),
				EV_READ | EV_CLOSED | EV_ET | EV_PERSIST, watch_cb, conn);
	if (conn->watch)
		event_add(conn->watch, NULL);
}

void http_req_reply_steal(struct http_req *req, struct http_answer *ans)
{
	answer_send(req->conn, ans);
}

void http_req_park_steal(struct http_req *req, struct io_job *job)
{
	struct http_conn *conn = req->conn;

	park(conn);
	job->xid = conn->xid;
	if (io_submit_steal(req->io, job) == 0)
		return;
	talloc_free(job);
	conn->part->srv->count.overload++;
	answer_send(conn, http_answer_busy(RETRY_AFTER_S));
}

static struct http_conn *find_parked(struct http_part *part, uint64_t xid)
{
	struct http_conn *conn;

	hash_for_each_possible (part->parked, conn, node, xid) {
		if (conn->xid == xid)
			return conn;
	}
	return NULL;
}

static void answer_run(struct io_thread *t, struct io_call *call)
{
	struct http_answer *ans = container_of(call, struct http_answer, call);
	struct http_conn *conn = find_parked(&ans->srv->parts[io_thread_index(t)], ans->xid);

	if (conn)
		answer_send(conn, ans);
	else
		talloc_free(ans);
}

void http_server_answer_steal(struct http_server *srv, uint64_t xid, struct http_answer *ans)
{
	struct io_thread *t = io_xid_thread(srv->io, xid);

	if (xid == 0 || !t) {
		talloc_free(ans);
		return;
	}
	ans->srv = srv;
	ans->xid = xid;
	ans->call.run = answer_run;
	io_call_steal(t, &ans->call);
}

static void tell_refused(struct http_conn *conn, unsigned int status)
{
	const struct http_server_conf *conf = &conn->part->srv->conf;
	struct tls_peer *peer = tls_peer_of_ssl(OTC_SELECT, bufferevent_openssl_get_ssl(conn->bev));
	unsigned int hidden;

	if (!net_gripe_now(&conn->part->refused, &hidden))
		return;
	IO_LOG(conn->part->srv->io, DHTTP, LOGL_NOTICE,
	       "HTTPS: refused a request of %s (%s) with status %u: %s (as %u others since the last such line); ask "
	       "that peer what it sends\n",
	       listen_remote(OTC_SELECT, bufferevent_getfd(conn->bev)), peer ? peer->subject : "no certificate", status,
	       status == 413
		       ? talloc_asprintf(OTC_SELECT, "a body of more than %zu octets", conf->max_body)
		       : talloc_asprintf(OTC_SELECT, "a head of more than %zu octets, or no HTTP", conf->max_header),
	       hidden);
}

/* What evhttp refuses by itself never reaches http_exchange_rx(), and it tells nobody: its status line does. */
void http_exchange_output(struct evbuffer *buf, const struct evbuffer_cb_info *info, void *arg)
{
	struct http_conn *conn = arg;
	struct evbuffer_ptr at;
	unsigned int status;
	char line[16] = "";

	if (conn->phase != CONN_READING || info->n_added == 0 ||
	    evbuffer_ptr_set(buf, &at, info->orig_size, EVBUFFER_PTR_SET) < 0 ||
	    evbuffer_copyout_from(buf, &at, line, sizeof(line) - 1) < 0)
		return;
	if (sscanf(line, "HTTP/1.%*1u %3u", &status) != 1 || status < 400)
		return;
	conn->part->srv->count.refused++;
	tell_refused(conn, status);
}

static void refuse(struct http_conn *conn, unsigned int status, const char *name, const char *value)
{
	struct http_answer *ans = http_answer_alloc(status);

	if (name)
		OSMO_ASSERT(http_answer_add_header(ans, name, value) == 0);
	answer_send(conn, ans);
}

/* Views and strings of the request on OTC_SELECT, which outlives the handler. */
static void req_fill(struct http_req *r, struct http_conn *conn, struct evhttp_request *req)
{
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(req);
	struct evbuffer *in = evhttp_request_get_input_buffer(req);
	const char *path = uri ? evhttp_uri_get_path(uri) : NULL;
	struct http_media media = {"", NULL, NULL};
	char *host = NULL;
	ev_uint16_t port;

	evhttp_connection_get_peer(evhttp_request_get_connection(req), &host, &port);
	/* what is no media type counts as none, and the handler refuses it with its own words */
	if (http_media_parse(OTC_SELECT, evhttp_find_header(evhttp_request_get_input_headers(req), "Content-Type"),
			     &media) < 0)
		media.type = "";
	*r = (struct http_req){
		.method = evhttp_request_get_command(req) == EVHTTP_REQ_GET ? "GET" : "POST",
		.path = path && *path ? path : "/",
		.query = uri ? evhttp_uri_get_query(uri) : NULL,
		.content_type = media.type,
		.action = media.action,
		.charset = media.charset,
		.body = bytes_of(evbuffer_pullup(in, -1), evbuffer_get_length(in)),
		.peer = conn->peer,
		.remote = host ? host : "",
		.thread = io_thread_index(conn->part->thread),
		.io = conn->part->srv->io,
		.conn = conn,
	};
}

/* \returns 0 when the request may go to the handler */
static int admit(struct http_conn *conn, struct evhttp_request *req)
{
	enum evhttp_cmd_type method = evhttp_request_get_command(req);

	if (!conn->peer)
		conn->peer = tls_peer_of_ssl(conn, bufferevent_openssl_get_ssl(conn->bev));
	if (!conn->peer) {
		refuse(conn, 403, NULL, NULL);
		return -EACCES;
	}
	if (method != EVHTTP_REQ_GET && method != EVHTTP_REQ_POST) {
		refuse(conn, 405, "Allow", "GET, POST");
		return -EINVAL;
	}
	return 0;
}

void http_exchange_rx(struct evhttp_request *req, void *arg)
{
	struct http_part *part = arg;
	struct evhttp_connection *evcon = evhttp_request_get_connection(req);
	struct ssl_st *ssl = bufferevent_openssl_get_ssl(evhttp_connection_get_bufferevent(evcon));
	struct http_conn *conn = ssl ? tls_ssl_owner(ssl) : NULL;
	struct http_req r;

	if (!conn) {
		/* evhttp has fallen back to plain text: not a word to whoever that is */
		part->srv->count.plain++;
		IO_LOG(part->srv->io, DHTTP, LOGL_ERROR, "refusing a request without TLS\n");
		evhttp_connection_free(evcon);
		return;
	}
	conn->req = req;
	evhttp_connection_set_closecb(evcon, connection_closes, conn);
	http_conn_enter(conn, CONN_BUSY);
	part->srv->count.requests++;
	if (admit(conn, req) < 0)
		return;
	req_fill(&r, conn, req);
	part->srv->handler(&r, part->srv->data);
	if (conn->req == req && !conn->parked) {
		IO_LOG(part->srv->io, DHTTP, LOGL_ERROR, "no handler for %s %s\n", r.method, r.path);
		refuse(conn, 500, NULL, NULL);
	}
}
