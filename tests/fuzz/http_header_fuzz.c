/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Content-Type and URLs of peers: the first octet says which.  What was taken apart and written again reads the same.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <talloc.h>

#include "common/net/http_media.h"
#include "common/net/http_url.h"
#include "tests/fuzz/fuzz.h"

static bool same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static char *quoted(void *ctx, const char *text)
{
	char *out = talloc_strdup(ctx, "\"");

	for (; *text; text++)
		out = talloc_asprintf_append(out, "%s%c", *text == '"' || *text == '\\' ? "\\" : "", *text);
	return talloc_asprintf_append(out, "\"");
}

static void media(void *ctx, const char *text)
{
	struct http_media m, again;
	char *line;

	if (http_media_parse(ctx, text, &m) < 0)
		return;
	NEED(m.type && strchr(m.type, '/'));
	line = talloc_strdup(ctx, m.type);
	if (m.action)
		line = talloc_asprintf_append(line, "; action=%s", quoted(ctx, m.action));
	if (m.charset)
		line = talloc_asprintf_append(line, ";charset=%s", quoted(ctx, m.charset));
	NEED(http_media_parse(ctx, line, &again) == 0);
	NEED(same(m.type, again.type) && same(m.action, again.action) && same(m.charset, again.charset));
}

static void url(void *ctx, const char *text)
{
	struct http_url u, again;

	if (http_url_parse(ctx, text, &u) < 0)
		return;
	NEED(*u.host && u.port && (*u.target == '/' || *u.target == '?'));
	/* Both go into a request as they are: nothing may end a line there. */
	for (const char *c = u.host_port; *c; c++)
		NEED(*c > ' ' && *c != 0x7f);
	for (const char *c = u.target; *c; c++)
		NEED((unsigned char)*c > ' ' && *c != 0x7f);
	NEED(http_url_parse(ctx, talloc_asprintf(ctx, "https://%s%s", u.host_port, u.target), &again) == 0);
	NEED(u.port == again.port && same(u.host, again.host) && same(u.target, again.target));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	void *ctx = talloc_new(NULL);

	if (size > 0 && data[0] == 'u')
		url(ctx, talloc_strndup(ctx, (const char *)data + 1, size - 1));
	else if (size > 0)
		media(ctx, talloc_strndup(ctx, (const char *)data + 1, size - 1));
	talloc_free(ctx);
	return 0;
}
