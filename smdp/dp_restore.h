/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "smdp/order.h"

/* A database that went back in time: common/app/life.h says how that is noticed.  What was done since is on the cards
 * and with the operators, but not in our rows.  So, once:
 *
 *  - no call that was open is sent again, and what was only passed on ends FAILED 1.6/5.4: its effect is unknown;
 *  - downloads that had not ended are on hold, and so is every profile of the stock that was free or reserved, because
 *    an order that we do not know of may have put it on a card;
 *  - the SM-SR of every eUICC that we know is asked what is on it.  A profile that is there is no longer free, a
 *    download whose profile is there complete has ended, and keys that are missing are named in the log;
 *  - what stays on hold is an operator's to release or to cancel.  A download that nobody releases ends FAILED 1.6/5.4
 *    with its ValidityPeriod. */

/*! First thing at start, inside the event. */
int dp_restore_check(struct smdp *s) MUST_CHECK;
/*! Event of an orderly stop: a last sign of life. */
int smdp_ev_stop(void *smdp, void *unused);

/* ---- dp_restore_look.c ---- */

/*! Ask SM-SRs, a few eUICCs at a time. */
int dp_restore_slice(struct smdp *s) MUST_CHECK;
/*! When dp_restore_slice() has something to do; 0: nothing. */
int64_t dp_restore_due_ms(const struct smdp *s);
/*! From now on there may be something to ask. */
void dp_restore_wake(struct smdp *s);
/*! A question of ours ended, with an answer or without. */
int dp_restore_look_ended(struct smdp *s, const struct order_run *r) MUST_CHECK;
/*! What an SM-SR says about an eUICC: its profiles are not free in the stock. */
int dp_restore_rx_profiles(struct smdp *s, const struct es_eis *eis) MUST_CHECK;
