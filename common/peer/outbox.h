/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/app/turn.h"
#include "common/peer/outbox_db.h"

/* Messages to peers on their way: callbacks and notifications, at least once, in order for each (peer, eUICC).
 * SGP.02 Annex B.  They are queued in the event that makes them true; outbox_pump() sends what is due until it is taken
 * or given up.  All functions run inside an event. */

/*! A POST, as the daemon's port gets it. */
struct http_out {
	int64_t ref; /* comes back in struct post_done */
	char *url;
	char *action;
	struct bytes body;
	unsigned int timeout_s;
};

/*! End of a POST. */
struct post_done {
	int64_t ref;
	bool answered;
	unsigned int status;	    /* HTTP */
	unsigned int retry_after_s; /* 0: not told */
	const char *detail;	    /* why it failed */
};

enum outbox_event {
	OUTBOX_EV_TAKEN,
	OUTBOX_EV_ERROR, /* one attempt */
	OUTBOX_EV_GIVEN_UP,
};

/*! What the outbox needs of its daemon. */
struct outbox_host {
	struct turn *turn;
	struct db *db;
	unsigned int retry_min_s;
	unsigned int retry_max_s;
	unsigned int timeout_s; /* of one attempt */
	unsigned int give_up_s; /* after it was queued */
	turn_emit_cb post;	/* output: struct http_out *, ref is the row */
	/*! A line for the timeline of the operation that the message belongs to. */
	int (*note)(void *priv, const struct outbox *o, const char *text);
	void (*count)(void *priv, enum outbox_event ev);
	void *priv;
};

/*! Put a message in; url NULL: kept for the record only.
 * \param[in,out] o  op_id, peer, euicc_id, name, url, action and envelope are the caller's
 * \returns 0; negative errno of the store */
int outbox_queue(const struct outbox_host *h, struct outbox *o) MUST_CHECK;
/*! Send what is due.  \param[out] more  something is left */
int outbox_pump(const struct outbox_host *h, bool *more) MUST_CHECK;
/*! How a POST went; one that the outbox does not know is nobody's. */
int outbox_post_done(const struct outbox_host *h, const struct post_done *d) MUST_CHECK;

/*! Taken: a status of 2xx. */
bool post_is_taken(const struct post_done *d);
/*! Not worth a repetition: 4xx, except where the peer asks for patience.  SGP.02 Annex B. */
bool post_is_final(const struct post_done *d);
