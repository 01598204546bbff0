/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Certificates of tests/vectors/x509; names, identifiers and fingerprints as the openssl command line prints them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <talloc.h>

#include "common/crypto/x509.h"

#define DIR "tests/vectors/x509/"
#define IN_2030 INT64_C(1893456000000)
#define DAY_MS INT64_C(86400000)

struct fix {
	void *ctx;
	const char *why;
	struct x509_bundle *roots;
};

static int setup(void **state)
{
	struct fix *f = talloc_zero(NULL, struct fix);

	f->ctx = f;
	assert_int_equal(x509_bundle_load(f, DIR "root.pem", &f->roots, &f->why), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	return talloc_free(*state);
}

static struct x509 *load(struct fix *f, const char *name)
{
	struct x509 *cert;

	assert_int_equal(x509_pem_load(f, talloc_asprintf(f, DIR "%s.pem", name), &cert, &f->why), 0);
	return cert;
}

static void a_certificate_says_who_it_is(void **state)
{
	struct fix *f = *state;
	struct x509 *c = load(f, "eum"), *again;
	struct pubkey *key;
	struct bytes der;

	assert_string_equal(x509_subject(c),
			    "serialNumber=1.3.6.1.4.1.32473.10,CN=Example EUM,O=Example Card Maker,C=XX");
	assert_string_equal(hex_enc(f, x509_ski(c)), "301C4D4332C2C47BD30C8AD873DBA798194127F6");
	assert_string_equal(hex_enc(f, bytes_of(x509_fingerprint(c), 32)),
			    "45572647C19E257C525E9AAB64942262668E974D2B2489B9FD4ADF9AF54D7186");
	assert_int_equal(x509_not_after_ms(c), INT64_C(4905637268) * 1000);
	assert_int_equal(x509_der_parse(f, x509_der(c), &again), 0);
	assert_memory_equal(x509_fingerprint(c), x509_fingerprint(again), 32);
	assert_int_equal(pubkey_spki_export(f, x509_pubkey(c), &der), 0);
	assert_int_equal(pubkey_spki_import(f, der, &key), 0);
	assert_true(pubkey_eq(key, x509_pubkey(again)));
}

static void good_chains_pass(void **state)
{
	static const char *const good[] = {"eum", "eum-brainpool", "eum-rsa3072"};
	struct fix *f = *state;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct x509 *c = load(f, good[i]);

		assert_int_equal(x509_chain_check(f, c, f->roots, IN_2030, &f->why), 0);
		assert_int_equal(x509_eum_check(f, c, &f->why), 0);
	}
}

static void bad_chains_are_refused(void **state)
{
	static const char *const bad[] = {"eum-rsa2048", "eum-sha1", "other-root"};
	struct fix *f = *state;
	struct x509_bundle *other;
	struct x509 *eum = load(f, "eum"), *brief = load(f, "eum-short");

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		f->why = NULL;
		assert_int_equal(x509_chain_check(f, load(f, bad[i]), f->roots, IN_2030, &f->why), -EBADMSG);
		assert_non_null(f->why);
	}
	assert_int_equal(x509_bundle_load(f, DIR "other-root.pem", &other, &f->why), 0);
	assert_int_equal(x509_chain_check(f, eum, other, IN_2030, &f->why), -EBADMSG);
	assert_int_equal(x509_chain_check(f, eum, f->roots, x509_not_after_ms(eum) + 1000, &f->why), -EBADMSG);
	assert_non_null(strstr(f->why, "expired"));
	assert_int_equal(x509_chain_check(f, eum, f->roots, 0, &f->why), -EBADMSG);
	assert_int_equal(x509_chain_check(f, brief, f->roots, x509_not_after_ms(brief) - DAY_MS, &f->why), 0);
	assert_int_equal(x509_chain_check(f, brief, f->roots, IN_2030, &f->why), -EBADMSG);
}

static void unfit_eum_certificates_are_refused(void **state)
{
	static const struct {
		const char *name, *why;
	} bad[] = {{"eum-no-ca", "no CA"},  {"eum-no-sign", "may not sign"}, {"eum-no-usage", "may not sign"},
		   {"eum-rsa2048", "3072"}, {"eum-sha1", "SHA-256"},	     {"eum-p521", "neither RSA nor"}};
	struct fix *f = *state;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(x509_eum_check(f, load(f, bad[i].name), &f->why), -EBADMSG);
		assert_non_null(strstr(f->why, bad[i].why));
	}
}

static void revoked_certificates_are_refused(void **state)
{
	struct fix *f = *state;
	struct x509_bundle *roots;

	assert_int_equal(x509_bundle_load(f, DIR "root-crl.pem", &roots, &f->why), 0);
	assert_int_equal(x509_chain_check(f, load(f, "eum"), roots, IN_2030, &f->why), 0);
	assert_int_equal(x509_chain_check(f, load(f, "eum-brainpool"), roots, IN_2030, &f->why), -EBADMSG);
	assert_non_null(strstr(f->why, "revoked"));
}

static void what_is_no_certificate_is_refused(void **state)
{
	struct fix *f = *state;
	struct x509_bundle *b = NULL;
	struct x509 *c = NULL, *eum = load(f, "eum");
	struct bytes der = x509_der(eum);

	assert_int_equal(x509_pem_load(f, "/nonexistent", &c, &f->why), -ENOENT);
	assert_int_equal(x509_pem_load(f, "tests/vectors/README.md", &c, &f->why), -EINVAL);
	assert_non_null(strstr(f->why, "README.md"));
	assert_int_equal(x509_bundle_load(f, "tests/vectors/README.md", &b, &f->why), -EINVAL);
	assert_int_equal(
		x509_pem_parse(f, BYTES_LIT("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), &c),
		-EINVAL);
	for (size_t len = 0; len < der.len; len++)
		assert_int_equal(x509_der_parse(f, bytes_sub(der, 0, len), &c), -EINVAL);
	assert_null(c);
	assert_null(b);
}

/* The last octet of a signature's BIT STRING, with three spare bits: OpenSSL reads it, and would write zeros. */
static void what_is_no_der_is_refused(void **state)
{
	struct fix *f = *state;
	struct bytes der = x509_der(load(f, "eum"));
	struct bytes ber = bytes_dup(f, der);
	struct x509 *c = NULL;
	uint8_t *octets = (uint8_t *)ber.data;
	size_t unused = 0;

	/* The signature is the last element: 03 LEN 00 30 ... */
	for (size_t i = ber.len - 80; i < ber.len - 3; i++) {
		if (octets[i] == 0x03 && octets[i + 1] == ber.len - i - 2 && octets[i + 2] == 0 &&
		    octets[i + 3] == 0x30)
			unused = i + 2;
	}
	assert_true(unused > 0);
	octets[unused] = 3;
	octets[ber.len - 1] |= 7;
	assert_int_equal(x509_der_parse(f, ber, &c), -EINVAL);
	assert_null(c);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_certificate_says_who_it_is),     T(good_chains_pass),
		T(bad_chains_are_refused),	     T(unfit_eum_certificates_are_refused),
		T(revoked_certificates_are_refused), T(what_is_no_certificate_is_refused),
		T(what_is_no_der_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
