/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/codec/bytes.h"

/* CP and RP layer of the short message service, TS 24.011, seen from the phone.  Pure. */

enum cp_type {
	CP_DATA = 0x01,
	CP_ACK = 0x04,
	CP_ERROR = 0x10,
};

/*! RP message types that the network sends (the phone's own are one less). */
enum rp_type {
	RP_DATA = 1,
	RP_ACK = 3,
	RP_ERROR = 5,
};

/* TS 24.011 RP-Cause */
#define RP_CAUSE_NET_OUT_OF_ORDER 38
#define RP_CAUSE_TEMPORARY 41
#define RP_CAUSE_INVALID 96
#define RP_CAUSE_PROTOCOL_ERROR 111

#define RP_MAX 248 /* octets of an RP message */
#define CP_MAX (RP_MAX + 3)
#define TPDU_MAX 232 /* TS 24.011: RP-User-Data of RP-DATA, less its two octets of header */

#define TI_FLAG 0x8 /* in received messages: set = the phone started the transaction */

struct cp_msg {
	uint8_t ti;   /* with TI_FLAG */
	uint8_t type; /* enum cp_type, or any other */
	struct bytes rp;
};

struct rp_msg {
	uint8_t type; /* enum rp_type, or any other */
	uint8_t mr;
	uint8_t cause;	   /* RP_ERROR only */
	struct bytes tpdu; /* RP_DATA only */
};

/*! \param[out] msg  rp is a view into l3; untouched on error.  \returns 0; -EINVAL */
int cp_dec(struct bytes l3, struct cp_msg *msg) MUST_CHECK;
/*! \param[out] msg  tpdu is a view into rp; untouched on error.  \returns 0; -EINVAL */
int rp_dec(struct bytes rp, struct rp_msg *msg) MUST_CHECK;

/*! CP-ACK.  \param[in] ti  as sent by us: with TI_FLAG when the network started the transaction */
void cp_ack_enc(struct wr *w, uint8_t ti);
/*! CP-DATA around one RP message of at most RP_MAX octets.  \param[in] ti  as for cp_ack_enc() */
void cp_data_enc(struct wr *w, uint8_t ti, struct bytes rp);

/*! RP-DATA, phone to network.
 * \param[in] sc    service centre address as the octets of an RP address (type of number, BCD digits)
 * \param[in] tpdu  SMS-SUBMIT */
void rp_data_enc(struct wr *w, uint8_t mr, struct bytes sc, struct bytes tpdu);
/*! RP-ACK (cause 0) or RP-ERROR, phone to network, answering an RP-DATA.
 * \param[in] ud  user data for an SMS-DELIVER-REPORT; empty = no report */
void rp_answer_enc(struct wr *w, uint8_t mr, uint8_t cause, struct bytes ud);
