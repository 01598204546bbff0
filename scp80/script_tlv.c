/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Templates of remote command scripts (TS 102 226).  BER lengths come from common/codec/ber.c; only the indefinite form
 * (AE 80 ... 00 00) is handled here, because it is the one place where that form is allowed. */
#include "scp80/script_tlv.h"

#include <errno.h>

#include "common/codec/ber.h"

#define LEN_INDEFINITE 0x80
#define END_OF_CONTENTS_LEN 2

static size_t head_len(uint32_t tag, size_t value_len)
{
	uint8_t buf[8];
	struct wr w;

	wr_init_buf(&w, buf, sizeof(buf));
	ber_put_head(&w, tag, value_len);
	return w.len;
}

size_t script_items_len(const struct script_item *items, size_t n)
{
	size_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += head_len(items[i].tag, items[i].value.len) + items[i].value.len;
	return sum;
}

void script_items_put(const struct script_item *items, size_t n, struct wr *w)
{
	for (size_t i = 0; i < n; i++)
		ber_put(w, items[i].tag, items[i].value);
}

void script_indefinite_put(uint8_t tag, const struct script_item *items, size_t n, struct wr *w)
{
	wr_u8(w, tag);
	wr_u8(w, LEN_INDEFINITE);
	script_items_put(items, n, w);
	wr_fill(w, 0, END_OF_CONTENTS_LEN);
}

int script_tlv_fail(struct script_tlv *t, enum script_bad bad)
{
	t->bad = bad;
	return -EINVAL;
}

int script_tlv_open(struct bytes script, uint8_t definite, uint8_t indefinite, struct script_tlv *t)
{
	struct bytes value;

	rd_init(&t->r, script);
	if (rd_peek(&t->r) == indefinite) {
		t->form = SCRIPT_INDEFINITE;
		rd_u8(&t->r);
		if (rd_left(&t->r) == 0)
			return script_tlv_fail(t, SCRIPT_BAD_NO_LEN);
		if (rd_u8(&t->r) != LEN_INDEFINITE)
			return script_tlv_fail(t, SCRIPT_BAD_LEN);
	} else if (rd_peek(&t->r) == definite) {
		t->form = SCRIPT_DEFINITE;
		if (rd_left(&t->r) == 1)
			return script_tlv_fail(t, SCRIPT_BAD_NO_LEN);
		value = ber_expect(&t->r, definite);
		if (rd_end(&t->r) < 0)
			return script_tlv_fail(t, SCRIPT_BAD_LEN);
		rd_init(&t->r, value);
	} else {
		return script_tlv_fail(t, SCRIPT_BAD_TAG);
	}
	t->start = t->r.cur;
	return 0;
}

bool script_tlv_at_end(const struct script_tlv *t)
{
	return t->form == SCRIPT_INDEFINITE ? rd_peek(&t->r) <= 0 : rd_left(&t->r) == 0;
}

int script_tlv_next(struct script_tlv *t, struct script_item *item)
{
	bool no_len = rd_left(&t->r) == 1;
	struct ber tlv;

	if (!ber_next(&t->r, &tlv))
		return script_tlv_fail(t, no_len ? SCRIPT_BAD_NO_LEN : SCRIPT_BAD_LEN);
	*item = (struct script_item){.tag = tlv.tag, .value = tlv.value};
	return 0;
}

int script_tlv_close(struct script_tlv *t, struct bytes *body)
{
	struct bytes b = bytes_of(t->start, (size_t)(t->r.cur - t->start));

	if (t->form == SCRIPT_INDEFINITE && rd_u16(&t->r) != 0)
		return script_tlv_fail(t, SCRIPT_BAD_LEN);
	if (rd_end(&t->r) < 0)
		return script_tlv_fail(t, SCRIPT_BAD_LEN);
	*body = b;
	return 0;
}
