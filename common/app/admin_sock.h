/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include <jansson.h>

#include "common/codec/bytes.h"

/* The admin socket of a daemon: how smctl and scripts of the same machine look at it and pull its levers.
 *
 * UNIX stream socket, mode 0600; the peer's uid must be root's or our own, others are closed without a word.  One JSON
 * object on each line, in both directions.  A client may send its next request before the last answer is complete; they
 * are answered in order.
 *
 * Request:  {"cmd": NAME, ...}
 * Answer:   zero or more lines {"row": {...}}, then one last line
 *           {"ok": true, ...}  or  {"ok": false, "error": "sentence", "code": "not-found"|"usage"|"busy"|"internal"}
 *
 * Lists have ADMIN_ROWS_DEFAULT rows unless "max" says otherwise, at most ADMIN_ROWS_MAX; the last line has "more":
 * true when there are more. */

/*! Requests and rows are lines. */
#define ADMIN_LINE_MAX (1024 * 1024)
#define ADMIN_ROWS_DEFAULT 100
#define ADMIN_ROWS_MAX 1000

struct admin_sock;
struct admin_client;

enum admin_code {
	ADMIN_NOT_FOUND,
	ADMIN_USAGE,
	ADMIN_BUSY,
	ADMIN_INTERNAL
};

/*! What a daemon does with it; all run in the core thread. */
struct admin_ops {
	/*! Run one request.  The last line is written, or will be (admin_hold(), admin_follow()).
	 * \param[in] request  JSON object, borrowed  \param[in] ctx  talloc context of this request */
	void (*run)(void *prog, struct admin_client *c, json_t *request, void *ctx);
	/*! A client goes away: forget what was held for it.  May be NULL. */
	void (*gone)(void *prog, struct admin_client *c);
};

/*! Listen.  A socket file that nobody listens on is replaced.
 * \param[in]  prog  for the functions of ops
 * \param[out] sock  talloc child of ctx
 * \param[out] why   sentence for the operator, talloc child of ctx
 * \returns 0; negative errno */
int admin_sock_start(const void *ctx, const char *path, const struct admin_ops *ops, void *prog,
		     struct admin_sock **sock, const char **why) MUST_CHECK;
/*! Close all connections and remove the socket. */
void admin_sock_stop(struct admin_sock *a);

/* Lines of an answer; they leave in a later round, after the commit. */
void admin_row(struct admin_client *c, json_t *steal_row);
/*! Last line.  \param[in] steal_members  object, or NULL */
void admin_ok(struct admin_client *c, json_t *steal_members);
void admin_error(struct admin_client *c, enum admin_code code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/*! Last line after a negative errno: -ENOENT not found, -EINVAL and -EEXIST usage, -EBUSY busy, else internal. */
void admin_errno(struct admin_client *c, int rc, const char *text);

/*! The answer comes later: no further request of this client before admin_release(). */
void admin_hold(struct admin_client *c);
void admin_release(struct admin_client *c);

/*! Writes what is new for a client that follows something, from *after on.
 * \param[in,out] after  what the client has
 * \returns true when the last line was written */
typedef bool (*admin_follow_cb)(void *prog, struct admin_client *c, int64_t id, int64_t *after);

/*! Call follow() now, on admin_progress() and when the client has read what it was sent, until it returns true. */
void admin_follow(struct admin_client *c, admin_follow_cb follow, int64_t id);
/*! After the commit: something is new for those who follow id. */
void admin_progress(struct admin_sock *a, int64_t id);

/* Members of a request. */

/*! Text; NULL when it is absent or none. */
const char *admin_text(const json_t *request, const char *name);
/*! Number; 0 when it is absent or none. */
int64_t admin_int(const json_t *request, const char *name);
/*! How many rows are wanted, by "max". */
size_t admin_max(const json_t *request);
