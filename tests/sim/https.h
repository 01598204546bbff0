/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/codec/bytes.h"
#include "common/es/es_types.h"
#include "lab/euicc/euicc.h"
#include "smsr/cfg.h"
#include "tests/sim/sim.h"

/* HTTPS (SCP81) between cards and the SM-SR, behind TLS: connections of octets, which come late, break and stall.  On
 * the card's end is the administration agent of lab/euicc with its own retries and resumption; on the other the engine.
 *
 * For other actors there is nothing to do: what an operation sends goes by the bearer that the engine chooses.  To a
 * card for which https_card() is true a job that is too long for short messages goes by HTTPS, always; to the others it
 * fails. Which cards these are is a matter of the seed; in a third of the seeds there are none. */

/*! Whether this card speaks HTTPS. */
bool https_card(struct sim *s, unsigned int card);
/*! Nothing of it is open or on its way. */
bool https_is_quiet(struct sim *s, unsigned int card);

/* ---- for the daemon ---- */

/*! Settings of the bearer for this run. */
void https_configure(struct sim *s, struct smsr_cfg *cfg);
/*! The port of the engine. */
void https_answer(struct sim *s, uint64_t conn, struct bytes octets, bool close);
void https_daemon_died(struct sim *s);

/* ---- for the devices ---- */

/*! What the EUM says about such a card: key set, capability, its EUM. */
void https_eis(struct sim *s, const void *ctx, unsigned int card, struct es_eis *eis);
/*! Settings of such cards. */
void https_settings(struct sim *s, struct euicc_settings *set);
void https_connect(struct sim *s, unsigned int card, const struct euicc_channel *channel);
void https_from_card(struct sim *s, unsigned int card, struct bytes octets);
/*! The card closes its channel.  \param[in] cut  without saying so */
void https_card_closes(struct sim *s, unsigned int card, bool cut);
/*! A line of the card's own trace. */
void https_card_tells(struct sim *s, unsigned int card, const char *line);
