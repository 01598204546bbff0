/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/codec/ber.h"
#include "lab/euicc/euicc.h"
#include "lab/euicc/uncertain.h"
#include "scp80/apdu.h"
#include "scp80/concat.h"
#include "scp80/sp.h"

/* Inside of a card, for the files of lab/euicc only.  Times are milliseconds of fleet->now_ms. */

enum phone_state {
	PHONE_OFF,
	PHONE_RESET,	  /* between REFRESH and attach */
	PHONE_ATTACHING,  /* asked the radio */
	PHONE_SERVICE,	  /* "normal service" */
	PHONE_NO_SERVICE, /* tries again from time to time */
};

#define TAR_ISDR 0x000001
#define TAR_ECASD 0x000002

/*! Where command APDUs go. */
enum card_app {
	APP_ISDR,
	APP_ECASD,
	APP_ISDP,
};

/*! What a card forgets without power; allocated when first used. */
struct session {
	enum card_app app;
	uint8_t store_next; /* number of the STORE DATA block that must come next */
	struct wr store;    /* blocks so far */
	size_t status_next; /* slot where GET STATUS goes on */
};

enum mo_kind {
	MO_POR,
	MO_NOTIFICATION,
};

/*! A message on its way out: one or more SMS-SUBMIT, sent one after the other. */
struct mo {
	struct llist_head entry;
	enum mo_kind kind;
	struct bytes *seg;
	size_t n_seg;
	size_t next;
	unsigned int tries;    /* of segment next */
	int64_t not_before_ms; /* slow card, or waiting for another try */
	bool lost;	       /* fault: the card believes it was sent */
};

/*! What survives a loss of power (state.c). */
struct card_nv {
	struct euicc_profile *profiles; /* slots; state ISDP_NONE = free */
	uint8_t n_slots;
	int8_t switch_to; /* slot that the next reset enables; -1 = none */
	uint8_t switch_type;
	int8_t previous; /* slot to roll back to; -1 = none */
	uint8_t notify_type;
	uint8_t notify_tries;
	uint16_t notify_seq;
	uint16_t last_seq;
	uint64_t counter;     /* highest SCP80 counter seen */
	bool declared;	      /* type 01 has been asked for */
	struct sms_addr smsr; /* no digits: the fleet's */
	uint32_t faults;      /* bit for each enum euicc_fault */
	uint32_t slow_ms;
	uint32_t drop_notifications; /* left to drop; 0 with the fault set: all */
	uint32_t drop_pors;
	uint32_t https_cut;
	uint32_t https_stall;
	uint32_t https_status;
	struct bytes https; /* parameters of the HTTPS bearer: value of A5 in 3A07; empty = none */
};

struct euicc {
	struct euicc_fleet *fleet;
	void *host_data;
	uint8_t eid[EUICC_EID_LEN];
	uint8_t imei[8];

	struct card_nv nv;
	bool dirty;

	bool trace;
	bool on_air; /* EUICC_OUT_ATTACH sent and no DETACH since */
	bool notify_queued;
	bool mo_in_flight;
	uint8_t mr;  /* TP-Message-Reference */
	uint8_t ref; /* of concatenated messages */
	enum phone_state phone;
	int64_t phone_due_ms;
	int64_t service_due_ms; /* no service until then: roll-back or fall-back */
	int64_t notify_due_ms;
	int64_t mo_due_ms;

	struct euicc_keys keys; /* loaded with the first packet */
	struct session *session;
	struct reasm *reasm;
	struct agent *agent;  /* administration session; NULL = none */
	struct llist_head mo; /* of struct mo */
};

