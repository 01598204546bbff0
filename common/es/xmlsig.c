/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Verification of the EUM's signature.  XML Signature proper is a toolbox in which a message says what it has signed;
 * here the answer is fixed in advance (the EumSignedInfo before the signature, one canonicalisation) and the message is
 * refused when it says anything else.  That leaves no room for a signature that covers another part than the one that
 * is read afterwards.
 *
 * An absent URI is what the wire has; XML Signature leaves its meaning to the application. */
#include <errno.h>
#include <string.h>

#include <libxml/c14n.h>
#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/crypto/crypto.h"
#include "common/es/xmlsig_int.h"

#define NS_MESSAGING "http://namespaces.gsma.org/esim-messaging/" /* and the version */
#define RSA_MIN_BITS 3072
#define PREFIXES_MAX 32

/* What a ds:SignedInfo says. */
struct sig_form {
	struct xmlsig_c14n c14n; /* of SignedInfo */
	bool ec;
	enum digest sig_digest;
	struct xmlsig_c14n ref_c14n;
	enum digest ref_digest;
	struct bytes digest_value;
};

static int refuse(const void *ctx, const char **why, const char *what)
{
	*why = talloc_strdup(ctx, what);
	OSMO_ASSERT(*why);
	return -EINVAL;
}

static int wrong(const void *ctx, const char **why, const char *what)
{
	refuse(ctx, why, what);
	return -EBADMSG;
}

/* ---- finding the elements ---- */

static bool is_messaging(const xmlNode *node, const char *local)
{
	return node->type == XML_ELEMENT_NODE && node->ns && node->ns->href &&
	       strncmp((const char *)node->ns->href, NS_MESSAGING, strlen(NS_MESSAGING)) == 0 &&
	       strcmp((const char *)node->name, local) == 0;
}

bool xmlsig_is_info(const xmlNode *node)
{
	return is_messaging(node, "EumSignedInfo");
}

static bool is_signature(const xmlNode *node)
{
	return is_messaging(node, "EumSignature") || xml_is(node, XML_NS_DSIG, "Signature");
}

/* Next element in document order. */
static xmlNode *walk(xmlNode *node)
{
	xmlNode *next = xml_first(node);

	while (!next && node) {
		next = xml_next(node);
		node = node->parent;
		if (!node || node->type != XML_ELEMENT_NODE)
			break;
	}
	return next;
}

/* \returns 0; -EINVAL with why unless there is exactly one pair */
static int xmlsig_find(const void *ctx, xmlDoc *doc, struct xmlsig_pair *pair, const char **why)
{
	struct xmlsig_pair p = {};
	unsigned int infos = 0, sigs = 0;

	for (xmlNode *n = xmlDocGetRootElement(doc); n; n = walk(n)) {
		if (xmlsig_is_info(n)) {
			p.info = n;
			infos++;
		}
		if (is_signature(n)) {
			p.sig = n;
			sigs++;
		}
	}
	if (infos != 1 || sigs != 1)
		return refuse(ctx, why, "there must be one EumSignedInfo and one EumSignature");
	if (xml_next(p.info) != p.sig)
		return refuse(ctx, why, "EumSignature does not follow EumSignedInfo");
	*pair = p;
	return 0;
}

/* ---- reading the signature ---- */

static const char *attr(const void *ctx, const xmlNode *node, const char *name)
{
	xmlAttr *a = xmlHasNsProp((xmlNode *)(uintptr_t)node, (const xmlChar *)name, NULL);

	return a ? xml_text(ctx, (const xmlNode *)a) : NULL;
}

/* Children of an XML Signature element, in order; a name that begins with '?' may be absent.  \returns false when they
 * are others, or more */
static bool children(const xmlNode *node, const char *const *names, size_t n, xmlNode **out)
{
	xmlNode *at = xml_first(node);

	for (size_t i = 0; i < n; i++) {
		bool optional = names[i][0] == '?';

		out[i] = NULL;
		if (at && xml_is(at, XML_NS_DSIG, names[i] + optional)) {
			out[i] = at;
			at = xml_next(at);
		} else if (!optional) {
			return false;
		}
	}
	return !at;
}

