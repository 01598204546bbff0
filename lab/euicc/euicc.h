/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include <osmocom/core/linuxlist.h>

#include "common/codec/bytes.h"
#include "common/crypto/crypto.h"
#include "common/crypto/ec.h"
#include "scp80/sms.h"

/* A software eUICC (SGP.02) together with the phone it sits in, as a state machine without input or output of its own.
 *
 * Time, short messages and what the network says come in through the functions below; what the card and its phone do
 * comes out as a list of struct euicc_out, in order.  One thread; one struct euicc_fleet holds what many cards share.
 *
 * Rule for the caller: after each input, when euicc_dirty() says so, store euicc_save() first and act on the outputs
 * then. A card loaded with euicc_load() goes on as a real one does after a loss of power. */

#define EUICC_EID_LEN 16
#define EUICC_AID_LEN 16
#define EUICC_PROFILES_MAX 16
#define EUICC_NEVER INT64_MAX

/*! Life-cycle octet of an ISD-P (SGP.02, tag 9F70). */
enum isdp_state {
	ISDP_NONE = 0, /* no ISD-P here */
	ISDP_SELECTABLE = 0x07,
	ISDP_PERSONALIZED = 0x0f,
	ISDP_DISABLED = 0x1f,
	ISDP_ENABLED = 0x3f,
};

/*! One ISD-P and the little of its profile that the phone needs. */
struct euicc_profile {
	uint8_t aid[EUICC_AID_LEN];
	uint8_t iccid[10]; /* as EF.ICCID; all zero: no profile inside */
	char imsi[16];	   /* empty: no profile inside */
	enum isdp_state state;
	bool fallback;
	bool emergency;
	uint8_t pol1;
	bool no_coverage; /* the network refuses this subscription (lab switch) */
	uint32_t mem_granted;
	uint32_t mem_left;
	struct isdp_nv *es8; /* inside of the card: keys and what came with the package; leave NULL */
};

/*! Type octet of the default notification (SGP.02, tag 4D). */
enum euicc_notify_type {
	EUICC_NOTIFY_NONE = 0,
	EUICC_NOTIFY_DECLARE = 0x01,
	EUICC_NOTIFY_CHANGED = 0x02,
	EUICC_NOTIFY_ROLLED_BACK = 0x03,
	EUICC_NOTIFY_FALLBACK = 0x05,
};

enum euicc_fault {
	EUICC_FAULT_SILENT,	       /* takes short messages, does nothing with them */
	EUICC_FAULT_SLOW,	       /* argument: PoR after so many milliseconds */
	EUICC_FAULT_WRONG_KEY,	       /* holds other keys than the SM-SR believes */
	EUICC_FAULT_COUNTER_AHEAD,     /* argument: the card's counter jumps by so much, once */
	EUICC_FAULT_POL1,	       /* POL1 of the enabled profile forbids to disable it */
	EUICC_FAULT_NO_COVERAGE,       /* no service on a profile that was just enabled */
	EUICC_FAULT_MEMORY,	       /* 6581 on everything that writes */
	EUICC_FAULT_DUPLICATE_POR,     /* each PoR leaves twice */
	EUICC_FAULT_UNSECURED_POR,     /* PoR without checksum and ciphering */
	EUICC_FAULT_DROP_NOTIFICATION, /* argument: so many notifications get lost on the way; 0 = all */
	EUICC_FAULT_DROP_POR,	       /* argument: so many PoRs get lost on the way; 0 = all */
	EUICC_FAULT_HTTPS_CUT,	       /* argument: the connection breaks after so many octets, once */
	EUICC_FAULT_HTTPS_STALL,       /* argument: after so many requests of a session nothing is said any more */
	EUICC_FAULT_HTTPS_STATUS,    /* argument, enum admin_status: instead of running a script; 0 = security-error */
	EUICC_FAULT_HTTPS_GARBAGE,   /* answers to scripts are no response scripts */
	EUICC_FAULT_HTTPS_WRONG_EID, /* X-Admin-From names another eUICC */
	EUICC_FAULT_HTTPS_WRONG_PSK, /* holds another PSK than the SM-SR believes */
	EUICC_FAULT_HTTPS_NEXT_URI,  /* takes relative Next-URIs with a query only, as a live card does */
	EUICC_FAULT_BAD_PE,	     /* argument: number of the profile element, from 1, that the card refuses */
	EUICC_FAULT_PACKAGE_MEMORY,  /* argument: octets of a package after which there is no memory left */
	EUICC_FAULT_SCP03T_MAC,	     /* argument: number of the segment, from 1, whose MAC the card believes wrong */
	EUICC_N_FAULTS
};

