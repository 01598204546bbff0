/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* make sim: many seeds, or one again. */
#include <inttypes.h>
#include <osmocom/core/utils.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <talloc.h>
#include <time.h>
#include <unistd.h>

#include "tests/sim/plan.h"
#include "tests/sim/report.h"
#include "tests/sim/shrink.h"

#define SHRINK_TRIES 300
#define FAILURES_MAX 5
#define PROGRESS_S 10
#define WITHOUT_DP 4 /* each fourth seed has none: there a backup may be put back */

struct options {
	struct sim_plan plan;
	unsigned int seeds;
	unsigned int step; /* from one seed to the next */
	unsigned int jobs; /* at once */
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
	fprintf(stderr, "sim [-s FIRST-SEED] [-n SEEDS] [-i STEP] [-f FLEET] [-d DAYS] [-o FAULTS] [-k TRIES] [-x "
			"FAILURES] [-j "
			"JOBS] [-v] "
			"[-D]\n"
			"  -o  only these faults: kind:actor:n,...   -k  runs to shorten a failure with   -v  trace\n"
			"  -D  without an SM-DP   -i  each STEPth seed only\n");
	return 2;
}

static int parse(const void *ctx, int argc, char **argv, struct options *o)
{
	int c;

	while ((c = getopt(argc, argv, "s:n:i:f:d:o:k:x:j:vD")) != -1) {
		switch (c) {
		case 's':
			o->plan.seed = strtoull(optarg, NULL, 10);
			break;
		case 'n':
			o->seeds = (unsigned int)strtoul(optarg, NULL, 10);
			break;
		case 'i':
			o->step = (unsigned int)strtoul(optarg, NULL, 10);
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
		case 'j':
			o->jobs = (unsigned int)strtoul(optarg, NULL, 10);
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

/* ---- many at once ---- */

/* A process with a run of its own. */
struct worker {
	pid_t pid; /* 0: idle */
	struct sim_plan plan;
	struct sim_result *res;
};

struct pool {
	const struct options *o;
	struct worker *workers;
	unsigned int n;
	unsigned int begun; /* seeds */
	struct totals totals;
	double began_s, told_s;
};

static void fail(const struct options *o, const struct worker *w)
{
	struct sim_plan plan = w->plan;

	report_failure(&plan, w->res);
	if (!o->tries || !w->res->n_faults)
		return;
	plan.verbose = false;
	shrink(&plan, w->res, o->tries);
	printf("shortened:\n");
	report_failure(&plan, w->res);
}

static void begin(struct pool *p)
{
	for (unsigned int i = 0; i < p->n; i++) {
		struct worker *w = &p->workers[i];

		if (w->pid || p->begun == p->o->seeds || p->totals.failed >= p->o->failures)
			continue;
		w->plan = p->o->plan;
		w->plan.seed += (uint64_t)p->o->step * p->begun++;
		w->plan.dp &= w->plan.seed % WITHOUT_DP != 0;
		plan_result_clear(w->res);
		w->pid = sim_fork(&w->plan, w->res);
	}
}

static unsigned int busy(const struct pool *p)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < p->n; i++)
		n += p->workers[i].pid != 0;
	return n;
}

static void ended(struct pool *p, struct worker *w, int status)
{
	w->pid = 0;
	sim_reaped(&w->plan, w->res, status);
	totals_add(&p->totals, w->res);
	if (p->o->seeds == 1)
		printf("seed %" PRIu64 ": trace %016" PRIx64 ", database %016" PRIx64 "\n", w->plan.seed,
		       w->res->trace_hash, w->res->dump_hash);
	if (w->res->violations)
		fail(p->o, w);
}

/* What takes long says every now and then how far it is. */
static void tell(struct pool *p)
{
	double now = seconds(), days = 0;

	if (now - p->told_s < PROGRESS_S)
		return;
	p->told_s = now;
	for (unsigned int i = 0; i < p->n; i++)
		days += p->workers[i].pid ? (double)p->workers[i].res->virtual_ms / DAY_MS : 0;
	printf("%6.0f s: %u of %u seeds, %u violations; %u under way, together at %.2f days\n", now - p->began_s,
	       p->totals.runs, p->o->seeds, p->totals.failed, busy(p), days);
}

static void run_all(struct pool *p)
{
	const struct timespec patience = {.tv_sec = PROGRESS_S};
	sigset_t child;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	for (begin(p); busy(p); begin(p)) {
		int status;
		pid_t pid = waitpid(-1, &status, WNOHANG);

		OSMO_ASSERT(pid >= 0);
		for (unsigned int i = 0; pid && i < p->n; i++) {
			if (p->workers[i].pid == pid)
				ended(p, &p->workers[i], status);
		}
		if (!pid)
			sigtimedwait(&child, NULL, &patience);
		tell(p);
	}
}

static unsigned int cores(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n > 0 ? (unsigned int)n : 1;
}

int main(int argc, char **argv)
{
	struct options o = {.plan = {.seed = 1, .fleet = 20, .days = 1, .dp = true},
			    .seeds = 1,
			    .step = 1,
			    .jobs = cores(),
			    .tries = SHRINK_TRIES,
			    .failures = FAILURES_MAX};
	void *ctx = talloc_named_const(NULL, 0, "sim");
	struct pool p = {.o = &o};

	setlinebuf(stdout);
	if (parse(ctx, argc, argv, &o) < 0)
		return usage();
	p.n = OSMO_MAX(OSMO_MIN(o.jobs, o.seeds), 1u);
	p.workers = talloc_zero_array(ctx, struct worker, p.n);
	for (unsigned int i = 0; i < p.n; i++)
		p.workers[i].res = plan_result();
	p.began_s = p.told_s = seconds();
	run_all(&p);
	totals_print(&p.totals, seconds() - p.began_s);
	talloc_free(ctx);
	return p.totals.failed ? 1 : 0;
}
