/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* APDUs of SGP.02 in words.  Names come from tables; arguments are shown only where a table knows the field and the
 * field is no secret (AIDs, sequence numbers, states).  Values of keys have no path to the output: nothing here prints
 * data that it does not understand. */
#include "scp80/apdu_text.h"

#include <stdarg.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/codec/ber.h"
#include "scp80/script.h"

#define TAG_AID 0x4f
#define TAG_SEQUENCE 0x4e
#define TAG_STATUS_ENTRY 0xe3
#define TAG_STATE 0x9f70
#define TAG_ATTRIBUTES 0x53
#define TAG_TRIGGER 0x81

/* Text that grows; *to is a talloc string. */
__attribute__((format(printf, 2, 3))) static void add(char **to, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	*to = talloc_vasprintf_append(*to, fmt, ap);
	va_end(ap);
	OSMO_ASSERT(*to);
}

static void add_hex(char **to, struct bytes b)
{
	char *hex = hex_enc(*to, b);

	add(to, "%s", hex);
	talloc_free(hex);
}

static char *text_start(const void *ctx)
{
	char *text = talloc_strdup(ctx, "");

	OSMO_ASSERT(text);
	return text;
}

struct name {
	unsigned int value;
	const char *text;
};

static const char *name_of(const struct name *names, size_t n, unsigned int value)
{
	for (size_t i = 0; i < n; i++) {
		if (names[i].value == value)
			return names[i].text;
	}
	return NULL;
}

/* AIDs of SGP.02 differ in their last octets only. */
static void add_aid(char **to, struct bytes aid)
{
	if (aid.len <= 8) {
		add_hex(to, aid);
		return;
	}
	add_hex(to, bytes_sub(aid, 0, 1));
	add(to, "..");
	add_hex(to, bytes_sub(aid, aid.len - 5, 5));
}

static void add_found_aid(char **to, struct bytes level)
{
	struct bytes aid;

	if (ber_find(level, TAG_AID, &aid) == 0 && aid.len) {
		add(to, " ");
		add_aid(to, aid);
	}
}

/* ---- STORE DATA ---- */

static const struct name dgi_names[] = {
	{0x3a01, "certificate for key establishment"},
	{0x3a02, "key establishment"},
	{0x3a03, "EnableProfile"},
	{0x3a04, "DisableProfile"},
	{0x3a05, "SetFallbackAttribute"},
	{0x3a06, "UpdatePolicyRules"},
	{0x3a07, "UpdateAddressingParameters"},
	{0x3a08, "HandleNotificationConfirmation"},
	{0x3a09, "SetEmergencyProfileAttribute"}, /* uncertain: the number is from memory of SGP.02 v4 */
	{0x0070, "security domain data"},
	{0x7f49, "ephemeral public key"},
	{0x5f37, "signature"},
};

static void add_dgi(char **to, const struct dgi *dgi)
{
	const char *name = name_of(dgi_names, ARRAY_SIZE(dgi_names), dgi->id);
	struct bytes seq;

	add(to, " %04X %s", dgi->id, name ? name : "unknown");
	if (!name)
		return;
	add_found_aid(to, dgi->value);
	if (ber_find(dgi->value, TAG_SEQUENCE, &seq) == 0 && seq.len <= 2) {
		add(to, " ");
		add_hex(to, seq);
	}
}

static void store_data_text(char **to, const struct capdu *c)
{
	struct dgi dgi;
	struct rd r;
	bool first = true;

	rd_init(&r, c->data);
	while (dgi_next(&r, &dgi)) {
		add(to, "%s", first ? "" : ",");
		add_dgi(to, &dgi);
		first = false;
	}
	if (rd_end(&r) < 0)
		add(to, "%s block %u, %zu octets", first ? "" : ",", c->p2, c->data.len);
}

/* ---- the other commands ---- */

static void install_text(char **to, const struct capdu *c)
{
	struct bytes aid = {0};
	struct rd r;

	/* for personalization: two empty fields and the AID; for install: load file, module, then the AID */
	rd_init(&r, c->data);
	for (int i = 0; i < 3; i++)
		aid = rd_bytes(&r, rd_u8(&r));
	if (c->p1 == 0x20)
		add(to, " [for personalization]");
	else if (c->p1 == 0x0c)
		add(to, " [for install and make selectable] CreateISDP");
	else
		add(to, " P1 %u", c->p1);
	if (!r.failed && aid.len) {
		add(to, " ");
		add_aid(to, aid);
	}
}

static void delete_text(char **to, const struct capdu *c)
{
	struct bytes token;

	if (c->p2 == 0x40)
		add(to, ber_find(c->data, 0x9e, &token) == 0 ? " MasterDelete" : " DeleteProfile");
	else if (ber_find(c->data, 0xf2, &token) == 0)
		add(to, " FinaliseISDRhandover");
	add_found_aid(to, c->data);
}

