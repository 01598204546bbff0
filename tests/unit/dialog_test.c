/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Administration sessions as stories: what the card posts, what the server is to do. */
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

#define EID "89001012012341234012345678901224"
#define FROM "//se-id/eid/" EID ";//aa-id/aid/A000000559/1010FFFFFFFF8900000100"
#define PATH "/gsma/adminagent"
#define OK_RSP "\xaf\x80\x23\x02\x90\x00\x00\x00"

struct story {
	void *ctx;
	struct dialog_conf conf;
	struct dialog d;
	struct dialog_out out;
	uint8_t eid[16];
	unsigned int nth;
	const char *token;
	struct bytes sent; /* last answer */
};

static struct story *begin(void)
{
	struct story *s = talloc_zero(NULL, struct story);

	s->ctx = s;
	s->conf = (struct dialog_conf){.path = PATH, .framing = HTTP_FRAME_CHUNKED};
	assert_int_equal(hex_dec_buf(s->eid, 16, EID), 0);
	s->nth = 1;
	s->token = "T1";
	return s;
}

/* What the card sends besides the headers that it always sends. */
struct post {
	const char *target;
	const char *status;
	struct bytes body;
	bool resume;
	bool same_conn;
};

static struct http_msg *message(struct story *s, const struct post *p)
{
	struct http_rx *rx = http_rx_alloc(s, HTTP_SIDE_REQUESTS, &(struct http_rx_conf){0});
	struct http_msg m = {.target = p->target,
			     .protocol = ADMIN_PROTOCOL,
			     .from = FROM,
			     .script_status = p->status,
			     .resume = p->resume ? "true" : NULL,
			     .content_type = p->body.len ? ADMIN_TYPE_RSP : NULL,
			     .body = p->body};
	struct http_msg *in = NULL;
	struct bytes text;
	struct wr w;

	wr_init(&w, s);
	assert_int_equal(http_request_enc(&m, HTTP_FRAME_CHUNKED, &w), 0);
	assert_int_equal(wr_end(&w, &text), 0);
	assert_int_equal(http_rx_feed(rx, &text, &in), 1);
	return talloc_steal(s, in);
}

static void judge(struct story *s, const struct http_msg *m, bool same_conn)
{
	const struct dialog_req req = {
		.msg = m, .eid = s->eid, .nth = s->nth, .same_conn = same_conn, .new_token = s->token};

	memset(&s->out, 0xee, sizeof(s->out));
	dialog_rx(s, &s->conf, &s->d, &req, &s->out);
}

static void card_posts(struct story *s, struct post p, enum dialog_act want)
{
	judge(s, message(s, &p), p.same_conn);
	assert_int_equal(s->out.act, want);
}

static void card_is_refused(struct story *s, struct post p, unsigned int status)
{
	struct dialog before = s->d;

	card_posts(s, p, DIALOG_ACT_REFUSE);
	assert_int_equal(s->out.http_status, status);
	assert_non_null(s->out.why);
	assert_memory_equal(&s->d, &before, sizeof(before));
}

/* Response that the card reads; talloc child of the story. */
static struct http_msg *read_sent(struct story *s, struct wr *w)
{
	struct http_rx *rx = http_rx_alloc(s, HTTP_SIDE_RESPONSES, &(struct http_rx_conf){0});
	struct http_msg *m = NULL;
	struct bytes in;

	assert_int_equal(wr_end(w, &s->sent), 0);
	in = s->sent;
	assert_int_equal(http_rx_feed(rx, &in, &m), 1);
	assert_int_equal(in.len, 0);
	return talloc_steal(s, m);
}

static void server_scripts(struct story *s, const char *script, const char *uri)
{
	struct http_msg *m;
	struct wr w;

	wr_init(&w, s);
	assert_int_equal(dialog_script_enc(&s->conf, &s->d, "sm-sr.example", bytes_of(NULL, 0), bytes_str(script), &w),
			 0);
	m = read_sent(s, &w);
	assert_int_equal(m->status, 200);
	assert_string_equal(m->next_uri, uri);
	assert_null(m->target_app);
	assert_true(admin_type_is(m->content_type, ADMIN_TYPE_CMD));
	assert_true(bytes_eq(m->body, bytes_str(script)));
}

