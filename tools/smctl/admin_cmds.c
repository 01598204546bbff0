/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Commands over the admin socket: from arguments and options to one request, and its rows onto the screen. */
#include "tools/smctl/smctl.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#define EID_DIGITS 32

/* Which member of the request the n-th argument of a command is.  '#' before the name: a number; '@': a file whose text
 * is sent; '/': a path as the SM-SR sees it. */
static const struct {
	const char *cmd; /* request */
	const char *args[3];
} members[] = {
	{"eis", {"eid"}},
	{"ops", {"eid"}},
	{"op", {"#id"}},
	{"timeline", {"#id"}},
	{"follow", {"#id"}},
	{"outbox", {"#id"}},
	{"outbox-retry", {"peer"}},
	{"trail", {"eid"}},
	{"pause", {"scope", "name"}},
	{"resume", {"scope", "name"}},
	{"audit", {"eid"}},
	{"cancel", {"#id"}},
	{"counter", {"eid", "#version", "#value"}},
	{"import", {"@xml"}},
	{"backup", {"/path"}},
	{"order", {"#id"}},
	{"order-cancel", {"#id"}},
	{"order-release", {"#id"}},
	{"stock-show", {"iccid"}},
	{"stock-take-out", {"iccid"}},
	{"stock-release", {"iccid"}},
};

static char *read_text(const struct smctl *c, const char *path)
{
	FILE *f = strcmp(path, "-") ? fopen(path, "r") : stdin;
	char *text = talloc_strdup(c, ""), chunk[8192];
	size_t n;

	if (!f) {
		complain(c, "%s: %s", path, strerror(errno));
		return NULL;
	}
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		text = talloc_strndup_append_buffer(text, chunk, n);
	if (f != stdin)
		fclose(f);
	return text;
}

static int put_number(const struct smctl *c, json_t *request, const char *name, const char *text)
{
	char *end;
	long long value;

	errno = 0;
	value = strtoll(text, &end, 10);
	if (errno || *end || end == text || value < 0) {
		complain(c, "%s: \"%s\" is no number", name, text);
		return -EINVAL;
	}
	json_put_int(request, name, value);
	return 0;
}

static int put_path(const struct smctl *c, json_t *request, const char *name, const char *path)
{
	char here[PATH_MAX], *text;

	if (*path != '/' && !getcwd(here, sizeof(here))) {
		complain(c, "%s: %s", path, strerror(errno));
		return -errno;
	}
	text = *path == '/' ? talloc_strdup(c, path) : talloc_asprintf(c, "%s/%s", here, path);
	json_put(request, name, text);
	talloc_free(text);
	return 0;
}

static int put_argument(const struct smctl *c, json_t *request, const char *member, const char *value)
{
	char *text;

	if (*member == '#')
		return put_number(c, request, member + 1, value);
	if (*member == '/')
		return put_path(c, request, member + 1, value);
	if (*member != '@') {
		json_put(request, member, value);
		return 0;
	}
	text = read_text(c, value);
	if (!text)
		return -ENOENT;
	json_put(request, member + 1, text);
	bytes_wipe(text, strlen(text));
	talloc_free(text);
	return 0;
}

static int put_arguments(const struct smctl *c, json_t *request, const char *cmd)
{
	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		if (strcmp(members[i].cmd, cmd) != 0)
			continue;
		for (int k = 0; k < c->n_args && k < 3 && members[i].args[k]; k++) {
			if (put_argument(c, request, members[i].args[k], c->args[k]) < 0)
				return -EINVAL;
		}
	}
	return 0;
}

static int put_options(const struct smctl *c, json_t *request)
{
	const struct options *o = &c->opt;

	if (o->imsi)
		json_put(request, "imsi", o->imsi);
	if (o->msisdn)
		json_put(request, "msisdn", o->msisdn);
	if (o->iccid)
		json_put(request, "iccid", o->iccid);
	if (o->type)
		json_put(request, "type", o->type);
	if (o->mno)
		json_put(request, "mno", o->mno);
	if (o->state)
		json_put(request, "state", o->state);
	if (o->max)
		json_put_int(request, "max", o->max);
	if (o->audit_due)
		json_put_steal(request, "audit_due", json_true());
	/* Lists go on behind an EID, or behind the number of a row. */
	if (o->after && strlen(o->after) == EID_DIGITS)
		json_put(request, "after", o->after);
	else if (o->after && put_number(c, request, "after", o->after) < 0)
		return -EINVAL;
	return o->before ? put_number(c, request, "before", o->before) : 0;
}

