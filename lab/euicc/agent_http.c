/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Administration sessions: requests and answers (GlobalPlatform Amendment B).
 *
 * A request stays until its answer has come as a whole.  When the connection breaks before that it goes out again on
 * the next one, to the same URI, with X-Admin-Resume and (unless the settings say otherwise) with the result that the
 * server may not have seen: so no script is executed twice.  A server that refuses gets a first request next time. */
#include "lab/euicc/agent.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include <osmocom/core/talloc.h>
#include <osmocom/core/utils.h>

#define PROTOCOL_NAME "globalplatform-remote-admin/1."
#define GARBAGE "\xde\xad\x00\x00garbage"

static void trace(struct euicc *card, const void *ctx, const char *arrow, const char *uri, struct bytes body)
{
	if (card->trace)
		out_trace(card, "https %s %s %s", arrow, uri ? uri : "-", hex_enc(ctx, body));
}

/* ---- requests ---- */

static void request_set(struct agent *a, const char *uri, enum admin_status status, struct bytes body)
{
	talloc_free((void *)a->uri);
	a->uri = talloc_strdup(a, uri);
	OSMO_ASSERT(a->uri);
	talloc_free((void *)a->body.data);
	a->body = body.len ? bytes_dup(a, body) : bytes_of(NULL, 0);
	a->status = status;
	a->sent = false;
	a->resume = false;
}

void agent_first_request(struct agent *a)
{
	request_set(a, a->first_uri, ADMIN_STATUS_NONE, bytes_of(NULL, 0));
}

static const char *from_of(const struct euicc *card, const void *ctx)
{
	const struct agent *a = card->agent;
	uint8_t eid[EUICC_EID_LEN];

	memcpy(eid, card->eid, sizeof(eid));
	if (fault_on(card, EUICC_FAULT_HTTPS_WRONG_EID))
		eid[EUICC_EID_LEN - 1] ^= 1;
	else if (a->par.post.agent)
		return a->par.post.agent;
	return admin_from_enc(ctx, eid, card_aid_isdr());
}

static const char *host_of(const struct euicc *card, const void *ctx)
{
	const struct agent *a = card->agent;
	struct bytes addr = a->par.conn.address;
	char text[INET6_ADDRSTRLEN];

	if (a->par.post.host)
		return a->par.post.host;
	if (addr.len == 4 && inet_ntop(AF_INET, addr.data, text, sizeof(text)))
		return talloc_strdup(ctx, text);
	if (addr.len == 16 && inet_ntop(AF_INET6, addr.data, text, sizeof(text)))
		return talloc_asprintf(ctx, "[%s]", text);
	return card->fleet->set.https_host;
}

static int request_enc(const struct euicc *card, const void *ctx, struct bytes *octets)
{
	const struct agent *a = card->agent;
	bool bare = a->resume && card->fleet->set.https_resume_bare;
	struct http_msg m = {
		.target = a->uri,
		.host = host_of(card, ctx),
		.protocol = ADMIN_PROTOCOL,
		.from = from_of(card, ctx),
		.resume = a->resume ? "true" : NULL,
	};
	struct wr w;
	int rc;

	if (!bare && a->status != ADMIN_STATUS_NONE) {
		m.script_status = admin_status_text(a->status);
		m.content_type = a->body.len ? ADMIN_TYPE_RSP : NULL;
		m.body = a->body;
	}
	wr_init(&w, ctx);
	rc = http_request_enc(&m, card->fleet->set.https_length ? HTTP_FRAME_LENGTH : HTTP_FRAME_CHUNKED, &w);
	return rc ? rc : wr_end(&w, octets);
}

/* Of n octets on the channel, how many pass before fault https-cut breaks it. */
static size_t passes(const struct euicc *card, size_t n)
{
	size_t used = card->agent->octets;

	if (!fault_on(card, EUICC_FAULT_HTTPS_CUT))
		return n;
	return card->nv.https_cut > used ? OSMO_MIN(n, card->nv.https_cut - used) : 0;
}

static void cut(struct euicc *card)
{
	euicc_fault_set(card, EUICC_FAULT_HTTPS_CUT, false, 0);
	agent_fail(card, "fault: the connection breaks");
}

static void tx(struct euicc *card, struct bytes octets)
{
	size_t n = passes(card, octets.len);
	struct euicc_out *out;

	card->agent->octets += n;
	if (n > 0) {
		out = out_add(card, EUICC_OUT_SEND);
		out->pdu = bytes_dup(out, bytes_sub(octets, 0, n));
		card->agent->sent = true;
	}
	if (n < octets.len)
		cut(card);
}

