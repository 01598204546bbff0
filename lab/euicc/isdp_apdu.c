/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* An ISD-P over SCP03 (SGP.02, ES8): opening a session, and the commands that its SM-DP sends in it.
 * The sequence counter is stored before the card's answer can leave, because it must never repeat. */
#include "lab/euicc/card.h"

#include <errno.h>
#include <osmocom/core/talloc.h>
#include <osmocom/core/utils.h>

#define INS_INIT 0x50
#define INS_AUTH 0x82
#define CLA_SECURE 0x04
#define STORE_ALL_P1 0xf8 /* but the bit that asks for an answer */
#define STORE_ONE_BLOCK 0x88
#define TOKEN_KVN 0x70

int secure_open(struct euicc *card, int slot, bool tlv, uint8_t kvn, struct bytes host_challenge,
		uint8_t rsp[SCP03_INIT_RSP_LEN])
{
	struct session *session = card_session(card);
	struct secure *s = talloc_zero(session, struct secure);
	struct isdp_nv *nv = card->nv.profiles[slot].es8;
	int rc;

	OSMO_ASSERT(s);
	TALLOC_FREE(session->secure);
	s->slot = slot;
	s->tlv = tlv;
	rc = isdp_keys_load(card, s, slot, kvn, &s->keys);
	if (rc == 0 && nv->counter >= SCP03_COUNTER_MAX)
		rc = -ENOENT;
	if (rc == 0) {
		nv->counter++;
		card->dirty = true;
		rc = scp03_card_init(card->fleet->crypto, s, &s->keys, BYTES_ARR(card->nv.profiles[slot].aid),
				     nv->counter, host_challenge, &s->scp, rsp);
	}
	if (rc)
		talloc_free(s);
	else
		session->secure = s;
	return rc;
}

struct secure *secure_of(struct euicc *card, bool tlv)
{
	const struct session *s = card_session(card);

	return s->secure && s->secure->slot == s->slot && s->secure->tlv == tlv ? s->secure : NULL;
}

static uint16_t init_update(struct euicc *card, const struct capdu *cmd, struct wr *out)
{
	uint8_t rsp[SCP03_INIT_RSP_LEN];
	int rc;

	if (cmd->p2 != 0)
		return 0x6a86;
	rc = secure_open(card, card_session(card)->slot, false, cmd->p1, cmd->data, rsp);
	if (rc)
		return rc == -EINVAL ? 0x6a80 : 0x6a88;
	wr_bytes(out, BYTES_ARR(rsp));
	return SW_OK;
}

static uint16_t authenticate(struct euicc *card, struct bytes raw)
{
	struct secure *s = secure_of(card, false);
	int rc = s ? scp03_card_auth(s->scp, raw) : -EPROTO;

	if (rc == 0)
		return SW_OK;
	TALLOC_FREE(card_session(card)->secure);
	return rc == -EACCES ? 0x6300 : rc == -EBADMSG ? UNC_SW_SCP03_MAC : rc == -EPROTO ? 0x6985 : 0x6a80;
}

/* ---- commands ---- */

/* Only the templates that are there replace what is stored. */
static uint16_t set_connectivity(struct euicc *card, struct secure *s, struct bytes value)
{
	struct isdp_nv *nv = isdp_nv_of(card, s->slot);
	struct bytes merged, part;
	struct ber t;
	struct wr w;
	struct rd r;

	rd_init(&r, value);
	while (ber_next(&r, &t)) {
		if (t.tag < 0xa0 || t.tag > 0xa2)
			return UNC_SW_UNKNOWN_TEMPLATE;
	}
	if (rd_end(&r) || value.len == 0)
		return 0x6a80;
	wr_init(&w, nv);
	for (uint32_t tag = 0xa0; tag <= 0xa2; tag++) {
		if (ber_find(value, tag, &part) == 0 || ber_find(nv->params, tag, &part) == 0)
			ber_put(&w, tag, part);
	}
	if (wr_end(&w, &merged) || merged.len > UNC_ISDP_PARAMS_MAX) {
		talloc_free(w.buf);
		return 0x6a84;
	}
	talloc_free((void *)nv->params.data);
	nv->params = merged;
	card->dirty = true;
	out_event(card, "ISD-P in slot %d: connectivity parameters", s->slot);
	return SW_OK;
}

