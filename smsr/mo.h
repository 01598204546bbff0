/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "smsr/smsr.h"

/* Short messages from cards and receipts from service centres.  Each event also acknowledges the delivery: the
 * acknowledgement leaves after the commit that holds what came.  When the event fails, the caller refuses the delivery
 * as temporary, so that it comes again. */

/*! A message from a card: smsr_ev_mo(). */
struct sms_mo {
	const char *smsc;
	uint64_t token;
	const char *source; /* MSISDN or IMSI, digits */
	bool udhi;
	struct bytes ud;
};

/*! Rejections (unknown card, wrong MAC, malformed) are counted and logged, change nothing, and are acknowledged.
 * \returns 0; db errors */
int smsr_ev_mo(void *smsr, void *sms_mo);

/*! A delivery receipt: smsr_ev_receipt(). */
struct sms_receipt {
	const char *smsc;
	uint64_t token;
	const char *message_id[2]; /* forms to look for, in order; NULL: none */
	const char *state;	   /* word for the timeline */
	const char *error;	   /* "" when not told */
	bool delivered;
	bool final;
};
int smsr_ev_receipt(void *smsr, void *sms_receipt);

/*! The phone with this address can be reached now: const char *, digits. */
int smsr_ev_alert(void *smsr, void *address);

/*! Queue the acknowledgement of a delivery. */
void mo_ack(struct smsr *s, const char *smsc, uint64_t token);

/*! A whole packet from a card: por.c and notif.c.  source as in struct sms_mo. */
int por_rx(struct smsr *s, const char *source, struct bytes pkt) MUST_CHECK;
int notif_rx(struct smsr *s, const char *source, struct bytes pkt) MUST_CHECK;
struct es5_notif;
/*! A notification that was authenticated as one of this eUICC, whatever it came by. */
int notif_take(struct smsr *s, const char *source, struct euicc *e, const struct es5_notif *n) MUST_CHECK;
