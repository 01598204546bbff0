/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The stock over a real database: types, import, levels, secrets at rest.  Reservations over restarts are in
 * tests/scenario/stock_restart_test.c.  The key and OPc are test set 1 of TS 35.208. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <talloc.h>

#include "smdp/pkg.h"
#include "smdp/prep.h"
#include "smdp/stock_priv.h"
#include "tests/support/stock_bench.h"
#include "tests/support/vec.h"

#define KI "465B5CE8B199B49FAA5F0A2EE238A6BC"
#define OPC "CD63CB71954A9F4E48A5994E37A02BAF"

static int setup(void **state)
{
	struct stock_bench *b = stock_bench_alloc();

	stock_bench_type(b);
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	stock_bench_free(*state);
	return 0;
}

struct import {
	struct stock_batch in;
	struct stock_row *rows;
	size_t n;
	const char *why;
};

static int do_import(struct stock_bench *b, void *arg)
{
	struct import *i = arg;

	return stock_import_batch(b->stock, b, &i->in, &i->rows, &i->n, &i->why);
}

static int import_csv(struct stock_bench *b, struct import *i, const char *csv)
{
	i->in.mno = i->in.mno ? i->in.mno : BENCH_MNO;
	i->in.type = i->in.type ? i->in.type : "m2m";
	i->in.csv = bytes_str(csv);
	return stock_bench_event(b, do_import, i);
}

static struct stock_level level(struct stock_bench *b)
{
	struct stock_level *levels;
	size_t n;

	assert_int_equal(stock_levels(b->stock, b, BENCH_MNO, &levels, &n), 0);
	assert_int_equal(n, 1);
	return levels[0];
}

static void a_batch_becomes_items(void **state)
{
	struct stock_bench *b = *state;
	struct import i = {.in = {.pol2 = "DISABLE:Not-Allowed delete:not-allowed"}};
	struct stock_item item;
	struct pkg_report *r;
	struct bytes package;
	const char *iccid = stock_bench_iccid(b, 1);

	assert_int_equal(import_csv(b, &i, stock_bench_csv(b, 1, 20)), 0);
	assert_int_equal(i.n, 20);
	for (size_t k = 0; k < i.n; k++) {
		assert_null(i.rows[k].why);
		assert_int_equal(i.rows[k].line, k + 2);
	}
	assert_string_equal(i.rows[0].iccid, iccid);
	assert_int_equal(level(b).n[STOCK_FREE], 20);
	assert_true(level(b).has_template);
	assert_int_equal(stock_get(b->stock, b, talloc_asprintf(b, "%s0", iccid), &item), -ENOENT);
	assert_int_equal(stock_get(b->stock, b, iccid, &item), 0);
	assert_string_equal(item.type, "m2m");
	assert_string_equal(item.mno, BENCH_MNO);
	assert_string_equal(item.imsi, "001010000000001");
	assert_string_equal(item.msisdn, "491500000001");
	assert_int_equal(item.required_memory, 65536);
	assert_int_equal(item.state, STOCK_FREE);
	assert_int_equal(item.order_id, 0);
	assert_int_equal(item.pol2.n_rules, 2);
	assert_int_equal(item.pol2.rules[1].action, ES_POL2_DELETE);
	assert_int_equal(stock_open_package(b->stock, b, item.id, &package), 0);
	assert_int_equal(package.len, item.package_len);
	r = pkg_check(b, package);
	assert_int_equal(r->n_findings, 0);
	assert_string_equal(r->header->iccid, iccid);
	assert_non_null(strstr(hex_enc(b, package), "8210" KI "8310" OPC));
}

static void bad_rows_are_left_out_and_told(void **state)
{
	struct stock_bench *b = *state;
	struct import i = {};
	char *csv = talloc_asprintf(
		b,
		"iccid , imsi,ki,opc,msisdn,\"smsc\",pol2\r\n"
		"%s,001010000000001," KI "," OPC ",+491500000001,+4915790109999,\r\n"
		"\n"
		"%s,001010000000002," KI "," OPC ",+491500000002,+4915790109999,\n"
		"%s,00101000000000x," KI "," OPC ",+491500000003,+4915790109999,\n"
		"%s,001010000000004,465B," OPC ",+491500000004,+4915790109999,\n"
		"89001,001010000000005," KI "," OPC ",+491500000005,+4915790109999,\n"
		"%s,001010000000006," KI "," OPC ",+491500000006,+4915790109999\n"
		"%s,001010000000007," KI "," OPC ",+491500000007,+4915790109999,delete:auto-delete\n"
		"\"%s,001010000000008\n"
		"\"%s\", 001010000000009 ," KI "," OPC ",\"+491500000009\",+4915790109999,"
		"\"disable:auto-delete\"",
		stock_bench_iccid(b, 1), stock_bench_iccid(b, 1), stock_bench_iccid(b, 3), stock_bench_iccid(b, 4),
		stock_bench_iccid(b, 6), stock_bench_iccid(b, 7), stock_bench_iccid(b, 8), stock_bench_iccid(b, 9));
	static const struct {
		unsigned int line;
		const char *why;
	} want[] = {
		{2, NULL},
		{4, "is, or was, in stock"},
		{5, "imsi: 6 to 15 digits wanted"},
		{6, "ki: 32 hexadecimal digits wanted"},
		{7, "iccid: 18 to 20 digits wanted"},
		{8, "6 fields; the first line names 7 columns"},
		{9, "pol2: rules like"},
		{10, "a quotation mark does not end"},
		{11, NULL},
	};

	assert_int_equal(import_csv(b, &i, csv), 0);
	assert_int_equal(i.n, sizeof(want) / sizeof(want[0]));
	for (size_t k = 0; k < i.n; k++) {
		print_message("line %u: %s\n", i.rows[k].line, i.rows[k].why ? i.rows[k].why : "taken");
		assert_int_equal(i.rows[k].line, want[k].line);
		assert_int_equal(!i.rows[k].why, !want[k].why);
		if (want[k].why)
			assert_non_null(strstr(i.rows[k].why, want[k].why));
	}
	assert_int_equal(level(b).n[STOCK_FREE], 2);
}

