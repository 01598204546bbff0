/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/codec/bytes.h"

/* A service centre that does nothing but say yes: a process of its own on a loopback connection, which answers every
 * submit_sm with ESME_ROK and the same message id. */

struct smsc;

/*! Forks: before any thread or database is there.  \returns talloc child of the NULL context */
struct smsc *smsc_start(void);
void smsc_send(struct smsc *s, struct bytes pdu);
/*! Sequence numbers of answers that have come; waits for one when block.  \returns how many, at most max */
size_t smsc_answers(struct smsc *s, bool block, uint32_t *seqs, size_t max);
void smsc_stop(struct smsc *s);

/*! Ready submit_sm of 198 octets, n times, never more than window of them unanswered.  \returns messages each second */
double smsc_loopback(struct smsc *s, long n, size_t window);
