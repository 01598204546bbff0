/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

struct vty;

/*! Install the node "https-bearer" below parent, the node "fleet" below that, and "show https".
 * \param[in] node, fleet  numbers for the two */
void https_vty_bearer_init(int parent, int node, int fleet);
/*! Both nodes of the configuration that is edited, as text. */
int https_vty_bearer_write(struct vty *vty);
