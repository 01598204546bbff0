/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Levers are pulled by chance.  What was paused is released after a while, and again until no row says so any more: a
 * release may be lost in a death of the daemon, and a backup may bring an old pause back. */
#include "tests/sim/levers.h"

#include <errno.h>
#include <osmocom/core/utils.h>
#include <string.h>
#include <talloc.h>

#include "smsr/lever.h"
#include "tests/sim/daemon.h"
#include "tests/sim/devices.h"
#include "tests/sim/judge.h"
#include "tests/sim/operators.h"
#include "tests/sim/smsc.h"

#define EVERY_MS (20 * MINUTE_MS)
#define BACKUP_EVERY_MS (2 * HOUR_MS)
#define AGAIN_MS (10 * SECOND_MS)
#define PAUSE_MAX_MS HOUR_MS
#define LOST_EVERY_MS HOUR_MS
#define CANCEL_MAX_MS (10 * MINUTE_MS)

/* A pause, and the turn that made it. */
struct hold {
	struct hold *next;
	enum pause_scope scope;
	char *name;
	unsigned int turn;
};

struct levers {
	struct hold *holds; /* the latest first */
	bool looks;	    /* for cards that a restored backup has lost */
};

static int pull(struct sim *s, lever_cb action, struct lever *l)
{
	int rc;

	l->ctx = talloc_new(s->levers);
	l->by = "VTY";
	rc = daemon_try(s, action, l);
	if (rc != -ESHUTDOWN)
		sim_trace(s, "lever: %s", l->text ? l->text : "?");
	if (rc < 0 && rc != -ENOENT && rc != -EINVAL && rc != -EBUSY && rc != -ESHUTDOWN)
		sim_violation(s, "a lever fails: error %d", -rc);
	talloc_free((void *)l->ctx);
	return rc;
}

/* ---- pause and resume ---- */

bool levers_bind(const struct sim *s, int scope, const char *name)
{
	for (const struct hold *h = s->levers->holds; h; h = h->next) {
		if ((int)h->scope == scope && strcmp(h->name, name) == 0)
			return daemon_turn(s) > h->turn;
	}
	return true;
}

static void resume(struct sim *s, int scope, const char *name)
{
	struct lever l = {.scope = (enum pause_scope)scope, .name = name};

	pull(s, smsr_ev_resume, &l);
}

static void release(struct sim *s, void *unused)
{
	char *name;
	int scope;

	if (!judge_any_pause(s, s->levers, &scope, &name))
		return;
	resume(s, scope, name);
	talloc_free(name);
	/* Whether that was committed, and whether there is another one, is seen later. */
	sim_at(s, s->now_ms + AGAIN_MS, release, NULL);
}

/* A profile that was loaded and enabled behind the backup has a number that the SM-SR does not know.  Its operator
 * does, and bars it: the card falls back, and tells so by a number that is known. */
static void bar_out_of_reach(struct sim *s)
{
	for (unsigned int i = 0; i < s->plan->fleet; i++) {
		const char *number = device_number(s, i);

		if (number && judge_is_out_of_reach(s, i, number))
			device_bar(s, i);
	}
}

/* Also one that goes back to such a profile much later. */
static void look_for_lost(struct sim *s, void *unused)
{
	bar_out_of_reach(s);
	sim_at(s, s->now_ms + LOST_EVERY_MS, look_for_lost, NULL);
}

void levers_put_back(struct sim *s)
{
	if (!s->levers->looks)
		sim_at(s, s->now_ms + LOST_EVERY_MS, look_for_lost, NULL);
	s->levers->looks = true;
	sim_at(s, s->now_ms + PAUSE_MAX_MS / 2, release, NULL);
}

static char *name_for(struct sim *s, enum pause_scope scope, uint64_t *h)
{
	static const char *const peers[] = {SEED_OID_MNO_BOOTSTRAP, SEED_OID_MNO_OPERATIONAL};
	unsigned int card = (unsigned int)between(h, 0, s->plan->fleet - 1);

	switch (scope) {
	case PAUSE_ALL:
	case PAUSE_DRAIN:
		break;
	case PAUSE_SMSC:
		return talloc_strdup(s->levers, smsc_name(card));
	case PAUSE_PEER:
		return talloc_strdup(s->levers, peers[card % ARRAY_SIZE(peers)]);
	case PAUSE_EUICC:
		return talloc_strdup(s->levers, device_at(s, card)->data.eid);
	}
	return talloc_strdup(s->levers, "");
}

