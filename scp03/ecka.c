/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Key establishment, off-card side (SGP.02, ES8.EstablishISDPKeySet; the same two STORE DATA serve ES5).
 *
 * STORE DATA carries DGIs, whose length is no BER length, and the signature covers the DGIs exactly as they were sent:
 * they are built once and kept. */
#include "scp03/ecka.h"

#include <errno.h>
#include <string.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/codec/ber.h"
#include "scp03/ecka_int.h"

#define TAG_CAPDU 0x22
#define CLA_GP 0x80
#define INS_INSTALL 0xe6
#define INS_STORE_DATA 0xe2
#define FOR_PERSONALIZATION 0x20
#define P1_MORE 0x09 /* DGIs, answer expected */
#define P1_LAST 0x89
#define LC_MAX 255

struct ecka {
	struct ecka_setup set;
	struct privkey *ephemeral;
	struct bytes point; /* of the ephemeral key */
	enum digest digest; /* of signatures under sign_key */
	struct bytes crt;   /* the A6 TLV */
	uint8_t next_block; /* STORE DATA is numbered through b and c */
	bool sent;
};

static void put_capdu(struct wr *w, uint8_t ins, uint8_t p1, uint8_t p2, struct bytes data)
{
	ber_put_head(w, TAG_CAPDU, 5 + data.len + 1);
	wr_u8(w, CLA_GP);
	wr_u8(w, ins);
	wr_u8(w, p1);
	wr_u8(w, p2);
	wr_uint(w, data.len, 1);
	wr_bytes(w, data);
	wr_u8(w, 0x00);
}

void ecka_put_install(struct bytes isdp_aid, struct wr *cmds)
{
	uint8_t buf[64];
	struct wr w;

	wr_init_buf(&w, buf, sizeof(buf));
	wr_fill(&w, 0, 2);
	wr_uint(&w, isdp_aid.len, 1);
	wr_bytes(&w, isdp_aid);
	wr_fill(&w, 0, 3);
	OSMO_ASSERT(!w.failed);
	put_capdu(cmds, INS_INSTALL, FOR_PERSONALIZATION, 0x00, bytes_of(buf, w.len));
}

static void put_blocks(struct ecka *e, struct bytes dgis, uint8_t last_p1, struct wr *cmds)
{
	do {
		size_t n = OSMO_MIN(dgis.len, (size_t)LC_MAX);

		put_capdu(cmds, INS_STORE_DATA, n == dgis.len ? last_p1 : P1_MORE, e->next_block++,
			  bytes_sub(dgis, 0, n));
		dgis = bytes_sub(dgis, n, dgis.len - n);
	} while (dgis.len);
}

/* ---- set-up ---- */

static int ephemeral_make(struct ecka *e)
{
	enum ec_curve curve;
	int rc = pubkey_curve(e->set.ecasd_key, &curve);

	e->ephemeral = e->set.ephemeral;
	if (rc == 0 && !e->ephemeral)
		rc = privkey_ec_generate(e, curve, &e->ephemeral);
	return rc < 0 ? rc : privkey_point(e, e->ephemeral, &e->point);
}

static int signer_look(struct ecka *e)
{
	enum ec_curve curve;
	int rc = privkey_curve(e->set.sign_key, &curve);

	if (rc == 0)
		e->digest = ecka_digest(curve);
	return rc;
}

int ecka_alloc(const void *ctx, const struct ecka_setup *setup, struct ecka **out)
{
	struct ecka *e = talloc_zero(ctx, struct ecka);
	struct wr w;
	int rc;

	OSMO_ASSERT(e);
	e->set = *setup;
	wr_init(&w, e);
	rc = ecka_crt_enc(&e->set.params, &w);
	if (rc == 0)
		rc = wr_end(&w, &e->crt);
	if (rc == 0)
		rc = signer_look(e);
	if (rc == 0)
		rc = ephemeral_make(e);
	if (rc < 0)
		talloc_free(e);
	else
		*out = e;
	return rc;
}

/* ---- messages ---- */

