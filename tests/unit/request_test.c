/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A request on its way through an event, and the checks that both daemons share. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/clock.h"
#include "common/peer/request.h"
#include "smdp/store.h"

#define NOW_MS 1700000000000
#define OURS "1.2.3"

struct fix {
	char *dir;
	struct db *db;
	struct turn *turn;
	struct es_profile_req body;
	struct soap_msg msg;
	struct es_request req;
	const struct es_request *got; /* the event's */
	struct es_answer *answer;
	uint64_t xid;
};

static void on_broken(void *priv)
{
	fail_msg("the store is broken");
}

static int setup(void **state)
{
	struct fix *f = talloc_zero(NULL, struct fix);
	char dir[] = "/tmp/request-test-XXXXXX";

	clock_feed_at(NOW_MS, NOW_MS);
	f->dir = talloc_strdup(f, mkdtemp(dir));
	assert_int_equal(db_open(f, talloc_asprintf(f, "%s/x.db", f->dir), &smdp_db_desc,
				 &(struct db_opts){.create = true}, &f->db, NULL),
			 0);
	f->turn = turn_alloc(f, f->db, on_broken, f);
	f->body.base = (struct es_req){.call_id = "call-1"};
	f->msg = (struct soap_msg){.fn = ES2_ENABLE_PROFILE,
				   .dir = ES_DIR_REQUEST,
				   .body = &f->body,
				   .call_id = "call-1",
				   .has_digest = true};
	f->msg.hdr.to.entity_id = OURS;
	f->req = (struct es_request){.xid = 7, .msg = &f->msg, .remote = "test"};
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fix *f = *state;
	char *cmd = talloc_asprintf(NULL, "rm -rf %s", f->dir);
	int rc = system(cmd);

	talloc_free(f->answer);
	talloc_free(f->turn);
	talloc_free(f);
	talloc_free(cmd);
	return rc;
}

/* ---- from a job to an answer ---- */

static void port(void *priv, uint64_t xid, void *steal_answer)
{
	struct fix *f = priv;

	f->xid = xid;
	f->answer = steal_answer;
}

static int handler(void *priv, void *event)
{
	struct fix *f = priv;

	f->got = event;
	assert_string_equal(f->got->remote, "192.0.2.1:4711");
	assert_string_equal(f->got->tls->subject, "CN=peer");
	assert_int_equal(f->got->msg->fn, f->msg.fn);
	assert_int_equal(f->got->document.len, f->msg.fn == ES1_REGISTER_EIS ? 4 : 0);
	es_request_answer(f->got, f->turn, port, f, 202)->retry_after_s = 5;
	return 0;
}

static void run(struct fix *f)
{
	const struct tls_peer tls = {.subject = "CN=peer", .issuer = "CN=ca"};
	const struct http_req req = {.body = BYTES_LIT("<a/>"), .peer = &tls, .remote = "192.0.2.1:4711"};
	struct soap_msg *msg = talloc_zero(NULL, struct soap_msg);
	struct io_job *job;

	msg->fn = f->msg.fn;
	job = es_request_job(&req, msg);
	assert_int_equal(job->kind, IO_REQUEST);
	assert_ptr_equal(talloc_parent(msg), job);
	job->xid = 42;
	f->got = NULL;
	es_request_run(job, NULL, f->turn, handler, f);
	assert_non_null(f->got);
}

static void a_job_becomes_an_event_and_an_answer(void **state)
{
	struct fix *f = *state;

	run(f);
	assert_null(f->answer); /* not before the commit */
	turn_close(f->turn);
	assert_non_null(f->answer);
	assert_null(talloc_parent(f->answer)); /* another thread gets it */
	assert_int_equal(f->xid, 42);
	assert_int_equal(f->answer->http_status, 202);
	assert_int_equal(f->answer->retry_after_s, 5);
}

static void what_is_signed_comes_with_its_octets(void **state)
{
	struct fix *f = *state;

	f->msg.fn = ES1_REGISTER_EIS;
	run(f);
	turn_close(f->turn);
}

/* ---- checks ---- */

