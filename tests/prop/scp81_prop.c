/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* SCP81 codecs: what is written reads back, cut anywhere it is refused or incomplete, no flipped bit does harm.
 * Dialogue: whatever connection breaks, and in whatever way the card resumes, each result arrives once and in order. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <osmocom/core/utils.h>
#include <talloc.h>

#include "scp81/dialog.h"
#include "scp81/psk_id.h"
#include "scp81/trigger.h"

#define ROUNDS 300

/* Deterministic, so that a failure comes again. */
static uint32_t chance_state;

static uint32_t chance(uint32_t below)
{
	chance_state = chance_state * 1664525 + 1013904223;
	return (uint32_t)(((uint64_t)(chance_state >> 8) * below) >> 24);
}

static struct bytes some_octets(void *ctx, size_t max)
{
	size_t len = chance((uint32_t)max + 1);
	uint8_t *b = talloc_array(ctx, uint8_t, len + 1);

	for (size_t i = 0; i < len; i++)
		b[i] = (uint8_t)chance(256);
	return bytes_of(b, len);
}

static char *some_text(void *ctx, size_t max)
{
	static const char set[] = "abcXYZ019-._~/?=&;:";
	size_t len = 1 + chance((uint32_t)max);
	char *t = talloc_zero_array(ctx, char, len + 1);

	for (size_t i = 0; i < len; i++)
		t[i] = set[chance(sizeof(set) - 1)];
	return t;
}

static struct bytes octets_of(struct wr *w)
{
	struct bytes out;

	assert_int_equal(wr_end(w, &out), 0);
	return out;
}

/* ---- identity ---- */

static void identities(void **state)
{
	for (int i = 0; i < ROUNDS; i++) {
		struct psk_id id = {
			.aid_len = (uint8_t)(5 + chance(12)), .kid = (uint8_t)chance(256), .kvn = (uint8_t)chance(256)};
		struct psk_id back;
		char *text;

		for (size_t k = 0; k < sizeof(id.eid); k++)
			id.eid[k] = (uint8_t)chance(256);
		for (size_t k = 0; k < id.aid_len; k++)
			id.aid[k] = (uint8_t)chance(256);
		text = psk_id_enc(NULL, &id);
		assert_int_equal(psk_id_dec(text, &back), 0);
		assert_memory_equal(&back, &id, sizeof(id));
		while (*text) {
			text[strlen(text) - 1] = '\0';
			assert_int_equal(psk_id_dec(text, &back), -EINVAL);
		}
		talloc_free(text);
	}
}

/* ---- trigger ---- */

static struct trigger some_trigger(void *ctx)
{
	static const size_t address_len[] = {0, 4, 16};
	struct trigger t = {.security.hash = -1};

	t.has_conn = chance(2);
	t.has_security = chance(2);
	t.has_retry = chance(2);
	t.has_post = chance(2);
	t.has_dns = chance(2);
	t.conn.bearer = some_octets(ctx, 8);
	t.conn.buffer_size = (uint16_t)chance(65536);
	t.conn.apn = chance(2) ? "a.bc.def" : NULL;
	t.conn.user = some_octets(ctx, 20);
	t.conn.password = t.conn.user.len ? some_octets(ctx, 20) : t.conn.user;
	t.conn.port = (uint16_t)chance(65536);
	t.conn.address = bytes_of(talloc_zero_size(ctx, 16), address_len[chance(3)]);
	t.security.psk_id = some_octets(ctx, 200);
	t.security.kvn = (uint8_t)chance(256);
	t.security.hash = (int)chance(257) - 1;
	t.retry.counter = (uint16_t)chance(65536);
	t.retry.delay_s = chance(100 * 3600);
	t.retry.report = some_octets(ctx, 20);
	t.post.host = chance(2) ? some_text(ctx, 40) : NULL;
	t.post.agent = chance(2) ? some_text(ctx, 90) : NULL;
	t.post.uri = chance(2) ? some_text(ctx, 40) : NULL;
	t.dns.fqdn = chance(2) ? some_text(ctx, 40) : NULL;
	t.dns.conn = some_octets(ctx, 20);
	return t;
}

static struct bytes trigger_octets(void *ctx, const struct trigger *t)
{
	struct wr w;

	wr_init(&w, ctx);
	assert_int_equal(trigger_enc(t, &w), 0);
	return octets_of(&w);
}

