/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/codec/bytes.h"

/* Text of XML into a writer.  Names come from our tables; only content is escaped.  A text that XML cannot carry
 * (invalid UTF-8, control characters) fails the writer. */

/*! Start tag up to its attributes; the prefix brings its colon ("wsa:"). */
void xw_open(struct wr *w, const char *prefix, const char *name);
/*! Attribute of the element just opened; before xw_body(). */
void xw_attr(struct wr *w, const char *name, const char *value);
/*! End of the start tag. */
void xw_body(struct wr *w);
void xw_text(struct wr *w, const char *text);
void xw_close(struct wr *w, const char *prefix, const char *name);
/*! Whole element with text. */
void xw_elem(struct wr *w, const char *prefix, const char *name, const char *text);
