/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "lab/smsc_sim/sim.h"

/*! \param[out] o  strings are those of argv
 * \returns 0; 1 when --help was printed; -EINVAL (already said on stderr) */
int sim_options_read(int argc, char **argv, struct sim_options *o) MUST_CHECK;