static void triggers(void **state)
{
	for (int i = 0; i < ROUNDS; i++) {
		void *ctx = talloc_new(NULL);
		struct trigger t = some_trigger(ctx), back;
		struct bytes out = trigger_octets(ctx, &t);

		assert_int_equal(trigger_dec(ctx, out, &back), 0);
		assert_int_equal(back.has_conn, t.has_conn);
		assert_int_equal(back.has_dns, t.has_dns);
		assert_true(!t.has_retry || back.retry.delay_s == t.retry.delay_s);
		assert_true(!t.has_conn || back.conn.port == t.conn.port);
		assert_true(bytes_eq(trigger_octets(ctx, &back), out));
		for (size_t n = 0; n < out.len; n++)
			assert_int_equal(trigger_dec(ctx, bytes_dup(ctx, bytes_sub(out, 0, n)), &back), -EINVAL);
		for (size_t n = 0; n < out.len; n++) {
			struct bytes flipped = bytes_dup(ctx, out);

			((uint8_t *)flipped.data)[n] ^= (uint8_t)(1 << chance(8));
			if (trigger_dec(ctx, flipped, &back) == 0)
				trigger_octets(ctx, &back); /* what was read can be written */
		}
		talloc_free(ctx);
	}
}

/* ---- messages ---- */

static struct http_msg some_message(void *ctx, bool request)
{
	struct http_msg m = {.status = request ? 0 : 200};

	if (request)
		m.target = talloc_asprintf(ctx, "/%s", some_text(ctx, 30));
	m.host = chance(2) ? some_text(ctx, 30) : NULL;
	m.protocol = ADMIN_PROTOCOL;
	m.from = chance(2) ? some_text(ctx, 90) : NULL;
	m.next_uri = chance(2) ? some_text(ctx, 60) : NULL;
	m.target_app = chance(2) ? some_text(ctx, 60) : NULL;
	m.script_status = chance(2) ? some_text(ctx, 20) : NULL;
	m.resume = chance(2) ? "true" : NULL;
	m.content_type = chance(2) ? some_text(ctx, 80) : NULL;
	m.body = some_octets(ctx, 3000);
	return m;
}

static struct bytes message_octets(void *ctx, const struct http_msg *m, enum http_framing framing)
{
	struct wr w;

	wr_init(&w, ctx);
	assert_int_equal(m->status ? http_response_enc(m, framing, &w) : http_request_enc(m, framing, &w), 0);
	return octets_of(&w);
}

/* Feed in random pieces; the message, child of ctx, or NULL. */
static struct http_msg *read_pieces(void *ctx, bool request, struct bytes text)
{
	struct http_rx *rx =
		http_rx_alloc(ctx, request ? HTTP_SIDE_REQUESTS : HTTP_SIDE_RESPONSES, &(struct http_rx_conf){0});
	struct http_msg *m = NULL;
	int rc = 0;

	while (text.len && rc == 0) {
		size_t want = 1 + chance(chance(2) ? 5 : 2000), n = OSMO_MIN(want, text.len);
		struct bytes in = bytes_sub(text, 0, n);

		rc = http_rx_feed(rx, &in, &m);
		text = bytes_sub(text, n - in.len, text.len - n + in.len);
	}
	talloc_free(rx);
	return rc == 1 ? talloc_steal(ctx, m) : NULL;
}

static void messages(void **state)
{
	for (int i = 0; i < ROUNDS; i++) {
		enum http_framing framing = chance(2) ? HTTP_FRAME_CHUNKED : HTTP_FRAME_LENGTH;
		void *ctx = talloc_new(NULL);
		bool request = chance(2);
		struct http_msg m = some_message(ctx, request), *back;
		struct bytes text = message_octets(ctx, &m, framing);

		back = read_pieces(ctx, request, text);
		assert_non_null(back);
		assert_true(bytes_eq(back->body, m.body));
		assert_true(bytes_eq(message_octets(ctx, back, framing), text));
		for (int k = 0; k < 20; k++) {
			struct bytes flipped;

			assert_null(read_pieces(ctx, request, bytes_sub(text, 0, chance((uint32_t)text.len))));
			flipped = bytes_dup(ctx, text);
			((uint8_t *)flipped.data)[chance((uint32_t)text.len)] ^= (uint8_t)(1 << chance(8));
			(void)read_pieces(ctx, request, flipped);
		}
		talloc_free(ctx);
	}
}

/* ---- dialogue ---- */

#define EID "89001012012341234012345678901224"

/* A card that executes what it gets, and repeats its last request on a new connection when no answer came. */
struct card {
	const char *uri; /* of the next request */
	bool resume;
	const char *status; /* of the script executed last; NULL = none yet */
	char body[16];
	bool forgets; /* resumes without its result */
	bool done;
};

