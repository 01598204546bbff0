/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "tests/sim/report.h"

#include <inttypes.h>
#include <osmocom/core/utils.h>
#include <stdio.h>

#define SHOWN_MAX 60 /* faults */

void totals_add(struct totals *t, const struct sim_result *r)
{
	t->runs++;
	t->failed += r->violations > 0;
	t->virtual_ms += (uint64_t)r->virtual_ms;
	t->calls += r->calls;
	t->operations += r->operations;
	t->put_off += r->put_off;
	t->busy += r->busy;
	t->restarts += r->restarts;
	t->restores += r->restores;
	t->restored_runs += r->restores > 0;
	t->dp_restores += r->dp_restores;
	t->dp_restored_runs += r->dp_restores > 0;
	t->commits += r->commits;
	t->submitted += r->submitted;
	t->from_cards += r->from_cards;
	t->posts += r->posts;
	t->connections += r->connections;
	t->scripts += r->scripts;
	t->switches += r->switches;
	t->orders += r->orders;
	for (int i = 0; i < 4; i++) {
		t->outcomes[i] += r->outcomes[i];
		t->downloads[i] += r->downloads[i];
	}
	for (int i = 0; i < F_N; i++)
		t->drawn[i] += r->drawn[i];
}

void totals_print(const struct totals *t, double real_s)
{
	uint64_t faults = 0;

	printf("calls accepted   %" PRIu64 ", of these one too many for the queue %" PRIu64
	       "; put off for lack of room %" PRIu64 "\n",
	       t->calls, t->busy, t->put_off);
	printf("operations       %" PRIu64 " with our own ones\n", t->operations);
	printf("outcomes         %" PRIu64 " success, %" PRIu64 " with warning, %" PRIu64 " failed, %" PRIu64
	       " expired\n",
	       t->outcomes[0], t->outcomes[1], t->outcomes[2], t->outcomes[3]);
	printf("with an SM-DP    %" PRIu64 " orders accepted; downloads: %" PRIu64 " success, %" PRIu64
	       " with warning, %" PRIu64 " failed, %" PRIu64 " expired\n",
	       t->orders, t->downloads[0], t->downloads[1], t->downloads[2], t->downloads[3]);
	printf("traffic          %" PRIu64 " short messages to cards, %" PRIu64 " from cards, %" PRIu64
	       " posts to peers, %" PRIu64 " changes of profile\n",
	       t->submitted, t->from_cards, t->posts, t->switches);
	printf("store            %" PRIu64 " turns, %" PRIu64 " deaths of a daemon, %" PRIu64
	       " backups put back in %" PRIu64 " runs, of the SM-DP %" PRIu64 " in %" PRIu64 "\n",
	       t->commits, t->restarts, t->restores, t->restored_runs, t->dp_restores, t->dp_restored_runs);
	printf("https            %" PRIu64 " connections of cards, %" PRIu64 " scripts\n", t->connections, t->scripts);
	for (int i = 0; i < F_N; i++)
		faults += t->drawn[i];
	printf("faults           %" PRIu64 ":", faults);
	for (int i = 0, n = 0; i < F_N; i++) {
		if (t->drawn[i])
			printf("%s %s %" PRIu64, n++ ? "," : "", fault_name((enum fault)i), t->drawn[i]);
	}
	printf("\ntime             %.1f days of a fleet in %.1f s\n", (double)t->virtual_ms / DAY_MS, real_s);
	printf("runs             %u, violations %u\n", t->runs, t->failed);
}

void report_failure(const struct sim_plan *plan, const struct sim_result *r)
{
	size_t shown = OSMO_MIN(r->n_faults, (size_t)SHOWN_MAX);

	printf("seed %" PRIu64 ": %s\n", plan->seed, r->violation);
	printf("  again: make sim SEED=%" PRIu64 " FLEET=%u DAYS=%u", plan->seed, plan->fleet, plan->days);
	if (!plan->dp)
		printf(" SIM_FLAGS=-D");
	if (shown == r->n_faults) {
		printf(" ONLY=");
		for (size_t i = 0; i < shown; i++)
			printf("%s%s:%u:%u", i ? "," : "", fault_name((enum fault)r->faults[i].kind),
			       r->faults[i].actor, r->faults[i].n);
		if (!shown)
			printf("none");
	}
	printf("\n  %zu faults in it\n", r->n_faults);
}
