/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/codec/smpp_text.h"

/* One account at one service centre: binds, keeps the bind alive, sends short messages within a window and a rate,
 * takes in what the service centre delivers.  Several binds are several links.  The link stores nothing (P1, P8): the
 * core owns the rows, calls smpp_link_submit() after the commit that explains it, and acknowledges a delivery after the
 * commit that holds it.
 *
 * Rules between the core and a link:
 *  - Every call into struct smpp_link_ops happens between ops->enter() and ops->leave(), made once for each event
 *    (descriptor, timer); the clock has been fed before.  That is where the core opens its turn.
 *  - No function below calls back into ops: what follows from a call is reported later, in an event of its own.
 *    So every function may be called at any time, also from inside ops; except freeing the link, which may not.
 *  - Every submit that was taken is answered by exactly one submit_done, unless the link is freed first.
 *  - Views in arguments live as long as the call. */

struct smpp_link;

enum smpp_bind_mode {
	SMPP_BIND_TRX,	 /* bind_transceiver, one connection */
	SMPP_BIND_TX_RX, /* bind_transmitter and bind_receiver, two connections; up when both are bound */
};

enum smpp_validity_form {
	SMPP_VALIDITY_NONE, /* leave it to the service centre */
	SMPP_VALIDITY_RELATIVE,
	SMPP_VALIDITY_ABSOLUTE,
};

enum smpp_receipt_wish {
	SMPP_RECEIPT_NONE,
	SMPP_RECEIPT_LAST, /* on the last segment */
	SMPP_RECEIPT_ALL,
};

/*! This service centre's own meaning of a status; goes before smpp_status_action(). */
struct smpp_status_rule {
	uint32_t status;
	enum smpp_action action;
};

#define SMPP_CODINGS_MAX 4
#define SMPP_RULES_MAX 16
#define SMPP_WINDOW_MAX 1000

/*! Settings of a link.  Strings are copied; NULL means empty.  smpp_link_cfg_default() fills in the usual values. */
struct smpp_link_cfg {
	const char *name; /* for logs and VTY */
	unsigned index;	  /* of the counter group; unique among the links */
	const char *host; /* address or name */
	uint16_t port;
	const char *local; /* address to connect from, or NULL */

	/* TLS from the first octet on, 1.2 or newer; files are read at each connect, so new certificates need no
	 * restart */
	bool tls;
	const char *tls_ca;   /* PEM; mandatory with tls */
	const char *tls_name; /* host name or address to find in the certificate; NULL: host */
	const char *tls_cert; /* own certificate chain and key, PEM; NULL: none */
	const char *tls_key;

	enum smpp_bind_mode bind_mode;
	const char *system_id;
	const char *password;
	const char *system_type;
	struct smpp_addr range; /* of the bind; digits are copied */

	const char *service_type;
	struct smpp_addr source; /* numeric and routed back to this account: a card answers to it */
	uint8_t dest_ton;
	uint8_t dest_npi;
	uint8_t esm_class;   /* 40; 42 where the response should come after the phone's answer (osmo-msc) */
	uint8_t protocol_id; /* 7F */
	uint8_t priority_flag;
	uint8_t data_coding[SMPP_CODINGS_MAX]; /* in order of preference; the next is taken on SMPP_ACT_NEXT_CODING */
	unsigned n_data_coding;		       /* with coding 04 the TLV dest_addr_subunit = smart card goes along */
	enum smpp_validity_form validity;
	enum smpp_receipt_wish receipts;
	bool more_messages_tlv; /* send more_messages_to_send */
	enum smpp_msgid_type msgid_type;
	struct smpp_status_rule rules[SMPP_RULES_MAX];
	unsigned n_rules;

