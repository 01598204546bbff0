/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The daemon around the engine: events, turns, ticks, ports, kills and restarts.
 *
 * A kill strikes before a commit, between the commit and an output, or behind the last output: engine and store are
 * dropped as they are, and opened again from the file after a while.  The judge's connection stays open, so that the
 * last close of the store does not tidy up what a killed process would leave. */
#include "tests/sim/daemon.h"

#include <errno.h>
#include <osmocom/core/utils.h>
#include <talloc.h>
#include <unistd.h>

#include "common/app/clock.h"
#include "lab/seed/seed.h"
#include "smsr/smsr.h"
#include "tests/sim/devices.h"
#include "tests/sim/judge.h"
#include "tests/sim/operators.h"
#include "tests/sim/smsc.h"
#include "tests/sim/vfs.h"

#define TICKS_AT_ONCE_MAX 100000
#define DISK_FULL_EVERY_MS (4 * HOUR_MS)
#define SUPERVISOR_MS (10 * SECOND_MS)

struct daemon {
	struct crypto *crypto;
	struct keystore *keystore;
	struct smsr_cfg *cfg;
	char *path;
	struct db *db;
	struct turn *turn;
	struct smsr *smsr;
	unsigned int run;
	bool dying;	      /* killed: nothing that it does reaches anybody */
	bool broken;	      /* the store failed */
	bool ending;	      /* the turn will be closed at this time */
	int64_t start_off_ms; /* wall clock minus truth when it started: its deadlines follow that */
	int64_t tick_ms;      /* 0: none is queued */
	int64_t last_tick_ms;
	unsigned int ticks;
};

bool daemon_is_up(const struct sim *s)
{
	return s->daemon->smsr != NULL;
}

unsigned int daemon_run(const struct sim *s)
{
	return s->daemon->run;
}

const char *daemon_database(const struct sim *s)
{
	return s->daemon->path;
}

static void feed(struct sim *s)
{
	clock_feed_at(s->now_ms + s->daemon->start_off_ms, s->now_ms + s->wall_off_ms);
}

/* ---- death and birth ---- */

static void birth(struct sim *s, void *unused);

/* Nothing reaches the disk any more, not even what closing the store would do. */
static void lose_power(struct sim *s)
{
	vfs_power_off();
	judge_close(s);
}

static void get_power(struct sim *s, uint64_t h)
{
	char *shm = talloc_asprintf(s, "%s-shm", s->daemon->path);

	vfs_power_on(h);
	(void)!unlink(shm); /* shared memory: gone with the power */
	talloc_free(shm);
}

static void die(struct sim *s, const char *how)
{
	struct daemon *d = s->daemon;
	uint64_t h = choice(s, C_RESTART, 0);

	bool dark = fault(s, F_POWER_LOSS, 0, NULL);

	sim_trace(s, "daemon dies: %s", how);
	if (dark)
		lose_power(s);
	talloc_free(d->smsr);
	talloc_free(d->turn);
	talloc_free(d->db);
	if (dark)
		get_power(s, h);
	d->smsr = NULL;
	d->turn = NULL;
	d->db = NULL;
	d->ending = false;
	d->run++; /* what is on its way back is for nobody */
	s->res->restarts++;
	smsc_daemon_died(s);
	operators_daemon_died(s);
	sim_at(s, s->now_ms + between(&h, 1, SUPERVISOR_MS), birth, NULL);
}

/* A point at which it may be killed.  \returns true when it is dead */
static bool point(struct sim *s, enum fault kind)
{
	struct daemon *d = s->daemon;

	if (!d->dying && fault(s, kind, 0, NULL))
		d->dying = true;
	return d->dying;
}

static void broken(void *priv)
{
	struct sim *s = priv;

	s->daemon->broken = true;
}

/* ---- turns ---- */

static void plan_tick(struct sim *s);

