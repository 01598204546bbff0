/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include <stdint.h>
#include <stdlib.h>

/* What all fuzz targets have in common.  Each is one file, so that a fuzzer needs nothing beside it. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*! A promise of the code under test. */
#define NEED(cond)               \
	do {                     \
		if (!(cond))     \
			abort(); \
	} while (0)
