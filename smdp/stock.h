/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/crypto/keystore.h"
#include "common/db/db.h"
#include "common/es/es_types.h"

/* The stock of profiles: types, and items that are ordered once.
 *
 * An item is one profile package with an ICCID of its own.  Its package is wrapped at rest (P6) and clear only on the
 * context of a caller, from where a destructor wipes it.  Nothing here opens or closes a transaction: functions that
 * write run inside an event of the turn. */

struct stock;

/*! \param[in] db, ks, c  borrowed; they outlive the stock.  \returns talloc child of ctx */
struct stock *stock_alloc(const void *ctx, struct db *db, const struct keystore *ks, struct crypto *c);

/*! Values are in rows and never renumbered. */
enum stock_state {
	STOCK_FREE = 0,
	STOCK_RESERVED = 1, /* for an order that runs */
	STOCK_USED = 2,	    /* delivered to a card; for ever */
	STOCK_BROKEN = 3,   /* taken out by hand */
};

/*! \returns word for a state, as the console shows it; a constant */
const char *stock_state_name(enum stock_state state);

/*! One profile in stock.  Texts are talloc children of the context that was given. */
struct stock_item {
	int64_t id;
	const char *iccid;	 /* digits, no trailing F */
	const char *type;	 /* name of its type, as in an order */
	const char *mno;	 /* OID of the operator that owns it */
	const char *imsi;	 /* NULL: unknown */
	const char *msisdn;	 /* international digits without +; NULL: unknown */
	struct es_pol2 pol2;	 /* to be given to the SM-SR */
	int64_t required_memory; /* octets to ask of the card, of its type */
	size_t package_len;
	enum stock_state state;
	int64_t order_id; /* that reserved or used it; 0: none */
	int64_t imported_ms;
	int64_t changed_ms;
};

/*! Why nothing was reserved. */
enum stock_refusal {
	STOCK_OK = 0,
	STOCK_ICCID_UNKNOWN,	/* no such ICCID in stock */
	STOCK_ICCID_OTHER_MNO,	/* it belongs to another operator */
	STOCK_ICCID_IN_USE,	/* reserved for another order, or used */
	STOCK_ICCID_BROKEN,	/* taken out of stock */
	STOCK_ICCID_OTHER_TYPE, /* the order names a type too, and it is another */
	STOCK_TYPE_UNKNOWN,	/* this operator has no such type */
	STOCK_TYPE_EMPTY,	/* no free profile of that type */
};

/*! Sentence for a log or a status message. */
const char *stock_refusal_text(enum stock_refusal refusal);

/*! Reserve a profile for an order.  Repeated for the same order it gives the same item.
 * \param[in]  mno       OID of the operator that orders
 * \param[in]  iccid     with or without trailing F; NULL: the oldest free one of this type
 * \param[in]  type      NULL: that of the ICCID
 * \param[in]  order_id  not 0
 * \param[out] item      texts on ctx; untouched unless 0
 * \param[out] refusal   set in any case
 * \returns 0; -ENOENT refused, refusal says why; -EIO */
int stock_reserve(struct stock *s, const void *ctx, const char *mno, const char *iccid, const char *type,
		  int64_t order_id, struct stock_item *item, enum stock_refusal *refusal) MUST_CHECK;

/*! Give back what the order reserved; an item that is not reserved for it stays as it is.  \returns 0; -EIO */
int stock_release(struct stock *s, int64_t order_id) MUST_CHECK;

/*! The package of this order left for a card: its ICCID is never given out again.
 * \returns 0; -ENOENT the order has nothing reserved (and did not use it up before); -EIO */
int stock_use(struct stock *s, int64_t order_id) MUST_CHECK;

/*! \param[in] iccid  with or without trailing F
 *  \returns 0; -ENOENT; -EIO */
int stock_get(struct stock *s, const void *ctx, const char *iccid, struct stock_item *item) MUST_CHECK;
/*! \returns 0; -ENOENT; -EIO */
int stock_get_id(struct stock *s, const void *ctx, int64_t id, struct stock_item *item) MUST_CHECK;

/*! The package of an item in clear.
 * \param[out] package  memory of its own, talloc child of ctx, wiped by a destructor: never log, copy or keep it
 * \returns 0; -ENOENT no such item, or its package was removed; -EBADMSG the row was changed or another master key
 * wrapped it; -EIO */
int stock_open_package(struct stock *s, const void *ctx, int64_t id, struct bytes *package) MUST_CHECK;
