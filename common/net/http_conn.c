/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Connections of the HTTPS client.
 *
 * evhttp does not say why a request failed, so OpenSSL's info callback keeps track of how far the connection came.  A
 * connection must not be freed from inside evhttp's callbacks: it goes to a list that an event of its own empties. */
#include <ctype.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/util.h>
#include <openssl/ssl.h>
#include <osmocom/core/talloc.h>
#include <osmocom/core/utils.h>

#include "common/net/http_client_priv.h"
#include "common/net/tls_priv.h"

#define MAX_HEADER 16384
#define READ_SLACK 65536
#define RETRY_AFTER_MAX_S 604800 /* a week; more is no use to anybody */

static void conn_free(struct client_conn *c)
{
	llist_del(&c->entry);
	evhttp_connection_set_closecb(c->evcon, NULL, NULL);
	evhttp_connection_free(c->evcon);
	SSL_free(c->ssl);
	event_free(c->idle);
	talloc_free(c);
}

void client_conn_reap(evutil_socket_t fd, short what, void *arg)
{
	struct client_part *part = arg;

	while (!llist_empty(&part->trash))
		conn_free(llist_first_entry(&part->trash, struct client_conn, entry));
}

void client_conn_trash(struct client_conn *c)
{
	struct client_part *part = c->host->part;

	if (c->trashed)
		return;
	c->trashed = true;
	c->host->n_conns--;
	c->transfer = NULL;
	event_del(c->idle);
	llist_del(&c->entry);
	llist_add_tail(&c->entry, &part->trash);
	event_active(part->reap, EV_TIMEOUT, 0);
}

static void conn_idle_end(evutil_socket_t fd, short what, void *arg)
{
	struct client_conn *c = arg;
	struct client_host *h = c->host;

	client_conn_trash(c);
	client_host_dispatch(h);
}

static void conn_closes(struct evhttp_connection *evcon, void *arg)
{
	struct client_conn *c = arg;

	c->closed = true;
	/* one in work ends by its transfer */
	if (!c->transfer)
		conn_idle_end(-1, 0, c);
}

/* evhttp writes head and body as two records: without this the body waits for the server's delayed ACK, 40 ms.  Of no
 * consequence when it fails. */
static void send_at_once(int fd)
{
	const int on = 1;

	if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0)
		return;
}

static void conn_progress(const SSL *ssl, int where, int ret)
{
	struct client_conn *c = tls_ssl_owner(ssl);
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);

	if (!c)
		return;
	/* libevent starts the handshake too when connecting has failed */
	if (where & SSL_CB_HANDSHAKE_START) {
		c->connected = getpeername(SSL_get_fd(ssl), (struct sockaddr *)&ss, &len) == 0;
		send_at_once(SSL_get_fd(ssl));
	}
	if (where & SSL_CB_HANDSHAKE_DONE)
		c->established = true;
	if (where & SSL_CB_ALERT && *SSL_alert_type_string(ret) == 'F')
		c->refused = true;
}

/* conn_free() keeps the TLS object until the connection itself is gone. */
static void conn_ssl_gone(void *conn)
{
}

static struct bufferevent *conn_bev(struct client_conn *c, struct event_base *base)
{
	SSL *ssl = tls_ssl_new(c->host->part->ctx, c, conn_ssl_gone);

	if (!ssl)
		return NULL;
	if (tls_ssl_expect_host(ssl, c->host->name) < 0 || SSL_up_ref(ssl) != 1) {
		SSL_free(ssl);
		return NULL;
	}
	SSL_set_info_callback(ssl, conn_progress);
	c->ssl = ssl;
	c->bev = bufferevent_openssl_socket_new(base, -1, ssl, BUFFEREVENT_SSL_CONNECTING, BEV_OPT_CLOSE_ON_FREE);
	if (!c->bev)
		return NULL;
	bufferevent_openssl_set_allow_dirty_shutdown(c->bev, 1);
	/* a server that sends faster than evhttp reads (interim answers, chunks) waits for it */
	bufferevent_setwatermark(c->bev, EV_READ, 0, c->host->part->client->conf.max_body + MAX_HEADER + READ_SLACK);
	return c->bev;
}

struct client_conn *client_conn_new(struct client_host *h, int family)
{
	struct client_part *part = h->part;
	struct event_base *base = io_thread_base(part->thread);
	struct client_conn *c = talloc_zero(NULL, struct client_conn);

