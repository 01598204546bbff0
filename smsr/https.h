/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "scp81/http_msg.h"
#include "smsr/bearer.h"
#include "smsr/cmd.h"
#include "smsr/https_db.h"

/* Commands over HTTPS (SCP81): the second half of smsr/bearer.h.
 *
 * An operation's commands are cut into scripts and stored.  When no session of the eUICC is open a trigger goes out by
 * SMS, as a command of its own kind.  The card connects; each POST of it is an event, and what it is answered leaves
 * after the commit.  A script whose result has come is never sent again.
 *
 *   CLOSED --job--> TRIGGERED --POST--> OPEN --all answered--> CLOSED (204), or parked for the operation announced
 *                       ^                 \--connection lost, scripts left--/ */

/* ---- events of the daemon ---- */

/*! A POST of a card: smsr_ev_https_request(). */
struct https_request {
	uint64_t conn;
	const uint8_t *eid; /* EID_LEN octets, authenticated by the PSK */
	const struct http_msg *msg;
	unsigned int nth; /* of its connection, from 1 */
};
int smsr_ev_https_request(void *smsr, void *https_request);

/*! A card has connected, and its handshake is done: smsr_ev_https_opened().  Comes before the card can send anything.
 */
struct https_opened {
	const uint8_t *eid; /* EID_LEN octets, authenticated by the PSK */
};
int smsr_ev_https_opened(void *smsr, void *https_opened);

/*! A connection has gone: smsr_ev_https_closed(). */
struct https_gone {
	uint64_t conn;
	const char *why;
};
int smsr_ev_https_closed(void *smsr, void *https_gone);

/* ---- for the engine ---- */

/*! After a restart: no connection stands. */
int https_recover(struct smsr *s) MUST_CHECK;
/*! Sessions and jobs that are due.  \param[out] more  others are left */
int https_tick(struct smsr *s, bool *more) MUST_CHECK;
/*! The operation's time is over.  \returns 1 when a job was out and the operation was told; 0 there was none */
int https_deadline(struct smsr *s, struct op_run *r) MUST_CHECK;
/*! The operation wants no answer any more. */
int https_close(struct smsr *s, int64_t op_id) MUST_CHECK;

/* ---- for the bearer ---- */

/*! Whether a job goes over HTTPS.
 * \param[in] sms_fits  it could go by SMS as well
 * \param[out] yes
 * \returns 0; db errors */
int https_wanted(struct smsr *s, const struct op_run *r, const struct bearer_job *job, bool sms_fits,
		 bool *yes) MUST_CHECK;
/*! Store scripts; trigger the card, or answer the POST that waits.
 * \returns 0; -EINVAL no whole TLVs, or no MSISDN to trigger; -ENOKEY; -ENOSPC; db errors */
int https_send(struct smsr *s, struct op_run *r, const struct bearer_job *job) MUST_CHECK;

/* ---- triggers (commands of kind CMD_TRIGGER) ---- */

/*! Seal and send one.  Errors as cmd_send(). */
int https_trigger(struct smsr *s, struct op_run *r, struct https_job *job) MUST_CHECK;
/*! Service centres have taken all of it: the time for the card runs. */
int https_trigger_taken(struct smsr *s, const struct command *cmd) MUST_CHECK;
/*! A service centre refused it. */
int https_trigger_refused(struct smsr *s, struct command *cmd, const char *why) MUST_CHECK;
/*! The card's response packet: it has the trigger, or does not want it. */
int https_trigger_answered(struct smsr *s, struct command *cmd, uint8_t status) MUST_CHECK;

/*! The card said by which number it is reached now: triggers go there, the next one at once when none is on its way. */
int https_follow(struct smsr *s, int64_t op_id, const char *dest) MUST_CHECK;

/* ---- shared by its files ---- */

/*! Settings for this card.  \returns NULL when HTTPS is not for it */
const struct https_fleet *https_fleet_for(const struct smsr *s, const struct euicc *e);
/*! Answer the POST that waits, if one does: next script, parking, or the end. */
int https_serve(struct smsr *s, const struct euicc *e) MUST_CHECK;
/*! Close a job; its scripts are not kept.  \param[in] state  why */
int https_job_end(struct smsr *s, struct https_job *job, enum cmd_state state) MUST_CHECK;
/*! End a job in vain and tell its operation: SILENT when a script has left, else UNREACHED. */
int https_give_up(struct smsr *s, struct https_job *job, const char *why) MUST_CHECK;
/*! Triggers do not bring the card: SMS in place of HTTPS, or else the end of the job in vain. */
int https_fall_back(struct smsr *s, struct op_run *r, struct https_job *job, const char *why) MUST_CHECK;
/*! Settings that say how long to wait for it: a card whose fleet is gone from the configuration does not wait for ever.
 */
const struct https_fleet *https_times_for(const struct smsr *s, const struct euicc *e);
/*! How long to wait for the card behind the trigger that went last. */
int64_t https_wait_ms(const struct https_fleet *f, const struct https_job *job);
/*! A script template of indefinite form around TLVs (TS 102 226).  \param[out] out  on turn_ctx() */
int https_template(struct smsr *s, uint8_t tag, struct bytes tlvs, struct bytes *out) MUST_CHECK;
/*! A result came: keep it; behind the last one, or one that ends the job, tell the operation. */
int https_result(struct smsr *s, struct https_session *ss, const struct dialog_out *out) MUST_CHECK;
/*! The card asks for the first script once more, and it may be a later session of it: whether it may have had that
 * script. */
bool https_in_doubt(const struct https_session *ss, const struct https_job *job);
/*! The card began a new session with script seq of the old one unanswered; resumed: it went on with the old one, and
 * the result is lost. */
int https_lost(struct smsr *s, struct https_session *ss, uint32_t seq, bool resumed) MUST_CHECK;
