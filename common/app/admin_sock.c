/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The admin socket: connections, lines, answers.  What they say is the daemon's.
 *
 * Nothing here waits: sockets are non-blocking, a client that does not read gets no further answers, one that asks for
 * more than fits is closed.  Octets are written only when poll() says so, which is a round after the one that made
 * them, so every answer leaves behind its commit (P1). */
#include "common/app/admin_sock.h"

#include <errno.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <osmocom/core/linuxlist.h>
#include <osmocom/core/select.h>
#include <osmocom/core/timer.h>
#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/log.h"

#define CLIENTS_MAX 32
#define IN_START 4096
#define OUT_MAX (8 * 1024 * 1024)

struct admin_sock {
	const struct admin_ops *ops;
	void *prog;
	char *path;
	struct osmo_fd fd;
	struct osmo_timer_list accept_again;
	struct llist_head clients;
	unsigned int n_clients;
};

struct admin_client {
	struct llist_head entry;
	struct admin_sock *a;
	struct osmo_fd fd;
	char *in;
	size_t in_len, in_size;
	char *out;
	size_t out_len, out_off, out_size;
	bool eof;
	bool held;		/* an answer is being made elsewhere */
	bool overflow;		/* it asked for more than fits: to be closed */
	admin_follow_cb follow; /* NULL: it follows nothing */
	int64_t follow_id, after;
	pid_t pid;
};

/* ---- output ---- */

static void put(struct admin_client *c, const char *text, size_t len)
{
	if (c->overflow || c->out_len + len > OUT_MAX) {
		c->overflow = true;
		return;
	}
	if (c->out_len + len > c->out_size) {
		c->out_size = (c->out_len + len) * 2;
		c->out = talloc_realloc(c, c->out, char, (unsigned int)c->out_size);
		OSMO_ASSERT(c->out);
	}
	memcpy(c->out + c->out_len, text, len);
	c->out_len += len;
	osmo_fd_write_enable(&c->fd);
}

static int put_json(const char *text, size_t len, void *client)
{
	put(client, text, len);
	return 0;
}

static void send_line(struct admin_client *c, json_t *steal_line)
{
	json_dump_callback(steal_line, put_json, c, JSON_COMPACT);
	put(c, "\n", 1);
	json_decref(steal_line);
}

void admin_row(struct admin_client *c, json_t *steal_row)
{
	send_line(c, json_pack("{s:o}", "row", steal_row));
}

void admin_ok(struct admin_client *c, json_t *steal_members)
{
	json_t *line = json_pack("{s:b}", "ok", 1);

	if (steal_members) {
		json_object_update_missing(line, steal_members);
		json_decref(steal_members);
	}
	send_line(c, line);
}

static const char *const codes[] = {
	[ADMIN_NOT_FOUND] = "not-found",
	[ADMIN_USAGE] = "usage",
	[ADMIN_BUSY] = "busy",
	[ADMIN_INTERNAL] = "internal",
};

void admin_error(struct admin_client *c, enum admin_code code, const char *fmt, ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	text = talloc_vasprintf(c, fmt, ap);
	va_end(ap);
	send_line(c, json_pack("{s:b, s:s+, s:s}", "ok", 0, "error", text, "", "code", codes[code]));
	talloc_free(text);
}

void admin_errno(struct admin_client *c, int rc, const char *text)
{
	switch (rc) {
	case -ENOENT:
		admin_error(c, ADMIN_NOT_FOUND, "%s", text);
		break;
	case -EINVAL:
	case -EEXIST:
		admin_error(c, ADMIN_USAGE, "%s", text);
		break;
	case -EBUSY:
		admin_error(c, ADMIN_BUSY, "%s", text);
		break;
	default:
		admin_error(c, ADMIN_INTERNAL, "%s", text);
		break;
	}
}

/* ---- clients ---- */

static int client_destroy(struct admin_client *c)
{
	if (c->a->ops->gone)
		c->a->ops->gone(c->a->prog, c);
	osmo_fd_close(&c->fd);
	llist_del(&c->entry);
	c->a->n_clients--;
	if (c->in)
		bytes_wipe(c->in, c->in_size); /* an import carries keys */
	return 0;
}

/* A whole answer is on its way, or is being made: the next request waits. */
static bool busy(const struct admin_client *c)
{
	return c->out_off < c->out_len || c->held || c->follow;
}

