/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Card content management by the ISD-R (SGP.02, ES5): CreateISDP is an INSTALL, DeleteProfile a DELETE of
 * GlobalPlatform. */
#include "lab/euicc/card.h"

#include <osmocom/core/utils.h>
#include <string.h>

#define INSTALL_AND_MAKE_SELECTABLE 0x0c
#define INSTALL_FOR_PERSONALIZATION 0x20

static const uint8_t load_file_aid[] = {0xa0, 0x00, 0x00, 0x05, 0x59, 0x10, 0x10, 0xff,
					0xff, 0xff, 0xff, 0x89, 0x00, 0x00, 0x0d, 0x00};
static const uint8_t module_aid[] = {0xa0, 0x00, 0x00, 0x05, 0x59, 0x10, 0x10, 0xff,
				     0xff, 0xff, 0xff, 0x89, 0x00, 0x00, 0x0e, 0x00};

static struct bytes lv(struct rd *r)
{
	return rd_bytes(r, rd_u8(r));
}

/* C9 first; EF { 83 quota } may follow. */
static bool quota(struct bytes params, uint32_t *mem)
{
	struct bytes system = bytes_of(NULL, 0), value;
	struct rd r;

	*mem = UNC_ISDP_MEM;
	rd_init(&r, params);
	(void)ber_expect(&r, 0xc9);
	if (rd_left(&r) > 0)
		system = ber_expect(&r, 0xef);
	if (rd_end(&r))
		return false;
	if (ber_find(system, 0x83, &value))
		return ber_check(system, 1) == 0;
	if (value.len < 2 || value.len > 4)
		return false;
	rd_init(&r, value);
	*mem = (uint32_t)rd_uint(&r, value.len);
	return rd_end(&r) == 0;
}

/* Instances are A0000005591010FFFFFFFF89, TAR from 000010 to 00FFFF, 00. */
static bool isdp_aid_ok(struct bytes aid)
{
	uint32_t tar;
	struct rd r;

	rd_init(&r, aid);
	if (!bytes_eq(rd_bytes(&r, 12), bytes_of(load_file_aid, 12)))
		return false;
	tar = (uint32_t)rd_uint(&r, 3);
	return rd_u8(&r) == 0 && rd_end(&r) == 0 && tar >= 0x10 && tar <= 0xffff;
}

static uint16_t create(struct euicc *card, struct bytes aid, uint32_t mem)
{
	struct euicc_profile p = {.state = ISDP_SELECTABLE, .mem_granted = mem, .mem_left = mem};

	if (!isdp_aid_ok(aid) || profile_find(card, aid) >= 0)
		return 0x6a80;
	if (mem > profile_mem_free(card))
		return 0x6a84;
	memcpy(p.aid, aid.data, sizeof(p.aid));
	if (profile_add(card, &p) < 0)
		return 0x6a84;
	out_event(card, "ISD-P created");
	return SW_OK;
}

static void receipt(struct wr *out)
{
	wr_fill(out, 0, UNC_NO_RECEIPT_LEN);
}

uint16_t isdr_install(struct euicc *card, const struct capdu *cmd, struct wr *out)
{
	struct bytes file, module, aid, privileges, params;
	uint32_t mem;
	uint16_t sw;
	struct rd r;

	if (cmd->p1 == INSTALL_FOR_PERSONALIZATION && cmd->p2 == 0)
		return perso_install(card, cmd, out);
	if (cmd->p1 != INSTALL_AND_MAKE_SELECTABLE || cmd->p2 != 0)
		return 0x6a86;
	rd_init(&r, cmd->data);
	file = lv(&r);
	module = lv(&r);
	aid = lv(&r);
	privileges = lv(&r);
	params = lv(&r);
	(void)lv(&r); /* token */
	if (rd_end(&r) || !quota(params, &mem) || !bytes_eq(privileges, BYTES_LIT("\x80\xc0\x00")))
		return 0x6a80;
	if (!bytes_eq(file, BYTES_ARR(load_file_aid)) || !bytes_eq(module, BYTES_ARR(module_aid)))
		return 0x6a88;
	sw = create(card, aid, mem);
	if (sw == SW_OK)
		receipt(out);
	return sw;
}

static uint16_t delete_slot(struct euicc *card, int slot)
{
	const struct euicc_profile *p = &card->nv.profiles[slot];
	bool loaded = p->state == ISDP_ENABLED || p->state == ISDP_DISABLED;

	if (p->state == ISDP_ENABLED || p->fallback || card->nv.switch_to == slot)
		return 0x6985;
	/* What a broken download left behind may always go. */
	if (loaded && (p->pol1 & UNC_POL1_NO_DELETE))
		return 0x69e1;
	out_event(card, "ISD-P in slot %d deleted", slot);
	profile_delete(card, slot);
	return SW_OK;
}

/* The token covers P1, P2, the length of what stands before it, and that. */
static bool token_good(struct euicc *card, int slot, struct bytes covered, struct bytes token)
{
	const uint8_t lead[] = {0x00, 0x40, (uint8_t)covered.len};
	const struct bytes parts[] = {BYTES_ARR(lead), covered};
	uint8_t want[16];
	struct key *key;
	int rc = isdp_token_load(card, card->session, slot, &key);

	if (rc)
		return false;
	rc = key_mac(card->fleet->crypto, key, parts, ARRAY_SIZE(parts), want, sizeof(want));
	talloc_free(key);
	return rc == 0 && bytes_eq_secret(token, BYTES_ARR(want));
}

/* MasterDelete: the SM-DP's token in place of POL1. */
static uint16_t master_delete(struct euicc *card, const struct capdu *cmd, struct bytes aid, struct rd *r)
{
	const struct euicc_profile *p;
	struct bytes covered, token;
	int slot = profile_find(card, aid);

	(void)ber_expect(r, 0xb6);
	covered = bytes_sub(cmd->data, 0, r->failed ? 0 : cmd->data.len - rd_left(r));
	token = ber_expect(r, 0x9e);
	if (rd_end(r))
		return 0x6a80;
	if (slot < 0)
		return UNC_SW_DELETE_UNKNOWN;
	p = &card->nv.profiles[slot];
	if (p->state != ISDP_DISABLED || p->fallback || card->nv.switch_to == slot)
		return 0x6985;
	if (!token_good(card, slot, covered, token))
		return UNC_SW_MASTER_DELETE;
	out_event(card, "ISD-P in slot %d deleted by token", slot);
	profile_delete(card, slot);
	return SW_OK;
}

uint16_t isdr_delete(struct euicc *card, const struct capdu *cmd, struct wr *out)
{
	struct bytes aid;
	uint16_t sw;
	struct rd r;
	int slot;

	if (cmd->p1 != 0 || cmd->p2 != 0x40)
		return 0x6a86;
	rd_init(&r, cmd->data);
	aid = ber_expect(&r, 0x4f);
	if (rd_left(&r) > 0) {
		sw = master_delete(card, cmd, aid, &r);
	} else if (rd_end(&r)) {
		sw = 0x6a80;
	} else {
		slot = profile_find(card, aid);
		sw = slot < 0 ? UNC_SW_DELETE_UNKNOWN : delete_slot(card, slot);
	}
	if (sw == SW_OK)
		receipt(out);
	return sw;
}
