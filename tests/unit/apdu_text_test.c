/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Commands in words: what an operator reads, and that no key value is ever among it.  Octets from SGP.02 commands as
 * the card-side digest lists them. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>
#include <talloc.h>

#include "scp80/apdu_text.h"
#include "tests/support/vec.h"

#define AID "A0000005591010FFFFFFFF8900001000"
#define KEY "0102030405060708090A0B0C0D0E0F10"

struct tv {
	const char *hex, *text;
};

static void check(const struct tv *tv, size_t n, char *(*text)(const void *, struct bytes))
{
	for (size_t i = 0; i < n; i++) {
		void *ctx = talloc_new(NULL);

		assert_string_equal(text(ctx, unhex(ctx, tv[i].hex)), tv[i].text);
		talloc_free(ctx);
	}
}

static void commands(void **state)
{
	static const struct tv tv[] = {
		{"80E28800153A03124F10" AID, "STORE DATA 3A03 EnableProfile A0..8900001000"},
		{"80E28800153A04124F10" AID "00", "STORE DATA 3A04 DisableProfile A0..8900001000"},
		{"80E28900073A08044E02000700", "STORE DATA 3A08 HandleNotificationConfirmation 0007"},
		{"80E4004012"
		 "4F10" AID "00",
		 "DELETE DeleteProfile A0..8900001000"},
		{"80E40000"
		 "0A"
		 "F203020103F20341010200",
		 "DELETE FinaliseISDRhandover"},
		{"80CAFF2100", "GET DATA FF21 card resources"},
		{"80F240021A4F10" AID "5C064F9F70538F91", "GET STATUS A0..8900001000"},
		{"80E6200016"
		 "000010" AID "000000",
		 "INSTALL [for personalization] A0..8900001000"},
		{"80E60C003F"
		 "10A0000005591010FFFFFFFF8900000D00"
		 "10A0000005591010FFFFFFFF8900000E00"
		 "10" AID "0380C000"
		 "06C90481020370"
		 "00"
		 "00",
		 "INSTALL [for install and make selectable] CreateISDP A0..8900001000"},
		{"80D8000118"
		 "708811"
		 "10" KEY "03AABBCC",
		 "PUT KEY KVN 70 KID 01, 23 octets not shown"},
		{"80E209000400112233", "STORE DATA block 0, 4 octets"},
		{"00A40004023F00", "SELECT 3F00"},
		{"80770000021122", "INS 77, 2 octets"},
		{"80E2", "malformed command, 2 octets"},
		{"", "malformed command, 0 octets"},
	};

	check(tv, sizeof(tv) / sizeof(tv[0]), capdu_text);
}

static void answers(void **state)
{
	static const struct tv tv[] = {
		{"9000", "9000 done"},
		{"69E1", "69E1 POL1 forbids"},
		{"009000", "1 octets, 9000 done"},
		{"6110", "6110 done, more data"},
		{"6ABB", "6ABB unknown status word"},
		{"62F1", "62F1 answer cut, rest of the script not executed"},
		{"E3194F10" AID "9F70013F53010190"
		 "00",
		 "27 octets, A0..8900001000 enabled fall-back, 9000 done"},
		{"80124F10" AID "9000", "20 octets, deleted A0..8900001000, 9000 done"},
		{"80009000", "2 octets, 9000 done"},
		{"90", "malformed answer, 1 octets"},
	};

	check(tv, sizeof(tv) / sizeof(tv[0]), rapdu_text);
}

static void scripts(void **state)
{
	static const struct tv cmd[] = {
		{"AA1F830101221A80E28800153A03124F10" AID,
		 "script chaining; STORE DATA 3A03 EnableProfile A0..8900001000"},
		{"8100", "administration session trigger, 2 octets"},
		{"00A40004023F00", "no expanded script, 7 octets"},
	};
	static const struct tv rsp[] = {
		{"AB0780010123029000", "9000 done"},
		{"AB06800100900102", "script not understood"},
		{"AB03800102", "2 executed"},
		{"", "no data"},
		{"0190", "no expanded response, 2 octets"},
	};

	check(cmd, sizeof(cmd) / sizeof(cmd[0]), script_cmd_text);
	check(rsp, sizeof(rsp) / sizeof(rsp[0]), script_rsp_text);
}

/* However it is wrapped, cut or mislabelled, the value of a key does not come out. */
static void keys_are_never_shown(void **state)
{
	static const char *const tv[] = {
		"80D8000118708811"
		"10" KEY "03AABBCC",
		"80D8000114"
		"70" KEY "AABBCC",
		"80E2880013"
		"8F0110" KEY,
		"80E2880013"
		"007010" KEY,
		"80E4004012"
		"9E10" KEY,
		"8082000010" KEY,
	};
	void *ctx = talloc_new(NULL);

	for (size_t i = 0; i < sizeof(tv) / sizeof(tv[0]); i++) {
		const char *text = capdu_text(ctx, unhex(ctx, tv[i]));

		assert_null(strstr(text, "0506070809"));
		assert_null(strstr(text, "0C0D0E0F"));
	}
	talloc_free(ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands),
		cmocka_unit_test(answers),
		cmocka_unit_test(scripts),
		cmocka_unit_test(keys_are_never_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
