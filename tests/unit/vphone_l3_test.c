/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Layer 3 of the virtual phones.  The messages sent are written out from the tables of TS 24.008 and TS 24.011.  Of
 * those received, LU ACCEPT with TMSI, LU REJECT, CM SERVICE ACCEPT and all of TS 24.011 are what osmo-msc 1.9.0 sent,
 * named by tshark. */
#include "lab/vphone/l3_mm.h"
#include "lab/vphone/l3_sms.h"

#include <errno.h>
#include <osmocom/core/talloc.h>
#include <osmocom/core/utils.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#define IMSI "001010000000001"

static void assert_wr(const struct wr *w, const char *expected)
{
	struct bytes out;
	char hex[600];

	assert_int_equal(wr_end(w, &out), 0);
	assert_int_equal(hex_enc_buf(hex, sizeof(hex), out), 0);
	assert_string_equal(hex, expected);
}

static struct bytes from_hex(uint8_t *buf, const char *hex)
{
	size_t len = strlen(hex) / 2;

	assert_int_equal(hex_dec_buf(buf, len, hex), 0);
	return bytes_of(buf, len);
}

static void mm_enc(void **state)
{
	static const struct {
		void (*enc)(struct wr *w, const char *imsi);
		const char *hex;
	} messages[] = {
		{mm_imsi_detach_enc, "05"
				     "01"
				     "33"
				     "080910100000000010"},
		{mm_cm_service_request_enc, "05"
					    "24"
					    "74"
					    "03331981"
					    "080910100000000010"},
		{mm_identity_response_enc, "05"
					   "19"
					   "080910100000000010"},
		{rr_paging_response_enc, "06"
					 "27"
					 "07"
					 "03331981"
					 "080910100000000010"},
	};
	const struct osmo_plmn_id plmn = {.mcc = 1, .mnc = 1};
	uint8_t buf[64];
	struct wr w;

	for (size_t i = 0; i < ARRAY_SIZE(messages); i++) {
		wr_init_buf(&w, buf, sizeof(buf));
		messages[i].enc(&w, IMSI);
		assert_wr(&w, messages[i].hex);
	}
	wr_init_buf(&w, buf, sizeof(buf));
	mm_lu_request_enc(&w, IMSI, &plmn);
	assert_wr(&w, "05"
		      "08"
		      "72"
		      "00F110FFFE"
		      "33"
		      "080910100000000010");
	wr_init_buf(&w, buf, sizeof(buf));
	mm_tmsi_realloc_complete_enc(&w);
	assert_wr(&w, "051B");
}

static void mm_decode(void **state)
{
	static const struct {
		const char *hex;
		struct mm_msg msg;
	} messages[] = {
		{"050200F110001717"
		 "05F45BA8A482",
		 {MM_LU_ACCEPT, 0, true}},
		{"050200F1100017", {MM_LU_ACCEPT, 0, false}},
		{"050402", {MM_LU_REJECT, 2, false}},
		{"051801", {MM_IDENTITY_REQUEST, 0, false}},
		{"0521", {MM_CM_SERVICE_ACCEPT, 0, false}},
		{"052204", {MM_CM_SERVICE_REJECT, 4, false}},
		{"0532"
		 "45081122334455667788",
		 {0x32, 0, false}}, /* MM INFORMATION */
	};
	uint8_t buf[64];
	struct mm_msg msg;

	for (size_t i = 0; i < ARRAY_SIZE(messages); i++) {
		assert_int_equal(mm_dec(from_hex(buf, messages[i].hex), &msg), 0);
		assert_int_equal(msg.type, messages[i].msg.type);
		assert_int_equal(msg.cause, messages[i].msg.cause);
		assert_int_equal(msg.new_tmsi, messages[i].msg.new_tmsi);
	}
}

static void mm_malformed(void **state)
{
	static const char *const cut[] = {
		"",	"05",	"0502", "050200F11000", "050200F110001717", "050200F11000171705F4",
		"0504", "0522", "0602", "0904"};
	struct mm_msg msg = {.type = 0xee};
	uint8_t buf[64];

	for (size_t i = 0; i < ARRAY_SIZE(cut); i++)
		assert_int_equal(mm_dec(from_hex(buf, cut[i]), &msg), -EINVAL);
	assert_int_equal(msg.type, 0xee);
}

static void sms_enc(void **state)
{
	static const uint8_t sc[] = {0x91, 0x44, 0x77, 0x58, 0x10, 0x06, 0x50};
	uint8_t buf[CP_MAX], rp_buf[RP_MAX], tpdu[] = {0x41, 0x05, 0x07};
	struct bytes rp;
	struct wr w;

	wr_init_buf(&w, rp_buf, sizeof(rp_buf));
	rp_data_enc(&w, 0x2a, BYTES_ARR(sc), BYTES_ARR(tpdu));
	assert_wr(&w, "00"
		      "2A"
		      "00"
		      "0791447758100650"
		      "03410507");
	assert_int_equal(wr_end(&w, &rp), 0);
	wr_init_buf(&w, buf, sizeof(buf));
	cp_data_enc(&w, 3, rp);
	assert_wr(&w, "39"
		      "01"
		      "0F"
		      "002A00"
		      "0791447758100650"
		      "03410507");
	wr_init_buf(&w, buf, sizeof(buf));
	cp_ack_enc(&w, 3 | TI_FLAG);
	assert_wr(&w, "B904");
}

