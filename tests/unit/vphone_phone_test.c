/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A phone between a fake MSC and a fake card: the state machine, MT and MO, timers, and what happens when the card is
 * switched off or the MSC is lost in between.  The fakes take the place of bsc.c and air_link.c at link time; time is
 * that of libosmocore's override, so no test waits. */
#include "lab/vphone/air_link.h"
#include "lab/vphone/l3_sms.h"
#include "lab/vphone/phone_fsm.h"
#include "common/app/log.h"

#include <osmocom/core/application.h>
#include <osmocom/core/select.h>
#include <osmocom/core/talloc.h>
#include <osmocom/core/timer.h>
#include <osmocom/core/utils.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#define IMSI "001010000000001"

struct bsc_conn {
	void *user;
};

/* What left the phone, newest last, as text: "open 0508", "tx 0904", "abort", "air 3 0". */
struct script {
	void *ctx;
	struct fleet *fleet;
	bool up;
	struct bsc_conn conn; /* one phone: one connection */
	char *log;
};

static struct script *test;

static void note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	test->log = talloc_strdup_append(test->log, test->log[0] ? ", " : "");
	test->log = talloc_vasprintf_append(test->log, fmt, ap);
	va_end(ap);
}

static void note_l3(const char *what, struct bytes l3)
{
	char *hex = hex_enc(test->ctx, l3.len > 9 ? bytes_sub(l3, 0, 2) : l3);

	note("%s %s", what, hex);
	talloc_free(hex);
}

bool bsc_is_up(const struct bsc *bsc)
{
	return test->up;
}

struct bsc_conn *bsc_conn_open(struct bsc *bsc, void *user, struct bytes l3)
{
	assert_null(test->conn.user);
	test->conn.user = user;
	note_l3("open", l3);
	return &test->conn;
}

void bsc_conn_tx(struct bsc_conn *conn, enum bsc_sapi sapi, struct bytes l3)
{
	note_l3("tx", l3);
}

void bsc_conn_abort(struct bsc_conn *conn)
{
	conn->user = NULL;
	note("abort");
}

void air_link_tx(struct air_link *link, enum air_type type, const char *imsi, uint8_t cause, struct bytes payload)
{
	assert_string_equal(imsi, IMSI);
	note("air %d %u", (int)type, cause);
}

/* What happened since the last call. */
static void expect(const char *log)
{
	assert_string_equal(test->log, log);
	talloc_free(test->log);
	test->log = talloc_strdup(test->ctx, "");
}

static void rx(const char *hex)
{
	struct bytes l3;

	assert_int_equal(hex_dec(test->ctx, hex, &l3), 0);
	assert_non_null(test->conn.user);
	fleet_bsc_ops.rx_l3(test->conn.user, l3);
}

static void closed(void)
{
	void *user = test->conn.user;

	assert_non_null(user);
	test->conn.user = NULL;
	fleet_bsc_ops.closed(user);
}

static void wait_s(int seconds)
{
	osmo_gettimeofday_override_add(seconds, 0);
	osmo_timers_update();
}

static struct phone *phone(void)
{
	return fleet_find(test->fleet, IMSI);
}

static int setup(void **state)
{
	test = talloc_zero(NULL, struct script);
	test->ctx = talloc_named_const(test, 0, "test");
	test->log = talloc_strdup(test->ctx, "");
	test->fleet = talloc_zero(test, struct fleet);
	test->fleet->cell.lai.plmn = (struct osmo_plmn_id){.mcc = 1, .mnc = 1};
	test->up = true;
	fleet_init(test->fleet);
	return 0;
}

static int teardown(void **state)
{
	if (phone()) {
		phone_switch_off(phone());
		test->up = false;
		fleet_bsc_ops.down(test->fleet);
	}
	assert_null(phone());
	osmo_select_main_ctx(1); /* frees what the state machine put aside */
	talloc_free(test);
	return 0;
}

/* A phone attached and at rest. */
static int setup_idle(void **state)
{
	setup(state);
	phone_switch_on(test->fleet, IMSI);
	rx("050200F1100017");
	closed();
	expect("open 0508, air 3 0");
	assert_int_equal(phone()->fi->state, PHONE_ST_IDLE);
	return 0;
}

static void attach_waits_for_msc(void **state)
{
	test->up = false;
	phone_switch_on(test->fleet, IMSI);
	expect("");
	test->up = true;
	fleet_bsc_ops.up(test->fleet);
	expect("open 0508");
	rx("050200F110001717"
	   "05F45BA8A482"); /* with a TMSI */
	expect("tx 051B, air 3 0");
	closed();
	expect("");
}

static void attach_refused(void **state)
{
	phone_switch_on(test->fleet, IMSI);
	rx("051801"); /* identity request */
	rx("050402");
	closed();
	expect("open 0508, tx 0519, air 3 2");
	wait_s(1000);
	expect(""); /* for good */
	phone_relocate(phone());
	expect("open 0508");
}

