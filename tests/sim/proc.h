/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/app/turn.h"
#include "tests/sim/sim.h"

/* A process on a machine of its own: an engine on its store, with turns, ticks, a wall clock, deaths and births.  What
 * is special about a daemon is the program that it runs. */

struct db;
struct db_desc;
struct proc;

struct program {
	const char *name; /* for the trace */
	const char *file; /* of the database */
	const struct db_desc *desc;
	/*! \returns the engine, ready for its start event: talloc child of ctx */
	void *(*engine)(struct sim *s, const void *ctx, struct db *db, struct turn *turn);
	turn_handler_cb start;
	turn_handler_cb tick;
	int64_t (*next_tick_ms)(void *engine);
	/*! Who reads the database lets it go: its machine has no power. */
	void (*let_go)(struct sim *s);
	/*! Its machine has power again, and its store is open.  May be NULL. */
	void (*power_back)(struct sim *s);
	/*! The process is gone, and all connections with it. */
	void (*died)(struct sim *s);
	/*! Its start event is done. */
	void (*born)(struct sim *s);
};

/*! It is born at once, as an entry of the queue.
 * \param[in] actor  whom its chance belongs to  \returns talloc child of ctx */
struct proc *proc_alloc(struct sim *s, const void *ctx, const struct program *program, uint32_t actor);
/*! Run a handler of the engine as an event.  \returns false when the process is down, died of it, or refused it */
bool proc_event(struct proc *p, turn_handler_cb handler, void *event);
/*! The same for an event that may be refused.  \returns what the handler returned; -ESHUTDOWN when the process is down
 * or died of it */
int proc_try(struct proc *p, turn_handler_cb handler, void *event);
/*! How many turns it has closed, the one that is being closed as well. */
unsigned int proc_turn(const struct proc *p);
/*! While it is down: another file in the place of the database, as an operator does it. */
void proc_put_back(struct proc *p, const char *path);
/*! The engine; NULL while the process is down. */
void *proc_engine(const struct proc *p);
/*! Number of this run of the process; between two runs it is another one. */
unsigned int proc_run(const struct proc *p);
/*! Path of the database. */
const char *proc_database(const struct proc *p);
/*! The engine may want its next tick earlier now. */
void proc_wake(struct proc *p);
/*! Something is about to leave the engine.  \returns false when nobody will get it */
bool proc_leaves(struct proc *p);
/*! Killed, while the engine goes on for the rest of its turn: nobody hears of it. */
bool proc_is_dying(const struct proc *p);
/*! Nothing fails any more. */
void proc_calm(struct proc *p);
