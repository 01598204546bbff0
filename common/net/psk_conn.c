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
#include <unistd.h>

#include <event2/event.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <osmocom/core/talloc.h>
#include <osmocom/core/utils.h>

#include "common/app/log.h"
#include "common/net/psk_priv.h"

#define DRAIN_MS 5000

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
	psk_conn_server(conn)->handler->closed(psk_conn_server(conn)->data, conn->user, conn->why);
}

void psk_conn_free(struct psk_conn *conn)
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
void psk_conn_arm(struct psk_conn *conn)
{
	const struct psk_server_conf *conf = &psk_conn_server(conn)->conf;
	int64_t left;

	if (conn->state != CONN_OPEN && conn->state != CONN_HELD)
		return;
	left = conn->accepted_ms + conf->session_timeout_ms - net_now_ms();
	left = OSMO_MAX(left, 1);
	arm(conn, conn->state == CONN_HELD ? (unsigned int)left : OSMO_MIN((unsigned int)left, conf->idle_timeout_ms));
}

void psk_conn_drain(struct psk_conn *conn)
{
	tell_closed(conn);
	drop_outs(conn);
	SSL_free(conn->ssl);
	conn->ssl = NULL;
	conn->state = CONN_DRAIN;
	event_del(conn->writable);
	/* a socket that has failed already is readable, and psk_data_drop() meets the error */
	(void)shutdown(conn->fd, SHUT_WR);
	arm(conn, DRAIN_MS);
}

bool psk_conn_waits(struct psk_conn *conn, int rc)
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

void psk_conn_close(struct psk_conn *conn, enum psk_end why)
{
	int rc;

	conn->why = why;
	conn->state = CONN_CLOSING;
	tell_closed(conn);
	drop_outs(conn);
	ERR_clear_error();
	rc = SSL_shutdown(conn->ssl);
	if (rc < 0 && !psk_conn_waits(conn, rc)) {
		psk_conn_drain(conn);
		return;
	}
	arm(conn, psk_conn_server(conn)->conf.close_timeout_ms);
	if (rc == 1) /* the peer's close_notify came before: nothing would wake us */
		event_active(conn->readable, EV_READ, 0);
}

/* ---- handshake ---- */

