/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* smsc-sim: control socket.  A UNIX stream socket; one command a line; each answer ends with an empty line. */
#include "lab/smsc_sim/sim.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <osmocom/core/socket.h>
#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/log.h"

struct control {
	struct sim *sim;
	struct osmo_fd ofd;
	char line[256];
	size_t len;
};

static int control_free(struct control *c)
{
	osmo_fd_unregister(&c->ofd);
	close(c->ofd.fd);
	return 0;
}

static int run_line(struct control *c)
{
	char *text = smsc_command(c->sim->smsc, c, c->line, sim_now_ms());
	size_t len = strlen(text);
	ssize_t n;

	text = talloc_asprintf_append(text, "\n");
	/* An operator's terminal or a script: an answer fits the buffer of the socket, or the peer does not read. */
	n = send(c->ofd.fd, text, len + 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	talloc_free(text);
	return n == (ssize_t)len + 1 ? 0 : -EIO;
}

static int control_feed(struct control *c, char ch)
{
	if (ch != '\n') {
		if (c->len + 1 >= sizeof(c->line))
			return -ENOSPC;
		c->line[c->len++] = ch;
		return 0;
	}
	c->line[c->len] = '\0';
	c->len = 0;
	return run_line(c);
}

static int control_event(struct osmo_fd *ofd, unsigned what)
{
	struct control *c = ofd->data;
	struct sim *sim = c->sim;
	char buf[256];
	ssize_t n = recv(ofd->fd, buf, sizeof(buf), MSG_DONTWAIT);
	int rc = 0;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	for (ssize_t i = 0; i < n && rc == 0; i++)
		rc = control_feed(c, buf[i]);
	if (n <= 0 || rc < 0)
		talloc_free(c);
	sim_turn(sim);
	return 0;
}

static int control_accept(struct osmo_fd *ofd, unsigned what)
{
	struct sim *sim = ofd->data;
	int fd = accept4(ofd->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct control *c;

	if (fd < 0)
		return 0;
	c = talloc_zero(sim, struct control);
	OSMO_ASSERT(c);
	c->sim = sim;
	osmo_fd_setup(&c->ofd, fd, OSMO_FD_READ, control_event, c, 0);
	if (osmo_fd_register(&c->ofd) < 0) {
		close(fd);
		talloc_free(c);
		return 0;
	}
	talloc_set_destructor(c, control_free);
	return 0;
}

int sim_control_start(struct sim *sim)
{
	int rc;

	if (!sim->opt.control)
		return 0;
	sim->control.cb = control_accept;
	sim->control.data = sim;
	rc = osmo_sock_unix_init_ofd(&sim->control, SOCK_STREAM, 0, sim->opt.control,
				     OSMO_SOCK_F_BIND | OSMO_SOCK_F_NONBLOCK);
	return rc < 0 ? rc : 0;
}
