/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Listener for the answers to asynchronous functions (ReplyTo).  The handler runs in the I/O thread: it reads the
 * message and takes it over with 202; the core hears of it through a job. */
#include "tools/smctl/smctl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/es/es_codec.h"
#include "common/es/soap_service.h"
#include "common/net/http_server.h"

struct callback {
	struct es_ctx *es; /* of the I/O thread */
	struct http_server *srv;
	const char *base; /* URL */
};

struct callback_job {
	struct io_job job;
	struct soap_msg *msg;
};

static void reply(struct http_req *req, unsigned int status)
{
	http_req_reply_steal(req, http_answer_alloc(status));
}

static void handle(struct http_req *req, void *data)
{
	struct callback *cb = data;
	struct callback_job *job;

	if (strcmp(req->method, "POST") != 0) {
		reply(req, 405);
		return;
	}
	job = talloc_zero(NULL, struct callback_job);
	OSMO_ASSERT(job);
	job->msg = soap_service_read(cb->es, job, req);
	if (!job->msg) {
		talloc_free(job);
		return;
	}
	job->job.kind = IO_REQUEST;
	io_submit_always_steal(req->io, &job->job);
	reply(req, 202);
}

/* "127.0.0.1:8443", "[::1]:8443" */
static int split(const void *ctx, const char *text, struct http_listen *listen)
{
	const char *colon = strrchr(text, ':');
	char *end, *host;
	long port;

	if (!colon || colon == text)
		return -EINVAL;
	port = strtol(colon + 1, &end, 10);
	if (*end || end == colon + 1 || port < 0 || port > 65535)
		return -EINVAL;
	host = talloc_strndup(ctx, text, (size_t)(colon - text));
	if (*host == '[' && host[strlen(host) - 1] == ']')
		host = talloc_strndup(ctx, host + 1, strlen(host) - 2);
	*listen = (struct http_listen){host, (uint16_t)port};
	return 0;
}

static const char *base_url(const struct smctl *c, const void *ctx, const struct http_listen *listen, uint16_t port)
{
	bool v6 = strchr(listen->host, ':');

	if (c->conf.callback_url)
		return c->conf.callback_url;
	return talloc_asprintf(ctx, "https://%s%s%s:%u", v6 ? "[" : "", listen->host, v6 ? "]" : "", port);
}

static int start(struct smctl *c, struct callback *cb, struct io *io, const char **why)
{
	const struct tls_files files = {.ca = c->conf.ca, .cert = c->conf.cert, .key = c->conf.key};
	struct http_listen listen;
	const struct http_server_conf conf = {.listen = &listen, .n_listen = 1, .max_conns = 16};
	struct tls *tls;
	int rc;

	if (split(cb, c->conf.listen, &listen) < 0) {
		*why = "--listen wants ADDR:PORT";
		return -EINVAL;
	}
	rc = tls_load(cb, TLS_SERVER, &files, &tls, why);
	if (rc == 0)
		rc = http_server_start(cb, io, &conf, tls, handle, cb, &cb->srv, why);
	if (rc == 0)
		cb->base = base_url(c, cb, &listen, http_server_port(cb->srv, 0));
	return rc;
}

int callback_start(struct smctl *c, const void *ctx, struct io *io, struct callback **out)
{
	struct callback *cb = talloc_zero(ctx, struct callback);
	const char *why = "it cannot be started";

	OSMO_ASSERT(cb);
	/* A tree of its own: the I/O thread allocates below it. */
	cb->es = es_ctx_alloc(NULL, NULL);
	if (!cb->es || start(c, cb, io, &why) < 0) {
		complain(c, "listener for callbacks: %s", why);
		return -EINVAL;
	}
	*out = cb;
	return 0;
}

void callback_stop(struct callback *cb)
{
	if (cb)
		talloc_free(cb->es);
}

char *callback_reply_to(const void *ctx, const struct smctl *c, const struct callback *cb, enum es_fn fn)
{
	char *url = talloc_asprintf(ctx, "%s/%s", cb->base, es_fn_info(fn)->callback);
	char *address = soap_endpoint(ctx, url, c->conf.oid);

	talloc_free(url);
	return address;
}

const struct soap_msg *callback_msg(const struct io_job *job)
{
	return ((const struct callback_job *)job)->msg;
}
