/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/codec/bytes.h"

/* The air: what passes between a radio (smsc-sim with its built-in radio, or vphone behind osmo-msc) and the cards.
 *
 * euicc-sim listens on a UNIX socket of type SOCK_SEQPACKET; a radio connects to it.  One datagram is one message:
 *
 *   offset 0   1  type (enum air_type)
 *          1   1  cause (TS 24.011 RP-Cause for AIR_MT_ACK; 0 elsewhere = good, anything else = refused)
 *          2   1  n, digits of the IMSI (6 .. 15)
 *          3   n  IMSI in ASCII: it names the phone
 *        3+n      payload: a TPDU (TS 23.040), or empty
 *
 * A phone exists for the radio from AIR_ATTACH to AIR_DETACH.  A card that changes its profile detaches the old IMSI
 * and attaches the new one. */

#define AIR_MAX 512

enum air_type {
	AIR_ATTACH = 1,	   /* card -> radio: phone with this IMSI switched on */
	AIR_DETACH = 2,	   /* card -> radio: switched off */
	AIR_ATTACHED = 3,  /* radio -> card: cause 0 = has service; else the network refused */
	AIR_MT = 4,	   /* radio -> card: SMS-DELIVER TPDU */
	AIR_MT_ACK = 5,	   /* card -> radio: answer to AIR_MT, in order; payload = user data of the DELIVER-REPORT */
	AIR_MO = 6,	   /* card -> radio: SMS-SUBMIT TPDU */
	AIR_MO_RESULT = 7, /* radio -> card: answer to AIR_MO, in order; cause 0 = the service centre took it */
	AIR_LOST = 8,	   /* radio -> card: no service any more (network gone, subscriber barred) */
};

struct air_msg {
	enum air_type type;
	uint8_t cause;
	char imsi[16];
	struct bytes payload;
};

/*! \param[out] out  caller's buffer of AIR_MAX octets
 * \returns number of octets; -EINVAL for a bad IMSI, -ENOSPC when the payload is too long */
int air_enc(const struct air_msg *msg, uint8_t out[AIR_MAX]) MUST_CHECK;
/*! \param[out] msg  payload is a view into datagram; untouched on error.  \returns 0; -EINVAL */
int air_dec(struct bytes datagram, struct air_msg *msg) MUST_CHECK;
