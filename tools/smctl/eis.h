/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include <jansson.h>

#include "common/es/es_types.h"

/*! An EIS in the words of the admin socket, so that scripts read both alike.  No keys.  \returns a new reference */
json_t *eis_json(const void *ctx, const struct es_eis *eis);
/*! An EIS on stdout: for people, or as XML. */
void eis_print(const void *ctx, const struct es_eis *eis, bool xml);