static void run_line(struct admin_client *c, const char *line, size_t len)
{
	void *ctx = talloc_new(c);
	json_error_t e;
	json_t *request = json_loadb(line, len, JSON_REJECT_DUPLICATES, &e);

	if (!json_is_object(request))
		admin_error(c, ADMIN_USAGE, "one JSON object on each line is wanted%s%s", request ? "" : ": ",
			    request ? "" : e.text);
	else
		c->a->ops->run(c->a->prog, c, request, ctx);
	json_decref(request);
	talloc_free(ctx);
}

static void run_lines(struct admin_client *c)
{
	char *end;

	while (!busy(c) && c->in_len && (end = memchr(c->in, '\n', c->in_len))) {
		size_t len = (size_t)(end - c->in) + 1;

		run_line(c, c->in, len - 1);
		c->in_len -= len;
		memmove(c->in, c->in + len, c->in_len);
		bytes_wipe(c->in + c->in_len, len);
	}
}

/* More room, up to a line of the allowed length.  The old memory held what may be keys. */
static bool grow(struct admin_client *c)
{
	size_t size = c->in_size ? c->in_size * 2 : IN_START;
	char *in;

	if (c->in_size >= ADMIN_LINE_MAX)
		return false;
	in = talloc_array(c, char, (unsigned int)size);
	OSMO_ASSERT(in);
	if (c->in) {
		memcpy(in, c->in, c->in_len);
		bytes_wipe(c->in, c->in_size);
		talloc_free(c->in);
	}
	c->in = in;
	c->in_size = size;
	return true;
}

/* \returns false when the connection has to go */
static bool client_read(struct admin_client *c)
{
	ssize_t n;

	if (c->in_len == c->in_size && !grow(c)) {
		if (busy(c)) { /* its own requests have to wait for the answers that it does not take */
			osmo_fd_read_disable(&c->fd);
			return true;
		}
		LOGP(DMAIN, LOGL_NOTICE, "admin socket: process %d sent a line of more than %d octets: closed\n",
		     (int)c->pid, ADMIN_LINE_MAX);
		return false;
	}
	n = read(c->fd.fd, c->in + c->in_len, c->in_size - c->in_len);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (n == 0) {
		c->eof = true;
		osmo_fd_read_disable(&c->fd);
		return !c->follow;
	}
	c->in_len += (size_t)n;
	return true;
}

static bool client_write(struct admin_client *c)
{
	ssize_t n = send(c->fd.fd, c->out + c->out_off, c->out_len - c->out_off, MSG_NOSIGNAL);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	c->out_off += (size_t)n;
	if (c->out_off == c->out_len) {
		c->out_off = c->out_len = 0;
		osmo_fd_write_disable(&c->fd);
		if (!c->eof)
			osmo_fd_read_enable(&c->fd);
	}
	return true;
}

static void follow(struct admin_client *c);

static int on_client(struct osmo_fd *ofd, unsigned int what)
{
	struct admin_client *c = ofd->data;
	bool keep = true;

	if (what & OSMO_FD_WRITE)
		keep = client_write(c);
	if (keep && what & OSMO_FD_READ)
		keep = client_read(c);
	if (keep)
		follow(c);
	if (keep)
		run_lines(c);
	if (c->overflow)
		LOGP(DMAIN, LOGL_NOTICE,
		     "admin socket: process %d asked for an answer of more than %d octets: closed\n", (int)c->pid,
		     OUT_MAX);
	if (!keep || c->overflow || (c->eof && !busy(c)))
		talloc_free(c);
	return 0;
}

static bool may_connect(const struct admin_sock *a, const struct ucred *peer)
{
	if (peer->uid != 0 && peer->uid != geteuid()) {
		LOGP(DMAIN, LOGL_NOTICE,
		     "admin socket: process %d of user %u was refused: root and user %u may connect\n", (int)peer->pid,
		     (unsigned int)peer->uid, (unsigned int)geteuid());
		return false;
	}
	if (a->n_clients >= CLIENTS_MAX) {
		LOGP(DMAIN, LOGL_NOTICE,
		     "admin socket: process %d was refused: %d connections are open already, end some of them\n",
		     (int)peer->pid, CLIENTS_MAX);
		return false;
	}
	return true;
}

