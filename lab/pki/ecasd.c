/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* CERT.ECASD.ECKA, and what other certificates of GlobalPlatform are made of: fields and order as in
 * common/crypto/gpcert.c, which reads it. */
#include <errno.h>
#include <time.h>

#include <openssl/objects.h>
#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/codec/ber.h"
#include "lab/pki/pki_int.h"

#define PRODUCT "SMSRLAB"

/* YYYYMMDD in BCD, some years from now. */
void pki_put_date(struct wr *w, uint32_t tag, int years)
{
	time_t now = time(NULL) - 24L * 3600;
	char text[9];
	uint8_t bcd[4];
	struct tm tm;

	OSMO_ASSERT(gmtime_r(&now, &tm));
	tm.tm_year += years;
	/* The 29th of February has no match in most years. */
	if (tm.tm_mday > 28)
		tm.tm_mday = 28;
	OSMO_ASSERT(strftime(text, sizeof(text), "%Y%m%d", &tm) == 8 && hex_dec_buf(bcd, sizeof(bcd), text) == 0);
	ber_put(w, tag, BYTES_ARR(bcd));
}

/* Content octets of a dotted object identifier. */
int pki_oid_octets(const void *ctx, const char *dotted, struct bytes *out)
{
	ASN1_OBJECT *obj = OBJ_txt2obj(dotted, 1);

	if (!obj)
		return -EINVAL;
	*out = bytes_dup(ctx, bytes_of(OBJ_get0_data(obj), OBJ_length(obj)));
	ASN1_OBJECT_free(obj);
	return out->len <= 16 ? 0 : -EINVAL;
}

void pki_put_pair(struct wr *w, const void *ctx, uint32_t tag, uint32_t tag_a, struct bytes a, uint32_t tag_b,
		  struct bytes b)
{
	struct bytes value;
	struct wr inner;

	wr_init(&inner, ctx);
	ber_put(&inner, tag_a, a);
	ber_put(&inner, tag_b, b);
	if (wr_end(&inner, &value) < 0)
		w->failed = true;
	else
		ber_put(w, tag, value);
}

static void put_tbs(struct wr *w, const void *ctx, const struct pki_eum *eum, const struct seed_card *card,
		    struct bytes ca_id, struct bytes point)
{
	static const uint8_t key_agreement[] = {0x00, 0x80};
	static const uint8_t image_number[] = {0x01};
	const uint8_t curve[] = {ec_curve_gp(EC_P256)};
	uint8_t serial[4];
	struct wr s;

	wr_init_buf(&s, serial, sizeof(serial));
	wr_u32(&s, card->index + 1);
	ber_put(w, 0x93, BYTES_ARR(serial));
	ber_put(w, 0x42, ca_id);
	ber_put(w, 0x5f20, BYTES_ARR(card->eid_bcd));
	ber_put(w, 0x95, BYTES_ARR(key_agreement));
	pki_put_date(w, 0x5f25, 0);
	pki_put_date(w, 0x5f24, PKI_YEARS);
	ber_put(w, 0x45, BYTES_ARR(image_number));
	pki_put_pair(w, ctx, 0x73, 0xc0, BYTES_LIT(PRODUCT), 0xc9, eum->ski);
	pki_put_pair(w, ctx, 0x7f49, 0xb0, point, 0xf0, BYTES_ARR(curve));
}

int pki_sign_tbs(const void *ctx, const struct privkey *key, struct wr *w, struct bytes *cert)
{
	struct bytes tbs, sig, body;
	struct wr whole;
	int rc = wr_end(w, &tbs);

	if (rc == 0)
		rc = privkey_sign(ctx, key, DIGEST_SHA256, tbs, &sig);
	if (rc < 0)
		return rc;
	ber_put(w, 0x5f37, sig);
	rc = wr_end(w, &body);
	if (rc < 0)
		return rc;
	wr_init(&whole, ctx);
	ber_put(&whole, 0x7f21, body);
	return wr_end(&whole, cert);
}

int pki_ecasd_cert(const void *ctx, const struct pki_eum *eum, const struct seed_card *card, struct bytes *cert)
{
	void *tmp = talloc_new(NULL);
	struct bytes ca_id, point, out;
	struct privkey *key;
	struct wr w;
	int rc;

	rc = privkey_ec_import(tmp, EC_P256, BYTES_ARR(card->ecasd_key), &key);
	if (rc == 0)
		rc = pubkey_point(tmp, privkey_pub(tmp, key), &point);
	if (rc == 0)
		rc = pki_oid_octets(tmp, eum->oid, &ca_id);
	if (rc == 0) {
		wr_init(&w, tmp);
		put_tbs(&w, tmp, eum, card, ca_id, point);
		rc = pki_sign_tbs(tmp, eum->key, &w, &out);
	}
	if (rc == 0)
		*cert = bytes_dup(ctx, out);
	talloc_free(tmp);
	return rc;
}
