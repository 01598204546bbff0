/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/codec/bytes.h"

#define KEYSTORE_MASTER_LEN 32

/*! Read and check the master key file, see keystore_open().
 * \param[out] master  untouched on error */
int keystore_master_read(const void *ctx, const char *path, uint8_t master[KEYSTORE_MASTER_LEN],
			 const char **why) MUST_CHECK;
