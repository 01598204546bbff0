/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* One request over SOAP and mutual TLS, and the way to its outcome: in the answer, by callback, or by saying the same
 * call again (the SM-SR answers 202 while it runs and 200 with the outcome afterwards). */
#include "tools/smctl/smctl.h"

#include <errno.h>
#include <string.h>

#include <osmocom/core/select.h>
#include <osmocom/core/timer.h>
#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/clock.h"
#include "common/es/es_codec.h"
#include "common/net/http_client.h"

#define POLL_FIRST_MS 500
#define POLL_MAX_MS 5000
#define CALLBACK_LATE_MS 2000 /* the SM-SR says it was delivered: it is in our queue, or went elsewhere */
#define HTTP_TIMEOUT_MS 60000

struct soap_call {
	struct smctl *c;
	struct io *io;
	struct http_client *client;
	struct callback *callback; /* NULL: no listener */
	struct es_ctx *es;
	struct osmo_timer_list timer;
	bool timed_out;
	struct http_result *result;	/* of the request under way */
	const char *sent_id;		/* base of the MessageID that a callback must relate to */
	const struct soap_msg *outcome; /* came by callback */
};

const void *soap_call_ctx(const struct soap_call *s)
{
	return s;
}

struct es_ctx *soap_call_es(struct soap_call *s)
{
	return s->es;
}

static void timer_fired(void *data)
{
	((struct soap_call *)data)->timed_out = true;
}

static bool is_outcome(const struct soap_call *s, const struct soap_msg *m)
{
	return m->dir == ES_DIR_RESPONSE && m->body && s->sent_id && m->hdr.relates_to.base &&
	       strcmp(m->hdr.relates_to.base, s->sent_id) == 0;
}

static void rx_message(struct soap_call *s, struct io_job *job)
{
	const struct soap_msg *m = callback_msg(job);
	const struct es_rsp *rsp = m->body;

	talloc_steal(s, job);
	if (is_outcome(s, m))
		s->outcome = m;
	else if (m->dir == ES_DIR_RESPONSE && rsp)
		complain(s->c, "note: an answer of %s to an earlier request came: %s", es_fn_name(m->fn),
			 es_exec_name(rsp->status.status));
	else
		complain(s->c, "note: %s came", es_fn_name(m->fn));
}

static void handle_job(struct io_job *job, void *data)
{
	struct soap_call *s = data;

	if (job->kind == IO_RESULT)
		s->result = talloc_steal(s, (struct http_result *)job);
	else
		rx_message(s, job);
}

static void turn(struct soap_call *s, bool poll)
{
	osmo_select_main_ctx(poll);
	clock_feed();
	io_core_poll(s->io, 16, handle_job, s);
}

/* Until an outcome came by callback, or the time is over. */
static void wait_ms(struct soap_call *s, int64_t ms)
{
	s->timed_out = false;
	osmo_timer_schedule(&s->timer, (int)(ms / 1000), (int)(ms % 1000 * 1000));
	while (!s->timed_out && !s->outcome)
		turn(s, false);
	osmo_timer_del(&s->timer);
}

/* ---- one exchange ---- */

static char *service_url(const struct soap_call *s, const void *ctx, enum es_fn fn)
{
	const struct es_fn_info *f = es_fn_info(fn);
	size_t n = strlen(s->c->conf.url);

	while (n && s->c->conf.url[n - 1] == '/')
		n--;
	return talloc_asprintf(ctx, "%.*s/%.3s/%s", (int)n, s->c->conf.url, f->service, f->service);
}

static struct http_call *make_call(struct soap_call *s, enum es_fn fn, const struct es_req *body, bool reply_to)
{
	const struct conf *conf = &s->c->conf;
	struct http_call *call = http_call_alloc();
	struct soap_out out = {};
	struct soap_msg_id id;
	char *url = service_url(s, call, fn);
	bool async = es_fn_info(fn)->mep == ES_ASYNC;
	const struct soap_self self = {
		.uri = s->callback && conf->callback_url ? conf->callback_url : "https://smctl.invalid/",
		.oid = conf->oid,
	};

