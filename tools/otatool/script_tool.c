/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* otatool script: C-APDUs into a remote command script (TS 102 226) and back, answers taken apart, all in words. */
#include "tools/otatool/tool.h"

#include <errno.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "scp80/apdu_text.h"
#include "scp80/script.h"

static const char *const form_names[] = {
	[SCRIPT_DEFINITE] = "definite",
	[SCRIPT_INDEFINITE] = "indefinite",
	[SCRIPT_COMPACT] = "compact",
};

static enum script_form in_form(struct job *job)
{
	const char *text = in_str(job, "template");

	for (size_t i = 0; text && i < ARRAY_SIZE(form_names); i++) {
		if (strcmp(text, form_names[i]) == 0)
			return (enum script_form)i;
	}
	if (text)
		job_fail(job, TOOL_USAGE, "template: must be definite, indefinite or compact");
	return SCRIPT_DEFINITE;
}

static json_t *item_value(struct job *job, const struct script_item *item, const char *text)
{
	uint8_t tag[4];
	struct wr w;

	wr_init_buf(&w, tag, sizeof(tag));
	wr_uint(&w, item->tag, item->tag > 0xffff ? 3 : item->tag > 0xff ? 2 : 1);
	return json_pack("{s:o, s:o, s:s*}", "tag", hex_value(job, bytes_of(tag, w.len)), "value",
			 hex_value(job, item->value), "text", text);
}

static void append(json_t *array, json_t *value)
{
	OSMO_ASSERT(value && json_array_append_new(array, value) == 0);
}

static json_t *new_array(struct job *job, const char *key)
{
	json_t *array = json_array();

	OSMO_ASSERT(array && json_object_set_new(job->out, key, array) == 0);
	return array;
}

/* All TLVs, and those with apdu_tag once more as a plain list. */
static void out_items(struct job *job, struct bytes body, uint8_t apdu_tag, const char *apdu_key,
		      char *(*apdu_text)(const void *, struct bytes))
{
	json_t *items = new_array(job, "items"), *apdus = new_array(job, apdu_key);
	struct script_item item;
	struct rd r;

	rd_init(&r, body);
	while (script_next(&r, &item)) {
		bool is_apdu = item.tag == apdu_tag;

		append(items, item_value(job, &item, is_apdu ? apdu_text(job->ctx, item.value) : NULL));
		if (is_apdu)
			append(apdus, hex_value(job, item.value));
	}
}

/* ---- build ---- */

/* One or two octets in hex. */
static int tag_of_json(struct job *job, const char *text, uint32_t *tag)
{
	struct bytes b;
	struct rd r;

	if (!text || hex_dec(job->ctx, text, &b) < 0 || b.len == 0 || b.len > 2)
		return -1;
	rd_init(&r, b);
	*tag = (uint32_t)rd_uint(&r, b.len);
	return rd_end(&r);
}

static size_t items_of_json(struct job *job, const json_t *array, struct script_item *item)
{
	const json_t *v;
	size_t i;

	json_array_foreach (array, i, v) {
		const char *tag = json_string_value(json_object_get(v, "tag"));
		const char *value = json_string_value(json_object_get(v, "value"));

		if (!value || tag_of_json(job, tag, &item[i].tag) < 0 || hex_dec(job->ctx, value, &item[i].value) < 0)
			job_fail(job, TOOL_USAGE, "items: each needs a tag of one or two octets and a value, in hex");
	}
	return json_array_size(array);
}

static void build(struct job *job)
{
	const json_t *array = json_object_get(job->in, "items");
	enum script_form form = in_form(job);
	struct bytes *capdu, script = {0};
	size_t n = in_hex_list(job, "capdus", &capdu);
	struct script_item *item =
		talloc_zero_size(job->ctx, (n + json_array_size(array) + 2) * sizeof(struct script_item));
	size_t n_items = 0;
	struct wr w;

	OSMO_ASSERT(item);
	if (in_has(job, "chaining"))
		item[n_items++] = (struct script_item){SCRIPT_CHAINING, in_hex(job, "chaining")};
	n_items += items_of_json(job, array, item + n_items);
	for (size_t i = 0; i < n; i++)
		item[n_items++] = (struct script_item){SCRIPT_CAPDU, capdu[i]};
	wr_init(&w, job->ctx);
	if (!job_ok(job) || job_failed(job, script_cmd_enc(form, item, n_items, &w), "script") ||
	    job_failed(job, wr_end(&w, &script), "script"))
		return;
	out_str(job, "template", form_names[form]);
	out_hex(job, "secured_data", script);
	if (form != SCRIPT_COMPACT)
		out_str(job, "text", script_cmd_text(job->ctx, script));
}

/* ---- take apart ---- */

static void explain_compact(struct job *job, struct bytes script)
{
	json_t *apdus = new_array(job, "capdus"), *items = new_array(job, "items");
	struct script_item item = {.tag = SCRIPT_CAPDU};
	struct rd r;

	rd_init(&r, script);
	while (script_compact_next(&r, &item.value)) {
		append(apdus, hex_value(job, item.value));
		append(items, item_value(job, &item, capdu_text(job->ctx, item.value)));
	}
	job_failed(job, rd_end(&r), "compact script");
}

static void explain_command(struct job *job)
{
	static const char *const bad_names[] = {"malformed", "unknown tag", "wrong length", "length not found"};
	struct bytes script = in_hex(job, "secured_data");
	enum script_bad bad = SCRIPT_BAD_NONE;
	struct script_cmd cmd;

	if (!job_ok(job))
		return;
	out_hex(job, "secured_data", script);
	if (in_form(job) == SCRIPT_COMPACT) {
		explain_compact(job, script);
		return;
	}
	if (script_cmd_dec(script, &cmd, &bad) < 0) {
		job_fail(job, TOOL_REFUSED, "script: %s", bad_names[bad]);
		return;
	}
	out_str(job, "template", form_names[cmd.form]);
	if (cmd.chain)
		out_num(job, "script_chaining", cmd.chain, 1);
	out_items(job, cmd.body, SCRIPT_CAPDU, "capdus", capdu_text);
	out_str(job, "text", script_cmd_text(job->ctx, script));
}

static void explain_response(struct job *job)
{
	struct bytes script = in_hex(job, "response_data");
	bool compact = in_form(job) == SCRIPT_COMPACT;
	struct script_rsp rsp;
	int rc;

	if (!job_ok(job))
		return;
	rc = compact ? script_rsp_dec_compact(script, &rsp) : script_rsp_dec(script, &rsp);
	if (job_failed(job, rc, "response"))
		return;
	out_hex(job, "response_data", script);
	out_str(job, "template", form_names[rsp.form]);
	out_int(job, "executed", rsp.executed);
	out_items(job, rsp.body, SCRIPT_RSP_RAPDU, "rapdus", rapdu_text);
	if (rsp.n_rapdus) {
		out_num(job, "sw", rsp.last.sw, 2);
		out_hex(job, "data", rsp.last.data);
		out_str(job, "sw_text", sw_text(rsp.last.sw));
	}
	out_str(job, "verdict", script_verdict_name(script_rsp_judge(&rsp, in_int(job, "n_capdus", 0, 0xffff))));
}

void tool_script(struct job *job)
{
	if (in_has(job, "capdus") || in_has(job, "items"))
		build(job);
	else if (in_has(job, "secured_data"))
		explain_command(job);
	else if (in_has(job, "response_data"))
		explain_response(job);
	else
		job_fail(job, TOOL_USAGE, "capdus, items, secured_data or response_data: missing");
}
