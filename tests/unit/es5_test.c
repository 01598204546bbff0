/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* ES5 commands and answers against tests/vectors/es8.json. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>
#include <talloc.h>

#include "common/codec/ber.h"
#include "smsr/es5.h"
#include "tests/support/vec.h"

#define FILE_NAME "tests/vectors/es8.json"
#define AID BYTES_LIT("\xa0\x00\x00\x05\x59\x10\x10\xff\xff\xff\xff\x89\x00\x00\x10\x00")
#define OTHER_AID BYTES_LIT("\xa0\x00\x00\x05\x59\x10\x10\xff\xff\xff\xff\x89\x00\x00\x11\x00")
#define EID BYTES_LIT("\x89\x00\x10\x12\x01\x23\x41\x23\x40\x12\x34\x56\x78\x90\x12\x24")

static int setup(void **state)
{
	*state = talloc_new(NULL);
	return 0;
}

static int teardown(void **state)
{
	return talloc_free(*state);
}

static struct bytes vector(const void *ctx, const char *name)
{
	json_t *root = json_load_file(FILE_NAME, 0, NULL);
	const char *hex = json_string_value(json_object_get(json_object_get(root, "es5_commands"), name));
	struct bytes out;

	assert_non_null(hex);
	out = unhex(ctx, hex);
	json_decref(root);
	return out;
}

/* An answer without its status word. */
static struct bytes answer(const void *ctx, const char *name)
{
	struct bytes b = vector(ctx, name);

	assert_true(b.len >= 2);
	return bytes_sub(b, 0, b.len - 2);
}

static void expect(const void *ctx, const struct wr *w, const char *name)
{
	struct bytes got, want = vector(ctx, name);

	assert_int_equal(wr_end(w, &got), 0);
	if (!bytes_eq(got, want))
		fail_msg("%s: %s and not %s", name, hex_enc(ctx, got), hex_enc(ctx, want));
}

static void commands(void **state)
{
	static const struct {
		const char *name;
		int (*enc)(struct bytes aid, struct wr *w);
	} with_aid[] = {
		{"EnableProfile", es5_enable_profile},
		{"DisableProfile", es5_disable_profile},
		{"DeleteProfile", es5_delete_profile},
	};
	struct wr w;

	for (size_t i = 0; i < sizeof(with_aid) / sizeof(with_aid[0]); i++) {
		wr_init(&w, *state);
		assert_int_equal(with_aid[i].enc(AID, &w), 0);
		expect(*state, &w, with_aid[i].name);
		assert_int_equal(with_aid[i].enc(BYTES_LIT("\xa0\x00\x00\x05"), &w), -EINVAL);
		assert_int_equal(with_aid[i].enc(BYTES_LIT("01234567890123456"), &w), -EINVAL);
	}
	wr_init(&w, *state);
	assert_int_equal(es5_get_status(false, &w), 0);
	expect(*state, &w, "GetStatus_all");
	wr_init(&w, *state);
	assert_int_equal(es5_get_memory(&w), 0);
	expect(*state, &w, "GetData_FF21");
	wr_init(&w, *state);
	assert_int_equal(es5_create_isdp(AID, 0, &w), 0);
	expect(*state, &w, "CreateISDP");
}

static struct bytes created_with(const void *ctx, uint32_t memory)
{
	struct bytes out;
	struct wr w;

	wr_init(&w, ctx);
	assert_int_equal(es5_create_isdp(AID, memory, &w), 0);
	assert_int_equal(wr_end(&w, &out), 0);
	return out;
}

/* The quota stands behind C9, in two octets or four. */
static void create_with_a_quota(void **state)
{
	struct bytes plain = vector(*state, "CreateISDP");
	struct bytes small = created_with(*state, 0xffff), large = created_with(*state, 0x10000);
	const size_t upto = plain.len - 2; /* no token, Le */

	assert_int_equal(small.len, plain.len + 6);
	assert_memory_equal(small.data + upto, "\xef\x04\x83\x02\xff\xff\x00\x00", 8);
	assert_int_equal(large.len, plain.len + 8);
	assert_memory_equal(large.data + upto, "\xef\x06\x83\x04\x00\x01\x00\x00\x00\x00", 10);
}

static void isdp_aids(void **state)
{
	uint8_t aid[AID_MAX];

	es5_isdp_aid(ES5_ISDP_TAR_MIN, aid);
	assert_true(bytes_eq(BYTES_ARR(aid), AID));
	es5_isdp_aid(ES5_ISDP_TAR_MIN + 1, aid);
	assert_true(bytes_eq(BYTES_ARR(aid), OTHER_AID));
}

