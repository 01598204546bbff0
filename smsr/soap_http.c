/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Requests of peers between the I/O threads (common/es/soap_service.c) and the engine: a message that was read and
 * checked goes to the core as one talloc tree, and the event's answer goes back. */
#include <errno.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/log.h"
#include "smsr/daemon.h"
#include "smsr/es_in.h"

struct soap_job {
	struct io_job job;
	struct es_request req;
};

/* ---- I/O thread ---- */

static int wipe_document(struct soap_job *j)
{
	bytes_wipe((void *)j->req.document.data, j->req.document.len);
	return 0;
}

static struct io_job *job_of(const struct http_req *req, struct soap_msg *steal_msg)
{
	struct soap_job *j = talloc_zero(NULL, struct soap_job);

	OSMO_ASSERT(j);
	j->job.kind = IO_REQUEST;
	j->req.msg = talloc_steal(j, steal_msg);
	j->req.tls = tls_peer_dup(j, req->peer);
	j->req.remote = talloc_strdup(j, req->remote);
	/* The EUM's signature is over the octets that came; they hold keys. */
	if (steal_msg->fn == ES1_REGISTER_EIS) {
		j->req.document = bytes_dup(j, req->body);
		talloc_set_destructor(j, wipe_document);
	}
	return &j->job;
}

struct soap_service *soap_http_alloc(struct smsr_daemon *d, unsigned int n_threads)
{
	static const char *const services[] = {"ES4SmSrService", "ES4MnoService",  "ES1SmSrService",
					       "ES3SmSrService", "ES3SmDpService", NULL};
	const struct soap_service_conf conf = {.uri = d->cfg->uri, .services = services, .job = job_of};

	return soap_service_alloc(d->ctx, &conf, n_threads);
}

/* ---- core ---- */

void soap_http_job(struct smsr_daemon *d, struct io_job *job)
{
	struct soap_job *j = (struct soap_job *)job;

	j->req.xid = job->xid;
	/* An event that fails has no answer among its outputs. */
	if (daemon_event(d, smsr_ev_request, &j->req, es_fn_name(j->req.msg->fn)) < 0)
		http_server_answer_steal(d->server, job->xid, http_answer_alloc(500));
	talloc_free(job);
}
