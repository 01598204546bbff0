/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/codec/bytes.h"
#include "common/crypto/ec.h"
#include "common/es/es_codec.h"

/* Signature of the EUM over EumSignedInfo: XML Signature with one reference, to the EumSignedInfo element right before
 * it.  The reference's URI is absent on the wire; "" and "#id" of that element mean the same. */

/*! Both elements in the canonical form that their signature uses, with the namespace declarations that this form needs:
 * what to store and to relay.  Texts are NUL terminated. */
struct xmlsig_eum {
	const char *signed_info; /* EumSignedInfo */
	const char *signature;	 /* EumSignature */
};

/*! Find the one EumSignedInfo of a document and the signature behind it, and verify.
 *
 * Refused: no or several of these elements, more than one reference, another transform than one canonicalisation,
 * a reference to anything else, SHA-1, MD5, HMAC and every other algorithm that is not on our list, RSA keys below 3072
 * bits.  KeyInfo is not read: the caller chose the key.
 * \param[in]  es    of this thread
 * \param[in]  doc   octets as received: a whole SOAP message or a file
 * \param[in]  key   of the EUM's certificate, whose chain the caller has checked
 * \param[out] eum   texts are talloc children of ctx; untouched on error
 * \param[out] why   on error the reason, talloc child of ctx
 * \returns 0; -EBADMSG when digest or signature are wrong; -EINVAL when the document or the signature's form is refused
 */
int xmlsig_verify_doc(struct es_ctx *es, const void *ctx, struct bytes doc, const struct pubkey *key,
		      struct xmlsig_eum *eum, const char **why) MUST_CHECK;

/*! Verify the stored or decoded texts (struct es_eis).  A signature with inclusive canonicalisation verifies only with
 * the texts that xmlsig_verify_doc() returned, since it covers namespace declarations of the message around it.
 * \returns as above */
int xmlsig_verify_eum(struct es_ctx *es, const void *ctx, const char *signed_info, const char *signature,
		      const struct pubkey *key, const char **why) MUST_CHECK;

/*! How to sign. */
struct xmlsig_signer {
	const struct privkey *key;
	enum digest digest;
	struct bytes ski;    /* for KeyInfo; empty = leave out */
	const char *subject; /* for KeyInfo, as x509_subject() writes it; NULL = leave out */
	/*! NULL: EumSignature as it goes over the wire, reference without URI.  Else ds:Signature with a reference to
	 * "#id", for tools that know nothing of SGP.02; EumSignedInfo must carry the attribute Id with that value. */
	const char *id;
};

/*! Sign an EumSignedInfo element.
 * \param[in]  signed_info  text of the element, with its namespace declarations
 * \param[out] signature    text of the signature element, with its namespace declarations, talloc child of ctx
 * \returns 0; -EINVAL when signed_info is no such element; -EIO when OpenSSL fails */
int xmlsig_sign(struct es_ctx *es, const void *ctx, const char *signed_info, const struct xmlsig_signer *signer,
		const char **signature) MUST_CHECK;
