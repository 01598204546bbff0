/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <osmocom/core/application.h>
#include <osmocom/core/logging.h>
#include <osmocom/core/select.h>
#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/log.h"
#include "common/net/io.h"
#include "common/net/io_priv.h"

#define THREADS 3
#define CALLS 500

struct ping {
	struct io_call call;
	unsigned int number;
};

struct pong {
	struct io_job job;
	unsigned int number;
	unsigned int thread;
	char *text;
};

struct tally {
	unsigned int n;
	unsigned int next[THREADS]; /* numbers of one thread must come in order */
};

static void *root;

/* In the I/O thread: answer a call with a job; both are whole trees. */
static void run_ping(struct io_thread *t, struct io_call *call)
{
	struct ping *p = container_of(call, struct ping, call);
	struct pong *j = talloc_zero(NULL, struct pong);

	j->job.kind = IO_REQUEST;
	j->number = p->number;
	j->thread = io_thread_index(t);
	j->text = talloc_asprintf(j, "pong %u of %s", p->number, talloc_asprintf(OTC_SELECT, "thread %u", j->thread));
	talloc_free(p);
	io_submit_always_steal(io_thread_io(t), &j->job);
}

static void take_pong(struct io_job *job, void *data)
{
	struct pong *j = container_of(job, struct pong, job);
	struct tally *tally = data;

	assert_int_equal(job->kind, IO_REQUEST);
	assert_int_equal(j->number, tally->next[j->thread]);
	assert_string_equal(j->text, talloc_asprintf(j, "pong %u of thread %u", j->number, j->thread));
	tally->next[j->thread]++;
	tally->n++;
	talloc_free(j);
}

static void post(struct io *io, unsigned int thread, void (*run)(struct io_thread *, struct io_call *), unsigned int n)
{
	struct ping *p = talloc_zero(NULL, struct ping);

	p->call.run = run;
	p->number = n;
	io_call_steal(io_thread_get(io, thread), &p->call);
}

static void calls_and_jobs_cross(void **state)
{
	struct tally tally = {0};
	struct io *io;
	unsigned int i;

	assert_int_equal(io_start(root, THREADS, 10, &io), 0);
	assert_int_equal(io_n_threads(io), THREADS);
	for (i = 0; i < CALLS * THREADS; i++)
		post(io, i % THREADS, run_ping, i / THREADS);
	while (tally.n < CALLS * THREADS) {
		osmo_select_main_ctx(0);
		assert_in_range(io_core_poll(io, 7, take_pong, &tally), 0, 7);
	}
	assert_int_equal(io_core_backlog(io), 0);
	io_stop(io);
}

/* In the I/O thread: fill the queue. */
static void run_fill(struct io_thread *t, struct io_call *call)
{
	struct ping *p = container_of(call, struct ping, call);
	unsigned int i;

	for (i = 0; i < p->number; i++) {
		struct pong *j = talloc_zero(NULL, struct pong);

		j->job.kind = IO_REQUEST;
		j->number = i;
		j->text = talloc_asprintf(j, "pong %u of thread 0", i);
		if (io_submit_steal(io_thread_io(t), &j->job) < 0)
			talloc_free(j);
	}
	talloc_free(p);
}

static void a_full_queue_refuses(void **state)
{
	struct tally tally = {0};
	struct io *io;

	assert_int_equal(io_start(root, 1, 5, &io), 0);
	post(io, 0, run_fill, 9);
	while (io_core_backlog(io) < 5)
		usleep(1000);
	usleep(20000);
	assert_int_equal(io_core_backlog(io), 5);
	/* what is left over wakes the core again at once */
	osmo_select_main_ctx(0);
	assert_int_equal(io_core_poll(io, 3, take_pong, &tally), 3);
	assert_int_equal(osmo_select_main_ctx(1), 1);
	assert_int_equal(io_core_poll(io, 3, take_pong, &tally), 2);
	assert_int_equal(osmo_select_main_ctx(1), 0);
	io_stop(io);
}

static void stop_runs_what_was_posted(void **state)
{
	struct io *io;
	unsigned int i;

	assert_int_equal(io_start(root, 2, 5, &io), 0);
	for (i = 0; i < 100; i++)
		post(io, i % 2, run_ping, i);
	io_stop(io);
	assert_int_equal(talloc_total_blocks(root), 1);
	assert_int_equal(io_start(root, 0, 5, &io), -EINVAL);
	assert_int_equal(io_start(root, 65, 5, &io), -EINVAL);
	assert_int_equal(io_start(root, 1, 0, &io), -EINVAL);
}

static char last_line[200];

static void keep_line(struct log_target *tgt, unsigned int level, const char *line)
{
	assert_true(snprintf(last_line, sizeof(last_line), "%s", line) < (int)sizeof(last_line));
}

static void run_log(struct io_thread *t, struct io_call *call)
{
	IO_LOG(io_thread_io(t), DHTTP, LOGL_ERROR, "line %d\n", 42);
	IO_LOG(io_thread_io(t), DHTTP, LOGL_DEBUG, "line %d\n", 43);
	talloc_free(call);
}

static void lines_are_logged_by_the_core(void **state)
{
	struct log_target *tgt = log_target_create();
	struct io *io;

	tgt->output = keep_line;
	log_set_all_filter(tgt, 1);
	log_add_target(tgt);
	assert_int_equal(io_start(root, 1, 5, &io), 0);
	post(io, 0, run_log, 0);
	while (io_core_backlog(io) < 1)
		usleep(1000);
	usleep(20000);
	assert_string_equal(last_line, "");
	assert_int_equal(io_core_poll(io, 10, take_pong, NULL), 0);
	assert_non_null(strstr(last_line, "line 42"));
	io_stop(io);
	log_target_destroy(tgt);
}

static void exchange_numbers_name_their_thread(void **state)
{
	struct io *io;
	uint64_t a, b;

	assert_int_equal(io_start(root, 2, 5, &io), 0);
	a = io_xid_next(io_thread_get(io, 1));
	b = io_xid_next(io_thread_get(io, 1));
	assert_true(a != b && a != 0);
	assert_ptr_equal(io_xid_thread(io, a), io_thread_get(io, 1));
	assert_ptr_equal(io_xid_thread(io, 77), io_thread_get(io, 0));
	assert_null(io_xid_thread(io, UINT64_MAX));
	io_stop(io);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_and_jobs_cross),
		cmocka_unit_test(a_full_queue_refuses),
		cmocka_unit_test(stop_runs_what_was_posted),
		cmocka_unit_test(lines_are_logged_by_the_core),
		cmocka_unit_test(exchange_numbers_name_their_thread),
	};
	int rc;

	root = talloc_named_const(NULL, 0, "test");
	osmo_init_logging2(NULL, &log_info_esim);
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	talloc_free(root);
	return rc;
}