static void connectivity_in_blocks(void **state)
{
	uint8_t value[300] = {0xa0};
	struct bytes out;
	struct ber t;
	struct rd r;
	struct wr w;

	wr_init(&w, *state);
	assert_int_equal(es5_connectivity(BYTES_LIT("\xa0\x00"), &w), 0);
	assert_int_equal(wr_end(&w, &out), 0);
	assert_true(bytes_eq(out, BYTES_LIT("\x22\x0a\x80\xe2\x88\x00\x05\x3a\x07\x02\xa0\x00")));
	wr_init(&w, *state);
	assert_int_equal(es5_connectivity(BYTES_ARR(value), &w), 0);
	assert_int_equal(wr_end(&w, &out), 0);
	rd_init(&r, out);
	assert_true(ber_next(&r, &t));
	assert_memory_equal(t.value.data, "\x80\xe2\x08\x00\xff\x3a\x07\xff\x01\x2c\xa0", 11);
	assert_true(ber_next(&r, &t));
	assert_memory_equal(t.value.data, "\x80\xe2\x88\x01\x32", 5);
	assert_int_equal(rd_left(&r), 0);
}

static void confirmation(void **state)
{
	struct wr w;

	wr_init(&w, *state);
	assert_int_equal(es5_confirm_notification(7, &w), 0);
	expect(*state, &w, "NotificationConfirmation");
}

static void status_goes_on_with_p2_03(void **state)
{
	struct bytes first = vector(*state, "GetStatus_all"), next;
	struct wr w;

	wr_init(&w, *state);
	assert_int_equal(es5_get_status(true, &w), 0);
	assert_int_equal(wr_end(&w, &next), 0);
	assert_int_equal(next.len, first.len);
	assert_memory_equal(next.data, "\x80\xf2\x40\x03", 4);
	assert_memory_equal(next.data + 4, first.data + 4, first.len - 4);
}

static void status_answer(void **state)
{
	struct bytes one = answer(*state, "GetStatus_response_example");
	struct es5_isdp isdp;
	struct rd r;
	struct wr w;
	struct bytes two;

	wr_init(&w, *state);
	wr_bytes(&w, one);
	wr_bytes(&w, one);
	assert_int_equal(wr_end(&w, &two), 0);
	rd_init(&r, two);
	for (int i = 0; i < 2; i++) {
		assert_true(es5_isdp_next(&r, &isdp));
		assert_true(bytes_eq(isdp.aid, AID));
		assert_int_equal(isdp.life, ES5_LIFE_ENABLED);
		assert_int_equal(isdp.fallback, 0);
		assert_int_equal(isdp.granted_memory, 0x10000);
		assert_int_equal(isdp.remaining_memory, 0x8000);
	}
	assert_false(es5_isdp_next(&r, &isdp));
	assert_int_equal(rd_end(&r), 0);
	for (size_t cut = 1; cut < one.len; cut++) {
		rd_init(&r, bytes_sub(one, 0, cut));
		assert_false(es5_isdp_next(&r, &isdp));
		assert_true(rd_end(&r) < 0);
	}
}

static void status_answer_without_figures(void **state)
{
	struct bytes b = unhex(*state, "E3164F10A0000005591010FFFFFFFF89000010009F70013F");
	struct es5_isdp isdp;
	struct rd r;

	rd_init(&r, b);
	assert_true(es5_isdp_next(&r, &isdp));
	assert_int_equal(isdp.fallback, -1);
	assert_int_equal(isdp.granted_memory, -1);
	assert_int_equal(isdp.remaining_memory, -1);
	/* A life cycle state is one octet: 0x13F is not 3F. */
	rd_init(&r, unhex(*state, "E3174F10A0000005591010FFFFFFFF89000010009F7002013F"));
	assert_false(es5_isdp_next(&r, &isdp));
	/* An ISD-P that does not say what state it is in says nothing. */
	rd_init(&r, unhex(*state, "E3124F10A0000005591010FFFFFFFF8900001000"));
	assert_false(es5_isdp_next(&r, &isdp));
	assert_true(rd_end(&r) < 0);
}

static void memory(void **state)
{
	struct bytes example = answer(*state, "GetData_FF21_response_example");
	int64_t free_memory = -5;

	assert_int_equal(es5_memory_dec(example, &free_memory), 0);
	assert_int_equal(free_memory, 0x64000);
	/* A real card: FF210B 81010D 8202C5D6 83020962. */
	assert_int_equal(es5_memory_dec(unhex(*state, "FF210B81010D8202C5D683020962"), &free_memory), 0);
	assert_int_equal(free_memory, 0xc5d6);
	for (size_t cut = 0; cut < example.len; cut++)
		assert_int_equal(es5_memory_dec(bytes_sub(example, 0, cut), &free_memory), -EINVAL);
	assert_int_equal(free_memory, 0xc5d6);
}

