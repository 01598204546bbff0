/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Signatures of tests/vectors/es/01 and 15, made by another program, under the key of tests/vectors/eum-key.txt.  What
 * is signed here is checked by xmlsec1 in tests/third/xmlsec1_test.sh, and the other way round. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <talloc.h>

#include "common/crypto/crypto.h"
#include "common/crypto/x509.h"
#include "common/es/xmlsig.h"
#include "tests/support/vec.h"

#define EXAMPLE_01 "tests/vectors/es/01-es1-registereis-request.xml"
#define EXAMPLE_15 "tests/vectors/es/15-es7-handovereuicc-request.xml"

struct fix {
	struct es_ctx *es;
	struct pubkey *eum;
	char *msg; /* example 01 */
	const char *why;
	struct xmlsig_eum texts;
};

static char *slurp(void *ctx, const char *path)
{
	FILE *f = fopen(path, "r");
	char *text = talloc_zero_size(ctx, 65536);

	assert_non_null(f);
	assert_in_range(fread(text, 1, 65535, f), 1, 65534);
	fclose(f);
	return text;
}

static int setup(void **state)
{
	struct fix *f = talloc_zero(NULL, struct fix);
	char *hex = slurp(f, "tests/vectors/eum-key.txt");

	hex[strcspn(hex, "\n")] = '\0';
	f->es = es_ctx_alloc(f, NULL);
	assert_non_null(f->es);
	assert_int_equal(pubkey_ec_import(f, EC_P256, unhex(f, hex), &f->eum), 0);
	f->msg = slurp(f, EXAMPLE_01);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	return talloc_free(*state);
}

static int verify(struct fix *f, const char *doc)
{
	f->why = NULL;
	return xmlsig_verify_doc(f->es, f, bytes_str(doc), f->eum, &f->texts, &f->why);
}

/* Text with the first occurrence of a part exchanged. */
static char *with(struct fix *f, const char *text, const char *old, const char *new)
{
	const char *at = strstr(text, old);

	assert_non_null(at);
	return talloc_asprintf(f, "%.*s%s%s", (int)(at - text), text, new, at + strlen(old));
}

static void foreign_signatures_verify(void **state)
{
	struct fix *f = *state;
	struct xmlsig_eum first;

	assert_int_equal(verify(f, f->msg), 0);
	first = f->texts;
	assert_memory_equal(first.signed_info, "<rps:EumSignedInfo xmlns:rps=", 29);
	assert_int_equal(verify(f, slurp(f, EXAMPLE_15)), 0);
	assert_string_equal(first.signed_info, f->texts.signed_info);
	assert_string_equal(first.signature, f->texts.signature);
	assert_int_equal(xmlsig_verify_eum(f->es, f, first.signed_info, first.signature, f->eum, &f->why), 0);
}

static void stored_texts_survive_a_foreign_message(void **state)
{
	static const char *const around[] = {
		"<Eis xmlns='urn:other' xmlns:a='urn:a' xmlns:rps='urn:not-rps'>%s%s<more/></Eis>",
		"<x:Eis xmlns:x='http://namespaces.gsma.org/esim-messaging/3' xmlns:ds='urn:not-ds'>%s%s</x:Eis>",
	};
	struct fix *f = *state;
	struct xmlsig_eum first;

	assert_int_equal(verify(f, f->msg), 0);
	first = f->texts;
	for (size_t i = 0; i < sizeof(around) / sizeof(around[0]); i++) {
		const char *fmt = around[i], *mid = strstr(fmt, "%s%s");
		char *doc = talloc_asprintf(f, "%.*s%s%s%s", (int)(mid - fmt), fmt, first.signed_info, first.signature,
					    mid + 4);

		assert_int_equal(verify(f, doc), 0);
		assert_string_equal(first.signed_info, f->texts.signed_info);
	}
}

static void changes_are_seen(void **state)
{
	static const char *const change[][2] = {
		{"89044045211812345678901234567853", "89044045211812345678901234567950"},
		{"<rps:Eid>", "<rps:Eid> "},
		{"  <rps:Eum-id>", "<rps:Eum-id>"},
		{"<rps:PlatformVersion>4.2.0", "<rps:PlatformVersion>4.2.1"},
		{"<rps:Isd-p-loadfile-aid>", "<rps:Isd-p-loadfile-aid a=\"1\">"},
		{"DigestValue>Q", "DigestValue>R"},
		{"SignatureValue>+", "SignatureValue>/"},
		{"  <ds:SignedInfo>\n", "  <ds:SignedInfo>"}, /* inside of SignedInfo: white space counts */
	};
	struct fix *f = *state;
	char *text = f->msg;

	for (size_t i = 0; i < sizeof(change) / sizeof(change[0]); i++) {
		assert_int_equal(verify(f, with(f, f->msg, change[i][0], change[i][1])), -EBADMSG);
		assert_non_null(f->why);
	}
	/* Another prefix inside of EumSignedInfo means the same to a parser, not to a digest. */
	text = with(f, text, "<rps:EumSignedInfo>",
		    "<e:EumSignedInfo xmlns:e='http://namespaces.gsma.org/esim-messaging/3'>");
	text = with(f, text, "</rps:EumSignedInfo>", "</e:EumSignedInfo>");
	assert_int_equal(verify(f, text), -EBADMSG);
	/* A prefix renamed around it does not matter, and neither do comments. */
	text = with(f, f->msg, "<rps:Eis>", "<e:Eis xmlns:e='http://namespaces.gsma.org/esim-messaging/3'>");
	assert_int_equal(verify(f, with(f, text, "</rps:Eis>", "</e:Eis>")), 0);
	assert_int_equal(verify(f, with(f, f->msg, "<rps:Eid>", "<rps:Eid><!-- x -->")), 0);
}

