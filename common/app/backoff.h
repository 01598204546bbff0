/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include <stdint.h>

/*! Time before attempt n (from 1): doubling, with jitter. */
int64_t backoff_ms(unsigned int min_s, unsigned int max_s, int attempt);
