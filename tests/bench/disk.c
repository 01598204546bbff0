/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "tests/bench/disk.h"

#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <talloc.h>

#include "tests/bench/bench.h"

#define BLOCK 4096
#define FILE_BLOCKS 4096

struct disk {
	int fd;
	unsigned int next;
};

struct disk *disk_open(const char *dir)
{
	struct disk *d = talloc_zero(NULL, struct disk);
	char *path = talloc_asprintf(d, "%s/flush", dir);
	uint8_t block[BLOCK] = {0};

	d->fd = open(path, O_CREAT | O_RDWR | O_TRUNC | O_CLOEXEC, 0600);
	bench_check(d->fd >= 0, path);
	for (int i = 0; i < FILE_BLOCKS; i++)
		bench_check(write(d->fd, block, BLOCK) == BLOCK, path);
	bench_check(fsync(d->fd) == 0 && unlink(path) == 0, path);
	return d;
}

double disk_flush_us(struct disk *d)
{
	uint8_t block[BLOCK];
	int64_t start;

	memset(block, (int)d->next, sizeof(block));
	start = bench_wall_ns();
	bench_check(pwrite(d->fd, block, BLOCK, (off_t)(d->next++ % FILE_BLOCKS) * BLOCK) == BLOCK &&
			    fdatasync(d->fd) == 0,
		    "fdatasync");
	return (double)(bench_wall_ns() - start) / 1000;
}
