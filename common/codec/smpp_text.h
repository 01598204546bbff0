/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/codec/smpp.h"

/* What the fields of SMPP 3.4 mean: status codes, delivery receipts, message ids, times.  Pure. */

/* ---- command_status ---- */

enum smpp_status {
	SMPP_ROK = 0x00,
	SMPP_RINVMSGLEN = 0x01,
	SMPP_RINVCMDLEN = 0x02,
	SMPP_RINVCMDID = 0x03,
	SMPP_RINVBNDSTS = 0x04,
	SMPP_RALYBND = 0x05,
	SMPP_RSYSERR = 0x08,
	SMPP_RINVSRCADR = 0x0a,
	SMPP_RINVDSTADR = 0x0b,
	SMPP_RINVMSGID = 0x0c,
	SMPP_RBINDFAIL = 0x0d,
	SMPP_RINVPASWD = 0x0e,
	SMPP_RINVSYSID = 0x0f,
	SMPP_RMSGQFUL = 0x14,
	SMPP_RINVSERTYP = 0x15,
	SMPP_RINVESMCLASS = 0x43,
	SMPP_RSUBMITFAIL = 0x45,
	SMPP_RINVSRCTON = 0x48,
	SMPP_RINVSRCNPI = 0x49,
	SMPP_RINVDSTTON = 0x50,
	SMPP_RINVDSTNPI = 0x51,
	SMPP_RINVSYSTYP = 0x53,
	SMPP_RTHROTTLED = 0x58,
	SMPP_RINVSCHED = 0x61,
	SMPP_RINVEXPIRY = 0x62,
	SMPP_RX_T_APPN = 0x64,
	SMPP_RX_P_APPN = 0x65,
	SMPP_RINVPARLEN = 0xc2,
	SMPP_RDELIVERYFAILURE = 0xfe,
	SMPP_RUNKNOWNERR = 0xff,
	SMPP_RINVDCS = 0x104, /* SMPP 5.0, sent by some 3.4 service centres too */
};

/*! What a sender does about a status. */
enum smpp_action {
	SMPP_ACT_OK,
	SMPP_ACT_THROTTLED,    /* pause the whole link */
	SMPP_ACT_QUEUE_FULL,   /* pause this destination */
	SMPP_ACT_RETRY,	       /* temporary: 30 s doubling, at most 5 times */
	SMPP_ACT_RETRY_TWICE,  /* not in any table: retry twice, then permanent */
	SMPP_ACT_PERMANENT,    /* will fail again; configuration or number is wrong */
	SMPP_ACT_BIND_REFUSED, /* account: no fast retry, an account may be locked */
	SMPP_ACT_NEXT_CODING,  /* this service centre refuses the data_coding: try the next one configured */
};

/*! Name as in the standard ("ESME_RTHROTTLED"); "vendor" for 0400-04FF, "unknown" else. */
const char *smpp_status_name(uint32_t status);
/*! \returns the action for the response to a submit; vendor codes are SMPP_ACT_RETRY */
enum smpp_action smpp_status_action(uint32_t status);
const char *smpp_action_name(enum smpp_action action);

/* ---- message ids ---- */

/*! A message_id and what it means as a number: the id in a receipt is often the one of the response in another base,
 * with other letters or without leading zeros.  Numbers are upper-case hex of whole octets without leading zero octets;
 * "" when the id is no number of that base. */
struct smpp_msgid {
	char raw[SMPP_MESSAGE_ID_LEN];
	char as_hex[SMPP_MESSAGE_ID_LEN + 1]; /* value when read as hexadecimal */
	char as_dec[SMPP_MESSAGE_ID_LEN + 1]; /* value when read as decimal */
};

/*! How a service centre writes the id in the response and in the receipt; numbered as the usual gateways do. */
enum smpp_msgid_type {
	SMPP_MSGID_AS_IS = 0,	/* same base in both; leading zeros and the case of digits do not count */
	SMPP_MSGID_HEX_DEC = 1, /* response hexadecimal, receipt decimal */
	SMPP_MSGID_DEC_HEX = 2, /* response decimal, receipt hexadecimal */
};

/*! \returns 0; -EINVAL when the id is empty; -ENOSPC when longer than the standard allows */
int smpp_msgid_init(struct bytes id, struct smpp_msgid *out) MUST_CHECK;
/*! Key under which the id of a response is kept for the receipt: its number, or the id itself when it is none. */
const char *smpp_msgid_key(const struct smpp_msgid *response, enum smpp_msgid_type type);
/*! Keys to look for when a receipt comes, the more likely one first. */
void smpp_msgid_keys(const struct smpp_msgid *receipt, enum smpp_msgid_type type, const char *keys[2]);

/* ---- receipts ---- */

enum smpp_message_state {
	SMPP_STATE_NONE = 0, /* not told */
	SMPP_STATE_ENROUTE = 1,
	SMPP_STATE_DELIVERED = 2,
	SMPP_STATE_EXPIRED = 3,
	SMPP_STATE_DELETED = 4,
	SMPP_STATE_UNDELIVERABLE = 5,
	SMPP_STATE_ACCEPTED = 6,
	SMPP_STATE_UNKNOWN = 7,
	SMPP_STATE_REJECTED = 8,
};

struct smpp_receipt {
	struct bytes id; /* as received; empty when not told (osmo-msc in forward mode) */
	enum smpp_message_state state;
	char err[5];		/* err: of the text, up to four characters; "" when not told */
	bool has_network_error; /* TLV 0423 */
	uint8_t network_type;
	uint16_t network_error;
};

/*! \returns whether a deliver_sm or data_sm carries a receipt (by esm_class) */
bool smpp_is_receipt(uint8_t esm_class);
/*! Read a receipt: optional parameters first, then the text, key by key; any key may be missing, any order, any case.
 * \param[out] out  id is a view into the PDU; untouched on error
 * \returns 0; -EINVAL when neither an id nor a state could be found */
int smpp_receipt_dec(const struct smpp_pdu *pdu, struct smpp_receipt *out) MUST_CHECK;
/*! The usual text form.
 * \param[in] stamp_ms  UTC; both dates in the text
 * \returns talloc child of ctx */
char *smpp_receipt_text(const void *ctx, const char *id, enum smpp_message_state state, const char *err,
			int64_t submit_ms, int64_t done_ms);
/*! "DELIVRD" and its like; "UNKNOWN" for anything that has no word. */
const char *smpp_state_word(enum smpp_message_state state);
/*! \returns true when no other receipt will follow */
bool smpp_state_final(enum smpp_message_state state);

/* ---- times ---- */

#define SMPP_TIME_LEN 17

/*! Relative validity "YYMMDDhhmmss000R" (days and below: months have no fixed length), rounded up to a second.
 * \returns 0; -EINVAL when ms is not positive or above 31 days minus a second */
int smpp_time_relative(int64_t ms, char out[SMPP_TIME_LEN]) MUST_CHECK;
/*! Absolute time in UTC, "YYMMDDhhmmsst00+".  \returns 0; -EINVAL outside 2000 .. 2099 */
int smpp_time_absolute(int64_t utc_ms, char out[SMPP_TIME_LEN]) MUST_CHECK;
/*! Either form.
 * \param[in]  now_ms  UTC, base of a relative time
 * \param[out] utc_ms  untouched on error
 * \returns 0; -ENOENT when the text is empty; -EINVAL malformed */
int smpp_time_dec(struct bytes text, int64_t now_ms, int64_t *utc_ms) MUST_CHECK;
