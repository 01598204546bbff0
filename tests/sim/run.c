/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* One run: days with faults, then calm until nothing moves, then the account. */
#include <osmocom/core/application.h>
#include <osmocom/core/logging.h>
#include <osmocom/core/utils.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <talloc.h>
#include <unistd.h>

#include "common/app/log.h"
#include "tests/sim/judge.h"
#include "tests/sim/judge_priv.h"
#include "tests/sim/sim.h"
#include "tests/sim/vfs.h"

/* An audit may have to try the numbers of all profiles of a card, a day each. */
#define CALM_MAX_MS (10 * DAY_MS)

static const struct actor *const actors[] = {
	&judge_actor,	  &judge_dp_actor,     &https_actor,  &daemon_actor,	&dp_daemon_actor, &smsc_actor,
	&operators_actor, &dp_operators_actor, &levers_actor, &dp_levers_actor, &devices_actor,
};

uint64_t sim_fnv(uint64_t hash, const void *data, size_t len)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ p[i]) * 0x100000001b3ULL;
	return hash;
}

void sim_trace(struct sim *s, const char *fmt, ...)
{
	char line[200];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	s->trace = sim_fnv(s->trace, &s->now_ms, sizeof(s->now_ms));
	s->trace = sim_fnv(s->trace, line, (size_t)OSMO_MIN(n, (int)sizeof(line) - 1));
	if (s->plan->verbose)
		printf("%10.3f %s\n", (double)(s->now_ms - SIM_T0) / 1000, line);
}

void sim_violation(struct sim *s, const char *fmt, ...)
{
	va_list ap;
	int n;

	s->stop = true;
	if (s->res->violations++)
		return;
	n = snprintf(s->res->violation, SIM_TEXT_MAX, "at %.3f s: ", (double)(s->now_ms - SIM_T0) / 1000);
	va_start(ap, fmt);
	vsnprintf(s->res->violation + n, SIM_TEXT_MAX - (size_t)n, fmt, ap);
	va_end(ap);
}

/* ---- phases ---- */

static void run_to(struct sim *s, int64_t end_ms)
{
	while (!s->stop && sim_step(s, end_ms))
		s->res->virtual_ms = s->now_ms - SIM_T0;
	if (!s->stop)
		s->now_ms = end_ms;
}

static const char *who_is_busy(struct sim *s)
{
	const char *what = NULL;

	for (size_t i = 0; !what && i < ARRAY_SIZE(actors); i++)
		what = actors[i]->busy(s);
	return what;
}

static void come_to_rest(struct sim *s)
{
	int64_t end = s->now_ms + CALM_MAX_MS;

	faults_end(s->faults);
	for (size_t i = 0; i < ARRAY_SIZE(actors); i++)
		actors[i]->calm(s);
	run_to(s, s->now_ms + HOUR_MS);
	while (!s->stop && s->now_ms < end && who_is_busy(s))
		run_to(s, s->now_ms + HOUR_MS);
	if (!s->stop && who_is_busy(s))
		sim_violation(s, "it does not come to rest: %s", who_is_busy(s));
}

static struct sim *sim_alloc(const struct sim_plan *plan, struct sim_result *res)
{
	/* In memory where that is possible: a kill of the process loses nothing that was written. */
	char shm[] = "/dev/shm/smsr-sim-XXXXXX", tmp[] = "/tmp/smsr-sim-XXXXXX";
	struct sim *s = talloc_zero(NULL, struct sim);
	char *dir = mkdtemp(shm);

	if (!dir)
		dir = mkdtemp(tmp);
	OSMO_ASSERT(s && dir);
	s->ctx = s;
	s->plan = plan;
	s->res = res;
	s->now_ms = SIM_T0;
	s->trace = 0xcbf29ce484222325ULL;
	s->dir = talloc_strdup(s, dir);
	OSMO_STRLCPY_ARRAY(res->dir, dir);
	s->queue = queue_alloc(s);
	s->faults = faults_alloc(s, plan->fleet);
	return s;
}

static void clean_up(const struct sim_result *res)
{
	char *cmd = talloc_asprintf(NULL, "rm -rf %s", res->dir);

	OSMO_ASSERT(!res->dir[0] || system(cmd) == 0);
	talloc_free(cmd);
}

void sim_run(const struct sim_plan *plan, struct sim_result *res)
{
	struct sim *s = sim_alloc(plan, res);

	log_init(&log_info_esim, s);
	vfs_install();
	engine_chance(plan->seed);
	for (size_t i = 0; i < ARRAY_SIZE(actors); i++)
		actors[i]->start(s);
	run_to(s, SIM_T0 + plan->days * DAY_MS);
	if (!s->stop)
		come_to_rest(s);
	if (!s->stop)
		judge_end(s);
	res->virtual_ms = s->now_ms - SIM_T0;
	res->dump_hash = judge_dump_hash(s);
	res->trace_hash = s->trace;
	res->ended = true;
	clean_up(res);
}

static void died(const struct sim_plan *plan, struct sim_result *res, int status)
{
	clean_up(res);
	res->violations++;
	snprintf(res->violation, SIM_TEXT_MAX, "the process of the run died: %s %d",
		 WIFSIGNALED(status) ? "signal" : "exit", WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

pid_t sim_fork(const struct sim_plan *plan, struct sim_result *res)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	OSMO_ASSERT(pid >= 0);
	if (pid == 0) {
		sim_run(plan, res);
		fflush(stdout);
		_exit(0);
	}
	return pid;
}

void sim_reaped(const struct sim_plan *plan, struct sim_result *res, int status)
{
	if (!res->ended)
		died(plan, res, status);
}

void sim_run_apart(const struct sim_plan *plan, struct sim_result *res)
{
	pid_t pid = sim_fork(plan, res);
	int status = 0;

	OSMO_ASSERT(waitpid(pid, &status, 0) == pid);
	sim_reaped(plan, res, status);
}
