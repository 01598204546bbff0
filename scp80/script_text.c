/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Whole scripts in words: one APDU after the other, other TLVs by their name. */
#include <osmocom/core/utils.h>
#include <talloc.h>

#include "scp80/apdu_text.h"
#include "scp80/script.h"
#include "scp80/text.h"

#define TAG_TRIGGER 0x81 /* administration session triggering parameters, GlobalPlatform Amendment B */

static const struct text_name cmd_item_names[] = {
	{SCRIPT_IMMEDIATE, "immediate action"},
	{SCRIPT_ERROR, "error action"},
	{SCRIPT_CHAINING, "script chaining"},
	{SCRIPT_SCP03T_INIT, "SCP03t INITIALIZE UPDATE"},
	{SCRIPT_SCP03T_AUTH, "SCP03t EXTERNAL AUTHENTICATE"},
	{SCRIPT_SCP03T_DATA, "SCP03t data"},
	{SCRIPT_SCP03T_KEYS, "SCP03t session keys"},
};

static const struct text_name rsp_item_names[] = {
	{SCRIPT_RSP_BAD_FORMAT, "script not understood"},
	{SCRIPT_RSP_ACTION, "immediate action failed"},
	{SCRIPT_RSP_CHAINING, "script chaining failed"},
	{SCRIPT_SCP03T_INIT, "SCP03t INITIALIZE UPDATE answer"},
	{SCRIPT_SCP03T_AUTH, "SCP03t EXTERNAL AUTHENTICATE answer"},
	{SCRIPT_SCP03T_DATA, "SCP03t data answer"},
};

/* \param[in] apdu_tag  TLVs with this tag are told by apdu_text, all others by their name */
static void add_items(char **to, struct bytes body, uint8_t apdu_tag, char *(*apdu_text)(const void *, struct bytes),
		      const struct text_name *names, size_t n_names)
{
	struct script_item item;
	const char *sep = "", *name;
	char *apdu;
	struct rd r;

	rd_init(&r, body);
	while (script_next(&r, &item)) {
		name = text_name(names, n_names, item.tag);
		if (item.tag == apdu_tag) {
			apdu = apdu_text(*to, item.value);
			text_add(to, "%s%s", sep, apdu);
			talloc_free(apdu);
		} else {
			text_add(to, "%s%s", sep, name ? name : "unknown TLV");
		}
		sep = "; ";
	}
}

char *script_cmd_text(const void *ctx, struct bytes script)
{
	char *text = text_start(ctx);
	struct script_cmd cmd;
	struct rd r;

	rd_init(&r, script);
	if (script_cmd_dec(script, &cmd, NULL) == 0)
		add_items(&text, cmd.body, SCRIPT_CAPDU, capdu_text, cmd_item_names, ARRAY_SIZE(cmd_item_names));
	else if (rd_peek(&r) == TAG_TRIGGER)
		text_add(&text, "administration session trigger, %zu octets", script.len);
	else
		text_add(&text, "no expanded script, %zu octets", script.len);
	return text;
}

char *script_rsp_text(const void *ctx, struct bytes script)
{
	char *text = text_start(ctx);
	struct script_rsp rsp;

	if (script.len == 0)
		text_add(&text, "no data");
	else if (script_rsp_dec(script, &rsp) < 0)
		text_add(&text, "no expanded response, %zu octets", script.len);
	else if (rsp.body.len == 0)
		text_add(&text, "%u executed", rsp.executed);
	else
		add_items(&text, rsp.body, SCRIPT_RSP_RAPDU, rapdu_text, rsp_item_names, ARRAY_SIZE(rsp_item_names));
	return text;
}
