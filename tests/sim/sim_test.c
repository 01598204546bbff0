/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The part of the simulator that every check runs: the same seed is the same run, a set of seeds without a violation,
 * and the seeds that found a defect once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <talloc.h>

#include "tests/sim/plan.h"
#include "tests/sim/report.h"

#define SEEDS 6
#define STORED "tests/sim/seeds/found.txt"

static void run(const struct sim_plan *plan, struct sim_result *res)
{
	plan_result_clear(res);
	sim_run_apart(plan, res);
	if (res->violations)
		report_failure(plan, res);
}

static void is_repeated(const struct sim_plan plan, const struct sim_plan other)
{
	struct sim_result *res = plan_result();
	uint64_t trace, dump;

	run(&plan, res);
	assert_int_equal(res->violations, 0);
	trace = res->trace_hash;
	dump = res->dump_hash;
	run(&plan, res);
	assert_int_equal(res->trace_hash, trace);
	assert_int_equal(res->dump_hash, dump);
	run(&other, res);
	assert_true(res->trace_hash != trace && res->dump_hash != dump);
}

static void same_seed_is_the_same_run(void **state)
{
	is_repeated((struct sim_plan){.seed = 7, .fleet = 10, .days = 1},
		    (struct sim_plan){.seed = 8, .fleet = 10, .days = 1});
	is_repeated((struct sim_plan){.seed = 7, .fleet = 3, .days = 1, .dp = true},
		    (struct sim_plan){.seed = 8, .fleet = 3, .days = 1, .dp = true});
}

static void no_promise_is_broken(void **state)
{
	struct sim_plan plan = {.seed = 1000, .fleet = 12, .days = 1};
	struct sim_result *res = plan_result();

	for (unsigned int i = 0; i < SEEDS; i++, plan.seed++) {
		plan.dp = i % 2;
		plan.fleet = plan.dp ? 6 : 12;
		run(&plan, res);
		assert_int_equal(res->violations, 0);
	}
}

static void what_was_found_once_stays_away(void **state)
{
	struct sim_result *res = plan_result();
	FILE *f = fopen(STORED, "r");
	void *ctx = talloc_named_const(NULL, 0, "seeds");
	struct sim_plan plan;
	char line[8000];

	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		if (line[0] == '#')
			continue;
		assert_true(plan_line(ctx, &plan, line));
		run(&plan, res);
		assert_int_equal(res->violations, 0);
	}
	fclose(f);
	talloc_free(ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_seed_is_the_same_run),
		cmocka_unit_test(no_promise_is_broken),
		cmocka_unit_test(what_was_found_once_stays_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
