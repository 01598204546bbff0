/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Certificates of tests/vectors/es8.json and the ECASD certificate of tests/vectors/es/01, which carries its authority
 * key identifier below another tag and has no effective date. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>
#include <talloc.h>

#include "common/codec/ber.h"
#include "common/crypto/gpcert.h"
#include "tests/support/vec.h"

#define IN_2030 INT64_C(1893456000000)
#define DAY_MS INT64_C(86400000)

struct fix {
	json_t *root;
	void *ctx;
};

static int setup(void **state)
{
	struct fix *f = talloc_zero(NULL, struct fix);

	f->ctx = f;
	f->root = json_load_file("tests/vectors/es8.json", 0, NULL);
	assert_non_null(f->root);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fix *f = *state;

	json_decref(f->root);
	return talloc_free(f);
}

static const json_t *entry(struct fix *f, const char *group, const char *name)
{
	return json_object_get(json_object_get(f->root, group), name);
}

static struct bytes cert_of(struct fix *f, const char *name)
{
	return vec_hex(f, entry(f, "certificates", name), "full_7F21");
}

static struct pubkey *key_of(struct fix *f, const char *name)
{
	struct pubkey *key;

	assert_int_equal(pubkey_ec_import(f, EC_P256, vec_hex(f, entry(f, "keys", name), "public"), &key), 0);
	return key;
}

static void certificates_parse_and_verify(void **state)
{
	static const struct {
		const char *name, *key, *issuer;
		enum gpcert_usage usage;
		int role;
	} v[] = {{"CERT.DP.ECDSA", "DP.ECDSA", "CI.ECDSA", GPCERT_USAGE_VERIFY, 1},
		 {"CERT.SR.ECDSA", "SR.ECDSA", "CI.ECDSA", GPCERT_USAGE_VERIFY, 2},
		 {"CERT.ECASD.ECKA", "ECASD.ECKA", "EUM.ECDSA", GPCERT_USAGE_KEY_AGREEMENT, -1}};
	struct fix *f = *state;

	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		const json_t *issuer = entry(f, "keys", v[i].issuer);
		struct gpcert c;

		assert_int_equal(gpcert_parse(cert_of(f, v[i].name), &c), 0);
		assert_true(bytes_eq(c.tbs, vec_hex(f, entry(f, "certificates", v[i].name), "tbs")));
		assert_true(bytes_eq(c.aki, vec_hex(f, issuer, "ski_sha1")));
		assert_true(bytes_eq(c.point, vec_hex(f, entry(f, "keys", v[i].key), "public")));
		assert_int_equal(c.usage, v[i].usage);
		assert_int_equal(c.role, v[i].role);
		assert_int_equal(c.effective, 20200101);
		assert_int_equal(c.expires, 20491231);
		assert_int_equal(c.curve, EC_P256);
		assert_int_equal(gpcert_verify(&c, key_of(f, v[i].issuer)), 0);
		assert_int_equal(gpcert_verify(&c, key_of(f, v[i].key)), -EBADMSG);
	}
}

static void every_field_is_checked(void **state)
{
	struct fix *f = *state;
	struct bytes eid = unhex(f, "89001012012341234012345678901224");
	struct bytes aki = vec_hex(f, entry(f, "keys", "EUM.ECDSA"), "ski_sha1");
	struct gpcert_expect want = {.subject = eid, .usage = GPCERT_USAGE_KEY_AGREEMENT, .aki = aki, .at_ms = IN_2030};
	struct gpcert_expect other;
	struct gpcert c;

	assert_int_equal(gpcert_parse(cert_of(f, "CERT.ECASD.ECKA"), &c), 0);
	assert_int_equal(gpcert_check(&c, &want), GPCERT_OK);
	other = want;
	other.subject = unhex(f, "89001012012341234012345678901323");
	assert_int_equal(gpcert_check(&c, &other), GPCERT_BAD_SUBJECT);
	other = want;
	other.usage = GPCERT_USAGE_VERIFY;
	assert_int_equal(gpcert_check(&c, &other), GPCERT_BAD_USAGE);
	other = want;
	other.aki = vec_hex(f, entry(f, "keys", "CI.ECDSA"), "ski_sha1");
	assert_int_equal(gpcert_check(&c, &other), GPCERT_BAD_ISSUER);
	other = want;
	other.ca_id = BYTES_LIT("CI");
	assert_int_equal(gpcert_check(&c, &other), GPCERT_BAD_ISSUER);
	other = want;
	other.at_ms = INT64_C(1577836800000) - 1; /* 2020-01-01 */
	assert_int_equal(gpcert_check(&c, &other), GPCERT_NOT_YET_VALID);
	other.at_ms += 1;
	assert_int_equal(gpcert_check(&c, &other), GPCERT_OK);
	other.at_ms = INT64_C(2524608000000) - 1; /* 2050-01-01 */
	assert_int_equal(gpcert_check(&c, &other), GPCERT_OK);
	other.at_ms += 1;
	assert_int_equal(gpcert_check(&c, &other), GPCERT_EXPIRED);
	*(uint8_t *)(c.point.data + c.point.len - 1) ^= 1;
	assert_int_equal(gpcert_check(&c, &want), GPCERT_BAD_KEY);
}

