/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Canonical XML and the list of algorithms that a signature may name.  What is not in the tables is refused: SHA-1,
 * MD5, HMAC, and every transform that selects or rewrites content. */
#include <errno.h>
#include <string.h>

#include <libxml/c14n.h>
#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/es/xmlsig_int.h"

static const struct c14n_alg {
	const char *uri;
	int mode;
} c14n_algs[] = {
	{XMLSIG_C14N_EXCLUSIVE, XML_C14N_EXCLUSIVE_1_0},
	{"http://www.w3.org/TR/2001/REC-xml-c14n-20010315", XML_C14N_1_0},
	{"http://www.w3.org/2006/12/xml-c14n11", XML_C14N_1_1},
};

static const char *const digest_uris[] = {
	[DIGEST_SHA256] = "http://www.w3.org/2001/04/xmlenc#sha256",
	[DIGEST_SHA384] = "http://www.w3.org/2001/04/xmldsig-more#sha384",
	[DIGEST_SHA512] = "http://www.w3.org/2001/04/xmlenc#sha512",
};
_Static_assert(ARRAY_SIZE(digest_uris) == DIGEST_N, "a digest has no name");

static const struct sig_alg {
	const char *uri;
	bool ec;
	enum digest digest;
} sig_algs[] = {
	{"http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256", true, DIGEST_SHA256},
	{"http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384", true, DIGEST_SHA384},
	{"http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512", true, DIGEST_SHA512},
	{"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", false, DIGEST_SHA256},
	{"http://www.w3.org/2001/04/xmldsig-more#rsa-sha384", false, DIGEST_SHA384},
	{"http://www.w3.org/2001/04/xmldsig-more#rsa-sha512", false, DIGEST_SHA512},
};

int xmlsig_c14n_by_uri(const char *uri, int *mode)
{
	for (size_t i = 0; i < ARRAY_SIZE(c14n_algs); i++) {
		if (strcmp(c14n_algs[i].uri, uri) == 0) {
			*mode = c14n_algs[i].mode;
			return 0;
		}
	}
	return -ENOENT;
}

int xmlsig_digest_by_uri(const char *uri, enum digest *digest)
{
	for (size_t i = 0; i < ARRAY_SIZE(digest_uris); i++) {
		if (strcmp(digest_uris[i], uri) == 0) {
			*digest = (enum digest)i;
			return 0;
		}
	}
	return -ENOENT;
}

int xmlsig_sigalg_by_uri(const char *uri, bool *ec, enum digest *digest)
{
	for (size_t i = 0; i < ARRAY_SIZE(sig_algs); i++) {
		if (strcmp(sig_algs[i].uri, uri) == 0) {
			*ec = sig_algs[i].ec;
			*digest = sig_algs[i].digest;
			return 0;
		}
	}
	return -ENOENT;
}

const char *xmlsig_digest_uri(enum digest digest)
{
	return digest_uris[digest];
}

const char *xmlsig_sigalg_uri(bool ec, enum digest digest)
{
	for (size_t i = 0; i < ARRAY_SIZE(sig_algs); i++) {
		if (sig_algs[i].ec == ec && sig_algs[i].digest == digest)
			return sig_algs[i].uri;
	}
	return NULL;
}

static int is_below(void *data, xmlNode *node, xmlNode *parent)
{
	const xmlNode *top = data;
	/* A namespace node has no parent of its own. */
	const xmlNode *n = node->type == XML_NAMESPACE_DECL ? parent : node;

	while (n && n != top)
		n = n->parent;
	return n == top;
}

int xmlsig_c14n(const void *ctx, const xmlNode *elem, const struct xmlsig_c14n *how, struct bytes *out)
{
	xmlOutputBuffer *buf = xmlAllocOutputBuffer(NULL);
	xmlChar **prefixes = (xmlChar **)(uintptr_t)how->prefixes;
	int rc = -EINVAL;
	char *copy;

	if (buf && xmlC14NExecute(elem->doc, is_below, (void *)(uintptr_t)elem, how->mode, prefixes, 0, buf) >= 0) {
		size_t len = xmlOutputBufferGetSize(buf);

		copy = talloc_strndup(ctx, (const char *)xmlOutputBufferGetContent(buf), len);
		OSMO_ASSERT(copy);
		*out = bytes_of(copy, len);
		rc = 0;
	}
	if (buf)
		xmlOutputBufferClose(buf);
	return rc;
}
