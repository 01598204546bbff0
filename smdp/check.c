/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What can be looked at without opening a port or changing a file: for -C, and before every start.  All of it is looked
 * at, so that one run names everything that is wrong. */
#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/check.h"
#include "common/app/clock.h"
#include "common/app/log.h"
#include "common/peer/trust.h"
#include "smdp/daemon.h"
#include "smdp/identity.h"

int smdp_trust_load(const void *ctx, const struct smdp_cfg *cfg, int64_t at_ms, struct trust **out, const char **why)
{
	struct trust *t;
	int rc = trust_alloc(ctx, cfg->ci_bundle, &t, why);

	if (rc < 0)
		return rc;
	for (size_t i = 0; rc == 0 && i < cfg->n_eums; i++)
		rc = trust_add_eum(ctx, t, cfg->eums[i].oid, cfg->eums[i].cert, at_ms, why);
	if (rc < 0)
		talloc_free(t);
	else
		*out = t;
	return rc;
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

static enum app_exit check_tls(const void *config, void *ctx)
{
	const struct smdp_cfg *cfg = config;
	const char *why = "";
	struct tls *tls;

	if (https_cfg_load_tls(ctx, &cfg->https, TLS_SERVER, &tls, &why) < 0)
		return app_complain(APP_CONFIG, why);
	log_ends(cfg, ctx, tls, NULL, NULL);
	return APP_OK;
}

static enum app_exit check_trust(const void *config, void *ctx)
{
	const struct smdp_cfg *cfg = config;
	const char *why = "";
	struct trust *trust;

	if (cfg->n_eums == 0)
		LOGP(DMAIN, LOGL_NOTICE, "no eum is configured: no eUICC can be loaded\n");
	if (smdp_trust_load(ctx, cfg, clock_stamp_ms(), &trust, &why) < 0)
		return app_complain(APP_CONFIG, why);
	log_ends(cfg, ctx, NULL, trust, NULL);
	return APP_OK;
}

static enum app_exit check_identity(const void *config, void *ctx)
{
	const struct smdp_cfg *cfg = config;
	const char *why = "";
	struct dp_identity *dp;

	if (!cfg->dp_cert)
		LOGP(DMAIN, LOGL_NOTICE, "no dp-certificate is configured: no eUICC can be loaded\n");
	if (dp_identity_load(ctx, cfg, clock_stamp_ms(), &dp, &why) < 0)
		return app_complain(APP_CONFIG, why);
	log_ends(cfg, ctx, NULL, NULL, dp);
	return APP_OK;
}

static enum app_exit check_master_key(const void *config, void *ctx)
{
	const struct smdp_cfg *cfg = config;

	return check_master_key_file(ctx, cfg->master_key);
}

static enum app_exit check_database(const void *config, void *ctx)
{
	const struct smdp_cfg *cfg = config;

	return check_database_file(ctx, cfg->database, &smdp_db_desc, cfg->limits.free_space_min);
}

enum app_exit smdp_daemon_check(struct smdp_daemon *d)
{
	static const check_cb checks[] = {
		check_tls, check_trust, check_identity, check_master_key, check_database,
	};
	const char *why = "";

	if (smdp_cfg_check(d, d->cfg, &why) < 0)
		return app_complain(APP_CONFIG, why);
	return check_all(d->cfg, checks, ARRAY_SIZE(checks));
}
