/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Channels of the administration agents: TCP and PSK-TLS 1.2 in the loop of euicc-sim (TS 102 223 BIP on a real card).
 *
 *   connecting --> handshake --> open --close--> flushing, then waiting for the server's close --> gone
 *
 * A card knows its channel only until it closes it; what is left to do then (the rest of the octets, close_notify, the
 * end of the server's side, so that no reset is sent) the connection does on its own.  What happens is told to the card
 * from the loop, never from inside of its own output. */
#include "lab/euicc_sim/sim.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <osmocom/core/logging.h>
#include <osmocom/core/talloc.h>
#include <osmocom/core/utils.h>

#include "common/app/log.h"
#include "common/net/tls_pipe.h"

#define READ_MAX 4096
#define LINGER_S 5

static const struct {
	const char *name; /* TLS number (RFC 5487) */
	const char *cipher;
} suites[] = {
	{"00A8", "PSK-AES128-GCM-SHA256"},
	{"00AE", "PSK-AES128-CBC-SHA256"},
};

struct https_conn {
	struct sim *sim;
	struct sim_card *sc; /* NULL: the card has closed the channel */
	struct osmo_fd fd;
	struct osmo_timer_list timer; /* linger; or a failure that the card does not know yet */
	struct tls_pipe *tls;
	struct wr out; /* for the socket; sent octets in front */
	size_t out_sent;
	bool connected, secure, shut;
	bool busy; /* inside a callback */
	bool dead; /* free it at the end of that */
	const char *why;
};

static const char *suite_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(suites); i++) {
		if (strcasecmp(name, suites[i].name) == 0)
			return suites[i].cipher;
	}
	return NULL;
}

static int tls_check(const struct sim *sim)
{
	const char *suite = sim->opt->https_suite, *why = "00A8 or 00AE";
	const struct tls_pipe_psk psk = {
		.identity = "",
		.key = BYTES_LIT("a key for a trial"),
		.ciphers = suite ? suite_find(suite) : NULL,
		.max_fragment = sim->opt->https_fragment,
	};
	const struct tls_pipe_cfg cfg = {.psk = &psk};
	struct tls_pipe *trial = NULL;

	if (!suite || psk.ciphers)
		trial = tls_pipe_alloc(sim, &cfg, &why);
	if (!trial) {
		LOGP(DLAB, LOGL_FATAL, "--https-suite, --https-fragment: %s\n", why);
		return -EINVAL;
	}
	talloc_free(trial);
	return 0;
}

int https_init(struct sim *sim)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	const char *host = sim->opt->set.https_host;
	struct addrinfo *found;
	int rc = tls_check(sim);

	if (rc || !host)
		return rc;
	rc = getaddrinfo(host, NULL, &hints, &found);
	if (rc) {
		LOGP(DLAB, LOGL_FATAL, "--https-host %s: %s\n", host, gai_strerror(rc));
		return -ENOENT;
	}
	OSMO_ASSERT(found->ai_addrlen <= sizeof(sim->https_addr));
	memcpy(&sim->https_addr, found->ai_addr, found->ai_addrlen);
	freeaddrinfo(found);
	return 0;
}

/* ---- end of a connection ---- */

static void drop(struct https_conn *conn)
{
	if (conn->fd.fd >= 0) {
		osmo_fd_unregister(&conn->fd);
		close(conn->fd.fd);
		conn->fd.fd = -1;
	}
	osmo_timer_del(&conn->timer);
	if (conn->sc)
		conn->sc->https = NULL;
	conn->sc = NULL;
	if (conn->busy)
		conn->dead = true;
	else
		talloc_free(conn);
}

/* It is over, and not at the card's wish. */
static void broken(struct https_conn *conn, const char *why)
{
	struct sim_card *sc = conn->sc;
	struct sim *sim = conn->sim;
	char *text = talloc_strdup(sim, why);

	drop(conn);
	if (sc) {
		euicc_rx_https_closed(sc->card, text);
		sim_settle(sim, sc);
	}
	talloc_free(text);
}

static void timer_cb(void *data)
{
	struct https_conn *conn = data;
	struct sim *sim = conn->sim;

	sim_enter(sim);
	broken(conn, conn->why ? conn->why : "linger");
	ticks_arm(sim);
}

/* ---- octets ---- */

