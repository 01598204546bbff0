/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The air socket (lab/air/air.h): one radio at a time, messages in and out in order, what the socket does not take at
 * once waits in a queue. */
#include "lab/euicc_sim/sim.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <osmocom/core/logging.h>
#include <osmocom/core/socket.h>
#include <osmocom/core/talloc.h>
#include <osmocom/core/utils.h>

#include "common/app/log.h"

#define READS_AT_ONCE 200

struct radio_msg {
	struct llist_head entry;
	struct bytes datagram;
};

struct radio {
	struct sim *sim;
	struct osmo_fd listener;
	struct osmo_fd conn; /* fd -1: no radio */
	struct llist_head queue;
};

bool radio_up(const struct sim *sim)
{
	return sim->radio->conn.fd >= 0;
}

static void hang_up(struct radio *radio, const char *why)
{
	struct radio_msg *msg, *next;

	LOGP(DLAB, LOGL_NOTICE, "radio is gone: %s\n", why);
	osmo_fd_unregister(&radio->conn);
	close(radio->conn.fd);
	radio->conn.fd = -1;
	llist_for_each_entry_safe (msg, next, &radio->queue, entry) {
		llist_del(&msg->entry);
		talloc_free(msg);
	}
	ticks_radio(radio->sim, false);
}

/* \returns 0 sent; -EAGAIN; else the connection is broken */
static int put(struct radio *radio, struct bytes datagram)
{
	ssize_t n = send(radio->conn.fd, datagram.data, datagram.len, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0)
		return errno == EWOULDBLOCK || errno == ENOBUFS ? -EAGAIN : -errno;
	return 0;
}

static int flush(struct radio *radio)
{
	struct radio_msg *msg, *next;

	llist_for_each_entry_safe (msg, next, &radio->queue, entry) {
		int rc = put(radio, msg->datagram);

		if (rc)
			return rc == -EAGAIN ? 0 : rc;
		llist_del(&msg->entry);
		talloc_free(msg);
	}
	osmo_fd_write_disable(&radio->conn);
	return 0;
}

/* A broken connection is noticed by the reader. */
void radio_send(struct sim *sim, const struct air_msg *msg)
{
	struct radio *radio = sim->radio;
	uint8_t buf[AIR_MAX];
	struct radio_msg *waiting;
	int n;

	if (!radio_up(sim))
		return;
	n = air_enc(msg, buf);
	if (n < 0) {
		LOGP(DLAB, LOGL_ERROR, "message to the radio cannot be built (%d)\n", n);
		return;
	}
	if (llist_empty(&radio->queue) && put(radio, bytes_of(buf, (size_t)n)) != -EAGAIN)
		return;
	waiting = talloc_zero(radio, struct radio_msg);
	OSMO_ASSERT(waiting);
	waiting->datagram = bytes_dup(waiting, bytes_of(buf, (size_t)n));
	llist_add_tail(&waiting->entry, &radio->queue);
	osmo_fd_write_enable(&radio->conn);
}

static void rx_for_card(struct sim *sim, struct euicc *card, const struct air_msg *msg)
{
	switch (msg->type) {
	case AIR_ATTACHED:
		euicc_rx_attached(card, msg->imsi, msg->cause);
		break;
	case AIR_MT:
		euicc_rx_mt(card, msg->imsi, msg->payload);
		break;
	case AIR_MO_RESULT:
		euicc_rx_mo_result(card, msg->imsi, msg->cause);
		break;
	case AIR_LOST:
		euicc_rx_lost(card, msg->imsi);
		break;
	case AIR_ATTACH:
	case AIR_DETACH:
	case AIR_MT_ACK:
	case AIR_MO:
		LOGP(DLAB, LOGL_ERROR, "radio sends what only a card may send (type %u)\n", msg->type);
		break;
	}
}

static void rx(struct sim *sim, struct bytes datagram)
{
	struct air_msg msg;
	struct sim_card *sc;

	if (air_dec(datagram, &msg)) {
		LOGP(DLAB, LOGL_ERROR, "malformed message of %zu octets from the radio\n", datagram.len);
		return;
	}
	sc = sim_card_by_imsi(sim, msg.imsi);
	if (!sc) {
		LOGP(DLAB, LOGL_ERROR, "radio names IMSI %s: no such card\n", msg.imsi);
		return;
	}
	rx_for_card(sim, sc->card, &msg);
	sim_settle(sim, sc);
}

static int read_some(struct radio *radio)
{
	for (unsigned int i = 0; i < READS_AT_ONCE; i++) {
		uint8_t buf[AIR_MAX + 1];
		ssize_t n = recv(radio->conn.fd, buf, sizeof(buf), MSG_DONTWAIT);

		if (n == 0)
			return -EPIPE;
		if (n < 0)
			return errno == EWOULDBLOCK || errno == EINTR ? 0 : -errno;
		rx(radio->sim, bytes_of(buf, (size_t)n));
	}
	return 0;
}

static int conn_cb(struct osmo_fd *fd, unsigned int what)
{
	struct radio *radio = fd->data;
	int rc = 0;

	sim_enter(radio->sim);
	if (what & OSMO_FD_READ)
		rc = read_some(radio);
	if (rc == 0 && (what & OSMO_FD_WRITE))
		rc = flush(radio);
	if (rc)
		hang_up(radio, rc == -EPIPE ? "closed" : strerror(-rc));
	ticks_arm(radio->sim);
	return 0;
}

static int accept_cb(struct osmo_fd *fd, unsigned int what)
{
	struct radio *radio = fd->data;
	int conn = accept4(fd->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (conn < 0)
		return 0;
	if (radio_up(radio->sim)) {
		LOGP(DLAB, LOGL_ERROR, "a second radio is refused\n");
		close(conn);
		return 0;
	}
	osmo_fd_setup(&radio->conn, conn, OSMO_FD_READ, conn_cb, radio, 0);
	if (osmo_fd_register(&radio->conn) < 0) {
		close(conn);
		radio->conn.fd = -1;
		return 0;
	}
	LOGP(DLAB, LOGL_NOTICE, "radio connected\n");
	ticks_radio(radio->sim, true);
	return 0;
}

int radio_open(struct sim *sim)
{
	struct radio *radio = talloc_zero(sim, struct radio);
	int rc;

	OSMO_ASSERT(radio);
	radio->sim = sim;
	radio->conn.fd = -1;
	INIT_LLIST_HEAD(&radio->queue);
	sim->radio = radio;
	osmo_fd_setup(&radio->listener, -1, OSMO_FD_READ, accept_cb, radio, 0);
	rc = osmo_sock_unix_init_ofd(&radio->listener, SOCK_SEQPACKET, 0, sim->opt->socket, OSMO_SOCK_F_BIND);
	if (rc < 0)
		LOGP(DLAB, LOGL_FATAL, "%s: cannot listen\n", sim->opt->socket);
	return rc < 0 ? -EIO : 0;
}
