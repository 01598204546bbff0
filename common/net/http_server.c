/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* HTTPS server, part one: listeners, connections and their deadlines, on evhttp and bufferevent_openssl.
 *
 * What evhttp 2.1 does not offer is added here:
 * - A cap on connections and rest on EMFILE: listen.c; who gives way: http_crowd.c.
 * - Deadlines for a whole request, not only between two reads; a client that sends an octet now and then is cut.  A
 *   deadline shuts the socket down and leaves the rest to evhttp, which then sees the end of the stream.
 * - The end of a connection that never made a request: the TLS object tells when it is freed.
 *
 * Traps: a bevcb that returns NULL makes evhttp go on in plain text (http_exchange_rx() refuses such requests);
 * BEV_OPT_DEFER_CALLBACKS would let a read callback arrive while evhttp writes, which ends the process. */
#include "common/net/http_server.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <openssl/ssl.h>
#include <osmocom/core/talloc.h>
#include <osmocom/core/utils.h>

#include "common/app/log.h"
#include "common/net/http_priv.h"
#include "common/net/tls_priv.h"

#define READ_SLACK 65536 /* input that may wait beyond one request of the largest size */

void http_conn_enter(struct http_conn *conn, enum conn_phase phase)
{
	const struct http_server_conf *conf = &conn->part->srv->conf;
	const unsigned int limit_ms[] = {
		[CONN_IDLE] = conf->idle_timeout_ms,
		[CONN_READING] = conf->request_timeout_ms,
		[CONN_BUSY] = conf->answer_timeout_ms,
		[CONN_WRITING] = conf->request_timeout_ms,
	};
	struct timeval tv = tv_of_ms(limit_ms[phase]);

	if (phase == CONN_IDLE) {
		conn->part->got -= conn->got;
		conn->got = 0;
	}
	conn->phase = phase;
	conn->since_ms = net_now_ms();
	llist_move_tail(&conn->entry, &conn->part->conns);
	evtimer_add(conn->deadline, &tv);
}

/* Who is too slow: a broken client, a bad line, or somebody who means harm. */
static void tell_slow(struct http_conn *conn)
{
	unsigned int hidden;

	if (!net_gripe_now(&conn->part->slow, &hidden))
		return;
	IO_LOG(conn->part->srv->io, DHTTP, LOGL_NOTICE,
	       "HTTPS: %s %s within %u s: cut (as %u others since the last such line); if it goes on, keep the address "
	       "out\n",
	       listen_remote(OTC_SELECT, bufferevent_getfd(conn->bev)),
	       conn->phase == CONN_WRITING ? "did not take its answer" : "sent no whole request",
	       conn->part->srv->conf.request_timeout_ms / 1000, hidden);
}

/* evhttp gives a connection its socket only after conn_new(). */
static void conn_arrived(struct http_conn *conn)
{
	conn->remote = listen_addr_key(bufferevent_getfd(conn->bev));
	http_crowd_handshakes(conn);
	http_conn_enter(conn, CONN_READING);
}

static void conn_late(evutil_socket_t fd, short what, void *arg)
{
	struct http_conn *conn = arg;

	if (conn->phase == CONN_NEW) {
		conn_arrived(conn);
		return;
	}
	if (conn->phase == CONN_BUSY) {
		http_exchange_late(conn);
		return;
	}
	if (conn->phase != CONN_IDLE)
		tell_slow(conn);
	conn->part->srv->count.timed_out++;
	http_conn_cut(conn);
}

static void conn_input(struct evbuffer *buf, const struct evbuffer_cb_info *info, void *arg)
{
	struct http_conn *conn = arg;
	struct http_part *part = conn->part;

	if (info->n_added == 0 || conn->cut)
		return;
	if (conn->phase == CONN_IDLE)
		http_conn_enter(conn, CONN_READING);
	conn->got += info->n_added;
	part->got += info->n_added;
	if (part->got > HTTP_BODIES_MAX * part->srv->conf.max_body)
		http_crowd_bodies(part);
}

static void conn_gone(void *arg)
{
	struct http_conn *conn = arg;
	struct http_part *part = conn->part;

	http_exchange_forget(conn);
	event_free(conn->deadline);
	llist_del(&conn->entry);
	part->got -= conn->got;
	part->srv->count.open--;
	acceptor_conn_down(&part->acceptor);
	talloc_free(conn);
}

/* A fatal alert, sent or received, is the one line that explains a failed handshake to the operator. */
static void conn_alert(const SSL *ssl, int where, int ret)
{
	struct http_conn *conn = tls_ssl_owner(ssl);

	if (!(where & SSL_CB_ALERT) || !conn || *SSL_alert_type_string(ret) != 'F')
		return;
	IO_LOG(conn->part->srv->io, DHTTP, LOGL_INFO, "TLS alert %s: %s (%s)\n",
	       where & SSL_CB_READ ? "from a client" : "to a client", SSL_alert_desc_string_long(ret),
	       X509_verify_cert_error_string(SSL_get_verify_result(ssl)));
}

