/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Listening sockets and acceptors, for the HTTPS and the PSK-TLS server.
 *
 * Accepted sockets inherit the options of the listening one (Linux), which saves system calls for each connection:
 * TCP_NODELAY, or an answer in two records would wait 40 ms; keep-alive, or a peer that lost its radio stays for ever.
 */
#include "common/net/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>
#include <event2/listener.h>
#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/net/io_priv.h"

#define BACKLOG 512
#define RETRY_MS 1000
#define KEEPALIVE_S 60
#define GRIPE_MS 10000
#define NEWCOMER_MS 5000 /* for a handshake over a slow radio, when nobody else can go */

struct option {
	int level, name, value;
};

static int set_options(int fd, int family)
{
	const struct option opts[] = {
		{SOL_SOCKET, SO_REUSEADDR, 1},
		{SOL_SOCKET, SO_KEEPALIVE, 1},
		{IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_S},
		{IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_S},
		{IPPROTO_TCP, TCP_NODELAY, 1},
		{IPPROTO_IPV6, IPV6_V6ONLY, 1}, /* last: only for IPv6 */
	};
	size_t n = family == AF_INET6 ? ARRAY_SIZE(opts) : ARRAY_SIZE(opts) - 1;

	for (size_t i = 0; i < n; i++) {
		if (setsockopt(fd, opts[i].level, opts[i].name, &opts[i].value, sizeof(opts[i].value)) < 0)
			return -errno;
	}
	return 0;
}

static int socket_bind(const struct addrinfo *ai)
{
	int fd, rc;

	fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	rc = set_options(fd, ai->ai_family);
	if (rc == 0 && (bind(fd, ai->ai_addr, ai->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0))
		rc = -errno;
	if (rc < 0) {
		close(fd);
		return rc;
	}
	return fd;
}

static uint16_t socket_port(int fd)
{
	struct sockaddr_storage ss = {0};
	socklen_t len = sizeof(ss);

	if (getsockname(fd, (struct sockaddr *)&ss, &len) < 0)
		return 0;
	/* sin_port and sin6_port share their place */
	return ntohs(((struct sockaddr_in *)&ss)->sin_port);
}

static int socket_open(const struct http_listen *l)
{
	const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_PASSIVE, .ai_socktype = SOCK_STREAM};
	struct addrinfo *ai;
	int fd;

	if (!l->host || getaddrinfo(l->host, NULL, &hints, &ai))
		return -EINVAL;
	if (ai->ai_family == AF_INET6)
		((struct sockaddr_in6 *)ai->ai_addr)->sin6_port = htons(l->port);
	else
		((struct sockaddr_in *)ai->ai_addr)->sin_port = htons(l->port);
	fd = socket_bind(ai);
	freeaddrinfo(ai);
	return fd;
}

void listen_close(const int *fds, size_t n)
{
	while (n-- > 0)
		close(fds[n]);
}

int listen_open(const void *ctx, const struct http_listen *l, size_t n, int *fds, uint16_t *ports, const char **err)
{
	for (size_t i = 0; i < n; i++) {
		fds[i] = socket_open(&l[i]);
		if (fds[i] < 0) {
			*err = talloc_asprintf(ctx, "cannot listen on %s port %u: %s", l[i].host, l[i].port,
					       strerror(-fds[i]));
			listen_close(fds, i);
			return fds[i];
		}
		ports[i] = socket_port(fds[i]);
	}
	return 0;
}

int *listen_dup(const void *ctx, const int *fds, size_t n)
{
	int *dup = talloc_array(ctx, int, n);

	for (size_t i = 0; i < n; i++) {
		dup[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 0);
		OSMO_ASSERT(dup[i] >= 0);
	}
	return dup;
}

struct http_listen *listen_conf_dup(const void *ctx, const struct http_listen *l, size_t n)
{
	struct http_listen *copy = talloc_zero_array(ctx, struct http_listen, n);

	for (size_t i = 0; i < n; i++) {
		copy[i].host = talloc_strdup(copy, l[i].host);
		copy[i].port = l[i].port;
	}
	return copy;
}

/* ---- acceptor ---- */