/* Prefix list of an InclusiveNamespaces element; "#default" stays as it is, libxml2 knows it. */
static int read_prefixes(const void *ctx, const xmlNode *node, struct xmlsig_c14n *c)
{
	const char *list = attr(ctx, node, "PrefixList");
	char *text = list ? talloc_strdup(ctx, list) : NULL, *save = NULL;
	size_t n = 0;

	if (!text)
		return -EINVAL;
	c->prefixes = talloc_zero_array(ctx, const char *, PREFIXES_MAX + 1);
	OSMO_ASSERT(c->prefixes);
	for (char *p = strtok_r(text, " \t\r\n", &save); p; p = strtok_r(NULL, " \t\r\n", &save)) {
		if (n == PREFIXES_MAX)
			return -EINVAL;
		c->prefixes[n++] = p;
	}
	return 0;
}

static int read_c14n(const void *ctx, const xmlNode *node, struct xmlsig_c14n *c)
{
	const char *uri = attr(ctx, node, "Algorithm");
	xmlNode *list = xml_first(node);

	if (!uri || xmlsig_c14n_by_uri(uri, &c->mode) < 0)
		return -EINVAL;
	if (!list)
		return 0;
	if (c->mode != XML_C14N_EXCLUSIVE_1_0 || !xml_is(list, XMLSIG_NS_EC, "InclusiveNamespaces") || xml_next(list))
		return -EINVAL;
	return read_prefixes(ctx, list, c);
}

/* No Transforms at all means inclusive Canonical XML 1.0. */
static int read_transforms(const void *ctx, const xmlNode *transforms, struct xmlsig_c14n *c)
{
	static const char *const one[] = {"Transform"};
	xmlNode *transform;

	c->mode = XML_C14N_1_0;
	if (!transforms)
		return 0;
	return children(transforms, one, 1, &transform) ? read_c14n(ctx, transform, c) : -EINVAL;
}

/* Absent, empty, or "#id" of EumSignedInfo. */
static bool refers_to(const void *ctx, const char *uri, const xmlNode *info)
{
	static const char *const id_names[] = {"Id", "ID", "id"};

	if (!uri || !*uri)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(id_names) && *uri == '#'; i++) {
		const char *id = attr(ctx, info, id_names[i]);

		if (id && strcmp(id, uri + 1) == 0)
			return true;
	}
	return false;
}

static int read_reference(const void *ctx, const xmlNode *ref, const xmlNode *info, struct sig_form *f,
			  const char **why)
{
	static const char *const names[] = {"?Transforms", "DigestMethod", "DigestValue"};
	xmlNode *child[ARRAY_SIZE(names)];
	const char *uri;

	if (!children(ref, names, ARRAY_SIZE(names), child))
		return refuse(ctx, why, "malformed Reference");
	if (!refers_to(ctx, attr(ctx, ref, "URI"), info))
		return refuse(ctx, why, "the reference is to something else than EumSignedInfo");
	if (read_transforms(ctx, child[0], &f->ref_c14n) < 0)
		return refuse(ctx, why, "the transform is not one canonicalisation that we accept");
	uri = attr(ctx, child[1], "Algorithm");
	if (!uri || xmlsig_digest_by_uri(uri, &f->ref_digest) < 0 || xml_first(child[1]))
		return refuse(ctx, why, "the digest algorithm is not accepted");
	if (xml_first(child[2]) || base64_dec(ctx, xml_text(ctx, child[2]), &f->digest_value) < 0)
		return refuse(ctx, why, "malformed DigestValue");
	return 0;
}

static int read_signed_info(const void *ctx, const xmlNode *si, const xmlNode *info, struct sig_form *f,
			    const char **why)
{
	static const char *const names[] = {"CanonicalizationMethod", "SignatureMethod", "Reference"};
	xmlNode *child[ARRAY_SIZE(names)];
	const char *uri;

	if (!children(si, names, ARRAY_SIZE(names), child))
		return refuse(ctx, why, "SignedInfo must have two methods and one Reference");
	if (read_c14n(ctx, child[0], &f->c14n) < 0)
		return refuse(ctx, why, "the canonicalisation of SignedInfo is not accepted");
	uri = attr(ctx, child[1], "Algorithm");
	if (!uri || xmlsig_sigalg_by_uri(uri, &f->ec, &f->sig_digest) < 0 || xml_first(child[1]))
		return refuse(ctx, why, "the signature algorithm is not accepted");
	return read_reference(ctx, child[2], info, f, why);
}

/* ---- verification ---- */

static int check_key(const void *ctx, const struct pubkey *key, const struct sig_form *f, const char **why)
{
	if (pubkey_is_ec(key) != f->ec)
		return refuse(ctx, why, "the signature algorithm does not suit the EUM's key");
	if (!f->ec && pubkey_bits(key) < RSA_MIN_BITS)
		return refuse(ctx, why, "the EUM's RSA key has less than 3072 bits");
	return 0;
}

