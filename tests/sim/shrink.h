/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "tests/sim/sim.h"

/*! A run that failed: find a short list of faults with which it still fails, by delta debugging over those that it
 * drew. \param[in,out] res  of the failing run; afterwards of the shortest one that was found \param[in]     tries runs
 * that this may take */
void shrink(const struct sim_plan *plan, struct sim_result *res, unsigned int tries);
