/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "smdp/identity.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/crypto/gpcert.h"

#define ROLE_SMDP 1
#define CERT_FILE_MAX 4096

static int read_file(const void *ctx, const char *path, struct bytes *out)
{
	char buf[CERT_FILE_MAX];
	FILE *f = fopen(path, "rb");
	size_t n;

	if (!f)
		return -errno;
	n = fread(buf, 1, sizeof(buf), f);
	fclose(f);
	*out = bytes_dup(ctx, bytes_of(buf, n));
	return n == sizeof(buf) ? -EINVAL : 0;
}

/* Raw, or digits with a line end. */
static int read_cert(const void *ctx, const char *path, struct bytes *out)
{
	struct bytes raw;
	char *text;
	int rc = read_file(ctx, path, &raw);

	if (rc < 0)
		return rc;
	if (raw.len && *raw.data == 0x7f) {
		*out = raw;
		return 0;
	}
	text = talloc_strndup(ctx, (const char *)raw.data, raw.len);
	text[strcspn(text, "\r\n \t")] = '\0';
	return hex_dec(ctx, text, out);
}

static const char *judge(const struct gpcert *cert, int64_t at_ms)
{
	const struct gpcert_expect expect = {.usage = GPCERT_USAGE_VERIFY, .at_ms = at_ms};
	enum gpcert_verdict verdict = gpcert_check(cert, &expect);

	if (verdict != GPCERT_OK)
		return gpcert_verdict_name(verdict);
	return cert->role == ROLE_SMDP ? NULL : "it is not the certificate of an SM-DP";
}

static int load(struct dp_identity *id, const struct smdp_cfg *cfg, int64_t at_ms, const char **why)
{
	struct gpcert cert;
	struct bytes point;
	int rc = read_cert(id, cfg->dp_cert, &id->cert);

	*why = "it cannot be read";
	if (rc == 0)
		rc = gpcert_parse(id->cert, &cert);
	if (rc < 0)
		return rc;
	*why = judge(&cert, at_ms);
	if (*why)
		return -EINVAL;
	id->curve = cert.curve;
	rc = privkey_pem_load(id, cfg->dp_key, &id->key, why);
	if (rc < 0)
		return rc;
	*why = "dp-key is not the private key of it";
	rc = pubkey_point(id, privkey_pub(id, id->key), &point);
	return rc < 0 || !bytes_eq(point, cert.point) ? -EINVAL : 0;
}

int dp_identity_load(const void *ctx, const struct smdp_cfg *cfg, int64_t at_ms, struct dp_identity **dp,
		     const char **why)
{
	const char *reason = "";
	struct dp_identity *id;
	int rc;

	if (!cfg->dp_cert) {
		*dp = NULL;
		return 0;
	}
	id = talloc_zero(ctx, struct dp_identity);
	OSMO_ASSERT(id);
	rc = load(id, cfg, at_ms, &reason);
	if (rc < 0) {
		*why = talloc_asprintf(ctx, "dp-certificate %s: %s", cfg->dp_cert, reason);
		talloc_free(id);
		return rc;
	}
	*dp = id;
	return 0;
}

int64_t dp_identity_not_after_ms(const struct dp_identity *dp)
{
	struct gpcert cert;
	struct tm tm = {0};

	if (gpcert_parse(dp->cert, &cert) < 0 || !cert.expires)
		return 0;
	tm.tm_year = (int)(cert.expires / 10000) - 1900;
	tm.tm_mon = (int)(cert.expires / 100 % 100) - 1;
	tm.tm_mday = (int)(cert.expires % 100) + 1;
	return (int64_t)timegm(&tm) * 1000 - 1;
}

bool dp_identity_is_valid(const struct dp_identity *dp, int64_t at_ms)
{
	struct gpcert cert;

	return gpcert_parse(dp->cert, &cert) == 0 && !judge(&cert, at_ms);
}
