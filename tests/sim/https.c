/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Connections between cards and the SM-SR.
 *
 * Each has two ends, and a card may be gone for the server long after it has given a connection up, or the other way
 * round: what is told to whom is a matter of chance.  The server's end does what the daemon does around the engine
 * (smsr/https_net.c): one request at a time, time-outs, refusal of what is no request. */
#include "tests/sim/https.h"

#include <osmocom/core/utils.h>
#include <string.h>
#include <talloc.h>

#include "scp81/dialog.h"
#include "scp81/http_msg.h"
#include "smsr/https.h"
#include "tests/sim/daemon.h"
#include "tests/sim/device_troubles.h"
#include "tests/sim/devices.h"
#include "tests/sim/https_priv.h"
#include "tests/sim/judge.h"

#define INPUT_MAX 70000

/* Who hears that a connection breaks. */
enum {
	TELL_CARD = 1,
	TELL_SERVER = 2
};

enum way {
	TO_CARD,
	TO_SERVER
};

struct conn {
	struct llist_head entry;
	unsigned int card;
	bool refused; /* by the server, when it comes there */
	bool slow;
	/* Ends. */
	bool card_end;
	uint64_t id; /* 0: the server has not, or no more, got it */
	/* On the way; by enum way. */
	size_t left[2]; /* octets that pass */
	int64_t last_ms[2];
	unsigned int tell; /* when it breaks */
	bool broken;
	unsigned int moves;
	/* At the server. */
	struct http_rx *rx;
	bool held; /* a request is not answered yet */
	bool closing;
	unsigned int nth;
	uint8_t *in; /* not read yet */
	size_t in_len;
	uint8_t *request; /* octets of the last one */
	size_t request_len;
	int64_t opened_ms, heard_ms;
};

/* Something that arrives at one end. */
struct move {
	struct conn *c;
	void (*arrives)(struct sim *s, struct conn *c, const struct move *m);
	struct bytes octets;
	const char *why;
};

static uint32_t who(const struct conn *c)
{
	return c->card + 1;
}

static struct conn *conn_alloc(struct sim *s, unsigned int card)
{
	struct conn *c = talloc_zero(s->https, struct conn);

	OSMO_ASSERT(c);
	c->card = card;
	c->left[TO_CARD] = c->left[TO_SERVER] = SIZE_MAX;
	llist_add_tail(&c->entry, &s->https->conns);
	return c;
}

static void free_if_done(struct conn *c)
{
	if (c->card_end || c->id || c->moves)
		return;
	llist_del(&c->entry);
	talloc_free(c);
}

/* ---- moves ---- */

static void on_move(struct sim *s, void *arg)
{
	struct move *m = arg;
	struct conn *c = m->c;

	m->arrives(s, c, m);
	talloc_free(m);
	c->moves--;
	free_if_done(c);
}

static void move_at(struct sim *s, struct conn *c, int64_t at_ms, const struct move *like)
{
	struct move *m = talloc(c, struct move);

	OSMO_ASSERT(m);
	*m = *like;
	m->c = c;
	m->octets = bytes_dup(m, like->octets);
	c->moves++;
	sim_at(s, at_ms, on_move, m);
}

/* Nothing overtakes on a connection. */
static void move(struct sim *s, struct conn *c, enum way way, const struct move *like)
{
	uint64_t h = choice(s, C_HTTPS, who(c));

	c->last_ms[way] = OSMO_MAX(c->last_ms[way], s->now_ms + between(&h, 20, c->slow ? 30 * SECOND_MS : 800));
	move_at(s, c, c->last_ms[way], like);
}

/* ---- the card's end ---- */

static void card_opens(struct sim *s, struct conn *c, const struct move *m)
{
	if (!c->card_end)
		return;
	device_input(s, c->card);
	euicc_rx_https_open(device_at(s, c->card)->card);
	device_after(s, c->card);
}

static void card_gets(struct sim *s, struct conn *c, const struct move *m)
{
	if (!c->card_end)
		return;
	device_input(s, c->card);
	euicc_rx_https_data(device_at(s, c->card)->card, m->octets);
	device_after(s, c->card);
}

static void card_loses(struct sim *s, struct conn *c, const struct move *m)
{
	if (!c->card_end)
		return;
	c->card_end = false;
	s->https->current[c->card] = NULL;
	device_input(s, c->card);
	euicc_rx_https_closed(device_at(s, c->card)->card, m->why);
	device_after(s, c->card);
}

