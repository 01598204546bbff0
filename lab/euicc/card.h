/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/codec/ber.h"
#include "lab/euicc/euicc.h"
#include "lab/euicc/uncertain.h"
#include "scp03/scp03t.h"
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
	int slot;	       /* of the ISD-P, with APP_ISDP */
	struct perso *perso;   /* after INSTALL [for personalization]; NULL = none */
	struct secure *secure; /* SCP03 or SCP03t; NULL = none */
	int received_slot;     /* of the package in received */
	struct bytes received; /* the package installed last */
	uint8_t store_next;    /* number of the STORE DATA block that must come next */
	struct wr store;       /* blocks so far */
	size_t status_next;    /* slot where GET STATUS goes on */
};

/*! What an ISD-P keeps beside its state: key set, and what came with the profile package. */
struct isdp_nv {
	uint8_t kvn;	     /* of the SCP03 key set; 0 = none */
	uint32_t counter;    /* SCP03 sequence counter */
	uint8_t keys[3][16]; /* ENC, MAC, DEK under the card's KIc */
	bool has_token;	     /* token key, KVN 70 */
	uint8_t token[16];   /* in the same way */
	bool has_aka;
	uint8_t aka[32]; /* SHA-256 of K and OPc */
	uint8_t package_sha[32];
	uint32_t package_len; /* 0 = none installed */
	struct bytes params;  /* connectivity parameters as they came; talloc child */
};

/*! Key establishment under way: STORE DATA blocks are numbered through both DGIs. */
struct perso {
	int slot;
	uint8_t next;	       /* block number that must come next */
	struct wr dgis;	       /* blocks so far */
	struct pubkey *signer; /* of the certificate; NULL = not yet there */
	uint8_t challenge[16];
};

/*! Secure channel to an ISD-P. */
struct secure {
	int slot;
	bool tlv;
	struct scp03 *scp;
	struct scp03_keys keys;
	struct package *package; /* under way; NULL = none */
	uint32_t segments;
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
	uint32_t bad_pe;
	uint32_t package_memory;
	uint32_t scp03t_mac;
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
/*! \returns 0; -EINVAL; -EBUSY a session is open; -ENOENT no server is known */
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
/*! The session's commands go to this application from now on. */
void card_select(struct euicc *card, enum card_app app, int slot);
/*! Run a whole command script.  \param[out] rsp  talloc child of ctx */
void card_script(struct euicc *card, const void *ctx, struct bytes script, struct bytes *rsp);

/* isdr_*.c, ecasd.c: one handler for each INS of the ISD-R */
uint16_t isdr_store_data(struct euicc *card, const struct capdu *cmd, struct wr *out);
uint16_t isdr_install(struct euicc *card, const struct capdu *cmd, struct wr *out);
uint16_t isdr_delete(struct euicc *card, const struct capdu *cmd, struct wr *out);
uint16_t isdr_get_status(struct euicc *card, const struct capdu *cmd, struct wr *out);
uint16_t isdr_get_data(struct euicc *card, const struct capdu *cmd, struct wr *out);
uint16_t ecasd_get_data(struct euicc *card, const struct capdu *cmd, struct wr *out);

/* isdr_perso.c: key establishment */
uint16_t perso_install(struct euicc *card, const struct capdu *cmd, struct wr *out);
/*! Does this STORE DATA to the ISD-R go on with, or begin, a key establishment? */
bool perso_wants(struct euicc *card, const struct capdu *cmd);
uint16_t perso_store_data(struct euicc *card, const struct capdu *cmd, struct wr *out);
/*! An ISD-P is gone, or its keys are others: forget what the session knows about it. */
void perso_forget(struct euicc *card, int slot);

/* isdp_nv.c: what survives */
struct isdp_nv *isdp_nv_of(struct euicc *card, int slot);
/*! Static keys, talloc children of ctx.  \returns 0; -ENOENT no key set of this version (0 = any); negative errno */
int isdp_keys_load(struct euicc *card, const void *ctx, int slot, uint8_t kvn, struct scp03_keys *keys) MUST_CHECK;
/*! \returns 0; negative errno when the card has no key of its own */
int isdp_keys_store(struct euicc *card, int slot, const struct scp03_keys *keys, uint32_t counter) MUST_CHECK;
int isdp_token_store(struct euicc *card, int slot, const struct key *token) MUST_CHECK;
/*! \returns 0; -ENOENT */
int isdp_token_load(struct euicc *card, const void *ctx, int slot, struct key **token) MUST_CHECK;
void isdp_nv_enc(struct wr *w, const struct isdp_nv *nv);
/*! \param[out] nv  talloc child of ctx; NULL when body is empty.  \returns 0; -EINVAL */
int isdp_nv_dec(const void *ctx, struct bytes body, struct isdp_nv **nv) MUST_CHECK;

/* isdp_apdu.c: SCP03 */
/*! INITIALIZE UPDATE, EXTERNAL AUTHENTICATE or a protected command to the selected ISD-P. */
uint16_t isdp_apdu(struct euicc *card, struct bytes raw, const struct capdu *cmd, struct wr *out);
/*! Raise the counter and open a session.  \param[out] rsp  answer to INITIALIZE UPDATE
 * \returns 0; -ENOENT no such key set; -EINVAL; negative errno */
int secure_open(struct euicc *card, int slot, bool tlv, uint8_t kvn, struct bytes host_challenge,
		uint8_t rsp[SCP03_INIT_RSP_LEN]) MUST_CHECK;
/*! Session of the selected ISD-P in this framing; NULL = none. */
struct secure *secure_of(struct euicc *card, bool tlv);

/* isdp_scp03t.c */
/*! One TLV 84 .. 87 of a script.  \param[out] answer  value is a talloc child of ctx
 * \returns false when the script ends here */
bool isdp_tlv(struct euicc *card, const void *ctx, uint8_t tag, struct bytes value, uint32_t *answer_tag,
	      struct bytes *answer);

/*! Name of a TLV for events and traces. */
const char *isdp_tlv_name(uint8_t tag);

/* package.c */
struct package;
struct package *package_alloc(const void *ctx, struct euicc *card, int slot);
/*! Take the next piece.
 * \param[out] rsp   what to say, once the package is complete or refused
 * \returns 0 more is to come; 1 installed; -ECANCELED refused, nothing is left of it */
int package_put(struct package *p, struct bytes piece, struct euicc_response *rsp) MUST_CHECK;

/*! Keys of the card, loaded on first use.
 * \param[out] keys  borrowed from the card.  \returns 0 or negative errno */
int card_keys(struct euicc *card, struct sp_keys *keys) MUST_CHECK;

static inline bool fault_on(const struct euicc *card, enum euicc_fault fault)
{
	return card->nv.faults & (1u << fault);
}
