/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "smsr/smsr.h"

/* A counter is never used again, also when the database went back in time (P2): a backup was restored, a file was put
 * back by hand.  common/app/life.h says how that is noticed.  Then, once:
 *
 *  - the epoch rises, and every SCP80 counter by "limit counter-margin" for each epoch gained, so that a backup that is
 *    restored a second time does not repeat the first;
 *  - the whole fleet is to be audited before the next change;
 *  - operations in flight end FAILED 1.6/5.4: their octets never leave again;
 *  - a row in the audit trail and a line in the log say so.
 *
 * What this cannot see is a copy younger than the last sign of life, put back after a kill; there the cards refuse the
 * low counter, which leads to a jump of the counter or an audit. */

/*! First thing at start, inside the event.  Fills s->epoch.  Without cfg->database nothing is compared. */
int restore_check(struct smsr *s) MUST_CHECK;
/*! Event of an orderly stop: a last sign of life. */
int smsr_ev_stop(void *smsr, void *unused);
