/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* One PSK-TLS connection: OpenSSL on a socket that does not block, driven by plain events of libevent.
 *
 * bufferevent_openssl is not used here: it frees its TLS object from its loop only, closes the socket with it (a reset,
 * when the client's Finished still waits to be read, which takes the alert along), and has no way to send close_notify
 * and go on reading.  What is needed instead is little:
 *
 *   HANDSHAKE --> OPEN <--> HELD        HELD: the handler has a request, an answer is owed
 *       |           |
 *       |           +--> CLOSING        close_notify is out; wait for the peer's close, dropping what still comes
 *       +--> DRAIN                      alert is out, our side of TCP is shut: read the rest, so that no reset follows
 *
 * The socket BIO writes at once, so when SSL_write() or SSL_shutdown() is through, the kernel has the record. */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <osmocom/core/talloc.h>
#include <osmocom/core/utils.h>

#include "common/app/log.h"
#include "common/net/psk_priv.h"

#define RECORD_MAX 16384
#define HELD_MAX 16384 /* octets that may come while an answer is owed */
#define DRAIN_MS 5000

enum conn_state {
	CONN_HANDSHAKE,
	CONN_OPEN,
	CONN_HELD,
	CONN_CLOSING,
	CONN_DRAIN,
};

struct psk_conn {
	struct llist_head entry; /* psk_part.conns */
	struct hlist_node node;	 /* psk_part.by_id */
	struct psk_part *part;
	SSL *ssl; /* NULL in DRAIN */
	int fd;
	enum conn_state state;
	bool known;  /* the identity has a key */
	bool opened; /* the handler has a state */
	bool broken; /* TLS may not be used any more: SSL_shutdown() would fail */
	enum psk_end why;
	int64_t accepted_ms;
	struct event *readable, *writable, *deadline;
	struct llist_head out; /* struct psk_out, by call.entry */
	struct bytes held;     /* came while an answer was owed; talloc child */
	struct sockaddr_storage addr;
	struct psk_peer peer;
	void *user;
};

static int64_t now_ms(void)
{
	struct timespec ts;

	OSMO_ASSERT(clock_gettime(CLOCK_MONOTONIC, &ts) == 0);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static struct psk_server *server(const struct psk_conn *conn)
{
	return conn->part->srv;
}

/* ---- end ---- */

static void drop_outs(struct psk_conn *conn)
{
	struct psk_out *out, *next;

	llist_for_each_entry_safe (out, next, &conn->out, call.entry) {
		llist_del(&out->call.entry);
		talloc_free(out);
	}
}

/* The handler hears of the end once, and as soon as nothing can be exchanged any more. */
static void tell_closed(struct psk_conn *conn)
{
	if (!conn->opened)
		return;
	conn->opened = false;
	hash_del(&conn->node);
	server(conn)->handler->closed(server(conn)->data, conn->user, conn->why);
}

static void conn_free(struct psk_conn *conn)
{
	struct psk_part *part = conn->part;

	tell_closed(conn);
	drop_outs(conn);
	event_free(conn->readable);
	event_free(conn->writable);
	event_free(conn->deadline);
	SSL_free(conn->ssl);
	close(conn->fd);
	llist_del(&conn->entry);
	part->srv->count.open--;
	acceptor_conn_down(&part->acceptor);
	talloc_free(conn);
}

static void arm(struct psk_conn *conn, unsigned int ms)
{
	struct timeval tv = tv_of_ms(ms);

	event_add(conn->deadline, &tv);
}

/* While an answer is owed only the limit of the whole connection counts. */
static void arm_open(struct psk_conn *conn)
{
	const struct psk_server_conf *conf = &server(conn)->conf;
	int64_t left;

	if (conn->state != CONN_OPEN && conn->state != CONN_HELD)
		return;
	left = conn->accepted_ms + conf->session_timeout_ms - now_ms();

	left = OSMO_MAX(left, 1);
	arm(conn, conn->state == CONN_HELD ? (unsigned int)left : OSMO_MIN((unsigned int)left, conf->idle_timeout_ms));
}

/* After a fatal alert, which OpenSSL has sent: wait for the peer to see it. */
static void conn_drain(struct psk_conn *conn)
{
	tell_closed(conn);
	drop_outs(conn);
	SSL_free(conn->ssl);
	conn->ssl = NULL;
	conn->state = CONN_DRAIN;
	event_del(conn->writable);
	/* a socket that has failed already is readable, and read_some() meets the error */
	(void)shutdown(conn->fd, SHUT_WR);
	arm(conn, DRAIN_MS);
}

/* Whether an operation of OpenSSL waits for the socket; then the events are set. */
static bool waits(struct psk_conn *conn, int rc)
{
	switch (SSL_get_error(conn->ssl, rc)) {
	case SSL_ERROR_WANT_READ:
		return true; /* the read event always stands */
	case SSL_ERROR_WANT_WRITE:
		event_add(conn->writable, NULL);
		return true;
	default: /* an int of OpenSSL: everything else ends the connection */
		return false;
	}
}

/* Everything was sent: close_notify at once, then wait. */
static void conn_close(struct psk_conn *conn, enum psk_end why)
{
	int rc;

	conn->why = why;
	conn->state = CONN_CLOSING;
	tell_closed(conn);
	drop_outs(conn);
	ERR_clear_error();
	rc = SSL_shutdown(conn->ssl);
	if (rc < 0 && !waits(conn, rc)) {
		conn_drain(conn);
		return;
	}
	arm(conn, server(conn)->conf.close_timeout_ms);
	if (rc == 1) /* the peer's close_notify came before: nothing would wake us */
		event_active(conn->readable, EV_READ, 0);
}

/* ---- handshake ---- */

unsigned int psk_conn_key(SSL *ssl, const char *identity, unsigned char *key, unsigned int cap)
{
	struct psk_conn *conn = SSL_get_app_data(ssl);
	const struct psk_server *srv = server(conn);
	size_t len;

	if (strlen(identity) > PSK_IDENTITY_MAX || cap < PSK_KEY_MAX)
		return 0;
	len = srv->handler->key(srv->data, conn->peer.thread, identity, key);
	OSMO_ASSERT(len <= PSK_KEY_MAX);
	if (len == 0)
		return 0;
	conn->known = true;
	conn->peer.identity = talloc_strdup(conn, identity);
	return (unsigned int)len;
}

static const char *remote_text(const void *ctx, const struct sockaddr_storage *ss)
{
	char host[NI_MAXHOST];

	if (getnameinfo((const struct sockaddr *)ss, sizeof(*ss), host, sizeof(host), NULL, 0, NI_NUMERICHOST))
		return talloc_strdup(ctx, "?");
	return talloc_strdup(ctx, host);
}

/* Whether a failure tells of somebody who guesses.  A peer that went away lost its radio, and one that sent an alert of
 * its own does not get along with us: a fleet behind one address must not lock itself out by that. */
static bool is_suspect(unsigned long e)
{
	int reason = ERR_GET_REASON(e);

	return e && !ERR_SYSTEM_ERROR(e) && reason != SSL_R_UNEXPECTED_EOF_WHILE_READING &&
	       reason < SSL_AD_REASON_OFFSET;
}

static const char *count_failure(struct psk_conn *conn, unsigned long e)
{
	struct psk_counters *count = &server(conn)->count;
	int reason = ERR_GET_REASON(e);

	if (reason == SSL_R_PSK_IDENTITY_NOT_FOUND) {
		count->unknown++;
		return "unknown identity";
	}
	if (conn->known &&
	    (reason == SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC || reason == SSL_R_DIGEST_CHECK_FAILED)) {
		count->wrong_key++;
		return "the peer has another key";
	}
	count->failed++;
	return e ? ERR_reason_error_string(e) : "closed by the peer";
}

static void handshake_failed(struct psk_conn *conn)
{
	unsigned long e = ERR_peek_last_error();
	struct psk_server *srv = server(conn);
	const char *why = count_failure(conn, e);

	if (is_suspect(e))
		psk_fails_add(srv->fails, (const struct sockaddr *)&conn->addr);
	IO_LOG(srv->io, DHTTP, LOGL_INFO, "PSK-TLS handshake with %s failed: %s%s%s\n",
	       remote_text(OTC_SELECT, &conn->addr), why ? why : "unknown reason", conn->known ? ", identity " : "",
	       conn->known ? conn->peer.identity : "");
	conn_drain(conn);
}

static void handshake_done(struct psk_conn *conn)
{
	struct psk_server *srv = server(conn);

	srv->count.handshakes++;
	conn->state = CONN_OPEN;
	conn->peer.cipher = SSL_get_cipher_name(conn->ssl);
	conn->peer.remote = remote_text(conn, &conn->addr);
	conn->peer.id = io_xid_next(conn->part->thread);
	hash_add(conn->part->by_id, &conn->node, conn->peer.id);
	conn->opened = true;
	conn->user = srv->handler->opened(srv->data, &conn->peer);
	arm_open(conn);
}

/* ---- data ---- */

static void hold(struct psk_conn *conn, struct bytes rest)
{
	uint8_t *buf = talloc_realloc_size(conn, (uint8_t *)conn->held.data, conn->held.len + rest.len);

	OSMO_ASSERT(buf);
	memcpy(buf + conn->held.len, rest.data, rest.len);
	conn->held = bytes_of(buf, conn->held.len + rest.len);
}

/* The connection may be closing after this. */
static void give_input(struct psk_conn *conn, struct bytes in)
{
	struct psk_server *srv = server(conn);
	size_t used = in.len;

	switch (srv->handler->input(srv->data, conn->user, in, &used)) {
	case PSK_MORE:
		return;
	case PSK_HOLD:
		OSMO_ASSERT(used <= in.len);
		conn->state = CONN_HELD;
		if (used < in.len)
			hold(conn, bytes_sub(in, used, in.len - used));
		return;
	case PSK_CLOSE:
		conn_close(conn, PSK_END_OURS);
		return;
	}
}

static void rx_octets(struct psk_conn *conn, struct bytes in)
{
	if (conn->state == CONN_OPEN) {
		give_input(conn, in);
	} else if (conn->state == CONN_HELD && conn->held.len + in.len > HELD_MAX) {
		IO_LOG(server(conn)->io, DHTTP, LOGL_INFO, "%s sends on while an answer is owed\n", conn->peer.remote);
		conn_close(conn, PSK_END_ERROR);
	} else if (conn->state == CONN_HELD) {
		hold(conn, in);
	}
	arm_open(conn);
}

/* SSL_read() says that nothing comes any more. */
static void rx_end(struct psk_conn *conn, int rc)
{
	int error = SSL_get_error(conn->ssl, rc);
	unsigned long e = ERR_peek_last_error();
	bool cut = error == SSL_ERROR_SYSCALL || ERR_GET_REASON(e) == SSL_R_UNEXPECTED_EOF_WHILE_READING;

	if (conn->state == CONN_CLOSING) {
		conn_free(conn);
	} else if (error == SSL_ERROR_ZERO_RETURN) {
		conn_close(conn, PSK_END_PEER);
	} else if (cut) {
		/* many cards drop TCP without close_notify; nothing of ours hangs on the difference */
		conn->why = PSK_END_PEER;
		conn_free(conn);
	} else {
		conn->why = PSK_END_ERROR;
		IO_LOG(server(conn)->io, DHTTP, LOGL_INFO, "PSK-TLS with %s: %s\n", conn->peer.remote,
		       e ? ERR_reason_error_string(e) : "broken");
		conn_drain(conn);
	}
}

/* \returns false when the connection is gone, or has nothing more to read now */
static bool read_once(struct psk_conn *conn)
{
	int rc;

	ERR_clear_error();
	rc = SSL_read(conn->ssl, conn->part->buf, RECORD_MAX);
	if (rc <= 0) {
		if (!waits(conn, rc))
			rx_end(conn, rc);
		return false;
	}
	rx_octets(conn, bytes_of(conn->part->buf, (size_t)rc));
	return conn->state != CONN_DRAIN;
}

/* One record for each wake-up, so that the other connections get their turn: without read-ahead, OpenSSL takes no more
 * from the socket than the record that it returns. */
static void read_some(struct psk_conn *conn)
{
	while (read_once(conn) && SSL_has_pending(conn->ssl))
		;
}

static void drain_some(struct psk_conn *conn)
{
	ssize_t n;

	do
		n = recv(conn->fd, conn->part->buf, RECORD_MAX, 0);
	while (n > 0);
	if (n == 0 || (errno != EAGAIN && errno != EINTR))
		conn_free(conn);
}

static void shake_hands(struct psk_conn *conn)
{
	int rc;

	ERR_clear_error();
	rc = SSL_accept(conn->ssl);
	if (rc == 1) {
		handshake_done(conn);
		read_some(conn);
	} else if (!waits(conn, rc)) {
		handshake_failed(conn);
	}
}

/* \returns false when something must wait, or the connection is closing */
static bool write_one(struct psk_conn *conn, struct psk_out *out)
{
	bool close_after = out->close;
	int rc;

	ERR_clear_error();
	rc = out->octets.len ? SSL_write(conn->ssl, out->octets.data, (int)out->octets.len) : 1;
	if (rc <= 0) {
		if (!waits(conn, rc))
			rx_end(conn, rc);
		return false;
	}
	llist_del(&out->call.entry);
	talloc_free(out);
	if (close_after)
		conn_close(conn, PSK_END_OURS);
	return !close_after;
}

/* The answer is out: go on with what came meanwhile. */
static void release(struct psk_conn *conn)
{
	struct bytes held = conn->held;

	if (conn->state != CONN_HELD)
		return;
	conn->state = CONN_OPEN;
	conn->held = bytes_of(NULL, 0);
	if (held.len) {
		(void)talloc_steal(OTC_SELECT, held.data);
		give_input(conn, held);
	}
	arm_open(conn);
}

static void write_some(struct psk_conn *conn)
{
	if (conn->state != CONN_OPEN && conn->state != CONN_HELD)
		return;
	while (!llist_empty(&conn->out)) {
		if (!write_one(conn, llist_first_entry(&conn->out, struct psk_out, call.entry)))
			return;
	}
	release(conn);
}

/* ---- events ---- */

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct psk_conn *conn = arg;

	switch (conn->state) {
	case CONN_HANDSHAKE:
		shake_hands(conn);
		break;
	case CONN_OPEN:
	case CONN_HELD:
	case CONN_CLOSING:
		read_some(conn);
		break;
	case CONN_DRAIN:
		drain_some(conn);
		break;
	}
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct psk_conn *conn = arg;

	switch (conn->state) {
	case CONN_HANDSHAKE:
		shake_hands(conn);
		break;
	case CONN_OPEN:
	case CONN_HELD:
		write_some(conn);
		break;
	case CONN_CLOSING:
		if (SSL_shutdown(conn->ssl) < 0)
			conn_drain(conn);
		break;
	case CONN_DRAIN:
		break;
	}
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct psk_conn *conn = arg;

	switch (conn->state) {
	case CONN_HANDSHAKE:
		server(conn)->count.timed_out++;
		psk_fails_add(server(conn)->fails, (const struct sockaddr *)&conn->addr);
		conn_drain(conn);
		break;
	case CONN_OPEN:
	case CONN_HELD:
		server(conn)->count.timed_out++;
		conn_close(conn, PSK_END_TIMEOUT);
		break;
	case CONN_CLOSING:
	case CONN_DRAIN:
		conn_free(conn);
		break;
	}
}

void psk_conn_accept(struct psk_part *part, int fd, const struct sockaddr *addr)
{
	struct event_base *base = io_thread_base(part->thread);
	struct psk_server *srv = part->srv;
	struct psk_conn *conn;
	SSL *ssl;

	srv->count.accepted++;
	if (psk_fails_over(srv->fails, addr)) {
		srv->count.limited++;
		close(fd);
		return;
	}
	ssl = SSL_new(srv->ctx);
	if (!ssl || SSL_set_fd(ssl, fd) != 1) {
		SSL_free(ssl);
		close(fd);
		return;
	}
	conn = talloc_zero(NULL, struct psk_conn);
	conn->part = part;
	conn->fd = fd;
	conn->ssl = ssl;
	conn->why = PSK_END_PEER;
	conn->accepted_ms = now_ms();
	conn->peer.thread = io_thread_index(part->thread);
	conn->peer.io = srv->io;
	memcpy(&conn->addr, addr,
	       addr->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in));
	INIT_LLIST_HEAD(&conn->out);
	SSL_set_app_data(ssl, conn);
	conn->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, conn);
	conn->writable = event_new(base, fd, EV_WRITE, on_writable, conn);
	conn->deadline = evtimer_new(base, on_deadline, conn);
	OSMO_ASSERT(conn->readable && conn->writable && conn->deadline);
	event_add(conn->readable, NULL);
	arm(conn, srv->conf.handshake_timeout_ms);
	llist_add_tail(&conn->entry, &part->conns);
	srv->count.open++;
	acceptor_conn_up(&part->acceptor);
}

void psk_conn_send(struct psk_part *part, struct psk_out *out)
{
	struct psk_conn *conn;

	hash_for_each_possible (part->by_id, conn, node, out->id) {
		if (conn->peer.id != out->id)
			continue;
		llist_add_tail(&out->call.entry, &conn->out);
		write_some(conn);
		return;
	}
	part->srv->count.dead++;
	talloc_free(out);
}

void psk_conn_stop_all(struct psk_part *part)
{
	struct psk_conn *conn, *next;

	llist_for_each_entry_safe (conn, next, &part->conns, entry) {
		if (conn->state == CONN_OPEN || conn->state == CONN_HELD)
			(void)SSL_shutdown(conn->ssl);
		conn->why = PSK_END_STOP;
		conn_free(conn);
	}
}
