/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "tests/bench/bench.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <talloc.h>

static int64_t read_clock(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t bench_wall_ns(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

int64_t bench_cpu_ns(void)
{
	return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

int64_t bench_process_ns(void)
{
	return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

double bench_quantile(double *v, size_t n, double q)
{
	size_t i = (size_t)(q * (double)n);

	bench_check(n > 0, "no samples");
	qsort(v, n, sizeof(*v), by_value);
	return v[i < n ? i : n - 1];
}

double bench_median(double *v, size_t n)
{
	return bench_quantile(v, n, 0.5);
}

void bench_row(const char *id, const char *what, const char *measured, const char *limit, double ratio,
	       enum bench_goal goal, double target)
{
	bool met = goal == BENCH_AT_MOST ? ratio <= target : ratio >= target;

	printf("ROW\t%s\t%s\t%s\t%s\t%.2f\t%s %g\t%s\n", id, what, measured, limit, ratio,
	       goal == BENCH_AT_MOST ? "<=" : ">=", target, met ? "met" : "missed");
	fflush(stdout);
}

void bench_detail(const char *fmt, ...)
{
	va_list ap;

	printf("DETAIL\t");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	fflush(stdout);
}

char *bench_text(const char *fmt, ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	text = talloc_vasprintf(NULL, fmt, ap);
	va_end(ap);
	return text;
}

void bench_check(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
	exit(1);
}
