/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* I/O threads and the queues between them and the core.
 *
 * Each thread runs one libevent base.  Both directions use the same queue: a list under a mutex and an eventfd that is
 * readable as long as the list is not empty, so a reader may leave entries behind and is woken again for them.
 * libosmocore's osmo_it_q would be the natural choice towards the core, but in 1.7.0 it has no descriptor without a
 * read callback, the stock callback empties the whole queue in one go, and osmo_it_q_dequeue() on an empty queue
 * unlinks the list head itself. */
#include "common/net/io.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <event2/event.h>
#include <event2/thread.h>
#include <osmocom/core/logging.h>
#include <osmocom/core/select.h>
#include <osmocom/core/talloc.h>
#include <osmocom/core/utils.h>

#include "common/net/io_priv.h"

#define THREADS_MAX 64
#define XID_THREAD_SHIFT 56 /* index of the thread above, counter below */

struct io_queue {
	pthread_mutex_t mutex;
	struct llist_head list;
	unsigned int len;
	int efd;
};

struct stop_hook {
	struct llist_head entry;
	void (*cb)(void *arg);
	void *arg;
};

struct io_thread {
	struct io *io;
	unsigned int index;
	pthread_t pthread;
	bool running;
	struct io_queue calls;
	struct event_base *base;
	struct event *wake;
	struct llist_head stop_hooks;
	bool stop;
	uint64_t last_xid;
};

struct io {
	struct io_queue jobs;
	unsigned int jobs_max;
	struct osmo_fd wake;
	unsigned int n_threads;
	struct io_thread *threads;
};

struct io_line {
	struct io_job job;
	int subsys;
	unsigned int level;
	const char *file; /* literal */
	int line;
	char *text;
};

static int queue_init(struct io_queue *q)
{
	INIT_LLIST_HEAD(&q->list);
	q->len = 0;
	q->efd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (q->efd < 0)
		return -errno;
	pthread_mutex_init(&q->mutex, NULL);
	return 0;
}

static void queue_fini(struct io_queue *q)
{
	if (q->efd < 0)
		return;
	close(q->efd);
	q->efd = -1;
	pthread_mutex_destroy(&q->mutex);
}

/* Add an entry unless max are waiting. */
static int queue_push(struct io_queue *q, struct llist_head *entry, unsigned int max)
{
	const uint64_t one = 1;
	int rc = -EAGAIN;

	pthread_mutex_lock(&q->mutex);
	if (q->len < max) {
		rc = 0;
		llist_add_tail(entry, &q->list);
		if (q->len++ == 0)
			OSMO_ASSERT(write(q->efd, &one, sizeof(one)) == sizeof(one));
	}
	pthread_mutex_unlock(&q->mutex);
	return rc;
}

static struct llist_head *queue_pop(struct io_queue *q)
{
	struct llist_head *entry = NULL;
	uint64_t count;

	pthread_mutex_lock(&q->mutex);
	if (!llist_empty(&q->list)) {
		entry = q->list.next;
		llist_del(entry);
		if (--q->len == 0)
			OSMO_ASSERT(read(q->efd, &count, sizeof(count)) == sizeof(count));
	}
	pthread_mutex_unlock(&q->mutex);
	return entry;
}

static unsigned int queue_len(struct io_queue *q)
{
	unsigned int len;

	pthread_mutex_lock(&q->mutex);
	len = q->len;
	pthread_mutex_unlock(&q->mutex);
	return len;
}

/* In the I/O thread: run the calls that were there on entry; a call may post another. */
static void calls_run(evutil_socket_t fd, short what, void *arg)
{
	struct io_thread *t = arg;
	unsigned int n = queue_len(&t->calls);
	struct llist_head *entry;

	while (n-- > 0 && (entry = queue_pop(&t->calls))) {
		struct io_call *call = llist_entry(entry, struct io_call, entry);

		call->run(t, call);
	}
}

