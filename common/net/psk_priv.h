/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/socket.h>

#include <osmocom/core/hashtable.h>

#include "common/net/io_priv.h"
#include "common/net/listen.h"
#include "common/net/psk_server.h"

/* Inside of the PSK-TLS server: psk_server.c has settings, listeners and the way in from other threads, psk_conn.c a
 * connection from its handshake to its end, psk_data.c what goes over it, psk_fail.c the failures of each address. */

struct event;
struct ssl_ctx_st;
struct ssl_st;

struct psk_counters {
	atomic_uint_fast64_t accepted, open, handshakes, unknown, wrong_key, failed, limited, timed_out, crowded, dead;
};

/* Failed handshakes of addresses; shared by the threads. */
struct psk_fails;
struct psk_fails *psk_fails_alloc(const void *ctx, unsigned int max, unsigned int window_ms);
/* Whether the address has used up its failures. */
bool psk_fails_over(struct psk_fails *f, const struct sockaddr *addr);
/* Returns true when this was the last one allowed. */
bool psk_fails_add(struct psk_fails *f, const struct sockaddr *addr);

/* What one I/O thread serves; touched by that thread only once it runs. */
struct psk_part {
	struct psk_server *srv;
	struct io_thread *thread;
	struct acceptor acceptor;
	uint8_t *buf; /* for one record, of whichever connection reads now */
	struct llist_head conns;
	struct llist_head strangers; /* the oldest first: no handshake yet, or one that failed */
	struct net_gripe crowd;
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

enum conn_state {
	CONN_HANDSHAKE,
	CONN_OPEN,
	CONN_HELD,
	CONN_CLOSING,
	CONN_DRAIN,
};

struct psk_conn {
	struct llist_head entry; /* psk_part.conns or strangers */
	struct hlist_node node;	 /* psk_part.by_id */
	struct psk_part *part;
	struct ssl_st *ssl; /* NULL in DRAIN */
	int fd;
	enum conn_state state;
	bool known;  /* the identity has a key */
	bool opened; /* the handler has a state */
	enum psk_end why;
	int64_t accepted_ms;
	struct event *readable, *writable, *deadline;
	struct llist_head out; /* struct psk_out, by call.entry */
	struct bytes held;     /* came while an answer was owed; talloc child */
	struct sockaddr_storage addr;
	struct psk_peer peer;
	void *user;
};

static inline struct psk_server *psk_conn_server(const struct psk_conn *conn)
{
	return conn->part->srv;
}

/* psk_conn.c */
/* For the listeners: serve a socket just accepted. */
void psk_conn_accept(struct psk_part *part, int fd, const struct sockaddr *addr);
/* For the acceptor: a connection too many. */
void psk_conn_crowded(void *part, unsigned int min_ms);
/* Send to the connection of this thread with out->id, if it is there. */
void psk_conn_send(struct psk_part *part, struct psk_out *out);
/* io_stop(): no connection goes on. */
void psk_conn_stop_all(struct psk_part *part);
/* For SSL_CTX: looks up the key of an identity. */
unsigned int psk_conn_key(struct ssl_st *ssl, const char *identity, unsigned char *key, unsigned int cap);
/* Whether an operation of OpenSSL that gave rc waits for the socket; then the events are set. */
bool psk_conn_waits(struct psk_conn *conn, int rc);
/* Start the deadline of an open connection again. */
void psk_conn_arm(struct psk_conn *conn);
/* Everything was sent: close_notify at once, then wait for the peer's. */
void psk_conn_close(struct psk_conn *conn, enum psk_end why);
/* After a fatal alert, which OpenSSL has sent: wait for the peer to see it. */
void psk_conn_drain(struct psk_conn *conn);
void psk_conn_free(struct psk_conn *conn);

/* psk_data.c */
/* The socket is readable; conn may be gone afterwards. */
void psk_data_read(struct psk_conn *conn);
/* As above without TLS: drop what comes. */
void psk_data_drop(struct psk_conn *conn);
/* Send what waits; conn may be gone afterwards. */
void psk_data_write(struct psk_conn *conn);
