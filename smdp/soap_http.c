/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Messages of peers between the I/O threads (common/es/soap_service.c) and the engine: what was read and checked goes
 * to the core as one talloc tree, and the answer goes back. */
#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/log.h"
#include "smdp/daemon.h"
#include "smdp/dp_in.h"

struct soap_job {
	struct io_job job;
	struct es_request req;
};

static struct io_job *job_of(const struct http_req *req, struct soap_msg *steal_msg)
{
	struct soap_job *j = talloc_zero(NULL, struct soap_job);

	OSMO_ASSERT(j);
	j->job.kind = IO_REQUEST;
	j->req.msg = talloc_steal(j, steal_msg);
	j->req.tls = tls_peer_dup(j, req->peer);
	j->req.remote = talloc_strdup(j, req->remote);
	return &j->job;
}

struct soap_service *smdp_soap_alloc(struct smdp_daemon *d, unsigned int n_threads)
{
	static const char *const services[] = {"ES2SmDpService", "ES2MnoService", "ES3SmDpService", "ES3SmSrService",
					       NULL};
	const struct soap_service_conf conf = {.uri = d->cfg->uri, .services = services, .job = job_of};

	return soap_service_alloc(d, &conf, n_threads);
}

void smdp_soap_job(struct smdp_daemon *d, struct io_job *job)
{
	struct soap_job *j = (struct soap_job *)job;

	j->req.xid = job->xid;
	/* An event that fails has no answer among its outputs. */
	if (smdp_daemon_event(d, smdp_ev_request, &j->req, es_fn_name(j->req.msg->fn)) < 0)
		http_server_answer_steal(d->server, job->xid, http_answer_alloc(500));
	talloc_free(job);
}
