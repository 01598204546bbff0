/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/codec/bytes.h"
#include "smsr/cfg.h"
#include "smsr/ports.h"
#include "tests/sim/sim.h"

/* Service centres and the network behind them: messages wait for devices that are away, in both directions some get
 * lost, late, doubled, cut. */

/*! Links of the run. */
void smsc_configure(struct sim *s, struct smsr_cfg *cfg);
/*! Of the n-th, counted round. */
const char *smsc_name(unsigned int n);
const char *smsc_reserve(struct sim *s);
void smsc_submit(struct sim *s, const struct sms_out *sms);
void smsc_ack(struct sim *s, const char *name, uint64_t token, bool ok);
/*! The SM-SR gives a link nothing more, or again; makes its connection new. */
void smsc_pause(struct sim *s, const char *name, bool paused);
void smsc_reconnect(struct sim *s, const char *name);
/*! A message of a card.  \returns RP-Cause for the phone, 0 = taken */
uint8_t smsc_from_card(struct sim *s, unsigned int card, const char *msisdn, bool udhi, struct bytes ud);
/*! A device can be reached again. */
void smsc_attached(struct sim *s, unsigned int card);
void smsc_daemon_died(struct sim *s);
void smsc_daemon_started(struct sim *s);
/*! Messages from or to this card that are on their way. */
unsigned int smsc_on_its_way(struct sim *s, unsigned int card);
