/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

struct https_cfg;
struct vty;

/* The configuration node "https" of a daemon. */

/*! Install it below a node of the daemon.
 * \param[in] parent  where the command "https" is
 * \param[in] node    number that the new node gets
 * \param[in] prompt  of the new node, static
 * \param[in] edit    tells what commands write to, and what is written out */
void https_vty_init(int parent, int node, const char *prompt, struct https_cfg *(*edit)(void));
/*! Writer of the node, indented by one.  \returns CMD_SUCCESS */
int https_vty_write(struct vty *vty);
