/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Requests of operators: who is asking, and the answer.  SGP.02 "common to every request".
 *
 * No function is served, so every request of a known peer is refused with 1.6/3.1 before its body counts.  The refusal
 * of an asynchronous function comes in the HTTP response too: nothing is kept that could be reported later. */
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/clock.h"
#include "common/app/log.h"
#include "smdp/daemon.h"

const char *const es2_services[] = {"ES2SmDpService", "ES2MnoService", NULL};

struct es2_request {
	struct io_job job;
	struct soap_msg *msg;
	struct tls_peer *tls;
	const char *remote;
};

struct io_job *es2_job(const struct http_req *req, struct soap_msg *steal_msg)
{
	struct es2_request *r = talloc_zero(NULL, struct es2_request);

	OSMO_ASSERT(r);
	r->job.kind = IO_REQUEST;
	r->msg = talloc_steal(r, steal_msg);
	r->tls = tls_peer_dup(r, req->peer);
	r->remote = talloc_strdup(r, req->remote);
	return &r->job;
}

static void refuse(const struct smdp_cfg *cfg, struct es_answer *a, const struct soap_msg *msg, enum es_sc sc,
		   const char *text)
{
	const struct soap_self self = {
		.uri = talloc_asprintf(a, "%s/ES2/%s", cfg->uri, es2_services[0]),
		.oid = cfg->oid,
		.name = cfg->name,
	};
	union es_any_rsp *rsp = talloc_zero(a, union es_any_rsp);

	OSMO_ASSERT(rsp);
	rsp->base.start_ms = rsp->base.end_ms = clock_stamp_ms();
	rsp->base.status = es_status_bad(rsp, ES_FAILED, sc, NULL, "%s", text);
	es_answer_headers(a, &self, msg);
	a->http_status = 200;
	a->body = rsp;
	LOGP(DES, LOGL_INFO, "%s refused: %s\n", es_fn_name(msg->fn), text);
}

static void answer(const struct smdp_cfg *cfg, const struct es2_request *r, struct es_answer *a)
{
	const struct smdp_peer *peer = smdp_cfg_peer_of(cfg, r->tls);
	const struct soap_headers *h = &r->msg->hdr;

	if (r->msg->dir != ES_DIR_REQUEST) {
		es_answer_fault(a, r->msg, 400, SOAP_SUB_ACTION_NOT_SUPPORTED, "only requests are expected here");
	} else if (!peer) {
		LOGP(DES, LOGL_NOTICE, "request from %s: no peer has this certificate (%s)\n", r->remote,
		     r->tls->subject);
		es_answer_fault(a, r->msg, 403, SOAP_SUB_FAILED_AUTHENTICATION, "this certificate belongs to no peer");
	} else if (!h->from.entity_id || strcmp(h->from.entity_id, peer->oid) != 0) {
		refuse(cfg, a, r->msg, ES_SC_SENDER_UNKNOWN,
		       "From does not name the peer that the certificate belongs to");
	} else if (h->to.entity_id && strcmp(h->to.entity_id, cfg->oid) != 0) {
		es_answer_fault(a, r->msg, 400, SOAP_SUB_DESTINATION_UNREACHABLE, "To names another entity");
	} else {
		refuse(cfg, a, r->msg, ES_SC_UNSUPPORTED, "not served yet");
	}
}

void es2_rx_job(struct smdp_daemon *d, struct io_job *job)
{
	const struct es2_request *r = (const struct es2_request *)job;
	struct es_answer *a = talloc_zero(NULL, struct es_answer);

	OSMO_ASSERT(a);
	answer(d->cfg, r, a);
	soap_service_answer(d->server, job->xid, a);
	talloc_free(job);
}
