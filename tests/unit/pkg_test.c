/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The GSMA test profiles (TS.48) are the third party's packages: they are read from beside the tree where they are
 * present, and must pass.  What is said about broken ones is tried on a small package written out here. */
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <talloc.h>

#include "smdp/pkg.h"
#include "tests/support/vec.h"

#define PROFILES "../shared/profiles"

/* Elements of a package that is just enough, and some with a fault.  ICCID 89001012012341234519. */
#define HEADER "A0278001028101008203583131830A89001012012341234519A50481008400A608060667810F010201"
#define HEADER_V1 "A0278001018101008203583131830A89001012012341234519A50481008400A608060667810F010201"
#define HEADER_V4_NO_CHECK_DIGIT "A0278001048101008203583131830A89001012012341234510A50481008400A608060667810F010201"
#define HEADER_OTHER_ICCID "A0278001028101008203583131830A89001012012341234527A50481008400A608060667810F010201"
#define HEADER_OUT_OF_ORDER "A0278001028203583131810101830A89001012012341234519A50481008400A608060667810F010201"
#define HEADER_TWICE "A02A8001028101018101018203583131830A89001012012341234519A50481008400A608060667810F010201"
#define HEADER_SERVICE_129 "A02B8001028101018203583131830A89001012012341234519A508810084009F810100A608060667810F010201"
#define HEADER_ODD_SERVICE "A0278001028101018203583131830A89001012012341234519A50431008400A608060667810F010201"
#define MF "B023A003810101810667810F010201A202A100A40C830A98000121103214325491A500A600"
#define MF_NO_CHECK_DIGIT "B023A003810101810667810F010201A202A100A40C830A98000121103214325401A500A600"
#define MF_EMPTY_ICCID "B017A003810101810667810F010201A202A100A400A500A600"
#define PUK "A317A003810102A110300E8002008181083131313131313131"
#define PUK_SHORT "A310A003810102A109300780020081810131"
#define PIN "A218A003810103A111A00F300D800101810830303030FFFFFFFF"
#define PIN_ID_2 "A218A003810102A111A00F300D800101810830303030FFFFFFFF"
#define PIN_OF_PUK "A21CA003810103A115A0133011800101810830303030FFFFFFFF82020081"
#define USIM "B30FA003810104810667810F010204A200"
/* A size of five octets; two offsets of 2^31 - 1 and four octets behind them in a file of two. */
#define USIM_HUGE "B31AA003810104810667810F010204A200A309A10780050100000000"
#define USIM_FAR "B328A003810104810667810F010204A200A317A10380010282047FFFFFFF82047FFFFFFF8304AABBCCDD"
#define USIM_OVERFULL "B31DA003810104810667810F010204A200A30CA1038001028201018302AABB"
#define AKA                                                                                          \
	"A433A003810105A12CA12A8001018101008210000102030405060708090A0B0C0D0E0F83100001020304050607" \
	"08090A0B0C0D0E0F"
#define AKA_NO_ID "A402A000"
#define SD "A605A003810106"
#define END "AA05A003810107"

static struct pkg_report *check(void *ctx, const char *hex)
{
	return pkg_check(ctx, unhex(ctx, hex));
}

static bool says(const struct pkg_report *r, enum pkg_severity severity, const char *text)
{
	for (size_t i = 0; i < r->n_findings; i++) {
		if (r->findings[i].severity == severity && strstr(r->findings[i].text, text))
			return true;
	}
	for (size_t i = 0; i < r->n_findings; i++)
		print_message("%d: %s\n", r->findings[i].severity, r->findings[i].text);
	return false;
}

static void good_package_passes(void **state)
{
	void *ctx = talloc_new(NULL);
	struct pkg_report *r = check(ctx, HEADER MF PUK PIN_OF_PUK USIM AKA SD END);

	assert_int_equal(r->n_errors, 0);
	assert_null(pkg_report_error(r));
	assert_int_equal(r->n_pes, 8);
	assert_non_null(r->header);
	assert_string_equal(r->header->iccid, "89001012012341234519");
	assert_string_equal(r->header->type, "X11");
	assert_int_equal(r->header->major, 2);
	assert_int_equal(r->header->services, 1 << PKG_SERVICE_USIM | 1 << PKG_SERVICE_MILENAGE);
	assert_string_equal(r->header->service_names[0], "usim");
	assert_string_equal(r->header->service_names[1], "milenage");
	assert_null(r->header->service_names[2]);
	assert_null(r->header->pol1.data);
	talloc_free(ctx);
}

