/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/db/db.h"
#include "common/es/status.h"

/* An outcome as five columns of a row, in this order: status, subject code, reason code, subject identifier, message.
 */

/*! \param[in] first  number of the first of five parameters */
void status_db_bind(struct db_stmt *s, int first, const struct es_status *st);
/*! \param[in] first  index of the first of five columns.  \returns texts are talloc children of ctx; the status is not
 *                    checked */
struct es_status status_db_get(const void *ctx, struct db_stmt *s, int first);
