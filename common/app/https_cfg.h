/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/net/http_server.h"
#include "common/net/tls.h"

/*! Where peers reach a daemon, and with which certificates it shows itself in both directions. */
struct https_cfg {
	const void *owner; /* talloc parent of the texts */
	struct http_listen *listen;
	size_t n_listen;
	char *ca;
	char *cert;
	char *key;
	unsigned int threads;
	unsigned int max_connections; /* 0: the server's default */
	unsigned int max_handshakes;  /* as above */
};

/*! Every default.  \param[in] owner  talloc parent of what will be configured */
void https_cfg_init(struct https_cfg *cfg, const void *owner);
/*! \returns sentence on what is missing, static; NULL when all is there */
const char *https_cfg_missing(const struct https_cfg *cfg);
/*! Load the certificates; parameters and errors as tls_load(). */
int https_cfg_load_tls(const void *ctx, const struct https_cfg *cfg, enum tls_role role, struct tls **tls,
		       const char **why) MUST_CHECK;