	out.from = soap_from(call, &self);
	out.to = soap_endpoint(call, url, conf->to_oid);
	out.action = es_fn_action(call, fn, ES_DIR_REQUEST, NULL);
	out.message_id = soap_message_id(call, conf->oid, body->call_id, NULL, clock_stamp_ms());
	if (s->callback && async && reply_to) {
		out.reply_to = callback_reply_to(call, s->c, s->callback, fn);
		OSMO_ASSERT(soap_msg_id_dec(s, out.message_id, &id) == 0);
		s->sent_id = id.base;
	}
	call->url = url;
	call->content_type = soap_content_type(call, out.action);
	call->timeout_ms = HTTP_TIMEOUT_MS;
	if (soap_tx(call, &out, fn, ES_DIR_REQUEST, body, &call->body) < 0) {
		talloc_free(call);
		return NULL;
	}
	return call;
}

static struct reply unreachable(const struct soap_call *s, const char *url, const struct http_result *r)
{
	const char *hint = "";

	if (r->outcome == HTTP_E_TLS)
		hint = "; --ca must hold the root of its certificate, and its \"ca\" the root of --cert";
	else if (r->outcome == HTTP_E_CONNECT || r->outcome == HTTP_E_DNS)
		hint = "; is smsr running, and is --url its \"uri\"?";
	complain(s->c, "%s: %s: %s%s", url, http_outcome_name(r->outcome), r->detail, hint);
	return (struct reply){.code = SMCTL_UNREACHABLE};
}

static struct reply not_soap(const struct soap_call *s, const struct http_result *r)
{
	if (r->status == 503)
		complain(s->c, "the SM-SR has no room for this now (HTTP 503); try again in %u s",
			 r->retry_after_s ? r->retry_after_s : 60);
	else
		complain(s->c, "HTTP status %u without an answer that can be read; does --url name an SM-SR?",
			 r->status);
	return (struct reply){.code = r->status == 503 ? SMCTL_REFUSED : SMCTL_UNREACHABLE};
}

static struct reply rx_answer(struct soap_call *s, enum es_fn fn, const struct http_result *r)
{
	const struct soap_fault *fault;
	struct soap_fault *bad;
	struct soap_msg *m;

	if (r->status == 202)
		return (struct reply){.accepted = true};
	if (!*r->content_type || soap_rx(s->es, s, r->body, r->content_type, &m, &bad) < 0)
		return not_soap(s, r);
	if (m->dir == ES_DIR_FAULT) {
		fault = m->body;
		complain(s->c, "refused: %s%s%s", fault->reason, fault->problem_header ? ": " : "",
			 fault->problem_header ? fault->problem_header : "");
		return (struct reply){.code = SMCTL_REFUSED};
	}
	if (m->dir != ES_DIR_RESPONSE || m->fn != fn || !m->body)
		return not_soap(s, r);
	return (struct reply){.msg = m};
}

static struct reply exchange(struct soap_call *s, enum es_fn fn, const struct es_req *body, bool reply_to)
{
	struct http_call *call = make_call(s, fn, body, reply_to);
	struct reply reply = {.code = SMCTL_USAGE};
	char *url;

	if (!call) {
		complain(s->c, "something in this request cannot be sent: a missing field, or characters that XML does "
			       "not know");
		return reply;
	}
	url = talloc_strdup(s, call->url);
	TALLOC_FREE(s->result);
	if (http_client_post_steal(s->client, call) < 0) {
		complain(s->c, "--url %s: must be https://HOST[:PORT][/PATH]", s->c->conf.url);
		talloc_free(call);
		return reply;
	}
	while (!s->result)
		turn(s, false);
	reply = s->result->outcome == HTTP_ANSWERED ? rx_answer(s, fn, s->result) : unreachable(s, url, s->result);
	talloc_free(url);
	return reply;
}

/* ---- the outcome ---- */