/* ---- the server's end ---- */

static void server_lets_go(struct conn *c)
{
	c->id = 0;
	c->held = c->closing = false;
	c->in_len = c->request_len = 0;
	TALLOC_FREE(c->rx);
}

static void server_loses(struct sim *s, struct conn *c, const struct move *m)
{
	struct https_gone gone = {.conn = c->id, .why = m->why};

	if (!c->id)
		return;
	sim_trace(s, "https card %u: connection %llu is %s", c->card, (unsigned long long)c->id, m->why);
	server_lets_go(c);
	daemon_event(s, smsr_ev_https_closed, &gone);
}

static int64_t server_patience(const struct sim *s, const struct conn *c)
{
	int64_t session = c->opened_ms + s->https->session_ms;

	return c->held ? session : OSMO_MIN(session, c->heard_ms + s->https->idle_ms);
}

static void server_looks(struct sim *s, struct conn *c, const struct move *m)
{
	const struct move end = {.arrives = card_loses, .why = "closed by the server"};

	if (!c->id)
		return;
	if (s->now_ms < server_patience(s, c)) {
		move_at(s, c, server_patience(s, c), m);
		return;
	}
	server_loses(s, c, m);
	if (!c->broken)
		move(s, c, TO_CARD, &end);
}

static void server_opens(struct sim *s, struct conn *c)
{
	struct https_opened opened = {.eid = device_at(s, c->card)->data.eid_bcd};
	const struct http_rx_conf limits = {0};
	const struct move look = {.arrives = server_looks, .why = "over: time-out"};

	c->id = ++s->https->next_id;
	c->rx = http_rx_alloc(c, HTTP_SIDE_REQUESTS, &limits);
	c->opened_ms = c->heard_ms = s->now_ms;
	s->res->connections++;
	sim_trace(s, "https card %u: connection %llu", c->card, (unsigned long long)c->id);
	move_at(s, c, server_patience(s, c), &look);
	daemon_event(s, smsr_ev_https_opened, &opened);
}

static void append(struct conn *c, uint8_t **buf, size_t *len, struct bytes octets)
{
	if (!*buf)
		*buf = talloc_array(c, uint8_t, INPUT_MAX);
	OSMO_ASSERT(*buf && *len + octets.len <= INPUT_MAX);
	memcpy(*buf + *len, octets.data, octets.len);
	*len += octets.len;
}

static void server_reads(struct sim *s, struct conn *c, const struct move *unused);

static void server_gets(struct sim *s, struct conn *c, const struct move *m)
{
	if (!c->id || c->closing)
		return;
	c->heard_ms = s->now_ms;
	append(c, &c->in, &c->in_len, m->octets);
	server_reads(s, c, NULL);
}

/* The same request once more: on the same connection, or on one of its own that nobody listens to. */
static void comes_again(struct sim *s, struct conn *c, uint64_t h)
{
	struct move octets = {.arrives = server_gets, .octets = bytes_of(c->request, c->request_len)};
	const struct move end = {.arrives = server_loses, .why = "closed by the card"};

	if (between(&h, 0, 2) == 0) {
		move(s, c, TO_SERVER, &octets);
		return;
	}
	c = conn_alloc(s, c->card);
	server_opens(s, c);
	move_at(s, c, s->now_ms + between(&h, 0, 30 * SECOND_MS), &octets);
	move_at(s, c, s->now_ms + between(&h, 30 * SECOND_MS, 90 * SECOND_MS), &end);
}

static void server_takes(struct sim *s, struct conn *c, struct http_msg *msg)
{
	struct https_request q = {.conn = c->id, .eid = device_at(s, c->card)->data.eid_bcd, .msg = msg};
	uint64_t h;

	q.nth = ++c->nth;
	if (msg->body.len && fault(s, F_HTTPS_BODY_CUT, who(c), &h))
		msg->body.len = (size_t)between(&h, 0, (int64_t)msg->body.len - 1);
	if (fault(s, F_HTTPS_TWICE, who(c), &h))
		comes_again(s, c, h);
	sim_trace(s, "https card %u: POST %s %s, %zu octets", c->card, msg->target,
		  msg->script_status ? msg->script_status : "-", msg->body.len);
	if (!daemon_event(s, smsr_ev_https_request, &q) && daemon_is_up(s))
		https_answer(s, q.conn, bytes_of(NULL, 0), true);
}

