/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* HTTPS client on evhttp.  All connections to one host and port live in one I/O thread, chosen by a hash of the name.
 *
 * A connection carries one request at a time and ends at the first failure: the TLS object inside cannot be used for a
 * second handshake.
 *
 * Names are resolved for IPv4 first; IPv6 follows if that gives no connection.  A POST that fails on a kept connection
 * before any answer came is repeated once on a new one: the server may have closed the old one at that moment. */
#include "common/net/http_client.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include <event2/buffer.h>
#include <event2/dns.h>
#include <event2/event.h>
#include <event2/http.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <osmocom/core/talloc.h>
#include <osmocom/core/utils.h>

#include "common/net/http_client_priv.h"
#include "common/net/tls_priv.h"

static const char *const outcome_names[] = {
	[HTTP_ANSWERED] = "answered", [HTTP_E_DNS] = "dns",	    [HTTP_E_CONNECT] = "connect",
	[HTTP_E_TLS] = "tls",	      [HTTP_E_TIMEOUT] = "timeout", [HTTP_E_PROTOCOL] = "protocol",
};

const char *http_outcome_name(enum http_outcome outcome)
{
	return (unsigned int)outcome < ARRAY_SIZE(outcome_names) ? outcome_names[outcome] : "?";
}

struct http_call *http_call_alloc(void)
{
	return talloc_zero(NULL, struct http_call);
}

static void transfer_free(struct client_transfer *t)
{
	event_free(t->deadline);
	talloc_free(t->first);
	talloc_free(t->call);
	talloc_free(t);
}

/* The transfer ends here, in every case. */
static void transfer_end(struct client_transfer *t, struct http_result *r)
{
	struct http_client *cl = t->host->part->client;

	r->job.kind = IO_RESULT;
	r->ref = t->call->ref;
	if (!r->content_type)
		r->content_type = "";
	if (!r->detail)
		r->detail = http_outcome_name(r->outcome);
	llist_del(&t->entry);
	transfer_free(t);
	cl->pending--;
	io_submit_always_steal(cl->io, &r->job);
}

static void transfer_wait(struct client_transfer *t)
{
	t->conn = NULL;
	llist_del(&t->entry);
	llist_add(&t->entry, &t->host->waiting);
}

static void drop_idle(struct client_host *h)
{
	struct client_conn *c, *c2;

	llist_for_each_entry_safe (c, c2, &h->idle, entry)
		client_conn_trash(c);
}

/* \returns whether another connection is worth trying; t then waits for it */
static bool transfer_again(struct client_transfer *t, const struct client_conn *c)
{
	if (!c->connected && t->other_family) {
		t->other_family = false;
		t->family = AF_INET6;
		t->first = client_result_of_failure(c);
	} else if (c->used && !t->repeated) {
		t->repeated = true;
		drop_idle(t->host); /* they are as old */
	} else {
		return false;
	}
	transfer_wait(t);
	return true;
}

/* A name that has no address of the second family failed for the reason of the first. */
static struct http_result *failure(struct client_transfer *t, const struct client_conn *c)
{
	struct http_result *r = client_result_of_failure(c);
	struct http_result *first = t->first;

	if (!first || r->outcome != HTTP_E_DNS)
		return r;
	t->first = NULL;
	talloc_free(r);
	return first;
}

static void request_error(enum evhttp_request_error error, void *arg)
{
	struct client_conn *c = arg;

	c->error = error;
}

/* evhttp: the answer is complete, or there will be none (no request, or one without status). */
static void request_done(struct evhttp_request *req, void *arg)
{
	struct client_conn *c = arg;
	struct client_transfer *t = c->transfer;
	struct client_host *h = c->host;

	if (!t)
		return;
	if (req && evhttp_request_get_response_code(req) > 0) {
		transfer_end(t, client_result_of_answer(req));
		client_conn_release(c);
	} else {
		if (!transfer_again(t, c))
			transfer_end(t, failure(t, c));
		client_conn_trash(c);
	}
	client_host_dispatch(h);
}

