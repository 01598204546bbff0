/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

struct smsr_daemon;

/*! Install the configuration nodes.  Commands store values; nothing starts while parsing. */
void smsr_vty_cfg_init(struct smsr_daemon *d);