/*! "silent", "wrong-key" ... as the control socket and the fault file spell them. */
const char *euicc_fault_name(enum euicc_fault fault);
/*! \returns 0; -ENOENT */
int euicc_fault_find(const char *name, enum euicc_fault *fault) MUST_CHECK;

/*! Settings of the fleet.  euicc_settings_default() fills in the defaults of lab/euicc/uncertain.h. */
struct euicc_settings {
	struct sms_addr smsr; /* where notifications go until a 3A07 says otherwise */
	uint8_t kvn;	      /* key version of the SCP80 key set, 1 .. 15 */
	uint8_t notify_aid_tag;
	uint8_t notify_after_disable;
	uint8_t notify_tries;
	bool declare_first_attach; /* send type 01 once in a life */
	uint32_t nv_total;	   /* octets of non-volatile memory for ISD-Ps */
	uint16_t volatile_free;
	uint32_t refresh_ms;	 /* from the last PoR segment to the new profile's attach */
	uint32_t attach_wait_ms; /* for the radio's answer to an attach */
	uint32_t reattach_ms;	 /* between two attempts without service */
	uint32_t mo_wait_ms;	 /* for the network's answer to a message of ours */
	uint32_t mo_retry_ms;
	uint8_t mo_tries;
	uint32_t notify_wait_ms;
	uint32_t rollback_ms;
	uint32_t fallback_ms;
	/* Administration over HTTPS: what neither the trigger nor the stored parameters say. */
	const char *https_host; /* name or address, for Host; where it is reached is known to the host; NULL: none */
	uint16_t https_port;
	const char *https_uri;
	uint8_t https_kvn;	 /* of the PSK */
	uint16_t https_retries;	 /* attempts after the first one */
	uint32_t https_retry_ms; /* between two attempts */
	uint32_t https_open_ms;	 /* for the connection and its handshake */
	uint32_t https_wait_ms;	 /* for the server's answer */
	bool https_length;	 /* Content-Length instead of chunks */
	bool https_resume_bare;	 /* a resumed request goes without the result that the server may not have seen */
	bool notify_https;	 /* notifications go over HTTPS, and by short message when that fails */
};

/*! Set every member to what euicc-sim --help names. */
void euicc_settings_default(struct euicc_settings *set);

/*! SCP80 keys of one card. */
struct euicc_keys {
	struct key *kic;
	struct key *kid;
};

struct euicc;

/*! What the ECASD of a card holds beside its certificate. */
struct euicc_ecasd {
	struct privkey *key; /* SK.ECASD.ECKA */
	enum ec_curve curve; /* of key */
	struct pubkey *ci;   /* PK.CI.ECDSA */
};

/*! What the host of a fleet gives to its cards when they first need it.  Both may be called again later. */
struct euicc_host {
	/*! \param[out] keys  talloc children of ctx.  \returns 0 or negative errno: the card then has no keys */
	int (*keys)(void *arg, const struct euicc *card, const void *ctx, struct euicc_keys *keys);
	/*! \param[out] cert  CERT.ECASD.ECKA, the whole 7F21 TLV, talloc child of ctx.  \returns 0 or negative errno */
	int (*ecasd_cert)(void *arg, const struct euicc *card, const void *ctx, struct bytes *cert);
	/*! Keys for the establishment of key sets; NULL: the cards cannot establish any.
	 * \param[out] ecasd  talloc children of ctx.  \returns 0 or negative errno */
	int (*ecasd)(void *arg, const struct euicc *card, const void *ctx, struct euicc_ecasd *ecasd);
	void *arg;
};

