/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "tests/sim/sim.h"

/*! Read a list of faults, "kind:actor:n,..." or "none", into the plan; or "-kind": this kind and those before it in
 * enum fault.  \returns false when it is no such list */
bool plan_only(const void *ctx, struct sim_plan *plan, const char *text);
/*! A stored seed: words "SEED FLEET DAYS ONLY" and then a remark; ONLY "-" for all, else as plan_only().  \returns
 * false when it is none */
bool plan_line(const void *ctx, struct sim_plan *plan, const char *line);
/*! In which seeds with an SM-DP a backup of the SM-SR may be put back: what the others draw stays what it was before
 * that was a fault. */
bool plan_restores_smsr(const struct sim_plan *plan);
/*! The same for a backup of the SM-DP. */
bool plan_restores_smdp(const struct sim_plan *plan);
/*! In which seeds an operator changes rules and numbers of profiles, and packages are long. */
bool plan_updates(const struct sim_plan *plan);
bool plan_long_packages(const struct sim_plan *plan);
/*! Memory for a result that a run in another process fills in. */
struct sim_result *plan_result(void);
/*! Zeroed again. */
void plan_result_clear(struct sim_result *res);
