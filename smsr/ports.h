/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/codec/bytes.h"
#include "common/peer/outbox.h"

/* What the engine asks of the world.  All calls but sms_reserve() are outputs: they are made after the commit. */

/*! A short message for a card. */
struct sms_out {
	uint64_t ref; /* row of the part: comes back in smsr_ev_submit_done() */
	char *smsc;   /* link that sms_reserve() named */
	char *dest;   /* MSISDN, digits */
	struct bytes ud;
	bool more;
	int64_t validity_ms;
};

struct smsr_ports {
	/*! A link that can take one more message in this turn, and one place on it.
	 * \returns its name, or NULL when none has room */
	const char *(*sms_reserve)(void *priv);
	void (*sms_submit)(void *priv, const struct sms_out *sms);
	/*! The row that holds a delivery is committed: the service centre may forget it.
	 * \param[in] ok  false: it should come again later */
	void (*sms_ack)(void *priv, const char *smsc, uint64_t token, bool ok);
	void (*http_post)(void *priv, const struct http_out *post);
	/*! Answer to a parked request.
	 * \param[in] steal_answer  talloc tree without parent that the request's handler made (smsr/es_in.h) */
	void (*answer)(void *priv, uint64_t xid, void *steal_answer);
	/*! To a card that is connected by HTTPS: one answer, or nothing but the end.  May be NULL. */
	void (*https_answer)(void *priv, uint64_t conn, struct bytes octets, bool close);
	/*! Give a link nothing more, or again.  May be NULL. */
	void (*sms_pause)(void *priv, const char *smsc, bool paused);
	/*! Give the connection of a link up and make a new one.  May be NULL. */
	void (*sms_reconnect)(void *priv, const char *smsc);
	/*! An operation took a step: for those who follow it.  May be NULL. */
	void (*progress)(void *priv, int64_t op_id);
};
