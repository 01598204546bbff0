/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "common/es/es_types.h"
#include "common/peer/outbox_db.h"
#include "lab/euicc/euicc.h"
#include "lab/seed/seed.h"
#include "smsr/es_in.h"
#include "smsr/mo.h"
#include "smsr/op.h"
#include "smsr/record_db.h"
#include "smsr/report.h"

/* A whole SM-SR under a fake clock: the engine with a real store, one service centre, software eUICCs, and the peers'
 * ends.  Nothing happens by itself: world_run() moves everything that can move now, world_advance() lets time pass. */

#define MNO_OPER SEED_OID_MNO_OPERATIONAL
#define MNO_BOOT SEED_OID_MNO_BOOTSTRAP
#define SMDP SEED_OID_SMDP
#define SMDP_OTHER "1.3.6.1.4.1.32473.21" /* may act for nobody */
#define WORLD_T0 1780000000000LL

/*! What the service centre does with the next messages to the card. */
enum smsc_mode {
	SMSC_GOOD,
	SMSC_DOWN,     /* no link has room */
	SMSC_SWALLOW,  /* takes messages and loses them */
	SMSC_REFUSE,   /* permanent error */
	SMSC_THROTTLE, /* temporary error */
	SMSC_PAUSE,    /* throttles the link */
	SMSC_UNKNOWN,  /* passes it on, but the link dies before its answer */
	SMSC_DOUBLE,   /* delivers each twice */
	SMSC_MUTE,     /* takes its time: nothing happens until the mode is another one */
};

/*! A message to a peer as it left. */
struct world_post {
	struct llist_head entry;
	int64_t ref; /* 0: the SM-SR was told how it went */
	int64_t at_ms;
	char *url;
	char *action;
	char *body;
	char *message_id;
};

/*! A message of a card at the service centre, until it is acknowledged. */
struct world_mo {
	struct llist_head entry;
	int64_t due_ms;
	uint64_t token;
	char *source;
	bool udhi;
	struct bytes ud;
};

/*! What is unusual about the next request of world_call(). */
struct world_request {
	const char *cert;     /* serialNumber in the certificate; NULL: the sender's */
	const char *from;     /* EntityId of From */
	const char *to;	      /* EntityId of To */
	const char *reply_to; /* NULL: below the sender's prefix */
	bool no_reply_to;
	uint8_t twist; /* another content under the same call id */
};

/*! A packet that left for the card, opened. */
struct world_packet {
	uint64_t cntr;
	struct bytes octets;
	unsigned int copies;
};

struct world {
	void *ctx;
	char *dir;
	struct crypto *crypto;
	struct keystore *keystore;
	struct db *db;
	struct smsr_cfg *cfg;
	struct db *reader; /* a second connection: sees only what is committed */
	struct turn *turn;
	struct smsr *s;
	int64_t now_ms;

	struct seed *seed;
	struct seed_card card_data;
	struct euicc_fleet *fleet;
	struct euicc *card;
	char no_coverage[16]; /* IMSI that the network refuses */

	enum smsc_mode smsc;
	unsigned int mt_count;	  /* short messages that reached the card */
	unsigned int drop_mo;	  /* so many messages of the card get lost */
	bool double_mo;		  /* each message of the card comes twice */
	bool early;		  /* the card has a message before the SM-SR has the service centre's answer */
	struct llist_head mt;	  /* submitted, not yet treated */
	struct llist_head mo;	  /* not yet acknowledged */
	struct llist_head posts;  /* of struct world_post, as the peers got them */
	unsigned int http_status; /* what peers answer; 0: no connection */
	unsigned int retry_after_s;
	uint64_t next_token;
	char message_id[16];	   /* that the service centre gave out last */
	struct world_mo *last_por; /* copies of what the card sent last, for replays */
	struct world_mo *last_notif;

	struct es_answer *answer; /* the last one */
	uint64_t next_xid;
	struct world_request request;
	struct world_packet *packets; /* every packet that left */
	size_t n_packets;
	struct bytes parts[8]; /* of the packet that is being submitted */

	/* The card's end of HTTPS: tests/support/https_card.h. */
	bool https; /* register with an SCP81 key set */
	struct https_card *https_card;

	/* A kill at the n-th point, counted from 1: before a commit, behind it, behind each output. */
	unsigned int points;
	unsigned int kill_at; /* 0: never */
	bool kill_loses;      /* what had just left is lost, too */
	bool dead;	      /* outputs are dropped */
	unsigned int events;
};

#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)
#define MINUTE_MS 60000LL
#define HOUR_MS (60 * MINUTE_MS)

int world_setup(void **state);
int world_teardown(void **state);

/*! Move until nothing moves any more at this time. */
void world_run(struct world *w);
/*! Let time pass, stopping at everything that is due on the way. */
void world_advance(struct world *w, int64_t ms);

/*! Register the card (as an import) as its seed has it. */
void world_register(struct world *w);
/*! What world_register() takes, to be changed before.  \returns talloc child of ctx */
struct es_eis *world_eis(struct world *w, const void *ctx);
/*! \returns NULL; or why it was refused, talloc child of eis */
const char *world_register_eis(struct world *w, const struct es_eis *eis);
/*! kill -9 and a new start: the store is closed and opened again, the engine is new. */
void world_restart(struct world *w);
/*! The two halves of that. */
void world_stop(struct world *w);
void world_start(struct world *w);
/*! Run a handler as an event. */
int world_event(struct world *w, turn_handler_cb handler, void *event);

/* world_peer.c */

