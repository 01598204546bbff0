/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Commands of SGP.02 in words.  Names come from tables; arguments are shown only where a table knows the field and the
 * field is no secret (AIDs, sequence numbers).  Values of keys have no path to the output: nothing here prints data
 * that it does not understand. */
#include "scp80/apdu_text.h"

#include <osmocom/core/utils.h>

#include "common/codec/ber.h"
#include "scp80/apdu.h"
#include "scp80/text.h"

#define TAG_SEQUENCE 0x4e

/* ---- STORE DATA ---- */

static const struct text_name dgi_names[] = {
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
	const char *name = text_name(dgi_names, ARRAY_SIZE(dgi_names), dgi->id);
	struct bytes seq;

	text_add(to, " %04X %s", dgi->id, name ? name : "unknown");
	if (!name)
		return;
	text_add_aid_of(to, dgi->value);
	if (ber_find(dgi->value, TAG_SEQUENCE, &seq) == 0 && seq.len <= 2) {
		text_add(to, " ");
		text_add_hex(to, seq);
	}
}

static void store_data_text(char **to, const struct capdu *c)
{
	struct dgi dgi;
	struct rd r;
	bool first = true;

	rd_init(&r, c->data);
	while (dgi_next(&r, &dgi)) {
		text_add(to, "%s", first ? "" : ",");
		add_dgi(to, &dgi);
		first = false;
	}
	if (rd_end(&r) < 0)
		text_add(to, "%s block %u, %zu octets", first ? "" : ",", c->p2, c->data.len);
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
		text_add(to, " [for personalization]");
	else if (c->p1 == 0x0c)
		text_add(to, " [for install and make selectable] CreateISDP");
	else
		text_add(to, " P1 %u", c->p1);
	if (!r.failed && aid.len) {
		text_add(to, " ");
		text_add_aid(to, aid);
	}
}

static void delete_text(char **to, const struct capdu *c)
{
	struct bytes token;

	if (c->p2 == 0x40)
		text_add(to, ber_find(c->data, 0x9e, &token) == 0 ? " MasterDelete" : " DeleteProfile");
	else if (ber_find(c->data, 0xf2, &token) == 0)
		text_add(to, " FinaliseISDRhandover");
	text_add_aid_of(to, c->data);
}

static void get_data_text(char **to, const struct capdu *c)
{
	static const struct text_name names[] = {
		{0xff21, "card resources"}, {0xbf30, "ECASD certificate"}, {0x005a, "EID"},
		{0x0066, "card data"},	    {0x00e0, "key information"},
	};
	unsigned int tag = c->p1 * 256U + c->p2;
	const char *name = text_name(names, ARRAY_SIZE(names), tag);

	text_add(to, " %04X%s%s", tag, name ? " " : "", name ? name : "");
}

static void aid_text(char **to, const struct capdu *c)
{
	text_add_aid_of(to, c->data);
}

static void put_key_text(char **to, const struct capdu *c)
{
	const uint8_t kid = c->p2 & 0x7f;
	struct rd r;

	rd_init(&r, c->data);
	text_add(to, " KVN ");
	text_add_hex(to, rd_bytes(&r, 1));
	text_add(to, " KID ");
	text_add_hex(to, bytes_of(&kid, 1));
	text_add(to, ", %zu octets not shown", rd_left(&r));
}

static void length_text(char **to, const struct capdu *c)
{
	if (c->data.len)
		text_add(to, ", %zu octets", c->data.len);
}

static void select_text(char **to, const struct capdu *c)
{
	text_add(to, " ");
	text_add_aid(to, c->data);
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
		text_add(&text, "malformed command, %zu octets", raw.len);
		return text;
	}
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (commands[i].ins != c.ins)
			continue;
		text_add(&text, "%s", commands[i].name);
		commands[i].args(&text, &c);
		return text;
	}
	text_add(&text, "INS ");
	text_add_hex(&text, bytes_of(&c.ins, 1));
	length_text(&text, &c);
	return text;
}
