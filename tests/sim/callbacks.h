/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "tests/sim/operators.h"

/*! A call by its index, to be changed; NULL when there is none. */
struct sim_call *call_at(struct sim *s, size_t i);
