/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Stock of the SM-DP: files of this machine go over the admin socket in pieces that fit into its lines, with a line of
 * progress on a terminal.  What was read is wiped: it holds keys. */
#include "tools/smctl/smctl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/crypto/crypto.h"

#define FILE_MAX (64 * 1024 * 1024)
#define PACKAGE_MAX (512 * 1024) /* in base64 it fits into a line of the socket */
#define PIECE_ROWS 200
#define PIECE_OCTETS (256 * 1024)
#define CHUNK 65536

/* \param[out] text  talloc child of c, wiped when freed, NUL behind it */
static int read_file(const struct smctl *c, const char *path, size_t max, struct bytes *text)
{
	FILE *f = strcmp(path, "-") ? fopen(path, "rb") : stdin;
	size_t size = CHUNK, n = 0, got;
	uint8_t *data = f ? bytes_secret_alloc(c, size + 1) : NULL;

	if (!f) {
		complain(c, "%s: %s", path, strerror(errno));
		return -ENOENT;
	}
	while ((got = fread(data + n, 1, size - n, f)) > 0) {
		n += got;
		if (n == size && size < 2 * max) {
			uint8_t *more = bytes_secret_alloc(c, 2 * size + 1);

			memcpy(more, data, n);
			talloc_free(data);
			data = more;
			size *= 2;
		}
	}
	got = ferror(f) ? (size_t)errno : 0;
	if (f != stdin)
		fclose(f);
	if (got || n > max) {
		if (got)
			complain(c, "%s: %s", path, strerror((int)got));
		else
			complain(c, "%s: longer than %zu octets", path, max);
		talloc_free(data);
		return -EINVAL;
	}
	*text = bytes_of(data, n);
	return 0;
}

static json_t *new_request(const struct smctl *c)
{
	json_t *request = json_object();

	OSMO_ASSERT(request);
	json_put(request, "cmd", c->cmd->admin);
	if (c->opt.type)
		json_put(request, "type", c->opt.type);
	if (c->opt.mno)
		json_put(request, "mno", c->opt.mno);
	if (c->opt.pol2)
		json_put(request, "pol2", c->opt.pol2);
	return request;
}

static bool option_missing(const struct smctl *c, bool with_type)
{
	const char *missing = !c->opt.mno ? "--mno OID" : with_type && !c->opt.type ? "--type NAME" : NULL;

	if (missing)
		complain(c, "%s is wanted", missing);
	return missing;
}

/* ---- rows ---- */

/* A batch on its way. */
struct upload {
	struct smctl *c;
	struct admin_client *a;
	const char *head; /* first line, with its end */
	size_t head_len;
	const char *p, *end; /* what is left */
	unsigned int line;   /* number of the line at p */
	size_t done, taken, refused;
	size_t total; /* lines */
	bool shown;   /* a line of progress stands on the terminal */
	json_t *rows; /* refused ones, for a table */
};

static size_t count_lines(const char *p, const char *end)
{
	size_t n = 0;

	for (; p < end; n++) {
		const char *eol = memchr(p, '\n', (size_t)(end - p));

		p = eol ? eol + 1 : end;
	}
	return n;
}

static void show_progress(struct upload *u)
{
	if (!isatty(STDERR_FILENO))
		return;
	fprintf(stderr, "\r%zu of %zu lines, %zu taken, %zu refused ", u->done, u->total, u->taken, u->refused);
	fflush(stderr);
	u->shown = true;
}

static void end_progress(struct upload *u)
{
	if (u->shown)
		fputc('\n', stderr);
	u->shown = false;
}

/* The names of columns and the next lines.  \returns how many lines */
static size_t next_piece(struct upload *u, struct bytes *piece)
{
	const char *from = u->p;
	size_t n = 0, len;
	uint8_t *text;

	while (u->p < u->end && n < PIECE_ROWS) {
		const char *eol = memchr(u->p, '\n', (size_t)(u->end - u->p));
		const char *next = eol ? eol + 1 : u->end;

		if (n && next - from > PIECE_OCTETS)
			break;
		u->p = next;
		n++;
	}
	len = (size_t)(u->p - from);
	text = bytes_secret_alloc(u->c, u->head_len + len + 1);
	memcpy(text, u->head, u->head_len);
	memcpy(text + u->head_len, from, len);
	*piece = bytes_of(text, u->head_len + len);
	return n;
}

static void on_refused(void *data, json_t *row)
{
	struct upload *u = data;

	if (u->c->json)
		print_json(row);
	else
		json_array_append(u->rows, row);
}