static void addresses(void **state)
{
	static const struct {
		enum es_fn fn;
		const char *to, *reply_to, *prefix;
		bool good;
		enum soap_fault_subcode subcode;
	} cases[] = {
		{ES2_ENABLE_PROFILE, OURS, NULL, NULL, true, 0},
		{ES2_ENABLE_PROFILE, NULL, NULL, NULL, true, 0}, /* To without EntityId */
		{ES2_ENABLE_PROFILE, "1.2.4", NULL, NULL, false, SOAP_SUB_DESTINATION_UNREACHABLE},
		{ES2_ENABLE_PROFILE, OURS, "https://a/x/y", "https://a/x", true, 0},
		{ES2_ENABLE_PROFILE, OURS, "https://a/z", "https://a/x", false, SOAP_SUB_INVALID_HEADER},
		{ES2_ENABLE_PROFILE, OURS, "https://a/x", NULL, false, SOAP_SUB_INVALID_HEADER},
		{ES2_GET_EIS, OURS, "https://a/z", "https://a/x", true, 0}, /* synchronous: nobody is called */
	};
	struct fix *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		enum soap_fault_subcode subcode = SOAP_SUB_NONE;
		const char *bad;

		f->msg.fn = cases[i].fn;
		f->msg.hdr.to.entity_id = cases[i].to;
		f->msg.hdr.reply_to.uri = f->msg.hdr.reply_to.base = cases[i].reply_to;
		bad = es_request_misaddressed(&f->req, OURS, cases[i].prefix, &subcode);
		if (!bad != cases[i].good || (bad && subcode != cases[i].subcode))
			fail_msg("case %zu: %s", i, bad ? bad : "good");
	}
}

static void validity(void **state)
{
	static const struct {
		uint32_t asked, preset, max, granted;
		bool good;
	} cases[] = {
		{0, 600, 3600, 600, true},     {0, 600, 300, 300, true},       {300, 600, 3600, 300, true},
		{3600, 600, 3600, 3600, true}, {3601, 600, 3600, 3601, false},
	};
	struct fix *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint32_t got = 0;

		f->body.base.validity_s = cases[i].asked;
		if (es_request_validity(&f->req, cases[i].preset, cases[i].max, &got) != cases[i].good ||
		    got != cases[i].granted)
			fail_msg("case %zu: %u", i, got);
	}
}

static void room(void **state)
{
	struct fix *f = *state;

	assert_false(es_request_has_no_room(&f->req, f->db, 1));
	assert_true(es_request_has_no_room(&f->req, f->db, UINT64_MAX));
	f->msg.fn = ES2_GET_EIS; /* writes nothing */
	assert_false(es_request_has_no_room(&f->req, f->db, UINT64_MAX));
}

/* ---- repetitions ---- */

static void repetitions(void **state)
{
	struct fix *f = *state;
	struct call seen;

	assert_int_equal(es_request_seen(f, f->db, &f->req, "1.1", &seen), 1);
	assert_int_equal(es_request_remember(f->db, &f->req, "1.1", 33, BYTES_LIT("out")), 0);
	assert_int_equal(es_request_seen(f, f->db, &f->req, "1.1", &seen), 0);
	assert_int_equal(seen.op_id, 33);
	assert_true(bytes_eq(seen.response, BYTES_LIT("out")));
	assert_int_equal(es_request_seen(f, f->db, &f->req, "1.2", &seen), 1); /* another sender's ids are its own */
	f->msg.digest[31] ^= 1;
	assert_int_equal(es_request_seen(f, f->db, &f->req, "1.1", &seen), -EEXIST);
	f->msg.digest[31] ^= 1;
	f->msg.fn = ES2_DISABLE_PROFILE;
	assert_int_equal(es_request_seen(f, f->db, &f->req, "1.1", &seen), -EEXIST);
	f->msg.has_digest = false; /* a function that changes nothing */
	assert_int_equal(es_request_seen(f, f->db, &f->req, "1.1", &seen), 1);
	assert_int_equal(es_request_remember(f->db, &f->req, "1.1", 34, (struct bytes){0}), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_job_becomes_an_event_and_an_answer),
		T(what_is_signed_comes_with_its_octets),
		T(addresses),
		T(validity),
		T(room),
		T(repetitions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
