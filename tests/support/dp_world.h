/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "common/es/soap.h"
#include "lab/seed/seed.h"
#include "scp03/ecka.h"
#include "scp03/scp03t.h"
#include "smdp/dp_in.h"
#include "smdp/order.h"
#include "smdp/stock.h"

/* A whole SM-DP under a fake clock: the engine with a real store and stock, a scripted SM-SR, a card behind it that has
 * the ECASD's key and speaks SCP03t, and the operator's end.  Nothing happens by itself: dpw_run() moves everything
 * that can move now, dpw_advance() lets time pass. */

#define DPW_MNO SEED_OID_MNO_OPERATIONAL
#define DPW_OTHER SEED_OID_MNO_BOOTSTRAP
#define DPW_SMSR SEED_OID_SMSR
#define DPW_ICCID "89001012012341234519"
#define DPW_ICCID2 "89001012012341234527"

/*! What the SM-SR does with one call. */
enum dpw_action {
	DPW_FAIL,	 /* not done, and says so */
	DPW_DONE_BUT,	 /* done, but says otherwise */
	DPW_SWALLOW,	 /* takes it, does nothing, says nothing, for ever */
	DPW_LOSE_ANSWER, /* done, but the first answer gets lost */
	DPW_DOWN,	 /* no connection */
	DPW_BROKEN,	 /* the connection ends without an answer, though it was done */
	DPW_FAULT,	 /* SOAP fault of the sender */
	DPW_UNAVAILABLE, /* 503 */
	DPW_DOUBLE,	 /* answers twice */
	DPW_SYNC,	 /* an early answer in the HTTP response */
	DPW_NO_RELATES,	 /* an answer without RelatesTo */
	DPW_NO_RELATES_TWICE,
	DPW_DISOWN, /* like DPW_BROKEN, and repetitions get a fault */
};

/*! The next calls of a function are treated so. */
struct dpw_rule {
	enum es_fn fn;
	unsigned int skip; /* so many are treated well before */
	unsigned int times;
	enum dpw_action action;
	const char *status; /* "FAILED 8.1/4.8" */
};

/*! A call that the SM-SR knows. */
struct dpw_call {
	struct llist_head entry;
	enum es_fn fn;
	char *call_id;
	char *body; /* octets as they came first */
	bool swallowed;
	bool lose;
	bool disown;
	struct bytes answer; /* envelope */
	char *action;
	unsigned int copies;
};

/*! Something on its way to the SM-DP. */
struct dpw_mail {
	struct llist_head entry;
	int64_t ref; /* result of a POST; 0: a callback */
	bool answered, unreached;
	unsigned int status;
	struct bytes body;
};

/*! A message to the operator. */
struct dpw_post {
	struct llist_head entry;
	int64_t ref;
	char *url;
	char *body;
	bool told;
};

/*! The card, as far as an SM-DP can see it. */
struct dpw_card {
	struct privkey *ecasd;
	struct pubkey *ci;
	struct pubkey *signer; /* of the certificate that came */
	uint8_t rc[16];
	struct ecka_keys keys; /* of the ISD-P */
	void *keys_ctx;
	uint32_t counter;
	struct scp03 *session;
	struct key *token; /* as the SM-DP put it */
	struct wr package;
	bool installed;
	unsigned int segments; /* 86 taken */
	unsigned int sessions;
	/* What it does wrong. */
	bool refuse_certificate;
	bool refuse_token;
	bool bad_receipt;
	unsigned int resets; /* so often it forgets its challenge */
	bool abort;
	int32_t pe_status;     /* of one element; with abort PE_BAD_VALUES if 0 */
	unsigned int break_at; /* this segment is answered 9F46 */
	unsigned int early_at; /* this segment is answered as if it were the end */
	unsigned int jump;     /* counted so far by somebody else */
	bool mute;	       /* no EUICCResponse at the end */
};

/*! ISD-P in the EIS. */
struct dpw_entry {
	bool there;
	char *iccid;
	char *mno;
	uint8_t aid[16];
	enum es_profile_state state;
};

struct dpw {
	void *ctx;
	char *dir;
	struct crypto *crypto;
	struct keystore *keystore;
	struct smdp_cfg *cfg;
	struct db *db;
	struct turn *turn;
	struct smdp *s;
	struct es_ctx *es;
	const struct trust *trust;
	const struct dp_identity *dp;
	int64_t now_ms;

