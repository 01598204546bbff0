/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "scp81/http_msg.h"

/* Headers of administration messages; shared by the parser and the builder. */

struct http_header {
	const char *name;
	size_t offset; /* of the member of struct http_msg */
};

/* In the order in which they are sent. */
#define HTTP_N_HEADERS 8
extern const struct http_header http_headers[HTTP_N_HEADERS];

/*! Member of a message that a row of the table names. */
const char **http_header_slot(struct http_msg *m, const struct http_header *h);
