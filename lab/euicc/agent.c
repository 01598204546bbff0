/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Administration sessions over HTTPS (GlobalPlatform Amendment B, SGP.02): their life.
 *
 *   (none) --trigger--> OPENING --handshake--> ASKING --204--> (none)
 *                          ^                     |
 *                          +-- delay -- WAITING <+-- broken, refused, no answer, no service
 *
 * One session at a time.  Attempts are counted from the last answer of the server on; with none left the session is
 * given up.  All of this is volatile: after a reset the card waits for the next trigger.  A change of profiles waits
 * for the end of the session. */
#include "lab/euicc/agent.h"

#include <errno.h>
#include <string.h>

#include <osmocom/core/talloc.h>
#include <osmocom/core/utils.h>

#include "scp81/psk_id.h"

bool agent_is_trigger(struct bytes content)
{
	void *ctx = talloc_new(NULL);
	struct trigger t;
	bool is = trigger_dec(ctx, content, &t) == 0;

	talloc_free(ctx);
	return is;
}

/* ---- start ---- */

/* An object of the trigger takes the place of the stored one. */
static void overlay(struct trigger *par, const struct trigger *given)
{
	if (given->has_conn) {
		par->has_conn = true;
		par->conn = given->conn;
	}
	if (given->has_security) {
		par->has_security = true;
		par->security = given->security;
	}
	if (given->has_retry) {
		par->has_retry = true;
		par->retry = given->retry;
	}
	if (given->has_post) {
		par->has_post = true;
		par->post = given->post;
	}
}

/* \param[in] trigger  empty: stored parameters only.  \returns NULL when it is malformed */
static struct agent *agent_new(struct euicc *card, struct bytes trigger)
{
	struct agent *a = talloc_zero(card, struct agent);
	struct trigger given = {.has_conn = false};
	int rc = 0;

	OSMO_ASSERT(a);
	if (card->nv.https.len)
		rc = trigger_objects_dec(a, bytes_dup(a, card->nv.https), &a->par);
	if (rc == 0 && trigger.len)
		rc = trigger_dec(a, bytes_dup(a, trigger), &given);
	if (rc) {
		talloc_free(a);
		return NULL;
	}
	overlay(&a->par, &given);
	a->first_uri = a->par.post.uri ? a->par.post.uri : card->fleet->set.https_uri;
	return a;
}

void agent_tries_reset(const struct euicc *card, struct agent *a)
{
	a->tries_left = a->par.has_retry ? a->par.retry.counter : card->fleet->set.https_retries;
}

static uint32_t delay_ms(const struct euicc *card, const struct agent *a)
{
	bool given = a->par.has_retry && a->par.retry.delay_s;

	return given ? a->par.retry.delay_s * 1000 : card->fleet->set.https_retry_ms;
}

static const char *identity(const struct euicc *card, const struct agent *a, const void *ctx, struct euicc_channel *ch)
{
	const struct trigger_security *sec = &a->par.security;
	struct bytes aid = card_aid_isdr();
	struct psk_id id = {
		.aid_len = (uint8_t)aid.len,
		.kid = a->par.has_security ? sec->kid : PSK_KID_PSK,
		.kvn = a->par.has_security ? sec->kvn : card->fleet->set.https_kvn,
	};

	OSMO_ASSERT(aid.len <= sizeof(id.aid));
	memcpy(id.eid, card->eid, sizeof(id.eid));
	memcpy(id.aid, aid.data, aid.len);
	ch->kid = id.kid;
	ch->kvn = id.kvn;
	if (!a->par.has_security || sec->psk_id.len == 0)
		return psk_id_enc(ctx, &id);
	/* The first octet of the objects is 80, of their text a digit. */
	if (sec->psk_id.data[0] & 0x80)
		return hex_enc(ctx, sec->psk_id);
	return talloc_strndup(ctx, (const char *)sec->psk_id.data, sec->psk_id.len);
}

static void open_channel(struct euicc *card)
{
	const struct http_rx_conf conf = {.head_max = 0};
	struct euicc_channel *ch;
	struct agent *a = card->agent;
	struct euicc_out *out = out_add(card, EUICC_OUT_CONNECT);

	ch = talloc_zero(out, struct euicc_channel);
	OSMO_ASSERT(ch);
	ch->address = bytes_dup(ch, a->par.conn.address);
	ch->port = a->par.conn.port ? a->par.conn.port : card->fleet->set.https_port;
	ch->identity = identity(card, a, ch, ch);
	ch->wrong_psk = fault_on(card, EUICC_FAULT_HTTPS_WRONG_PSK);
	out->https = ch;
	talloc_free(a->rx);
	a->rx = http_rx_alloc(a, HTTP_SIDE_RESPONSES, &conf);
	a->octets = 0;
	a->state = AGENT_OPENING;
	a->due_ms = card->fleet->now_ms + card->fleet->set.https_open_ms;
}

static void try(struct euicc *card)
{
	if (card->phone == PHONE_SERVICE)
		open_channel(card);
	else
		card->agent->due_ms = EUICC_NEVER;
}

