/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

struct smsr_daemon;

/*! Install the variables of the CTRL interface. */
void smsr_ctrl_init(struct smsr_daemon *d);
