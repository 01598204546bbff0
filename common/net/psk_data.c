/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Octets of a PSK-TLS connection: records in, to the handler; answers out, each in one SSL_write().
 *
 * Whatever ends the connection is left to psk_conn.c.  psk_conn_free() is called only as the last thing of a chain, so
 * that no caller touches what is gone; the functions say so by their result. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include <event2/event.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <osmocom/core/talloc.h>
#include <osmocom/core/utils.h>

#include "common/app/log.h"
#include "common/net/psk_priv.h"

#define RECORD_MAX 16384
#define HELD_MAX 16384 /* octets that may come while an answer is owed */

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
	struct psk_server *srv = psk_conn_server(conn);
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
		psk_conn_close(conn, PSK_END_OURS);
		return;
	}
}

static void rx_octets(struct psk_conn *conn, struct bytes in)
{
	if (conn->state == CONN_OPEN) {
		give_input(conn, in);
	} else if (conn->state == CONN_HELD && conn->held.len + in.len > HELD_MAX) {
		IO_LOG(psk_conn_server(conn)->io, DHTTP, LOGL_INFO, "%s sends on while an answer is owed\n",
		       conn->peer.remote);
		psk_conn_close(conn, PSK_END_ERROR);
	} else if (conn->state == CONN_HELD) {
		hold(conn, in);
	}
	psk_conn_arm(conn);
}

/* SSL_read() says that nothing comes any more. */
static void rx_end(struct psk_conn *conn, int rc)
{
	int error = SSL_get_error(conn->ssl, rc);
	unsigned long e = ERR_peek_last_error();
	bool cut = error == SSL_ERROR_SYSCALL || ERR_GET_REASON(e) == SSL_R_UNEXPECTED_EOF_WHILE_READING;

	if (conn->state == CONN_CLOSING) {
		psk_conn_free(conn);
	} else if (error == SSL_ERROR_ZERO_RETURN) {
		psk_conn_close(conn, PSK_END_PEER);
	} else if (cut) {
		/* many cards drop TCP without close_notify; nothing of ours hangs on the difference */
		conn->why = PSK_END_PEER;
		psk_conn_free(conn);
	} else {
		conn->why = PSK_END_ERROR;
		IO_LOG(psk_conn_server(conn)->io, DHTTP, LOGL_INFO, "PSK-TLS with %s: %s\n", conn->peer.remote,
		       e ? ERR_reason_error_string(e) : "broken");
		psk_conn_drain(conn);
	}
}

/* \returns false when the connection is gone, or has nothing more to read now */
static bool read_once(struct psk_conn *conn)
{
	int rc;

	ERR_clear_error();
	rc = SSL_read(conn->ssl, conn->part->buf, RECORD_MAX);
	if (rc <= 0) {
		if (!psk_conn_waits(conn, rc))
			rx_end(conn, rc);
		return false;
	}
	rx_octets(conn, bytes_of(conn->part->buf, (size_t)rc));
	return conn->state != CONN_DRAIN;
}

/* One record for each wake-up, so that the other connections get their turn: without read-ahead, OpenSSL takes no more
 * from the socket than the record that it returns. */
void psk_data_read(struct psk_conn *conn)
{
	while (read_once(conn) && SSL_has_pending(conn->ssl))
		;
}

void psk_data_drop(struct psk_conn *conn)
{
	ssize_t n;

	do
		n = recv(conn->fd, conn->part->buf, RECORD_MAX, 0);
	while (n > 0);
	if (n == 0 || (errno != EAGAIN && errno != EINTR))
		psk_conn_free(conn);
}

/* \returns false when something must wait, or the connection is closing */
static bool write_one(struct psk_conn *conn, struct psk_out *out)
{
	bool close_after = out->close;
	int rc;

	ERR_clear_error();
	rc = out->octets.len ? SSL_write(conn->ssl, out->octets.data, (int)out->octets.len) : 1;
	if (rc <= 0) {
		if (!psk_conn_waits(conn, rc))
			rx_end(conn, rc);
		return false;
	}
	llist_del(&out->call.entry);
	talloc_free(out);
	if (close_after)
		psk_conn_close(conn, PSK_END_OURS);
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
	psk_conn_arm(conn);
}

void psk_data_write(struct psk_conn *conn)
{
	if (conn->state != CONN_OPEN && conn->state != CONN_HELD)
		return;
	while (!llist_empty(&conn->out)) {
		if (!write_one(conn, llist_first_entry(&conn->out, struct psk_out, call.entry)))
			return;
	}
	release(conn);
}
