/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The control socket: lines in, lines out, each answer ended by "ok" or "error: ..." and an empty line.  Tests and the
 * demo drive the fleet through it; a file of the same lines can be run at the start. */
#include "lab/euicc_sim/sim.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <osmocom/core/logging.h>
#include <osmocom/core/socket.h>
#include <osmocom/core/talloc.h>
#include <osmocom/core/utils.h>

#include "common/app/log.h"

#define LINE_MAX_LEN 1024

struct control {
	struct sim *sim;
	struct osmo_fd listener;
};

struct client {
	struct control *control;
	struct osmo_fd fd;
	char line[LINE_MAX_LEN];
	size_t len;
	char *answer; /* on its way out; NULL: none */
	struct bytes left;
};

int control_run_file(struct sim *sim, const char *path)
{
	char line[LINE_MAX_LEN];
	FILE *f = fopen(path, "r");
	int rc = 0;

	if (!f) {
		LOGP(DLAB, LOGL_FATAL, "%s: %s\n", path, strerror(errno));
		return -ENOENT;
	}
	while (rc == 0 && fgets(line, sizeof(line), f)) {
		char *answer;

		line[strcspn(line, "\n")] = '\0';
		answer = control_run(sim, sim, line);
		if (strncmp(answer, "error", 5) == 0) {
			LOGP(DLAB, LOGL_FATAL, "%s: \"%s\": %.*s\n", path, line, (int)strcspn(answer, "\n"), answer);
			rc = -EINVAL;
		}
		talloc_free(answer);
	}
	fclose(f);
	return rc;
}

static void client_close(struct client *cl)
{
	osmo_fd_unregister(&cl->fd);
	close(cl->fd.fd);
	talloc_free(cl);
}

/* \returns 0 all sent, or the socket is full for now; -EIO */
static int flush(struct client *cl)
{
	while (cl->left.len > 0) {
		ssize_t n = send(cl->fd.fd, cl->left.data, cl->left.len, MSG_NOSIGNAL);

		if (n < 0 && errno == EWOULDBLOCK) {
			cl->fd.when = OSMO_FD_WRITE;
			return 0;
		}
		if (n <= 0)
			return -EIO;
		cl->left = bytes_sub(cl->left, (size_t)n, cl->left.len - (size_t)n);
	}
	TALLOC_FREE(cl->answer);
	cl->fd.when = OSMO_FD_READ;
	return 0;
}

/* Run whole lines, each only after the answer to the one before has left.  \returns 0; -EIO; -ENOSPC line too long */
static int lines(struct client *cl)
{
	char *end;

	while (!cl->answer && (end = memchr(cl->line, '\n', cl->len))) {
		size_t used = (size_t)(end - cl->line) + 1;

		*end = '\0';
		cl->answer = control_run(cl->control->sim, cl, cl->line);
		cl->left = bytes_str(cl->answer);
		cl->len -= used;
		memmove(cl->line, end + 1, cl->len);
		if (flush(cl))
			return -EIO;
	}
	return !cl->answer && cl->len == sizeof(cl->line) ? -ENOSPC : 0;
}

static int read_some(struct client *cl)
{
	ssize_t n = recv(cl->fd.fd, cl->line + cl->len, sizeof(cl->line) - cl->len, 0);

	if (n < 0 && errno == EWOULDBLOCK)
		return 0;
	if (n <= 0)
		return -EIO;
	cl->len += (size_t)n;
	return 0;
}

static int client_cb(struct osmo_fd *fd, unsigned int what)
{
	struct client *cl = fd->data;
	int rc = what & OSMO_FD_WRITE ? flush(cl) : read_some(cl);

	if (rc || lines(cl))
		client_close(cl);
	return 0;
}

static int accept_cb(struct osmo_fd *fd, unsigned int what)
{
	struct control *control = fd->data;
	struct client *cl;
	int conn = accept4(fd->fd, NULL, NULL, SOCK_CLOEXEC);

	if (conn < 0)
		return 0;
	cl = talloc_zero(control, struct client);
	OSMO_ASSERT(cl);
	cl->control = control;
	osmo_fd_setup(&cl->fd, conn, OSMO_FD_READ, client_cb, cl, 0);
	if (osmo_fd_register(&cl->fd) < 0) {
		close(conn);
		talloc_free(cl);
	}
	return 0;
}

int control_open(struct sim *sim)
{
	struct control *control = talloc_zero(sim, struct control);
	int rc;

	OSMO_ASSERT(control);
	control->sim = sim;
	sim->control = control;
	osmo_fd_setup(&control->listener, -1, OSMO_FD_READ, accept_cb, control, 0);
	rc = osmo_sock_unix_init_ofd(&control->listener, SOCK_STREAM, 0, sim->opt->control, OSMO_SOCK_F_BIND);
	if (rc < 0)
		LOGP(DLAB, LOGL_FATAL, "%s: cannot listen\n", sim->opt->control);
	return rc < 0 ? -EIO : 0;
}
