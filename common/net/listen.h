/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/net/http_server.h"

/* For the files of common/net only: listening sockets, and when they sleep.
 *
 * All threads accept from the same sockets, each by its own acceptor.  Above the cap on connections the owner is asked
 * to give one up, or whoever opens connections and says nothing would keep all others out; until one has ended the
 * listeners sleep, so the kernel's backlog holds further clients and no descriptor is used up (one wake-up may still
 * bring in all that wait there at that moment).  The same sleep keeps a failing accept() (EMFILE) from spinning: a
 * level-triggered loop would call it again at once. */

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

/*! Above the share of this thread: when the cap of all is reached, end the connection that its client has left waiting
 * longest, if one waits for min_ms. */
typedef void (*crowded_cb)(void *arg, unsigned int min_ms);

/* Listeners of one thread; touched by that thread only. */
struct acceptor {
	struct event_base *base;
	struct evconnlistener **listeners; /* not owned: evhttp frees those that it was given */
	size_t n;
	struct event *retry;
	unsigned int n_conns;
	unsigned int max_conns; /* one more is let in before one has to go */
	crowded_cb crowded;
	void *arg;
	bool paused;
	bool stopped;
};

/*! \param[in] n    listeners to come
 * \param[in] arg  of crowded */
void acceptor_init(struct acceptor *a, struct event_base *base, size_t n, unsigned int max_conns, crowded_cb crowded,
		   void *arg);
/*! \param[in] accepted  NULL when the listener goes to evhttp, which sets its own
 * \returns listener i, owned by the caller */
struct evconnlistener *acceptor_listen(struct acceptor *a, size_t i, int fd, accept_cb accepted, void *arg);
/*! A connection began (to be called before it is among those that may be ended), or ended. */
void acceptor_conn_up(struct acceptor *a);
void acceptor_conn_down(struct acceptor *a);
/*! The listeners are about to be freed, or are freed already. */
void acceptor_stop(struct acceptor *a);
/*! Release the rest. */
void acceptor_fini(struct acceptor *a);

/*! Numeric address of the other end, talloc child of ctx; "?" when the socket does not tell. */
const char *listen_remote(const void *ctx, int fd);

/*! The address as a number to compare, an IPv6 address by its /64, which one host owns.  Never 0. */
uint64_t listen_sockaddr_key(const struct sockaddr *sa);
/*! The same of the other end; 0 when the socket does not tell. */
uint64_t listen_addr_key(int fd);

/*! Keeps a line that strangers can provoke from filling the log.  Owned by one thread. */
struct net_gripe {
	int64_t next_ms;
	unsigned int hidden;
};

/*! \param[out] hidden  how often it was said no to since the last yes
 * \returns true at most once in ten seconds */
bool net_gripe_now(struct net_gripe *g, unsigned int *hidden);
/*! Milliseconds of the monotonic clock, for any thread. */
int64_t net_now_ms(void);
