/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "tests/sim/sim.h"

/* Those who run the SM-SR, at its levers: they hold back and release, cancel, audit, raise counters, make backups. */

struct sim_call;

/*! A call was accepted: somebody may cancel its operation. */
void levers_accepted(struct sim *s, const struct sim_call *c);
/*! A backup was put back: a pause of its time is in force again, until somebody sees it. */
void levers_put_back(struct sim *s);
/*! Is what leaves now behind the turn in which this was paused?  What was in that turn already may leave. */
bool levers_bind(const struct sim *s, int scope, const char *name);
