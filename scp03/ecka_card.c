/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Key establishment, the card's side (SGP.02): what an ISD-P or the ISD-R does with DGI 3A02 and its neighbours. */
#include <errno.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/codec/ber.h"
#include "scp03/ecka.h"
#include "scp03/ecka_int.h"

#define TAG_POINT 0xb0

/* Senders do not agree on the content of DGI 7F49: 04 X Y, X Y, or B0 { 04 X Y } F0 curve.  The length tells. */
static int point_dec(struct bytes value, struct bytes *point)
{
	if (value.len % 16 <= 1) {
		*point = value;
		return 0;
	}
	return ber_find(value, TAG_POINT, point) == 0 ? 0 : -EINVAL;
}

static int point_import(const void *ctx, enum ec_curve curve, struct bytes point, struct pubkey **key)
{
	uint8_t buf[1 + 2 * 48];
	struct wr w;

	if (point.len != 2 * ec_curve_len(curve))
		return pubkey_ec_import(ctx, curve, point, key);
	wr_init_buf(&w, buf, sizeof(buf));
	wr_u8(&w, 0x04);
	wr_bytes(&w, point);
	return pubkey_ec_import(ctx, curve, bytes_of(buf, w.len), key);
}

static struct bytes dgi_expect(struct rd *r, uint16_t id)
{
	struct dgi d;

	if (dgi_next(r, &d) && d.id == id)
		return d.value;
	rd_fail(r);
	return bytes_of(NULL, 0);
}

int ecka_request_dec(struct bytes dgis, struct ecka_request *out)
{
	struct ecka_request req;
	struct bytes crt, point;
	struct rd r;

	rd_init(&r, dgis);
	req.crt = dgi_expect(&r, ECKA_DGI_AGREEMENT);
	point = dgi_expect(&r, ECKA_DGI_POINT);
	req.signed_part = bytes_sub(dgis, 0, r.failed ? 0 : dgis.len - rd_left(&r));
	req.signature = dgi_expect(&r, ECKA_DGI_SIGNATURE);
	if (rd_end(&r) < 0 || point_dec(point, &req.point) < 0)
		return -EINVAL;
	rd_init(&r, req.crt);
	crt = ber_expect(&r, ECKA_TAG_CRT);
	if (rd_end(&r) < 0 || ecka_crt_dec(crt, &req.params) < 0)
		return -EINVAL;
	*out = req;
	return 0;
}

static int signature_check(const struct ecka_card *card, const struct ecka_request *req)
{
	void *tmp = talloc_new(NULL);
	enum ec_curve curve;
	struct bytes tbs;
	struct wr w;
	int rc;

	wr_init(&w, tmp);
	wr_bytes(&w, req->signed_part);
	dgi_put(&w, ECKA_DGI_RC, card->rc);
	rc = wr_end(&w, &tbs);
	if (rc == 0)
		rc = pubkey_curve(card->signer, &curve);
	if (rc == 0)
		rc = pubkey_verify(card->signer, ecka_digest(curve), tbs, req->signature);
	talloc_free(tmp);
	return rc;
}

static int answer(const struct ecka_card *card, struct crypto *c, const struct key *receipt_key,
		  const struct ecka_request *req, const struct ecka_params *p, struct wr *rsp)
{
	uint8_t receipt[ECKA_RECEIPT_LEN];
	int rc = ecka_receipt_calc(c, receipt_key, req->crt, p, card->dr, card->receipt, receipt);

	if (rc < 0)
		return rc;
	if (p->options & ECKA_DR)
		ber_put(rsp, ECKA_TAG_RANDOM, card->dr);
	ber_put(rsp, ECKA_TAG_RECEIPT, BYTES_ARR(receipt));
	return 0;
}

int ecka_card_agree(const struct ecka_card *card, struct crypto *c, const void *ctx, const struct ecka_request *req,
		    struct ecka_keys *keys, struct wr *rsp)
{
	struct ecka_params p = req->params;
	struct pubkey *peer = NULL;
	struct key *receipt_key;
	struct ecka_keys made;
	int rc = signature_check(card, req);

	p.sin = card->sin;
	if (rc == 0)
		rc = point_import(ctx, card->curve, req->point, &peer);
	if (rc == 0)
		rc = ecka_derive(ctx, card->ecasd_key, peer, &p, card->dr, &receipt_key, &made);
	talloc_free(peer);
	if (rc < 0)
		return rc;
	rc = answer(card, c, receipt_key, req, &p, rsp);
	talloc_free(receipt_key);
	if (rc < 0)
		ecka_keys_free(&made);
	else
		*keys = made;
	return rc;
}
