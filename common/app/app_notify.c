/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Messages to the service manager, sd_notify(3): one datagram to the socket named by NOTIFY_SOCKET.  Debian's
 * libosmocore is built without libsystemd, and this is all that is needed of it.  The environment is the interface that
 * the service manager defines; nothing else in the tree reads it. */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <osmocom/core/timer.h>

#include "common/app/app_priv.h"
#include "common/app/log.h"

static struct osmo_timer_list watchdog;

static bool socket_address(struct sockaddr_un *sa, socklen_t *len)
{
	const char *path = getenv("NOTIFY_SOCKET");
	size_t n = path ? strlen(path) : 0;

	if (n < 2 || n >= sizeof(sa->sun_path) || (path[0] != '/' && path[0] != '@'))
		return false;
	*sa = (struct sockaddr_un){.sun_family = AF_UNIX};
	memcpy(sa->sun_path, path, n);
	if (path[0] == '@') /* abstract name space */
		sa->sun_path[0] = '\0';
	*len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
	return true;
}

void app_notify(const char *state)
{
	struct sockaddr_un sa;
	socklen_t len;
	int fd;

	if (!socket_address(&sa, &len))
		return;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&sa, len) < 0)
		LOGP(DMAIN, LOGL_ERROR, "cannot tell the service manager: %s\n", strerror(errno));
	if (fd >= 0)
		close(fd);
}

static void watchdog_feed(void *period_us)
{
	unsigned long us = (unsigned long)period_us;

	app_notify("WATCHDOG=1");
	osmo_timer_schedule(&watchdog, (int)(us / 1000000), (int)(us % 1000000));
}

void app_notify_watchdog_start(void)
{
	const char *usec = getenv("WATCHDOG_USEC");
	const char *pid = getenv("WATCHDOG_PID");
	unsigned long us = usec ? strtoul(usec, NULL, 10) : 0;

	if (us == 0 || (pid && strtol(pid, NULL, 10) != getpid()))
		return;
	osmo_timer_setup(&watchdog, watchdog_feed, (void *)(us / 2));
	watchdog_feed((void *)(us / 2));
}

void app_notify_watchdog_stop(void)
{
	osmo_timer_del(&watchdog);
}
