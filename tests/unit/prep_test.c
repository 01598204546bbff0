/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Coding of single values: EF.IMSI, EF.ICCID, EF.MSISDN and EF.SMSP as files of real cards and of the GSMA test profile
 * hold them; connectivity parameters as captured from an SM-DP; object identifiers as in the test profile's headers.
 * Whole packages: pkg_check(), OpenSSL, and the fields of the GSMA test profile where it is present. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <talloc.h>

#include "common/codec/ber.h"
#include "smdp/pkg.h"
#include "smdp/prep.h"
#include "tests/support/vec.h"

static void expect(const struct wr *w, const char *hex)
{
	char *got = hex_enc(w->ctx, bytes_of(w->buf, w->len));

	assert_false(w->failed);
	assert_string_equal(got, hex);
}

static void files_are_coded_as_on_cards(void **state)
{
	static const struct {
		int (*put)(struct wr *w, const char *text);
		const char *text, *hex;
	} known[] = {
		{prep_put_imsi, "001010123456063", "080910101032540636"}, /* GSMA test profile TS.48 */
		{prep_put_imsi, "228062800000208", "082982608200002080"}, /* cards of Sunrise and Telekom */
		{prep_put_imsi, "262011106487504", "082926101160845740"},
		{prep_put_imsi, "00101123456789", "0801101021436587F9"}, /* even count: TS 24.008 */
		{prep_put_acc, "001010123456063", "0008"},
		{prep_put_acc, "001010123456060", "0001"},
		{prep_put_spn, "GSMA_TEST", NULL},
		{prep_put_spn, "M2M", "014D324DFFFFFFFFFFFFFFFFFFFFFFFFFF"},
		{prep_put_apn, "internet", "08696E7465726E6574"}, /* TS 23.003 */
		{prep_put_apn, "m2m.example.com", "036D326D076578616D706C6503636F6D"},
		{prep_put_apn, "a..b", NULL},
		{prep_put_apn, "-a", NULL},
		{prep_put_apn, "a b", NULL},
		{prep_put_oid, "2.23.143.1.2.1", "67810F010201"},	       /* TS.48 */
		{prep_put_oid, "1.2.840.113549.1.1.11", "2A864886F70D01010B"}, /* RFC 4055 */
	};
	void *ctx = talloc_new(NULL);

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		struct wr w;

		wr_init(&w, ctx);
		assert_int_equal(known[i].put(&w, known[i].text), known[i].hex ? 0 : -EINVAL);
		if (known[i].hex)
			expect(&w, known[i].hex);
	}
	talloc_free(ctx);
}

static void numbers_are_coded_as_on_cards(void **state)
{
	void *ctx = talloc_new(NULL);
	struct wr w;

	wr_init(&w, ctx);
	assert_int_equal(prep_put_number(&w, "+33689924111", 0), 0);
	expect(&w, "07913386994211F1"); /* connectivity parameters of a live download */
	wr_init(&w, ctx);
	assert_int_equal(prep_put_msisdn(&w, "+4917279119183", 34), 0);
	/* Record of a card that has a name in front; the name is not ours. */
	expect(&w, "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF0891947172199181F3FFFFFFFFFF");
	wr_init(&w, ctx);
	assert_int_equal(prep_put_smsp(&w, "+4915790109999", 28), 0);
	/* The same but for the validity period, which is three days on that card (A9). */
	expect(&w, "E1FFFFFFFFFFFFFFFFFFFFFFFF0891945197109099F9FFFFFF0000A7");
	talloc_free(ctx);
}

