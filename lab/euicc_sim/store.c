/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* One file for each card that ever changed, named by its EID, replaced as a whole (write aside, rename).  A killed
 * program loses nothing; no flush to the disk is forced, so a loss of power on the machine may set cards back. */
#include "lab/euicc_sim/sim.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <osmocom/core/logging.h>
#include <osmocom/core/talloc.h>
#include <osmocom/core/utils.h>

#include "common/app/log.h"
#include "common/codec/ber.h"
#include "common/crypto/gpcert.h"

#define FILE_MAX 8192

static int said(const char *path, int rc)
{
	LOGP(DLAB, LOGL_ERROR, "%s: %s\n", path, strerror(-rc));
	return rc;
}

/* The lock file stays open, and locked, until the process ends. */
int store_open(const char *dir)
{
	char *path = talloc_asprintf(OTC_GLOBAL, "%s/lock", dir);
	int fd = -1, rc = 0;

	OSMO_ASSERT(path);
	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		rc = said(dir, -errno);
	if (rc == 0 && (fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600)) < 0)
		rc = said(path, -errno);
	if (rc == 0 && flock(fd, LOCK_EX | LOCK_NB) < 0) {
		rc = said(path, -errno);
		close(fd);
	}
	talloc_free(path);
	return rc;
}

static char *path_of(const void *ctx, const char *dir, const struct euicc *card, const char *suffix)
{
	char *path = talloc_asprintf(ctx, "%s/%s%s", dir, sim_eid_text(card).text, suffix);

	OSMO_ASSERT(path);
	return path;
}

/* \returns 0; -ENOENT; another negative errno (logged) */
static int read_file(const char *path, uint8_t buf[FILE_MAX], struct bytes *content)
{
	size_t n;
	FILE *f = fopen(path, "rb");
	int rc;

	if (!f)
		return errno == ENOENT ? -ENOENT : said(path, -errno);
	n = fread(buf, 1, FILE_MAX, f);
	rc = ferror(f) ? said(path, -EIO) : 0;
	fclose(f);
	*content = bytes_of(buf, n);
	return rc;
}

static int load(const char *path, struct euicc *card)
{
	uint8_t buf[FILE_MAX];
	struct bytes saved;
	int rc = read_file(path, buf, &saved);

	if (rc)
		return rc == -ENOENT ? 0 : rc;
	rc = euicc_load(card, saved);
	return rc ? said(path, rc) : 0;
}

int store_load(const char *dir, struct euicc *card)
{
	char *path = path_of(OTC_GLOBAL, dir, card, "");
	int rc = load(path, card);

	talloc_free(path);
	return rc;
}

static int write_file(const char *path, struct bytes content)
{
	FILE *f = fopen(path, "wb");
	bool good;

	if (!f)
		return -errno;
	good = fwrite(content.data, 1, content.len, f) == content.len;
	good = fclose(f) == 0 && good;
	return good ? 0 : -EIO;
}

int store_save(const char *dir, struct euicc *card)
{
	void *ctx = talloc_new(OTC_GLOBAL);
	char *aside = path_of(ctx, dir, card, ".new"), *path = path_of(ctx, dir, card, "");
	int rc = write_file(aside, euicc_save(card, ctx));

	if (rc == 0 && rename(aside, path) < 0)
		rc = -errno;
	if (rc)
		said(path, rc);
	talloc_free(ctx);
	return rc;
}

/* Hex, perhaps with a line end.  \returns 0; -EINVAL when it is no certificate of this card */
static int cert_dec(const struct euicc *card, const void *ctx, struct bytes text, struct bytes *tlv)
{
	char *hex = talloc_strndup(ctx, (const char *)text.data, text.len);
	struct gpcert cert;
	int rc;

	OSMO_ASSERT(hex);
	hex[strcspn(hex, "\r\n")] = '\0';
	rc = hex_dec(ctx, hex, tlv);
	if (rc == 0)
		rc = gpcert_parse(*tlv, &cert);
	if (rc == 0 && !bytes_eq(cert.subject, bytes_of(euicc_eid(card), EUICC_EID_LEN)))
		rc = -EINVAL;
	talloc_free(hex);
	return rc;
}

int store_cert(const char *dir, const struct euicc *card, const void *ctx, struct bytes *cert)
{
	char *path = path_of(ctx, dir, card, ".ecasd");
	uint8_t buf[FILE_MAX];
	struct bytes text;
	int rc = read_file(path, buf, &text);

	if (rc == 0 && (rc = cert_dec(card, ctx, text, cert)) < 0)
		rc = said(path, rc);
	talloc_free(path);
	return rc;
}

static int ci_dec(const void *ctx, struct bytes text, struct pubkey **key)
{
	char *hex = talloc_strndup(ctx, (const char *)text.data, text.len);
	struct bytes tlv, body, point, reference;
	enum ec_curve curve;
	struct rd r;
	int rc;

	OSMO_ASSERT(hex);
	hex[strcspn(hex, "\r\n")] = '\0';
	rc = hex_dec(ctx, hex, &tlv);
	if (rc == 0 &&
	    (ber_find(tlv, 0x7f49, &body) || ber_find(body, 0xb0, &point) || ber_find(body, 0xf0, &reference)))
		rc = -EINVAL;
	if (rc)
		return rc;
	rd_init(&r, reference);
	rc = ec_curve_by_gp(rd_u8(&r), &curve);
	return rc || rd_end(&r) ? -EINVAL : pubkey_ec_import(ctx, curve, point, key);
}

int store_ci(const char *path, const void *ctx, struct pubkey **key)
{
	uint8_t buf[FILE_MAX];
	struct bytes text;
	int rc = read_file(path, buf, &text);

	if (rc == 0)
		rc = ci_dec(ctx, text, key);
	return rc ? said(path, rc) : 0;
}
