/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <osmocom/core/linuxlist.h>

#include "common/codec/bytes.h"

/* I/O threads beside the core thread.
 *
 * The core thread owns all state.  I/O threads own sockets, TLS, HTTP and the parsing of messages.  What passes between
 * them is always one whole talloc tree whose root has no parent; handing it over ends every use by the giver:
 *
 *   I/O thread --- struct io_job, bounded queue ---> core (io_core_poll(), some jobs for each turn)
 *   core --------- struct io_call, list + eventfd -> I/O thread (runs the function of the call)
 *
 * talloc is not thread-safe, but trees without a common parent do not meet.  So null tracking must stay off (it would
 * make NULL a common parent); io_start() asserts that.  OTC_SELECT works in an I/O thread too: it is emptied between
 * two rounds of its loop. */

struct io;
struct io_thread;

/*! What a job is, for the handler in the core. */
enum io_kind {
	IO_REQUEST, /* a request of a peer, made by the daemon's HTTP handler */
	IO_RESULT,  /* struct http_result of common/net/http_client.h */
	IO_CARD,    /* something of a card that is connected by HTTPS */
	IO_LINE,    /* a line for the log; io_core_poll() keeps it to itself */
};

/*! Head of everything that goes to the core; first member of a larger struct, allocated with talloc below NULL. */
struct io_job {
	struct llist_head entry; /* while queued */
	enum io_kind kind;
	uint64_t xid; /* exchange that waits for an answer (http_server_answer_steal()); 0 = none */
};

/*! Head of everything that goes to an I/O thread; first member of a larger struct, allocated with talloc below NULL.
 * run() is called once in the I/O thread and owns the call. */
struct io_call {
	struct llist_head entry; /* while queued */
	void (*run)(struct io_thread *t, struct io_call *call);
};

/*! Start the threads; signals must be blocked already, as the threads inherit the mask.
 * \param[in]  ctx        talloc parent
 * \param[in]  n_threads  1 to 64
 * \param[in]  queue_max  jobs that may wait for the core before new requests are answered 503
 * \param[out] io         untouched on error
 * \returns 0; -EINVAL; -ENOMEM or the errno of a failed system call */
int io_start(const void *ctx, unsigned int n_threads, unsigned int queue_max, struct io **io) MUST_CHECK;

/*! Run every call posted so far, then the stop hooks, and join the threads; jobs that still wait are dropped.  Frees
 * io: servers and clients that stand on it go first from the caller's view, but their memory must live until here. */
void io_stop(struct io *io);

/*! Threads that io_start() was asked for. */
unsigned int io_n_threads(const struct io *io);
/*! Thread i of io_n_threads(). */
struct io_thread *io_thread_get(struct io *io, unsigned int i);
/*! Its number, 0 to io_n_threads() - 1. */
unsigned int io_thread_index(const struct io_thread *t);
/*! The set it belongs to. */
struct io *io_thread_io(const struct io_thread *t);

/*! Core: take at most max waiting entries and pass the jobs among them to handle(), oldest first; handle() owns each
 * job and frees it with talloc_free(). While jobs are left over, the loop of the core does not sleep.  \returns number
 * of jobs passed */
unsigned int io_core_poll(struct io *io, unsigned int max, void (*handle)(struct io_job *job, void *data), void *data);

/*! Jobs that wait for the core now, for statistics. */
unsigned int io_core_backlog(struct io *io);

/*! I/O thread: hand a job to the core.  \returns 0; -EAGAIN when the queue is full (the caller keeps the job) */
int io_submit_steal(struct io *io, struct io_job *job) MUST_CHECK;

/*! As io_submit_steal() without the bound: for results of calls that the core itself has bounded. */
void io_submit_always_steal(struct io *io, struct io_job *job);

/*! Any thread: run a call in an I/O thread; calls to one thread run in the order posted. */
void io_call_steal(struct io_thread *t, struct io_call *call);

/*! Log from an I/O thread: the line is written by the core in io_core_poll().  Plain LOGP() there would race with the
 * telnet targets of the VTY.  Lines are dropped while the queue is more than half full. */
#define IO_LOG(io, subsys, level, fmt, args...) io_log(io, subsys, level, __FILE__, __LINE__, fmt, ##args)
void io_log(struct io *io, int subsys, unsigned int level, const char *file, int line, const char *fmt, ...)
	__attribute__((format(printf, 6, 7)));
