/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* smsc-sim: the built-in radio.  Connects to the cards (euicc-sim) and keeps trying; or, without cards, plays phones
 * that are always on and take everything. */
#include "lab/smsc_sim/sim.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <osmocom/core/msgb.h>
#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/log.h"

#define RETRY_US 300000
#define QUEUE_MAX 10000
#define READS_MAX 64

static void air_down(struct sim *sim)
{
	if (sim->air_up) {
		LOGP(DLAB, LOGL_NOTICE, "the cards are gone\n");
		osmo_fd_unregister(&sim->air.bfd);
		close(sim->air.bfd.fd);
		osmo_wqueue_clear(&sim->air);
		sim->air_up = false;
		smsc_radio_lost(sim->smsc, sim_now_ms());
	}
	osmo_timer_schedule(&sim->air_retry, 0, RETRY_US);
}

/* \returns false when there is nothing more to read now */
static bool air_read_one(struct sim *sim, int fd)
{
	uint8_t buf[AIR_MAX];
	struct air_msg msg;
	ssize_t n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0) {
		air_down(sim);
		return false;
	}
	if (air_dec(bytes_of(buf, (size_t)n), &msg) < 0)
		LOGP(DLAB, LOGL_NOTICE, "malformed message from the cards\n");
	else
		smsc_radio_rx(sim->smsc, &msg, sim_now_ms());
	return true;
}

static int air_read(struct osmo_fd *ofd)
{
	struct sim *sim = ofd->data;
	int fd = ofd->fd;

	for (unsigned i = 0; i < READS_MAX && air_read_one(sim, fd); i++)
		;
	sim_turn(sim);
	return sim->air_up ? 0 : -EBADF;
}

static int air_write(struct osmo_fd *ofd, struct msgb *msg)
{
	if (send(ofd->fd, msgb_data(msg), msgb_length(msg), MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno == EAGAIN)
		return -EAGAIN;
	return 0; /* any other error shows as end of file on the reading side */
}

static void air_connect(void *data)
{
	struct sim *sim = data;
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	size_t len = strlen(sim->opt.air);
	int fd;

	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || len >= sizeof(addr.sun_path)) {
		LOGP(DLAB, LOGL_ERROR, "cards: no socket, or path too long\n");
		if (fd >= 0)
			close(fd);
		return;
	}
	memcpy(addr.sun_path, sim->opt.air, len);
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		close(fd);
		osmo_timer_schedule(&sim->air_retry, 0, RETRY_US);
		return;
	}
	osmo_fd_setup(&sim->air.bfd, fd, OSMO_FD_READ, osmo_wqueue_bfd_cb, sim, 0);
	OSMO_ASSERT(osmo_fd_register(&sim->air.bfd) == 0);
	sim->air_up = true;
	LOGP(DLAB, LOGL_NOTICE, "connected to the cards\n");
}

/* ---- phones that are always on ---- */

struct echo {
	struct llist_head list;
	struct air_msg msg;
};

static void echo_fired(void *data)
{
	struct sim *sim = data;
	struct echo *e, *next;
	LLIST_HEAD(now);

	llist_splice_init(&sim->air_echo, &now);
	llist_for_each_entry_safe (e, next, &now, list) {
		llist_del(&e->list);
		smsc_radio_rx(sim->smsc, &e->msg, sim_now_ms());
		talloc_free(e);
	}
	sim_turn(sim);
}

static void echo_queue(struct sim *sim, enum air_type type, const char *imsi)
{
	struct echo *e = talloc_zero(sim, struct echo);

	OSMO_ASSERT(e);
	e->msg.type = type;
	memcpy(e->msg.imsi, imsi, sizeof(e->msg.imsi));
	llist_add_tail(&e->list, &sim->air_echo);
	osmo_timer_schedule(&sim->air_echo_timer, 0, 0);
}

/* ---- */

void sim_radio_tx(void *priv, const struct air_msg *msg)
{
	struct sim *sim = priv;
	uint8_t buf[AIR_MAX];
	struct msgb *out;
	int n = air_enc(msg, buf);

	if (sim->opt.phones_on) {
		if (msg->type == AIR_MT)
			echo_queue(sim, AIR_MT_ACK, msg->imsi);
		return;
	}
	if (!sim->air_up || n < 0)
		return;
	out = msgb_alloc((uint16_t)n, "air");
	OSMO_ASSERT(out);
	memcpy(msgb_put(out, (unsigned)n), buf, (size_t)n);
	if (osmo_wqueue_enqueue(&sim->air, out) < 0) {
		LOGP(DLAB, LOGL_ERROR, "the cards do not read: message lost\n");
		msgb_free(out);
	}
}

void sim_radio_start(struct sim *sim)
{
	INIT_LLIST_HEAD(&sim->air_echo);
	osmo_timer_setup(&sim->air_echo_timer, echo_fired, sim);
	osmo_timer_setup(&sim->air_retry, air_connect, sim);
	osmo_wqueue_init(&sim->air, QUEUE_MAX);
	sim->air.read_cb = air_read;
	sim->air.write_cb = air_write;
	if (sim->opt.phones_on)
		smsc_phones_attach(sim->smsc, sim_now_ms());
	else if (sim->opt.air)
		air_connect(sim);
}
