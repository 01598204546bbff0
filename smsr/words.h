/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "smsr/record_db.h"

/* What operators read and type in place of numbers, the same in VTY, CTRL and admin socket. */

/*! "all", "drain", "smsc", "peer", "eid" */
const char *pause_scope_name(enum pause_scope scope);
/*! \returns 0; -EINVAL */
int pause_scope_parse(const char *word, enum pause_scope *scope) MUST_CHECK;
/*! "enabled", "disabled", "created", "in-creation" */
const char *profile_state_name(enum profile_state state);
/*! "SCP80" */
const char *keyset_type_name(enum keyset_type type);
/*! "EnableProfile", "import", "operator" ...; never NULL */
const char *audit_type_name(enum audit_type type);
/*! Rules of POL2 as words, in the order of their bits.
 * \param[out] words  room for POL2_WORDS_MAX
 * \returns how many */
size_t pol2_words(unsigned int rules, const char **words);
#define POL2_WORDS_MAX 4

/*! "2026-03-02T09:10:05.120Z".  \returns talloc child of ctx; NULL for 0 */
char *time_words(const void *ctx, int64_t utc_ms);