static void certificate_of_a_registration_verifies(void **state)
{
	struct fix *f = *state;
	char hex[131], line[8192], *at, *end;
	struct pubkey *eum;
	struct gpcert c;
	FILE *file = fopen("tests/vectors/eum-key.txt", "r");

	assert_non_null(file);
	assert_int_equal(fread(hex, 1, 130, file), 130);
	hex[130] = '\0';
	fclose(file);
	assert_int_equal(pubkey_ec_import(f, EC_P256, unhex(f, hex), &eum), 0);
	file = fopen("tests/vectors/es/01-es1-registereis-request.xml", "r");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file) && !strstr(line, "7F21"))
		;
	fclose(file);
	at = strstr(line, "7F21");
	assert_non_null(at);
	end = strchr(at, '<');
	*end = '\0';
	assert_int_equal(gpcert_parse(unhex(f, at), &c), 0);
	assert_int_equal(gpcert_verify(&c, eum), 0);
	assert_int_equal(c.effective, 0);
	assert_true(bytes_eq(c.subject, unhex(f, "89044045211812345678901234567853")));
	assert_true(bytes_eq(c.aki, unhex(f, "17F17E0706F9ED902191806A5A789F1DBA48201A")));
}

static void cut_or_changed_certificates_are_refused(void **state)
{
	struct fix *f = *state;
	struct bytes full = cert_of(f, "CERT.ECASD.ECKA");
	struct pubkey *eum = key_of(f, "EUM.ECDSA");
	struct gpcert c;

	for (size_t len = 0; len < full.len; len++)
		assert_int_equal(gpcert_parse(bytes_sub(full, 0, len), &c), -EINVAL);
	for (size_t bit = 0; bit < 8 * full.len; bit++) {
		uint8_t *p = (uint8_t *)full.data + bit / 8;

		*p ^= (uint8_t)(1u << bit % 8);
		assert_false(gpcert_parse(full, &c) == 0 && gpcert_verify(&c, eum) == 0);
		*p ^= (uint8_t)(1u << bit % 8);
	}
}

/* A certificate of nonsense from a list of fields in the given order, each named by its place in a good one. */
static int parse_fields(struct fix *f, const char *order)
{
	static const char *const field[] = {"930101",	      "420101", "5F200101",	   "950182",
					    "5F240420491231", "7300",	"7F4905B003041122"};
	uint8_t signature[64] = {};
	struct gpcert c;
	struct wr w, cert;
	struct bytes b;

	wr_init(&w, f);
	for (; *order; order++) {
		if (*order == 'S')
			ber_put(&w, 0x5f37, BYTES_ARR(signature));
		else
			wr_bytes(&w, unhex(f, field[*order - '0']));
	}
	assert_int_equal(wr_end(&w, &b), 0);
	wr_init(&cert, f);
	ber_put(&cert, 0x7f21, b);
	assert_int_equal(wr_end(&cert, &b), 0);
	return gpcert_parse(b, &c);
}

static void fields_missing_doubled_or_moved_are_refused(void **state)
{
	static const char *const bad[] = {"",	      "123456S",  "023456S",  "013456S",  "012456S",   "012356S",
					  "012346S",  "012345S",  "0123456",  "0012345S", "00123456S", "0123456SS",
					  "1023456S", "0132456S", "0123465S", "012345S6", "0123456S0", "S0123456"};
	struct fix *f = *state;

	assert_int_equal(parse_fields(f, "0123456S"), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(parse_fields(f, bad[i]), -EINVAL);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(certificates_parse_and_verify),
		T(every_field_is_checked),
		T(certificate_of_a_registration_verifies),
		T(cut_or_changed_certificates_are_refused),
		T(fields_missing_doubled_or_moved_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
