/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "common/es/es_types.h"
#include "lab/euicc/euicc.h"
#include "lab/seed/seed.h"
#include "smsr/es_in.h"
#include "smsr/mo.h"
#include "smsr/op.h"
#include "smsr/outbox_db.h"
#include "smsr/record_db.h"
#include "smsr/report.h"

/* A whole SM-SR under a fake clock: the engine with a real store, one service centre, software eUICCs, and the peers'
 * ends.  Nothing happens by itself: world_run() moves everything that can move now, world_advance() lets time pass. */

#define MNO_OPER SEED_OID_MNO_OPERATIONAL
#define MNO_BOOT SEED_OID_MNO_BOOTSTRAP
#define WORLD_T0 1780000000000LL

/*! What the service centre does with the next messages to the card. */
enum smsc_mode {
	SMSC_GOOD,
	SMSC_DOWN,	/* no link has room */
	SMSC_SWALLOW,	/* takes messages and loses them */
	SMSC_REFUSE,	/* permanent error */
	SMSC_THROTTLE,	/* temporary error */
	SMSC_UNKNOWN,	/* passes it on, but the link dies before its answer */
	SMSC_DOUBLE,	/* delivers each twice */
};

/*! A message to a peer as it left. */
struct world_post {
	struct llist_head entry;
	int64_t ref;
	char *url;
	char *action;
	char *body;
};

struct world {
	void *ctx;
	char *dir;
	struct crypto *crypto;
	struct keystore *keystore;
	struct db *db;
	struct smsr_cfg *cfg;
	struct turn *turn;
	struct smsr *s;
	int64_t now_ms;

	struct seed *seed;
	struct seed_card card_data;
	struct euicc_fleet *fleet;
	struct euicc *card;
	char no_coverage[16]; /* IMSI that the network refuses */

	enum smsc_mode smsc;
	unsigned int mt_count; /* short messages that reached the card */
	unsigned int drop_mo;  /* so many messages of the card get lost */
	bool double_mo;	       /* each message of the card comes twice */
	struct llist_head mt;  /* submitted, not yet treated */
	struct llist_head posts;
	unsigned int http_status; /* what peers answer; 0: no connection */
	uint64_t next_token;

	struct es_answer *answer; /* the last one */
	uint64_t next_xid;
	/* Octets of every packet that left, for P2. */
	struct bytes *sent;
	size_t n_sent;
	bool dead; /* simulated kill: outputs are dropped */
};

int world_setup(void **state);
int world_teardown(void **state);

/*! Move until nothing moves any more at this time. */
void world_run(struct world *w);
/*! Let time pass, stopping at everything that is due on the way. */
void world_advance(struct world *w, int64_t ms);

/*! Register the card (as an import) as its seed has it. */
void world_register(struct world *w);
/*! kill -9 and a new start: the store is closed and opened again, the engine is new.  What was on its way is lost. */
void world_restart(struct world *w);

/*! Send a request with an own call id; the answer is in w->answer. */
struct es_answer *world_call(struct world *w, const char *sender, enum es_fn fn, const char *call_id, void *body);
/*! Enable, disable, delete, audit... of the operational or bootstrap profile; expects 202. */
void world_order(struct world *w, const char *sender, enum es_fn fn, enum seed_profile_id profile, const char *call_id,
		 uint32_t validity_s);
/*! Oldest message to a peer; fails the test when there is none. */
struct world_post *world_post(struct world *w);
/*! Expect a callback that says this, e.g. "EXECUTED_SUCCESS" or "FAILED 8.2.2/3.8". */
void world_expect_outcome(struct world *w, const char *fn, const char *outcome);
void world_expect_note(struct world *w, const char *name, enum seed_profile_id profile, const char *url);
void world_expect_silence(struct world *w);

/*! State of a profile in the EIS. */
enum profile_state world_state(struct world *w, enum seed_profile_id profile);
void world_expect_eis(struct world *w, enum profile_state boot, enum profile_state oper);
/*! IMSI that the card really uses. */
void world_expect_card(struct world *w, enum seed_profile_id enabled);
bool world_audit_due(struct world *w);
void world_set_pol2(struct world *w, enum seed_profile_id profile, unsigned int rules);
/*! Number of messages on the air with different octets but the same counter field: must be 0. */
void world_check_counters(struct world *w);

/*! Run a handler as an event. */
int world_event(struct world *w, turn_handler_cb handler, void *event);
