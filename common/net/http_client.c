/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* HTTPS client on evhttp.  All connections to one host and port live in one I/O thread, chosen by a hash of the name.
 *
 * A connection carries one request at a time and ends at the first failure: the TLS object inside cannot be used for a
 * second handshake.  evhttp does not say why a request failed, so OpenSSL's info callback keeps track of how far the
 * connection came.  A connection must not be freed from inside evhttp's callbacks: it goes to a list that an event of
 * its own empties.
 *
 * Names are resolved for IPv4 first; IPv6 follows if that gives no connection.  A POST that fails on a kept connection
 * before any answer came is repeated once on a new one: the server may have closed the old one at that moment. */
#include "common/net/http_client.h"

#include <ctype.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/dns.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/util.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <osmocom/core/talloc.h>
#include <osmocom/core/utils.h>

#include "common/net/http_url.h"
#include "common/net/io_priv.h"
#include "common/net/tls_priv.h"

#define MAX_HEADER 16384
#define RETRY_AFTER_MAX_S 604800 /* a week; more is no use to anybody */

/* The share of one I/O thread. */
struct client_part {
	struct http_client *client;
	struct io_thread *thread;
	SSL_CTX *ctx;
	unsigned int generation; /* of ctx */
	struct evdns_base *dns;
	struct event *reap;
	struct llist_head trash; /* struct conn to be freed */
	struct llist_head hosts;
};

struct http_client {
	struct io *io;
	struct http_client_conf conf;
	atomic_uint pending;
	unsigned int n_parts;
	struct client_part *parts;
};

struct host {
	struct llist_head entry;
	struct client_part *part;
	const char *name;
	uint16_t port;
	unsigned int n_conns;
	struct llist_head idle;    /* struct conn */
	struct llist_head busy;    /* struct conn */
	struct llist_head waiting; /* struct transfer */
};

struct transfer {
	struct llist_head entry; /* host.waiting, or alone */
	struct host *host;
	struct http_call *call;
	struct http_url url;
	struct event *deadline;
	struct conn *conn; /* NULL while waiting */
	int family;
	bool repeated;
};

struct conn {
	struct llist_head entry; /* host.idle, host.busy or client_part.trash */
	struct host *host;
	struct evhttp_connection *evcon;
	struct bufferevent *bev; /* of evcon */
	SSL *ssl;                /* own reference */
	struct event *idle;
	struct transfer *transfer;
	unsigned int generation;
	bool connected;   /* TCP */
	bool established; /* TLS */
	bool refused;     /* fatal TLS alert */
	bool used;        /* an answer came before */
	bool closed;      /* by the server */
	bool trashed;
	enum evhttp_request_error error;
};

static void host_dispatch(struct host *h);

const char *http_outcome_name(enum http_outcome outcome)
{
	static const char *const names[] = {
		[HTTP_ANSWERED] = "answered", [HTTP_E_DNS] = "dns",	    [HTTP_E_CONNECT] = "connect",
		[HTTP_E_TLS] = "tls",	      [HTTP_E_TIMEOUT] = "timeout", [HTTP_E_PROTOCOL] = "protocol",
	};

	return (unsigned int)outcome < ARRAY_SIZE(names) ? names[outcome] : "?";
}

struct http_call *http_call_alloc(void)
{
	return talloc_zero(NULL, struct http_call);
}

static struct timeval tv_of_ms(unsigned int ms)
{
	return (struct timeval){ ms / 1000, (suseconds_t)(ms % 1000) * 1000 };
}

/* Connections ------------------------------------------------------------------------------------------------------ */

static void conn_free(struct conn *c)
{
	llist_del(&c->entry);
	evhttp_connection_set_closecb(c->evcon, NULL, NULL);
	evhttp_connection_free(c->evcon);
	SSL_free(c->ssl);
	event_free(c->idle);
	talloc_free(c);
}

static void reap(evutil_socket_t fd, short what, void *arg)
{
	struct client_part *part = arg;

	while (!llist_empty(&part->trash))
		conn_free(llist_first_entry(&part->trash, struct conn, entry));
}

static void conn_trash(struct conn *c)
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
	struct conn *c = arg;
	struct host *h = c->host;

	conn_trash(c);
	host_dispatch(h);
}

static void conn_closes(struct evhttp_connection *evcon, void *arg)
{
	struct conn *c = arg;

	c->closed = true;
	/* one in work ends by its transfer */
	if (!c->transfer)
		conn_idle_end(-1, 0, c);
}