static void references_to_the_element_are_taken_and_others_refused(void **state)
{
	static const char *const bad[] = {"URI=\"#other\"", "URI=\"http://example.net/eis.xml\"",
					  "URI=\"#xpointer(/)\"", "URI=\"#\""};
	struct fix *f = *state;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(
			verify(f, with(f, f->msg, "<ds:Reference>", talloc_asprintf(f, "<ds:Reference %s>", bad[i]))),
			-EINVAL);
	/* "" is understood; the signature then fails, because it covers the attribute. */
	assert_int_equal(verify(f, with(f, f->msg, "<ds:Reference>", "<ds:Reference URI=\"\">")), -EBADMSG);
	assert_non_null(strstr(f->why, "key of the EUM"));
}

static void weak_or_unknown_algorithms_are_refused(void **state)
{
	static const char *const change[][2] = {
		{"xmlenc#sha256", "xmlenc#sha1"},
		{"http://www.w3.org/2001/04/xmlenc#sha256", "http://www.w3.org/2000/09/xmldsig#sha1"},
		{"http://www.w3.org/2001/04/xmlenc#sha256", "http://www.w3.org/2001/04/xmldsig-more#md5"},
		{"xmldsig-more#ecdsa-sha256", "xmldsig-more#hmac-sha256"},
		{"xmldsig-more#ecdsa-sha256", "xmldsig-more#ecdsa-sha1"},
		{"xmldsig-more#ecdsa-sha256", "xmldsig-more#rsa-sha256"},
		{"<ds:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\">",
		 "<ds:Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\">"},
		{"<ds:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\">",
		 "<ds:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#WithComments\">"},
		{"<ds:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\">",
		 "<ds:Transform Algorithm=\"http://www.w3.org/TR/1999/REC-xslt-19991116\">"},
		{"</ds:Transform>",
		 "</ds:Transform><ds:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/>"},
		{"<ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\">",
		 "<ds:CanonicalizationMethod Algorithm=\"urn:x\">"},
		{"<ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\">",
		 "<ds:CanonicalizationMethod>"},
		{"</ds:Reference>",
		 "</ds:Reference><ds:Reference><ds:DigestMethod "
		 "Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"/><ds:DigestValue/></ds:Reference>"},
		{"</ds:KeyInfo>", "</ds:KeyInfo><ds:Object/>"},
		{"</ds:SignatureValue>", "!</ds:SignatureValue>"},
		{"</ds:DigestValue>", "!</ds:DigestValue>"},
	};
	struct fix *f = *state;

	for (size_t i = 0; i < sizeof(change) / sizeof(change[0]); i++) {
		assert_int_equal(verify(f, with(f, f->msg, change[i][0], change[i][1])), -EINVAL);
		assert_non_null(f->why);
	}
}

/* The algorithm is taken, the key is not: a stronger one of the same sort gets as far as the digest. */
static void short_rsa_keys_are_refused(void **state)
{
	struct fix *f = *state;
	const char *doc = with(f, f->msg, "xmldsig-more#ecdsa-sha256", "xmldsig-more#rsa-sha256");
	struct x509 *cert;

	assert_int_equal(x509_pem_load(f, "tests/vectors/x509/eum-rsa2048.pem", &cert, &f->why), 0);
	assert_int_equal(xmlsig_verify_doc(f->es, f, bytes_str(doc), x509_pubkey(cert), &f->texts, &f->why), -EINVAL);
	assert_non_null(strstr(f->why, "3072"));
	assert_int_equal(x509_pem_load(f, "tests/vectors/x509/eum-rsa3072.pem", &cert, &f->why), 0);
	assert_int_equal(xmlsig_verify_doc(f->es, f, bytes_str(doc), x509_pubkey(cert), &f->texts, &f->why), -EBADMSG);
}

static void documents_with_other_pairs_are_refused(void **state)
{
	struct fix *f = *state;
	const char *info = "<rps:EumSignedInfo/>", *none = "<a/>";

	assert_int_equal(verify(f, with(f, f->msg, "<rps:RemainingMemory>",
					talloc_asprintf(f, "%s<rps:RemainingMemory>", info))),
			 -EINVAL);
	assert_int_equal(verify(f, with(f, f->msg, "<rps:EumSignature>", "<rps:Other/><rps:EumSignature>")), -EINVAL);
	assert_int_equal(verify(f, with(f, f->msg, "<rps:Eis>", "<rps:Eis><rps:EumSignature/>")), -EINVAL);
	assert_int_equal(verify(f, none), -EINVAL);
	assert_int_equal(verify(f, ""), -EINVAL);
	assert_int_equal(verify(f, "<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>"), -EINVAL);
	assert_int_equal(verify(f, "<a><b></a>"), -EINVAL);
}

/* 441 namespaces in scope of 20,000 elements, asked for by an inclusive canonicalisation. */
static void costly_documents_are_refused(void **state)
{
	struct fix *f = *state;
	char *head = talloc_strdup(f, ""), *tail = talloc_strdup(f, ""), *many = talloc_strdup(f, "");
	const char *info = "<rps:EumSignedInfo>";
	char *text;

	for (int i = 0; i < 7; i++) {
		head = talloc_strdup_append_buffer(head, "<d");
		for (int k = 0; k < 63; k++)
			head = talloc_asprintf_append_buffer(head, " xmlns:n%d-%d='urn:u'", i, k);
		head = talloc_strdup_append_buffer(head, ">");
		tail = talloc_strdup_append_buffer(tail, "</d>");
	}
	for (int i = 0; i < 20000; i++)
		many = talloc_strdup_append_buffer(many, "<a/>");
	text = with(f, f->msg, info, talloc_asprintf(f, "%s%s%s", info, head, many));
	text = with(f, text, "</rps:EumSignedInfo>", talloc_asprintf(f, "%s</rps:EumSignedInfo>", tail));
	text = with(f, text, "xml-exc-c14n#\"></ds:Transform>",
		    "xml-exc-c14n#\"><ec:InclusiveNamespaces "
		    "xmlns:ec='http://www.w3.org/2001/10/xml-exc-c14n#' PrefixList='n0-0 n0-1 n0-2'/></ds:Transform>");
	assert_int_equal(verify(f, text), -EINVAL);
	assert_non_null(strstr(f->why, "canonical form"));
}

static void another_key_is_refused(void **state)
{
	struct fix *f = *state;
	struct privkey *other;

	assert_int_equal(privkey_ec_generate(f, EC_P256, &other), 0);
	f->eum = privkey_pub(f, other);
	assert_int_equal(verify(f, f->msg), -EBADMSG);
}

static void what_we_sign_verifies(void **state)
{
	static const char info[] =
		"<e:EumSignedInfo xmlns:e=\"http://namespaces.gsma.org/esim-messaging/3\" Id=\"eis\">"
		"\n <e:Eid>89044045211812345678901234567853</e:Eid>&amp;&#13;</e:EumSignedInfo>";
	static const struct {
		enum ec_curve curve;
		enum digest digest;
		const char *id;
	} v[] = {{EC_P256, DIGEST_SHA256, NULL},
		 {EC_P256, DIGEST_SHA256, "eis"},
		 {EC_P384, DIGEST_SHA384, NULL},
		 {EC_BRAINPOOL_P256R1, DIGEST_SHA256, NULL},
		 {EC_P384, DIGEST_SHA512, "eis"}};
	struct fix *f = *state;

	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		struct xmlsig_signer s = {.digest = v[i].digest, .id = v[i].id, .subject = "CN=a & b"};
		const char *sig;
		struct privkey *key;

		assert_int_equal(privkey_ec_generate(f, v[i].curve, &key), 0);
		s.key = key;
		assert_int_equal(xmlsig_sign(f->es, f, info, &s, &sig), 0);
		f->eum = privkey_pub(f, key);
		assert_int_equal(verify(f, talloc_asprintf(f, "<Eis xmlns='urn:x'>%s\n%s</Eis>", info, sig)), 0);
		assert_int_equal(xmlsig_verify_eum(f->es, f, f->texts.signed_info, f->texts.signature, f->eum, &f->why),
				 0);
		assert_true(!!strstr(sig, "URI=\"#eis\"") == !!v[i].id);
	}
	assert_int_equal(xmlsig_sign(f->es, f, "<a/>", &(struct xmlsig_signer){.key = NULL}, &(const char *){NULL}),
			 -EINVAL);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(foreign_signatures_verify),
		T(stored_texts_survive_a_foreign_message),
		T(changes_are_seen),
		T(references_to_the_element_are_taken_and_others_refused),
		T(weak_or_unknown_algorithms_are_refused),
		T(short_rsa_keys_are_refused),
		T(documents_with_other_pairs_are_refused),
		T(costly_documents_are_refused),
		T(another_key_is_refused),
		T(what_we_sign_verifies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
