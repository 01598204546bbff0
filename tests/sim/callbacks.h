/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "tests/sim/judge.h"
#include "tests/sim/operators.h"

/*! What becomes of a POST to an operator. */
struct peer_fate {
	bool taken, answered;
	unsigned int status;
	bool slow; /* who posts gives up waiting first */
};
struct peer_fate peer_fate(struct sim *s, uint32_t actor);
/*! Text of the first element of this name that has one, talloc child of ctx; NULL. */
char *peer_text_of(const void *ctx, const char *body, const char *name);
/*! What a message to an operator says about its call; texts are talloc children of ctx. */
struct judge_report peer_report(const void *ctx, const char *body);
