/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>

#include "common/net/http_client.h"
#include "common/net/http_url.h"
#include "common/net/io_priv.h"

/* Inside of the HTTPS client: http_client.c has calls and hosts, http_conn.c connections and what became of them. */

struct bufferevent;
struct event;
struct evdns_base;
struct evhttp_connection;
struct evhttp_request;
struct ssl_ctx_st;
struct ssl_st;

/* The share of one I/O thread. */
struct client_part {
	struct http_client *client;
	struct io_thread *thread;
	struct ssl_ctx_st *ctx;
	unsigned int generation; /* of ctx */
	struct evdns_base *dns;
	struct event *reap;
	struct llist_head trash; /* struct client_conn to be freed */
	struct llist_head hosts;
};

struct http_client {
	struct io *io;
	struct http_client_conf conf;
	atomic_uint pending;
	unsigned int n_parts;
	struct client_part *parts;
};

struct client_host {
	struct llist_head entry;
	struct client_part *part;
	const char *name;
	uint16_t port;
	unsigned int n_conns;
	struct llist_head idle;	   /* struct client_conn */
	struct llist_head busy;	   /* struct client_conn */
	struct llist_head waiting; /* struct client_transfer */
};

struct client_transfer {
	struct llist_head entry; /* host.waiting, or alone */
	struct client_host *host;
	struct http_call *call;
	struct http_url url;
	struct event *deadline;
	struct client_conn *conn; /* NULL while waiting */
	int family;
	bool other_family; /* may be tried too */
	bool repeated;
	struct http_result *first; /* why the first family failed */
};

struct client_conn {
	struct llist_head entry; /* host.idle, host.busy or client_part.trash */
	struct client_host *host;
	struct evhttp_connection *evcon;
	struct bufferevent *bev; /* of evcon */
	struct ssl_st *ssl;	 /* own reference */
	struct event *idle;
	struct client_transfer *transfer;
	unsigned int generation;
	bool connected;	  /* TCP */
	bool established; /* TLS */
	bool refused;	  /* fatal TLS alert */
	bool used;	  /* an answer came before */
	bool closed;	  /* by the server */
	bool trashed;
	int error; /* enum evhttp_request_error */
};

/* http_client.c */
/* A connection has become free, or has gone. */
void client_host_dispatch(struct client_host *h);

/* http_conn.c */
/* Start to connect; AF_INET or AF_INET6.  NULL when there is no TLS object for this host. */
struct client_conn *client_conn_new(struct client_host *h, int family);
/* Take the connection out of use; it is freed from the event loop. */
void client_conn_trash(struct client_conn *c);
/* Put it with the idle ones, or trash it if it cannot be used again. */
void client_conn_release(struct client_conn *c);
/* For event_new(): free what is in the trash of a struct client_part. */
void client_conn_reap(int fd, short what, void *part);
/* Results, allocated below NULL; the caller fills in whose they are. */
struct http_result *client_result_of_answer(struct evhttp_request *req);
struct http_result *client_result_of_failure(const struct client_conn *c);
