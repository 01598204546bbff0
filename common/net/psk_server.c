/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* PSK-TLS server: settings of OpenSSL, listeners, and the way in from other threads.
 *
 * What live cards taught: they abort on an echoed encrypt_then_mac and on NewSessionTicket, so both are off; without an
 * identity hint no ServerKeyExchange is sent.  Resumption is excluded by SGP.02 and would save little.  The security
 * level is set here and not left to the system: 2 takes both suites, 3 would demand forward secrecy. */
#include "common/net/psk_server.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include <event2/listener.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/log.h"
#include "common/net/psk_priv.h"

#define CIPHERS "PSK-AES128-GCM-SHA256:PSK-AES128-CBC-SHA256"
#define SECURITY_LEVEL 2
#define RECORD_MAX 16384

/* Lab only: NSS key log lines, each in one write so that threads do not mix them. */
static void keylog_line(const SSL *ssl, const char *line)
{
	const struct psk_server *srv = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	struct iovec iov[] = {{(void *)line, strlen(line)}, {(void *)"\n", 1}};

	if (srv->keylog_fd >= 0 && writev(srv->keylog_fd, iov, ARRAY_SIZE(iov)) < 0)
		IO_LOG(srv->io, DHTTP, LOGL_ERROR, "key log: %s\n", strerror(errno));
}

static const char *why(const void *ctx, const char *what)
{
	unsigned long e = ERR_peek_last_error();
	const char *reason = e ? ERR_reason_error_string(e) : NULL;

	ERR_clear_error();
	return talloc_asprintf(ctx, "%s%s%s", what, reason ? ": " : "", reason ? reason : "");
}

static uint64_t options(const struct psk_server_conf *conf)
{
	return SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
	       SSL_OP_NO_ENCRYPT_THEN_MAC | (conf->no_ems ? SSL_OP_NO_EXTENDED_MASTER_SECRET : 0);
}

/* Every suite of the list must be one with a plain pre-shared key. */
static bool all_psk(const SSL_CTX *sc)
{
	const STACK_OF(SSL_CIPHER) *list = SSL_CTX_get_ciphers(sc);
	int n = 0;

	for (int i = 0; i < sk_SSL_CIPHER_num(list); i++) {
		const SSL_CIPHER *c = sk_SSL_CIPHER_value(list, i);

		if (strcmp(SSL_CIPHER_get_version(c), "TLSv1.3") == 0)
			continue; /* OpenSSL lists these whatever it is told; the version excludes them */
		if (SSL_CIPHER_get_kx_nid(c) != NID_kx_psk)
			return false;
		n++;
	}
	return n > 0;
}

