/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include <sys/types.h>

#include "common/crypto/ec.h"
#include "common/es/es_codec.h"
#include "lab/pki/pki.h"
#include "lab/seed/seed.h"

/* Inside of lab/pki. */

/*! DIR/name.suffix, talloc child of ctx. */
char *pki_path(const void *ctx, const char *dir, const char *name, const char *suffix);
/*! Write a whole file.  \param[in] replace  false: -EEXIST when it is there */
int pki_file_write(const void *ctx, const char *path, mode_t mode, bool replace, struct bytes content,
		   const char **why) MUST_CHECK;
/*! \returns 0 with the content and a NUL behind it */
int pki_file_read(const void *ctx, const char *path, struct bytes *content, const char **why) MUST_CHECK;

enum pki_kind {
	PKI_CI,
	PKI_EUM,
	PKI_TLS_CA,
	PKI_PEER,
	PKI_N_KINDS,
};

/*! Make NAME.key and NAME.pem.
 * \param[in] issuer  name of the files of the issuer; NULL = self-signed
 * \param[in] cn      common name
 * \param[in] oid     serialNumber of the subject; NULL = none */
int pki_cert_make(const void *ctx, const char *dir, const char *name, const char *issuer, enum pki_kind kind,
		  const char *cn, const char *oid, const char **why) MUST_CHECK;

/*! Who signs cards. */
struct pki_eum {
	const char *oid;
	struct privkey *key;
	struct bytes ski;
	const char *subject;
	struct es_ctx *es;
};

/*! CERT.ECASD.ECKA of a card.  \param[out] cert  the whole 7F21 TLV, talloc child of ctx.  \returns 0; -EIO; -EINVAL */
int pki_ecasd_cert(const void *ctx, const struct pki_eum *eum, const struct seed_card *card,
		   struct bytes *cert) MUST_CHECK;

/*! EIS of a card.
 * \param[in]  ecasd_cert  for EumSignedInfo
 * \param[in]  id          NULL: EumSignature as on the wire; else ds:Signature with "#id"
 * \param[out] xml         talloc child of ctx; holds keys
 * \returns 0; -EIO; -EINVAL */
int pki_eis(const void *ctx, const struct pki_eum *eum, const struct pki_cards *cards, const struct seed_card *card,
	    struct bytes ecasd_cert, const char *id, struct bytes *xml) MUST_CHECK;

/* Parts of GlobalPlatform certificates (ecasd.c). */

/*! YYYYMMDD in BCD, some years from now. */
void pki_put_date(struct wr *w, uint32_t tag, int years);
/*! Content octets of a dotted object identifier.  \returns 0; -EINVAL malformed or above 16 octets */
int pki_oid_octets(const void *ctx, const char *dotted, struct bytes *out) MUST_CHECK;
/*! A template with two TLVs. */
void pki_put_pair(struct wr *w, const void *ctx, uint32_t tag, uint32_t tag_a, struct bytes a, uint32_t tag_b,
		  struct bytes b);
/*! Sign what w holds and wrap it.  \param[out] cert  7F21 TLV, talloc child of ctx.  \returns 0; -EIO; -ENOSPC */
int pki_sign_tbs(const void *ctx, const struct privkey *key, struct wr *w, struct bytes *cert) MUST_CHECK;

/*! Make a key pair and write it to DIR/name.suffix (PEM, 0600).
 * \param[out] key  talloc child of ctx */
int pki_key_make(const void *ctx, const char *dir, const char *name, const char *suffix, enum ec_curve curve,
		 struct privkey **key, const char **why) MUST_CHECK;

/*! Write ci.gp.  \returns 0 or negative errno */
int pki_ci_gp_write(const void *ctx, const char *dir, const char **why) MUST_CHECK;

/*! \returns 0; -EINVAL */
int pki_name_check(const void *ctx, const char *name, const char *oid, const char **why) MUST_CHECK;
