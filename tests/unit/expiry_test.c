/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <talloc.h>

#include "common/peer/expiry.h"

#define DAY 86400000LL
#define END (100 * DAY)

static void borders_belong_to_the_nearer_level(void **state)
{
	static const struct {
		int64_t at;
		enum expiry_level level;
	} cases[] = {
		{END - 31 * DAY, EXPIRY_FAR},	     {END - 30 * DAY - 1, EXPIRY_FAR}, {END - 30 * DAY, EXPIRY_30_DAYS},
		{END - 7 * DAY - 1, EXPIRY_30_DAYS}, {END - 7 * DAY, EXPIRY_7_DAYS},   {END - DAY - 1, EXPIRY_7_DAYS},
		{END - DAY, EXPIRY_1_DAY},	     {END - 1, EXPIRY_1_DAY},	       {END, EXPIRY_OVER},
		{END + 1000 * DAY, EXPIRY_OVER},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(expiry_level(END, cases[i].at), cases[i].level);
}

static void count(void *priv, const struct expiry_item *item)
{
	unsigned int *n = priv;

	(*n)++;
}

/* Looked at every hour for forty days: four warnings. */
static void each_level_warns_once(void **state)
{
	struct expiry_list *l = expiry_list_alloc(NULL, NULL, NULL, NULL);
	struct expiry_item item = {.what = "x", .not_after_ms = END};
	unsigned int n = 0;

	assert_int_equal(l->n, 0);
	l->items = &item;
	l->n = 1;
	for (int64_t at = END - 35 * DAY; at < END + 5 * DAY; at += DAY / 24)
		expiry_check(l, at, count, &n);
	assert_int_equal(n, 4);
	talloc_free(l);
}

/* A start within the last day: one warning, not three. */
static void a_late_start_warns_once(void **state)
{
	struct expiry_list *l = expiry_list_alloc(NULL, NULL, NULL, NULL);
	struct expiry_item item = {.what = "x", .not_after_ms = END};
	unsigned int n = 0;

	l->items = &item;
	l->n = 1;
	expiry_check(l, END - DAY / 2, count, &n);
	expiry_check(l, END - DAY / 3, count, &n);
	assert_int_equal(n, 1);
	assert_int_equal(item.warned, EXPIRY_1_DAY);
	talloc_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(borders_belong_to_the_nearer_level),
		cmocka_unit_test(each_level_warns_once),
		cmocka_unit_test(a_late_start_warns_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
