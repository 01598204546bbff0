/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/codec/eid.h"
#include "common/db/db.h"
#include "common/es/es_fn.h"
#include "common/es/status.h"

/* The rows of schemas/sql/smdp-001.sql and the enums that they hold.  Values are never renumbered. */

/*! Sets of statements, one for each *_db.c. */
enum store_slot {
	SLOT_ORDER,
	SLOT_ES3,
	SLOT_KEYS,
	SLOT_RECORD,
	SLOT_STOCK,
	SLOT_PREP,
};

extern const struct db_desc smdp_db_desc;

/*! Why an ISD-P is deleted, or the EIS is looked at. */
enum order_purpose {
	PURPOSE_NONE = 0,
	PURPOSE_FAIL = 1,	 /* the order ends with the outcome in its row */
	PURPOSE_AGAIN = 2,	 /* another ISD-P is begun */
	PURPOSE_CREATE_LOST = 3, /* is there an ISD-P? */
	PURPOSE_DATA_LOST = 4,	 /* is the profile complete? */
	PURPOSE_CLEANED = 5,	 /* what an earlier failure left was deleted */
	PURPOSE_GUARDED = 6,	 /* its policy rules forbid to delete it: it is complete, or stays as it is */
};

enum order_kind {
	ORDER_DOWNLOAD = 1,
	ORDER_RELAY = 2, /* a function that the SM-SR carries out */
	ORDER_LOOK = 3,	 /* our own question what is on an eUICC (dp_restore.h) */
};

/*! States of an order; the transitions are in order_proc.c. */
enum order_state {
	ORDER_ST_QUEUED = 0,	  /* another download for this eUICC runs */
	ORDER_ST_GET_EIS = 1,	  /* is the eUICC fit for it? */
	ORDER_ST_CLEAN_OLD = 2,	  /* an ISD-P of ours that an earlier failure left behind is deleted */
	ORDER_ST_CREATE = 3,	  /* CreateISDP */
	ORDER_ST_KE1 = 4,	  /* CERT.DP on its way to the ECASD */
	ORDER_ST_KE2 = 5,	  /* ephemeral key on its way */
	ORDER_ST_DATA = 6,	  /* package on its way */
	ORDER_ST_COMPLETED = 7,	  /* ProfileDownloadCompleted */
	ORDER_ST_ENABLE = 8,	  /* EnableProfile */
	ORDER_ST_CLEAN_UP = 9,	  /* error routine: DeleteISDP */
	ORDER_ST_LOOK = 10,	  /* an outcome is unknown: what does the EIS say? */
	ORDER_ST_TOKEN = 11,	  /* token key on its way */
	ORDER_ST_HOLD = 12,	  /* the database was restored: what became of it is not known (dp_restore.h) */
	ORDER_ST_RELAY_LOOK = 20, /* whose profile is it? */
	ORDER_ST_RELAY = 21,	  /* the ES3 twin is under way */
	ORDER_ST_DONE = 100,
};

/*! Whether an eUICC may have more of us than our rows say: smdp/dp_restore.h. */
enum doubt {
	DOUBT_NONE = 0,
	DOUBT_LOOK = 1,	 /* its SM-SR is to be asked */
	DOUBT_ASKED = 2, /* and is being asked */
	DOUBT_OPEN = 3,	 /* and did not say */
};

/*! A call to an SM-SR. */
enum es3_state {
	ES3_ST_SENDING = 0,  /* not yet taken */
	ES3_ST_ACCEPTED = 1, /* 202: the answer comes by callback */
	ES3_ST_ANSWERED = 2,
	ES3_ST_LOST = 3, /* given up, or nobody waits for it any more */
	ES3_ST_HELD = 4, /* written, but not to be sent before es3_release() */
};

/*! Steps shown in a timeline. */
enum order_step {
	STEP_ORDERED = 1,
	STEP_STARTED = 2,
	STEP_CALL = 3,	   /* a call to the SM-SR left */
	STEP_ANSWER = 4,   /* and was answered */
	STEP_RETRY = 5,	   /* and could not be delivered */
	STEP_ELIGIBLE = 6, /* EIS and certificates are in order */
	STEP_RESERVED = 7,
	STEP_KEYS = 8, /* key set agreed */
	STEP_DATA = 9, /* progress of the package */
	STEP_CLEAN = 10,
	STEP_OUTCOME = 11,
	STEP_REPORTED = 12,
	STEP_OPERATOR = 13,
	STEP_RESTORED = 14,
};

struct order {
	int64_t id;
	int64_t euicc_id;
	uint8_t eid[EID_LEN]; /* of the eUICC */
	enum order_kind kind;
	enum order_state state;
	int64_t due_ms; /* 0: none */
	enum es_fn fn;
	char *requester;
	char *call_id;
	char *message_id;
	char *transaction_id;
	char *context_id;
	char *reply_to;
	char *smsr_oid;
	char *iccid;
	char *profile_type;
	int64_t created_ms;
	int64_t expires_ms;
	int64_t started_ms;
	int64_t ended_ms;
	struct es_status outcome; /* once the state is done */
	struct bytes erd;
};

struct download {
	int64_t op_id;
	bool enable;
	int64_t item_id; /* 0: nothing is reserved */
	int64_t required_memory;
	int64_t package_len;
	struct bytes aid;
	bool created;
	int purpose; /* enum order_purpose */
	int tries;
	int sessions;
	struct bytes ecasd;
	int ecasd_curve;
	int64_t sent;
	int64_t done;
};

struct es3_call {
	int64_t id;
	int64_t op_id;
	char *smsr_oid;
	enum es_fn fn;
	char *call_id;
	char *message_base;
	char *transaction_id;
	char *url;
	char *action;
	struct bytes envelope;
	enum es3_state state;
	int64_t due_ms;
	int64_t expires_ms;
	int attempt;
	bool maybe; /* the SM-SR may have it */
	char *last_error;
	int64_t created_ms;
	int64_t ended_ms;
};

struct isdp_keys {
	int64_t id;
	uint8_t eid[EID_LEN];
	char *iccid;
	int64_t op_id;
	char *mno_oid;
	struct bytes aid;
	uint8_t kvn;
	struct bytes enc; /* wrapped, as mac, dek and token */
	struct bytes mac;
	struct bytes dek;
	struct bytes token; /* empty: none */
	uint32_t seq;
	bool installed;
	int64_t created_ms;
};
