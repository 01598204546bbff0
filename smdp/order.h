/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/es/es_types.h"
#include "smdp/smdp.h"

/* Orders: one call of an operator each.  A download is a procedure of many calls to the SM-SR (order_proc.c), a relay
 * is one (relay.c).  An order has at most one call under way; its answer, or that there will be none, moves it on. */

enum order_event {
	ORDER_EV_START,	  /* it is its turn */
	ORDER_EV_ANSWER,  /* the SM-SR says how it went */
	ORDER_EV_REFUSED, /* the SM-SR did not take the call */
	ORDER_EV_EXPIRED, /* the SM-SR was not reached in time: it cannot have done anything */
	ORDER_EV_SILENT,  /* the SM-SR may have the call, but no answer came in time */
	ORDER_EV_DEADLINE,
	ORDER_EV_CANCEL,  /* an operator of ours stops it */
	ORDER_EV_RELEASE, /* or lets it begin again: it was on hold */
};

/*! An event with what came along. */
struct order_input {
	enum order_event event;
	enum es_fn fn;		     /* of the call */
	const union es_any_rsp *rsp; /* ANSWER */
	const char *text;	     /* REFUSED, CANCEL, RELEASE: why */
	bool maybe;		     /* REFUSED, SILENT, ANSWER: another attempt may have been carried out */
};

/*! An order with everything its procedure looks at; on turn_ctx(). */
struct order_run {
	struct order o;
	struct download d; /* of a download */
	char *eid;	   /* digits */
};

/*! \param[out] r  everything on turn_ctx().  \returns 0; -ENOENT; -EIO */
int order_load(struct smdp *s, int64_t id, struct order_run *r) MUST_CHECK;
/*! Take an order in: its rows, its place in the queue, its first step.
 * \param[in,out] r  what comes from the request is the caller's; id is filled in */
int order_queue(struct smdp *s, struct order_run *r) MUST_CHECK;
/*! Give an event to an order. */
int order_event(struct smdp *s, int64_t id, const struct order_input *in) MUST_CHECK;
/*! Back into the queue of its eUICC, from its beginning. */
int order_requeue(struct smdp *s, struct order_run *r) MUST_CHECK;
/*! Move on: write the rows. */
int order_enter(struct smdp *s, struct order_run *r, enum order_state state) MUST_CHECK;
/*! End with an outcome: rows, report to the requester, next download of this eUICC.
 * \param[in] from  as dp_out_outcome() */
int order_finish(struct smdp *s, struct order_run *r, struct es_status outcome,
		 const union es_any_rsp *from) MUST_CHECK;
/*! End an order that cannot go on, because its rows are damaged or for a defect of ours. */
int order_abandon(struct smdp *s, int64_t id) MUST_CHECK;
/*! The time of an order is over. */
bool order_is_over(const struct order_run *r);

/*! A line of the timeline; never a secret. */
int order_note(struct smdp *s, int64_t id, enum order_step step, const char *fmt, ...)
	__attribute__((format(printf, 4, 5))) MUST_CHECK;

/*! Procedures: order_proc.c, relay.c and dp_restore_look.c.  \returns 0; negative errno */
int download_event(struct smdp *s, struct order_run *r, const struct order_input *in) MUST_CHECK;
int relay_event(struct smdp *s, struct order_run *r, const struct order_input *in) MUST_CHECK;
/*! The same of a question of our own, and of an order on hold. */
int look_event(struct smdp *s, struct order_run *r, const struct order_input *in) MUST_CHECK;
int hold_event(struct smdp *s, struct order_run *r, const struct order_input *in) MUST_CHECK;

/*! Words for VTY, timeline and log; static. */
const char *order_state_name(enum order_state state);
const char *order_step_name(enum order_step step);