static SSL_CTX *ctx_new(const void *ctx, const struct psk_server_conf *conf, const char **err)
{
	const char *ciphers = conf->ciphers ? conf->ciphers : CIPHERS;
	SSL_CTX *sc = SSL_CTX_new(TLS_server_method());

	ERR_clear_error();
	OSMO_ASSERT(sc);
	SSL_CTX_set_security_level(sc, SECURITY_LEVEL);
	SSL_CTX_set_options(sc, options(conf));
	SSL_CTX_set_session_cache_mode(sc, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(sc, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
	SSL_CTX_set_psk_server_callback(sc, psk_conn_key);
	if (SSL_CTX_set_min_proto_version(sc, TLS1_2_VERSION) != 1 ||
	    SSL_CTX_set_max_proto_version(sc, TLS1_2_VERSION) != 1)
		*err = why(ctx, "TLS 1.2 is not available");
	else if (SSL_CTX_set_cipher_list(sc, ciphers) != 1 || !all_psk(sc))
		*err = why(ctx, talloc_asprintf(ctx, "\"%s\" is no list of PSK suites", ciphers));
	else if (conf->max_fragment && SSL_CTX_set_max_send_fragment(sc, conf->max_fragment) != 1)
		*err = why(ctx, "a record holds 512 to 16384 octets");
	else
		return sc;
	SSL_CTX_free(sc);
	return NULL;
}

int psk_server_check(const void *ctx, const struct psk_server_conf *conf, const char **err)
{
	SSL_CTX *sc = ctx_new(ctx, conf, err);

	if (!sc)
		return -EINVAL;
	SSL_CTX_free(sc);
	if (conf->n_listen == 0) {
		*err = talloc_strdup(ctx, "no address to listen on");
		return -EINVAL;
	}
	return 0;
}

/* ---- parts ---- */

struct part_call {
	struct io_call call;
	struct psk_part *part;
	int *fds;
};

static struct part_call *part_call_alloc(struct psk_part *part, void (*run)(struct io_thread *t, struct io_call *call))
{
	struct part_call *c = talloc_zero(NULL, struct part_call);

	c->call.run = run;
	c->part = part;
	return c;
}

static void on_accept(struct evconnlistener *l, int fd, struct sockaddr *addr, int len, void *arg)
{
	psk_conn_accept(arg, fd, addr);
}

static void part_deaf(struct psk_part *part)
{
	struct acceptor *a = &part->acceptor;

	acceptor_stop(a);
	while (a->n > 0)
		evconnlistener_free(a->listeners[--a->n]);
}

static void part_stop(void *arg)
{
	struct psk_part *part = arg;

	part_deaf(part);
	psk_conn_stop_all(part);
	acceptor_fini(&part->acceptor);
	talloc_free(part->buf);
}

/* In the I/O thread: out of memory is the only thing that can fail here. */
static void part_start(struct io_thread *t, struct io_call *call)
{
	struct part_call *c = container_of(call, struct part_call, call);
	struct psk_part *part = c->part;
	const struct psk_server_conf *conf = &part->srv->conf;

	part->buf = talloc_array(NULL, uint8_t, RECORD_MAX);
	acceptor_init(&part->acceptor, io_thread_base(t), conf->n_listen,
		      OSMO_MAX(1, conf->max_conns / part->srv->n_parts), psk_conn_crowded, part);
	for (size_t i = 0; i < conf->n_listen; i++)
		acceptor_listen(&part->acceptor, i, c->fds[i], on_accept, part);
	io_thread_at_stop(t, part_stop, part);
	talloc_free(c);
}

static void part_init(struct psk_server *srv, unsigned int i, const int *fds)
{
	struct psk_part *part = &srv->parts[i];
	struct part_call *c = part_call_alloc(part, part_start);

	part->srv = srv;
	part->thread = io_thread_get(srv->io, i);
	INIT_LLIST_HEAD(&part->conns);
	INIT_LLIST_HEAD(&part->strangers);
	hash_init(part->by_id);
	c->fds = listen_dup(c, fds, srv->conf.n_listen);
	io_call_steal(part->thread, &c->call);
}

/* ---- server ---- */

static unsigned int or_default(unsigned int value, unsigned int dflt)
{
	return value ? value : dflt;
}

static void conf_copy(struct psk_server *srv, const struct psk_server_conf *conf)
{
	struct psk_server_conf *c = &srv->conf;

	*c = *conf;
	c->listen = listen_conf_dup(srv, conf->listen, conf->n_listen);
	c->ciphers = NULL; /* OpenSSL has it */
	c->keylog = talloc_strdup(srv, conf->keylog);
	c->max_conns = or_default(conf->max_conns, 10000);
	c->handshake_timeout_ms = or_default(conf->handshake_timeout_ms, 60 * 1000);
	c->idle_timeout_ms = or_default(conf->idle_timeout_ms, 120 * 1000);
	c->session_timeout_ms = or_default(conf->session_timeout_ms, 30 * 60 * 1000);
	c->close_timeout_ms = or_default(conf->close_timeout_ms, 30 * 1000);
	c->fail_max = or_default(conf->fail_max, 100);
	c->fail_window_ms = or_default(conf->fail_window_ms, 60 * 1000);
}

static int server_destroy(struct psk_server *srv)
{
	SSL_CTX_free(srv->ctx);
	if (srv->keylog_fd >= 0)
		close(srv->keylog_fd);
	return 0;
}

static int keylog_open(const void *ctx, struct psk_server *srv, const char **err)
{
	if (!srv->conf.keylog)
		return 0;
	srv->keylog_fd = open(srv->conf.keylog, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (srv->keylog_fd < 0) {
		int rc = -errno;

		*err = talloc_asprintf(ctx, "key log %s: %s", srv->conf.keylog, strerror(-rc));
		return rc;
	}
	SSL_CTX_set_keylog_callback(srv->ctx, keylog_line);
	LOGP(DHTTP, LOGL_NOTICE,
	     "the secrets of every PSK-TLS session are written to %s: whoever reads it reads the traffic; for a lab "
	     "only\n",
	     srv->conf.keylog);
	return 0;
}

int psk_server_start(const void *ctx, struct io *io, const struct psk_server_conf *conf,
		     const struct psk_handler *handler, void *data, struct psk_server **out, const char **err)
{
	struct psk_server *srv;
	int *fds;
	int rc = psk_server_check(ctx, conf, err);

	if (rc < 0)
		return rc;
	srv = talloc_zero(ctx, struct psk_server);
	srv->io = io;
	srv->handler = handler;
	srv->data = data;
	srv->keylog_fd = -1;
	conf_copy(srv, conf);
	talloc_set_destructor(srv, server_destroy);
	srv->ctx = ctx_new(ctx, conf, err);
	OSMO_ASSERT(srv->ctx);
	SSL_CTX_set_app_data(srv->ctx, srv);
	srv->fails = psk_fails_alloc(srv, srv->conf.fail_max, srv->conf.fail_window_ms);
	srv->ports = talloc_zero_array(srv, uint16_t, conf->n_listen);
	fds = talloc_zero_array(srv, int, conf->n_listen);
	rc = keylog_open(ctx, srv, err);
	if (rc == 0)
		rc = listen_open(ctx, conf->listen, conf->n_listen, fds, srv->ports, err);
	if (rc < 0) {
		talloc_free(srv);
		return rc;
	}
	srv->n_parts = io_n_threads(io);
	srv->parts = talloc_zero_array(srv, struct psk_part, srv->n_parts);
	for (unsigned int i = 0; i < srv->n_parts; i++)
		part_init(srv, i, fds);
	listen_close(fds, conf->n_listen);
	talloc_free(fds);
	*out = srv;
	return 0;
}

uint16_t psk_server_port(const struct psk_server *srv, size_t i)
{
	OSMO_ASSERT(i < srv->conf.n_listen);
	return srv->ports[i];
}

static void part_drain(struct io_thread *t, struct io_call *call)
{
	part_deaf(container_of(call, struct part_call, call)->part);
	talloc_free(call);
}

void psk_server_drain(struct psk_server *srv)
{
	for (unsigned int i = 0; i < srv->n_parts; i++)
		io_call_steal(srv->parts[i].thread, &part_call_alloc(&srv->parts[i], part_drain)->call);
}

struct psk_out *psk_out_alloc(void)
{
	return talloc_zero(NULL, struct psk_out);
}

static void out_send(struct io_thread *t, struct io_call *call)
{
	struct psk_out *out = container_of(call, struct psk_out, call);

	psk_conn_send(&out->srv->parts[io_thread_index(t)], out);
}

void psk_send_steal(struct psk_server *srv, uint64_t id, struct psk_out *out)
{
	struct io_thread *t = io_xid_thread(srv->io, id);

	if (!t) {
		srv->count.dead++;
		talloc_free(out);
		return;
	}
	out->call.run = out_send;
	out->srv = srv;
	out->id = id;
	io_call_steal(t, &out->call);
}

struct psk_server_stats psk_server_get_stats(const struct psk_server *srv)
{
	const struct psk_counters *c = &srv->count;

	return (struct psk_server_stats){
		.accepted = c->accepted,
		.open = c->open,
		.handshakes = c->handshakes,
		.unknown = c->unknown,
		.wrong_key = c->wrong_key,
		.failed = c->failed,
		.limited = c->limited,
		.timed_out = c->timed_out,
		.crowded = c->crowded,
		.dead = c->dead,
	};
}
