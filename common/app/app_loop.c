/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Waiting for the core thread's descriptors and timers without dispatching them.
 *
 * osmo_select_main_ctx(0) waits and dispatches in one call, so nobody could read the clock in between: after an hour of
 * silence the first handler would start its timers from an hour ago.  In libosmocore 1.7.0 it also spins through the
 * last millisecond before each timer, because osmo_timers_nearest_ms() rounds down.  So the wait is done here, to the
 * microsecond, and osmo_select_main_ctx(1) follows.
 *
 * The list of registered descriptors is private to libosmocore, but each struct osmo_fd is a member of it.  The first
 * one ever registered, our anchor, gives the head of the list away.  osmo_fd_fill_fds() would be the public way; it
 * aborts the process as soon as a descriptor passes FD_SETSIZE, which the connections of the I/O threads bring about.
 */
#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <osmocom/core/select.h>
#include <osmocom/core/talloc.h>
#include <osmocom/core/timer.h>
#include <osmocom/core/utils.h>

#include "common/app/app_priv.h"

static struct {
	struct osmo_fd anchor;
	struct llist_head *head;
	struct pollfd *fds;
	size_t n_fds;
} loop;

void app_loop_init(void)
{
	osmo_fd_setup(&loop.anchor, eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), 0, NULL, NULL, 0);
	OSMO_ASSERT(osmo_fd_register(&loop.anchor) == 0);
	/* alone in the list, so both neighbours are its head */
	OSMO_ASSERT(loop.anchor.list.next == loop.anchor.list.prev);
	loop.head = loop.anchor.list.next;
	loop.fds = NULL;
	loop.n_fds = 0;
}

void app_loop_fini(void)
{
	osmo_fd_close(&loop.anchor);
	talloc_free(loop.fds);
}

static short poll_events(unsigned int when)
{
	return (short)((when & OSMO_FD_READ ? POLLIN : 0) | (when & OSMO_FD_WRITE ? POLLOUT : 0) |
		       (when & OSMO_FD_EXCEPT ? POLLPRI : 0));
}

static nfds_t collect(void)
{
	struct osmo_fd *ofd;
	size_t n = 0;

	llist_for_each_entry (ofd, loop.head, list) {
		if (!ofd->when)
			continue;
		if (n == loop.n_fds) {
			loop.n_fds = loop.n_fds * 2 + 16;
			loop.fds = talloc_realloc(OTC_GLOBAL, loop.fds, struct pollfd, loop.n_fds);
		}
		loop.fds[n++] = (struct pollfd){.fd = ofd->fd, .events = poll_events(ofd->when)};
	}
	return n;
}

void app_loop_wait(void)
{
	struct timeval *due;
	struct timespec ts = {0, 0};

	osmo_timers_prepare();
	due = osmo_timers_nearest();
	if (due) {
		ts.tv_sec = due->tv_sec;
		ts.tv_nsec = due->tv_usec * 1000;
	}
	/* an interrupted wait is a short one */
	if (ppoll(loop.fds, collect(), due ? &ts : NULL, NULL) < 0)
		OSMO_ASSERT(errno == EINTR || errno == ENOMEM);
}
