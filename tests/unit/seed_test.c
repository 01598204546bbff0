/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Expected values: the KDF of the openssl command line (HKDF, SHA-256), the Luhn examples of ISO/IEC 7812-1, the EID
 * rule of ISO 7064 (the number modulo 97 is 1) computed here digit by digit. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>
#include <talloc.h>

#include "lab/seed/seed.h"

static unsigned int mod97(const char *digits)
{
	unsigned int r = 0;

	for (; *digits; digits++)
		r = (r * 10 + (unsigned int)(*digits - '0')) % 97;
	return r;
}

static void derivation_is_hkdf(void **state)
{
	struct seed *s = seed_alloc(NULL, "a seed for tests");
	uint8_t got[32], want[32];

	/* openssl kdf -keylen 32 -kdfopt digest:SHA256 -kdfopt key:'a seed for tests' -kdfopt
	 * hexinfo:6C6162656C006E616D65 HKDF */
	assert_int_equal(hex_dec_buf(want, 32, "D19C73AC7A3AACE32BDA31374C3D6CD9247B71E318B0596CA47C2481CC1F0D7A"), 0);
	assert_int_equal(seed_derive(s, "label", "name", got, 32), 0);
	assert_memory_equal(got, want, 32);
	assert_int_equal(seed_derive(s, "label", "name", got, 33), -EINVAL);
	talloc_free(s);
	assert_null(seed_alloc(NULL, ""));
}

static void luhn(void **state)
{
	char digits[20] = "7992739871"; /* ISO/IEC 7812-1: check digit 3 */

	seed_luhn_append(digits);
	assert_string_equal(digits, "79927398713");
}

static void cards_are_valid_and_repeat(void **state)
{
	static const uint32_t indexes[] = {0, 1, 7, 4711, 999999, SEED_CARDS_MAX - 1};
	struct seed *s = seed_alloc(NULL, "one");
	struct seed *other = seed_alloc(NULL, "two");
	struct seed_card a, b, c;

	for (size_t i = 0; i < sizeof(indexes) / sizeof(indexes[0]); i++) {
		memset(&a, 0, sizeof(a));
		memset(&b, 0, sizeof(b));
		assert_int_equal(seed_card(s, indexes[i], &a), 0);
		assert_int_equal(seed_card(s, indexes[i], &b), 0);
		assert_memory_equal(&a, &b, sizeof(a));
		assert_int_equal(strlen(a.eid), 32);
		assert_int_equal(mod97(a.eid), 1);
		assert_int_equal(a.imei[0] & 0x0f, 0x0a);
		assert_int_equal(seed_card(other, indexes[i], &c), 0);
		assert_string_equal(c.eid, a.eid);
		assert_memory_not_equal(c.kic, a.kic, 16);
		assert_memory_not_equal(a.kid, a.kic, 16);
		for (size_t p = 0; p < SEED_N_PROFILES; p++) {
			assert_int_equal(strlen(a.profiles[p].iccid), 19);
			assert_int_equal(strlen(a.profiles[p].imsi), 15);
			assert_int_equal(strlen(a.profiles[p].msisdn), 13);
		}
	}
	assert_int_equal(seed_card(s, SEED_CARDS_MAX, &c), -EINVAL);
	talloc_free(s);
	talloc_free(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(derivation_is_hkdf),
		cmocka_unit_test(luhn),
		cmocka_unit_test(cards_are_valid_and_repeat),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