static enum smctl_exit send_piece(struct upload *u)
{
	json_t *request = new_request(u->c), *end = NULL, *csv;
	enum smctl_exit code;
	struct bytes piece;
	size_t n = next_piece(u, &piece);

	csv = json_stringn((const char *)piece.data, piece.len);
	talloc_free((void *)(uintptr_t)piece.data);
	if (!csv) {
		end_progress(u);
		complain(u->c, "lines %u to %zu are no UTF-8", u->line, u->line + n - 1);
		json_decref(request);
		return SMCTL_USAGE;
	}
	json_put_steal(request, "csv", csv);
	json_put_int(request, "line", u->line);
	json_put_steal(request, "check", json_boolean(u->c->opt.check));
	code = admin_request(u->a, request, on_refused, u, &end);
	if (code == SMCTL_OK) {
		u->taken += (size_t)json_integer_value(json_object_get(end, "taken"));
		u->refused += (size_t)json_integer_value(json_object_get(end, "refused"));
		u->line += (unsigned int)n;
		u->done += n;
		json_decref(end);
	}
	return code;
}

static void sum_up(struct upload *u, enum smctl_exit code)
{
	json_t *sum;

	end_progress(u);
	if (json_array_size(u->rows))
		print_table(u->c, u->rows);
	if (u->c->json) {
		sum = json_pack("{s:I, s:I}", "taken", (json_int_t)u->taken, "refused", (json_int_t)u->refused);
		print_json(sum);
		json_decref(sum);
	} else if (code == SMCTL_OK || u->taken || u->refused) {
		printf("%zu %s, %zu refused\n", u->taken, u->c->opt.check ? "good" : "imported", u->refused);
	}
	if (code != SMCTL_OK && u->p < u->end)
		complain(u->c, "stopped before line %u; what was imported stays, so the same file may be sent again",
			 u->line);
}

static enum smctl_exit upload(struct upload *u)
{
	enum smctl_exit code = SMCTL_OK;
	const char *eol = memchr(u->p, '\n', (size_t)(u->end - u->p));

	u->head = u->p;
	u->p = eol ? eol + 1 : u->end;
	u->head_len = (size_t)(u->p - u->head);
	u->line = 2;
	u->total = count_lines(u->p, u->end);
	do {
		code = send_piece(u);
		if (code == SMCTL_OK)
			show_progress(u);
	} while (code == SMCTL_OK && u->p < u->end);
	sum_up(u, code);
	return code == SMCTL_OK && u->refused ? SMCTL_REFUSED : code;
}

enum smctl_exit cmd_stock_import(struct smctl *c, const struct command *cmd)
{
	struct upload u = {.c = c, .rows = json_array()};
	enum smctl_exit code = SMCTL_USAGE;
	struct bytes text;

	if (!option_missing(c, true) && read_file(c, c->args[0], FILE_MAX, &text) == 0) {
		if (text.len >= 3 && memcmp(text.data, "\xef\xbb\xbf", 3) == 0) /* byte order mark of spreadsheets */
			text = bytes_sub(text, 3, text.len - 3);
		u.p = (const char *)text.data;
		u.end = u.p + text.len;
		u.a = admin_open(c, c);
		code = u.a ? upload(&u) : SMCTL_UNREACHABLE;
	}
	json_decref(u.rows);
	talloc_free(u.a);
	return code;
}

/* ---- packages ---- */

static void no_row(void *data, json_t *row)
{
}

/* \returns exit code; the request has the package then */
static enum smctl_exit put_package(const struct smctl *c, json_t *request, const char *path)
{
	struct bytes package;
	char *text;

	if (read_file(c, path, PACKAGE_MAX, &package) < 0)
		return SMCTL_USAGE;
	text = base64_enc(c, package);
	json_put(request, "package", text);
	bytes_wipe(text, strlen(text));
	talloc_free(text);
	talloc_free((void *)(uintptr_t)package.data);
	return SMCTL_OK;
}

static enum smctl_exit send_package(struct smctl *c, struct admin_client *a, const char *path)
{
	json_t *request = new_request(c), *end = NULL;
	enum smctl_exit code = put_package(c, request, path);

