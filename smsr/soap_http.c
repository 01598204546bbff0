/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Requests of peers between HTTP and the engine.
 *
 * In an I/O thread: WSDL and schemas are served, envelopes are read and checked; what is no SOAP message of ours gets its
 * fault at once.  A good one goes to the core as one talloc tree.  Back in an I/O thread the answer becomes XML.  The
 * only things shared by threads are the embedded files and the parser contexts, one for each thread. */
#include <errno.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/log.h"
#include "common/es/es_codec.h"
#include "smsr/daemon.h"
#include "smsr/es_in.h"

struct soap_http {
	struct smsr_daemon *d;
	struct es_ctx **es; /* one for each I/O thread */
	const char *uri;    /* our base URL, for the addresses in a WSDL */
};

struct soap_job {
	struct io_job job;
	struct es_request req;
};

struct soap_http *soap_http_alloc(struct smsr_daemon *d, unsigned int n_threads)
{
	struct soap_http *h = talloc_zero(d->ctx, struct soap_http);

	OSMO_ASSERT(h);
	h->d = d;
	h->uri = talloc_strdup(h, d->cfg->uri);
	h->es = talloc_zero_array(h, struct es_ctx *, n_threads);
	OSMO_ASSERT(h->es);
	for (unsigned int i = 0; i < n_threads; i++) {
		/* Trees of their own: an I/O thread allocates below its context. */
		h->es[i] = es_ctx_alloc(NULL, NULL);
		if (!h->es[i])
			return NULL;
	}
	return h;
}

void soap_http_free(struct soap_http *h)
{
	if (!h)
		return;
	for (size_t i = 0; i < talloc_array_length(h->es); i++)
		talloc_free(h->es[i]);
	talloc_free(h);
}

/* ---- I/O thread ---- */

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static void reply_text(struct http_req *req, unsigned int status, const char *text)
{
	struct http_answer *a = http_answer_alloc(status);

	a->content_type = "text/plain; charset=utf-8";
	a->body = bytes_str(text);
	http_req_reply_steal(req, a);
}

static void get(const struct soap_http *h, struct http_req *req)
{
	const char *service = last_part(req->path);
	const char *name = req->query ? es_schema_of_service(service, req->query) : service;
	struct http_answer *a = http_answer_alloc(200);
	struct bytes file;

	if (!name || es_schema_file(name, &file, &a->content_type) < 0 || es_schema_render(a, name, h->uri, &a->body) < 0) {
		talloc_free(a);
		reply_text(req, 404, "There is ?wsdl below each service, for example ES4SmSrService?wsdl\n");
		return;
	}
	http_req_reply_steal(req, a);
}

static void reply_fault(struct http_req *req, const struct soap_fault *fault)
{
	struct http_answer *a = http_answer_alloc(fault->http_status);

	a->content_type = SOAP_CONTENT_TYPE;
	if (soap_tx_fault(a, fault, &a->body) < 0)
		a->status = 500;
	http_req_reply_steal(req, a);
}

static char *content_type(const void *ctx, const struct http_req *req)
{
	if (!*req->content_type)
		return NULL;
	return talloc_asprintf(ctx, "%s%s%s", req->content_type, req->charset ? "; charset=" : "",
			       req->charset ? req->charset : "");
}

static int wipe_document(struct soap_job *j)
{
	bytes_wipe((void *)j->req.document.data, j->req.document.len);
	return 0;
}

static struct soap_job *job_of(struct http_req *req, struct soap_msg *msg)
{
	struct soap_job *j = talloc_zero(NULL, struct soap_job);

	OSMO_ASSERT(j);
	j->job.kind = IO_REQUEST;
	j->req.msg = talloc_steal(j, msg);
	j->req.tls = tls_peer_dup(j, req->peer);
	j->req.remote = talloc_strdup(j, req->remote);
	/* The EUM's signature is over the octets that came; they hold keys. */
	if (msg->fn == ES1_REGISTER_EIS) {
		j->req.document = bytes_dup(j, req->body);
		talloc_set_destructor(j, wipe_document);
	}
	return j;
}

static void post(struct soap_http *h, struct http_req *req)
{
	struct soap_fault *fault;
	struct soap_msg *msg;
	void *scratch = talloc_new(NULL);
	char *type = content_type(scratch, req);

	if (soap_rx(h->es[req->thread], scratch, req->body, type, &msg, &fault) < 0) {
		IO_LOG(req->io, DSOAP, LOGL_INFO, "%s: %s\n", req->remote, fault->reason);
		reply_fault(req, fault);
	} else {
		http_req_park_steal(req, &job_of(req, talloc_steal(NULL, msg))->job);
	}
	talloc_free(scratch);
}

void soap_http_handle(struct http_req *req, void *soap_http)
{
	if (strcmp(req->method, "GET") == 0)
		get(soap_http, req);
	else
		post(soap_http, req);
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

/* I/O thread again. */
static int encode(struct http_answer *ans)
{
	const struct es_answer *a = ans->arg;
	int rc;

	if (a->fault) {
		ans->content_type = SOAP_CONTENT_TYPE;
		return soap_tx_fault(ans, a->fault, &ans->body);
	}
	ans->content_type = soap_content_type(ans, a->out.action);
	rc = soap_tx(ans, &a->out, a->fn, ES_DIR_RESPONSE, a->body, &ans->body);
	return rc;
}

void soap_http_answer(struct smsr_daemon *d, uint64_t xid, struct es_answer *steal_answer)
{
	struct http_answer *ans;

	if (steal_answer->http_status == 503) {
		ans = http_answer_busy(steal_answer->retry_after_s);
		talloc_free(steal_answer);
	} else {
		ans = http_answer_alloc(steal_answer->http_status);
		ans->arg = talloc_steal(ans, steal_answer);
		if (steal_answer->fault || steal_answer->body)
			ans->encode = encode;
	}
	http_server_answer_steal(d->server, xid, ans);
}