int ecka_put_cert(struct ecka *e, struct wr *cmds)
{
	struct bytes dgi;
	struct wr w;
	int rc;

	wr_init(&w, e);
	dgi_put(&w, ECKA_DGI_CERT, e->set.cert);
	rc = wr_end(&w, &dgi) < 0 ? -EINVAL : 0;
	if (rc == 0)
		put_blocks(e, dgi, P1_MORE, cmds);
	talloc_free(w.buf);
	return rc;
}

int ecka_rc_dec(struct bytes data, struct bytes *rc_out)
{
	struct bytes rc;

	if (ber_find(data, ECKA_TAG_RANDOM, &rc) < 0 || rc.len == 0 || rc.len > ECKA_RANDOM_MAX)
		return -EINVAL;
	*rc_out = rc;
	return 0;
}

int ecka_put_agreement(struct ecka *e, struct bytes rc_octets, struct wr *cmds)
{
	void *tmp = talloc_new(e);
	struct bytes tbs, sig, dgis;
	size_t sent_len;
	struct wr w;
	int rc;

	if (e->next_block == 0) {
		talloc_free(tmp);
		return -EPROTO;
	}
	wr_init(&w, tmp);
	dgi_put(&w, ECKA_DGI_AGREEMENT, e->crt);
	dgi_put(&w, ECKA_DGI_POINT, e->point);
	sent_len = w.len;
	dgi_put(&w, ECKA_DGI_RC, rc_octets);
	rc = wr_end(&w, &tbs);
	if (rc == 0)
		rc = privkey_sign(tmp, e->set.sign_key, e->digest, tbs, &sig);
	if (rc == 0) {
		w.len = sent_len;
		dgi_put(&w, ECKA_DGI_SIGNATURE, sig);
		rc = wr_end(&w, &dgis);
	}
	if (rc == 0) {
		put_blocks(e, dgis, P1_LAST, cmds);
		e->sent = true;
	}
	talloc_free(tmp);
	return rc;
}

static int answer_dec(const struct ecka *e, struct bytes data, struct bytes *dr, struct bytes *receipt)
{
	*dr = bytes_of(NULL, 0);
	if (ber_find(data, ECKA_TAG_RECEIPT, receipt) < 0 || receipt->len != ECKA_RECEIPT_LEN)
		return -EINVAL;
	if (!(e->set.params.options & ECKA_DR))
		return 0;
	return ber_find(data, ECKA_TAG_RANDOM, dr) == 0 && dr->len && dr->len <= ECKA_RANDOM_MAX ? 0 : -EINVAL;
}

/* \returns 0; -EBADMSG when no reading that is allowed gives this receipt */
static int receipt_check(const struct ecka *e, struct crypto *c, const struct key *key, struct bytes dr,
			 struct bytes receipt)
{
	static const enum ecka_receipt forms[] = {ECKA_RECEIPT_85, ECKA_RECEIPT_0085};
	uint8_t want[ECKA_RECEIPT_LEN];

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		int rc;

		if (e->set.receipt != ECKA_RECEIPT_EITHER && e->set.receipt != forms[i])
			continue;
		rc = ecka_receipt_calc(c, key, e->crt, &e->set.params, dr, forms[i], want);
		if (rc < 0)
			return rc;
		if (bytes_eq_secret(receipt, BYTES_ARR(want)))
			return 0;
	}
	return -EBADMSG;
}

int ecka_finish(struct ecka *e, struct crypto *c, const void *ctx, struct bytes data, struct ecka_keys *keys)
{
	struct bytes dr, receipt;
	struct key *receipt_key;
	struct ecka_keys made;
	int rc;

	if (!e->sent)
		return -EPROTO;
	rc = answer_dec(e, data, &dr, &receipt);
	if (rc == 0)
		rc = ecka_derive(ctx, e->ephemeral, e->set.ecasd_key, &e->set.params, dr, &receipt_key, &made);
	if (rc < 0)
		return rc;
	rc = receipt_check(e, c, receipt_key, dr, receipt);
	talloc_free(receipt_key);
	if (rc < 0)
		ecka_keys_free(&made);
	else
		*keys = made;
	return rc;
}