static void conn_progress(const SSL *ssl, int where, int ret)
{
	struct conn *c = tls_ssl_owner(ssl);
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);

	if (!c)
		return;
	/* libevent starts the handshake too when connecting has failed */
	if (where & SSL_CB_HANDSHAKE_START)
		c->connected = getpeername(SSL_get_fd(ssl), (struct sockaddr *)&ss, &len) == 0;
	if (where & SSL_CB_HANDSHAKE_DONE)
		c->established = true;
	if (where & SSL_CB_ALERT && *SSL_alert_type_string(ret) == 'F')
		c->refused = true;
}

/* conn_free() keeps the TLS object until the connection itself is gone. */
static void conn_ssl_gone(void *conn)
{
}

static struct bufferevent *conn_bev(struct conn *c, struct event_base *base)
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
	if (c->bev)
		bufferevent_openssl_set_allow_dirty_shutdown(c->bev, 1);
	return c->bev;
}

static struct conn *conn_new(struct host *h, int family)
{
	struct client_part *part = h->part;
	struct event_base *base = io_thread_base(part->thread);
	struct conn *c = talloc_zero(NULL, struct conn);

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

/* Results ---------------------------------------------------------------------------------------------------------- */

/* The transfer ends here, in every case. */
static void transfer_end(struct transfer *t, struct http_result *r)
{
	struct http_client *cl = t->host->part->client;

	r->job.kind = IO_RESULT;
	r->ref = t->call->ref;
	if (!r->content_type)
		r->content_type = "";
	if (!r->detail)
		r->detail = http_outcome_name(r->outcome);
	event_free(t->deadline);
	llist_del(&t->entry);
	talloc_free(t->call);
	talloc_free(t);
	cl->pending--;
	io_submit_always_steal(cl->io, &r->job);
}

static unsigned int retry_after(const char *value)
{
	unsigned int s = 0;

	for (; value && isdigit((unsigned char)*value); value++)
		s = OSMO_MIN(s * 10 + (unsigned int)(*value - '0'), RETRY_AFTER_MAX_S);
	return value && *value == '\0' ? s : 0;
}

static struct http_result *result_of_answer(struct evhttp_request *req)
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

static struct http_result *result_of_failure(const struct conn *c)
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
		r->detail = protocol_detail(c->error);
	}
	return r;
}

/* Transfers -------------------------------------------------------------------------------------------------------- */

static void transfer_wait(struct transfer *t)
{
	t->conn = NULL;
	llist_del(&t->entry);
	llist_add(&t->entry, &t->host->waiting);
}

/* \returns whether another connection is worth trying; t then waits for it */
static bool transfer_again(struct transfer *t, const struct conn *c)
{
	if (!c->connected && t->family == AF_INET) {
		t->family = AF_INET6;
	} else if (c->used && !t->repeated) {
		t->repeated = true;
	} else {
		return false;
	}
	transfer_wait(t);
	return true;
}

static void conn_release(struct conn *c)
{
	struct timeval tv = tv_of_ms(c->host->part->client->conf.idle_timeout_ms);

	c->transfer = NULL;
	c->used = true;
	if (c->closed || c->generation != c->host->part->generation) {
		conn_trash(c);
		return;
	}
	llist_del(&c->entry);
	llist_add(&c->entry, &c->host->idle);
	evtimer_add(c->idle, &tv);
}

static void request_error(enum evhttp_request_error error, void *arg)
{
	struct conn *c = arg;

	c->error = error;
}

/* evhttp: the answer is complete, or there will be none (no request, or one without status). */
static void request_done(struct evhttp_request *req, void *arg)
{
	struct conn *c = arg;
	struct transfer *t = c->transfer;
	struct host *h = c->host;

	if (!t)
		return;
	if (req && evhttp_request_get_response_code(req) > 0) {
		transfer_end(t, result_of_answer(req));
		conn_release(c);
	} else {
		if (!transfer_again(t, c))
			transfer_end(t, result_of_failure(c));
		conn_trash(c);
	}
	host_dispatch(h);
}

static void transfer_late(evutil_socket_t fd, short what, void *arg)
{
	struct transfer *t = arg;
	struct http_result *r = talloc_zero(NULL, struct http_result);
	struct host *h = t->host;

	r->outcome = HTTP_E_TIMEOUT;
	r->detail = !t->conn		  ? "no connection was free"
		    : !t->conn->connected ? "name look-up and connecting took too long"
		    : !t->conn->established ? "TLS handshake took too long"
					  : "no answer in time";
	if (t->conn)
		conn_trash(t->conn);
	transfer_end(t, r);
	host_dispatch(h);
}