static void server_refuses(struct sim *s, struct conn *c)
{
	struct bytes octets;
	struct wr w;

	wr_init(&w, c);
	OSMO_ASSERT(dialog_refuse_enc(http_rx_refusal(c->rx), &w) == 0 && wr_end(&w, &octets) == 0);
	https_answer(s, c->id, octets, true);
}

static void server_reads(struct sim *s, struct conn *c, const struct move *unused)
{
	while (c->id && !c->held && !c->closing && c->in_len) {
		struct bytes rest = bytes_of(c->in, c->in_len);
		struct http_msg *msg;
		int rc = http_rx_feed(c->rx, &rest, &msg);

		append(c, &c->request, &c->request_len, bytes_of(c->in, c->in_len - rest.len));
		if (rest.len)
			memmove(c->in, rest.data, rest.len);
		c->in_len = rest.len;
		if (rc == 0)
			return;
		c->held = true;
		if (rc < 0) {
			server_refuses(s, c);
			return;
		}
		server_takes(s, c, msg);
		c->request_len = 0;
		talloc_free(msg);
	}
}

/* ---- octets on their way ---- */

static void breaks(struct sim *s, struct conn *c)
{
	const struct move card = {.arrives = card_loses, .why = "broken"};
	const struct move server = {.arrives = server_loses, .why = "broken"};

	c->broken = true;
	if (c->tell & TELL_CARD)
		move(s, c, TO_CARD, &card);
	if (c->tell & TELL_SERVER)
		move(s, c, TO_SERVER, &server);
}

static void pass(struct sim *s, struct conn *c, enum way way, struct bytes octets)
{
	struct move m = {.arrives = way == TO_CARD ? card_gets : server_gets};
	size_t n = OSMO_MIN(octets.len, c->left[way]);

	if (c->broken)
		return;
	m.octets = bytes_of(octets.data, n);
	c->left[way] -= n;
	if (n)
		move(s, c, way, &m);
	if (n < octets.len)
		breaks(s, c);
}

/* ---- the card ---- */

static void reaches_server(struct sim *s, struct conn *c, const struct move *m)
{
	const struct move open = {.arrives = card_opens}, refused = {.arrives = card_loses, .why = "refused"};

	if (!c->card_end)
		return;
	if (c->refused || !daemon_is_up(s)) {
		move(s, c, TO_CARD, &refused);
		return;
	}
	server_opens(s, c);
	move(s, c, TO_CARD, &open);
}

/* The handshake: the identity names this card and the key that it was made with. */
static bool is_known(struct sim *s, unsigned int card, const struct euicc_channel *ch)
{
	char *head = talloc_asprintf(s, "8001028110%s4F", device_at(s, card)->data.eid);
	size_t len = strlen(ch->identity), head_len = strlen(head);
	static const char tail[] = "820101830140";
	bool yes = https_card(s, card) && len > head_len + strlen(tail) && strncmp(ch->identity, head, head_len) == 0 &&
		   strcmp(ch->identity + len - strlen(tail), tail) == 0;

	talloc_free(head);
	return yes;
}

static void off(struct sim *s, void *card)
{
	device_off(s, (unsigned int)(uintptr_t)card, choice(s, C_HTTPS, (uint32_t)(uintptr_t)card + 1));
}

static void draw_troubles(struct sim *s, struct conn *c)
{
	uint64_t h;

	c->slow = fault(s, F_HTTPS_SLOW, who(c), NULL);
	if (fault(s, F_HTTPS_CUT_FROM_CARD, who(c), &h)) {
		c->left[TO_SERVER] = (size_t)between(&h, 0, 900);
		c->tell = (unsigned int)between(&h, TELL_CARD, TELL_CARD | TELL_SERVER);
	}
	if (fault(s, F_HTTPS_CUT_TO_CARD, who(c), &h)) {
		c->left[TO_CARD] = (size_t)between(&h, 0, 700);
		c->tell = (unsigned int)between(&h, TELL_CARD, TELL_CARD | TELL_SERVER);
	}
	if (fault(s, F_HTTPS_STALLS, who(c), &h)) {
		c->left[between(&h, TO_CARD, TO_SERVER)] = (size_t)between(&h, 0, 900);
		c->tell = 0;
	}
	if (fault(s, F_HTTPS_DEVICE_OFF, who(c), &h))
		sim_at(s, s->now_ms + between(&h, 100, 20 * SECOND_MS), off, (void *)(uintptr_t)c->card);
}