enum euicc_out_type {
	EUICC_OUT_ATTACH, /* phone with this IMSI switches on */
	EUICC_OUT_DETACH,
	EUICC_OUT_MT_ACK,  /* answer to euicc_rx_mt(), in order: cause, pdu = user data of the DELIVER-REPORT */
	EUICC_OUT_MO,	   /* pdu = SMS-SUBMIT TPDU; the network's answer comes by euicc_rx_mo_result() */
	EUICC_OUT_CONNECT, /* open the channel that https describes; the end of it comes by euicc_rx_https_*() */
	EUICC_OUT_SEND,	   /* pdu = plain text for the open channel */
	EUICC_OUT_CLOSE,   /* close it; with a cause: cut it, no close_notify.  Nothing more is to come from it */
	EUICC_OUT_EVENT,   /* text: one line for the log */
	EUICC_OUT_TRACE,   /* text: one line of the card's trace, when that is on */
};

/*! TLS channel that a card wants. */
struct euicc_channel {
	struct bytes address; /* 4 or 16 octets; empty: the host's own server */
	uint16_t port;
	const char *identity; /* PSK identity */
	uint8_t kvn;
	uint8_t kid;
	bool wrong_psk; /* fault: use another key */
};

/*! One output; a talloc child of the fleet.  The caller takes it from the list and frees it. */
struct euicc_out {
	struct llist_head entry;
	struct euicc *card;
	enum euicc_out_type type;
	char imsi[16];
	uint8_t cause; /* TS 24.011 RP-Cause, 0 = good */
	struct bytes pdu;
	const char *text;
	struct euicc_channel *https;
};

struct euicc_fleet {
	struct euicc_settings set;
	struct euicc_host host;
	struct crypto *crypto;
	int64_t now_ms;		/* the caller sets it before each input; it never goes back */
	struct llist_head outs; /* of struct euicc_out */
};

/*! \param[in] crypto  borrowed.  \returns talloc child of ctx, with default settings */
struct euicc_fleet *euicc_fleet_alloc(const void *ctx, struct crypto *crypto, const struct euicc_host *host);

/*! What leaves the factory. */
struct euicc_factory {
	uint8_t eid[EUICC_EID_LEN];
	uint8_t imei[8];		      /* mobile identity of TS 24.008 §10.5.1.4, for tag 14 */
	const struct euicc_profile *profiles; /* copied; exactly one ENABLED and one with the fall-back attribute */
	size_t n_profiles;
	void *host_data; /* the caller's, see euicc_host_data() */
};

/*! \returns talloc child of ctx, switched off; NULL when the profiles break the rule above or are too many */
struct euicc *euicc_alloc(const void *ctx, struct euicc_fleet *fleet, const struct euicc_factory *factory);

/* Inputs.  Each may append outputs to fleet->outs and move euicc_deadline().  What the radio says about an IMSI that
 * the phone does not use at that moment is ignored. */

/*! Switch the phone on or off (off detaches it and forgets what a card forgets without power). */
void euicc_power(struct euicc *card, bool on);
/*! The network's answer to EUICC_OUT_ATTACH. */
void euicc_rx_attached(struct euicc *card, const char *imsi, uint8_t cause);
/*! No service any more. */
void euicc_rx_lost(struct euicc *card, const char *imsi);
/*! SMS-DELIVER TPDU for the phone. */
void euicc_rx_mt(struct euicc *card, const char *imsi, struct bytes tpdu);
/*! The network's answer to the oldest EUICC_OUT_MO. */
void euicc_rx_mo_result(struct euicc *card, const char *imsi, uint8_t cause);
/*! The channel is open: connected, and the handshake is done. */
void euicc_rx_https_open(struct euicc *card);
/*! Plain text from the channel. */
void euicc_rx_https_data(struct euicc *card, struct bytes plain);
/*! The channel cannot be opened, or has gone.  \param[in] why  for the log */
void euicc_rx_https_closed(struct euicc *card, const char *why);
/*! When euicc_tick() wants to be called; EUICC_NEVER = not at all.  Milliseconds, same clock as fleet->now_ms. */
int64_t euicc_deadline(const struct euicc *card);
void euicc_tick(struct euicc *card);

