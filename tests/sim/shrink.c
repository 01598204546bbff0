/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Delta debugging: leave out ever smaller pieces of the list for as long as the run still fails.  A run that fails in
 * another way counts as well; it is as good a find. */
#include "tests/sim/shrink.h"

#include <osmocom/core/utils.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <talloc.h>

struct search {
	struct sim_plan plan;
	struct fault_id *list;
	size_t n;
	struct sim_result *best;
	struct sim_result *trial;
	unsigned int tries;
};

/* Does it fail without the faults from first on, n of them?  Then they are gone. */
static bool fails_without(struct search *sr, size_t first, size_t n)
{
	struct fault_id *rest = talloc_array(sr, struct fault_id, (unsigned int)sr->n + 1);
	bool fails;

	memcpy(rest, sr->list, first * sizeof(rest[0]));
	memcpy(rest + first, sr->list + first + n, (sr->n - first - n) * sizeof(rest[0]));
	sr->plan.only = rest;
	sr->plan.n_only = sr->n - n;
	memset(sr->trial, 0, sizeof(*sr->trial));
	sim_run_apart(&sr->plan, sr->trial);
	sr->tries--;
	fails = sr->trial->violations > 0;
	if (fails) {
		struct sim_result *was = sr->best;

		sr->best = sr->trial;
		sr->trial = was;
		/* What was allowed and not drawn is no part of the story. */
		sr->n = sr->best->n_faults;
		memcpy(sr->list, sr->best->faults, sr->n * sizeof(sr->list[0]));
		qsort(sr->list, sr->n, sizeof(sr->list[0]), fault_id_cmp);
	}
	talloc_free(rest);
	return fails;
}

static void search(struct search *sr)
{
	size_t piece = sr->n;

	while (piece && sr->tries && sr->n) {
		bool shorter = false;

		piece = OSMO_MIN(piece, sr->n);
		for (size_t at = 0; at < sr->n && sr->tries;) {
			if (fails_without(sr, at, OSMO_MIN(piece, sr->n - at)))
				shorter = true;
			else
				at += piece;
		}
		if (piece > 1)
			piece = (piece + 1) / 2;
		else if (!shorter)
			piece = 0;
	}
}

void shrink(const struct sim_plan *plan, struct sim_result *res, unsigned int tries)
{
	struct search *sr = talloc_zero(NULL, struct search);
	struct sim_result *other =
		mmap(NULL, sizeof(*other), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	OSMO_ASSERT(sr && other != MAP_FAILED);
	*sr = (struct search){.plan = *plan, .n = res->n_faults, .best = res, .trial = other, .tries = tries};
	sr->list = talloc_array(sr, struct fault_id, (unsigned int)res->n_faults + 1);
	memcpy(sr->list, res->faults, res->n_faults * sizeof(sr->list[0]));
	qsort(sr->list, sr->n, sizeof(sr->list[0]), fault_id_cmp);
	search(sr);
	if (sr->best != res)
		memcpy(res, sr->best, sizeof(*res));
	munmap(other, sizeof(*other));
	talloc_free(sr);
}
