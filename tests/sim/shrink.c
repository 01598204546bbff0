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

/* Does it fail with these faults only?  Then they are the list. */
static bool fails_with(struct search *sr, const struct fault_id *list, size_t n)
{
	struct sim_result *was = sr->best;

	sr->plan.only = list;
	sr->plan.n_only = n;
	memset(sr->trial, 0, sizeof(*sr->trial));
	sim_run_apart(&sr->plan, sr->trial);
	sr->tries--;
	if (!sr->trial->violations)
		return false;
	sr->best = sr->trial;
	sr->trial = was;
	/* What was allowed and not drawn is no part of the story. */
	sr->n = sr->best->n_faults;
	memcpy(sr->list, sr->best->faults, sr->n * sizeof(sr->list[0]));
	qsort(sr->list, sr->n, sizeof(sr->list[0]), fault_id_cmp);
	return true;
}

static bool fails_without(struct search *sr, size_t first, size_t n)
{
	struct fault_id *rest = talloc_array(sr, struct fault_id, (unsigned int)sr->n + 1);
	bool fails;

	memcpy(rest, sr->list, first * sizeof(rest[0]));
	memcpy(rest + first, sr->list + first + n, (sr->n - first - n) * sizeof(rest[0]));
	fails = fails_with(sr, rest, sr->n - n);
	talloc_free(rest);
	return fails;
}

/* Mostly the card that the verdict names and what is common to all are enough. */
static void try_one_card(struct search *sr)
{
	struct fault_id *some = talloc_array(sr, struct fault_id, (unsigned int)sr->n + 1);
	const char *named = strstr(sr->best->violation, "card ");
	unsigned int card;
	size_t n = 0;

	if (named && sscanf(named, "card %u", &card) == 1) {
		for (size_t i = 0; i < sr->n; i++) {
			if (sr->list[i].actor == card + 1)
				some[n++] = sr->list[i];
		}
		if (!fails_with(sr, some, n)) {
			for (size_t i = n = 0; i < sr->n; i++) {
				if (sr->list[i].actor == 0 || sr->list[i].actor == card + 1)
					some[n++] = sr->list[i];
			}
			fails_with(sr, some, n);
		}
	}
	talloc_free(some);
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
	try_one_card(sr);
	search(sr);
	if (sr->best != res)
		memcpy(res, sr->best, sizeof(*res));
	munmap(other, sizeof(*other));
	talloc_free(sr);
}