	unsigned window;	     /* unanswered submits, 1 .. SMPP_WINDOW_MAX */
	unsigned rate_per_s;	     /* 0: no limit of ours */
	unsigned queue_full_dests;   /* more destinations with a full queue within 30 s count as throttling */
	unsigned deliver_max;	     /* deliveries not yet acknowledged by the core; more are refused as temporary */
	unsigned connect_timeout_ms; /* TCP and TLS */
	unsigned bind_timeout_ms;
	unsigned response_timeout_ms;
	unsigned enquire_ms;	 /* silence before an enquire_link */
	unsigned enquire_misses; /* unanswered ones before the connection is given up */
	unsigned drain_ms;	 /* stop: wait this long for responses */
	unsigned unbind_timeout_ms;
	unsigned reconnect_min_ms, reconnect_max_ms;
	unsigned refused_min_ms, refused_max_ms; /* after a refused bind */
	unsigned throttle_min_ms, throttle_max_ms;
};

/*! Fill in every default of a link to an ordinary service centre; names, addresses and passwords stay NULL. */
void smpp_link_cfg_default(struct smpp_link_cfg *cfg);
/*! Check without connecting, files of TLS included.
 * \param[out] why  on error: static text that names what is wrong
 * \returns 0; -EINVAL */
int smpp_link_cfg_check(const struct smpp_link_cfg *cfg, const char **why) MUST_CHECK;

/*! One short message (one segment). */
struct smpp_submit {
	const char *dest;    /* digits, 1 .. 20, without + */
	bool dest_is_imsi;   /* send with TON 0, NPI 6 (osmo-msc), whatever the settings say */
	struct bytes ud;     /* TP-UD with its user data header, 1 .. 140 octets */
	bool more;	     /* other segments of the same packet follow */
	int64_t validity_ms; /* from now; 0: none */
};

enum smpp_outcome {
	SMPP_DONE_ACCEPTED, /* response with status 0 */
	SMPP_DONE_REFUSED,  /* response with another status, or generic_nack; see action */
	SMPP_DONE_UNKNOWN,  /* written, no answer: it may have been taken or not */
	SMPP_DONE_NOT_SENT, /* not one octet of it left: safe to submit again */
};

struct smpp_result {
	enum smpp_outcome outcome;
	uint32_t status;	 /* ACCEPTED, REFUSED */
	enum smpp_action action; /* REFUSED: after the rules of the link; throttling is already heeded by the link */
	struct bytes message_id; /* ACCEPTED: as received; may be empty */
};

/*! A deliver_sm or data_sm.  All views die with the call. */
struct smpp_deliver {
	struct smpp_addr source;
	struct smpp_addr dest;
	uint8_t esm_class;
	uint8_t protocol_id; /* 0 for data_sm */
	uint8_t data_coding;
	struct bytes payload; /* short_message or message_payload */
	bool is_receipt;
	struct smpp_receipt receipt; /* is_receipt: id empty and state NONE when it could not be read */
	bool has_sar;		     /* segments numbered by TLVs instead of the user data header */
	struct smpp_sar sar;
};

/*! What the core is told.  enter, leave, submit_done and deliver are mandatory, the others may be NULL. */
struct smpp_link_ops {
	void (*enter)(void *priv);
	void (*leave)(void *priv);
	/*! End of a submit.  ref is the caller's. */
	void (*submit_done)(void *priv, struct smpp_link *link, uint64_t ref, const struct smpp_result *result);
	/*! Store it, commit, then call smpp_link_deliver_ack().  Until then the service centre waits; without an ack it
	 * sends the message again one day.  Duplicates are normal. */
	void (*deliver)(void *priv, struct smpp_link *link, uint64_t token, const struct smpp_deliver *deliver);
	/*! alert_notification: the phone can be reached now.
	 * \param[in] availability  ms_availability_status: 0 available, 1 denied, 2 unavailable; -1 not told */
	void (*alert)(void *priv, struct smpp_link *link, const struct smpp_addr *source, int availability);
	/*! smpp_link_room() was 0 and is not any more. */
	void (*room)(void *priv, struct smpp_link *link);
	/*! Bound and usable, or not any more.  Outcomes of outstanding submits come before up = false. */
	void (*state)(void *priv, struct smpp_link *link, bool up);
	/*! Something an operator has to mend (bind refused, certificate).  One line, no secrets. */
	void (*alarm)(void *priv, struct smpp_link *link, const char *text);
	/*! After smpp_link_stop(): nothing is connected any more. */
	void (*stopped)(void *priv, struct smpp_link *link);
};

