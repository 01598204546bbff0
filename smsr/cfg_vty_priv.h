/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include <osmocom/core/utils.h>
#include <osmocom/vty/vty.h>

#include "common/app/limit_vty.h"
#include "smsr/cfg.h"

/* Shared by cfg_vty.c (commands) and cfg_vty_write.c (writers): the words of the configuration. */

extern const struct value_string cfg_roles[];
extern const struct value_string cfg_esm_modes[];
extern const struct value_string cfg_bind_modes[];
extern const struct value_string cfg_receipt_wishes[];
extern const struct value_string cfg_validity_forms[];
extern const struct value_string cfg_msgid_types[];
extern const struct value_string cfg_rule_actions[];

extern const struct limits_vty cfg_limits;

/* Writers of the nodes, for install_node(). */
int cfg_write_smsr(struct vty *vty);
int cfg_write_peers(struct vty *vty);
int cfg_write_smscs(struct vty *vty);
