/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "tests/sim/sim.h"

/* Those who run the SM-DP: they make backups, and behind a restored one they settle what is on hold. */

/*! A backup was put back: somebody will see to what is on hold. */
void dp_levers_put_back(struct sim *s);