static void server_repeats(struct story *s, const char *script)
{
	struct bytes before = s->sent;
	struct wr w;

	wr_init(&w, s);
	assert_int_equal(
		dialog_script_again_enc(&s->conf, &s->d, "sm-sr.example", bytes_of(NULL, 0), bytes_str(script), &w), 0);
	read_sent(s, &w);
	assert_true(bytes_eq(s->sent, before));
}

static void server_ends(struct story *s)
{
	struct http_msg *m;
	struct wr w;

	wr_init(&w, s);
	assert_int_equal(dialog_end_enc(&s->d, &w), 0);
	m = read_sent(s, &w);
	assert_int_equal(m->status, 204);
	assert_null(m->next_uri);
}

#define FIRST ((struct post){.target = PATH})
#define FIRST_AGAIN ((struct post){.target = PATH, .resume = true})
#define RESULT(n) ((struct post){.target = PATH "?tid=T1&s=" #n, .status = "ok", .body = BYTES_LIT(OK_RSP)})
#define RESUME(n) ((struct post){.target = PATH "?tid=T1&s=" #n, .resume = true})
#define RESULT_AGAIN(n) \
	((struct post){.target = PATH "?tid=T1&s=" #n, .status = "ok", .body = BYTES_LIT(OK_RSP), .resume = true})

static void two_scripts_and_the_end(void **state)
{
	struct story *s = begin();

	card_posts(s, FIRST, DIALOG_ACT_NEXT);
	assert_true(s->out.fresh);
	assert_int_equal(s->out.lost_seq, 0);
	server_scripts(s, "one", PATH "?tid=T1&s=1");
	card_posts(s, RESULT(1), DIALOG_ACT_RESULT);
	assert_int_equal(s->out.seq, 1);
	assert_int_equal(s->out.status, ADMIN_STATUS_OK);
	assert_true(bytes_eq(s->out.body, BYTES_LIT(OK_RSP)));
	server_scripts(s, "two", PATH "?tid=T1&s=2");
	card_posts(s, RESULT(2), DIALOG_ACT_RESULT);
	assert_int_equal(s->out.seq, 2);
	server_ends(s);
	assert_int_equal(s->d.state, DIALOG_ENDED);
	s->token = "T2";
	card_posts(s, FIRST, DIALOG_ACT_NEXT);
	assert_true(s->out.fresh);
	assert_int_equal(s->out.lost_seq, 0);
	server_scripts(s, "one", PATH "?tid=T2&s=1");
	talloc_free(s);
}

static void nothing_to_do(void **state)
{
	struct story *s = begin();

	card_posts(s, (struct post){.target = PATH "?tid=17"}, DIALOG_ACT_NEXT);
	server_ends(s);
	talloc_free(s);
}

static void every_status(void **state)
{
	for (int i = ADMIN_STATUS_UNKNOWN_APPLICATION; i <= ADMIN_STATUS_OTHER; i++) {
		struct story *s = begin();
		const char *word = admin_status_text((enum admin_status)i);

		card_posts(s, FIRST, DIALOG_ACT_NEXT);
		server_scripts(s, "one", PATH "?tid=T1&s=1");
		card_posts(s, (struct post){.target = PATH "?tid=T1&s=1", .status = word ? word : "strange"},
			   DIALOG_ACT_RESULT);
		assert_int_equal(s->out.status, i);
		assert_int_equal(s->out.body.len, 0);
		talloc_free(s);
	}
}

static void status_may_be_implied(void **state)
{
	struct story *s = begin();

	card_posts(s, FIRST, DIALOG_ACT_NEXT);
	server_scripts(s, "one", PATH "?tid=T1&s=1");
	card_is_refused(s, (struct post){.target = PATH "?tid=T1&s=1"}, 400);
	card_posts(s, (struct post){.target = PATH "?tid=T1&s=1", .body = BYTES_LIT(OK_RSP)}, DIALOG_ACT_RESULT);
	assert_int_equal(s->out.status, ADMIN_STATUS_OK);
	talloc_free(s);
}

static void our_script_was_lost(void **state)
{
	struct story *s = begin();

	card_posts(s, FIRST, DIALOG_ACT_NEXT);
	server_scripts(s, "one", PATH "?tid=T1&s=1");
	card_posts(s, FIRST_AGAIN, DIALOG_ACT_AGAIN); /* the card knows no Next-URI yet */
	assert_int_equal(s->out.seq, 1);
	assert_true(s->out.from_start);
	server_repeats(s, "one");
	card_posts(s, RESULT(1), DIALOG_ACT_RESULT);
	server_scripts(s, "two", PATH "?tid=T1&s=2");
	card_posts(s, RESUME(1), DIALOG_ACT_AGAIN); /* with its result or without */
	assert_int_equal(s->out.seq, 2);
	assert_false(s->out.from_start);
	server_repeats(s, "two");
	card_posts(s, RESULT_AGAIN(1), DIALOG_ACT_AGAIN);
	assert_int_equal(s->out.seq, 2);
	server_repeats(s, "two");
	card_posts(s, RESULT(2), DIALOG_ACT_RESULT);
	talloc_free(s);
}

static void the_result_was_lost(void **state)
{
	struct story *s = begin();

	card_posts(s, FIRST, DIALOG_ACT_NEXT);
	server_scripts(s, "one", PATH "?tid=T1&s=1");
	card_posts(s, RESULT_AGAIN(1), DIALOG_ACT_RESULT);
	assert_int_equal(s->out.seq, 1);
	/* our side has not answered yet when the connection breaks: the result counts once */
	card_posts(s, RESULT_AGAIN(1), DIALOG_ACT_NEXT);
	assert_false(s->out.fresh);
	card_posts(s, RESUME(1), DIALOG_ACT_NEXT);
	assert_int_equal(s->out.lost_seq, 0);
	server_scripts(s, "two", PATH "?tid=T1&s=2");
	talloc_free(s);
}

/* It knows the Next-URI that came with the script, so it had the script. */
static void the_card_has_forgotten_the_result(void **state)
{
	struct story *s = begin();

	card_posts(s, FIRST, DIALOG_ACT_NEXT);
	server_scripts(s, "one", PATH "?tid=T1&s=1");
	card_posts(s, RESUME(1), DIALOG_ACT_NEXT);
	assert_false(s->out.fresh);
	assert_int_equal(s->out.lost_seq, 1);
	server_scripts(s, "one once more", PATH "?tid=T1&s=2");
	card_posts(s, RESULT(2), DIALOG_ACT_RESULT);
	talloc_free(s);
}

/* What it asks for is on its way to it. */
static void twice_on_one_connection(void **state)
{
	struct post first = FIRST_AGAIN, result = RESULT(1);
	struct story *s = begin();

	first.same_conn = result.same_conn = true;
	card_posts(s, FIRST, DIALOG_ACT_NEXT);
	server_scripts(s, "one", PATH "?tid=T1&s=1");
	s->token = "T2";
	card_posts(s, first, DIALOG_ACT_NEXT);
	assert_int_equal(s->out.lost_seq, 1);
	s->token = "T1";
	card_posts(s, FIRST, DIALOG_ACT_NEXT);
	server_scripts(s, "one", PATH "?tid=T1&s=1");
	card_posts(s, result, DIALOG_ACT_RESULT);
	server_scripts(s, "two", PATH "?tid=T1&s=2");
	card_is_refused(s, result, 403);
	card_posts(s, RESULT(2), DIALOG_ACT_RESULT);
	talloc_free(s);
}

static void the_end_was_lost(void **state)
{
	struct story *s = begin();

	card_posts(s, FIRST, DIALOG_ACT_NEXT);
	server_scripts(s, "one", PATH "?tid=T1&s=1");
	card_posts(s, RESULT(1), DIALOG_ACT_RESULT);
	server_ends(s);
	card_posts(s, RESULT_AGAIN(1), DIALOG_ACT_END);
	server_ends(s);
	talloc_free(s);
}

static void card_starts_over(void **state)
{
	struct story *s = begin();

	card_posts(s, FIRST, DIALOG_ACT_NEXT);
	server_scripts(s, "one", PATH "?tid=T1&s=1");
	card_posts(s, RESULT(1), DIALOG_ACT_RESULT);
	server_scripts(s, "two", PATH "?tid=T1&s=2");
	s->token = "T2";
	card_posts(s, FIRST_AGAIN, DIALOG_ACT_NEXT); /* too late for a resume from the start */
	assert_true(s->out.fresh);
	assert_int_equal(s->out.lost_seq, 2);
	server_scripts(s, "two", PATH "?tid=T2&s=1");
	card_is_refused(s, RESULT(2), 403); /* of the session that is no more */
	talloc_free(s);
}

static void notification(void **state)
{
	static const uint8_t want[] = {0xe1, 0x02, 0x4d, 0x00};
	struct story *s = begin();

	card_posts(s, (struct post){.target = PATH "?tid=17&msg=E1024d00"}, DIALOG_ACT_NOTIFY);
	assert_true(bytes_eq(s->out.body, BYTES_ARR(want)));
	assert_true(s->out.fresh);
	server_scripts(s, "confirmation", PATH "?tid=T1&s=1");
	card_posts(s, (struct post){.target = PATH "?msg=E1024D00", .resume = true}, DIALOG_ACT_NOTIFY);
	assert_int_equal(s->out.lost_seq, 1);
	server_scripts(s, "confirmation", PATH "?tid=T1&s=1");
	card_posts(s, RESULT(1), DIALOG_ACT_RESULT);
	server_ends(s);
	card_is_refused(s, (struct post){.target = PATH "?msg="}, 400);
	card_is_refused(s, (struct post){.target = PATH "?msg=E1024D0"}, 400);
	card_is_refused(s, (struct post){.target = PATH "?msg=E1024D0G"}, 400);
	talloc_free(s);
}

static void strange_uris(void **state)
{
	const char *const wrong[] = {
		PATH "?tid=T1&s=2", PATH "?tid=T2&s=1", PATH "?s=1", PATH "?tid=T1&s=9", PATH "/T1/2",
	};
	const char *const unknown[] = {
		"/",
		"/gsma",
		PATH "x",
		PATH "/",
		PATH "/T1",
		PATH "/T1/",
		PATH "/T1/1/",
		PATH "/T-1/1",
		PATH "?tid=T1&s=0",
		PATH "?tid=T1&s=01",
		PATH "?tid=T1&s=",
		PATH "?tid=T1&s=1x",
		PATH "?tid=T1&s=99999999999",
	};
	struct story *s = begin();

	card_is_refused(s, RESULT(1), 403); /* no session at all */
	card_posts(s, FIRST, DIALOG_ACT_NEXT);
	server_scripts(s, "one", PATH "?tid=T1&s=1");
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		card_is_refused(s, (struct post){.target = wrong[i], .status = "ok"}, 403);
	for (size_t i = 0; i < ARRAY_SIZE(unknown); i++)
		card_is_refused(s, (struct post){.target = unknown[i], .status = "ok"}, 404);
	card_is_refused(s, (struct post){.target = PATH, .status = "ok"}, 400);
	card_posts(s, (struct post){.target = "http://x" PATH "?s=1&tid=T1", .status = "ok"}, DIALOG_ACT_RESULT);
	talloc_free(s);
}

static void broken(struct story *s, const struct http_msg *m, unsigned int status)
{
	judge(s, m, false);
	assert_int_equal(s->out.act, DIALOG_ACT_REFUSE);
	assert_int_equal(s->out.http_status, status);
	assert_int_equal(s->d.state, DIALOG_IDLE);
}

static void strange_headers(void **state)
{
	struct story *s = begin();
	struct http_msg *good = message(s, &FIRST), m;

	m = *good;
	m.method = "GET";
	broken(s, &m, 405);
	m = *good;
	m.protocol = NULL;
	broken(s, &m, 400);
	m.protocol = "globalplatform-remote-admin/2.0";
	broken(s, &m, 400);
	m = *good;
	m.from = NULL;
	broken(s, &m, 400);
	m.from = "//se-id/eid/12";
	broken(s, &m, 400);
	m.from = "//se-id/eid/89001012012341234012345678901225";
	broken(s, &m, 403);
	m = *good;
	m.body = BYTES_LIT("a");
	m.content_type = ADMIN_TYPE_CMD;
	broken(s, &m, 415);
	s->nth = 1001;
	broken(s, good, 503);
	s->conf.max_requests = 2;
	s->nth = 3;
	broken(s, good, 503);
	s->nth = 2;
	judge(s, good, false);
	assert_int_equal(s->out.act, DIALOG_ACT_NEXT);
	talloc_free(s);
}

static void options_of_a_fleet(void **state)
{
	struct story *s = begin();
	struct http_msg *m;
	struct bytes aid;
	struct wr w;

	s->conf.uri = DIALOG_URI_PATH;
	s->conf.framing = HTTP_FRAME_LENGTH;
	card_posts(s, FIRST, DIALOG_ACT_NEXT);
	server_scripts(s, "one", PATH "/T1/1");
	assert_non_null(memmem(s->sent.data, s->sent.len, "Content-Length: 3\r\n", 19));
	card_posts(s, (struct post){.target = PATH "/T1/1", .status = "ok"}, DIALOG_ACT_RESULT);
	s->conf.uri = DIALOG_URI_ABSOLUTE;
	server_scripts(s, "two", "https://sm-sr.example" PATH "?tid=T1&s=2");
	card_posts(s, (struct post){.target = "https://sm-sr.example" PATH "?tid=T1&s=2", .status = "ok"},
		   DIALOG_ACT_RESULT);
	s->conf.uri = DIALOG_URI_QUERY;
	s->conf.content_type = "application/vnd.etsi.scp.command-data;version=1.0";
	assert_int_equal(hex_dec(s, "A0000005591010FFFFFFFF8900001300", &aid), 0);
	wr_init(&w, s);
	assert_int_equal(dialog_script_enc(&s->conf, &s->d, NULL, aid, BYTES_LIT("x"), &w), 0);
	m = read_sent(s, &w);
	assert_string_equal(m->target_app, "//aid/A000000559/1010FFFFFFFF8900001300");
	assert_string_equal(m->content_type, s->conf.content_type);
	talloc_free(s);
}

static void answers_out_of_turn(void **state)
{
	const struct bytes script = BYTES_LIT("x"), none = bytes_of(NULL, 0);
	struct story *s = begin();
	struct http_msg *m;
	struct wr w;

	wr_init(&w, s);
	assert_int_equal(dialog_script_enc(&s->conf, &s->d, NULL, none, script, &w), -EPROTO);
	assert_int_equal(dialog_end_enc(&s->d, &w), -EPROTO);
	card_posts(s, FIRST, DIALOG_ACT_NEXT);
	assert_int_equal(dialog_script_again_enc(&s->conf, &s->d, NULL, none, script, &w), -EPROTO);
	server_scripts(s, "one", PATH "?tid=T1&s=1");
	assert_int_equal(dialog_script_enc(&s->conf, &s->d, NULL, none, script, &w), -EPROTO);
	assert_int_equal(dialog_end_enc(&s->d, &w), -EPROTO);
	assert_int_equal(dialog_script_again_enc(&s->conf, &s->d, NULL, none, none, &w), -EINVAL);
	assert_int_equal(dialog_script_again_enc(&s->conf, &s->d, NULL, script, script, &w), -EINVAL);
	s->conf.uri = DIALOG_URI_ABSOLUTE;
	assert_int_equal(dialog_script_again_enc(&s->conf, &s->d, NULL, none, script, &w), -EINVAL);
	wr_init(&w, s);
	assert_int_equal(dialog_refuse_enc(403, &w), 0);
	m = read_sent(s, &w);
	assert_int_equal(m->status, 403);
	talloc_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_scripts_and_the_end),
		cmocka_unit_test(nothing_to_do),
		cmocka_unit_test(every_status),
		cmocka_unit_test(status_may_be_implied),
		cmocka_unit_test(our_script_was_lost),
		cmocka_unit_test(the_result_was_lost),
		cmocka_unit_test(the_card_has_forgotten_the_result),
		cmocka_unit_test(twice_on_one_connection),
		cmocka_unit_test(the_end_was_lost),
		cmocka_unit_test(card_starts_over),
		cmocka_unit_test(notification),
		cmocka_unit_test(strange_uris),
		cmocka_unit_test(strange_headers),
		cmocka_unit_test(options_of_a_fleet),
		cmocka_unit_test(answers_out_of_turn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
