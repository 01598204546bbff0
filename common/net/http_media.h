/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/codec/bytes.h"

/*! The header Content-Type taken apart (RFC 9110 §8.3.1). */
struct http_media {
	const char *type;    /* "type/subtype" in lower case */
	const char *action;  /* parameters by name; NULL = absent */
	const char *charset; /* in lower case */
};

/*! \param[in]  ctx    talloc parent of the strings
 * \param[in]  value  header value; NULL is malformed
 * \param[out] media  untouched on error
 * \returns 0; -EINVAL when it is no media type or a parameter is malformed or occurs twice */
int http_media_parse(const void *ctx, const char *value, struct http_media *media) MUST_CHECK;