static int check_digest(const void *ctx, const xmlNode *info, const struct sig_form *f, const char **why)
{
	uint8_t digest[DIGEST_MAX_LEN];
	struct bytes text;

	if (xmlsig_c14n(ctx, info, &f->ref_c14n, &text) < 0 || digest_calc(f->ref_digest, text, digest) < 0)
		return refuse(ctx, why, "EumSignedInfo has no canonical form");
	if (!bytes_eq(f->digest_value, bytes_of(digest, digest_len(f->ref_digest))))
		return wrong(ctx, why, "EumSignedInfo does not have the digest that was signed");
	return 0;
}

static int check_signature(const void *ctx, const xmlNode *si, const xmlNode *value, const struct sig_form *f,
			   const struct pubkey *key, const char **why)
{
	struct bytes text, sig;

	if (xml_first(value) || base64_dec(ctx, xml_text(ctx, value), &sig) < 0)
		return refuse(ctx, why, "malformed SignatureValue");
	if (xmlsig_c14n(ctx, si, &f->c14n, &text) < 0)
		return refuse(ctx, why, "SignedInfo has no canonical form");
	return pubkey_verify(key, f->sig_digest, text, sig) == 0
		       ? 0
		       : wrong(ctx, why, "the signature is not by the key of the EUM");
}

static int verify_pair(const void *ctx, const struct xmlsig_pair *pair, const struct pubkey *key, struct sig_form *f,
		       const char **why)
{
	static const char *const names[] = {"SignedInfo", "SignatureValue", "?KeyInfo"};
	xmlNode *child[ARRAY_SIZE(names)];
	int rc;

	if (!children(pair->sig, names, ARRAY_SIZE(names), child))
		return refuse(ctx, why, "EumSignature must have SignedInfo, SignatureValue and at most KeyInfo");
	rc = read_signed_info(ctx, child[0], pair->info, f, why);
	if (rc == 0)
		rc = check_key(ctx, key, f, why);
	if (rc == 0)
		rc = check_digest(ctx, pair->info, f, why);
	return rc == 0 ? check_signature(ctx, child[0], child[1], f, key, why) : rc;
}

static int take_texts(const void *ctx, const struct xmlsig_pair *pair, const struct sig_form *f, struct xmlsig_eum *eum)
{
	struct bytes info, sig;

	if (xmlsig_c14n(ctx, pair->info, &f->ref_c14n, &info) < 0 || xmlsig_c14n(ctx, pair->sig, &f->c14n, &sig) < 0)
		return -EINVAL;
	eum->signed_info = (const char *)info.data;
	eum->signature = (const char *)sig.data;
	return 0;
}

int xmlsig_verify_doc(struct es_ctx *es, const void *ctx, struct bytes doc, const struct pubkey *key,
		      struct xmlsig_eum *eum, const char **why)
{
	void *tmp = talloc_new(NULL);
	struct xmlsig_pair pair = {};
	struct sig_form form = {};
	enum xml_refusal refusal;
	const char *reason = NULL;
	xmlDoc *xml = NULL;
	int rc;

	refusal = xml_parse(es, doc, &xml);
	rc = refusal == XML_OK ? xmlsig_find(tmp, xml, &pair, &reason)
			       : refuse(tmp, &reason, xml_refusal_text(refusal));
	if (rc == 0)
		rc = verify_pair(tmp, &pair, key, &form, &reason);
	if (rc == 0)
		rc = take_texts(ctx, &pair, &form, eum);
	if (rc < 0)
		*why = talloc_strdup(ctx, reason ? reason : "no canonical form");
	if (xml)
		xml_doc_free(xml);
	talloc_free(tmp);
	return rc;
}

int xmlsig_verify_eum(struct es_ctx *es, const void *ctx, const char *signed_info, const char *signature,
		      const struct pubkey *key, const char **why)
{
	/* The root is bare, so the texts stand in no other namespace context than their own. */
	char *doc = talloc_asprintf(ctx, "<Eis>%s%s</Eis>", signed_info, signature);
	struct xmlsig_eum again;
	int rc;

	OSMO_ASSERT(doc);
	rc = xmlsig_verify_doc(es, doc, bytes_str(doc), key, &again, why);
	if (rc < 0)
		*why = talloc_steal(ctx, *why);
	talloc_free(doc);
	return rc;
}
