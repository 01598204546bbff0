/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

/*! Install the variables of the CTRL interface; they get the daemon. */
void smdp_ctrl_init(void);
