/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What can be looked at without opening a port or changing a file: for -C, and before every start.  All of it is looked
 * at, so that one run names everything that is wrong. */
#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/clock.h"
#include "common/app/log.h"
#include "common/peer/trust.h"
#include "smdp/daemon.h"
#include "smdp/identity.h"

int smdp_trust_load(const void *ctx, const struct smdp_cfg *cfg, int64_t at_ms, struct trust **out, const char **why)
{
	const char *reason = "";
	struct trust *t;
	int rc = trust_alloc(ctx, cfg->ci_bundle, &t, why);

	if (rc < 0)
		return rc;
	for (size_t i = 0; rc == 0 && i < cfg->n_eums; i++)
		rc = trust_add_eum(t, cfg->eums[i].oid, cfg->eums[i].cert, at_ms, &reason);
	if (rc < 0) {
		*why = talloc_strdup(ctx, reason);
		talloc_free(t);
		return rc;
	}
	*out = t;
	return 0;
}

struct expiry_list *smdp_certificates(const void *ctx, const struct smdp_cfg *cfg, const struct tls *tls,
				      const struct trust *trust, const struct dp_identity *dp)
{
	struct expiry_list *l = expiry_list_alloc(ctx, cfg->https.cert, tls, trust);

	if (dp)
		expiry_list_add(l, "CERT.DP.ECDSA", dp_identity_not_after_ms(dp));
	return l;
}

static void log_ends(const struct smdp_cfg *cfg, const void *ctx, const struct tls *tls, const struct trust *trust,
		     const struct dp_identity *dp)
{
	expiry_log(smdp_certificates(ctx, cfg, tls, trust, dp), clock_stamp_ms());
}

static enum app_exit check_tls(const struct smdp_cfg *cfg, void *ctx)
{
	const char *why = "";
	struct tls *tls;

	if (https_cfg_load_tls(ctx, &cfg->https, TLS_SERVER, &tls, &why) < 0)
		return app_complain(APP_CONFIG, why);
	log_ends(cfg, ctx, tls, NULL, NULL);
	return APP_OK;
}

static enum app_exit check_trust(const struct smdp_cfg *cfg, void *ctx)
{
	const char *why = "";
	struct trust *trust;

	if (cfg->n_eums == 0)
		LOGP(DMAIN, LOGL_NOTICE, "no eum is configured: no eUICC can be loaded\n");
	if (smdp_trust_load(ctx, cfg, clock_stamp_ms(), &trust, &why) < 0)
		return app_complain(APP_CONFIG, why);
	log_ends(cfg, ctx, NULL, trust, NULL);
	return APP_OK;
}

static enum app_exit check_identity(const struct smdp_cfg *cfg, void *ctx)
{
	const char *why = "";
	struct dp_identity *dp;

	if (!cfg->dp_cert)
		LOGP(DMAIN, LOGL_NOTICE, "no dp-certificate is configured: no eUICC can be loaded\n");
	if (dp_identity_load(ctx, cfg, clock_stamp_ms(), &dp, &why) < 0)
		return app_complain(APP_CONFIG, why);
	log_ends(cfg, ctx, NULL, NULL, dp);
	return APP_OK;
}

static enum app_exit check_master_key(const struct smdp_cfg *cfg, void *ctx)
{
	struct keystore *keystore;
	const char *why = "";

	return keystore_open(ctx, cfg->master_key, &keystore, &why) < 0 ? app_complain(APP_CONFIG, why) : APP_OK;
}

static enum app_exit check_database(const struct smdp_cfg *cfg, void *ctx)
{
	const char *why = "";
	int rc = db_check_file(ctx, cfg->database, &smdp_db_desc, cfg->limits.free_space_min, &why);

	return rc < 0 ? app_complain(APP_DB, why) : APP_OK;
}

enum app_exit smdp_daemon_check(struct smdp_daemon *d)
{
	static enum app_exit (*const checks[])(const struct smdp_cfg *cfg, void *ctx) = {
		check_tls, check_trust, check_identity, check_master_key, check_database,
	};
	enum app_exit code = APP_OK;
	const char *why = "";
	void *ctx;

	if (smdp_cfg_check(d, d->cfg, &why) < 0)
		return app_complain(APP_CONFIG, why);
	ctx = talloc_new(d);
	for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
		enum app_exit one = checks[i](d->cfg, ctx);

		code = code == APP_OK ? one : code;
	}
	talloc_free(ctx);
	return code;
}
