/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Reader of templates (prep.h describes the language): text to a tree.  A template is a file of the operator, so every
 * mistake in it is told with its line. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/codec/ber.h"
#include "smdp/prep_priv.h"

#define DEPTH_MAX 12
#define PAD_MAX 65535
#define TAG_CONSTRUCTED 0x20

enum token_kind {
	TOKEN_WORD,
	TOKEN_STRING,
	TOKEN_OPEN,
	TOKEN_CLOSE,
	TOKEN_LINE, /* end of a line, or ";" */
	TOKEN_END,
	TOKEN_BAD,
};

struct parser {
	struct prep_template *tpl;
	const char *p, *end;
	unsigned int line;
	enum token_kind kind; /* of the current token */
	char *text;
	const void *why_ctx;
	const char *why;
};

static int wrong(struct parser *ps, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static int wrong(struct parser *ps, const char *fmt, ...)
{
	char *text = talloc_asprintf(ps->why_ctx, "line %u: ", ps->line);
	va_list ap;

	va_start(ap, fmt);
	ps->why = talloc_vasprintf_append_buffer(text, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

/* ---- tokens ---- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static bool ends_word(char c)
{
	return is_blank(c) || c == '\n' || c == ';' || c == '{' || c == '}' || c == '#' || c == '"';
}

static void take_text(struct parser *ps, enum token_kind kind, const char *from)
{
	ps->kind = kind;
	ps->text = talloc_strndup(ps->tpl, from, (size_t)(ps->p - from));
	OSMO_ASSERT(ps->text);
}

static void next_string(struct parser *ps)
{
	const char *from = ++ps->p;

	while (ps->p < ps->end && *ps->p != '"' && *ps->p != '\n')
		ps->p++;
	if (ps->p == ps->end || *ps->p != '"') {
		ps->kind = TOKEN_BAD;
		return;
	}
	take_text(ps, TOKEN_STRING, from);
	ps->p++;
}

static void skip_blanks(struct parser *ps)
{
	while (ps->p < ps->end && is_blank(*ps->p))
		ps->p++;
	if (ps->p < ps->end && *ps->p == '#') {
		while (ps->p < ps->end && *ps->p != '\n')
			ps->p++;
	}
}

static void next(struct parser *ps)
{
	const char *from;

	if (ps->kind == TOKEN_LINE && ps->p[-1] == '\n')
		ps->line++;
	skip_blanks(ps);
	from = ps->p;
	if (ps->p == ps->end) {
		ps->kind = TOKEN_END;
		return;
	}
	switch (*ps->p) {
	case '"':
		next_string(ps);
		return;
	case '{':
		ps->kind = TOKEN_OPEN;
		break;
	case '}':
		ps->kind = TOKEN_CLOSE;
		break;
	case ';':
	case '\n':
		ps->kind = TOKEN_LINE;
		break;
	default:
		while (ps->p < ps->end && !ends_word(*ps->p))
			ps->p++;
		take_text(ps, TOKEN_WORD, from);
		return;
	}
	ps->p++;
}

static int number(struct parser *ps, const char *text, size_t max, size_t *out)
{
	size_t n = strspn(text, "0123456789");

	if (!n || n > 6 || text[n] || (size_t)atoi(text) > max)
		return wrong(ps, "\"%s\" is no number up to %zu", text, max);
	*out = (size_t)atoi(text);
	return 0;
}

/* ---- items ---- */

const struct prep_def *prep_def_of(const struct prep_def *from, const char *name, bool is_let)
{
	for (const struct prep_def *d = from; d; d = d->next) {
		if (d->is_let == is_let && strcmp(d->name, name) == 0)
			return d;
	}
	return NULL;
}

static int oid_item(struct parser *ps, struct prep_item *item, const char *oid)
{
	struct wr w;

	wr_init(&w, item);
	if (prep_put_oid(&w, oid) < 0 || wr_end(&w, &item->octets) < 0)
		return wrong(ps, "\"%s\" is no object identifier", oid);
	return 0;
}

static int word_item(struct parser *ps, struct prep_item *item)
{
	if (*ps->text == '$') {
		item->kind = PREP_NAME;
		item->name = ps->text + 1;
		return *item->name ? 0 : wrong(ps, "a name is wanted after $");
	}
	if (strncmp(ps->text, "pad:", 4) == 0) {
		item->kind = PREP_PAD;
		return number(ps, ps->text + 4, PAD_MAX, &item->pad);
	}
	if (strncmp(ps->text, "oid:", 4) == 0)
		return oid_item(ps, item, ps->text + 4);
	if (hex_dec(item, ps->text, &item->octets) < 0)
		return wrong(ps, "\"%s\" is neither hex nor $NAME, pad:N, oid:N.N", ps->text);
	return 0;
}

/* Items up to the end of the line or the closing brace. */
static int read_items(struct parser *ps, struct prep_item **out)
{
	struct prep_item **tail = out;

	for (; ps->kind == TOKEN_WORD || ps->kind == TOKEN_STRING; next(ps)) {
		struct prep_item *item = talloc_zero(ps->tpl, struct prep_item);
		int rc = 0;

		OSMO_ASSERT(item);
		if (ps->kind == TOKEN_STRING)
			item->octets = bytes_str(ps->text);
		else
			rc = word_item(ps, item);
		if (rc < 0)
			return rc;
		*tail = item;
		tail = &item->next;
	}
	if (ps->kind == TOKEN_BAD)
		return wrong(ps, "a text does not end");
	return ps->kind == TOKEN_OPEN ? wrong(ps, "\"{\" stands right behind a tag only") : 0;
}

/* ---- definitions ---- */

static int read_def_value(struct parser *ps, struct prep_def *d, const char *word)
{
	int rc = 0;

	if (d->is_let)
		return read_items(ps, &d->items);
	if (ps->kind != TOKEN_WORD && ps->kind != TOKEN_STRING)
		return wrong(ps, "%s %s: a value is wanted", word, d->name);
	if (strcmp(word, "default") == 0)
		d->value = ps->text;
	else
		rc = number(ps, ps->text, strcmp(word, "random") == 0 ? 64 : 20,
			    strcmp(word, "random") == 0 ? &d->random : &d->digits);
	next(ps);
	if (rc == 0 && ps->kind != TOKEN_LINE && ps->kind != TOKEN_END)
		rc = wrong(ps, "too much after %s %s", word, d->name);
	return rc;
}

static int read_def(struct parser *ps)
{
	struct prep_def *d = talloc_zero(ps->tpl, struct prep_def);
	const char *word = ps->text;
	int rc;

	OSMO_ASSERT(d);
	next(ps);
	if (ps->kind != TOKEN_WORD)
		return wrong(ps, "%s: a name is wanted", word);
	d->name = ps->text;
	d->is_let = strcmp(word, "let") == 0;
	if (prep_def_of(ps->tpl->defs, d->name, d->is_let))
		return wrong(ps, "%s is defined twice", d->name);
	next(ps);
	rc = read_def_value(ps, d, word);
	d->next = ps->tpl->defs;
	ps->tpl->defs = d;
	return rc;
}

static bool is_def(const char *word)
{
	static const char *const words[] = {"let", "default", "random", "digits"};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strcmp(words[i], word) == 0)
			return true;
	}
	return false;
}

/* ---- elements ---- */

static int read_tag(struct parser *ps, struct prep_node *node)
{
	const char *text = ps->text;
	size_t len;
	uint8_t octets[4] = {}; /* and the length of an empty element */
	struct ber empty;
	struct rd r;

	node->line = ps->line;
	node->optional = *text == '?';
	text += node->optional;
	len = strlen(text) / 2;
	if (!len || len >= sizeof(octets) || hex_dec_buf(octets, len, text) < 0)
		return wrong(ps, "\"%s\" is no tag", text);
	rd_init(&r, bytes_of(octets, len + 1));
	if (!ber_next(&r, &empty) || rd_end(&r) < 0)
		return wrong(ps, "\"%s\" is no whole tag", text);
	node->constructed = octets[0] & TAG_CONSTRUCTED;
	node->tag = empty.tag;
	return 0;
}

static int read_nodes(struct parser *ps, struct prep_node **out, unsigned int depth);

static int read_node(struct parser *ps, struct prep_node *node, unsigned int depth)
{
	int rc = read_tag(ps, node);

	if (rc < 0)
		return rc;
	next(ps);
	if (node->constructed != (ps->kind == TOKEN_OPEN))
		return wrong(ps, "tag %X is %s", (unsigned int)node->tag,
			     node->constructed ? "constructed: \"{\" is wanted" : "primitive: no \"{\" is possible");
	if (!node->constructed)
		return read_items(ps, &node->items);
	if (depth == DEPTH_MAX)
		return wrong(ps, "too deep");
	next(ps);
	rc = read_nodes(ps, &node->children, depth + 1);
	if (rc < 0)
		return rc;
	if (ps->kind != TOKEN_CLOSE)
		return wrong(ps, "the \"}\" of line %u is missing", node->line);
	next(ps);
	return 0;
}

static int read_nodes(struct parser *ps, struct prep_node **out, unsigned int depth)
{
	int rc = 0;

	while (rc == 0 && ps->kind != TOKEN_END && ps->kind != TOKEN_CLOSE) {
		if (ps->kind == TOKEN_LINE) {
			next(ps);
			continue;
		}
		if (ps->kind != TOKEN_WORD)
			return wrong(ps, "a tag is wanted");
		if (is_def(ps->text)) {
			rc = depth ? wrong(ps, "\"%s\" stands outside of elements", ps->text) : read_def(ps);
			continue;
		}
		*out = talloc_zero(ps->tpl, struct prep_node);
		OSMO_ASSERT(*out);
		rc = read_node(ps, *out, depth);
		out = &(*out)->next;
	}
	return rc;
}

int prep_template_parse(const void *ctx, struct bytes text, struct prep_template **tpl, const char **why)
{
	struct parser ps = {.p = (const char *)text.data, .line = 1, .kind = TOKEN_END, .why_ctx = ctx};
	int rc;

	ps.end = ps.p + text.len;
	ps.tpl = talloc_zero(ctx, struct prep_template);
	OSMO_ASSERT(ps.tpl);
	next(&ps);
	rc = read_nodes(&ps, &ps.tpl->nodes, 0);
	if (rc == 0 && ps.kind == TOKEN_CLOSE)
		rc = wrong(&ps, "a \"}\" too many");
	if (rc == 0 && !ps.tpl->nodes)
		rc = wrong(&ps, "it has no element");
	if (rc < 0) {
		*why = ps.why;
		talloc_free(ps.tpl);
	} else {
		*tpl = ps.tpl;
	}
	return rc;
}
