/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include <sys/time.h>

#include "common/net/io.h"

/* For the files of common/net only: what runs inside an I/O thread. */

struct event_base;

/*! libevent's loop of the thread. */
struct event_base *io_thread_base(const struct io_thread *t);

/*! In the thread, when it ends: cb(arg) releases what was made on its event base.  Hooks run in reverse order.
 * To be called before any call is posted to the thread, or in the thread. */
void io_thread_at_stop(struct io_thread *t, void (*cb)(void *arg), void *arg);

/*! \returns a number that no other exchange of this process has; names the thread too */
uint64_t io_xid_next(struct io_thread *t);
/*! Thread of an exchange number; NULL when no thread has this number. */
struct io_thread *io_xid_thread(struct io *io, uint64_t xid);

/*! libevent wants its times so. */
static inline struct timeval tv_of_ms(unsigned int ms)
{
	return (struct timeval){ms / 1000, (suseconds_t)(ms % 1000) * 1000};
}