static int start(struct euicc *card, struct agent *a)
{
	if (!a->par.conn.address.len && !card->fleet->set.https_host) {
		talloc_free(a);
		return -ENOENT;
	}
	agent_tries_reset(card, a);
	agent_first_request(a);
	card->agent = a;
	out_event(card, "administration session: %s", a->uri);
	try(card);
	return 0;
}

static bool is_open(const struct euicc *card)
{
	return card->agent && card->agent->state != AGENT_WAITING;
}

int agent_trigger(struct euicc *card, struct bytes trigger)
{
	struct agent *a;

	if (is_open(card))
		return -EBUSY;
	a = agent_new(card, trigger);
	if (!a)
		return -EINVAL;
	if (card->agent) {
		out_event(card, "administration session: a trigger takes the place of the next attempt");
		agent_forget(card);
	}
	return start(card, a);
}

int agent_notify(struct euicc *card)
{
	struct agent *a;
	char *hex;

	if (card->agent)
		return -EBUSY;
	a = agent_new(card, bytes_of(NULL, 0));
	if (!a)
		return -ENOENT;
	a->notification = true;
	hex = hex_enc(a, notify_enc(card, a));
	a->first_uri = talloc_asprintf(a, "%s%cmsg=%s", a->first_uri, strchr(a->first_uri, '?') ? '&' : '?', hex);
	OSMO_ASSERT(a->first_uri);
	return start(card, a);
}

/* ---- end ---- */

static void close_channel(struct euicc *card, bool cut)
{
	if (is_open(card))
		out_add(card, EUICC_OUT_CLOSE)->cause = cut;
}

/* What waited for the end of the session. */
static void after_session(struct euicc *card, bool notification, bool good)
{
	if (notification && good) {
		notify_sent(card);
	} else if (notification) {
		card->notify_queued = false;
		notify_by_sms(card);
	} else {
		notify_kick(card);
	}
	phone_reset_when_ready(card);
}

void agent_end(struct euicc *card)
{
	bool notification = card->agent->notification;

	close_channel(card, false);
	out_event(card, "administration session: done, %u requests", card->agent->requests);
	TALLOC_FREE(card->agent);
	after_session(card, notification, true);
}

void agent_fail(struct euicc *card, const char *why)
{
	struct agent *a = card->agent;
	bool notification = a->notification;

	close_channel(card, true);
	a->resume = a->resume || a->sent;
	a->state = AGENT_WAITING;
	if (a->tries_left > 0) {
		a->tries_left--;
		a->due_ms = card->fleet->now_ms + delay_ms(card, a);
		out_event(card, "administration session: %s; next attempt in %u ms", why, delay_ms(card, a));
		return;
	}
	out_event(card, "administration session: %s; given up%s", why,
		  a->par.retry.report.len ? ", the failure report is not sent" : "");
	TALLOC_FREE(card->agent);
	after_session(card, notification, false);
}

void agent_forget(struct euicc *card)
{
	if (!card->agent)
		return;
	close_channel(card, true);
	if (card->agent->notification)
		card->notify_queued = false;
	TALLOC_FREE(card->agent);
}

/* ---- inputs ---- */

int euicc_trigger(struct euicc *card, struct bytes trigger)
{
	if (card->phone == PHONE_OFF)
		return -ENOENT;
	return agent_is_trigger(trigger) ? agent_trigger(card, trigger) : -EINVAL;
}

void euicc_rx_https_open(struct euicc *card)
{
	if (card->agent && card->agent->state == AGENT_OPENING)
		agent_ask(card);
}

void euicc_rx_https_data(struct euicc *card, struct bytes plain)
{
	if (card->agent && card->agent->state == AGENT_ASKING)
		agent_rx(card, plain);
}

void euicc_rx_https_closed(struct euicc *card, const char *why)
{
	if (is_open(card))
		agent_fail(card, why);
}

void agent_service(struct euicc *card)
{
	if (card->agent && card->agent->state == AGENT_WAITING && card->agent->due_ms == EUICC_NEVER)
		try(card);
}

void agent_lost(struct euicc *card)
{
	if (is_open(card))
		agent_fail(card, "no service");
}

int64_t agent_deadline(const struct euicc *card)
{
	return card->agent ? card->agent->due_ms : EUICC_NEVER;
}

void agent_tick(struct euicc *card)
{
	if (agent_deadline(card) > card->fleet->now_ms)
		return;
	switch (card->agent->state) {
	case AGENT_WAITING:
		try(card);
		break;
	case AGENT_OPENING:
		agent_fail(card, "no connection in time");
		break;
	case AGENT_ASKING:
		agent_fail(card, "no answer in time");
		break;
	}
}

bool euicc_in_session(const struct euicc *card)
{
	return card->agent != NULL;
}

char *agent_describe(const struct euicc *card, const void *ctx)
{
	static const struct value_string states[] = {
		{AGENT_WAITING, "waiting"},
		{AGENT_OPENING, "connecting"},
		{AGENT_ASKING, "open"},
		{0, NULL},
	};
	const struct agent *a = card->agent;

	return talloc_asprintf(ctx, "session %s requests %u attempts left %u uri %s\n",
			       get_value_string(states, a->state), a->requests, a->tries_left, a->uri);
}
