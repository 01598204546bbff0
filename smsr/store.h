/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/codec/eid.h"
#include "common/db/db.h"
#include "common/es/es_fn.h"
#include "common/es/status.h"

/* The rows of schemas/sql/smsr-001.sql and the enums that they hold.  Values are never renumbered. */

/*! Sets of statements, one for each *_db.c. */
enum store_slot {
	SLOT_EIS,
	SLOT_KEYS,
	SLOT_OP,
	SLOT_CMD,
	SLOT_RECORD,
	SLOT_HTTPS,
	SLOT_STRAY,
};

extern const struct db_desc smsr_db_desc;

enum profile_state {
	PROFILE_IN_CREATION = 0, /* internal: SGP.02 shows it to nobody */
	PROFILE_CREATED = 1,
	PROFILE_DISABLED = 2,
	PROFILE_ENABLED = 3,
};

/*! POL2 as a set (SGP.02 POL2Type): a rule is an action and a qualification, the subject is always PROFILE. */
enum pol2_rule {
	POL2_ENABLE_NOT_ALLOWED = 0x01,
	POL2_DISABLE_NOT_ALLOWED = 0x02,
	POL2_DELETE_NOT_ALLOWED = 0x04,
	POL2_DISABLE_AUTO_DELETE = 0x08,
};

enum keyset_type {
	KEYSET_SCP03,
	KEYSET_SCP80,
	KEYSET_SCP81,
	KEYSET_TOKEN,
	KEYSET_RECEIPT,
	KEYSET_CA
};

enum op_kind {
	OP_ENABLE = 1,
	OP_DISABLE = 2,
	OP_DELETE = 3,
	OP_AUDIT = 4,
	OP_CONFIRM = 5,	     /* a notification that no operation was waiting for */
	OP_CREATE = 6,	     /* CreateISDP */
	OP_SEND_DATA = 7,    /* what an SM-DP has for its ISD-P, or for the ISD-R about it */
	OP_CONNECTIVITY = 8, /* UpdateConnectivityParameters */
};

/*! States of an operation; the transitions are in op_proc.c. */
enum op_state {
	OP_ST_QUEUED = 0,
	OP_ST_CHANGE = 1,  /* EnableProfile or DisableProfile on its way */
	OP_ST_NOTIF = 2,   /* the card said 9000, its notification is awaited */
	OP_ST_CONFIRM = 3, /* HandleNotificationConfirmation on its way */
	OP_ST_DELETE = 4,  /* DeleteProfile on its way */
	OP_ST_AUDIT = 5,   /* eUICCCapabilityAudit on its way */
	OP_ST_CREATE = 6,  /* CreateISDP on its way */
	OP_ST_DATA = 7,	   /* commands of an SM-DP on their way */
	OP_ST_DONE = 8,
};

/*! Commands of ES5 that an SM-SR pushes. */
enum cmd_kind {
	CMD_ENABLE = 1,
	CMD_DISABLE = 2,
	CMD_DELETE = 3,
	CMD_AUDIT = 4,
	CMD_CONFIRM = 5,
	CMD_CREATE = 6,
	CMD_DATA = 7,	  /* written by an SM-DP */
	CMD_TRIGGER = 16, /* brings the card to us over HTTPS: smsr/https.h */
};

enum cmd_state {
	CMD_ST_OPEN = 0,     /* an answer is awaited */
	CMD_ST_ANSWERED = 1, /* authenticated response packet came */
	CMD_ST_CLOSED = 2,   /* given up */
};

enum part_state {
	PART_READY = 0,
	PART_SUBMITTED = 1,
	PART_ACCEPTED = 2,
	PART_DELIVERED = 3
};

/*! Steps shown in a timeline (P9). */
enum step {
	STEP_ACCEPTED = 1,
	STEP_STARTED = 2,
	STEP_SEALED = 3,
	STEP_SUBMITTED = 4,
	STEP_SMSC = 5,	    /* a service centre answered */
	STEP_DELIVERED = 6, /* delivery receipt */
	STEP_POR = 7,
	STEP_NOTIFICATION = 8,
	STEP_CONFIRMED = 9,
	STEP_EIS = 10,
	STEP_RETRY = 11,
	STEP_OUTCOME = 12,
	STEP_REPORTED = 13,
	STEP_OPERATOR = 14,
	STEP_HTTPS = 15, /* a card connected, a script left or was answered */
};

enum pause_scope {
	PAUSE_ALL = 0,
	PAUSE_DRAIN = 1,
	PAUSE_SMSC = 2,
	PAUSE_PEER = 3,
	PAUSE_EUICC = 4
};

struct euicc {
	int64_t id;
	uint8_t eid[EID_LEN];
	char *eum_oid;
	bool verified;
	struct bytes isdr_aid;
	uint8_t isdr_tar[3];
	struct bytes isdr_sin;
	struct bytes isdr_sdin;
	int64_t remaining_memory;
	int64_t available_memory;
	int64_t last_audit_ms; /* 0: never */
	char *audit_due;       /* NULL: the EIS is believed */
	int64_t active_op;     /* 0: none */
	int notif_seq;	       /* -1: none yet */
	struct bytes imei;
	struct bytes meid;
	bool http; /* the EUM says that it can do SCP81 */
};

struct profile {
	int64_t id;
	int64_t euicc_id;
	char *iccid;
	struct bytes isdp_aid;
	char *mno_oid;
	bool fallback;
	char *imsi;
	char *msisdn;
	enum profile_state state;
	char *smdp_oid;
	char *type;
	int64_t allocated_memory;
	int64_t free_memory; /* -1: unknown */
	unsigned int pol2;
};

/*! All profiles of one eUICC. */
struct profiles {
	struct profile *list;
	size_t n;
};

struct keyset {
	int64_t id;
	int64_t euicc_id;
	uint8_t version;
	enum keyset_type type;
	uint64_t cntr;
};

struct operation {
	int64_t id;
	int64_t euicc_id;
	enum op_kind kind;
	enum op_state state;
	int64_t due_ms; /* 0: none */
	enum es_fn fn;	/* ES_FN_NONE: internal */
	char *requester;
	char *call_id;
	char *message_id;
	char *transaction_id;
	char *context_id;
	char *reply_to;
	char *iccid;
	struct bytes aid;
	struct bytes other_aid;
	int64_t arg;
	int64_t created_ms;
	int64_t expires_ms;
	int64_t started_ms;
	int64_t ended_ms;
	int64_t completed_ms;
	int attempt;
	struct es_status outcome; /* once the state is done */
	struct bytes erd;
};

/*! What a request of an SM-DP brought besides: a row of its own, because it may be large. */
struct op_data {
	struct bytes cmds; /* command TLVs without template; empty: none */
	char *mno_oid;	   /* CreateISDP */
	int64_t memory;	   /* CreateISDP: RequiredMemory, octets; 0: no quota */
	bool more_to_do;   /* the SM-DP says that another call follows at once */
};

struct command {
	int64_t id;
	int64_t op_id;
	int64_t euicc_id;
	enum cmd_kind kind;
	enum cmd_state state;
	int64_t keyset_id;
	int64_t epoch;
	uint64_t cntr;
	uint8_t tar[3];
	uint16_t spi;
	uint8_t kic;
	uint8_t kid;
	struct bytes packet;
	char *dest;
	uint8_t ref;
	int attempt;
	int64_t sent_ms; /* 0: the current copy is not yet taken as a whole */
};

struct part {
	int64_t id;
	int64_t command_id;
	int idx; /* from 1 */
	enum part_state state;
	int64_t due_ms;
	int attempt;
	bool maybe;
	char *smsc;
	char *message_id;
};