static void transfer_send(struct transfer *t, struct conn *c)
{
	struct evhttp_request *req = evhttp_request_new(request_done, c);
	struct evkeyvalq *out;

	OSMO_ASSERT(req);
	t->conn = c;
	c->transfer = t;
	c->error = EVREQ_HTTP_EOF;
	evhttp_request_set_error_cb(req, request_error);
	out = evhttp_request_get_output_headers(req);
	evhttp_add_header(out, "Host", t->url.host_port);
	if (t->call->content_type)
		evhttp_add_header(out, "Content-Type", t->call->content_type);
	/* a copy: what is queued in the transport may outlive the call */
	evbuffer_add(evhttp_request_get_output_buffer(req), t->call->body.data, t->call->body.len);
	/* on failure request_done() has run already or will run, and owns everything */
	if (evhttp_make_request(c->evcon, req, EVHTTP_REQ_POST, t->url.target) < 0)
		request_done(NULL, c);
}

static struct conn *conn_for(struct host *h, int family)
{
	struct conn *c;

	if (llist_empty(&h->idle))
		return conn_new(h, family);
	c = llist_first_entry(&h->idle, struct conn, entry);
	event_del(c->idle);
	llist_del(&c->entry);
	llist_add_tail(&c->entry, &h->busy);
	return c;
}

static void transfer_start(struct transfer *t)
{
	struct conn *c = conn_for(t->host, t->family);
	struct http_result *r;

	llist_del(&t->entry);
	INIT_LLIST_HEAD(&t->entry);
	if (c) {
		transfer_send(t, c);
		return;
	}
	r = talloc_zero(NULL, struct http_result);
	r->outcome = HTTP_E_TLS;
	r->detail = "no TLS object for this host";
	ERR_clear_error();
	transfer_end(t, r);
}

/* Put waiting transfers on connections.  Hosts are never forgotten: there are as many as peers in the configuration. */
static void host_dispatch(struct host *h)
{
	const unsigned int max = h->part->client->conf.max_conns_host;

	while (!llist_empty(&h->waiting) && (!llist_empty(&h->idle) || h->n_conns < max))
		transfer_start(llist_first_entry(&h->waiting, struct transfer, entry));
}

static struct host *host_get(struct client_part *part, const struct http_url *url)
{
	struct host *h;

	llist_for_each_entry(h, &part->hosts, entry) {
		if (h->port == url->port && !strcasecmp(h->name, url->host))
			return h;
	}
	h = talloc_zero(NULL, struct host);
	h->part = part;
	h->name = talloc_strdup(h, url->host);
	h->port = url->port;
	INIT_LLIST_HEAD(&h->idle);
	INIT_LLIST_HEAD(&h->busy);
	INIT_LLIST_HEAD(&h->waiting);
	llist_add_tail(&h->entry, &part->hosts);
	return h;
}

/* Core and thread -------------------------------------------------------------------------------------------------- */

static struct client_part *part_for(struct http_client *cl, const struct http_url *url)
{
	const char *c;
	uint32_t hash = url->port;

	for (c = url->host; *c; c++)
		hash = hash * 31 + (uint32_t)tolower((unsigned char)*c);
	return &cl->parts[hash % cl->n_parts];
}

static void call_run(struct io_thread *thread, struct io_call *call)
{
	struct http_call *hc = container_of(call, struct http_call, call);
	struct transfer *t = talloc_zero(NULL, struct transfer);
	struct timeval tv = tv_of_ms(hc->timeout_ms ? hc->timeout_ms : 60000);

	OSMO_ASSERT(http_url_parse(t, hc->url, &t->url) == 0);
	t->call = hc;
	t->family = AF_INET;
	t->host = host_get(part_for(hc->client, &t->url), &t->url);
	t->deadline = evtimer_new(io_thread_base(thread), transfer_late, t);
	OSMO_ASSERT(t->deadline);
	evtimer_add(t->deadline, &tv);
	llist_add_tail(&t->entry, &t->host->waiting);
	host_dispatch(t->host);
}

int http_client_post_steal(struct http_client *cl, struct http_call *call)
{
	void *tmp = talloc_new(NULL);
	struct client_part *part;
	struct http_url url;
	int rc = http_url_parse(tmp, call->url, &url);

	if (rc == 0 && cl->pending >= cl->conf.max_waiting)
		rc = -EAGAIN;
	if (rc == 0) {
		part = part_for(cl, &url);
		cl->pending++;
		call->client = cl;
		call->call.run = call_run;
		io_call_steal(part->thread, &call->call);
	}
	talloc_free(tmp);
	return rc;
}

unsigned int http_client_pending(const struct http_client *cl)
{
	return cl->pending;
}

