/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* To be preloaded: a disk that takes its time before the first write of a commit, so that a kill falls in front of the
 * commit and not beside it.  (A kill behind the write is too late: the kernel has the data.)
 *
 * Relies on SQLite calling these by name, from one thread, and on a sync between two commits.  The kernel is asked
 * directly, which keeps dlsym() out. */
#define _GNU_SOURCE
#include <stdbool.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef WRITE_US
#define WRITE_US 40000
#endif

static bool synced = true;

int fsync(int fd)
{
	synced = true;
	return (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
	synced = true;
	return (int)syscall(SYS_fdatasync, fd);
}

ssize_t pwrite64(int fd, const void *data, size_t len, off64_t at)
{
	if (synced)
		usleep(WRITE_US);
	synced = false;
	return syscall(SYS_pwrite64, fd, data, len, at);
}
