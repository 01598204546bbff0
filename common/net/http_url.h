/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include <stdint.h>

#include "common/codec/bytes.h"

/* For the files of common/net only: an https URL taken apart. */
struct http_url {
	const char *host;      /* name or numeric address, without the brackets of IPv6 */
	const char *host_port; /* as in the header Host */
	uint16_t port;
	const char *target; /* path and query */
};

/*! \param[in]  ctx  talloc parent of the strings
 * \param[out] out  untouched on error
 * \returns 0; -EINVAL when it is no absolute https URL, or names a user or a fragment */
int http_url_parse(const void *ctx, const char *url, struct http_url *out) MUST_CHECK;
