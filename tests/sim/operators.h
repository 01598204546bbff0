/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "smsr/es_in.h"
#include "smsr/ports.h"
#include "tests/sim/sim.h"

/* The operators: what they ask for, and the servers at which they take callbacks and notifications. */

/*! One call, with everything that was said about it. */
struct sim_call {
	unsigned int index;
	uint32_t card;
	enum es_fn fn;
	int profile; /* index; -1: an audit */
	uint32_t validity_s;
	const char *sender;
	unsigned int id;    /* calls with the same one have the same FunctionCallIdentifier */
	bool twinned;	    /* another one has its identifier, or it is that other one */
	bool twisted;	    /* another content under the identifier of an earlier call */
	unsigned int sent;  /* requests */
	unsigned int taken; /* of these were answered 202 */
	bool refused;	    /* answered with an outcome or a fault */
	bool lost;	    /* accepted, and then a backup was put back that knows nothing of it */
	unsigned int again; /* backups put back since it was accepted: each may tell of it once more */
	unsigned int reports;
	char **report_ids; /* MessageIDs */
	int64_t first_ms;
};

/*! Peers and limits of the run. */
void operators_configure(struct sim *s, struct smsr_cfg *cfg);
void operators_answer(struct sim *s, uint64_t xid, const void *answer);
/*! A POST to one of them.  \param[in] actor  whom chance belongs to */
void operators_post(struct sim *s, const struct http_out *post, uint32_t actor);
/*! A call was refused because too many wait for its eUICC: it is asked for again later, as a new one. */
void operators_busy(struct sim *s, const struct sim_call *c);
void operators_daemon_died(struct sim *s);
/*! A call by its index, to be changed; NULL when there is none. */
struct sim_call *call_at(struct sim *s, size_t i);
size_t operators_n_calls(struct sim *s);
const struct sim_call *operators_call(struct sim *s, size_t i);
