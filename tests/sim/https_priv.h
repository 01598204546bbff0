/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include <osmocom/core/linuxlist.h>

#include "tests/sim/https.h"

/* For the files of the HTTPS bearer only. */

enum https_use {
	USE_NEVER,
	USE_LONG, /* for what is too long for short messages, or when a session is open */
	USE_ALL,
};

struct conn;

struct https {
	bool any; /* there are such cards */
	uint64_t chance;
	enum https_use *use;   /* by card */
	struct conn **current; /* the card's end of it; by card */
	struct llist_head conns;
	uint64_t next_id; /* of the daemon's present run */
	int64_t idle_ms, session_ms;
};

/*! Draw who speaks HTTPS in this run. */
void https_draw(struct sim *s, struct https *t);
