/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The only place that puts text into XML. */
#include "common/es/xml_write.h"

#include <string.h>

#include <libxml/xmlstring.h>

/* libxml2 checks the form of UTF-8; XML 1.0 §2.2 also forbids most control characters and two code points. */
static bool text_legal(const char *text)
{
	if (!xmlCheckUTF8((const unsigned char *)text) || strstr(text, "\xef\xbf\xbe") || strstr(text, "\xef\xbf\xbf"))
		return false;
	for (const char *p = text; *p; p++)
		if ((unsigned char)*p < 0x20 && !strchr("\t\n\r", *p))
			return false;
	return true;
}

static const char *escape_of(char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\t':
		return "&#9;";
	case '\n':
		return "&#10;";
	default:
		return "&#13;";
	}
}

void xw_text(struct wr *w, const char *text)
{
	if (!text_legal(text)) {
		w->failed = true;
		return;
	}
	while (*text) {
		size_t plain = strcspn(text, "&<>\"\t\n\r");

		wr_bytes(w, bytes_of(text, plain));
		text += plain;
		if (*text)
			wr_str(w, escape_of(*text++));
	}
}

void xw_open(struct wr *w, const char *prefix, const char *name)
{
	wr_str(w, "<");
	wr_str(w, prefix);
	wr_str(w, name);
}

void xw_attr(struct wr *w, const char *name, const char *value)
{
	wr_str(w, " ");
	wr_str(w, name);
	wr_str(w, "=\"");
	xw_text(w, value);
	wr_str(w, "\"");
}

void xw_body(struct wr *w)
{
	wr_str(w, ">");
}

void xw_close(struct wr *w, const char *prefix, const char *name)
{
	wr_str(w, "</");
	wr_str(w, prefix);
	wr_str(w, name);
	wr_str(w, ">");
}

void xw_elem(struct wr *w, const char *prefix, const char *name, const char *text)
{
	xw_open(w, prefix, name);
	xw_body(w);
	xw_text(w, text);
	xw_close(w, prefix, name);
}
