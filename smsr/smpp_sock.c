/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* TCP (and TLS over it) for one SMPP bind, on osmo_select.
 *
 * Writes are collected and sent when the select loop finds the socket writable, so that the submits of one turn leave
 * in one segment; TCP_NODELAY lets them go at once.  TCP_QUICKACK is set again after every read: a service centre
 * without TCP_NODELAY (osmo-msc before 1.13) waits 40 ms for our acknowledgement otherwise, and the kernel clears the
 * option. A failed write is not reported before everything received has been read: the last responses may be among it.
 */
#include "smsr/smpp_sock.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <osmocom/core/select.h>
#include <osmocom/core/socket.h>
#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/net/tls_pipe.h"
#include "smsr/smpp_resolve.h"

#define READ_MAX 65536
#define PLAIN_EXTRA 32768 /* a TLS record that an earlier read began */

struct smpp_sock {
	struct smpp_sock_cfg cfg;
	const struct smpp_sock_ops *ops;
	void *priv;
	struct smpp_resolve *query;
	struct osmo_fd ofd;
	struct tls_pipe *tls;
	bool connected; /* TCP */
	bool up;
	bool write_failed;
	uint8_t *out; /* not sent yet: out[start .. len) */
	size_t start, len, cap;
	uint64_t queued, sent;
	uint8_t in[READ_MAX];
	uint8_t plain[READ_MAX + PLAIN_EXTRA];
};

static int sock_free(struct smpp_sock *s)
{
	smpp_resolve_cancel(s->query);
	if (s->ofd.fd >= 0) {
		osmo_fd_unregister(&s->ofd);
		close(s->ofd.fd);
	}
	return 0;
}

/* ---- out ---- */

static void out_add(struct smpp_sock *s, struct bytes b)
{
	if (s->start == s->len) {
		s->start = s->len = 0;
	} else if (b.len > s->cap - s->len && s->start > 0) {
		memmove(s->out, s->out + s->start, s->len - s->start);
		s->len -= s->start;
		s->start = 0;
	}
	if (b.len > s->cap - s->len) {
		s->cap = OSMO_MAX(s->len + b.len, 2 * s->cap);
		s->out = talloc_realloc_size(s, s->out, s->cap);
		OSMO_ASSERT(s->out);
	}
	if (b.len)
		memcpy(s->out + s->len, b.data, b.len);
	s->len += b.len;
	s->queued += b.len;
	if (s->connected && !s->write_failed)
		osmo_fd_write_enable(&s->ofd);
}

static void out_from_tls(struct smpp_sock *s)
{
	uint8_t chunk[4096];
	size_t n;

	while ((n = tls_pipe_out(s->tls, chunk, sizeof(chunk))) > 0)
		out_add(s, bytes_of(chunk, n));
}

int smpp_sock_write(struct smpp_sock *s, struct bytes plain)
{
	int rc;

	if (!s->up)
		return -ENOTCONN;
	if (s->len - s->start + plain.len > s->cfg.queue_max)
		return -ENOSPC;
	if (!s->tls) {
		out_add(s, plain);
		return 0;
	}
	rc = tls_pipe_write(s->tls, plain);
	out_from_tls(s);
	return rc;
}

void smpp_sock_flush(struct smpp_sock *s)
{
	ssize_t n;

	if (!s->connected || s->write_failed || s->start == s->len)
		return;
	n = send(s->ofd.fd, s->out + s->start, s->len - s->start, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n > 0) {
		s->start += (size_t)n;
		s->sent += (uint64_t)n;
	} else if (n < 0 && errno != EAGAIN && errno != EINTR) {
		s->write_failed = true;
	}
	if (s->write_failed || s->start == s->len)
		osmo_fd_write_disable(&s->ofd);
}

uint64_t smpp_sock_queued(const struct smpp_sock *s)
{
	return s->queued;
}

uint64_t smpp_sock_sent(const struct smpp_sock *s)
{
	return s->sent;
}

/* ---- in ---- */

static void tls_failed(struct smpp_sock *s)
{
	smpp_sock_flush(s); /* the alert for the peer */
	s->ops->down(s->priv, tls_pipe_error(s->tls), true);
}

/* Everything the cipher text at hand gives, then one call to the owner. */
static void rx_tls(struct smpp_sock *s, struct bytes cipher)
{
	size_t n = 0;
	bool rose = false;
	int rc;

	rc = tls_pipe_in(s->tls, cipher);
	if (rc == 0 && !s->up) {
		rc = tls_pipe_handshake(s->tls);
		rose = s->up = rc == 0;
	}
	/* The service centre speaks second, so nothing is lost by reading only after the owner knows that we are up. */
	while (s->up && !rose && n < sizeof(s->plain)) {
		rc = tls_pipe_read(s->tls, s->plain + n, sizeof(s->plain) - n);
		if (rc <= 0)
			break;
		n += (size_t)rc;
	}
	out_from_tls(s);
	if (rose)
		s->ops->up(s->priv);
	else if (n)
		s->ops->rx(s->priv, bytes_of(s->plain, n));
	else if (rc == -EPIPE)
		s->ops->down(s->priv, "closed by the service centre", false);
	else if (rc < 0 && rc != -EAGAIN)
		tls_failed(s);
}