static void enable(struct acceptor *a, bool on)
{
	if (a->stopped)
		return;
	for (size_t i = 0; i < a->n; i++) {
		if (on)
			evconnlistener_enable(a->listeners[i]);
		else
			evconnlistener_disable(a->listeners[i]);
	}
	a->paused = !on;
}

/* The argument of a listener may be evhttp's, so this callback knows nothing but the listener. */
static void accept_failed(struct evconnlistener *l, void *arg)
{
	evconnlistener_disable(l);
}

static void accept_retry(evutil_socket_t fd, short what, void *arg)
{
	struct acceptor *a = arg;

	if (!a->paused)
		enable(a, true);
	else if (!a->stopped)
		a->crowded(a->arg, NEWCOMER_MS);
}

void acceptor_init(struct acceptor *a, struct event_base *base, size_t n, unsigned int max_conns, crowded_cb crowded,
		   void *arg)
{
	struct timeval retry = tv_of_ms(RETRY_MS);

	*a = (struct acceptor){.base = base, .max_conns = max_conns, .crowded = crowded, .arg = arg};
	a->listeners = talloc_zero_array(NULL, struct evconnlistener *, n);
	a->retry = event_new(base, -1, EV_PERSIST, accept_retry, a);
	event_add(a->retry, &retry);
}

struct evconnlistener *acceptor_listen(struct acceptor *a, size_t i, int fd, accept_cb accepted, void *arg)
{
	struct evconnlistener *l =
		evconnlistener_new(a->base, accepted, arg, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);

	OSMO_ASSERT(l && i == a->n);
	evconnlistener_set_error_cb(l, accept_failed);
	a->listeners[a->n++] = l;
	return l;
}

void acceptor_conn_up(struct acceptor *a)
{
	if (++a->n_conns <= a->max_conns || a->stopped)
		return;
	enable(a, false);
	a->crowded(a->arg, 0);
}

void acceptor_conn_down(struct acceptor *a)
{
	a->n_conns--;
	if (a->paused && a->n_conns <= a->max_conns)
		enable(a, true);
}

void acceptor_stop(struct acceptor *a)
{
	a->stopped = true;
}

void acceptor_fini(struct acceptor *a)
{
	acceptor_stop(a);
	event_free(a->retry);
	talloc_free(a->listeners);
}

/* ---- for the log ---- */

const char *listen_remote(const void *ctx, int fd)
{
	struct sockaddr_storage ss = {0};
	socklen_t len = sizeof(ss);
	char host[NI_MAXHOST];

	if (getpeername(fd, (struct sockaddr *)&ss, &len) < 0 ||
	    getnameinfo((const struct sockaddr *)&ss, len, host, sizeof(host), NULL, 0, NI_NUMERICHOST))
		return talloc_strdup(ctx, "?");
	return talloc_strdup(ctx, host);
}

uint64_t listen_sockaddr_key(const struct sockaddr *sa)
{
	struct rd r;

	if (sa->sa_family == AF_INET6) {
		rd_init(&r, bytes_of(&((const struct sockaddr_in6 *)sa)->sin6_addr, 8));
		return rd_uint(&r, 8) | (uint64_t)1 << 63;
	}
	rd_init(&r, bytes_of(&((const struct sockaddr_in *)sa)->sin_addr, 4));
	return rd_u32(&r) | (uint64_t)1 << 32;
}

uint64_t listen_addr_key(int fd)
{
	struct sockaddr_storage ss = {0};
	socklen_t len = sizeof(ss);

	return getpeername(fd, (struct sockaddr *)&ss, &len) < 0 ? 0 : listen_sockaddr_key((struct sockaddr *)&ss);
}

int64_t net_now_ms(void)
{
	struct timespec ts;

	OSMO_ASSERT(clock_gettime(CLOCK_MONOTONIC, &ts) == 0);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

bool net_gripe_now(struct net_gripe *g, unsigned int *hidden)
{
	int64_t now = net_now_ms();

	if (now < g->next_ms) {
		g->hidden++;
		return false;
	}
	*hidden = g->hidden;
	*g = (struct net_gripe){.next_ms = now + GRIPE_MS};
	return true;
}
