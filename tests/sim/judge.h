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
	bool stale; /* it left before a backup was put back */
};

/*! A short message leaves: the committed database explains it, and its counter is used once (P1, P2, P3). */
void judge_submit(struct sim *s, const struct sms_out *sms);
/*! An answer to a card's POST leaves: the committed database explains it (P1, P3, P4, P5). */
void judge_https_answer(struct sim *s, unsigned int card, struct bytes octets);
/*! A line of a card's trace: what it got, what it executes. */
void judge_https_card(struct sim *s, unsigned int card, const char *line);
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
/*! A committed row says that this is held back. \param[in] scope  as schemas/sql has it */
bool judge_is_paused(struct sim *s, int scope, const char *name);
/*! \param[out] name  talloc child of ctx  \returns whether there is one */
bool judge_any_pause(struct sim *s, const void *ctx, int *scope, char **name);
/*! eUICCs that are to be audited, and nothing is in flight there. */
int64_t judge_audits_due(struct sim *s);
/*! Is a card to be audited, and none of the numbers that the SM-SR knows for it is this one? */
bool judge_is_out_of_reach(struct sim *s, uint32_t card, const char *number);
/*! Counter used last with the ISD-R of a card, as the row says. */
int64_t judge_counter(struct sim *s, uint32_t card);
/*! Operation that a call made; 0: none that is committed. */
int64_t judge_op_of_call(struct sim *s, const struct sim_call *c);
/*! It is cancelled by the event that follows; or that was refused. */
void judge_cancelled(struct sim *s, int64_t op_id, bool on);
/*! A request was answered 202, or 503. */
void judge_accepted(struct sim *s, const struct sim_call *c);
void judge_put_off(struct sim *s, const struct sim_call *c);
/*! After a loss of power: is the store whole? */
void judge_store(struct sim *s);
/*! A backup stands in the place of the database: what came after it never was. */
void judge_restored(struct sim *s);
/*! Let the database go, until it is read again. */
void judge_close(struct sim *s);
/*! Steps of the last run may have gone unheard. */
void judge_daemon_started(struct sim *s);
/*! When nothing moves any more: the whole account. */
void judge_end(struct sim *s);