/*! Send a request as w->request says, which is reset by that; the answer is in w->answer. */
struct es_answer *world_call(struct world *w, const char *sender, enum es_fn fn, const char *call_id, void *body);
/*! Enable, disable, delete, audit of a profile, without looking at the answer. */
struct es_answer *world_ask(struct world *w, const char *sender, enum es_fn fn, enum seed_profile_id profile,
			    const char *call_id, uint32_t validity_s);
/*! The same; expects 202. */
void world_order(struct world *w, const char *sender, enum es_fn fn, enum seed_profile_id profile, const char *call_id,
		 uint32_t validity_s);
/*! Expect an answer in the HTTP response: "FAILED 8.1.1/3.9", or a fault: "fault 400". */
void world_expect_answer(struct world *w, const char *what);
/*! Oldest message to a URL that holds this text; fails the test when there is none.  Its repetitions are dropped. */
struct world_post *world_post(struct world *w, const char *url);
/*! Expect a callback that says this, e.g. "EXECUTED_SUCCESS" or "FAILED 8.2.2/3.8". */
void world_expect_outcome(struct world *w, const char *fn, const char *outcome);
void world_expect_note(struct world *w, const char *name, enum seed_profile_id profile, const char *url);
void world_expect_silence(struct world *w);

/* world_es3.c: SMDP creates ISD-Ps for MNO_OPER; all of these expect 202. */

#define NEW_ICCID "8988303000000000012"
void world_create_isdp(struct world *w, const char *sender, int64_t memory, const char *call_id);
/*! \param[in] sd_aid, data  hex */
void world_send_data(struct world *w, const char *sender, const char *sd_aid, const char *data, const char *call_id);
/*! Synchronous; what is answered is in w->answer. */
void world_download_completed(struct world *w, const char *sender, const char *msisdn, const char *call_id);
/*! A function about the new profile: Enable, Disable, Delete. */
struct es_answer *world_ask_new(struct world *w, const char *sender, enum es_fn fn, const char *call_id);
void world_audit_es3(struct world *w, const char *sender, const char *call_id);
/*! Row of the new profile.  \returns false when there is none */
bool world_new_profile(struct world *w, const void *ctx, struct profile *p);
/*! State of its row: -1 when there is none. */
int world_new_state(struct world *w);
/*! State of the ISD-P on the card, enum isdp_state. */
int world_new_on_card(struct world *w);
/*! Hex AID of the n-th free ISD-P for the new profile. */
char *world_free_aid(struct world *w, unsigned int n);
int64_t world_memory(struct world *w);
/*! ES3-GetEIS: what is in the answer. */
struct es_eis *world_get_eis(struct world *w, const char *sender);

/* world_air.c */

/*! Let things move, one by one, until a timeline says this. */
void world_until(struct world *w, const char *text);
/*! One move of somebody.  \returns false when nothing moves at this time */
bool world_step(struct world *w);
/*! A message from the air for the SM-SR; udhi as the network says. */
void world_inject(struct world *w, const char *source, bool udhi, struct bytes ud);
/*! Once more what the card had sent. */
void world_replay(struct world *w, const struct world_mo *mo);
/*! A receipt for the message that the service centre took last. */
void world_receipt(struct world *w, bool delivered);
void world_mt_take(struct world *w, const struct sms_out *sms);
void world_air_restart(struct world *w);
void world_air_ack(struct world *w, uint64_t token);
const char *world_msisdn(struct world *w, enum seed_profile_id profile);

/* world_look.c */

/*! Move the fall-back attribute, on the card and in the EIS. */
void world_set_fallback(struct world *w, enum seed_profile_id profile);
/*! Delete a profile on the card behind the back of the SM-SR. */
void world_delete_on_card(struct world *w, enum seed_profile_id profile);

/*! State of a profile in the EIS; PROFILE_IN_CREATION: it is not there. */
enum profile_state world_state(struct world *w, enum seed_profile_id profile);
void world_expect_eis(struct world *w, enum profile_state boot, enum profile_state oper);
/*! The EIS says of each profile what the card says. */
void world_expect_agreement(struct world *w);
/*! IMSI that the card really uses. */
void world_expect_card(struct world *w, enum seed_profile_id enabled);
bool world_audit_due(struct world *w);
/*! Make the EIS claim other states than the card has, and doubt it. */
void world_confuse(struct world *w, enum profile_state boot, enum profile_state oper);
/*! Register another eUICC, of which nothing else is known, that claims the number of this profile. */
void world_claim_number(struct world *w, enum seed_profile_id profile);
void world_set_pol2(struct world *w, enum seed_profile_id profile, unsigned int rules);
void world_set_pol1(struct world *w, enum seed_profile_id profile, uint8_t pol1);
/*! Rows of the audit trail of this type. */
unsigned int world_records(struct world *w, enum audit_type type);
/*! Operations of this kind in this state; kind 0: any. */
unsigned int world_operations(struct world *w, enum op_kind kind, enum op_state state);
/*! A line of any timeline holds this text. */
bool world_told(struct world *w, const char *text);
/*! Rows of the timeline of an operation. */
unsigned int world_timeline(struct world *w, int64_t op_id);
uint64_t world_counter(struct world *w, enum smsr_ctr ctr);
/*! Do something to the store that no code of ours does. */
void world_damage(struct world *w, const char *sql);
/*! Rows of a table, perhaps with a WHERE behind its name. */
int64_t world_rows(struct world *w, const char *table);
/*! P2 and P1: open a packet that leaves, compare it with what left under its counter, and with the committed row. */
void world_check_packet(struct world *w, const struct sms_out *sms);
void world_check_post(struct world *w, const struct http_out *h);
/*! Packets that left under different counters. */
unsigned int world_packets(struct world *w);
