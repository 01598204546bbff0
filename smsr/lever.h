/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "smsr/smsr.h"

/* What an operator can do by hand, the same from VTY, CTRL and the admin socket.  Each action is an event; what it says
 * leaves after the commit, because answers are written in a later round of the loop (P1).  Each leaves a row in the
 * audit trail. */

struct lever {
	/* in; texts are borrowed */
	const void *ctx; /* for the texts of the outcome */
	const char *by;	 /* "VTY", "CTRL", "admin" */
	enum pause_scope scope;
	const char
		*name; /* pause, resume: link, EID, or name or OID of a peer; reconnect: link; hurry: peer, NULL: all */
	const char *eid;  /* audit, counter */
	int64_t id;	  /* cancel: operation */
	int version;	  /* counter: of the key set */
	uint64_t value;	  /* counter: used last */
	int64_t max;	  /* bulk audit; 0: all */
	struct bytes xml; /* import */
	/* out */
	const char *text; /* what was done, or why it was not */
	int64_t op_id;	  /* audit */
	int64_t n;	  /* how many rows it concerns */
};

/*! Handler of an action: \returns 0; -ENOENT no such thing; -EINVAL wrong argument; -EBUSY not now; db errors */
typedef int (*lever_cb)(void *smsr, void *lever);

/*! Run an action as an event in the open turn and log it.
 * \returns as the handler; l->text is set in any case */
int lever_pull(struct smsr *s, lever_cb action, struct lever *l) MUST_CHECK;

/*! Hold back: everything that leaves (PAUSE_ALL), new operations (PAUSE_DRAIN), one link, one eUICC, one requester.
 * Survives a restart.  A card that waits for its confirmation is served all the same, except under PAUSE_ALL. */
int smsr_ev_pause(void *smsr, void *lever);
/*! Release, and start what waited. */
int smsr_ev_resume(void *smsr, void *lever);
/*! Name in the log what is held back: after a restart, or a backup that was put back, nobody may remember it.
 * \returns 0; -EIO */
int lever_log_pauses(struct smsr *s) MUST_CHECK;
/*! Let one link give up its connection and make a new one. */
int smsr_ev_reconnect(void *smsr, void *lever);
int smsr_ev_cancel(void *smsr, void *lever);
/*! Queue an audit of one eUICC. */
int smsr_ev_audit(void *smsr, void *lever);
/*! Queue audits of those that are to be audited and have nothing else to do, "limit bulk-per-s" each second.  Goes on
 * from where it is until done; not taken up after a restart. */
int smsr_ev_audit_bulk(void *smsr, void *lever);
/*! Counter of an SCP80 key set: only up. */
int smsr_ev_counter(void *smsr, void *lever);
/*! Register an EIS without a check of its signature. */
int smsr_ev_import(void *smsr, void *lever);
/*! What waits in the outbox for a later attempt is tried now. */
int smsr_ev_hurry(void *smsr, void *lever);

/* ---- work in slices, for smsr_ev_tick() ---- */

/*! Start what waits on idle eUICCs: after a resume and at start. */
void lever_wake(struct smsr *s);
/*! \param[out] more  something is left to do at once */
int lever_slice(struct smsr *s, bool *more) MUST_CHECK;
/*! 0: nothing waits. */
int64_t lever_due_ms(const struct smsr *s);

/* ---- looking ---- */

enum lever_key {
	KEY_EID,
	KEY_MSISDN,
	KEY_IMSI,
	KEY_ICCID
};

/*! \param[out] e  texts on ctx
 *  \returns 0; -EINVAL not the form of such a number; -ENOENT; -EEXIST two eUICCs claim it */
int lever_find(struct smsr *s, const void *ctx, enum lever_key key, const char *value, struct euicc *e) MUST_CHECK;

/*! How much there is. */
struct lever_figures {
	int64_t euiccs, audit_due;
	int64_t ops[OP_ST_DONE + 1]; /* the last: ended since the start */
	int64_t outbox_waiting;
	int64_t parts_waiting;
};

/*! \returns 0; -EIO */
int lever_figures(struct smsr *s, struct lever_figures *f) MUST_CHECK;
/*! Counter since the start. */
uint64_t smsr_ctr(const struct smsr *s, enum smsr_ctr ctr);
