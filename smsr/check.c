/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What can be looked at without opening a port or changing a file: for -C, and before every start.  All of it is looked
 * at, so that one run names everything that is wrong. */
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/check.h"
#include "common/app/clock.h"
#include "common/app/log.h"
#include "common/peer/expiry.h"
#include "smsr/daemon.h"
#include "smsr/trust.h"

/* Certificates: what they are, whether they belong together, and how long they last. */
static enum app_exit check_certificates(const void *config, void *ctx)
{
	const struct smsr_cfg *cfg = config;
	struct tls *tls = NULL;
	struct trust *trust = NULL;
	enum app_exit code = APP_OK;
	const char *why = "";

	if (https_cfg_load_tls(ctx, &cfg->https, TLS_SERVER, &tls, &why) < 0)
		code = app_complain(APP_CONFIG, why);
	if (trust_load(ctx, cfg, cfg->ci_bundle, clock_stamp_ms(), &trust, &why) < 0)
		code = app_complain(APP_CONFIG, why);
	expiry_log(expiry_list_alloc(ctx, cfg->https.cert, tls, trust), clock_stamp_ms());
	return code;
}

static enum app_exit check_master_key(const void *config, void *ctx)
{
	const struct smsr_cfg *cfg = config;

	return check_master_key_file(ctx, cfg->master_key);
}

static enum app_exit check_passwords(const void *config, void *ctx)
{
	const struct smsr_cfg *cfg = config;
	enum app_exit code = APP_OK;
	char *password;

	for (size_t i = 0; i < cfg->n_smscs; i++) {
		const struct smsc_cfg *c = &cfg->smscs[i];

		if (!c->password_file)
			continue;
		if (links_read_password(ctx, c->password_file, &password) < 0)
			code = app_complain(APP_CONFIG, talloc_asprintf(ctx, "smsc %s: %s: no password can be read",
									c->name, c->password_file));
		else
			bytes_wipe(password, strlen(password));
	}
	return code;
}

static enum app_exit check_database(const void *config, void *ctx)
{
	const struct smsr_cfg *cfg = config;

	return check_database_file(ctx, cfg->database, &smsr_db_desc, cfg->limits.free_space_min);
}

enum app_exit daemon_check(struct smsr_daemon *d)
{
	static const check_cb checks[] = {
		check_certificates,
		check_master_key,
		check_passwords,
		check_database,
	};
	const char *why = "";

	if (smsr_cfg_check(d, d->cfg, &why) < 0)
		return app_complain(APP_CONFIG, why);
	return check_all(d->cfg, checks, ARRAY_SIZE(checks));
}
