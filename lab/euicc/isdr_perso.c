/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Key establishment (SGP.02, ES8.EstablishISDPKeySet): the ISD-R passes INSTALL [for personalization] and two STORE
 * DATA on to the ISD-P, the ECASD checks the certificate and lends its key.
 *
 * The random challenge serves once: whatever goes wrong ends the establishment, and the SM-DP begins again with the
 * INSTALL. */
#include "lab/euicc/card.h"

#include <errno.h>
#include <osmocom/core/talloc.h>
#include <osmocom/core/utils.h>

#include "common/crypto/gpcert.h"
#include "common/crypto/rnd.h"
#include "scp03/ecka.h"

#define P1_LAST 0x80
#define DGI_CERT 0x3a01
#define DGI_AGREEMENT 0x3a02
#define TAG_RANDOM 0x85
#define ROLE_SM_DP 1
#define DGIS_MAX 2048

void perso_forget(struct euicc *card, int slot)
{
	struct session *s = card->session;

	if (s && s->perso && s->perso->slot == slot)
		TALLOC_FREE(s->perso);
	if (s && s->secure && s->secure->slot == slot)
		TALLOC_FREE(s->secure);
	if (s && s->received.len && s->received_slot == slot) {
		talloc_free((void *)s->received.data);
		s->received = bytes_of(NULL, 0);
	}
}

uint16_t perso_install(struct euicc *card, const struct capdu *cmd, struct wr *out)
{
	struct session *s = card_session(card);
	struct bytes aid, lead, tail;
	struct rd r;
	int slot;

	rd_init(&r, cmd->data);
	lead = rd_bytes(&r, 2);
	aid = rd_bytes(&r, rd_u8(&r));
	tail = rd_bytes(&r, 3);
	if (rd_end(&r) || !bytes_eq(lead, BYTES_LIT("\0\0")) || !bytes_eq(tail, BYTES_LIT("\0\0\0")))
		return 0x6a80;
	TALLOC_FREE(s->perso);
	slot = profile_find(card, aid);
	if (slot < 0)
		return UNC_SW_AID_UNKNOWN;
	if (card->nv.profiles[slot].state != ISDP_SELECTABLE)
		return 0x6985;
	s->perso = talloc_zero(s, struct perso);
	OSMO_ASSERT(s->perso);
	s->perso->slot = slot;
	wr_init(&s->perso->dgis, s->perso);
	wr_fill(out, 0, UNC_NO_RECEIPT_LEN);
	return SW_OK;
}

static uint16_t first_id(struct bytes data)
{
	struct rd r;

	rd_init(&r, data);
	return rd_u16(&r);
}

bool perso_wants(struct euicc *card, const struct capdu *cmd)
{
	struct session *s = card_session(card);
	uint16_t id = first_id(cmd->data);

	if (s->perso && s->perso->next == cmd->p2 && (s->perso->next > 0 || id == DGI_CERT))
		return true;
	/* Another STORE DATA begins: the establishment is given up. */
	if (cmd->p2 == 0)
		TALLOC_FREE(s->perso);
	return id == DGI_CERT || id == DGI_AGREEMENT;
}

static int ecasd_load(struct euicc *card, const void *ctx, struct euicc_ecasd *ecasd)
{
	const struct euicc_host *host = &card->fleet->host;

	return host->ecasd ? host->ecasd(host->arg, card, ctx, ecasd) : -ENOENT;
}

/* A card has no clock: dates are not its business. */
static int cert_check(struct euicc *card, const void *ctx, struct bytes tlv, struct gpcert *cert)
{
	struct euicc_ecasd ecasd;
	uint8_t ski[20];
	int rc = ecasd_load(card, ctx, &ecasd);

	if (rc == 0)
		rc = gpcert_parse(tlv, cert);
	if (rc == 0)
		rc = gpcert_verify(cert, ecasd.ci);
	if (rc == 0)
		rc = pubkey_ski(ecasd.ci, ski);
	if (rc == 0 && (cert->usage != GPCERT_USAGE_VERIFY || cert->role != ROLE_SM_DP ||
			(cert->aki.len && !bytes_eq(cert->aki, BYTES_ARR(ski)))))
		rc = -EACCES;
	return rc;
}