static void deleted_profiles(void **state)
{
	struct bytes aids, aid;
	struct rd r;

	assert_int_equal(es5_confirmed_dec(answer(*state, "NotificationConfirmation_response_none_deleted"), &aids), 0);
	assert_int_equal(aids.len, 0);
	assert_int_equal(es5_confirmed_dec(bytes_of(NULL, 0), &aids), 0); /* plain 9000 */
	assert_int_equal(aids.len, 0);
	assert_int_equal(es5_confirmed_dec(answer(*state, "NotificationConfirmation_response_one_deleted"), &aids), 0);
	rd_init(&r, aids);
	assert_true(es5_deleted_next(&r, &aid));
	assert_true(bytes_eq(aid, OTHER_AID));
	assert_false(es5_deleted_next(&r, &aid));
	assert_int_equal(es5_confirmed_dec(BYTES_LIT("\x80\x02\x4f\x05"), &aids), -EINVAL);
	assert_int_equal(es5_confirmed_dec(BYTES_LIT("\x81\x00"), &aids), -EINVAL);
}

static void notification(void **state)
{
	struct bytes example = vector(*state, "DefaultNotification_E1");
	struct es5_notif n;

	assert_int_equal(es5_notif_dec(example, &n), 0);
	assert_true(bytes_eq(n.eid, EID));
	assert_int_equal(n.type, ES5_NOTIF_CHANGED);
	assert_int_equal(n.seq, 7);
	assert_true(bytes_eq(n.aid, AID));
	assert_true(bytes_eq(n.imei, BYTES_LIT("\x3a\x45\x99\x00\x57\x91\x85\x03")));
	assert_int_equal(n.meid.len, 0);
	for (size_t cut = 0; cut < example.len; cut++)
		assert_int_equal(es5_notif_dec(bytes_sub(example, 0, cut), &n), -EINVAL);
}

#define E4C "4C1089001012012341234012345678901224"

static void variants_of_the_notification(void **state)
{
	static const struct {
		const char *hex;
		int rc;
	} cases[] = {
		{"E119" E4C "4D01024E020007", 0},     /* without AID and device */
		{"E11B" E4C "4D01024E0200074500", 0}, /* something unknown is passed over */
		{"E122" E4C "4D01024E0200076D0735499007519583", 0},
		{"E11A" E4C "4D01024E03000007", -EINVAL}, /* sequence of three octets */
		{"E115" E4C "4D0102", -EINVAL},		  /* no sequence */
		{"E116" E4C "4E020007", -EINVAL},	  /* no type */
		{"E1074D01024E020007", -EINVAL},	  /* no EID */
		{"E1184C0F890010120123412340123456789012"
		 "4D01024E020007",
		 -EINVAL},
		{"E123" E4C "4D01024E02000714083A45990057918503", 0},
		{"E124" E4C "4D01024E02000714093A4599005791850300", -EINVAL},		      /* IMEI of nine octets */
		{"E12C" E4C "4D01024E0200072F11A0000005591010FFFFFFFF890000100000", -EINVAL}, /* AID of 17 */
		{"E11A" E4C "4D0200024E020007", 0},					      /* leading zero */
		{"E11A" E4C "4D0201024E020007", -EINVAL},				      /* type above one octet */
		{"E2074D01024E020007", -EINVAL},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct es5_notif n;
		int rc = es5_notif_dec(unhex(*state, cases[i].hex), &n);

		if (rc != cases[i].rc)
			fail_msg("%s: %d", cases[i].hex, rc);
	}
}

static void every_spelling_of_the_aid(void **state)
{
	static const char *const tags[] = {"2F", "AF", "4F"};

	for (size_t i = 0; i < 3; i++) {
		char *hex = talloc_asprintf(*state, "E12B" E4C "4D01024E020007%s10A0000005591010FFFFFFFF8900001000",
					    tags[i]);
		struct es5_notif n;

		assert_int_equal(es5_notif_dec(unhex(*state, hex), &n), 0);
		assert_true(bytes_eq(n.aid, AID));
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(commands),
		T(create_with_a_quota),
		T(isdp_aids),
		T(connectivity_in_blocks),
		T(confirmation),
		T(status_goes_on_with_p2_03),
		T(status_answer),
		T(status_answer_without_figures),
		T(memory),
		T(deleted_profiles),
		T(notification),
		T(variants_of_the_notification),
		T(every_spelling_of_the_aid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
