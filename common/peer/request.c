/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Requests of peers: from the SOAP service to an event and back, and the checks of SGP.02 that need no configuration
 * but a number or a text. */
#include "common/peer/request.h"

#include <errno.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/clock.h"
#include "common/app/log.h"
#include "common/net/http_client.h"

struct soap_job {
	struct io_job job; /* must stay first */
	struct es_request req;
};

/* ---- I/O thread ---- */

static int wipe_document(struct soap_job *j)
{
	bytes_wipe((void *)j->req.document.data, j->req.document.len);
	return 0;
}

struct io_job *es_request_job(const struct http_req *req, struct soap_msg *steal_msg)
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

/* ---- core ---- */

void es_request_run(struct io_job *job, struct http_server *server, struct turn *turn, turn_handler_cb handler,
		    void *priv)
{
	struct soap_job *j = (struct soap_job *)job;

	j->req.xid = job->xid;
	if (turn_event_logged(turn, handler, priv, &j->req, es_fn_name(j->req.msg->fn)) < 0)
		http_server_answer_steal(server, job->xid, http_answer_alloc(500));
	talloc_free(job);
}

struct answer_out {
	uint64_t xid;
	es_answer_cb port;
	struct es_answer *answer;
};

static void emit_answer(void *priv, void *data)
{
	const struct answer_out *o = data;

	o->port(priv, o->xid, talloc_steal(NULL, o->answer));
}

struct es_answer *es_request_answer(const struct es_request *req, struct turn *turn, es_answer_cb port, void *priv,
				    unsigned int http_status)
{
	struct answer_out *o = talloc_zero(turn_ctx(turn), struct answer_out);

	OSMO_ASSERT(o);
	o->xid = req->xid;
	o->port = port;
	o->answer = talloc_zero(o, struct es_answer);
	OSMO_ASSERT(o->answer);
	o->answer->http_status = http_status;
	turn_output(turn, emit_answer, priv, o);
	return o->answer;
}

/* ---- checks ---- */

const char *es_request_misaddressed(const struct es_request *req, const char *oid, const char *prefix,
				    enum soap_fault_subcode *subcode)
{
	const struct soap_headers *h = &req->msg->hdr;

	if (h->to.entity_id && strcmp(h->to.entity_id, oid) != 0) {
		*subcode = SOAP_SUB_DESTINATION_UNREACHABLE;
		return "To names another entity";
	}
	if (es_fn_info(req->msg->fn)->mep == ES_ASYNC && h->reply_to.uri &&
	    !http_url_is_below(prefix, h->reply_to.base)) {
		*subcode = SOAP_SUB_INVALID_HEADER;
		return "ReplyTo is not below the callback prefix agreed on";
	}
	return NULL;
}

bool es_request_validity(const struct es_request *req, uint32_t default_s, uint32_t max_s, uint32_t *validity_s)
{
	const struct es_req *base = req->msg->body;

	*validity_s = base->validity_s ? base->validity_s : OSMO_MIN(default_s, max_s);
	return *validity_s <= max_s;
}

bool es_request_has_no_room(const struct es_request *req, const struct db *db, uint64_t free_min)
{
	if (!es_fn_info(req->msg->fn)->changes || !db_is_low(db, free_min))
		return false;
	LOGP(DES, LOGL_ERROR, "the disk of the database is nearly full: %s refused\n", es_fn_name(req->msg->fn));
	return true;
}

/* ---- repetitions ---- */

int es_request_seen(const void *ctx, struct db *db, const struct es_request *req, const char *sender, struct call *seen)
{
	const struct soap_msg *m = req->msg;
	int rc = m->has_digest ? call_db_get(ctx, db, sender, m->call_id, seen) : -ENOENT;

	if (rc < 0)
		return rc == -ENOENT ? 1 : rc;
	return seen->fn == m->fn && bytes_eq(BYTES_ARR(seen->digest), BYTES_ARR(m->digest)) ? 0 : -EEXIST;
}

int es_request_remember(struct db *db, const struct es_request *req, const char *sender, int64_t op_id,
			struct bytes outcome)
{
	const struct soap_msg *m = req->msg;
	struct call call = {.sender = sender, .call_id = m->call_id, .fn = m->fn, .op_id = op_id, .response = outcome};

	if (!m->has_digest)
		return 0;
	memcpy(call.digest, m->digest, sizeof(call.digest));
	return call_db_insert(db, &call, clock_now_ms());
}