static void hooks_run(struct io_thread *t)
{
	while (!llist_empty(&t->stop_hooks)) {
		struct stop_hook *h = llist_first_entry(&t->stop_hooks, struct stop_hook, entry);

		llist_del(&h->entry);
		h->cb(h->arg);
		talloc_free(h);
	}
}

static void *thread_main(void *arg)
{
	struct io_thread *t = arg;

	osmo_ctx_init("io");
	while (!t->stop) {
		event_base_loop(t->base, EVLOOP_ONCE);
		talloc_free_children(OTC_SELECT);
	}
	hooks_run(t);
	/* libevent releases bufferevents (and so TLS objects) from its loop only */
	event_base_loop(t->base, EVLOOP_NONBLOCK);
	talloc_free(osmo_ctx);
	osmo_ctx = NULL;
	return NULL;
}

static int thread_start(struct io *io, unsigned int index)
{
	struct io_thread *t = &io->threads[index];
	int rc;

	t->io = io;
	t->index = index;
	INIT_LLIST_HEAD(&t->stop_hooks);
	rc = queue_init(&t->calls);
	if (rc < 0)
		return rc;
	t->base = event_base_new();
	if (!t->base)
		return -ENOMEM;
	t->wake = event_new(t->base, t->calls.efd, EV_READ | EV_PERSIST, calls_run, t);
	if (!t->wake || event_add(t->wake, NULL) < 0)
		return -ENOMEM;
	rc = pthread_create(&t->pthread, NULL, thread_main, t);
	if (rc)
		return -rc;
	t->running = true;
	return 0;
}

static void thread_fini(struct io_thread *t)
{
	struct llist_head *entry;

	if (t->wake)
		event_free(t->wake);
	if (t->base)
		event_base_free(t->base);
	while (t->calls.efd >= 0 && (entry = queue_pop(&t->calls)))
		talloc_free(llist_entry(entry, struct io_call, entry));
	queue_fini(&t->calls);
}

/* The descriptor only ends the sleep of the core's loop: the turn decides how many jobs it takes. */
static int core_woken(struct osmo_fd *ofd, unsigned int what)
{
	return 0;
}

/* With null tracking all trees would share a parent, and two threads would meet there. */
static void assert_no_null_tracking(void)
{
	void *probe = talloc_named_const(NULL, 1, "probe");

	OSMO_ASSERT(probe && !talloc_parent(probe));
	talloc_free(probe);
}

int io_start(const void *ctx, unsigned int n_threads, unsigned int queue_max, struct io **out)
{
	struct io *io;
	unsigned int i;
	int rc;

	if (n_threads == 0 || n_threads > THREADS_MAX || queue_max == 0)
		return -EINVAL;
	assert_no_null_tracking();
	log_enable_multithread();
	if (evthread_use_pthreads() < 0)
		return -ENOMEM;
	io = talloc_zero(ctx, struct io);
	io->jobs_max = queue_max;
	io->threads = talloc_zero_array(io, struct io_thread, n_threads);
	for (i = 0; i < n_threads; i++)
		io->threads[i].calls.efd = -1;
	rc = queue_init(&io->jobs);
	if (rc < 0) {
		talloc_free(io);
		return rc;
	}
	osmo_fd_setup(&io->wake, io->jobs.efd, OSMO_FD_READ, core_woken, io, 0);
	rc = osmo_fd_register(&io->wake);
	OSMO_ASSERT(rc == 0);
	for (i = 0; i < n_threads && rc == 0; i++) {
		io->n_threads++;
		rc = thread_start(io, i);
	}
	if (rc < 0) {
		io_stop(io);
		return rc;
	}
	*out = io;
	return 0;
}

static void call_stop(struct io_thread *t, struct io_call *call)
{
	t->stop = true;
	talloc_free(call);
}