	if (code != SMCTL_OK) {
		json_decref(request);
		return code;
	}
	if (c->opt.imsi)
		json_put(request, "imsi", c->opt.imsi);
	if (c->opt.msisdn)
		json_put(request, "msisdn", c->opt.msisdn);
	code = admin_request(a, request, no_row, NULL, &end);
	if (code != SMCTL_OK) {
		complain(c, "%s was not imported", path);
		return code;
	}
	json_object_del(end, "ok");
	if (c->json)
		print_json(end);
	else
		printf("%s imported from %s\n", json_string_value(json_object_get(end, "iccid")), path);
	json_decref(end);
	return SMCTL_OK;
}

enum smctl_exit cmd_stock_package(struct smctl *c, const struct command *cmd)
{
	enum smctl_exit worst = SMCTL_OK;
	struct admin_client *a;

	if (option_missing(c, true))
		return SMCTL_USAGE;
	if (c->n_args > 1 && (c->opt.imsi || c->opt.msisdn)) {
		complain(c, "--imsi and --msisdn are for a single package");
		return SMCTL_USAGE;
	}
	a = admin_open(c, c);
	if (!a)
		return SMCTL_UNREACHABLE;
	for (int i = 0; i < c->n_args && worst != SMCTL_UNREACHABLE; i++)
		worst = OSMO_MAX(worst, send_package(c, a, c->args[i]));
	talloc_free(a);
	return worst;
}

/* ---- check ---- */

static void on_finding(void *data, json_t *row)
{
	const struct smctl *c = data;

	if (c->json)
		print_json(row);
	else
		printf("%s: %s\n", json_string_value(json_object_get(row, "severity")),
		       json_string_value(json_object_get(row, "text")));
}

static bool is_number(const char *text)
{
	return *text && !text[strspn(text, "0123456789")];
}

static enum smctl_exit check_one(struct smctl *c, struct admin_client *a, const char *what)
{
	json_t *request = new_request(c), *end = NULL;
	enum smctl_exit code = SMCTL_OK;
	struct stat st;

	if (is_number(what) && stat(what, &st) < 0)
		json_put(request, "iccid", what);
	else
		code = put_package(c, request, what);
	if (code != SMCTL_OK) {
		json_decref(request);
		return code;
	}
	if (!c->json && c->n_args > 1)
		printf("%s:\n", what);
	code = admin_request(a, request, on_finding, c, &end);
	if (code != SMCTL_OK)
		return code;
	json_object_del(end, "ok");
	if (json_integer_value(json_object_get(end, "errors")))
		code = SMCTL_REFUSED;
	if (c->json)
		print_json(end);
	else
		print_record(c, end);
	json_decref(end);
	return code;
}

enum smctl_exit cmd_stock_check(struct smctl *c, const struct command *cmd)
{
	struct admin_client *a = admin_open(c, c);
	enum smctl_exit worst = a ? SMCTL_OK : SMCTL_UNREACHABLE;

	for (int i = 0; i < c->n_args && worst != SMCTL_UNREACHABLE; i++)
		worst = OSMO_MAX(worst, check_one(c, a, c->args[i]));
	talloc_free(a);
	return worst;
}

/* ---- types ---- */

static int put_type(const struct smctl *c, json_t *request)
{
	const char *memory = c->opt.memory;
	json_t *text = NULL;
	struct bytes file;

	json_put(request, "type", c->args[0]);
	if (memory && (!is_number(memory) || strlen(memory) > 9)) {
		complain(c, "--memory %s: a number of octets is wanted", memory);
		return -EINVAL;
	}
	if (memory)
		json_put_int(request, "memory", atoll(memory));
	if (!c->opt.template)
		return 0;
	if (strcmp(c->opt.template, "none") == 0)
		text = json_string("");
	else if (read_file(c, c->opt.template, PACKAGE_MAX, &file) == 0)
		text = json_stringn((const char *)file.data, file.len);
	else
		return -ENOENT;
	if (!text) {
		complain(c, "%s is no UTF-8", c->opt.template);
		return -EINVAL;
	}
	json_put_steal(request, "template", text);
	return 0;
}

enum smctl_exit cmd_stock_type(struct smctl *c, const struct command *cmd)
{
	json_t *request, *end = NULL;
	enum smctl_exit code = SMCTL_USAGE;
	struct admin_client *a = NULL;

	if (option_missing(c, false))
		return code;
	request = new_request(c);
	if (put_type(c, request) == 0) {
		a = admin_open(c, c);
		code = a ? admin_request(a, json_incref(request), no_row, NULL, &end) : SMCTL_UNREACHABLE;
	}
	if (code == SMCTL_OK && !c->json)
		printf("done\n");
	json_decref(end);
	json_decref(request);
	talloc_free(a);
	return code;
}
