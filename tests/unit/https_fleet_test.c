/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Settings of the HTTPS bearer: which fleet a card has, what triggers say, what is refused. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <osmocom/core/utils.h>
#include <talloc.h>

#include "smsr/https_fleet.h"

struct fix {
	struct https_bearer_cfg b;
	const char *why;
};

static int setup(void **state)
{
	struct fix *f = talloc_zero(NULL, struct fix);

	https_bearer_init(&f->b, f);
	f->b.listen = talloc_zero(f, struct http_listen);
	f->b.listen[0].host = "127.0.0.1";
	f->b.n_listen = 1;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	talloc_free(*state);
	return 0;
}

static struct https_fleet *add(struct fix *f, const char *name, const char *eum)
{
	struct https_fleet *fleet = https_fleet_get(&f->b, f, name);

	if (eum) {
		fleet->eums = talloc_array(fleet, char *, 1);
		fleet->eums[0] = talloc_strdup(fleet, eum);
		fleet->n_eums = 1;
	}
	return fleet;
}

static void a_card_has_the_fleet_of_its_eum(void **state)
{
	struct fix *f = *state;
	struct https_fleet *a, *b;

	assert_ptr_equal(https_fleet_of(&f->b, "1.2.3"), f->b.fallback);
	a = add(f, "a", "1.2.3");
	assert_ptr_equal(https_fleet_of(&f->b, "1.2.3"), a);
	assert_null(https_fleet_of(&f->b, "1.2.4"));
	assert_null(https_fleet_of(&f->b, NULL));
	b = add(f, "b", NULL);
	assert_ptr_equal(https_fleet_of(&f->b, "1.2.4"), b);
	assert_ptr_equal(https_fleet_of(&f->b, "1.2.3"), a);
	f->b.n_listen = 0;
	assert_null(https_fleet_of(&f->b, "1.2.3"));
}

static struct bytes trigger_of(struct fix *f, const struct https_fleet *fleet)
{
	struct bytes octets;
	struct trigger t;
	struct wr w;

	assert_int_equal(https_fleet_trigger(f, fleet, &t), 0);
	wr_init(&w, f);
	assert_int_equal(trigger_enc(&t, &w), 0);
	assert_int_equal(wr_end(&w, &octets), 0);
	return octets;
}

static void what_is_not_said_is_as_stored(void **state)
{
	struct fix *f = *state;
	struct https_fleet *fleet = add(f, "a", NULL);
	struct trigger t;

	assert_true(bytes_eq(trigger_of(f, fleet), BYTES_LIT("\x81\x00")));
	fleet->address = talloc_strdup(fleet, "192.0.2.10");
	fleet->port = 443;
	fleet->bearer = talloc_strdup(fleet, "03");
	fleet->host = talloc_strdup(fleet, "smsr.example");
	assert_int_equal(trigger_dec(f, trigger_of(f, fleet), &t), 0);
	assert_true(t.has_conn && t.has_post && !t.has_retry && !t.has_dns && !t.has_security);
	assert_true(bytes_eq(t.conn.address, BYTES_LIT("\xc0\x00\x02\x0a")));
	assert_int_equal(t.conn.port, 443);
	assert_string_equal(t.post.uri, "/gsma/adminagent");
}

static void expect_wrong(struct fix *f, const char *text)
{
	assert_int_equal(https_bearer_check(f, &f->b, &f->why), -EINVAL);
	assert_non_null(strstr(f->why, text));
}

static void what_cannot_be_is_refused(void **state)
{
	struct fix *f = *state;
	struct https_fleet *a = add(f, "a", "1.2.3");

	assert_int_equal(https_bearer_check(f, &f->b, &f->why), 0);
	a->uri = talloc_strdup(a, "no-path");
	expect_wrong(f, "uri is no path");
	a->uri = talloc_strdup(a, "/a?b");
	expect_wrong(f, "uri is no path");
	a->uri = talloc_strdup(a, "/longer-than-a-card-with-a-small-buffer-takes");
	expect_wrong(f, "longer than");
	a->uri = talloc_strdup(a, "/a");
	a->address = talloc_strdup(a, "smsr.example");
	expect_wrong(f, "trigger");
	a->address = NULL;
	a->bearer = talloc_strdup(a, "3");
	expect_wrong(f, "trigger");
	a->bearer = NULL;
	f->b.ciphers = talloc_strdup(f, "NO-SUCH-SUITE");
	expect_wrong(f, "https-bearer");
	f->b.ciphers = NULL;
	add(f, "b", "1.2.3");
	expect_wrong(f, "another fleet");
	f->b.fleets[1]->n_eums = 0;
	add(f, "c", NULL);
	expect_wrong(f, "two fleets");
	f->b.n_listen = 0;
	expect_wrong(f, "nothing to listen on");
}

static void a_reload_keeps_the_listener(void **state)
{
	struct fix *f = *state;
	struct https_bearer_cfg next;
	void *ctx = talloc_new(f);

	https_bearer_init(&next, ctx);
	assert_false(https_bearer_same_listener(&f->b, &next));
	assert_non_null(https_fleet_get(&next, ctx, "new"));
	f->b.ciphers = talloc_strdup(f, "PSK-AES128-CBC-SHA256");
	https_bearer_keep_listener(&next, ctx, &f->b);
	assert_true(https_bearer_same_listener(&f->b, &next));
	assert_ptr_not_equal(next.ciphers, f->b.ciphers);
	assert_int_equal(next.n_fleets, 1);
	assert_int_equal(f->b.n_fleets, 0);
}

#define T(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_card_has_the_fleet_of_its_eum),
		T(what_is_not_said_is_as_stored),
		T(what_cannot_be_is_refused),
		T(a_reload_keeps_the_listener),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