static void each_fault_is_put_into_words(void **state)
{
	static const struct {
		const char *hex;
		const char *text;
	} bad[] = {
		{HEADER MF PUK PIN_ID_2 USIM AKA SD END,
		 "PE 4 (pinCodes) has identification 2, which PE 3 already has"},
		{MF PUK PIN USIM AKA SD END, "PE 1 (mf) comes first; the header is wanted there"},
		{HEADER MF PUK PIN USIM AKA SD, "PE 7 (securityDomain) comes last; end is wanted there"},
		{HEADER HEADER MF PUK PIN USIM AKA SD END, "PE 2 (header) is there again after PE 1"},
		{HEADER MF PUK PIN AKA SD END, "the mandatory service usim needs usim"},
		{HEADER MF PUK USIM AKA SD END, "the mandatory service usim needs pinCodes"},
		{HEADER MF PUK PIN USIM SD END, "the mandatory service milenage needs akaParameter"},
		{HEADER USIM MF PUK PIN AKA SD END, "PE 2 (usim) comes without mf before it"},
		{HEADER MF PUK_SHORT PIN USIM AKA SD END, "PE 3 (pukCodes) has code 129, whose value has not 8 octets"},
		{HEADER MF PUK PIN USIM AKA SD "9A00" END, "PE 8 (unknown) has tag 9A"},
		{HEADER MF PUK PIN USIM AKA SD "A5", "after PE 7 comes no whole element"},
		{HEADER MF PIN_OF_PUK USIM AKA SD END, "unblocked by PUK 129, which pukCodes does not have"},
		{HEADER MF PUK PIN USIM AKA_NO_ID SD END, "PE 6 (akaParameter) has no identification number"},
		{HEADER_V1 MF PUK PIN USIM AKA SD END, "has version 1.0; cards of SGP.02 want 2.0 or later"},
		{HEADER_OTHER_ICCID MF PUK PIN USIM AKA SD END,
		 "PE 2 (mf) has another ICCID in EF.ICCID than the header"},
		{HEADER MF_EMPTY_ICCID PUK PIN USIM AKA SD END, "PE 2 (mf) has nothing in EF.ICCID"},
		{HEADER MF PUK PIN USIM_OVERFULL AKA SD END, "fills 3 octets into the file in field A3, which has 2"},
		{HEADER_OUT_OF_ORDER MF PUK PIN USIM AKA SD END, "its fields are out of order"},
		{HEADER_TWICE MF PUK PIN USIM AKA SD END, "a field is there twice"},
		{HEADER_SERVICE_129 MF PUK PIN USIM AKA SD END, "the list of mandatory services is malformed"},
		{HEADER_ODD_SERVICE MF PUK PIN USIM AKA SD END, "the list of mandatory services is malformed"},
		{HEADER MF PUK PIN USIM_HUGE AKA SD END, "has a malformed file in field A3"},
		{HEADER MF PUK PIN USIM_FAR AKA SD END,
		 "fills 4294967298 octets into the file in field A3, which has 2"},
		{"", "0 octets"},
	};
	void *ctx = talloc_new(NULL);

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct pkg_report *r = check(ctx, bad[i].hex);

		print_message("%s\n", bad[i].text);
		assert_true(says(r, PKG_ERROR, bad[i].text));
		assert_non_null(pkg_report_error(r));
	}
	talloc_free(ctx);
}

static void odd_things_are_warnings(void **state)
{
	void *ctx = talloc_new(NULL);
	struct pkg_report *r = check(ctx, HEADER_V4_NO_CHECK_DIGIT MF_NO_CHECK_DIGIT PIN USIM AKA END);

	assert_int_equal(r->n_errors, 0);
	assert_true(says(r, PKG_WARNING, "last digit is no check digit"));
	assert_true(says(r, PKG_WARNING, "version 4.0, which is not known here"));
	assert_true(says(r, PKG_WARNING, "no security domain"));
	assert_true(says(r, PKG_WARNING, "no pukCodes"));
	talloc_free(ctx);
}