/* out.c */
struct euicc_out *out_add(struct euicc *card, enum euicc_out_type type);
void out_event(struct euicc *card, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void out_trace(struct euicc *card, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* state.c */
/*! One ENABLED, one fall-back, every AID once. */
bool profiles_ok(const struct euicc_profile *profiles, size_t n);

/* profile.c: slots */
int profile_find(const struct euicc *card, struct bytes aid); /* slot, -1 = unknown */
int profile_enabled(const struct euicc *card);
int profile_fallback(const struct euicc *card);
/*! \returns slot; -1 when the card is full */
int profile_add(struct euicc *card, const struct euicc_profile *profile);
void profile_delete(struct euicc *card, int slot);
/*! Make slot the enabled one now and queue the notification that says so.
 * \param[in] undo  whether the profile left is the one to come back to */
void profile_switch(struct euicc *card, int slot, enum euicc_notify_type type, bool undo);
uint32_t profile_mem_free(const struct euicc *card);
/*! Is a roll-back possible: an unconfirmed change, and a profile to go back to? */
bool profile_can_roll_back(const struct euicc *card);
void profile_roll_back(struct euicc *card, const char *why);

/* phone.c */
void phone_on(struct euicc *card);
void phone_off(struct euicc *card);
/*! REFRESH "UICC Reset", now: off the air (so call it before profile_switch()), and attach again a little later. */
void phone_reset(struct euicc *card);
/*! REFRESH if a change waits for it, no PoR is still on its way and no administration session open. */
void phone_reset_when_ready(struct euicc *card);
void phone_attached(struct euicc *card, uint8_t cause);
void phone_lost(struct euicc *card, const char *why);
void phone_tick(struct euicc *card);

/* mo.c */
struct mo_route {
	const struct sms_addr *da;
	uint8_t pid;
	uint8_t dcs;
};
/*! Cut a packet into SMS-SUBMIT TPDUs and queue them.  \returns 0; -ENOSPC when it needs too many */
int mo_send(struct euicc *card, enum mo_kind kind, const struct mo_route *route, struct bytes pkt) MUST_CHECK;
void mo_kick(struct euicc *card);
void mo_result(struct euicc *card, uint8_t cause);
void mo_tick(struct euicc *card);
void mo_flush(struct euicc *card);
bool mo_holds(const struct euicc *card, enum mo_kind kind);

/* notify.c */
void notify_new(struct euicc *card, enum euicc_notify_type type);
void notify_kick(struct euicc *card);
void notify_sent(struct euicc *card);
void notify_tick(struct euicc *card);
/*! Send the pending one by short message. */
void notify_by_sms(struct euicc *card);
/*! The whole E1, talloc child of ctx. */
struct bytes notify_enc(const struct euicc *card, const void *ctx);
/*! 3A08: forget the pending one.  \returns 0; -ENOENT when seq is not the pending one */
int notify_confirm(struct euicc *card, uint16_t seq) MUST_CHECK;

/* agent.c: administration sessions over HTTPS */
/*! Does the content of a packet to the ISD-R open a session? */
bool agent_is_trigger(struct bytes content);
/*! \returns 0; -EINVAL; -EBUSY a session is open; -ENOENT no server is known (both with an event) */
int agent_trigger(struct euicc *card, struct bytes trigger) MUST_CHECK;
/*! Start a session for the pending notification.  \returns 0; -EBUSY, -ENOENT as above */
int agent_notify(struct euicc *card) MUST_CHECK;
/*! There is service: an attempt that waited for it is made. */
void agent_service(struct euicc *card);
/*! There is no service any more: the channel is gone. */
void agent_lost(struct euicc *card);
/*! Reset or loss of power: forget the session. */
void agent_forget(struct euicc *card);
int64_t agent_deadline(const struct euicc *card);
void agent_tick(struct euicc *card);
/*! One line, talloc child of ctx. */
char *agent_describe(const struct euicc *card, const void *ctx);

/* mt.c */
void mt_rx(struct euicc *card, struct bytes tpdu);

/* apdu.c */
/*! Run one command APDU against the session's application.
 * \param[out] out  response data, without the status word
 * \returns status word */
uint16_t card_apdu(struct euicc *card, struct bytes raw, struct wr *out);
struct session *card_session(struct euicc *card);
struct bytes card_aid_isdr(void);
/*! Run a whole command script.  \param[out] rsp  talloc child of ctx */
void card_script(struct euicc *card, const void *ctx, struct bytes script, struct bytes *rsp);

/* isdr_*.c, ecasd.c: one handler for each INS of the ISD-R */
uint16_t isdr_store_data(struct euicc *card, const struct capdu *cmd, struct wr *out);
uint16_t isdr_install(struct euicc *card, const struct capdu *cmd, struct wr *out);
uint16_t isdr_delete(struct euicc *card, const struct capdu *cmd, struct wr *out);
uint16_t isdr_get_status(struct euicc *card, const struct capdu *cmd, struct wr *out);
uint16_t isdr_get_data(struct euicc *card, const struct capdu *cmd, struct wr *out);
uint16_t ecasd_get_data(struct euicc *card, const struct capdu *cmd, struct wr *out);

/*! Keys of the card, loaded on first use.
 * \param[out] keys  borrowed from the card.  \returns 0 or negative errno */
int card_keys(struct euicc *card, struct sp_keys *keys) MUST_CHECK;

static inline bool fault_on(const struct euicc *card, enum euicc_fault fault)
{
	return card->nv.faults & (1u << fault);
}
