/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "tests/sim/sim.h"

/*! Sums over many runs. */
struct totals {
	unsigned int runs;
	unsigned int failed;
	uint64_t virtual_ms;
	uint64_t calls, put_off, busy, operations, outcomes[4], restarts, restores, restored_runs, dp_restores,
		dp_restored_runs, commits;
	uint64_t submitted, from_cards, posts, switches;
	uint64_t orders, downloads[4]; /* with an SM-DP */
	uint64_t connections, scripts;
	uint64_t drawn[F_N];
};

void totals_add(struct totals *t, const struct sim_result *r);
void totals_print(const struct totals *t, double real_s);
/*! A run that failed: what, its faults, and the command that does it again. */
void report_failure(const struct sim_plan *plan, const struct sim_result *r);
