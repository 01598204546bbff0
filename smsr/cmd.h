/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "scp80/sp.h"
#include "smsr/op.h"

/* One command to a card: sealed once, carried by short messages, answered once.
 *
 * The counter is reserved in the event that stores the packet (P2).  What leaves is always the stored octets: a copy
 * for a silent card, after a lost connection or a restart is the same copy.  The state of the short messages is in the
 * rows of part; a service centre gets the next part of a packet when it has taken the one before, so that parts cannot
 * overtake each other. */

/*! Seal secured data under the keys of the ISD-R and send it.
 * \param[in] tar   of the addressee, 3 octets
 * \param[in] data  a script, or what a TAR of its own understands
 * \param[in] text  what it is, for the timeline
 * \param[in] dest  MSISDN
 * \returns 0; -ENOKEY no SCP80 key set, or its keys cannot be unwrapped; -EINVAL no or bad MSISDN; -ENOSPC too long for
 *          the short messages that one command may have; db errors */
int cmd_send_packet(struct smsr *s, struct op_run *r, enum cmd_kind kind, struct bytes tar, struct bytes data,
		    const char *text, const char *dest) MUST_CHECK;

/*! No answer is wanted any more. */
int cmd_close(struct smsr *s, struct command *cmd, enum cmd_state state) MUST_CHECK;

/*! Send the stored octets again.  \param[in] due_ms  when */
int cmd_copy(struct smsr *s, struct command *cmd, int64_t due_ms) MUST_CHECK;

/*! Which profile is enabled is in doubt until an audit was answered, and so is the number that reaches the card: each
 * attempt of an audit goes to the number of another profile.  Does nothing for other commands, or an EIS that is
 * believed. */
int cmd_redirect(struct smsr *s, struct command *cmd) MUST_CHECK;

/*! The number that an audit goes to first: dest, unless the EIS is in doubt and the last audit of this eUICC already
 * went round from there without an answer; then where that one stopped, or where the card answered. \param[in,out] dest
 * MSISDN, talloc child of turn_ctx() or borrowed as before */
int cmd_audit_dest(struct smsr *s, const struct op_run *r, const char **dest) MUST_CHECK;

/*! The counter to go on from when a card says that it is ahead of cntr.  A small part of "counter-margin": the jump
 * behind a restored backup must pass all of these that fell into what the backup does not know (P2). */
uint64_t cmd_counter_ahead(const struct smsr *s, uint64_t cntr);

/*! Copies of so many commands of this kind were refused as old that it is not their answers that get lost: the card's
 * counter is ahead.  Behind a jump (op->attempt) as many again.  \param[out] yes */
int cmd_seems_ahead(struct smsr *s, const struct operation *op, enum cmd_kind kind, bool *yes) MUST_CHECK;

/*! Whether a message can be sent to this number. */
bool cmd_is_msisdn(const char *dest);

/*! Nothing of the command is on its way, and no timer is set: a service centre refused its last copy.
 * \param[out] rests  on success */
int cmd_rests(struct smsr *s, const struct command *cmd, bool *rests) MUST_CHECK;

/*! The card said by which number it is reached now: a copy goes there at once when that is another one, or when the
 * last copy has waited long enough; unless there were too many. */
int cmd_follow(struct smsr *s, struct command *cmd, const char *dest) MUST_CHECK;

/*! When a command that waits wants attention: the next copy, or the end of the operation. */
int64_t cmd_next_due(const struct smsr *s, const struct command *cmd, int64_t deadline_ms);

/*! The operation's row is due while a command is open: send a copy, or tell the operation that it was in vain. */
int cmd_on_due(struct smsr *s, struct op_run *r, struct command *cmd, int64_t deadline_ms) MUST_CHECK;

/*! Submit parts that are due, as many as the links have room for.  \param[out] more  parts are left and there is room
 */
int cmd_pump(struct smsr *s, bool *more) MUST_CHECK;

/*! Keys of a command's key set, unwrapped; on ctx. */
int cmd_keys(struct smsr *s, const void *ctx, const struct euicc *e, const struct keyset *ks, struct sp_keys *keys,
	     uint8_t *kic, uint8_t *kid) MUST_CHECK;

/*! What a wrapped key is bound to: "EID|version|index".  \returns talloc child of ctx */
char *key_context(const void *ctx, const uint8_t eid[EID_LEN], int kvn, int idx);

/*! End of a submit: struct submit_done *. */
struct submit_done {
	uint64_t ref;
	enum {
		SUBMIT_TAKEN,
		SUBMIT_RETRY,
		SUBMIT_REFUSED,
		SUBMIT_UNKNOWN,
		SUBMIT_NOT_SENT,
		SUBMIT_PAUSED /* the link pauses: nothing is wrong with this message */
	} result;
	const char *status;	/* name of the SMPP status, for the timeline */
	const char *message_id; /* canonical, as receipts will be looked up */
};
int smsr_ev_submit_done(void *smsr, void *submit_done);