static uint16_t store_data(struct euicc *card, struct secure *s, const struct capdu *cmd, struct wr *out)
{
	uint16_t sw = SW_OK;
	struct dgi dgi;
	struct rd r;

	if ((cmd->p1 & STORE_ALL_P1) != STORE_ONE_BLOCK || cmd->p2 != 0)
		return 0x6a86;
	rd_init(&r, cmd->data);
	while (sw == SW_OK && dgi_next(&r, &dgi)) {
		if (dgi.id == 0x3a07)
			sw = set_connectivity(card, s, dgi.value);
		else if (dgi.id != 0x0070) /* names of the security domain: taken, without effect here */
			sw = 0x6a88;
	}
	return sw == SW_OK && rd_end(&r) ? 0x6a80 : sw;
}

static uint16_t put_key(struct euicc *card, struct secure *s, const struct capdu *cmd, struct wr *out)
{
	struct crypto *c = card->fleet->crypto;
	struct key *key;
	uint8_t kvn, kcv[3];
	int rc;

	if (cmd->p2 != 0x01)
		return 0x6a86;
	rc = scp03_card_put_key(c, s, s->keys.dek, cmd->data, &kvn, &key);
	if (rc)
		return rc == -ENOTSUP ? 0x9484 : rc == -EBADMSG ? 0x9485 : 0x6a80;
	rc = kvn == TOKEN_KVN ? isdp_token_store(card, s->slot, key) : -ENOTSUP;
	if (rc == 0)
		rc = key_kcv(c, key, kcv);
	talloc_free(key);
	if (rc)
		return rc == -ENOTSUP ? 0x6a88 : 0x6581;
	wr_u8(out, kvn);
	wr_bytes(out, BYTES_ARR(kcv));
	out_event(card, "ISD-P in slot %d: token key", s->slot);
	return SW_OK;
}

static uint16_t get_data(struct euicc *card, struct secure *s, const struct capdu *cmd, struct wr *out)
{
	if (cmd->p1 != 0x00 || cmd->p2 != 0xc1)
		return 0x6a88;
	ber_put_head(out, 0xc1, 3);
	wr_uint(out, card->nv.profiles[s->slot].es8->counter, 3);
	return SW_OK;
}

static const struct {
	uint8_t ins;
	uint16_t (*run)(struct euicc *card, struct secure *s, const struct capdu *cmd, struct wr *out);
	bool writes;
} commands[] = {
	{0xe2, store_data, true},
	{0xd8, put_key, true},
	{0xca, get_data, false},
};

static uint16_t run(struct euicc *card, struct secure *s, struct bytes plain, struct wr *out)
{
	struct capdu cmd;

	if (capdu_dec(plain, &cmd))
		return 0x6700;
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (commands[i].ins != cmd.ins)
			continue;
		if (commands[i].writes && fault_on(card, EUICC_FAULT_MEMORY))
			return 0x6581;
		return commands[i].run(card, s, &cmd, out);
	}
	return 0x6d00;
}

static uint16_t protected_command(struct euicc *card, struct bytes raw, struct wr *out)
{
	struct secure *s = secure_of(card, false);
	struct wr plain, data, rapdu;
	uint16_t sw;

	if (!s || !scp03_alive(s->scp))
		return 0x6985;
	wr_init(&plain, s);
	wr_init(&data, s);
	wr_init(&rapdu, s);
	if (scp03_card_open(s->scp, raw, &plain)) {
		TALLOC_FREE(card_session(card)->secure);
		return UNC_SW_SCP03_MAC;
	}
	sw = run(card, s, bytes_of(plain.buf, plain.len), &data);
	if (!sw_is_ok(sw))
		data.len = 0;
	if (scp03_card_answer(s->scp, bytes_of(data.buf, data.len), sw, &rapdu) == 0 && rapdu.len >= 2)
		wr_bytes(out, bytes_of(rapdu.buf, rapdu.len - 2));
	talloc_free(plain.buf);
	talloc_free(data.buf);
	talloc_free(rapdu.buf);
	return sw;
}

uint16_t isdp_apdu(struct euicc *card, struct bytes raw, const struct capdu *cmd, struct wr *out)
{
	if ((cmd->cla & 0xfc) == (0x80 | CLA_SECURE))
		return cmd->ins == INS_AUTH ? authenticate(card, raw) : protected_command(card, raw, out);
	if (cmd->ins == INS_INIT)
		return init_update(card, cmd, out);
	return 0x6982;
}
