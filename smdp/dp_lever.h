/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "smdp/smdp.h"

/* What the operator of an SM-DP can do by hand, the same from VTY, CTRL and the admin socket, and the figures that they
 * show.  Each action is an event; what it says leaves after the commit, because answers are written in a later round of
 * the loop (P1). */

struct dp_lever {
	/* in; texts are borrowed */
	const void *ctx; /* for the text of the outcome */
	const char *by;	 /* "VTY", "CTRL", "admin" */
	int64_t id;	 /* release: order */
	/* out */
	const char *text; /* what was done, or why it was not */
};

/*! Handler of an action: \returns 0; -ENOENT no such thing; -EBUSY not now; db errors */
typedef int (*dp_lever_cb)(void *smdp, void *lever);

/*! Run an action as an event in the open turn and log it.
 * \returns as the handler; l->text is set in any case */
int dp_lever_pull(struct smdp *s, dp_lever_cb action, struct dp_lever *l) MUST_CHECK;

/*! Hold back every call to an SM-SR, so that no order takes another step.  Orders are taken in, answers and
 * notifications too, and operators are told what is done.  ValidityPeriods go on.  Survives a restart. */
int smdp_ev_pause(void *smdp, void *lever);
int smdp_ev_resume(void *smdp, void *lever);
/*! Say in the log that calls are held back, if they are: after a restart, or a backup that was put back, nobody may
 * remember it.  \returns 0; -EIO */
int dp_lever_log_pause(struct smdp *s) MUST_CHECK;
/*! Let an order that is on hold begin again (smdp/dp_restore.h). */
int smdp_ev_release(void *smdp, void *lever);
/*! Ask again about the eUICCs whose SM-SRs did not say what is on them. */
int smdp_ev_ask(void *smdp, void *lever);

/*! How much there is. */
struct dp_figures {
	int64_t queued, running, relays, on_hold; /* orders of operators; relays: what is only passed on */
	int64_t done;				  /* since the start */
	int64_t oldest_s;			  /* age of the oldest order that is not done; 0: there is none */
	int64_t stock[5];			  /* profiles by enum stock_state */
	int64_t calls_waiting;			  /* for an answer of an SM-SR, or to be sent */
	int64_t outbox_waiting;
	int64_t in_doubt; /* eUICCs, since a restore */
	bool paused;
};

/*! \returns 0; -EIO */
int dp_lever_figures(struct smdp *s, struct dp_figures *f) MUST_CHECK;
/*! Counter since the start. */
uint64_t smdp_ctr(const struct smdp *s, enum smdp_ctr ctr);
