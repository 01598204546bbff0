/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/es/es_fn.h"
#include "common/peer/outbox.h"
#include "tests/sim/sim.h"

/* An operator that works through an SM-DP (ES2): orders profiles, and has them changed and looked at. */

/*! One call, with everything that was said about it. */
struct sim_order {
	unsigned int index;
	uint32_t card;
	enum es_fn fn;
	char *iccid; /* NULL: a download by type, or about no single profile */
	bool enable;
	uint32_t validity_s;
	unsigned int id;    /* orders with the same one have the same FunctionCallIdentifier */
	bool twisted;	    /* another content under the identifier of an earlier order */
	unsigned int sent;  /* requests */
	unsigned int taken; /* of these were answered 202 */
	bool answered;	    /* at once: an outcome or a fault */
	bool done;	    /* answered, and with success */
	bool complete;	    /* the profile was, when it was asked for */
	unsigned int rules; /* UpdatePolicyRules: bits */
	char msisdn[16];    /* UpdateSubscriptionAddress */
	int64_t answered_ms;
	bool lost;	    /* accepted, and then a backup was put back that knows nothing of it */
	unsigned int again; /* backups put back since it was accepted: each may tell of it once more */
	unsigned int reports;
	char **report_ids; /* MessageIDs */
	int64_t first_ms;
	int64_t sent_ms; /* the latest request */
	int64_t taken_ms;
};

/*! A POST to the operator.  \param[in] actor  whom chance belongs to */
void dp_operators_post(struct sim *s, const struct http_out *post, uint32_t actor);
size_t dp_operators_n(struct sim *s);
const struct sim_order *dp_operators_order(struct sim *s, size_t i);
/*! The same, to be changed. */
struct sim_order *dp_order_at(struct sim *s, size_t i);
