/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Client of the admin socket: one JSON object on each line, in both directions.  Plain blocking reads: there is nothing
 * else to do meanwhile, and Ctrl-C ends a stream. */
#include "tools/smctl/smctl.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/app/clock.h"

struct admin_client {
	const struct smctl *c;
	FILE *f;
	int64_t end_ms; /* give up reading then; 0 = never */
	bool quiet;	/* "not found" is no news */
};

static int close_client(struct admin_client *a)
{
	if (a->f)
		fclose(a->f);
	return 0;
}

static bool is_smdp(const struct smctl *c)
{
	const char *section = c->cmd->section ? c->cmd->section : "";

	return strcmp(section, SECTION_SMDP) == 0 || strcmp(section, SECTION_ES2) == 0;
}

bool admin_is_set(const struct smctl *c)
{
	return is_smdp(c) ? c->conf.smdp_admin : c->conf.admin;
}

static const char *daemon_of(const struct smctl *c)
{
	return is_smdp(c) ? "smdp" : "smsr";
}

static void tell_hint(const struct smctl *c, const char *path, int error)
{
	if (error == EACCES || error == EPERM)
		complain(c, "admin socket %s: %s; only root and the user of %s may use it", path, strerror(error),
			 daemon_of(c));
	else
		complain(c, "admin socket %s: %s; is %s running, and is this its \"admin-socket\"?", path,
			 strerror(error), daemon_of(c));
}

static FILE *connect_to(const struct smctl *c, const char *path)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	FILE *f = NULL;
	int fd;

	if (strlen(path) >= sizeof(sun.sun_path)) {
		tell_hint(c, path, ENAMETOOLONG);
		return NULL;
	}
	memcpy(sun.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0)
		f = fdopen(fd, "r");
	if (!f) {
		tell_hint(c, path, errno);
		if (fd >= 0)
			close(fd);
	}
	return f;
}

struct admin_client *admin_open(const struct smctl *c, const void *ctx)
{
	const char *path = is_smdp(c) ? c->conf.smdp_admin : c->conf.admin;
	const char *setting = is_smdp(c) ? "smdp-admin" : "admin";
	struct admin_client *a;

	if (!path) {
		complain(c,
			 "which %s?  Give --%s PATH (\"admin-socket\" of %s.cfg), or \"%s = PATH\" in "
			 "~/.config/smctl.conf",
			 is_smdp(c) ? "SM-DP" : "SM-SR", setting, daemon_of(c), setting);
		return NULL;
	}
	a = talloc_zero(ctx, struct admin_client);
	OSMO_ASSERT(a);
	a->c = c;
	talloc_set_destructor(a, close_client);
	a->f = connect_to(c, path);
	if (!a->f)
		TALLOC_FREE(a);
	return a;
}

static int tx(struct admin_client *a, const json_t *request)
{
	int fd = fileno(a->f);

	return json_dumpfd(request, fd, JSON_COMPACT) == 0 && write(fd, "\n", 1) == 1 ? 0 : -EPIPE;
}

static void limit_time(struct admin_client *a)
{
	struct timeval left = {};
	int64_t ms;

	if (!a->end_ms)
		return;
	clock_feed();
	ms = OSMO_MAX(a->end_ms - clock_now_ms(), 1);
	left.tv_sec = ms / 1000;
	left.tv_usec = ms % 1000 * 1000;
	if (setsockopt(fileno(a->f), SOL_SOCKET, SO_RCVTIMEO, &left, sizeof(left)) < 0)
		complain(a->c, "admin socket: %s", strerror(errno));
}

/* \returns the next object; NULL when the peer closed, sent something else, or it took too long (EAGAIN) */
static json_t *rx(struct admin_client *a)
{
	json_t *object;

	limit_time(a);
	errno = 0;
	object = json_loadf(a->f, JSON_DISABLE_EOF_CHECK | JSON_REJECT_DUPLICATES, NULL);

	if (object && !json_is_object(object)) {
		json_decref(object);
		object = NULL;
	}
	return object;
}

static enum smctl_exit refused(const struct admin_client *a, const json_t *end)
{
	const struct smctl *c = a->c;
	const char *code = json_string_value(json_object_get(end, "code"));
	const char *error = json_string_value(json_object_get(end, "error"));

	if (a->quiet && code && strcmp(code, "not-found") == 0)
		return SMCTL_REFUSED;
	if (c->json)
		print_json(end);
	complain(c, "%s", error ? error : "refused without a reason");
	return code && strcmp(code, "usage") == 0 ? SMCTL_USAGE : SMCTL_REFUSED;
}

enum smctl_exit admin_request(struct admin_client *a, json_t *request, void (*row)(void *data, json_t *row), void *data,
			      json_t **end)
{
	enum smctl_exit code = SMCTL_OK;
	json_t *line = NULL;
	int rc = tx(a, request);

	json_decref(request);
	while (rc == 0 && (line = rx(a)) && json_object_get(line, "row")) {
		row(data, json_object_get(line, "row"));
		json_decref(line);
	}
	if (!line && errno == EAGAIN)
		return SMCTL_RUNNING;
	if (!line) {
		complain(a->c, "%s closed the admin socket; its log says why, or it was stopped", daemon_of(a->c));
		return SMCTL_UNREACHABLE;
	}
	if (!json_is_true(json_object_get(line, "ok")))
		code = refused(a, line);
	if (code == SMCTL_OK)
		*end = json_incref(line);
	json_decref(line);
	return code;
}

static void print_step(void *data, json_t *row)
{
	const struct smctl *c = data;

	if (c->json)
		print_json(row);
	else
		print_stream(c, row);
}

enum smctl_exit admin_follow_call(const struct smctl *c, const char *call_id, int64_t end_ms)
{
	struct admin_client *a = admin_open(c, c);
	json_t *request = json_object(), *end;
	enum smctl_exit code = SMCTL_UNREACHABLE;

	json_put(request, "cmd", "follow");
	json_put(request, "requester", c->conf.oid);
	json_put(request, "call_id", call_id);
	if (!a) {
		json_decref(request);
		return code;
	}
	a->end_ms = end_ms;
	a->quiet = true; /* a call that was refused has no operation */
	code = admin_request(a, request, is_smdp(c) ? order_print_step : print_step, (void *)c, &end);
	if (is_smdp(c))
		order_print_end();
	if (code == SMCTL_OK)
		json_decref(end);
	talloc_free(a);
	return code;
}