static uint16_t take_cert(struct euicc *card, struct perso *p, struct bytes tlv, struct wr *out)
{
	void *ctx = talloc_new(p);
	struct gpcert cert;
	int rc = cert_check(card, ctx, tlv, &cert);

	if (rc == 0)
		rc = pubkey_ec_import(p, cert.curve, cert.point, &p->signer);
	talloc_free(ctx);
	if (rc) {
		out_event(card, "certificate of the SM-DP refused (%d)", rc);
		return UNC_SW_PERSO;
	}
	rnd_bytes(p->challenge, sizeof(p->challenge));
	ber_put(out, TAG_RANDOM, BYTES_ARR(p->challenge));
	out_event(card, "certificate of the SM-DP is good");
	return SW_OK;
}

static int counter_of(struct bytes octets, uint32_t *counter)
{
	struct rd r;
	uint64_t n;

	rd_init(&r, octets);
	n = rd_uint(&r, octets.len);
	if (rd_end(&r) || n >= SCP03_COUNTER_MAX)
		return -EINVAL;
	*counter = (uint32_t)n;
	return 0;
}

static int agree(struct euicc *card, struct perso *p, const void *ctx, struct bytes dgis, struct wr *rsp)
{
	struct ecka_card side = {.signer = p->signer, .rc = BYTES_ARR(p->challenge), .receipt = UNC_RECEIPT_FORM};
	struct euicc_ecasd ecasd;
	struct ecka_request req;
	struct ecka_keys made;
	struct scp03_keys keys;
	uint32_t counter;
	uint8_t dr[16];
	int rc = ecasd_load(card, ctx, &ecasd);

	if (rc == 0)
		rc = ecka_request_dec(dgis, &req);
	if (rc == 0)
		rc = counter_of(req.params.counter, &counter);
	if (rc == 0 && req.params.kvn >> 4 != 3)
		rc = -EINVAL;
	if (rc)
		return rc;
	rnd_bytes(dr, sizeof(dr));
	side.ecasd_key = ecasd.key;
	side.curve = ecasd.curve;
	side.dr = BYTES_ARR(dr);
	side.sin = bytes_str(UNC_ISDP_SIN);
	rc = ecka_card_agree(&side, card->fleet->crypto, ctx, &req, &made, rsp);
	if (rc)
		return rc;
	keys = (struct scp03_keys){made.kvn, made.enc, made.mac, made.dek};
	return isdp_keys_store(card, p->slot, &keys, counter);
}

static uint16_t take_agreement(struct euicc *card, struct perso *p, struct bytes dgis, struct wr *out)
{
	struct euicc_profile *profile = &card->nv.profiles[p->slot];
	void *ctx = talloc_new(p);
	struct wr rsp;
	int rc;

	wr_init(&rsp, ctx);
	rc = profile->state == ISDP_SELECTABLE ? agree(card, p, ctx, dgis, &rsp) : -EPROTO;
	if (rc == 0) {
		wr_bytes(out, bytes_of(rsp.buf, rsp.len));
		profile->state = ISDP_PERSONALIZED;
		card->dirty = true;
		out_event(card, "ISD-P in slot %d has its key set", p->slot);
	} else {
		out_event(card, "key establishment failed (%d)", rc);
	}
	talloc_free(ctx);
	return rc == 0 ? SW_OK : rc == -EPROTO ? 0x6985 : UNC_SW_PERSO;
}

/* All blocks so far.  \returns SW_OK also when more blocks are to come */
static uint16_t advance(struct euicc *card, struct perso *p, bool last, struct wr *out)
{
	struct bytes all = bytes_of(p->dgis.buf, p->dgis.len);
	struct dgi dgi;
	struct rd r;

	if (p->signer)
		return last ? take_agreement(card, p, all, out) : SW_OK;
	rd_init(&r, all);
	if (!dgi_next(&r, &dgi))
		return last ? 0x6a80 : SW_OK;
	if (last || dgi.id != DGI_CERT || rd_end(&r))
		return 0x6a80;
	p->dgis.len = 0;
	return take_cert(card, p, dgi.value, out);
}

uint16_t perso_store_data(struct euicc *card, const struct capdu *cmd, struct wr *out)
{
	struct session *s = card_session(card);
	bool last = cmd->p1 & P1_LAST;
	uint16_t sw;

	if (!s->perso)
		return 0x6985;
	if (s->perso->dgis.len + cmd->data.len > DGIS_MAX) {
		TALLOC_FREE(s->perso);
		return 0x6a84;
	}
	s->perso->next = (uint8_t)(cmd->p2 + 1);
	wr_bytes(&s->perso->dgis, cmd->data);
	sw = advance(card, s->perso, last, out);
	if (last || sw != SW_OK)
		TALLOC_FREE(s->perso);
	return sw;
}