static void attach_tried_again(void **state)
{
	phone_switch_on(test->fleet, IMSI);
	closed(); /* without an answer */
	expect("open 0508");
	wait_s(4);
	expect("open 0508");
	wait_s(21); /* T3210 */
	expect("abort");
	wait_s(4);
	rx("050411"); /* network failure: not for good, but not at once either */
	expect("open 0508");
	closed();
	expect("open 0508");
}

static void mt_acknowledged(void **state)
{
	fleet_bsc_ops.paged(test->fleet, IMSI);
	rx("0901"
	   "0F"
	   "0105"
	   "0791447758100650"
	   "00"
	   "03"
	   "AABBCC");
	expect("open 0627, tx 8904, air 4 0");
	sms_mt_answer(phone(), 0, NO_BYTES);
	expect("tx 8901020205");
	rx("0904");
	closed();
	expect("");
	assert_true(llist_empty(&phone()->mt));
}

static void mt_refused(void **state)
{
	fleet_bsc_ops.paged(test->fleet, IMSI);
	rx("3901"
	   "0F"
	   "0107"
	   "0791447758100650"
	   "00"
	   "03"
	   "AABBCC");
	sms_mt_answer(phone(), 22, NO_BYTES);
	expect("open 0627, tx B904, air 4 0, tx B9010404070116");
}

static void mt_repeated_reaches_card_once(void **state)
{
	static const char cp_data[] = "0901"
				      "0F"
				      "0105"
				      "0791447758100650"
				      "00"
				      "03"
				      "AABBCC";

	fleet_bsc_ops.paged(test->fleet, IMSI);
	rx(cp_data);
	rx(cp_data);
	expect("open 0627, tx 8904, air 4 0, tx 8904");
	assert_int_equal(test->fleet->stats.mt_repeated, 1);
	sms_mt_answer(phone(), 0, NO_BYTES);
	rx("0904");
	expect("tx 8901020205");
	rx(cp_data); /* the same octets in the next transaction are the next message */
	expect("tx 8904, air 4 0");
}

static void late_answer_is_dropped(void **state)
{
	fleet_bsc_ops.paged(test->fleet, IMSI);
	rx("0901"
	   "0F"
	   "0105"
	   "0791447758100650"
	   "00"
	   "03"
	   "AABBCC");
	closed();
	fleet_bsc_ops.paged(test->fleet, IMSI);
	rx("0901"
	   "0F"
	   "0106"
	   "0791447758100650"
	   "00"
	   "03"
	   "DDEEFF");
	expect("open 0627, tx 8904, air 4 0, open 0627, tx 8904, air 4 0");
	sms_mt_answer(phone(), 0, NO_BYTES); /* to the first */
	expect("");
	sms_mt_answer(phone(), 0, NO_BYTES);
	expect("tx 8901020206");
	sms_mt_answer(phone(), 0, NO_BYTES); /* to nothing */
	expect("");
}

static void mo_accepted(void **state)
{
	static const uint8_t tpdu[] = {0x41, 0x01};

	sms_mo_submit(phone(), BYTES_ARR(tpdu));
	expect("open 0524");
	rx("0521");
	expect("tx 1901"); /* CP-DATA with TI 1 */
	rx("9904");
	rx("9901"
	   "02"
	   "0301");
	expect("tx 1904, air 7 0");
	closed();
	expect("");
}

static void mo_waits_for_closed_connection(void **state)
{
	static const uint8_t tpdu[] = {0x41, 0x01};

	fleet_bsc_ops.paged(test->fleet, IMSI);
	sms_mo_submit(phone(), BYTES_ARR(tpdu));
	sms_mo_submit(phone(), BYTES_ARR(tpdu));
	expect("open 0627");
	fleet_bsc_ops.paged(test->fleet, IMSI);
	closed();
	expect("open 0627"); /* the page first */
	closed();
	expect("open 0524");
	rx("0521");
	rx("9901"
	   "04"
	   "05010126");
	closed();
	expect("tx 1901, tx 1904, air 7 38, open 0524"); /* the second after the connection of the first */
}

static void mo_gives_up(void **state)
{
	static const uint8_t tpdu[] = {0x41, 0x01};

	sms_mo_submit(phone(), BYTES_ARR(tpdu));
	closed();
	rx("052216"); /* congestion */
	closed();
	expect("open 0524, open 0524, open 0524");
	wait_s(16); /* T3230 */
	expect("abort, air 7 38");
	sms_mo_submit(phone(), BYTES_ARR(tpdu));
	rx("0521");
	expect("open 0524, tx 1901");
	wait_s(41); /* sent, no answer: not sent again */
	expect("abort, air 7 41");
}

static void mo_too_long(void **state)
{
	uint8_t tpdu[TPDU_MAX + 1] = {0};

	sms_mo_submit(phone(), BYTES_ARR(tpdu));
	expect("air 7 96");
}