static void transfer_late(evutil_socket_t fd, short what, void *arg)
{
	struct client_transfer *t = arg;
	struct http_result *r = talloc_zero(NULL, struct http_result);
	struct client_host *h = t->host;

	r->outcome = HTTP_E_TIMEOUT;
	r->detail = !t->conn		    ? "no connection was free"
		    : !t->conn->connected   ? "name look-up and connecting took too long"
		    : !t->conn->established ? "TLS handshake took too long"
					    : "no answer in time";
	if (t->conn)
		client_conn_trash(t->conn);
	transfer_end(t, r);
	client_host_dispatch(h);
}

static void transfer_send(struct client_transfer *t, struct client_conn *c)
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

static struct client_conn *conn_for(struct client_host *h, int family)
{
	struct client_conn *c;

	if (llist_empty(&h->idle))
		return client_conn_new(h, family);
	c = llist_first_entry(&h->idle, struct client_conn, entry);
	event_del(c->idle);
	llist_del(&c->entry);
	llist_add_tail(&c->entry, &h->busy);
	return c;
}

static void transfer_start(struct client_transfer *t)
{
	struct client_conn *c = conn_for(t->host, t->family);
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
void client_host_dispatch(struct client_host *h)
{
	const unsigned int max = h->part->client->conf.max_conns_host;

	while (!llist_empty(&h->waiting) && (!llist_empty(&h->idle) || h->n_conns < max))
		transfer_start(llist_first_entry(&h->waiting, struct client_transfer, entry));
}

static struct client_host *host_get(struct client_part *part, const struct http_url *url)
{
	struct client_host *h;

	llist_for_each_entry (h, &part->hosts, entry) {
		if (h->port == url->port && !strcasecmp(h->name, url->host))
			return h;
	}
	h = talloc_zero(NULL, struct client_host);
	h->part = part;
	h->name = talloc_strdup(h, url->host);
	h->port = url->port;
	INIT_LLIST_HEAD(&h->idle);
	INIT_LLIST_HEAD(&h->busy);
	INIT_LLIST_HEAD(&h->waiting);
	llist_add_tail(&h->entry, &part->hosts);
	return h;
}

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
	struct client_transfer *t = talloc_zero(NULL, struct client_transfer);
	struct in_addr numeric;
	struct timeval tv = tv_of_ms(hc->timeout_ms ? hc->timeout_ms : 60000);

	OSMO_ASSERT(http_url_parse(t, hc->url, &t->url) == 0);
	t->call = hc;
	t->family = strchr(t->url.host, ':') ? AF_INET6 : AF_INET;
	t->other_family = t->family == AF_INET && inet_pton(AF_INET, t->url.host, &numeric) != 1;
	t->host = host_get(part_for(hc->client, &t->url), &t->url);
	t->deadline = evtimer_new(io_thread_base(thread), transfer_late, t);
	OSMO_ASSERT(t->deadline);
	evtimer_add(t->deadline, &tv);
	llist_add_tail(&t->entry, &t->host->waiting);
	client_host_dispatch(t->host);
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
	struct client_transfer *t, *t2;

	llist_for_each_entry_safe (t, t2, waiting, entry)
		transfer_free(t);
}

static void host_drop(struct client_host *h)
{
	struct client_conn *c, *c2;

	drop_idle(h);
	llist_for_each_entry_safe (c, c2, &h->busy, entry) {
		transfer_wait(c->transfer);
		client_conn_trash(c);
	}
	transfers_drop(&h->waiting);
	client_conn_reap(-1, 0, h->part);
	llist_del(&h->entry);
	talloc_free(h);
}

static void part_stop(void *arg)
{
	struct client_part *part = arg;
	struct client_host *h, *h2;

	llist_for_each_entry_safe (h, h2, &part->hosts, entry)
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
	struct evdns_base *dns =
		evdns_base_new(base, EVDNS_BASE_INITIALIZE_NAMESERVERS | EVDNS_BASE_DISABLE_WHEN_INACTIVE |
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
	part->reap = event_new(io_thread_base(t), -1, 0, client_conn_reap, part);
	OSMO_ASSERT(part->reap);
	io_thread_at_stop(t, part_stop, part);
	talloc_free(c);
}

static void part_set_tls(struct io_thread *t, struct io_call *call)
{
	struct part_call *c = container_of(call, struct part_call, call);
	struct client_part *part = c->part;
	struct client_host *h;

	SSL_CTX_free(part->ctx);
	part->ctx = c->ctx;
	part->generation++;
	talloc_free(c);
	llist_for_each_entry (h, &part->hosts, entry)
		drop_idle(h);
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