static void sock_read(struct smpp_sock *s)
{
	ssize_t n = recv(s->ofd.fd, s->in, sizeof(s->in), MSG_DONTWAIT);
	int on = 1;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		s->ops->down(s->priv, n == 0 ? "closed by the service centre" : strerror(errno), false);
		return;
	}
	/* A refused option costs latency only. */
	(void)setsockopt(s->ofd.fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof(on));
	if (s->tls)
		rx_tls(s, bytes_of(s->in, (size_t)n));
	else
		s->ops->rx(s->priv, bytes_of(s->in, (size_t)n));
}

/* ---- connecting ---- */

static void tls_begin(struct smpp_sock *s)
{
	struct tls_pipe_cfg cfg = {
		.ca = s->cfg.tls_ca,
		.name = s->cfg.tls_name ? s->cfg.tls_name : s->cfg.host,
		.cert = s->cfg.tls_cert,
		.key = s->cfg.tls_key,
	};
	const char *why;

	s->tls = tls_pipe_alloc(s, &cfg, &why);
	if (!s->tls) {
		s->ops->down(s->priv, why, true);
		return;
	}
	if (tls_pipe_handshake(s->tls) == -EPROTO)
		tls_failed(s);
	else
		out_from_tls(s);
}

static void connect_done(struct smpp_sock *s)
{
	int error = 0, on = 1;
	socklen_t len = sizeof(error);

	if (getsockopt(s->ofd.fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		error = errno;
	if (error) {
		s->ops->down(s->priv, strerror(error), false);
		return;
	}
	(void)setsockopt(s->ofd.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	s->connected = true;
	osmo_fd_write_disable(&s->ofd);
	osmo_fd_read_enable(&s->ofd);
	if (s->cfg.tls) {
		tls_begin(s);
		return;
	}
	s->up = true;
	s->ops->up(s->priv);
}

static int sock_event(struct osmo_fd *ofd, unsigned what)
{
	struct smpp_sock *s = ofd->data;

	if (!s->connected) {
		connect_done(s);
		return 0;
	}
	if (what & OSMO_FD_WRITE)
		smpp_sock_flush(s);
	if (what & (OSMO_FD_READ | OSMO_FD_EXCEPT))
		sock_read(s);
	return 0;
}

static int local_bind(struct smpp_sock *s, int fd, int family)
{
	struct addrinfo hints = {.ai_family = family, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST};
	struct addrinfo *list;
	int rc;

	if (!s->cfg.local)
		return 0;
	if (getaddrinfo(s->cfg.local, NULL, &hints, &list) != 0)
		return -EINVAL;
	rc = bind(fd, list->ai_addr, list->ai_addrlen) < 0 ? -errno : 0;
	freeaddrinfo(list);
	return rc;
}

static int connect_one(struct smpp_sock *s, const struct addrinfo *ai)
{
	int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, ai->ai_protocol);
	int rc;

	if (fd < 0)
		return -errno;
	rc = local_bind(s, fd, ai->ai_family);
	if (rc == 0 && connect(fd, ai->ai_addr, ai->ai_addrlen) < 0 && errno != EINPROGRESS)
		rc = -errno;
	if (rc < 0) {
		close(fd);
		return rc;
	}
	osmo_fd_setup(&s->ofd, fd, OSMO_FD_WRITE, sock_event, s, 0);
	if (osmo_fd_register(&s->ofd) < 0) {
		s->ofd.fd = -1;
		close(fd);
		return -EMFILE;
	}
	return 0;
}

/* The first address that can be tried is tried; the C library orders them, and a dead one answers by timeout. */
static void resolved(void *priv, struct addrinfo *list, const char *error)
{
	struct smpp_sock *s = priv;
	int rc = -ENOENT;

	s->query = NULL;
	for (struct addrinfo *ai = list; ai && rc < 0; ai = ai->ai_next)
		rc = connect_one(s, ai);
	if (list)
		freeaddrinfo(list);
	if (rc < 0)
		s->ops->down(s->priv, error ? error : strerror(-rc), false);
}

struct smpp_sock *smpp_sock_open(const void *ctx, const struct smpp_sock_cfg *cfg, const struct smpp_sock_ops *ops,
				 void *priv)
{
	struct smpp_sock *s = talloc_zero(ctx, struct smpp_sock);

	OSMO_ASSERT(s);
	s->cfg = *cfg;
	s->ops = ops;
	s->priv = priv;
	s->ofd.fd = -1;
	talloc_set_destructor(s, sock_free);
	s->query = smpp_resolve_start(cfg->host, cfg->port, resolved, s);
	return s;
}