void io_stop(struct io *io)
{
	struct llist_head *entry;
	unsigned int i;

	for (i = 0; i < io->n_threads; i++) {
		struct io_call *call;

		if (!io->threads[i].running)
			continue;
		call = talloc_zero(NULL, struct io_call);
		call->run = call_stop;
		io_call_steal(&io->threads[i], call);
	}
	for (i = 0; i < io->n_threads; i++) {
		if (io->threads[i].running)
			pthread_join(io->threads[i].pthread, NULL);
		thread_fini(&io->threads[i]);
	}
	while ((entry = queue_pop(&io->jobs)))
		talloc_free(llist_entry(entry, struct io_job, entry));
	osmo_fd_unregister(&io->wake);
	queue_fini(&io->jobs);
	talloc_free(io);
}

unsigned int io_n_threads(const struct io *io)
{
	return io->n_threads;
}

struct io_thread *io_thread_get(struct io *io, unsigned int i)
{
	OSMO_ASSERT(i < io->n_threads);
	return &io->threads[i];
}

unsigned int io_thread_index(const struct io_thread *t)
{
	return t->index;
}

struct io *io_thread_io(const struct io_thread *t)
{
	return t->io;
}

struct event_base *io_thread_base(const struct io_thread *t)
{
	return t->base;
}

void io_thread_at_stop(struct io_thread *t, void (*cb)(void *arg), void *arg)
{
	struct stop_hook *h = talloc_zero(NULL, struct stop_hook);

	h->cb = cb;
	h->arg = arg;
	llist_add(&h->entry, &t->stop_hooks);
}

uint64_t io_xid_next(struct io_thread *t)
{
	return (uint64_t)t->index << XID_THREAD_SHIFT | ++t->last_xid;
}

struct io_thread *io_xid_thread(struct io *io, uint64_t xid)
{
	uint64_t index = xid >> XID_THREAD_SHIFT;

	return index < io->n_threads ? &io->threads[index] : NULL;
}

static void line_out(struct io_line *l)
{
	logp2(l->subsys, l->level, l->file, l->line, 0, "%s", l->text);
	talloc_free(l);
}

unsigned int io_core_poll(struct io *io, unsigned int max, void (*handle)(struct io_job *job, void *data), void *data)
{
	struct llist_head *entry;
	unsigned int taken = 0, n = 0;

	while (taken++ < max && (entry = queue_pop(&io->jobs))) {
		struct io_job *job = llist_entry(entry, struct io_job, entry);

		if (job->kind == IO_LINE) {
			line_out(container_of(job, struct io_line, job));
			continue;
		}
		n++;
		handle(job, data);
	}
	return n;
}

unsigned int io_core_backlog(struct io *io)
{
	return queue_len(&io->jobs);
}

int io_submit_steal(struct io *io, struct io_job *job)
{
	OSMO_ASSERT(!talloc_parent(job));
	return queue_push(&io->jobs, &job->entry, io->jobs_max);
}

void io_submit_always_steal(struct io *io, struct io_job *job)
{
	OSMO_ASSERT(!talloc_parent(job));
	OSMO_ASSERT(queue_push(&io->jobs, &job->entry, UINT32_MAX) == 0);
}

void io_call_steal(struct io_thread *t, struct io_call *call)
{
	OSMO_ASSERT(!talloc_parent(call));
	OSMO_ASSERT(queue_push(&t->calls, &call->entry, UINT32_MAX) == 0);
}

void io_log(struct io *io, int subsys, unsigned int level, const char *file, int line, const char *fmt, ...)
{
	struct io_line *l;
	va_list ap;

	if (!log_check_level(subsys, level))
		return;
	l = talloc_zero(NULL, struct io_line);
	l->job.kind = IO_LINE;
	l->subsys = subsys;
	l->level = level;
	l->file = file;
	l->line = line;
	va_start(ap, fmt);
	l->text = talloc_vasprintf(l, fmt, ap);
	va_end(ap);
	if (queue_push(&io->jobs, &l->job.entry, io->jobs_max / 2 + 1) < 0)
		talloc_free(l);
}
