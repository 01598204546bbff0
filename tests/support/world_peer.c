/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The peers' ends: requests, answers, callbacks, notifications. */
#include <stdlib.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "tests/support/world.h"

/* ---- requests ---- */

static const char *name_of(const char *sender)
{
	if (strcmp(sender, SMDP) == 0)
		return "smdp";
	if (strcmp(sender, SMDP_OTHER) == 0)
		return "other";
	return strcmp(sender, MNO_BOOT) == 0 ? "boot" : "oper";
}

static void request_headers(struct world *w, const void *ctx, const char *sender, const char *call_id,
			    struct soap_msg *msg)
{
	const struct world_request *q = &w->request;
	const char *name = name_of(sender);
	char *reply =
		q->reply_to ? talloc_strdup(ctx, q->reply_to) : talloc_asprintf(ctx, "https://%s.example/cb", name);
	char *id = talloc_asprintf(ctx, "//%s/urn:uuid:%s-%llu?TransactionID=tx-%s", sender, call_id,
				   (unsigned long long)w->next_xid, call_id);

	msg->hdr.from.entity_id = q->from ? q->from : sender;
	msg->hdr.from.uri = reply;
	msg->hdr.to.entity_id = q->to;
	if (!q->no_reply_to)
		assert_int_equal(soap_addr_dec(ctx, reply, &msg->hdr.reply_to), 0);
	assert_int_equal(soap_msg_id_dec(ctx, id, &msg->hdr.id), 0);
}

static void send_request(struct world *w, const char *sender, struct soap_msg *msg)
{
	struct tls_peer tls = {.subject = "CN=test", .issuer = "CN=ca", .serial_number = sender};
	struct es_request req = {.xid = ++w->next_xid, .msg = msg, .tls = &tls, .remote = "test"};

	if (w->request.cert)
		tls.serial_number = w->request.cert;
	talloc_free(w->answer);
	w->answer = NULL;
	assert_int_equal(world_event(w, smsr_ev_request, &req), 0);
}

struct es_answer *world_call(struct world *w, const char *sender, enum es_fn fn, const char *call_id, void *body)
{
	struct soap_msg msg = {.fn = fn, .dir = ES_DIR_REQUEST, .body = body, .call_id = call_id};
	void *ctx = talloc_new(w->ctx);

	msg.has_digest = es_fn_info(fn)->changes;
	assert_int_equal(crypto_sha256(bytes_str(call_id), msg.digest), 0);
	msg.digest[0] ^= (uint8_t)fn;
	msg.digest[1] ^= w->request.twist;
	request_headers(w, ctx, sender, call_id, &msg);
	send_request(w, sender, &msg);
	if (!w->answer) /* killed before it answered: a peer asks again */
		send_request(w, sender, &msg);
	assert_non_null(w->answer);
	memset(&w->request, 0, sizeof(w->request));
	talloc_free(ctx);
	return w->answer;
}

struct es_answer *world_ask(struct world *w, const char *sender, enum es_fn fn, enum seed_profile_id profile,
			    const char *call_id, uint32_t validity_s)
{
	struct es_profile_req q = {
		.base = {.call_id = call_id, .validity_s = validity_s},
		.eid = w->card_data.eid,
		.iccid = w->card_data.profiles[profile].iccid,
	};
	struct es_audit_eis_req audit = {.base = q.base, .eid = q.eid};

	return world_call(w, sender, fn, call_id,
			  fn == ES4_AUDIT_EIS || fn == ES3_AUDIT_EIS ? (void *)&audit : (void *)&q);
}

void world_order(struct world *w, const char *sender, enum es_fn fn, enum seed_profile_id profile, const char *call_id,
		 uint32_t validity_s)
{
	assert_int_equal(world_ask(w, sender, fn, profile, call_id, validity_s)->http_status, 202);
}

void world_expect_answer(struct world *w, const char *what)
{
	const struct es_answer *a = w->answer;
	const struct es_rsp *rsp = a->body;
	char *text = NULL;

	if (a->fault)
		text = talloc_asprintf(w->ctx, "fault %u", a->fault->http_status);
	else if (rsp && rsp->status.subject)
		text = talloc_asprintf(w->ctx, "%s %s/%s", es_exec_name(rsp->status.status), rsp->status.subject,
				       rsp->status.reason);
	else if (rsp)
		text = talloc_strdup(w->ctx, es_exec_name(rsp->status.status));
	else
		text = talloc_asprintf(w->ctx, "%u", a->http_status);
	assert_string_equal(text, what);
	talloc_free(text);
}

/* ---- what they get ---- */

/* The same MessageID again is a repetition: a peer passes over it. */
static void drop_repetitions(struct world *w, const struct world_post *of)
{
	struct world_post *p, *next;

	llist_for_each_entry_safe (p, next, &w->posts, entry) {
		if (p == of || strcmp(p->message_id, of->message_id) != 0)
			continue;
		assert_string_equal(p->body, of->body);
		llist_del(&p->entry);
		talloc_free(p);
	}
}

struct world_post *world_post(struct world *w, const char *url)
{
	struct world_post *p;

	llist_for_each_entry (p, &w->posts, entry) {
		if (!strstr(p->url, url))
			continue;
		drop_repetitions(w, p);
		llist_del(&p->entry);
		return p;
	}
	fail_msg("no message to %s", url);
	return NULL;
}

static void expect_in(const char *text, const char *what)
{
	if (!strstr(text, what))
		fail_msg("expected \"%s\" in:\n%s", what, text);
}

void world_expect_outcome(struct world *w, const char *fn, const char *outcome)
{
	struct world_post *p = world_post(w, "/cb");
	char *status = talloc_strdup(p, outcome);
	char *codes = strchr(status, ' ');

	expect_in(p->action, fn);
	if (codes) {
		char *reason = strchr(codes, '/');

		*codes++ = '\0';
		*reason++ = '\0';
		expect_in(p->body, talloc_asprintf(p, "Subject>%s<", codes));
		expect_in(p->body, talloc_asprintf(p, "Reason>%s<", reason));
	}
	expect_in(p->body, talloc_asprintf(p, "Status>%s<", status));
	talloc_free(p);
}

void world_expect_note(struct world *w, const char *name, enum seed_profile_id profile, const char *url)
{
	struct world_post *p = world_post(w, url);

	expect_in(p->body, name);
	expect_in(p->body, w->card_data.profiles[profile].iccid);
	talloc_free(p);
}

void world_expect_silence(struct world *w)
{
	if (!llist_empty(&w->posts))
		fail_msg("unexpected message to a peer:\n%s",
			 llist_first_entry(&w->posts, struct world_post, entry)->body);
}