static void transfers_drop(struct llist_head *waiting)
{
	struct transfer *t, *t2;

	llist_for_each_entry_safe(t, t2, waiting, entry) {
		event_free(t->deadline);
		talloc_free(t->call);
		talloc_free(t);
	}
}

static void host_drop(struct host *h)
{
	struct conn *c, *c2;

	llist_for_each_entry_safe(c, c2, &h->idle, entry)
		conn_trash(c);
	llist_for_each_entry_safe(c, c2, &h->busy, entry) {
		transfer_wait(c->transfer);
		conn_trash(c);
	}
	transfers_drop(&h->waiting);
	reap(-1, 0, h->part);
	llist_del(&h->entry);
	talloc_free(h);
}

static void part_stop(void *arg)
{
	struct client_part *part = arg;
	struct host *h, *h2;

	llist_for_each_entry_safe(h, h2, &part->hosts, entry)
		host_drop(h);
	event_free(part->reap);
	evdns_base_free(part->dns, 1);
	SSL_CTX_free(part->ctx);
}

struct part_call {
	struct io_call call;
	struct client_part *part;
	SSL_CTX *ctx;
};

static void part_post(struct client_part *part, const struct tls *tls,
		      void (*run)(struct io_thread *t, struct io_call *call))
{
	struct part_call *c = talloc_zero(NULL, struct part_call);

	c->call.run = run;
	c->part = part;
	c->ctx = tls_ctx_ref(tls);
	io_call_steal(part->thread, &c->call);
}

/* Without /etc/resolv.conf the numeric addresses and the hosts file still work. */
static struct evdns_base *dns_new(struct event_base *base)
{
	struct evdns_base *dns = evdns_base_new(base, EVDNS_BASE_INITIALIZE_NAMESERVERS |
							      EVDNS_BASE_DISABLE_WHEN_INACTIVE |
							      EVDNS_BASE_NAMESERVERS_NO_DEFAULT);

	if (dns)
		return dns;
	dns = evdns_base_new(base, EVDNS_BASE_DISABLE_WHEN_INACTIVE);
	OSMO_ASSERT(dns);
	evdns_base_load_hosts(dns, "/etc/hosts");
	return dns;
}

static void part_start(struct io_thread *t, struct io_call *call)
{
	struct part_call *c = container_of(call, struct part_call, call);
	struct client_part *part = c->part;

	part->ctx = c->ctx;
	part->dns = dns_new(io_thread_base(t));
	part->reap = event_new(io_thread_base(t), -1, 0, reap, part);
	OSMO_ASSERT(part->reap);
	io_thread_at_stop(t, part_stop, part);
	talloc_free(c);
}

static void part_set_tls(struct io_thread *t, struct io_call *call)
{
	struct part_call *c = container_of(call, struct part_call, call);
	struct client_part *part = c->part;
	struct conn *conn, *conn2;
	struct host *h;

	SSL_CTX_free(part->ctx);
	part->ctx = c->ctx;
	part->generation++;
	talloc_free(c);
	llist_for_each_entry(h, &part->hosts, entry) {
		llist_for_each_entry_safe(conn, conn2, &h->idle, entry)
			conn_trash(conn);
	}
}

int http_client_start(const void *ctx, struct io *io, const struct http_client_conf *conf, const struct tls *tls,
		      struct http_client **out)
{
	struct http_client *cl;
	unsigned int i;

	if (tls_role(tls) != TLS_CLIENT)
		return -EINVAL;
	cl = talloc_zero(ctx, struct http_client);
	cl->io = io;
	cl->conf.max_conns_host = conf->max_conns_host ? conf->max_conns_host : 4;
	cl->conf.max_waiting = conf->max_waiting ? conf->max_waiting : 10000;
	cl->conf.idle_timeout_ms = conf->idle_timeout_ms ? conf->idle_timeout_ms : 30000;
	cl->conf.max_body = conf->max_body ? conf->max_body : 1024 * 1024;
	cl->n_parts = io_n_threads(io);
	cl->parts = talloc_zero_array(cl, struct client_part, cl->n_parts);
	for (i = 0; i < cl->n_parts; i++) {
		struct client_part *part = &cl->parts[i];

		part->client = cl;
		part->thread = io_thread_get(io, i);
		INIT_LLIST_HEAD(&part->trash);
		INIT_LLIST_HEAD(&part->hosts);
		part_post(part, tls, part_start);
	}
	*out = cl;
	return 0;
}

void http_client_set_tls(struct http_client *cl, const struct tls *tls)
{
	unsigned int i;

	OSMO_ASSERT(tls_role(tls) == TLS_CLIENT);
	for (i = 0; i < cl->n_parts; i++)
		part_post(&cl->parts[i], tls, part_set_tls);
}
