/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/app/turn.h"
#include "common/es/soap.h"
#include "tests/sim/sim.h"

/* The process of the SM-SR: its engine, the store, and its deaths.  What it held in memory dies with it; its run number
 * tells answers for an earlier run from those for this one. */

/*! Run a handler of the engine as an event.  \returns false when the daemon is down, died of it, or refused it */
bool daemon_event(struct sim *s, turn_handler_cb handler, void *event);
/*! False while it is down. */
/*! The same for one that may be refused: proc_try(). */
int daemon_try(struct sim *s, turn_handler_cb handler, void *event);
/*! How many turns it has closed, with the one that is being closed. */
unsigned int daemon_turn(const struct sim *s);
/*! A backup is made, as the daemon's own thread makes it; the next death may put it back. */
void daemon_backup(struct sim *s);
bool daemon_is_up(const struct sim *s);
/*! Number of this run of the daemon; between two runs it is another one. */
unsigned int daemon_run(const struct sim *s);
/*! A link has room again. */
void daemon_room(struct sim *s);
/*! Path of its database. */
const char *daemon_database(const struct sim *s);
/*! A request of a peer that came over the wire (es3_wire.h); the answer goes to wire_answer(). */
void daemon_request(struct sim *s, uint64_t xid, const struct soap_msg *msg, const char *oid);