void https_connect(struct sim *s, unsigned int card, const struct euicc_channel *channel)
{
	const struct move m = {.arrives = reaches_server};
	struct conn *c = conn_alloc(s, card);

	OSMO_ASSERT(!s->https->current[card]);
	s->https->current[card] = c;
	c->card_end = true;
	c->refused = fault(s, F_HTTPS_REFUSED, who(c), NULL) || !is_known(s, card, channel);
	draw_troubles(s, c);
	sim_trace(s, "https card %u connects", card);
	if (!fault(s, F_HTTPS_OPEN_STALLS, who(c), NULL))
		move(s, c, TO_SERVER, &m);
}

void https_from_card(struct sim *s, unsigned int card, struct bytes octets)
{
	struct conn *c = s->https->current[card];

	if (!c)
		return;
	if (fault(s, F_HTTPS_GARBAGE, who(c), NULL))
		octets = BYTES_LIT("\x16\x03\x01 POST garbage\r\n\r\n");
	pass(s, c, TO_SERVER, octets);
}

void https_card_closes(struct sim *s, unsigned int card, bool cut)
{
	struct move m = {.arrives = server_loses, .why = cut ? "broken" : "closed by the card"};
	struct conn *c = s->https->current[card];

	if (!c)
		return;
	s->https->current[card] = NULL;
	c->card_end = false;
	/* A device that is off, or out of reach, says nothing. */
	if (!c->broken && euicc_has_service(device_at(s, card)->card))
		move(s, c, TO_SERVER, &m);
	free_if_done(c);
}

/* A line of the card's own trace. */
void https_card_tells(struct sim *s, unsigned int card, const char *line)
{
	judge_https_card(s, card, line);
}

/* ---- the daemon ---- */

static struct conn *conn_of(struct sim *s, uint64_t id)
{
	struct conn *c;

	llist_for_each_entry (c, &s->https->conns, entry) {
		if (c->id == id)
			return c;
	}
	return NULL;
}

void https_answer(struct sim *s, uint64_t conn, struct bytes octets, bool close)
{
	const struct move card = {.arrives = card_loses, .why = "closed by the server"};
	const struct move server = {.arrives = server_loses, .why = "closed by us"};
	const struct move go_on = {.arrives = server_reads};
	struct conn *c = conn_of(s, conn);

	if (!c || c->closing)
		return;
	judge_https_answer(s, c->card, octets);
	c->held = false;
	c->closing = close;
	c->heard_ms = s->now_ms;
	pass(s, c, TO_CARD, octets);
	if (close && !c->broken)
		move(s, c, TO_CARD, &card);
	if (close)
		move(s, c, TO_SERVER, &server);
	else if (c->in_len)
		move_at(s, c, s->now_ms, &go_on);
}

void https_daemon_died(struct sim *s)
{
	const struct move m = {.arrives = card_loses, .why = "broken"};
	struct conn *c, *next;

	llist_for_each_entry_safe (c, next, &s->https->conns, entry) {
		if (!c->id)
			continue;
		server_lets_go(c);
		if (choice(s, C_HTTPS, who(c)) % 4) /* else the card finds out by itself */
			move(s, c, TO_CARD, &m);
		c->broken = true;
		free_if_done(c);
	}
	s->https->next_id = 0;
}

/* ---- life ---- */

bool https_is_quiet(struct sim *s, unsigned int card)
{
	struct conn *c;

	llist_for_each_entry (c, &s->https->conns, entry) {
		if (c->card == card && (c->card_end || c->id))
			return false;
	}
	return !euicc_in_session(device_at(s, card)->card);
}

static void start(struct sim *s)
{
	struct https *t = s->https = talloc_zero(s->ctx, struct https);

	INIT_LLIST_HEAD(&t->conns);
	t->current = talloc_zero_array(t, struct conn *, s->plan->fleet);
	https_draw(s, t);
}

static void calm(struct sim *s)
{
}

static const char *busy(struct sim *s)
{
	for (unsigned int i = 0; s->https->any && i < s->plan->fleet; i++) {
		if (!https_is_quiet(s, i))
			return "a card is in an HTTPS session";
	}
	return NULL;
}

const struct actor https_actor = {"https", start, calm, busy};
