/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/peer/outbox.h"
#include "smsr/op.h"

/* What peers are told: the outcome to the requester by callback, events on profiles to their owners.  Everything goes
 * into the outbox in the same event that makes it true; smsr_ev_tick() sends what is due, in order for each (peer,
 * eUICC), until it is taken or given up. */

/*! Callback to the requester of a finished operation; nothing for internal ones. */
int report_outcome(struct smsr *s, struct op_run *r) MUST_CHECK;

enum profile_event {
	PROFILE_EV_ENABLED,
	PROFILE_EV_DISABLED,
	PROFILE_EV_DELETED
};

/*! Tell the owner of a profile, unless it asked for this itself.  SGP.02 procedures "notification routing".
 * \param[in] stamp_ms  CompletionTimestamp */
int report_profile_event(struct smsr *s, struct op_run *r, const struct profile *p, enum profile_event ev,
			 int64_t stamp_ms) MUST_CHECK;

/*! Send what is due.  \param[out] more  something is left */
int report_pump(struct smsr *s, bool *more) MUST_CHECK;

/*! Put a message into the outbox; url NULL: kept for the record only.
 * \param[in,out] o  peer, name, url, action, envelope are the caller's */
int report_queue(struct smsr *s, struct outbox *o) MUST_CHECK;

/*! An operation took a step: tell those who follow it, after the commit. */
void report_progress(struct smsr *s, int64_t op_id);

/*! End of a POST: struct post_done *. */
int smsr_ev_post_done(void *smsr, void *post_done);
