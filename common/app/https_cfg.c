/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Settings of the HTTPS server of a daemon, apart from the commands that fill them in (https_vty.c). */
#include "common/app/https_cfg.h"

#include <osmocom/core/utils.h>

void https_cfg_init(struct https_cfg *cfg, const void *owner)
{
	*cfg = (struct https_cfg){.owner = owner, .threads = 1};
}

const char *https_cfg_missing(const struct https_cfg *cfg)
{
	const struct {
		const void *value;
		const char *text;
	} mandatory[] = {
		{cfg->ca, "https / ca is missing"},
		{cfg->cert, "https / certificate is missing"},
		{cfg->key, "https / key is missing"},
		{cfg->listen, "https / listen is missing"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(mandatory); i++) {
		if (!mandatory[i].value)
			return mandatory[i].text;
	}
	return NULL;
}

int https_cfg_load_tls(const void *ctx, const struct https_cfg *cfg, enum tls_role role, struct tls **tls,
		       const char **why)
{
	const struct tls_files files = {.ca = cfg->ca, .cert = cfg->cert, .key = cfg->key};

	return tls_load(ctx, role, &files, tls, why);
}
