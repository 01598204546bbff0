/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/codec/smpp_text.h"
#include "lab/air/air.h"

/* A small, strict short message service centre as a state machine: octets of SMPP sessions and messages of the air
 * interface go in, the same comes out.  No socket and no clock: the caller tells the time.
 *
 * It stores and forwards: a message waits until its phone is attached or its validity ends, one at a time for each
 * phone. In transaction mode (esm_class 2) the response waits for the phone.  What phones send goes to the ESME as
 * deliver_sm and is repeated until it is answered with success.  Faults are made on request, with chance from a seed.
 */

struct smsc;

enum smsc_id_style {
	SMSC_ID_HEX,	/* 00B8BE19 */
	SMSC_ID_DEC,	/* 12107289 */
	SMSC_ID_PADDED, /* 0012107289 */
};

enum smsc_receipt_form {
	SMSC_RECEIPT_BOTH,
	SMSC_RECEIPT_TEXT,
	SMSC_RECEIPT_TLV,
};

struct smsc_cfg {
	const char *name;     /* system_id in bind responses */
	const char *account;  /* system_id that may bind; NULL: any */
	const char *password; /* NULL: any */
	const char *number;   /* of the ESME: what phones send to it is delivered; NULL: everything */
	enum smsc_id_style id_style;
	enum smsc_id_style receipt_id_style; /* in the text; the TLV carries the id as in the response */
	enum smsc_receipt_form receipt_form;
	unsigned window;	 /* unanswered submits for each session, more are throttled */
	unsigned deliver_window; /* unanswered deliver_sm for each session */
	unsigned queue_max;	 /* waiting messages for each phone, more are refused with RMSGQFUL */
	unsigned attempts_max;	 /* tries before a message is undeliverable */
	unsigned retry_ms;	 /* between tries */
	unsigned validity_ms;	 /* when the submit names none */
	unsigned ack_ms;	 /* phone's answer */
	unsigned deliver_ms;	 /* ESME's answer, then the message is sent again */
	unsigned enquire_ms;	 /* silence before an enquire_link; unanswered for as long again closes the session */
	unsigned bind_ms;	 /* connected but not bound for so long is closed */
	bool alerts;		 /* alert_notification when a phone attaches */
	uint64_t seed;
};

/*! Set every member to what smsc-sim --help names. */
void smsc_cfg_default(struct smsc_cfg *cfg);

struct smsc_ops {
	/*! Octets for a session: always one whole PDU. */
	void (*tx)(void *priv, unsigned session, struct bytes pdu);
	/*! Close it after what was sent; smsc_session_closed() is not expected. */
	void (*close)(void *priv, unsigned session);
	/*! Message to the cards. */
	void (*radio)(void *priv, const struct air_msg *msg);
};

/*! \param[in] cfg  strings are borrowed for the life of the service centre
 * \returns talloc child of ctx */
struct smsc *smsc_alloc(const void *ctx, const struct smsc_cfg *cfg, const struct smsc_ops *ops, void *priv);

/*! One subscriber.  \returns 0; -EINVAL when IMSI or MSISDN is none, or known already */
int smsc_subscriber_add(struct smsc *s, const char *imsi, const char *msisdn) MUST_CHECK;
/*! Text of lines "imsi,msisdn"; empty lines and lines that start with # do not count.
 * \returns number of subscribers; -EINVAL, with the line in bad_line */
int smsc_subscribers_load(struct smsc *s, const char *csv, unsigned *bad_line) MUST_CHECK;

/* Events.  now_ms is UTC in milliseconds and never goes back. */

/*! \returns number of the session, from 1 on */
unsigned smsc_session_open(struct smsc *s, int64_t now_ms);
void smsc_session_rx(struct smsc *s, unsigned session, struct bytes octets, int64_t now_ms);
void smsc_session_closed(struct smsc *s, unsigned session, int64_t now_ms);
/*! Message from the cards. */
void smsc_radio_rx(struct smsc *s, const struct air_msg *msg, int64_t now_ms);
/*! The cards are gone: every phone is switched off. */
void smsc_radio_lost(struct smsc *s, int64_t now_ms);
/*! Every subscriber has a phone, and it is on: for a service centre without cards behind it. */
void smsc_phones_attach(struct smsc *s, int64_t now_ms);
/*! Do what is due.  \returns when to call again; INT64_MAX for never */
int64_t smsc_tick(struct smsc *s, int64_t now_ms);

/*! One control line ("drop mt 10%"; "help" lists them).  \returns the answer, talloc child of ctx; its first word is
 * "ok" or "error" */
char *smsc_command(struct smsc *s, const void *ctx, const char *line, int64_t now_ms);
