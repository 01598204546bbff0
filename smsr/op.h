/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "scp80/script.h"
#include "smsr/es5.h"
#include "smsr/smsr.h"

/* Operations: the queue of each eUICC, one in flight (P3), and the procedures as one transition table (op_proc.c). */

/*! What moves an operation. */
enum op_event {
	OP_EV_START,	 /* it is its turn */
	OP_EV_ANSWER,	 /* authenticated response script of the card */
	OP_EV_REFUSED,	 /* authenticated response packet: the card did not execute the script */
	OP_EV_STALE,	 /* the card says that the counter is too low */
	OP_EV_SILENT,	 /* the card may have the command, but no answer came */
	OP_EV_UNREACHED, /* no service centre took the command: the card cannot have it */
	OP_EV_NOTIF,	 /* authenticated notification of the card */
	OP_EV_DEADLINE,	 /* time is over */
	OP_EV_CANCEL,	 /* an operator stops it */
	OP_N_EVENTS,
};

/*! An event with what came along. */
struct op_input {
	enum op_event event;
	struct command *cmd;		 /* ANSWER, REFUSED, STALE, SILENT, UNREACHED */
	const struct script_rsp *script; /* ANSWER; NULL when it cannot be read */
	struct bytes rsp;		 /* ANSWER: all response TLVs in order, without template */
	uint8_t por_status;		 /* REFUSED */
	const struct es5_notif *notif;	 /* NOTIF */
	const char *text;		 /* UNREACHED, CANCEL: why */
};

/*! An operation with everything its procedure looks at; on turn_ctx(). */
struct op_run {
	struct operation op;
	struct euicc euicc;
	struct profiles profiles;
};

/*! \param[out] r  everything on turn_ctx().  \returns 0; -ENOENT; -EIO */
int op_load(struct smsr *s, int64_t op_id, struct op_run *r) MUST_CHECK;
/*! A profile of the run by what is known of it; NULL when there is none. */
struct profile *op_profile_by_aid(struct op_run *r, struct bytes aid);
struct profile *op_profile_by_iccid(struct op_run *r, const char *iccid);
struct profile *op_profile_enabled(struct op_run *r);
struct profile *op_profile_fallback(struct op_run *r);

/*! Queue an operation and start it when nothing else is in flight on its eUICC.
 * \param[in,out] op  euicc_id, kind, origin, expiry are the caller's; id and created_ms are filled in */
int op_queue(struct smsr *s, struct operation *op) MUST_CHECK;
/*! The same with what the request of an SM-DP brought besides. */
int op_queue_with(struct smsr *s, struct operation *op, const struct op_data *data) MUST_CHECK;
/*! Start what waits on an eUICC, unless something is in flight, or it is paused. */
int op_start_next(struct smsr *s, int64_t euicc_id) MUST_CHECK;
/*! Give an event to an operation: op_proc.c. */
int op_event(struct smsr *s, int64_t op_id, const struct op_input *in) MUST_CHECK;
/*! The same when it was loaded just now, in this event. */
int op_event_loaded(struct smsr *s, struct op_run *r, const struct op_input *in) MUST_CHECK;

/*! Move on: write the row.  due_ms 0: only events of others move it. */
int op_enter(struct smsr *s, struct op_run *r, enum op_state state, int64_t due_ms) MUST_CHECK;
/*! End with an outcome: row, audit record, report to the requester, next in the queue (P4). */
int op_finish(struct smsr *s, struct op_run *r, struct es_status outcome) MUST_CHECK;
/*! The card's state is not known any more: audit before the next change (P5). */
int op_mark_audit(struct smsr *s, struct op_run *r, const char *why) MUST_CHECK;

/*! A line of the timeline (P9); never a secret. */
int op_note(struct smsr *s, int64_t op_id, enum step step, const char *fmt, ...)
	__attribute__((format(printf, 4, 5))) MUST_CHECK;

/*! Words for VTY, timeline and log; static. */
const char *op_kind_name(enum op_kind kind);
const char *op_state_name(enum op_state state);
const char *op_event_name(enum op_event event);
const char *step_name(enum step step);
/*! Text of a log line or timeline: "89044045... 12". */
char *op_label(const void *ctx, const struct op_run *r);
