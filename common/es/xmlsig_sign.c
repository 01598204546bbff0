/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Signing as an EUM does, for the lab's PKI and for tests.  The element is written twice: first with an empty
 * SignatureValue, so that libxml2 can give the canonical form of SignedInfo in its place, then with the value. */
#include <errno.h>

#include <libxml/c14n.h>
#include <osmocom/core/utils.h>
#include <talloc.h>

#include "common/crypto/crypto.h"
#include "common/es/xml_write.h"
#include "common/es/xmlsig_int.h"

static const struct xmlsig_c14n exclusive = {.mode = XML_C14N_EXCLUSIVE_1_0};

static void put_method(struct wr *w, const char *name, const char *uri)
{
	xw_open(w, "ds:", name);
	xw_attr(w, "Algorithm", uri);
	xw_body(w);
	xw_close(w, "ds:", name);
}

static void put_reference(struct wr *w, const void *ctx, const struct xmlsig_signer *s, const char *digest)
{
	xw_open(w, "ds:", "Reference");
	if (s->id)
		xw_attr(w, "URI", talloc_asprintf(ctx, "#%s", s->id));
	xw_body(w);
	xw_open(w, "ds:", "Transforms");
	xw_body(w);
	put_method(w, "Transform", XMLSIG_C14N_EXCLUSIVE);
	xw_close(w, "ds:", "Transforms");
	put_method(w, "DigestMethod", xmlsig_digest_uri(s->digest));
	xw_elem(w, "ds:", "DigestValue", digest);
	xw_close(w, "ds:", "Reference");
}

static void put_key_info(struct wr *w, const void *ctx, const struct xmlsig_signer *s)
{
	if (!s->ski.len && !s->subject)
		return;
	xw_open(w, "ds:", "KeyInfo");
	xw_body(w);
	xw_open(w, "ds:", "X509Data");
	xw_body(w);
	if (s->ski.len)
		xw_elem(w, "ds:", "X509SKI", base64_enc(ctx, s->ski));
	if (s->subject)
		xw_elem(w, "ds:", "X509SubjectName", s->subject);
	xw_close(w, "ds:", "X509Data");
	xw_close(w, "ds:", "KeyInfo");
}

static bool signer_is_ec(const struct xmlsig_signer *s)
{
	struct pubkey *pub = privkey_pub(NULL, s->key);
	bool ec = pubkey_is_ec(pub);

	talloc_free(pub);
	return ec;
}

/* The whole element.  \returns text, talloc child of ctx; NULL when a text is no legal XML */
static const char *put_signature(const void *ctx, const struct xmlsig_signer *s, const char *digest, const char *value)
{
	const char *prefix = s->id ? "ds:" : "rps:", *name = s->id ? "Signature" : "EumSignature";
	struct bytes out;
	struct wr w;

	wr_init(&w, ctx);
	xw_open(&w, prefix, name);
	xw_attr(&w, "xmlns:ds", XML_NS_DSIG);
	if (!s->id)
		xw_attr(&w, "xmlns:rps", XML_NS_RPS);
	xw_body(&w);
	xw_open(&w, "ds:", "SignedInfo");
	xw_body(&w);
	put_method(&w, "CanonicalizationMethod", XMLSIG_C14N_EXCLUSIVE);
	put_method(&w, "SignatureMethod", xmlsig_sigalg_uri(signer_is_ec(s), s->digest));
	put_reference(&w, ctx, s, digest);
	xw_close(&w, "ds:", "SignedInfo");
	xw_elem(&w, "ds:", "SignatureValue", value);
	put_key_info(&w, ctx, s);
	xw_close(&w, prefix, name);
	wr_u8(&w, 0);
	return wr_end(&w, &out) == 0 ? (const char *)out.data : NULL;
}

/* Canonical form of an element found in the text of both elements side by side. */
static int canonical(struct es_ctx *es, const void *ctx, const char *info, const char *sig, bool of_signed_info,
		     struct bytes *out)
{
	char *text = talloc_asprintf(ctx, "<Eis>%s%s</Eis>", info, sig);
	const xmlNode *node;
	int rc = -EINVAL;
	xmlDoc *doc;

	OSMO_ASSERT(text);
	if (xml_parse(es, bytes_str(text), &doc) != XML_OK)
		return -EINVAL;
	node = xml_first(xmlDocGetRootElement(doc));
	if (node && xmlsig_is_info(node)) {
		if (of_signed_info && xml_next(node))
			node = xml_child(xml_next(node), XML_NS_DSIG, "SignedInfo");
		if (node)
			rc = xmlsig_c14n(ctx, node, &exclusive, out);
	}
	xml_doc_free(doc);
	return rc;
}

int xmlsig_sign(struct es_ctx *es, const void *ctx, const char *signed_info, const struct xmlsig_signer *s,
		const char **signature)
{
	void *tmp = talloc_new(NULL);
	uint8_t digest[DIGEST_MAX_LEN];
	const char *digest64, *draft, *done;
	struct bytes text, sig;
	int rc;

	rc = canonical(es, tmp, signed_info, "", false, &text);
	if (rc < 0)
		goto out;
	rc = digest_calc(s->digest, text, digest);
	if (rc < 0)
		goto out;
	digest64 = base64_enc(tmp, bytes_of(digest, digest_len(s->digest)));
	draft = put_signature(tmp, s, digest64, "");
	rc = draft ? canonical(es, tmp, signed_info, draft, true, &text) : -EINVAL;
	if (rc < 0)
		goto out;
	rc = privkey_sign(tmp, s->key, s->digest, text, &sig);
	if (rc < 0)
		goto out;
	done = put_signature(tmp, s, digest64, base64_enc(tmp, sig));
	OSMO_ASSERT(done);
	*signature = talloc_steal(ctx, done);
out:
	talloc_free(tmp);
	return rc;
}
