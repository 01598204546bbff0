/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Content-Type: type "/" subtype *( OWS ";" OWS name "=" ( token / quoted-string ) ), RFC 9110 §5.6 and §8.3.1.
 *
 * SOAP 1.2 puts the action URI there, in quotes and often with ':' and '/', which a token may not have. */
#include "common/net/http_media.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include <talloc.h>

static bool is_token(int c)
{
	return c > 0x20 && c < 0x7f && !strchr("()<>@,;:\\\"/[]?={}", c);
}

static bool is_space(int c)
{
	return c == ' ' || c == '\t';
}

static void skip_space(struct rd *r)
{
	while (is_space(rd_peek(r)))
		rd_u8(r);
}

static struct bytes take_token(struct rd *r)
{
	struct bytes rest = bytes_of(r->cur, rd_left(r));
	size_t n = 0;

	while (is_token(rd_peek(r))) {
		rd_u8(r);
		n++;
	}
	if (n == 0)
		rd_fail(r);
	return n ? bytes_sub(rest, 0, n) : bytes_of(NULL, 0);
}

static bool take_char(struct rd *r, int c)
{
	if (rd_peek(r) != c)
		return false;
	rd_u8(r);
	return true;
}

/* Content of a quoted-string, the first quote being taken already. */
static void take_quoted(struct rd *r, struct wr *w)
{
	while (!take_char(r, '"')) {
		bool escaped = take_char(r, '\\');
		int c = rd_peek(r);

		if (c < 0 || (c < 0x20 && c != '\t') || c == 0x7f || (c == '"' && !escaped)) {
			rd_fail(r);
			return;
		}
		wr_u8(w, rd_u8(r));
	}
}

static const char *lower(char *text)
{
	char *c;

	for (c = text; c && *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return text;
}

/* One parameter after its ';'.  Unknown names are checked and skipped. */
static void take_parameter(const void *ctx, struct rd *r, struct http_media *m)
{
	struct bytes name, value;
	const char **slot = NULL;
	struct wr w;

	skip_space(r);
	if (rd_left(r) == 0)
		return; /* a lone ';' at the end is common and harmless */
	name = take_token(r);
	if (!take_char(r, '='))
		rd_fail(r);
	wr_init(&w, ctx);
	if (take_char(r, '"'))
		take_quoted(r, &w);
	else
		wr_bytes(&w, take_token(r));
	if (r->failed || wr_end(&w, &value) < 0)
		return;
	if (name.len == 6 && !strncasecmp((const char *)name.data, "action", 6))
		slot = &m->action;
	else if (name.len == 7 && !strncasecmp((const char *)name.data, "charset", 7))
		slot = &m->charset;
	if (slot && *slot)
		rd_fail(r);
	else if (slot)
		*slot = talloc_strndup(ctx, (const char *)value.data, value.len);
}

int http_media_parse(const void *ctx, const char *value, struct http_media *media)
{
	struct http_media m = {NULL, NULL, NULL};
	struct bytes type, subtype;
	struct rd r;

	rd_init(&r, bytes_str(value));
	skip_space(&r);
	type = take_token(&r);
	if (!take_char(&r, '/'))
		rd_fail(&r);
	subtype = take_token(&r);
	skip_space(&r);
	while (!r.failed && take_char(&r, ';')) {
		take_parameter(ctx, &r, &m);
		skip_space(&r);
	}
	if (rd_end(&r) < 0)
		return -EINVAL;
	m.type = lower(talloc_asprintf(ctx, "%.*s/%.*s", (int)type.len, type.data, (int)subtype.len, subtype.data));
	m.charset = lower((char *)m.charset);
	*media = m;
	return 0;
}
