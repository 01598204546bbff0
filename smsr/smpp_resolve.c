/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Name look-up by the C library's own thread, polled by a timer.
 *
 * getaddrinfo() may block for many seconds when a name server is silent, and the core thread must not.  A running
 * look-up cannot always be cancelled; then it is left to finish on its own, which is why a query is no child of its
 * caller. */
#include "smsr/smpp_resolve.h"

#include <string.h>

#include <osmocom/core/timer.h>
#include <osmocom/core/utils.h>
#include <talloc.h>

#define POLL_US 20000

struct smpp_resolve {
	smpp_resolve_cb cb; /* NULL once cancelled */
	void *priv;
	struct osmo_timer_list timer;
	struct gaicb gai;
	struct addrinfo hints;
	struct addrinfo *numeric;
	bool started;
};

static void resolve_poll(void *data)
{
	struct smpp_resolve *q = data;
	struct addrinfo *list = q->numeric;
	smpp_resolve_cb cb;
	void *priv;
	int rc = 0;

	if (q->started) {
		rc = gai_error(&q->gai);
		if (rc == EAI_INPROGRESS) {
			osmo_timer_schedule(&q->timer, 0, POLL_US);
			return;
		}
		list = rc == 0 ? q->gai.ar_result : NULL;
	}
	cb = q->cb;
	priv = q->priv;
	talloc_free(q);
	if (cb)
		cb(priv, list, list ? NULL : gai_strerror(rc));
	else if (list)
		freeaddrinfo(list);
}

struct smpp_resolve *smpp_resolve_start(const char *host, uint16_t port, smpp_resolve_cb cb, void *priv)
{
	struct smpp_resolve *q = talloc_zero(NULL, struct smpp_resolve);
	struct gaicb *batch[1];
	char *service;

	OSMO_ASSERT(q);
	*q = (struct smpp_resolve){.cb = cb, .priv = priv};
	q->hints = (struct addrinfo){.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV | AI_NUMERICHOST};
	service = talloc_asprintf(q, "%u", port);
	osmo_timer_setup(&q->timer, resolve_poll, q);
	if (getaddrinfo(host, service, &q->hints, &q->numeric) != 0) {
		q->hints.ai_flags = AI_NUMERICSERV | AI_ADDRCONFIG;
		q->gai = (struct gaicb){
			.ar_name = talloc_strdup(q, host), .ar_service = service, .ar_request = &q->hints};
		batch[0] = &q->gai;
		q->started = getaddrinfo_a(GAI_NOWAIT, batch, 1, NULL) == 0;
	}
	osmo_timer_schedule(&q->timer, 0, q->started ? POLL_US : 0);
	return q;
}

void smpp_resolve_cancel(struct smpp_resolve *q)
{
	if (!q)
		return;
	q->cb = NULL;
	if (q->started && gai_cancel(&q->gai) == EAI_NOTCANCELED)
		return;
	osmo_timer_del(&q->timer);
	if (q->numeric)
		freeaddrinfo(q->numeric);
	else if (q->started && gai_error(&q->gai) == 0)
		freeaddrinfo(q->gai.ar_result);
	talloc_free(q);
}
