/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/codec/bytes.h"

/* Files of schemas/ are linked in as they are.  EMBED_DECLARE(schemas_sql_smsr_001_sql) makes EMBED(...) usable: the
 * name is the path with every character that is no letter or digit replaced by an underscore. */
#define EMBED_DECLARE(name)                            \
	extern const uint8_t _binary_##name##_start[]; \
	extern const uint8_t _binary_##name##_end[]
#define EMBED(name) bytes_of(_binary_##name##_start, (size_t)(_binary_##name##_end - _binary_##name##_start))
