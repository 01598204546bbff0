/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Answers to remote command scripts (TS 102 226), both ways, and what they mean for the script as a whole.
 *
 * Uncertain: whether a card counts the chaining TLV as an executed command.  script_rsp_judge() asks for "at least as
 * many as C-APDUs", which is right for both readings. */
#include "scp80/script.h"

#include <errno.h>

#include <osmocom/core/utils.h>

#include "common/codec/ber.h"
#include "scp80/script_tlv.h"

#define TAG_RSP_DEFINITE 0xab
#define TAG_RSP_INDEFINITE 0xaf
#define COUNT_LEN_MAX 4

/* count SW1 SW2 data: the status word moves to the front. */
static int put_compact_rsp(unsigned int executed, const struct script_item *items, size_t n, struct wr *w)
{
	struct rapdu r;

	if (n != 1 || executed > 0xff || rapdu_dec(items[0].value, &r) < 0)
		return -EINVAL;
	wr_u8(w, (uint8_t)executed);
	wr_u16(w, r.sw);
	wr_bytes(w, r.data);
	return w->failed ? -ENOSPC : 0;
}

static bool is_scp03t_error(uint32_t tag)
{
	return tag >= SCRIPT_RSP_SCP03T_INIT && tag <= SCRIPT_RSP_SCP03T_KEYS;
}

static bool is_rsp_tag(uint32_t tag)
{
	if (is_scp03t_error(tag))
		return true;
	switch (tag) {
	case SCRIPT_RSP_RAPDU:
	case SCRIPT_RSP_BAD_FORMAT:
	case SCRIPT_RSP_ACTION:
	case SCRIPT_RSP_CHAINING:
	case SCRIPT_SCP03T_INIT:
	case SCRIPT_SCP03T_AUTH:
	case SCRIPT_SCP03T_DATA:
	case SCRIPT_SCP03T_KEYS:
		return true;
	}
	return false;
}

int script_rsp_enc(enum script_form form, unsigned int executed, const struct script_item *items, size_t n,
		   struct wr *w)
{
	uint8_t count_buf[COUNT_LEN_MAX];
	struct script_item count = {.tag = SCRIPT_RSP_COUNT};
	struct wr cw;

	for (size_t i = 0; i < n; i++) {
		if (!is_rsp_tag(items[i].tag))
			return -EINVAL;
	}
	switch (form) {
	case SCRIPT_DEFINITE:
		wr_init_buf(&cw, count_buf, sizeof(count_buf));
		wr_uint(&cw, executed, executed > 0xff ? 2 : 1);
		if (wr_end(&cw, &count.value) < 0)
			return -EINVAL;
		ber_put_head(w, TAG_RSP_DEFINITE, script_items_len(&count, 1) + script_items_len(items, n));
		script_items_put(&count, 1, w);
		script_items_put(items, n, w);
		break;
	case SCRIPT_INDEFINITE:
		script_indefinite_put(TAG_RSP_INDEFINITE, items, n, w);
		break;
	case SCRIPT_COMPACT:
		return put_compact_rsp(executed, items, n, w);
	}
	return w->failed ? -ENOSPC : 0;
}

static int take_count(struct script_tlv *t, struct script_rsp *rsp)
{
	struct script_item item;
	struct rd r;

	if (script_tlv_next(t, &item) < 0 || item.value.len == 0 || item.value.len > COUNT_LEN_MAX)
		return -EINVAL;
	rd_init(&r, item.value);
	rsp->executed = (unsigned int)rd_uint(&r, item.value.len);
	rsp->has_count = true;
	t->start = t->r.cur;
	return rd_end(&r);
}

static int take_code(struct bytes value, uint8_t *code)
{
	struct rd r;

	rd_init(&r, value);
	*code = rd_u8(&r);
	return rd_end(&r);
}

