/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A look at the octets before libxml2 sees them: no document type, no processing instruction, bounded size, depth and
 * number of nodes, few attributes in each element (libxml2 2.9 compares every attribute of an element with every
 * other, so one element with a million of them would hold a thread for minutes), and few namespace declarations (it
 * looks for the prefix of each name among all that are in scope).
 *
 * Why it cannot be led astray: libxml2 stops at the first character that breaks the grammar, and up to there markup
 * starts at '<' and at nothing else, comments and CDATA sections end where they say, and '>' inside a tag is either its
 * end or quoted.  The encoding is fixed to UTF-8, where no octet of a longer character looks like one of these. */
#include <string.h>

#include "common/es/xml_int.h"

#define MAX_ATTRIBUTES 64
/* Some stacks declare a namespace anew in each element of an EIS.  With all of these in scope of as many nodes as a
 * message may have, to read and to digest it takes a quarter of a second. */
#define MAX_NAMESPACES 500

struct scan {
	struct rd r;
	unsigned depth;
	unsigned nodes;
	unsigned namespaces;
	const struct es_limits *limits;
};

static bool starts_with(const struct rd *r, const char *lit)
{
	size_t n = strlen(lit);

	return rd_left(r) >= n && memcmp(r->cur, lit, n) == 0;
}

/* Move behind the next occurrence of the text. */
static bool skip_behind(struct rd *r, const char *lit)
{
	const uint8_t *p = memmem(r->cur, rd_left(r), lit, strlen(lit));

	if (!p)
		return false;
	rd_bytes(r, (size_t)(p - r->cur) + strlen(lit));
	return true;
}

static bool is_space(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The rest of a tag, quotes respected.  \returns false when it does not end */
static bool skip_tag(struct rd *r, unsigned *n_attributes, unsigned *n_namespaces, bool *closed)
{
	const char quotes[2][2] = {"\"", "'"};
	uint8_t last = 0;

	while (rd_left(r)) {
		uint8_t c = rd_u8(r);

		if (c == '>') {
			*closed = last == '/';
			return true;
		}
		if (c == '=')
			++*n_attributes;
		if (is_space(c) && starts_with(r, "xmlns"))
			++*n_namespaces;
		if ((c == '"' || c == '\'') && !skip_behind(r, quotes[c == '\'']))
			return false;
		last = c;
	}
	return false;
}

static enum xml_refusal scan_element(struct scan *s)
{
	unsigned n_attributes = 0;
	bool closed = false;

	if (!skip_tag(&s->r, &n_attributes, &s->namespaces, &closed))
		return XML_NOT_WELL_FORMED;
	s->nodes += 1 + n_attributes;
	if (n_attributes > MAX_ATTRIBUTES || s->nodes > s->limits->nodes)
		return XML_TOO_MANY_NODES;
	if (s->namespaces > MAX_NAMESPACES)
		return XML_TOO_MANY_NAMESPACES;
	if (s->depth + 1 > s->limits->depth)
		return XML_TOO_DEEP;
	if (!closed)
		s->depth++;
	return XML_OK;
}

/* At a '<'. */
static enum xml_refusal scan_markup(struct scan *s)
{
	if (starts_with(&s->r, "</")) {
		if (s->depth == 0 || !skip_behind(&s->r, ">"))
			return XML_NOT_WELL_FORMED;
		s->depth--;
		return XML_OK;
	}
	if (starts_with(&s->r, "<?"))
		return XML_HAS_PI;
	if (starts_with(&s->r, "<!--")) {
		rd_bytes(&s->r, 4); /* "<!-->" opens a comment and does not close it */
		return skip_behind(&s->r, "-->") ? XML_OK : XML_NOT_WELL_FORMED;
	}
	if (starts_with(&s->r, "<![CDATA["))
		return skip_behind(&s->r, "]]>") ? XML_OK : XML_NOT_WELL_FORMED;
	if (starts_with(&s->r, "<!"))
		return XML_HAS_DTD;
	rd_u8(&s->r);
	return scan_element(s);
}

/* A name that only begins like it (xml-stylesheet) is that of an instruction. */
static bool is_declaration(const struct rd *r)
{
	struct rd ahead = *r;

	return bytes_eq(rd_bytes(&ahead, 5), BYTES_LIT("<?xml")) && rd_peek(&ahead) > 0 &&
	       is_space((uint8_t)rd_peek(&ahead));
}

enum xml_refusal xml_scan(struct bytes in, const struct es_limits *limits)
{
	struct scan s = {.limits = limits};
	enum xml_refusal rc;

	if (in.len > limits->octets)
		return XML_TOO_LONG;
	if (in.len == 0)
		return XML_NOT_WELL_FORMED;
	rd_init(&s.r, in);
	if (starts_with(&s.r, "\xef\xbb\xbf"))
		rd_bytes(&s.r, 3);
	if (is_declaration(&s.r) && !skip_behind(&s.r, "?>"))
		return XML_NOT_WELL_FORMED;
	for (;;) {
		const uint8_t *p = memchr(s.r.cur, '<', rd_left(&s.r));

		if (!p)
			return s.nodes ? XML_OK : XML_NOT_WELL_FORMED;
		rd_bytes(&s.r, (size_t)(p - s.r.cur));
		rc = scan_markup(&s);
		if (rc != XML_OK)
			return rc;
	}
}

const char *xml_refusal_text(enum xml_refusal r)
{
	switch (r) {
	case XML_OK:
		return "no error";
	case XML_TOO_LONG:
		return "message too long";
	case XML_TOO_DEEP:
		return "elements nested too deeply";
	case XML_TOO_MANY_NODES:
		return "too many elements or attributes";
	case XML_TOO_MANY_NAMESPACES:
		return "too many namespace declarations";
	case XML_HAS_DTD:
		return "document type declaration not allowed";
	case XML_HAS_PI:
		return "processing instruction not allowed";
	case XML_NOT_WELL_FORMED:
		return "not well-formed XML";
	}
	return "unknown";
}
