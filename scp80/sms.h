/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/codec/bytes.h"

/* Short message TPDUs (TS 23.040) and what the terminal and the card say about them (TS 31.111), as far as secured
 * packets need them. */

#define SMS_PID_USIM_DOWNLOAD 0x7f /* (U)SIM data download */
#define SMS_DCS_CLASS2_8BIT 0xf6
#define SMS_ADDR_DIGITS_MAX 20

/*! A numeric address. */
struct sms_addr {
	uint8_t type;			      /* type-of-address octet: 91 international E.164, 81 unknown */
	char digits[SMS_ADDR_DIGITS_MAX + 1]; /* also * # a b c, as TS 23.040 §9.1.2.3 has them */
};

/*! \param[in]  text  digits; a leading + gives type 91, else type is taken
 * \param[out] addr  untouched on error
 * \returns 0; -EINVAL empty or not numeric; -ENOSPC more than 20 digits */
int sms_addr_set(struct sms_addr *addr, uint8_t type, const char *text) MUST_CHECK;

/*! SMS-DELIVER, service centre to mobile. */
struct sms_deliver {
	bool more; /* more messages wait: TP-MMS sent as 0 */
	bool udhi;
	struct sms_addr oa;
	uint8_t pid;
	uint8_t dcs;
	uint8_t scts[7];
	struct bytes ud;
};

/*! \returns 0; -EINVAL for an address that is none, or a DCS with 7-bit text; -ENOSPC when ud exceeds 140 octets */
int sms_deliver_enc(const struct sms_deliver *sms, struct wr *w) MUST_CHECK;
/*! \param[out] sms  ud is a view into tpdu; untouched on error
 * \returns 0; -EINVAL malformed or another type; -EOPNOTSUPP alphanumeric address (a card could not answer it);
 *          -ENOSPC address above 20 digits */
int sms_deliver_dec(struct bytes tpdu, struct sms_deliver *sms) MUST_CHECK;

/*! SMS-SUBMIT, mobile to service centre. */
struct sms_submit {
	bool udhi;
	bool status_report;
	uint8_t mr;
	struct sms_addr da;
	uint8_t pid;
	uint8_t dcs;
	struct bytes vp; /* 0, 1 (relative) or 7 octets (absolute; enhanced on input only) */
	struct bytes ud;
};

/*! Errors as sms_deliver_enc(); -EINVAL for a validity period of another length. */
int sms_submit_enc(const struct sms_submit *sms, struct wr *w) MUST_CHECK;
/*! Errors as sms_deliver_dec(). */
int sms_submit_dec(struct bytes tpdu, struct sms_submit *sms) MUST_CHECK;

/*! Longest user data of an SMS-DELIVER-REPORT to RP-ACK. */
#define SMS_REPORT_UD_ACK 159

/* ---- terminal and card ---- */

/*! Value of the address object of TS 102 223: type octet and digits, no count.  \returns 0; -EINVAL; -ENOSPC */
int sms_addr_value_enc(const struct sms_addr *addr, struct wr *w) MUST_CHECK;

/*! ENVELOPE (SMS-PP DOWNLOAD) as a whole C-APDU.
 * \param[in] smsc  service centre, or NULL
 * \returns 0; -ENOSPC when it exceeds one short C-APDU */
int sms_envelope_enc(const struct sms_addr *smsc, struct bytes tpdu, struct wr *w) MUST_CHECK;
/*! \param[out] tpdu  view into apdu.  \returns 0; -EINVAL */
int sms_envelope_dec(struct bytes apdu, struct bytes *tpdu) MUST_CHECK;