/* Take from TLS what is for the server, and send what the socket takes.  \returns 0; -EIO */
static int flush(struct https_conn *conn)
{
	uint8_t buf[READ_MAX];
	struct bytes rest;
	size_t n;

	while ((n = tls_pipe_out(conn->tls, buf, sizeof(buf))) > 0)
		wr_bytes(&conn->out, bytes_of(buf, n));
	rest = bytes_of(conn->out.buf, conn->out.len);
	rest = bytes_sub(rest, conn->out_sent, rest.len - conn->out_sent);
	while (conn->connected && rest.len > 0) {
		ssize_t sent = send(conn->fd.fd, rest.data, rest.len, MSG_NOSIGNAL);

		if (sent < 0 && errno == EWOULDBLOCK) {
			osmo_fd_write_enable(&conn->fd);
			return 0;
		}
		if (sent <= 0)
			return -EIO;
		conn->out_sent += (size_t)sent;
		rest = bytes_sub(rest, (size_t)sent, rest.len - (size_t)sent);
	}
	if (rest.len == 0) {
		conn->out.len = 0;
		conn->out_sent = 0;
	}
	osmo_fd_write_disable(&conn->fd);
	return 0;
}

/* The card has closed, all is sent: half-close, and wait for the server. */
static void shut_when_sent(struct https_conn *conn)
{
	if (conn->sc || conn->shut || conn->dead || conn->out.len > 0)
		return;
	conn->shut = true;
	(void)shutdown(conn->fd.fd, SHUT_WR);
}

static void plain_rx(struct https_conn *conn)
{
	while (conn->sc) {
		struct sim_card *sc = conn->sc;
		uint8_t buf[READ_MAX];
		int n = tls_pipe_read(conn->tls, buf, sizeof(buf));

		if (n == 0)
			return;
		if (n < 0) {
			broken(conn, n == -EPIPE ? "closed by the server" : tls_pipe_error(conn->tls));
			return;
		}
		euicc_rx_https_data(sc->card, bytes_of(buf, (size_t)n));
		sim_settle(conn->sim, sc);
	}
}

/* \returns whether to go on */
static bool handshake(struct https_conn *conn)
{
	int rc = tls_pipe_handshake(conn->tls);

	/* A failure leaves an alert to send. */
	if (flush(conn) && rc != -EPROTO) {
		broken(conn, "connection lost");
		return false;
	}
	if (rc == -EPROTO) {
		broken(conn, tls_pipe_error(conn->tls));
		return false;
	}
	if (rc == 0) {
		struct sim_card *sc = conn->sc;

		conn->secure = true;
		LOGP(DLAB, LOGL_INFO, "%s connected, %s\n", sim_eid_text(sc->card).text, tls_pipe_cipher(conn->tls));
		euicc_rx_https_open(sc->card);
		sim_settle(conn->sim, sc);
	}
	return rc == 0;
}

static void readable(struct https_conn *conn)
{
	uint8_t buf[READ_MAX];
	ssize_t n = recv(conn->fd.fd, buf, sizeof(buf), 0);

	if (n < 0 && (errno == EWOULDBLOCK || errno == EINTR))
		return;
	if (n <= 0) {
		broken(conn, n == 0 ? "closed by the server" : strerror(errno));
		return;
	}
	if (!conn->sc)
		return; /* nobody listens any more */
	if (tls_pipe_in(conn->tls, bytes_of(buf, (size_t)n))) {
		broken(conn, "out of memory");
		return;
	}
	if (conn->secure || handshake(conn))
		plain_rx(conn);
}