static void get_data_text(char **to, const struct capdu *c)
{
	static const struct name names[] = {
		{0xff21, "card resources"}, {0xbf30, "ECASD certificate"}, {0x005a, "EID"},
		{0x0066, "card data"},	    {0x00e0, "key information"},
	};
	unsigned int tag = c->p1 * 256U + c->p2;
	const char *name = name_of(names, ARRAY_SIZE(names), tag);

	add(to, " %04X%s%s", tag, name ? " " : "", name ? name : "");
}

static void aid_text(char **to, const struct capdu *c)
{
	add_found_aid(to, c->data);
}

static void put_key_text(char **to, const struct capdu *c)
{
	const uint8_t kid = c->p2 & 0x7f;
	struct rd r;

	rd_init(&r, c->data);
	add(to, " KVN ");
	add_hex(to, rd_bytes(&r, 1));
	add(to, " KID ");
	add_hex(to, bytes_of(&kid, 1));
	add(to, ", %zu octets not shown", rd_left(&r));
}

static void length_text(char **to, const struct capdu *c)
{
	if (c->data.len)
		add(to, ", %zu octets", c->data.len);
}

static void select_text(char **to, const struct capdu *c)
{
	add(to, " ");
	add_aid(to, c->data);
}

static const struct {
	uint8_t ins;
	const char *name;
	void (*args)(char **to, const struct capdu *c);
} commands[] = {
	{0xe2, "STORE DATA", store_data_text},
	{0xe4, "DELETE", delete_text},
	{0xe6, "INSTALL", install_text},
	{0xe8, "LOAD", length_text},
	{0xf0, "SET STATUS", length_text},
	{0xf2, "GET STATUS", aid_text},
	{0xca, "GET DATA", get_data_text},
	{0xd8, "PUT KEY", put_key_text},
	{0x50, "INITIALIZE UPDATE", length_text},
	{0x82, "EXTERNAL AUTHENTICATE", length_text},
	{0xa4, "SELECT", select_text},
	{0xc0, "GET RESPONSE", length_text},
	{0xb0, "READ BINARY", length_text},
	{0xb2, "READ RECORD", length_text},
	{0xd6, "UPDATE BINARY", length_text},
	{0xdc, "UPDATE RECORD", length_text},
	{0xc2, "ENVELOPE", length_text},
	{0x20, "VERIFY", length_text},
};

char *capdu_text(const void *ctx, struct bytes raw)
{
	char *text = text_start(ctx);
	struct capdu c;

	if (capdu_dec(raw, &c) < 0) {
		add(&text, "malformed command, %zu octets", raw.len);
		return text;
	}
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (commands[i].ins != c.ins)
			continue;
		add(&text, "%s", commands[i].name);
		commands[i].args(&text, &c);
		return text;
	}
	add(&text, "INS ");
	add_hex(&text, bytes_of(&c.ins, 1));
	length_text(&text, &c);
	return text;
}

/* ---- answers ---- */

static const struct name sw_names[] = {
	{0x9000, "done"},
	{0x6200, "warning"},
	{0x62f1, "answer cut, rest of the script not executed"},
	{0x6310, "more data available"},
	{0x6581, "memory failure"},
	{0x6700, "wrong length"},
	{0x6881, "logical channel not supported"},
	{0x6882, "secure messaging not supported"},
	{0x6982, "security status not satisfied"},
	{0x6985, "conditions of use not satisfied"},
	{0x6988, "secure messaging data wrong"},
	{0x69e1, "POL1 forbids"},
	{0x6a80, "wrong data field"},
	{0x6a81, "function not supported"},
	{0x6a82, "application or file not found"},
	{0x6a84, "not enough memory"},
	{0x6a86, "wrong P1 P2"},
	{0x6a88, "referenced data not found"},
	{0x6d00, "INS not supported"},
	{0x6e00, "CLA not supported"},
	{0x6f00, "no precise diagnosis"},
	{0x9300, "card application toolkit busy"},
	{0x9484, "algorithm not supported"},
	{0x9485, "wrong key check value"},
};

/* Families whose second octet is a number. */
static const struct name sw1_names[] = {
	{0x61, "done, more data"},
	{0x6c, "wrong Le"},
	{0x91, "done, proactive command pending"},
	{0x9f, "done, more data"},
	{0x64, "execution error"},
	{0x62, "warning"},
	{0x63, "warning"},
	{0x65, "memory or execution error"},
};

const char *sw_text(uint16_t sw)
{
	const char *name = name_of(sw_names, ARRAY_SIZE(sw_names), sw);

	if (!name)
		name = name_of(sw1_names, ARRAY_SIZE(sw1_names), sw >> 8);
	return name ? name : "unknown status word";
}

