/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include <osmocom/core/linuxlist.h>

#include "common/app/life.h"
#include "common/app/turn.h"
#include "common/crypto/crypto.h"
#include "common/crypto/keystore.h"
#include "common/peer/outbox.h"
#include "smdp/cfg.h"
#include "smdp/store.h"

/* The engine of the SM-DP: a function from (rows, event) to (rows, outputs).  Everything it needs from the world is in
 * this struct; its outputs leave through the ports after the commit.  The daemon (smdp/daemon.c) fills it with real
 * ones, tests with theirs.
 *
 * Every function named smdp_ev_* is an event: the caller runs it through turn_event().  They return 0 or a negative
 * errno, which drops what the event did. */

struct dp_identity;
struct es_ctx;
struct rate_ctr_group;
struct stock;
struct trust;

struct smdp_ports {
	/*! ref comes back in struct smdp_post_done: a row of the outbox, or of es3_call negated. */
	void (*http_post)(void *priv, const struct http_out *post);
	/*! Answer to a parked request.
	 * \param[in] steal_answer  talloc tree without parent (struct es_answer) */
	void (*answer)(void *priv, uint64_t xid, void *steal_answer);
	/*! An order took a step: for those who follow it.  May be NULL. */
	void (*progress)(void *priv, int64_t op_id);
};

struct smdp {
	struct db *db;
	struct turn *turn;
	struct keystore *keystore;
	struct crypto *crypto;
	const struct smdp_cfg *cfg;
	struct es_ctx *es;	      /* XML of the core thread: answers of SM-SRs, signatures of EUMs */
	const struct trust *trust;    /* EUM certificates; NULL: none */
	const struct dp_identity *dp; /* CERT.DP.ECDSA and its key; NULL: no downloads */
	struct stock *stock;
	const struct smdp_ports *ports;
	void *ports_priv;
	struct rate_ctr_group *ctrs;
	struct life life;	   /* signs of life (smdp/dp_restore.h) */
	int64_t epoch;		   /* of the store: raised by a restore */
	bool looking;		   /* there may be SM-SRs to ask since a restore */
	int64_t over_ms;	   /* while calls are paused: next look at those whose time is over */
	int64_t retire_ms;	   /* next look at what may be forgotten */
	struct llist_head parked;  /* struct parked (dp_out.c): requests that wait for an answer in this connection */
	struct llist_head running; /* struct order_mem (order_mem.h): keys of the moment */
};

enum smdp_ctr {
	CTR_REQUESTS,
	CTR_REQUESTS_REFUSED,
	CTR_ORDERS_SUCCESS,
	CTR_ORDERS_WARNING,
	CTR_ORDERS_FAILED,
	CTR_ORDERS_EXPIRED,
	CTR_ES3_CALLS,
	CTR_ES3_COPIES,
	CTR_ES3_ANSWERS,
	CTR_ES3_ERRORS,
	CTR_ES3_UNKNOWN,
	CTR_NOTIFICATIONS,
	CTR_DATA_OCTETS,
	CTR_CALLBACKS,
	CTR_CALLBACK_ERRORS,
	CTR_CALLBACKS_GIVEN_UP,
	CTR_TURNS,
	CTR_RESTORES,
	CTR_CERT_WARNINGS,
};

/*! \returns talloc child of ctx; the members above ctrs are the caller's to fill in */
struct smdp *smdp_alloc(const void *ctx);
void smdp_count(struct smdp *s, enum smdp_ctr ctr);
void smdp_count_n(struct smdp *s, enum smdp_ctr ctr, int n);

/*! First event after the store was opened: take up what was in flight. */
int smdp_ev_start(void *smdp, void *unused);
/*! Work that is due.  Bounded; more may be left.
 * \param[in] more  bool *: set when another round is wanted at once; may be NULL */
int smdp_ev_tick(void *smdp, void *more);
/*! When smdp_ev_tick() wants to be called next; 0: nothing waits. */
int64_t smdp_next_tick_ms(struct smdp *s);

/*! End of a POST. */
struct smdp_post_done {
	struct post_done post;	  /* ref as in the port */
	bool unreached;		  /* the peer cannot have it: no address, no connection, no TLS */
	const char *content_type; /* of the answer */
	struct bytes body;
};
/*! \param[in] post_done  struct smdp_post_done * */
int smdp_ev_post_done(void *smdp, void *post_done);
