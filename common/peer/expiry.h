/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include <osmocom/core/timer.h>

#include "common/net/tls.h"
#include "common/peer/trust.h"

/* Certificates that come to their end: a counter, a NOTICE and a CTRL trap at 30, 7 and 1 days, and when it is over. */

enum expiry_level {
	EXPIRY_FAR,
	EXPIRY_30_DAYS,
	EXPIRY_7_DAYS,
	EXPIRY_1_DAY,
	EXPIRY_OVER
};

/*! How near the end is; a border belongs to the nearer level. */
enum expiry_level expiry_level(int64_t not_after_ms, int64_t at_ms);
/*! "within 7 days"; "" for EXPIRY_FAR */
const char *expiry_words(enum expiry_level level);

struct expiry_item {
	char *what; /* "TLS certificate /etc/smsr/tls.pem", "certificate issuer CN=..." */
	int64_t not_after_ms;
	enum expiry_level warned; /* last */
};

struct expiry_list {
	struct expiry_item *items;
	size_t n;
};

/*! \param[in]  tls_name  file of tls
 *  \param[in]  tls       NULL: none
 *  \param[in]  trust     NULL: none
 *  \returns talloc child of ctx */
struct expiry_list *expiry_list_alloc(const void *ctx, const char *tls_name, const struct tls *tls,
				      const struct trust *trust);

/*! One more.  \param[in] not_after_ms  0: it has no end, and is left out */
void expiry_list_add(struct expiry_list *list, const char *what, int64_t not_after_ms);

/*! Called for an item whose level is nearer than the one it was called for last. */
typedef void (*expiry_warn_cb)(void *priv, const struct expiry_item *item);
void expiry_check(struct expiry_list *list, int64_t at_ms, expiry_warn_cb warn, void *priv);

/*! The watch of a daemon; a member of its struct, zero at first. */
struct expiry_watch {
	struct expiry_list *list; /* NULL: not begun */
	struct osmo_timer_list timer;
	void (*warned)(void *priv); /* beside the log and the trap */
	void *priv;
};

/*! Watch these, now and every hour.  Again after a reload: from the beginning.
 * \param[in] steal_list  of the watch from now on, and still a talloc child of its parent */
void expiry_watch_start(struct expiry_watch *w, struct expiry_list *steal_list, void (*warned)(void *priv), void *priv);
void expiry_watch_stop(struct expiry_watch *w);
/*! Warnings of one look, to the log only: for -C. */
void expiry_log(struct expiry_list *list, int64_t at_ms);
