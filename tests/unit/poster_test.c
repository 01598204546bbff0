/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* POSTs that cannot be started end in the next round, the others in the result of the client. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <osmocom/core/application.h>
#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/log.h"
#include "common/peer/poster.h"
#include "tests/support/test_peer.h"

struct fix {
	struct io *io;
	struct poster poster;
	unsigned int n;
	struct post_done last;
};

static int setup(void **state)
{
	struct fix *f = talloc_zero(NULL, struct fix);
	struct test_pki *pki = test_pki_alloc(f);
	const struct test_cert root = test_pki_root(pki, "root");
	const struct test_cert own = test_pki_leaf(pki, "root", "client", &(struct test_subject){.cn = "client"});
	const struct tls_files files = {root.cert, own.cert, own.key};
	const char *why = NULL;
	struct tls *tls;

	assert_int_equal(io_start(f, 1, 100, &f->io), 0);
	assert_int_equal(tls_load(f, TLS_CLIENT, &files, &tls, &why), 0);
	poster_init(&f->poster, f);
	assert_int_equal(http_client_start(f, f->io, &(struct http_client_conf){0}, tls, &f->poster.client), 0);
	talloc_free(tls);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fix *f = *state;

	io_stop(f->io);
	talloc_free(f);
	return 0;
}

static void done(void *priv, const struct post_done *d)
{
	struct fix *f = priv;

	f->n++;
	f->last = *d;
}

static void take_result(struct io_job *job, void *data)
{
	struct post_done d = poster_result((const struct http_result *)job);

	assert_int_equal(job->kind, IO_RESULT);
	done(data, &d);
	talloc_free(job);
}

static void post(struct fix *f, int64_t ref, char *url)
{
	const struct http_out out = {
		.ref = ref, .url = url, .action = "urn:a", .body = BYTES_LIT("<a/>"), .timeout_s = 5};

	poster_post(&f->poster, &out);
}

static void what_cannot_be_started_ends_in_the_next_round(void **state)
{
	struct fix *f = *state;

	post(f, 11, "no URL");
	post(f, -12, "http://not.secure/");
	assert_int_equal(f->n, 0);
	assert_true(poster_has_failed(&f->poster));
	poster_round(&f->poster, done, f);
	assert_int_equal(f->n, 2);
	assert_int_equal(f->last.ref, -12); /* in order */
	assert_false(f->last.answered);
	assert_string_equal(f->last.detail, "not started: bad URL, or too many calls wait");
	assert_false(poster_has_failed(&f->poster));
	poster_round(&f->poster, done, f);
	assert_int_equal(f->n, 2);
}

static void what_was_started_ends_with_its_result(void **state)
{
	struct fix *f = *state;
	uint16_t port;
	int fd = test_tcp_listen(&port);

	close(fd); /* nobody listens there any more */
	post(f, -7, talloc_asprintf(f, "https://127.0.0.1:%u/", port));
	assert_false(poster_has_failed(&f->poster));
	for (unsigned int i = 0; f->n == 0 && i < 8000; i++) {
		io_core_poll(f->io, 1, take_result, f);
		usleep(1000);
	}
	assert_int_equal(f->n, 1);
	assert_int_equal(f->last.ref, -7);
	assert_false(f->last.answered);
	assert_int_equal(f->last.status, 0);
}

static void an_answer_is_told_as_it_came(void **state)
{
	const struct http_result r = {
		.ref = 5, .outcome = HTTP_ANSWERED, .status = 503, .retry_after_s = 17, .detail = "busy"};
	struct post_done d = poster_result(&r);

	assert_int_equal(d.ref, 5);
	assert_true(d.answered);
	assert_int_equal(d.status, 503);
	assert_int_equal(d.retry_after_s, 17);
	assert_string_equal(d.detail, "busy");
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_cannot_be_started_ends_in_the_next_round),
		T(what_was_started_ends_with_its_result),
		cmocka_unit_test(an_answer_is_told_as_it_came),
	};

	osmo_init_logging2(NULL, &log_info_esim);
	log_set_log_level(osmo_stderr_target, LOGL_FATAL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