static void bad_values_are_refused(void **state)
{
	void *ctx = talloc_new(NULL);
	struct wr w;

	wr_init(&w, ctx);
	assert_int_equal(prep_put_imsi(&w, "0010101234567890"), -EINVAL);
	assert_int_equal(prep_put_imsi(&w, "00101a"), -EINVAL);
	assert_int_equal(prep_put_imsi(&w, ""), -EINVAL);
	assert_int_equal(prep_put_acc(&w, ""), -EINVAL);
	assert_int_equal(prep_put_msisdn(&w, "+", 24), -EINVAL);
	assert_int_equal(prep_put_msisdn(&w, "123456789012345678901", 24), -EINVAL);
	assert_int_equal(prep_put_smsp(&w, "++1", 38), -EINVAL);
	assert_int_equal(prep_put_spn(&w, "12345678901234567"), -EINVAL);
	assert_int_equal(prep_put_code(&w, "123", 4), -EINVAL);
	assert_int_equal(prep_put_code(&w, "123456789", 4), -EINVAL);
	assert_int_equal(prep_put_oid(&w, "2.23."), -EINVAL);
	assert_int_equal(prep_put_oid(&w, "3.1"), -EINVAL);
	assert_int_equal(prep_put_oid(&w, "1.40"), -EINVAL);
	assert_int_equal(prep_put_oid(&w, "1"), -EINVAL);
	talloc_free(ctx);
}

static struct prep_template *parse(void *ctx, const char *text)
{
	struct prep_template *tpl = NULL;
	const char *why = "";

	if (prep_template_parse(ctx, bytes_str(text), &tpl, &why) < 0)
		print_message("%s\n", why);
	return tpl;
}

static void template_spells_out_octets(void **state)
{
	static const struct prep_field fields[] = {{"x", "0A0B"}, {"type", "abc"}, {"empty", ""}};
	void *ctx = talloc_new(NULL);
	struct prep_template *tpl = parse(ctx, "# all of the language\n"
					       "let c FF $x \"z\" pad:6\n"
					       "default empty 77 # a column without a value lacks it\n"
					       "A0 { 80; 81 $pe; 82 oid:2.23.143.1.2.1\n\n"
					       "  BF24 { 30 { } } } \n"
					       "?84 $nothing\n"
					       "default nothing \"\"\n"
					       "85 $c $empty; ?A1 { ?80 $nothing }\r\n"
					       "86 $type $pe");
	struct bytes package;
	const char *why = "";

	assert_non_null(tpl);
	assert_int_equal(prep_build(ctx, tpl, fields, 3, &package, &why), 0);
	assert_string_equal(hex_enc(ctx, package), "A0"
						   "12"
						   "8000"
						   "810101"
						   "820667810F010201"
						   "BF2402"
						   "3000"
						   "8507"
						   "FF0A0B7AFFFF"
						   "77"
						   "8604"
						   "616263"
						   "02");
	talloc_free(ctx);
}

static void mistakes_in_a_template_are_told(void **state)
{
	static const struct {
		const char *text, *why;
	} bad[] = {
		{"", "line 1: it has no element"},
		{"80 01\n81 0", "line 2: \"0\" is neither hex"},
		{"A0 {\n80\n", "the \"}\" of line 1 is missing"},
		{"80 01 }", "line 1: a \"}\" too many"},
		{"80 { }", "line 1: tag 80 is primitive"},
		{"\nA0 80", "line 2: tag A0 is constructed"},
		{"xy", "line 1: \"xy\" is no tag"},
		{"BFA0 { }", "line 1: \"BFA0\" is no whole tag"},
		{"8000 01", "line 1: \"8000\" is no whole tag"},
		{"80 \"abc", "line 1: a text does not end"},
		{"80 pad:99999", "no number up to 65535"},
		{"80 oid:9", "no object identifier"},
		{"let a 00\nlet a 01\n80", "line 2: a is defined twice"},
		{"A0 { let a 00 }", "stands outside of elements"},
		{"80 00 {", "stands right behind a tag only"},
	};
	void *ctx = talloc_new(NULL);

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct prep_template *tpl;
		const char *why = "";

		assert_int_equal(prep_template_parse(ctx, bytes_str(bad[i].text), &tpl, &why), -EINVAL);
		print_message("%s\n", why);
		assert_non_null(strstr(why, bad[i].why));
	}
	talloc_free(ctx);
}

