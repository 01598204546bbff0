/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "smsr/op.h"

/* The way of an operation's commands to the card.  An operation says what it wants there and sees nothing but events:
 * OP_EV_ANSWER, OP_EV_REFUSED, OP_EV_SILENT, OP_EV_UNREACHED, OP_EV_DEADLINE. */

/*! What an operation wants on the card; borrowed for the call. */
struct bearer_job {
	enum cmd_kind kind;
	struct bytes target; /* AID: of the ISD-R, or of an ISD-P */
	struct bytes cmds;   /* command TLVs without template: 22 L C-APDU ..., or 84 to 87 of SCP03t */
	bool more_to_do;     /* another call of the same peer follows at once */
	const char *dest;    /* MSISDN */
};

/*! Send, and enter the state that awaits the answer; or end the operation when that cannot be done. */
int bearer_send(struct smsr *s, struct op_run *r, enum op_state state, const struct bearer_job *job) MUST_CHECK;

/*! \returns true when it fits into as many short messages as one command may have */
bool bearer_fits_sms(struct smsr *s, const struct bearer_job *job);
/*! The same by SMS: one SCP80 packet to the TAR of the target. */
int bearer_send_sms(struct smsr *s, struct op_run *r, enum op_state state, const struct bearer_job *job) MUST_CHECK;
