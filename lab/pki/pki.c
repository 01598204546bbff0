/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The folder of the lab's PKI: what is made in which order, and checking an EIS against a certificate. */
#include "lab/pki/pki.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/objects.h>
#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/crypto/x509.h"
#include "common/es/xmlsig.h"
#include "lab/pki/pki_int.h"

static int folder_make(const void *ctx, const char *dir, const char **why)
{
	if (mkdir(dir, 0755) == 0 || errno == EEXIST)
		return 0;
	*why = talloc_asprintf(ctx, "%s: %s", dir, strerror(errno));
	return -errno;
}

int pki_ca_create(const void *ctx, const char *dir, const char **why)
{
	int rc = folder_make(ctx, dir, why);

	if (rc == 0)
		rc = pki_cert_make(ctx, dir, "ci", NULL, PKI_CI, "Lab CI", NULL, why);
	if (rc == 0)
		rc = pki_cert_make(ctx, dir, "eum", "ci", PKI_EUM, "Lab EUM", SEED_OID_EUM, why);
	if (rc == 0)
		rc = pki_cert_make(ctx, dir, "tls-ca", NULL, PKI_TLS_CA, "Lab TLS CA", NULL, why);
	if (rc == 0)
		rc = pki_ci_gp_write(ctx, dir, why);
	return rc;
}

static bool name_fits(const char *name)
{
	static const char legal[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";

	return *name && *name != '.' && name[strspn(name, legal)] == '\0' && strlen(name) <= 63;
}

static bool oid_fits(const char *oid)
{
	ASN1_OBJECT *obj = oid[strspn(oid, "0123456789.")] == '\0' ? OBJ_txt2obj(oid, 1) : NULL;

	ASN1_OBJECT_free(obj);
	return obj;
}

int pki_name_check(const void *ctx, const char *name, const char *oid, const char **why)
{
	if (!name_fits(name)) {
		*why = talloc_asprintf(ctx, "%s: a name has letters, digits, '-', '_' and '.' only", name);
		return -EINVAL;
	}
	if (!oid_fits(oid)) {
		*why = talloc_asprintf(ctx, "%s: is no object identifier", oid);
		return -EINVAL;
	}
	return 0;
}

int pki_peer_create(const void *ctx, const char *dir, const char *name, const char *oid, const char **why)
{
	int rc = pki_name_check(ctx, name, oid, why);

	return rc == 0 ? pki_cert_make(ctx, dir, name, "tls-ca", PKI_PEER, name, oid, why) : rc;
}

/* ---- cards ---- */

static int eum_load(const void *ctx, const char *dir, const char *oid, struct pki_eum *eum, const char **why)
{
	struct x509 *cert;
	int rc = privkey_pem_load(ctx, pki_path(ctx, dir, "eum", "key"), &eum->key, why);

	if (rc == 0)
		rc = x509_pem_load(ctx, pki_path(ctx, dir, "eum", "pem"), &cert, why);
	if (rc < 0)
		return rc;
	eum->oid = oid;
	eum->ski = x509_ski(cert);
	eum->subject = x509_subject(cert);
	eum->es = es_ctx_alloc(ctx, NULL);
	if (eum->es)
		return 0;
	*why = talloc_strdup(ctx, "the XML schema cannot be loaded");
	return -EIO;
}

static int card_write(const void *ctx, const char *dir, const struct pki_eum *eum, const struct pki_cards *cards,
		      const struct seed_card *card, const char **why)
{
	struct bytes cert, xml, dsig = {};
	int rc = pki_ecasd_cert(ctx, eum, card, &cert);

	if (rc == 0)
		rc = pki_eis(ctx, eum, cards, card, cert, NULL, &xml);
	if (rc == 0 && cards->xmldsig)
		rc = pki_eis(ctx, eum, cards, card, cert, "eis", &dsig);
	if (rc < 0) {
		*why = talloc_asprintf(ctx, "card %s cannot be signed", card->eid);
		return rc;
	}
	rc = pki_file_write(ctx, pki_path(ctx, dir, card->eid, "xml"), 0600, true, xml, why);
	if (rc == 0 && cards->xmldsig)
		rc = pki_file_write(ctx, pki_path(ctx, dir, card->eid, "xmldsig.xml"), 0600, true, dsig, why);
	if (rc == 0)
		rc = pki_file_write(ctx, pki_path(ctx, dir, card->eid, "ecasd"), 0644, true,
				    bytes_str(hex_enc(ctx, cert)), why);
	return rc;
}

int pki_cards_create(const void *ctx, const char *dir, const struct pki_cards *cards,
		     void (*made)(const struct seed_card *card), const char **why)
{
	const char *folder = talloc_asprintf(ctx, "%s/cards", dir);
	struct seed *seed = seed_alloc(ctx, cards->seed);
	struct pki_eum eum = {};
	int rc;

	if (!seed || !oid_fits(cards->smsr_oid) || !oid_fits(cards->eum_oid)) {
		*why = talloc_strdup(ctx, seed ? "an object identifier is malformed" : "the seed is empty");
		return -EINVAL;
	}
	rc = eum_load(ctx, dir, cards->eum_oid, &eum, why);
	if (rc == 0)
		rc = folder_make(ctx, folder, why);
	for (uint32_t i = 0; rc == 0 && i < cards->count; i++) {
		void *tmp = talloc_new(ctx);
		struct seed_card card;

		rc = seed_card(seed, cards->index + i, &card);
		if (rc < 0)
			*why = talloc_asprintf(ctx, "there is no card number %u", cards->index + i);
		else
			rc = card_write(tmp, folder, &eum, cards, &card, why);
		if (rc == 0 && made)
			made(&card);
		if (rc < 0)
			*why = talloc_strdup(ctx, *why);
		bytes_wipe(&card, sizeof(card));
		talloc_free(tmp);
	}
	talloc_free(seed);
	return rc;
}

int pki_eis_verify(const void *ctx, const char *cert_path, const char *eis_path, const char **why)
{
	struct es_ctx *es = es_ctx_alloc(ctx, NULL);
	struct xmlsig_eum eum;
	struct x509 *cert;
	struct bytes doc;
	int rc;

	rc = x509_pem_load(ctx, cert_path, &cert, why);
	if (rc == 0)
		rc = x509_strength_check(ctx, cert, why);
	if (rc == 0)
		rc = pki_file_read(ctx, eis_path, &doc, why);
	if (rc < 0)
		return rc;
	if (!es) {
		*why = talloc_strdup(ctx, "the XML schema cannot be loaded");
		return -EIO;
	}
	return xmlsig_verify_doc(es, ctx, doc, x509_pubkey(cert), &eum, why);
}