static struct prep_template *m2m(void *ctx)
{
	char text[16384];
	FILE *f = fopen("smdp/templates/m2m.tpl", "r");
	size_t n;

	assert_non_null(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = 0;
	return parse(ctx, text);
}

static const struct prep_field subscriber[] = {
	{"iccid", "8988211000000430010"},
	{"imsi", "001010123456063"},
	{"ki", "465B5CE8B199B49FAA5F0A2EE238A6BC"}, /* TS 35.208 test set 1 */
	{"opc", "CD63CB71954A9F4E48A5994E37A02BAF"},
	{"msisdn", "+4917279119183"},
	{"smsc", "+4915790109999"},
	{"pin1", "1234"},
	{"puk1", "12345678"},
	{"pol1", "02"},
	{"kic", "00112233445566778899AABBCCDDEEFF"},
	{"apn", "internet"},
};
#define N_SUBSCRIBER (sizeof(subscriber) / sizeof(subscriber[0]))

static bool holds(struct bytes package, void *ctx, const char *hex)
{
	return strstr(hex_enc(ctx, package), hex);
}

static void our_template_gives_a_sound_package(void **state)
{
	void *ctx = talloc_new(NULL);
	struct prep_template *tpl = m2m(ctx);
	struct pkg_report *r;
	struct bytes package;
	const char *why = "";
	int rc;

	assert_non_null(tpl);
	rc = prep_build(ctx, tpl, subscriber, N_SUBSCRIBER, &package, &why);
	print_message("%s\n", why);
	assert_int_equal(rc, 0);
	r = pkg_check(ctx, package);
	for (size_t i = 0; i < r->n_findings; i++)
		print_message("%s\n", r->findings[i].text);
	assert_int_equal(r->n_findings, 0);
	assert_string_equal(r->header->iccid, "8988211000000430010");
	assert_string_equal(hex_enc(ctx, r->header->connectivity), "A00A060891945197109099F9"
								   "A20E"
								   "350103"
								   "470908696E7465726E6574");
	assert_string_equal(hex_enc(ctx, r->header->pol1), "02");
	assert_true(holds(package, ctx, "830A988812010000400310F0")); /* EF.ICCID of a card with this ICCID */
	assert_true(holds(package, ctx, "8309080910101032540636"));   /* EF.IMSI */
	assert_true(holds(package, ctx, "8210465B5CE8B199B49FAA5F0A2EE238A6BC8310CD63CB71954A9F4E48A5994E37A02BAF"));
	assert_true(holds(package, ctx, "810831323334FFFFFFFF"));
	assert_true(holds(package, ctx, "81083132333435363738"));
	assert_true(holds(package, ctx, "861000112233445566778899AABBCCDDEEFF"));
	assert_true(prep_uses(tpl, "imsi") && prep_uses(tpl, "ki") && !prep_uses(tpl, "colour"));
	talloc_free(ctx);
}

/* ---- third parties: OpenSSL reads the octets, the GSMA test profiles show which fields an element has ---- */

/* Each element alone, because the tool reads one value. */
static void openssl_reads_every_element(void **state)
{
	void *ctx = talloc_new(NULL);
	struct bytes package;
	const char *why;
	unsigned int n = 0;
	struct ber t;
	struct rd r;

	assert_int_equal(prep_build(ctx, m2m(ctx), subscriber, N_SUBSCRIBER, &package, &why), 0);
	rd_init(&r, package);
	for (; rd_left(&r); n++) {
		struct bytes rest = bytes_of(r.cur, rd_left(&r));
		FILE *p = popen("openssl asn1parse -inform DER >/dev/null 2>&1", "w");

		assert_true(ber_next(&r, &t));
		assert_non_null(p);
		assert_int_equal(fwrite(rest.data, 1, rest.len - rd_left(&r), p), rest.len - rd_left(&r));
		assert_int_equal(pclose(p), 0);
	}
	assert_int_equal(n, 13);
	talloc_free(ctx);
}

/* The fields of one element, as bits by the number in the tag. */
static uint64_t fields_of(struct bytes level)
{
	uint64_t seen = 0;
	struct ber t;
	struct rd r;

	rd_init(&r, level);
	while (ber_next(&r, &t))
		seen |= (uint64_t)1 << (t.tag & 0x3f);
	assert_int_equal(rd_end(&r), 0);
	return seen;
}

static void elements_have_fields_of_the_test_profile(void **state)
{
	static const char path[] = "../shared/profiles/TS48v4_SAIP2.3_BERTLV.der";
	void *ctx = talloc_new(NULL);
	FILE *f = fopen(path, "rb");
	uint8_t *data = talloc_size(ctx, PKG_MAX_LEN);
	struct bytes package, theirs;
	const char *why;
	struct ber t, other;
	struct rd r, o;

	if (!f) {
		print_message("no %s: not tried\n", path);
		talloc_free(ctx);
		skip();
	}
	theirs = bytes_of(data, fread(data, 1, PKG_MAX_LEN, f));
	fclose(f);
	assert_int_equal(prep_build(ctx, m2m(ctx), subscriber, N_SUBSCRIBER, &package, &why), 0);
	rd_init(&r, package);
	while (ber_next(&r, &t)) {
		uint64_t known = 0;

		rd_init(&o, theirs);
		while (ber_next(&o, &other)) {
			if (other.tag == t.tag)
				known |= fields_of(other.value);
		}
		if (t.tag == 0xa0) /* their header has neither POL1 nor connectivity parameters */
			known |= 1 << 4 | 1 << 7;
		print_message("%s: %llx of %llx\n", pkg_pe_name(t.tag), (unsigned long long)fields_of(t.value),
			      (unsigned long long)known);
		assert_true((fields_of(t.value) & ~known) == 0);
	}
	talloc_free(ctx);
}

/* What is drawn differs from row to row; nothing else does. */
static void what_a_row_lacks_is_drawn(void **state)
{
	void *ctx = talloc_new(NULL);
	struct prep_template *tpl = m2m(ctx);
	struct bytes a, b;
	const char *why;

	assert_int_equal(prep_build(ctx, tpl, subscriber, N_SUBSCRIBER, &a, &why), 0);
	assert_int_equal(prep_build(ctx, tpl, subscriber, N_SUBSCRIBER, &b, &why), 0);
	assert_int_equal(a.len, b.len);
	assert_false(bytes_eq(a, b));
	talloc_free(ctx);
}

static void missing_and_wrong_values_are_named(void **state)
{
	void *ctx = talloc_new(NULL);
	struct prep_template *tpl = m2m(ctx);
	struct prep_field fields[N_SUBSCRIBER];
	struct bytes package;
	const char *why = "";

	assert_int_equal(prep_build(ctx, tpl, subscriber + 1, N_SUBSCRIBER - 1, &package, &why), -EINVAL);
	assert_string_equal(why, "iccid is missing");
	memcpy(fields, subscriber, sizeof(fields));
	fields[2].value = "465B5CE8B199B49FAA5F0A2EE238A6";
	assert_int_equal(prep_build(ctx, tpl, fields, N_SUBSCRIBER, &package, &why), -EINVAL);
	assert_string_equal(why, "ki: 32 hexadecimal digits wanted");
	talloc_free(ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_are_coded_as_on_cards),
		cmocka_unit_test(numbers_are_coded_as_on_cards),
		cmocka_unit_test(bad_values_are_refused),
		cmocka_unit_test(template_spells_out_octets),
		cmocka_unit_test(mistakes_in_a_template_are_told),
		cmocka_unit_test(our_template_gives_a_sound_package),
		cmocka_unit_test(openssl_reads_every_element),
		cmocka_unit_test(elements_have_fields_of_the_test_profile),
		cmocka_unit_test(what_a_row_lacks_is_drawn),
		cmocka_unit_test(missing_and_wrong_values_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
