/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

struct smdp_daemon;

/*! Install the variables of the CTRL interface. */
void smdp_ctrl_init(struct smdp_daemon *d);