	/* The SM-SR and its card */
	struct dpw_card card;
	struct dpw_entry entry;	   /* the one of this SM-DP */
	struct dpw_entry leftover; /* of an earlier order */
	char *eis_xml;
	uint64_t memory;
	char *eid;
	uint8_t next_tar;
	struct dpw_rule rules[8];
	size_t n_rules;
	struct llist_head calls;
	struct llist_head mail;
	unsigned int created;	    /* ISD-Ps */
	unsigned int retry_after_s; /* beside 503 */
	bool pol1_refuses;	    /* a complete profile may not be deleted */

	/* The operator */
	struct llist_head posts;
	unsigned int http_status; /* what it answers */
	struct es_answer *answer; /* the last one of the SM-DP */
	uint64_t next_xid;
	const char *other_body; /* requests have another content than others of their identifier; NULL: the same */

	/* A kill at the n-th point, counted from 1: before a commit, behind it, behind each output. */
	unsigned int points;
	unsigned int kill_at; /* 0: never */
	bool dead;
};

#define DPW_TEST(f) cmocka_unit_test_setup_teardown(f, dpw_setup, dpw_teardown)

int dpw_setup(void **state);
int dpw_teardown(void **state);
/*! Move until nothing moves any more at this time. */
void dpw_run(struct dpw *w);
/*! Let time pass, stopping at everything that is due on the way. */
void dpw_advance(struct dpw *w, int64_t ms);
/*! kill -9 and a new start, in one or in two steps. */
void dpw_restart(struct dpw *w);
void dpw_stop(struct dpw *w);
void dpw_start(struct dpw *w);
int dpw_event(struct dpw *w, turn_handler_cb handler, void *event);
void dpw_rule(struct dpw *w, enum es_fn fn, unsigned int skip, unsigned int times, enum dpw_action action,
	      const char *status);

/*! Send a request of ES2; the answer is in w->answer.  \param[in] body  its base is filled in */
struct es_answer *dpw_call(struct dpw *w, const char *sender, enum es_fn fn, const char *call_id, struct es_req *body);
/*! The same of another SM-SR. */
struct bytes dpw_callback_of(struct dpw *w, const char *smsr, enum es_fn fn, const char *relates_to,
			     const char *transaction, void *rsp);
/*! Order the first profile of the stock; expects 202. */
void dpw_download(struct dpw *w, const char *call_id, bool enable, uint32_t validity_s);
/*! Hand over a message as if a peer with this certificate had posted it.  \returns HTTP status of the answer */
unsigned int dpw_deliver(struct dpw *w, const char *cert, struct bytes envelope);
/*! Envelope of a callback of the SM-SR.  \param[in] relates_to  MessageID; NULL: none */
struct bytes dpw_callback(struct dpw *w, enum es_fn fn, const char *relates_to, const char *transaction, void *rsp);

/*! Expect one callback to the operator that says this: "EXECUTED_SUCCESS", "FAILED 8.1/4.8".  \returns its body */
char *dpw_expect_outcome(struct dpw *w, const char *outcome);
void dpw_expect_silence(struct dpw *w);
/*! The profile is on the card, octet for octet, in this state in the EIS, and its keys are kept. */
void dpw_expect_profile(struct dpw *w, enum es_profile_state state);
/*! Nothing of ours is on the card. */
void dpw_expect_nothing(struct dpw *w);
enum stock_state dpw_stock(struct dpw *w, const char *iccid);
bool dpw_told(struct dpw *w, const char *text);
/*! Calls of this function that the SM-SR got, repetitions not counted. */
unsigned int dpw_calls(struct dpw *w, enum es_fn fn);

/* dp_card.c */
void dpw_card_load(struct dpw *w, const struct seed_card *data);
/*! Commands of a SendData.  \returns its answers, on ctx */
struct bytes dpw_card_run(struct dpw *w, const void *ctx, struct bytes data);
/*! The ISD-P is gone. */
void dpw_card_wipe(struct dpw *w);
struct bytes dpw_package(const void *ctx, const char *iccid);

/* dp_smsr.c */
/*! A call arrives at the SM-SR. */
void dpw_smsr_post(struct dpw *w, const struct http_out *h);
/*! Deliver the next thing that is on its way to the SM-DP.  \returns false when there is none */
bool dpw_smsr_step(struct dpw *w);
