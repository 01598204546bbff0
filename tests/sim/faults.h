/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Chance.  Every decision is a hash of the seed, its kind, the actor (0: nobody in particular, else a card from 1) and
 * how often that was asked before.  So each fault has a name that does not depend on other faults, a run can be
 * repeated with some of them only, and leaving one out changes no other decision by itself.
 *
 * New kinds go to the end of their half of the list: what a seed decides for the others stays what it was. */

enum fault {
	F_MT_LOST,
	F_MT_DELAYED,
	F_MT_DOUBLED,
	F_MT_REORDERED,
	F_MT_TRUNCATED,
	F_MO_LOST,
	F_MO_LATE,
	F_MO_DOUBLED,
	F_MO_TRUNCATED,
	F_MO_REFUSED,
	F_SMSC_THROTTLES,
	F_SMSC_REFUSES,
	F_LINK_DROPS_TAKEN,
	F_LINK_DROPS_LOST,
	F_LINK_NOT_SENT,
	F_RECEIPT_LOST,
	F_SMSC_RESTART,
	F_DEVICE_OFF,
	F_NO_NETWORK,
	F_NO_COVERAGE,
	F_CARD_MEMORY,
	F_CARD_POL1,
	F_CARD_SILENT,
	F_CARD_SLOW,
	F_CARD_UNSECURED,
	F_COUNTER_AHEAD,
	F_PEER_DOWN,
	F_PEER_SLOW,
	F_PEER_500,
	F_PEER_GARBAGE,
	F_PEER_400,
	F_PEER_ANSWER_LOST,
	F_REPEAT,
	F_REPEAT_TWISTED,
	F_DIE_BEFORE_COMMIT,
	F_DIE_BEFORE_OUTPUT,
	F_DIE_AFTER_OUTPUTS,
	F_COMMIT_FAILS,
	F_DISK_FULL,
	F_WALL_JUMP,
	F_POWER_LOSS,
	F_HTTPS_REFUSED,
	F_HTTPS_OPEN_STALLS,
	F_HTTPS_CUT_FROM_CARD,
	F_HTTPS_CUT_TO_CARD,
	F_HTTPS_STALLS,
	F_HTTPS_SLOW,
	F_HTTPS_GARBAGE,
	F_HTTPS_BODY_CUT,
	F_HTTPS_TWICE,
	F_HTTPS_DEVICE_OFF,
	F_CARD_HTTPS_STATUS,
	F_CARD_HTTPS_GARBAGE,
	F_CARD_HTTPS_STALL,
	F_CARD_HTTPS_WRONG_EID,
	F_WIRE_DOWN,
	F_WIRE_CUT,
	F_WIRE_ANSWER_LOST,
	F_WIRE_SLOW,
	F_WIRE_LATE,
	F_WIRE_500,
	F_WIRE_GARBAGE,
	F_WIRE_DOUBLED,
	F_LINK_DOWN,
	F_LINK_SLOW,
	F_SECOND_CENTRE,
	F_QUEUE_SHORT,
	F_DISK_LOW,
	F_PAUSE,
	F_CANCEL,
	F_BULK_AUDIT,
	F_AUDIT_BY_HAND,
	F_COUNTER_RAISED,
	F_RECONNECT,
	F_HURRY,
	F_BACKUP,
	F_RESTORE,
	F_WIRE_OUTAGE,
	F_RESTORE_BESIDE_DP,
	F_DP_BACKUP,
	F_DP_RESTORE,
	F_N,
	/* Decisions that are no faults. */
	C_LATENCY = F_N,
	C_BATCH,
	C_WORK,
	C_CARD,
	C_RESTART,
	C_HTTPS,
	C_DP_WORK,
	C_DP_UPDATES,
	C_N
};

struct fault_id {
	uint32_t kind;
	uint32_t actor;
	uint32_t n;
};

struct sim;
struct faults;

/*! "mt-lost" ... */
const char *fault_name(enum fault kind);
int fault_id_cmp(const void *a, const void *b);
/*! \param[in] fleet  actors are 0 .. fleet, and fleet + 1: the SM-DP */
struct faults *faults_alloc(struct sim *s, unsigned int fleet);
/*! From now on something may fail; not before. */
void faults_begin(struct faults *f);
/*! From now on nothing fails. */
void faults_end(struct faults *f);
bool faults_are_over(const struct faults *f);
/*! Does it happen now?  \param[out] hash  more chance for how it happens; may be NULL */
bool fault(struct sim *s, enum fault kind, uint32_t actor, uint64_t *hash);
/*! A decision that is no fault. */
uint64_t choice(struct sim *s, enum fault kind, uint32_t actor);
/*! A number from min to max out of a hash, which is stirred. */
int64_t between(uint64_t *hash, int64_t min, int64_t max);
/*! A time until something that comes this often on average (exponential distribution), at least 1 ms. */
int64_t wait_for_next(uint64_t *hash, int64_t mean_ms);
/*! The engine's randomness, for the rest of this process. */
void engine_chance(uint64_t seed);
