/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A store with many operations in flight: COUNT imported eUICCs, one EnableProfile each, sealed, taken by the service
 * centre, and no answer of the card.  Everything is done by the engine of smsr (tests/bench/rig.h); the service centre
 * is a function that says yes.
 *
 *   million_fill DIR SEED COUNT */
#include <stdio.h>
#include <stdlib.h>

#include <talloc.h>

#include "tests/bench/bench.h"
#include "tests/bench/rig.h"

#define BATCH 100
#define CHECKPOINT_PAGES 20000

static void start_batch(struct rig *r, long first, long n)
{
	for (long i = 0; i < n; i++)
		rig_start(r, first + i);
	rig_tick(r);
	rig_close_turn(r);
}

/* The one part of each command has the number of its command, since nothing else was ever sent from this store. */
static void take_batch(struct rig *r, long first, long n)
{
	for (long i = 0; i < n; i++)
		rig_taken(r, (uint32_t)(first + i + 1));
	rig_close_turn(r);
}

int main(int argc, char **argv)
{
	long n = argc == 4 ? atol(argv[3]) : 0;
	int64_t start = bench_wall_ns();
	struct rig *r;

	if (n <= 0)
		return 2;
	r = rig_open(argv[1], NULL, CHECKPOINT_PAGES);
	if (r->n_euiccs < n) {
		rig_register(r, argv[2], n);
		printf("%ld eUICCs imported: %.1f s\n", n, (double)(bench_wall_ns() - start) / 1e9);
	}
	start = bench_wall_ns();
	rig_queue(r, 0, n);
	printf("%ld operations queued: %.1f s\n", n, (double)(bench_wall_ns() - start) / 1e9);
	start = bench_wall_ns();
	for (long i = 0; i < n; i += BATCH) {
		long k = n - i < BATCH ? n - i : BATCH;

		start_batch(r, i, k);
		take_batch(r, i, k);
	}
	printf("%ld commands sealed, %ld short messages taken: %.1f s\n", n, r->submitted,
	       (double)(bench_wall_ns() - start) / 1e9);
	bench_check(r->submitted == n, "one short message for each operation");
	rig_free(r);
	return 0;
}