static int on_accept(struct osmo_fd *ofd, unsigned int what)
{
	struct admin_sock *a = ofd->data;
	struct ucred peer;
	socklen_t len = sizeof(peer);
	struct admin_client *c;
	int fd = accept4(ofd->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0) {
		if (errno == EMFILE || errno == ENFILE) { /* poll() would come back at once */
			osmo_fd_read_disable(ofd);
			osmo_timer_schedule(&a->accept_again, 1, 0);
		}
		return 0;
	}
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0 || !may_connect(a, &peer)) {
		close(fd);
		return 0;
	}
	c = talloc_zero(a, struct admin_client);
	OSMO_ASSERT(c);
	c->a = a;
	c->pid = peer.pid;
	llist_add_tail(&c->entry, &a->clients);
	a->n_clients++;
	osmo_fd_setup(&c->fd, fd, OSMO_FD_READ, on_client, c, 0);
	OSMO_ASSERT(osmo_fd_register(&c->fd) == 0);
	talloc_set_destructor(c, client_destroy);
	return 0;
}

static void accept_again(void *admin)
{
	struct admin_sock *a = admin;

	osmo_fd_read_enable(&a->fd);
}

/* ---- answers that come later ---- */

void admin_hold(struct admin_client *c)
{
	c->held = true;
}

void admin_release(struct admin_client *c)
{
	c->held = false;
}

/* A client that still has rows to read catches up when it has read them. */
static void follow(struct admin_client *c)
{
	if (c->follow && c->out_off == c->out_len && c->follow(c->a->prog, c, c->follow_id, &c->after))
		c->follow = NULL;
}

void admin_follow(struct admin_client *c, admin_follow_cb cb, int64_t id)
{
	c->follow = cb;
	c->follow_id = id;
	c->after = 0;
	follow(c);
}

void admin_progress(struct admin_sock *a, int64_t id)
{
	struct admin_client *c;

	llist_for_each_entry (c, &a->clients, entry) {
		if (c->follow_id == id)
			follow(c);
	}
}

/* ---- members of a request ---- */

const char *admin_text(const json_t *request, const char *name)
{
	return json_string_value(json_object_get(request, name));
}

int64_t admin_int(const json_t *request, const char *name)
{
	return json_integer_value(json_object_get(request, name));
}

size_t admin_max(const json_t *request)
{
	int64_t max = admin_int(request, "max");

	return max <= 0 ? ADMIN_ROWS_DEFAULT : max > ADMIN_ROWS_MAX ? ADMIN_ROWS_MAX : (size_t)max;
}

/* ---- start and stop ---- */

/* A socket that nobody listens on is left over from a kill. */
static int remove_stale(const struct sockaddr_un *addr)
{
	struct stat st;
	int fd, rc = 0;

	if (lstat(addr->sun_path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) == 0 || errno == EAGAIN)
		rc = -EADDRINUSE;
	else if (errno != ECONNREFUSED || unlink(addr->sun_path) < 0)
		rc = -errno;
	close(fd);
	return rc;
}

static int listen_on(const char *path, int *out)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd, rc;

	if (strlen(path) >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	memcpy(addr.sun_path, path, strlen(path));
	rc = remove_stale(&addr);
	if (rc < 0)
		return rc;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (bind(fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0 || chmod(path, 0600) < 0 || listen(fd, 8) < 0) {
		rc = -errno;
		close(fd);
		return rc;
	}
	*out = fd;
	return 0;
}

/* What jansson copies out of a line may be keys: an import carries them. */
static void free_wiped(void *p)
{
	if (p)
		bytes_wipe(p, malloc_usable_size(p));
	free(p);
}

int admin_sock_start(const void *ctx, const char *path, const struct admin_ops *ops, void *prog,
		     struct admin_sock **sock, const char **why)
{
	struct admin_sock *a;
	int fd;
	int rc = listen_on(path, &fd);

	if (rc < 0) {
		*why = talloc_asprintf(ctx, "admin-socket %s: %s", path, strerror(-rc));
		return rc;
	}
	json_set_alloc_funcs(malloc, free_wiped);
	a = talloc_zero(ctx, struct admin_sock);
	OSMO_ASSERT(a);
	a->ops = ops;
	a->prog = prog;
	a->path = talloc_strdup(a, path);
	INIT_LLIST_HEAD(&a->clients);
	osmo_timer_setup(&a->accept_again, accept_again, a);
	osmo_fd_setup(&a->fd, fd, OSMO_FD_READ, on_accept, a, 0);
	OSMO_ASSERT(osmo_fd_register(&a->fd) == 0);
	*sock = a;
	return 0;
}

void admin_sock_stop(struct admin_sock *a)
{
	struct admin_client *c, *next;

	llist_for_each_entry_safe (c, next, &a->clients, entry)
		talloc_free(c);
	osmo_timer_del(&a->accept_again);
	osmo_fd_close(&a->fd);
	unlink(a->path);
	talloc_free(a);
}