static void wrong_batches_are_refused_whole(void **state)
{
	struct stock_bench *b = *state;
	static const struct {
		const char *csv, *mno, *type, *why;
		int rc;
	} bad[] = {
		{"iccid,imsy,ki\n", NULL, NULL, "the template uses no column \"imsy\"", -EINVAL},
		{"imsi,ki\n", NULL, NULL, "iccid has to be one of them", -EINVAL},
		{"iccid,iccid\n", NULL, NULL, "column iccid is there twice", -EINVAL},
		{"", NULL, NULL, "the first line has to name the columns", -EINVAL},
		{"iccid\n", BENCH_OTHER, NULL, "has no profile type", -ENOENT},
		{"iccid\n", NULL, "gold", "has no profile type \"gold\"", -ENOENT},
	};

	for (size_t k = 0; k < sizeof(bad) / sizeof(bad[0]); k++) {
		struct import i = {.in = {.mno = bad[k].mno, .type = bad[k].type}};

		assert_int_equal(import_csv(b, &i, bad[k].csv), bad[k].rc);
		print_message("%s\n", i.why);
		assert_non_null(strstr(i.why, bad[k].why));
	}
}

static void a_check_stores_nothing(void **state)
{
	struct stock_bench *b = *state;
	struct import i = {.in = {.check_only = true, .first_line = 1002}};

	assert_int_equal(import_csv(b, &i, stock_bench_csv(b, 1, 3)), 0);
	assert_int_equal(i.n, 3);
	assert_int_equal(i.rows[0].line, 1002);
	assert_null(i.rows[0].why);
	assert_int_equal(level(b).n[STOCK_FREE], 0);
}

struct ready {
	struct stock_ready in;
	struct stock_item item;
	const char *why;
};

static int do_ready(struct stock_bench *b, void *arg)
{
	struct ready *r = arg;

	return stock_import_package(b->stock, b, &r->in, &r->item, &r->why);
}

static struct bytes make_package(struct stock_bench *b)
{
	const struct prep_field fields[] = {
		{"iccid", "8988211000000430010"}, {"imsi", "262011106487504"}, {"ki", KI}, {"opc", OPC},
		{"msisdn", "+4917279119183"},	  {"smsc", "+4915790109999"},
	};
	struct prep_template *tpl;
	struct bytes package;
	const char *why;

	assert_int_equal(prep_template_parse(b, bytes_str(stock_bench_template(b)), &tpl, &why), 0);
	assert_int_equal(prep_build(b, tpl, fields, 6, &package, &why), 0);
	return package;
}

static void ready_packages_are_checked_and_taken_once(void **state)
{
	struct stock_bench *b = *state;
	struct ready r = {.in = {BENCH_MNO, "m2m", NULL, "+4917279119183", NULL, make_package(b)}};

	assert_int_equal(stock_bench_event(b, do_ready, &r), 0);
	assert_string_equal(r.item.iccid, "8988211000000430010");
	assert_string_equal(r.item.imsi, "262011106487504");
	assert_string_equal(r.item.msisdn, "4917279119183");
	assert_int_equal(stock_bench_event(b, do_ready, &r), -EEXIST);
	assert_string_equal(r.why, "ICCID 8988211000000430010 is, or was, in stock");
	r.in.package.len -= 9;
	assert_int_equal(stock_bench_event(b, do_ready, &r), -EINVAL);
	print_message("%s\n", r.why);
	assert_non_null(strstr(r.why, "comes last; end is wanted there"));
	r.in.type = "gold";
	assert_int_equal(stock_bench_event(b, do_ready, &r), -ENOENT);
}

static bool in_file(const char *path, const void *needle, size_t len)
{
	uint8_t *data = talloc_size(NULL, 4 << 20);
	FILE *f = fopen(path, "rb");
	size_t n = f ? fread(data, 1, 4 << 20, f) : 0;
	bool found = n && memmem(data, n, needle, len);

	if (f)
		fclose(f);
	talloc_free(data);
	return found;
}