void agent_ask(struct euicc *card)
{
	struct agent *a = card->agent;
	void *ctx;
	struct bytes octets;

	a->state = AGENT_ASKING;
	a->due_ms = card->fleet->now_ms + card->fleet->set.https_wait_ms;
	if (fault_on(card, EUICC_FAULT_HTTPS_STALL) && a->requests >= card->nv.https_stall) {
		out_event(card, "fault: the card says nothing any more");
		return;
	}
	a->requests++;
	ctx = talloc_new(card);
	if (request_enc(card, ctx, &octets)) {
		agent_fail(card, "the request cannot be built");
	} else {
		trace(card, ctx, ">", a->uri, a->body);
		tx(card, octets);
	}
	talloc_free(ctx);
}

/* ---- answers ---- */

/* Path and query of a Next-URI.  \returns part of uri; NULL when the card does not take it */
static const char *target_of(const struct euicc *card, const char *uri)
{
	static const char scheme[] = "https://";
	bool strict = fault_on(card, EUICC_FAULT_HTTPS_NEXT_URI);

	if (strict && (uri[0] != '/' || !strchr(uri, '?')))
		return NULL;
	if (strncasecmp(uri, scheme, strlen(scheme)) == 0)
		return strchr(uri + strlen(scheme), '/');
	return uri[0] == '/' ? uri : NULL;
}

static enum admin_status status_of_fault(const struct euicc *card)
{
	uint32_t arg = card->nv.https_status;

	return arg > ADMIN_STATUS_NONE && arg < ADMIN_STATUS_OTHER ? (enum admin_status)arg
								   : ADMIN_STATUS_SECURITY_ERROR;
}

/* \param[out] rsp  untouched unless the status is OK */
static enum admin_status run(struct euicc *card, const void *ctx, const struct http_msg *m, struct bytes *rsp)
{
	uint8_t aid[ADMIN_AID_MAX];
	size_t len = 0;

	if (fault_on(card, EUICC_FAULT_HTTPS_STATUS))
		return status_of_fault(card);
	if (!admin_type_is(m->content_type, ADMIN_TYPE_CMD))
		return ADMIN_STATUS_SCRIPT_FORMAT_ERROR;
	if (m->target_app && admin_target_dec(m->target_app, aid, &len))
		return ADMIN_STATUS_UNKNOWN_APPLICATION;
	if (euicc_script(card, ctx, bytes_of(aid, len), m->body, rsp))
		return ADMIN_STATUS_UNKNOWN_APPLICATION;
	if (fault_on(card, EUICC_FAULT_HTTPS_GARBAGE))
		*rsp = BYTES_LIT(GARBAGE);
	return ADMIN_STATUS_OK;
}

static void rx_good(struct euicc *card, const struct http_msg *m, const char *next)
{
	enum admin_status status = ADMIN_STATUS_NONE;
	struct bytes rsp = bytes_of(NULL, 0);

	agent_tries_reset(card, card->agent);
	if (m->body.len)
		status = run(card, m, m, &rsp);
	if (m->body.len && status != ADMIN_STATUS_OK)
		out_event(card, "administration session: script answered %s", admin_status_text(status));
	if (next) {
		request_set(card->agent, next, status, rsp);
		agent_ask(card);
	} else {
		agent_end(card);
	}
}

static void rx_answer(struct euicc *card, const struct http_msg *m)
{
	const char *next = m->next_uri ? target_of(card, m->next_uri) : NULL;

	trace(card, m, "<", m->next_uri, m->body);
	if (m->status != 200 && m->status != 204) {
		agent_first_request(card->agent);
		agent_fail(card, talloc_asprintf(m, "the server refuses with %u", m->status));
	} else if (!m->protocol || strncasecmp(m->protocol, PROTOCOL_NAME, strlen(PROTOCOL_NAME)) != 0) {
		agent_fail(card, "an answer without X-Admin-Protocol");
	} else if (m->next_uri && !next) {
		agent_fail(card, "a Next-URI that this card does not take");
	} else {
		rx_good(card, m, next);
	}
}

static void rx(struct euicc *card, struct bytes in)
{
	struct agent *a = card->agent;
	struct http_msg *m;
	int rc = http_rx_feed(a->rx, &in, &m);

	if (rc < 0)
		agent_fail(card, http_rx_why(a->rx));
	if (rc < 1)
		return;
	if (in.len > 0)
		agent_fail(card, "more than the answer");
	else
		rx_answer(card, m);
	talloc_free(m);
}

void agent_rx(struct euicc *card, struct bytes plain)
{
	size_t n = passes(card, plain.len);

	card->agent->octets += n;
	if (n < plain.len)
		cut(card);
	else
		rx(card, plain);
}
