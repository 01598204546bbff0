/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The push pipeline, from an operation that waits to the submit_sm on the wire and its answer in the store, against
 * what disk, database and loopback can do by themselves; and one push on an idle system.
 *
 *   push_bench [--quick] DIR         the table
 *   push_bench run DIR COUNT         nothing but COUNT pushes at batch 100, for a profiler: look at push_all()
 *   push_bench fill DIR SEED COUNT   a store with COUNT eUICCs */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <talloc.h>

#include "tests/bench/bench.h"
#include "tests/bench/disk.h"
#include "tests/bench/rig.h"

#define BATCH 100
#define SEED "bench"

struct times {
	double *turn_us;  /* of each turn, first event to last PDU */
	bool *checkpoint; /* the turn wrote pages back into the database */
	size_t n;
	int64_t events_ns, close_ns;
};

static int64_t file_stamp(const char *dir)
{
	struct stat st;
	char *path = talloc_asprintf(NULL, "%s/smsr.db", dir);

	bench_check(stat(path, &st) == 0, path);
	talloc_free(path);
	return (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
}

static size_t take_answers(struct rig *r, bool block, size_t max)
{
	uint32_t seqs[1024];
	size_t n = smsc_answers(r->smsc, block, seqs, max < 1024 ? max : 1024);

	for (size_t i = 0; i < n; i++)
		rig_taken(r, seqs[i]);
	return n;
}

static void one_turn(struct rig *r, const char *dir, struct times *t)
{
	int64_t start = bench_wall_ns(), stamp = t ? file_stamp(dir) : 0, end;

	rig_close_turn(r);
	end = bench_wall_ns();
	if (!t)
		return;
	t->close_ns += end - start;
	t->checkpoint[t->n] = file_stamp(dir) != stamp;
}

/* Turns as the loop of the daemon makes them: what came from the service centre, operations that may start, parts that
 * are due, commit, send.  t may be NULL. */
static void push_all(struct rig *r, const char *dir, long first, long n, long batch, struct times *t)
{
	long started = 0, done = 0;

	while (done < n) {
		int64_t start = bench_wall_ns();

		done += (long)take_answers(r, started == n, (size_t)(4 * batch));
		for (long i = 0; i < batch && started < n; i++)
			rig_start(r, first + started++);
		rig_tick(r);
		if (t)
			t->events_ns += bench_wall_ns() - start;
		one_turn(r, dir, t);
		if (t)
			t->turn_us[t->n++] = (double)(bench_wall_ns() - start) / 1000;
	}
}

/* ---- T5 ---- */

struct load {
	const char *dir;
	long n; /* pushes of each run */
	long euiccs;
	unsigned int checkpoint_pages;
};

static void split(const struct load *l, const struct rig *r, const struct times *t, double seconds)
{
	double all = seconds * 1e9, emit = (double)r->emit_ns;

	bench_detail(
		"T5 checkpoint %u: wall time of a push %.1f us: events (statements, sealing) %.0f %%, commit %.0f %%, "
		"pack and write of the PDU %.0f %%, waiting for the service centre and the rest %.0f %%",
		l->checkpoint_pages, seconds * 1e6 / (double)l->n, 100 * (double)t->events_ns / all,
		100 * ((double)t->close_ns - emit) / all, 100 * emit / all,
		100 * (all - (double)t->events_ns - (double)t->close_ns) / all);
}

static void stalls(const struct load *l, struct times *t)
{
	double *quiet = talloc_array(NULL, double, (unsigned int)t->n);
	double longest = 0;
	size_t n = 0;

	for (size_t i = 0; i < t->n; i++) {
		if (!t->checkpoint[i])
			quiet[n++] = t->turn_us[i];
		if (t->turn_us[i] > longest)
			longest = t->turn_us[i];
	}
	bench_detail(
		"T6 checkpoint %u, batch %d: turn p50 %.1f ms, p99 %.1f ms outside checkpoints; longest of all %.0f ms",
		l->checkpoint_pages, BATCH, bench_quantile(quiet, n, 0.5) / 1000, bench_quantile(quiet, n, 0.99) / 1000,
		longest / 1000);
	talloc_free(quiet);
}

static struct times *times_alloc(long n)
{
	struct times *t = talloc_zero(NULL, struct times);

	t->turn_us = talloc_zero_array(t, double, (unsigned int)n);
	t->checkpoint = talloc_zero_array(t, bool, (unsigned int)n);
	return t;
}

static void pipeline(const struct load *l, struct smsc *smsc, double loopback)
{
	double engine[BENCH_RUNS], group[BENCH_RUNS], limit;
	struct rig *r = rig_open(l->dir, smsc, l->checkpoint_pages);
	struct group *g = group_open(l->dir, l->euiccs, l->checkpoint_pages);
	long next = 0;

	for (int i = 0; i < BENCH_RUNS; i++, next += l->n) {
		struct times *t = times_alloc(2 * l->n);
		int64_t start;

		rig_queue(r, next, l->n);
		r->emit_ns = 0;
		start = bench_wall_ns();
		push_all(r, l->dir, next, l->n, BATCH, t);
		engine[i] = (double)l->n * 1e9 / (double)(bench_wall_ns() - start);
		group[i] = group_run(g, l->n, BATCH);
		if (i == BENCH_RUNS / 2) {
			split(l, r, t, (double)l->n / engine[i]);
			stalls(l, t);
		}
		talloc_free(t);
	}
	limit = bench_median(group, BENCH_RUNS) < loopback ? bench_median(group, BENCH_RUNS) : loopback;
	bench_row("T5", bench_text("push pipeline, batch %d, checkpoint %u", BATCH, l->checkpoint_pages),
		  bench_text("%.1f k/s", bench_median(engine, BENCH_RUNS) / 1000),
		  bench_text("%.1f k/s group commit", limit / 1000), bench_median(engine, BENCH_RUNS) / limit,
		  BENCH_AT_LEAST, 0.75);
	group_close(g);
	rig_free(r);
}

/* ---- T6 ---- */

/* One push, its turn alone; its answer from the service centre is another turn and not counted. */
static double single_push(struct rig *r, long index)
{
	int64_t start = bench_wall_ns();

	rig_start(r, index);
	rig_tick(r);
	rig_close_turn(r);
	return (double)(r->last_submit_ns - start) / 1000;
}

static void idle_push(const char *dir, struct smsc *smsc, long n)
{
	struct rig *r = rig_open(dir, smsc, 0);
	struct disk *d = disk_open(dir);
	double *push = talloc_array(NULL, double, (unsigned int)n),
	       *flush = talloc_array(NULL, double, (unsigned int)n);
	double p50, disk;

	rig_queue(r, 0, n);
	for (long i = 0; i < n; i++) {
		flush[i] = disk_flush_us(d);
		push[i] = single_push(r, i);
		bench_check(take_answers(r, true, 1) == 1, "answer of the service centre");
		rig_close_turn(r);
	}
	p50 = bench_median(push, (size_t)n);
	disk = bench_median(flush, (size_t)n);
	bench_row("T6", "one push on an idle system, start to PDU, p50", bench_text("%.0f us", p50),
		  bench_text("%.0f us fdatasync", disk), p50 / disk, BENCH_AT_MOST, 2.5);
	bench_detail("T6 idle: push p99 %.0f us; fdatasync p99 %.0f us", bench_quantile(push, (size_t)n, 0.99),
		     bench_quantile(flush, (size_t)n, 0.99));
	rig_free(r);
}

/* Latency of a push while the engine is kept busy: a turn of ten pushes, which is what a loop that never waits sees. */
static void busy_push(const char *dir, struct smsc *smsc, long first, long n)
{
	struct rig *r = rig_open(dir, smsc, 0);
	struct times *t = times_alloc(2 * n);
	double *quiet = talloc_array(NULL, double, (unsigned int)(2 * n)), p99;
	size_t n_quiet = 0;

	rig_queue(r, first, n);
	push_all(r, dir, first, n, 10, t);
	for (size_t i = 0; i < t->n; i++)
		if (!t->checkpoint[i])
			quiet[n_quiet++] = t->turn_us[i];
	p99 = bench_quantile(quiet, n_quiet, 0.99) / 1000;
	bench_row("T6", "push under load, turns of 10, outside checkpoints, p99", bench_text("%.2f ms", p99), "5 ms",
		  p99 / 5, BENCH_AT_MOST, 1);
	rig_free(r);
}

/* ---- programs ---- */

static void fill(const char *dir, const char *seed, long n)
{
	struct rig *r = rig_open(dir, NULL, 0);
	int64_t start = bench_wall_ns();

	rig_register(r, seed, n);
	bench_detail("import of %ld eUICCs: %.0f us each", n, (double)(bench_wall_ns() - start) / 1000 / (double)n);
	rig_free(r);
}

static void run_only(const char *dir, long n)
{
	struct smsc *smsc = smsc_start();
	struct rig *r = rig_open(dir, smsc, 0);
	int64_t start;

	rig_queue(r, 0, n);
	start = bench_process_ns();
	push_all(r, dir, 0, n, BATCH, NULL);
	printf("%ld submitted, %.1f us of CPU time each\n", r->submitted,
	       (double)(bench_process_ns() - start) / 1000 / (double)n);
	rig_free(r);
	smsc_stop(smsc);
}

static void table(const char *dir, bool quick)
{
	const unsigned int checkpoints[] = {4000, 20000};
	struct load l = {.dir = dir, .n = quick ? 1000 : 4000, .euiccs = quick ? 5000 : 20000};
	struct smsc *smsc = smsc_start();
	double loopback[BENCH_RUNS];

	for (int i = 0; i < BENCH_RUNS; i++)
		loopback[i] = smsc_loopback(smsc, quick ? 20000 : 100000, BATCH);
	bench_detail("T5 SMPP loopback, window %d, one send for each PDU both ways: %.0f k/s; SQLite %s", BATCH,
		     bench_median(loopback, BENCH_RUNS) / 1000, group_sqlite_version());
	for (size_t i = 0; i < sizeof(checkpoints) / sizeof(checkpoints[0]); i++) {
		char *store = bench_text("%s/%u", dir, checkpoints[i]);

		bench_check(mkdir(store, 0700) == 0, store);
		l.dir = store;
		l.checkpoint_pages = checkpoints[i];
		fill(store, SEED, l.euiccs);
		pipeline(&l, smsc, bench_median(loopback, BENCH_RUNS));
	}
	bench_check(mkdir(bench_text("%s/idle", dir), 0700) == 0, "folder");
	fill(bench_text("%s/idle", dir), SEED, l.euiccs);
	idle_push(bench_text("%s/idle", dir), smsc, quick ? 200 : 1000);
	busy_push(bench_text("%s/idle", dir), smsc, 2000, quick ? 1000 : 3000);
	smsc_stop(smsc);
}

int main(int argc, char **argv)
{
	if (argc == 5 && strcmp(argv[1], "fill") == 0)
		fill(argv[2], argv[3], atol(argv[4]));
	else if (argc == 4 && strcmp(argv[1], "run") == 0)
		run_only(argv[2], atol(argv[3]));
	else if (argc == 3 && strcmp(argv[1], "--quick") == 0)
		table(argv[2], true);
	else if (argc == 2)
		table(argv[1], false);
	else
		return 2;
	return 0;
}