/* P6: neither the file nor its log hold Ki, OPc or any part of a package in clear. */
static void secrets_are_wrapped_at_rest(void **state)
{
	struct stock_bench *b = *state;
	struct bytes ki = unhex(b, KI), opc = unhex(b, OPC), header = unhex(b, "A0000000871002FFFFFFFF8907090000");
	const char *wal = talloc_asprintf(b, "%s-wal", b->db_path);
	struct import i = {};

	assert_int_equal(import_csv(b, &i, stock_bench_csv(b, 1, 20)), 0);
	assert_true(in_file(wal, "001010000000001", 15) || in_file(b->db_path, "001010000000001", 15));
	stock_bench_restart(b); /* the log is written back */
	assert_true(in_file(b->db_path, "001010000000001", 15));
	for (int k = 0; k < 2; k++) {
		const char *path = k ? wal : b->db_path;

		assert_false(in_file(path, ki.data, ki.len));
		assert_false(in_file(path, opc.data, opc.len));
		assert_false(in_file(path, header.data, header.len));
	}
}

/* The wrapped package is bound to its ICCID: moved to another row it does not open. */
static int swap_packages(struct stock_bench *b, void *arg)
{
	static const char *const sql[] = {
		"UPDATE stock_item SET package = (SELECT package FROM stock_item WHERE id = 1) WHERE id = 2"};
	static const struct db_stmts set = {.slot = DB_MAX_SETS - 1, .sql = sql, .n = 1};

	return db_run(db_stmt(b->db, &set, 0));
}

static void a_moved_package_does_not_open(void **state)
{
	struct stock_bench *b = *state;
	struct import i = {};
	struct bytes package;

	assert_int_equal(import_csv(b, &i, stock_bench_csv(b, 1, 2)), 0);
	assert_int_equal(stock_open_package(b->stock, b, 2, &package), 0);
	assert_int_equal(stock_bench_event(b, swap_packages, NULL), 0);
	assert_int_equal(stock_open_package(b->stock, b, 1, &package), 0);
	assert_int_equal(stock_open_package(b->stock, b, 2, &package), -EBADMSG);
	assert_int_equal(stock_open_package(b->stock, b, 3, &package), -ENOENT);
}

static int bad_types(struct stock_bench *b, void *arg)
{
	const char *why;

	assert_int_equal(stock_type_set(b->stock, b, "no oid", "m2m", 1, NULL, &why), -EINVAL);
	assert_int_equal(stock_type_set(b->stock, b, BENCH_MNO, "", 1, NULL, &why), -EINVAL);
	assert_int_equal(stock_type_set(b->stock, b, BENCH_MNO, "m2m", -1, "A0 {", &why), -EINVAL);
	assert_non_null(strstr(why, "line 1"));
	assert_int_equal(stock_type_set(b->stock, b, BENCH_MNO, "m2m", -1, "A0 { 80 01 }", &why), -EINVAL);
	assert_int_equal(stock_type_set(b->stock, b, BENCH_MNO, "m2m", -1, "", &why), 0); /* ready ones from now on */
	return 0;
}

static void types_are_checked(void **state)
{
	struct stock_bench *b = *state;
	struct import i = {};

	assert_int_equal(stock_bench_event(b, bad_types, NULL), 0);
	assert_int_equal(level(b).required_memory, 65536);
	assert_false(level(b).has_template);
	assert_int_equal(import_csv(b, &i, "iccid\n"), -ENOENT);
	assert_non_null(strstr(i.why, "ready packages only"));
}

static void lists_are_filtered(void **state)
{
	struct stock_bench *b = *state;
	struct stock_filter f = {.state = -1};
	struct import i = {};
	int64_t ids[10];
	size_t n;

	assert_int_equal(import_csv(b, &i, stock_bench_csv(b, 1, 12)), 0);
	assert_int_equal(stock_list(b->stock, &f, ids, 10, &n), 0);
	assert_int_equal(n, 10);
	f.after = ids[9];
	assert_int_equal(stock_list(b->stock, &f, ids, 10, &n), 0);
	assert_int_equal(n, 2);
	f = (struct stock_filter){.state = STOCK_USED};
	assert_int_equal(stock_list(b->stock, &f, ids, 10, &n), 0);
	assert_int_equal(n, 0);
	f = (struct stock_filter){.state = STOCK_FREE, .mno = BENCH_OTHER};
	assert_int_equal(stock_list(b->stock, &f, ids, 10, &n), 0);
	assert_int_equal(n, 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_batch_becomes_items),
		T(bad_rows_are_left_out_and_told),
		T(wrong_batches_are_refused_whole),
		T(a_check_stores_nothing),
		T(ready_packages_are_checked_and_taken_once),
		T(secrets_are_wrapped_at_rest),
		T(a_moved_package_does_not_open),
		T(types_are_checked),
		T(lists_are_filtered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