static const struct name state_names[] = {
	{0x03, "installed"}, {0x07, "selectable"}, {0x0f, "personalized"}, {0x1f, "disabled"}, {0x3f, "enabled"},
};

static bool first_octet(struct bytes level, uint32_t tag, uint8_t *v)
{
	struct bytes b;
	struct rd r;

	if (ber_find(level, tag, &b) < 0 || b.len != 1)
		return false;
	rd_init(&r, b);
	*v = rd_u8(&r);
	return true;
}

/* One E3 of GET STATUS: AID, state, fall-back attribute. */
static void add_status_entry(char **to, struct bytes entry)
{
	uint8_t state, attributes;
	const char *name;

	add_found_aid(to, entry);
	if (first_octet(entry, TAG_STATE, &state)) {
		name = name_of(state_names, ARRAY_SIZE(state_names), state);
		add(to, " %s", name ? name : "in an unknown state");
	}
	if (first_octet(entry, TAG_ATTRIBUTES, &attributes) && attributes & 1)
		add(to, " fall-back");
	add(to, ",");
}

static void add_data(char **to, struct bytes data)
{
	struct ber tlv;
	struct rd r;

	if (data.len == 0)
		return;
	add(to, "%zu octets,", data.len);
	rd_init(&r, data);
	while (ber_check(data, 4) == 0 && ber_next(&r, &tlv)) {
		if (tlv.tag == TAG_STATUS_ENTRY)
			add_status_entry(to, tlv.value);
	}
	add(to, " ");
}

char *rapdu_text(const void *ctx, struct bytes raw)
{
	char *text = text_start(ctx);
	struct rapdu r;

	if (rapdu_dec(raw, &r) < 0) {
		add(&text, "malformed answer, %zu octets", raw.len);
		return text;
	}
	add_data(&text, r.data);
	add(&text, "%04X %s", r.sw, sw_text(r.sw));
	return text;
}

/* ---- scripts ---- */

static const struct name cmd_item_names[] = {
	{SCRIPT_IMMEDIATE, "immediate action"},
	{SCRIPT_ERROR, "error action"},
	{SCRIPT_CHAINING, "script chaining"},
	{SCRIPT_SCP03T_INIT, "SCP03t INITIALIZE UPDATE"},
	{SCRIPT_SCP03T_AUTH, "SCP03t EXTERNAL AUTHENTICATE"},
	{SCRIPT_SCP03T_DATA, "SCP03t data"},
	{SCRIPT_SCP03T_KEYS, "SCP03t session keys"},
};

static const struct name rsp_item_names[] = {
	{SCRIPT_RSP_BAD_FORMAT, "script not understood"},
	{SCRIPT_RSP_ACTION, "immediate action failed"},
	{SCRIPT_RSP_CHAINING, "script chaining failed"},
	{SCRIPT_SCP03T_INIT, "SCP03t INITIALIZE UPDATE answer"},
	{SCRIPT_SCP03T_AUTH, "SCP03t EXTERNAL AUTHENTICATE answer"},
	{SCRIPT_SCP03T_DATA, "SCP03t data answer"},
};

/* \param[in] apdu_tag  TLVs with this tag are told by apdu_text, all others by their name */
static void add_items(char **to, struct bytes body, uint8_t apdu_tag, char *(*apdu_text)(const void *, struct bytes),
		      const struct name *names, size_t n_names)
{
	struct script_item item;
	const char *sep = "", *name;
	char *apdu;
	struct rd r;

	rd_init(&r, body);
	while (script_next(&r, &item)) {
		name = name_of(names, n_names, item.tag);
		if (item.tag == apdu_tag) {
			apdu = apdu_text(*to, item.value);
			add(to, "%s%s", sep, apdu);
			talloc_free(apdu);
		} else {
			add(to, "%s%s", sep, name ? name : "unknown TLV");
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
		add(&text, "administration session trigger, %zu octets", script.len);
	else
		add(&text, "no expanded script, %zu octets", script.len);
	return text;
}

char *script_rsp_text(const void *ctx, struct bytes script)
{
	char *text = text_start(ctx);
	struct script_rsp rsp;

	if (script.len == 0)
		add(&text, "no data");
	else if (script_rsp_dec(script, &rsp) < 0)
		add(&text, "no expanded response, %zu octets", script.len);
	else if (rsp.body.len == 0)
		add(&text, "%u executed", rsp.executed);
	else
		add_items(&text, rsp.body, SCRIPT_RSP_RAPDU, rapdu_text, rsp_item_names, ARRAY_SIZE(rsp_item_names));
	return text;
}
