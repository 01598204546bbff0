/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "lab/air/air.h"

/* Radio end of the air socket: connects to euicc-sim, again each second until it succeeds. */

#define NO_BYTES ((struct bytes){NULL, 0})

struct air_link;

struct air_link_ops {
	/*! the cards are gone */
	void (*down)(void *priv);
	/*! msg is valid during the call */
	void (*rx)(void *priv, const struct air_msg *msg);
};

/*! \param[in] path  of the UNIX socket, copied
 * \returns talloc child of ctx, never NULL; the first attempt is made by the main loop */
struct air_link *air_link_alloc(void *ctx, const char *path, const struct air_link_ops *ops, void *priv);
/*! Connected to the cards. */
bool air_link_is_up(const struct air_link *link);
/*! Send one message; without a connection it is dropped, because then no card is left to hear it. */
void air_link_tx(struct air_link *link, enum air_type type, const char *imsi, uint8_t cause, struct bytes payload);
