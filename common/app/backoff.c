/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "common/app/backoff.h"

#include "common/crypto/rnd.h"

/* Doubling from the minimum to the maximum, give or take a tenth: many devices must not come back at once. */
int64_t backoff_ms(unsigned int min_s, unsigned int max_s, int attempt)
{
	int64_t max_ms = (int64_t)max_s * 1000;
	int64_t ms = (int64_t)min_s * 1000;

	while (attempt-- > 1 && ms < max_ms)
		ms *= 2;
	if (ms > max_ms)
		ms = max_ms;
	return ms - ms / 10 + (ms >= 5 ? rnd_below((uint32_t)(ms / 5)) : 0);
}
