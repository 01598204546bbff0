/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/codec/bytes.h"

/* The turn: how an event becomes an effect (P1, P2, P8).
 *
 * Everything that happens in the core thread is an event.  Its handler reads and writes rows in the one open
 * transaction and queues outputs; it sends nothing.  When the events that are ready now have been handled, the turn
 * closes: commit once, then emit all outputs in order.  If the commit fails nothing is emitted and the process ends.
 *
 * Each event runs in a savepoint, the first one of a turn in the transaction itself.  A handler that returns a negative
 * value other than a store error leaves no trace: its rows and its outputs are dropped, the rest of the turn stands. */

struct db;
struct turn;

/*! Called when the store failed: the turn and its outputs are gone, the process must end (it does not return in a
 * daemon). */
typedef void (*turn_broken_cb)(void *priv);

/*! \param[in] broken  called with priv when a commit fails.  \returns talloc child of ctx; db must outlive it */
struct turn *turn_alloc(const void *ctx, struct db *db, turn_broken_cb broken, void *priv);

/*! Handler of one event.  \returns 0; a negative value drops what it did */
typedef int (*turn_handler_cb)(void *priv, void *event);

/*! Run one event in the open turn, opening one if needed.  Feeds the clock.  Not from inside a handler.
 * \returns what the handler returned; -EIO when the store is broken */
int turn_event(struct turn *t, turn_handler_cb handler, void *priv, void *event);

/*! The same; what fails is logged.  \param[in] what  names the event: "what had no effect" */
int turn_event_logged(struct turn *t, turn_handler_cb handler, void *priv, void *event, const char *what);

/*! Effect of one output, after the commit. */
typedef void (*turn_emit_cb)(void *priv, void *data);

/*! Queue an output; only inside a handler.
 * \param[in] steal_data  talloc tree, may be NULL: owned by the turn from now on, freed after emit() or when dropped */
void turn_output(struct turn *t, turn_emit_cb emit, void *priv, void *steal_data);

/*! Inside a handler: try something that may be taken back alone.  When attempt() returns a negative value its rows and
 * outputs are dropped, what the handler did before stands.  Not nested.
 * \returns what attempt() returned; -EIO when the store is broken */
int turn_try(struct turn *t, int (*attempt)(void *arg), void *arg) MUST_CHECK;

/*! Commit and emit.  Nothing to do is fine.  Outputs may cause new events: these open the next turn. */
void turn_close(struct turn *t);

/*! True between the first event and turn_close(). */
bool turn_is_open(const struct turn *t);

/*! Talloc context for throwaways of the current event; emptied when it ends. */
void *turn_ctx(const struct turn *t);