static void pause_something(struct sim *s, uint64_t h)
{
	struct lever l = {.scope = (enum pause_scope)between(&h, PAUSE_ALL, PAUSE_EUICC)};
	struct hold *hold = talloc_zero(s->levers, struct hold);

	l.name = hold->name = name_for(s, l.scope, &h);
	hold->scope = l.scope;
	hold->turn = daemon_turn(s) + 1;
	hold->next = s->levers->holds;
	/* The effect of a second pause of the same thing is that of the first. */
	if (judge_is_paused(s, (int)l.scope, l.name))
		return;
	s->levers->holds = hold;
	pull(s, smsr_ev_pause, &l);
	sim_at(s, s->now_ms + between(&h, MINUTE_MS, PAUSE_MAX_MS), release, NULL);
}

/* ---- the others ---- */

static void cancel(struct sim *s, void *arg)
{
	struct lever l = {.id = judge_op_of_call(s, arg)};

	if (!l.id)
		return;
	judge_cancelled(s, l.id, true); /* the turn may end with the event */
	if (pull(s, smsr_ev_cancel, &l) != 0)
		judge_cancelled(s, l.id, false);
}

void levers_accepted(struct sim *s, const struct sim_call *c)
{
	uint64_t h;

	if (fault(s, F_CANCEL, c->card + 1, &h))
		sim_at(s, s->now_ms + between(&h, 1, h % 2 ? CANCEL_MAX_MS : AGAIN_MS), cancel, (void *)c);
}

static void audit_all(struct sim *s, int64_t max)
{
	struct lever l = {.max = max};

	pull(s, smsr_ev_audit_bulk, &l);
}

static void audit_one(struct sim *s, const struct device *d)
{
	struct lever l = {.eid = d->data.eid};

	pull(s, smsr_ev_audit, &l);
}

static void raise_counter(struct sim *s, unsigned int card, int64_t by)
{
	struct lever l = {.eid = device_at(s, card)->data.eid, .version = SEED_SCP80_KVN};

	l.value = (uint64_t)(judge_counter(s, card) + by);
	pull(s, smsr_ev_counter, &l);
}

static void reconnect(struct sim *s, unsigned int n)
{
	struct lever l = {.name = smsc_name(n)};

	pull(s, smsr_ev_reconnect, &l);
}

static void hurry(struct sim *s)
{
	struct lever l = {0};

	pull(s, smsr_ev_hurry, &l);
}

static void look(struct sim *s, void *unused)
{
	uint64_t h;

	if (faults_are_over(s->faults))
		return;
	sim_at(s, s->now_ms + EVERY_MS, look, NULL);
	if (fault(s, F_PAUSE, 0, &h))
		pause_something(s, h);
	if (fault(s, F_BULK_AUDIT, 0, &h))
		audit_all(s, between(&h, 0, 10));
	if (fault(s, F_AUDIT_BY_HAND, 0, &h))
		audit_one(s, device_at(s, (unsigned int)between(&h, 0, s->plan->fleet - 1)));
	if (fault(s, F_COUNTER_RAISED, 0, &h))
		raise_counter(s, (unsigned int)between(&h, 0, s->plan->fleet - 1), between(&h, 0, 5000));
	if (fault(s, F_RECONNECT, 0, &h))
		reconnect(s, (unsigned int)between(&h, 0, 1));
	if (fault(s, F_HURRY, 0, NULL))
		hurry(s);
}

static void look_for_backup(struct sim *s, void *unused)
{
	if (faults_are_over(s->faults))
		return;
	sim_at(s, s->now_ms + BACKUP_EVERY_MS, look_for_backup, NULL);
	if (fault(s, F_BACKUP, 0, NULL) && daemon_is_up(s))
		daemon_backup(s);
}

/* ---- life ---- */

static void start(struct sim *s)
{
	s->levers = talloc_zero(s->ctx, struct levers);
	sim_at(s, s->now_ms + EVERY_MS, look, NULL);
	sim_at(s, s->now_ms + BACKUP_EVERY_MS, look_for_backup, NULL);
}

static void calm(struct sim *s)
{
	release(s, NULL);
}

/* In the end nothing is left to be audited. */
static const char *busy(struct sim *s)
{
	if (!judge_audits_due(s))
		return NULL;
	bar_out_of_reach(s);
	audit_all(s, 0);
	return "eUICCs are to be audited";
}

const struct actor levers_actor = {"levers", start, calm, busy};