static json_t *make_request(const struct smctl *c, const struct command *cmd)
{
	json_t *request = json_object();

	OSMO_ASSERT(request);
	if (strcmp(cmd->name, "drain") == 0)
		json_put(request, "scope", "drain");
	json_put(request, "cmd", cmd->admin);
	if (put_arguments(c, request, cmd->admin) == 0 && put_options(c, request) == 0)
		return request;
	json_decref(request);
	return NULL;
}

/* How to see the rows behind the last one. */
static void tell_more(const struct smctl *c, const json_t *rows)
{
	const json_t *last = json_array_get(rows, json_array_size(rows) - 1);
	const json_t *id = json_object_get(last, "id");

	if (strstr(c->cmd->options, " after ") && id && !json_object_get(last, "eid"))
		complain(c, "there are more: --after %lld", (long long)json_integer_value(id));
	else if (strstr(c->cmd->options, " before ") && id)
		complain(c, "there are more: --before %lld", (long long)json_integer_value(id));
	else if (strstr(c->cmd->options, " after "))
		complain(c, "there are more: --after %s", json_string_value(json_object_get(last, "eid")));
}

/* What the last line says besides "ok".  \returns whether it said something */
static bool print_end(const struct smctl *c, json_t *end, const json_t *rows)
{
	const char *done = json_string_value(json_object_get(end, "done"));
	bool more = json_is_true(json_object_get(end, "more"));

	json_object_del(end, "ok");
	if (c->json) {
		if (json_object_size(end))
			print_json(end);
		return true;
	}
	if (done)
		printf("%s\n", done);
	else if (!more && json_object_size(end))
		print_record(c, end);
	if (more)
		tell_more(c, rows);
	return json_object_size(end);
}

static void collect(void *data, json_t *row)
{
	json_array_append(data, row);
}

static void print_now(void *data, json_t *row)
{
	const struct smctl *c = data;

	if (c->json)
		print_json(row);
	else
		print_stream(c, row);
}

enum rows_as {
	AS_TABLE,
	AS_RECORD,
	AS_STREAM
};

static void print_rows(const struct smctl *c, const json_t *rows, enum rows_as as)
{
	json_t *row;
	size_t i;

	if (c->json || as == AS_RECORD) {
		json_array_foreach (rows, i, row) {
			if (c->json)
				print_json(row);
			else
				print_record(c, row);
		}
	} else {
		print_table(c, rows);
	}
}

static enum smctl_exit run(struct smctl *c, const struct command *cmd, enum rows_as as)
{
	json_t *request = make_request(c, cmd), *rows = json_array(), *end = NULL;
	enum smctl_exit code = SMCTL_USAGE;
	struct admin_client *a = NULL;

	if (request) {
		a = admin_open(c, c);
		code = SMCTL_UNREACHABLE;
	}
	if (a)
		code = as == AS_STREAM ? admin_request(a, json_incref(request), print_now, c, &end)
				       : admin_request(a, json_incref(request), collect, rows, &end);
	if (code == SMCTL_OK) {
		print_rows(c, rows, as);
		if (!print_end(c, end, rows) && json_array_size(rows) == 0 && as != AS_STREAM)
			printf("%s\n", as == AS_TABLE ? "none" : "done");
	}
	json_decref(end);
	json_decref(rows);
	json_decref(request);
	talloc_free(a);
	return code;
}

enum smctl_exit cmd_rows(struct smctl *c, const struct command *cmd)
{
	return run(c, cmd, AS_TABLE);
}

enum smctl_exit cmd_record(struct smctl *c, const struct command *cmd)
{
	return run(c, cmd, AS_RECORD);
}

enum smctl_exit cmd_stream(struct smctl *c, const struct command *cmd)
{
	return run(c, cmd, AS_STREAM);
}
