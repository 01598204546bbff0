/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "smsr/smsr.h"
#include "tests/bench/smsc.h"

/* The engine of the SM-SR on a real store and a real clock, with one service centre behind a loopback socket: what the
 * daemon is without HTTP.  Its submit port packs the PDU and writes it to the socket. */

struct rig {
	struct smsr *s;
	struct smsc *smsc; /* NULL: nothing is sent */
	int64_t first_euicc;
	long n_euiccs;
	/* taken by the submit port */
	long submitted;
	int64_t last_submit_ns;
	int64_t emit_ns; /* spent in packing and writing */
};

/*! DIR/smsr.db and DIR/master.key, made when they are not there. */
struct rig *rig_open(const char *dir, struct smsc *smsc, unsigned int checkpoint_pages);
/*! Cards 0 .. n-1 of a seed as imports, one bootstrap profile enabled, one operational disabled. */
void rig_register(struct rig *r, const char *seed, long n);
/*! One EnableProfile of the operational profile for each of n eUICCs from a number on, waiting: nothing starts. */
void rig_queue(struct rig *r, long first, long n);
/*! Event: start what waits on the eUICC number *(long *)index. */
void rig_start(struct rig *r, long index);
void rig_tick(struct rig *r);
void rig_taken(struct rig *r, uint32_t part_id);
/*! Commit and send. */
void rig_close_turn(struct rig *r);
void rig_free(struct rig *r);
