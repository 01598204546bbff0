/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The file of the master key.  It is checked through its descriptor, so nobody can exchange it between check and use; a
 * symbolic link is fine, since services get their credentials that way. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/crypto/keystore.h"
#include "common/crypto/keystore_int.h"
#include "common/crypto/rnd.h"

#define HEX_LEN (2 * KEYSTORE_MASTER_LEN)

static int fail(const void *ctx, const char **why, int rc, const char *path, const char *what)
{
	*why = talloc_asprintf(ctx, "master key file %s: %s", path, what);
	OSMO_ASSERT(*why);
	return rc;
}

static int fail_errno(const void *ctx, const char **why, const char *path)
{
	int rc = -errno;

	return fail(ctx, why, rc, path, strerror(-rc));
}

static int file_check(const void *ctx, int fd, const char *path, const char **why)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return fail_errno(ctx, why, path);
	if (!S_ISREG(st.st_mode))
		return fail(ctx, why, -EINVAL, path, "is no regular file");
	if (st.st_uid != geteuid() && st.st_uid != 0)
		return fail(ctx, why, -EACCES, path, "belongs to another user; chown it to the user of this program");
	if (st.st_mode & (S_IRWXG | S_IRWXO))
		return fail(ctx, why, -EACCES, path, "is open to group or others; chmod it to 0600");
	return 0;
}

static int read_all(int fd, char *buf, size_t cap, size_t *len)
{
	*len = 0;
	while (*len < cap) {
		ssize_t n = read(fd, buf + *len, cap - *len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		*len += (size_t)n;
	}
	return 0;
}

/* One line may end, in either way; what stands behind it is no part of a key.  buf has room for one more octet. */
static int master_parse(char *buf, size_t len, uint8_t master[KEYSTORE_MASTER_LEN])
{
	size_t digits;

	if (len == KEYSTORE_MASTER_LEN) {
		memcpy(master, buf, KEYSTORE_MASTER_LEN);
		return 0;
	}
	buf[len] = '\0';
	digits = strcspn(buf, "\r\n");
	if (strlen(buf) != len ||
	    !(digits == len || strcmp(buf + digits, "\n") == 0 || strcmp(buf + digits, "\r\n") == 0))
		return -EINVAL;
	buf[digits] = '\0';
	return hex_dec_buf(master, KEYSTORE_MASTER_LEN, buf);
}

int keystore_master_read(const void *ctx, const char *path, uint8_t master[KEYSTORE_MASTER_LEN], const char **why)
{
	char buf[HEX_LEN + 4];
	size_t len = 0;
	int fd, rc;

	/* Not blocking, so that a FIFO is refused instead of waited for. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return fail_errno(ctx, why, path);
	rc = file_check(ctx, fd, path, why);
	if (rc == 0) {
		rc = read_all(fd, buf, sizeof(buf) - 1, &len);
		if (rc < 0)
			rc = fail(ctx, why, rc, path, strerror(-rc));
		else if (master_parse(buf, len, master) < 0)
			rc = fail(ctx, why, -EINVAL, path, "does not hold 32 octets or 64 hexadecimal digits");
	}
	close(fd);
	bytes_wipe(buf, sizeof(buf));
	return rc;
}

static int write_master(int fd)
{
	uint8_t master[KEYSTORE_MASTER_LEN];
	char text[HEX_LEN + 2];
	int rc = 0;

	rnd_bytes(master, sizeof(master));
	OSMO_ASSERT(hex_enc_buf(text, sizeof(text), BYTES_ARR(master)) == 0);
	text[HEX_LEN] = '\n';
	errno = EIO;
	if (write(fd, text, HEX_LEN + 1) != HEX_LEN + 1 || fsync(fd) < 0)
		rc = -errno;
	bytes_wipe(master, sizeof(master));
	bytes_wipe(text, sizeof(text));
	return rc;
}

int keystore_create_master(const void *ctx, const char *path, const char **why)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR);
	int rc;

	if (fd < 0)
		return fail_errno(ctx, why, path);
	rc = write_master(fd);
	close(fd);
	if (rc < 0) {
		unlink(path);
		return fail(ctx, why, rc, path, strerror(-rc));
	}
	return 0;
}
