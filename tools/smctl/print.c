/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Output: JSON lines for programs, tables for people.  Tables are made from the members of the rows, so a new member of
 * the SM-SR is shown without a change here. */
#include "tools/smctl/smctl.h"

#include <stdarg.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

void complain(const struct smctl *c, const char *fmt, ...)
{
	char *text;
	va_list ap;

	va_start(ap, fmt);
	text = talloc_vasprintf(NULL, fmt, ap);
	va_end(ap);
	fprintf(stderr, "smctl%s%s: %s\n", c->cmd ? " " : "", c->cmd ? c->cmd->name : "", text);
	talloc_free(text);
}

void json_put_steal(json_t *object, const char *name, json_t *value)
{
	OSMO_ASSERT(json_object_set_new(object, name, value) == 0);
}

void json_put(json_t *object, const char *name, const char *value)
{
	json_put_steal(object, name, value ? json_string(value) : json_null());
}

void json_put_int(json_t *object, const char *name, int64_t value)
{
	json_put_steal(object, name, json_integer(value));
}

void print_json(const json_t *object)
{
	json_dumpf(object, stdout, JSON_COMPACT);
	putchar('\n');
	fflush(stdout);
}

static bool is_table(const json_t *value)
{
	return json_is_array(value) && json_is_object(json_array_get(value, 0));
}

static char *list_text(const void *ctx, const json_t *list)
{
	char *text = talloc_strdup(ctx, "");
	const json_t *item;
	size_t i;

	json_array_foreach (list, i, item)
		text = talloc_asprintf_append(text, "%s%s", i ? "," : "",
					      json_is_string(item) ? json_string_value(item) : "?");
	return *text ? text : talloc_strdup(ctx, "-");
}

static char *object_text(const void *ctx, const json_t *object);

/* \returns talloc child of ctx; "-" for what is absent or empty */
static char *cell(const void *ctx, const json_t *value)
{
	const char *text = json_string_value(value);

	switch (value ? json_typeof(value) : JSON_NULL) {
	case JSON_STRING:
		return talloc_strdup(ctx, *text ? text : "-");
	case JSON_INTEGER:
		return talloc_asprintf(ctx, "%lld", (long long)json_integer_value(value));
	case JSON_REAL:
		return talloc_asprintf(ctx, "%g", json_real_value(value));
	case JSON_TRUE:
		return talloc_strdup(ctx, "yes");
	case JSON_FALSE:
		return talloc_strdup(ctx, "no");
	case JSON_ARRAY:
		if (is_table(value))
			return talloc_asprintf(ctx, "%zu", json_array_size(value));
		return list_text(ctx, value);
	case JSON_OBJECT:
		return object_text(ctx, value);
	case JSON_NULL:
		break;
	}
	return talloc_strdup(ctx, "-");
}

static char *object_text(const void *ctx, const json_t *object)
{
	char *text = talloc_strdup(ctx, "");
	const char *name;
	json_t *value;

	json_object_foreach ((json_t *)object, name, value)
		text = talloc_asprintf_append(text, "%s%s %s", *text ? ", " : "", name, cell(ctx, value));
	return text;
}

/* Characters on the screen, for UTF-8 without wide or combining ones. */
static size_t width(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

static void pad(const char *text, size_t to, bool last)
{
	size_t n = width(text);

	fputs(text, stdout);
	for (size_t end = OSMO_MAX(n, to) + 2; !last && n < end; n++)
		putchar(' ');
}

#define COLUMNS_MAX 40

struct columns {
	const char *name[COLUMNS_MAX];
	size_t width[COLUMNS_MAX];
	bool used[COLUMNS_MAX]; /* has a value in some row; the others are left out */
	size_t n;
};

static void add_column(struct columns *cols, const char *name)
{
	for (size_t i = 0; i < cols->n; i++) {
		if (strcmp(cols->name[i], name) == 0)
			return;
	}
	if (cols->n == COLUMNS_MAX)
		return;
	cols->width[cols->n] = width(name);
	cols->name[cols->n++] = name;
}

static void measure(const void *ctx, const json_t *rows, struct columns *cols)
{
	const char *name;
	json_t *row, *value;
	size_t i;

	json_array_foreach (rows, i, row) {
		json_object_foreach (row, name, value) {
			add_column(cols, name);
		}
	}
	json_array_foreach (rows, i, row) {
		for (size_t k = 0; k < cols->n; k++) {
			char *text = cell(ctx, json_object_get(row, cols->name[k]));

			cols->width[k] = OSMO_MAX(cols->width[k], width(text));
			cols->used[k] |= strcmp(text, "-") != 0;
			talloc_free(text);
		}
	}
}

static void drop_empty(struct columns *cols)
{
	size_t n = 0;

	for (size_t k = 0; k < cols->n; k++) {
		if (!cols->used[k])
			continue;
		cols->name[n] = cols->name[k];
		cols->width[n++] = cols->width[k];
	}
	cols->n = n;
}

void print_table(const void *ctx, const json_t *rows)
{
	struct columns cols = {};
	void *tmp = talloc_new(ctx);
	const json_t *row;
	size_t i;

	measure(tmp, rows, &cols);
	drop_empty(&cols);
	for (size_t k = 0; k < cols.n; k++)
		pad(cols.name[k], cols.width[k], k + 1 == cols.n);
	if (cols.n)
		putchar('\n');
	json_array_foreach (rows, i, row) {
		for (size_t k = 0; k < cols.n; k++)
			pad(cell(tmp, json_object_get(row, cols.name[k])), cols.width[k], k + 1 == cols.n);
		putchar('\n');
	}
	talloc_free(tmp);
}

void print_record(const void *ctx, const json_t *row)
{
	void *tmp = talloc_new(ctx);
	size_t wide = 0;
	const char *name;
	json_t *value;

	json_object_foreach ((json_t *)row, name, value)
		wide = is_table(value) ? wide : OSMO_MAX(wide, strlen(name));
	json_object_foreach ((json_t *)row, name, value) {
		if (is_table(value))
			continue;
		pad(name, wide, false);
		printf("%s\n", cell(tmp, value));
	}
	json_object_foreach ((json_t *)row, name, value) {
		if (!is_table(value))
			continue;
		printf("\n%s\n", name);
		print_table(tmp, value);
	}
	talloc_free(tmp);
}

void print_stream(const void *ctx, const json_t *row)
{
	void *tmp = talloc_new(ctx);
	const char *name;
	json_t *value;

	json_object_foreach ((json_t *)row, name, value) {
		if (strcmp(name, "id") == 0)
			continue;
		pad(cell(tmp, value), strcmp(name, "step") == 0 ? 12 : 0, strcmp(name, "text") == 0);
	}
	putchar('\n');
	fflush(stdout);
	talloc_free(tmp);
}
