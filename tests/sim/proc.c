/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Events, turns, ticks, kills and restarts.
 *
 * A kill strikes before a commit, between the commit and an output, or behind the last output: engine and store are
 * dropped as they are, and opened again from the file after a while.  The judge's connection stays open, so that the
 * last close of the store does not tidy up what a killed process would leave. */
#include "tests/sim/proc.h"

#include <errno.h>
#include <osmocom/core/utils.h>
#include <stdlib.h>
#include <talloc.h>
#include <unistd.h>

#include "common/app/clock.h"
#include "common/db/db.h"
#include "tests/sim/vfs.h"

#define TICKS_AT_ONCE_MAX 100000
#define DISK_FULL_EVERY_MS (4 * HOUR_MS)
#define SUPERVISOR_MS (10 * SECOND_MS)

struct proc {
	struct sim *s;
	const struct program *program;
	uint32_t actor;
	char *path;
	struct db *db;
	struct turn *turn;
	void *engine;
	unsigned int run;
	unsigned int turns;
	bool dying;	      /* killed: nothing that it does reaches anybody */
	bool broken;	      /* the store failed */
	bool dark;	      /* its machine lost power since it ran last */
	bool ending;	      /* the turn will be closed at this time */
	int64_t wall_off_ms;  /* of the machine's wall clock */
	int64_t start_off_ms; /* wall clock minus truth when it started: its deadlines follow that */
	int64_t tick_ms;      /* 0: none is queued */
	int64_t last_tick_ms;
	unsigned int ticks;
};

/* An entry of the queue for one run of the process. */
struct appointment {
	struct proc *p;
	unsigned int run;
};

void *proc_engine(const struct proc *p)
{
	return p->engine;
}

unsigned int proc_run(const struct proc *p)
{
	return p->run;
}

const char *proc_database(const struct proc *p)
{
	return p->path;
}

unsigned int proc_turn(const struct proc *p)
{
	return p->turns;
}

bool proc_is_dying(const struct proc *p)
{
	return p->dying;
}

static void feed(const struct proc *p)
{
	clock_feed_at(p->s->now_ms + p->start_off_ms, p->s->now_ms + p->wall_off_ms);
}

static void *appointment(struct proc *p)
{
	struct appointment *a = talloc(p, struct appointment);

	*a = (struct appointment){p, p->run};
	return a;
}

/* \returns the process; NULL when that run of it is over */
static struct proc *kept(void *arg)
{
	const struct appointment *a = arg;
	struct proc *p = a->run == a->p->run && a->p->engine ? a->p : NULL;

	talloc_free(arg);
	return p;
}

/* ---- death and birth ---- */

static void birth(struct sim *s, void *proc);

/* Nothing reaches the disk any more, not even what closing the store would do. */
static void lose_power(struct proc *p)
{
	vfs_power_off(p->path);
	p->program->let_go(p->s);
}

static void get_power(struct proc *p, uint64_t h)
{
	char *shm = talloc_asprintf(p, "%s-shm", p->path);

	vfs_power_on(p->path, h);
	(void)!unlink(shm); /* shared memory: gone with the power */
	talloc_free(shm);
}

static void die(struct proc *p, const char *how)
{
	struct sim *s = p->s;
	uint64_t h = choice(s, C_RESTART, p->actor);
	bool dark = fault(s, F_POWER_LOSS, p->actor, NULL);

	sim_trace(s, "%s dies: %s", p->program->name, how);
	if (dark)
		lose_power(p);
	talloc_free(p->engine);
	talloc_free(p->turn);
	talloc_free(p->db);
	if (dark)
		get_power(p, h);
	p->dark |= dark;
	p->engine = NULL;
	p->turn = NULL;
	p->db = NULL;
	p->ending = false;
	p->run++; /* what is on its way back is for nobody */
	s->res->restarts++;
	p->program->died(s);
	sim_at(s, s->now_ms + between(&h, 1, SUPERVISOR_MS), birth, p);
}

/* A point at which it may be killed.  \returns true when it is dead */
static bool point(struct proc *p, enum fault kind)
{
	if (!p->dying && fault(p->s, kind, p->actor, NULL))
		p->dying = true;
	return p->dying;
}

bool proc_leaves(struct proc *p)
{
	return !point(p, F_DIE_BEFORE_OUTPUT) && !p->s->stop;
}

static void broken(void *proc)
{
	struct proc *p = proc;

	p->broken = true;
}

/* ---- turns ---- */

static void plan_tick(struct proc *p);

static void end_turn(struct proc *p)
{
	p->ending = false;
	if (point(p, F_DIE_BEFORE_COMMIT)) {
		die(p, "before the commit");
		return;
	}
	vfs_fail_once(fault(p->s, F_COMMIT_FAILS, p->actor, NULL));
	feed(p);
	p->s->res->commits++;
	p->turns++;
	turn_close(p->turn);
	vfs_fail_once(false);
	if (p->broken)
		die(p, "the store failed");
	else if (p->dying || point(p, F_DIE_AFTER_OUTPUTS))
		die(p, "behind the commit");
	else
		plan_tick(p);
}

static void on_end_turn(struct sim *s, void *arg)
{
	struct proc *p = kept(arg);

	if (p && p->ending)
		end_turn(p);
}

/* Either the turn ends with this event, or it takes along what else happens at this time. */
static void turn_ends(struct proc *p)
{
	if (p->ending)
		return;
	p->ending = true;
	if (choice(p->s, C_BATCH, p->actor) % 2)
		sim_at(p->s, p->s->now_ms, on_end_turn, appointment(p));
	else
		end_turn(p);
}

