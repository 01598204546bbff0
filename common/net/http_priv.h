/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>

#include <osmocom/core/hashtable.h>

#include "common/net/http_server.h"
#include "common/net/io_priv.h"
#include "common/net/listen.h"

/* Inside of the HTTPS server: http_server.c has listeners and connections, http_exchange.c requests and answers,
 * http_crowd.c who gives way. */

struct bufferevent;
struct evbuffer;
struct evbuffer_cb_info;
struct event;
struct evhttp;
struct evhttp_bound_socket;
struct evhttp_request;
struct ssl_ctx_st;

struct http_counters {
	atomic_uint_fast64_t accepted, open, requests, overload, dead, plain, timed_out, crowded, refused;
};

/* What one I/O thread serves; touched by that thread only once it runs. */
struct http_part {
	struct http_server *srv;
	struct io_thread *thread;
	struct evhttp *http;
	struct ssl_ctx_st *ctx;
	struct evhttp_bound_socket **bound; /* n_listen of them; malloc'd by libevent */
	struct acceptor acceptor;
	struct llist_head conns; /* the one in its phase for the longest time first */
	struct net_gripe slow, crowd, large, refused, handshakes;
	size_t got;		      /* of all connections */
	DECLARE_HASHTABLE(parked, 8); /* struct http_conn by xid */
};

struct http_server {
	struct io *io;
	struct http_server_conf conf;
	http_handler handler;
	void *data;
	struct http_counters count;
	uint16_t *ports;
	unsigned int n_parts;
	struct http_part *parts;
};

#define HTTP_BODIES_MAX 8 /* in one thread, of the largest size */

enum conn_phase {
	CONN_NEW,     /* evhttp is about to give it its socket; never entered again */
	CONN_IDLE,    /* between two requests */
	CONN_READING, /* TLS handshake, or part of a request has come */
	CONN_BUSY,    /* handler and core have the request */
	CONN_WRITING, /* the answer is on its way */
};

/* One connection, from accept() until OpenSSL frees its TLS object. */
struct http_conn {
	struct llist_head entry; /* http_part.conns */
	struct http_part *part;
	struct bufferevent *bev;
	uint64_t remote; /* listen_addr_key() */
	struct event *deadline;
	enum conn_phase phase;
	int64_t since_ms;
	size_t got;	       /* octets of the requests since it was idle */
	bool cut;	       /* its end is on its way */
	struct tls_peer *peer; /* read at the first request */

	/* the request in work: CONN_BUSY only */
	struct evhttp_request *req;
	struct event *watch; /* tells that the client went away */
	bool parked;
	uint64_t xid;
	struct hlist_node node; /* http_part.parked */
};

/* http_server.c */
/* Change the phase and start its deadline. */
void http_conn_enter(struct http_conn *conn, enum conn_phase phase);

/* http_crowd.c */
/* End a connection: evhttp sees the end of the stream. */
void http_conn_cut(struct http_conn *conn);
/* For the acceptor: a connection too many. */
void http_crowd_full(void *part, unsigned int min_ms);
/* Unfinished requests hold too much. */
void http_crowd_bodies(struct http_part *part);
/* A newcomer: has its address too many without a finished handshake? */
void http_crowd_handshakes(struct http_conn *newcomer);

/* http_exchange.c */
/* For the output of a connection: tells of answers that evhttp gives by itself. */
void http_exchange_output(struct evbuffer *buf, const struct evbuffer_cb_info *info, void *conn);
/* For evhttp: a complete request. */
void http_exchange_rx(struct evhttp_request *req, void *part);
/* The core took too long: 503. */
void http_exchange_late(struct http_conn *conn);
/* Nobody waits for an answer to the request in work any more. */
void http_exchange_forget(struct http_conn *conn);
