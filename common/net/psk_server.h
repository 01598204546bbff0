/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/net/http_server.h"
#include "common/net/io.h"

/* TLS 1.2 server with pre-shared keys, in the I/O threads (SCP81).
 *
 * Octets in, one buffer out: what they mean is for the handler, whose functions run in the I/O thread of the
 * connection. An answer is one SSL_write(), so up to 16 KiB of it is one TLS record.  The end of a connection is
 * close_notify at once behind the last answer, then the wait for the peer's close; a reset is never sent to a peer that
 * behaves.
 *
 * A connection is known by a number that is never used again: an answer to one that has gone is dropped. */

struct psk_server;

/*! Settings; a member that is 0 or NULL gets the default in brackets. */
struct psk_server_conf {
	const struct http_listen *listen;
	size_t n_listen;
	const char *ciphers;		   /* suites in OpenSSL's words [PSK-AES128-GCM-SHA256:PSK-AES128-CBC-SHA256] */
	unsigned int max_conns;		   /* of all threads together [10000] */
	unsigned int handshake_timeout_ms; /* from accept [60000] */
	unsigned int idle_timeout_ms;	   /* nothing heard, and nothing owed to the peer [120000] */
	unsigned int session_timeout_ms;   /* whole connection [1800000] */
	unsigned int close_timeout_ms;	   /* wait for the peer's close behind ours [30000] */
	unsigned int max_fragment; /* octets of a record that we send, 512 to 16384; a client's own wish comes first
				      [16384] */
	bool no_ems;		   /* do not echo extended_master_secret (RFC 7627) */
	unsigned int fail_max; /* failed handshakes of one address within fail_window_ms, then it is not served [100] */
	unsigned int fail_window_ms; /* [60000] */
	/*! Lab only: append the secrets of every session to this file, for tshark.  NULL = never. */
	const char *keylog;
};

/*! Who is connected; valid while the connection is. */
struct psk_peer {
	uint64_t id; /* for psk_send_steal() */
	const char *identity;
	const char *remote; /* address, for logs */
	const char *cipher; /* OpenSSL's name of the suite */
	unsigned int thread;
	struct io *io;
};

enum psk_next {
	PSK_MORE,  /* all was taken; go on reading */
	PSK_HOLD,  /* a request is complete: nothing more is passed until something was sent */
	PSK_CLOSE, /* without an answer: what is on its way to psk_send_steal() is dropped */
};

enum psk_end {
	PSK_END_PEER,	 /* closed by the peer */
	PSK_END_OURS,	 /* closed by us, at the handler's wish */
	PSK_END_TIMEOUT, /* idle or session time-out */
	PSK_END_ERROR,	 /* broken: TLS, TCP, or input while an answer is owed */
	PSK_END_STOP,	 /* io_stop() */
};

#define PSK_KEY_MAX 64
#define PSK_IDENTITY_MAX 128

/*! Functions of the daemon, all called in I/O threads: what data points to is immutable or has a place for each thread.
 */
struct psk_handler {
	/*! Look up the key of an identity (at most PSK_IDENTITY_MAX characters, otherwise unchecked).  An unknown one
	 * has to cost as much as a known one. \param[out] key  PSK_KEY_MAX octets of OpenSSL's, wiped by it \returns
	 * length of the key, 16 to PSK_KEY_MAX; 0 = unknown */
	size_t (*key)(void *data, unsigned int thread, const char *identity, uint8_t *key);
	/*! The handshake is done.  \returns state for the calls below, may be NULL */
	void *(*opened)(void *data, const struct psk_peer *peer);
	/*! Octets came.  \param[out] used  for PSK_HOLD: how many belong to the request; the rest comes again later */
	enum psk_next (*input)(void *data, void *state, struct bytes in, size_t *used);
	/*! The connection can neither send nor receive any more; frees state.  Called once for each opened(). */
	void (*closed)(void *data, void *state, enum psk_end why);
};

/*! Check settings without listening (for a check of the configuration).
 * \param[out] err  on error a sentence, talloc child of ctx
 * \returns 0; -EINVAL */
int psk_server_check(const void *ctx, const struct psk_server_conf *conf, const char **err) MUST_CHECK;

/*! Bind and start to serve.
 * \param[in]  ctx   talloc parent; the server must live until io_stop()
 * \param[in]  conf  copied
 * \param[in]  handler  must live as long as the server
 * \param[out] srv   untouched on error
 * \param[out] err   on error a sentence for the operator, talloc child of ctx
 * \returns 0; -EINVAL; -EADDRINUSE and other errnos of bind() and open() */
int psk_server_start(const void *ctx, struct io *io, const struct psk_server_conf *conf,
		     const struct psk_handler *handler, void *data, struct psk_server **srv,
		     const char **err) MUST_CHECK;

/*! Port of listen[i], also when the configuration said 0. */
uint16_t psk_server_port(const struct psk_server *srv, size_t i);

/*! Stop accepting; connections that stand go on until io_stop(). */
void psk_server_drain(struct psk_server *srv);

/*! Something to send: a talloc tree without parent. */
struct psk_out {
	struct io_call call; /* must stay first */
	struct psk_server *srv;
	uint64_t id;
	struct bytes octets; /* memory of the tree, or static; may be empty */
	bool close;	     /* close behind it */
};

/*! \returns empty one, allocated below NULL */
struct psk_out *psk_out_alloc(void);

/*! Any thread: send to connection id, or drop if that has gone; ends PSK_HOLD. */
void psk_send_steal(struct psk_server *srv, uint64_t id, struct psk_out *out);

/*! Totals since start; read without a lock, each value consistent in itself. */
struct psk_server_stats {
	uint64_t accepted;   /* connections */
	uint64_t open;	     /* connections now, those that are closing too */
	uint64_t handshakes; /* completed */
	uint64_t unknown;    /* failed: identity that the handler does not know */
	uint64_t wrong_key;  /* failed: the peer's key is another */
	uint64_t failed;     /* failed otherwise: version, suites, malformed, closed */
	uint64_t limited;    /* not served: too many failures of the address */
	uint64_t timed_out;  /* cut by one of the time-outs */
	uint64_t crowded;    /* cut for a newcomer, because the cap was reached and no key had been shown */
	uint64_t dead;	     /* answers whose connection had gone */
};
/*! Any thread. */
struct psk_server_stats psk_server_get_stats(const struct psk_server *srv);