/*! One command APDU as if a secured packet had brought it: for tests and the control socket.  SELECT (00 A4 04 00) of
 * ISD-R, ECASD or an ISD-P says where the following ones go.
 * \param[out] rapdu  data and status word, talloc child of ctx.  \returns 0; -ENOSPC */
int euicc_apdu(struct euicc *card, const void *ctx, struct bytes capdu, struct bytes *rapdu) MUST_CHECK;

/*! One command script that came by another bearer than SMS, already proven and deciphered: AE 80 .. 00 00 or AA L ..
 * \param[in]  target_aid  application that gets it; empty: the ISD-R
 * \param[out] response    response script in the form of the command, talloc child of ctx
 * \returns 0; -ENOENT when no application has this AID: nothing was done */
int euicc_script(struct euicc *card, const void *ctx, struct bytes target_aid, struct bytes script,
		 struct bytes *response) MUST_CHECK;

/*! Start an administration session as if a secured packet to the ISD-R had brought this trigger.
 * \returns 0; -EINVAL when it is no trigger; -EBUSY a session is open; -ENOENT no server is known */
int euicc_trigger(struct euicc *card, struct bytes trigger) MUST_CHECK;
/*! The bearer of euicc_script() is free: a REFRESH that waited for it goes. */
void euicc_session_end(struct euicc *card);

/* Lab switches. */
void euicc_fault_set(struct euicc *card, enum euicc_fault fault, bool on, uint32_t arg);
/*! Take coverage from every profile of the card with this IMSI, or give it back.  \returns 0; -ENOENT */
int euicc_coverage_set(struct euicc *card, const char *imsi, bool on) MUST_CHECK;
/*! Set POL1 of a profile.  \returns 0; -ENOENT */
int euicc_pol1_set(struct euicc *card, const uint8_t aid[EUICC_AID_LEN], uint8_t pol1) MUST_CHECK;
void euicc_trace_set(struct euicc *card, bool on);

/* State. */

/*! Did anything change that must survive a loss of power?  Asking does not reset it; euicc_save() does. */
bool euicc_dirty(const struct euicc *card);
/*! \returns the whole state as BER-TLV, talloc child of ctx */
struct bytes euicc_save(struct euicc *card, const void *ctx);
/*! Put a saved state in place of the factory's.  The card must be switched off.
 * \returns 0; -EINVAL when it is malformed or of another EID: the card is unchanged */
int euicc_load(struct euicc *card, struct bytes saved) MUST_CHECK;

/* Views for tests, control socket and logs. */
void *euicc_host_data(const struct euicc *card);
const uint8_t *euicc_eid(const struct euicc *card);
size_t euicc_n_profiles(const struct euicc *card);
const struct euicc_profile *euicc_profile_at(const struct euicc *card, size_t i);
/*! The enabled profile (there is always one). */
const struct euicc_profile *euicc_enabled(const struct euicc *card);
bool euicc_powered(const struct euicc *card);
bool euicc_has_service(const struct euicc *card);
uint64_t euicc_counter(const struct euicc *card);
/*! Notification waiting for its confirmation.  \returns its type; EUICC_NOTIFY_NONE = none waits */
enum euicc_notify_type euicc_pending(const struct euicc *card, uint16_t *seq);
/*! A profile package as it was received and installed. */
struct euicc_package {
	uint8_t sha256[32];
	uint32_t len;
	struct bytes octets; /* until the card is reset; then empty */
};
/*! \returns false when no package was installed in this ISD-P */
bool euicc_package(const struct euicc *card, const struct euicc_profile *profile, struct euicc_package *package);
/*! Is an administration session open, or waiting for its next attempt? */
bool euicc_in_session(const struct euicc *card);
/*! Many lines for people, talloc child of ctx. */
char *euicc_describe(const struct euicc *card, const void *ctx);