static int take_rapdu(struct bytes value, struct script_rsp *rsp)
{
	if (rapdu_dec(value, &rsp->last) < 0)
		return -EINVAL;
	rsp->n_rapdus++;
	if (!sw_is_ok(rsp->last.sw) && rsp->bad_sw == 0)
		rsp->bad_sw = rsp->last.sw;
	return 0;
}

static int take_rsp_item(const struct script_item *item, struct script_rsp *rsp)
{
	switch (item->tag) {
	case SCRIPT_RSP_RAPDU:
		return take_rapdu(item->value, rsp);
	case SCRIPT_RSP_BAD_FORMAT:
		return take_code(item->value, &rsp->bad_format);
	case SCRIPT_RSP_ACTION:
		return take_code(item->value, &rsp->action);
	case SCRIPT_RSP_CHAINING:
		return take_code(item->value, &rsp->chaining);
	case SCRIPT_RSP_COUNT:
		return -EINVAL;
	}
	/* Others are not about the script: SCP03t answers, future additions. */
	if (is_scp03t_error(item->tag) && rsp->bad_scp03t == 0)
		rsp->bad_scp03t = (uint16_t)item->tag;
	return 0;
}

int script_rsp_dec(struct bytes script, struct script_rsp *rsp)
{
	struct script_rsp s = {0};
	struct script_tlv t = {0};
	struct script_item item;
	int rc = script_tlv_open(script, TAG_RSP_DEFINITE, TAG_RSP_INDEFINITE, &t);

	if (rc == 0 && rd_peek(&t.r) == SCRIPT_RSP_COUNT)
		rc = take_count(&t, &s);
	while (rc == 0 && !script_tlv_at_end(&t)) {
		rc = script_tlv_next(&t, &item);
		if (rc == 0)
			rc = take_rsp_item(&item, &s);
	}
	if (rc == 0)
		rc = script_tlv_close(&t, &s.body);
	if (rc < 0)
		return rc;
	s.form = t.form;
	if (!s.has_count)
		s.executed = s.n_rapdus;
	*rsp = s;
	return 0;
}

int script_rsp_dec_compact(struct bytes data, struct script_rsp *rsp)
{
	struct script_rsp s = {.form = SCRIPT_COMPACT, .has_count = true, .n_rapdus = 1};
	struct rd r;

	rd_init(&r, data);
	s.executed = rd_u8(&r);
	s.last.sw = rd_u16(&r);
	s.last.data = rd_rest(&r);
	if (rd_end(&r) < 0)
		return -EINVAL;
	s.bad_sw = sw_is_ok(s.last.sw) ? 0 : s.last.sw;
	*rsp = s;
	return 0;
}

enum script_verdict script_rsp_judge(const struct script_rsp *rsp, unsigned int n_capdus)
{
	if (rsp->bad_format)
		return SCRIPT_BAD_FORMAT;
	if (rsp->chaining)
		return SCRIPT_BAD_CHAIN;
	if (rsp->bad_sw)
		return rsp->bad_sw == SW_CUT ? SCRIPT_CUT : SCRIPT_SW;
	if (rsp->action)
		return SCRIPT_BAD_ACTION;
	if (rsp->executed < n_capdus || (n_capdus > 0 && rsp->n_rapdus == 0))
		return SCRIPT_SHORT;
	return SCRIPT_DONE;
}

const char *script_verdict_name(enum script_verdict verdict)
{
	static const char *const name[] = {
		[SCRIPT_DONE] = "done",
		[SCRIPT_SW] = "a command failed",
		[SCRIPT_CUT] = "answer cut, rest not executed",
		[SCRIPT_BAD_FORMAT] = "script not understood",
		[SCRIPT_BAD_ACTION] = "immediate action failed",
		[SCRIPT_BAD_CHAIN] = "script chaining failed",
		[SCRIPT_SHORT] = "not all commands answered",
	};

	return (size_t)verdict < ARRAY_SIZE(name) ? name[verdict] : "unknown";
}
