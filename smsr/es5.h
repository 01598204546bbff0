/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/codec/bytes.h"

/* ES5: the commands that an SM-SR sends to the ISD-R, and what comes back.  Pure. */

/*! ISD-P AIDs are of 16 octets; the type of the off-card interfaces allows 5 to 16. */
#define AID_MIN 5
#define AID_MAX 16

/*! STORE DATA 3A03 and 3A04.  SGP.02 ES5.EnableProfile, ES5.DisableProfile. */
int es5_enable_profile(struct bytes aid, struct wr *w) MUST_CHECK;
int es5_disable_profile(struct bytes aid, struct wr *w) MUST_CHECK;
/*! DELETE.  SGP.02 ES5.DeleteProfile. */
int es5_delete_profile(struct bytes aid, struct wr *w) MUST_CHECK;
/*! INSTALL [for install and make selectable].  SGP.02 ES5.CreateISDP.
 * \param[in] memory  octets of non-volatile memory to reserve; 0: no quota */
int es5_create_isdp(struct bytes aid, uint32_t memory, struct wr *w) MUST_CHECK;
/*! STORE DATA 3A07 to an ISD-P, in as many blocks as it takes, as command TLVs (22).
 * \param[in] value  of the DGI.  \returns 0; -EINVAL; -ENOSPC */
int es5_connectivity(struct bytes value, struct wr *w) MUST_CHECK;
/*! AID of the ISD-P with this TAR, 16 octets.  SGP.02 Annex H. */
#define ES5_ISDP_TAR_MIN 0x000010
#define ES5_ISDP_TAR_MAX 0x00ffff
void es5_isdp_aid(uint32_t tar, uint8_t aid[AID_MAX]);
/*! STORE DATA 3A08.  SGP.02 ES5.HandleNotificationConfirmation. */
int es5_confirm_notification(uint16_t seq, struct wr *w) MUST_CHECK;
/*! GET STATUS of all ISD-Ps; next continues after the status word 6310.  SGP.02 ES5.eUICCCapabilityAudit. */
int es5_get_status(bool next, struct wr *w) MUST_CHECK;
/*! GET DATA FF21: memory. */
int es5_get_memory(struct wr *w) MUST_CHECK;

/*! Status words that mean something here; any other than 9000 and 61xx is a plain failure. */
enum es5_sw {
	ES5_SW_POL1 = 0x69e1,	    /* POL1 forbids it */
	ES5_SW_CONDITIONS = 0x6985, /* wrong state, or fall-back attribute */
	ES5_SW_NO_AID = 0x6a82,	    /* on DELETE: already gone */
	ES5_SW_NO_MEMORY = 0x6a84,  /* CreateISDP */
	ES5_SW_NO_DATA = 0x6a88,    /* unknown AID, or sequence number */
	ES5_SW_MORE = 0x6310,	    /* GET STATUS: there is more */
};

/*! Life cycle of an ISD-P (tag 9F70). */
enum es5_life {
	ES5_LIFE_SELECTABLE = 0x07,
	ES5_LIFE_PERSONALIZED = 0x0f,
	ES5_LIFE_DISABLED = 0x1f,
	ES5_LIFE_ENABLED = 0x3f,
};

/*! One E3 of GET STATUS; figures are -1 when the card did not send them. */
struct es5_isdp {
	struct bytes aid; /* view */
	enum es5_life life;
	int fallback;
	int64_t granted_memory;
	int64_t remaining_memory;
};

/*! Next ISD-P of a GET STATUS answer.  \returns false at the end or when the reader failed: ask rd_end() */
bool es5_isdp_next(struct rd *r, struct es5_isdp *isdp);

/*! FF21.  \param[out] free_memory  non-volatile octets.  \returns 0; -EINVAL */
int es5_memory_dec(struct bytes data, int64_t *free_memory) MUST_CHECK;

/*! Answer to 3A08: 80 L { 4F AID }, or nothing.
 * \param[out] aids  value of the 80, to be walked with es5_deleted_next().  \returns 0; -EINVAL */
int es5_confirmed_dec(struct bytes data, struct bytes *aids) MUST_CHECK;
/*! \returns false at the end */
bool es5_deleted_next(struct rd *r, struct bytes *aid);

/*! Types of the default notification (tag 4D). */
enum es5_notif_type {
	ES5_NOTIF_FIRST = 0x01,	      /* the eUICC declares itself, once in its life */
	ES5_NOTIF_CHANGED = 0x02,     /* profile change succeeded */
	ES5_NOTIF_ROLLED_BACK = 0x03, /* profile change failed, the former profile is enabled again */
	ES5_NOTIF_FALLBACK = 0x05,    /* profile change after fall-back */
};

/*! E1 of a notification; views. */
struct es5_notif {
	struct bytes eid; /* 16 octets */
	uint8_t type;	  /* enum es5_notif_type, or a value that we do not know */
	uint16_t seq;
	struct bytes aid; /* enabled ISD-P; empty when the card did not send it */
	struct bytes imei;
	struct bytes meid;
	bool by_https; /* set by who received it; else by SMS */
};

/*! \returns 0; -EINVAL when malformed, or without EID, type or sequence number */
int es5_notif_dec(struct bytes data, struct es5_notif *notif) MUST_CHECK;
const char *es5_notif_name(uint8_t type);