/* For evhttp: transport of a connection just accepted. */
static struct bufferevent *conn_new(struct event_base *base, void *arg)
{
	struct http_part *part = arg;
	struct http_conn *conn = talloc_zero(NULL, struct http_conn);
	SSL *ssl;

	conn->part = part;
	ssl = tls_ssl_new(part->ctx, conn, conn_gone);
	if (!ssl) {
		talloc_free(conn);
		return NULL;
	}
	SSL_set_info_callback(ssl, conn_alert);
	INIT_LLIST_HEAD(&conn->entry);
	part->srv->count.accepted++;
	part->srv->count.open++;
	acceptor_conn_up(&part->acceptor); /* before it is in the list: it is not to be cut for itself */
	conn->deadline = evtimer_new(base, conn_late, conn);
	conn->bev = bufferevent_openssl_socket_new(base, -1, ssl, BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
	if (!conn->bev)
		return NULL; /* libevent has freed ssl, and with it conn */
	bufferevent_openssl_set_allow_dirty_shutdown(conn->bev, 1);
	bufferevent_setwatermark(conn->bev, EV_READ, 0,
				 part->srv->conf.max_body + part->srv->conf.max_header + READ_SLACK);
	evbuffer_add_cb(bufferevent_get_input(conn->bev), conn_input, conn);
	evbuffer_add_cb(bufferevent_get_output(conn->bev), http_exchange_output, conn);
	llist_add_tail(&conn->entry, &part->conns);
	conn->since_ms = net_now_ms();
	event_active(conn->deadline, EV_TIMEOUT, 0); /* conn_arrived(), in the order of arrival */
	return conn->bev;
}

static void part_stop(void *arg)
{
	struct http_part *part = arg;

	acceptor_stop(&part->acceptor);
	evhttp_free(part->http);
	acceptor_fini(&part->acceptor);
	SSL_CTX_free(part->ctx);
	talloc_free(part->bound);
}

struct part_call {
	struct io_call call;
	struct http_part *part;
	SSL_CTX *ctx;
	int *fds;
};

static struct part_call *part_call_alloc(struct http_part *part, void (*run)(struct io_thread *t, struct io_call *call))
{
	struct part_call *c = talloc_zero(NULL, struct part_call);

