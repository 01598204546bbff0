/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "scp80/script.h"

/* Templates of remote command scripts; shared by the command and the response side, of no use elsewhere. */

/*! Octets of n items as TLVs. */
size_t script_items_len(const struct script_item *items, size_t n);
void script_items_put(const struct script_item *items, size_t n, struct wr *w);
/*! A whole template of the indefinite form. */
void script_indefinite_put(uint8_t tag, const struct script_item *items, size_t n, struct wr *w);

/*! A template that was opened: r stands on its next TLV. */
struct script_tlv {
	struct rd r;
	enum script_form form;
	const uint8_t *start; /* of the TLVs that script_tlv_close() hands out */
	enum script_bad bad;  /* why the last call failed */
};

/*! Note why a template is malformed.  \returns -EINVAL */
int script_tlv_fail(struct script_tlv *t, enum script_bad bad);
/*! Open a template with one of two tags.  \returns 0; -EINVAL */
int script_tlv_open(struct bytes script, uint8_t definite, uint8_t indefinite, struct script_tlv *t) MUST_CHECK;
bool script_tlv_at_end(const struct script_tlv *t);
/*! Next TLV; ask script_tlv_at_end() before.  \returns 0; -EINVAL */
int script_tlv_next(struct script_tlv *t, struct script_item *item) MUST_CHECK;
/*! Check the end.  \param[out] body  the TLVs from start on, untouched on error.  \returns 0; -EINVAL */
int script_tlv_close(struct script_tlv *t, struct bytes *body) MUST_CHECK;
