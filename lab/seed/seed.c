/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* HKDF (RFC 5869) on one cached HMAC context, and the numbering plan of the lab's cards: EIDs below 89001012, MCC 001
 * MNC 01, MSISDNs below +882 99.  The number of a card stands in all of them, so that logs can be read. */
#include "lab/seed/seed.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <osmocom/core/utils.h>
#include <talloc.h>

#define PRK_LEN 32

struct seed {
	EVP_MAC_CTX *hmac;
	uint8_t prk[PRK_LEN];
};

static int seed_destroy(struct seed *s)
{
	EVP_MAC_CTX_free(s->hmac);
	bytes_wipe(s->prk, sizeof(s->prk));
	return 0;
}

static int hmac(struct seed *s, struct bytes key, const struct bytes *parts, size_t n_parts, uint8_t out[PRK_LEN])
{
	size_t len;

	if (EVP_MAC_init(s->hmac, key.data, key.len, NULL) != 1)
		return -EIO;
	for (size_t i = 0; i < n_parts; i++) {
		if (EVP_MAC_update(s->hmac, parts[i].data, parts[i].len) != 1)
			return -EIO;
	}
	return EVP_MAC_final(s->hmac, out, &len, PRK_LEN) == 1 && len == PRK_LEN ? 0 : -EIO;
}

static EVP_MAC_CTX *hmac_context(void)
{
	char digest[] = "SHA256";
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *ctx = mac ? EVP_MAC_CTX_new(mac) : NULL;

	EVP_MAC_free(mac);
	if (ctx && EVP_MAC_CTX_set_params(ctx, params) == 1)
		return ctx;
	EVP_MAC_CTX_free(ctx);
	return NULL;
}

struct seed *seed_alloc(const void *ctx, const char *text)
{
	static const uint8_t no_salt[PRK_LEN];
	struct seed *s = talloc_zero(ctx, struct seed);
	struct bytes ikm = bytes_str(text);

	OSMO_ASSERT(s);
	talloc_set_destructor(s, seed_destroy);
	s->hmac = hmac_context();
	if (ikm.len == 0 || !s->hmac || hmac(s, BYTES_ARR(no_salt), &ikm, 1, s->prk) < 0) {
		talloc_free(s);
		return NULL;
	}
	return s;
}

int seed_derive(struct seed *s, const char *label, const char *name, uint8_t *out, size_t len)
{
	static const uint8_t sep = 0x00, counter = 0x01;
	struct bytes parts[] = {bytes_str(label), bytes_of(&sep, 1), bytes_str(name), bytes_of(&counter, 1)};
	uint8_t okm[PRK_LEN];

	if (len > sizeof(okm))
		return -EINVAL;
	if (hmac(s, BYTES_ARR(s->prk), parts, ARRAY_SIZE(parts), okm) < 0)
		return -EIO;
	memcpy(out, okm, len);
	bytes_wipe(okm, sizeof(okm));
	return 0;
}

/* ---- numbers ---- */

void seed_luhn_append(char *digits)
{
	size_t len = strlen(digits);
	unsigned int sum = 0;

	for (size_t i = 0; i < len; i++) {
		unsigned int d = (unsigned int)(digits[len - 1 - i] - '0') << (i % 2 == 0);

		sum += d > 9 ? d - 9 : d;
	}
	digits[len] = (char)('0' + (10 - sum % 10) % 10);
	digits[len + 1] = '\0';
}

static void digits_put(char *out, size_t cap, const char *prefix, int width, uint32_t number)
{
	int n = snprintf(out, cap, "%s%0*u", prefix, width, (unsigned int)number);

	OSMO_ASSERT(n > 0 && (size_t)n < cap);
}

/* Two digits that make the whole number 1 modulo 97 (ISO 7064). */
static void eid_check_append(char eid[33])
{
	unsigned int r = 0;

	for (size_t i = 0; i < 30; i++)
		r = (r * 10 + (unsigned int)(eid[i] - '0')) % 97;
	r = r * 100 % 97;
	digits_put(eid + 30, 3, "", 2, 98 - r);
}

/* TS 24.008 §10.5.1.4: first digit, odd count, type IMEI; then pairs of digits, swapped. */
static int imei_encode(uint8_t out[8], uint32_t index)
{
	char digits[16], hex[17];

	digits_put(digits, sizeof(digits), "0010170", 7, index);
	seed_luhn_append(digits);
	hex[0] = digits[0];
	hex[1] = 'A';
	for (size_t i = 1; i < 15; i += 2) {
		hex[i + 1] = digits[i + 1];
		hex[i + 2] = digits[i];
	}
	hex[16] = '\0';
	return hex_dec_buf(out, 8, hex);
}

