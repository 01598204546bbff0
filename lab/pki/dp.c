/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* CERT.DP.ECDSA, and the CI's public key as cards hold it (SGP.02): fields and order as in common/crypto/gpcert.c. */
#include <errno.h>

#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/codec/ber.h"
#include "common/crypto/rnd.h"
#include "common/crypto/x509.h"
#include "lab/pki/pki_int.h"

#define ROLE_SM_DP 0x01
#define USAGE_VERIFY 0x82
/* Identifier of the CI (tag 42): the octets of an object identifier below the lab's. */
#define OID_CI "1.3.6.1.4.1.32473.1"

struct ci {
	struct privkey *key;
	struct pubkey *pub;
	struct bytes ski;
	struct bytes id;
};

static int ci_load(const void *ctx, const char *dir, struct ci *ci, const char **why)
{
	struct x509 *cert;
	int rc = privkey_pem_load(ctx, pki_path(ctx, dir, "ci", "key"), &ci->key, why);

	if (rc == 0)
		rc = x509_pem_load(ctx, pki_path(ctx, dir, "ci", "pem"), &cert, why);
	if (rc < 0)
		return rc;
	ci->pub = privkey_pub(ctx, ci->key);
	ci->ski = x509_ski(cert);
	return pki_oid_octets(ctx, OID_CI, &ci->id);
}

static int public_key_put(const void *ctx, const struct pubkey *key, struct wr *w)
{
	enum ec_curve curve;
	struct bytes point;
	uint8_t gp;
	int rc = pubkey_curve(key, &curve);

	if (rc == 0)
		rc = pubkey_point(ctx, key, &point);
	if (rc < 0)
		return rc;
	gp = ec_curve_gp(curve);
	pki_put_pair(w, ctx, 0x7f49, 0xb0, point, 0xf0, bytes_of(&gp, 1));
	return 0;
}

static int hex_write(const void *ctx, const char *path, struct bytes b, const char **why)
{
	return pki_file_write(ctx, path, 0644, true, bytes_str(talloc_asprintf(ctx, "%s\n", hex_enc(ctx, b))), why);
}

int pki_ci_gp_write(const void *ctx, const char *dir, const char **why)
{
	struct bytes tlv;
	struct ci ci;
	struct wr w;
	int rc = ci_load(ctx, dir, &ci, why);

	if (rc < 0)
		return rc;
	wr_init(&w, ctx);
	rc = public_key_put(ctx, ci.pub, &w);
	if (rc == 0)
		rc = wr_end(&w, &tlv);
	return rc == 0 ? hex_write(ctx, pki_path(ctx, dir, "ci", "gp"), tlv, why) : rc;
}

static int tbs_put(const void *ctx, const struct ci *ci, struct bytes subject, const struct pubkey *key, struct wr *w)
{
	static const uint8_t role[] = {ROLE_SM_DP};
	uint8_t serial[8];

	rnd_bytes(serial, sizeof(serial));
	ber_put(w, 0x93, BYTES_ARR(serial));
	ber_put(w, 0x42, ci->id);
	ber_put(w, 0x5f20, subject);
	ber_put_u8(w, 0x95, USAGE_VERIFY);
	pki_put_date(w, 0x5f25, 0);
	pki_put_date(w, 0x5f24, PKI_YEARS);
	pki_put_pair(w, ctx, 0x73, 0xc8, BYTES_ARR(role), 0xc9, ci->ski);
	return public_key_put(ctx, key, w);
}

int pki_dp_create(const void *ctx, const char *dir, const char *name, const char *oid, enum ec_curve curve,
		  const char **why)
{
	struct bytes subject, cert;
	struct privkey *key;
	struct ci ci;
	struct wr w;
	int rc = pki_name_check(ctx, name, oid, why);

	if (rc == 0)
		rc = ci_load(ctx, dir, &ci, why);
	if (rc == 0)
		rc = pki_key_make(ctx, dir, name, "dp.key", curve, &key, why);
	if (rc < 0)
		return rc;
	wr_init(&w, ctx);
	rc = pki_oid_octets(ctx, oid, &subject);
	if (rc == 0)
		rc = tbs_put(ctx, &ci, subject, privkey_pub(ctx, key), &w);
	if (rc == 0)
		rc = pki_sign_tbs(ctx, ci.key, &w, &cert);
	if (rc == 0)
		rc = hex_write(ctx, pki_path(ctx, dir, name, "dp"), cert, why);
	else
		*why = talloc_asprintf(ctx,
				       "%s: the certificate cannot be made (object identifier of at most 16 "
				       "octets?)",
				       name);
	return rc;
}