	c->host = h;
	c->generation = part->generation;
	if (!conn_bev(c, base)) {
		SSL_free(c->ssl);
		talloc_free(c);
		return NULL;
	}
	c->evcon = evhttp_connection_base_bufferevent_new(base, part->dns, c->bev, h->name, h->port);
	c->idle = evtimer_new(base, conn_idle_end, c);
	OSMO_ASSERT(c->evcon && c->idle);
	evhttp_connection_set_family(c->evcon, family);
	evhttp_connection_set_closecb(c->evcon, conn_closes, c);
	evhttp_connection_set_max_headers_size(c->evcon, MAX_HEADER);
	evhttp_connection_set_max_body_size(c->evcon, (ev_ssize_t)part->client->conf.max_body);
	evhttp_connection_set_timeout(c->evcon, 3600); /* the deadline of the transfer is shorter */
	h->n_conns++;
	llist_add_tail(&c->entry, &h->busy);
	return c;
}

void client_conn_release(struct client_conn *c)
{
	struct timeval tv = tv_of_ms(c->host->part->client->conf.idle_timeout_ms);

	c->transfer = NULL;
	c->used = true;
	if (c->closed || c->generation != c->host->part->generation) {
		client_conn_trash(c);
		return;
	}
	llist_del(&c->entry);
	llist_add(&c->entry, &c->host->idle);
	evtimer_add(c->idle, &tv);
}

static unsigned int retry_after(const char *value)
{
	unsigned int s = 0;

	for (; value && isdigit((unsigned char)*value); value++)
		s = OSMO_MIN(s * 10 + (unsigned int)(*value - '0'), RETRY_AFTER_MAX_S);
	return value && *value == '\0' ? s : 0;
}

struct http_result *client_result_of_answer(struct evhttp_request *req)
{
	struct http_result *r = talloc_zero(NULL, struct http_result);
	struct evkeyvalq *in = evhttp_request_get_input_headers(req);
	struct evbuffer *buf = evhttp_request_get_input_buffer(req);
	const char *type = evhttp_find_header(in, "Content-Type");

	r->outcome = HTTP_ANSWERED;
	r->status = (unsigned int)evhttp_request_get_response_code(req);
	r->retry_after_s = retry_after(evhttp_find_header(in, "Retry-After"));
	r->content_type = type ? talloc_strdup(r, type) : NULL;
	r->body = bytes_dup(r, bytes_of(evbuffer_pullup(buf, -1), evbuffer_get_length(buf)));
	return r;
}

static const char *protocol_detail(enum evhttp_request_error error)
{
	switch (error) {
	case EVREQ_HTTP_TIMEOUT:
		return "no data for too long";
	case EVREQ_HTTP_EOF:
		return "closed by the server before its answer was complete";
	case EVREQ_HTTP_INVALID_HEADER:
		return "not HTTP";
	case EVREQ_HTTP_BUFFER_ERROR:
		return "transport failed";
	case EVREQ_HTTP_REQUEST_CANCEL:
		return "cancelled";
	case EVREQ_HTTP_DATA_TOO_LONG:
		return "answer is too large";
	}
	return "?";
}

struct http_result *client_result_of_failure(const struct client_conn *c)
{
	struct http_result *r = talloc_zero(NULL, struct http_result);
	int dns = bufferevent_socket_get_dns_error(c->bev);

	if (!c->connected && dns) {
		r->outcome = HTTP_E_DNS;
		r->detail = talloc_asprintf(r, "%s: %s", c->host->name, evutil_gai_strerror(dns));
	} else if (!c->connected) {
		r->outcome = HTTP_E_CONNECT;
		r->detail = talloc_asprintf(r, "%s port %u: cannot connect", c->host->name, c->host->port);
	} else if (!c->established || c->refused) {
		r->outcome = HTTP_E_TLS;
		r->detail = tls_ssl_failure(r, c->ssl, bufferevent_get_openssl_error(c->bev));
	} else {
		r->outcome = HTTP_E_PROTOCOL;
		/* with TLS 1.3 the server checks our certificate when we are done already, and its alert may get lost
		 */
		r->detail =
			c->error == EVREQ_HTTP_EOF && !c->used
				? "closed by the server without a whole answer (it may have refused our certificate)"
				: protocol_detail(c->error);
	}
	return r;
}
