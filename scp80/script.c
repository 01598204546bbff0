/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Remote command scripts (TS 102 226), both ways.  Whatever is read is checked from end to end first, so that a walk
 * over the TLVs cannot fail any more. */
#include "scp80/script.h"

#include <errno.h>

#include "common/codec/ber.h"
#include "scp80/script_tlv.h"

#define TAG_CMD_DEFINITE 0xaa
#define TAG_CMD_INDEFINITE 0xae

static bool is_cmd_tag(uint32_t tag)
{
	return tag == SCRIPT_CAPDU || (tag >= SCRIPT_IMMEDIATE && tag <= SCRIPT_SCP03T_KEYS);
}

static bool cmd_items_are_sound(enum script_form form, const struct script_item *items, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!is_cmd_tag(items[i].tag) || (form == SCRIPT_COMPACT && items[i].tag != SCRIPT_CAPDU))
			return false;
		if (items[i].tag == SCRIPT_CHAINING && (i > 0 || items[i].value.len != 1))
			return false;
	}
	return true;
}

int script_cmd_enc(enum script_form form, const struct script_item *items, size_t n, struct wr *w)
{
	if (!cmd_items_are_sound(form, items, n))
		return -EINVAL;
	switch (form) {
	case SCRIPT_DEFINITE:
		ber_put_head(w, TAG_CMD_DEFINITE, script_items_len(items, n));
		script_items_put(items, n, w);
		break;
	case SCRIPT_INDEFINITE:
		script_indefinite_put(TAG_CMD_INDEFINITE, items, n, w);
		break;
	case SCRIPT_COMPACT:
		for (size_t i = 0; i < n; i++)
			wr_bytes(w, items[i].value);
		break;
	}
	return w->failed ? -ENOSPC : 0;
}

static int take_cmd_item(struct script_tlv *t, struct script_cmd *cmd)
{
	struct script_item item;

	if (!is_cmd_tag((uint32_t)rd_peek(&t->r)))
		return script_tlv_fail(t, SCRIPT_BAD_TAG);
	if (script_tlv_next(t, &item) < 0)
		return -EINVAL;
	if (item.tag == SCRIPT_CHAINING) {
		if (cmd->n_items > 0)
			return script_tlv_fail(t, SCRIPT_BAD_TAG);
		if (item.value.len != 1)
			return script_tlv_fail(t, SCRIPT_BAD_LEN);
		cmd->chain = *item.value.data;
	}
	cmd->n_items++;
	cmd->n_capdus += item.tag == SCRIPT_CAPDU;
	return 0;
}

static int cmd_dec(struct script_tlv *t, struct bytes script, struct script_cmd *cmd)
{
	int rc = script_tlv_open(script, TAG_CMD_DEFINITE, TAG_CMD_INDEFINITE, t);

	while (rc == 0 && !script_tlv_at_end(t))
		rc = take_cmd_item(t, cmd);
	cmd->form = t->form;
	return rc < 0 ? rc : script_tlv_close(t, &cmd->body);
}

int script_cmd_dec(struct bytes script, struct script_cmd *cmd, enum script_bad *bad)
{
	struct script_cmd c = {0};
	struct script_tlv t = {0};
	int rc = cmd_dec(&t, script, &c);

	if (rc == 0)
		*cmd = c;
	else if (bad)
		*bad = t.bad;
	return rc;
}

bool script_next(struct rd *r, struct script_item *item)
{
	struct ber tlv;

	if (!ber_next(r, &tlv))
		return false;
	*item = (struct script_item){.tag = tlv.tag, .value = tlv.value};
	return true;
}

/* READ BINARY, READ RECORD, GET RESPONSE, GET DATA: commands of old fleets that carry no data, so P3 is Le. */
static bool ins_only_reads(uint8_t ins)
{
	return ins == 0xb0 || ins == 0xb2 || ins == 0xc0 || ins == 0xca;
}

bool script_compact_next(struct rd *r, struct bytes *capdu)
{
	struct rd start = *r;
	uint8_t ins, p3;
	size_t len;

	if (rd_left(r) == 0)
		return false;
	rd_u8(r);
	ins = rd_u8(r);
	rd_u16(r);
	p3 = rd_u8(r);
	len = ins_only_reads(ins) ? 0 : p3;
	rd_bytes(r, len);
	if (r->failed)
		return false;
	*capdu = rd_bytes(&start, 5 + len);
	return true;
}
