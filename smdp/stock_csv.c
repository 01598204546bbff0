/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Comma separated values as RFC 4180 describes them, but for two things: a field ends with its line even in quotation
 * marks, because batches travel in pieces of whole lines; and blanks around a field do not count. */
#include <errno.h>
#include <string.h>

#include "smdp/stock_priv.h"

void csv_init(struct csv *csv, struct bytes text, unsigned int first_line)
{
	csv->p = (const char *)text.data;
	csv->end = csv->p + text.len;
	csv->line = first_line - 1;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static const char *skip_blanks(const char *p, const char *end)
{
	while (p < end && is_blank(*p))
		p++;
	return p;
}

static char *plain_field(const char **p, const char *end, const void *ctx)
{
	const char *from = *p, *to = memchr(from, ',', (size_t)(end - from));
	char *field;

	if (!to)
		to = end;
	*p = to;
	while (to > from && is_blank(to[-1]))
		to--;
	field = (char *)bytes_secret_alloc(ctx, (size_t)(to - from) + 1);
	memcpy(field, from, (size_t)(to - from));
	return field;
}

/* Behind the opening mark; a mark inside is written twice.  \returns NULL when it does not end */
static char *quoted_field(const char **p, const char *end, const void *ctx)
{
	char *field = (char *)bytes_secret_alloc(ctx, (size_t)(end - *p) + 1);
	size_t n = 0;

	for (; *p < end; ++*p) {
		if (**p == '"' && (*p + 1 == end || (*p)[1] != '"')) {
			*p = skip_blanks(*p + 1, end);
			return *p == end || **p == ',' ? field : NULL;
		}
		if (**p == '"')
			++*p;
		field[n++] = **p;
	}
	return NULL;
}

static int read_row(const char *p, const char *end, const void *ctx, const char **fields, size_t *n)
{
	*n = 0;
	for (;;) {
		char *field;

		if (*n == CSV_FIELDS_MAX)
			return -EINVAL;
		p = skip_blanks(p, end);
		if (p < end && *p == '"') {
			p++;
			field = quoted_field(&p, end, ctx);
		} else {
			field = plain_field(&p, end, ctx);
		}
		if (!field)
			return -EINVAL;
		fields[(*n)++] = field;
		if (p == end)
			return 1;
		p++; /* the comma */
	}
}

int csv_row(struct csv *csv, const void *ctx, const char *fields[CSV_FIELDS_MAX], size_t *n)
{
	while (csv->p < csv->end) {
		const char *from = csv->p, *to = memchr(from, '\n', (size_t)(csv->end - from));

		if (!to)
			to = csv->end;
		csv->p = to < csv->end ? to + 1 : to;
		csv->line++;
		if (memchr(from, 0, (size_t)(to - from)))
			return -EINVAL;
		if (skip_blanks(from, to) < to)
			return read_row(from, to, ctx, fields, n);
	}
	return 0;
}
