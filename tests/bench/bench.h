/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the programs of "make bench" share: clocks, medians, and the lines that tests/bench/run collects.
 *
 * A figure is worth something only against its limit, measured in the same run: absolute ones change with the machine
 * and with its neighbours.  Each pair is taken in turn, five times, and the medians are compared. */

#define BENCH_RUNS 5

/*! Nanoseconds of the monotonic clock. */
int64_t bench_wall_ns(void);
/*! CPU time of this thread; of this process. */
int64_t bench_cpu_ns(void);
int64_t bench_process_ns(void);

/*! Sorts v.  \returns its q-th quantile, 0 <= q <= 1 */
double bench_quantile(double *v, size_t n, double q);
double bench_median(double *v, size_t n);

enum bench_goal {
	BENCH_AT_MOST,
	BENCH_AT_LEAST
};

/*! A line of the table.  Texts hold no tabs.
 * \param[in] ratio   what is judged
 * \param[in] target  what it is judged by */
void bench_row(const char *id, const char *what, const char *measured, const char *limit, double ratio,
	       enum bench_goal goal, double target);
/*! A line below the table. */
void bench_detail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/*! Text for a cell; talloc child of the NULL context, a program of this kind frees nothing. */
char *bench_text(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/*! A step failed that cannot fail on a healthy machine: say so and end. */
void bench_check(bool good, const char *what);