unsigned int psk_conn_key(SSL *ssl, const char *identity, unsigned char *key, unsigned int cap)
{
	struct psk_conn *conn = SSL_get_app_data(ssl);
	const struct psk_server *srv = psk_conn_server(conn);
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
	struct psk_counters *count = &psk_conn_server(conn)->count;
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

/* One line when an address is shut out, none for what it does after that. */
static void count_suspect(struct psk_conn *conn, const char *why)
{
	struct psk_server *srv = psk_conn_server(conn);

	if (!psk_fails_add(srv->fails, (const struct sockaddr *)&conn->addr))
		return;
	IO_LOG(srv->io, DHTTP, LOGL_NOTICE,
	       "PSK-TLS: %u handshakes of %s failed within %u s, the last one: %s; its connections are closed unheard "
	       "until that time is over: compare the keys of these cards with their EIS, or keep the address out\n",
	       srv->conf.fail_max, remote_text(OTC_SELECT, &conn->addr), srv->conf.fail_window_ms / 1000,
	       why ? why : "unknown reason");
}

static void handshake_failed(struct psk_conn *conn)
{
	unsigned long e = ERR_peek_last_error();
	struct psk_server *srv = psk_conn_server(conn);
	const char *why = count_failure(conn, e);

	IO_LOG(srv->io, DHTTP, LOGL_INFO, "PSK-TLS handshake with %s failed: %s%s%s\n",
	       remote_text(OTC_SELECT, &conn->addr), why ? why : "unknown reason", conn->known ? ", identity " : "",
	       conn->known ? conn->peer.identity : "");
	if (is_suspect(e))
		count_suspect(conn, why);
	psk_conn_drain(conn);
}

static void handshake_done(struct psk_conn *conn)
{
	struct psk_server *srv = psk_conn_server(conn);

	srv->count.handshakes++;
	conn->state = CONN_OPEN;
	llist_move_tail(&conn->entry, &conn->part->conns);
	conn->peer.cipher = SSL_get_cipher_name(conn->ssl);
	conn->peer.remote = remote_text(conn, &conn->addr);
	conn->peer.id = io_xid_next(conn->part->thread);
	hash_add(conn->part->by_id, &conn->node, conn->peer.id);
	conn->opened = true;
	conn->user = srv->handler->opened(srv->data, &conn->peer);
	psk_conn_arm(conn);
}

static void shake_hands(struct psk_conn *conn)
{
	int rc;

	ERR_clear_error();
	rc = SSL_accept(conn->ssl);
	if (rc == 1) {
		handshake_done(conn);
		psk_data_read(conn);
	} else if (!psk_conn_waits(conn, rc)) {
		handshake_failed(conn);
	}
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
		psk_data_read(conn);
		break;
	case CONN_DRAIN:
		psk_data_drop(conn);
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
		psk_data_write(conn);
		break;
	case CONN_CLOSING:
		if (SSL_shutdown(conn->ssl) < 0)
			psk_conn_drain(conn);
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
		psk_conn_server(conn)->count.timed_out++;
		count_suspect(conn, "no handshake in time");
		psk_conn_drain(conn);
		break;
	case CONN_OPEN:
	case CONN_HELD:
		psk_conn_server(conn)->count.timed_out++;
		psk_conn_close(conn, PSK_END_TIMEOUT);
		break;
	case CONN_CLOSING:
	case CONN_DRAIN:
		psk_conn_free(conn);
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
	conn->accepted_ms = net_now_ms();
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
	srv->count.open++;
	acceptor_conn_up(&part->acceptor); /* before it is in the list: it is not to be cut for itself */
	llist_add_tail(&conn->entry, &part->strangers);
}

/* Who has shown no key yet goes first; who has is never cut for a newcomer. */
void psk_conn_crowded(void *arg, unsigned int min_ms)
{
	struct psk_part *part = arg;
	struct psk_conn *oldest = llist_first_entry_or_null(&part->strangers, struct psk_conn, entry);
	struct psk_server *srv = part->srv;
	bool cut = oldest && oldest->accepted_ms + min_ms <= net_now_ms();
	unsigned int hidden;

	if (srv->count.open <= srv->conf.max_conns)
		return; /* another thread has room */
	if (net_gripe_now(&part->crowd, &hidden))
		IO_LOG(srv->io, DHTTP, LOGL_NOTICE,
		       "PSK-TLS: all %u connections are taken (as %u times since the last such line)%s%s: "
		       "keep out who opens them, or raise https-bearer / max-connections\n",
		       srv->conf.max_conns, hidden + 1, cut ? "; cut, because it has shown no key so far: " : "",
		       cut ? remote_text(OTC_SELECT, &oldest->addr) : "");
	if (!cut)
		return;
	srv->count.crowded++;
	psk_conn_free(oldest);
}

void psk_conn_send(struct psk_part *part, struct psk_out *out)
{
	struct psk_conn *conn;

	hash_for_each_possible (part->by_id, conn, node, out->id) {
		if (conn->peer.id != out->id)
			continue;
		llist_add_tail(&out->call.entry, &conn->out);
		psk_data_write(conn);
		return;
	}
	part->srv->count.dead++;
	talloc_free(out);
}

static void stop_list(struct llist_head *conns)
{
	struct psk_conn *conn, *next;

	llist_for_each_entry_safe (conn, next, conns, entry) {
		if (conn->state == CONN_OPEN || conn->state == CONN_HELD)
			(void)SSL_shutdown(conn->ssl);
		conn->why = PSK_END_STOP;
		psk_conn_free(conn);
	}
}

void psk_conn_stop_all(struct psk_part *part)
{
	stop_list(&part->strangers);
	stop_list(&part->conns);
}
