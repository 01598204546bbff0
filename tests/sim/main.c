/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* make sim: many seeds, or one again. */
#include <inttypes.h>
#include <osmocom/core/utils.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <talloc.h>
#include <time.h>
#include <unistd.h>

#include "tests/sim/plan.h"
#include "tests/sim/report.h"
#include "tests/sim/shrink.h"

#define SHRINK_TRIES 300
#define FAILURES_MAX 5

struct options {
	struct sim_plan plan;
	unsigned int seeds;
	unsigned int tries;
	unsigned int failures; /* after so many it stops */
};

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static int usage(void)
{
	fprintf(stderr,
		"sim [-s FIRST-SEED] [-n SEEDS] [-f FLEET] [-d DAYS] [-o FAULTS] [-k TRIES] [-x FAILURES] [-v] [-D]\n"
		"  -o  only these faults: kind:actor:n,...   -k  runs to shorten a failure with   -v  trace\n"
		"  -D  without an SM-DP\n");
	return 2;
}

static int parse(const void *ctx, int argc, char **argv, struct options *o)
{
	int c;

	while ((c = getopt(argc, argv, "s:n:f:d:o:k:x:vD")) != -1) {
		switch (c) {
		case 's':
			o->plan.seed = strtoull(optarg, NULL, 10);
			break;
		case 'n':
			o->seeds = (unsigned int)strtoul(optarg, NULL, 10);
			break;
		case 'f':
			o->plan.fleet = (unsigned int)strtoul(optarg, NULL, 10);
			break;
		case 'd':
			o->plan.days = (unsigned int)strtoul(optarg, NULL, 10);
			break;
		case 'k':
			o->tries = (unsigned int)strtoul(optarg, NULL, 10);
			break;
		case 'x':
			o->failures = (unsigned int)strtoul(optarg, NULL, 10);
			break;
		case 'v':
			o->plan.verbose = true;
			break;
		case 'D':
			o->plan.dp = false;
			break;
		case 'o':
			if (plan_only(ctx, &o->plan, optarg))
				break;
			return -1;
		default:
			return -1;
		}
	}
	return optind == argc && o->plan.fleet && o->plan.days ? 0 : -1;
}

static void fail(const struct options *o, struct sim_result *res)
{
	struct sim_plan plan = o->plan;

	report_failure(&plan, res);
	if (!o->tries || !res->n_faults)
		return;
	plan.verbose = false;
	shrink(&plan, res, o->tries);
	printf("shortened:\n");
	report_failure(&plan, res);
}

int main(int argc, char **argv)
{
	struct options o = {.plan = {.seed = 1, .fleet = 20, .days = 1, .dp = true},
			    .seeds = 1,
			    .tries = SHRINK_TRIES,
			    .failures = FAILURES_MAX};
	void *ctx = talloc_named_const(NULL, 0, "sim");
	struct sim_result *res = plan_result();
	struct totals totals = {0};
	double began = seconds();

	setlinebuf(stdout);
	if (parse(ctx, argc, argv, &o) < 0)
		return usage();
	for (unsigned int i = 0; i < o.seeds && totals.failed < o.failures; i++, o.plan.seed++) {
		plan_result_clear(res);
		sim_run_apart(&o.plan, res);
		totals_add(&totals, res);
		if (o.seeds == 1)
			printf("seed %" PRIu64 ": trace %016" PRIx64 ", database %016" PRIx64 "\n", o.plan.seed,
			       res->trace_hash, res->dump_hash);
		if (res->violations)
			fail(&o, res);
	}
	totals_print(&totals, seconds() - began);
	talloc_free(ctx);
	return totals.failed ? 1 : 0;
}