	c->call.run = run;
	c->part = part;
	return c;
}

static void part_listen(struct http_part *part, int fd, size_t i)
{
	part->bound[i] = evhttp_bind_listener(part->http, acceptor_listen(&part->acceptor, i, fd, NULL, NULL));
	OSMO_ASSERT(part->bound[i]);
}

/* In the I/O thread: out of memory is the only thing that can fail here. */
static void part_start(struct io_thread *t, struct io_call *call)
{
	struct part_call *c = container_of(call, struct part_call, call);
	struct http_part *part = c->part;
	const struct http_server_conf *conf = &part->srv->conf;
	size_t i;

	part->ctx = c->ctx;
	part->http = evhttp_new(io_thread_base(t));
	OSMO_ASSERT(part->http);
	evhttp_set_bevcb(part->http, conn_new, part);
	evhttp_set_gencb(part->http, http_exchange_rx, part);
	evhttp_set_max_headers_size(part->http, (ev_ssize_t)conf->max_header);
	evhttp_set_max_body_size(part->http, (ev_ssize_t)conf->max_body);
	evhttp_set_default_content_type(part->http, NULL);
	/* every method reaches the handler, which answers 405; evhttp itself would say 501 */
	evhttp_set_allowed_methods(part->http, UINT16_MAX);
	/* conn_late() comes first; this covers connections that have no TLS object */
	evhttp_set_timeout(part->http, (int)(OSMO_MAX(conf->request_timeout_ms, conf->idle_timeout_ms) / 1000 + 5));
	acceptor_init(&part->acceptor, io_thread_base(t), conf->n_listen,
		      OSMO_MAX(1, conf->max_conns / part->srv->n_parts), http_crowd_full, part);
	part->bound = talloc_zero_array(NULL, struct evhttp_bound_socket *, conf->n_listen);
	for (i = 0; i < conf->n_listen; i++)
		part_listen(part, c->fds[i], i);
	io_thread_at_stop(t, part_stop, part);
	talloc_free(c);
}

static unsigned int or_default(unsigned int value, unsigned int dflt)
{
	return value ? value : dflt;
}

static void conf_copy(struct http_server *srv, const struct http_server_conf *conf)
{
	struct http_server_conf *c = &srv->conf;

	*c = *conf;
	c->listen = listen_conf_dup(srv, conf->listen, conf->n_listen);
	c->max_conns = or_default(conf->max_conns, 1000);
	c->max_handshakes = or_default(conf->max_handshakes, 100);
	c->max_body = conf->max_body ? conf->max_body : 8 * 1024 * 1024;
	c->max_header = conf->max_header ? conf->max_header : 16384;
	c->request_timeout_ms = or_default(conf->request_timeout_ms, 30000);
	c->idle_timeout_ms = or_default(conf->idle_timeout_ms, 60000);
	c->answer_timeout_ms = or_default(conf->answer_timeout_ms, 60000);
}

static void part_init(struct http_server *srv, unsigned int i, const int *fds, const struct tls *tls)
{
	struct http_part *part = &srv->parts[i];
	struct part_call *c = part_call_alloc(part, part_start);

	part->srv = srv;
	part->thread = io_thread_get(srv->io, i);
	INIT_LLIST_HEAD(&part->conns);
	hash_init(part->parked);
	c->ctx = tls_ctx_ref(tls);
	c->fds = listen_dup(c, fds, srv->conf.n_listen);
	io_call_steal(part->thread, &c->call);
}

int http_server_start(const void *ctx, struct io *io, const struct http_server_conf *conf, const struct tls *tls,
		      http_handler handler, void *data, struct http_server **out, const char **err)
{
	struct http_server *srv;
	unsigned int i;
	int *fds;
	int rc;

	if (conf->n_listen == 0 || tls_role(tls) != TLS_SERVER) {
		*err = talloc_strdup(ctx, "no address to listen on, or no server certificate");
		return -EINVAL;
	}
	srv = talloc_zero(ctx, struct http_server);
	srv->io = io;
	srv->handler = handler;
	srv->data = data;
	conf_copy(srv, conf);
	srv->ports = talloc_zero_array(srv, uint16_t, conf->n_listen);
	fds = talloc_zero_array(srv, int, conf->n_listen);
	rc = listen_open(ctx, conf->listen, conf->n_listen, fds, srv->ports, err);
	if (rc < 0) {
		talloc_free(srv);
		return rc;
	}
	srv->n_parts = io_n_threads(io);
	srv->parts = talloc_zero_array(srv, struct http_part, srv->n_parts);
	for (i = 0; i < srv->n_parts; i++)
		part_init(srv, i, fds, tls);
	listen_close(fds, conf->n_listen);
	talloc_free(fds);
	*out = srv;
	return 0;
}

uint16_t http_server_port(const struct http_server *srv, size_t i)
{
	OSMO_ASSERT(i < srv->conf.n_listen);
	return srv->ports[i];
}

static void part_set_tls(struct io_thread *t, struct io_call *call)
{
	struct part_call *c = container_of(call, struct part_call, call);

	SSL_CTX_free(c->part->ctx);
	c->part->ctx = c->ctx;
	talloc_free(c);
}

void http_server_set_tls(struct http_server *srv, const struct tls *tls)
{
	unsigned int i;

	OSMO_ASSERT(tls_role(tls) == TLS_SERVER);
	for (i = 0; i < srv->n_parts; i++) {
		struct part_call *c = part_call_alloc(&srv->parts[i], part_set_tls);

		c->ctx = tls_ctx_ref(tls);
		io_call_steal(srv->parts[i].thread, &c->call);
	}
}

static void part_drain(struct io_thread *t, struct io_call *call)
{
	struct http_part *part = container_of(call, struct part_call, call)->part;
	struct http_conn *conn;
	size_t i;

	talloc_free(call);
	if (part->acceptor.stopped)
		return;
	acceptor_stop(&part->acceptor);
	for (i = 0; i < part->srv->conf.n_listen; i++)
		evhttp_del_accept_socket(part->http, part->bound[i]);
	llist_for_each_entry (conn, &part->conns, entry) {
		if (conn->phase == CONN_IDLE)
			http_conn_cut(conn);
	}
}

void http_server_drain(struct http_server *srv)
{
	unsigned int i;

	for (i = 0; i < srv->n_parts; i++)
		io_call_steal(srv->parts[i].thread, &part_call_alloc(&srv->parts[i], part_drain)->call);
}

struct http_server_stats http_server_get_stats(const struct http_server *srv)
{
	const struct http_counters *c = &srv->count;

	return (struct http_server_stats){
		.accepted = c->accepted,
		.open = c->open,
		.requests = c->requests,
		.overload = c->overload,
		.dead = c->dead,
		.plain = c->plain,
		.timed_out = c->timed_out,
		.crowded = c->crowded,
		.refused = c->refused,
	};
}