static void writable(struct https_conn *conn)
{
	int err = 0;
	socklen_t len = sizeof(err);

	if (!conn->connected) {
		if (getsockopt(conn->fd.fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0 || err) {
			broken(conn, strerror(err));
			return;
		}
		conn->connected = true;
		osmo_fd_read_enable(&conn->fd);
		(void)handshake(conn);
		return;
	}
	if (flush(conn))
		broken(conn, "connection lost");
	else
		shut_when_sent(conn);
}

static int conn_cb(struct osmo_fd *fd, unsigned int what)
{
	struct https_conn *conn = fd->data;
	struct sim *sim = conn->sim;

	sim_enter(sim);
	conn->busy = true;
	if (what & OSMO_FD_WRITE)
		writable(conn);
	if (!conn->dead && (what & OSMO_FD_READ))
		readable(conn);
	conn->busy = false;
	if (conn->dead)
		talloc_free(conn);
	ticks_arm(sim);
	return 0;
}

/* ---- the card's outputs ---- */

static const char *tls_start(struct https_conn *conn, const struct euicc_channel *ch)
{
	const struct sim_options *opt = conn->sim->opt;
	struct tls_pipe_psk psk = {
		.identity = ch->identity,
		.ciphers = opt->https_suite ? suite_find(opt->https_suite) : NULL,
		.max_fragment = opt->https_fragment,
	};
	const struct tls_pipe_cfg cfg = {.psk = &psk};
	const char *why = "no TLS";

	if (sim_card_psk(conn->sim, conn->sc, ch->kvn, ch->kid, conn, &psk.key))
		return "the card has no such PSK";
	if (ch->wrong_psk)
		((uint8_t *)psk.key.data)[0] ^= 0xff;
	conn->tls = tls_pipe_alloc(conn, &cfg, &why);
	talloc_free((void *)psk.key.data);
	return conn->tls ? NULL : why;
}

static struct osmo_sockaddr address_of(const struct sim *sim, const struct euicc_channel *ch)
{
	struct osmo_sockaddr addr = sim->https_addr;

	if (ch->address.len == sizeof(addr.u.sin.sin_addr)) {
		addr.u.sin = (struct sockaddr_in){.sin_family = AF_INET};
		memcpy(&addr.u.sin.sin_addr, ch->address.data, ch->address.len);
	} else if (ch->address.len == sizeof(addr.u.sin6.sin6_addr)) {
		addr.u.sin6 = (struct sockaddr_in6){.sin6_family = AF_INET6};
		memcpy(&addr.u.sin6.sin6_addr, ch->address.data, ch->address.len);
	}
	osmo_sockaddr_set_port(&addr.u.sa, ch->port);
	return addr;
}

static const char *tcp_start(struct https_conn *conn, const struct osmo_sockaddr *addr)
{
	socklen_t len = addr->u.sa.sa_family == AF_INET6 ? sizeof(addr->u.sin6) : sizeof(addr->u.sin);
	int one = 1, fd = socket(addr->u.sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return strerror(errno);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(fd, &addr->u.sa, len) < 0 && errno != EINPROGRESS) {
		close(fd);
		return strerror(errno);
	}
	osmo_fd_setup(&conn->fd, fd, OSMO_FD_WRITE, conn_cb, conn, 0);
	if (osmo_fd_register(&conn->fd) < 0) {
		close(fd);
		conn->fd.fd = -1;
		return "too many descriptors";
	}
	return NULL;
}

void https_connect(struct sim *sim, struct sim_card *sc, const struct euicc_channel *ch)
{
	struct https_conn *conn = talloc_zero(sim, struct https_conn);
	struct osmo_sockaddr addr = address_of(sim, ch);

	OSMO_ASSERT(conn && !sc->https);
	conn->sim = sim;
	conn->sc = sc;
	conn->fd.fd = -1;
	wr_init(&conn->out, conn);
	osmo_timer_setup(&conn->timer, timer_cb, conn);
	sc->https = conn;
	LOGP(DLAB, LOGL_INFO, "%s connects to %s as %s\n", sim_eid_text(sc->card).text, osmo_sockaddr_to_str(&addr),
	     ch->identity);
	conn->why = tls_start(conn, ch);
	if (!conn->why)
		conn->why = tcp_start(conn, &addr);
	if (conn->why)
		osmo_timer_schedule(&conn->timer, 0, 0);
}

void https_send(struct sim_card *sc, struct bytes plain)
{
	struct https_conn *conn = sc->https;

	if (!conn || conn->why)
		return;
	if (tls_pipe_write(conn->tls, plain) || flush(conn)) {
		conn->why = "connection lost";
		osmo_timer_schedule(&conn->timer, 0, 0);
	}
}

void https_close(struct sim_card *sc, bool cut)
{
	struct https_conn *conn = sc->https;

	if (!conn)
		return;
	conn->sc = NULL;
	sc->https = NULL;
	if (cut || conn->why || !conn->secure) {
		drop(conn);
		return;
	}
	tls_pipe_close(conn->tls);
	if (flush(conn)) {
		drop(conn);
		return;
	}
	osmo_timer_schedule(&conn->timer, LINGER_S, 0);
	shut_when_sent(conn);
}