struct server {
	struct dialog_conf conf;
	struct dialog d;
	uint8_t eid[16];
	uint32_t n_scripts; /* to be executed */
	uint32_t n_results; /* that arrived */
	uint32_t n_lost; /* results that the card says are lost: their scripts go out once more, under a new number */
};

static struct bytes script_of(void *ctx, uint32_t n)
{
	return bytes_str(talloc_asprintf(ctx, "script %u", n));
}

static struct http_msg card_request(void *ctx, const struct card *c)
{
	bool with_result = c->status && !(c->forgets && c->resume);

	return (struct http_msg){
		.target = c->uri,
		.protocol = ADMIN_PROTOCOL,
		.from = "//se-id/eid/" EID,
		.resume = c->resume ? "true" : NULL,
		.script_status = with_result ? c->status : NULL,
		.content_type = with_result ? ADMIN_TYPE_RSP : NULL,
		.body = with_result ? bytes_str(c->body) : bytes_of(NULL, 0),
	};
}

static void take_result(struct server *s, void *ctx, const struct dialog_out *out)
{
	assert_int_equal(out->seq, s->n_results + s->n_lost + 1);
	s->n_results++;
	assert_true(bytes_eq(out->body, bytes_str(talloc_asprintf(ctx, "did %u", s->n_results))));
}

static struct bytes serve(struct server *s, void *ctx, struct bytes text)
{
	const struct bytes none = bytes_of(NULL, 0);
	struct http_msg *m = read_pieces(ctx, true, text);
	struct dialog_req req = {.msg = m, .eid = s->eid, .nth = 1, .new_token = "t"};
	struct dialog_out out;
	struct wr w;

	assert_non_null(m);
	dialog_rx(ctx, &s->conf, &s->d, &req, &out);
	wr_init(&w, ctx);
	assert_int_not_equal(out.act, DIALOG_ACT_REFUSE);
	assert_int_not_equal(out.act, DIALOG_ACT_NOTIFY);
	if (out.act == DIALOG_ACT_RESULT)
		take_result(s, ctx, &out);
	if (out.act == DIALOG_ACT_NEXT && out.lost_seq)
		s->n_lost++;
	if (out.act == DIALOG_ACT_AGAIN)
		assert_int_equal(
			dialog_script_again_enc(&s->conf, &s->d, m->host, none, script_of(ctx, s->n_results + 1), &w),
			0);
	else if (s->n_results == s->n_scripts || out.act == DIALOG_ACT_END)
		assert_int_equal(dialog_end_enc(&s->d, &w), 0);
	else
		assert_int_equal(
			dialog_script_enc(&s->conf, &s->d, m->host, none, script_of(ctx, s->n_results + 1), &w), 0);
	return octets_of(&w);
}

static void card_reads(struct card *c, void *ctx, struct bytes text)
{
	struct http_msg *m = read_pieces(ctx, false, text);
	unsigned int n;

	assert_non_null(m);
	c->resume = false;
	c->done = m->status == 204;
	if (c->done)
		return;
	c->uri = m->next_uri;
	c->status = "ok";
	assert_int_equal(sscanf(talloc_strndup(ctx, (const char *)m->body.data, m->body.len), "script %u", &n), 1);
	assert_true(snprintf(c->body, sizeof(c->body), "did %u", n) < (int)sizeof(c->body));
}

static void broken_connections(void **state)
{
	for (int i = 0; i < ROUNDS; i++) {
		void *ctx = talloc_new(NULL);
		struct server s = {.conf = {.path = "/a", .uri = i % 2 ? DIALOG_URI_QUERY : DIALOG_URI_PATH},
				   .n_scripts = chance(6)};
		struct card c = {.uri = "/a?tid=1", .forgets = chance(2)};
		int posts = 0;

		assert_int_equal(hex_dec_buf(s.eid, 16, EID), 0);
		while (!c.done) {
			struct http_msg m = card_request(ctx, &c);
			struct bytes answer;

			assert_true(++posts < 200);
			c.resume = true; /* until the answer comes */
			if (chance(3) == 0)
				continue; /* the request is lost */
			answer = serve(&s, ctx, message_octets(ctx, &m, HTTP_FRAME_CHUNKED));
			if (chance(3) == 0)
				continue; /* the answer is lost */
			card_reads(&c, ctx, answer);
		}
		assert_int_equal(s.n_results, s.n_scripts);
		assert_int_equal(s.d.state, DIALOG_ENDED);
		talloc_free(ctx);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(identities),
		cmocka_unit_test(triggers),
		cmocka_unit_test(messages),
		cmocka_unit_test(broken_connections),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
