/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

/*! Install the variables of the CTRL interface; they get the daemon.  \param[in] ctx  lives as long as the process */
void smdp_ctrl_init(const void *ctx);