static void rp_answers(void **state)
{
	static const uint8_t ud[] = {0x02, 0x71, 0x00, 0x00};
	uint8_t buf[RP_MAX];
	struct bytes none = {NULL, 0};
	struct wr w;

	wr_init_buf(&w, buf, sizeof(buf));
	rp_answer_enc(&w, 0x11, 0, none);
	assert_wr(&w, "0211");
	wr_init_buf(&w, buf, sizeof(buf));
	rp_answer_enc(&w, 0x11, 22, none);
	assert_wr(&w, "0411"
		      "0116");
	wr_init_buf(&w, buf, sizeof(buf));
	rp_answer_enc(&w, 0x11, 0, BYTES_ARR(ud));
	assert_wr(&w, "0211"
		      "4109"
		      "40"
		      "07"
		      "7F"
		      "F6"
		      "04"
		      "02710000");
	wr_init_buf(&w, buf, sizeof(buf));
	rp_answer_enc(&w, 0x11, 111, BYTES_ARR(ud));
	assert_wr(&w, "0411"
		      "016F"
		      "410A"
		      "40"
		      "D5"
		      "07"
		      "7F"
		      "F6"
		      "04"
		      "02710000");
}

static void too_long(void **state)
{
	static const uint8_t sc[] = {0x91, 0x44, 0x77, 0x58, 0x10, 0x06, 0x50};
	uint8_t tpdu[TPDU_MAX + 1] = {0}, rp_buf[RP_MAX], buf[CP_MAX];
	struct bytes out;
	struct wr w;

	wr_init_buf(&w, rp_buf, sizeof(rp_buf));
	rp_data_enc(&w, 1, BYTES_ARR(sc), bytes_of(tpdu, TPDU_MAX));
	assert_int_equal(wr_end(&w, &out), 0);
	wr_init_buf(&w, buf, sizeof(buf));
	cp_data_enc(&w, 1, out);
	assert_int_equal(wr_end(&w, &out), 0);
	wr_init_buf(&w, rp_buf, sizeof(rp_buf));
	rp_data_enc(&w, 1, BYTES_ARR(sc), bytes_of(tpdu, TPDU_MAX + 1));
	assert_int_equal(wr_end(&w, &out), -ENOSPC);
	wr_init_buf(&w, rp_buf, sizeof(rp_buf));
	rp_answer_enc(&w, 1, 0, bytes_of(tpdu, TPDU_MAX + 1));
	assert_int_equal(wr_end(&w, &out), -ENOSPC);
}

/* CP-DATA, RP-DATA (network to MS) with a short SMS-DELIVER, then every cut of it. */
static void sms_decode(void **state)
{
	static const char hex[] = "09"
				  "01"
				  "48"
				  "01"
				  "00"
				  "0791447758100650"
				  "00"
				  "3C"
				  "40"
				  "07918821"
				  "43F5"
				  "7F"
				  "F6"
				  "62111250105500"
				  "2B"
				  "02700000260D0021"
				  "0000B00010"
				  "000000006A"
				  "0000"
				  "0102030405060708090A0B0C0D0E0F1011121314151617";
	uint8_t buf[128];
	struct bytes l3 = from_hex(buf, hex);
	struct cp_msg cp;
	struct rp_msg rp;

	assert_int_equal(cp_dec(l3, &cp), 0);
	assert_int_equal(cp.type, CP_DATA);
	assert_int_equal(cp.ti, 0);
	assert_int_equal(rp_dec(cp.rp, &rp), 0);
	assert_int_equal(rp.type, RP_DATA);
	assert_int_equal(rp.mr, 0);
	assert_int_equal(rp.tpdu.len, 0x3c);
	assert_true(bytes_eq(rp.tpdu, bytes_sub(l3, l3.len - 0x3c, 0x3c)));
	for (size_t n = 0; n < l3.len; n++)
		assert_int_equal(cp_dec(bytes_sub(l3, 0, n), &cp), -EINVAL);
	for (size_t n = 0; n < cp.rp.len; n++)
		assert_int_equal(rp_dec(bytes_sub(cp.rp, 0, n), &rp), -EINVAL);
}

static void sms_results(void **state)
{
	uint8_t buf[64];
	struct cp_msg cp;
	struct rp_msg rp;

	assert_int_equal(cp_dec(from_hex(buf, "A901"
					      "02"
					      "0302"),
				&cp),
			 0);
	assert_int_equal(cp.ti, 2 | TI_FLAG);
	assert_int_equal(rp_dec(cp.rp, &rp), 0);
	assert_int_equal(rp.type, RP_ACK);
	assert_int_equal(rp.mr, 2);
	assert_int_equal(cp_dec(from_hex(buf, "9901"
					      "04"
					      "05010126"),
				&cp),
			 0);
	assert_int_equal(rp_dec(cp.rp, &rp), 0);
	assert_int_equal(rp.type, RP_ERROR);
	assert_int_equal(rp.cause, 38);
	assert_int_equal(rp_dec(from_hex(buf, "050100"), &rp), -EINVAL); /* RP-ERROR without cause */
	assert_int_equal(cp_dec(from_hex(buf, "0904"), &cp), 0);
	assert_int_equal(cp.type, CP_ACK);
	assert_int_equal(cp_dec(from_hex(buf, "0504"), &cp), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mm_enc),     cmocka_unit_test(mm_decode),   cmocka_unit_test(mm_malformed),
		cmocka_unit_test(sms_enc),    cmocka_unit_test(rp_answers),  cmocka_unit_test(too_long),
		cmocka_unit_test(sms_decode), cmocka_unit_test(sms_results),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
