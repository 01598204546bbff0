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
/*! Warn in the log when fewer free profiles of a type than this are left; 0: never. */
void stock_set_low(struct stock *s, unsigned int low);

/*! Values are in rows and never renumbered. */
enum stock_state {
	STOCK_FREE = 0,
	STOCK_RESERVED = 1, /* for an order that runs */
	STOCK_USED = 2,	    /* delivered to a card; for ever */
	STOCK_BROKEN = 3,   /* taken out by hand */
	STOCK_HELD = 4,	    /* the database was restored: it may be on a card (smdp/dp_restore.h) */
};

#define STOCK_STATES 5

/*! Word for people and programs: "free", "reserved", "used", "broken", "held". */
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
	int64_t required_memory; /* octets to ask of the card: of its type, else the length of the package */
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
	STOCK_ICCID_HELD,	/* held since the database was restored */
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

/*! Give back what the order reserved; what it used, or nothing, stays as it is, what was held stays held.  \returns 0;
 * -EIO */
int stock_release(struct stock *s, int64_t order_id) MUST_CHECK;

/*! The package of this order left for a card: its ICCID is never given out again.
 * \returns 0, also when it was used before; -ENOENT the order has no profile; -EIO */
int stock_use(struct stock *s, int64_t order_id) MUST_CHECK;

/*! \param[in] iccid  with or without trailing F
 *  \returns 0; -ENOENT; -EIO */
int stock_get(struct stock *s, const void *ctx, const char *iccid, struct stock_item *item) MUST_CHECK;
/*! \returns 0; -ENOENT; -EIO */
int stock_get_id(struct stock *s, const void *ctx, int64_t id, struct stock_item *item) MUST_CHECK;

/*! The package of an item in clear.
 * \param[out] package  memory of its own, talloc child of ctx, wiped by a destructor: never log, copy or keep it
 * \returns 0; -ENOENT no such item, its package is not kept any more, or another master key wrapped it; -EBADMSG the
 * row was changed; -EIO */
int stock_open_package(struct stock *s, const void *ctx, int64_t id, struct bytes *package) MUST_CHECK;
/*! Packages that were delivered before this time are not kept; their ICCIDs are.  At most max rows. */
int stock_db_retire(struct db *db, int64_t before_ms, size_t max) MUST_CHECK;

/* ---- what operators do by hand ---- */

/*! Make a type, or change it.
 * \param[in]  required_memory  -1: as it is, of a new one 0
 * \param[in]  template         text for data preparation; NULL: as it is; "": none from now on
 * \param[out] why              on error a sentence, talloc child of ctx
 * \returns 0; -EINVAL name, OID or template; -EIO */
int stock_type_set(struct stock *s, const void *ctx, const char *mno, const char *name, int64_t required_memory,
		   const char *template, const char **why) MUST_CHECK;

/*! Take a free item out of stock, or put it, or one that is held, back.  What an order has stays with it.
 * \param[out] why  on error a sentence, talloc child of ctx
 * \returns 0; -ENOENT; -EBUSY an order has it, or it is used; -EIO */
int stock_set_state(struct stock *s, const void *ctx, const char *iccid, bool broken, const char **why) MUST_CHECK;

/*! Put everything back that is held, of an operator and a type.
 * \param[in]  mno, type  NULL: of all
 * \param[out] n          how many  \returns 0; -EIO */
int stock_release_held(struct stock *s, const char *mno, const char *type, int64_t *n) MUST_CHECK;

/* ---- after a restore ---- */

/*! Nobody knows any more what is free: hold that, and what is reserved; it stays with its order.
 * \param[out] n  how many  \returns 0; -EIO */
int stock_hold_all(struct stock *s, int64_t *n) MUST_CHECK;
/*! What this order had when the database was restored is reserved for it again.  \returns 0; -EIO */
int stock_unhold(struct stock *s, int64_t order_id) MUST_CHECK;
/*! A profile with this ICCID is on a card: it is not free, and never will be.
 * \param[out] changed  it was thought to be free, or was held  \returns 0, also when there is none in stock; -EIO */
int stock_seen(struct stock *s, const char *iccid, bool *changed) MUST_CHECK;

/*! How much there is of a type. */
struct stock_level {
	const char *mno;
	const char *type;
	int64_t required_memory;
	bool has_template;
	int64_t n[STOCK_STATES]; /* by state */
	bool low;
};

/*! All types, by operator and name.
 * \param[in]  mno     NULL: of all operators
 * \param[out] levels  talloc child of ctx  \param[out] n  how many
 * \returns 0; -EIO */
int stock_levels(struct stock *s, const void *ctx, const char *mno, struct stock_level **levels, size_t *n) MUST_CHECK;

/*! How many profiles there are in each state.  \returns 0; -EIO */
int stock_count(struct stock *s, int64_t n[STOCK_STATES]) MUST_CHECK;

/*! Which items are listed. */
struct stock_filter {
	const char *mno;  /* NULL: all */
	const char *type; /* NULL: all */
	int state;	  /* -1: all */
	int64_t after;	  /* id */
};

/*! \param[out] ids  room for max, in the order of import
 *  \returns 0; -EIO */
int stock_list(struct stock *s, const struct stock_filter *filter, int64_t *ids, size_t max, size_t *n) MUST_CHECK;

/* ---- import, stock_import.c ---- */

/*! A package that somebody else made. */
struct stock_ready {
	const char *mno;
	const char *type;
	const char *imsi;   /* NULL: as in the package, if it can be found there */
	const char *msisdn; /* NULL: unknown */
	const char *pol2;   /* rules as pol2 of a row; NULL: none */
	struct bytes package;
};

/*! Check and store.
 * \param[out] item  the new item, texts on ctx
 * \param[out] why   on error a sentence, talloc child of ctx
 * \returns 0; -EINVAL; -EEXIST its ICCID is, or was, in stock; -ENOENT no such type; -EIO */
int stock_import_package(struct stock *s, const void *ctx, const struct stock_ready *ready, struct stock_item *item,
			 const char **why) MUST_CHECK;

/*! What became of one row of a batch. */
struct stock_row {
	unsigned int line;
	const char *iccid; /* NULL: it has none */
	const char *why;   /* NULL: imported */
};

struct stock_batch {
	const char *mno;
	const char *type;
	const char *pol2;	 /* of rows without one; NULL: none */
	struct bytes csv;	 /* first line: names of columns, see smdp/prep.h; beside them pol2 */
	unsigned int first_line; /* number of the line behind the names, for messages; 0: 2 */
	bool check_only;	 /* nothing is stored */
};

#define STOCK_BATCH_MAX 1000

/*! Prepare and store a profile for each row.  A bad row is left out as a whole; the others are taken.
 * \param[out] rows  a result for each row, talloc child of ctx  \param[out] n  how many
 * \param[out] why   on error a sentence, talloc child of ctx
 * \returns 0, also when rows are bad; -EINVAL the names of columns, or more than STOCK_BATCH_MAX rows; -ENOENT no such
 * type, or one without a template; -EIO, and then nothing is stored */
int stock_import_batch(struct stock *s, const void *ctx, const struct stock_batch *batch, struct stock_row **rows,
		       size_t *n, const char **why) MUST_CHECK;

/*! Rules of POL2 from "disable:not-allowed delete:not-allowed".
 * \param[out] pol2  its list is a talloc child of ctx  \returns 0; -EINVAL */
int stock_pol2_parse(const void *ctx, const char *text, struct es_pol2 *pol2) MUST_CHECK;