/*! \param[in] ctx   talloc parent of the link; freeing the link closes its sockets at once and calls nothing
 * \param[in] cfg   copied
 * \param[in] ops   borrowed for the life of the link
 * \returns NULL when smpp_link_cfg_check() fails (logged) */
struct smpp_link *smpp_link_alloc(const void *ctx, const struct smpp_link_cfg *cfg, const struct smpp_link_ops *ops,
				  void *priv);

/*! Connect and stay connected. */
void smpp_link_start(struct smpp_link *link);
/*! Submit no more, wait for the responses (drain_ms), unbind, close; then ops->stopped. */
void smpp_link_stop(struct smpp_link *link);
/*! Take no more submits but stay bound (an operator's decision, or the core's before a stop). */
void smpp_link_pause(struct smpp_link *link);
void smpp_link_resume(struct smpp_link *link);
/*! Give the connection up as if it were lost, and connect again at once. */
void smpp_link_reconnect(struct smpp_link *link);

/*! How many submits can be taken now: 0 when not bound, paused, throttled, out of tokens or the window is full. */
int smpp_link_room(struct smpp_link *link);
/*! Send one message; a copy is taken.  The octets leave in the next round of the select loop.
 * \param[in] ref  handed back in submit_done
 * \returns 0; -EAGAIN when there is no room; -EINVAL for a message that cannot be sent (no submit_done follows either)
 */
int smpp_link_submit(struct smpp_link *link, uint64_t ref, const struct smpp_submit *msg) MUST_CHECK;

/*! Answer a delivery.
 * \param[in] token   of ops->deliver; good for one answer, and only on the connection it came from
 * \param[in] status  SMPP_ROK, or SMPP_RX_T_APPN to have it again later
 * \returns whether an answer left; false when the connection is gone or the token was used */
bool smpp_link_deliver_ack(struct smpp_link *link, uint64_t token, uint32_t status);

/*! Counters of a link (rate_ctr group "smpp"). */
enum smpp_ctr {
	SMPP_CTR_SUBMIT,
	SMPP_CTR_RESP_OK,
	SMPP_CTR_RESP_ERROR,
	SMPP_CTR_THROTTLED,
	SMPP_CTR_QUEUE_FULL,
	SMPP_CTR_UNKNOWN,
	SMPP_CTR_NOT_SENT,
	SMPP_CTR_DELIVER,
	SMPP_CTR_RECEIPT,
	SMPP_CTR_DELIVER_REFUSED,
	SMPP_CTR_ALERT,
	SMPP_CTR_TIMEOUT,
	SMPP_CTR_ENQUIRE_MISSED,
	SMPP_CTR_CONNECT,
	SMPP_CTR_LOST,
	SMPP_CTR_BIND_REFUSED,
	SMPP_CTR_BAD_PDU,
	SMPP_CTR_RX_BYTES,
	SMPP_CTR_TX_BYTES,
};

/*! State of a link at one moment, for VTY and tests. */
struct smpp_link_info {
	const char *name;
	const char *state;    /* of the (first) connection: "BOUND" */
	const char *state_rx; /* of the receiver in SMPP_BIND_TX_RX; else NULL */
	bool up, paused, stopping, throttled;
	char smsc[66];		    /* system_id of the peer */
	unsigned in_flight, window; /* submits */
	unsigned to_ack;	    /* deliveries the core has not acknowledged */
	unsigned rate_per_s;	    /* in force; 0: none */
	uint8_t data_coding;	    /* in force */
	int64_t up_since_ms;	    /* clock_now_ms() */
	int64_t throttled_until_ms; /* 0: not */
	uint32_t last_bind_status;
	const char *last_error; /* text, or "" */
};
/*! \param[out] info  pointers inside live until the next event of the link */
void smpp_link_info(const struct smpp_link *link, struct smpp_link_info *info);
uint64_t smpp_link_ctr(const struct smpp_link *link, enum smpp_ctr ctr);
const struct smpp_link_cfg *smpp_link_cfg(const struct smpp_link *link);
