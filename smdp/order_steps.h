/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "smdp/order_mem.h"

/* Steps of a download, shared by order_proc.c, order_keys.c, order_data.c and eligible.c.  Each step sends one call and
 * leaves the order in the state that waits for its answer, or ends the order. */

/*! Move to a state and call.  \param[in] req  its base is filled in */
int step_call(struct smdp *s, struct order_run *r, enum order_state state, enum es_fn fn,
	      struct es_req *req) MUST_CHECK;
/*! The same of a function that names a profile. */
int step_profile_call(struct smdp *s, struct order_run *r, enum order_state state, enum es_fn fn,
		      const char *iccid) MUST_CHECK;
/*! CreateISDP. */
int step_create(struct smdp *s, struct order_run *r) MUST_CHECK;
/*! There is an ISD-P: go on with its keys. */
int step_created(struct smdp *s, struct order_run *r, struct bytes aid) MUST_CHECK;
/*! There may be one: the ICCID is used up, and it will be deleted. */
int step_maybe_created(struct smdp *s, struct order_run *r) MUST_CHECK;
/*! Entry of an EIS; NULL when there is none. */
const struct es_profile_info *step_entry_of(const struct es_eis *eis, const char *iccid);

/* order_clean.c */
/*! EXECUTED_SUCCESS or EXECUTED_WITHWARNING. */
bool step_is_done(const struct es_status *st);
/*! Why there is no answer, for the operator. */
struct es_status step_no_answer(struct smdp *s, const struct order_run *r, const struct order_input *in);
/*! The table of order_proc.c: DeleteISDP of the error routine was answered, or not; the same of a look. */
int clean_answer(struct smdp *s, struct order_run *r, const struct order_input *in) MUST_CHECK;
int clean_none(struct smdp *s, struct order_run *r, const struct order_input *in) MUST_CHECK;
int look_answer(struct smdp *s, struct order_run *r, const struct order_input *in) MUST_CHECK;
int look_none(struct smdp *s, struct order_run *r, const struct order_input *in) MUST_CHECK;
/*! Error routine: delete the ISD-P if there is or may be one, then end with this outcome. */
int step_fail(struct smdp *s, struct order_run *r, struct es_status outcome) MUST_CHECK;
/*! The same with FAILED and our own codes. */
int step_fail_with(struct smdp *s, struct order_run *r, enum es_sc sc, const char *fmt, ...)
	__attribute__((format(printf, 4, 5))) MUST_CHECK;
/*! Delete the ISD-P and begin another, unless there were enough. */
int step_again(struct smdp *s, struct order_run *r, const char *why) MUST_CHECK;
/*! ProfileDownloadCompleted. */
int step_completed(struct smdp *s, struct order_run *r) MUST_CHECK;
/*! Commands for the card.  \param[in] aid  addressee */
int step_send_data(struct smdp *s, struct order_run *r, enum order_state state, struct bytes aid, struct bytes data,
		   bool more) MUST_CHECK;
/*! Outcome of EXPIRED 1.6/5.3. */
struct es_status step_expired(struct smdp *s);
/*! The SM-SR cannot say whether the card did it. */
bool step_is_unknown(const struct es_status *st);
/*! The EIS or the card must say how it stands. */
int step_look(struct smdp *s, struct order_run *r, enum order_purpose purpose) MUST_CHECK;

/* order_keys.c */
/*! Blocks a and b of the key agreement. */
int keys_begin(struct smdp *s, struct order_run *r) MUST_CHECK;
int keys_rx_challenge(struct smdp *s, struct order_run *r, struct bytes erd) MUST_CHECK;
int keys_rx_receipt(struct smdp *s, struct order_run *r, struct bytes erd) MUST_CHECK;
/*! The key set of this order, from its row.  \param[out] keys  children of ctx; \param[out] seq  counter used last */
int keys_load(struct smdp *s, const void *ctx, const struct order_run *r, struct ecka_keys *keys,
	      uint32_t *seq) MUST_CHECK;

/*! What a wrapped key is bound to. */
struct bytes keys_place(const void *ctx, const struct order_run *r, uint8_t kvn, int idx);

/* order_token.c */
/*! A random token key for the card, before the package. */
int token_begin(struct smdp *s, struct order_run *r) MUST_CHECK;
int token_rx(struct smdp *s, struct order_run *r, struct bytes erd) MUST_CHECK;

/* order_data.c */
/*! A session with the next counter, and the package from its beginning. */
int data_begin(struct smdp *s, struct order_run *r, uint32_t counter) MUST_CHECK;
int data_rx(struct smdp *s, struct order_run *r, struct bytes erd) MUST_CHECK;
/*! The transfer broke off: another session in this ISD-P, or another ISD-P. */
int data_again(struct smdp *s, struct order_run *r, const char *why) MUST_CHECK;

/* eligible.c */
/*! May this eUICC be loaded?  On the way CERT.ECASD.ECKA is kept in r->d.
 * \param[out] bad  on -EPERM the outcome, texts on turn_ctx()
 * \returns 0; -EPERM */
int eligible_check(struct smdp *s, struct order_run *r, const struct es_eis *eis, struct es_status *bad) MUST_CHECK;

/*! Did the EUM sign it?
 * \param[out] why  on error a sentence, on turn_ctx() or static
 * \returns 0; -EPERM */
int eligible_signature(struct smdp *s, const struct es_eis *eis, const char **why) MUST_CHECK;

/* card_answer.c */
/*! Body of a response script: without an outer template, if there is one. */
struct bytes card_answer_body(struct bytes erd);
/*! Data of the last R-APDU of a script, when all of them say 9000.
 * \param[out] data  view
 * \param[out] sw    the first status word that is none, else 9000
 * \returns 0; -EIO a command failed; -EINVAL no R-APDU can be read */
int card_answer_last(struct bytes erd, struct bytes *data, uint16_t *sw) MUST_CHECK;
