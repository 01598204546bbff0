/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include <osmocom/core/hashtable.h>
#include <osmocom/core/linuxlist.h>

#include "lab/smsc/smsc.h"
#include "scp80/sms.h"

/* Inside of the service centre: smsc.c (life, sessions, time), smsc_submit.c (PDUs), smsc_mt.c (towards phones),
 * smsc_mo.c (towards the ESME), smsc_fault.c, smsc_cmd.c. */

enum session_state {
	SESSION_OPEN,
	SESSION_BOUND,
	SESSION_ENDED, /* closed by us, removed at the end of the event */
};

struct session {
	struct llist_head list;
	unsigned id;
	enum session_state state;
	bool may_send, may_receive; /* by the kind of bind */
	struct smpp_framer *framer;
	char account[17];
	uint32_t seq;	   /* ours */
	uint32_t peer_seq; /* last one of the peer's requests */
	int64_t opened_ms, rx_ms, enquired_ms;
	unsigned held; /* submits without a response */
	unsigned delivering;
};

struct phone {
	struct llist_head list;
	struct llist_head active; /* on smsc.active while it has messages */
	struct hlist_node by_imsi, by_msisdn;
	char imsi[16];
	char msisdn[16];
	bool attached, barred;
	struct mt *in_air; /* waits for AIR_MT_ACK */
	int64_t air_ms;
	unsigned n_stale;	 /* acknowledgements still to come for messages given up */
	struct llist_head queue; /* struct mt */
	unsigned n_queue;
	int64_t next_ms; /* nothing is due before */
};

/*! A message for a phone. */
struct mt {
	struct llist_head list;
	uint32_t number; /* of message_id */
	struct sms_deliver sms;
	struct smpp_addr source; /* as submitted, for receipts */
	struct smpp_addr dest;
	bool receipt;
	bool duplicate; /* made by a fault: reports nothing */
	int64_t submit_ms, due_ms, expiry_ms;
	unsigned attempts;
	unsigned hold_session; /* transaction mode: who waits for the response */
	uint32_t hold_seq;
};

/*! A deliver_sm: a message from a phone, or a receipt. */
struct mo {
	struct llist_head list;
	struct smpp_pdu pdu; /* views are talloc children of the mo */
	int64_t due_ms;
	int64_t sent_ms; /* 0: waits */
	unsigned session;
	uint32_t seq;
	unsigned tries;
};

enum fault_dir {
	FAULT_MT,
	FAULT_MO,
};

struct fault {
	unsigned drop, dup, reorder; /* per million */
	unsigned delay_ms;
};

struct smsc_stats {
	unsigned submits, refused, delivered, failed, expired, mo, mo_done, receipts, dropped, duplicated, reordered;
};

struct smsc {
	struct smsc_cfg cfg;
	const struct smsc_ops *ops;
	void *priv;
	int64_t now_ms;
	struct llist_head sessions, phones, mos;
	struct llist_head active; /* phones with a message in the queue or in the air */
	DECLARE_HASHTABLE(by_imsi, 12);
	DECLARE_HASHTABLE(by_msisdn, 12);
	unsigned last_session;
	uint32_t last_number;
	uint64_t chance;
	/* faults */
	struct fault fault[2];
	unsigned rate_per_s; /* 0: not throttled */
	int64_t rate_second;
	unsigned in_second;
	unsigned error_rate; /* per million */
	uint32_t error_status;
	int refused_coding; /* -1: none */
	bool silent;	    /* submits are taken but never answered */
	bool hold;	    /* nothing goes to the phones */
	struct smsc_stats stats;
};

#define REORDER_MS 300

/* smsc.c */
struct session *smsc_session_find(struct smsc *s, unsigned id);
struct phone *smsc_phone_by_imsi(struct smsc *s, const char *imsi, size_t len);
struct phone *smsc_phone_by_msisdn(struct smsc *s, struct bytes digits);
void smsc_send(struct smsc *s, struct session *ses, const struct smpp_pdu *pdu);
void smsc_send_header(struct smsc *s, struct session *ses, uint32_t command_id, uint32_t status, uint32_t seq);
/*! End a session from our side. */
void smsc_session_end(struct smsc *s, struct session *ses, const char *why);

/* smsc_submit.c */
void smsc_pdu_rx(struct smsc *s, struct session *ses, struct bytes octets);
void smsc_id_text(uint32_t number, enum smsc_id_style style, char out[16]);

/* smsc_mt.c */
struct mt *smsc_mt_alloc(struct smsc *s, struct phone *phone, const struct smpp_pdu *pdu, int64_t expiry_ms);
void smsc_mt_queue(struct smsc *s, struct phone *phone, struct mt *mt);
void smsc_phone_off(struct smsc *s, struct phone *phone);
int64_t smsc_mt_tick(struct smsc *s);
/*! Something about this phone changed: look at it in the next tick. */
void smsc_phone_touch(struct phone *phone);
void smsc_mt_session_gone(struct smsc *s, unsigned session);
unsigned smsc_mt_lose_all(struct smsc *s);

/* smsc_mo.c */
void smsc_mo_submit(struct smsc *s, struct phone *phone, struct bytes tpdu);
void smsc_mo_receipt(struct smsc *s, const struct mt *mt, enum smpp_message_state state, unsigned error);
void smsc_mo_answered(struct smsc *s, struct session *ses, const struct smpp_pdu *pdu);
void smsc_mo_session_gone(struct smsc *s, unsigned session);
int64_t smsc_mo_tick(struct smsc *s);
unsigned smsc_mo_lose_all(struct smsc *s);

/* smsc_fault.c */
bool smsc_chance(struct smsc *s, unsigned per_million);
/*! \returns false when the message is to be lost; else how late it is and whether it comes twice */
bool smsc_fault_draw(struct smsc *s, enum fault_dir dir, int64_t *delay_ms, bool *twice);
bool smsc_throttled(struct smsc *s);
