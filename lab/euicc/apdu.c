/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Command APDUs: one table for each application of the card, and scripts of them (TS 102 226).
 *
 * The session (blocks of a STORE DATA, position of a GET STATUS) lives on between scripts until the card is reset,
 * since an SM-SR may need several short messages for one dialogue. */
#include "lab/euicc/card.h"

#include <errno.h>
#include <osmocom/core/talloc.h>
#include <osmocom/core/utils.h>

#include "scp80/apdu_text.h"
#include "scp80/script.h"

#define CLA_SECURE_MESSAGING 0x0c
#define SCRIPT_MAX_CAPDUS 64

typedef uint16_t (*command_fn)(struct euicc *card, const struct capdu *cmd, struct wr *out);

struct command {
	uint8_t ins;
	command_fn run;
	bool writes;
};

static const struct command isdr_commands[] = {
	{0xca, isdr_get_data, false}, {0xe2, isdr_store_data, true},  {0xe4, isdr_delete, true},
	{0xe6, isdr_install, true},   {0xf2, isdr_get_status, false},
};
static const struct command ecasd_commands[] = {
	{0xca, ecasd_get_data, false},
};

/* An ISD-P has its own way with commands, see isdp_apdu.c. */
static const struct {
	const struct command *table;
	size_t n;
} apps[] = {
	[APP_ISDR] = {isdr_commands, ARRAY_SIZE(isdr_commands)},
	[APP_ECASD] = {ecasd_commands, ARRAY_SIZE(ecasd_commands)},
	[APP_ISDP] = {NULL, 0},
};

static const uint8_t aid_isdr[] = {0xa0, 0x00, 0x00, 0x05, 0x59, 0x10, 0x10, 0xff,
				   0xff, 0xff, 0xff, 0x89, 0x00, 0x00, 0x01, 0x00};
static const uint8_t aid_ecasd[] = {0xa0, 0x00, 0x00, 0x05, 0x59, 0x10, 0x10, 0xff,
				    0xff, 0xff, 0xff, 0x89, 0x00, 0x00, 0x02, 0x00};

struct bytes card_aid_isdr(void)
{
	return BYTES_ARR(aid_isdr);
}

struct session *card_session(struct euicc *card)
{
	if (!card->session) {
		card->session = talloc_zero(card, struct session);
		OSMO_ASSERT(card->session);
	}
	return card->session;
}

void card_select(struct euicc *card, enum card_app app, int slot)
{
	card_session(card)->app = app;
	card_session(card)->slot = slot;
}

static bool app_by_aid(const struct euicc *card, struct bytes aid, enum card_app *app, int *slot)
{
	*slot = -1;
	if (bytes_eq(aid, BYTES_ARR(aid_isdr)))
		*app = APP_ISDR;
	else if (bytes_eq(aid, BYTES_ARR(aid_ecasd)))
		*app = APP_ECASD;
	else if ((*slot = profile_find(card, aid)) >= 0)
		*app = APP_ISDP;
	else
		return false;
	return true;
}

/* GlobalPlatform classes: 80-8F, C0-CF, E0-EF.  Secure messaging belongs to SCP03, which only an ISD-P speaks. */
static uint16_t class_sw(uint8_t cla)
{
	static const uint8_t high[] = {0x80, 0xc0, 0xe0};

	for (size_t i = 0; i < ARRAY_SIZE(high); i++) {
		if ((cla & 0xf0) == high[i])
			return cla < 0x90 && (cla & CLA_SECURE_MESSAGING) ? 0x6882 : SW_OK;
	}
	return 0x6e00;
}

static uint16_t select_by_name(struct euicc *card, struct bytes aid)
{
	enum card_app app;
	int slot;

	if (!app_by_aid(card, aid, &app, &slot))
		return 0x6a82;
	card_select(card, app, slot);
	return SW_OK;
}

/* A session may outlive the ISD-P that it had selected. */
static bool isdp_gone(const struct euicc *card, const struct session *s)
{
	return s->app == APP_ISDP && card->nv.profiles[s->slot].state == ISDP_NONE;
}

static uint16_t dispatch(struct euicc *card, struct bytes raw, const struct capdu *cmd, struct wr *out)
{
	enum card_app app = card_session(card)->app;
	uint16_t sw = class_sw(cmd->cla);

	if (cmd->cla == 0x00 && cmd->ins == 0xa4)
		return select_by_name(card, cmd->data);
	if (isdp_gone(card, card_session(card)))
		return 0x6a88;
	if (app == APP_ISDP && sw != 0x6e00)
		return isdp_apdu(card, raw, cmd, out);
	if (sw != SW_OK)
		return sw;
	for (size_t i = 0; i < apps[app].n; i++) {
		const struct command *c = &apps[app].table[i];

		if (c->ins == cmd->ins)
			return c->writes && fault_on(card, EUICC_FAULT_MEMORY) ? 0x6581 : c->run(card, cmd, out);
	}
	return 0x6d00;
}

uint16_t card_apdu(struct euicc *card, struct bytes raw, struct wr *out)
{
	size_t before = out->len;
	struct capdu cmd;
	uint16_t sw;

	sw = capdu_dec(raw, &cmd) ? 0x6700 : dispatch(card, raw, &cmd, out);
	/* Only success and "more" carry data: what a failing handler had begun to write is not part of the answer. */
	if (!sw_is_ok(sw) && sw != UNC_SW_MORE_STATUS)
		out->len = before;
	return sw;
}

