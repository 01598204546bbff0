/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* HTTPS server, part three: who gives way when room runs out.
 *
 * The connection that its client left waiting longest goes when all connections are taken, the largest unfinished
 * request when bodies take too much memory, and of an address with too many handshakes under way the oldest of them:
 * so one address cannot drive away the handshakes of others by opening connections faster than they need for theirs.
 * A connection whose answer is being made never goes, nor one that takes its answer. */
#include <string.h>
#include <sys/socket.h>

#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <openssl/ssl.h>
#include <osmocom/core/talloc.h>

#include "common/app/log.h"
#include "common/net/http_priv.h"

#define WRITING_GRACE_MS 5000

void http_conn_cut(struct http_conn *conn)
{
	conn->cut = true;
	shutdown(bufferevent_getfd(conn->bev), SHUT_RDWR);
}

/* Each connection may hold a body of the largest size, all of them together may not. */
void http_crowd_bodies(struct http_part *part)
{
	struct http_conn *conn, *largest = NULL;
	unsigned int hidden;

	llist_for_each_entry (conn, &part->conns, entry) {
		if (!conn->cut && conn->phase == CONN_READING && (!largest || conn->got > largest->got))
			largest = conn;
	}
	if (!largest)
		return;
	if (net_gripe_now(&part->large, &hidden))
		IO_LOG(part->srv->io, DHTTP, LOGL_NOTICE,
		       "HTTPS: unfinished requests hold %zu MiB: cut the largest, %zu octets so far, of %s (as %u "
		       "others since the last such line); ask that peer what it sends\n",
		       part->got >> 20, largest->got, listen_remote(OTC_SELECT, bufferevent_getfd(largest->bev)),
		       hidden);
	part->srv->count.crowded++;
	part->got -= largest->got;
	largest->got = 0;
	http_conn_cut(largest);
}

/* The address that has more than half of all connections, if there is one; else any. */
static const char *most_frequent(const void *ctx, const struct http_part *part, unsigned int *n)
{
	const char *candidate = "?";
	struct http_conn *conn;
	int votes = 0;

	llist_for_each_entry (conn, &part->conns, entry) {
		const char *remote = listen_remote(ctx, bufferevent_getfd(conn->bev));

		if (votes == 0)
			candidate = remote;
		votes += strcmp(remote, candidate) == 0 ? 1 : -1;
	}
	*n = 0;
	llist_for_each_entry (conn, &part->conns, entry)
		*n += strcmp(listen_remote(ctx, bufferevent_getfd(conn->bev)), candidate) == 0;
	return candidate;
}

static void tell_crowded(struct http_part *part)
{
	unsigned int hidden, n;
	const char *who;
	void *ctx;

	if (!net_gripe_now(&part->crowd, &hidden))
		return;
	ctx = talloc_new(NULL);
	who = most_frequent(ctx, part, &n);
	IO_LOG(part->srv->io, DHTTP, LOGL_NOTICE,
	       "HTTPS: all %u connections are taken (as %u times since the last such line), %u of them by "
	       "%s: the one that its client left waiting longest is cut; keep out who opens them, or raise "
	       "https / max-connections\n",
	       part->srv->conf.max_conns, hidden + 1, n, who);
	talloc_free(ctx);
}

/* Its answer is being made, or is on its way to a client that takes it. */
static bool is_served(const struct http_conn *conn)
{
	return conn->phase == CONN_BUSY ||
	       (conn->phase == CONN_WRITING && conn->since_ms > net_now_ms() - WRITING_GRACE_MS);
}

void http_crowd_full(void *arg, unsigned int min_ms)
{
	struct http_part *part = arg;
	int64_t before = net_now_ms() - min_ms;
	struct http_conn *conn;

	if (part->srv->count.open <= part->srv->conf.max_conns)
		return; /* another thread has room */
	tell_crowded(part);
	llist_for_each_entry (conn, &part->conns, entry) {
		if (conn->cut || conn->since_ms > before || is_served(conn))
			continue;
		part->srv->count.crowded++;
		http_conn_cut(conn);
		return;
	}
}

static bool shakes_hands(const struct http_conn *conn)
{
	return !conn->cut && !SSL_is_init_finished(bufferevent_openssl_get_ssl(conn->bev));
}

void http_crowd_handshakes(struct http_conn *newcomer)
{
	struct http_part *part = newcomer->part;
	struct http_conn *conn, *oldest = NULL;
	unsigned int hidden, n = 1;

	llist_for_each_entry (conn, &part->conns, entry) {
		if (conn == newcomer || conn->remote != newcomer->remote || !shakes_hands(conn))
			continue;
		oldest = oldest ? oldest : conn;
		n++;
	}
	if (n <= part->srv->conf.max_handshakes || !oldest)
		return;
	if (net_gripe_now(&part->handshakes, &hidden))
		IO_LOG(part->srv->io, DHTTP, LOGL_NOTICE,
		       "HTTPS: %s has more than %u handshakes under way: its oldest is cut (as %u others since the "
		       "last "
		       "such line); keep that address out, or raise https / max-handshakes\n",
		       listen_remote(OTC_SELECT, bufferevent_getfd(newcomer->bev)), part->srv->conf.max_handshakes,
		       hidden);
	part->srv->count.crowded++;
	http_conn_cut(oldest);
}
