/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "smsr/op.h"
#include "smsr/record_db.h"

/* Shared by the files of the procedures: op_proc.c (the table), op_change.c, op_confirm.c, op_audit.c. */

/*! When the present state has lasted too long. */
int64_t op_deadline(const struct smsr *s, const struct operation *op);
int op_fail(struct smsr *s, struct op_run *r, enum es_exec exec, enum es_sc sc, const char *subject_id,
	    const char *text) MUST_CHECK;
/*! Send a command and enter the state that awaits its answer. */
int op_send(struct smsr *s, struct op_run *r, enum op_state state, enum cmd_kind kind, struct bytes capdu,
	    const char *dest) MUST_CHECK;
/*! Enter a state that waits, until its deadline. */
int op_await(struct smsr *s, struct op_run *r, enum op_state state) MUST_CHECK;
/*! The command of the present state once more, under a new counter: only for one the card refused to execute. */
int op_resend(struct smsr *s, struct op_run *r) MUST_CHECK;
/*! The card's counter is ahead of that of cmd, it says: go on from behind it.  Noted in the timeline and in the audit
 * trail. */
int op_counter_jump(struct smsr *s, struct op_run *r, const struct command *cmd) MUST_CHECK;
/*! The answer says that all commands were done. */
bool op_answered_ok(const struct op_input *in);
/*! Number that reaches the card as the EIS has it. */
const char *op_msisdn(struct op_run *r);
/*! Card answered with an error; ends the operation. */
int op_card_error(struct smsr *s, struct op_run *r, const struct op_input *in, const char *what) MUST_CHECK;
/*! "69E1 POL1 forbids it". */
char *sw_words(const void *ctx, uint16_t sw);

/* op_change.c */
int op_enable_begin(struct smsr *s, struct op_run *r) MUST_CHECK;
int op_disable_begin(struct smsr *s, struct op_run *r) MUST_CHECK;
int op_delete_begin(struct smsr *s, struct op_run *r) MUST_CHECK;
int op_change_answer(struct smsr *s, struct op_run *r, const struct op_input *in) MUST_CHECK;
int op_change_notified(struct smsr *s, struct op_run *r, const struct op_input *in) MUST_CHECK;
int op_delete_send(struct smsr *s, struct op_run *r, struct bytes aid) MUST_CHECK;
/*! ISD-P that goes when the operation deletes: the target, or behind an enable the profile that was enabled before. */
struct bytes op_victim(const struct op_run *r);
int op_delete_answer(struct smsr *s, struct op_run *r, const struct op_input *in) MUST_CHECK;
int op_delete_lost(struct smsr *s, struct op_run *r, const struct op_input *in) MUST_CHECK;
/*! The change is confirmed and in the EIS: go on to POL2 Auto-Delete, to the delete behind a disable, or end. */
int op_change_done(struct smsr *s, struct op_run *r) MUST_CHECK;
/*! Profile gone from the card: row, memory, owner. */
int op_profile_gone(struct smsr *s, struct op_run *r, struct profile *p) MUST_CHECK;

/* op_confirm.c */
int op_confirm_begin(struct smsr *s, struct op_run *r) MUST_CHECK;
/*! \param[in] good  the notification says what the operation wanted */
int op_confirm_send(struct smsr *s, struct op_run *r, const struct es5_notif *notif, bool good) MUST_CHECK;
int op_confirm_answer(struct smsr *s, struct op_run *r, const struct op_input *in) MUST_CHECK;
int op_confirm_lost(struct smsr *s, struct op_run *r, const struct op_input *in) MUST_CHECK;
int op_confirm_again(struct smsr *s, struct op_run *r, const struct op_input *in) MUST_CHECK;
/*! A notification that overtakes the one being confirmed, or what the operation is looking for. */
int op_confirm_newer(struct smsr *s, struct op_run *r, const struct op_input *in) MUST_CHECK;
/*! Profile that is enabled on the card since the notification that the operation took. */
struct profile *op_confirm_addressee(struct op_run *r);
/*! Make the EIS say that this ISD-P is enabled and no other; tell the owners.  Of one that the EIS does not know only
 * the second half is said. */
int op_apply_enabled(struct smsr *s, struct op_run *r, struct bytes aid) MUST_CHECK;

/*! In op.arg of a change: POL2 said at its start that what it disables is to be deleted.  Rules that change meanwhile
 * are for the next request. */
#define OP_ARG_AUTO_DELETE (INT64_C(1) << 32)

/*! What op.arg holds besides, from the notification on: sequence number, type, and whether it was the one hoped for. */
int64_t op_arg_enc(const struct es5_notif *notif, bool good);
bool op_arg_notified(const struct operation *op);
uint16_t op_arg_seq(const struct operation *op);
/*! The notification came over HTTPS: so goes its confirmation. */
bool op_arg_by_https(const struct operation *op);

/* op_create.c */
int op_create_begin(struct smsr *s, struct op_run *r) MUST_CHECK;
/*! INSTALL for the ISD-P of the operation, once more. */
int op_create_send(struct smsr *s, struct op_run *r) MUST_CHECK;
int op_create_answer(struct smsr *s, struct op_run *r, const struct op_input *in) MUST_CHECK;
int op_create_unreached(struct smsr *s, struct op_run *r, const struct op_input *in) MUST_CHECK;
/*! An audit inside the operation has told whether the ISD-P is there. */
int op_create_looked(struct smsr *s, struct op_run *r) MUST_CHECK;

/* op_data.c */
int op_data_begin(struct smsr *s, struct op_run *r) MUST_CHECK;
int op_connectivity_begin(struct smsr *s, struct op_run *r) MUST_CHECK;
int op_data_answer(struct smsr *s, struct op_run *r, const struct op_input *in) MUST_CHECK;
int op_data_lost(struct smsr *s, struct op_run *r, const struct op_input *in) MUST_CHECK;

/* op_audit.c */
int op_audit_begin(struct smsr *s, struct op_run *r) MUST_CHECK;
int op_audit_answer(struct smsr *s, struct op_run *r, const struct op_input *in) MUST_CHECK;
int op_audit_lost(struct smsr *s, struct op_run *r, const struct op_input *in) MUST_CHECK;
