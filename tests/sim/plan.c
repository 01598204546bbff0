/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "tests/sim/plan.h"

#include <inttypes.h>
#include <osmocom/core/utils.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <talloc.h>

#define DP "dp "
#define SEED_CLASSES 8

static bool kind_of(const char *name, uint32_t *kind)
{
	for (*kind = 0; *kind < F_N; ++*kind) {
		if (strcmp(fault_name((enum fault) * kind), name) == 0)
			return true;
	}
	return false;
}

static bool one(const char *text, struct fault_id *id)
{
	char name[32];

	return sscanf(text, "%31[a-z0-9-]:%" SCNu32 ":%" SCNu32, name, &id->actor, &id->n) == 3 &&
	       kind_of(name, &id->kind);
}

bool plan_only(const void *ctx, struct sim_plan *plan, const char *text)
{
	struct fault_id *ids = talloc_array(ctx, struct fault_id, (unsigned int)strlen(text) + 1);
	char *rest = talloc_strdup(ids, text), *word;
	size_t n = 0;

	if (text[0] == '-') {
		if (!kind_of(text + 1, &plan->kinds))
			return false;
		plan->kinds++;
		return true;
	}
	while (strcmp(text, "none") != 0 && (word = strsep(&rest, ","))) {
		if (!one(word, &ids[n++]))
			return false;
	}
	qsort(ids, n, sizeof(ids[0]), fault_id_cmp);
	plan->only = ids;
	plan->n_only = n;
	return true;
}

bool plan_line(const void *ctx, struct sim_plan *plan, const char *line)
{
	char *only = talloc_zero_array(ctx, char, (unsigned int)strlen(line) + 1);

	*plan = (struct sim_plan){.dp = strncmp(line, DP, strlen(DP)) == 0};
	if (sscanf(plan->dp ? line + strlen(DP) : line, "%" SCNu64 " %u %u %s", &plan->seed, &plan->fleet, &plan->days,
		   only) != 4)
		return false;
	return strcmp(only, "-") == 0 || plan_only(ctx, plan, only);
}

/* Seeds of some classes have restores beside an SM-DP; those of 0 and 4 have no SM-DP (main.c). */
static bool is_of_class(const struct sim_plan *plan, unsigned int a, unsigned int b)
{
	return plan->seed % SEED_CLASSES == a || plan->seed % SEED_CLASSES == b;
}

bool plan_restores_smsr(const struct sim_plan *plan)
{
	return is_of_class(plan, 1, 7);
}

bool plan_restores_smdp(const struct sim_plan *plan)
{
	return is_of_class(plan, 6, 7);
}

bool plan_updates(const struct sim_plan *plan)
{
	return is_of_class(plan, 5, 5);
}

bool plan_long_packages(const struct sim_plan *plan)
{
	return plan->seed % (2 * SEED_CLASSES) == 5;
}

struct sim_result *plan_result(void)
{
	struct sim_result *res = mmap(NULL, sizeof(*res), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	OSMO_ASSERT(res != MAP_FAILED);
	return res;
}

void plan_result_clear(struct sim_result *res)
{
	memset(res, 0, sizeof(*res) - sizeof(res->faults));
}