/* Warnings (62xx, 63xx) do not stop a script. */
static bool stops_script(uint16_t sw)
{
	unsigned int sw1 = sw >> 8;

	return !sw_is_ok(sw) && sw1 != 0x62 && sw1 != 0x63;
}

static struct bytes run_one(struct euicc *card, const void *ctx, struct bytes capdu, uint16_t *sw)
{
	struct bytes rapdu;
	struct wr w;
	int rc;

	wr_init(&w, ctx);
	*sw = card_apdu(card, capdu, &w);
	wr_u16(&w, *sw);
	rc = wr_end(&w, &rapdu);
	OSMO_ASSERT(rc == 0);
	if (card->trace) {
		out_trace(card, "> %s  %s", hex_enc(ctx, capdu), capdu_text(ctx, capdu));
		out_trace(card, "< %s  %s", hex_enc(ctx, rapdu), rapdu_text(ctx, rapdu));
	}
	return rapdu;
}

static void rsp_enc(const void *ctx, enum script_form form, unsigned int executed, const struct script_item *items,
		    size_t n, struct bytes *rsp)
{
	struct wr w;
	int rc;

	wr_init(&w, ctx);
	rc = script_rsp_enc(form, executed, items, n, &w);
	if (rc == 0)
		rc = wr_end(&w, rsp);
	OSMO_ASSERT(rc == 0);
}

static void bad_format(const void *ctx, uint8_t why, struct bytes *rsp)
{
	const struct script_item item = {SCRIPT_RSP_BAD_FORMAT, bytes_of(&why, 1)};

	rsp_enc(ctx, SCRIPT_DEFINITE, 0, &item, 1, rsp);
}

static bool is_scp03t(const struct script_item *item)
{
	return item->tag >= SCRIPT_SCP03T_INIT && item->tag <= SCRIPT_SCP03T_KEYS;
}

/* Actions and chaining are taken and change nothing; TLVs of SCP03t are for ISD-Ps. */
static bool item_known(struct euicc *card, const struct script_item *item)
{
	return item->tag == SCRIPT_CAPDU || item->tag == SCRIPT_IMMEDIATE || item->tag == SCRIPT_ERROR ||
	       item->tag == SCRIPT_CHAINING ||
	       (is_scp03t(item) && card_session(card)->app == APP_ISDP && !isdp_gone(card, card_session(card)));
}

static struct script_item run_tlv(struct euicc *card, const void *ctx, const struct script_item *item, bool *go_on)
{
	struct script_item answer;

	*go_on = isdp_tlv(card, ctx, (uint8_t)item->tag, item->value, &answer.tag, &answer.value);
	if (card->trace) {
		out_trace(card, "> %s, %zu octets", isdp_tlv_name((uint8_t)item->tag), item->value.len);
		out_trace(card, "< %s %s", *go_on ? "done" : "refused", hex_enc(ctx, answer.value));
	}
	return answer;
}

/* Run the items until one fails.
 * \param[out] n       answers
 * \param[out] n_tlvs  of these, answers of SCP03t
 * \returns false when a tag is unknown here */
static bool run_items(struct euicc *card, const void *ctx, struct bytes body, struct script_item *answers,
		      unsigned int *n, unsigned int *n_tlvs)
{
	struct script_item item;
	uint16_t sw = SW_OK;
	bool go_on = true;
	struct rd r;

	rd_init(&r, body);
	while (go_on && !stops_script(sw) && script_next(&r, &item)) {
		if (!item_known(card, &item))
			return false;
		if (item.tag == SCRIPT_CAPDU) {
			answers[(*n)++] = (struct script_item){SCRIPT_RSP_RAPDU, run_one(card, ctx, item.value, &sw)};
		} else if (is_scp03t(&item)) {
			answers[(*n)++] = run_tlv(card, ctx, &item, &go_on);
			(*n_tlvs)++;
		}
	}
	return true;
}

void card_script(struct euicc *card, const void *ctx, struct bytes script, struct bytes *rsp)
{
	struct script_item answers[SCRIPT_MAX_CAPDUS];
	enum script_bad bad = SCRIPT_BAD_NONE;
	unsigned int n = 0, n_tlvs = 0;
	struct script_cmd cmd;

	if (script_cmd_dec(script, &cmd, &bad) || cmd.n_items > SCRIPT_MAX_CAPDUS)
		bad_format(ctx, bad == SCRIPT_BAD_NONE ? SCRIPT_BAD_LEN : (uint8_t)bad, rsp);
	else if (!run_items(card, ctx, cmd.body, answers, &n, &n_tlvs))
		bad_format(ctx, SCRIPT_BAD_TAG, rsp);
	/* The definite form carries the last R-APDU only (SGP.02 over SMS). */
	else if (cmd.form == SCRIPT_DEFINITE && n > 1 && n_tlvs == 0)
		rsp_enc(ctx, cmd.form, n, &answers[n - 1], 1, rsp);
	else
		rsp_enc(ctx, cmd.form, n, answers, n, rsp);
}

int euicc_script(struct euicc *card, const void *ctx, struct bytes target_aid, struct bytes script,
		 struct bytes *response)
{
	enum card_app app = APP_ISDR;
	int slot = -1;

	if (target_aid.len && !app_by_aid(card, target_aid, &app, &slot))
		return -ENOENT;
	card_select(card, app, slot);
	card_script(card, ctx, script, response);
	return 0;
}
