/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* smsc-sim: SMPP connections, plain or TLS, and their capture.
 *
 * A connection that the service centre ends is closed once everything written to it has left. */
#include "lab/smsc_sim/sim.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <osmocom/core/socket.h>
#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/log.h"

struct conn {
	struct llist_head list;
	struct sim *sim;
	struct osmo_fd ofd;
	struct tls_pipe *tls;
	bool shaken; /* TLS handshake done, or no TLS */
	bool ending;
	unsigned session;
	struct wr out; /* not sent yet: from sent on */
	size_t sent;
	struct pcap_conn pcap;
	uint8_t in[65536];
};

/* ---- capture ---- */

static int64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static void pcap_flush(struct sim *sim, const struct wr *w)
{
	struct bytes b;

	if (wr_end(w, &b) < 0 || fwrite(b.data, 1, b.len, sim->pcap) != b.len || fflush(sim->pcap) != 0)
		LOGP(DLAB, LOGL_ERROR, "capture file: %s\n", strerror(errno));
	talloc_free(w->buf);
}

static void capture(struct conn *c, enum pcap_dir dir, struct bytes data)
{
	struct wr w;

	if (!c->sim->pcap)
		return;
	wr_init(&w, c);
	pcap_data(&w, &c->pcap, dir, data, now_us());
	pcap_flush(c->sim, &w);
}

static void capture_ends(struct conn *c, bool begin)
{
	struct wr w;

	if (!c->sim->pcap)
		return;
	wr_init(&w, c);
	if (begin)
		pcap_open(&w, &c->pcap, c->session, now_us());
	else
		pcap_close(&w, &c->pcap, now_us());
	pcap_flush(c->sim, &w);
}

/* ---- life ---- */

static int conn_free(struct conn *c)
{
	capture_ends(c, false);
	osmo_fd_unregister(&c->ofd);
	close(c->ofd.fd);
	llist_del(&c->list);
	return 0;
}

static void conn_lost(struct conn *c)
{
	struct sim *sim = c->sim;
	unsigned session = c->session;

	talloc_free(c);
	smsc_session_closed(sim->smsc, session, sim_now_ms());
	sim_turn(sim);
}

static struct conn *conn_find(struct sim *sim, unsigned session)
{
	struct conn *c;

	llist_for_each_entry (c, &sim->conns, list) {
		if (c->session == session)
			return c;
	}
	return NULL;
}

/* ---- out ---- */

static void out_from_tls(struct conn *c)
{
	uint8_t chunk[4096];
	size_t n;

	while ((n = tls_pipe_out(c->tls, chunk, sizeof(chunk))) > 0)
		wr_bytes(&c->out, bytes_of(chunk, n));
	if (c->sent < c->out.len)
		osmo_fd_write_enable(&c->ofd);
}

void sim_conn_tx(void *priv, unsigned session, struct bytes pdu)
{
	struct conn *c = conn_find(priv, session);

	if (!c)
		return;
	capture(c, PCAP_FROM_SMSC, pdu);
	if (!c->tls)
		wr_bytes(&c->out, pdu);
	else if (tls_pipe_write(c->tls, pdu) < 0)
		LOGP(DLAB, LOGL_NOTICE, "session %u: %s\n", session, tls_pipe_error(c->tls));
	else
		out_from_tls(c);
	osmo_fd_write_enable(&c->ofd);
}

void sim_conn_close(void *priv, unsigned session)
{
	struct conn *c = conn_find(priv, session);

	if (!c)
		return;
	c->ending = true;
	osmo_fd_read_disable(&c->ofd);
	osmo_fd_write_enable(&c->ofd);
}