static void end_turn(struct sim *s)
{
	struct daemon *d = s->daemon;

	d->ending = false;
	if (point(s, F_DIE_BEFORE_COMMIT)) {
		die(s, "before the commit");
		return;
	}
	vfs_fail_once(fault(s, F_COMMIT_FAILS, 0, NULL));
	feed(s);
	s->res->commits++;
	turn_close(d->turn);
	vfs_fail_once(false);
	if (d->broken)
		die(s, "the store failed");
	else if (d->dying || point(s, F_DIE_AFTER_OUTPUTS))
		die(s, "behind the commit");
	else
		plan_tick(s);
}

static void on_end_turn(struct sim *s, void *run)
{
	if (daemon_is_up(s) && s->daemon->ending && (uintptr_t)run == s->daemon->run)
		end_turn(s);
}

/* Either the turn ends with this event, or it takes along what else happens at this time. */
static void turn_ends(struct sim *s)
{
	struct daemon *d = s->daemon;

	if (d->ending)
		return;
	d->ending = true;
	if (choice(s, C_BATCH, 0) % 2)
		sim_at(s, s->now_ms, on_end_turn, (void *)(uintptr_t)d->run);
	else
		end_turn(s);
}

bool daemon_event(struct sim *s, turn_handler_cb handler, void *event)
{
	struct daemon *d = s->daemon;
	int rc;

	if (!d->smsr || s->stop)
		return false;
	feed(s);
	rc = turn_event(d->turn, handler, d->smsr, event);
	if (d->broken) {
		die(s, "the store failed");
		return false;
	}
	if (rc < 0)
		sim_violation(s, "an event of the engine fails: error %d", -rc);
	turn_ends(s);
	return rc >= 0;
}

/* ---- ticks ---- */

static void on_tick(struct sim *s, void *run)
{
	struct daemon *d = s->daemon;
	bool more = false;
	int64_t next;

	if (!d->smsr || (uintptr_t)run != d->run || d->tick_ms > s->now_ms)
		return;
	d->tick_ms = 0;
	feed(s);
	next = smsr_next_tick_ms(d->smsr);
	if (!next || next - d->start_off_ms > s->now_ms) {
		plan_tick(s);
		return;
	}
	d->ticks = d->last_tick_ms == s->now_ms ? d->ticks + 1 : 0;
	d->last_tick_ms = s->now_ms;
	if (d->ticks > TICKS_AT_ONCE_MAX)
		sim_violation(s, "the engine does not come to rest: it always wants another tick at once");
	daemon_event(s, smsr_ev_tick, &more);
}

static void plan_tick(struct sim *s)
{
	struct daemon *d = s->daemon;
	int64_t next;

	feed(s);
	next = smsr_next_tick_ms(d->smsr);
	if (!next)
		return;
	next -= d->start_off_ms;
	if (next < s->now_ms)
		next = s->now_ms;
	if (d->tick_ms && d->tick_ms <= next)
		return;
	d->tick_ms = next;
	sim_at(s, next, on_tick, (void *)(uintptr_t)d->run);
}

void daemon_room(struct sim *s)
{
	if (!s->daemon->smsr)
		return;
	smsr_sms_room(s->daemon->smsr);
	if (!s->daemon->ending)
		plan_tick(s);
}

/* ---- ports ---- */

/* Something is about to leave.  \returns false when nobody will get it */
static bool leaves(struct sim *s)
{
	return !point(s, F_DIE_BEFORE_OUTPUT) && !s->stop;
}

static const char *port_reserve(void *priv)
{
	return smsc_reserve(priv);
}

static void port_submit(void *priv, const struct sms_out *sms)
{
	struct sim *s = priv;

	if (!leaves(s))
		return;
	judge_submit(s, sms);
	smsc_submit(s, sms);
}

static void port_ack(void *priv, const char *smsc, uint64_t token, bool ok)
{
	struct sim *s = priv;

	if (leaves(s))
		smsc_ack(s, token, ok);
}

static void port_post(void *priv, const struct http_out *post)
{
	struct sim *s = priv;
	uint32_t actor;

	if (!leaves(s))
		return;
	actor = judge_post(s, post);
	operators_post(s, post, actor);
}

