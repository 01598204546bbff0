/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Whole files in, whole files out. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "lab/pki/pki_int.h"

#define FILE_MAX (16 << 20)

char *pki_path(const void *ctx, const char *dir, const char *name, const char *suffix)
{
	char *path = talloc_asprintf(ctx, "%s/%s.%s", dir, name, suffix);

	OSMO_ASSERT(path);
	return path;
}

static int file_failed(const void *ctx, const char *path, const char **why)
{
	int rc = errno ? -errno : -EIO;

	*why = talloc_asprintf(ctx, "%s: %s", path, strerror(-rc));
	return rc;
}

static bool write_all(int fd, struct bytes b)
{
	while (b.len) {
		ssize_t n = write(fd, b.data, b.len);

		if (n < 0 && errno != EINTR)
			return false;
		if (n > 0)
			b = bytes_sub(b, (size_t)n, b.len - (size_t)n);
	}
	return true;
}

int pki_file_write(const void *ctx, const char *path, mode_t mode, bool replace, struct bytes content, const char **why)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | (replace ? O_TRUNC : O_EXCL), mode);
	int rc = 0;

	if (fd < 0)
		return file_failed(ctx, path, why);
	if (!write_all(fd, content))
		rc = file_failed(ctx, path, why);
	if (close(fd) < 0 && rc == 0)
		rc = file_failed(ctx, path, why);
	return rc;
}

int pki_file_read(const void *ctx, const char *path, struct bytes *content, const char **why)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	size_t len = 0;
	uint8_t *buf;
	ssize_t n;

	if (fd < 0)
		return file_failed(ctx, path, why);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > FILE_MAX) {
		close(fd);
		*why = talloc_asprintf(ctx, "%s: is no file of at most 16 MiB", path);
		return -EINVAL;
	}
	buf = talloc_zero_size(ctx, (size_t)st.st_size + 1);
	OSMO_ASSERT(buf);
	while (len < (size_t)st.st_size && (n = read(fd, buf + len, (size_t)st.st_size - len)) > 0)
		len += (size_t)n;
	close(fd);
	*content = bytes_of(buf, len);
	return 0;
}
