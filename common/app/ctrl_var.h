/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include <stdint.h>

#include <osmocom/ctrl/control_cmd.h>

/* Variables of the CTRL interface: figures that are only read, and actions that are only set. */

typedef int (*ctrl_var_cb)(struct ctrl_cmd *cmd, void *daemon);
typedef int (*ctrl_var_verify_cb)(struct ctrl_cmd *cmd, const char *value, void *daemon);

/*! Answer with a number.  \returns CTRL_CMD_REPLY; CTRL_CMD_ERROR */
int ctrl_var_reply(struct ctrl_cmd *cmd, int64_t v);
/*! Install a variable that is only read.  \param[in] ctx  lives as long as the interface \param[in] name  static */
void ctrl_var_figure(const void *ctx, const char *name, ctrl_var_cb get);
/*! Install one that is only set. */
void ctrl_var_action(const void *ctx, const char *name, ctrl_var_cb set, ctrl_var_verify_cb verify);
