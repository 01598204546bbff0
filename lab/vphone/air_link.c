/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The air socket (lab/air/air.h) of the radio: a non-blocking SOCK_SEQPACKET client with a send queue. */
#include "lab/vphone/air_link.h"
#include "common/app/log.h"

#include <errno.h>
#include <osmocom/core/msgb.h>
#include <osmocom/core/select.h>
#include <osmocom/core/socket.h>
#include <osmocom/core/talloc.h>
#include <osmocom/core/timer.h>
#include <osmocom/core/utils.h>
#include <osmocom/core/write_queue.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define RETRY_S 1
#define QUEUE_MAX 8192

struct air_link {
	char *path;
	const struct air_link_ops *ops;
	void *priv;
	struct osmo_wqueue queue;
	struct osmo_timer_list retry;
	bool up;
	unsigned int failures; /* attempts in a row */
};

static void link_close(struct air_link *link)
{
	LOGP(DLAB, LOGL_NOTICE, "air: %s closed\n", link->path);
	osmo_wqueue_clear(&link->queue);
	osmo_fd_close(&link->queue.bfd);
	link->up = false;
	osmo_timer_schedule(&link->retry, RETRY_S, 0);
	link->ops->down(link->priv);
}

static int read_cb(struct osmo_fd *fd)
{
	struct air_link *link = fd->data;
	uint8_t buf[AIR_MAX + 1];
	struct air_msg msg;
	ssize_t len = recv(fd->fd, buf, sizeof(buf), 0);

	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (len <= 0) {
		link_close(link);
		return -EBADF;
	}
	if (len > AIR_MAX || air_dec(bytes_of(buf, (size_t)len), &msg) < 0)
		LOGP(DLAB, LOGL_ERROR, "air: malformed message of %zd octets ignored\n", len);
	else
		link->ops->rx(link->priv, &msg);
	return link->up ? 0 : -EBADF;
}

static int write_cb(struct osmo_fd *fd, struct msgb *msg)
{
	ssize_t len = send(fd->fd, msgb_data(msg), msgb_length(msg), MSG_NOSIGNAL);

	if (len >= 0)
		return 0;
	if (errno == EAGAIN)
		return -EAGAIN;
	/* the reading side sees the end of the connection and closes it */
	LOGP(DLAB, LOGL_ERROR, "air: cannot send: %s\n", strerror(errno));
	return 0;
}

static void connect_cb(void *data)
{
	struct air_link *link = data;
	int fd = osmo_sock_unix_init(SOCK_SEQPACKET, 0, link->path, OSMO_SOCK_F_CONNECT | OSMO_SOCK_F_NONBLOCK);

	if (fd < 0) {
		if (!link->failures++)
			LOGP(DLAB, LOGL_NOTICE, "air: no cards at %s yet, trying each second\n", link->path);
		osmo_timer_schedule(&link->retry, RETRY_S, 0);
		return;
	}
	osmo_fd_setup(&link->queue.bfd, fd, OSMO_FD_READ, osmo_wqueue_bfd_cb, link, 0);
	OSMO_ASSERT(osmo_fd_register(&link->queue.bfd) == 0);
	link->up = true;
	link->failures = 0;
	LOGP(DLAB, LOGL_INFO, "air: connected to the cards at %s\n", link->path);
}

struct air_link *air_link_alloc(void *ctx, const char *path, const struct air_link_ops *ops, void *priv)
{
	struct air_link *link = talloc_zero(ctx, struct air_link);

	OSMO_ASSERT(link);
	link->path = talloc_strdup(link, path);
	link->ops = ops;
	link->priv = priv;
	osmo_wqueue_init(&link->queue, QUEUE_MAX);
	link->queue.bfd.fd = -1;
	link->queue.read_cb = read_cb;
	link->queue.write_cb = write_cb;
	osmo_timer_setup(&link->retry, connect_cb, link);
	osmo_timer_schedule(&link->retry, 0, 0);
	return link;
}

bool air_link_is_up(const struct air_link *link)
{
	return link->up;
}

void air_link_tx(struct air_link *link, enum air_type type, const char *imsi, uint8_t cause, struct bytes payload)
{
	struct air_msg msg = {.type = type, .cause = cause, .payload = payload};
	struct msgb *out;
	int len;

	if (!link->up)
		return;
	OSMO_STRLCPY_ARRAY(msg.imsi, imsi);
	out = msgb_alloc(AIR_MAX, "air");
	OSMO_ASSERT(out);
	len = air_enc(&msg, out->data);
	if (len < 0) {
		LOGP(DLAB, LOGL_ERROR, "air: message of type %d for %s does not fit\n", type, imsi);
		msgb_free(out);
		return;
	}
	msgb_put(out, (unsigned int)len);
	if (osmo_wqueue_enqueue(&link->queue, out) < 0) {
		LOGP(DLAB, LOGL_ERROR, "air: the cards do not read, message of type %d for %s dropped\n", type, imsi);
		msgb_free(out);
	}
}