/* Cut at every octet: an error each time, never a crash; flips change the report or nothing. */
static void cut_anywhere_is_an_error(void **state)
{
	void *ctx = talloc_new(NULL);
	struct bytes whole = unhex(ctx, HEADER MF PUK PIN_OF_PUK USIM AKA SD END);

	for (size_t n = 0; n < whole.len; n++) {
		struct bytes part = bytes_dup(ctx, bytes_sub(whole, 0, n));
		struct pkg_report *r = pkg_check(ctx, part);

		assert_true(r->n_errors > 0);
		talloc_free(r);
	}
	talloc_free(ctx);
}

/* The check digit of 7992739871 is 3 (the usual published example of the Luhn algorithm). */
static void check_digit_is_luhns(void **state)
{
	assert_true(pkg_iccid_check_digit("79927398713"));
	assert_false(pkg_iccid_check_digit("79927398710"));
	assert_false(pkg_iccid_check_digit("79927398714"));
	assert_false(pkg_iccid_check_digit(""));
}

static void iccid_has_two_orders(void **state)
{
	uint8_t coded[PKG_ICCID_LEN];
	char digits[21], *hex;
	void *ctx = talloc_new(NULL);

	assert_int_equal(pkg_iccid_enc("8900012345678901234F", coded), 0);
	hex = hex_enc(ctx, BYTES_ARR(coded));
	assert_string_equal(hex, "8900012345678901234F");
	assert_int_equal(pkg_iccid_dec(BYTES_ARR(coded), digits), 0);
	assert_string_equal(digits, "8900012345678901234");
	pkg_iccid_swap(coded);
	assert_string_equal(hex_enc(ctx, BYTES_ARR(coded)), "980010325476981032F4");
	assert_int_equal(pkg_iccid_dec(BYTES_ARR(coded), digits), -EINVAL);
	assert_int_equal(pkg_iccid_enc("89000123456789012", coded), -EINVAL);
	assert_int_equal(pkg_iccid_enc("890001234567890123456", coded), -EINVAL);
	assert_int_equal(pkg_iccid_enc("8900012345678901x3", coded), -EINVAL);
	talloc_free(ctx);
}

static struct bytes read_file(void *ctx, const char *path)
{
	uint8_t *data = talloc_array(ctx, uint8_t, PKG_MAX_LEN);
	FILE *f = fopen(path, "rb");
	size_t n;

	assert_non_null(f);
	n = fread(data, 1, PKG_MAX_LEN, f);
	fclose(f);
	return bytes_of(data, n);
}

static void one_test_profile(const char *name)
{
	void *ctx = talloc_new(NULL);
	struct pkg_report *r = pkg_check(ctx, read_file(ctx, talloc_asprintf(ctx, PROFILES "/%s", name)));

	print_message("%s: %zu elements, ICCID %s, %s\n", name, r->n_pes, r->header ? r->header->iccid : "?",
		      r->header ? r->header->type : "?");
	for (size_t i = 0; i < r->n_findings; i++)
		print_message("   %s\n", r->findings[i].text);
	assert_int_equal(r->n_errors, 0);
	assert_string_equal(r->header->iccid, "89000123456789012341");
	assert_string_equal(r->header->type, "GSMA Generic eUICC Test Profile");
	assert_true(r->n_pes >= 20);
	talloc_free(ctx);
}

static void gsma_test_profiles_pass(void **state)
{
	DIR *dir = opendir(PROFILES);
	struct dirent *e;
	unsigned int n = 0;

	while (dir && (e = readdir(dir))) {
		size_t len = strlen(e->d_name);

		if (len > 4 && strcmp(e->d_name + len - 4, ".der") == 0) {
			one_test_profile(e->d_name);
			n++;
		}
	}
	if (dir)
		closedir(dir);
	if (!n) {
		print_message("no test profiles of TS.48 in " PROFILES ": not tried\n");
		skip();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_package_passes),	   cmocka_unit_test(each_fault_is_put_into_words),
		cmocka_unit_test(odd_things_are_warnings), cmocka_unit_test(cut_anywhere_is_an_error),
		cmocka_unit_test(check_digit_is_luhns),	   cmocka_unit_test(iccid_has_two_orders),
		cmocka_unit_test(gsma_test_profiles_pass),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