static void port_answer(void *priv, uint64_t xid, void *steal_answer)
{
	struct sim *s = priv;

	if (leaves(s))
		operators_answer(s, xid, steal_answer);
	talloc_free(steal_answer);
}

static void port_progress(void *priv, int64_t op_id)
{
	struct sim *s = priv;

	if (!s->daemon->dying && !s->stop)
		judge_progress(s, op_id);
}

static const struct smsr_ports ports = {
	.sms_reserve = port_reserve,
	.sms_submit = port_submit,
	.sms_ack = port_ack,
	.http_post = port_post,
	.answer = port_answer,
	.progress = port_progress,
};

/* ---- start ---- */

static bool open_store(struct sim *s)
{
	const struct db_opts opts = {.create = true};
	struct daemon *d = s->daemon;
	const char *why = "";
	int rc = db_open(d, d->path, &smsr_db_desc, &opts, &d->db, &why);

	if (rc < 0 && rc != -ENOSPC && rc != -EIO)
		sim_violation(s, "the store cannot be opened: %s", why);
	return rc == 0;
}

static void birth(struct sim *s, void *unused)
{
	struct daemon *d = s->daemon;

	d->broken = d->dying = false;
	d->tick_ms = 0;
	d->start_off_ms = s->wall_off_ms;
	if (!open_store(s)) {
		sim_at(s, s->now_ms + SUPERVISOR_MS, birth, NULL);
		return;
	}
	d->run++;
	d->turn = turn_alloc(d, d->db, broken, s);
	d->smsr = smsr_alloc(d);
	d->smsr->db = d->db;
	d->smsr->turn = d->turn;
	d->smsr->keystore = d->keystore;
	d->smsr->crypto = d->crypto;
	d->smsr->cfg = d->cfg;
	d->smsr->ports = &ports;
	d->smsr->ports_priv = s;
	sim_trace(s, "daemon starts");
	if (!daemon_event(s, smsr_ev_start, NULL))
		return;
	judge_daemon_started(s);
	smsc_daemon_started(s);
}

static void disk_good(struct sim *s, void *unused)
{
	vfs_full(false);
}

static void machine_trouble(struct sim *s, void *unused)
{
	uint64_t h;

	if (fault(s, F_DISK_FULL, 0, &h)) {
		vfs_full(true);
		sim_at(s, s->now_ms + between(&h, SECOND_MS, 10 * MINUTE_MS), disk_good, NULL);
	}
	if (fault(s, F_WALL_JUMP, 0, &h))
		s->wall_off_ms += between(&h, -2 * HOUR_MS, 2 * HOUR_MS);
	if (!faults_are_over(s->faults))
		sim_at(s, s->now_ms + DISK_FULL_EVERY_MS, machine_trouble, NULL);
}

static void start(struct sim *s)
{
	struct daemon *d = s->daemon = talloc_zero(s->ctx, struct daemon);
	const char *why = "";
	char *path;

	d->crypto = crypto_alloc(d);
	path = talloc_asprintf(d, "%s/master.key", s->dir);
	OSMO_ASSERT(keystore_create_master(d, path, &why) == 0);
	OSMO_ASSERT(keystore_open(d, path, &d->keystore, &why) == 0);
	d->path = talloc_asprintf(d, "%s/smsr.db", s->dir);
	d->cfg = smsr_cfg_alloc(d);
	d->cfg->oid = talloc_strdup(d->cfg, SEED_OID_SMSR);
	d->cfg->uri = talloc_strdup(d->cfg, "https://smsr.example");
	d->cfg->database = d->path;
	operators_configure(s, d->cfg);
	sim_at(s, s->now_ms, birth, NULL);
	sim_at(s, s->now_ms + DISK_FULL_EVERY_MS, machine_trouble, NULL);
}

static void calm(struct sim *s)
{
	vfs_full(false);
}

static const char *busy(struct sim *s)
{
	return daemon_is_up(s) ? NULL : "the daemon is down";
}

const struct actor daemon_actor = {"daemon", start, calm, busy};