static void unknown_in_vlr_registers_again(void **state)
{
	static const uint8_t tpdu[] = {0x41, 0x01};

	sms_mo_submit(phone(), BYTES_ARR(tpdu));
	rx("052204");
	closed();
	expect("open 0524, air 8 0, open 0508");
	rx("050200F1100017");
	closed();
	expect("air 3 0, open 0524");
}

static void switched_off(void **state)
{
	phone_switch_off(phone());
	expect("open 0501");
	closed();
	expect("");
	assert_null(phone());
}

/* A card that enables another profile: acknowledges, then detaches while the MSC still holds the connection. */
static void switched_off_while_busy(void **state)
{
	static const uint8_t tpdu[] = {0x41, 0x01};

	fleet_bsc_ops.paged(test->fleet, IMSI);
	rx("0901"
	   "0F"
	   "0105"
	   "0791447758100650"
	   "00"
	   "03"
	   "AABBCC");
	sms_mt_answer(phone(), 0, NO_BYTES);
	sms_mo_submit(phone(), BYTES_ARR(tpdu));
	expect("open 0627, tx 8904, air 4 0, tx 8901020205");
	phone_switch_off(phone());
	rx("0904");
	rx("1901"
	   "0F"
	   "0106"
	   "0791447758100650"
	   "00"
	   "03"
	   "AABBCC");
	expect("tx 9904, tx 990104040601"
	       "6F"); /* nobody there: RP-ERROR 111 */
	closed();
	expect("open 0501");
	closed();
	expect("air 7 38"); /* the message that was still waiting */
	assert_null(phone());
}

static void on_again_before_gone(void **state)
{
	phone_switch_off(phone());
	expect("open 0501");
	phone_switch_on(test->fleet, IMSI);
	closed();
	expect("open 0508");
	rx("050200F1100017");
	expect("air 3 0");
}

static void msc_lost(void **state)
{
	static const uint8_t tpdu[] = {0x41, 0x01};

	sms_mo_submit(phone(), BYTES_ARR(tpdu));
	rx("0521");
	expect("open 0524, tx 1901");
	test->up = false;
	test->conn.user = NULL;
	fleet_bsc_ops.down(test->fleet);
	expect("air 8 0, air 7 41");
	assert_int_equal(phone()->fi->state, PHONE_ST_OFF);
	test->up = true;
	fleet_bsc_ops.up(test->fleet);
	expect("open 0508");
}

static void pages_not_answered(void **state)
{
	fleet_bsc_ops.paged(test->fleet, "001010000000002");
	test->fleet->mute = true;
	fleet_bsc_ops.paged(test->fleet, IMSI);
	expect("");
}

static void nonsense_is_ignored(void **state)
{
	fleet_bsc_ops.paged(test->fleet, IMSI);
	expect("open 0627");
	rx("05");
	rx("09");
	rx("0901FF");
	rx("0301");
	rx("0521"); /* CM SERVICE ACCEPT that nobody asked for */
	rx("9901"
	   "02"
	   "0301");
	expect("tx 1904");
	closed();
	assert_int_equal(phone()->fi->state, PHONE_ST_IDLE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(attach_waits_for_msc, setup, teardown),
		cmocka_unit_test_setup_teardown(attach_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(attach_tried_again, setup, teardown),
		cmocka_unit_test_setup_teardown(mt_acknowledged, setup_idle, teardown),
		cmocka_unit_test_setup_teardown(mt_refused, setup_idle, teardown),
		cmocka_unit_test_setup_teardown(mt_repeated_reaches_card_once, setup_idle, teardown),
		cmocka_unit_test_setup_teardown(late_answer_is_dropped, setup_idle, teardown),
		cmocka_unit_test_setup_teardown(mo_accepted, setup_idle, teardown),
		cmocka_unit_test_setup_teardown(mo_waits_for_closed_connection, setup_idle, teardown),
		cmocka_unit_test_setup_teardown(mo_gives_up, setup_idle, teardown),
		cmocka_unit_test_setup_teardown(mo_too_long, setup_idle, teardown),
		cmocka_unit_test_setup_teardown(unknown_in_vlr_registers_again, setup_idle, teardown),
		cmocka_unit_test_setup_teardown(switched_off, setup_idle, teardown),
		cmocka_unit_test_setup_teardown(switched_off_while_busy, setup_idle, teardown),
		cmocka_unit_test_setup_teardown(on_again_before_gone, setup_idle, teardown),
		cmocka_unit_test_setup_teardown(msc_lost, setup_idle, teardown),
		cmocka_unit_test_setup_teardown(pages_not_answered, setup_idle, teardown),
		cmocka_unit_test_setup_teardown(nonsense_is_ignored, setup_idle, teardown),
	};
	void *ctx = talloc_named_const(NULL, 0, "vphone_phone_test");

	osmo_init_logging2(ctx, &log_info_esim);
	osmo_fsm_set_dealloc_ctx(OTC_SELECT);
	phone_fsm_init();
	osmo_gettimeofday_override = true;
	osmo_gettimeofday_override_time = (struct timeval){.tv_sec = 1000};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
