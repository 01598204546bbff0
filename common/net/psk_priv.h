/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include <osmocom/core/hashtable.h>

#include "common/net/io_priv.h"
#include "common/net/listen.h"
#include "common/net/psk_server.h"

/* Inside of the PSK-TLS server: psk_server.c has settings, listeners and the way in from other threads, psk_conn.c a
 * connection, psk_fail.c the failures of each address. */

struct event;
struct sockaddr;
struct ssl_ctx_st;
struct ssl_st;

struct psk_counters {
	atomic_uint_fast64_t accepted, open, handshakes, unknown, wrong_key, failed, limited, timed_out, dead;
};

/* Failed handshakes of addresses; shared by the threads. */
struct psk_fails;
struct psk_fails *psk_fails_alloc(const void *ctx, unsigned int max, unsigned int window_ms);
/* Whether the address has used up its failures. */
bool psk_fails_over(struct psk_fails *f, const struct sockaddr *addr);
void psk_fails_add(struct psk_fails *f, const struct sockaddr *addr);

/* What one I/O thread serves; touched by that thread only once it runs. */
struct psk_part {
	struct psk_server *srv;
	struct io_thread *thread;
	struct acceptor acceptor;
	uint8_t *buf; /* for one record, of whichever connection reads now */
	struct llist_head conns;
	DECLARE_HASHTABLE(by_id, 10);
};

struct psk_server {
	struct io *io;
	struct psk_server_conf conf;
	const struct psk_handler *handler;
	void *data;
	struct ssl_ctx_st *ctx;
	struct psk_fails *fails;
	int keylog_fd;
	struct psk_counters count;
	uint16_t *ports;
	unsigned int n_parts;
	struct psk_part *parts;
};

/* psk_conn.c */
/* For the listeners: serve a socket just accepted. */
void psk_conn_accept(struct psk_part *part, int fd, const struct sockaddr *addr);
/* Send to the connection of this thread with out->id, if it is there. */
void psk_conn_send(struct psk_part *part, struct psk_out *out);
/* io_stop(): no connection goes on. */
void psk_conn_stop_all(struct psk_part *part);
/* For SSL_CTX: looks up the key of an identity. */
unsigned int psk_conn_key(struct ssl_st *ssl, const char *identity, unsigned char *key, unsigned int cap);