int proc_try(struct proc *p, turn_handler_cb handler, void *event)
{
	int rc;

	if (!p->engine || p->s->stop)
		return -ESHUTDOWN;
	feed(p);
	rc = turn_event(p->turn, handler, p->engine, event);
	if (p->broken) {
		die(p, "the store failed");
		return -ESHUTDOWN;
	}
	turn_ends(p);
	return rc;
}

bool proc_event(struct proc *p, turn_handler_cb handler, void *event)
{
	int rc = proc_try(p, handler, event);

	if (rc < 0 && rc != -ESHUTDOWN)
		sim_violation(p->s, "an event of the engine (%s) fails: error %d", p->program->name, -rc);
	return rc >= 0;
}

/* ---- ticks ---- */

static void on_tick(struct sim *s, void *arg)
{
	struct proc *p = kept(arg);
	bool more = false;
	int64_t next;

	if (!p || p->tick_ms > s->now_ms)
		return;
	p->tick_ms = 0;
	feed(p);
	next = p->program->next_tick_ms(p->engine);
	if (!next || next - p->start_off_ms > s->now_ms) {
		plan_tick(p);
		return;
	}
	p->ticks = p->last_tick_ms == s->now_ms ? p->ticks + 1 : 0;
	p->last_tick_ms = s->now_ms;
	if (p->ticks > TICKS_AT_ONCE_MAX)
		sim_violation(s, "the engine does not come to rest: it always wants another tick at once");
	proc_event(p, p->program->tick, &more);
}

static void plan_tick(struct proc *p)
{
	struct sim *s = p->s;
	int64_t next;

	feed(p);
	next = p->program->next_tick_ms(p->engine);
	if (!next)
		return;
	next -= p->start_off_ms;
	if (next < s->now_ms)
		next = s->now_ms;
	if (p->tick_ms && p->tick_ms <= next)
		return;
	p->tick_ms = next;
	sim_at(s, next, on_tick, appointment(p));
}

void proc_wake(struct proc *p)
{
	if (p->engine && !p->ending)
		plan_tick(p);
}

/* ---- start ---- */

static bool open_store(struct proc *p)
{
	const struct db_opts opts = {.create = true};
	const char *why = "";
	int rc = db_open(p, p->path, p->program->desc, &opts, &p->db, &why);

	if (rc < 0 && rc != -ENOSPC && rc != -EIO)
		sim_violation(p->s, "the store cannot be opened: %s", why);
	return rc == 0;
}

static void birth(struct sim *s, void *proc)
{
	struct proc *p = proc;

	p->broken = p->dying = false;
	p->tick_ms = 0;
	p->start_off_ms = p->wall_off_ms;
	if (!open_store(p)) {
		sim_at(s, s->now_ms + SUPERVISOR_MS, birth, p);
		return;
	}
	p->run++;
	p->turn = turn_alloc(p, p->db, broken, p);
	p->engine = p->program->engine(s, p, p->db, p->turn);
	sim_trace(s, "%s starts", p->program->name);
	if (p->dark && p->program->power_back)
		p->program->power_back(s);
	p->dark = false;
	if (proc_event(p, p->program->start, NULL))
		p->program->born(s);
}

void proc_put_back(struct proc *p, const char *path)
{
	char *cmd = talloc_asprintf(p, "rm -f %s-wal %s-shm && cp %s %s", p->path, p->path, path, p->path);

	OSMO_ASSERT(!p->engine && system(cmd) == 0);
	talloc_free(cmd);
}

static void disk_good(struct sim *s, void *proc)
{
	const struct proc *p = proc;

	vfs_full(p->path, false);
}

static void disk_roomy(struct sim *s, void *proc)
{
	const struct proc *p = proc;

	vfs_low(p->path, false, s->now_ms);
}

static void machine_trouble(struct sim *s, void *proc)
{
	struct proc *p = proc;
	uint64_t h;

	if (fault(s, F_DISK_FULL, p->actor, &h)) {
		vfs_full(p->path, true);
		sim_at(s, s->now_ms + between(&h, SECOND_MS, 10 * MINUTE_MS), disk_good, p);
	}
	if (fault(s, F_DISK_LOW, p->actor, &h)) {
		vfs_low(p->path, true, s->now_ms);
		sim_at(s, s->now_ms + between(&h, MINUTE_MS, HOUR_MS), disk_roomy, p);
	}
	if (fault(s, F_WALL_JUMP, p->actor, &h))
		p->wall_off_ms += between(&h, -2 * HOUR_MS, 2 * HOUR_MS);
	if (!faults_are_over(s->faults))
		sim_at(s, s->now_ms + DISK_FULL_EVERY_MS, machine_trouble, p);
}

struct proc *proc_alloc(struct sim *s, const void *ctx, const struct program *program, uint32_t actor)
{
	struct proc *p = talloc_zero(ctx, struct proc);

	p->s = s;
	p->program = program;
	p->actor = actor;
	p->path = talloc_asprintf(p, "%s/%s", s->dir, program->file);
	sim_at(s, s->now_ms, birth, p);
	sim_at(s, s->now_ms + DISK_FULL_EVERY_MS, machine_trouble, p);
	return p;
}

void proc_calm(struct proc *p)
{
	vfs_full(p->path, false);
	vfs_low(p->path, false, p->s->now_ms);
}