static struct reply poll_outcome(struct soap_call *s, enum es_fn fn, const struct es_req *body, int64_t end_ms)
{
	struct reply reply = exchange(s, fn, body, false);

	for (int64_t step = POLL_FIRST_MS; reply.accepted && !s->outcome; step = OSMO_MIN(step * 3 / 2, POLL_MAX_MS)) {
		int64_t left = end_ms - clock_now_ms();

		if (left <= 0)
			return reply;
		wait_ms(s, OSMO_MIN(step, left));
		reply = exchange(s, fn, body, false);
	}
	return reply;
}

static struct reply await_outcome(struct soap_call *s, enum es_fn fn, const struct es_req *body)
{
	unsigned int timeout_s = s->c->opt.timeout_s ? s->c->opt.timeout_s : TIMEOUT_DEFAULT_S;
	int64_t end = clock_now_ms() + 1000 * (int64_t)timeout_s;
	bool done = admin_is_set(s->c) && admin_follow_call(s->c, body->call_id, end) == SMCTL_OK;

	clock_feed();
	if (s->callback)
		wait_ms(s, done ? CALLBACK_LATE_MS : OSMO_MAX(end - clock_now_ms(), 1));
	if (s->outcome)
		return (struct reply){.msg = s->outcome};
	return poll_outcome(s, fn, body, end);
}

struct reply soap_call_do(struct soap_call *s, enum es_fn fn, const struct es_req *body)
{
	struct reply reply;

	s->sent_id = NULL;
	s->outcome = NULL;
	reply = exchange(s, fn, body, true);
	if (!reply.accepted || !s->c->opt.wait)
		return reply;
	reply = await_outcome(s, fn, body);
	if (reply.accepted)
		reply.code = SMCTL_RUNNING;
	return reply;
}

/* ---- start and stop ---- */

static bool complete(const struct smctl *c)
{
	static const char *const needed[] = {"url", "ca", "cert", "key", "oid", "to-oid"};
	struct conf conf = c->conf;

	for (size_t i = 0; i < ARRAY_SIZE(needed); i++) {
		if (*conf_setting(&conf, needed[i]))
			continue;
		complain(c, "--%s is missing; give it, or \"%s = ...\" in ~/.config/smctl.conf (smctl --help)",
			 needed[i], needed[i]);
		return false;
	}
	if (!soap_oid_ok(conf.oid) || !soap_oid_ok(conf.to_oid)) {
		complain(c, "--oid and --to-oid are dotted object identifiers");
		return false;
	}
	return true;
}

static int start(struct soap_call *s)
{
	const struct tls_files files = {.ca = s->c->conf.ca, .cert = s->c->conf.cert, .key = s->c->conf.key};
	const struct http_client_conf conf = {.max_body = 8 * 1024 * 1024};
	const char *why = "";
	struct tls *tls;
	int rc;

	rc = tls_load(s, TLS_CLIENT, &files, &tls, &why);
	if (rc < 0) {
		complain(s->c, "%s", why);
		return rc;
	}
	rc = io_start(s, 1, 100, &s->io);
	if (rc < 0) {
		complain(s->c, "cannot start a thread: %s", strerror(-rc));
		return rc;
	}
	rc = http_client_start(s, s->io, &conf, tls, &s->client);
	if (rc == 0 && s->c->conf.listen)
		rc = callback_start(s->c, s, s->io, &s->callback);
	return rc;
}

struct soap_call *soap_call_open(struct smctl *c)
{
	struct soap_call *s;

	if (!complete(c))
		return NULL;
	s = talloc_zero(c, struct soap_call);
	OSMO_ASSERT(s);
	s->c = c;
	s->es = es_ctx_alloc(s, NULL);
	osmo_timer_setup(&s->timer, timer_fired, s);
	clock_feed();
	if (s->es && start(s) == 0)
		return s;
	soap_call_close(s);
	return NULL;
}

void soap_call_close(struct soap_call *s)
{
	if (s->io)
		io_stop(s->io);
	callback_stop(s->callback);
	talloc_free(s);
}
