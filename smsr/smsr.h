/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/app/life.h"
#include "common/app/turn.h"
#include "common/crypto/crypto.h"
#include "common/crypto/keystore.h"
#include "smsr/cfg.h"
#include "smsr/ports.h"
#include "smsr/store.h"

/* The operations engine of the SM-SR: a function from (rows, event) to (rows, outputs).  Everything it needs from the
 * world is in this struct: store, turn, keys, configuration, and the ports through which its outputs leave after the
 * commit.  The daemon (smsr/daemon.c) fills it with real ones, tests and simulators with theirs; the engine is the
 * same.
 *
 * Every function named smsr_ev_* is an event: the caller runs it through turn_event().  They return 0 or a negative
 * errno, which drops what the event did. */

struct es_ctx;
struct rate_ctr_group;
struct trust;

/*! Belongs to smsr/lever.c. */
struct lever_slices {
	bool waking; /* idle eUICCs are being started, from this row on */
	int64_t wake_after;
	int64_t audits_left; /* of a bulk audit */
	int64_t audit_after;
	int64_t audit_ms; /* next slice of them */
};

struct smsr {
	struct db *db;
	struct turn *turn;
	struct keystore *keystore;
	struct crypto *crypto;
	const struct smsr_cfg *cfg;
	struct es_ctx *es;	   /* XML of the core thread: signatures of EUMs, imports */
	const struct trust *trust; /* EUM certificates; NULL: none */
	const struct smsr_ports *ports;
	void *ports_priv;
	int64_t epoch; /* of the store: raised by a restore */
	struct rate_ctr_group *ctrs;
	int64_t retire_ms;	    /* next look at what may be forgotten */
	struct life life;	    /* signs of life (smsr/restore.h) */
	struct lever_slices slices; /* work of operators that is done little by little (smsr/lever.h) */
	bool sms_blocked;	    /* no link has room: parts wait for smsr_sms_room() and not for a time */
	int last_lane;		    /* of short messages, served last (smsr/lane.h) */
};

enum smsr_ctr {
	CTR_REQUESTS,
	CTR_REQUESTS_REFUSED,
	CTR_OPS_SUCCESS,
	CTR_OPS_WARNING,
	CTR_OPS_FAILED,
	CTR_OPS_EXPIRED,
	CTR_COMMANDS,
	CTR_COPIES,
	CTR_POR,
	CTR_POR_REJECTED,
	CTR_NOTIFICATIONS,
	CTR_NOTIFICATIONS_REJECTED,
	CTR_MO_UNKNOWN,
	CTR_CALLBACKS,
	CTR_CALLBACK_ERRORS,
	CTR_CALLBACKS_GIVEN_UP,
	CTR_TURNS,
	CTR_CERT_WARNINGS,
	CTR_RESTORES,
	CTR_HTTPS_SESSIONS,
	CTR_HTTPS_REQUESTS,
	CTR_HTTPS_REFUSED,
	CTR_HTTPS_SCRIPTS,
	CTR_HTTPS_TRIGGERS,
	CTR_HTTPS_FAILURES,
};

/*! \returns talloc child of ctx; the members above ctrs are the caller's to fill in */
struct smsr *smsr_alloc(const void *ctx);
void smsr_count(struct smsr *s, enum smsr_ctr ctr);
/*! Handle one row of many, within an event: one that nobody can handle (a defect of ours, a damaged row) is logged with
 * its kind and number, what was done for it is taken back, and the others go on.
 * \returns what counts: 0, or that the store is broken */
int smsr_isolated(struct smsr *s, int (*handle)(struct smsr *s, int64_t id), int64_t id, const char *what) MUST_CHECK;

/*! First event after the store was opened: detect a restored file, note the start, take up what was in flight. */
int smsr_ev_start(void *smsr, void *unused);
/*! Work that is due: operations, parts to submit, messages of the outbox, retention.  Bounded; more may be left.
 * \param[in] more  bool *: set when another round is wanted at once; may be NULL */
int smsr_ev_tick(void *smsr, void *more);
/*! A link has room again. */
void smsr_sms_room(struct smsr *s);
/*! When smsr_ev_tick() wants to be called next; 0: nothing waits. */
int64_t smsr_next_tick_ms(struct smsr *s);