static int card_numbers(struct seed_card *c)
{
	digits_put(c->eid, sizeof(c->eid), "890010120000000000", 12, c->index);
	eid_check_append(c->eid);
	return hex_dec_buf(c->eid_bcd, sizeof(c->eid_bcd), c->eid) == 0 ? imei_encode(c->imei, c->index) : -EINVAL;
}

/* ---- profiles ---- */

static const struct plan {
	const char *aid, *iccid, *imsi, *msisdn, *mno_oid, *type, *ki, *opc;
	bool enabled, fallback;
} plans[] = {
	[SEED_BOOTSTRAP] = {.aid = "A0000005591010FFFFFFFF8900001000",
			    .iccid = "8988299000",
			    .imsi = "001010",
			    .msisdn = "882990",
			    .mno_oid = SEED_OID_MNO_BOOTSTRAP,
			    .type = "BOOTSTRAP",
			    .ki = "bootstrap Ki",
			    .opc = "bootstrap OPc",
			    .enabled = true,
			    .fallback = true},
	[SEED_OPERATIONAL] = {.aid = "A0000005591010FFFFFFFF8900001100",
			      .iccid = "8988299001",
			      .imsi = "001011",
			      .msisdn = "882991",
			      .mno_oid = SEED_OID_MNO_OPERATIONAL,
			      .type = "OPERATIONAL",
			      .ki = "operational Ki",
			      .opc = "operational OPc"},
};
_Static_assert(ARRAY_SIZE(plans) == SEED_N_PROFILES, "a profile has no plan");

static int profile_make(struct seed *s, const struct seed_card *c, const struct plan *plan, struct seed_profile *p)
{
	digits_put(p->iccid, sizeof(p->iccid), plan->iccid, 8, c->index);
	seed_luhn_append(p->iccid);
	digits_put(p->imsi, sizeof(p->imsi), plan->imsi, 9, c->index);
	digits_put(p->msisdn, sizeof(p->msisdn), plan->msisdn, 7, c->index);
	p->mno_oid = plan->mno_oid;
	p->type = plan->type;
	p->enabled = plan->enabled;
	p->fallback = plan->fallback;
	if (hex_dec_buf(p->aid, sizeof(p->aid), plan->aid) < 0)
		return -EINVAL;
	return seed_derive(s, plan->ki, c->eid, p->ki, sizeof(p->ki)) == 0
		       ? seed_derive(s, plan->opc, c->eid, p->opc, sizeof(p->opc))
		       : -EIO;
}

/* ---- card ---- */

static int card_keys(struct seed *s, struct seed_card *c)
{
	const struct {
		const char *label;
		uint8_t *out;
		size_t len;
	} keys[] = {
		{"SCP80 KIc", c->kic, sizeof(c->kic)},	       {"SCP80 KID", c->kid, sizeof(c->kid)},
		{"SCP80 KIK", c->kik, sizeof(c->kik)},	       {"SCP81 PSK", c->psk, sizeof(c->psk)},
		{"SCP81 DEK", c->psk_dek, sizeof(c->psk_dek)}, {"ECASD ECKA", c->ecasd_key, sizeof(c->ecasd_key)},
	};

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if (seed_derive(s, keys[i].label, c->eid, keys[i].out, keys[i].len) < 0)
			return -EIO;
	}
	/* The order of P-256 lies above 2^255: without its top bit a number is always below, with its lowest never 0.
	 */
	c->ecasd_key[0] &= 0x7f;
	c->ecasd_key[31] |= 0x01;
	return 0;
}

int seed_card(struct seed *s, uint32_t index, struct seed_card *card)
{
	struct seed_card c = {.index = index};
	int rc;

	if (index >= SEED_CARDS_MAX)
		return -EINVAL;
	rc = card_numbers(&c);
	if (rc == 0)
		rc = card_keys(s, &c);
	for (size_t i = 0; rc == 0 && i < SEED_N_PROFILES; i++)
		rc = profile_make(s, &c, &plans[i], &c.profiles[i]);
	if (rc == 0)
		*card = c;
	bytes_wipe(&c, sizeof(c));
	return rc;
}
