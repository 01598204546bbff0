/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Canonical XML and the list of algorithms that a signature may name.  What is not in the tables is refused: SHA-1,
 * MD5, HMAC, and every transform that selects or rewrites content. */
#include <errno.h>
#include <string.h>

#include <libxml/c14n.h>
#include <osmocom/core/utils.h>

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

/* libxml2 looks at every namespace in scope for every element (inclusive forms, and prefix lists): that product is what
 * a hostile message could make large within the limits of the parser.  A real EIS stays a thousand times below. */
#define C14N_COST_MAX 4000000u

static size_t count_ns(const xmlNode *elem)
{
	size_t n = 0;

	for (const xmlNs *ns = elem->nsDef; ns; ns = ns->next)
		n++;
	return n;
}

/* Element after this one below top, in document order; NULL at the end. */
static const xmlNode *next_below(const xmlNode *node, const xmlNode *top)
{
	const xmlNode *next = xml_first(node);

	while (!next && node != top) {
		next = xml_next(node);
		node = node->parent;
	}
	return next;
}

static bool affordable(const xmlNode *top)
{
	size_t elements = 0, namespaces = 0;

	for (const xmlNode *n = top->parent; n && n->type == XML_ELEMENT_NODE; n = n->parent)
		namespaces += count_ns(n);
	for (const xmlNode *n = top; n; n = next_below(n, top)) {
		namespaces += count_ns(n);
		elements++;
	}
	return elements * (namespaces + 1) <= C14N_COST_MAX;
}

int xmlsig_c14n(const void *ctx, const xmlNode *elem, const struct xmlsig_c14n *how, struct bytes *out)
{
	return affordable(elem) ? xml_c14n_as(ctx, elem, how->mode, how->prefixes, out) : -EINVAL;
}
