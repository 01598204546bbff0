/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/net/http_server.h"

/* For the files of common/net only: listening sockets, and when they sleep.
 *
 * All threads accept from the same sockets, each by its own acceptor.  At the cap on connections the listeners sleep,
 * so the kernel's backlog holds further clients and no descriptor is used up.  The same sleep keeps a failing accept()
 * (EMFILE) from spinning: a level-triggered loop would call it again at once. */

struct event;
struct event_base;
struct evconnlistener;
struct sockaddr;

typedef void (*accept_cb)(struct evconnlistener *l, int fd, struct sockaddr *addr, int len, void *arg);

/*! Bind and listen on n addresses; accepted sockets inherit TCP_NODELAY and the keep-alive of TCP.
 * \param[out] fds, ports  n places each
 * \param[out] err         on error a sentence, talloc child of ctx
 * \returns 0; -EINVAL and the errnos of bind() */
int listen_open(const void *ctx, const struct http_listen *listen, size_t n, int *fds, uint16_t *ports,
		const char **err) MUST_CHECK;
/*! Close what listen_open() opened. */
void listen_close(const int *fds, size_t n);
/*! \returns duplicates for one thread, talloc child of ctx */
int *listen_dup(const void *ctx, const int *fds, size_t n);
/*! \returns copy of the addresses, talloc child of ctx */
struct http_listen *listen_conf_dup(const void *ctx, const struct http_listen *listen, size_t n);

/* Listeners of one thread; touched by that thread only. */
struct acceptor {
	struct event_base *base;
	struct evconnlistener **listeners; /* not owned: evhttp frees those that it was given */
	size_t n;
	struct event *retry;
	unsigned int n_conns;
	unsigned int max_conns;
	bool paused;
	bool stopped;
};

/*! \param[in] n  listeners to come */
void acceptor_init(struct acceptor *a, struct event_base *base, size_t n, unsigned int max_conns);
/*! \param[in] accepted  NULL when the listener goes to evhttp, which sets its own
 * \returns listener i, owned by the caller */
struct evconnlistener *acceptor_listen(struct acceptor *a, size_t i, int fd, accept_cb accepted, void *arg);
/*! A connection began, or ended. */
void acceptor_conn_up(struct acceptor *a);
void acceptor_conn_down(struct acceptor *a);
/*! The listeners are about to be freed, or are freed already. */
void acceptor_stop(struct acceptor *a);
/*! Release the rest. */
void acceptor_fini(struct acceptor *a);
