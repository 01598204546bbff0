/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include <osmocom/core/linuxlist.h>

#include "common/net/http_client.h"
#include "common/peer/outbox.h"

/* The port of an engine through which its POSTs leave: by the HTTPS client, and each one ends in one struct post_done.
 * What cannot even be started ends in the next round of the loop, because an output must not cause an event at once. */

/*! Member of a daemon. */
struct poster {
	const void *ctx;
	struct http_client *client; /* to be set before the first post */
	struct llist_head failed;
};

/*! \param[in] ctx  talloc parent of what waits for the next round */
void poster_init(struct poster *p, const void *ctx);
void poster_post(struct poster *p, const struct http_out *out);
/*! There is work for poster_round(): the loop must not sleep. */
bool poster_has_failed(const struct poster *p);
/*! Core, before a turn: pass on what could not be started. */
void poster_round(struct poster *p, void (*done)(void *priv, const struct post_done *d), void *priv);

/*! How a POST that was started went; borrows from r. */
struct post_done poster_result(const struct http_result *r);
