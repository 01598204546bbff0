/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "common/app/turn.h"

#include <errno.h>

#include <osmocom/core/linuxlist.h>
#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/clock.h"
#include "common/app/log.h"
#include "common/db/db.h"

struct output {
	struct llist_head list;
	turn_emit_cb emit;
	void *priv;
	void *data;
};

struct turn {
	struct db *db;
	turn_broken_cb broken;
	void *priv;
	bool open;
	bool in_event;
	void *event_ctx;
	struct llist_head outputs;
};

struct turn *turn_alloc(const void *ctx, struct db *db, turn_broken_cb broken, void *priv)
{
	struct turn *t = talloc_zero(ctx, struct turn);

	OSMO_ASSERT(t);
	t->db = db;
	t->broken = broken;
	t->priv = priv;
	INIT_LLIST_HEAD(&t->outputs);
	return t;
}

void *turn_ctx(const struct turn *t)
{
	OSMO_ASSERT(t->in_event);
	return t->event_ctx;
}

bool turn_is_open(const struct turn *t)
{
	return t->open;
}

void turn_output(struct turn *t, turn_emit_cb emit, void *priv, void *steal_data)
{
	struct output *o = talloc_zero(t, struct output);

	OSMO_ASSERT(o && t->in_event);
	o->emit = emit;
	o->priv = priv;
	o->data = talloc_steal(o, steal_data);
	llist_add_tail(&o->list, &t->outputs);
}

/* Drop the outputs queued after the mark; all of them when mark is the list head. */
static void drop_outputs(struct turn *t, struct llist_head *mark)
{
	while (t->outputs.prev != mark) {
		struct output *o = llist_entry(t->outputs.prev, struct output, list);

		llist_del(&o->list);
		talloc_free(o);
	}
}

static int turn_fail(struct turn *t)
{
	db_rollback(t->db);
	drop_outputs(t, &t->outputs);
	t->open = false;
	t->broken(t->priv);
	return -EIO;
}

static int run_in_savepoint(struct turn *t, turn_handler_cb handler, void *priv, void *event)
{
	struct llist_head *mark = t->outputs.prev;
	int rc, undo;

	if (db_savepoint(t->db) < 0)
		return -EIO;
	rc = handler(priv, event);
	if (db_broken(t->db))
		return -EIO;
	if (rc < 0)
		drop_outputs(t, mark);
	undo = rc < 0 ? db_rollback_to(t->db) : db_release(t->db);
	return undo < 0 ? -EIO : rc;
}

/* The first event of a turn has the transaction to itself: taking it back is taking all back, without the copy of each
 * page that a savepoint keeps.  On a system that is not loaded this is nearly every event. */
static int run_first(struct turn *t, turn_handler_cb handler, void *priv, void *event)
{
	int rc = handler(priv, event);

	if (rc < 0 && !db_broken(t->db)) {
		drop_outputs(t, &t->outputs);
		db_rollback(t->db);
		t->open = false;
	}
	return rc;
}

int turn_event(struct turn *t, turn_handler_cb handler, void *priv, void *event)
{
	bool first = !t->open;
	int rc;

	OSMO_ASSERT(!t->in_event);
	clock_feed();
	if (db_broken(t->db) || (first && db_begin(t->db) < 0))
		return turn_fail(t);
	t->open = true;
	t->in_event = true;
	t->event_ctx = talloc_named_const(t, 0, "event");
	rc = first ? run_first(t, handler, priv, event) : run_in_savepoint(t, handler, priv, event);
	talloc_free(t->event_ctx);
	t->event_ctx = NULL;
	t->in_event = false;
	return db_broken(t->db) ? turn_fail(t) : rc;
}

int turn_event_logged(struct turn *t, turn_handler_cb handler, void *priv, void *event, const char *what)
{
	int rc = turn_event(t, handler, priv, event);

	if (rc < 0)
		LOGP(DMAIN, LOGL_ERROR, "%s had no effect: error %d\n", what, -rc);
	return rc;
}

void turn_close(struct turn *t)
{
	LLIST_HEAD(ready);

	OSMO_ASSERT(!t->in_event);
	if (!t->open)
		return;
	if (db_commit(t->db) < 0) {
		turn_fail(t);
		return;
	}
	t->open = false;
	/* Moved away first: an output may cause an event, and that event belongs to the next turn. */
	llist_splice_init(&t->outputs, &ready);
	while (!llist_empty(&ready)) {
		struct output *o = llist_first_entry(&ready, struct output, list);

		llist_del(&o->list);
		o->emit(o->priv, o->data);
		talloc_free(o);
	}
}

int turn_try(struct turn *t, int (*attempt)(void *arg), void *arg)
{
	struct llist_head *mark = t->outputs.prev;
	int rc, undo;

	OSMO_ASSERT(t->in_event);
	if (db_mark(t->db) < 0)
		return -EIO;
	rc = attempt(arg);
	if (db_broken(t->db))
		return -EIO;
	if (rc < 0)
		drop_outputs(t, mark);
	undo = rc < 0 ? db_undo(t->db) : db_keep(t->db);
	return undo < 0 ? -EIO : rc;
}
