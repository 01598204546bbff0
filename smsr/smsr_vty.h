/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/codec/bytes.h"

struct smsr_cfg;
struct smsr_daemon;

/*! Install the configuration nodes.  Commands store values; nothing starts while parsing. */
void smsr_vty_cfg_init(struct smsr_daemon *d);
/*! Commands that show, and those that do something. */
void smsr_vty_show_init(void);
void smsr_vty_lever_init(void);
/*! The daemon of smsr_vty_cfg_init(): commands get no pointer of their own. */
struct smsr_daemon *smsr_vty_daemon(void);

/*! Read a configuration file into d->edit.  \returns 0; -EINVAL */
int smsr_vty_read(const char *path) MUST_CHECK;
/*! A configuration as text, as "show running-config" would write it.
 * \param[in] smscs_only  nothing but the nodes "smsc"
 * \returns talloc child of ctx */
char *smsr_vty_text(struct smsr_daemon *d, const void *ctx, struct smsr_cfg *cfg, bool smscs_only);
/*! A copy, by way of its text.  \returns talloc child of d */
struct smsr_cfg *smsr_vty_copy(struct smsr_daemon *d, const struct smsr_cfg *cfg);
/*! Put the nodes "smsc" of another configuration in place of those that are there. */
void smsr_vty_take_smscs(struct smsr_daemon *d, struct smsr_cfg *into, const struct smsr_cfg *from);
