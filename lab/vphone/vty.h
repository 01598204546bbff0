/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "lab/vphone/phone.h"

struct vty;

/*! What the configuration file says; air_socket is a talloc child of the structure. */
struct vphone_config {
	char *air_socket;
	struct osmo_cell_global_id cell;
	unsigned int periodic_s;
};

#define VPHONE_VTY_PORT 4299

/*! Install the commands.  The VTY must have been initialised; cfg is filled with defaults and then by the file.
 * \param[in] fleet  shown and driven by the commands, once the program runs */
void vphone_vty_init(struct vphone_config *cfg, struct fleet *fleet);
/*! Parent of a node, for the VTY library. */
int vphone_vty_go_parent(struct vty *vty);
/*! The node belongs to the configuration, for the VTY library. */
int vphone_vty_is_config_node(struct vty *vty, int node);
