/* SPDX-License-Identifier: AGPL-3.0-or-later */
#pragma once

#include "common/es/xml_int.h"
#include "common/es/xmlsig.h"

/* XML signatures: shared by verification and signing, inside of common/es. */

#define XMLSIG_NS_EC "http://www.w3.org/2001/10/xml-exc-c14n#"
#define XMLSIG_C14N_EXCLUSIVE "http://www.w3.org/2001/10/xml-exc-c14n#"

/*! Canonicalisation as a CanonicalizationMethod or Transform element asks for it. */
struct xmlsig_c14n {
	int mode;	       /* xmlC14NMode */
	const char **prefixes; /* of InclusiveNamespaces, NULL terminated; NULL = none */
};

/*! Canonical form, without comments, of one element and what is below it.
 * \param[out] out  talloc child of ctx, NUL terminated behind its length
 * \returns 0; -EINVAL, also when it would take too long */
int xmlsig_c14n(const void *ctx, const xmlNode *elem, const struct xmlsig_c14n *how, struct bytes *out) MUST_CHECK;

/*! Name of an algorithm in XML.  \returns 0; -ENOENT when it is not on our list */
int xmlsig_c14n_by_uri(const char *uri, int *mode) MUST_CHECK;
int xmlsig_digest_by_uri(const char *uri, enum digest *digest) MUST_CHECK;
int xmlsig_sigalg_by_uri(const char *uri, bool *ec, enum digest *digest) MUST_CHECK;
const char *xmlsig_digest_uri(enum digest digest);
const char *xmlsig_sigalg_uri(bool ec, enum digest digest);

/*! The two elements of a document. */
struct xmlsig_pair {
	xmlNode *info;
	xmlNode *sig;
};

/*! The element EumSignedInfo, whatever the version of the messaging namespace? */
bool xmlsig_is_info(const xmlNode *node);
