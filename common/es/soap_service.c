/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The I/O threads' part of a SOAP service, and the way back of an answer.  The only things shared by threads are the
 * embedded files and the parser contexts, one for each thread. */
#include "common/es/soap_service.h"

#include <errno.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/clock.h"
#include "common/app/log.h"

struct soap_service {
	struct soap_service_conf conf;
	struct es_ctx **es; /* one for each I/O thread */
};

struct soap_service *soap_service_alloc(const void *ctx, const struct soap_service_conf *conf, unsigned int n_threads)
{
	struct soap_service *h = talloc_zero(ctx, struct soap_service);

	OSMO_ASSERT(h);
	h->conf = *conf;
	h->conf.uri = talloc_strdup(h, conf->uri);
	h->es = talloc_zero_array(h, struct es_ctx *, n_threads);
	OSMO_ASSERT(h->es);
	for (unsigned int i = 0; i < n_threads; i++) {
		/* Trees of their own: an I/O thread allocates below its context. */
		h->es[i] = es_ctx_alloc(NULL, NULL);
		if (!h->es[i]) {
			soap_service_free(h);
			return NULL;
		}
	}
	return h;
}

void soap_service_free(struct soap_service *h)
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
	a->body = bytes_dup(a, bytes_str(text));
	http_req_reply_steal(req, a);
}

static bool is_served(const struct soap_service *h, const char *service)
{
	for (const char *const *s = h->conf.services; *s; s++) {
		if (strcmp(*s, service) == 0)
			return true;
	}
	return false;
}

/* The file behind SERVICE?wsdl and SERVICE?xsd, or a schema by its name, as a WSDL imports it. */
static const char *file_name(const struct soap_service *h, const struct http_req *req)
{
	const char *last = last_part(req->path);
	size_t len = strlen(last);

	if (req->query)
		return is_served(h, last) ? es_schema_of_service(last, req->query) : NULL;
	return len > 4 && strcmp(last + len - 4, ".xsd") == 0 ? last : NULL;
}

static void reply_not_found(const struct soap_service *h, struct http_req *req)
{
	char *text =
		talloc_asprintf(NULL, "There is ?wsdl below each service, for example %s?wsdl\n", h->conf.services[0]);

	reply_text(req, 404, text);
	talloc_free(text);
}

static void get(const struct soap_service *h, struct http_req *req)
{
	const char *name = file_name(h, req);
	struct http_answer *a = http_answer_alloc(200);
	struct bytes file;

	if (!name || es_schema_file(name, &file, &a->content_type) < 0 ||
	    es_schema_render(a, name, h->conf.uri, &a->body) < 0) {
		talloc_free(a);
		reply_not_found(h, req);
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

struct soap_msg *soap_service_read(struct es_ctx *es, const void *ctx, struct http_req *req)
{
	char *type = content_type(ctx, req);
	struct soap_msg *msg = NULL;
	struct soap_fault *fault;

	if (soap_rx(es, ctx, req->body, type, &msg, &fault) < 0) {
		IO_LOG(req->io, DSOAP, LOGL_INFO, "%s: %s\n", req->remote, fault->reason);
		reply_fault(req, fault);
	}
	talloc_free(type);
	return msg;
}

static void post(struct soap_service *h, struct http_req *req)
{
	void *scratch = talloc_new(NULL);
	struct soap_msg *msg = soap_service_read(h->es[req->thread], scratch, req);

	if (msg)
		http_req_park_steal(req, h->conf.job(req, talloc_steal(NULL, msg)));
	talloc_free(scratch);
}

void soap_service_handle(struct http_req *req, void *service)
{
	if (strcmp(req->method, "GET") == 0)
		get(service, req);
	else
		post(service, req);
}

/* ---- core ---- */

void es_answer_headers(struct es_answer *a, const struct soap_self *self, const struct soap_msg *msg)
{
	const struct soap_self own = {
		.uri = talloc_strdup(a, self->uri),
		.oid = talloc_strdup(a, self->oid),
		.name = self->name ? talloc_strdup(a, self->name) : NULL,
	};

	a->fn = msg->fn;
	a->out = soap_answer(a, &own, &msg->hdr, clock_stamp_ms());
	a->out.to = talloc_strdup(a, a->out.to);
	a->out.relates_to = talloc_strdup(a, a->out.relates_to);
	a->out.message_id = talloc_strdup(a, a->out.message_id);
	a->out.action = es_fn_action(a, msg->fn, ES_DIR_REQUEST, NULL);
}

void es_answer_fault(struct es_answer *a, const struct soap_msg *msg, unsigned int http_status,
		     enum soap_fault_subcode subcode, const char *reason)
{
	a->http_status = http_status;
	a->fault = talloc_zero(a, struct soap_fault);
	OSMO_ASSERT(a->fault);
	*a->fault = (struct soap_fault){
		.code = SOAP_FAULT_SENDER,
		.subcode = subcode,
		.reason = talloc_strdup(a, reason),
		.relates_to = talloc_strdup(a, msg->hdr.id.raw),
		.http_status = http_status,
	};
}

/* I/O thread again. */
static int encode(struct http_answer *ans)
{
	const struct es_answer *a = ans->arg;

	if (a->fault) {
		ans->content_type = SOAP_CONTENT_TYPE;
		return soap_tx_fault(ans, a->fault, &ans->body);
	}
	ans->content_type = soap_content_type(ans, a->out.action);
	return soap_tx(ans, &a->out, a->fn, ES_DIR_RESPONSE, a->body, &ans->body);
}

void soap_service_answer(struct http_server *server, uint64_t xid, struct es_answer *steal_answer)
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
	http_server_answer_steal(server, xid, ans);
}