static int conn_write(struct conn *c)
{
	ssize_t n = 0;

	if (c->sent < c->out.len)
		n = send(c->ofd.fd, c->out.buf + c->sent, c->out.len - c->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		return -errno;
	if (n > 0)
		c->sent += (size_t)n;
	if (c->sent < c->out.len)
		return 0;
	c->out.len = c->sent = 0;
	osmo_fd_write_disable(&c->ofd);
	return c->ending ? -EPIPE : 0;
}

/* ---- in ---- */

static void rx_plain(struct conn *c, struct bytes b)
{
	capture(c, PCAP_FROM_ESME, b);
	smsc_session_rx(c->sim->smsc, c->session, b, sim_now_ms());
}

static int rx_tls(struct conn *c, struct bytes cipher)
{
	uint8_t plain[16384];
	int rc = tls_pipe_in(c->tls, cipher);

	if (rc == 0 && !c->shaken) {
		rc = tls_pipe_handshake(c->tls);
		c->shaken = rc == 0;
	}
	while (c->shaken && !c->ending && (rc = tls_pipe_read(c->tls, plain, sizeof(plain))) > 0)
		rx_plain(c, bytes_of(plain, (size_t)rc));
	out_from_tls(c);
	if (rc == -EPROTO) {
		LOGP(DLAB, LOGL_NOTICE, "session %u: %s\n", c->session, tls_pipe_error(c->tls));
		/* the alert first: it tells the peer why */
		sim_conn_close(c->sim, c->session);
		return 0;
	}
	return rc == -EAGAIN || rc >= 0 ? 0 : rc;
}

static int conn_read(struct conn *c)
{
	ssize_t n = recv(c->ofd.fd, c->in, sizeof(c->in), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0)
		return -EPIPE;
	if (c->tls)
		return rx_tls(c, bytes_of(c->in, (size_t)n));
	rx_plain(c, bytes_of(c->in, (size_t)n));
	return 0;
}

static int conn_event(struct osmo_fd *ofd, unsigned what)
{
	struct conn *c = ofd->data;
	struct sim *sim = c->sim;
	int rc = 0;

	if (what & OSMO_FD_READ)
		rc = conn_read(c);
	if (rc == 0 && what & OSMO_FD_WRITE)
		rc = conn_write(c);
	if (rc < 0)
		conn_lost(c);
	else
		sim_turn(sim);
	return 0;
}

/* ---- listening ---- */

static int conn_setup(struct sim *sim, int fd)
{
	struct conn *c = talloc_zero(sim, struct conn);
	const char *why;
	int on = 1;

	OSMO_ASSERT(c);
	c->sim = sim;
	wr_init(&c->out, c);
	if (sim->opt.tls.cert) {
		c->tls = tls_pipe_alloc(c, &sim->opt.tls, &why);
		if (!c->tls) {
			LOGP(DLAB, LOGL_ERROR, "TLS: %s\n", why);
			talloc_free(c);
			return -EINVAL;
		}
	}
	c->shaken = !c->tls;
	osmo_fd_setup(&c->ofd, fd, OSMO_FD_READ, conn_event, c, 0);
	if (osmo_fd_register(&c->ofd) < 0) {
		talloc_free(c);
		return -EMFILE;
	}
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* latency only */
	c->session = smsc_session_open(sim->smsc, sim_now_ms());
	capture_ends(c, true);
	llist_add_tail(&c->list, &sim->conns);
	talloc_set_destructor(c, conn_free);
	return 0;
}

static int listener_event(struct osmo_fd *ofd, unsigned what)
{
	struct sim *sim = ofd->data;
	int fd = accept4(ofd->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return 0;
	if (conn_setup(sim, fd) < 0)
		close(fd);
	sim_turn(sim);
	return 0;
}

int sim_listen(struct sim *sim)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof(addr);
	int fd;

	INIT_LLIST_HEAD(&sim->conns);
	fd = osmo_sock_init2(AF_UNSPEC, SOCK_STREAM, IPPROTO_TCP, sim->opt.listen_host, sim->opt.listen_port, NULL, 0,
			     OSMO_SOCK_F_BIND | OSMO_SOCK_F_NONBLOCK);
	if (fd < 0)
		return fd;
	osmo_fd_setup(&sim->listener, fd, OSMO_FD_READ, listener_event, sim, 0);
	if (osmo_fd_register(&sim->listener) < 0 || getsockname(fd, (struct sockaddr *)&addr, &len) < 0)
		return -EIO;
	printf("smsc-sim: SMPP%s on %s port %u\n", sim->opt.tls.cert ? " over TLS" : "", sim->opt.listen_host,
	       ntohs(addr.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&addr)->sin6_port
						: ((struct sockaddr_in *)&addr)->sin_port));
	return 0;
}
