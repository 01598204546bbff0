/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "smsr/ports.h"
#include "tests/sim/sim.h"

/* The judges.  They look at what leaves, at the cards and at the file of the database, which they read by SQL of their
 * own over a connection of their own, so that they see what is committed and nothing else.  They decode short messages
 * and packets themselves.  No code is shared with what is judged. */

struct sim_call;

/*! What an operator was told about a call: texts as in the message, NULL when absent. */
struct judge_report {
	const char *status;
	const char *subject;
	const char *reason;
};

/*! A short message leaves: the committed database explains it, and its counter is used once (P1, P2, P3). */
void judge_submit(struct sim *s, const struct sms_out *sms);
/*! A message to a peer leaves.  \returns whom it is about: a card from 1, or 0 */
uint32_t judge_post(struct sim *s, const struct http_out *post);
/*! An operation took a step. */
void judge_progress(struct sim *s, int64_t op_id);
/*! The card accepted the command with this counter. */
void judge_executed(struct sim *s, unsigned int card, uint64_t counter);
/*! An operator took a report, for the first time. */
void judge_report(struct sim *s, const struct sim_call *c, const struct judge_report *r);
/*! A peer refused this message for good: it need not arrive. */
void judge_final_refusal(struct sim *s, int64_t outbox_id);
/*! Let the database go, until it is read again. */
void judge_close(struct sim *s);
/*! Steps of the last run may have gone unheard. */
void judge_daemon_started(struct sim *s);
/*! When nothing moves any more: the whole account. */
void judge_end(struct sim *s);
